//! Whole builds, from hand-made packages to a layout.

mod upstream;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use fs_err as fs;
use qclock_oci::layer;
use qclock_oci::tree::Tree;
use qclock_trust::{Sha256, Verified, check_digest};
use tempfile::TempDir;

use super::*;
use crate::assemble::tests::{File, deb};
use crate::definition::UpstreamArchive;
use crate::failure::{Class, Failure};
use crate::lockfile::{FORMAT, LockedImage, LockedPackage};
use crate::record;

const BASE: &str = "title = 'Base'\ndescription = 'test'\n[packages.debian12]\ninstall = ['libc6']\n\
    [[account]]\nname = 'root'\nuid = 0\ngid = 0\ncomment = ''\nhome = '/root'\nshell = '/usr/sbin/nologin'\n\
    [[prune]]\npaths = ['usr/share/doc']\nreason = 'test'\n\
    [[directory]]\npath = '/run'\nmode = '1777'\n[generate]\nrepositories = '/usr/share/repositories'\n\
    [[binary]]\nname = 'init'\npath = '/usr/bin/init'\n\
    [run]\nuser = '10001:10001'\nentrypoint = ['/usr/bin/init']\nstop_signal = 'SIGTERM'\n[run.environment]\nTZ = 'UTC'\nA = '1'\n";
const APP: &str = "title = 'App'\ndescription = 'test'\nparent = 'base'\n[packages.debian12]\ninstall = ['php']\n\
    [run]\ncommand = ['serve']\nports = [8080]\nvolumes = ['/data']\n[run.environment]\nA = '2'\n\
    [run.health]\ncommand = ['/usr/bin/init', 'health']\ninterval_seconds = 5\ntimeout_seconds = 3\nstart_period_seconds = 1\nretries = 2\n\
    [labels]\n'io.example' = 'x'\n";

/// A project, a cache and a place for the output, in one folder that goes away.
struct Bench {
    folder: TempDir,
    packages: BTreeMap<String, Vec<u8>>,
    lock: Lockfile,
    reads: AtomicUsize,
    told: Mutex<Vec<String>>,
}

impl PackageSource for Bench {
    fn obtain(&self, _: &[&LockedPackage]) -> Result<(), SourceError> {
        Ok(())
    }

    fn read(&self, package: &LockedPackage) -> Result<Verified<Vec<u8>>, SourceError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let digest: Sha256 = package.sha256.parse().unwrap();
        check_digest(self.packages[&package.name].clone(), digest, package.size).map_err(|error| Refused(error).into())
    }

    fn archive(&self, archive: &UpstreamArchive) -> Result<Verified<Vec<u8>>, SourceError> {
        let digest: Sha256 = archive.sha256.parse().unwrap();
        check_digest(upstream::release(), digest, archive.size).map_err(|error| Refused(error).into())
    }
}

impl Progress for Bench {
    fn report(&self, event: &Event<'_>) {
        self.told.lock().unwrap().push(format!("{event:?}"));
    }
}

#[derive(Debug, thiserror::Error)]
#[error("refused")]
struct Refused(#[source] qclock_trust::DigestError);

impl Failure for Refused {
    fn class(&self) -> Class {
        Class::Verification
    }
}

impl Bench {
    fn new() -> Self {
        let libc: &[File<'_>] = &[
            ("./lib/x/libc.so.6", "elf", 0o755, 0),
            ("./usr/share/doc/libc6/readme", "x", 0o644, 0),
            ("./etc/host.conf", "theirs", 0o644, 0),
        ];
        let php: &[File<'_>] = &[
            ("./usr/sbin/php-fpm", "elf", 0o755, 0),
            ("./lib/x/libphp.so", "elf", 0o644, 0),
        ];
        let packages = BTreeMap::from([
            ("libc6".to_owned(), deb("libc6", "Multi-Arch: same\n", libc)),
            ("php".to_owned(), deb("php", "", php)),
        ]);
        let folder = tempfile::tempdir().unwrap();
        let bench = Self {
            lock: lock(&packages),
            folder,
            packages,
            reads: AtomicUsize::new(0),
            told: Mutex::default(),
        };
        bench.put("project/images/flavours/keys/archive.asc", "KEY\n");
        bench.put(
            "project/images/flavours/debian12.toml",
            "name = 'debian12'\ntitle = 'Debian'\nevaluation = true\narchitecture = 'amd64'\n[[suite]]\nname = 'bookworm'\n\
             archive = 'debian'\ncomponents = ['main']\nkeys = ['archive.asc']\n",
        );
        bench.put("project/images/base/image.toml", &format!("name = 'base'\n{BASE}"));
        bench.put("project/images/base/rootfs/etc/host.conf", "ours\n");
        bench.put("project/images/app/image.toml", &format!("name = 'app'\n{APP}"));
        bench.put("programs/init", "static program");
        bench
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn build(&self, images: &[&str]) -> Result<Vec<BuiltImage>, BuildError> {
        let project = Project::load(&self.folder.path().join("project"), "debian12")?;
        let images: Vec<String> = images.iter().map(|name| (*name).to_owned()).collect();
        build(&Request {
            project: &project,
            lock: &self.lock,
            images: &images,
            output: &self.folder.path().join("dist"),
            programs: &self.folder.path().join("programs"),
            version: "0.1.0",
            source_date_epoch: None,
            packages: self,
            ledger: &Ledger::new("debian12"),
            unreviewed_too: false,
            now: SystemTime::UNIX_EPOCH,
            progress: self,
        })
    }

    fn layout(&self) -> Layout {
        Layout::at(self.folder.path().join("dist"))
    }

    /// What is in the image, read back from its layers.
    fn tree(&self, name: &str) -> Tree {
        let mut tree = Tree::default();
        for descriptor in self.layout().load(name).unwrap().layers {
            layer::read(&self.layout().read(&descriptor).unwrap(), &mut tree).unwrap();
        }
        tree
    }
}

fn lock(packages: &BTreeMap<String, Vec<u8>>) -> Lockfile {
    let package = |(name, bytes): (&String, &Vec<u8>)| LockedPackage {
        name: name.clone(),
        version: "1.0".to_owned(),
        architecture: "amd64".to_owned(),
        suite: Some("bookworm".to_owned()),
        repository: None,
        path: format!("pool/{name}.deb"),
        size: bytes.len() as u64,
        sha256: Sha256::of(bytes).to_string(),
        signed_by: "F".to_owned(),
        signed_at: None,
        source: name.clone(),
        source_version: "1.0".to_owned(),
        scripts: BTreeMap::new(),
    };
    let image = |name: &str, parent: Option<&str>, install: &str, packages: &[&str]| LockedImage {
        name: name.to_owned(),
        parent: parent.map(str::to_owned),
        install: vec![install.to_owned()],
        packages: packages.iter().map(|name| (*name).to_owned()).collect(),
        omissions: Vec::new(),
        archives: Vec::new(),
    };
    Lockfile {
        format: FORMAT,
        flavour: "debian12".to_owned(),
        architecture: "amd64".to_owned(),
        platform: None,
        streams: Vec::new(),
        suites: Vec::new(),
        repositories: Vec::new(),
        images: vec![
            image("base", None, "libc6", &["libc6"]),
            image("app", Some("base"), "php", &["libc6", "php"]),
        ],
        packages: packages.iter().map(package).collect(),
    }
}

#[test]
fn the_digests_are_what_they_always_were() {
    let built = Bench::new().build(&[]).unwrap();
    let digests: Vec<String> = built
        .iter()
        .map(|image| format!("{} {} {}", image.name, image.digest, image.config))
        .collect();
    // A change here is a change of every image: raise `ASSEMBLY_VERSION` with it.
    insta::assert_snapshot!(digests.join("\n"), @"
    qclock-base sha256:a284434bb6ce15f71aec8c3a88f2ac478f81c9924498514a9007ea279b71389c sha256:ad43baa4e6c3ed48259da495d808d6be785e23e33893ac39ff13cfc3d48da57b
    qclock-app sha256:c36cc85c06d5ec490e48dbe449c97b63164d73cbe0039d0fdb68ce3bf309b111 sha256:a87431b3a0c11be3ffe404805da017c234e946a3bd0fe6a54f759ecb6935d9ff
    ");
}

#[test]
fn two_checkouts_with_other_modes_and_times_give_the_same_digests() {
    use std::os::unix::fs::PermissionsExt;
    let (one, two) = (Bench::new(), Bench::new());
    let file = two.folder.path().join("project/images/base/rootfs/etc/host.conf");
    fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    fs::File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .file()
        .set_modified(std::time::UNIX_EPOCH)
        .unwrap();
    two.put("project/images/base/rootfs/etc/.gitkeep", "");
    let digests = |bench: &Bench| {
        bench
            .build(&[])
            .unwrap()
            .into_iter()
            .map(|image| image.digest)
            .collect::<Vec<_>>()
    };
    assert_eq!(digests(&one), digests(&two));
}

#[test]
fn a_child_has_its_parents_layers_and_the_rest_is_where_it_belongs() {
    let bench = Bench::new();
    bench.build(&[]).unwrap();
    let (base, app) = (
        bench.layout().load("qclock-base").unwrap(),
        bench.layout().load("qclock-app").unwrap(),
    );
    assert_eq!(base.layers.len(), 2);
    assert_eq!(app.layers[..2], base.layers[..]);
    assert_eq!(app.layers.len(), 4);

    let tree = bench.tree("qclock-app");
    assert_eq!(tree.contents("etc/host.conf").unwrap(), "ours\n");
    assert_eq!(tree.contents("usr/lib/x/libphp.so").unwrap(), "elf");
    assert_eq!(tree.contents("usr/bin/init").unwrap(), "static program");
    assert_eq!(tree.get("run").unwrap().mode, 0o1777);
    assert!(tree.get("usr/share/doc").is_none());
    let status = String::from_utf8(tree.contents("var/lib/dpkg/status").unwrap().to_vec()).unwrap();
    assert_eq!(status.matches("Status: install ok installed").count(), 2);
    let list = tree.contents("var/lib/dpkg/info/libc6:amd64.list").unwrap();
    assert_eq!(list, "/.\n/etc/host.conf\n/usr/lib/x/libc.so.6\n");

    // The package's file that ours replaces is in no layer.
    let mut packages = Tree::default();
    layer::read(&bench.layout().read(&base.layers[0]).unwrap(), &mut packages).unwrap();
    assert!(packages.get("etc/host.conf").is_none());
    assert!(tree.iter().all(|(_, entry)| entry.mtime <= 1_700_000_000));
}

#[test]
fn the_configuration_is_the_parents_as_changed() {
    let bench = Bench::new();
    bench.build(&[]).unwrap();
    let app = bench.layout().load("qclock-app").unwrap();
    let base = bench
        .layout()
        .load("qclock-base")
        .unwrap()
        .manifest
        .descriptor
        .digest
        .to_string();
    let lock = record::lock_digest(&bench.lock, "app").unwrap().to_string();
    let run = serde_json::to_string(&app.config.config)
        .unwrap()
        .replace(&base, "BASE")
        .replace(&lock, "LOCK");
    insta::assert_snapshot!(run.replace("\",\"", "\",\n\""), @r#"
    {"User":"10001:10001",
    "ExposedPorts":{"8080/tcp":{}},"Env":["A=2",
    "TZ=UTC"],"Entrypoint":["/usr/bin/init"],"Cmd":["serve"],"Volumes":{"/data":{}},"Labels":{"io.example":"x",
    "io.qclock.evaluation":"true",
    "io.qclock.flavour":"debian12",
    "io.qclock.lock":"LOCK",
    "org.opencontainers.image.base.digest":"BASE",
    "org.opencontainers.image.base.name":"qclock-base:0.1.0",
    "org.opencontainers.image.created":"2023-11-14T22:13:20Z",
    "org.opencontainers.image.description":"test",
    "org.opencontainers.image.licenses":"Apache-2.0 AND LicenseRef-distribution-packages",
    "org.opencontainers.image.title":"App",
    "org.opencontainers.image.vendor":"QClock",
    "org.opencontainers.image.version":"0.1.0"},"StopSignal":"SIGTERM",
    "Healthcheck":{"Test":["CMD",
    "/usr/bin/init",
    "health"],"Interval":5000000000,"Timeout":3000000000,"StartPeriod":1000000000,"Retries":2}}
    "#);
    assert_eq!(app.config.created, "2023-11-14T22:13:20Z");
    assert_eq!(app.config.history.len(), 4);
    let record: serde_json::Value =
        serde_json::from_slice(bench.tree("qclock-app").contents("etc/qclock/image.json").unwrap()).unwrap();
    assert_eq!(record["schema"], "qclock.image/1");
    assert_eq!(record["parent"], "qclock-base");
    assert_eq!(record["packages"][1]["name"], "php");
    assert_eq!(record["lock"], app.config.config.labels["io.qclock.lock"]);
}

#[test]
fn what_has_not_changed_is_not_made_again() {
    let bench = Bench::new();
    let first = bench.build(&[]).unwrap();
    assert_eq!(bench.reads.load(Ordering::Relaxed), 2);
    let second = bench.build(&[]).unwrap();
    assert!(second.iter().all(|image| image.unchanged));
    assert_eq!(bench.reads.load(Ordering::Relaxed), 2);
    assert_eq!(first[1].digest, second[1].digest);

    bench.put("project/images/app/rootfs/etc/new", "new");
    let third = bench.build(&["app"]).unwrap();
    assert_eq!(
        third.iter().map(|image| image.unchanged).collect::<Vec<_>>(),
        [true, false]
    );
    assert_ne!(third[1].digest, first[1].digest);
    assert_eq!(third[0].digest, first[0].digest);

    // What an earlier build has compressed is taken over, and is what a fresh one would have made.
    let fresh = Bench::new();
    fresh.put("project/images/app/rootfs/etc/new", "new");
    assert_eq!(fresh.build(&["app"]).unwrap()[1].digest, third[1].digest);
}

#[test]
fn whatever_is_lost_or_damaged_in_the_layout_is_made_again() {
    let bench = Bench::new();
    let first = bench.build(&[]).unwrap();
    let good = files(&bench.folder.path().join("dist"));
    assert!(good.len() > 8, "{:?}", good.keys());
    for (path, bytes) in &good {
        let mut flipped = bytes.clone();
        *flipped.last_mut().unwrap() ^= 1;
        for damage in [
            None,
            Some(&flipped[..]),
            Some(&bytes[..bytes.len() / 2]),
            Some(&b""[..]),
        ] {
            match damage {
                None => fs::remove_file(path).unwrap(),
                Some(damage) => fs::write(path, damage).unwrap(),
            }
            let again = bench.build(&[]).unwrap();
            assert_eq!(again[1].digest, first[1].digest, "{}", path.display());
            assert_eq!(files(&bench.folder.path().join("dist")), good, "{}", path.display());
        }
    }
    let told = bench.told.lock().unwrap().join("\n");
    assert!(told.contains(r#"Damaged { image: "qclock-app" }"#), "{told}");
}

/// All of them with their contents, but for the lock, which is empty.
fn files(folder: &Path) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if path.file_name().is_some_and(|name| name != ".lock") {
            all.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    all
}

#[test]
fn a_package_that_is_not_the_locked_one_stops_the_build_and_leaves_nothing() {
    let mut bench = Bench::new();
    bench.packages.get_mut("libc6").unwrap()[100] ^= 1;
    let error = bench.build(&[]).unwrap_err();
    assert_eq!(error.class(), Class::Verification);
    assert!(bench.layout().find("qclock-base").unwrap().is_none());
}

#[test]
fn shells_and_unlocked_images_are_refused_with_a_remedy() {
    let bench = Bench::new();
    bench.put("project/images/app/rootfs/usr/bin/bash", "#!");
    fs::set_permissions(
        bench.folder.path().join("project/images/app/rootfs/usr/bin/bash"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let error = bench.build(&["app"]).unwrap_err();
    assert!(error.hint().unwrap().contains("[[permit]]"));
    bench.put(
        "project/images/app/image.toml",
        &format!("name = 'app'\n{APP}[[permit]]\npath = '/usr/bin/bash'\nreason = 'test'\n"),
    );
    assert!(bench.build(&["app"]).is_ok());

    bench.put(
        "project/images/extra/image.toml",
        "name = 'extra'\ntitle = ''\ndescription = ''\nparent = 'base'\n",
    );
    let error = bench.build(&["extra"]).unwrap_err();
    assert_eq!(error.hint().unwrap(), "run `qclock lock`");
}

#[test]
fn files_that_a_parent_leaves_out_come_back_where_they_are_asked_for() {
    let restore = |package: &str, path: &str| {
        format!(
            "name = 'app'\n{APP}[[packages.debian12.restore]]\npackage = '{package}'\npaths = ['{path}']\nreason = 'test'\n"
        )
    };
    let bench = Bench::new();
    let app = "project/images/app/image.toml";
    let readme = "usr/share/doc/libc6/readme";
    // Below its parent's rule, which takes the documentation away, the child has it; nothing else comes along.
    bench.put(app, &restore("libc6", "usr/share/doc/**"));
    bench.build(&[]).unwrap();
    assert!(bench.tree("qclock-base").get(readme).is_none());
    let tree = bench.tree("qclock-app");
    assert_eq!(tree.contents(readme).unwrap(), "x");
    assert_eq!(tree.contents("etc/host.conf").unwrap(), "ours\n");
    // The package database is the parent's: the package is installed once.
    let status = String::from_utf8(tree.contents("var/lib/dpkg/status").unwrap().to_vec()).unwrap();
    assert_eq!(status.matches("Package: libc6\n").count(), 1);

    bench.put(app, &restore("libc6", "usr/share/none/**"));
    bench.build(&[]).unwrap();
    let told = bench.told.lock().unwrap().join("\n");
    assert!(
        told.contains(r#"Idle { image: "qclock-app", kind: "restore", what: "libc6" }"#),
        "{told}"
    );

    for stranger in ["php", "none"] {
        bench.put(app, &restore(stranger, "usr/**"));
        let error = bench.build(&[]).unwrap_err();
        assert_eq!(error.class(), Class::Usage);
        let expected = format!("`qclock-app` restores files of `{stranger}`, which its parent does not hold");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_restored_file_keeps_to_the_rules_of_all_others() {
    let mut bench = Bench::new();
    let files: &[File<'_>] = &[
        ("./lib/x/libc.so.6", "elf", 0o755, 0),
        ("./usr/bin/su", "elf", 0o4755, 0),
        ("./usr/bin/sh", "elf", 0o755, 0),
    ];
    bench.packages.insert("libc6".to_owned(), deb("libc6", "", files));
    bench.lock = lock(&bench.packages);
    bench.put(
        "project/images/base/image.toml",
        &format!("name = 'base'\n{BASE}[[prune]]\npaths = ['usr/bin']\nreason = 'test'\n"),
    );
    let restore = |path: &str| {
        format!(
            "name = 'app'\n{APP}[[packages.debian12.restore]]\npackage = 'libc6'\npaths = ['{path}']\nreason = 'test'\n"
        )
    };
    bench.put("project/images/app/image.toml", &restore("usr/bin/su"));
    bench.build(&[]).unwrap();
    assert_eq!(bench.tree("qclock-app").get("usr/bin/su").unwrap().mode, 0o755);
    bench.put("project/images/app/image.toml", &restore("usr/bin/*"));
    let error = bench.build(&[]).unwrap_err();
    assert!(error.hint().unwrap().contains("[[permit]]"), "{error}");
}

#[test]
fn rules_without_effect_are_told() {
    let bench = Bench::new();
    bench.put(
        "project/images/app/image.toml",
        &format!("name = 'app'\n{APP}[[prune]]\npaths = ['usr/nothing']\nreason = 'test'\n"),
    );
    bench.build(&[]).unwrap();
    let told = bench.told.lock().unwrap().join("\n");
    assert!(
        told.contains(r#"Idle { image: "qclock-app", kind: "prune", what: "usr/nothing" }"#),
        "{told}"
    );
}
