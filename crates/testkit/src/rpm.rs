//! A small writer of RPM packages, for tests that must not depend on `rpmbuild`: version 4, every field chosen by the test.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "test packages are small"
)]

use std::collections::BTreeMap;
use std::io::Write as _;

use sha2::Digest as _;

/// Data of one entry of a header.
#[derive(Debug, Clone)]
pub enum Value {
    Int16(Vec<u16>),
    Int32(Vec<u32>),
    Int64(Vec<u64>),
    Text(String),
    Binary(Vec<u8>),
    Texts(Vec<String>),
    /// One string for each locale.
    International(Vec<String>),
}

pub type Entries = BTreeMap<u32, Value>;

/// Region of the signature header, and of the header.
pub const SIGNATURES: u32 = 62;
pub const IMMUTABLE: u32 = 63;

#[derive(Debug, Clone)]
pub struct File {
    /// Absolute.
    pub path: String,
    /// With the bits of the kind of file.
    pub mode: u16,
    pub content: Vec<u8>,
    /// Of a symbolic link.
    pub target: String,
    pub user: String,
    pub group: String,
    pub flags: u32,
    /// Files of one inode are one file.
    pub inode: u32,
    pub capabilities: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compressor {
    None,
    Gzip,
    Zstd,
}

#[derive(Debug, Clone)]
pub struct Rpm {
    pub name: String,
    pub version: String,
    pub release: String,
    pub architecture: String,
    pub files: Vec<File>,
    pub compressor: Compressor,
    /// rpm's own form of cpio, as it is used where a file has more than 4 GiB.
    pub numbered: bool,
    /// Names that are required, and provided besides the package's own.
    pub requires: Vec<String>,
    pub provides: Vec<String>,
    /// Shell scriptlets: `pre`, `post`, `preun`, `postun`.
    pub scriptlets: Vec<(String, String)>,
    /// Further entries of the header; they replace those that are made.
    pub entries: Entries,
}

impl File {
    pub fn new(path: &str, content: &[u8]) -> Self {
        Self {
            path: path.to_owned(),
            mode: 0o100_644,
            content: content.to_vec(),
            target: String::new(),
            user: "root".to_owned(),
            group: "root".to_owned(),
            flags: 0,
            inode: 0,
            capabilities: String::new(),
        }
    }

    pub fn directory(path: &str) -> Self {
        Self {
            mode: 0o040_755,
            ..Self::new(path, b"")
        }
    }

    pub fn symlink(path: &str, target: &str) -> Self {
        Self {
            mode: 0o120_777,
            target: target.to_owned(),
            ..Self::new(path, b"")
        }
    }
}

impl Rpm {
    pub fn new(name: &str, files: Vec<File>) -> Self {
        Self {
            name: name.to_owned(),
            version: "1.0".to_owned(),
            release: "1.el9".to_owned(),
            architecture: "noarch".to_owned(),
            files,
            compressor: Compressor::Zstd,
            numbered: false,
            requires: Vec::new(),
            provides: Vec::new(),
            scriptlets: Vec::new(),
            entries: Entries::new(),
        }
    }

    #[must_use]
    pub fn requires(mut self, name: &str) -> Self {
        self.requires.push(name.to_owned());
        self
    }

    #[must_use]
    pub fn provides(mut self, name: &str) -> Self {
        self.provides.push(name.to_owned());
        self
    }

    #[must_use]
    pub fn scriptlet(mut self, name: &str, body: &str) -> Self {
        self.scriptlets.push((name.to_owned(), body.to_owned()));
        self
    }

    /// Without a signature.
    pub fn build(&self) -> Vec<u8> {
        self.build_signed(|_, _| Entries::new())
    }

    /// `sign` gets the header, and header with payload; the entries that it returns are added to the signature header.
    pub fn build_signed(&self, sign: impl FnOnce(&[u8], &[u8]) -> Entries) -> Vec<u8> {
        let plain = self.payload();
        let compressed = self.compress(&plain);
        let header = header(IMMUTABLE, &self.header_entries(&plain, &compressed));
        let whole = [header.as_slice(), &compressed].concat();
        let mut signature = Entries::from([
            (273, Value::Text(sha256(&header))),
            (1000, Value::Int32(vec![length(&whole)])),
            (1007, Value::Int32(vec![length(&plain)])),
            (1008, Value::Binary(vec![0; 16])),
        ]);
        signature.extend(sign(&header, &whole));
        let mut bytes = self.lead();
        bytes.extend(self::header(SIGNATURES, &signature));
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes.extend(whole);
        bytes
    }

    fn lead(&self) -> Vec<u8> {
        let machine = if self.architecture == "aarch64" { 19 } else { 1 };
        let mut lead = vec![0xed, 0xab, 0xee, 0xdb, 3, 0, 0, 0, 0, machine];
        let name = format!("{}-{}-{}", self.name, self.version, self.release);
        lead.extend(name.bytes().take(65));
        lead.resize(76, 0);
        lead.extend([0, 1, 0, 5]);
        lead.resize(96, 0);
        lead
    }

    fn header_entries(&self, plain: &[u8], compressed: &[u8]) -> Entries {
        let text = |text: &str| Value::Text(text.to_owned());
        let mut entries = Entries::from([
            (100, Value::Texts(vec!["C".to_owned()])),
            (1000, text(&self.name)),
            (1001, text(&self.version)),
            (1002, text(&self.release)),
            (1004, Value::International(vec!["A test".to_owned()])),
            (1005, Value::International(vec!["A test.".to_owned()])),
            (1006, Value::Int32(vec![1_700_000_000])),
            (1007, text("localhost")),
            (1014, text("MIT")),
            (1016, Value::International(vec!["Unspecified".to_owned()])),
            (1021, text("linux")),
            (1022, text(&self.architecture)),
            (
                1044,
                text(&format!("{}-{}-{}.src.rpm", self.name, self.version, self.release)),
            ),
            (1047, Value::Texts(vec![self.name.clone()])),
            (1112, Value::Int32(vec![8])),
            (1113, Value::Texts(vec![format!("{}-{}", self.version, self.release)])),
            (1124, text("cpio")),
            (5092, Value::Texts(vec![sha256(compressed)])),
            (5093, Value::Int32(vec![8])),
            (5097, Value::Texts(vec![sha256(plain)])),
        ]);
        match self.compressor {
            Compressor::None => {}
            Compressor::Gzip => drop(entries.insert(1125, text("gzip"))),
            Compressor::Zstd => drop(entries.insert(1125, text("zstd"))),
        }
        if !self.files.is_empty() {
            self.add_files(&mut entries);
        }
        self.add_relations(&mut entries);
        entries.extend(self.entries.clone());
        entries
    }

    fn add_relations(&self, entries: &mut Entries) {
        let any = |names: &[String]| {
            (
                Value::Texts(names.to_vec()),
                Value::Int32(vec![0; names.len()]),
                Value::Texts(vec![String::new(); names.len()]),
            )
        };
        if !self.requires.is_empty() {
            let (names, flags, versions) = any(&self.requires);
            entries.extend([(1049, names), (1048, flags), (1050, versions)]);
        }
        if !self.provides.is_empty() {
            let own = format!("{}-{}", self.version, self.release);
            let names = [vec![self.name.clone()], self.provides.clone()].concat();
            let mut flags = vec![0; names.len()];
            let mut versions = vec![String::new(); names.len()];
            (flags[0], versions[0]) = (8, own);
            entries.extend([
                (1047, Value::Texts(names)),
                (1112, Value::Int32(flags)),
                (1113, Value::Texts(versions)),
            ]);
        }
        for (name, body) in &self.scriptlets {
            let (text, program) = match name.as_str() {
                "pre" => (1023, 1085),
                "post" => (1024, 1086),
                "preun" => (1025, 1087),
                _ => (1026, 1088),
            };
            entries.insert(text, Value::Text(body.clone()));
            entries.insert(program, Value::Text("/bin/sh".to_owned()));
        }
    }

    fn add_files(&self, entries: &mut Entries) {
        let texts = |field: fn(&File) -> String| Value::Texts(self.files.iter().map(field).collect());
        let numbers = |field: fn(&File) -> u32| Value::Int32(self.files.iter().map(field).collect());
        let mut directories: Vec<String> = Vec::new();
        let mut indexes = Vec::new();
        let mut names = Vec::new();
        for file in &self.files {
            let (directory, name) = file.path.rsplit_once('/').expect("paths are absolute");
            let directory = format!("{directory}/");
            let at = directories.iter().position(|known| *known == directory);
            indexes.push(at.unwrap_or_else(|| {
                directories.push(directory);
                directories.len() - 1
            }) as u32);
            names.push(name.to_owned());
        }
        entries.extend([
            (
                1009,
                Value::Int32(vec![self.files.iter().map(|file| length(&file.content)).sum()]),
            ),
            (
                1028,
                numbers(|file| length(&file.content) + length(file.target.as_bytes())),
            ),
            (1030, Value::Int16(self.files.iter().map(|file| file.mode).collect())),
            (1033, Value::Int16(vec![0; self.files.len()])),
            (1034, numbers(|_| 1_600_000_000)),
            (
                1035,
                texts(|file| {
                    if file.mode & 0o170_000 == 0o100_000 {
                        sha256(&file.content)
                    } else {
                        String::new()
                    }
                }),
            ),
            (1036, texts(|file| file.target.clone())),
            (1037, numbers(|file| file.flags)),
            (1039, texts(|file| file.user.clone())),
            (1040, texts(|file| file.group.clone())),
            (1045, numbers(|_| u32::MAX)),
            (1095, numbers(|_| 1)),
            (
                1096,
                Value::Int32(
                    (1..)
                        .zip(&self.files)
                        .map(|(at, file)| if file.inode == 0 { 1000 + at } else { file.inode })
                        .collect(),
                ),
            ),
            (1097, texts(|_| String::new())),
            (1116, Value::Int32(indexes)),
            (1117, Value::Texts(names)),
            (1118, Value::Texts(directories)),
            (5011, Value::Int32(vec![8])),
        ]);
        if self.files.iter().any(|file| !file.capabilities.is_empty()) {
            entries.insert(5010, texts(|file| file.capabilities.clone()));
        }
    }

    fn payload(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (at, file) in self.files.iter().enumerate() {
            if file.flags & 64 != 0 {
                continue;
            }
            let later = self.files[at + 1..].iter();
            let has_content = file.inode == 0 || !later.into_iter().any(|other| other.inode == file.inode);
            let content: &[u8] = match file.mode & 0o170_000 {
                0o120_000 => file.target.as_bytes(),
                0o100_000 if has_content => &file.content,
                _ => &[],
            };
            if self.numbered {
                bytes.extend(format!("07070X{at:08x}").bytes());
            } else {
                cpio_header(&mut bytes, &format!(".{}", file.path), file.mode, content.len());
            }
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes.extend(content);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        cpio_header(&mut bytes, "TRAILER!!!", 0, 0);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn compress(&self, plain: &[u8]) -> Vec<u8> {
        match self.compressor {
            Compressor::None => plain.to_vec(),
            Compressor::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(plain).expect("memory takes it");
                encoder.finish().expect("memory takes it")
            }
            Compressor::Zstd => zstd::encode_all(plain, 3).expect("memory takes it"),
        }
    }
}

fn cpio_header(bytes: &mut Vec<u8>, name: &str, mode: u16, size: usize) {
    let fields = [0, usize::from(mode), 0, 0, 1, 0, size, 0, 0, 0, 0, name.len() + 1, 0];
    bytes.extend(b"070701");
    for field in fields {
        bytes.extend(format!("{field:08x}").bytes());
    }
    bytes.extend(name.bytes());
    bytes.push(0);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// A header with its region, magic number first.
pub fn header(region: u32, entries: &Entries) -> Vec<u8> {
    let mut index = Vec::new();
    let mut store: Vec<u8> = Vec::new();
    for (tag, value) in entries {
        let (kind, width, count) = value.shape();
        store.resize(store.len().next_multiple_of(width), 0);
        index.push([*tag, kind, store.len() as u32, count]);
        value.append(&mut store);
    }
    let back = -(16 * (index.len() as i32 + 1));
    index.insert(0, [region, 7, store.len() as u32, 16]);
    for field in [region, 7, back.cast_unsigned(), 16] {
        store.extend(field.to_be_bytes());
    }
    let mut bytes = vec![0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0];
    bytes.extend((index.len() as u32).to_be_bytes());
    bytes.extend((store.len() as u32).to_be_bytes());
    for field in index.into_iter().flatten() {
        bytes.extend(field.to_be_bytes());
    }
    bytes.extend(store);
    bytes
}

impl Value {
    /// Number of the type, alignment, count.
    fn shape(&self) -> (u32, usize, u32) {
        match self {
            Self::Int16(values) => (3, 2, values.len() as u32),
            Self::Int32(values) => (4, 4, values.len() as u32),
            Self::Int64(values) => (5, 8, values.len() as u32),
            Self::Text(_) => (6, 1, 1),
            Self::Binary(bytes) => (7, 1, length(bytes)),
            Self::Texts(texts) => (8, 1, texts.len() as u32),
            Self::International(texts) => (9, 1, texts.len() as u32),
        }
    }

    fn append(&self, store: &mut Vec<u8>) {
        match self {
            Self::Int16(values) => store.extend(values.iter().flat_map(|value| value.to_be_bytes())),
            Self::Int32(values) => store.extend(values.iter().flat_map(|value| value.to_be_bytes())),
            Self::Int64(values) => store.extend(values.iter().flat_map(|value| value.to_be_bytes())),
            Self::Text(text) => store.extend(text.bytes().chain([0])),
            Self::Binary(bytes) => store.extend(bytes),
            Self::Texts(texts) | Self::International(texts) => {
                store.extend(texts.iter().flat_map(|text| text.bytes().chain([0])));
            }
        }
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("tests are small")
}

fn sha256(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
