//! Makes an index of packages, one after the other.

use super::layout::{self, Parts, RICH};
use super::strings::{Strings, hash};
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
    dependencies: Vec<[u32; 3]>,
    /// Number and one of a dependency by its hash.
    table: Vec<u32>,
    packages: Vec<u32>,
    lists: Vec<u32>,
    /// Of the package that is being added.
    open: [Vec<u32>; LISTS],
    /// (name, package, dependency).
    provides: Vec<[u32; 3]>,
    obsoleting: Vec<u32>,
    supplementing: Vec<u32>,
    paths: Vec<u32>,
    is_path: Vec<bool>,
    checksums: Vec<u8>,
    checksum_kind: String,
    count: u32,
    /// The version of the entry before, and its number: most entries of a package have the same.
    last_version: (String, u32),
}

impl IndexBuilder {
    /// `checksum_kind` is that of all packages: `sha256`.
    pub fn new(checksum_kind: &str) -> Self {
        Self {
            strings: Strings::new(),
            dependencies: Vec::new(),
            table: vec![0; 1 << 10],
            packages: Vec::new(),
            lists: Vec::new(),
            open: Default::default(),
            provides: Vec::new(),
            obsoleting: Vec::new(),
            supplementing: Vec::new(),
            paths: Vec::new(),
            is_path: Vec::new(),
            checksums: Vec::new(),
            checksum_kind: checksum_kind.to_owned(),
            count: 0,
            last_version: (String::new(), 0),
        }
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
        let id = self.dependency([name_id, flags, version])?;
        self.open[list as usize].push(id);
        if list == List::Provides {
            self.provides.push([name_id, self.count, id]);
        } else if rich {
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
        let own_id = self.dependency(own)?;
        if !self.open[List::Provides as usize].contains(&own_id) {
            self.open[List::Provides as usize].push(own_id);
            self.provides.push([own[0], self.count, own_id]);
        }
        if !self.open[List::Obsoletes as usize].is_empty() {
            self.obsoleting.push(self.count);
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
            let position = |lists: &Vec<u32>| {
                u32::try_from(lists.len()).map_err(|_| OverflowError {
                    what: "entries in lists",
                })
            };
            record[layout::LIST_STARTS + list] = position(&self.lists)?;
            self.lists.append(&mut self.open[list]);
            record[layout::LIST_STARTS + list + 1] = position(&self.lists)?;
        }
        self.packages.extend_from_slice(&record);
        Ok(())
    }

    pub fn finish(mut self) -> Result<Index, OverflowError> {
        let kind = std::mem::take(&mut self.checksum_kind);
        let kind = self.strings.intern(kind.as_bytes())?;
        let (starts, provides) = self.sorted_provides();
        let width = self.checksums.len().checked_div(self.count as usize).unwrap_or(0);
        let parts = Parts {
            checksum_kind: kind,
            checksum_width: u32::try_from(width).unwrap_or(0),
            packages: self.count,
            numbers: [
                self.strings.starts,
                self.strings.table,
                self.dependencies.into_iter().flatten().collect(),
                self.packages,
                self.lists,
                starts,
                provides,
                self.obsoleting,
                self.supplementing,
                self.paths,
            ],
            checksums: self.checksums,
            text: self.strings.text,
        };
        // What was written is read as any other would be.
        Index::from_bytes(layout::write(&parts)).map_err(|_| OverflowError { what: "bytes" })
    }

    /// Grouped by name (a counting sort keeps the order of packages): where each name's begin, and the pairs.
    fn sorted_provides(&mut self) -> (Vec<u32>, Vec<u32>) {
        let mut starts = vec![0_u32; self.strings.len() + 1];
        for provide in &self.provides {
            starts[provide[0] as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut pairs = vec![0; self.provides.len() * 2];
        for &[name, package, dependency] in &self.provides {
            let at = next[name as usize] as usize * 2;
            next[name as usize] += 1;
            pairs[at] = package;
            pairs[at + 1] = dependency;
        }
        self.provides = Vec::new();
        (starts, pairs)
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

    fn dependency(&mut self, dependency: [u32; 3]) -> Result<u32, OverflowError> {
        if (self.dependencies.len() + 1) * 2 > self.table.len() {
            self.grow();
        }
        let mask = self.table.len() - 1;
        let mut slot = slot_of(&dependency) & mask;
        loop {
            let entry = self.table[slot];
            if entry == 0 {
                break;
            }
            if self.dependencies[entry as usize - 1] == dependency {
                return Ok(entry - 1);
            }
            slot = (slot + 1) & mask;
        }
        let id = u32::try_from(self.dependencies.len() + 1).map_err(|_| OverflowError { what: "dependencies" })?;
        self.dependencies.push(dependency);
        self.table[slot] = id;
        Ok(id - 1)
    }

    fn grow(&mut self) {
        let size = self.table.len() * 2;
        let mut table = vec![0; size];
        for (id, dependency) in (1_u32..).zip(&self.dependencies) {
            let mut slot = slot_of(dependency) & (size - 1);
            while table[slot] != 0 {
                slot = (slot + 1) & (size - 1);
            }
            table[slot] = id;
        }
        self.table = table;
    }
}

fn slot_of(dependency: &[u32; 3]) -> usize {
    let mut bytes = [0; 12];
    for (bytes, number) in bytes.chunks_exact_mut(4).zip(dependency) {
        bytes.copy_from_slice(&number.to_le_bytes());
    }
    hash(&bytes) as usize
}
