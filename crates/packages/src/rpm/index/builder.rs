//! Makes an index of packages, one after the other.

use super::layout::{self, Parts, RICH};
use super::mark::{Key, Mark, Marks};
use super::strings::Strings;
use super::{Index, LISTS, List};
use crate::rpm::requirement::Range;

/// Entries that lists have room for from the beginning: those of a large repository, so that nothing is moved while it grows.  Memory
/// that is not written to is none.
pub(super) const ROOM: usize = 1 << 19;

/// An index counts in 32 bits; no real repository comes near.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the repository has more {what} than an index can hold")]
pub struct OverflowError {
    pub(super) what: &'static str,
}

/// What a package's record says beside its lists.
#[derive(Debug, Clone, Default)]
pub struct NewPackage {
    pub name: String,
    pub architecture: String,
    /// `[epoch:]version-release`, the epoch when it is not 0.
    pub evr: String,
    pub location: String,
    pub base: String,
    pub source: String,
    pub license: String,
    pub vendor: String,
    pub size: u64,
    pub installed_size: u64,
    pub build_time: u64,
    pub header_start: u32,
    pub header_end: u32,
    pub checksum: Vec<u8>,
}

#[derive(Debug)]
pub struct IndexBuilder {
    strings: Strings,
    /// Name, flags, version.
    dependencies: Vec<[u32; 3]>,
    packages: Vec<u32>,
    lists: Vec<u32>,
    /// Of the package that is being added.
    open: [Vec<u32>; LISTS],
    /// (name, package, dependency).
    provides: Vec<[u32; 3]>,
    /// (name, package).
    obsoleting: Vec<[u32; 2]>,
    supplementing: Vec<u32>,
    paths: Vec<u32>,
    is_path: Vec<bool>,
    checksums: Vec<u8>,
    checksum_kind: String,
    count: u32,
    /// The version of the entry before, and its number: most entries of a package have the same.
    last_version: (String, u32),
    key: Key,
    /// Dependencies by the text that they were read from: most are written many times, and need to be read once.
    written: Marks,
}

impl IndexBuilder {
    /// `checksum_kind` is that of all packages: `sha256`.
    pub fn new(checksum_kind: &str) -> Self {
        let key = Key::new();
        Self {
            strings: Strings::new(key),
            dependencies: Vec::with_capacity(ROOM),
            packages: Vec::with_capacity(ROOM),
            lists: Vec::with_capacity(ROOM),
            open: Default::default(),
            provides: Vec::with_capacity(ROOM),
            obsoleting: Vec::new(),
            supplementing: Vec::new(),
            paths: Vec::new(),
            is_path: Vec::new(),
            checksums: Vec::new(),
            checksum_kind: checksum_kind.to_owned(),
            count: 0,
            last_version: (String::new(), 0),
            key,
            written: Marks::new(),
        }
    }

    /// When it is known only afterwards.
    pub(in crate::rpm) fn set_checksum_kind(&mut self, kind: &str) {
        kind.clone_into(&mut self.checksum_kind);
    }

    pub fn len(&self) -> usize {
        self.count as usize
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds to a list of the package that the next [`IndexBuilder::finish_package`] completes.
    pub fn add(&mut self, list: List, name: &str, range: Range, version: &str) -> Result<(), OverflowError> {
        let rich = list != List::Provides && name.starts_with('(');
        let flags = u32::from(range.bits()) | if rich { RICH } else { 0 };
        let name_id = self.strings.intern(name.as_bytes())?;
        let version = if range.is_any() { 0 } else { self.version(version)? };
        self.push_new(list, [name_id, flags, version])?;
        if list == List::Provides {
            return Ok(());
        }
        if rich {
            // Paths inside of rich requirements count, too.
            let words = name.split([' ', '(', ')']).filter(|word| word.starts_with('/'));
            for word in words {
                let word = self.strings.intern(word.as_bytes())?;
                self.note_path(word);
            }
        } else if name.starts_with('/') {
            self.note_path(name_id);
        }
        Ok(())
    }

    /// What an entry is known by that is written as `text`; `name` is how its name begins, as far as that is known.
    pub(in crate::rpm) fn mark(&self, list: List, text: &str, name: Option<u8>) -> Mark {
        // Rich requirements and paths mean something else where they are provided.
        let kind = match (name, list) {
            (Some(b'(' | b'/') | None, List::Provides) => 2,
            (Some(b'(' | b'/') | None, _) => 1,
            _ => 0,
        };
        self.key.mark(kind, text.as_bytes())
    }

    /// Has the processor fetch what [`IndexBuilder::find_written`] will look at.
    #[inline]
    pub(in crate::rpm) fn touch(&self, mark: Mark) -> u32 {
        self.written.touch(mark)
    }

    /// What the same text gave before, where there was such a text.
    pub(in crate::rpm) fn find_written(&self, mark: Mark) -> Option<u32> {
        self.written.find(mark)
    }

    /// Adds once more what [`IndexBuilder::find_written`] found.
    pub(in crate::rpm) fn add_written(&mut self, list: List, id: u32) {
        self.push(list, id);
    }

    /// Remembers how the entry was written that was added last.
    pub(in crate::rpm) fn note_written(&mut self, list: List, mark: Mark) -> Result<(), OverflowError> {
        if let Some(&id) = self.open[list as usize].last() {
            self.written.intern(mark, id as usize)?;
        }
        Ok(())
    }

    fn push_new(&mut self, list: List, dependency: [u32; 3]) -> Result<(), OverflowError> {
        let id = u32::try_from(self.dependencies.len()).map_err(|_| OverflowError { what: "dependencies" })?;
        self.dependencies.push(dependency);
        self.push(list, id);
        Ok(())
    }

    fn push(&mut self, list: List, id: u32) {
        self.open[list as usize].push(id);
        if list == List::Provides {
            let name = self.dependencies[id as usize][0];
            self.provides.push([name, self.count, id]);
        }
    }

    pub fn add_file(&mut self, path: &str) -> Result<(), OverflowError> {
        let path = self.strings.intern(path.as_bytes())?;
        self.open[List::Files as usize].push(path);
        self.provides.push([path, self.count, u32::MAX]);
        Ok(())
    }

    /// Forgets the lists of the package that is being added: it is not one that can be installed.
    pub fn drop_package(&mut self) {
        while self.provides.last().is_some_and(|provide| provide[1] == self.count) {
            self.provides.pop();
        }
        for list in &mut self.open {
            list.clear();
        }
    }

    /// Completes a package.  It provides its own name whatever its record says, as rpm has it.
    pub fn finish_package(&mut self, package: &NewPackage) -> Result<(), OverflowError> {
        let own = [
            self.strings.intern(package.name.as_bytes())?,
            u32::from(Range::EQUAL.bits()),
            self.strings.intern(package.evr.as_bytes())?,
        ];
        let provides = &self.open[List::Provides as usize];
        if !provides.iter().any(|&id| self.dependencies[id as usize] == own) {
            self.push_new(List::Provides, own)?;
        }
        for &id in &self.open[List::Obsoletes as usize] {
            self.obsoleting.push([self.dependencies[id as usize][0], self.count]);
        }
        let weak = [List::Supplements, List::Enhances];
        if weak.iter().any(|&list| !self.open[list as usize].is_empty()) {
            self.supplementing.push(self.count);
        }
        self.record(package, own[0], own[2])?;
        self.checksums.extend_from_slice(&package.checksum);
        self.count = self.count.checked_add(1).ok_or(OverflowError { what: "packages" })?;
        Ok(())
    }

    fn record(&mut self, package: &NewPackage, name: u32, evr: u32) -> Result<(), OverflowError> {
        let mut record = [0; layout::PACKAGE];
        record[layout::NAME] = name;
        record[layout::EVR] = evr;
        for (field, text) in [
            (layout::ARCHITECTURE, &package.architecture),
            (layout::LOCATION, &package.location),
            (layout::BASE, &package.base),
            (layout::SOURCE, &package.source),
            (layout::LICENSE, &package.license),
            (layout::VENDOR, &package.vendor),
        ] {
            record[field] = self.strings.intern(text.as_bytes())?;
        }
        for (field, size) in [
            (layout::SIZE, package.size),
            (layout::INSTALLED, package.installed_size),
        ] {
            record[field] = u32::try_from(size & u64::from(u32::MAX)).unwrap_or_default();
            record[field + 1] = (size >> 32) as u32;
        }
        record[layout::BUILD_TIME] = u32::try_from(package.build_time).unwrap_or(u32::MAX);
        record[layout::HEADER] = package.header_start;
        record[layout::HEADER + 1] = package.header_end;
        for list in 0..LISTS {
            record[layout::LIST_STARTS + list] = self.list_end()?;
            self.lists.append(&mut self.open[list]);
            record[layout::LIST_STARTS + list + 1] = self.list_end()?;
        }
        self.packages.extend_from_slice(&record);
        Ok(())
    }

    fn list_end(&self) -> Result<u32, OverflowError> {
        u32::try_from(self.lists.len()).map_err(|_| OverflowError {
            what: "entries in lists",
        })
    }

    pub fn finish(mut self) -> Result<Index, OverflowError> {
        let kind = std::mem::take(&mut self.checksum_kind);
        let kind = self.strings.intern(kind.as_bytes())?;
        let provides = std::mem::take(&mut self.provides);
        let strings = &self.strings;
        let (table, (starts, provides)) = std::thread::scope(|scope| {
            let table = scope.spawn(|| strings.lookup_table());
            let provides = sorted_provides(&provides, strings.len());
            let table = table.join();
            (table.unwrap_or_else(|panic| std::panic::resume_unwind(panic)), provides)
        });
        self.obsoleting.sort_unstable();
        self.obsoleting.dedup();
        let width = self.checksums.len().checked_div(self.count as usize).unwrap_or(0);
        let parts = Parts {
            checksum_kind: kind,
            checksum_width: u32::try_from(width).unwrap_or(0),
            packages: self.count,
            numbers: [
                self.strings.starts,
                table,
                self.dependencies.into_flattened(),
                self.packages,
                self.lists,
                starts,
                provides,
                self.obsoleting.into_flattened(),
                self.supplementing,
                self.paths,
            ],
            checksums: self.checksums,
            text: self.strings.text,
        };
        Index::just_written(layout::write(&parts)?).map_err(|_| OverflowError { what: "bytes" })
    }

    fn version(&mut self, text: &str) -> Result<u32, OverflowError> {
        if self.last_version.0 != text {
            let id = self.strings.intern(text.as_bytes())?;
            text.clone_into(&mut self.last_version.0);
            self.last_version.1 = id;
        }
        Ok(self.last_version.1)
    }

    fn note_path(&mut self, id: u32) {
        let at = id as usize;
        if at >= self.is_path.len() {
            self.is_path.resize(at + 1, false);
        }
        if !self.is_path[at] {
            self.is_path[at] = true;
            self.paths.push(id);
        }
    }
}

/// Grouped by name (a counting sort keeps the order of packages): where each name's begin, and the pairs.
fn sorted_provides(unsorted: &[[u32; 3]], strings: usize) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0_u32; strings + 1];
    for provide in unsorted {
        starts[provide[0] as usize + 1] += 1;
    }
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let mut next = starts.clone();
    let mut pairs = vec![0; unsorted.len() * 2];
    for &[name, package, dependency] in unsorted {
        let at = next[name as usize] as usize * 2;
        next[name as usize] += 1;
        pairs[at] = package;
        pairs[at + 1] = dependency;
    }
    (starts, pairs)
}
