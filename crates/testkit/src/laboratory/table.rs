//! `packages.toml`: what is in the mirror.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    #[serde(rename = "source")]
    pub(super) sources: Vec<Source>,
}

/// A source package.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    pub(super) name: String,
    #[serde(default)]
    pub(super) epoch: u32,
    pub(super) version: String,
    pub(super) release: String,
    /// `baseos` or `appstream`.
    pub(super) repository: String,
    /// `php:8.2`.
    pub(super) module: Option<String>,
    #[serde(rename = "package")]
    pub(super) packages: Vec<Package>,
}

/// A binary package of it; see the head of the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Package {
    pub(super) name: String,
    #[serde(default)]
    pub(super) noarch: bool,
    #[serde(default)]
    pub(super) requires: Vec<String>,
    #[serde(default)]
    pub(super) recommends: Vec<String>,
    #[serde(default)]
    pub(super) provides: Vec<String>,
    #[serde(default)]
    pub(super) take: Vec<String>,
    #[serde(default)]
    pub(super) except: Vec<String>,
    #[serde(default)]
    pub(super) text: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) links: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) folders: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) words: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) ghosts: BTreeMap<String, String>,
    pub(super) bundle: Option<String>,
    #[serde(default)]
    pub(super) sections: Sections,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sections {
    pub(super) text: String,
}

impl Table {
    pub(super) fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).context("the table of the laboratory's packages")
    }
}

impl Source {
    /// `name-epoch:version-release.arch`, as module documents list it.
    pub(super) fn artifact(&self, package: &Package) -> String {
        let architecture = if package.noarch { "noarch" } else { "x86_64" };
        let Self {
            epoch,
            version,
            release,
            ..
        } = self;
        format!("{}-{epoch}:{version}-{release}.{architecture}", package.name)
    }
}
