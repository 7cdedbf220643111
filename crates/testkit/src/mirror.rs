//! A Debian archive with a key of its own, served by a server that can be told to misbehave.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use sequoia_openpgp::Cert;
use sequoia_openpgp::cert::CertBuilder;
use sequoia_openpgp::policy::StandardPolicy;
use sequoia_openpgp::serialize::SerializeInto as _;
use sequoia_openpgp::serialize::stream::{Message, Signer};
use sequoia_openpgp::types::KeyFlags;
use sha2::Digest as _;

use crate::deb::Deb;
use crate::http::Server;

/// How far back the keys' making lies.
const AGE: Duration = Duration::from_hours(24 * 365);

/// A suite of an archive: `debian` and `bookworm`, `debian-security` and `bookworm-security`.
#[derive(Debug, Clone)]
pub struct Suite {
    pub archive: String,
    pub name: String,
    /// What it calls itself; its name but in tests of just that.
    pub codename: String,
    pub packages: Vec<Deb>,
    pub date: SystemTime,
    pub valid_until: Option<SystemTime>,
}

/// The archive.  What is changed is served after [`Mirror::publish`].
#[derive(Debug)]
pub struct Mirror {
    pub suites: Vec<Suite>,
    pub server: Server,
    key: Cert,
}

impl Suite {
    /// Dated an hour ago.
    pub fn new(archive: &str, name: &str) -> Self {
        Self {
            archive: archive.to_owned(),
            name: name.to_owned(),
            codename: name.to_owned(),
            packages: Vec::new(),
            date: SystemTime::now() - Duration::from_hours(1),
            valid_until: None,
        }
    }

    pub fn package(&mut self, name: &str) -> Result<&mut Deb> {
        let mut packages = self.packages.iter_mut();
        packages
            .find(|package| package.name == name)
            .with_context(|| format!("no package {name}"))
    }
}

impl Mirror {
    pub fn new() -> Result<Self> {
        let (key, _) = CertBuilder::new()
            .add_userid("Archive of a test <archive@example.org>")
            .set_creation_time(SystemTime::now() - AGE)
            .set_primary_key_flags(KeyFlags::empty().set_certification().set_signing())
            .generate()?;
        Ok(Self {
            suites: Vec::new(),
            server: Server::start()?,
            key,
        })
    }

    /// The public key, armored.
    pub fn key(&self) -> Result<Vec<u8>> {
        self.key.armored().to_vec()
    }

    pub fn suite(&mut self, name: &str) -> Result<&mut Suite> {
        let mut suites = self.suites.iter_mut();
        suites
            .find(|suite| suite.name == name)
            .with_context(|| format!("no suite {name}"))
    }

    /// The address of the archive `debian`.
    pub fn address(&self) -> String {
        format!("{}/debian", self.server.address())
    }

    /// Where a package's file lies on the server.
    pub fn pool_path(archive: &str, package: &Deb) -> String {
        let Deb {
            name,
            version,
            architecture,
            ..
        } = package;
        format!(
            "/{archive}/pool/main/{name}_{}_{architecture}.deb",
            version.replace(':', ".")
        )
    }

    /// Signs and serves the suites as they are now.
    pub fn publish(&self) -> Result<()> {
        let mut files = BTreeMap::new();
        for suite in &self.suites {
            self.publish_suite(suite, &mut files)?;
        }
        self.server.set_files(files);
        Ok(())
    }

    /// Writes what the server has below a folder: for media that are not served.
    pub fn write_to(&self, folder: &Path) -> Result<()> {
        let mut files = BTreeMap::new();
        for suite in &self.suites {
            self.publish_suite(suite, &mut files)?;
        }
        for (path, bytes) in files {
            let path = folder.join(path.trim_start_matches('/'));
            fs_err::create_dir_all(path.parent().context("no folder")?)?;
            fs_err::write(path, bytes)?;
        }
        Ok(())
    }

    fn publish_suite(&self, suite: &Suite, files: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
        let mut index = String::new();
        for package in &suite.packages {
            let bytes = package.build()?;
            let path = Self::pool_path(&suite.archive, package);
            let below = path.split_once("/pool/").map_or("", |(_, below)| below);
            let size = bytes.len();
            let stanza = package.stanza();
            let digest = hex(&bytes);
            write!(
                index,
                "{stanza}Filename: pool/{below}\nSize: {size}\nSHA256: {digest}\n\n"
            )?;
            files.insert(path, bytes);
        }
        let index = index.into_bytes();
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&index)?;
        let packed = packed.finish()?;

        let folder = format!("/{}/dists/{}", suite.archive, suite.name);
        let listed = |name: &str, bytes: &[u8]| format!(" {} {} main/binary-amd64/{name}\n", hex(bytes), bytes.len());
        let until = suite
            .valid_until
            .map(|until| format!("Valid-Until: {}\n", date(until)))
            .unwrap_or_default();
        let release = format!(
            "Origin: Debian\nSuite: oldstable\nCodename: {}\nDate: {}\n{until}Acquire-By-Hash: yes\nArchitectures: amd64\nComponents: main\nSHA256:\n{}{}",
            suite.codename,
            date(suite.date),
            listed("Packages", &index),
            listed("Packages.gz", &packed),
        );
        files.insert(format!("{folder}/InRelease"), self.sign(&release)?);
        files.insert(
            format!("{folder}/main/binary-amd64/by-hash/SHA256/{}", hex(&packed)),
            packed,
        );
        Ok(())
    }

    fn sign(&self, text: &str) -> Result<Vec<u8>> {
        let policy = StandardPolicy::new();
        let keys = self.key.keys().secret().with_policy(&policy, None).for_signing();
        let pair = keys
            .into_iter()
            .next()
            .context("the key cannot sign")?
            .key()
            .clone()
            .into_keypair()?;
        let mut signed = Vec::new();
        let mut signer = Signer::new(Message::new(&mut signed), pair)?.cleartext().build()?;
        signer.write_all(text.as_bytes())?;
        signer.finalize()?;
        Ok(signed)
    }
}

/// Of bytes, lower-case.
pub fn hex(bytes: &[u8]) -> String {
    let digits = |byte: u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0'));
    sha2::Sha256::digest(bytes).into_iter().flat_map(digits).collect()
}

/// `Sat, 06 Sep 2025 10:07:04 UTC`.
fn date(moment: SystemTime) -> String {
    let seconds = moment
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let (days, seconds) = (seconds / 86_400, seconds % 86_400);
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][usize::try_from(days % 7).unwrap_or(0)];
    let (year, month, day) = civil(days);
    let month = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ][month - 1];
    format!(
        "{weekday}, {day:02} {month} {year} {:02}:{:02}:{:02} UTC",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// Days since 1970 to year, month, day.
fn civil(mut days: u64) -> (u64, usize, u64) {
    let mut year = 1970;
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    (year, month + 1, days + 1)
}
