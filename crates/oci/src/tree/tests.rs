//! The tree keeps its promise: every ancestor is a directory.
use super::*;

fn path(text: &str) -> TreePath {
    text.parse().unwrap()
}

#[test]
fn missing_directories_are_made() {
    let mut tree = Tree::default();
    tree.add(path("usr/share/a"), Entry::file("x", 0o644)).unwrap();
    assert_eq!(
        tree.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(),
        ["usr", "usr/share", "usr/share/a"]
    );
    assert_eq!(tree.get("usr/share").unwrap(), &Entry::directory(0o755));
}

#[test]
fn nothing_goes_below_a_file_or_through_a_link() {
    let mut tree = Tree::default();
    tree.add(path("lib"), Entry::symlink("/etc")).unwrap();
    tree.add(path("file"), Entry::file("", 0o644)).unwrap();
    for target in ["lib/passwd", "file/x", "file/x/y"] {
        let error = tree.add(path(target), Entry::file("", 0o644)).unwrap_err();
        assert!(matches!(error, TreeError::NotADirectory { .. }), "{error}");
    }
    assert_eq!(tree.len(), 2);
}

#[test]
fn a_file_never_takes_the_place_of_a_directory_nor_the_other_way_round() {
    let mut tree = Tree::default();
    tree.add(path("d/f"), Entry::file("", 0o644)).unwrap();
    assert!(tree.add(path("d"), Entry::file("", 0o644)).is_err());
    assert!(tree.replace(path("d"), Entry::symlink("x")).is_err());
    assert!(tree.replace(path("d/f"), Entry::directory(0o755)).is_err());
    assert!(tree.add(path("d/f"), Entry::file("other", 0o644)).is_err());
    tree.replace(path("d/f"), Entry::file("other", 0o644)).unwrap();
    assert_eq!(tree.contents("d/f").unwrap(), "other");
}

#[test]
fn a_replacement_that_only_differs_in_time_changes_nothing() {
    let mut tree = Tree::default();
    tree.add(path("f"), Entry::file("x", 0o644).modified_at(5)).unwrap();
    tree.replace(path("f"), Entry::file("x", 0o644)).unwrap();
    assert_eq!(tree.get("f").unwrap().mtime, 5);
}

#[test]
fn the_difference_holds_changes_and_the_way_to_them() {
    let mut below = Tree::default();
    below.add(path("etc"), Entry::directory(0o750)).unwrap();
    below.add(path("etc/passwd"), Entry::file("root", 0o644)).unwrap();
    below.add(path("usr/bin/tool"), Entry::file("elf", 0o755)).unwrap();
    let mut above = below.clone();
    above
        .replace(path("etc/passwd"), Entry::file("root\nqclock", 0o644))
        .unwrap();
    above
        .add(
            path("usr/bin/same-tool"),
            Entry::new(Kind::Hardlink(path("usr/bin/tool")), 0o755),
        )
        .unwrap();
    let layer = above.difference(&below);
    assert_eq!(
        layer.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(),
        ["etc", "etc/passwd", "usr", "usr/bin", "usr/bin/same-tool"]
    );
    assert_eq!(layer.get("etc").unwrap().mode, 0o750);
    assert_eq!(layer.contents("usr/bin/same-tool").unwrap(), "elf");
    assert!(above.difference(&above).is_empty());
}

#[test]
fn only_what_holds_nothing_is_removed() {
    let mut tree = Tree::default();
    tree.add(path("d/f"), Entry::file("", 0o644)).unwrap();
    tree.add(path("d-"), Entry::directory(0o755)).unwrap();
    assert!(tree.remove("d").is_none());
    assert!(tree.remove("d/f").is_some());
    assert!(tree.remove("d").is_some());
    assert_eq!(tree.len(), 1);
}
