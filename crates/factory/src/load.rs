//! Images into Docker, through its socket; and into an archive.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use bollard::query_parameters::{ImportImageOptions, TagImageOptions};
use bollard::{API_DEFAULT_VERSION, Docker};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use qclock_oci::archive::{self, ArchiveError, Archived};
use qclock_oci::layout::{Layout, LayoutError};
use thiserror::Error;
use tokio::sync::mpsc;

use crate::build::BuiltImage;
use crate::failure::{Class, Failure};

/// How long the daemon may take to begin its answer.
const PATIENCE: Duration = Duration::from_mins(10);
/// Pieces of the archive that wait for the daemon.
const AHEAD: usize = 8;

#[derive(Debug, Error)]
pub enum LoadError {
    #[error("cannot reach Docker at `{socket}`")]
    Connect {
        socket: String,
        #[source]
        source: bollard::errors::Error,
    },
    #[error("Docker does not say whether it has `{image}`")]
    Inspect {
        image: String,
        #[source]
        source: bollard::errors::Error,
    },
    #[error("Docker does not take the images")]
    Import(#[source] bollard::errors::Error),
    #[error("Docker took the images, but `{image}` is not what was built")]
    Mismatch { image: String },
    #[error("Docker cannot name the image `{image}`")]
    Tag {
        image: String,
        #[source]
        source: bollard::errors::Error,
    },
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("cannot write the archive `{path}`: {}", if *occupied { "it is a folder".to_owned() } else { format!("there is no folder `{folder}`") })]
    NoPlace {
        path: String,
        folder: String,
        occupied: bool,
    },
    #[error("cannot write `{path}`")]
    Write {
        path: String,
        #[source]
        source: io::Error,
    },
}

impl Failure for LoadError {
    fn class(&self) -> Class {
        match self {
            Self::NoPlace { .. } => Class::Usage,
            Self::Archive(ArchiveError::Layout(LayoutError::Damaged { .. })) => Class::Verification,
            _ => Class::Environment,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Connect { .. } => Some("start Docker, or set DOCKER_HOST to the address of its socket".to_owned()),
            Self::NoPlace { occupied: true, .. } => Some("name a file".to_owned()),
            Self::NoPlace { folder, .. } => Some(format!("make the folder first: mkdir -p '{folder}'")),
            Self::Archive(ArchiveError::Layout(_)) => Some("run `qclock build`".to_owned()),
            _ => None,
        }
    }
}

/// What has become of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loaded {
    /// Docker had it, under all its names.
    Present,
    /// Docker had it and has got a name for it.
    Named,
    Imported,
}

/// The names under which Docker knows an image: `qclock-app:latest`, `qclock-app:0.1.0`.
fn names(image: &str, tags: &[String]) -> Vec<String> {
    tags.iter().map(|tag| format!("{image}:{tag}")).collect()
}

/// Loads what the daemon has not got, all in one archive, so that a shared layer is sent once.
pub async fn load(
    socket: &str,
    layout: &Path,
    images: &[BuiltImage],
    tags: &[String],
) -> Result<Vec<Loaded>, LoadError> {
    let docker = connect(socket).await?;
    let mut results = Vec::new();
    let mut missing = Vec::new();
    for image in images {
        let result = present(&docker, image, tags).await?;
        if result == Loaded::Imported {
            missing.push(Archived {
                name: image.name.clone(),
                tags: names(&image.name, tags),
            });
        }
        results.push(result);
    }
    if !missing.is_empty() {
        import(&docker, layout, missing).await?;
        for (image, _) in images
            .iter()
            .zip(&results)
            .filter(|(_, result)| **result == Loaded::Imported)
        {
            if present(&docker, image, tags).await? != Loaded::Present {
                return Err(LoadError::Mismatch {
                    image: image.name.clone(),
                });
            }
        }
    }
    Ok(results)
}

/// The folder that an archive would be written to, which must be there: a mistyped path makes none.
pub fn check_archive(path: &Path) -> Result<&Path, LoadError> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    if path.file_name().is_some() && !path.is_dir() && folder.is_dir() {
        return Ok(folder);
    }
    Err(LoadError::NoPlace {
        path: path.display().to_string(),
        folder: folder.display().to_string(),
        occupied: path.is_dir(),
    })
}

/// Writes the archive beside its place and renames it.
pub fn write_archive(path: &Path, layout: &Path, images: &[BuiltImage], tags: &[String]) -> Result<(), LoadError> {
    let failed = |source| LoadError::Write {
        path: path.display().to_string(),
        source,
    };
    let archived: Vec<Archived> = images
        .iter()
        .map(|image| Archived {
            name: image.name.clone(),
            tags: names(&image.name, tags),
        })
        .collect();
    let folder = check_archive(path)?;
    let mut partial = tempfile::Builder::new()
        .prefix(".partial-")
        .tempfile_in(folder)
        .map_err(failed)?;
    archive::write(
        &Layout::at(layout),
        &archived,
        &mut io::BufWriter::new(partial.as_file_mut()),
    )?;
    partial.as_file().sync_all().map_err(failed)?;
    // A temporary file is its maker's alone; an archive is like any other file that is written.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    partial.as_file().set_permissions(mode).map_err(failed)?;
    partial.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

async fn connect(socket: &str) -> Result<Docker, LoadError> {
    let failed = |source| LoadError::Connect {
        socket: socket.to_owned(),
        source,
    };
    let docker = Docker::connect_with_unix(socket, PATIENCE.as_secs(), API_DEFAULT_VERSION).map_err(failed)?;
    // The client speaks the newest version unless it is told to ask; old daemons refuse that.
    docker.negotiate_version().await.map_err(failed)
}

/// `Imported` stands for "has to be".
async fn present(docker: &Docker, image: &BuiltImage, tags: &[String]) -> Result<Loaded, LoadError> {
    // The classic store names an image by its config, containerd's by its manifest.
    let ids = [image.config.to_string(), image.digest.to_string()];
    let mut have = None;
    let mut lacking = Vec::new();
    for tag in names(&image.name, tags) {
        let id = match docker.inspect_image(&tag).await {
            Ok(found) => found.id.unwrap_or_default(),
            Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => String::new(),
            Err(source) => return Err(LoadError::Inspect { image: tag, source }),
        };
        if ids.contains(&id) {
            have = Some(id);
        } else {
            lacking.push(tag);
        }
    }
    let Some(id) = have else { return Ok(Loaded::Imported) };
    for tag in &lacking {
        let (repository, name) = tag.split_once(':').unwrap_or((tag, "latest"));
        let options = TagImageOptions {
            repo: Some(repository.to_owned()),
            tag: Some(name.to_owned()),
        };
        docker
            .tag_image(&id, Some(options))
            .await
            .map_err(|source| LoadError::Tag {
                image: tag.clone(),
                source,
            })?;
    }
    Ok(if lacking.is_empty() {
        Loaded::Present
    } else {
        Loaded::Named
    })
}

/// The archive is made while it is sent; nothing is written to disk.
async fn import(docker: &Docker, layout: &Path, images: Vec<Archived>) -> Result<(), LoadError> {
    let (sender, receiver) = mpsc::channel::<Result<Bytes, io::Error>>(AHEAD);
    let layout = Layout::at(layout);
    let writer = tokio::task::spawn_blocking(move || {
        let written = archive::write(&layout, &images, &mut Sending(&sender));
        if let Err(error) = &written {
            // Breaks the request off, so that the daemon does not take half an archive for a whole one.
            drop(sender.blocking_send(Err(io::Error::other(error.to_string()))));
        }
        written
    });
    let pieces = stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    let options = ImportImageOptions {
        quiet: true,
        ..ImportImageOptions::default()
    };
    let answer = docker.import_image(options, bollard::body_try_stream(pieces), None);
    let mut answer = std::pin::pin!(answer);
    let mut refused = None;
    while let Some(message) = answer.next().await {
        match message {
            Ok(message) => {
                if let Some(error) = message.error_detail.and_then(|detail| detail.message) {
                    refused = Some(bollard::errors::Error::DockerStreamError { error });
                }
            }
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    // An archive that could not be made is the cause of whatever the daemon said.
    if let Ok(Err(error @ ArchiveError::Layout(_))) = writer.await {
        return Err(error.into());
    }
    refused.map_or(Ok(()), |error| Err(LoadError::Import(error)))
}

struct Sending<'a>(&'a mpsc::Sender<Result<Bytes, io::Error>>);

impl Write for Sending<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Bytes::copy_from_slice(bytes);
        self.0
            .blocking_send(Ok(piece))
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
