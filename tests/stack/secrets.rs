//! Where the generated passwords are, and where they must not be: searched for letter by letter, in everything that people and programs
//! can look into.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use memchr::memmem::Finder;
use qclock_testkit::stack::{IMAGES, SERVICES, Stack};

/// A file in memory that must hold one: the database's driver reads it at each new connection, and takes it no other way.
const NEEDED: [(&str, &str, &str); 1] = [("identity", "/run/keycloak/pgpass", "identity_db_password")];

const CHUNK: usize = 1 << 20;

pub(crate) fn nowhere_to_be_seen(stack: &Stack) -> Result<()> {
    let secrets = Secrets::read(&stack.folder().join("secrets"))?;
    let mut searched = 0;
    for service in SERVICES {
        for (place, text) in told(stack, service)? {
            secrets.are_not_in(&format!("{place} of {service}"), text.as_bytes())?;
            // `{"` in base64: so begins every JSON Web Token; those of people who signed in before are in no address that is logged.
            ensure!(!text.contains("=eyJ"), "a token is in {place} of {service}");
        }
        for process in stack.processes(service, "")? {
            for part in ["environ", "cmdline"] {
                let place = format!("/proc/{}/{part} ({} of {service})", process.pid, process.program);
                // A process that has ended meanwhile tells nothing any more.
                let bytes = fs_err::read(format!("/proc/{}/{part}", process.pid)).unwrap_or_default();
                secrets.are_not_in(&place, &bytes)?;
            }
        }
        searched += files_of_container(stack, service, &secrets)?;
        searched += files_in_memory(stack, service, &secrets)?;
    }
    searched += blobs(stack, &secrets)?;
    println!(
        "    {} secrets are nowhere in {} MB",
        secrets.0.len(),
        searched / 1_000_000
    );
    Ok(())
}

struct Secrets(Vec<(String, Finder<'static>)>);

impl Secrets {
    fn read(folder: &Path) -> Result<Self> {
        let mut found = Vec::new();
        for entry in fs_err::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let secret = fs_err::read_to_string(&path)?.trim().to_owned();
            ensure!(secret.len() >= 20, "`{name}` is no generated secret");
            found.push((name, Finder::new(&secret).into_owned()));
        }
        ensure!(
            found.len() >= 11,
            "only {} secrets in {}",
            found.len(),
            folder.display()
        );
        Ok(Self(found))
    }

    fn of(&self, bytes: &[u8]) -> Vec<&str> {
        let among = self.0.iter().filter(|(_, finder)| finder.find(bytes).is_some());
        among.map(|(name, _)| name.as_str()).collect()
    }

    fn are_not_in(&self, place: &str, bytes: &[u8]) -> Result<()> {
        let found = self.of(bytes);
        ensure!(found.is_empty(), "{found:?} in {place}");
        Ok(())
    }

    /// The same for what is too long to be held; returns how long it was.
    fn are_not_in_stream(&self, place: &str, mut stream: impl Read) -> Result<u64> {
        let longest = self
            .0
            .iter()
            .map(|(_, finder)| finder.needle().len())
            .max()
            .unwrap_or(0);
        let (mut bytes, mut total) = (Vec::with_capacity(CHUNK + longest), 0);
        loop {
            let read = stream.by_ref().take(CHUNK as u64).read_to_end(&mut bytes)?;
            self.are_not_in(place, &bytes)?;
            if read == 0 {
                return Ok(total);
            }
            total += read as u64;
            // One may lie across the border.
            bytes.drain(..bytes.len().saturating_sub(longest));
        }
    }
}

fn told(stack: &Stack, service: &str) -> Result<[(&'static str, String); 3]> {
    let container = stack.inspect(service)?;
    let image = container["Image"].as_str().context("no image")?;
    Ok([
        ("docker inspect", container.to_string()),
        ("docker logs", stack.logs(service)?),
        (
            "docker image inspect and history",
            stack.run("docker", &["image", "inspect", image])?
                + &stack.run("docker", &["history", "--no-trunc", image])?,
        ),
    ])
}

/// The image's files and whatever the container wrote over them; what is mounted is not among it.
fn files_of_container(stack: &Stack, service: &str, secrets: &Secrets) -> Result<u64> {
    let mut export = Command::new("docker")
        .args(["export", &stack.container(service)?])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let stream = export.stdout.take().context("no output")?;
    let length = secrets.are_not_in_stream(&format!("the files of {service}"), stream);
    ensure!(export.wait()?.success(), "docker export of {service}");
    let length = length?;
    ensure!(length > 1_000_000, "{service} has only {length} bytes of files");
    Ok(length)
}

/// What lies in its memory file systems, seen through the eyes of its first process.
fn files_in_memory(stack: &Stack, service: &str, secrets: &Secrets) -> Result<u64> {
    let container = stack.inspect(service)?;
    let process = format!("/proc/{}", container["State"]["Pid"]);
    let mounts = fs_err::read_to_string(format!("{process}/mountinfo"))?;
    let mut searched = 0;
    let mut folders = 0;
    for place in mounts.lines().filter_map(memory_folder) {
        folders += 1;
        let mut files = Vec::new();
        collect(Path::new(&format!("{process}/root{place}")), &mut files)?;
        for file in files {
            let inside = file.to_string_lossy().replacen(&format!("{process}/root"), "", 1);
            if inside.starts_with("/run/secrets/") {
                continue;
            }
            // What has gone since it was listed holds nothing.
            let Ok(bytes) = std::fs::read(&file) else { continue };
            searched += bytes.len() as u64;
            let allowed = |secret: &str| NEEDED.contains(&(service, inside.as_str(), secret));
            let found: Vec<_> = secrets
                .of(&bytes)
                .into_iter()
                .filter(|secret| !allowed(secret))
                .collect();
            ensure!(found.is_empty(), "{found:?} in {inside} of {service}");
        }
    }
    ensure!(
        folders >= 2,
        "{service} has {folders} memory file systems, not /run and /tmp"
    );
    Ok(searched)
}

/// Of a line of `mountinfo`: where it is, when it is in memory and ours.
fn memory_folder(line: &str) -> Option<&str> {
    let (left, right) = line.split_once(" - ")?;
    let place = left.split(' ').nth(4)?;
    let ours = ["/run", "/tmp"].contains(&place);
    (right.starts_with("tmpfs ") && ours).then_some(place)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    // A folder that has gone since it was listed holds nothing.
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry?;
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            collect(&entry.path(), files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// What the factory has written, unpacked: layers, manifests, evidence.
fn blobs(stack: &Stack, secrets: &Secrets) -> Result<u64> {
    let folder = stack
        .root()
        .join("dist")
        .join(stack.flavour.name())
        .join("blobs/sha256");
    let (mut searched, mut layers) = (0, 0);
    for entry in fs_err::read_dir(&folder)? {
        let path = entry?.path();
        let mut file = fs_err::File::open(&path)?;
        let mut start = [0; 2];
        let packed = file.read_exact(&mut start).is_ok() && start == [0x1f, 0x8b];
        let file = fs_err::File::open(&path)?;
        let place = format!("the blob {}", path.display());
        searched += if packed {
            layers += 1;
            secrets.are_not_in_stream(&place, flate2::read::MultiGzDecoder::new(file))?
        } else {
            secrets.are_not_in_stream(&place, file)?
        };
    }
    ensure!(layers >= IMAGES.len(), "only {layers} layers in {}", folder.display());
    Ok(searched)
}
