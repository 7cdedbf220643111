//! Makes an index of packages, one after the other.

use memmap2::MmapMut;

use super::layout::{self, Parts, RICH};
use super::mark::{Key, Mark, Marks};
use super::room::{self, Room, number, set_number};
use super::strings::Strings;
use super::{Index, LISTS, List};
use crate::rpm::requirement::Range;

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
    dependencies: Room,
    packages: Room,
    lists: Room,
    /// Of the package that is being added.
    open: [Vec<u32>; LISTS],
    /// (name, package, dependency).
    provides: Room,
    /// (name, package).
    obsoleting: Vec<[u32; 2]>,
    supplementing: Vec<u32>,
    paths: Vec<u32>,
    is_path: Vec<bool>,
    checksums: Room,
    checksum_kind: String,
    count: u32,
    /// The version of the entry before, and its number: most entries of a package have the same.
    last_version: (String, u32),
    /// The same of the texts that neighbours have in common, by their place in the record.
    last_texts: [(String, u32); layout::PACKAGE],
    key: Key,
    /// Dependencies by the text that they were read from: most are written many times, and need to be read once.
    written: Marks,
}

impl IndexBuilder {
    /// `checksum_kind` is that of all packages: `sha256`.
    pub fn new(checksum_kind: &str) -> Result<Self, OverflowError> {
        let key = Key::new();
        Ok(Self {
            strings: Strings::new(key)?,
            dependencies: Room::default(),
            packages: Room::default(),
            lists: Room::default(),
            open: Default::default(),
            provides: Room::default(),
            obsoleting: Vec::new(),
            supplementing: Vec::new(),
            paths: Vec::new(),
            is_path: Vec::new(),
            checksums: Room::default(),
            checksum_kind: checksum_kind.to_owned(),
            count: 0,
            last_version: (String::new(), 0),
            last_texts: Default::default(),
            key,
            written: Marks::new(),
        })
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
        self.add_marked(list, self.name_mark(name), name, range, version)
    }

    /// What a name is known by among the strings.
    pub(in crate::rpm) fn name_mark(&self, name: &str) -> Mark {
        self.strings.mark(name.as_bytes())
    }

    /// Has the processor fetch what [`IndexBuilder::add_marked`] will look at.
    #[inline]
    pub(in crate::rpm) fn touch_name(&self, mark: Mark) {
        self.strings.touch(mark);
    }

    /// The same as [`IndexBuilder::add`] of a name whose mark is known.
    pub(in crate::rpm) fn add_marked(
        &mut self,
        list: List,
        mark: Mark,
        name: &str,
        range: Range,
        version: &str,
    ) -> Result<(), OverflowError> {
        let rich = list != List::Provides && name.starts_with('(');
        let flags = u32::from(range.bits()) | if rich { RICH } else { 0 };
        let name_id = self.strings.intern_marked(mark, name.as_bytes())?;
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

    /// What texts are known by.
    pub(in crate::rpm) fn key(&self) -> Key {
        self.key
    }

    /// Has the processor fetch what [`IndexBuilder::find_written`] will look at.
    #[inline]
    pub(in crate::rpm) fn touch(&self, mark: Mark) {
        self.written.touch(mark);
    }

    /// What the same text gave before, where there was such a text.
    pub(in crate::rpm) fn find_written(&self, mark: Mark) -> Option<u32> {
        self.written.find(mark)
    }

    /// Adds once more what [`IndexBuilder::find_written`] found.
    pub(in crate::rpm) fn add_written(&mut self, list: List, id: u32) -> Result<(), OverflowError> {
        self.push(list, id)
    }

    /// Remembers how the entry was written that was added last.
    pub(in crate::rpm) fn note_written(&mut self, list: List, mark: Mark) -> Result<(), OverflowError> {
        if let Some(&id) = self.open[list as usize].last() {
            self.written.intern(mark, id as usize)?;
        }
        Ok(())
    }

    fn push_new(&mut self, list: List, dependency: [u32; 3]) -> Result<(), OverflowError> {
        let id = self.dependencies.numbers() / layout::DEPENDENCY;
        let id = u32::try_from(id).map_err(|_| OverflowError { what: "dependencies" })?;
        self.dependencies.put_numbers(&dependency)?;
        self.push(list, id)
    }

    fn push(&mut self, list: List, id: u32) -> Result<(), OverflowError> {
        self.open[list as usize].push(id);
        if list == List::Provides {
            let [name, ..] = self.dependency(id);
            self.provides.put_numbers(&[name, self.count, id])?;
        }
        Ok(())
    }

    fn dependency(&self, id: u32) -> [u32; 3] {
        triple(&self.dependencies.bytes()[id as usize * TRIPLE..][..TRIPLE])
    }

    pub fn add_file(&mut self, path: &str) -> Result<(), OverflowError> {
        let path = self.strings.intern(path.as_bytes())?;
        self.open[List::Files as usize].push(path);
        self.provides.put_numbers(&[path, self.count, u32::MAX])
    }

    /// Forgets the lists of the package that is being added: it is not one that can be installed.
    pub fn drop_package(&mut self) {
        let mut end = self.provides.numbers();
        while end >= 3 && self.provides.number(end - 2) == self.count {
            end -= 3;
        }
        self.provides.truncate(end);
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
        if !provides.iter().any(|&id| self.dependency(id) == own) {
            self.push_new(List::Provides, own)?;
        }
        for &id in &self.open[List::Obsoletes as usize] {
            self.obsoleting.push([self.dependency(id)[0], self.count]);
        }
        let weak = [List::Supplements, List::Enhances];
        if weak.iter().any(|&list| !self.open[list as usize].is_empty()) {
            self.supplementing.push(self.count);
        }
        self.record(package, own[0], own[2])?;
        self.checksums.put(&package.checksum)?;
        self.count = self.count.checked_add(1).ok_or(OverflowError { what: "packages" })?;
        Ok(())
    }

    fn record(&mut self, package: &NewPackage, name: u32, evr: u32) -> Result<(), OverflowError> {
        let mut record = [0; layout::PACKAGE];
        record[layout::NAME] = name;
        record[layout::EVR] = evr;
        for (field, text) in [
            (layout::ARCHITECTURE, &package.architecture),
            (layout::BASE, &package.base),
            (layout::SOURCE, &package.source),
            (layout::LICENSE, &package.license),
            (layout::VENDOR, &package.vendor),
        ] {
            record[field] = self.text(field, text)?;
        }
        // Each has its own, and nobody looks for it.
        record[layout::LOCATION] = self.strings.add(package.location.as_bytes())?;
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
            self.lists.put_numbers(&self.open[list])?;
            self.open[list].clear();
            record[layout::LIST_STARTS + list + 1] = self.list_end()?;
        }
        self.packages.put_numbers(&record)
    }

    fn list_end(&self) -> Result<u32, OverflowError> {
        u32::try_from(self.lists.numbers()).map_err(|_| OverflowError {
            what: "entries in lists",
        })
    }

    pub fn finish(mut self) -> Result<Index, OverflowError> {
        let kind = std::mem::take(&mut self.checksum_kind);
        let kind = self.strings.intern(kind.as_bytes())?;
        let (strings, provides) = (&self.strings, self.provides.bytes());
        let (table, sorted) = std::thread::scope(|scope| {
            let table = scope.spawn(|| strings.lookup_table());
            let sorted = sorted_provides(provides, strings.len());
            let table = table.join();
            (table.unwrap_or_else(|panic| std::panic::resume_unwind(panic)), sorted)
        });
        let ((table, length), (starts, provides)) = (table?, sorted?);
        self.obsoleting.sort_unstable();
        self.obsoleting.dedup();
        let rest = [self.obsoleting.as_flattened(), &self.supplementing, &self.paths].map(|numbers| {
            let mut room = Room::default();
            room.put_numbers(numbers).map(|()| room)
        });
        let [obsoleting, supplementing, paths] = rest;
        let (obsoleting, supplementing, paths) = (obsoleting?, supplementing?, paths?);
        let width = self.checksums.bytes().len().checked_div(self.count as usize);
        let parts = Parts {
            checksum_kind: kind,
            checksum_width: u32::try_from(width.unwrap_or(0)).unwrap_or(0),
            packages: self.count,
            numbers: [
                self.strings.starts.bytes(),
                &table[..length],
                self.dependencies.bytes(),
                self.packages.bytes(),
                self.lists.bytes(),
                &starts[..(self.strings.len() + 1) * 4],
                &provides[..self.provides.numbers() / 3 * 8],
                obsoleting.bytes(),
                supplementing.bytes(),
                paths.bytes(),
            ],
            checksums: self.checksums.bytes(),
            text: self.strings.text.bytes(),
        };
        let (bytes, length) = layout::write(&parts)?;
        Index::just_written(bytes, length).map_err(|_| OverflowError { what: "bytes" })
    }

    /// The number of a text that the package before often had, too.
    fn text(&mut self, field: usize, text: &str) -> Result<u32, OverflowError> {
        let (last, id) = &mut self.last_texts[field];
        if last != text {
            *id = self.strings.intern(text.as_bytes())?;
            text.clone_into(last);
        }
        Ok(*id)
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

/// Bytes of three numbers.
const TRIPLE: usize = 12;

#[inline]
fn triple(bytes: &[u8]) -> [u32; 3] {
    [number(bytes, 0), number(bytes, 1), number(bytes, 2)]
}

/// Grouped by name (a counting sort keeps the order of packages): where each name's begin, and the pairs.
fn sorted_provides(unsorted: &[u8], strings: usize) -> Result<(MmapMut, MmapMut), OverflowError> {
    let unsorted = || unsorted.chunks_exact(TRIPLE).map(triple);
    // One place further than where it is wanted, so that filling the pairs moves it there.
    let mut starts = room::zeroed((strings + 2) * 4)?;
    for [name, ..] in unsorted() {
        let at = name as usize + 2;
        if at < strings + 2 {
            let count = number(&starts, at) + 1;
            set_number(&mut starts, at, count);
        }
    }
    let mut sum = 0;
    for at in 0..strings + 2 {
        sum += number(&starts, at);
        set_number(&mut starts, at, sum);
    }
    let mut pairs = room::zeroed((unsorted().count() * 8).max(8))?;
    for [name, package, dependency] in unsorted() {
        let next = number(&starts, name as usize + 1);
        set_number(&mut starts, name as usize + 1, next + 1);
        set_number(&mut pairs, next as usize * 2, package);
        set_number(&mut pairs, next as usize * 2 + 1, dependency);
    }
    Ok((starts, pairs))
}
