//! The tables beside `Packages`: which key is in which package (librpm's `tag2index`).

use qclock_packages::rpm::{Header, Kind, Requirement, tag};

use super::RpmDatabaseError;
use super::recorded::{MD5, Recorded, SHA1, TRANSACTION};

/// One of the tables.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) tag: u32,
    /// Keys are text, and have an index.
    pub(super) text: bool,
    /// A package has several keys, and its number has an index.
    pub(super) array: bool,
}

const fn table(name: &'static str, tag: u32, text: bool, array: bool) -> Table {
    Table { name, tag, text, array }
}

/// In the order in which librpm creates them.
pub(super) const TABLES: [Table; 18] = [
    table("Name", tag::NAME, true, false),
    table("Basenames", tag::BASE_NAMES, true, true),
    table("Group", tag::GROUP, true, false),
    table("Requirename", tag::REQUIRE_NAME, true, true),
    table("Providename", tag::PROVIDE_NAME, true, true),
    table("Conflictname", tag::CONFLICT_NAME, true, true),
    table("Obsoletename", tag::OBSOLETE_NAME, true, true),
    table("Triggername", tag::TRIGGER_NAME, true, true),
    table("Dirnames", tag::DIRECTORY_NAMES, true, true),
    table("Installtid", TRANSACTION, false, false),
    table("Sigmd5", MD5, false, false),
    table("Sha1header", SHA1, true, false),
    table("Filetriggername", tag::FILE_TRIGGER_NAME, true, true),
    table("Transfiletriggername", tag::TRANSACTION_FILE_TRIGGER_NAME, true, true),
    table("Recommendname", tag::RECOMMEND_NAME, true, true),
    table("Suggestname", tag::SUGGEST_NAME, true, true),
    table("Supplementname", tag::SUPPLEMENT_NAME, true, true),
    table("Enhancename", tag::ENHANCE_NAME, true, true),
];

/// A key, and its place in the package.
pub(super) type Row = (Vec<u8>, u32);

/// Bits of a requirement's flags (rpm's `rpmsenseFlags`): wanted while installing only, and while removing.
const WHILE_INSTALLING: u64 = 1 << 5 | 1 << 7 | 1 << 9 | 1 << 10 | 1 << 24 | 1 << 26;
const WHILE_REMOVING: u64 = 1 << 11 | 1 << 12;

pub(super) fn rows(table: Table, recorded: &Recorded, header: &Header<'_>) -> Result<Vec<Row>, RpmDatabaseError> {
    match table.tag {
        TRANSACTION => {
            // The one key that is written as the machine has its numbers: all machines in question have the lowest byte first.
            let mut key = recorded.addition(TRANSACTION)?.unwrap_or_default();
            key.reverse();
            Ok(vec![(key, 0)])
        }
        MD5 | SHA1 => Ok(recorded.addition(table.tag)?.map(|key| (key, 0)).into_iter().collect()),
        tag::GROUP => {
            let groups = header.strings(tag::GROUP)?;
            Ok(vec![(
                groups.first().map_or(b"Unknown".to_vec(), |group| group.to_vec()),
                0,
            )])
        }
        _ => keys(table.tag, header),
    }
}

fn keys(tag: u32, header: &Header<'_>) -> Result<Vec<Row>, RpmDatabaseError> {
    let keys = header.strings(tag)?;
    let flags = match tag {
        tag::REQUIRE_NAME => header.numbers(tag::REQUIRE_FLAGS)?,
        _ => Vec::new(),
    };
    let trigger = match tag {
        tag::FILE_TRIGGER_NAME => header.numbers(tag::FILE_TRIGGER_INDEX)?,
        tag::TRANSACTION_FILE_TRIGGER_NAME => header.numbers(tag::TRANSACTION_FILE_TRIGGER_INDEX)?,
        _ => Vec::new(),
    };
    let is_array = header.entry(tag).is_some_and(|entry| entry.kind == Kind::StringArray);
    let mut rows = Vec::with_capacity(keys.len());
    for (at, key) in keys.iter().enumerate() {
        let flags = flags.get(at).copied().unwrap_or_default();
        if flags & WHILE_INSTALLING != 0 && flags & WHILE_REMOVING == 0 {
            continue;
        }
        if tag == tag::TRIGGER_NAME && keys[..at].contains(key) {
            continue;
        }
        let place = trigger.get(at).copied().unwrap_or(at as u64);
        let place = u32::try_from(place).map_err(|_| RpmDatabaseError::TooLarge)?;
        rows.push((key.to_vec(), place));
        if is_array && key.starts_with(b"(") && may_be_rich(tag) {
            rows.extend(rich_names(key).into_iter().map(|name| (name, place)));
        }
    }
    Ok(rows)
}

fn may_be_rich(tag: u32) -> bool {
    matches!(
        tag,
        tag::REQUIRE_NAME
            | tag::CONFLICT_NAME
            | tag::SUGGEST_NAME
            | tag::SUPPLEMENT_NAME
            | tag::RECOMMEND_NAME
            | tag::ENHANCE_NAME
    )
}

/// The names in a rich requirement, those of conditions with an exclamation mark before them; sorted, each once.
fn rich_names(key: &[u8]) -> Vec<Vec<u8>> {
    let requirement = str::from_utf8(key).ok().and_then(|text| Requirement::parse(text).ok());
    let mut names = Vec::new();
    if let Some(requirement) = requirement {
        collect(&requirement, false, &mut names);
    }
    names.sort();
    names.dedup();
    names
        .into_iter()
        .map(|(negated, name)| [if negated { "!" } else { "" }, &name].concat().into_bytes())
        .collect()
}

/// Bounded: the parser of requirements bounds their depth.
fn collect(requirement: &Requirement, negated: bool, names: &mut Vec<(bool, String)>) {
    match requirement {
        Requirement::Plain(capability) => {
            if !capability.name.starts_with("rpmlib(") {
                names.push((negated, capability.name.clone()));
            }
        }
        Requirement::And(left, right)
        | Requirement::Or(left, right)
        | Requirement::With(left, right)
        | Requirement::Without(left, right) => {
            collect(left, negated, names);
            collect(right, negated, names);
        }
        Requirement::If(then, condition, otherwise) | Requirement::Unless(then, condition, otherwise) => {
            collect(then, negated, names);
            let before = names.len();
            collect(condition, !negated, names);
            if let Some(otherwise) = otherwise {
                let inverted: Vec<_> = names[before..]
                    .iter()
                    .map(|(negated, name)| (!negated, name.clone()))
                    .collect();
                names.extend(inverted);
                collect(otherwise, negated, names);
            }
        }
    }
}
