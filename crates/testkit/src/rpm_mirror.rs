//! Repositories of signed RPM packages with a key of their own, served or written to a folder.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use sequoia_openpgp::cert::CertBuilder;
use sequoia_openpgp::packet::signature::SignatureBuilder;
use sequoia_openpgp::policy::StandardPolicy;
use sequoia_openpgp::serialize::SerializeInto as _;
use sequoia_openpgp::types::{KeyFlags, SignatureType};
use sequoia_openpgp::{Cert, Packet};

use crate::http::Server;
use crate::mirror::hex;
use crate::rpm::{Entries, Rpm, Value};

/// How far back the keys' making lies.
const AGE: Duration = Duration::from_hours(24 * 365);

/// A repository below the mirror's address.
#[derive(Debug, Clone)]
pub struct Repository {
    /// `OL9/appstream/x86_64`.
    pub path: String,
    pub packages: Vec<Rpm>,
    /// The text of `modules.yaml`.
    pub modules: Option<String>,
    /// Seconds since 1970 at which it says that it was made.
    pub revision: u64,
    /// Of what kind its checksums are: `sha256`, `sha384` or `sha512`.
    pub digests: &'static str,
    /// Whether `repomd.xml.asc` is written.
    pub signed: bool,
    /// Changes `primary.xml` before its checksum is taken: from and to.
    pub tampered: Vec<(String, String)>,
}

/// The mirror.  What is changed is served after [`RpmMirror::publish`].
#[derive(Debug)]
pub struct RpmMirror {
    pub repositories: Vec<Repository>,
    pub server: Server,
    key: Cert,
    /// Signed once: a second signature would be another one.
    signed: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl Repository {
    pub fn new(path: &str, packages: Vec<Rpm>) -> Self {
        Self {
            path: path.to_owned(),
            packages,
            modules: None,
            revision: 1_750_000_000,
            digests: "sha256",
            signed: false,
            tampered: Vec::new(),
        }
    }

    pub fn package(&mut self, name: &str) -> Result<&mut Rpm> {
        let mut packages = self.packages.iter_mut();
        packages
            .find(|package| package.name == name)
            .with_context(|| format!("no package {name}"))
    }
}

impl RpmMirror {
    pub fn new() -> Result<Self> {
        let (key, _) = CertBuilder::new()
            .add_userid("Packages of a test <packages@example.org>")
            .set_creation_time(SystemTime::now() - AGE)
            .set_primary_key_flags(KeyFlags::empty().set_certification().set_signing())
            .generate()?;
        Ok(Self {
            repositories: Vec::new(),
            server: Server::start()?,
            key,
            signed: Mutex::default(),
        })
    }

    /// The public key, armored.
    pub fn key(&self) -> Result<Vec<u8>> {
        self.key.clone().strip_secret_key_material().armored().to_vec()
    }

    pub fn repository(&mut self, path: &str) -> Result<&mut Repository> {
        let mut repositories = self.repositories.iter_mut();
        repositories
            .find(|repository| repository.path == path)
            .with_context(|| format!("no repository {path}"))
    }

    /// Where a package's file lies on the server.
    pub fn package_path(repository: &str, package: &Rpm) -> String {
        format!("/{repository}/{}", location(package))
    }

    /// The package's file, signed.
    pub fn signed(&self, package: &Rpm) -> Result<Vec<u8>> {
        let mut known = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        let plain = hex(&package.build());
        if let Some(bytes) = known.get(&plain) {
            return Ok(bytes.clone());
        }
        let mut failure = None;
        let bytes = package.build_signed(|header, _| match self.signature(header) {
            Ok(signature) => Entries::from([(267, Value::Binary(signature))]),
            Err(error) => {
                failure = Some(error);
                Entries::new()
            }
        });
        if let Some(error) = failure {
            return Err(error);
        }
        known.insert(plain, bytes.clone());
        Ok(bytes)
    }

    /// Signs and serves the repositories as they are now.
    pub fn publish(&self) -> Result<()> {
        self.server.set_files(self.files()?);
        Ok(())
    }

    /// Writes what the server has below a folder: for media that are not served.
    pub fn write_to(&self, folder: &Path) -> Result<()> {
        for (path, bytes) in self.files()? {
            let path = folder.join(path.trim_start_matches('/'));
            fs_err::create_dir_all(path.parent().context("no folder")?)?;
            fs_err::write(path, bytes)?;
        }
        Ok(())
    }

    fn files(&self) -> Result<BTreeMap<String, Vec<u8>>> {
        let mut files = BTreeMap::new();
        for repository in &self.repositories {
            self.add_repository(repository, &mut files)?;
        }
        Ok(files)
    }

    fn add_repository(&self, repository: &Repository, files: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
        let mut packages = String::new();
        let mut lists = String::new();
        for package in &repository.packages {
            let bytes = self.signed(package)?;
            packages.push_str(&primary_entry(package, &bytes, repository.digests)?);
            lists.push_str(&filelists_entry(package, &bytes, repository.digests)?);
            files.insert(Self::package_path(&repository.path, package), bytes);
        }
        let count = repository.packages.len();
        let mut primary = format!(
            "<metadata xmlns=\"http://linux.duke.edu/metadata/common\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" \
             packages=\"{count}\">\n{packages}</metadata>\n"
        );
        for (from, to) in &repository.tampered {
            primary = primary.replace(from, to);
        }
        let mut data = vec![
            ("primary", "primary.xml", primary),
            (
                "filelists",
                "filelists.xml",
                format!("<filelists packages=\"{count}\">\n{lists}</filelists>\n"),
            ),
        ];
        if let Some(modules) = &repository.modules {
            data.push(("modules", "modules.yaml", modules.clone()));
        }
        let mut repomd = format!("<repomd><revision>{}</revision>\n", repository.revision);
        for (kind, name, text) in data {
            let digest = digest(repository.digests, text.as_bytes());
            let place = format!("repodata/{digest}-{name}");
            writeln!(
                repomd,
                "<data type=\"{kind}\"><checksum type=\"{}\">{digest}</checksum><location href=\"{place}\"/><size>{}</size></data>",
                repository.digests,
                text.len()
            )?;
            files.insert(format!("/{}/{place}", repository.path), text.into_bytes());
        }
        repomd.push_str("</repomd>\n");
        let place = format!("/{}/repodata/repomd.xml", repository.path);
        if repository.signed {
            files.insert(format!("{place}.asc"), self.signature(repomd.as_bytes())?);
        }
        files.insert(place, repomd.into_bytes());
        Ok(())
    }

    /// A detached signature, binary, of an hour ago.
    fn signature(&self, data: &[u8]) -> Result<Vec<u8>> {
        let policy = StandardPolicy::new();
        let usable = self.key.keys().secret().with_policy(&policy, None).for_signing();
        let key = usable.into_iter().next().context("the key cannot sign")?;
        let mut pair = key.key().clone().into_keypair()?;
        let signature = SignatureBuilder::new(SignatureType::Binary)
            .set_signature_creation_time(SystemTime::now() - Duration::from_hours(1))?
            .sign_message(&mut pair, data)?;
        Packet::from(signature).to_vec()
    }
}

fn digest(kind: &str, bytes: &[u8]) -> String {
    use sha2::Digest as _;
    let text = |digest: &[u8]| digest.iter().map(|byte| format!("{byte:02x}")).collect();
    match kind {
        "sha512" => text(&sha2::Sha512::digest(bytes)),
        "sha384" => text(&sha2::Sha384::digest(bytes)),
        _ => hex(bytes),
    }
}

fn location(package: &Rpm) -> String {
    let Rpm {
        name,
        version,
        release,
        architecture,
        ..
    } = package;
    format!("getPackage/{name}-{version}-{release}.{architecture}.rpm")
}

fn primary_entry(package: &Rpm, bytes: &[u8], digests: &str) -> Result<String> {
    let (start, end) = header_range(bytes)?;
    let names = |list: &[String]| -> String {
        list.iter()
            .map(|name| format!("<rpm:entry name=\"{}\"/>", escaped(name)))
            .collect()
    };
    let (version, release) = (&package.version, &package.release);
    let paths: String = package
        .files
        .iter()
        .map(|file| format!("<file>{}</file>", escaped(&file.path)))
        .collect();
    let installed: usize = package.files.iter().map(|file| file.content.len()).sum();
    Ok(format!(
        "<package type=\"rpm\"><name>{name}</name><arch>{architecture}</arch><version epoch=\"0\" ver=\"{version}\" rel=\"{release}\"/>\
         <checksum type=\"{digests}\" pkgid=\"YES\">{digest}</checksum><time file=\"1700000000\" build=\"1700000000\"/>\
         <size package=\"{size}\" installed=\"{installed}\" archive=\"{installed}\"/><location href=\"{location}\"/>\
         <format><rpm:license>MIT</rpm:license><rpm:sourcerpm>{name}-{version}-{release}.src.rpm</rpm:sourcerpm>\
         <rpm:header-range start=\"{start}\" end=\"{end}\"/>\
         <rpm:provides><rpm:entry name=\"{name}\" flags=\"EQ\" epoch=\"0\" ver=\"{version}\" rel=\"{release}\"/>{provides}</rpm:provides>\
         <rpm:requires>{requires}</rpm:requires>{paths}</format></package>\n",
        name = package.name,
        architecture = package.architecture,
        digest = digest(digests, bytes),
        size = bytes.len(),
        location = location(package),
        provides = names(&package.provides),
        requires = names(&package.requires),
    ))
}

fn filelists_entry(package: &Rpm, bytes: &[u8], digests: &str) -> Result<String> {
    let mut entry = String::new();
    write!(
        entry,
        "<package pkgid=\"{}\" name=\"{}\" arch=\"{}\"><version epoch=\"0\" ver=\"{}\" rel=\"{}\"/>",
        digest(digests, bytes),
        package.name,
        package.architecture,
        package.version,
        package.release
    )?;
    for file in &package.files {
        write!(entry, "<file>{}</file>", escaped(&file.path))?;
    }
    entry.push_str("</package>\n");
    Ok(entry)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// Where the header lies in the file.
fn header_range(bytes: &[u8]) -> Result<(usize, usize)> {
    const LEAD: usize = 96;
    let end = |start: usize| {
        let number = |at: usize| -> Result<usize> {
            let raw: [u8; 4] = bytes.get(at..at + 4).context("cut off")?.try_into()?;
            Ok(usize::try_from(u32::from_be_bytes(raw))?)
        };
        anyhow::Ok(start + 16 + 16 * number(start + 8)? + number(start + 12)?)
    };
    let signature = end(LEAD)?;
    let start = LEAD + (signature - LEAD).next_multiple_of(8);
    Ok((start, end(start)?))
}
