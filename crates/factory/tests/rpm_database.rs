//! The RPM package database: always the same bytes, and the very ones that librpm writes, where `rpm` and `rpmbuild` are at hand.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use qclock_factory::package_database::rpm::{Installation, Recorded, read, record, write};
use qclock_packages::rpm::{Archive, ArchiveError, Container, EntryKind};
use qclock_testkit::rpm::{File, Rpm, Value};
use rusqlite::Connection;

/// Seconds since 1970 of the made-up installation.
const TIME: u32 = 1_700_000_000;

fn installation(left_out: &BTreeSet<String>) -> Installation<'_> {
    Installation { time: TIME, left_out }
}

fn recorded(package: &[u8]) -> Recorded {
    record(&Container::read(package).unwrap(), &installation(&BTreeSet::new())).unwrap()
}

fn samples() -> Vec<Recorded> {
    let mut first = Rpm::new(
        "zlib",
        vec![
            File::new("/usr/lib64/libz.so.1", b"z"),
            File::symlink("/usr/lib64/libz.so", "libz.so.1"),
        ],
    );
    first.entries.extend([
        (1048, Value::Int32(vec![0, 1 << 9, 1 << 9 | 1 << 11])),
        (
            1049,
            Value::Texts(["(a if b else c)", "install-only", "both"].map(str::to_owned).to_vec()),
        ),
        (1050, Value::Texts(["", "", ""].map(str::to_owned).to_vec())),
    ]);
    let second = Rpm::new("acl", vec![File::directory("/usr/share/acl")]);
    [first.build(), second.build()]
        .iter()
        .map(|bytes| recorded(bytes))
        .collect()
}

#[test]
fn the_same_packages_in_any_order_give_the_same_bytes() {
    let packages = samples();
    let reversed: Vec<Recorded> = packages.iter().rev().cloned().collect();
    let database = write(&packages).unwrap();
    assert_eq!(database, write(&reversed).unwrap());
    // The journal is the old one, so that a read-only mount can be read.
    assert_eq!(database[18..20], [1, 1]);
    let names: Vec<_> = read(&database)
        .unwrap()
        .iter()
        .map(|package| package.name().to_owned())
        .collect();
    assert_eq!(names, ["acl", "zlib"]);
    assert_eq!(write(&read(&database).unwrap()).unwrap(), database);
}

#[test]
fn requirements_are_indexed_as_librpm_does_it() {
    let database = write(&samples()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rpmdb.sqlite");
    std::fs::write(&path, database).unwrap();
    let rows = rows(&path, "Requirename");
    let keys: Vec<_> = rows
        .iter()
        .map(|(package, key, place)| format!("{package} {key} {place}"))
        .collect();
    assert_eq!(
        keys,
        [
            "zlib !b 0",
            "zlib (a if b else c) 0",
            "zlib a 0",
            "zlib b 0",
            "zlib both 2",
            "zlib c 0"
        ]
    );
}

#[test]
fn a_damaged_database_is_refused() {
    let database = write(&samples()).unwrap();
    assert!(read(b"").is_err());
    assert!(read(&database[..5000]).is_err());
    let mut damaged = database;
    for byte in &mut damaged[4096..] {
        *byte = 0xff;
    }
    assert!(read(&damaged).is_err());
}

// Beside librpm.

const SPEC: &str = r#"
Name: qsample
Version: 1.2
Release: 3
Epoch: 2
Summary: A sample
License: MIT
Group: Tests
Requires(pre): /bin/sh
Requires: sample-capability >= 1
Requires(post): after
Requires(post,postun): both
Requires(pre,preun): other-both
Requires: (alpha if beta)
Requires: ((gamma and delta) or gamma)
Requires: (epsilon if (zeta or theta) else eta)
Requires: (theta with iota)
Recommends: (kappa if lambda)
Suggests: suggested
Supplements: (mu and nu)
Enhances: enhanced
Conflicts: old < 3
Conflicts: (rho unless (sigma and tau) else upsilon)
Obsoletes: older < 2
Provides: provided = 1
%description
A sample.
%package minimal
Summary: Without files
%description minimal
Nothing.
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/etc %{buildroot}/var/log %{buildroot}/usr/share/q/d
echo hello > %{buildroot}/usr/bin/qa; ln %{buildroot}/usr/bin/qa %{buildroot}/usr/bin/qb; ln %{buildroot}/usr/bin/qa %{buildroot}/usr/bin/qc
echo x > %{buildroot}/etc/q.conf; ln -s ../d %{buildroot}/usr/share/q/l
touch %{buildroot}/var/log/ghost %{buildroot}/usr/share/q/empty
echo doc > %{buildroot}/usr/share/q/doc
%pre
getent passwd q || useradd q
%post -p /sbin/ldconfig
%postun -p <lua>
print("bye")
%triggerin -- glibc > 2.3, other
echo in
%triggerun -- glibc
echo un
%transfiletriggerin -P 100 -- /usr/lib /usr/lib64
cat
%filetriggerpostun -- /etc
echo file
%files
/usr/bin/qa
/usr/bin/qb
/usr/bin/qc
%config(noreplace) /etc/q.conf
/usr/share/q/l
%dir %attr(1777,root,root) /usr/share/q/d
%ghost /var/log/ghost
/usr/share/q/empty
%doc /usr/share/q/doc
%files minimal
"#;

fn run(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        println!("{command:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success().then_some(text)
}

/// Packages of this machine's `rpmbuild`, and those that others published where they are at hand.
fn packages(folder: &Path) -> Option<Vec<PathBuf>> {
    let spec = folder.join("qsample.spec");
    std::fs::write(&spec, SPEC).unwrap();
    let built = Command::new("rpmbuild")
        .args(["-bb", "--quiet", "--define"])
        .arg(format!("_topdir {}", folder.join("top").display()))
        .arg(&spec)
        .output();
    let Ok(built) = built else {
        println!("skipped: there is no `rpmbuild`");
        return None;
    };
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let architecture = std::fs::read_dir(folder.join("top/RPMS"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let mut found = list(&architecture.path());
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/el9");
    let shared = std::env::var_os("QCLOCK_EL9_DATA").map_or(beside, PathBuf::from);
    let published = list(&shared.join("signed-rpms"));
    // Two versions of one package among them: librpm would upgrade one to the other.
    found.extend(
        published
            .into_iter()
            .filter(|path| !path.to_string_lossy().contains("release-9-b")),
    );
    Some(found)
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Package, key, place; sorted.
fn rows(path: &Path, table: &str) -> Vec<(String, String, u32)> {
    let connection = Connection::open(path).unwrap();
    let names: BTreeMap<u32, String> = connection
        .prepare("SELECT hnum, key FROM 'Name'")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let sql = format!("SELECT hnum, CAST(key AS BLOB), idx, typeof(key) FROM '{table}'");
    let mut statement = connection.prepare(&sql).unwrap();
    let rows = statement.query_map([], |row| {
        let (number, key, place, kind): (u32, Vec<u8>, u32, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let key = if kind == "text" {
            String::from_utf8_lossy(&key).into_owned()
        } else {
            format!("{key:02x?}")
        };
        Ok((names[&number].clone(), key, place))
    });
    let mut rows: Vec<_> = rows.unwrap().collect::<Result<_, _>>().unwrap();
    rows.sort();
    rows
}

fn blobs(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection
        .prepare("SELECT n.key, p.blob FROM 'Packages' p JOIN 'Name' n ON n.hnum = p.hnum")
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn schema(path: &Path) -> BTreeSet<String> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection
        .prepare("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'")
        .unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// librpm gives every package of a transaction its own second: all get the transaction's.
fn with_one_time(mut blob: Vec<u8>) -> Vec<u8> {
    let number = |blob: &[u8], at: usize| u32::from_be_bytes(blob[at..at + 4].try_into().unwrap()) as usize;
    let entries = number(&blob, 0);
    let store = 8 + entries * 16;
    for entry in 0..entries {
        let at = 8 + entry * 16;
        if number(&blob, at) == 1008 && number(&blob, at + 4) == 4 {
            let place = store + number(&blob, at + 8);
            blob[place..place + 4].copy_from_slice(&TIME.to_be_bytes());
        }
    }
    blob
}

#[test]
fn blobs_and_tables_are_those_that_librpm_writes() {
    let folder = tempfile::tempdir().unwrap();
    let Some(packages) = packages(folder.path()) else {
        return;
    };
    let theirs = folder.path().join("theirs");
    let installed = run(Command::new("rpm")
        .args(["--dbpath", theirs.to_str().unwrap(), "--nosignature", "-i"])
        .args(["--nodeps", "--noscripts", "--notriggers", "--justdb"])
        .env("SOURCE_DATE_EPOCH", TIME.to_string())
        .args(&packages));
    if installed.is_none() {
        println!("skipped: there is no `rpm` that works");
        return;
    }
    let theirs = theirs.join("rpmdb.sqlite");
    let ours = folder.path().join("ours.sqlite");
    let recorded: Vec<_> = packages
        .iter()
        .map(|path| recorded(&std::fs::read(path).unwrap()))
        .collect();
    std::fs::write(&ours, write(&recorded).unwrap()).unwrap();
    assert_eq!(schema(&ours), schema(&theirs));
    let (our_blobs, their_blobs) = (blobs(&ours), blobs(&theirs));
    assert_eq!(our_blobs.len(), packages.len());
    assert_eq!(
        our_blobs.keys().collect::<Vec<_>>(),
        their_blobs.keys().collect::<Vec<_>>()
    );
    for (name, blob) in our_blobs {
        assert_eq!(blob, with_one_time(their_blobs[&name].clone()), "the blob of {name}");
    }
    for table in [
        "Name",
        "Basenames",
        "Group",
        "Requirename",
        "Providename",
        "Conflictname",
        "Obsoletename",
        "Triggername",
        "Dirnames",
        "Installtid",
        "Sigmd5",
        "Sha1header",
        "Filetriggername",
        "Transfiletriggername",
        "Recommendname",
        "Suggestname",
        "Supplementname",
        "Enhancename",
    ] {
        assert_eq!(rows(&ours, table), rows(&theirs, table), "the table {table}");
    }
    println!("{} packages: equal blobs and rows", packages.len());
}

/// Unpacks as the factory would, on disk: content, mode, time, links.
fn unpack(package: &[u8], root: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let archive = Archive::open(package).unwrap();
    archive
        .for_each_entry(|entry, content| {
            let path = root.join(&entry.path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            match &entry.kind {
                EntryKind::Directory => std::fs::create_dir_all(&path).unwrap(),
                EntryKind::Symlink(target) => std::os::unix::fs::symlink(target, &path).unwrap(),
                EntryKind::Hardlink(target) => std::fs::hard_link(root.join(target), &path).unwrap(),
                EntryKind::File => {
                    let mut file = std::fs::File::create(&path).unwrap();
                    std::io::copy(content, &mut file).unwrap();
                    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(entry.mtime.try_into().unwrap());
                    file.set_modified(time).unwrap();
                }
            }
            if !matches!(entry.kind, EntryKind::Symlink(_)) {
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(entry.mode)).unwrap();
            }
            Ok::<_, ArchiveError>(())
        })
        .unwrap();
}

#[test]
fn rpm_answers_from_the_database_and_finds_the_tree_as_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let Some(packages) = packages(folder.path()) else {
        return;
    };
    let root = folder.path().join("root");
    std::fs::create_dir_all(root.join("var/lib/rpm")).unwrap();
    let left_out = BTreeSet::from(["usr/share/q/doc".to_owned()]);
    let recorded: Vec<_> = packages
        .iter()
        .map(|path| {
            let bytes = std::fs::read(path).unwrap();
            unpack(&bytes, &root);
            record(&Container::read(&bytes).unwrap(), &installation(&left_out)).unwrap()
        })
        .collect();
    std::fs::remove_file(root.join("usr/share/q/doc")).unwrap();
    let database = write(&recorded).unwrap();
    let path = root.join("var/lib/rpm/rpmdb.sqlite");
    std::fs::write(&path, &database).unwrap();
    let rpm = |arguments: &[&str]| {
        run(Command::new("rpm")
            .args(["--root", root.to_str().unwrap(), "--dbpath", "/var/lib/rpm"])
            .args(arguments))
    };
    let Some(all) = rpm(&["-qa"]) else {
        println!("skipped: there is no `rpm --root` that works; it needs the right to change its root");
        return;
    };
    assert_eq!(all.lines().count(), packages.len());
    assert!(all.contains("qsample-1.2-3."), "{all}");
    let answer = |arguments: &[&str]| rpm(arguments).unwrap_or_else(|| panic!("rpm {arguments:?}"));
    assert!(answer(&["-q", "qsample-minimal"]).starts_with("qsample-minimal-1.2-3."));
    assert!(answer(&["-qf", "/usr/bin/qb"]).starts_with("qsample-1.2-3."));
    assert!(answer(&["-ql", "qsample"]).lines().any(|line| line == "/var/log/ghost"));
    assert!(answer(&["-q", "--requires", "qsample"]).contains("(theta with iota)"));
    assert!(answer(&["-q", "--whatprovides", "provided"]).starts_with("qsample-1.2-3."));
    assert!(answer(&["-q", "--whatrequires", "sample-capability"]).starts_with("qsample-1.2-3."));
    assert!(answer(&["-q", "--scripts", "qsample"]).contains("useradd q"));
    assert_eq!(answer(&["-Va", "--nodeps", "--noscripts", "--nouser", "--nogroup"]), "");
    run(Command::new("rpmdb").args([
        "--root",
        root.to_str().unwrap(),
        "--dbpath",
        "/var/lib/rpm",
        "--verifydb",
    ]))
    .expect("the database is sound");
    assert_eq!(std::fs::read(&path).unwrap(), database, "reading changes nothing");
    std::fs::write(root.join("usr/bin/qa"), "changed").unwrap();
    let changed = Command::new("rpm")
        .args([
            "--root",
            root.to_str().unwrap(),
            "--dbpath",
            "/var/lib/rpm",
            "-V",
            "--nodeps",
            "qsample",
        ])
        .output()
        .unwrap();
    let changed = String::from_utf8_lossy(&changed.stdout).into_owned();
    assert!(changed.contains("S.5") && changed.contains("/usr/bin/qa"), "{changed}");
}
