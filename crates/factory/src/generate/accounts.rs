//! `/etc/passwd` and `/etc/group` from the accounts of an image and its ancestors.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::GenerateError;
use crate::definition::{Account, Definition};

/// By id, so that the files are ordered.
#[derive(Debug, Default)]
pub struct Accounts {
    accounts: BTreeMap<u32, Account>,
    groups: BTreeMap<u32, (String, BTreeSet<String>)>,
}

impl Accounts {
    /// `lineage` has the oldest ancestor first.  An account whose group nobody declares gets one of its own name.
    pub fn of(lineage: &[&Definition]) -> Self {
        let mut all = Self::default();
        for image in lineage {
            for account in &image.accounts {
                all.accounts.insert(account.uid, account.clone());
            }
            for group in &image.groups {
                let entry = all.groups.entry(group.gid).or_default();
                entry.0.clone_from(&group.name);
                entry.1.extend(group.members.iter().cloned());
            }
        }
        for account in all.accounts.values() {
            all.groups
                .entry(account.gid)
                .or_insert_with(|| (account.name.clone(), BTreeSet::new()));
        }
        all
    }

    /// Whether it is a uid or a gid.
    pub(crate) fn has_id(&self, id: u32) -> bool {
        self.accounts.contains_key(&id) || self.groups.contains_key(&id)
    }

    pub(crate) fn user_id(&self, name: &str) -> Option<u32> {
        let found = self.accounts.iter().find(|(_, account)| account.name == name);
        found.map(|(uid, _)| *uid)
    }

    pub(crate) fn group_id(&self, name: &str) -> Option<u32> {
        let found = self.groups.iter().find(|(_, (known, _))| known == name);
        found.map(|(gid, _)| *gid)
    }

    pub(super) fn owner(&self, user: &str, group: &str) -> Result<(u32, u32), GenerateError> {
        let unknown = |name: &str| GenerateError::Owner { name: name.to_owned() };
        let (uid, gid) = (self.user_id(user), self.group_id(group));
        let root = |name: &str| (name == "root").then_some(0);
        Ok((
            uid.or_else(|| root(user)).ok_or_else(|| unknown(user))?,
            gid.or_else(|| root(group)).ok_or_else(|| unknown(group))?,
        ))
    }

    pub(super) fn passwd(&self) -> String {
        let mut text = String::new();
        for Account {
            name,
            uid,
            gid,
            comment,
            home,
            shell,
        } in self.accounts.values()
        {
            writeln!(text, "{name}:x:{uid}:{gid}:{comment}:{home}:{shell}").expect("a string takes all writing");
        }
        text
    }

    pub(super) fn group(&self) -> String {
        let mut text = String::new();
        for (gid, (name, members)) in &self.groups {
            let members = members.iter().map(String::as_str).collect::<Vec<_>>().join(",");
            writeln!(text, "{name}:x:{gid}:{members}").expect("a string takes all writing");
        }
        text
    }
}
