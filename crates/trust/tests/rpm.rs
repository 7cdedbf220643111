//! Signed packages: those that others published, where their folder is, and small ones signed with keys made for the run.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use qclock_testkit::rpm::{Entries, File, Rpm, Value};
use qclock_trust::{
    KeyAge, Keyring, PacketFault, Refusal, RepositoryRecord, RpmError, Sha256, SignatureError, verify_rpm,
};
use sequoia_openpgp::cert::prelude::*;
use sequoia_openpgp::crypto::hash::Hash as _;
use sequoia_openpgp::crypto::{KeyPair, Signer as _};
use sequoia_openpgp::packet::signature::{Signature3, SignatureBuilder};
use sequoia_openpgp::policy::StandardPolicy;
use sequoia_openpgp::serialize::SerializeInto as _;
use sequoia_openpgp::types::{HashAlgorithm, ReasonForRevocation, SignatureType};
use sequoia_openpgp::{Packet, packet::Signature};

const DAY: Duration = Duration::from_hours(24);
const YEAR: Duration = Duration::from_hours(24 * 365);

/// A fixed "now": results must not depend on the day of the run.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_760_000_000)
}

#[test]
fn the_product_trusts_oracles_own_keys() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../images/flavours/keys/oracle-linux-9.asc");
    let ring = Keyring::from_files([("oracle-linux-9.asc", std::fs::read(file).unwrap())]).unwrap();
    // The release key and the backup key.
    assert_eq!(
        ring.fingerprints(),
        [
            "3E6D826D3FBAB389C2F38E34BC4D06A08D8B756F",
            "982231759C7467065D0CE9B2A7DD07088B4EFBE6",
        ]
    );
}

// Packages that others published.

fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/el9");
    let folder = std::env::var_os("QCLOCK_EL9_DATA").map_or(beside, PathBuf::from);
    if folder.join("signed-rpms").is_dir() {
        return Some(folder);
    }
    println!("skipped: there is no folder {}", folder.display());
    None
}

fn read(folder: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let entries = std::fs::read_dir(shared()?.join(folder)).unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    Some(files)
}

/// Which key each of them is signed with.
fn key_of(package: &str) -> &'static str {
    match package.split('-').next().unwrap() {
        "epel" => "RPM-GPG-KEY-EPEL-9",
        "remi" => "RPM-GPG-KEY-remi2021",
        "mysql80" => "RPM-GPG-KEY-mysql-2022",
        other => unreachable!("{other}"),
    }
}

#[test]
fn every_published_package_verifies_with_its_key_and_with_no_other() {
    let (Some(packages), Some(keys)) = (read("signed-rpms"), read("keys")) else {
        return;
    };
    assert!(packages.len() >= 5 && keys.len() >= 6);
    for (name, bytes) in &packages {
        for (key, key_bytes) in &keys {
            let ring = Keyring::from_files([(key.as_str(), key_bytes)]).unwrap();
            // MySQL's key of 2022 has expired since.
            let result = verify_rpm(bytes.clone(), &ring, now(), KeyAge::ValidWhenSigned);
            if key != key_of(name) {
                let error = result.unwrap_err();
                assert!(
                    matches!(
                        &error,
                        RpmError::Signature { source: SignatureError::Refused { refusals }, .. }
                            if matches!(refusals.as_slice(), [Refusal::UnknownKey { .. }])
                    ),
                    "{name} with {key}: {error:?}"
                );
                continue;
            }
            let verified = result.unwrap_or_else(|error| panic!("{name} with {key}: {error:?}"));
            for signer in verified.signers() {
                assert_eq!(ring.fingerprints(), [signer.signed_by.as_str()]);
            }
            println!(
                "{name}: {} signatures, by {}",
                verified.signers().len(),
                verified.signers()[0].signed_by
            );
            verified.archive().unwrap();
        }
    }
}

#[test]
fn a_published_package_whose_key_has_expired_is_refused_unless_its_age_is_accepted() {
    let (Some(packages), Some(keys)) = (read("signed-rpms"), read("keys")) else {
        return;
    };
    let (name, bytes) = packages.iter().find(|(name, _)| name.starts_with("mysql")).unwrap();
    let ring = Keyring::from_files(keys).unwrap();
    let error = verify_rpm(bytes.clone(), &ring, now(), KeyAge::ValidNow).unwrap_err();
    assert!(
        matches!(
            &error,
            RpmError::Signature { source: SignatureError::Refused { refusals }, .. }
                if matches!(refusals.as_slice(), [Refusal::KeyNow { .. }])
        ),
        "{name}: {error:?}"
    );
    assert!(verify_rpm(bytes.clone(), &ring, now(), KeyAge::ValidWhenSigned).is_ok());
}

#[test]
fn no_published_package_survives_a_changed_byte() {
    let (Some(packages), Some(keys)) = (read("signed-rpms"), read("keys")) else {
        return;
    };
    let ring = Keyring::from_files(keys).unwrap();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for (name, bytes) in &packages {
        for _ in 0..1000 {
            let at = usize::try_from(random.next() % bytes.len() as u64).unwrap();
            let change = u8::try_from(random.next() % 255 + 1).unwrap();
            assert!(!accepted(bytes, at, change, &ring), "{name}: byte {at} ^ {change:#04x}");
        }
    }
}

// Packages made for the run.

/// A small generator: the same changes on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Whether a package with one byte changed is still taken, and unpacked to its end.
fn accepted(bytes: &[u8], at: usize, change: u8, ring: &Keyring) -> bool {
    let mut changed = bytes.to_vec();
    changed[at] ^= change;
    verify_rpm(changed, ring, now(), KeyAge::ValidWhenSigned).is_ok_and(|verified| {
        let archive = verified.archive().unwrap();
        archive
            .for_each_entry(|_, _| Ok::<_, qclock_packages::rpm::ArchiveError>(()))
            .is_ok()
    })
}

fn key_with(validity: Duration, suite: CipherSuite) -> Cert {
    CertBuilder::new()
        .add_userid("Packages <packages@example.org>")
        .set_cipher_suite(suite)
        .set_creation_time(now() - YEAR)
        .set_validity_period(validity)
        .set_primary_key_flags(
            sequoia_openpgp::types::KeyFlags::empty()
                .set_certification()
                .set_signing(),
        )
        .generate()
        .unwrap()
        .0
}

fn key() -> Cert {
    key_with(2 * YEAR, CipherSuite::Cv25519)
}

fn pair(key: &Cert) -> KeyPair {
    let policy = StandardPolicy::new();
    let usable = key
        .keys()
        .secret()
        .with_policy(&policy, now() - YEAR + DAY)
        .for_signing();
    usable.last().unwrap().key().clone().into_keypair().unwrap()
}

fn ring(keys: &[&Cert]) -> Keyring {
    let files = keys
        .iter()
        .map(|key| ("key.gpg", (*key).clone().strip_secret_key_material().to_vec().unwrap()));
    Keyring::from_files(files).unwrap()
}

fn sign(key: &Cert, data: &[u8], at: SystemTime) -> Value {
    let builder = SignatureBuilder::new(SignatureType::Binary)
        .set_signature_creation_time(at)
        .unwrap();
    let signature = builder.sign_message(&mut pair(key), data).unwrap();
    Value::Binary(Packet::from(signature).to_vec().unwrap())
}

/// As `rpmsign` writes them for keys like Oracle's.
fn sign_v3(key: &Cert, data: &[u8], at: SystemTime) -> Value {
    let mut pair = pair(key);
    let (algorithm, hash) = (pair.public().pk_algo(), HashAlgorithm::SHA256);
    let unsigned = |prefix, mpis| {
        Signature3::new(
            SignatureType::Binary,
            at.try_into().unwrap(),
            key.keyid(),
            algorithm,
            hash,
            prefix,
            mpis,
        )
    };
    let mut context = hash.context().unwrap().for_signature(3);
    context.update(data);
    let draft: Signature = unsigned(
        [0, 0],
        sequoia_openpgp::crypto::mpi::Signature::RSA { s: vec![1].into() },
    )
    .into();
    draft.hash(&mut context).unwrap();
    let digest = context.into_digest().unwrap();
    let mpis = pair.sign(hash, &digest).unwrap();
    let signature: Signature = unsigned([digest[0], digest[1]], mpis).into();
    Value::Binary(Packet::from(signature).to_vec().unwrap())
}

fn package() -> Rpm {
    Rpm::new(
        "sample",
        vec![
            File::directory("/usr/share/sample"),
            File::new("/usr/share/sample/a", b"content of a\n"),
            File::symlink("/usr/share/sample/b", "a"),
        ],
    )
}

fn signed(key: &Cert) -> Vec<u8> {
    package().build_signed(|header, _| Entries::from([(267, sign(key, header, now() - DAY))]))
}

#[test]
fn the_header_s_signature_covers_the_payload_by_its_digest() {
    let key = key();
    let verified = verify_rpm(signed(&key), &ring(&[&key]), now(), KeyAge::ValidNow).unwrap();
    let [signer] = verified.signers() else {
        panic!("one signature")
    };
    assert_eq!(signer.signed_by, key.fingerprint().to_hex());
    assert_eq!(signer.signed_at, now() - DAY);
    let archive = verified.archive().unwrap();
    assert_eq!(archive.identity().nevra(), "sample-1.0-1.el9.noarch");
    let mut paths = Vec::new();
    archive
        .for_each_entry(|entry, _| {
            paths.push(entry.path);
            Ok::<_, qclock_packages::rpm::ArchiveError>(())
        })
        .unwrap();
    assert_eq!(paths, ["usr/share/sample", "usr/share/sample/a", "usr/share/sample/b"]);
}

#[test]
fn a_signature_of_header_and_payload_is_enough_and_a_second_one_must_be_good_too() {
    let (key, other) = (key(), key());
    let whole = |bytes: &[u8]| sign(&key, bytes, now() - DAY);
    let alone = package().build_signed(|_, package| Entries::from([(1005, whole(package))]));
    assert_eq!(
        verify_rpm(alone, &ring(&[&key]), now(), KeyAge::ValidNow)
            .unwrap()
            .signers()
            .len(),
        1
    );
    let both = package().build_signed(|header, package| {
        Entries::from([
            (267, sign(&key, header, now() - DAY)),
            (1005, sign(&other, package, now() - DAY)),
        ])
    });
    assert!(verify_rpm(both.clone(), &ring(&[&key, &other]), now(), KeyAge::ValidNow).is_ok());
    let error = verify_rpm(both, &ring(&[&key]), now(), KeyAge::ValidNow).unwrap_err();
    assert!(
        matches!(
            error,
            RpmError::Signature {
                covers: "header and payload",
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn a_signature_of_version_3_is_accepted() {
    let key = key_with(2 * YEAR, CipherSuite::RSA2k);
    let sign_at = |data: &[u8]| sign_v3(&key, data, now() - DAY);
    let bytes = package().build_signed(|header, _| Entries::from([(268, sign_at(header))]));
    let verified = verify_rpm(bytes.clone(), &ring(&[&key]), now(), KeyAge::ValidNow).unwrap();
    assert_eq!(verified.signers()[0].signed_by, key.fingerprint().to_hex());
    let foreign = key_with(2 * YEAR, CipherSuite::RSA2k);
    assert!(verify_rpm(bytes, &ring(&[&foreign]), now(), KeyAge::ValidNow).is_err());
}

#[test]
fn a_package_without_a_signature_or_by_another_key_is_refused() {
    let (key, other) = (key(), key());
    let verify = |bytes, ring: &Keyring| verify_rpm(bytes, ring, now(), KeyAge::ValidNow).unwrap_err();
    assert!(matches!(verify(package().build(), &ring(&[&key])), RpmError::Unsigned));
    assert!(matches!(
        verify(signed(&other), &ring(&[&key])),
        RpmError::Signature { .. }
    ));
    assert!(matches!(
        verify(signed(&key), &Keyring::default()),
        RpmError::Signature { .. }
    ));
}

#[test]
fn an_expired_key_is_refused_and_accepted_only_when_asked_and_when_it_signed_in_time() {
    let key = key_with(YEAR / 2, CipherSuite::Cv25519);
    let ring = ring(&[&key]);
    let at = |time| package().build_signed(|header, _| Entries::from([(267, sign(&key, header, time))]));
    let in_time = at(now() - YEAR + 2 * DAY);
    assert!(verify_rpm(in_time.clone(), &ring, now(), KeyAge::ValidNow).is_err());
    assert!(verify_rpm(in_time, &ring, now(), KeyAge::ValidWhenSigned).is_ok());
    let too_late = at(now() - DAY);
    assert!(verify_rpm(too_late, &ring, now(), KeyAge::ValidWhenSigned).is_err());
}

#[test]
fn a_revoked_key_is_refused_even_if_it_was_revoked_after_it_signed() {
    let key = key();
    let revocation = CertRevocationBuilder::new()
        .set_signature_creation_time(now() - DAY / 2)
        .unwrap()
        .set_reason_for_revocation(ReasonForRevocation::KeyRetired, b"retired")
        .unwrap()
        .build(&mut pair(&key), &key, None)
        .unwrap();
    let (revoked, _) = key.clone().insert_packets(vec![Packet::from(revocation)]).unwrap();
    for age in [KeyAge::ValidNow, KeyAge::ValidWhenSigned] {
        let result = verify_rpm(signed(&key), &ring(&[&revoked]), now(), age);
        assert!(matches!(result, Err(RpmError::Signature { .. })), "{result:?}");
    }
}

#[test]
fn no_byte_of_a_package_can_be_changed() {
    let key = key();
    let bytes = package().build_signed(|header, package| {
        Entries::from([
            (267, sign(&key, header, now() - DAY)),
            (1005, sign(&key, package, now() - DAY)),
        ])
    });
    let ring = ring(&[&key]);
    assert!(accepted(&bytes, 0, 0, &ring));
    for at in 0..bytes.len() {
        for change in [0x01, 0x20, 0x80, 0xff] {
            assert!(!accepted(&bytes, at, change, &ring), "byte {at} ^ {change:#04x}");
        }
    }
    assert!(verify_rpm([bytes.as_slice(), b"\0"].concat(), &ring, now(), KeyAge::ValidNow).is_err());
}

#[test]
fn a_payload_whose_digest_nobody_signed_is_refused() {
    let key = key();
    let mut package = package();
    package.entries.insert(5093, Value::Int32(vec![1]));
    let bytes = package.build_signed(|header, _| Entries::from([(267, sign(&key, header, now() - DAY))]));
    let error = verify_rpm(bytes, &ring(&[&key]), now(), KeyAge::ValidNow).unwrap_err();
    assert!(
        matches!(error, RpmError::Algorithm { what: "payload digest" }),
        "{error:?}"
    );
}

#[test]
fn what_nobody_signs_must_be_as_it_always_is() {
    let key = key();
    let ring = ring(&[&key]);
    let with = |tag, value| {
        let bytes =
            package().build_signed(|header, _| Entries::from([(267, sign(&key, header, now() - DAY)), (tag, value)]));
        verify_rpm(bytes, &ring, now(), KeyAge::ValidNow).unwrap_err()
    };
    assert!(matches!(
        with(278, Value::Texts(vec!["x".to_owned()])),
        RpmError::Entry { tag: 278 }
    ));
    assert!(matches!(with(1008, Value::Binary(vec![0, 1])), RpmError::Reserved));
    assert!(matches!(
        with(1000, Value::Int32(vec![7])),
        RpmError::Mismatch { what: "size", .. }
    ));
    assert!(matches!(
        with(269, Value::Text("00".repeat(20))),
        RpmError::Mismatch { .. }
    ));
    assert!(matches!(
        with(1004, Value::Binary(vec![0; 16])),
        RpmError::Mismatch { .. }
    ));
}

#[test]
fn a_signature_made_for_another_purpose_is_refused() {
    let key = key();
    let bytes = package().build_signed(|header, _| {
        let builder = SignatureBuilder::new(SignatureType::Text);
        let builder = builder.set_signature_creation_time(now() - DAY).unwrap();
        let signature = builder.sign_message(&mut pair(&key), header).unwrap();
        Entries::from([(267, Value::Binary(Packet::from(signature).to_vec().unwrap()))])
    });
    let error = verify_rpm(bytes, &ring(&[&key]), now(), KeyAge::ValidNow).unwrap_err();
    assert!(
        matches!(
            error,
            RpmError::Packet {
                source: PacketFault::Purpose,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn the_package_is_compared_with_the_repository_s_record() {
    let key = key();
    let bytes = signed(&key);
    let record = RepositoryRecord {
        digest: Sha256::of(&bytes).into(),
        size: bytes.len() as u64,
        header_range: None,
        nevra: Some("sample-1.0-1.el9.noarch".to_owned()),
    };
    let verified = verify_rpm(bytes, &ring(&[&key]), now(), KeyAge::ValidNow).unwrap();
    verified.check_record(&record).unwrap();
    for wrong in [
        RepositoryRecord {
            size: record.size + 1,
            ..record.clone()
        },
        RepositoryRecord {
            digest: Sha256::of(b"").into(),
            ..record.clone()
        },
        RepositoryRecord {
            header_range: Some((0, 1)),
            ..record.clone()
        },
        RepositoryRecord {
            nevra: Some("other-1.0-1.el9.noarch".to_owned()),
            ..record.clone()
        },
    ] {
        assert!(verified.check_record(&wrong).is_err());
    }
}
