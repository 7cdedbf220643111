//! `filelists.xml`: every file of every package.  Only who has certain paths is kept: the whole is too large and mostly never asked for.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;

use quick_xml::events::Event;

use super::glob::glob_matches;
use super::index::Index;
use super::primary::from_hex;
use super::xml::{Fault, LONGEST_VALUE, XmlError, attribute, for_each_piece, local_name, resolve};

/// Which packages of an index (by position, in order) have which of the wanted paths.
pub type Owners = BTreeMap<String, Vec<usize>>;

/// Which paths are looked for.
#[derive(Debug, Clone, Default)]
pub struct WantedPaths<'a> {
    pub exact: HashSet<&'a str>,
    /// As a shell has them: see [`glob_matches`].
    pub patterns: Vec<&'a str>,
}

impl WantedPaths<'_> {
    fn has(&self, path: &str) -> bool {
        self.exact.contains(path) || self.patterns.iter().any(|pattern| glob_matches(pattern, path))
    }
}

/// Reads an unpacked `filelists.xml`.  Packages that the index does not have are passed over.
pub fn read_filelists(source: impl Read, index: &Index, wanted: &WantedPaths<'_>) -> Result<Owners, XmlError> {
    let positions: HashMap<&[u8], usize> = (0..index.len())
        .map(|position| (index.package(position).checksum(), position))
        .collect();
    let mut parser = Parser {
        positions,
        wanted,
        owners: Owners::new(),
        current: None,
        in_file: false,
        text: String::new(),
        depth: 0,
    };
    for_each_piece(source, "filelists", |text, position| parser.piece(text, position))?;
    for positions in parser.owners.values_mut() {
        positions.sort_unstable();
        positions.dedup();
    }
    Ok(parser.owners)
}

/// Whether `primary.xml` names all files with such a path, as createrepo has it.
pub fn is_primary_path(path: &str) -> bool {
    path.starts_with("/etc/") || path.contains("bin/") || path == "/usr/lib/sendmail"
}

struct Parser<'a> {
    positions: HashMap<&'a [u8], usize>,
    wanted: &'a WantedPaths<'a>,
    owners: Owners,
    current: Option<usize>,
    in_file: bool,
    text: String,
    depth: usize,
}

impl Parser<'_> {
    fn piece(&mut self, text: &str, position: u64) -> Result<(), XmlError> {
        let mut reader = quick_xml::Reader::from_str(text);
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

    fn event(&mut self, event: &Event<'_>) -> Result<(), Fault> {
        match event {
            Event::Start(start) => {
                if self.depth >= 8 {
                    return Err(Fault::TooDeep);
                }
                self.depth += 1;
                match local_name(start.name().0) {
                    "package" => {
                        let digest = attribute(start, "pkgid")?.and_then(|digest| from_hex(&digest));
                        self.current = digest.and_then(|digest| self.positions.get(digest.as_slice()).copied());
                    }
                    "file" => {
                        self.in_file = true;
                        self.text.clear();
                    }
                    _ => {}
                }
            }
            Event::End(_) => {
                self.depth = self.depth.saturating_sub(1);
                if std::mem::take(&mut self.in_file) {
                    self.file();
                }
            }
            Event::Text(text) if self.in_file => self.append(text)?,
            Event::CData(text) if self.in_file => self.append(text)?,
            Event::GeneralRef(name) => {
                let resolved = resolve(name)?;
                self.append(&resolved)?;
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

    fn file(&mut self) {
        if let Some(position) = self.current
            && self.wanted.has(&self.text)
        {
            self.owners.entry(self.text.clone()).or_default().push(position);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpm::{IndexBuilder, NewPackage};

    fn index() -> Index {
        let mut builder = IndexBuilder::new("sha256").unwrap();
        for (name, digest) in [("a", 1), ("b", 2)] {
            let package = NewPackage {
                name: name.to_owned(),
                architecture: "noarch".to_owned(),
                evr: "1-1".to_owned(),
                location: format!("{name}.rpm"),
                checksum: vec![digest; 32],
                ..NewPackage::default()
            };
            builder.finish_package(&package).unwrap();
        }
        builder.finish().unwrap()
    }

    #[test]
    fn only_the_wanted_paths_are_kept() {
        let xml = format!(
            "<?xml version=\"1.0\"?><filelists packages=\"2\"><package pkgid=\"{}\" name=\"b\" arch=\"noarch\">\
             <version epoch=\"0\" ver=\"1\" rel=\"1\"/><file>/usr/share/x</file><file type=\"dir\">/usr/share/a&amp;b</file>\
             </package><package pkgid=\"{}\"><file>/usr/share/x</file></package><package pkgid=\"ff\"><file>/usr/share/x</file>\
             </package></filelists>",
            "02".repeat(32),
            "01".repeat(32)
        );
        let wanted = WantedPaths {
            exact: HashSet::from(["/usr/share/x", "/none"]),
            patterns: vec!["*/a?b"],
        };
        let owners = read_filelists(xml.as_bytes(), &index(), &wanted).unwrap();
        assert_eq!(owners["/usr/share/x"], [0, 1]);
        assert_eq!(owners["/usr/share/a&b"], [1]);
        assert_eq!(owners.len(), 2);
        for end in 0..xml.len() {
            assert!(
                read_filelists(&xml.as_bytes()[..end], &index(), &wanted).is_err(),
                "cut at {end}"
            );
        }
    }

    #[test]
    fn a_file_without_packages_is_well_formed() {
        let wanted = WantedPaths::default();
        assert!(read_filelists(&b"<filelists packages=\"0\">\n</filelists>\n"[..], &index(), &wanted).is_ok());
        assert!(read_filelists(&b"<filelists packages=\"0\"/>"[..], &index(), &wanted).is_ok());
        assert!(read_filelists(&b"<filelists packages=\"0\">"[..], &index(), &wanted).is_err());
        assert!(read_filelists(&b""[..], &index(), &wanted).is_err());
    }
}
