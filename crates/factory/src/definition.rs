//! What an image is: `images/<name>/image.toml`.

mod check;
mod upstream;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

pub use check::Fault;
pub use upstream::{Coordinate, EmptyJars, UpstreamArchive};

/// One image definition, as written by a person.  Flavour-dependent parts are keyed by the flavour's name (`debian12`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The folder's name, `app`; the image is called `qclock-app`.
    pub name: String,
    pub title: String,
    pub description: String,
    /// The image whose layers come first, unchanged.
    pub parent: Option<String>,
    #[serde(default)]
    pub packages: BTreeMap<String, PackageSelection>,
    #[serde(default, rename = "archive")]
    pub archives: Vec<UpstreamArchive>,
    /// `@name@` in `rootfs/**/*.in` and in the strings of this file, per flavour.  A child sees its parent's.
    #[serde(default)]
    pub variables: BTreeMap<String, BTreeMap<String, String>>,
    /// What `qclock slim` starts from, per flavour.
    #[serde(default)]
    pub slim: BTreeMap<String, SlimRoots>,
    #[serde(default, rename = "prune")]
    pub prunes: Vec<Prune>,
    #[serde(default, rename = "account")]
    pub accounts: Vec<Account>,
    #[serde(default, rename = "group")]
    pub groups: Vec<Group>,
    #[serde(default, rename = "directory")]
    pub directories: Vec<Directory>,
    #[serde(default, rename = "link")]
    pub links: Vec<Link>,
    #[serde(default, rename = "binary")]
    pub binaries: Vec<Binary>,
    /// Paths that the factory would refuse (a shell, a set-id file), each with the reason why this image has it.
    #[serde(default, rename = "permit")]
    pub permits: Vec<Permit>,
    #[serde(default)]
    pub generate: Generate,
    #[serde(default)]
    pub run: Run,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageSelection {
    pub install: Vec<String>,
    #[serde(default, rename = "omit")]
    pub omissions: Vec<Omission>,
    #[serde(default, rename = "restore")]
    pub restorations: Vec<Restoration>,
}

/// Requirements that are taken as met without their packages.  One that no package asks for is an error.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Omission {
    pub names: Vec<String>,
    pub reason: String,
}

/// Files of a package of a parent image that the parent leaves out and this image needs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restoration {
    pub package: String,
    pub paths: Vec<String>,
    pub reason: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlimRoots {
    /// Globs of programs and modules whose ELF needs are followed.
    pub programs: Vec<String>,
    /// Packages kept for their data.
    #[serde(default)]
    pub data: Vec<String>,
}

/// Files of packages that stay out: those that match `paths` and do not match `keep`.  Globs without a leading slash;
/// a child inherits its parent's rules for its own packages.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prune {
    /// Where it holds; everywhere without it.
    pub flavours: Option<Vec<String>>,
    pub paths: Vec<String>,
    #[serde(default)]
    pub keep: Vec<String>,
    pub reason: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub comment: String,
    pub home: String,
    pub shell: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub name: String,
    pub gid: u32,
    #[serde(default)]
    pub members: Vec<String>,
}

/// Owner and group by name (an account of this image or its parents).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    pub path: String,
    /// Octal, as a string: `"0755"`.
    pub mode: String,
    #[serde(default = "root")]
    pub owner: String,
    #[serde(default = "root")]
    pub group: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Where it is made; everywhere without it.
    pub flavours: Option<Vec<String>>,
    pub path: String,
    pub target: String,
    /// It takes the place of a package's file on purpose, where there is one.
    #[serde(default)]
    pub replaces: bool,
}

/// One of our own static programs, taken from the folder of the `qclock` command that builds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binary {
    pub name: String,
    pub path: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permit {
    pub path: String,
    pub reason: String,
}

/// Files that install scripts would have made.  An empty value is as good as none.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generate {
    /// Where the concatenation of the distribution's trusted certificates goes.
    pub ca_bundle: Option<String>,
    /// The system-wide policy for cryptography that is set: `DEFAULT`.
    pub crypto_policy: Option<String>,
    /// Where the dynamic loader's list of libraries goes, `/etc/ld.so.cache`.  Children have their own, in the same place.
    pub linker_cache: Option<String>,
    /// Where the same certificates go in the form that Java reads.
    pub java_trust_store: Option<String>,
    /// Folder that receives the flavour's repository definitions and keys, for those who extend the image.
    pub repositories: Option<String>,
}

/// The run-time part of the OCI image configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// `uid:gid`, numeric.
    pub user: Option<String>,
    #[serde(default)]
    pub entrypoint: Vec<String>,
    #[serde(default)]
    pub command: Vec<String>,
    /// Added to the parent's; a child's value wins.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    pub working_directory: Option<String>,
    #[serde(default)]
    pub ports: Vec<u16>,
    #[serde(default)]
    pub volumes: Vec<String>,
    pub stop_signal: Option<String>,
    pub health: Option<Health>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    pub command: Vec<String>,
    pub interval_seconds: u64,
    pub timeout_seconds: u64,
    pub start_period_seconds: u64,
    pub retries: u32,
}

impl Definition {
    /// The name of the image: `qclock-app`.
    pub fn image_name(&self) -> String {
        format!("{IMAGE_PREFIX}{}", self.name)
    }

    /// What this image takes from the flavour's repositories, itself; nothing where it takes nothing.
    pub fn selection(&self, flavour: &str) -> PackageSelection {
        self.packages.get(flavour).cloned().unwrap_or_default()
    }

    /// Every flavour that this definition speaks of.
    pub(crate) fn flavours(&self) -> BTreeSet<&str> {
        let maps = self
            .packages
            .keys()
            .chain(self.variables.keys())
            .chain(self.slim.keys());
        let of_archives = self.archives.iter().flat_map(|archive| &archive.prunes);
        let rules = self
            .prunes
            .iter()
            .chain(of_archives)
            .filter_map(|prune| prune.flavours.as_ref());
        let links = self.links.iter().filter_map(|link| link.flavours.as_ref());
        maps.chain(rules.chain(links).flatten()).map(String::as_str).collect()
    }

    /// Without the rules and links of other flavours.
    pub(crate) fn keep_for(&mut self, flavour: &str) {
        let holds =
            |flavours: &Option<Vec<String>>| flavours.as_ref().is_none_or(|all| all.iter().any(|one| one == flavour));
        self.prunes.retain(|prune| holds(&prune.flavours));
        self.links.retain(|link| holds(&link.flavours));
        for archive in &mut self.archives {
            archive.prunes.retain(|prune| holds(&prune.flavours));
        }
    }
}

/// What the names of all images start with.
pub const IMAGE_PREFIX: &str = "qclock-";

fn root() -> String {
    "root".to_owned()
}
