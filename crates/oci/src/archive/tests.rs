//! The archive holds both kinds of index, and each blob once.
use std::collections::BTreeSet;

use super::*;
use crate::image::{Config, Image};
use crate::layer::{self, Settings};
use crate::tree::{Entry, Tree};

fn layout_with_two(folder: &std::path::Path) -> Layout {
    let layout = Layout::at(folder);
    let mut tree = Tree::default();
    tree.add("etc/file".parse().unwrap(), Entry::file("x", 0o644)).unwrap();
    let layer = layer::build(&tree, &Settings::at(0)).unwrap();
    layout
        .publish(
            "base",
            &Image::assemble(Config::default(), BTreeMap::new(), None, &[layer]),
            BTreeMap::new(),
        )
        .unwrap();
    let parent = layout.load("base").unwrap();
    tree.replace("etc/file".parse().unwrap(), Entry::file("y", 0o644))
        .unwrap();
    let layer = layer::build(&tree, &Settings::at(0)).unwrap();
    let app = Image::assemble(Config::default(), BTreeMap::new(), Some(&parent), &[layer]);
    layout
        .publish(
            "app",
            &app,
            BTreeMap::from([("io.qclock.inputs".to_owned(), "x".to_owned())]),
        )
        .unwrap();
    layout
}

#[test]
fn both_indexes_lead_to_the_same_blobs() {
    let folder = tempfile::tempdir().unwrap();
    let layout = layout_with_two(folder.path());
    let images = ["base", "app"].map(|name| Archived {
        name: name.to_owned(),
        tags: vec![format!("{name}:latest")],
    });
    let mut bytes = Vec::new();
    write(&layout, &images, &mut bytes).unwrap();
    let mut again = Vec::new();
    write(&layout, &images, &mut again).unwrap();
    assert_eq!(bytes, again);

    let mut names = BTreeSet::new();
    let mut documents = BTreeMap::new();
    for entry in tar::Archive::new(&bytes[..]).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        assert!(names.insert(name.clone()), "{name} twice");
        if name.rsplit('.').next() == Some("json") {
            documents.insert(
                name,
                serde_json::from_reader::<_, serde_json::Value>(&mut entry).unwrap(),
            );
        }
    }
    // Two manifests, two configs, two layers, three documents.
    assert_eq!(names.len(), 9);
    let app = &documents["manifest.json"][1];
    assert_eq!(app["RepoTags"][0], "app:latest");
    assert_eq!(app["Layers"].as_array().unwrap().len(), 2);
    assert!(names.contains(app["Config"].as_str().unwrap()));
    assert_eq!(
        documents["index.json"]["manifests"][1]["annotations"],
        serde_json::json!({REF_NAME: "app"})
    );
}

#[test]
fn a_damaged_blob_stops_the_archive() {
    let folder = tempfile::tempdir().unwrap();
    let layout = layout_with_two(folder.path());
    let layer = layout.find("app").unwrap().unwrap().manifest.layers[0].clone();
    let path = layout.blob_path(&layer.digest);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[15] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let images = [Archived {
        name: "app".to_owned(),
        tags: Vec::new(),
    }];
    let error = write(&layout, &images, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("damaged"), "{error}");
    let unknown = [Archived {
        name: "nobody".to_owned(),
        tags: Vec::new(),
    }];
    assert!(write(&layout, &unknown, &mut Vec::new()).is_err());
}
