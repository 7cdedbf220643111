//! Runs two programs in turns, so that whatever else the machine does weighs on both, and compares the medians.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

/// How long each of two ways took, round after round.
#[derive(Debug)]
pub(crate) struct Race {
    label: &'static str,
    /// So many times as fast ours is to be.
    wanted: f64,
    theirs: Vec<Duration>,
    ours: Vec<Duration>,
}

impl Race {
    pub(crate) fn new(label: &'static str, wanted: f64) -> Self {
        Self {
            label,
            wanted,
            theirs: Vec::new(),
            ours: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, theirs: Duration, ours: Duration) {
        self.theirs.push(theirs);
        self.ours.push(ours);
    }

    /// A line for people; whether ours is as fast as wanted.
    pub(crate) fn tell(&self) -> bool {
        let (theirs, ours) = (median(&self.theirs), median(&self.ours));
        let ratio = theirs / ours;
        println!(
            "{}: theirs {:.1} ms, ours {:.1} ms: {ratio:.1} times as fast (wanted: {})",
            self.label,
            theirs * 1000.0,
            ours * 1000.0,
            self.wanted
        );
        ratio >= self.wanted
    }
}

fn median(times: &[Duration]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).map_or(f64::NAN, Duration::as_secs_f64)
}

/// How long a command takes, and what it prints.  `answers` are the exit statuses that are none of a failure.
pub(crate) fn timed(command: &mut Command, answers: &[i32]) -> Result<(Duration, String)> {
    let command = command.stdin(Stdio::null()).stderr(Stdio::piped());
    let start = Instant::now();
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let taken = start.elapsed();
    let is_answer = output.status.code().is_some_and(|code| answers.contains(&code));
    ensure!(is_answer, "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok((taken, String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// `--rounds N`, and the first word that is no option.
pub(crate) fn arguments(default_rounds: usize) -> Result<(usize, Option<String>)> {
    let mut rounds = default_rounds;
    let mut place = None;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--rounds" => rounds = words.next().context("--rounds N")?.parse()?,
            // Cargo's own.
            "--bench" => {}
            _ => place = Some(word),
        }
    }
    Ok((rounds, place))
}
