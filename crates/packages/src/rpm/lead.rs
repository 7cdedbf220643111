//! The first 96 bytes of an RPM package: a relic that says nothing which the header does not say, and that no signature covers.
//!
//! So it is held to what rpmbuild writes for the header that follows, byte by byte, and nothing is taken from it.

/// Length of a lead.
pub(super) const LEAD: usize = 96;

const MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];
/// Field of the name, its last byte always a NUL.
const NAME: std::ops::Range<usize> = 10..76;
/// rpm's numbers of the machines that may have built a package (`arch_canon` of its `rpmrc`); 255 stands for none.
const MACHINES: [u16; 9] = [1, 12, 14, 15, 16, 19, 22, 23, 255];

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeadError {
    #[error("it does not begin as an RPM package")]
    Magic,
    #[error("its format is {major}.{minor}; only version 3 of the lead, which version 4 packages have, is read")]
    Version { major: u8, minor: u8 },
    #[error("it is a source package")]
    Source,
    #[error("its lead does not fit its header: {field}")]
    Field { field: &'static str },
}

/// Checks what can be checked before the header is read.
pub(super) fn check_magic(lead: &[u8; LEAD]) -> Result<(), LeadError> {
    if lead[..4] != MAGIC {
        return Err(LeadError::Magic);
    }
    match (lead[4], lead[5], number(lead, 6)) {
        (3, 0, 0) => Ok(()),
        (3, 0, 1) => Err(LeadError::Source),
        (3, 0, _) => Err(LeadError::Field { field: "type" }),
        (major, minor, _) => Err(LeadError::Version { major, minor }),
    }
}

/// Checks the rest against `name-version-release` and the architecture of the header.
pub(super) fn check_fields(lead: &[u8; LEAD], nevr: &str, architecture: &str) -> Result<(), LeadError> {
    let refused = |field| Err(LeadError::Field { field });
    let machine = number(lead, 8);
    let fits = match architecture {
        "x86_64" | "i686" => machine == 1,
        "aarch64" => machine == 19,
        _ => MACHINES.contains(&machine),
    };
    if !fits {
        return refused("machine");
    }
    let mut name = [0; NAME.end - NAME.start];
    let length = nevr.len().min(name.len() - 1);
    name[..length].copy_from_slice(&nevr.as_bytes()[..length]);
    if lead[NAME] != name {
        return refused("name");
    }
    // Linux, and the one form of signature that there is.
    if number(lead, 76) != 1 || number(lead, 78) != 5 {
        return refused("system");
    }
    if lead[80..].iter().any(|&byte| byte != 0) {
        return refused("reserved bytes");
    }
    Ok(())
}

fn number(lead: &[u8; LEAD], at: usize) -> u16 {
    u16::from_be_bytes([lead[at], lead[at + 1]])
}
