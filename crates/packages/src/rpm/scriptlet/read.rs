//! The header's parallel arrays, made into scriptlets.

use std::collections::HashMap;

use super::{Scriptlet, ScriptletError};
use crate::rpm::header::{Header, HeaderError};
use crate::rpm::tag;

/// Name, script, program, flags.
const PLAIN: [(&str, u32, u32, u32); 9] = [
    (
        "pretrans",
        tag::PRE_TRANSACTION,
        tag::PRE_TRANSACTION_PROGRAM,
        tag::PRE_TRANSACTION_FLAGS,
    ),
    (
        "pre",
        tag::PRE_INSTALL,
        tag::PRE_INSTALL_PROGRAM,
        tag::PRE_INSTALL_FLAGS,
    ),
    (
        "post",
        tag::POST_INSTALL,
        tag::POST_INSTALL_PROGRAM,
        tag::POST_INSTALL_FLAGS,
    ),
    (
        "preun",
        tag::PRE_UNINSTALL,
        tag::PRE_UNINSTALL_PROGRAM,
        tag::PRE_UNINSTALL_FLAGS,
    ),
    (
        "postun",
        tag::POST_UNINSTALL,
        tag::POST_UNINSTALL_PROGRAM,
        tag::POST_UNINSTALL_FLAGS,
    ),
    (
        "posttrans",
        tag::POST_TRANSACTION,
        tag::POST_TRANSACTION_PROGRAM,
        tag::POST_TRANSACTION_FLAGS,
    ),
    (
        "preuntrans",
        tag::PRE_UNINSTALL_TRANSACTION,
        tag::PRE_UNINSTALL_TRANSACTION_PROGRAM,
        tag::PRE_UNINSTALL_TRANSACTION_FLAGS,
    ),
    (
        "postuntrans",
        tag::POST_UNINSTALL_TRANSACTION,
        tag::POST_UNINSTALL_TRANSACTION_PROGRAM,
        tag::POST_UNINSTALL_TRANSACTION_FLAGS,
    ),
    (
        "verifyscript",
        tag::VERIFY_SCRIPT,
        tag::VERIFY_SCRIPT_PROGRAM,
        tag::VERIFY_SCRIPT_FLAGS,
    ),
];

/// Tags of one family of triggers.
struct Family {
    /// What stands before `triggerin`.
    prefix: &'static str,
    kind: &'static str,
    scripts: u32,
    program: u32,
    script_flags: u32,
    name: u32,
    version: u32,
    flags: u32,
    index: u32,
    priorities: Option<u32>,
}

const FAMILIES: [Family; 3] = [
    Family {
        prefix: "",
        kind: "trigger",
        scripts: tag::TRIGGER_SCRIPTS,
        program: tag::TRIGGER_PROGRAM,
        script_flags: tag::TRIGGER_SCRIPT_FLAGS,
        name: tag::TRIGGER_NAME,
        version: tag::TRIGGER_VERSION,
        flags: tag::TRIGGER_FLAGS,
        index: tag::TRIGGER_INDEX,
        priorities: None,
    },
    Family {
        prefix: "file",
        kind: "file trigger",
        scripts: tag::FILE_TRIGGER_SCRIPTS,
        program: tag::FILE_TRIGGER_PROGRAM,
        script_flags: tag::FILE_TRIGGER_SCRIPT_FLAGS,
        name: tag::FILE_TRIGGER_NAME,
        version: tag::FILE_TRIGGER_VERSION,
        flags: tag::FILE_TRIGGER_FLAGS,
        index: tag::FILE_TRIGGER_INDEX,
        priorities: Some(tag::FILE_TRIGGER_PRIORITIES),
    },
    Family {
        prefix: "transfile",
        kind: "transaction file trigger",
        scripts: tag::TRANSACTION_FILE_TRIGGER_SCRIPTS,
        program: tag::TRANSACTION_FILE_TRIGGER_PROGRAM,
        script_flags: tag::TRANSACTION_FILE_TRIGGER_SCRIPT_FLAGS,
        name: tag::TRANSACTION_FILE_TRIGGER_NAME,
        version: tag::TRANSACTION_FILE_TRIGGER_VERSION,
        flags: tag::TRANSACTION_FILE_TRIGGER_FLAGS,
        index: tag::TRANSACTION_FILE_TRIGGER_INDEX,
        priorities: Some(tag::TRANSACTION_FILE_TRIGGER_PRIORITIES),
    },
];

/// Bits of a trigger's flags (rpm's `rpmsenseFlags`).
const TRIGGER_IN: u64 = 1 << 16;
const TRIGGER_UN: u64 = 1 << 17;
const TRIGGER_POST_UN: u64 = 1 << 18;
const TRIGGER_PRE_IN: u64 = 1 << 25;
const LESS: u64 = 1 << 1;
const GREATER: u64 = 1 << 2;
const EQUAL: u64 = 1 << 3;

/// In a fixed order: scriptlets, then triggers as the header has them.
pub fn scriptlets(header: &Header<'_>) -> Result<Vec<Scriptlet>, ScriptletError> {
    let mut found = Vec::new();
    for (name, script, program, flags) in PLAIN {
        if header.has(script) || header.has(program) {
            found.push(Scriptlet {
                name: name.to_owned(),
                program: programs(&lossy(header, program)?),
                body: lossy(header, script)?.into_iter().next().unwrap_or_default(),
                flags: narrow(header.number(flags)?.unwrap_or_default()),
                conditions: Vec::new(),
                priority: None,
            });
        }
    }
    for family in &FAMILIES {
        found.extend(triggers(header, family)?);
    }
    number_equals(&mut found);
    Ok(found)
}

fn triggers(header: &Header<'_>, family: &Family) -> Result<Vec<Scriptlet>, ScriptletError> {
    let unfit = ScriptletError::Trigger { kind: family.kind };
    let bodies = lossy(header, family.scripts)?;
    let interpreters = lossy(header, family.program)?;
    let script_flags = header.numbers(family.script_flags)?;
    let priorities = family
        .priorities
        .map(|tag| header.numbers(tag))
        .transpose()?
        .unwrap_or_default();
    let names = lossy(header, family.name)?;
    let versions = lossy(header, family.version)?;
    let flags = header.numbers(family.flags)?;
    let indexes = header.numbers(family.index)?;
    if [versions.len(), flags.len(), indexes.len()] != [names.len(); 3] || interpreters.len() != bodies.len() {
        return Err(unfit);
    }
    let mut found: Vec<Scriptlet> = Vec::with_capacity(bodies.len());
    for (at, (body, interpreter)) in bodies.into_iter().zip(interpreters).enumerate() {
        let own: Vec<usize> = (0..names.len()).filter(|&name| indexes[name] == at as u64).collect();
        let sense = own.first().map(|&name| flags[name]).ok_or(unfit.clone())?;
        let when = [
            (TRIGGER_PRE_IN, "triggerprein"),
            (TRIGGER_IN, "triggerin"),
            (TRIGGER_UN, "triggerun"),
            (TRIGGER_POST_UN, "triggerpostun"),
        ];
        let when = when
            .into_iter()
            .find(|(bit, _)| sense & bit != 0)
            .ok_or(unfit.clone())?;
        found.push(Scriptlet {
            name: format!("{}{}", family.prefix, when.1),
            program: programs(&[interpreter]),
            body,
            flags: narrow(script_flags.get(at).copied().unwrap_or_default()),
            conditions: own
                .iter()
                .map(|&name| condition(&names[name], &versions[name], flags[name]))
                .collect(),
            priority: priorities.get(at).map(|&priority| narrow(priority)),
        });
    }
    // A condition of no script would be one that nobody sees.
    if indexes.iter().any(|&index| index >= found.len() as u64) {
        return Err(unfit);
    }
    Ok(found)
}

fn condition(name: &str, version: &str, flags: u64) -> String {
    let sign: String = [(LESS, '<'), (GREATER, '>'), (EQUAL, '=')]
        .into_iter()
        .filter(|(bit, _)| flags & bit != 0)
        .map(|(_, sign)| sign)
        .collect();
    if sign.is_empty() {
        name.to_owned()
    } else {
        format!("{name} {sign} {version}")
    }
}

/// `/bin/sh` is what rpm takes where nothing is named.
fn programs(named: &[String]) -> Vec<String> {
    if named.is_empty() {
        vec!["/bin/sh".to_owned()]
    } else {
        named.to_vec()
    }
}

/// Scripts may be in any encoding; what is no UTF-8 is shown, and hashed, with each such byte spelt out.
fn lossy(header: &Header<'_>, tag: u32) -> Result<Vec<String>, HeaderError> {
    let strings = header.strings(tag)?.into_iter();
    Ok(strings
        .map(|bytes| match str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.escape_ascii().to_string(),
        })
        .collect())
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The second of a name gets ` 2`, and so on.
fn number_equals(scriptlets: &mut [Scriptlet]) {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for scriptlet in scriptlets {
        let count = counts.entry(scriptlet.name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            scriptlet.name = format!("{} {count}", scriptlet.name);
        }
    }
}
