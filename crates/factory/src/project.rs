//! The folder that is worked on: `images/` with its definitions, flavours, keys and locks, loaded and checked for one flavour.

mod error;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fs_err as fs;
use qclock_trust::Keyring;

pub use error::ProjectError;

use crate::definition::{Definition, Fault, IMAGE_PREFIX};
use crate::document::{self, DocumentError};
use crate::failure::closest;
use crate::flavour::{Flavour, go_architecture, machine};
use crate::lockfile::Lockfile;
use crate::variables::{Variables, render};

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

    /// Reads all definitions, whatever their flavour; keeps, renders and checks those of `flavour`.
    pub fn load(root: &Path, flavour: &str) -> Result<Self, ProjectError> {
        Self::load_for(root, flavour, None)
    }

    /// For another architecture than the flavour's file names.
    pub fn load_for(root: &Path, flavour: &str, architecture: Option<&str>) -> Result<Self, ProjectError> {
        let flavours = flavour_names(root)?;
        if !flavours.iter().any(|known| known == flavour) {
            return Err(ProjectError::UnknownFlavour {
                name: flavour.to_owned(),
                suggestion: closest(flavour, flavours.iter().map(String::as_str)).map(str::to_owned),
                known: flavours,
            });
        }
        let (flavour, foreign) = load_flavour(root, flavour, architecture)?;
        let (texts, undefined) = read_definitions(root)?;
        let drafts: BTreeMap<String, Definition> = texts
            .iter()
            .map(|(name, text)| document::parse(text, &shown(name)).map(|draft| (name.clone(), draft)))
            .collect::<Result<_, _>>()?;
        for (name, draft) in &drafts {
            check_references(name, draft, &drafts, &flavours)?;
        }

        if let Some(name) = flavour.images.iter().flatten().find(|name| !drafts.contains_key(*name)) {
            return Err(ProjectError::Flavour {
                path: PathBuf::from(format!("images/flavours/{}.toml", flavour.name)),
                fault: Fault {
                    message: format!("`images` names `{name}`, which has no folder in `images`"),
                    hint: closest(name, drafts.keys().map(String::as_str))
                        .map(|name| format!("did you mean `{name}`?")),
                },
            });
        }

        let mut project = Self {
            root: root.to_owned(),
            all: drafts.keys().cloned().collect(),
            undefined,
            flavour,
            foreign,
            images: Vec::new(),
            variables: BTreeMap::new(),
        };
        for name in parents_first(&drafts)? {
            if belongs(&name, &drafts, &project.flavour) {
                project.add(&name, &drafts[&name], &texts[&name])?;
            }
        }
        Ok(project)
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

    /// Where the lock belongs, unless someone says otherwise.
    pub fn lock_path(&self) -> PathBuf {
        self.root.join("images").join(format!("{}.lock", self.label()))
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

    /// The lock at `path` whatever it answers, if there is one in this format.
    pub fn parse_lock(&self, path: &Path) -> Result<Option<Lockfile>, ProjectError> {
        if !path.exists() {
            return Ok(None);
        }
        let (lock, _) = document::read::<Lockfile>(path, path.strip_prefix(&self.root).unwrap_or(path))?;
        Ok(Some(lock).filter(|lock| lock.format == crate::lockfile::FORMAT))
    }

    /// The flavour's locks for all architectures, but for the one at `path`.
    pub fn other_locks(&self, path: &Path) -> Result<Vec<Lockfile>, ProjectError> {
        let mut locks = Vec::new();
        for entry in fs::read_dir(self.root.join("images")).map_err(ProjectError::Folder)? {
            let other = entry.map_err(ProjectError::Folder)?.path();
            let name = other.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let own = name
                .strip_prefix(&self.flavour.name)
                .and_then(|rest| rest.strip_suffix(".lock"));
            if own.is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) && other != path {
                locks.extend(self.parse_lock(&other)?);
            }
        }
        Ok(locks)
    }

    /// The lock at `path`, which must be of this flavour and answer these definitions.
    pub fn read_lock(&self, path: &Path) -> Result<Lockfile, ProjectError> {
        let shown = path.strip_prefix(&self.root).unwrap_or(path);
        if !path.exists() {
            return Err(ProjectError::NoLock { path: shown.to_owned() });
        }
        let (lock, _) = document::read::<Lockfile>(path, shown)?;
        lock.check(self).map_err(|source| ProjectError::LockMismatch {
            path: shown.to_owned(),
            source,
        })?;
        Ok(lock)
    }

    /// What every definition may use without declaring it.
    fn given_variables(&self) -> Variables {
        let Flavour { name, architecture, .. } = &self.flavour;
        let given = [
            ("flavour", name.as_str()),
            ("architecture", architecture),
            ("machine", machine(architecture)),
        ];
        given.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    fn add(&mut self, name: &str, draft: &Definition, text: &str) -> Result<(), ProjectError> {
        let inherited = draft.parent.as_ref().and_then(|parent| self.variables.get(parent));
        let own = draft.variables.get(&self.flavour.name);
        let given = self.given_variables();
        let mut variables = inherited.cloned().unwrap_or_else(|| given.clone());
        // A value may itself hold what is given, and nothing else.
        for (key, value) in self
            .flavour
            .variables
            .iter()
            .filter(|_| inherited.is_none())
            .chain(own.into_iter().flatten())
        {
            let value = render(value, &given).map_err(|fault| ProjectError::Variable {
                path: shown(name),
                fault,
            })?;
            variables.insert(key.clone(), value);
        }
        variables.extend(given);

        let mut image = rendered(text, &variables, name)?;
        image.keep_for(&self.flavour.name);
        let parents: Vec<&Definition> = image
            .parent
            .iter()
            .filter_map(|parent| self.images.iter().find(|other| other.name == *parent))
            .flat_map(|parent| self.lineage(parent))
            .collect();
        image.check(name, &parents).map_err(|fault| ProjectError::Definition {
            path: shown(name),
            fault,
        })?;
        self.variables.insert(name.to_owned(), variables);
        self.images.push(image);
        Ok(())
    }
}

/// Names of the flavours that there are, sorted.
fn flavour_names(root: &Path) -> Result<Vec<String>, ProjectError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join("images/flavours")).map_err(ProjectError::Folder)? {
        let path = entry.map_err(ProjectError::Folder)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            names.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
        }
    }
    names.sort();
    Ok(names)
}

/// And whether the architecture is another than the file's.
fn load_flavour(root: &Path, name: &str, architecture: Option<&str>) -> Result<(Flavour, bool), ProjectError> {
    let shown = PathBuf::from(format!("images/flavours/{name}.toml"));
    let (mut flavour, _) = document::read::<Flavour>(&root.join(&shown), &shown)?;
    let declared = flavour.architecture.clone();
    let wrong = |fault| ProjectError::Flavour {
        path: shown.clone(),
        fault,
    };
    architecture
        .map_or(Ok(()), |wanted| flavour.set_architecture(wanted))
        .and_then(|()| flavour.render_paths())
        .and_then(|()| flavour.check(name))
        .map_err(wrong)?;
    let folder = root.join("images/flavours/keys");
    if let Some(key) = flavour.keys().find(|key| !folder.join(key).is_file()) {
        return Err(wrong(Fault {
            message: format!("the key `{key}` is not in `images/flavours/keys`"),
            hint: similar_file(&folder, key).map(|name| format!("did you mean `{name}`?")),
        }));
    }
    let foreign = flavour.architecture != declared;
    Ok((flavour, foreign))
}

fn similar_file(folder: &Path, name: &str) -> Option<String> {
    let entries = fs::read_dir(folder).ok()?;
    let names: BTreeSet<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    closest(name, names.iter().map(String::as_str)).map(str::to_owned)
}

fn shown_key(name: &str) -> PathBuf {
    Path::new("images/flavours/keys").join(name)
}

/// The text of each `images/<name>/image.toml`, by name; and the folders that have none.
fn read_definitions(root: &Path) -> Result<(BTreeMap<String, String>, Vec<String>), ProjectError> {
    let mut texts = BTreeMap::new();
    let mut undefined = Vec::new();
    for entry in fs::read_dir(root.join("images")).map_err(ProjectError::Folder)? {
        let folder = entry.map_err(ProjectError::Folder)?.path();
        let Some(name) = folder.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if folder.join("image.toml").is_file() {
            let (_, text) = document::read::<toml::Table>(&folder.join("image.toml"), &shown(name))?;
            texts.insert(name.to_owned(), text);
        } else if folder.is_dir() && name != "flavours" && !name.starts_with('.') {
            undefined.push(name.to_owned());
        }
    }
    undefined.sort();
    Ok((texts, undefined))
}

fn check_references(
    name: &str,
    draft: &Definition,
    drafts: &BTreeMap<String, Definition>,
    flavours: &[String],
) -> Result<(), ProjectError> {
    if let Some(parent) = draft.parent.as_ref().filter(|parent| !drafts.contains_key(*parent)) {
        return Err(ProjectError::UnknownParent {
            path: shown(name),
            parent: parent.clone(),
            suggestion: closest(parent, drafts.keys().map(String::as_str)).map(str::to_owned),
        });
    }
    let unknown = draft
        .flavours()
        .into_iter()
        .find(|flavour| !flavours.iter().any(|known| known == flavour));
    unknown.map_or(Ok(()), |flavour| {
        Err(ProjectError::FlavourInDefinition {
            path: shown(name),
            flavour: flavour.to_owned(),
            suggestion: closest(flavour, flavours.iter().map(String::as_str)).map(str::to_owned),
        })
    })
}

/// All names, each after its parent's.
fn parents_first(drafts: &BTreeMap<String, Definition>) -> Result<Vec<String>, ProjectError> {
    let mut ordered: Vec<String> = Vec::new();
    while ordered.len() < drafts.len() {
        let ready = |draft: &Definition| draft.parent.as_ref().is_none_or(|parent| ordered.contains(parent));
        let next: Vec<String> = drafts
            .iter()
            .filter(|(name, draft)| !ordered.contains(name) && ready(draft))
            .map(|(name, _)| name.clone())
            .collect();
        if next.is_empty() {
            let caught = drafts
                .keys()
                .filter(|name| is_own_ancestor(name, drafts))
                .cloned()
                .collect();
            return Err(ProjectError::Cycle { images: caught });
        }
        ordered.extend(next);
    }
    Ok(ordered)
}

fn is_own_ancestor(name: &str, drafts: &BTreeMap<String, Definition>) -> bool {
    let parent = |name: &String| drafts.get(name)?.parent.clone();
    let ancestors = std::iter::successors(parent(&name.to_owned()), parent);
    ancestors.take(drafts.len()).any(|ancestor| ancestor == name)
}

/// An image belongs to the flavours for which it selects packages, or, where it selects none at all, to its parent's; but
/// only where the flavour does not say otherwise.
fn belongs(name: &str, drafts: &BTreeMap<String, Definition>, flavour: &Flavour) -> bool {
    let Some(draft) = drafts.get(name) else {
        return false;
    };
    let parent_belongs = || {
        draft
            .parent
            .as_ref()
            .is_none_or(|parent| belongs(parent, drafts, flavour))
    };
    let listed = flavour
        .images
        .as_ref()
        .is_none_or(|images| images.iter().any(|image| image == name));
    let selected = draft.packages.is_empty() || draft.packages.contains_key(&flavour.name);
    listed && selected && parent_belongs()
}

/// The definition with all its strings rendered.
fn rendered(text: &str, variables: &Variables, name: &str) -> Result<Definition, ProjectError> {
    let mut table: toml::Value = document::parse(text, &shown(name))?;
    render_strings(&mut table, variables).map_err(|fault| ProjectError::Variable {
        path: shown(name),
        fault,
    })?;
    table
        .try_into()
        .map_err(|error: toml::de::Error| ProjectError::Definition {
            path: shown(name),
            fault: Fault {
                message: error.message().to_owned(),
                hint: None,
            },
        })
}

/// TOML's own parser bounds the depth.
fn render_strings(value: &mut toml::Value, variables: &Variables) -> Result<(), crate::variables::UnknownVariable> {
    match value {
        toml::Value::String(text) => *text = render(text, variables)?,
        toml::Value::Array(values) => values
            .iter_mut()
            .try_for_each(|value| render_strings(value, variables))?,
        toml::Value::Table(table) => table
            .iter_mut()
            .try_for_each(|(_, value)| render_strings(value, variables))?,
        _ => {}
    }
    Ok(())
}

fn shown(name: &str) -> PathBuf {
    PathBuf::from(format!("images/{name}/image.toml"))
}

#[cfg(test)]
mod tests;
