//! Whose certificates the dashboard believes: those of a bundle that was named, else the image's own.

use std::path::{Path, PathBuf};

use qclock_probe::tls::Trust;

use crate::clock::Moment;
use crate::log::Log;

/// Where distributions keep theirs.
const USUAL: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];
/// Many times what a bundle has.
const LONGEST: u64 = 8 << 20;

/// Reads the bundle.  Without one there is no TLS, which whoever needs it then says; a bundle that was named and is no use is told here.
pub fn read(named: Option<&Path>, log: Log) -> Option<Trust> {
    let usual = || USUAL.iter().map(PathBuf::from).find(|path| path.is_file());
    let path = named.map(Path::to_path_buf).or_else(usual)?;
    let fits = std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() <= LONGEST);
    let bundle = fits.then(|| std::fs::read(&path).ok()).flatten();
    match bundle.map(|bundle| Trust::from_pem(&bundle)) {
        Some(Ok(trust)) => Some(trust),
        Some(Err(error)) => {
            complain(log, &path, &error.to_string());
            None
        }
        None => {
            complain(log, &path, "cannot be read");
            None
        }
    }
}

fn complain(log: Log, path: &Path, what: &str) {
    let message = format!("the authorities in `{}` are of no use: {what}", path.display());
    log.write_event(
        Moment::now().wall,
        "warning",
        &message,
        serde_json::json!({ "event.action": "authorities-unusable" }),
    );
}
