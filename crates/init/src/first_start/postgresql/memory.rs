//! Sizes that fit the container's memory: the server itself would take its machine's for granted.

use std::path::Path;

/// cgroup v2, then v1.
const LIMITS: [&str; 2] = [
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
];
const MIB: u64 = 1 << 20;
/// Of a container without a limit, and the image's own.
const DEFAULT: u64 = 256 * MIB;
/// v1 says "no limit" as a number near this.
const NO_LIMIT: u64 = 1 << 60;

/// The container's limit in bytes, if it has one.
pub(super) fn limit() -> Option<u64> {
    LIMITS.iter().find_map(|path| parse(&read(Path::new(path))?))
}

fn read(path: &Path) -> Option<String> {
    fs_err::read_to_string(path).ok()
}

/// A number, or the word `max`.
fn parse(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|bytes| (1..NO_LIMIT).contains(bytes))
}

/// A quarter is the server's own cache; the rest is for sessions, and for the files' pages that the system keeps.
pub(super) fn configuration(limit: Option<u64>) -> String {
    let mib = limit.unwrap_or(DEFAULT) / MIB;
    let shared_buffers = (mib / 4).clamp(16, 8192);
    let cache = (mib / 2).max(32);
    let work = (mib / 128).clamp(1, 64);
    let maintenance = (mib / 16).clamp(8, 1024);
    let connections = if mib < 192 {
        30
    } else if mib < 1024 {
        50
    } else {
        100
    };
    format!(
        "# Written by qclock-init for a container of {mib} MiB.\n\
         shared_buffers = {shared_buffers}MB\n\
         effective_cache_size = {cache}MB\n\
         work_mem = {work}MB\n\
         maintenance_work_mem = {maintenance}MB\n\
         max_connections = {connections}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_both_kinds_are_read_and_none_is_none() {
        assert_eq!(parse("268435456\n"), Some(256 * MIB));
        for none in ["max\n", "9223372036854771712\n", "", "0", "-1", "x"] {
            assert_eq!(parse(none), None, "{none}");
        }
    }

    #[test]
    fn sizes_follow_the_limit_and_stay_sane() {
        let of = |mib: u64| configuration(Some(mib * MIB));
        assert_eq!(configuration(None), of(256));
        assert!(of(256).contains("shared_buffers = 64MB\n") && of(256).contains("max_connections = 50\n"));
        assert!(of(128).contains("shared_buffers = 32MB\n") && of(128).contains("max_connections = 30\n"));
        assert!(of(4096).contains("shared_buffers = 1024MB\n") && of(4096).contains("work_mem = 32MB\n"));
        assert!(of(1).contains("shared_buffers = 16MB\n"));
        assert!(of(1 << 30).contains("shared_buffers = 8192MB\n"));
    }
}
