//! A layout stays whole: two builds at once, garbage, damage.
use std::fs;

use super::*;
use crate::layer::{self, Settings};
use crate::tree::{Entry, Tree};

fn image(contents: &str, parent: Option<&Image>) -> Image {
    image_for("amd64", contents, parent)
}

fn image_for(architecture: &str, contents: &str, parent: Option<&Image>) -> Image {
    let mut tree = Tree::default();
    tree.add("etc/file".parse().unwrap(), Entry::file(contents.to_owned(), 0o644))
        .unwrap();
    let layer = layer::build(&tree, &Settings::at(0)).unwrap();
    let config = Config {
        architecture: architecture.to_owned(),
        os: "linux".to_owned(),
        ..Config::default()
    };
    Image::assemble(config, BTreeMap::new(), parent, &[layer])
}

fn blobs(layout: &Layout) -> usize {
    fs::read_dir(layout.folder().join("blobs/sha256")).unwrap().count()
}

#[test]
fn a_child_has_the_very_layers_of_its_parent() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::at(folder.path());
    layout.publish("base", &image("base", None), BTreeMap::new()).unwrap();
    let parent = layout.load("base").unwrap();
    layout
        .publish("app", &image("app", Some(&parent)), BTreeMap::new())
        .unwrap();
    let app = layout.find("app").unwrap().unwrap();
    assert_eq!(app.manifest.layers[0], parent.layers[0]);
    assert_eq!(app.manifest.layers.len(), 2);
    assert_eq!(layout.load("app").unwrap().config.rootfs.diff_ids.len(), 2);
}

#[test]
fn what_nothing_refers_to_is_removed_and_strangers_stay() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::at(folder.path());
    layout.publish("base", &image("one", None), BTreeMap::new()).unwrap();
    let blobs_folder = folder.path().join("blobs/sha256");
    fs::write(blobs_folder.join(".partial-1-1"), "half").unwrap();
    fs::write(blobs_folder.join("notes"), "mine").unwrap();
    layout.publish("base", &image("two", None), BTreeMap::new()).unwrap();
    assert_eq!(blobs(&layout), 3 + 1);
    assert!(blobs_folder.join("notes").exists());
}

#[test]
fn images_of_two_architectures_are_joined_and_joined_again_when_one_changes() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::at(folder.path());
    let parts = ["app".to_owned(), "app.arm64".to_owned()];
    let publish = |name: &str, image: &Image| layout.publish(name, image, BTreeMap::new()).unwrap();
    publish("app", &image("one", None));
    assert_eq!(layout.join("app.all", &parts).unwrap(), Vec::<String>::new());
    publish("app.arm64", &image_for("arm64", "one", None));
    assert_eq!(layout.join("app.all", &parts).unwrap(), ["amd64", "arm64"]);
    let joined = |layout: &Layout| {
        let index = layout.index().unwrap();
        let found = index.manifests.iter().find(|found| is_named(found, "app.all"));
        layout.document::<Index>(found.unwrap()).unwrap()
    };
    // Two manifests and configurations, one layer, which both have; and the index.
    assert_eq!(blobs(&layout), 2 + 2 + 1 + 1);
    let before = joined(&layout);
    let platforms: Vec<String> = before.manifests.iter().map(architecture).collect();
    assert_eq!(platforms, ["amd64", "arm64"]);
    publish("app", &image("two", None));
    layout.join("app.all", &parts).unwrap();
    assert_ne!(joined(&layout).manifests[0], before.manifests[0]);
    assert_eq!(joined(&layout).manifests[1], before.manifests[1]);
    // Nothing is left of the image that was replaced.
    assert_eq!(blobs(&layout), 2 + 2 + 2 + 1);
    assert!(layout.find("app").unwrap().is_some());
    assert!(layout.find("app.all").unwrap().is_none(), "it is no image");
}

#[test]
fn publishing_again_gives_the_same_index() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::at(folder.path());
    let inputs = BTreeMap::from([("io.qclock.inputs".to_owned(), "x".to_owned())]);
    layout.publish("b", &image("b", None), inputs.clone()).unwrap();
    layout.publish("a", &image("a", None), inputs.clone()).unwrap();
    let before = fs::read(folder.path().join("index.json")).unwrap();
    layout.publish("b", &image("b", None), inputs).unwrap();
    assert_eq!(fs::read(folder.path().join("index.json")).unwrap(), before);
    assert_eq!(
        layout.find("b").unwrap().unwrap().descriptor.annotations["io.qclock.inputs"],
        "x"
    );
}

#[test]
fn a_missing_blob_makes_the_image_missing_and_a_damaged_one_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::at(folder.path());
    let base = image("base", None);
    layout.publish("base", &base, BTreeMap::new()).unwrap();
    let path = layout.blob_path(&base.layers[0].digest);
    let mut bytes = fs::read(&path).unwrap();
    bytes[20] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(layout.read(&base.layers[0]), Err(LayoutError::Damaged { .. })));
    layout.publish("base", &base, BTreeMap::new()).unwrap();
    assert!(layout.read(&base.layers[0]).is_ok());
    fs::remove_file(&path).unwrap();
    assert!(layout.find("base").unwrap().is_none());
    assert!(matches!(layout.load("base"), Err(LayoutError::Unknown { .. })));
}

#[test]
fn builds_at_once_do_not_lose_each_others_images() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::at(folder.path());
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let layout = &layout;
            scope.spawn(move || {
                for round in 0..8 {
                    let image = image(&format!("{writer} {round}"), None);
                    layout
                        .publish(&format!("image-{writer}"), &image, BTreeMap::new())
                        .unwrap();
                }
            });
        }
    });
    for writer in 0..4 {
        assert!(layout.find(&format!("image-{writer}")).unwrap().is_some());
    }
    assert_eq!(blobs(&layout), 4 * 3);
}

#[test]
fn half_an_index_counts_as_none_and_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::at(folder.path());
    let base = image("base", None);
    for half in [
        "",
        "{",
        "\0\0\0\0",
        "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\"",
    ] {
        layout.publish("base", &base, BTreeMap::new()).unwrap();
        fs::write(folder.path().join("index.json"), half).unwrap();
        assert!(layout.find("base").unwrap().is_none(), "{half:?}");
    }
    layout.publish("base", &base, BTreeMap::new()).unwrap();
    assert!(layout.find("base").unwrap().is_some());
    fs::write(folder.path().join("oci-layout"), "").unwrap();
    assert!(layout.find("base").unwrap().is_none());
}

#[test]
fn somebody_else_s_index_is_named_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index.json");
    fs::write(&index, "{\"packages\": []}").unwrap();
    let layout = Layout::at(folder.path());
    let error = layout.publish("x", &image("x", None), BTreeMap::new()).unwrap_err();
    assert!(error.to_string().contains("index.json"), "{error}");
    assert_eq!(fs::read_to_string(index).unwrap(), "{\"packages\": []}");
}

#[test]
fn a_flipped_bit_in_any_blob_shows() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::at(folder.path());
    layout.publish("base", &image("base", None), BTreeMap::new()).unwrap();
    let stored = layout.find("base").unwrap().unwrap();
    assert!(layout.is_sound(&stored, &KnownBlobs::default()));
    for blob in [&stored.descriptor, &stored.manifest.config, &stored.manifest.layers[0]] {
        let path = layout.blob_path(&blob.digest);
        let good = fs::read(&path).unwrap();
        let mut bytes = good.clone();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(!layout.is_sound(&stored, &KnownBlobs::default()));
        fs::write(&path, good).unwrap();
    }
}
