//! Zeroed memory of the system's own, in large pages where it gives them: the tables and the bytes of an index are some tens of megabytes,
//! and to get those in pages of 4 KB takes longer than to fill them.

use memmap2::MmapMut;

use super::builder::OverflowError;

pub(super) fn zeroed(length: usize) -> Result<MmapMut, OverflowError> {
    let map = MmapMut::map_anon(length).map_err(|_| OverflowError { what: "memory" })?;
    // A kernel that knows no large pages does without.
    #[cfg(target_os = "linux")]
    let _ = map.advise(memmap2::Advice::HugePage);
    Ok(map)
}
