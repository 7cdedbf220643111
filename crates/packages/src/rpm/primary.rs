//! `primary.xml`: what every package is, provides and requires.

mod ahead;
mod entries;
mod entry;

use std::io::Read;

use ahead::Marked;
use entries::Piece;
use entry::Evr;

use super::index::{Index, IndexBuilder, List, Mark, NewPackage, OverflowError};
use super::requirement::Range;
use super::xml::scan::{Scanner, Tag, Token, text_value};
use super::xml::{Fault, LONGEST_VALUE, XmlError, attributes_in, for_each_piece_ahead, local_name};

/// Most entries of one package's lists; the most of an EL9 are 9,000.
const MOST_ENTRIES: usize = 500_000;

/// Reads an unpacked `primary.xml` into an index; source packages are left out.  Another thread reads ahead.
pub fn read_primary(source: impl Read + Send) -> Result<Index, XmlError> {
    let mut parser = PrimaryParser::new().map_err(|error| XmlError::new(0, error.into()))?;
    let key = parser.builder.key();
    for_each_piece_ahead(
        source,
        "metadata",
        |text, marked: &mut Marked| marked.find(text, key),
        |text, position, marked| parser.read(text, position, marked),
    )?;
    parser.finish()
}

/// Takes pieces of whole `package` elements.
#[derive(Debug)]
struct PrimaryParser {
    builder: IndexBuilder,
    /// Of all packages; empty when there was none yet.
    checksum_kind: String,
    package: NewPackage,
    /// Which list the entries are for.
    list: Option<List>,
    field: Field,
    text: String,
    entries: usize,
}

/// Which text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Field {
    #[default]
    None,
    Name,
    Architecture,
    Checksum,
    Source,
    License,
    Vendor,
    File,
}

impl PrimaryParser {
    fn new() -> Result<Self, OverflowError> {
        Ok(Self {
            builder: IndexBuilder::new("sha256")?,
            checksum_kind: String::new(),
            package: NewPackage::default(),
            list: None,
            field: Field::None,
            text: String::new(),
            entries: 0,
        })
    }

    /// Reads a piece, which begins at this position of the file.
    fn read(&mut self, text: &str, position: u64, marked: &Marked) -> Result<(), XmlError> {
        let mut piece = Piece {
            scanner: Scanner::new(text),
            text,
            marked,
            next: 0,
            ahead: Vec::new(),
        };
        loop {
            let at = position + piece.scanner.position() as u64;
            match self.step(&mut piece) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(fault) => return Err(XmlError::new(at, fault)),
            }
        }
    }

    fn finish(mut self) -> Result<Index, XmlError> {
        if !self.checksum_kind.is_empty() {
            self.builder.set_checksum_kind(&self.checksum_kind);
        }
        self.builder.finish().map_err(|error| XmlError::new(0, error.into()))
    }

    /// Takes a token, or as many entries as come next; false at the end.
    fn step(&mut self, piece: &mut Piece<'_>) -> Result<bool, Fault> {
        if self.field == Field::None {
            piece.scanner.skip_blanks();
        }
        if let Some(list) = self.list
            && self.entries(piece, list)?
        {
            return Ok(true);
        }
        let scanner = &mut piece.scanner;
        if self.field == Field::None && self.plain(scanner)? {
            return Ok(true);
        }
        let Some(token) = scanner.next()? else {
            return Ok(false);
        };
        self.token(token)?;
        Ok(true)
    }

    /// Takes an element that is nothing but a text, as its three tokens would be taken; false where it is not one.
    fn plain(&mut self, scanner: &mut Scanner<'_>) -> Result<bool, Fault> {
        let Some(element) = scanner.plain_element() else {
            return Ok(false);
        };
        let local = local_name(element.name);
        match local {
            // What nobody asks for.
            "summary" | "description" | "packager" | "url" | "group" | "buildhost" => {}
            "name" | "arch" | "license" | "vendor" | "sourcerpm" | "file" => {
                self.field = field_of(local);
                self.text.clear();
                self.append(element.text)?;
                self.close(local)?;
            }
            _ => return Ok(false),
        }
        scanner.skip(element.length);
        Ok(true)
    }

    fn token(&mut self, token: Token<'_>) -> Result<(), Fault> {
        match token {
            Token::Open(tag) => {
                let local = local_name(tag.name);
                if local == "entry" {
                    return self.entry(&tag);
                }
                self.open(local, &tag)?;
                if tag.is_empty {
                    self.field = Field::None;
                    self.list = None;
                }
            }
            Token::Close(name) => self.close(local_name(name))?,
            Token::Text(text) => {
                let value = text_value(text)?;
                if self.field != Field::None {
                    self.append(&value)?;
                }
            }
            Token::CData(text) if self.field != Field::None => self.append(text)?,
            Token::CData(_) => {}
        }
        Ok(())
    }

    fn append(&mut self, text: &str) -> Result<(), Fault> {
        if self.text.len() + text.len() > LONGEST_VALUE {
            return Err(Fault::TooLong);
        }
        self.text.push_str(text);
        Ok(())
    }

    fn open(&mut self, local: &str, tag: &Tag<'_>) -> Result<(), Fault> {
        self.text.clear();
        self.field = Field::None;
        match local {
            "package" => {
                self.package = NewPackage::default();
                self.entries = 0;
            }
            "version" => self.version(tag)?,
            "checksum" => {
                self.field = Field::Checksum;
                self.checksum_kind(tag)?;
            }
            "time" => self.number(tag, "build", |package, number| package.build_time = number)?,
            "size" => {
                self.number(tag, "package", |package, number| package.size = number)?;
                self.number(tag, "installed", |package, number| package.installed_size = number)?;
            }
            "location" => {
                for pair in attributes_in(tag.attributes) {
                    match pair? {
                        ("href", value) => self.package.location = value.into_owned(),
                        ("xml:base" | "base", value) => self.package.base = value.into_owned(),
                        _ => {}
                    }
                }
            }
            "header-range" => {
                let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
                self.number(tag, "start", |package, number| package.header_start = narrow(number))?;
                self.number(tag, "end", |package, number| package.header_end = narrow(number))?;
            }
            other => {
                self.field = field_of(other);
                if let Some(list) = list_of(other) {
                    self.list = Some(list);
                }
            }
        }
        Ok(())
    }

    fn close(&mut self, local: &str) -> Result<(), Fault> {
        match self.field {
            Field::None => {
                if local == "package" {
                    self.finish_package()?;
                } else if list_of(local).is_some() {
                    self.list = None;
                }
                return Ok(());
            }
            Field::Name => self.package.name.clone_from(&self.text),
            Field::Architecture => self.package.architecture.clone_from(&self.text),
            Field::Source => self.package.source.clone_from(&self.text),
            Field::License => self.package.license.clone_from(&self.text),
            Field::Vendor => self.package.vendor.clone_from(&self.text),
            Field::Checksum => {
                self.package.checksum = from_hex(self.text.trim()).ok_or_else(|| Fault::Value {
                    what: "checksum",
                    value: self.text.clone(),
                })?;
            }
            Field::File => {
                self.count()?;
                let text = std::mem::take(&mut self.text);
                self.builder.add_file(&text)?;
                self.text = text;
            }
        }
        self.field = Field::None;
        Ok(())
    }

    fn finish_package(&mut self) -> Result<(), Fault> {
        let package = std::mem::take(&mut self.package);
        if package.name.is_empty() || package.architecture.is_empty() || package.evr.is_empty() {
            return Err(Fault::Missing {
                what: "name, version or architecture of a package",
            });
        }
        if matches!(package.architecture.as_str(), "src" | "nosrc") {
            self.builder.drop_package();
            return Ok(());
        }
        if package.location.is_empty() {
            return Err(Fault::Missing {
                what: "location of a package",
            });
        }
        let width = match self.checksum_kind.as_str() {
            "sha224" => 28,
            "sha256" => 32,
            "sha384" => 48,
            "sha512" => 64,
            other => {
                return Err(Fault::Value {
                    what: "kind of checksum that can be relied on",
                    value: other.to_owned(),
                });
            }
        };
        if package.checksum.len() != width {
            return Err(Fault::Missing {
                what: "checksum of a package",
            });
        }
        self.builder.finish_package(&package)?;
        Ok(())
    }

    fn count(&mut self) -> Result<(), Fault> {
        self.entries += 1;
        if self.entries > MOST_ENTRIES {
            return Err(Fault::TooMany {
                what: "entries of a package",
            });
        }
        Ok(())
    }

    fn version(&mut self, tag: &Tag<'_>) -> Result<(), Fault> {
        let mut evr = Evr::default();
        for pair in attributes_in(tag.attributes) {
            let (name, value) = pair?;
            evr.set(name, value);
        }
        evr.write(&mut self.package.evr);
        Ok(())
    }

    fn entry(&mut self, tag: &Tag<'_>) -> Result<(), Fault> {
        let Some(list) = self.list else {
            return Ok(());
        };
        self.count()?;
        let mut name = std::borrow::Cow::Borrowed("");
        let mut range = Range::ANY;
        let mut evr = Evr::default();
        for pair in attributes_in(tag.attributes) {
            match pair? {
                ("name", value) => name = value,
                ("flags", value) => {
                    range = Range::from_flags(&value).ok_or_else(|| Fault::Value {
                        what: "comparison",
                        value: value.into_owned(),
                    })?;
                }
                (attribute, value) => evr.set(attribute, value),
            }
        }
        if name.is_empty() {
            return Err(Fault::Missing {
                what: "name of an entry",
            });
        }
        let mark = self.builder.name_mark(&name);
        self.add(list, (&name, mark), range, &evr)
    }

    fn add(&mut self, list: List, (name, mark): (&str, Mark), range: Range, evr: &Evr<'_>) -> Result<(), Fault> {
        let mut text = std::mem::take(&mut self.text);
        evr.write(&mut text);
        // Comparing with nothing is comparing with any.
        let range = if text.is_empty() { Range::ANY } else { range };
        self.builder.add_marked(list, mark, name, range, &text)?;
        self.text = text;
        Ok(())
    }

    fn number(&mut self, tag: &Tag<'_>, name: &str, set: impl FnOnce(&mut NewPackage, u64)) -> Result<(), Fault> {
        for pair in attributes_in(tag.attributes) {
            let (key, value) = pair?;
            if key == name {
                let number = value.parse().map_err(|_| Fault::Value {
                    what: "number",
                    value: value.into_owned(),
                })?;
                set(&mut self.package, number);
                return Ok(());
            }
        }
        Ok(())
    }

    fn checksum_kind(&mut self, tag: &Tag<'_>) -> Result<(), Fault> {
        for pair in attributes_in(tag.attributes) {
            let (key, value) = pair?;
            if key == "type" {
                if self.checksum_kind.is_empty() {
                    self.checksum_kind = value.into_owned();
                } else if self.checksum_kind != value {
                    return Err(Fault::ChecksumKinds);
                }
                return Ok(());
            }
        }
        Ok(())
    }
}

fn field_of(local: &str) -> Field {
    match local {
        "name" => Field::Name,
        "arch" => Field::Architecture,
        "license" => Field::License,
        "vendor" => Field::Vendor,
        "sourcerpm" => Field::Source,
        "file" => Field::File,
        _ => Field::None,
    }
}

fn list_of(local: &str) -> Option<List> {
    Some(match local {
        "provides" => List::Provides,
        "requires" => List::Requires,
        "conflicts" => List::Conflicts,
        "obsoletes" => List::Obsoletes,
        "recommends" => List::Recommends,
        "suggests" => List::Suggests,
        "supplements" => List::Supplements,
        "enhances" => List::Enhances,
        _ => return None,
    })
}

pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            &[high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests;
