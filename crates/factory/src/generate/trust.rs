//! Trust anchors in p11-kit's form, as distributions of the Enterprise Linux family ship them: which of them vouch for TLS servers.
//!
//! A file is a list of objects, `[p11-kit-object-v1]`, each with attributes and PEM blocks.  A certificate is an anchor when it is
//! `trusted`; what it is trusted for says another object, an extension that is attached to the certificate's public key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const OBJECT: &str = "[p11-kit-object-v1]";
/// RFC 5280 §4.2.1.12: the extension, and the purposes that let a certificate vouch for TLS servers, DER-encoded.
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
const SERVER_AUTHENTICATION: &[u8] = &[0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
const ANY_PURPOSE: &[u8] = &[0x06, 0x04, 0x55, 0x1d, 0x25, 0x00];

/// A certificate that vouches for TLS servers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Anchor {
    pub(super) label: String,
    /// The certificate's PEM block, as it stood.
    pub(super) pem: String,
}

/// Those of a file, in its order.
pub(super) fn server_anchors(text: &str) -> Vec<Anchor> {
    let objects = objects(text);
    let certificates = objects.iter().filter_map(|object| {
        let trusted = object.value("trusted") == "true" && object.value("x-distrusted") != "true";
        let pem = object.block("CERTIFICATE").filter(|_| trusted)?;
        Some((object, pem))
    });
    let vouches = |pem: &str| {
        let certificate = decoded(pem);
        let key = certificate.as_deref().and_then(public_key);
        let attached = objects.iter().find(|other| {
            let own = other.block("PUBLIC KEY").and_then(decoded);
            other.value("object-id") == EXTENDED_KEY_USAGE && own.is_some() && own.as_deref() == key
        });
        attached.is_none_or(|extension| {
            let value = unescaped(extension.value("value"));
            let names = |purpose: &[u8]| value.windows(purpose.len()).any(|part| part == purpose);
            names(SERVER_AUTHENTICATION) || names(ANY_PURPOSE)
        })
    };
    let mut anchors: Vec<Anchor> = Vec::new();
    for (object, pem) in certificates.filter(|(_, pem)| vouches(pem)) {
        if !anchors.iter().any(|known| known.pem == pem) {
            anchors.push(Anchor {
                label: String::from_utf8_lossy(&unescaped(object.value("label"))).into_owned(),
                pem: pem.to_owned(),
            });
        }
    }
    anchors
}

#[derive(Debug, Default)]
struct Object<'a> {
    attributes: Vec<(&'a str, &'a str)>,
    /// PEM blocks: what is in them, and the whole.
    blocks: Vec<(&'a str, String)>,
}

impl<'a> Object<'a> {
    fn value(&self, name: &str) -> &'a str {
        let found = self.attributes.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value)
    }

    fn block(&self, kind: &str) -> Option<&str> {
        let found = self.blocks.iter().find(|(known, _)| *known == kind);
        found.map(|(_, block)| block.as_str())
    }
}

fn objects(text: &str) -> Vec<Object<'_>> {
    let mut objects = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let line = line.trim();
        if line == OBJECT {
            objects.push(Object::default());
            continue;
        }
        let Some(object) = objects.last_mut() else { continue };
        let kind = line
            .strip_prefix("-----BEGIN ")
            .and_then(|rest| rest.strip_suffix("-----"));
        if let Some(kind) = kind {
            let end = format!("-----END {kind}-----");
            let mut block = format!("{line}\n");
            for line in lines.by_ref() {
                block.push_str(line.trim());
                block.push('\n');
                if line.trim() == end {
                    break;
                }
            }
            object.blocks.push((kind, block));
        } else if let Some((name, value)) = line.split_once(':').filter(|_| !line.starts_with('#')) {
            object.attributes.push((name.trim(), value.trim().trim_matches('"')));
        }
    }
    objects
}

fn decoded(pem: &str) -> Option<Vec<u8>> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(body).ok()
}

/// `%55%1D` to bytes.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after
            .get(..2)
            .filter(|_| first == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = escaped {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    bytes
}

/// The certificate's `SubjectPublicKeyInfo` (RFC 5280 §4.1), DER.
fn public_key(certificate: &[u8]) -> Option<&[u8]> {
    let (certificate, _) = element(certificate)?;
    let (to_be_signed, _) = element(certificate.contents)?;
    let mut rest = to_be_signed.contents;
    let mut fields = Vec::new();
    while !rest.is_empty() && fields.len() < 8 {
        let (field, after) = element(rest)?;
        fields.push(field);
        rest = after;
    }
    // An explicit version comes before the serial number, signature, issuer, validity, subject and the key.
    let version = usize::from(fields.first().is_some_and(|first| first.tag == 0xa0));
    fields.get(version + 5).map(|field| field.whole)
}

struct Element<'a> {
    tag: u8,
    contents: &'a [u8],
    whole: &'a [u8],
}

/// One element of DER with a tag of one byte, and what follows it.
fn element(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.len() > 4 {
            return None;
        }
        let length = digits
            .iter()
            .fold(0_usize, |length, &digit| length << 8 | usize::from(digit));
        (length, rest)
    };
    let (contents, after) = rest.split_at_checked(length)?;
    let whole = &bytes[..bytes.len() - after.len()];
    Some((Element { tag, contents, whole }, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long enough to be told apart by their keys, and no more of a certificate than this reads.
    fn certificate(key: u8) -> Vec<u8> {
        let key = [0x30, 1, key];
        let fields = [&[0xa0, 1, 2, 2, 1, 9, 0x30, 0, 0x30, 0, 0x30, 0, 0x30, 0][..], &key].concat();
        let body = [&[0x30, u8::try_from(fields.len()).unwrap()][..], &fields].concat();
        [&[0x30, u8::try_from(body.len()).unwrap()][..], &body].concat()
    }

    fn pem(kind: &str, bytes: &[u8]) -> String {
        format!(
            "-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n",
            STANDARD.encode(bytes)
        )
    }

    fn anchor(label: &str, key: u8, attributes: &str) -> String {
        format!(
            "# made for a test: not a real one\n[p11-kit-object-v1]\nlabel: \"{label}\"\n{attributes}\n{}\n",
            pem("CERTIFICATE", &certificate(key))
        )
    }

    fn purposes(key: u8, value: &str) -> String {
        format!(
            "[p11-kit-object-v1]\nclass: x-certificate-extension\nobject-id: 2.5.29.37\nvalue: \"{value}\"\n{}\n",
            pem("PUBLIC KEY", &[0x30, 1, key])
        )
    }

    #[test]
    fn anchors_for_servers_are_those_that_are_trusted_for_them_or_for_anything() {
        let text = [
            anchor("For anything", 1, "trusted: true"),
            anchor("For servers", 2, "trusted: true"),
            anchor("For mail", 3, "trusted: true"),
            anchor("Distrusted", 4, "x-distrusted: true"),
            anchor("No anchor", 5, "nss-mozilla-ca-policy: false"),
            anchor("Any%20purpose %C3%A9", 6, "trusted: true"),
            anchor("For anything, again", 1, "trusted: true"),
            purposes(
                2,
                "0%2a%06%03U%1d%25%06%08%2B%06%01%05%05%07%03%04%06%08%2B%06%01%05%05%07%03%01",
            ),
            purposes(3, "0 %06%03U%1D%25%01%01%FF%04%160%14%06%08%2B%06%01%05%05%07%03%04"),
            purposes(6, "0%06%04U%1d%25%00"),
        ]
        .concat();
        let anchors = server_anchors(&text);
        let labels: Vec<&str> = anchors.iter().map(|anchor| anchor.label.as_str()).collect();
        assert_eq!(labels, ["For anything", "For servers", "Any purpose é"]);
        assert_eq!(anchors[0].pem, pem("CERTIFICATE", &certificate(1)));
    }

    #[test]
    fn nothing_that_is_cut_off_makes_the_reader_panic() {
        let text = anchor("x", 1, "trusted: true") + &purposes(1, "%2");
        for end in 0..text.len() {
            server_anchors(&text[..end]);
        }
        for end in 0..certificate(1).len() {
            assert_eq!(public_key(&certificate(1)[..end]), None);
        }
    }
}
