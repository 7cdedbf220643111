//! Locks and ledgers that agree and do not.

use std::collections::BTreeMap;

use super::*;
use crate::failure::{Class, Failure as _};
use crate::lockfile::{LockedPackage, Lockfile};

fn lock(packages: &[(&str, &[(&str, &str)])]) -> Lockfile {
    Lockfile {
        format: crate::lockfile::FORMAT,
        flavour: "test".to_owned(),
        architecture: "amd64".to_owned(),
        platform: None,
        streams: Vec::new(),
        suites: Vec::new(),
        repositories: Vec::new(),
        images: Vec::new(),
        packages: packages.iter().map(|(name, scripts)| package(name, scripts)).collect(),
    }
}

fn package(name: &str, scripts: &[(&str, &str)]) -> LockedPackage {
    let scripts: BTreeMap<String, String> = scripts
        .iter()
        .map(|(name, digest)| ((*name).to_owned(), (*digest).to_owned()))
        .collect();
    let toml = format!(
        "name = '{name}'\nversion = '1'\narchitecture = 'amd64'\nsuite = 's'\npath = 'p'\nsize = 1\nsha256 = ''\n\
         signed_by = ''\nsource = ''\nsource_version = ''\n"
    );
    LockedPackage {
        scripts,
        ..toml::from_str(&toml).unwrap()
    }
}

fn not_needed(reason: &str) -> Judgement {
    Judgement {
        verdict: Verdict::NotNeeded,
        replacement: None,
        reason: reason.to_owned(),
    }
}

#[test]
fn every_script_needs_a_verdict_on_its_very_text() {
    let old = lock(&[
        ("a", &[("postinst", "01")]),
        ("b", &[("postinst", "01"), ("prerm", "02")]),
    ]);
    let mut ledger = Ledger::new("test");
    let Err(Unreviewed::Scripts { doubts }) = check(&old, &ledger) else {
        panic!("nothing is reviewed")
    };
    assert_eq!(doubts.len(), 3);
    assert!(doubts.iter().all(|doubt| doubt.why == Why::New));

    ledger.judge(&old, "b", "postinst", &not_needed("it greets")).unwrap();
    let error = check(&old, &ledger).unwrap_err();
    assert_eq!(
        error.to_string(),
        "1 script of a package has not been reviewed:\n`prerm` of `b`: needs review"
    );
    assert_eq!(error.class(), Class::Answer);
    ledger
        .judge(&old, "b", "prerm", &not_needed("nothing is removed"))
        .unwrap();
    assert_eq!(check(&old, &ledger), Ok(()));

    let new = lock(&[("a", &[("postinst", "03")]), ("b", &[("postinst", "01")])]);
    let Err(Unreviewed::Scripts { doubts }) = check(&new, &ledger) else {
        panic!("one has changed")
    };
    assert_eq!((doubts[0].package.as_str(), &doubts[0].why), ("a", &Why::Changed));
    assert_eq!(doubts.len(), 1);
}

#[test]
fn the_ledger_follows_the_lock_and_keeps_verdicts_on_the_same_text() {
    let old = lock(&[("a", &[("triggers", "01")]), ("gone", &[("postinst", "02")])]);
    let mut ledger = Ledger::new("test");
    ledger
        .judge(&old, "a", "triggers", &not_needed("there is no cache"))
        .unwrap();
    let new = lock(&[
        ("a", &[("triggers", "01")]),
        ("b", &[("postinst", "09"), ("triggers", "01")]),
    ]);
    assert_eq!(ledger.follow(&[&new]), [("b".to_owned(), "postinst".to_owned())]);
    assert_eq!(
        ledger.script("b", "triggers", "01").unwrap().verdict,
        Verdict::NotNeeded
    );
    assert_eq!(ledger.script("gone", "postinst", "02"), None);
    insta::assert_snapshot!(ledger.to_text(), @r#"
    # What becomes of the scripts that packages bring: none is run when an image is built.
    # `qclock ledger show PACKAGE` prints a script, `qclock ledger record` writes a verdict.
    format = 1
    flavour = "test"

    [[script]]
    packages = [
        "a",
        "b",
    ]
    name = "triggers"
    sha256 = "01"
    verdict = "not-needed"
    reason = "there is no cache"

    [[script]]
    packages = ["b"]
    name = "postinst"
    sha256 = "09"
    verdict = "needs-review"
    "#);
    assert_eq!(toml::from_str::<Ledger>(&ledger.to_text()).unwrap(), ledger);
}

#[test]
fn another_architecture_s_text_has_a_verdict_of_its_own() {
    let here = lock(&[("a", &[("postinst", "01")])]);
    let there = lock(&[("a", &[("postinst", "02")])]);
    let mut ledger = Ledger::new("test");
    ledger.judge(&here, "a", "postinst", &not_needed("x")).unwrap();
    assert_eq!(
        ledger.follow(&[&here, &there]),
        [("a".to_owned(), "postinst".to_owned())]
    );
    assert_eq!(check(&here, &ledger), Ok(()));
    assert!(check(&there, &ledger).is_err());
    ledger.judge(&there, "a", "postinst", &not_needed("x")).unwrap();
    assert!(ledger.follow(&[&here, &there]).is_empty());
    assert_eq!((check(&here, &ledger), check(&there, &ledger)), (Ok(()), Ok(())));
    ledger.follow(&[&there]);
    assert_eq!(ledger.scripts.len(), 1);
}

#[test]
fn a_verdict_has_its_reason_and_a_replacement_where_it_is_one() {
    let lock = lock(&[("a", &[("postinst", "01")])]);
    let mut ledger = Ledger::new("test");
    let judge = |ledger: &mut Ledger, package: &str, script: &str, judgement: Judgement| {
        ledger.judge(&lock, package, script, &judgement).unwrap_err()
    };
    assert_eq!(
        judge(&mut ledger, "a", "postinst", not_needed(" ")),
        RecordError::Reason
    );
    let replaced = Judgement {
        verdict: Verdict::ReplacedBy,
        ..not_needed("makes a link")
    };
    assert_eq!(judge(&mut ledger, "a", "postinst", replaced), RecordError::Replacement);
    assert!(matches!(
        judge(&mut ledger, "aa", "postinst", not_needed("x")),
        RecordError::Package { .. }
    ));
    assert_eq!(
        judge(&mut ledger, "a", "post", not_needed("x")).to_string(),
        "the package `a` has no script `post`; it has postinst"
    );
    // Nor may one be written by hand.
    ledger.judge(&lock, "a", "postinst", &not_needed("x")).unwrap();
    ledger.scripts[0].reason.clear();
    let Err(Unreviewed::Scripts { doubts }) = check(&lock, &ledger) else {
        panic!("there is no reason")
    };
    assert_eq!(doubts[0].why, Why::Unfounded);
}

#[test]
fn another_flavour_s_ledger_is_no_answer() {
    assert!(matches!(
        check(&lock(&[]), &Ledger::new("other")),
        Err(Unreviewed::Flavour { .. })
    ));
}
