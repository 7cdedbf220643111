//! An archive's `Packages` file: one stanza for each package.

use super::control::{LONGEST_STANZA, Stanza, StanzaError, StanzaReader};
use super::package::{Package, PackageError};

/// Most packages of one index; a whole Debian suite has 64,000.
const MOST: usize = 1 << 20;

#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error("package index is not UTF-8, at byte {at}")]
    Encoding { at: usize },
    #[error("package index is unreadable in the stanza at byte {at}")]
    Stanza {
        at: usize,
        #[source]
        source: StanzaError,
    },
    #[error("package index holds an unreadable package at byte {at}")]
    Package {
        at: usize,
        #[source]
        source: PackageError,
    },
    #[error("package index holds more than {limit} packages")]
    TooMany { limit: usize },
}

/// Reads a whole (decompressed) `Packages` file.
pub fn read_index(bytes: &[u8]) -> Result<Vec<Package>, IndexError> {
    let text = str::from_utf8(bytes).map_err(|error| IndexError::Encoding {
        at: error.valid_up_to(),
    })?;
    let mut reader = StanzaReader::new(text, LONGEST_STANZA);
    let mut stanza = Stanza::default();
    let mut packages = Vec::with_capacity(text.len() / 800);
    while reader.read(&mut stanza).map_err(|source| IndexError::Stanza {
        at: reader.start,
        source,
    })? {
        if packages.len() == MOST {
            return Err(IndexError::TooMany { limit: MOST });
        }
        let package = Package::from_index(&stanza).map_err(|source| IndexError::Package {
            at: reader.start,
            source,
        })?;
        packages.push(package);
    }
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &str = "Package: hello\nVersion: 2.10-3\nArchitecture: amd64\nDepends: libc6 (>= 2.34), a | b\n\
        Filename: pool/main/h/hello/hello_2.10-3_amd64.deb\nSize: 53080\n\
        SHA256: 6b47f9b4b5a1c5bd1c2d2b9a1a9b1ff1dd7b0c4a0f4b8e3d7a6c5b4a39281706\n";

    #[test]
    fn an_index_yields_its_packages_in_order() {
        let second = HELLO.replace("hello", "world");
        let packages = read_index(format!("{HELLO}\n{second}").as_bytes()).unwrap();
        let names: Vec<_> = packages.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["hello", "world"]);
        assert_eq!(packages[0].size, 53080);
        assert_eq!(packages[0].depends.len(), 2);
    }

    #[test]
    fn an_index_entry_that_is_incomplete_or_points_elsewhere_is_refused() {
        let cases = [
            ("Filename: pool", "Filename: /pool", "Filename"),
            ("Filename: pool/main", "Filename: pool/../main", "Filename"),
            ("SHA256: 6b", "SHA256: 6B", "SHA256"),
            ("Size: 53080", "Size: -1", "Size"),
            ("Size: 53080\n", "", "Size"),
            ("Depends: libc6", "Depends: $libc6", "Depends"),
            ("Version: 2.10-3", "Version: 2.10_3", "version"),
        ];
        for (old, new, field) in cases {
            let IndexError::Package { at: 0, source } = read_index(HELLO.replacen(old, new, 1).as_bytes()).unwrap_err()
            else {
                unreachable!("{new}");
            };
            assert!(source.to_string().contains(field), "{source}");
            assert!(source.to_string().contains("hello"), "{source}");
        }
    }
}
