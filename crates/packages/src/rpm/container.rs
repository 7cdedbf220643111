//! The parts of a package: lead, signature header, header and payload (rpm's `docs/manual/format.md`, version 4).

use std::ops::Range;

use super::header::{Header, HeaderError, Part};
use super::lead::{self, LEAD, LeadError};
use super::tag;

/// The signature header is followed by zeros up to a multiple of this.
const ALIGNMENT: usize = 8;
/// Longest name, version, release or architecture.
const LONGEST_NAME: usize = 255;

/// A package taken apart.  Nothing of it is trusted yet: `qclock-trust` decides that.
#[derive(Debug, Clone)]
pub struct Container<'a> {
    pub signature: Header<'a>,
    pub header: Header<'a>,
    /// Compressed.
    pub payload: &'a [u8],
    pub identity: Identity,
    /// Where the header lies in the package, as a repository's `header-range` gives it.
    pub header_range: Range<usize>,
}

/// What the header calls the package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub name: String,
    /// None and 0 are the same to rpm when it compares.
    pub epoch: Option<u32>,
    pub version: String,
    pub release: String,
    pub architecture: String,
    /// File name of the source package it was built from.
    pub source_package: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContainerError {
    #[error("not an RPM package: it is cut off")]
    Truncated,
    #[error("not an RPM package that can be read")]
    Lead(#[source] LeadError),
    #[error("the package's signature header is unreadable")]
    Signature(#[source] HeaderError),
    #[error("the package's signature header is followed by something else than zeros")]
    Padding,
    #[error("the package's header is unreadable")]
    Header(#[source] HeaderError),
    #[error("the package's {field} `{text}` is not one")]
    Identity { field: &'static str, text: String },
    #[error("the package is a source package")]
    Source,
}

impl<'a> Container<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Self, ContainerError> {
        let (lead, rest) = bytes.split_first_chunk::<LEAD>().ok_or(ContainerError::Truncated)?;
        lead::check_magic(lead).map_err(ContainerError::Lead)?;
        let (signature, rest) = Header::read(rest, Part::Signature).map_err(ContainerError::Signature)?;
        let padding = signature.bytes().len().next_multiple_of(ALIGNMENT) - signature.bytes().len();
        let (padding, rest) = rest.split_at_checked(padding).ok_or(ContainerError::Truncated)?;
        if padding.iter().any(|&byte| byte != 0) {
            return Err(ContainerError::Padding);
        }
        let start = bytes.len() - rest.len();
        let (header, payload) = Header::read(rest, Part::Main).map_err(ContainerError::Header)?;
        let identity = Identity::read(&header)?;
        // rpmbuild writes an epoch here even when it is 0.
        let epoch = identity.epoch.map(|epoch| format!("{epoch}:")).unwrap_or_default();
        let nevr = format!("{}-{epoch}{}-{}", identity.name, identity.version, identity.release);
        lead::check_fields(lead, &nevr, &identity.architecture).map_err(ContainerError::Lead)?;
        Ok(Self {
            header_range: start..start + header.bytes().len(),
            signature,
            header,
            payload,
            identity,
        })
    }
}

impl Identity {
    fn read(header: &Header<'_>) -> Result<Self, ContainerError> {
        // Only a package that was built from one names its source package.
        if !header.has(tag::SOURCE_PACKAGE) {
            return Err(ContainerError::Source);
        }
        let epoch = header.number(tag::EPOCH).map_err(ContainerError::Header)?;
        Ok(Self {
            name: word(header, tag::NAME, "name")?,
            epoch: epoch
                .map(|epoch| {
                    u32::try_from(epoch).map_err(|_| ContainerError::Identity {
                        field: "epoch",
                        text: epoch.to_string(),
                    })
                })
                .transpose()?,
            version: word(header, tag::VERSION, "version")?,
            release: word(header, tag::RELEASE, "release")?,
            architecture: word(header, tag::ARCHITECTURE, "architecture")?,
            source_package: Some(word(header, tag::SOURCE_PACKAGE, "source package")?),
        })
    }

    /// `[epoch:]version-release`, the epoch only when it is not 0.
    pub fn evr(&self) -> String {
        match self.epoch {
            None | Some(0) => format!("{}-{}", self.version, self.release),
            Some(epoch) => format!("{epoch}:{}-{}", self.version, self.release),
        }
    }

    /// `name-[epoch:]version-release.architecture`, the epoch only when it is not 0.
    pub fn nevra(&self) -> String {
        format!("{}-{}.{}", self.name, self.evr(), self.architecture)
    }
}

/// A text of the characters that rpmbuild allows, which make a part of a file's name.
fn word(header: &Header<'_>, tag: u32, field: &'static str) -> Result<String, ContainerError> {
    let text = header
        .text(tag)
        .and_then(|text| text.ok_or(HeaderError::Missing { tag }))
        .map_err(ContainerError::Header)?;
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._+-~^%{}".contains(&byte));
    let dashes = matches!(field, "version" | "release" | "architecture") && text.contains('-');
    if text.is_empty() || text.len() > LONGEST_NAME || !plain || dashes || text.starts_with('.') {
        return Err(ContainerError::Identity {
            field,
            text: text.chars().take(80).collect(),
        });
    }
    Ok(text.to_owned())
}
