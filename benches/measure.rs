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
    theirs: Vec<Taken>,
    ours: Vec<Taken>,
}

/// How long a command took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    /// What its user waits for.
    pub(crate) wall: Duration,
    /// What it costs the machine, of all its threads and processes together: tells more where others want the machine, too.
    pub(crate) cpu: Duration,
}

impl std::ops::Add for Taken {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            wall: self.wall + other.wall,
            cpu: self.cpu + other.cpu,
        }
    }
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

    pub(crate) fn add(&mut self, theirs: Taken, ours: Taken) {
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
        let (theirs, ours) = (mean_cpu(&self.theirs), mean_cpu(&self.ours));
        println!(
            "{}, processor time: theirs {:.1} ms, ours {:.1} ms: {:.1} times as much",
            self.label,
            theirs * 1000.0,
            ours * 1000.0,
            theirs / ours
        );
        ratio >= self.wanted
    }
}

fn median(times: &[Taken]) -> f64 {
    let mut sorted: Vec<Duration> = times.iter().map(|taken| taken.wall).collect();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).map_or(f64::NAN, Duration::as_secs_f64)
}

/// A mean, since the kernel tells processor time in hundredths of a second: one alone would be no measure of what takes less.
fn mean_cpu(times: &[Taken]) -> f64 {
    let sum: Duration = times.iter().map(|taken| taken.cpu).sum();
    sum.as_secs_f64() / times.len() as f64
}

/// Processor time of all children that have ended, in hundredths of a second.
fn children() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    // After the name in parentheses: state, then numbers, of which the 13th and 14th are of children.
    let numbers = text.rsplit_once(')').context("no process")?.1;
    let numbers = numbers.split_whitespace().skip(13).take(2);
    numbers.map(|number| Ok(number.parse::<u64>()?)).sum()
}

/// How long a command takes, and what it prints.  `answers` are the exit statuses that are none of a failure.
pub(crate) fn timed(command: &mut Command, answers: &[i32]) -> Result<(Taken, String)> {
    let command = command.stdin(Stdio::null()).stderr(Stdio::piped());
    let before = children()?;
    let start = Instant::now();
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let wall = start.elapsed();
    let cpu = Duration::from_millis((children()? - before) * 10);
    let taken = Taken { wall, cpu };
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
