//! A repository in memory.

use qclock_packages::rpm::{Comps, Index, Modules, Owners};
use qclock_solver::rpm::{FileLists, Repository};

pub(crate) struct Loaded {
    pub(crate) name: &'static str,
    pub(crate) index: Index,
    pub(crate) modules: Option<Modules>,
    pub(crate) comps: Option<Comps>,
    pub(crate) owners: Option<Owners>,
    pub(crate) priority: u32,
}

/// The groups of these repositories together.
pub(crate) fn comps(loaded: &[Loaded], names: &[&str]) -> Comps {
    let mut comps = Comps::default();
    for it in loaded.iter().filter(|it| names.contains(&it.name)) {
        if let Some(own) = &it.comps {
            comps.add(own.clone());
        }
    }
    comps
}

impl Loaded {
    pub(crate) fn repository(&self) -> Repository<'_> {
        Repository {
            name: self.name,
            index: &self.index,
            files: self.owners.as_ref().map_or(FileLists::None, FileLists::Read),
            modules: self.modules.as_ref(),
            priority: self.priority,
        }
    }
}
