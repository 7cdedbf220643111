//! Clear-signed messages, good and bad, with keys that are made for the run; and the machine's own InRelease files.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use qclock_trust::{FramingError, Keyring, Refusal, SignatureError, verify_detached, verify_inrelease};
use sequoia_openpgp::armor::{Kind, Writer};
use sequoia_openpgp::cert::prelude::*;
use sequoia_openpgp::policy::StandardPolicy;
use sequoia_openpgp::serialize::stream::{Message, Signer};
use sequoia_openpgp::serialize::{Marshal as _, SerializeInto as _};
use sequoia_openpgp::types::ReasonForRevocation;

const TEXT: &str = "Suite: stable\nCodename: bookworm\n-dashed: line\nSHA256:\n 00 1 x\n";
const DAY: Duration = Duration::from_hours(24);
const YEAR: Duration = Duration::from_hours(24 * 365);

/// A fixed "now": results must not depend on the day of the run.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_760_000_000)
}

/// A primary key that certifies and a subkey that signs, as Debian's are.
fn key(validity: Duration) -> Cert {
    let builder = CertBuilder::new()
        .add_userid("Archive <archive@example.org>")
        .set_creation_time(now() - YEAR);
    let builder = builder.set_primary_key_flags(sequoia_openpgp::types::KeyFlags::empty().set_certification());
    builder
        .set_validity_period(validity)
        .add_signing_subkey()
        .generate()
        .unwrap()
        .0
}

fn sign(text: &str, keys: &[&Cert], at: SystemTime) -> Vec<u8> {
    let policy = StandardPolicy::new();
    let mut output = Vec::new();
    let mut pairs = keys.iter().map(|key| {
        let pair = key
            .keys()
            .secret()
            .with_policy(&policy, now() - YEAR + DAY)
            .for_signing()
            .next()
            .unwrap();
        pair.key().clone().into_keypair().unwrap()
    });
    let mut signer = Signer::new(Message::new(&mut output), pairs.next().unwrap()).unwrap();
    for pair in pairs {
        signer = signer.add_signer(pair).unwrap();
    }
    let mut message = signer.cleartext().creation_time(at).build().unwrap();
    message.write_all(text.as_bytes()).unwrap();
    message.finalize().unwrap();
    output
}

fn ring(keys: &[&Cert]) -> Keyring {
    let files = keys
        .iter()
        .map(|key| ("key.gpg", (*key).clone().strip_secret_key_material().to_vec().unwrap()));
    Keyring::from_files(files).unwrap()
}

fn refusals(message: &[u8], ring: &Keyring) -> Vec<Refusal> {
    match verify_inrelease(message, ring, now()).unwrap_err() {
        SignatureError::Refused { refusals } => refusals,
        other => unreachable!("{other}"),
    }
}

#[test]
fn a_message_signed_by_a_key_of_the_ring_is_verified_and_its_text_is_what_was_signed() {
    let (key, other) = (key(2 * YEAR), key(2 * YEAR));
    let message = sign(TEXT, &[&key], now() - DAY);
    let verified = verify_inrelease(&message, &ring(&[&other, &key]), now()).unwrap();
    assert_eq!(verified.text, TEXT);
    assert_eq!(verified.signed_by, key.fingerprint().to_hex());
    assert_ne!(verified.signing_key, verified.signed_by);
    assert_eq!(verified.signed_at, now() - DAY);
}

#[test]
fn an_armored_key_file_is_read_as_well_as_a_binary_one() {
    let key = key(2 * YEAR);
    let mut writer = Writer::new(Vec::new(), Kind::PublicKey).unwrap();
    key.clone().strip_secret_key_material().serialize(&mut writer).unwrap();
    let keyring = Keyring::from_files([("key.asc", writer.finalize().unwrap())]).unwrap();
    assert!(verify_inrelease(&sign(TEXT, &[&key], now()), &keyring, now()).is_ok());
    assert!(Keyring::from_files([("empty.gpg", "")]).is_err());
    let error = Keyring::from_files([("secret.gpg", key.as_tsk().to_vec().unwrap())]).unwrap_err();
    assert!(error.to_string().contains("secret key"), "{error}");
}

#[test]
fn one_good_signature_of_several_is_enough() {
    let (known, unknown) = (key(2 * YEAR), key(2 * YEAR));
    let message = sign(TEXT, &[&unknown, &known], now() - DAY);
    let verified = verify_inrelease(&message, &ring(&[&known]), now()).unwrap();
    assert_eq!(verified.signed_by, known.fingerprint().to_hex());
}

#[test]
fn a_signature_by_another_key_is_refused_and_the_key_is_named() {
    let (known, unknown) = (key(2 * YEAR), key(2 * YEAR));
    let message = sign(TEXT, &[&unknown], now() - DAY);
    let [Refusal::UnknownKey { key }] = &refusals(&message, &ring(&[&known]))[..] else {
        unreachable!()
    };
    let subkey = unknown.keys().subkeys().next().unwrap().key().fingerprint().to_hex();
    assert_eq!(key, &subkey);
    assert!(matches!(
        refusals(&message, &Keyring::default())[..],
        [Refusal::UnknownKey { .. }]
    ));
}

#[test]
fn a_key_that_had_expired_when_it_signed_is_refused() {
    let key = key(YEAR / 2);
    let message = sign(TEXT, &[&key], now() - DAY);
    assert!(matches!(
        refusals(&message, &ring(&[&key]))[..],
        [Refusal::KeyThen { .. }]
    ));
}

#[test]
fn a_key_that_has_expired_since_is_refused() {
    let key = key(Duration::from_hours(24 * 364));
    let message = sign(TEXT, &[&key], now() - 10 * DAY);
    assert!(matches!(
        refusals(&message, &ring(&[&key]))[..],
        [Refusal::KeyNow { .. }]
    ));
    assert!(verify_inrelease(&message, &ring(&[&key]), now() - 5 * DAY).is_ok());
}

#[test]
fn a_revoked_key_is_refused_even_for_what_it_signed_before() {
    for (reason, after) in [
        (ReasonForRevocation::KeyCompromised, DAY),
        (ReasonForRevocation::KeyRetired, DAY),
        (ReasonForRevocation::KeyRetired, 20 * DAY),
    ] {
        let key = key(2 * YEAR);
        let message = sign(TEXT, &[&key], now() - 10 * DAY);
        let mut primary = key
            .primary_key()
            .key()
            .clone()
            .parts_into_secret()
            .unwrap()
            .into_keypair()
            .unwrap();
        let revocation = CertRevocationBuilder::new()
            .set_reason_for_revocation(reason, b"gone")
            .unwrap();
        let revocation = revocation.set_signature_creation_time(now() - after).unwrap();
        let revocation = revocation.build(&mut primary, &key, None).unwrap();
        let revoked = key.insert_packets(revocation).unwrap().0;
        let refusals = refusals(&message, &ring(&[&revoked]));
        assert!(
            matches!(refusals[..], [Refusal::KeyThen { .. } | Refusal::KeyNow { .. }]),
            "{refusals:?}"
        );
    }
}

#[test]
fn a_revoked_subkey_is_refused() {
    let key = key(2 * YEAR);
    let message = sign(TEXT, &[&key], now() - 10 * DAY);
    let mut primary = key
        .primary_key()
        .key()
        .clone()
        .parts_into_secret()
        .unwrap()
        .into_keypair()
        .unwrap();
    let subkey = key.keys().subkeys().next().unwrap().key().clone();
    let revocation = SubkeyRevocationBuilder::new();
    let revocation = revocation
        .set_reason_for_revocation(ReasonForRevocation::KeyCompromised, b"lost")
        .unwrap();
    let revocation = revocation.set_signature_creation_time(now() - DAY).unwrap();
    let revocation = revocation
        .build(&mut primary, &key, subkey.role_as_subordinate(), None)
        .unwrap();
    let revoked = key.clone().insert_packets(revocation).unwrap().0;
    assert!(matches!(
        refusals(&message, &ring(&[&revoked]))[..],
        [Refusal::KeyThen { .. }]
    ));
}

#[test]
fn a_signature_from_the_future_is_refused() {
    let key = key(2 * YEAR);
    let message = sign(TEXT, &[&key], now() + 10 * DAY);
    assert!(matches!(refusals(&message, &ring(&[&key]))[..], [Refusal::Bad { .. }]));
}

#[test]
fn a_changed_text_is_refused() {
    let key = key(2 * YEAR);
    let message = String::from_utf8(sign(TEXT, &[&key], now() - DAY)).unwrap();
    for changed in [
        message.replace("bookworm", "bookwurm"),
        message.replace("Suite:", "Suite: "),
        message.replace(" 00 1 x\n", ""),
        message.replace("Suite: stable\n", "Suite: stable\n\n"),
    ] {
        assert_ne!(changed, message);
        assert!(matches!(
            refusals(changed.as_bytes(), &ring(&[&key]))[..],
            [Refusal::Bad { .. }]
        ));
    }
}

#[test]
fn white_space_that_no_signature_covers_does_not_reach_the_text() {
    let key = key(2 * YEAR);
    let message = String::from_utf8(sign(TEXT, &[&key], now() - DAY)).unwrap();
    let spaced = message.replace("Suite: stable\n", "Suite: stable \t\r\n");
    let verified = verify_inrelease(spaced.as_bytes(), &ring(&[&key]), now()).unwrap();
    assert_eq!(verified.text, TEXT);
}

#[test]
fn what_is_not_signed_or_stands_beside_the_signed_text_is_refused() {
    let key = key(2 * YEAR);
    let ring = ring(&[&key]);
    let message = String::from_utf8(sign(TEXT, &[&key], now() - DAY)).unwrap();
    let error = |text: &str| verify_inrelease(text.as_bytes(), &ring, now()).unwrap_err();
    let framing = |text: &str| match error(text) {
        SignatureError::Framing(error) => error,
        other => unreachable!("{other}"),
    };
    assert!(matches!(error(""), SignatureError::Missing));
    assert!(matches!(error(TEXT), SignatureError::Missing));
    let unsigned = message.split("-----BEGIN PGP SIGNATURE").next().unwrap();
    assert!(matches!(error(unsigned), SignatureError::Missing));
    assert_eq!(framing(&format!("Suite: evil\n{message}")), FramingError::Leading);
    assert!(matches!(
        framing(&format!("{message}\nSuite: evil\n")),
        FramingError::Trailing { .. }
    ));
    assert!(matches!(
        framing(&format!("{message}{message}")),
        FramingError::Trailing { .. }
    ));
    assert_eq!(
        framing(message.split("-----END").next().unwrap()),
        FramingError::Unfinished
    );
    assert!(matches!(
        framing(&message.replace("Hash:", "Comment:")),
        FramingError::Header { line: 2 }
    ));
    assert!(matches!(
        framing(&message.replace("- -dashed", "-dashed")),
        FramingError::Unescaped { .. }
    ));
}

#[test]
fn no_flipped_bit_makes_another_text_that_is_accepted() {
    let key = key(2 * YEAR);
    let ring = ring(&[&key]);
    let message = sign(TEXT, &[&key], now() - DAY);
    for position in 0..message.len() {
        let mut changed = message.clone();
        changed[position] ^= 1 << (position % 8);
        if let Ok(verified) = verify_inrelease(&changed, &ring, now()) {
            assert_eq!(verified.text, TEXT, "byte {position}");
        }
    }
}

#[test]
fn a_detached_signature_is_verified() {
    let key = key(2 * YEAR);
    let policy = StandardPolicy::new();
    let pair = key
        .keys()
        .secret()
        .with_policy(&policy, now() - DAY)
        .for_signing()
        .next()
        .unwrap();
    let mut output = Vec::new();
    let signer = Signer::new(Message::new(&mut output), pair.key().clone().into_keypair().unwrap()).unwrap();
    let mut message = signer.detached().creation_time(now() - DAY).build().unwrap();
    message.write_all(b"repomd").unwrap();
    message.finalize().unwrap();
    let verified = verify_detached(b"repomd".to_vec(), &output, &ring(&[&key]), now()).unwrap();
    assert_eq!(verified.1.signed_by, key.fingerprint().to_hex());
    assert!(verify_detached(b"repond".to_vec(), &output, &ring(&[&key]), now()).is_err());
    assert!(matches!(
        verify_detached(vec![], b"junk", &ring(&[&key]), now()),
        Err(SignatureError::Unreadable { .. })
    ));
}

#[test]
fn the_machines_own_inrelease_files_are_verified_with_debians_keys() {
    let keyrings = ["automatic", "security-automatic", "stable"];
    let files = keyrings.map(|name| format!("/usr/share/keyrings/debian-archive-bookworm-{name}.gpg"));
    let lists = Path::new("/var/lib/apt/lists");
    if !lists.is_dir() || !files.iter().all(|file| Path::new(file).exists()) {
        eprintln!("skipped: there are no apt lists or no Debian keys on this machine");
        return;
    }
    let keyring = read_keys(files);
    let mut seen = 0;
    for file in std::fs::read_dir(lists).unwrap().map(|entry| entry.unwrap().path()) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if !name.ends_with("_InRelease") || !name.contains("_dists_bookworm") {
            continue;
        }
        let bytes = std::fs::read(&file).unwrap();
        let verified = verify_inrelease(&bytes, &keyring, SystemTime::now()).unwrap();
        assert!(verified.text.starts_with("Origin: Debian"));
        assert!(keyring.fingerprints().contains(&verified.signed_by));
        let mut changed = bytes.clone();
        changed[1000] ^= 1;
        assert!(verify_inrelease(&changed, &keyring, SystemTime::now()).is_err());
        seen += 1;
    }
    if seen == 0 {
        eprintln!("skipped: this machine's apt has no list of bookworm");
    }
}

/// The keys of the flavour verify the machine's lists as well as Debian's own files do: they are the same keys.
#[test]
fn the_product_trusts_debians_own_keys() {
    let product = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../images/flavours/keys");
    let names = ["automatic", "security-automatic", "stable"].map(|name| format!("debian-archive-bookworm-{name}"));
    let ours = read_keys(
        names
            .clone()
            .map(|name| product.join(name + ".asc").to_string_lossy().into_owned()),
    );
    let fingerprints = [
        "B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8",
        "05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0",
        "4D64FEC119C2029067D6E791F8D2585B8783D481",
    ];
    assert_eq!(ours.fingerprints(), fingerprints);
    let debians = names.map(|name| format!("/usr/share/keyrings/{name}.gpg"));
    if !debians.iter().all(|file| Path::new(file).exists()) {
        eprintln!("skipped in part: this machine has no package debian-archive-keyring to compare with");
        return;
    }
    assert_eq!(read_keys(debians).fingerprints(), fingerprints);
}

fn read_keys<const N: usize>(files: [String; N]) -> Keyring {
    Keyring::from_files(files.map(|file| (file.clone(), std::fs::read(&file).unwrap()))).unwrap()
}
