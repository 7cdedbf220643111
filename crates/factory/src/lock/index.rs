//! A suite's index of packages: fetched by its signed digest, kept in a form that is quick to look into.

use std::io::Read as _;

use qclock_trust::{HashingReader, Sha256, check_digest};

use super::suite::SignedSuite;
use super::{LockError, Request};
use crate::cache::{Found, kind};
use crate::fetch::Wanted;

/// The largest index taken; that of Debian 12's main component has 48 MB.
const LARGEST: u64 = 1 << 30;

/// Fields that no part of the factory reads and that make up more than half of an index.
const UNREAD: [&str; 17] = [
    "Breaks-Reason",
    "Bugs",
    "Build-Ids",
    "Cnf-Extra-Commands",
    "Cnf-Visible-Pkgname",
    "Description",
    "Description-md5",
    "Enhances",
    "Homepage",
    "Lua-Versions",
    "MD5sum",
    "Maintainer",
    "Original-Maintainer",
    "Python-Version",
    "Ruby-Versions",
    "Suggests",
    "Tag",
];

/// The text of all components of one suite, stanzas apart by one empty line, without the fields that nobody reads.
pub(super) fn fetch(request: &Request<'_>, suite: &SignedSuite) -> Result<String, LockError> {
    let mut text = String::new();
    for component in &suite.locked.components {
        text.push_str(&fetch_component(request, suite, component)?);
        text.push('\n');
    }
    Ok(text)
}

/// A compressed index, and what it is once decompressed.
struct Listed {
    path: String,
    digest: Sha256,
    size: u64,
}

fn fetch_component(request: &Request<'_>, suite: &SignedSuite, component: &str) -> Result<String, LockError> {
    let architecture = &request.project.flavour.architecture;
    let plain = format!("{component}/binary-{architecture}/Packages");
    let listed = |path: String| {
        let (digest, size) = suite.release.sha256.get(&path)?;
        Some(Listed {
            path,
            digest: digest.parse().ok()?,
            size: *size,
        })
    };
    let packed = [".xz", ".gz", ""]
        .into_iter()
        .find_map(|extension| listed(format!("{plain}{extension}")));
    let packed = packed
        .filter(|packed| packed.size <= LARGEST)
        .ok_or_else(|| LockError::NoIndex {
            suite: suite.locked.name.clone(),
            component: component.to_owned(),
            architecture: architecture.clone(),
        })?;
    let kept_name = packed.digest.to_string();
    if let Some(text) = request
        .cache
        .derived(kind::PACKAGES, &kept_name)
        .and_then(|bytes| unpack_kept(&bytes))
    {
        return Ok(text);
    }
    let bytes = obtain(request, suite, component, &packed)?;
    let text = decompress(suite, &packed, &bytes, listed(plain).as_ref())?;
    let text = abridge(&text);
    let kept = zstd::encode_all(text.as_bytes(), 1).map_err(|source| decompress_error(suite, &packed, source))?;
    request.cache.put_derived(kind::PACKAGES, &kept_name, &kept)?;
    Ok(text)
}

fn obtain(request: &Request<'_>, suite: &SignedSuite, component: &str, packed: &Listed) -> Result<Vec<u8>, LockError> {
    let folder = format!("dists/{}/", suite.place.folder);
    let by_hash = packed
        .path
        .rsplit_once('/')
        .map(|(folder, _)| format!("{folder}/by-hash/SHA256/{}", packed.digest));
    let paths = by_hash
        .filter(|_| suite.release.acquire_by_hash)
        .into_iter()
        .chain([packed.path.clone()]);
    let wanted = Wanted {
        name: format!("the index `{}` of the suite `{}`", packed.path, suite.locked.name),
        digest: packed.digest.into(),
        size: packed.size,
        addresses: paths
            .filter_map(|path| suite.place.archive.join(&format!("{folder}{path}")).ok())
            .collect(),
    };
    let failed = |source| LockError::FetchIndex {
        suite: suite.locked.name.clone(),
        component: component.to_owned(),
        source,
    };
    for _ in 0..2 {
        request
            .fetcher
            .store(
                request.cache,
                std::slice::from_ref(&wanted),
                &format!("index of {}", suite.locked.name),
                request.progress,
            )
            .map_err(failed)?;
        if let Found::Whole(bytes) = request.cache.read(packed.digest, packed.size)? {
            return Ok(bytes.into_inner());
        }
    }
    let source = check_digest(Vec::new(), packed.digest, packed.size).err();
    Err(source.map_or_else(
        || decompress_error(suite, packed, std::io::ErrorKind::UnexpectedEof.into()),
        |source| LockError::IndexDigest {
            suite: suite.locked.name.clone(),
            path: packed.path.clone(),
            source,
        },
    ))
}

/// Bounded by the size that was signed, and checked against that digest where there is one.
fn decompress(suite: &SignedSuite, packed: &Listed, bytes: &[u8], plain: Option<&Listed>) -> Result<String, LockError> {
    let limit = plain.map_or(LARGEST, |plain| plain.size.min(LARGEST));
    let failed = |source| decompress_error(suite, packed, source);
    let decoder: Box<dyn std::io::Read + '_> = match packed.path.rsplit_once('.') {
        Some((_, "xz")) => Box::new(liblzma::read::XzDecoder::new(bytes)),
        Some((_, "gz")) => Box::new(flate2::read::MultiGzDecoder::new(bytes)),
        _ => Box::new(bytes),
    };
    let mut text = Vec::new();
    let mut reader = HashingReader::new(decoder.take(limit + 1));
    reader.read_to_end(&mut text).map_err(failed)?;
    let (found, size) = reader.finish();
    if let Some(plain) = plain.filter(|plain| (plain.digest, plain.size) != (found, size)) {
        let source = check_digest(text, plain.digest, plain.size).err();
        return Err(source.map_or_else(
            || failed(std::io::ErrorKind::InvalidData.into()),
            |source| LockError::IndexDigest {
                suite: suite.locked.name.clone(),
                path: plain.path.clone(),
                source,
            },
        ));
    }
    String::from_utf8(text)
        .map_err(|error| failed(std::io::Error::new(std::io::ErrorKind::InvalidData, error.utf8_error())))
}

fn decompress_error(suite: &SignedSuite, packed: &Listed, source: std::io::Error) -> LockError {
    LockError::Decompress {
        suite: suite.locked.name.clone(),
        path: packed.path.clone(),
        source,
    }
}

/// Drops the fields of `UNREAD` with their continuation lines; everything else stays as it is.
fn abridge(text: &str) -> String {
    let mut abridged = String::with_capacity(text.len() / 2);
    let mut dropping = false;
    for line in text.split_inclusive('\n') {
        if !line.starts_with([' ', '\t']) {
            let name = line.split(':').next().unwrap_or_default();
            dropping = UNREAD.binary_search(&name).is_ok();
        }
        if !dropping {
            abridged.push_str(line);
        }
    }
    if !abridged.is_empty() && !abridged.ends_with('\n') {
        abridged.push('\n');
    }
    abridged
}

/// zstd's own checksum tells a damaged file.
fn unpack_kept(bytes: &[u8]) -> Option<String> {
    let mut text = Vec::new();
    zstd::Decoder::new(bytes)
        .ok()?
        .take(LARGEST)
        .read_to_end(&mut text)
        .ok()?;
    String::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_nobody_reads_are_dropped_with_their_continuations() {
        let text = "Package: a\nDescription: x\n long\n .\nTag: t,\n u\nDepends: b,\n c\n\nPackage: b\nMaintainer: m";
        assert_eq!(abridge(text), "Package: a\nDepends: b,\n c\n\nPackage: b\n");
        assert!(UNREAD.is_sorted());
    }
}
