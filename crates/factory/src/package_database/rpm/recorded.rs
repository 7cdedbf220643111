//! One package as the database has it: its header, region untouched, and after the region what installing it added.

use qclock_packages::rpm::{Container, Files, HEADER_MAGIC, Header, Kind, Part, tag};

use super::{Installation, RpmDatabaseError};

/// Bytes of one entry of an index.
const ENTRY: usize = 16;
/// The two lengths before it.
const PREFIX: usize = 8;

/// Where librpm keeps what stood in the signature header, by the tag there.
const FROM_SIGNATURE: [(u32, u32); 12] = [
    (tag::signature::SIZE, 257),
    (tag::signature::PACKAGE_RSA, 259),
    (tag::signature::PACKAGE_MD5, MD5),
    (tag::signature::PACKAGE_OTHER, 262),
    (tag::signature::HEADER_OTHER, tag::signature::HEADER_OTHER),
    (tag::signature::HEADER_RSA, tag::signature::HEADER_RSA),
    (tag::signature::HEADER_SHA1, SHA1),
    (tag::signature::LONG_SIZE, tag::signature::LONG_SIZE),
    (tag::signature::LONG_ARCHIVE_SIZE, tag::signature::LONG_ARCHIVE_SIZE),
    (tag::signature::HEADER_SHA256, tag::signature::HEADER_SHA256),
    (tag::signature::FILE_SIGNATURES, tag::signature::FILE_SIGNATURES),
    (
        tag::signature::FILE_SIGNATURE_LENGTH,
        tag::signature::FILE_SIGNATURE_LENGTH,
    ),
];
pub(super) const MD5: u32 = 261;
pub(super) const SHA1: u32 = tag::signature::HEADER_SHA1;
const ARCHIVE_SIZE: u32 = 1046;
const INSTALL_COLOR: u32 = 1127;
pub(super) const TRANSACTION: u32 = 1128;

/// States of a file (rpm's `rpmfileState`).
const NORMAL: u8 = 0;
const NOT_INSTALLED: u8 = 2;

/// A package's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    name: String,
    blob: Vec<u8>,
}

/// An entry that is not in the region.
struct Addition {
    tag: u32,
    kind: Kind,
    count: u32,
    data: Vec<u8>,
}

impl Recorded {
    pub(super) fn new(container: &Container<'_>, installation: &Installation<'_>) -> Result<Self, RpmDatabaseError> {
        let mut additions = from_signature(&container.signature);
        let number = |tag, value: u32| Addition {
            tag,
            kind: Kind::Int32,
            count: 1,
            data: value.to_be_bytes().to_vec(),
        };
        additions.push(number(tag::INSTALL_TIME, installation.time));
        additions.push(number(TRANSACTION, installation.time));
        additions.push(number(INSTALL_COLOR, color(&container.identity.architecture)));
        let files = Files::read(&container.header)?.list;
        if !files.is_empty() {
            let states: Vec<u8> = files
                .iter()
                .map(|file| {
                    if installation.left_out.contains(&file.path) {
                        NOT_INSTALLED
                    } else {
                        NORMAL
                    }
                })
                .collect();
            additions.push(Addition {
                tag: tag::FILE_STATES,
                kind: Kind::Char,
                count: length(states.len())?,
                data: states,
            });
        }
        additions.sort_by_key(|addition| addition.tag);
        Ok(Self {
            name: container.identity.name.clone(),
            blob: join(&container.header, &additions)?,
        })
    }

    /// Takes a record of a database apart far enough to know its name.
    pub(super) fn from_blob(blob: Vec<u8>) -> Result<Self, RpmDatabaseError> {
        let mut recorded = Self {
            name: String::new(),
            blob,
        };
        let region = recorded.region()?;
        let (header, _) = Header::read(&region, Part::Main)?;
        let name = header.text(tag::NAME)?.ok_or(RpmDatabaseError::Record {
            reason: "it has no name",
        })?;
        name.clone_into(&mut recorded.name);
        Ok(recorded)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// As the table `Packages` holds it.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// The package's own header, as it stood in the package.
    pub(super) fn region(&self) -> Result<Vec<u8>, RpmDatabaseError> {
        let refused = |reason| RpmDatabaseError::Record { reason };
        let (index, store) = self.parts()?;
        // The region's trailer says how long the index of the region is; it ends the region's part of the store.
        let offset = number(index, 8).ok_or(refused("it is empty"))? as usize;
        let trailer = store
            .get(offset..offset + ENTRY)
            .ok_or(refused("its region is cut off"))?;
        let back = number(trailer, 8).map(|back| back.wrapping_neg() as usize);
        let region = back
            .and_then(|length| index.get(..length))
            .ok_or(refused("its region is longer than it"))?;
        let mut header = HEADER_MAGIC.to_vec();
        header.extend(length(region.len() / ENTRY)?.to_be_bytes());
        header.extend(length(offset + ENTRY)?.to_be_bytes());
        header.extend(region);
        header.extend(&store[..offset + ENTRY]);
        Ok(header)
    }

    /// Data of an entry that was added, for those that are binary, a number or one string without its end.
    pub(super) fn addition(&self, tag: u32) -> Result<Option<Vec<u8>>, RpmDatabaseError> {
        let (index, store) = self.parts()?;
        let found = index.chunks_exact(ENTRY).find(|raw| number(raw, 0) == Some(tag));
        let Some(raw) = found else { return Ok(None) };
        let field = |at| number(raw, at).unwrap_or_default();
        let (kind, count) = (field(4), field(12) as usize);
        let data = store.get(field(8) as usize..).unwrap_or_default();
        let data = if kind == Kind::String.number() {
            data.split(|&byte| byte == 0).next()
        } else if kind == Kind::Int32.number() {
            data.get(..count.saturating_mul(4))
        } else {
            data.get(..count)
        };
        let reason = "an entry of it is cut off";
        data.map(|data| Some(data.to_vec()))
            .ok_or(RpmDatabaseError::Record { reason })
    }

    fn parts(&self) -> Result<(&[u8], &[u8]), RpmDatabaseError> {
        let refused = RpmDatabaseError::Record {
            reason: "it is cut off",
        };
        let entries = number(&self.blob, 0).unwrap_or(u32::MAX) as usize;
        let rest = self.blob.get(PREFIX..).unwrap_or_default();
        let parts = entries
            .checked_mul(ENTRY)
            .and_then(|length| rest.split_at_checked(length));
        parts.ok_or(refused)
    }
}

fn from_signature(signature: &Header<'_>) -> Vec<Addition> {
    let copied = |from, to| {
        let entry = signature.entry(from)?;
        Some(Addition {
            tag: to,
            kind: entry.kind,
            count: entry.count,
            data: signature.data(entry).to_vec(),
        })
    };
    let all = FROM_SIGNATURE
        .into_iter()
        .chain([(tag::signature::ARCHIVE_SIZE, ARCHIVE_SIZE)]);
    all.filter_map(|(from, to)| copied(from, to)).collect()
}

/// The header with the additions after its region, without the magic number.
fn join(header: &Header<'_>, additions: &[Addition]) -> Result<Vec<u8>, RpmDatabaseError> {
    let bytes = &header.bytes()[HEADER_MAGIC.len()..];
    let entries = number(bytes, 0).unwrap_or_default() as usize;
    let (index, region) = bytes[PREFIX..].split_at(entries * ENTRY);
    let mut index = index.to_vec();
    let mut store = region.to_vec();
    for addition in additions {
        store.resize(store.len().next_multiple_of(addition.kind.width()), 0);
        let fields = [
            addition.tag,
            addition.kind.number(),
            length(store.len())?,
            addition.count,
        ];
        index.extend(fields.into_iter().flat_map(u32::to_be_bytes));
        store.extend(&addition.data);
    }
    let mut blob = length(entries + additions.len())?.to_be_bytes().to_vec();
    blob.extend(length(store.len())?.to_be_bytes());
    blob.extend(index);
    blob.extend(store);
    Ok(blob)
}

/// What librpm notes on machines that run programs of two word lengths (`_transaction_color`).
fn color(architecture: &str) -> u32 {
    match architecture {
        "aarch64" => 0,
        _ => 3,
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..at + 4)
        .and_then(|bytes| bytes.try_into().ok())
        .map(u32::from_be_bytes)
}

fn length(length: usize) -> Result<u32, RpmDatabaseError> {
    u32::try_from(length).map_err(|_| RpmDatabaseError::TooLarge)
}
