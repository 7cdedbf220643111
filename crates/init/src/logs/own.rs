//! What `qclock-init` itself has to say, in the same form.

use super::record::Record;
use crate::clock::Timestamp;
use crate::supervisor::Level;

#[derive(Debug)]
pub struct Event<'a> {
    pub level: Level,
    /// `event.action`
    pub action: &'a str,
    pub message: &'a str,
    /// The service that it is about, with its process if there is one.
    pub about: Option<(&'a str, Option<i32>)>,
    pub numbers: &'a [(&'a str, u64)],
}

pub fn write_own(event: &Event<'_>, now: Timestamp, to: &mut Vec<u8>) {
    let mut record = Record::begin(to, now);
    record
        .text("log.level", event.level.name())
        .text("message", event.message);
    record
        .text("service.name", "qclock-init")
        .text("event.dataset", "qclock.init");
    record
        .text("event.action", event.action)
        .number("process.pid", std::process::id().into());
    if let Some((name, pid)) = event.about {
        record.text("qclock.unit.name", name);
        if let Some(pid) = pid {
            record.number("qclock.unit.pid", u64::try_from(pid).unwrap_or(0));
        }
    }
    for (key, number) in event.numbers {
        record.number(key, *number);
    }
    record.end();
}
