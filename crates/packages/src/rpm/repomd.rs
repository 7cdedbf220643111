//! `repomd.xml`: which files describe the repository, with their checksums.

use std::collections::BTreeMap;

use quick_xml::events::Event;

use super::xml::{Fault, XmlError, attribute, attributes, local_name, text_of};

/// Largest `repomd.xml` that is taken.
const LARGEST: usize = 4 << 20;
/// Most `data` elements.
const MOST: usize = 256;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Repomd {
    /// Whatever its maker numbers it with; createrepo uses the time in seconds.
    pub revision: String,
    /// By type: `primary`, `filelists`, `modules`…
    pub files: BTreeMap<String, MetadataFile>,
}

/// A file that `repomd.xml` names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MetadataFile {
    /// `sha256` or `sha512`, and the digest in hexadecimal.
    pub checksum: (String, String),
    /// Relative to the repository's address.
    pub location: String,
    /// Another address that the location is relative to; mostly empty.
    pub base: String,
    pub size: Option<u64>,
    pub open_size: Option<u64>,
    /// Seconds since 1970.
    pub timestamp: Option<u64>,
}

impl Repomd {
    pub fn parse(bytes: &[u8]) -> Result<Self, XmlError> {
        if bytes.len() > LARGEST {
            return Err(XmlError::new(0, Fault::TooLarge { limit: LARGEST }));
        }
        let text = text_of(bytes, 0)?;
        let mut reader = quick_xml::Reader::from_str(text);
        let mut parser = Parser::default();
        loop {
            let at = reader.buffer_position();
            let event = reader.read_event().map_err(|error| XmlError::new(at, error.into()))?;
            if matches!(event, Event::Eof) {
                break;
            }
            parser.event(&event).map_err(|fault| XmlError::new(at, fault))?;
        }
        parser
            .finish()
            .map_err(|fault| XmlError::new(reader.buffer_position(), fault))
    }
}

#[derive(Default)]
struct Parser {
    repomd: Repomd,
    path: Vec<String>,
    kind: String,
    file: MetadataFile,
    text: String,
    closed: bool,
}

impl Parser {
    fn event(&mut self, event: &Event<'_>) -> Result<(), Fault> {
        match event {
            Event::DocType(_) => return Err(Fault::DocumentType),
            Event::Start(start) => {
                if self.path.len() >= 8 {
                    return Err(Fault::TooDeep);
                }
                self.path.push(local_name(start.name().0).to_owned());
                self.open(start)?;
            }
            Event::Empty(start) => {
                self.path.push(local_name(start.name().0).to_owned());
                self.open(start)?;
                self.close()?;
            }
            Event::End(_) => self.close()?,
            Event::Text(text) => self.text.push_str(text),
            Event::CData(text) => self.text.push_str(text),
            Event::GeneralRef(name) => return Err(Fault::Entity { name: name.to_string() }),
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, start: &quick_xml::events::BytesStart<'_>) -> Result<(), Fault> {
        self.text.clear();
        match (self.path.len(), self.path.last().map(String::as_str)) {
            (1, Some("repomd")) => {}
            (1, _) => return Err(Fault::Root { expected: "repomd" }),
            (2, Some("data")) => {
                self.kind = attribute(start, "type")?.unwrap_or_default();
                self.file = MetadataFile::default();
            }
            (3, Some("checksum")) => self.file.checksum.0 = attribute(start, "type")?.unwrap_or_default(),
            (3, Some("location")) => {
                for pair in attributes(start) {
                    let (name, value) = pair?;
                    match name {
                        "href" => self.file.location = value.into_owned(),
                        "xml:base" => self.file.base = value.into_owned(),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Fault> {
        let text = self.text.trim();
        let number = || text.parse().ok();
        match (self.path.len(), self.path.last().map(String::as_str)) {
            (1, _) => self.closed = true,
            (2, Some("revision")) => text.clone_into(&mut self.repomd.revision),
            (2, Some("data")) => {
                if self.file.location.is_empty() || self.kind.is_empty() {
                    return Err(Fault::Missing {
                        what: "location of a file",
                    });
                }
                if self.repomd.files.len() >= MOST {
                    return Err(Fault::TooMany { what: "files" });
                }
                let file = std::mem::take(&mut self.file);
                self.repomd.files.insert(std::mem::take(&mut self.kind), file);
            }
            (3, Some("checksum")) => self.file.checksum.1 = text.to_ascii_lowercase(),
            (3, Some("size")) => self.file.size = number(),
            (3, Some("open-size")) => self.file.open_size = number(),
            (3, Some("timestamp")) => self.file.timestamp = number(),
            _ => {}
        }
        self.text.clear();
        self.path.pop();
        Ok(())
    }

    fn finish(self) -> Result<Repomd, Fault> {
        if !self.closed || !self.path.is_empty() {
            return Err(Fault::Truncated);
        }
        Ok(self.repomd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">
  <revision>9-stream</revision>
  <data type="primary">
    <checksum type="sha256">C03B</checksum>
    <open-checksum type="sha256">a1df</open-checksum>
    <location href="repodata/c03b-primary.xml.gz"/>
    <timestamp>1736761560</timestamp><size>3597627</size><open-size>51840420</open-size>
  </data>
</repomd>"#;

    #[test]
    fn names_files_with_their_checksums() {
        let repomd = Repomd::parse(SMALL.as_bytes()).unwrap();
        assert_eq!(repomd.revision, "9-stream");
        let primary = &repomd.files["primary"];
        assert_eq!(primary.checksum, ("sha256".to_owned(), "c03b".to_owned()));
        assert_eq!(primary.location, "repodata/c03b-primary.xml.gz");
        assert_eq!((primary.size, primary.open_size), (Some(3_597_627), Some(51_840_420)));
    }

    #[test]
    fn another_address_is_told() {
        let other = SMALL.replace("<location href", "<location xml:base=\"https://other.example/\" href");
        let repomd = Repomd::parse(other.as_bytes()).unwrap();
        assert_eq!(repomd.files["primary"].base, "https://other.example/");
    }

    #[test]
    fn hostile_files_are_refused_by_name() {
        let bomb = SMALL.replace("<repomd", "<!DOCTYPE r [<!ENTITY a \"aaaa\">]><repomd");
        assert!(matches!(
            Repomd::parse(bomb.as_bytes()).unwrap_err().fault,
            Fault::DocumentType
        ));
        let entity = SMALL.replace("9-stream", "&a;");
        assert!(matches!(
            Repomd::parse(entity.as_bytes()).unwrap_err().fault,
            Fault::Entity { .. }
        ));
        let deep = SMALL.replace("9-stream", &"<a>".repeat(100));
        assert!(matches!(
            Repomd::parse(deep.as_bytes()).unwrap_err().fault,
            Fault::TooDeep
        ));
        for end in 0..SMALL.len() {
            assert!(Repomd::parse(&SMALL.as_bytes()[..end]).is_err(), "cut at {end}");
        }
        assert!(Repomd::parse(b"<html></html>").is_err());
        assert!(Repomd::parse(&[0xFF; 10]).is_err());
    }
}
