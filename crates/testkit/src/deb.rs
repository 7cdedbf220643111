//! Debian packages made by hand, well-formed or hostile.

use std::io::Write as _;

use anyhow::Result;

/// A package; every field but the name has a plain default.
#[derive(Debug, Clone)]
pub struct Deb {
    pub name: String,
    pub version: String,
    pub architecture: String,
    /// Further fields of the control file: `("Depends", "libc6")`.
    pub fields: Vec<(String, String)>,
    /// Maintainer scripts by name.
    pub scripts: Vec<(String, String)>,
    pub entries: Vec<RawEntry>,
}

/// An entry of `data.tar`, written as it is, however wrong.
#[derive(Debug, Clone)]
pub struct RawEntry {
    pub path: String,
    /// The tar format's: `0` file, `2` symbolic link, `3` character device, `5` directory.
    pub kind: u8,
    pub mode: u32,
    pub target: String,
    pub contents: Vec<u8>,
}

impl Deb {
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            architecture: "amd64".to_owned(),
            fields: Vec::new(),
            scripts: Vec::new(),
            entries: Vec::new(),
        }
    }

    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn script(mut self, name: &str, text: &str) -> Self {
        self.scripts.push((name.to_owned(), text.to_owned()));
        self
    }

    /// A file of mode 0644; its folders come along.
    #[must_use]
    pub fn file(mut self, path: &str, contents: &[u8]) -> Self {
        for (end, _) in path.match_indices('/') {
            let folder = format!("./{}/", &path[..end]);
            if !self.entries.iter().any(|entry| entry.path == folder) {
                self = self.entry(RawEntry {
                    path: folder,
                    kind: b'5',
                    mode: 0o755,
                    target: String::new(),
                    contents: Vec::new(),
                });
            }
        }
        let contents = contents.to_vec();
        self.entry(RawEntry {
            path: format!("./{path}"),
            kind: b'0',
            mode: 0o644,
            target: String::new(),
            contents,
        })
    }

    #[must_use]
    pub fn entry(mut self, entry: RawEntry) -> Self {
        self.entries.push(entry);
        self
    }

    /// The control file's fields, as an index has them too.
    pub fn stanza(&self) -> String {
        let Self {
            name,
            version,
            architecture,
            ..
        } = self;
        let mut stanza = format!(
            "Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: Nobody <nobody@example.org>\n"
        );
        for (field, value) in &self.fields {
            stanza.extend([field, ": ", value, "\n"].map(str::to_owned));
        }
        stanza.push_str("Description: made for a test\n of nothing in particular\n");
        stanza
    }

    /// The whole `.deb`.
    pub fn build(&self) -> Result<Vec<u8>> {
        let mut control = Vec::new();
        add(&mut control, "./control", b'0', 0o644, "", self.stanza().as_bytes())?;
        for (name, text) in &self.scripts {
            add(&mut control, &format!("./{name}"), b'0', 0o755, "", text.as_bytes())?;
        }
        let mut data = Vec::new();
        for entry in &self.entries {
            add(
                &mut data,
                &entry.path,
                entry.kind,
                entry.mode,
                &entry.target,
                &entry.contents,
            )?;
        }
        let mut archive = b"!<arch>\n".to_vec();
        let (control, data) = (compress(control)?, compress(data)?);
        for (name, bytes) in [
            ("debian-binary", b"2.0\n".to_vec()),
            ("control.tar.gz", control),
            ("data.tar.gz", data),
        ] {
            writeln!(
                archive,
                "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`",
                0,
                0,
                0,
                100_644,
                bytes.len()
            )?;
            archive.extend(&bytes);
            if bytes.len() % 2 == 1 {
                archive.push(b'\n');
            }
        }
        Ok(archive)
    }
}

/// A header by hand: a library would refuse the paths that tests need.
fn add(tar: &mut Vec<u8>, path: &str, kind: u8, mode: u32, target: &str, contents: &[u8]) -> Result<()> {
    let mut header = [0_u8; 512];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, path.as_bytes());
    put(100, format!("{mode:07o}").as_bytes());
    put(108, b"0000000");
    put(116, b"0000000");
    put(124, format!("{:011o}", contents.len()).as_bytes());
    put(136, b"14500000000");
    put(148, b"        ");
    put(156, &[kind]);
    put(157, target.as_bytes());
    put(257, b"ustar\x0000root");
    put(297, b"root");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar.write_all(&header)?;
    tar.write_all(contents)?;
    tar.resize(tar.len().next_multiple_of(512), 0);
    Ok(())
}

fn compress(mut tar: Vec<u8>) -> Result<Vec<u8>> {
    tar.resize(tar.len() + 1024, 0);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&tar)?;
    Ok(encoder.finish()?)
}
