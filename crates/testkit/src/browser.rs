//! A real browser: headless Chromium, driven through the two pipes of its DevTools protocol.
//!
//! Every [`Page`] is a person of its own: cookies, cache and storage are not shared with another one.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::json;
use tempfile::TempDir;

mod page;
mod protocol;

pub use page::{Exchange, Page};
use protocol::Connection;

/// The names that Chromium goes by; the first is the one that `scripts/test.sh` installs.
const PROGRAMS: [&str; 4] = [
    "chromium-headless-shell",
    "chromium",
    "google-chrome",
    "chromium-browser",
];

/// It speaks on the descriptors 3 and 4, which only a shell can hand over without unsafe code.
const WITH_PIPES: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#;

const ARGUMENTS: [&str; 15] = [
    "--headless",
    "--remote-debugging-pipe",
    // It visits our own pages, often as root in a container, where its sandbox cannot be.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--metrics-recording-only",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--accept-lang=en-US",
    "--window-size=1280,900",
];

/// A running browser.  Dropped: it is gone, and so is what it has kept.
#[derive(Debug)]
pub struct Browser {
    connection: Arc<Connection>,
    process: Child,
    _profile: TempDir,
}

impl Browser {
    /// Where it is; an error when this machine has none.
    pub fn program() -> Result<PathBuf> {
        let path = std::env::var_os("PATH").context("no PATH")?;
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        PROGRAMS
            .iter()
            .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
            .find(|program| program.is_file())
            .context("no Chromium (Debian's package is chromium-headless-shell)")
    }

    pub fn start() -> Result<Self> {
        let program = Self::program()?;
        let profile = tempfile::Builder::new().prefix("qclock-browser-").tempdir()?;
        let mut process = Command::new("sh")
            .args(["-c", WITH_PIPES])
            .arg(&program)
            .args(ARGUMENTS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let (writer, reader) = (process.stdin.take(), process.stdout.take());
        let connection = Connection::new(writer.context("no pipe")?, reader.context("no pipe")?);
        let browser = Self {
            connection: Arc::new(connection),
            process,
            _profile: profile,
        };
        browser.connection.call(None, "Browser.getVersion", &json!({}))?;
        Ok(browser)
    }

    /// Somebody with a browser of their own.
    pub fn person(&self) -> Result<Page> {
        Page::new(&self.connection)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Asked, it takes its helpers along; killed, they see that it has gone.
        drop(self.connection.call(None, "Browser.close", &json!({})));
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
