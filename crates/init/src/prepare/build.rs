//! Keycloak's build ("augmentation"): it writes the chosen options into three files below `lib/quarkus`, in about 8 s.
//!
//! No two runs give the same bytes, and all that the environment holds goes into them (CVE-2024-10451): so it runs at each start, with
//! nothing in its environment.

use std::io;
use std::os::fd::AsFd as _;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::{Places, arguments};
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
    #[error("{status}; its own lines say why")]
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
    // What it says is a service's log, which PID 1 reads from standard error.
    let output = || io::stderr().as_fd().try_clone_to_owned().map(Stdio::from);
    let mut child = Command::new(&prepare.java)
        .args(arguments::of_build(&places.home, limit, options))
        .env_clear()
        .env("LANG", "C.UTF-8")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(output().map_err(failed)?)
        .stderr(output().map_err(failed)?)
        .spawn()
        .map_err(failed)?;
    let deadline = Instant::now() + prepare.build_timeout;
    loop {
        match child.try_wait().map_err(failed)? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(BuildError::Failed { status }),
            None if Instant::now() >= deadline => {
                // It may have ended in between.
                let _ = child.kill();
                let _ = child.wait();
                return Err(BuildError::Timeout {
                    after: prepare.build_timeout,
                });
            }
            None => os::pause(LOOK_AGAIN),
        }
    }
}
