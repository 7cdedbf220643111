//! One repository: its `repomd.xml`, and what that names.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Mutex;

use fs_err as fs;
use qclock_packages::rpm::{Index, MetadataFile, Modules, Owners, Repomd, read_filelists, read_primary};
use qclock_solver::rpm::FileLists;
use qclock_trust::{Sha256, check_digest};

use super::source::is_inside;
use super::stored::{self, modules_from_text, modules_to_text, owners_from_text, owners_to_text};
use super::stream::unpacked;
use super::{Means, Place, ResolveError, Source};
use crate::cache::{Cache, Found};
use crate::fetch::Wanted;

/// Largest `repomd.xml`, and largest of the other files.
const LARGEST_REPOMD: u64 = 4 << 20;
const LARGEST_FILE: u64 = 1 << 30;
/// dnf's default; all repositories of a question are alike.
const PRIORITY: u32 = 99;
/// Folders of the cache.  The form of an index is told by the index itself.
const INDEXES: &str = "rpm-index";
const MODULES: &str = "rpm-modules";
const OWNERS: &str = "rpm-owners";

#[derive(Debug)]
pub(super) struct Repository {
    pub(super) name: String,
    place: Place,
    repomd: Repomd,
    pub(super) index: Index,
    modules: Option<Modules>,
    owners: Option<Owners>,
    /// Where the index is to be kept, when it was not.
    unkept: Option<String>,
}

/// Reads all repositories at the same time.
pub(super) fn load_all(sources: &[Source], means: Means<'_>) -> Result<Vec<Repository>, ResolveError> {
    for (position, source) in sources.iter().enumerate() {
        if sources[..position].iter().any(|other| other.name == source.name) {
            return Err(ResolveError::SameName {
                name: source.name.clone(),
            });
        }
    }
    // The fetcher tells progress from one thread at a time.
    let fetching = Mutex::new(());
    let (cache, fetcher) = (means.cache, means.fetcher);
    let loaded: Vec<Result<Repository, ResolveError>> = std::thread::scope(|scope| {
        let threads: Vec<_> = sources
            .iter()
            .map(|source| {
                let fetching = &fetching;
                let progress = means.progress;
                scope.spawn(move || {
                    let means = Means {
                        cache,
                        fetcher,
                        progress,
                    };
                    Repository::load(source, means, fetching)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    loaded.into_iter().collect()
}

impl Repository {
    fn load(source: &Source, means: Means<'_>, fetching: &Mutex<()>) -> Result<Self, ResolveError> {
        let reader = Reader {
            name: &source.name,
            place: &source.place,
            means,
            fetching,
        };
        let bytes = reader.repomd()?;
        let repomd = Repomd::parse(&bytes).map_err(|error| ResolveError::Xml {
            name: source.name.clone(),
            file: "repomd.xml".to_owned(),
            source: error,
        })?;
        let primary = repomd.files.get("primary").ok_or_else(|| ResolveError::Missing {
            name: source.name.clone(),
            what: "primary",
        })?;
        let (index, unkept) = reader.index(primary)?;
        let modules = repomd
            .files
            .get("modules")
            .map(|file| reader.modules(file))
            .transpose()?;
        Ok(Self {
            name: source.name.clone(),
            place: source.place.clone(),
            index,
            modules,
            owners: None,
            unkept,
            repomd,
        })
    }

    pub(super) fn view(&self) -> qclock_solver::rpm::Repository<'_> {
        qclock_solver::rpm::Repository {
            name: &self.name,
            index: &self.index,
            files: match (&self.owners, self.repomd.files.contains_key("filelists")) {
                (Some(owners), _) => FileLists::Read(owners),
                (None, true) => FileLists::Unread,
                (None, false) => FileLists::None,
            },
            modules: self.modules.as_ref(),
            priority: PRIORITY,
        }
    }

    /// Whether it was read from XML just now.
    pub(super) fn is_new(&self) -> bool {
        self.unkept.is_some()
    }

    /// Keeps what was read from XML.  It checks itself when it is read back, so it need not wait for the disk; and a full or
    /// read-only disk only costs time on the next question.
    pub(super) fn keep(&self, cache: &Cache) {
        if let Some(key) = &self.unkept {
            let _ = stored::keep(&cache.root().join(INDEXES), key, self.index.as_bytes());
        }
    }

    /// Finds who has these paths, where the repository has a list of its files.
    pub(super) fn read_filelists(&mut self, wanted: &HashSet<&str>, means: Means<'_>) -> Result<(), ResolveError> {
        let Some(file) = self.repomd.files.get("filelists") else {
            return Ok(());
        };
        let fetching = Mutex::new(());
        let reader = Reader {
            name: &self.name,
            place: &self.place,
            means,
            fetching: &fetching,
        };
        let primary = self
            .repomd
            .files
            .get("primary")
            .map_or("", |file| file.checksum.1.as_str());
        self.owners = Some(reader.owners(file, &self.index, primary, wanted)?);
        Ok(())
    }
}

struct Reader<'a> {
    name: &'a str,
    place: &'a Place,
    means: Means<'a>,
    fetching: &'a Mutex<()>,
}

impl Reader<'_> {
    fn repomd(&self) -> Result<Vec<u8>, ResolveError> {
        const PATH: &str = "repodata/repomd.xml";
        match self.place {
            Place::Folder(folder) => {
                let is_debian = |folder: &Path| folder.join("dists").is_dir() || folder.join("InRelease").is_file();
                if !folder.join(PATH).exists() && is_debian(folder) {
                    return Err(ResolveError::DebianArchive {
                        name: self.name.to_owned(),
                    });
                }
                self.read_file(folder, PATH, LARGEST_REPOMD)
            }
            Place::Address(address) => {
                let fetcher = self.means.fetcher.ok_or_else(|| self.offline())?;
                let address = address.join(PATH).map_err(|_| self.offline())?;
                let name = format!("`repomd.xml` of repository `{}`", self.name);
                Ok(fetcher.small(&name, &address, LARGEST_REPOMD)?)
            }
        }
    }

    /// The index, and where it is to be kept when it was read from XML.
    fn index(&self, file: &MetadataFile) -> Result<(Index, Option<String>), ResolveError> {
        let digest = self.digest(file)?;
        let key = digest.to_string();
        if let Some(bytes) = self.means.cache.and_then(|cache| cache.derived(INDEXES, &key))
            && let Ok(index) = Index::from_bytes(bytes)
        {
            return Ok((index, None));
        }
        let bytes = self.bytes(file, &digest)?;
        let index = unpacked(&bytes, read_primary).map_err(|source| ResolveError::Xml {
            name: self.name.to_owned(),
            file: file.location.clone(),
            source,
        })?;
        Ok((index, Some(key)))
    }

    fn modules(&self, file: &MetadataFile) -> Result<Modules, ResolveError> {
        let digest = self.digest(file)?;
        let key = digest.to_string();
        if let Some(bytes) = self.means.cache.and_then(|cache| cache.derived(MODULES, &key))
            && let Some(modules) = std::str::from_utf8(&bytes).ok().and_then(modules_from_text)
        {
            return Ok(modules);
        }
        let bytes = self.bytes(file, &digest)?;
        let text = unpacked(&bytes, std::io::read_to_string).map_err(|source| ResolveError::Read {
            name: self.name.to_owned(),
            path: file.location.clone().into(),
            source,
        })?;
        let modules = Modules::parse(&text).map_err(|source| ResolveError::Modules {
            name: self.name.to_owned(),
            source,
        })?;
        if let Some(text) = modules_to_text(&modules) {
            self.store(MODULES, &key, text.as_bytes());
        }
        Ok(modules)
    }

    /// `primary` is the checksum of what the index was made of: the owners are positions in it.
    fn owners(
        &self,
        file: &MetadataFile,
        index: &Index,
        primary: &str,
        wanted: &HashSet<&str>,
    ) -> Result<Owners, ResolveError> {
        let digest = self.digest(file)?;
        let mut paths: Vec<&str> = wanted.iter().copied().collect();
        paths.sort_unstable();
        let question = Sha256::of(format!("{primary}\n{}", paths.join("\n")).as_bytes());
        let key = format!("{digest}-{question}");
        if let Some(bytes) = self.means.cache.and_then(|cache| cache.derived(OWNERS, &key))
            && let Some(owners) = std::str::from_utf8(&bytes).ok().and_then(owners_from_text)
            && owners.values().flatten().all(|&position| position < index.len())
        {
            return Ok(owners);
        }
        let bytes = self.bytes(file, &digest)?;
        let owners =
            unpacked(&bytes, |source| read_filelists(source, index, wanted)).map_err(|source| ResolveError::Xml {
                name: self.name.to_owned(),
                file: file.location.clone(),
                source,
            })?;
        if let Some(text) = owners_to_text(&owners) {
            self.store(OWNERS, &key, text.as_bytes());
        }
        Ok(owners)
    }

    /// A file that `repomd.xml` names, checked against it.
    fn bytes(&self, file: &MetadataFile, digest: &Sha256) -> Result<Vec<u8>, ResolveError> {
        if !is_inside(&file.location) {
            return Err(self.metadata(file, "a place outside of the repository"));
        }
        let bytes = match self.place {
            Place::Folder(folder) => self.read_file(folder, &file.location, LARGEST_FILE)?,
            Place::Address(address) => return self.fetch(file, digest, address),
        };
        let size = file.size.unwrap_or(bytes.len() as u64);
        let checked = check_digest(bytes, digest, size).map_err(|error| ResolveError::Checksum {
            name: self.name.to_owned(),
            file: file.location.clone(),
            reason: error.to_string(),
        })?;
        Ok(checked.into_inner())
    }

    fn fetch(
        &self,
        file: &MetadataFile,
        digest: &Sha256,
        address: &crate::mirror::Url,
    ) -> Result<Vec<u8>, ResolveError> {
        let (Some(fetcher), Some(cache)) = (self.means.fetcher, self.means.cache) else {
            return Err(self.offline());
        };
        let size = file.size.ok_or_else(|| self.metadata(file, "no size"))?;
        if size > LARGEST_FILE {
            return Err(self.metadata(file, "a size that is out of all proportion"));
        }
        let address = address.join(&file.location);
        let wanted = Wanted {
            name: format!("`{}` of repository `{}`", file.location, self.name),
            sha256: *digest,
            size,
            addresses: vec![address.map_err(|_| self.metadata(file, "a place that makes no address"))?],
        };
        let guard = self.fetching.lock();
        fetcher.store(
            cache,
            &[wanted],
            &format!("metadata of {}", self.name),
            self.means.progress,
        )?;
        drop(guard);
        match cache.read(digest, size)? {
            Found::Whole(bytes) => Ok(bytes.into_inner()),
            Found::Damaged | Found::Absent => Err(ResolveError::Checksum {
                name: self.name.to_owned(),
                file: file.location.clone(),
                reason: "it was damaged in the cache".to_owned(),
            }),
        }
    }

    fn digest(&self, file: &MetadataFile) -> Result<Sha256, ResolveError> {
        let (kind, text) = &file.checksum;
        if kind != "sha256" {
            return Err(self.metadata(file, "a checksum that is not SHA-256"));
        }
        text.parse().map_err(|_| self.metadata(file, "a malformed checksum"))
    }

    fn read_file(&self, folder: &Path, location: &str, largest: u64) -> Result<Vec<u8>, ResolveError> {
        let path = folder.join(location);
        let read = || {
            let length = fs::metadata(&path)?.len();
            if length > largest {
                return Err(std::io::Error::other(format!("it is larger than {largest} bytes")));
            }
            fs::read(&path)
        };
        read().map_err(|source| ResolveError::Read {
            name: self.name.to_owned(),
            path: path.clone(),
            source,
        })
    }

    fn store(&self, kind: &str, key: &str, bytes: &[u8]) {
        if let Some(cache) = self.means.cache {
            let _ = stored::keep(&cache.root().join(kind), key, bytes);
        }
    }

    fn offline(&self) -> ResolveError {
        ResolveError::Offline {
            name: self.name.to_owned(),
        }
    }

    fn metadata(&self, file: &MetadataFile, reason: &'static str) -> ResolveError {
        ResolveError::Metadata {
            name: self.name.to_owned(),
            file: file.location.clone(),
            reason,
        }
    }
}
