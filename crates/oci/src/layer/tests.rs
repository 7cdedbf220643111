//! Bytes of layers: golden digests, and what another tar reader makes of them.
use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use proptest::prelude::*;

use super::*;
use crate::tree::{Entry, Kind};

fn path(text: &str) -> TreePath {
    text.parse().unwrap()
}

fn sample() -> Tree {
    let mut tree = Tree::default();
    tree.add(
        path("usr/lib/data"),
        Entry::file(
            (0..3_000_000_u32)
                .flat_map(|n| (n / 7).to_le_bytes())
                .collect::<Vec<u8>>(),
            0o644,
        )
        .modified_at(12),
    )
    .unwrap();
    tree.add(
        path("usr/bin/tool"),
        Entry::file("#!/no\n", 0o755).modified_at(1_800_000_000),
    )
    .unwrap();
    tree.add(path("bin"), Entry::symlink("usr/bin")).unwrap();
    tree.add(path("tmp"), Entry::directory(0o1777)).unwrap();
    tree.add(path("srv/www"), Entry::directory(0o750).owned_by(10_001, 10_001))
        .unwrap();
    tree.add(path(&format!("srv/{}/f", "n".repeat(120))), Entry::file("long", 0o600))
        .unwrap();
    tree.add(path("a-link"), Entry::new(Kind::Hardlink(path("usr/bin/tool")), 0o755))
        .unwrap();
    let mut capable = Entry::file("x", 0o755).owned_by(4_000_000, 0);
    capable.xattrs.insert(
        "security.capability".to_owned(),
        Bytes::from_static(&[1, 0, 0, 2, 0, 4, 0, 0]),
    );
    tree.add(path("usr/bin/capable"), capable).unwrap();
    tree
}

/// A change here changes the digest of every image: it must be meant, and the factory's format version must follow.
#[test]
fn the_bytes_are_what_they_always_were() {
    let layer = build(&sample(), &Settings::at(1_700_000_000)).unwrap();
    insta::assert_snapshot!(
        format!("{} {} {} {}", layer.diff_id, layer.blob.descriptor.digest, layer.blob.descriptor.size, layer.unpacked),
        @"sha256:c6fd20513965196000255743263bf26e26d2d4e2ed2bd35c86b588354a7993ef sha256:3b75e8260d6cbe3bbcc32e13b31c24d8445752df43033243a9ea83335f1a0c0f 703025 12011520"
    );
}

#[test]
fn one_thread_and_many_give_the_same_bytes() {
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    for compression in [Compression::Fast, Compression::Small] {
        let settings = Settings { epoch: 1, compression };
        let one = pool(1).install(|| build(&sample(), &settings)).unwrap();
        let many = pool(7).install(|| build(&sample(), &settings)).unwrap();
        assert_eq!(one.blob, many.blob);
    }
}

#[test]
fn a_layer_is_read_back_as_the_tree_with_its_times_clamped() {
    let tree = sample();
    let layer = build(&tree, &Settings::at(1_700_000_000)).unwrap();
    let mut again = Tree::default();
    read(&layer.blob.bytes, &mut again).unwrap();
    assert_eq!(again.len(), tree.len());
    for (path, entry) in tree.iter() {
        let found = again.get(path.as_str()).unwrap();
        assert_eq!(again.contents(path.as_str()), tree.contents(path.as_str()), "{path}");
        // Of a group of hard links the first name in order holds the contents.
        if !["a-link", "usr/bin/tool"].contains(&path.as_str()) {
            assert!(found.same_but_time(entry), "{path}: {found:?}");
        }
        assert!(found.mtime <= 1_700_000_000, "{path}");
    }
    assert_eq!(again.get("usr/lib/data").unwrap().mtime, 12);
    assert_eq!(again.get("usr/bin/tool").unwrap().kind, Kind::Hardlink(path("a-link")));
}

#[test]
fn a_hard_link_to_nothing_is_refused() {
    let mut tree = Tree::default();
    tree.add(path("l"), Entry::new(Kind::Hardlink(path("gone")), 0o644))
        .unwrap();
    assert!(matches!(
        build(&tree, &Settings::at(0)),
        Err(LayerError::Hardlink { .. })
    ));
}

#[test]
fn a_damaged_or_foreign_layer_is_refused() {
    let layer = build(&sample(), &Settings::at(0)).unwrap();
    assert!(read(&layer.blob.bytes[..layer.blob.bytes.len() / 2], &mut Tree::default()).is_err());
    let mut whiteout = Tree::default();
    whiteout.add(path("etc/.wh.passwd"), Entry::file("", 0o644)).unwrap();
    let layer = build(&whiteout, &Settings::at(0)).unwrap();
    assert!(matches!(
        read(&layer.blob.bytes, &mut Tree::default()),
        Err(ReadError::Whiteout(_))
    ));
}

prop_compose! {
    fn any_path()(names in prop::collection::vec("[a-zé._=-]{1,130}", 1..6)) -> Option<TreePath> {
        names.join("/").parse().ok()
    }
}

prop_compose! {
    fn any_entry()(
        kind in 0..3,
        contents in prop::collection::vec(any::<u8>(), 0..2000),
        target in "[a-z/.]{1,200}",
        (mode, uid, gid, mtime) in (0..0o10000_u32, any::<u32>(), any::<u32>(), any::<i64>()),
    ) -> Entry {
        let kind = match kind { 0 => Kind::File(contents.into()), 1 => Kind::Directory, _ => Kind::Symlink(target) };
        Entry::new(kind, mode).owned_by(uid, gid).modified_at(mtime)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn another_reader_sees_every_entry_as_it_was(entries in prop::collection::vec((any_path(), any_entry()), 0..30), epoch in 0..=i64::MAX as u64) {
        let mut tree = Tree::default();
        for (path, entry) in entries {
            // Entries below a file, or over another kind, are refused by the tree: not the subject here.
            if let Some(path) = path { drop(tree.add(path, entry)); }
        }
        let layer = build(&tree, &Settings { epoch, compression: Compression::Fast }).unwrap();
        let mut tar = Vec::new();
        MultiGzDecoder::new(&layer.blob.bytes[..]).read_to_end(&mut tar).unwrap();
        prop_assert_eq!(Digest::of(&tar), layer.diff_id);
        prop_assert_eq!(tar.len() as u64, layer.unpacked);
        let mut archive = tar::Archive::new(&tar[..]);
        let mut count = 0;
        for (found, (path, entry)) in archive.entries().unwrap().zip(tree.iter()) {
            let mut found = found.unwrap();
            count += 1;
            let name = String::from_utf8(found.path_bytes().to_vec()).unwrap();
            prop_assert_eq!(name.trim_end_matches('/'), path.as_str());
            prop_assert_eq!(found.header().mode().unwrap() & 0o7777, entry.mode);
            prop_assert_eq!(found.header().uid().unwrap(), u64::from(entry.uid));
            prop_assert_eq!(found.header().gid().unwrap(), u64::from(entry.gid));
            match &entry.kind {
                Kind::File(contents) => {
                    let mut read = Vec::new();
                    found.read_to_end(&mut read).unwrap();
                    prop_assert_eq!(&read[..], &contents[..]);
                }
                Kind::Symlink(target) => {
                    let link = found.link_name_bytes().unwrap();
                    prop_assert_eq!(&link[..], target.as_bytes());
                }
                Kind::Directory => prop_assert!(found.header().entry_type().is_dir()),
                Kind::Hardlink(_) => panic!("none was made"),
            }
        }
        prop_assert_eq!(count, tree.len());
    }
}
