//! What an ELF file says of itself: what it needs, and by which name it is asked for.

use object::elf::{DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_SONAME, FileHeader64, PT_INTERP};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::{Endianness, StringTable};

/// Bounds what a hostile file makes us keep.
const MOST_NAMES: usize = 4096;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Elf {
    /// `libc.so.6`.
    pub(crate) needed: Vec<String>,
    /// The file name of the dynamic loader.
    pub(crate) interpreter: Option<String>,
    /// The name of a library.
    pub(crate) soname: Option<String>,
    /// Whether the dynamic loader can take it.
    pub(crate) is_dynamic: bool,
    /// Folders of `DT_RUNPATH` and `DT_RPATH`, as written.
    pub(crate) run_paths: Vec<String>,
}

/// `None` for what is no 64-bit ELF file, or a broken one: nothing can be loaded from it.
pub(crate) fn read(bytes: &[u8]) -> Option<Elf> {
    let header = FileHeader64::<Endianness>::parse(bytes).ok()?;
    let endian = header.endian().ok()?;
    let mut elf = Elf::default();
    for segment in header.program_headers(endian, bytes).ok()? {
        if segment.p_type(endian) == PT_INTERP {
            let path = segment.interpreter(endian, bytes).ok().flatten()?;
            let path = String::from_utf8_lossy(path).into_owned();
            elf.interpreter = path.rsplit('/').next().map(str::to_owned);
        }
    }
    let sections = header.sections(endian, bytes).ok()?;
    let Some((entries, link)) = sections.dynamic(endian, bytes).ok()? else {
        return Some(elf);
    };
    elf.is_dynamic = true;
    let strings: StringTable<'_> = sections.strings(endian, bytes, link).ok()?;
    for entry in entries.iter().take(MOST_NAMES) {
        let tag = entry.tag(endian);
        if ![DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH].contains(&tag) {
            continue;
        }
        let Some(text) = entry.val32(endian).and_then(|offset| strings.get(offset).ok()) else {
            continue;
        };
        let text = String::from_utf8_lossy(text).into_owned();
        match tag {
            DT_NEEDED => elf.needed.push(text),
            DT_SONAME => elf.soname = Some(text),
            _ => elf.run_paths.extend(text.split(':').map(str::to_owned)),
        }
    }
    Some(elf)
}
