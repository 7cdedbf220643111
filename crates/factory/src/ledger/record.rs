//! Changes of the ledger: verdicts written, the lock's scripts taken up, what is no longer locked let go.

use std::collections::BTreeMap;

use thiserror::Error;

use super::{Ledger, Script, Verdict};
use crate::failure::{Class, Failure, closest};
use crate::lockfile::Lockfile;

/// What somebody decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    pub verdict: Verdict,
    pub replacement: Option<String>,
    pub reason: String,
}

/// Package, script, sha256.
type Key = (String, String, String);

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RecordError {
    #[error("the lock holds no package `{package}`")]
    Package {
        package: String,
        suggestion: Option<String>,
    },
    #[error("the package `{package}` has no script `{script}`; it has {}", if .known.is_empty() { "none".to_owned() } else { .known.join(", ") })]
    Script {
        package: String,
        script: String,
        known: Vec<String>,
    },
    #[error("a verdict needs its reason")]
    Reason,
    #[error("`replaced-by` needs what replaces the script, and no other verdict has that")]
    Replacement,
}

impl Failure for RecordError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Package { suggestion, .. } => suggestion.as_ref().map(|name| format!("did you mean `{name}`?")),
            _ => None,
        }
    }
}

impl Ledger {
    /// Takes up every script of the locks (one for each architecture) that is missing or has changed, as one that needs review, and
    /// lets go what none of them has.  A text that was judged in another package keeps its verdict.  Returns what is new or changed.
    pub fn follow(&mut self, locks: &[&Lockfile]) -> Vec<(String, String)> {
        let mut fresh = Vec::new();
        for lock in locks {
            for key in self.take_up(lock) {
                if !fresh.contains(&key) {
                    fresh.push(key);
                }
            }
        }
        let mut entries = self.entries();
        let locked = |(package, name, sha256): &Key| {
            locks.iter().any(|lock| {
                let found = lock.package(package).and_then(|package| package.scripts.get(name));
                found == Some(sha256)
            })
        };
        entries.retain(|key, _| locked(key));
        self.set_entries(entries);
        fresh
    }

    fn take_up(&mut self, lock: &Lockfile) -> Vec<(String, String)> {
        let mut entries = self.entries();
        let judged: BTreeMap<(String, String), Script> = self
            .scripts
            .iter()
            .filter(|script| script.verdict != Verdict::NeedsReview)
            .map(|script| ((script.name.clone(), script.sha256.clone()), script.clone()))
            .collect();
        let mut fresh = Vec::new();
        for package in &lock.packages {
            for (name, sha256) in &package.scripts {
                let key = (package.name.clone(), name.clone(), sha256.clone());
                if entries.contains_key(&key) {
                    continue;
                }
                let known = judged.get(&(name.clone(), sha256.clone()));
                if known.is_none() {
                    fresh.push((package.name.clone(), name.clone()));
                }
                let unread = || Script {
                    packages: Vec::new(),
                    name: name.clone(),
                    sha256: sha256.clone(),
                    verdict: Verdict::NeedsReview,
                    replacement: None,
                    reason: String::new(),
                };
                entries.insert(key, known.cloned().unwrap_or_else(unread));
            }
        }
        self.set_entries(entries);
        fresh
    }

    /// Writes the verdict on a package's script as the lock has it, and on the same text in other packages.
    pub fn judge(
        &mut self,
        lock: &Lockfile,
        package: &str,
        script: &str,
        judgement: &Judgement,
    ) -> Result<(), RecordError> {
        let judges = judgement.verdict != Verdict::NeedsReview;
        if judges && judgement.reason.trim().is_empty() {
            return Err(RecordError::Reason);
        }
        if judgement.replacement.is_some() != (judgement.verdict == Verdict::ReplacedBy) {
            return Err(RecordError::Replacement);
        }
        let locked = lock.package(package).ok_or_else(|| RecordError::Package {
            package: package.to_owned(),
            suggestion: closest(package, lock.packages.iter().map(|package| package.name.as_str())).map(str::to_owned),
        })?;
        let sha256 = locked.scripts.get(script).ok_or_else(|| RecordError::Script {
            package: package.to_owned(),
            script: script.to_owned(),
            known: locked.scripts.keys().cloned().collect(),
        })?;
        self.take_up(lock);
        let mut entries = self.entries();
        for ((_, name, text), entry) in &mut entries {
            if name == script && text == sha256 {
                entry.verdict = judgement.verdict;
                entry.replacement.clone_from(&judgement.replacement);
                judgement.reason.trim().clone_into(&mut entry.reason);
            }
        }
        self.set_entries(entries);
        Ok(())
    }

    /// One for each package, script and text: another architecture's may be another.
    fn entries(&self) -> BTreeMap<Key, Script> {
        let each = self.scripts.iter().flat_map(|script| {
            let key = |package: &String| (package.clone(), script.name.clone(), script.sha256.clone());
            script
                .packages
                .iter()
                .map(move |package| (key(package), script.clone()))
        });
        each.collect()
    }

    /// The same text with the same verdict becomes one entry.
    fn set_entries(&mut self, entries: BTreeMap<Key, Script>) {
        let mut joined: Vec<Script> = Vec::new();
        for ((package, ..), mut script) in entries {
            script.packages.clear();
            let same = joined.iter_mut().find(|other| {
                Script {
                    packages: Vec::new(),
                    ..(*other).clone()
                } == script
            });
            match same {
                Some(other) => other.packages.push(package),
                None => joined.push(Script {
                    packages: vec![package],
                    ..script
                }),
            }
        }
        self.scripts = joined;
    }
}
