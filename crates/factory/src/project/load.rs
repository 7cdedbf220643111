//! Reads all definitions; keeps, renders and checks those of one flavour.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::drafts::{belongs, check_references, parents_first, read_definitions};
use super::flavours::{flavour_names, load_flavour};
use super::{Project, ProjectError, shown};
use crate::definition::{Definition, Fault};
use crate::document;
use crate::failure::closest;
use crate::flavour::{Flavour, machine};
use crate::variables::{UnknownVariable, Variables, render};

impl Project {
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
fn render_strings(value: &mut toml::Value, variables: &Variables) -> Result<(), UnknownVariable> {
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
