//! The file in which PID 1 says how far it is, for `qclock-init health` in another process.

use std::io;
use std::path::Path;

use fs_err as fs;

/// What stands there when every service has answered.
const READY: &str = "ready";

/// Replaces the file at once, so that a reader never finds half a line.
pub fn publish(path: &Path, stage: &str) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    fs::write(&beside, format!("{stage}\n"))?;
    fs::rename(&beside, path)
}

/// Why the container is not healthy, whatever its services answer; None when they should be asked.
pub fn reason_not_ready(path: &Path) -> Option<String> {
    // Without the file nobody has said anything: the services themselves are asked.
    let stage = fs::read_to_string(path).ok()?;
    let stage = stage.trim();
    (stage != READY && !stage.is_empty()).then(|| stage.chars().take(200).collect())
}

pub fn ready() -> String {
    READY.to_owned()
}
