//! The folder that is worked on: `images/` with its definitions, flavours, keys and locks, loaded and checked for one flavour.

mod drafts;
mod error;
mod flavours;
mod load;
mod locks;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fs_err as fs;
use qclock_trust::Keyring;

pub use error::ProjectError;

use crate::definition::{Definition, IMAGE_PREFIX};
use crate::document::DocumentError;
use crate::failure::closest;
use crate::flavour::{Flavour, go_architecture};
use crate::variables::Variables;

#[derive(Debug, Clone)]
pub struct Project {
    pub root: PathBuf,
    pub flavour: Flavour,
    /// Whether its architecture is another than its file names.
    foreign: bool,
    /// The images of this flavour, parents before children, otherwise by name; their strings are rendered.
    images: Vec<Definition>,
    /// All images by name, of other flavours too.
    all: Vec<String>,
    /// Folders that define no image.
    undefined: Vec<String>,
    variables: BTreeMap<String, Variables>,
}

impl Project {
    /// The nearest folder, from `start` upwards, that holds `images/flavours`.
    pub fn find(start: &Path) -> Result<PathBuf, ProjectError> {
        start
            .ancestors()
            .find(|folder| folder.join("images/flavours").is_dir())
            .map(Path::to_owned)
            .ok_or_else(|| ProjectError::NotFound {
                start: start.to_owned(),
            })
    }

    /// The images of the flavour, parents before children.
    pub fn images(&self) -> &[Definition] {
        &self.images
    }

    /// By the folder's name, `app`, or the image's, `qclock-app`.
    pub fn image(&self, name: &str) -> Result<&Definition, ProjectError> {
        let short = name.strip_prefix(IMAGE_PREFIX).unwrap_or(name);
        self.images.iter().find(|image| image.name == short).ok_or_else(|| {
            let known = self.images.iter().map(|image| image.name.as_str());
            if self.all.iter().any(|other| other == short) {
                ProjectError::ImageOfOtherFlavour {
                    name: short.to_owned(),
                    flavour: self.flavour.name.clone(),
                }
            } else {
                ProjectError::UnknownImage {
                    name: name.to_owned(),
                    suggestion: closest(short, known.clone()).map(str::to_owned),
                    known: known.map(str::to_owned).collect(),
                    undefined: self.undefined.iter().any(|folder| folder == short),
                }
            }
        })
    }

    /// Names of the folders of `images/` that have no `image.toml`, sorted.
    pub fn undefined(&self) -> &[String] {
        &self.undefined
    }

    /// The image and its ancestors, the oldest first.
    pub fn lineage(&self, image: &Definition) -> Vec<&Definition> {
        let mut lineage: Vec<&Definition> = self.images.iter().filter(|other| other.name == image.name).collect();
        while let Some(parent) = lineage.last().and_then(|last| last.parent.as_ref()) {
            lineage.extend(self.images.iter().find(|other| other.name == *parent));
        }
        lineage.reverse();
        lineage
    }

    /// The project as it would be if `image` left nothing out, with no other images but its ancestors: for working out what
    /// it could leave out.
    #[must_use]
    pub fn with_everything(&self, image: &Definition) -> Self {
        let mut images: Vec<Definition> = self.lineage(image).into_iter().cloned().collect();
        if let Some(selection) = images
            .last_mut()
            .and_then(|image| image.packages.get_mut(&self.flavour.name))
        {
            selection.omissions.clear();
        }
        Self { images, ..self.clone() }
    }

    /// What `@name@` stands for in the image's files: the flavour's variables, the parents' and its own.
    pub fn variables(&self, image: &Definition) -> &Variables {
        static NONE: Variables = Variables::new();
        self.variables.get(&image.name).unwrap_or(&NONE)
    }

    /// The folder of the image's own files; need not exist.
    pub fn rootfs(&self, image: &Definition) -> PathBuf {
        self.root.join("images").join(&image.name).join("rootfs")
    }

    pub fn keys(&self) -> PathBuf {
        self.root.join("images/flavours/keys")
    }

    /// Every key file of the flavour is one that signatures can be checked with.
    pub fn check_keys(&self) -> Result<(), ProjectError> {
        for name in self.flavour.keys() {
            let path = shown_key(name);
            let bytes = fs::read(self.root.join(&path)).map_err(|source| DocumentError::Read {
                path: path.clone(),
                source,
            })?;
            Keyring::from_files([(path.display().to_string(), bytes)]).map_err(ProjectError::Key)?;
        }
        Ok(())
    }

    /// The flavour's name, with the architecture where that is another than the flavour's own: `oraclelinux9.aarch64`.
    pub fn label(&self) -> String {
        if self.foreign {
            format!("{}.{}", self.flavour.name, self.flavour.architecture)
        } else {
            self.flavour.name.clone()
        }
    }

    /// Under which an image is in its layout: `qclock-app`; with its architecture where that is another than the flavour's own,
    /// `qclock-app.arm64`.
    pub fn reference(&self, image: &Definition) -> String {
        self.reference_of(&image.name)
    }

    pub(crate) fn reference_of(&self, image: &str) -> String {
        let suffix = if self.foreign {
            format!(".{}", go_architecture(&self.flavour.architecture))
        } else {
            String::new()
        };
        format!("{IMAGE_PREFIX}{image}{suffix}")
    }
}

fn shown_key(name: &str) -> PathBuf {
    Path::new("images/flavours/keys").join(name)
}

fn shown(name: &str) -> PathBuf {
    PathBuf::from(format!("images/{name}/image.toml"))
}

#[cfg(test)]
mod tests;
