//! `qclock build` from RPM packages: what is in the images, what `rpm` says of them, and what is refused.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use fs_err as fs;
use qclock_testkit::rpm::{File, Rpm};

use crate::rpm_support::{APPSTREAM, RpmFixture};
use crate::support::stable;

/// Unpacks an image's layers into a folder, as far as this user can.
pub(crate) fn unpack(fixture: &RpmFixture, image: &str, folder: &Path) -> Result<()> {
    unpack_layout(&fixture.root().join("dist/test9"), image, folder)
}

pub(crate) fn unpack_layout(layout: &Path, image: &str, folder: &Path) -> Result<()> {
    let json = |path: &Path| -> Result<serde_json::Value> { Ok(serde_json::from_slice(&fs::read(path)?)?) };
    let blob = |descriptor: &serde_json::Value| -> Result<std::path::PathBuf> {
        let digest = descriptor["digest"].as_str().context("no digest")?;
        Ok(layout.join("blobs").join(digest.replace(':', "/")))
    };
    let index = json(&layout.join("index.json"))?;
    let manifests = index["manifests"].as_array().context("no manifests")?;
    let named = |manifest: &&serde_json::Value| manifest.to_string().contains(&format!("\"{image}\""));
    let manifest = json(&blob(manifests.iter().find(named).context("no such image")?)?)?;
    for layer in manifest["layers"].as_array().context("no layers")? {
        let status = Command::new("tar")
            .args(["--extract", "--no-same-owner", "--file"])
            .arg(blob(layer)?)
            .arg("--directory")
            .arg(folder)
            .status()?;
        ensure!(status.success(), "tar: {status}");
    }
    Ok(())
}

/// `mode path`, and what a link leads to.
fn listing(folder: &Path) -> Result<Vec<String>> {
    use std::os::unix::fs::MetadataExt as _;
    let mut lines = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder_or_file) = pending.pop() {
        for entry in fs::read_dir(&folder_or_file)? {
            let path = entry?.path();
            let metadata = fs::symlink_metadata(&path)?;
            let shown = path.strip_prefix(folder)?.display().to_string();
            let target = fs::read_link(&path).map(|target| format!(" → {}", target.display()));
            lines.push(format!(
                "{:04o} {shown}{}",
                metadata.mode() & 0o7777,
                target.unwrap_or_default()
            ));
            if metadata.is_dir() {
                pending.push(path);
            }
        }
    }
    lines.retain(|line| !line.contains("usr/bin/qclock-init"));
    lines.sort_by(|left, right| left[5..].cmp(&right[5..]));
    Ok(lines)
}

#[test]
fn images_hold_what_the_packages_bring_hardened_and_where_it_belongs() -> Result<()> {
    let fixture = RpmFixture::locked()?;
    fixture.review()?;
    let first = fixture.run(&["build"]);
    stable(|| insta::assert_snapshot!(first.text()));
    let folder = tempfile::tempdir()?;
    unpack(&fixture, "qclock-app", folder.path())?;
    insta::assert_snapshot!(listing(folder.path())?.join("\n"));
    assert_eq!(fs::read(folder.path().join("usr/sbin/web-alias"))?, b"server");
    let record = fs::read_to_string(folder.path().join("etc/qclock/image.json"))?;
    let record: serde_json::Value = serde_json::from_str(&record)?;
    insta::assert_snapshot!(record["dropped_capabilities"].to_string(), @r#"[{"capabilities":"cap_setuid=ep","package":"web","path":"/usr/sbin/suweb"}]"#);
    assert!(fixture.mirror.server.asked().is_empty(), "everything was in the cache");
    Ok(())
}

#[test]
fn rpm_itself_finds_the_packages_in_an_image_whole() -> Result<()> {
    if Command::new("rpm").arg("--version").output().is_err() {
        eprintln!("skipped: there is no `rpm` on this machine");
        return Ok(());
    }
    let fixture = RpmFixture::locked()?;
    fixture.review()?;
    assert_eq!(fixture.run(&["build"]).status, 0);
    let rpm = |image: &str, arguments: &[&str]| -> Result<String> {
        let folder = tempfile::tempdir()?;
        unpack(&fixture, image, folder.path())?;
        let output = Command::new("rpm")
            .arg("--root")
            .arg(folder.path())
            .args(["--define", "_db_backend sqlite", "--define", "_dbpath /var/lib/rpm"])
            .args(arguments)
            .output()?;
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        Ok(lines.join("\n"))
    };
    insta::assert_snapshot!(rpm("qclock-base", &["-qa"])?, @r"
    filesystem-1.0-1.el9.x86_64
    glibc-1.0-1.el9.x86_64
    ");
    insta::assert_snapshot!(rpm("qclock-app", &["-qa"])?, @r"
    filesystem-1.0-1.el9.x86_64
    glibc-1.0-1.el9.x86_64
    libmod-1.0-1.el9.x86_64
    php-fpm-8.2-1.el9.x86_64
    web-1.0-1.el9.x86_64
    ");
    insta::assert_snapshot!(rpm("qclock-app", &["-qf", "/usr/sbin/web", "/usr/lib64/libmod.so"])?, @r"
    libmod-1.0-1.el9.x86_64
    web-1.0-1.el9.x86_64
    ");
    // What the image changes: the program that would change its user, and what it would be allowed.  The folder's owner is the
    // container's account, which the test does not unpack as.
    insta::assert_snapshot!(rpm(
        "qclock-app",
        &["-Va", "--nodeps", "--nouser", "--nogroup", "--noscripts"]
    )?);
    Ok(())
}

#[test]
fn the_same_lock_gives_the_same_digests_whatever_the_machine() -> Result<()> {
    let fixture = RpmFixture::locked()?;
    fixture.review()?;
    let here = fixture.run(&["build", "--quiet"]);
    let mut command = fixture.command(&["build", "--quiet", "--output", "elsewhere"]);
    command
        .env("TZ", "Pacific/Kiritimati")
        .env("LC_ALL", "tr_TR.UTF-8")
        .env("HOME", "/nonexistent");
    // The shell sets the umask and becomes the command.
    let program = command.get_program().to_owned();
    let arguments: Vec<_> = command.get_args().map(std::ffi::OsStr::to_owned).collect();
    let environment: BTreeMap<_, _> = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    let there = Command::new("sh")
        .args(["-c", "umask 077; exec \"$@\"", "sh"])
        .arg(program)
        .args(arguments)
        .current_dir(fixture.root())
        .env_clear()
        .envs(environment)
        .output()?;
    assert_eq!(here.stdout, String::from_utf8(there.stdout)?);
    Ok(())
}

#[test]
fn one_machine_makes_the_images_of_both_architectures_and_an_index_joins_them() -> Result<()> {
    let mut fixture = RpmFixture::locked()?;
    fixture.add_aarch64()?;
    fixture.review()?;
    let native = fixture.run(&["build", "--quiet"]);
    assert_eq!(native.status, 0, "{}", native.text());
    let locked = fixture.run(&["lock", "--arch", "aarch64", "--quiet"]);
    assert_eq!(locked.status, 0, "{}", locked.text());
    let lock = fixture.read("images/test9.aarch64.lock")?;
    assert!(lock.contains("architecture = \"aarch64\"\nplatform"), "{lock}");
    assert!(!lock.contains("x86_64"), "{lock}");
    stable(|| insta::assert_snapshot!(fixture.run(&["build", "--arch", "arm64"]).text()));
    assert_eq!(fixture.run(&["digest", "app"]).status, 0);
    let digest = fixture.run(&["digest", "app", "--arch", "aarch64"]);
    assert!(!native.stdout.contains(digest.stdout.trim()), "{}", digest.text());

    let layout = fixture.root().join("dist/test9");
    let index: serde_json::Value = serde_json::from_slice(&fs::read(layout.join("index.json"))?)?;
    let manifests = index["manifests"].as_array().context("no manifests")?;
    let named = |name: &str| {
        let found = manifests
            .iter()
            .find(|found| found["annotations"]["org.opencontainers.image.ref.name"] == name);
        found.with_context(|| format!("no {name}"))
    };
    let blob = named("qclock-app.all")?["digest"]
        .as_str()
        .context("no digest")?
        .replace(':', "/");
    let joined: serde_json::Value = serde_json::from_slice(&fs::read(layout.join("blobs").join(blob))?)?;
    let parts = joined["manifests"].as_array().context("no manifests")?;
    let shown: Vec<String> = parts
        .iter()
        .map(|part| format!("{} {}", part["platform"], part["digest"]))
        .collect();
    let expected = |name: &str, architecture: &str| -> Result<String> {
        let digest = &named(name)?["digest"];
        Ok(format!(
            "{{\"architecture\":\"{architecture}\",\"os\":\"linux\"}} {digest}"
        ))
    };
    assert_eq!(
        shown,
        [expected("qclock-app", "amd64")?, expected("qclock-app.arm64", "arm64")?]
    );
    let unknown = fixture.run(&["lock", "--arch", "mips"]);
    assert!(
        unknown.stderr.contains("hint: use one of `x86_64`"),
        "{}",
        unknown.text()
    );
    Ok(())
}

#[test]
fn a_scriptlet_that_nobody_has_reviewed_stops_the_build() -> Result<()> {
    let fixture = RpmFixture::locked()?;
    insta::assert_snapshot!(fixture.run(&["build"]).text());
    let warned = fixture.run(&["build", "--quiet", "--unreviewed", "warn"]);
    assert_eq!(warned.status, 0, "{}", warned.text());
    let shown = fixture.run(&["ledger", "show", "web", "%pre"]);
    assert_eq!(
        (shown.status, shown.stdout.as_str()),
        (0, "%pre -p /bin/sh\nuseradd -r -u 48 web\n")
    );
    Ok(())
}

#[test]
fn an_owner_that_nobody_declares_is_named_with_the_remedy() -> Result<()> {
    let fixture = RpmFixture::locked()?;
    fixture.review()?;
    let base = fixture.read("images/base/image.toml")?;
    let without = base.split("[[account]]").next().unwrap_or_default().to_owned();
    fixture.write("images/base/image.toml", &without)?;
    stable(|| insta::assert_snapshot!(fixture.run(&["build", "--quiet"]).text()));
    Ok(())
}

#[test]
fn a_lock_that_names_another_signer_and_a_key_that_was_taken_back_are_refused() -> Result<()> {
    let fixture = RpmFixture::locked()?;
    fixture.review()?;
    let lock = fixture.read("images/test9.lock")?;
    let signer = lock
        .lines()
        .find_map(|line| line.strip_prefix("signed_by = \""))
        .unwrap_or_default()
        .trim_end_matches('"');
    let (before, glibc) = lock.split_once("name = \"glibc\"\nversion").context("no glibc")?;
    let other = glibc.replacen(signer, &signer.replace(char::is_numeric, "0"), 1);
    fixture.write(
        "images/test9.lock",
        &format!("{before}name = \"glibc\"\nversion{other}"),
    )?;
    stable(|| insta::assert_snapshot!(fixture.run(&["build", "base", "--quiet"]).text()));
    // An entry that comes from nowhere would be verified with nothing.
    fixture.write("images/test9.lock", &lock.replacen("repository = \"baseos\"\n", "", 1))?;
    insta::assert_snapshot!(fixture.run(&["build", "base", "--quiet"]).text());
    fixture.write("images/test9.lock", &lock)?;
    assert_eq!(fixture.run(&["build", "base", "--quiet"]).status, 0);
    let other = qclock_testkit::rpm_mirror::RpmMirror::new()?.key()?;
    fixture.write("images/flavours/keys/packages.asc", &String::from_utf8(other)?)?;
    let refused = fixture.run(&["build", "base", "--quiet"]);
    assert_eq!(refused.status, 3, "{}", refused.text());
    assert!(
        refused.stderr.contains("which is not a trusted one"),
        "{}",
        refused.stderr
    );
    Ok(())
}

#[test]
fn packages_with_hostile_files_are_refused() -> Result<()> {
    let refused = |file: File| -> Result<String> {
        let mut fixture = RpmFixture::new()?;
        fixture.change(APPSTREAM, "libmod", |package| {
            *package = Rpm {
                architecture: "x86_64".to_owned(),
                ..Rpm::new("libmod", vec![file])
            };
        })?;
        let locked = fixture.run(&["lock", "--quiet"]);
        if locked.status != 0 {
            return Ok(locked.text());
        }
        fixture.review()?;
        Ok(fixture.run(&["build", "--quiet"]).text())
    };
    let outside = refused(File::new("/usr/../../etc/passwd", b"x"))?;
    let device = refused(File {
        mode: 0o060_600,
        ..File::new("/dev/sda", b"")
    })?;
    let shell = refused(File {
        mode: 0o100_755,
        ..File::new("/usr/bin/bash", b"bash")
    })?;
    let conflict = refused(File::new("/usr/sbin/web", b"another"))?;
    stable(|| {
        insta::assert_snapshot!(outside);
        insta::assert_snapshot!(device);
        insta::assert_snapshot!(shell);
        insta::assert_snapshot!(conflict);
    });
    Ok(())
}
