//! Repositories of RPM packages: `repomd.xml` and what that names, from a folder or an address.
//!
//! `repomd.xml` is read every time; what it names is read once and kept, by its checksum, in a form that loads in milliseconds.

mod error;
mod reader;
mod source;
mod stored;
mod stream;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::SystemTime;

use qclock_packages::rpm::{Comps, Index, Modules, Owners, Repomd, WantedPaths, is_glob};
use qclock_solver::rpm::{FileLists, is_group};
use qclock_trust::{Keyring, Sha256, verify_detached};

pub use error::RepositoryError;
use reader::Reader;
pub(crate) use source::is_inside;
pub use source::{Place, Source};

use crate::cache::{Cache, kind};
use crate::fetch::{Fetcher, Progress};

/// dnf's default; all repositories of a question are alike.
const PRIORITY: u32 = 99;

/// Where things are fetched from and kept.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// Without one everything is read anew.
    pub cache: Option<&'a Cache>,
    /// Needed for repositories at addresses.
    pub fetcher: Option<&'a Fetcher>,
    pub progress: &'a dyn Progress,
}

impl std::fmt::Debug for Means<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Means").finish_non_exhaustive()
    }
}

/// Whose signature of `repomd.xml` is demanded, and when it must hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demand<'a> {
    pub(crate) keyring: &'a Keyring,
    pub(crate) now: SystemTime,
}

/// What a repository says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Description {
    pub(crate) source: Source,
    pub(crate) repomd: Repomd,
    /// Of `repomd.xml`.
    pub(crate) sha256: Sha256,
    /// Fingerprint of the key that signed it, where that was demanded.
    pub(crate) signed_by: Option<String>,
}

/// A repository whose packages are known.
#[derive(Debug)]
pub(crate) struct Repository {
    pub(crate) description: Description,
    pub(crate) index: Index,
    modules: Option<Modules>,
    owners: Option<Owners>,
    /// Where the index is to be kept, when it was not.
    unkept: Option<String>,
}

/// Reads all repositories at the same time.
pub(crate) fn load_all(sources: &[Source], means: Means<'_>) -> Result<Vec<Repository>, RepositoryError> {
    for (position, source) in sources.iter().enumerate() {
        if sources[..position].iter().any(|other| other.name == source.name) {
            return Err(RepositoryError::SameName {
                name: source.name.clone(),
            });
        }
    }
    let fetching = Mutex::new(());
    each(sources, means, |source, means| {
        Description::fetch(source, None, means)?.open(means, &fetching)
    })
}

/// Reads what repositories hold, all at the same time.
pub(crate) fn open_all(descriptions: &[Description], means: Means<'_>) -> Result<Vec<Repository>, RepositoryError> {
    let fetching = Mutex::new(());
    each(descriptions, means, |description, means| {
        description.clone().open(means, &fetching)
    })
}

/// Does something with each, in a thread of its own.
fn each<T: Sync, R: Send, E: Send>(
    all: &[T],
    means: Means<'_>,
    act: impl Fn(&T, Means<'_>) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let done: Vec<Result<R, E>> = std::thread::scope(|scope| {
        let act = &act;
        let threads: Vec<_> = all.iter().map(|one| scope.spawn(move || act(one, means))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    done.into_iter().collect()
}

/// Reads anew the indexes that showed themselves damaged while they were asked; whether there were any, so that it must be asked again.
pub(crate) fn repair_all(repositories: &mut [Repository], means: Means<'_>) -> Result<bool, RepositoryError> {
    let mut repaired = false;
    for repository in repositories {
        repaired |= repository.repair(means)?;
    }
    Ok(repaired)
}

/// Looks at all of each index, and reads anew what is damaged.
pub(crate) fn check_all(repositories: &mut [Repository], means: Means<'_>) -> Result<(), RepositoryError> {
    for repository in &mut *repositories {
        repository.index.check();
    }
    repair_all(repositories, means).map(drop)
}

/// Keeps what was read from XML, beside whatever else goes on in the scope.
pub(crate) fn keep_all<'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    repositories: &'scope [Repository],
    cache: Option<&'scope Cache>,
) {
    if let Some(cache) = cache {
        for repository in repositories.iter().filter(|repository| repository.unkept.is_some()) {
            scope.spawn(|| repository.keep(cache));
        }
    }
}

/// Reads the lists of all files as far as they matter: for the paths that anything requires, and for those that are asked for.
pub(crate) fn read_filelists(
    repositories: &mut [Repository],
    asked: &[String],
    means: Means<'_>,
) -> Result<(), RepositoryError> {
    let required = repositories
        .iter()
        .flat_map(|it| it.index.required_paths().map(|id| it.index.text(id).to_owned()));
    let required: BTreeSet<String> = required.collect();
    let asked = asked.iter().map(String::as_str);
    let asked = asked.filter(|text| text.starts_with('/') || text.starts_with("*/"));
    let (patterns, paths): (Vec<&str>, Vec<&str>) = asked.partition(|text| is_glob(text));
    let wanted = WantedPaths {
        exact: required.iter().map(String::as_str).chain(paths).collect(),
        patterns,
    };
    for repository in repositories {
        repository.read_filelists(&wanted, means)?;
    }
    Ok(())
}

/// The groups of all repositories together, where any specification means one.
pub(crate) fn read_comps<'a>(
    repositories: &[Repository],
    specifications: impl IntoIterator<Item = &'a String>,
    means: Means<'_>,
) -> Result<Option<Comps>, RepositoryError> {
    if !specifications.into_iter().any(|text| is_group(text)) {
        return Ok(None);
    }
    let mut comps = Comps::default();
    for repository in repositories {
        if let Some(own) = repository.read_comps(means)? {
            comps.add(own);
        }
    }
    Ok(Some(comps))
}

impl Description {
    pub(crate) fn fetch(
        source: &Source,
        demand: Option<Demand<'_>>,
        means: Means<'_>,
    ) -> Result<Self, RepositoryError> {
        let fetching = Mutex::new(());
        let reader = Reader {
            name: &source.name,
            place: &source.place,
            means,
            fetching: &fetching,
        };
        let mut bytes = reader.repomd()?;
        let mut signed_by = None;
        if let Some(Demand { keyring, now }) = demand {
            let signature = reader.signature().map_err(|error| {
                if error.is_absent() {
                    let name = source.name.clone();
                    return RepositoryError::Unsigned { name };
                }
                error
            })?;
            let verified = verify_detached(bytes, &signature, keyring, now);
            let (verified, signer) = verified.map_err(|error| RepositoryError::Signature {
                name: source.name.clone(),
                source: Box::new(error),
            })?;
            bytes = verified.into_inner();
            signed_by = Some(signer.signed_by);
        }
        let repomd = Repomd::parse(&bytes).map_err(|error| RepositoryError::Xml {
            name: source.name.clone(),
            file: "repomd.xml".to_owned(),
            source: error,
        })?;
        Ok(Self {
            source: source.clone(),
            repomd,
            sha256: Sha256::of(&bytes),
            signed_by,
        })
    }

    fn open(self, means: Means<'_>, fetching: &Mutex<()>) -> Result<Repository, RepositoryError> {
        let reader = self.reader(means, fetching);
        let files = &self.repomd.files;
        let primary = files.get("primary").ok_or_else(|| RepositoryError::Missing {
            name: self.source.name.clone(),
            what: "primary",
        })?;
        let (index, modules) = std::thread::scope(|scope| {
            let modules = files.get("modules");
            let modules = modules.map(|file| scope.spawn(|| reader.modules(file)));
            let index = reader.index(primary);
            let modules = modules.map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            (index, modules)
        });
        let ((index, unkept), modules) = (index?, modules.transpose()?);
        Ok(Repository {
            index,
            modules,
            owners: None,
            unkept,
            description: self,
        })
    }

    fn reader<'a>(&'a self, means: Means<'a>, fetching: &'a Mutex<()>) -> Reader<'a> {
        Reader {
            name: &self.source.name,
            place: &self.source.place,
            means,
            fetching,
        }
    }
}

impl Repository {
    pub(crate) fn name(&self) -> &str {
        &self.description.source.name
    }

    /// As the solver sees it.
    pub(crate) fn view(&self) -> qclock_solver::rpm::Repository<'_> {
        let has_lists = self.description.repomd.files.contains_key("filelists");
        qclock_solver::rpm::Repository {
            name: self.name(),
            index: &self.index,
            files: match (&self.owners, has_lists) {
                (Some(owners), _) => FileLists::Read(owners),
                (None, true) => FileLists::Unread,
                (None, false) => FileLists::None,
            },
            modules: self.modules.as_ref(),
            priority: PRIORITY,
        }
    }

    /// Reads anew what was kept and is not what was written; tells whether it was so.
    fn repair(&mut self, means: Means<'_>) -> Result<bool, RepositoryError> {
        let Some(primary) = self.description.repomd.files.get("primary") else {
            return Ok(false);
        };
        if !self.index.is_damaged() {
            return Ok(false);
        }
        let fetching = Mutex::new(());
        let (index, key) = self.description.reader(means, &fetching).read_index(primary)?;
        self.index = index;
        self.unkept = Some(key);
        if let Some(cache) = means.cache {
            self.keep(cache);
        }
        Ok(true)
    }

    /// What is kept checks itself when it is read back, so it need not wait for the disk; and a full or read-only disk only costs
    /// time on the next question.
    fn keep(&self, cache: &Cache) {
        if let Some(key) = &self.unkept {
            let _ = stored::keep(&cache.root().join(kind::REPOSITORY), key, self.index.as_bytes());
        }
    }

    /// The groups.  `repomd.xml` mostly names the same file packed and not; a mirror may have one of them only.
    fn read_comps(&self, means: Means<'_>) -> Result<Option<Comps>, RepositoryError> {
        let files = &self.description.repomd.files;
        let fetching = Mutex::new(());
        let reader = self.description.reader(means, &fetching);
        let mut absent = None;
        for file in ["group_gz", "group_xz", "group_zst", "group"]
            .iter()
            .filter_map(|&kind| files.get(kind))
        {
            match reader.comps(file) {
                Ok(comps) => return Ok(Some(comps)),
                Err(error) if error.is_absent() => absent = absent.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        absent.map_or(Ok(None), Err)
    }

    /// Finds who has these paths, where the repository has a list of its files.
    fn read_filelists(&mut self, wanted: &WantedPaths<'_>, means: Means<'_>) -> Result<(), RepositoryError> {
        let files = &self.description.repomd.files;
        let Some(file) = files.get("filelists") else {
            return Ok(());
        };
        let fetching = Mutex::new(());
        let reader = self.description.reader(means, &fetching);
        let primary = files.get("primary").map_or("", |file| file.checksum.1.as_str());
        let owners = reader.owners(file, &self.index, primary, wanted)?;
        self.owners = Some(owners);
        Ok(())
    }
}
