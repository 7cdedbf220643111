//! `qclock resolve` and `qclock why`: on the flavour's repositories, and on others.

use anyhow::{Context as _, Result};
use fs_err as fs;
use qclock_testkit::mirror::hex;

use crate::support::{Fixture, Outcome};

/// A folder of RPM metadata: `app` with two requirements, one of which only a stream's package meets.
fn rpm_folder(fixture: &Fixture) -> Result<String> {
    let package = |name: &str, version: &str, lists: &str| {
        format!(
            "<package type=\"rpm\"><name>{name}</name><arch>noarch</arch><version epoch=\"0\" ver=\"{version}\" rel=\"1\"/>\
             <checksum type=\"sha256\" pkgid=\"YES\">{}</checksum><size package=\"10\" installed=\"20\" archive=\"30\"/>\
             <location href=\"{name}.rpm\"/><format><rpm:license>MIT</rpm:license>{lists}</format></package>",
            hex(format!("{name}{version}").as_bytes())
        )
    };
    let requires = |name: &str| format!("<rpm:requires><rpm:entry name=\"{name}\"/></rpm:requires>");
    let primary = format!(
        "<metadata packages=\"4\">{}{}{}{}</metadata>",
        package("app", "1", &requires("lib")),
        package(
            "lib",
            "2",
            "<rpm:provides><rpm:entry name=\"webserver\"/></rpm:provides>"
        ),
        package("extra", "1", &requires("modular")),
        package("modular", "1", ""),
    );
    let modules = "document: modulemd\nversion: 2\ndata:\n  name: m\n  stream: \"1.0\"\n  version: 1\n  context: c\n  \
                   artifacts:\n    rpms: [modular-0:1-1.noarch]\n";
    let folder = fixture.root().join("rpm");
    fs::create_dir_all(folder.join("repodata"))?;
    let mut repomd = String::from("<repomd><revision>1</revision>");
    for (kind, name, text) in [
        ("primary", "primary.xml", primary.as_str()),
        ("modules", "modules.yaml", modules),
    ] {
        fs::write(folder.join("repodata").join(name), text)?;
        repomd += &format!(
            "<data type=\"{kind}\"><checksum type=\"sha256\">{}</checksum><location href=\"repodata/{name}\"/></data>",
            hex(text.as_bytes())
        );
    }
    fs::write(folder.join("repodata/repomd.xml"), repomd + "</repomd>")?;
    Ok(format!("main={}", folder.display()))
}

#[test]
fn the_flavour_s_suites_are_asked_and_the_way_is_told() -> Result<()> {
    let fixture = Fixture::new()?;
    let quiet = |outcome: Outcome| format!("status: {}\n{}", outcome.status, outcome.stdout);
    insta::assert_snapshot!(quiet(fixture.run(&["resolve", "web", "--leave-out", "perl"])));
    insta::assert_snapshot!(quiet(fixture.run(&["why", "web", "libc6"])));
    insta::assert_snapshot!(fixture.run(&["resolve", "web (>= 2)", "--quiet"]).text());
    let refused = fixture.run(&["resolve", "web", "--module", "php:8.2", "--quiet"]);
    assert_eq!(refused.status, 2, "{}", refused.stderr);
    Ok(())
}

#[test]
fn a_folder_of_debian_packages_is_asked_without_a_flavour() -> Result<()> {
    let fixture = Fixture::new()?;
    let flat = fixture.root().join("flat");
    fs::create_dir_all(&flat)?;
    let digest = hex(b"");
    let stanza = |name: &str, rest: &str| {
        format!(
            "Package: {name}\nVersion: 1-1\nArchitecture: amd64\n{rest}Filename: {name}.deb\nSize: 5\nSHA256: {digest}\n\n"
        )
    };
    let index = stanza("a", "Depends: b (>= 1)\n") + &stanza("b", "");
    fs::write(flat.join("Packages"), &index)?;
    let repository = format!("x={}", flat.display());
    let flat_answer = fixture.run(&["resolve", "a", "--repo", &repository]);
    assert_eq!(
        flat_answer.stdout, "a-1-1.amd64\nb-1-1.amd64\n",
        "{}",
        flat_answer.stderr
    );

    let suite = fixture.root().join("archive/dists/test/main/binary-amd64");
    fs::create_dir_all(&suite)?;
    fs::write(suite.join("Packages"), &index)?;
    let repository = format!("x={}", fixture.root().join("archive").display());
    let answer = fixture.run(&["resolve", "a=1-1", "--repo", &repository]);
    assert_eq!(answer.stdout, flat_answer.stdout, "{}", answer.stderr);

    let mixed = fixture.run(&["resolve", "a", "--repo", &repository, "--repo", &rpm_folder(&fixture)?]);
    assert_eq!(mixed.status, 2, "{}", mixed.stderr);
    Ok(())
}

#[test]
fn rpm_requests_say_what_would_help() -> Result<()> {
    let fixture = Fixture::new()?;
    let repository = rpm_folder(&fixture)?;
    let run = |arguments: &[&str]| fixture.run(&[arguments, &["--repo", &repository]].concat());
    insta::assert_snapshot!(run(&["resolve", "app"]).text());
    insta::assert_snapshot!(run(&["why", "app", "lib"]).text());
    assert_eq!(run(&["resolve", "webserver"]).stdout, "lib-2-1.noarch\n");
    assert_eq!(run(&["resolve", "[al]*"]).stdout, "app-1-1.noarch\nlib-2-1.noarch\n");
    insta::assert_snapshot!(run(&["resolve", "extra"]).text());
    assert_eq!(
        run(&["resolve", "extra", "--module", "m:1.0"]).stdout,
        "extra-1-1.noarch\nmodular-1-1.noarch\n"
    );
    insta::assert_snapshot!(run(&["resolve", "extra", "--module", "m:2"]).text());
    let error = run(&["resolve", "nothing-of-the-kind"]);
    assert_eq!(error.status, 1, "{}", error.stderr);
    Ok(())
}

/// Whatever bit of what is kept between runs is another: the answer is the same, and what was read of it is made anew.
#[test]
fn a_damaged_index_is_found_and_made_anew() -> Result<()> {
    let fixture = Fixture::new()?;
    let repository = rpm_folder(&fixture)?;
    let ask = || fixture.run(&["resolve", "extra", "app", "--module", "m:1.0", "--repo", &repository]);
    let expected = ask();
    assert_eq!(expected.status, 0, "{}", expected.stderr);
    for kind in ["rpm-index", "rpm-modules"] {
        let mut files = fs::read_dir(fixture.cache().join(kind))?;
        let path = files.next().context("nothing is kept")??.path();
        let whole = fs::read(&path)?;
        let (mut renewed, mut unread) = (0, 0);
        // Every part of the file: an odd step meets each section, and each place of a number.
        for at in (0..whole.len()).step_by((whole.len() / 160) | 1) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            fs::write(&path, &damaged)?;
            let answer = ask();
            assert_eq!(
                (answer.status, &answer.stdout),
                (0, &expected.stdout),
                "{kind}, byte {at}"
            );
            let after = fs::read(&path)?;
            match () {
                () if after == whole => renewed += 1,
                () if after == damaged => unread += 1,
                () => anyhow::bail!("{kind}, byte {at}: neither what was written nor what was damaged"),
            }
        }
        assert!(
            renewed > unread,
            "{kind}: {renewed} times made anew, {unread} times not looked at"
        );
        for cut in [0, 1, whole.len() / 2, whole.len() - 1] {
            fs::write(&path, &whole[..cut])?;
            assert_eq!(ask().stdout, expected.stdout, "{kind}, cut at {cut}");
            assert_eq!(fs::read(&path)?, whole, "{kind}, cut at {cut}");
        }
    }
    Ok(())
}
