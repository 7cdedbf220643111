//! What a repository has, in one compact piece: read from XML once, then loaded in milliseconds.
//!
//! All strings are kept once and named by number; a table of hashes finds the number of a string.  Requirements and provides are
//! kept once, too.  The piece in memory and the piece on disk are the same bytes: little-endian numbers in sections, then the strings.

mod blocks;
mod builder;
mod layout;
mod mark;
mod room;
mod strings;

use memmap2::{MmapMut, MmapOptions};

use super::requirement::{Capability, Range, Requirement, RequirementError};
use blocks::{Blocks, Bytes};
pub use builder::{IndexBuilder, NewPackage, OverflowError};
pub use layout::IndexError;
use layout::{DEPENDENCY, Layout, PACKAGE, Section};
pub(super) use mark::{Key, Mark};
pub use strings::hash;

/// A string of an index, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StringId(pub u32);

/// A requirement, provide, conflict… of an index, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DependencyId(pub u32);

/// The lists that a package has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    Provides,
    Requires,
    Conflicts,
    Obsoletes,
    Recommends,
    Suggests,
    Supplements,
    Enhances,
    /// Of [`StringId`]s: the paths that the primary metadata names.
    Files,
}

/// Number of [`List`]s.
const LISTS: usize = 9;

#[derive(Debug)]
pub struct Index {
    blocks: Blocks,
    layout: Layout,
}

/// A requirement or provide as it is kept.
#[derive(Debug, Clone, Copy)]
pub struct Dependency<'a> {
    pub name_id: StringId,
    /// The name, or the whole text of a rich one.
    pub name: &'a str,
    pub range: Range,
    pub version: &'a str,
    pub rich: bool,
}

/// One package of an index.
#[derive(Debug, Clone, Copy)]
pub struct PackageView<'a> {
    index: &'a Index,
    at: usize,
}

impl Index {
    /// Takes the bytes that [`Index::as_bytes`] gave; anything else is refused.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, IndexError> {
        let index = Self::unchecked(Bytes::Memory(bytes))?;
        if index.check() {
            Ok(index)
        } else {
            Err(IndexError::Damaged)
        }
    }

    /// The same from a file, of which only what is looked at is checked, and when it is.  Who has asked it something must ask
    /// [`Index::is_damaged`], too: what is not whole is read as zeros.
    ///
    /// The file must be one that nobody writes to once it is there: of this user alone, written beside its place and renamed into it.
    pub fn from_file(file: &std::fs::File) -> Result<Self, IndexError> {
        // SAFETY: what the map shows may not change while it is borrowed.  The caller answers for the file: other users cannot write to
        // it, and this program never writes to a file of its cache in place.  Whoever runs as this user can change the program itself,
        // so there is nobody to defend against; a file that was damaged or cut short before is found by its check sums.
        #[expect(unsafe_code, reason = "a map of a file is only as constant as the file")]
        let map = unsafe { MmapOptions::new().populate().map(file) }.map_err(|_| IndexError::Unreadable)?;
        Self::unchecked(Bytes::File(map))
    }

    fn unchecked(bytes: Bytes) -> Result<Self, IndexError> {
        let layout = Layout::of(bytes.all())?;
        let blocks = Blocks::unchecked(bytes, layout.sums);
        Ok(Self { blocks, layout })
    }

    /// Of bytes that were written just now, and need not be checked for damage.
    fn just_written(bytes: MmapMut, length: usize) -> Result<Self, IndexError> {
        let layout = Layout::of(bytes.get(..length).unwrap_or_default())?;
        let blocks = Blocks::whole(bytes, length, layout.sums);
        Ok(Self { blocks, layout })
    }

    /// Whether something that was asked for is not what was written, so that the answers may be wrong.
    pub fn is_damaged(&self) -> bool {
        self.blocks.are_damaged()
    }

    /// Looks at everything: whether all is what was written.
    pub fn check(&self) -> bool {
        self.blocks.check()
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.blocks.all()
    }

    /// Number of packages; they are in the order of the metadata.
    pub fn len(&self) -> usize {
        self.layout.packages
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn strings(&self) -> usize {
        self.layout.strings
    }

    pub fn dependencies(&self) -> usize {
        self.layout.dependencies
    }

    /// `sha256`, or another name that the metadata uses.
    pub fn checksum_kind(&self) -> &str {
        self.text(StringId(self.layout.checksum_kind))
    }

    pub fn package(&self, position: usize) -> PackageView<'_> {
        debug_assert!(position < self.len(), "a position of this index");
        PackageView {
            index: self,
            at: position,
        }
    }

    pub fn raw(&self, id: StringId) -> &[u8] {
        let at = id.0 as usize;
        let start = self.number(Section::StringStarts, at) as usize;
        let end = self.number(Section::StringStarts, at + 1) as usize;
        let text = self.layout.text;
        let length = end.saturating_sub(start);
        self.blocks.get(text + start, length).unwrap_or_default()
    }

    pub fn text(&self, id: StringId) -> &str {
        std::str::from_utf8(self.raw(id)).unwrap_or_default()
    }

    /// The number of a string, when the index has it; `hash` is [`hash`] of it.
    pub fn find(&self, text: &[u8], hash: u32) -> Option<StringId> {
        let slots = self.layout.count(Section::Table);
        let mask = slots.checked_sub(1)?;
        let mut slot = hash as usize & mask;
        for _ in 0..slots {
            let entry = self.number(Section::Table, slot);
            if entry == 0 {
                return None;
            }
            let id = StringId(entry - 1);
            if self.raw(id) == text {
                return Some(id);
            }
            slot = (slot + 1) & mask;
        }
        None
    }

    pub fn dependency(&self, id: DependencyId) -> Dependency<'_> {
        let at = id.0 as usize * DEPENDENCY;
        let flags = self.number(Section::Dependencies, at + 1);
        let name_id = StringId(self.number(Section::Dependencies, at));
        Dependency {
            name_id,
            name: self.text(name_id),
            range: Range::from_bits((flags & 7) as u8),
            version: self.text(StringId(self.number(Section::Dependencies, at + 2))),
            rich: flags & layout::RICH != 0,
        }
    }

    /// Who provides a name, as (package, the provide), in the order of packages.  Files count as provided without a version.
    pub fn providers(&self, name: StringId) -> impl Iterator<Item = (usize, Option<DependencyId>)> + '_ {
        let at = name.0 as usize;
        let start = self.number(Section::ProvideStarts, at) as usize;
        let end = self.number(Section::ProvideStarts, at + 1) as usize;
        (start..end).map(|entry| {
            let package = self.number(Section::Provides, entry * 2) as usize;
            let dependency = self.number(Section::Provides, entry * 2 + 1);
            (package, (dependency != u32::MAX).then_some(DependencyId(dependency)))
        })
    }

    /// Packages that obsolete something of this name, in order.
    pub fn obsoleting(&self, name: StringId) -> impl Iterator<Item = usize> + '_ {
        let name_at = |pair: usize| self.number(Section::Obsoleting, pair * 2);
        let (mut low, mut high) = (0, self.layout.count(Section::Obsoleting) / 2);
        let end = high;
        while low < high {
            let middle = usize::midpoint(low, high);
            if name_at(middle) < name.0 {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (low..end)
            .take_while(move |&pair| name_at(pair) == name.0)
            .map(|pair| self.number(Section::Obsoleting, pair * 2 + 1) as usize)
    }

    /// Packages that supplement or enhance anything, in order.
    pub fn supplementing(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.layout.count(Section::Supplementing)).map(|entry| self.number(Section::Supplementing, entry) as usize)
    }

    /// Names of files that anything here depends on.
    pub fn required_paths(&self) -> impl Iterator<Item = StringId> + '_ {
        (0..self.layout.count(Section::Paths)).map(|entry| StringId(self.number(Section::Paths, entry)))
    }

    #[inline]
    fn number(&self, section: Section, at: usize) -> u32 {
        self.blocks
            .number(self.layout.start(section) + at * 4)
            .unwrap_or_default()
    }
}

impl<'a> PackageView<'a> {
    #[inline]
    fn field(&self, field: usize) -> u32 {
        self.index.number(Section::Packages, self.at * PACKAGE + field)
    }

    fn field_text(&self, field: usize) -> &'a str {
        self.index.text(StringId(self.field(field)))
    }

    fn wide(&self, field: usize) -> u64 {
        u64::from(self.field(field)) | u64::from(self.field(field + 1)) << 32
    }

    pub fn name_id(&self) -> StringId {
        StringId(self.field(layout::NAME))
    }

    pub fn name(&self) -> &'a str {
        self.field_text(layout::NAME)
    }

    pub fn architecture_id(&self) -> StringId {
        StringId(self.field(layout::ARCHITECTURE))
    }

    pub fn architecture(&self) -> &'a str {
        self.field_text(layout::ARCHITECTURE)
    }

    /// `[epoch:]version-release`; the epoch when it is not 0.
    pub fn evr(&self) -> &'a str {
        self.field_text(layout::EVR)
    }

    /// Relative to [`PackageView::base`], or to the repository's address when that is empty.
    pub fn location(&self) -> &'a str {
        self.field_text(layout::LOCATION)
    }

    /// Another address that the location is relative to; mostly empty.
    pub fn base(&self) -> &'a str {
        self.field_text(layout::BASE)
    }

    pub fn source(&self) -> &'a str {
        self.field_text(layout::SOURCE)
    }

    pub fn license(&self) -> &'a str {
        self.field_text(layout::LICENSE)
    }

    pub fn vendor(&self) -> &'a str {
        self.field_text(layout::VENDOR)
    }

    /// Of the kind [`Index::checksum_kind`].
    pub fn checksum(&self) -> &'a [u8] {
        let width = self.index.layout.checksum_width;
        let start = self.index.layout.start(Section::Checksums) + self.at * width;
        self.index.blocks.get(start, width).unwrap_or_default()
    }

    /// Of the file, in bytes.
    pub fn size(&self) -> u64 {
        self.wide(layout::SIZE)
    }

    /// Of what it installs, in bytes.
    pub fn installed_size(&self) -> u64 {
        self.wide(layout::INSTALLED)
    }

    /// Seconds since 1970.
    pub fn build_time(&self) -> u64 {
        u64::from(self.field(layout::BUILD_TIME))
    }

    /// Where the header lies in the file.
    pub fn header_range(&self) -> (u32, u32) {
        (self.field(layout::HEADER), self.field(layout::HEADER + 1))
    }

    pub fn list(self, list: List) -> impl DoubleEndedIterator<Item = DependencyId> + ExactSizeIterator + use<'a> {
        let index = self.index;
        self.range(list)
            .map(move |entry| DependencyId(index.number(Section::Lists, entry)))
    }

    pub fn has(&self, list: List) -> bool {
        !self.range(list).is_empty()
    }

    pub fn files(self) -> impl Iterator<Item = &'a str> + use<'a> {
        let index = self.index;
        self.range(List::Files)
            .map(move |entry| index.text(StringId(index.number(Section::Lists, entry))))
    }

    fn range(&self, list: List) -> std::ops::Range<usize> {
        let field = layout::LIST_STARTS + list as usize;
        let limit = self.index.layout.count(Section::Lists);
        let start = (self.field(field) as usize).min(limit);
        start..(self.field(field + 1) as usize).clamp(start, limit)
    }
}

impl Dependency<'_> {
    pub fn to_requirement(&self) -> Result<Requirement, RequirementError> {
        if self.rich {
            return Requirement::parse(self.name);
        }
        Ok(Requirement::Plain(Capability {
            name: self.name.to_owned(),
            range: self.range,
            version: self.version.to_owned(),
        }))
    }
}

impl std::fmt::Display for Dependency<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name)?;
        if !self.range.is_any() {
            write!(formatter, " {} {}", self.range, self.version)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
