//! The keys that a repository's files may be signed with.

use sequoia_openpgp::Cert;
use sequoia_openpgp::cert::CertParser;
use sequoia_openpgp::parse::Parse as _;

/// Longest key file; Debian's with all third-party certifications has 9 KiB.
const LONGEST: usize = 4 << 20;

/// Keys read from files.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    pub(crate) certificates: Vec<Cert>,
}

#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    #[error("cannot read key file `{name}`")]
    Unreadable {
        name: String,
        #[source]
        source: KeyFileError,
    },
    #[error("key file `{name}` holds no key")]
    Empty { name: String },
    #[error("key file `{name}` holds a secret key: give the public one")]
    Secret { name: String },
    #[error("key file `{name}` is longer than {LONGEST} bytes")]
    TooLong { name: String },
}

/// What the OpenPGP reader said of a key file.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct KeyFileError(String);

impl Keyring {
    /// Reads key files, binary or armored, one or several keys in each.
    pub fn from_files<N: Into<String>, B: AsRef<[u8]>>(
        files: impl IntoIterator<Item = (N, B)>,
    ) -> Result<Self, KeyringError> {
        let mut certificates = Vec::new();
        for (name, bytes) in files {
            let name = name.into();
            let found = read_file(&name, bytes.as_ref())?;
            if found.is_empty() {
                return Err(KeyringError::Empty { name });
            }
            certificates.extend(found);
        }
        Ok(Self { certificates })
    }

    /// Fingerprints of the primary keys, upper-case hex.
    pub fn fingerprints(&self) -> Vec<String> {
        self.certificates
            .iter()
            .map(|certificate| certificate.fingerprint().to_hex())
            .collect()
    }
}

fn read_file(name: &str, bytes: &[u8]) -> Result<Vec<Cert>, KeyringError> {
    if bytes.len() > LONGEST {
        return Err(KeyringError::TooLong { name: name.to_owned() });
    }
    let unreadable = |error: &dyn std::fmt::Display| KeyringError::Unreadable {
        name: name.to_owned(),
        source: KeyFileError(error.to_string()),
    };
    let parser = CertParser::from_bytes(bytes).map_err(|error| unreadable(&error))?;
    let certificates: Vec<Cert> = parser.collect::<Result<_, _>>().map_err(|error| unreadable(&error))?;
    if certificates.iter().any(Cert::is_tsk) {
        return Err(KeyringError::Secret { name: name.to_owned() });
    }
    Ok(certificates)
}
