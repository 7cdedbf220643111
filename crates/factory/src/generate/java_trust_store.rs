//! The trusted certificates as Java reads them: a key store of the form JKS, as `keytool` wrote them before version 9 and every Java still
//! reads them by itself.  There is no published standard; the form is that of `sun.security.provider.JavaKeyStore`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use qclock_trust::Sha256;
use sha1::{Digest as _, Sha1};

const MAGIC: u32 = 0xfeed_feed;
const VERSION: u32 = 2;
/// The tag of an entry that is a trusted certificate.
const TRUSTED: u32 = 2;
/// Everybody's password of the store that every Java comes with.  It keeps nothing secret: the store is public, and its digest detects
/// accidents alone.
const PASSWORD: &str = "changeit";
const WHITENER: &[u8] = b"Mighty Aphrodite";

/// From a bundle of PEM certificates; `None` where it holds none.  The same certificates always give the same bytes.
pub(super) fn trust_store(bundle: &str) -> Option<Vec<u8>> {
    let mut entries: Vec<(String, Vec<u8>)> = certificates(bundle)
        .map(|certificate| (Sha256::of(&certificate).to_string(), certificate))
        .collect();
    entries.sort();
    entries.dedup();
    if entries.is_empty() {
        return None;
    }
    let mut store = Vec::new();
    put_length(&mut store, MAGIC);
    put_length(&mut store, VERSION);
    put_length(&mut store, u32::try_from(entries.len()).ok()?);
    for (alias, certificate) in &entries {
        put_length(&mut store, TRUSTED);
        put_text(&mut store, alias)?;
        // When it was put in, in milliseconds since 1970: no time of ours.
        store.extend([0; 8]);
        put_text(&mut store, "X.509")?;
        put_length(&mut store, u32::try_from(certificate.len()).ok()?);
        store.extend(certificate);
    }
    let password: Vec<u8> = PASSWORD.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let digest = Sha1::new()
        .chain_update(password)
        .chain_update(WHITENER)
        .chain_update(&store)
        .finalize();
    store.extend(digest);
    Some(store)
}

fn put_length(store: &mut Vec<u8>, value: u32) {
    store.extend(value.to_be_bytes());
}

/// As `DataOutput.writeUTF` writes what is plain ASCII.
fn put_text(store: &mut Vec<u8>, text: &str) -> Option<()> {
    store.extend(u16::try_from(text.len()).ok()?.to_be_bytes());
    store.extend(text.as_bytes());
    Some(())
}

fn certificates(bundle: &str) -> impl Iterator<Item = Vec<u8>> {
    let blocks = bundle.split("-----BEGIN CERTIFICATE-----").skip(1);
    blocks.filter_map(|block| {
        let (body, _) = block.split_once("-----END CERTIFICATE-----")?;
        let body: String = body.split_ascii_whitespace().collect();
        STANDARD.decode(body).ok()
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn certificates_are_sorted_and_there_once() {
        let pem = |body: &str| format!("# x\n-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
        let (one, two) = (pem("AAEC"), pem("AwQF"));
        let store = trust_store(&[one.clone(), two.clone(), one.clone()].concat()).unwrap();
        assert_eq!(store, trust_store(&[two, one].concat()).unwrap());
        assert_eq!(&store[..12], &[0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 2]);
        assert_eq!(store.len(), 12 + 2 * (4 + 2 + 64 + 8 + 2 + 5 + 4 + 3) + 20);
        assert_eq!(trust_store("nothing"), None);
    }

    #[test]
    fn java_reads_it() {
        let bundle = std::fs::read_to_string("/etc/ssl/certs/ca-certificates.crt").unwrap_or_default();
        let Some(store) = trust_store(&bundle) else {
            println!("skipped: no bundle of certificates here");
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cacerts");
        std::fs::write(&path, store).unwrap();
        let listed = Command::new("keytool")
            .args(["-list", "-storepass", PASSWORD, "-keystore"])
            .arg(&path)
            .output();
        match listed {
            Ok(output) => {
                let text = String::from_utf8_lossy(&output.stdout);
                let count = bundle.matches("BEGIN CERTIFICATE").count();
                assert_eq!(text.matches("trustedCertEntry").count(), count, "{text}");
            }
            Err(error) => println!("skipped: no keytool here: {error}"),
        }
    }
}
