//! The machine-readable status of Apache's mod_status, `/server-status?auto`.
//!
//! Which fields there are depends on the version, the MPM and `ExtendedStatus`; each is optional, and a missing one is not zero.
//! The averages over the server's whole life (`ReqPerSec` and its like) mislead and are not read.

use serde::Serialize;
use thiserror::Error;

use crate::text;

/// The most lines that are looked at.
const MOST_LINES: usize = 2_000;

/// What Apache says about itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ApacheStatus {
    /// `ServerVersion`, such as `Apache/2.4.62 (Debian)`.
    pub server_version: Option<String>,
    /// `ServerMPM`, such as `event`.
    pub mpm: Option<String>,
    /// Seconds since the server was started or restarted.
    pub uptime_seconds: Option<u64>,
    /// How many times the configuration was read.
    pub config_generation: Option<u64>,
    /// How many times the children were replaced.
    pub mpm_generation: Option<u64>,
    /// Load averages over 1, 5 and 15 minutes.
    pub load: [Option<f64>; 3],
    /// Requests since the start.
    pub accesses: Option<u64>,
    /// Kilobytes sent since the start.
    pub sent_kilobytes: Option<u64>,
    /// Milliseconds spent on requests since the start.
    pub duration_ms: Option<u64>,
    /// Seconds of CPU in user mode, children included.
    pub cpu_user_seconds: Option<f64>,
    /// Seconds of CPU in the kernel, children included.
    pub cpu_system_seconds: Option<f64>,
    /// Per cent of one CPU over the server's life.
    pub cpu_load: Option<f64>,
    /// Workers that handle a request.
    pub busy_workers: Option<u64>,
    /// Workers that wait for one.
    pub idle_workers: Option<u64>,
    /// Workers that finish a last request (from 2.4.60 on).
    pub graceful_workers: Option<u64>,
    /// Server processes.
    pub processes: Option<u64>,
    /// Server processes that are ending.
    pub stopping: Option<u64>,
    /// Connections of the event MPM.
    pub connections: Connections,
    /// Slots by what they do.
    pub scoreboard: Option<Scoreboard>,
}

/// Connections, as the event MPM counts them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Connections {
    /// All of them.
    pub total: Option<u64>,
    /// Written to without a worker.
    pub writing: Option<u64>,
    /// Kept alive.
    pub keepalive: Option<u64>,
    /// Lingering before the close.
    pub closing: Option<u64>,
}

/// How many slots of the scoreboard are in each state.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Scoreboard {
    pub idle: u64,
    pub startup: u64,
    pub read: u64,
    pub reply: u64,
    pub keepalive: u64,
    pub dns: u64,
    pub closing: u64,
    pub logging: u64,
    pub graceful_stop: u64,
    pub idle_cleanup: u64,
    pub open_slot: u64,
}

/// Why an answer is not a status.
#[derive(Debug, Eq, Error, PartialEq)]
pub enum ApacheError {
    /// Neither workers nor a scoreboard: some other page.
    #[error("the answer is not a server status: it names no workers")]
    NotStatus,
}

impl ApacheStatus {
    /// Reads the answer to `/server-status?auto`.
    pub fn parse(answer: &[u8]) -> Result<Self, ApacheError> {
        let answer = String::from_utf8_lossy(answer);
        let mut status = Self::default();
        for (key, value) in answer.lines().take(MOST_LINES).filter_map(|line| line.split_once(": ")) {
            status.take(key, value.trim());
        }
        let workers = status.busy_workers.is_some() && status.idle_workers.is_some();
        if workers || status.scoreboard.is_some() {
            Ok(status)
        } else {
            Err(ApacheError::NotStatus)
        }
    }

    fn take(&mut self, key: &str, value: &str) {
        match key {
            "ServerVersion" => self.server_version = Some(text::shown(value)),
            "ServerMPM" => self.mpm = Some(text::shown(value)),
            "ServerUptimeSeconds" | "Uptime" => self.uptime_seconds = count(value).or(self.uptime_seconds),
            "ParentServerConfigGeneration" => self.config_generation = count(value),
            "ParentServerMPMGeneration" => self.mpm_generation = count(value),
            "Load1" => self.load[0] = number(value),
            "Load5" => self.load[1] = number(value),
            "Load15" => self.load[2] = number(value),
            "Total Accesses" => self.accesses = count(value),
            "Total kBytes" => self.sent_kilobytes = count(value),
            "Total Duration" => self.duration_ms = count(value),
            "CPUUser" | "CPUChildrenUser" => add(&mut self.cpu_user_seconds, value),
            "CPUSystem" | "CPUChildrenSystem" => add(&mut self.cpu_system_seconds, value),
            "CPULoad" => self.cpu_load = number(value),
            "BusyWorkers" => self.busy_workers = count(value),
            "IdleWorkers" => self.idle_workers = count(value),
            "GracefulWorkers" => self.graceful_workers = count(value),
            "Processes" => self.processes = count(value),
            "Stopping" => self.stopping = count(value),
            "ConnsTotal" => self.connections.total = count(value),
            "ConnsAsyncWriting" => self.connections.writing = count(value),
            "ConnsAsyncKeepAlive" => self.connections.keepalive = count(value),
            "ConnsAsyncClosing" => self.connections.closing = count(value),
            "Scoreboard" => self.scoreboard = Scoreboard::parse(value),
            _ => {}
        }
    }
}

impl Scoreboard {
    /// Counts the letters of a scoreboard; one that mod_status does not use makes it unreadable.
    fn parse(letters: &str) -> Option<Self> {
        let mut board = Self::default();
        for letter in letters.bytes() {
            let slot = match letter {
                b'_' => &mut board.idle,
                b'S' => &mut board.startup,
                b'R' => &mut board.read,
                b'W' => &mut board.reply,
                b'K' => &mut board.keepalive,
                b'D' => &mut board.dns,
                b'C' => &mut board.closing,
                b'L' => &mut board.logging,
                b'G' => &mut board.graceful_stop,
                b'I' => &mut board.idle_cleanup,
                b'.' => &mut board.open_slot,
                _ => return None,
            };
            *slot += 1;
        }
        (!letters.is_empty()).then_some(board)
    }

    /// Each state's name, as metrics and details show it, with its count.
    pub fn counts(&self) -> [(&'static str, u64); 11] {
        [
            ("idle", self.idle),
            ("startup", self.startup),
            ("read", self.read),
            ("reply", self.reply),
            ("keepalive", self.keepalive),
            ("dns", self.dns),
            ("closing", self.closing),
            ("logging", self.logging),
            ("graceful_stop", self.graceful_stop),
            ("idle_cleanup", self.idle_cleanup),
            ("open_slot", self.open_slot),
        ]
    }
}

fn count(value: &str) -> Option<u64> {
    value.parse().ok()
}

/// A finite number that is not negative; Apache writes `.01` for 0.01.
fn number(value: &str) -> Option<f64> {
    value
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite() && *number >= 0.0)
}

fn add(sum: &mut Option<f64>, value: &str) {
    if let Some(number) = number(value) {
        *sum = Some(sum.unwrap_or(0.0) + number);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EVENT: &str = "127.0.0.1\nServerVersion: Apache/2.4.62 (Debian)\nServerMPM: event\nServer Built: 2024-10-04T15:21:08\n\
        CurrentTime: Sunday, 22-Nov-2026 10:00:00 UTC\nParentServerConfigGeneration: 1\nParentServerMPMGeneration: 0\n\
        ServerUptimeSeconds: 18\nServerUptime: 18 seconds\nLoad1: 0.61\nLoad5: 0.40\nLoad15: -1\nTotal Accesses: 3\nTotal kBytes: 1\n\
        Total Duration: 7\nCPUUser: .01\nCPUSystem: .02\nCPUChildrenUser: .5\nCPUChildrenSystem: 0\nCPULoad: .166667\nUptime: 18\n\
        ReqPerSec: .166667\nBusyWorkers: 1\nGracefulWorkers: 0\nIdleWorkers: 3\nProcesses: 2\nStopping: 0\nConnsTotal: 4\n\
        ConnsAsyncWriting: 0\nConnsAsyncKeepAlive: 2\nConnsAsyncClosing: 1\nScoreboard: _W__G..K\n";

    #[test]
    fn an_answer_of_the_event_mpm_is_read() {
        let status = ApacheStatus::parse(EVENT.as_bytes()).unwrap();
        assert_eq!(status.server_version.as_deref(), Some("Apache/2.4.62 (Debian)"));
        assert_eq!(
            (status.busy_workers, status.idle_workers, status.uptime_seconds),
            (Some(1), Some(3), Some(18))
        );
        assert_eq!(status.load, [Some(0.61), Some(0.40), None]);
        assert_eq!(status.cpu_user_seconds, Some(0.51));
        let expected = Scoreboard {
            idle: 3,
            reply: 1,
            graceful_stop: 1,
            open_slot: 2,
            keepalive: 1,
            ..Scoreboard::default()
        };
        assert_eq!(status.scoreboard, Some(expected));
        assert_eq!(status.connections.keepalive, Some(2));
    }

    #[test]
    fn missing_fields_stay_missing() {
        let status = ApacheStatus::parse(b"BusyWorkers: 1\r\nIdleWorkers: x\r\nScoreboard: _W").unwrap();
        assert_eq!(
            (status.accesses, status.idle_workers, status.connections.total),
            (None, None, None)
        );
        assert_eq!(status.busy_workers, Some(1));
    }

    #[test]
    fn another_page_is_not_a_status() {
        for page in [
            "",
            "<html>It works!</html>",
            "Total Accesses: 3",
            "BusyWorkers: 1",
            "Scoreboard: hello",
        ] {
            assert_eq!(
                ApacheStatus::parse(page.as_bytes()),
                Err(ApacheError::NotStatus),
                "{page}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = ApacheStatus::parse(&bytes);
        }

        #[test]
        fn no_value_makes_it_panic(value in "[0-9.eE+_WKG-]{0,30}", index in 0usize..12) {
            let key = ["Load1", "Uptime", "CPUUser", "Scoreboard", "Total Accesses", "BusyWorkers", "IdleWorkers", "CPUSystem",
                "Processes", "ConnsTotal", "ServerVersion", "CPULoad"][index];
            let _ = ApacheStatus::parse(format!("{key}: {value}\nScoreboard: _").as_bytes());
        }
    }
}
