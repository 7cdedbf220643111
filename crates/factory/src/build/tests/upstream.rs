//! Releases that are no packages, in an image.

use super::*;
use crate::lockfile::{LockMismatch, LockedArchive};

/// As its project would publish it; always the same bytes.
pub(super) fn release() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, mode, contents) in [
        ("tool-1/bin/run", 0o755, "script"),
        ("tool-1/lib/main.jar", 0o644, "main"),
        ("tool-1/lib/driver.jar", 0o644, "driver"),
        ("tool-1/conf", 0o644, "theirs"),
    ] {
        let mut header = tar::Header::new_ustar();
        header.set_mode(mode);
        header.set_uid(1001);
        header.set_mtime(1_700_000_100);
        header.set_size(contents.len() as u64);
        builder.append_data(&mut header, path, contents.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

/// The image `app` with the release in it, locked.
fn bench() -> Bench {
    let mut bench = Bench::new();
    let (bytes, sha256) = (release(), Sha256::of(&release()).to_string());
    bench.put(
        "project/images/app/image.toml",
        &format!(
            "name = 'app'\n{APP}\n[[archive]]\nname = 'tool'\nversion = '1'\nlicense = 'MIT'\nsize = {}\nsha256 = '{sha256}'\n\
             maven = 'org.example:tool:1:tar'\ntarget = '/opt/tool'\nstrip = 1\n\
             [[archive.prune]]\npaths = ['bin']\nreason = 'scripts for people'\n\
             [[archive.empty_jar]]\npaths = ['lib/driver*.jar']\nreason = 'of another database'\n",
            bytes.len()
        ),
    );
    bench.put("project/images/app/rootfs/opt/tool/conf", "ours");
    bench.lock.images[1].archives.push(LockedArchive {
        name: "tool".to_owned(),
        version: "1".to_owned(),
        size: bytes.len() as u64,
        sha256,
    });
    bench
}

#[test]
fn a_release_has_a_layer_of_its_own_and_is_on_record() {
    let bench = bench();
    bench.build(&[]).unwrap();
    let app = bench.layout().load("qclock-app").unwrap();
    assert_eq!(app.layers.len(), 5);
    let history: Vec<&str> = app.config.history.iter().map(|line| line.comment.as_str()).collect();
    assert_eq!(history[3], "tool 1");
    let mut layer = Tree::default();
    layer::read(&bench.layout().read(&app.layers[3]).unwrap(), &mut layer).unwrap();
    let paths: Vec<&str> = layer.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "opt",
            "opt/tool",
            "opt/tool/lib",
            "opt/tool/lib/driver.jar",
            "opt/tool/lib/main.jar"
        ]
    );

    let tree = bench.tree("qclock-app");
    assert_eq!(tree.contents("opt/tool/conf").unwrap(), "ours");
    assert_eq!(tree.contents("opt/tool/lib/driver.jar").unwrap().len(), 163);
    let record: serde_json::Value = serde_json::from_slice(tree.contents(record::PATH).unwrap()).unwrap();
    let archive = &record["archives"][0];
    assert_eq!(
        (&archive["name"], &archive["path"]),
        (&"tool".into(), &"/opt/tool".into())
    );
    assert_eq!(archive["changes"][0]["change"], "left-out");
    assert_eq!(archive["changes"][1]["reason"], "of another database");
    // The image is as old as its newest part.
    assert_eq!(record["created"], "2023-11-14T22:15:00Z");
    let base: serde_json::Value =
        serde_json::from_slice(bench.tree("qclock-base").contents(record::PATH).unwrap()).unwrap();
    assert!(base.get("archives").is_none());
}

#[test]
fn a_lock_that_says_something_else_of_the_release_answers_no_more() {
    let bench = bench();
    let project = Project::load(&bench.folder.path().join("project"), "debian12").unwrap();
    let mut lock = bench.lock.clone();
    lock.images[1].archives[0].sha256 = "0".repeat(64);
    // The bench's lock has no suites, which is what is compared first.
    let image = project.image("app").unwrap();
    let mismatch = lock.check_image(&project, image, &lock.images[1]).unwrap_err();
    let expected = LockMismatch::Archives {
        image: "app".to_owned(),
        names: vec!["tool".to_owned()],
    };
    assert_eq!(mismatch, expected);
    assert_eq!(bench.lock.check_image(&project, image, &bench.lock.images[1]), Ok(()));
}
