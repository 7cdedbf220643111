//! How much memory Java may take, by the container's limit.
//!
//! Measured with Keycloak 23 on Java 17: besides the heap it holds some 180 MiB, most of it classes; 512 MiB are enough for it all when the
//! quick compiler alone is used.

use std::path::Path;

use fs_err as fs;

const MIB: u64 = 1 << 20;
/// Where there is no limit.
const ASSUMED: u64 = 1024 * MIB;
const SMALLEST: u64 = 448 * MIB;
const SMALLEST_HEAP: u64 = 192 * MIB;
const LARGEST_HEAP: u64 = 4096 * MIB;
/// Below it, memory is what is short: no optimising compiler, and the collector that needs least.
const ROOMY: u64 = 768 * MIB;
/// A limit beyond it is how the first version of control groups says that there is none.
const NONE_AT_ALL: u64 = 1 << 60;

/// Of the control group, in bytes: of its second version, else of its first.
pub(super) fn limit(groups: &Path) -> Option<u64> {
    ["memory.max", "memory/memory.limit_in_bytes"]
        .iter()
        .find_map(|name| fs::read_to_string(groups.join(name)).ok()?.trim().parse().ok())
        .filter(|limit| *limit < NONE_AT_ALL)
}

pub(super) fn warning(limit: Option<u64>) -> Option<String> {
    let limit = limit.filter(|limit| *limit < SMALLEST)?;
    Some(format!(
        "the container may use {} MiB of memory; Keycloak needs {} MiB and is likely to be killed",
        limit / MIB,
        SMALLEST / MIB
    ))
}

pub(super) fn flags(limit: Option<u64>) -> Vec<String> {
    let limit = limit.unwrap_or(ASSUMED);
    let heap = (limit / 2).clamp(SMALLEST_HEAP, LARGEST_HEAP) / MIB;
    let small = limit < ROOMY;
    let classes = if small { 160 } else { 256 };
    let mut flags = vec![
        "-Xms64m".to_owned(),
        format!("-Xmx{heap}m"),
        format!("-XX:MaxMetaspaceSize={classes}m"),
        "-Xss512k".to_owned(),
    ];
    if small {
        flags.push("-XX:+UseSerialGC".to_owned());
        flags.push("-XX:TieredStopAtLevel=1".to_owned());
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heap_is_half_of_the_limit_within_bounds() {
        for (limit, heap, count) in [
            (Some(128 * MIB), "-Xmx192m", 6),
            (Some(512 * MIB), "-Xmx256m", 6),
            (Some(768 * MIB), "-Xmx384m", 4),
            (Some(64 << 30), "-Xmx4096m", 4),
            (None, "-Xmx512m", 4),
        ] {
            let flags = flags(limit);
            assert_eq!((flags[1].as_str(), flags.len()), (heap, count), "{limit:?}");
        }
        assert!(warning(Some(300 * MIB)).is_some());
        assert!(warning(Some(512 * MIB)).is_none() && warning(None).is_none());
    }

    #[test]
    fn both_versions_of_control_groups_are_read() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(limit(folder.path()), None);
        fs::create_dir(folder.path().join("memory")).unwrap();
        fs::write(
            folder.path().join("memory/memory.limit_in_bytes"),
            "9223372036854771712\n",
        )
        .unwrap();
        assert_eq!(limit(folder.path()), None);
        fs::write(folder.path().join("memory/memory.limit_in_bytes"), "536870912\n").unwrap();
        assert_eq!(limit(folder.path()), Some(512 * MIB));
        fs::write(folder.path().join("memory.max"), "max\n").unwrap();
        assert_eq!(limit(folder.path()), Some(512 * MIB));
        fs::write(folder.path().join("memory.max"), "1073741824\n").unwrap();
        assert_eq!(limit(folder.path()), Some(1024 * MIB));
    }
}
