//! An archive out of a Maven repository, by the machine's own `mvn`: which repositories it asks, through which proxy and as whom, is
//! decided by its settings, as for every other build on the machine.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use fs_err as fs;
use qclock_trust::Sha256;
use thiserror::Error;

use crate::cache::{CacheError, MAVEN_REPOSITORY};
use crate::definition::{Coordinate, UpstreamArchive};
use crate::fetch::Progress;
use crate::supply::Supply;

/// The version is named so that the same plugin runs everywhere.
const GOAL: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:get";
/// How long nothing may arrive.
const STALLED: Duration = Duration::from_secs(180);
const LONGEST: Duration = Duration::from_secs(3600);
/// How often the file is looked at, to tell of its progress.
const LOOK: Duration = Duration::from_millis(250);
/// Of what `mvn` says.
const LONGEST_OUTPUT: u64 = 1 << 20;
const PIECE: usize = 1 << 18;

#[derive(Debug, Error)]
pub enum MavenError {
    #[error("there is no such program")]
    Missing,
    #[error("it cannot be run")]
    Run(#[source] io::Error),
    #[error("it ended with {status}{said}")]
    Failed { status: String, said: String },
    #[error("nothing came for {} s", after.as_secs())]
    Stalled { after: Duration },
    #[error("it ended well, but the file is not where it should be")]
    Absent,
    #[error("the file cannot be read")]
    Read(#[source] io::Error),
    #[error("it has {found} bytes, not {expected}")]
    Size { found: u64, expected: u64 },
    #[error("expected sha256 {expected}, found {found}")]
    Digest { expected: Sha256, found: String },
    #[error(transparent)]
    Cache(#[from] CacheError),
}

impl MavenError {
    pub(super) fn is_wrong(&self) -> bool {
        matches!(self, Self::Size { .. } | Self::Digest { .. })
    }
}

pub(super) fn fetch(
    archive: &UpstreamArchive,
    coordinate: &Coordinate<'_>,
    digest: &Sha256,
    supply: &Supply<'_>,
) -> Result<(), MavenError> {
    // A repository of its own, so that nothing is left behind; beside the cache, where there is room.
    let folder = tempfile::Builder::new()
        .prefix(MAVEN_REPOSITORY)
        .tempdir_in(supply.cache.make_root()?);
    let folder = folder.map_err(MavenError::Run)?;
    let what = format!("{} {}", archive.name, archive.version);
    supply.progress.begin(&what, archive.size);
    let mut meter = Meter {
        folder: place(folder.path(), coordinate),
        progress: supply.progress,
        told: 0,
        size: archive.size,
    };
    let result = run(folder.path(), coordinate, &mut meter);
    meter.reached(if result.is_ok() { archive.size } else { 0 });
    supply.progress.end();
    result?;
    keep(&meter.folder.join(coordinate.file_name()), archive.size, digest, supply)
}

fn run(repository: &Path, coordinate: &Coordinate<'_>, meter: &mut Meter<'_>) -> Result<(), MavenError> {
    let Coordinate {
        group,
        artifact,
        version,
        packaging,
    } = coordinate;
    let mut child = Command::new("mvn")
        .args(["--batch-mode", "--quiet", GOAL, "-Dtransitive=false"])
        .arg(format!("-Dartifact={group}:{artifact}:{version}:{packaging}"))
        .arg(format!("-Dmaven.repo.local={}", repository.display()))
        // No project of somebody else's is to be found in a folder above.
        .current_dir(repository)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => MavenError::Missing,
            _ => MavenError::Run(error),
        })?;
    let said = match watch(&mut child, meter) {
        Ok(said) => said,
        Err(error) => {
            // It may have ended in between.
            let _ = child.kill();
            let _ = child.wait();
            return Err(error);
        }
    };
    let status = child.wait().map_err(MavenError::Run)?;
    if status.success() {
        return Ok(());
    }
    Err(MavenError::Failed {
        status: status.to_string(),
        said: said_of(&String::from_utf8_lossy(&said)),
    })
}

/// Until it has closed its output, which it does when it ends.
fn watch(child: &mut Child, meter: &mut Meter<'_>) -> Result<Vec<u8>, MavenError> {
    let (sender, receiver) = mpsc::channel();
    let output = child.stdout.take();
    std::thread::spawn(move || {
        let mut said = Vec::new();
        if let Some(output) = output {
            let mut output = output.take(LONGEST_OUTPUT);
            // What cannot be read is not told.
            let _ = output.read_to_end(&mut said);
            let _ = io::copy(&mut output.into_inner(), &mut io::sink());
        }
        // Nobody listens any more when it took too long.
        let _ = sender.send(said);
    });
    let begun = Instant::now();
    let mut moved = begun;
    loop {
        match receiver.recv_timeout(LOOK) {
            Ok(said) => return Ok(said),
            Err(RecvTimeoutError::Disconnected) => return Ok(Vec::new()),
            Err(RecvTimeoutError::Timeout) => {
                if meter.look() {
                    moved = Instant::now();
                }
                if moved.elapsed() > STALLED || begun.elapsed() > LONGEST {
                    return Err(MavenError::Stalled { after: moved.elapsed() });
                }
            }
        }
    }
}

/// How far a download is that another program makes: the size of the largest file in the folder where it puts it.
struct Meter<'a> {
    folder: PathBuf,
    progress: &'a dyn Progress,
    told: u64,
    size: u64,
}

impl Meter<'_> {
    fn look(&mut self) -> bool {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let sizes = entries.filter_map(|entry| Some(entry.metadata().ok()?.len()));
        let largest = sizes.max().unwrap_or_default();
        self.reached(largest)
    }

    fn reached(&mut self, length: u64) -> bool {
        let length = length.min(self.size);
        if length <= self.told {
            return false;
        }
        self.progress.advance(length - self.told);
        self.told = length;
        true
    }
}

/// A repository's layout: `org/keycloak/keycloak-quarkus-dist/23.0.7`.
fn place(repository: &Path, coordinate: &Coordinate<'_>) -> PathBuf {
    let mut place = repository.to_owned();
    place.extend(coordinate.group.split('.'));
    place.join(coordinate.artifact).join(coordinate.version)
}

fn keep(file: &Path, size: u64, digest: &Sha256, supply: &Supply<'_>) -> Result<(), MavenError> {
    let mut source = match fs::File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(MavenError::Absent),
        opened => opened.map_err(MavenError::Read)?,
    };
    let found = source.metadata().map_err(MavenError::Read)?.len();
    if found != size {
        return Err(MavenError::Size { found, expected: size });
    }
    let mut partial = supply.cache.partial(digest, size)?;
    partial.restart()?;
    let mut buffer = vec![0; PIECE];
    loop {
        let count = source.read(&mut buffer).map_err(MavenError::Read)?;
        if count == 0 {
            break;
        }
        partial.append(&buffer[..count])?;
    }
    match partial.finish(supply.cache)? {
        Ok(()) => Ok(()),
        Err(found) => Err(MavenError::Digest {
            expected: *digest,
            found: found.to_string(),
        }),
    }
}

/// The first error that it tells, which is the one that counts.
fn said_of(output: &str) -> String {
    let error = output.lines().find_map(|line| line.strip_prefix("[ERROR] "));
    let line = error.or_else(|| output.lines().find(|line| !line.trim().is_empty()));
    line.map(|line| {
        let line: String = line.chars().filter(|letter| !letter.is_control()).take(400).collect();
        format!(": {}", line.trim())
    })
    .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_mvn_says_the_first_error_is_told() {
        let output = "[WARNING] slow\n[ERROR] Couldn't download artifact: \u{1b}[1mx\n[ERROR] more\n";
        assert_eq!(said_of(output), ": Couldn't download artifact: [1mx");
        assert_eq!(said_of("\nmvn: line 3: no java\n"), ": mvn: line 3: no java");
        assert_eq!(said_of(""), "");
    }

    #[test]
    fn a_file_is_where_a_repository_keeps_it() {
        let coordinate = Coordinate::parse("org.keycloak:keycloak-quarkus-dist:23.0.7:tar.gz").unwrap();
        let place = place(Path::new("/r"), &coordinate);
        assert_eq!(place, Path::new("/r/org/keycloak/keycloak-quarkus-dist/23.0.7"));
    }
}
