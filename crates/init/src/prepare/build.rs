//! Keycloak's build ("augmentation"): it writes the chosen options into three files below `lib/quarkus`, in about 8 s.
//!
//! No two runs give the same bytes, and all that the environment holds goes into them (CVE-2024-10451): so it runs at each start, with
//! nothing in its environment.

use std::io::{self, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::{Places, arguments, excerpt};
use crate::configuration::Prepare;
use crate::os;

const LOOK_AGAIN: Duration = Duration::from_millis(50);

#[derive(Debug, Error)]
pub(super) enum BuildError {
    #[error("cannot run `{program}`")]
    Run {
        program: String,
        #[source]
        source: io::Error,
    },
    #[error("{status}; its last lines say why")]
    Failed { status: ExitStatus },
    #[error("it took longer than {} s", after.as_secs())]
    Timeout { after: Duration },
}

pub(super) fn run(
    prepare: &Prepare,
    places: &Places,
    options: &[String],
    limit: Option<u64>,
) -> Result<(), BuildError> {
    let failed = |source| BuildError::Run {
        program: prepare.java.display().to_string(),
        source,
    };
    let (said, output) = io::pipe().map_err(failed)?;
    let child = Command::new(&prepare.java)
        .args(arguments::of_build(&places.home, limit, options))
        .env_clear()
        .env("LANG", "C.UTF-8")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(output.try_clone().map_err(failed)?)
        .stderr(output)
        .spawn()
        .map_err(failed)?;
    std::thread::scope(|scope| {
        // What it says is a service's log, which PID 1 reads from standard error; a log that cannot be written is no reason to fail.
        scope.spawn(|| excerpt::copy(BufReader::new(said), io::stderr()));
        wait(child, prepare.build_timeout).map_err(failed)
    })?
}

fn wait(mut child: Child, patience: Duration) -> io::Result<Result<(), BuildError>> {
    let deadline = Instant::now() + patience;
    loop {
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(Ok(())),
            Some(status) => return Ok(Err(BuildError::Failed { status })),
            None if Instant::now() >= deadline => {
                // It may have ended in between.
                let _ = child.kill();
                let _ = child.wait();
                return Ok(Err(BuildError::Timeout { after: patience }));
            }
            None => os::pause(LOOK_AGAIN),
        }
    }
}
