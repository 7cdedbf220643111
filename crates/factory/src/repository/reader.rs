//! Reads what a repository's `repomd.xml` names, from a folder or an address, or from the cache where it is kept by its checksum.

use std::io::Read as _;
use std::path::Path;
use std::sync::Mutex;

use fs_err as fs;
use qclock_packages::rpm::{
    Comps, Index, MetadataFile, Modules, Owners, WantedPaths, decompress, read_filelists, read_primary,
};
use qclock_trust::{Digest, Sha256, check_digest};

use super::source::is_inside;
use super::stored::{self, modules_from_text, modules_to_text, opened, owners_from_text, owners_to_text, sealed};
use super::stream::{LARGEST, unpacked};
use super::{Means, Place, RepositoryError};
use crate::cache::{Found, kind};
use crate::fetch::Wanted;

const REPOMD: &str = "repodata/repomd.xml";
/// Largest `repomd.xml`, largest of the other files, and largest signature.
const LARGEST_REPOMD: u64 = 4 << 20;
const LARGEST_FILE: u64 = 1 << 30;
const LARGEST_SIGNATURE: u64 = 64 << 10;

pub(super) struct Reader<'a> {
    pub(super) name: &'a str,
    pub(super) place: &'a Place,
    pub(super) means: Means<'a>,
    /// The fetcher tells progress from one thread at a time.
    pub(super) fetching: &'a Mutex<()>,
}

impl Reader<'_> {
    /// `repodata/repomd.xml`, whose contents nobody has told.
    pub(super) fn repomd(&self) -> Result<Vec<u8>, RepositoryError> {
        if let Place::Folder(folder) = self.place {
            let is_debian = folder.join("dists").is_dir() || folder.join("InRelease").is_file();
            if is_debian && !folder.join(REPOMD).exists() {
                return Err(RepositoryError::DebianArchive {
                    name: self.name.to_owned(),
                });
            }
        }
        self.small(REPOMD, LARGEST_REPOMD)
    }

    /// The signature beside it.
    pub(super) fn signature(&self) -> Result<Vec<u8>, RepositoryError> {
        self.small(&format!("{REPOMD}.asc"), LARGEST_SIGNATURE)
    }

    fn small(&self, path: &str, largest: u64) -> Result<Vec<u8>, RepositoryError> {
        match self.place {
            Place::Folder(folder) => self.read_file(folder, path, largest),
            Place::Address(address) => {
                let fetcher = self.means.fetcher.ok_or_else(|| self.offline())?;
                let address = address.join(path).map_err(|_| self.offline())?;
                let file = path.rsplit('/').next().unwrap_or(path);
                let name = format!("`{file}` of repository `{}`", self.name);
                Ok(fetcher.small(&name, &address, largest)?)
            }
        }
    }

    /// The index, and where it is to be kept when it was read from XML.
    pub(super) fn index(&self, file: &MetadataFile) -> Result<(Index, Option<String>), RepositoryError> {
        let digest = self.digest(file)?;
        let key = digest.to_string();
        if let Some(file) = self
            .means
            .cache
            .and_then(|cache| cache.derived_file(kind::REPOSITORY, &key))
            && let Ok(index) = Index::from_file(&file)
        {
            return Ok((index, None));
        }
        self.read_index(file).map(|(index, key)| (index, Some(key)))
    }

    /// The index from XML, and where it is to be kept.
    pub(super) fn read_index(&self, file: &MetadataFile) -> Result<(Index, String), RepositoryError> {
        let digest = self.digest(file)?;
        let bytes = self.bytes(file, &digest)?;
        let unpacked = decompress(bytes.as_slice(), LARGEST).map_err(|source| RepositoryError::Read {
            name: self.name.to_owned(),
            path: file.location.clone().into(),
            source,
        })?;
        let index = read_primary(unpacked).map_err(|source| RepositoryError::Xml {
            name: self.name.to_owned(),
            file: file.location.clone(),
            source,
        })?;
        Ok((index, digest.to_string()))
    }

    pub(super) fn modules(&self, file: &MetadataFile) -> Result<Modules, RepositoryError> {
        let digest = self.digest(file)?;
        let key = digest.to_string();
        if let Some(bytes) = self.means.cache.and_then(|cache| cache.derived(kind::MODULES, &key))
            && let Some(modules) = opened(&bytes).and_then(modules_from_text)
        {
            return Ok(modules);
        }
        let bytes = self.bytes(file, &digest)?;
        let text = unpacked(&bytes, std::io::read_to_string).map_err(|source| RepositoryError::Read {
            name: self.name.to_owned(),
            path: file.location.clone().into(),
            source,
        })?;
        let modules = Modules::parse(&text).map_err(|source| RepositoryError::Modules {
            name: self.name.to_owned(),
            source,
        })?;
        if let Some(text) = modules_to_text(&modules) {
            self.store(kind::MODULES, &key, sealed(&text).as_bytes());
        }
        Ok(modules)
    }

    /// Groups are asked for seldom, and their file is small: it is not kept.
    pub(super) fn comps(&self, file: &MetadataFile) -> Result<Comps, RepositoryError> {
        let bytes = self.bytes(file, &self.digest(file)?)?;
        let mut text = Vec::new();
        let read = unpacked(&bytes, |mut source| source.read_to_end(&mut text));
        read.map_err(|source| RepositoryError::Read {
            name: self.name.to_owned(),
            path: file.location.clone().into(),
            source,
        })?;
        Comps::parse(&text).map_err(|source| RepositoryError::Xml {
            name: self.name.to_owned(),
            file: file.location.clone(),
            source,
        })
    }

    /// `primary` is the checksum of what the index was made of: the owners are positions in it.
    pub(super) fn owners(
        &self,
        file: &MetadataFile,
        index: &Index,
        primary: &str,
        wanted: &WantedPaths<'_>,
    ) -> Result<Owners, RepositoryError> {
        let digest = self.digest(file)?;
        let mut paths: Vec<&str> = wanted.exact.iter().copied().collect();
        paths.sort_unstable();
        let (paths, patterns) = (paths.join("\n"), wanted.patterns.join("\n"));
        let question = Sha256::of(format!("{primary}\n{paths}\n\n{patterns}").as_bytes());
        let key = format!("{digest}-{question}");
        if let Some(bytes) = self.means.cache.and_then(|cache| cache.derived(kind::OWNERS, &key))
            && let Some(owners) = opened(&bytes).and_then(owners_from_text)
            && owners.values().flatten().all(|&position| position < index.len())
        {
            return Ok(owners);
        }
        let bytes = self.bytes(file, &digest)?;
        let owners = unpacked(&bytes, |source| read_filelists(source, index, wanted)).map_err(|source| {
            RepositoryError::Xml {
                name: self.name.to_owned(),
                file: file.location.clone(),
                source,
            }
        })?;
        if let Some(text) = owners_to_text(&owners) {
            self.store(kind::OWNERS, &key, sealed(&text).as_bytes());
        }
        Ok(owners)
    }

    /// A file that `repomd.xml` names, checked against it.
    fn bytes(&self, file: &MetadataFile, digest: &Digest) -> Result<Vec<u8>, RepositoryError> {
        if !is_inside(&file.location) {
            return Err(self.metadata(file, "a place outside of the repository"));
        }
        if !file.base.is_empty() {
            return Err(self.metadata(file, "a place at another address"));
        }
        let bytes = match self.place {
            Place::Folder(folder) => self.read_file(folder, &file.location, LARGEST_FILE)?,
            Place::Address(address) => return self.fetch(file, digest, address),
        };
        let size = file.size.unwrap_or(bytes.len() as u64);
        let checked = check_digest(bytes, digest, size).map_err(|error| RepositoryError::Checksum {
            name: self.name.to_owned(),
            file: file.location.clone(),
            reason: error.to_string(),
        })?;
        Ok(checked.into_inner())
    }

    fn fetch(
        &self,
        file: &MetadataFile,
        digest: &Digest,
        address: &crate::mirror::Url,
    ) -> Result<Vec<u8>, RepositoryError> {
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
            digest: *digest,
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
            Found::Damaged | Found::Absent => Err(RepositoryError::Checksum {
                name: self.name.to_owned(),
                file: file.location.clone(),
                reason: "it was damaged in the cache".to_owned(),
            }),
        }
    }

    fn digest(&self, file: &MetadataFile) -> Result<Digest, RepositoryError> {
        let (kind, text) = &file.checksum;
        Digest::parse(kind, text).map_err(|reason| RepositoryError::Metadata {
            name: self.name.to_owned(),
            file: file.location.clone(),
            reason: reason.to_string(),
        })
    }

    fn read_file(&self, folder: &Path, location: &str, largest: u64) -> Result<Vec<u8>, RepositoryError> {
        let path = folder.join(location);
        let read = || {
            let length = fs::metadata(&path)?.len();
            if length > largest {
                return Err(std::io::Error::other(format!("it is larger than {largest} bytes")));
            }
            fs::read(&path)
        };
        read().map_err(|source| RepositoryError::Read {
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

    fn offline(&self) -> RepositoryError {
        RepositoryError::Offline {
            name: self.name.to_owned(),
        }
    }

    fn metadata(&self, file: &MetadataFile, reason: &str) -> RepositoryError {
        RepositoryError::Metadata {
            name: self.name.to_owned(),
            file: file.location.clone(),
            reason: reason.to_owned(),
        }
    }
}
