//! Who sees what: written out route by route, so that the product's table is not its own judge.

use anyhow::{Context, Result, ensure};
use qclock_testkit::browser::{Browser, Page};
use qclock_testkit::stack::Stack;

use super::realm::Realm;
use super::{at_provider, public, sign_in, signed_in, status_of, with};

/// Who asks: nobody, somebody without a role, then the roles.
const WHO: [&str; 6] = ["nobody", "no-role", "viewer", "operator", "auditor", "admin"];

type Row = (&'static str, [u64; 6]);

/// What each of them is answered by Apache, when the status is for everybody.  303: sent to sign in, or on from there.
const PUBLIC: [Row; 14] = [
    ("/", [200; 6]),
    ("/qclock/events", [200; 6]),
    ("/qclock/snapshot", [200; 6]),
    ("/api/v1/status", [200; 6]),
    ("/qclock/account", [303, 200, 200, 200, 200, 200]),
    ("/qclock/audit", [303, 403, 403, 403, 200, 200]),
    ("/qclock/audit?of=changes", [303, 403, 403, 403, 200, 200]),
    ("/qclock/sign-in", [303; 6]),
    ("/qclock/sign-in/callback", [400; 6]),
    ("/qclock/sign-out", [405; 6]),
    ("/qclock/sign-out/everywhere", [405; 6]),
    ("/qclock/sign-out/back-channel", [404; 6]),
    ("/healthz", [200; 6]),
    ("/metrics", [404; 6]),
];

/// What is different when it is for people with a role.
const PRIVATE: [Row; 4] = [
    ("/", [303, 403, 200, 200, 200, 200]),
    ("/qclock/events", [401, 403, 200, 200, 200, 200]),
    ("/qclock/snapshot", [401, 403, 200, 200, 200, 200]),
    ("/api/v1/status", [401, 403, 200, 200, 200, 200]),
];

/// The menu has the audit page for those who may see it.
const AUDIT: [bool; 6] = [false, false, false, false, true, true];
/// The foot of the page lists what the image is made of for those who have a role.
const DETAILS: [bool; 6] = [false, false, true, true, true, true];

pub(crate) fn each_role(stack: &Stack) -> Result<()> {
    let realm = Realm::new(stack);
    let browser = Browser::start()?;
    let mut people = Vec::new();
    for who in &WHO[1..] {
        let roles = if *who == "no-role" { &[][..] } else { &[*who][..] };
        people.push(realm.person(who, roles)?);
    }
    let pages = WHO.iter().map(|_| browser.person()).collect::<Result<Vec<_>>>()?;
    for (page, person) in pages[1..].iter().zip(&people) {
        sign_in(stack, page, person)?;
    }
    ensure!(
        pages[1].address()?.ends_with("/qclock/account") && pages[1].text()?.contains("no role"),
        "whoever has no role is told so"
    );
    for (column, page) in pages.iter().enumerate() {
        public_table(stack, column, page).with_context(|| WHO[column].to_owned())?;
    }

    with(stack, &["QCLOCK_STATUS_ACCESS=private"], "dashboard")?;
    // Sessions ended with the dashboard; the provider still knows everybody.
    for (column, page) in pages.iter().enumerate() {
        page.open(&public(stack, "/"))?;
        if column == 0 {
            at_provider(stack, page)?;
        } else {
            signed_in(stack, page, &people[column - 1].name)?;
        }
        private_table(stack, column, page).with_context(|| format!("private: {}", WHO[column]))?;
    }
    with(stack, &[], "dashboard")
}

fn public_table(stack: &Stack, column: usize, page: &Page) -> Result<()> {
    page.open(&public(stack, "/"))?;
    ensure!(
        page.shows(".account-menu a[href='/qclock/audit']")? == AUDIT[column],
        "the menu's audit page is wrong"
    );
    ensure!(
        page.shows("footer details")? == DETAILS[column],
        "the details at the foot are wrong"
    );
    for (path, expected) in PUBLIC {
        let status = status_of(page, path)?;
        ensure!(status == expected[column], "{path} answered {status}");
    }
    // The same as a person: what is refused says so on a page.
    page.open(&public(stack, "/qclock/audit"))?;
    match PUBLIC[5].1[column] {
        303 => at_provider(stack, page)?,
        status => ensure!(
            u64::from(page.status()?) == status && page.shows("h1")?,
            "the audit page shows {}",
            page.text()?
        ),
    }
    expected_troubles(page, column)
}

fn private_table(stack: &Stack, column: usize, page: &Page) -> Result<()> {
    // Whoever may see no page can still ask from one that is for everybody.
    page.open(&public(stack, "/healthz"))?;
    let is_different = |path: &str| PRIVATE.iter().any(|(other, _)| *other == path);
    let same = PUBLIC.into_iter().filter(|(path, _)| !is_different(path));
    for (path, expected) in PRIVATE.into_iter().chain(same) {
        let status = status_of(page, path)?;
        ensure!(status == expected[column], "{path} answered {status}");
    }
    Ok(())
}

/// What we have asked for ourselves and were refused is in the browser's log; nothing else may be.
fn expected_troubles(page: &Page, column: usize) -> Result<()> {
    let asked: Vec<&str> = PUBLIC
        .iter()
        .filter(|(_, expected)| expected[column] >= 400)
        .map(|(path, _)| *path)
        .collect();
    let troubles = page.troubles();
    let others: Vec<_> = troubles
        .iter()
        .filter(|trouble| !asked.iter().any(|path| trouble.trim_end_matches('"').ends_with(path)))
        .collect();
    ensure!(others.is_empty(), "the browser complains: {others:#?}");
    Ok(())
}
