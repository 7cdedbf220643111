//! The cache beside the one that `ldconfig` of this machine writes.

use std::path::{Path, PathBuf};
use std::process::Command;

use fs_err as fs;
use qclock_oci::tree::{Entry, Kind};

use super::*;

/// Libraries of this very machine, if it is one that has them where they are looked for.
fn samples() -> Vec<PathBuf> {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64"];
    let names = ["libc.so.6", "libm.so.6", "libz.so.1", "libgcc_s.so.1", "libcrypt.so.1"];
    let all = folders
        .iter()
        .flat_map(|folder| names.map(|name| Path::new(folder).join(name)));
    all.filter(|path| path.is_file()).collect()
}

/// The folder as a tree.
fn tree(folder: &Path) -> Tree {
    let mut tree = Tree::default();
    let mut pending = vec![folder.to_owned()];
    while let Some(at) = pending.pop() {
        for entry in fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            let below = path.strip_prefix(folder).unwrap().to_str().unwrap().parse().unwrap();
            let kind = if let Ok(target) = fs::read_link(&path) {
                Kind::Symlink(target.to_str().unwrap().to_owned())
            } else if path.is_dir() {
                pending.push(path);
                Kind::Directory
            } else {
                Kind::File(fs::read(&path).unwrap().into())
            };
            tree.add(below, Entry::new(kind, 0o755)).unwrap();
        }
    }
    tree
}

#[test]
fn it_is_the_one_that_ldconfig_writes() {
    let samples = samples();
    let ldconfig = ["/usr/sbin/ldconfig", "/sbin/ldconfig"]
        .iter()
        .find(|path| Path::new(path).exists());
    let (Some(ldconfig), true) = (ldconfig, samples.len() > 2) else {
        eprintln!("skipped: this machine has no ldconfig, or its libraries are elsewhere");
        return;
    };
    let root = tempfile::tempdir().unwrap();
    let put = |path: &str, bytes: &[u8]| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    put(
        "etc/ld.so.conf",
        b"# comment\ninclude ld.so.conf.d/*.conf\n/opt/second\n",
    );
    put("etc/ld.so.conf.d/a.conf", b"/opt/first/\n");
    put("etc/ld.so.conf.d/ignored", b"/opt/ignored\n");
    for (position, sample) in samples.iter().enumerate() {
        let name = sample.file_name().unwrap().to_str().unwrap();
        let bytes = fs::read(sample).unwrap();
        let folder = ["opt/first", "opt/second", "opt/ignored"][position % 3];
        put(&format!("{folder}/{name}.{position}"), &bytes);
        put(&format!("opt/first/sub/{name}"), &bytes);
        std::os::unix::fs::symlink(format!("{name}.{position}"), root.path().join(folder).join(name)).unwrap();
        let for_linker = name.split(".so").next().unwrap().to_owned() + ".so";
        std::os::unix::fs::symlink(name, root.path().join(folder).join(for_linker)).unwrap();
    }
    put("opt/first/libnothing.so", b"no library");
    std::os::unix::fs::symlink("nowhere", root.path().join("opt/first/libgone.so.1")).unwrap();
    let output = Command::new(ldconfig)
        .arg("-X")
        .arg("-r")
        .arg(root.path())
        .output()
        .unwrap();
    let Ok(theirs) = fs::read(root.path().join("etc/ld.so.cache")) else {
        eprintln!(
            "skipped: ldconfig did nothing: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        return;
    };
    let found = libraries::find(&tree(root.path()));
    assert!(found.len() > samples.len() / 2, "{found:?}");
    let end = theirs.windows(8).rposition(|part| part == b"ldconfig").unwrap();
    let generator = String::from_utf8(theirs[end..].to_vec()).unwrap();
    let ours = write(&found, 0x0303, &generator);
    assert!(ours == theirs, "another cache for {found:#?}");
}

#[test]
fn names_are_ordered_as_the_loader_looks_for_them() {
    for (left, right, expected) in [
        ("libx.so.9", "libx.so.10", Ordering::Less),
        ("libx.so.1", "libx.so", Ordering::Greater),
        ("liba1.so", "libab.so", Ordering::Greater),
        ("libx.so.01", "libx.so.1", Ordering::Equal),
        ("libx.so.99999999999999999999999", "libx.so.2", Ordering::Greater),
    ] {
        assert_eq!(compare(left, right), expected, "{left} {right}");
        assert_eq!(compare(right, left), expected.reverse(), "{right} {left}");
    }
}

#[test]
fn links_that_go_in_circles_end() {
    let mut tree = Tree::default();
    for (path, target) in [
        ("usr/lib64/liba.so.1", "libb.so.1"),
        ("usr/lib64/libb.so.1", "liba.so.1"),
        ("lib64", "usr/lib64"),
    ] {
        tree.add(path.parse().unwrap(), Entry::symlink(target)).unwrap();
    }
    assert_eq!(libraries::find(&tree), []);
    assert_eq!(cache(&tree, "x86_64").len(), 48 + 24 + "qclock".len());
}
