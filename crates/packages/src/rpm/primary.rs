//! `primary.xml`: what every package is, provides and requires.

use std::io::Read;

use quick_xml::events::{BytesStart, Event};

use super::index::{Index, IndexBuilder, List, NewPackage};
use super::requirement::Range;
use super::xml::{Fault, LONGEST_VALUE, XmlError, attributes, for_each_piece, local_name, resolve};

/// Most entries of one package's lists; the most of an EL9 are 9,000.
const MOST_ENTRIES: usize = 500_000;

/// Reads an unpacked `primary.xml` into an index; source packages are left out.
pub fn read_primary(source: impl Read) -> Result<Index, XmlError> {
    let mut parser = PrimaryParser::default();
    for_each_piece(source, "metadata", |text, position| parser.piece(text, position))?;
    parser.finish()
}

/// Takes a `primary.xml` in pieces of whole `package` elements.
#[derive(Debug, Default)]
pub struct PrimaryParser {
    builder: Option<IndexBuilder>,
    checksum_kind: String,
    package: NewPackage,
    /// Which list the entries are for.
    list: Option<List>,
    field: Field,
    text: String,
    entries: usize,
    depth: usize,
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
    pub fn piece(&mut self, text: &str, position: u64) -> Result<(), XmlError> {
        let mut reader = quick_xml::Reader::from_str(text);
        reader.config_mut().check_end_names = true;
        loop {
            let at = reader.buffer_position();
            let result = match reader.read_event() {
                Ok(Event::Eof) => break,
                Ok(event) => self.event(&event),
                Err(error) => Err(error.into()),
            };
            result.map_err(|fault| XmlError::new(position + at, fault))?;
        }
        if self.depth == 0 {
            Ok(())
        } else {
            Err(XmlError::new(position, Fault::Truncated))
        }
    }

    pub fn finish(self) -> Result<Index, XmlError> {
        let builder = self.builder.unwrap_or_else(|| IndexBuilder::new("sha256"));
        builder.finish().map_err(|error| XmlError::new(0, error.into()))
    }

    fn event(&mut self, event: &Event<'_>) -> Result<(), Fault> {
        match event {
            Event::Empty(start) => {
                let name = start.name();
                let local = local_name(name.0);
                if local == "entry" {
                    return self.entry(start);
                }
                self.open(local, start)?;
                self.field = Field::None;
                self.list = None;
            }
            Event::Start(start) => {
                if self.depth >= 8 {
                    return Err(Fault::TooDeep);
                }
                self.depth += 1;
                let name = start.name();
                let local = local_name(name.0);
                if local == "entry" {
                    return self.entry(start);
                }
                self.open(local, start)?;
            }
            Event::End(end) => {
                self.depth = self.depth.saturating_sub(1);
                let name = end.name();
                self.close(local_name(name.0))?;
            }
            Event::Text(text) if self.field != Field::None => {
                self.append(text)?;
            }
            Event::CData(text) if self.field != Field::None => self.append(text)?,
            Event::GeneralRef(name) => {
                let resolved = resolve(name)?;
                if self.field != Field::None {
                    self.append(&resolved)?;
                }
            }
            Event::DocType(_) => return Err(Fault::DocumentType),
            _ => {}
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

    fn open(&mut self, local: &str, start: &BytesStart<'_>) -> Result<(), Fault> {
        self.text.clear();
        self.field = Field::None;
        match local {
            "package" => {
                self.package = NewPackage::default();
                self.entries = 0;
            }
            "name" => self.field = Field::Name,
            "arch" => self.field = Field::Architecture,
            "version" => self.version(start)?,
            "checksum" => {
                self.field = Field::Checksum;
                self.checksum_kind(start)?;
            }
            "time" => self.number(start, "build", |package, number| package.build_time = number)?,
            "size" => {
                self.number(start, "package", |package, number| package.size = number)?;
                self.number(start, "installed", |package, number| package.installed_size = number)?;
            }
            "location" => {
                for pair in attributes(start) {
                    match pair? {
                        ("href", value) => self.package.location = value.into_owned(),
                        ("xml:base" | "base", value) => self.package.base = value.into_owned(),
                        _ => {}
                    }
                }
            }
            "header-range" => {
                let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
                self.number(start, "start", |package, number| package.header_start = narrow(number))?;
                self.number(start, "end", |package, number| package.header_end = narrow(number))?;
            }
            "license" => self.field = Field::License,
            "vendor" => self.field = Field::Vendor,
            "sourcerpm" => self.field = Field::Source,
            "file" => self.field = Field::File,
            other => {
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
                self.builder().add_file(&text)?;
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
            self.builder().drop_package();
            return Ok(());
        }
        if package.location.is_empty() {
            return Err(Fault::Missing {
                what: "location of a package",
            });
        }
        let width = match self.checksum_kind.as_str() {
            "sha" | "sha1" => 20,
            "sha224" => 28,
            "sha256" => 32,
            "sha384" => 48,
            "sha512" => 64,
            other => {
                return Err(Fault::Value {
                    what: "kind of checksum",
                    value: other.to_owned(),
                });
            }
        };
        if package.checksum.len() != width {
            return Err(Fault::Missing {
                what: "checksum of a package",
            });
        }
        self.builder().finish_package(&package)?;
        Ok(())
    }

    fn builder(&mut self) -> &mut IndexBuilder {
        let kind = &self.checksum_kind;
        self.builder
            .get_or_insert_with(|| IndexBuilder::new(if kind.is_empty() { "sha256" } else { kind }))
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

    fn version(&mut self, start: &BytesStart<'_>) -> Result<(), Fault> {
        let mut evr = Evr::default();
        for pair in attributes(start) {
            let (name, value) = pair?;
            evr.set(name, value);
        }
        evr.write(&mut self.package.evr);
        Ok(())
    }

    fn entry(&mut self, start: &BytesStart<'_>) -> Result<(), Fault> {
        let Some(list) = self.list else {
            return Ok(());
        };
        self.count()?;
        let mut name = std::borrow::Cow::Borrowed("");
        let mut range = Range::ANY;
        let mut evr = Evr::default();
        for pair in attributes(start) {
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
        let mut text = std::mem::take(&mut self.text);
        evr.write(&mut text);
        // Comparing with nothing is comparing with any.
        let range = if text.is_empty() { Range::ANY } else { range };
        self.builder().add(list, &name, range, &text)?;
        self.text = text;
        Ok(())
    }

    fn number(
        &mut self,
        start: &BytesStart<'_>,
        name: &str,
        set: impl FnOnce(&mut NewPackage, u64),
    ) -> Result<(), Fault> {
        for pair in attributes(start) {
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

    fn checksum_kind(&mut self, start: &BytesStart<'_>) -> Result<(), Fault> {
        for pair in attributes(start) {
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

/// The three attributes of a version.
#[derive(Default)]
struct Evr<'a> {
    epoch: std::borrow::Cow<'a, str>,
    version: std::borrow::Cow<'a, str>,
    release: std::borrow::Cow<'a, str>,
}

impl<'a> Evr<'a> {
    fn set(&mut self, attribute: &str, value: std::borrow::Cow<'a, str>) {
        match attribute {
            "epoch" => self.epoch = value,
            "ver" => self.version = value,
            "rel" => self.release = value,
            _ => {}
        }
    }

    /// `[epoch:]version[-release]`, in the place of what was there.
    fn write(&self, text: &mut String) {
        text.clear();
        if !self.epoch.is_empty() && self.epoch != "0" {
            text.push_str(&self.epoch);
            text.push(':');
        }
        text.push_str(&self.version);
        if !self.release.is_empty() {
            text.push('-');
            text.push_str(&self.release);
        }
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
