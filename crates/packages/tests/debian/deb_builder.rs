//! Builds `.deb` archives byte by byte, hostile ones too.

use std::io::Write as _;

pub(crate) const CONTROL: &str =
    "Package: sample\nVersion: 1.0-1\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: x\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Xz,
    Zstd,
}

type Compress = fn(&[u8]) -> Vec<u8>;

#[derive(Debug, Clone)]
pub(crate) struct Deb {
    control: Vec<u8>,
    data: Vec<u8>,
    compression: Compression,
    cut: Option<usize>,
}

impl Deb {
    pub(crate) fn new() -> Self {
        let control = entry(Header::new(b'0', "./control", CONTROL.len() as u64), CONTROL.as_bytes());
        Self {
            control,
            data: Vec::new(),
            compression: Compression::None,
            cut: None,
        }
    }

    pub(crate) fn compression(self, compression: Compression) -> Self {
        Self { compression, ..self }
    }

    pub(crate) fn control_file(mut self, name: &str, content: &[u8]) -> Self {
        self.control.extend(entry(
            Header::new(b'0', &format!("./{name}"), content.len() as u64),
            content,
        ));
        self
    }

    pub(crate) fn file(self, path: &str, content: &[u8]) -> Self {
        self.entry(Header::new(b'0', path, content.len() as u64), content)
    }

    pub(crate) fn directory(self, path: &str) -> Self {
        self.entry(Header::new(b'5', path, 0), b"")
    }

    pub(crate) fn entry(mut self, header: Header, content: &[u8]) -> Self {
        self.data.extend(entry(header, content));
        self
    }

    pub(crate) fn raw_entry(mut self, bytes: Vec<u8>) -> Self {
        self.data.extend(bytes);
        self
    }

    /// Takes so many bytes from the end of `data.tar`, before it is compressed.
    pub(crate) fn cut_data(self, cut: usize) -> Self {
        Self { cut: Some(cut), ..self }
    }

    pub(crate) fn build(self) -> Vec<u8> {
        let mut data = [&self.data[..], &[0; 1024]].concat();
        data.truncate(data.len().saturating_sub(self.cut.unwrap_or(0)));
        let control = [&self.control[..], &[0; 1024]].concat();
        let (suffix, compress): (_, Compress) = match self.compression {
            Compression::None => ("", <[u8]>::to_vec),
            Compression::Gzip => (".gz", gzip),
            Compression::Xz => (".xz", xz),
            Compression::Zstd => (".zst", |bytes| zstd::encode_all(bytes, 3).unwrap()),
        };
        let mut bytes = b"!<arch>\n".to_vec();
        bytes.extend(member("debian-binary", b"2.0\n"));
        bytes.extend(member(&format!("control.tar{suffix}"), &compress(&control)));
        bytes.extend(member(&format!("data.tar{suffix}"), &compress(&data)));
        bytes
    }
}

/// One member of the outer archive.
pub(crate) fn member(name: &str, content: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n",
        0,
        0,
        0,
        100_644,
        content.len()
    )
    .into_bytes();
    bytes.extend(content);
    if content.len() % 2 == 1 {
        bytes.push(b'\n');
    }
    bytes
}

/// A record of an extended header.
pub(crate) fn pax(key: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len() + 1;
    while length.to_string().len() + rest.len() != length {
        length += 1;
    }
    format!("{length}{rest}").into_bytes()
}

fn entry(header: Header, content: &[u8]) -> Vec<u8> {
    let mut bytes = header.signed_with(|_| ());
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

#[derive(Debug, Clone)]
pub(crate) struct Header {
    block: [u8; 512],
}

impl Header {
    pub(crate) fn new(kind: u8, name: &str, size: u64) -> Self {
        let mut block = [0; 512];
        put(&mut block, 0, name.as_bytes());
        put(&mut block, 100, b"0000644\0");
        put(&mut block, 108, b"0000000\0");
        put(&mut block, 116, b"0000000\0");
        put(&mut block, 124, format!("{size:011o}\0").as_bytes());
        put(&mut block, 136, b"00000000021\0");
        block[156] = kind;
        put(&mut block, 257, b"ustar  \0");
        put(&mut block, 265, b"root");
        put(&mut block, 297, b"root");
        Self { block }
    }

    pub(crate) fn link(kind: u8, name: &str, target: &str) -> Self {
        let mut header = Self::new(kind, name, 0);
        put(&mut header.block, 157, target.as_bytes());
        header
    }

    /// Changed after its checksum was made.
    pub(crate) fn bytes_with(self, change: fn(&mut [u8; 512])) -> Vec<u8> {
        let mut block: [u8; 512] = self.signed_with(|_| ()).try_into().unwrap();
        change(&mut block);
        block.to_vec()
    }

    /// Changed before its checksum is made.
    pub(crate) fn signed_with(self, change: fn(&mut [u8; 512])) -> Vec<u8> {
        let mut block = self.block;
        change(&mut block);
        put(&mut block, 148, b"        ");
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        put(&mut block, 148, format!("{sum:06o}\0 ").as_bytes());
        block.to_vec()
    }
}

fn put(block: &mut [u8; 512], at: usize, bytes: &[u8]) {
    block[at..at + bytes.len()].copy_from_slice(bytes);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
