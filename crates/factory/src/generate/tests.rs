//! What an image adds to its packages.

use std::collections::BTreeMap;

use fs_err as fs;

use super::*;

/// A project with one image `base`, whose definition and files are given.
pub(crate) fn project(folder: &Path, definition: &str, rootfs: &[(&str, &str)]) -> Project {
    let put = |path: &str, text: &str| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put("images/flavours/keys/archive.asc", "KEY\n");
    put(
        "images/flavours/debian12.toml",
        "name = 'debian12'\ntitle = 'Debian'\nevaluation = true\narchitecture = 'amd64'\n[[suite]]\nname = 'bookworm'\n\
         archive = 'debian'\ncomponents = ['main', 'contrib']\nkeys = ['archive.asc']\n",
    );
    put(
        "images/base/image.toml",
        &format!("name = 'base'\ntitle = 'Base'\ndescription = 'test'\n{definition}"),
    );
    for (path, text) in rootfs {
        put(&format!("images/base/rootfs/{path}"), text);
    }
    Project::load(folder, "debian12").unwrap()
}

const ACCOUNTS: &str = "[[account]]\nname = 'root'\nuid = 0\ngid = 0\ncomment = 'root'\nhome = '/root'\nshell = '/usr/sbin/nologin'\n\
    [[account]]\nname = 'qclock'\nuid = 10001\ngid = 10001\ncomment = 'services'\nhome = '/nonexistent'\nshell = '/usr/sbin/nologin'\n\
    [[group]]\nname = 'mail'\ngid = 8\nmembers = ['qclock']\n";

fn made(definition: &str, rootfs: &[(&str, &str)]) -> Result<Tree, GenerateError> {
    let folder = tempfile::tempdir().unwrap();
    let project = project(folder.path(), definition, rootfs);
    let image = project.image("base").unwrap();
    let files = read_rootfs(&project.rootfs(image))?;
    let mut packages = Tree::default();
    for (name, text) in [("b.crt", "B\n"), ("a.crt", "A"), ("notes", "no")] {
        let path = format!("{}{name}", crate::assemble::CERTIFICATES[0]).parse().unwrap();
        packages.add(path, Entry::file(text, 0o644)).unwrap();
    }
    for name in ["opensslcnf.txt", "gnutls.txt", "README"] {
        let path = format!("usr/share/crypto-policies/DEFAULT/{name}").parse().unwrap();
        packages.add(path, Entry::file("", 0o644)).unwrap();
    }
    let aside = BTreeMap::from([(
        format!("{}Z.crt", crate::assemble::CERTIFICATES[0]).parse().unwrap(),
        Bytes::from_static(b"Z\n"),
    )]);
    let own = generate(&Sources {
        project: &project,
        image,
        packages: &packages,
        certificates: &aside,
        rootfs: &files,
        programs: &[],
    })?;
    let mut tree = Tree::default();
    lay_over(&mut tree, own)?;
    Ok(tree)
}

fn text(tree: &Tree, path: &str) -> String {
    String::from_utf8(tree.contents(path).unwrap().to_vec()).unwrap()
}

#[test]
fn accounts_are_written_by_id_and_own_directories() {
    let tree = made(
        &format!("{ACCOUNTS}[[directory]]\npath = '/var/lib/data'\nmode = '0700'\nowner = 'qclock'\ngroup = 'mail'\n"),
        &[],
    )
    .unwrap();
    assert_eq!(
        text(&tree, "etc/passwd"),
        "root:x:0:0:root:/root:/usr/sbin/nologin\nqclock:x:10001:10001:services:/nonexistent:/usr/sbin/nologin\n"
    );
    assert_eq!(
        text(&tree, "etc/group"),
        "root:x:0:\nmail:x:8:qclock\nqclock:x:10001:\n"
    );
    assert_eq!(
        tree.get("var/lib/data"),
        Some(&Entry::directory(0o700).owned_by(10_001, 8))
    );
}

#[test]
fn a_link_whose_target_is_a_pattern_leads_to_the_one_path_that_matches() {
    let link = |target: &str| format!("[[link]]\npath = '/policy'\ntarget = '{target}'\n");
    let tree = made(&link("/usr/share/crypto-policies/DEF*"), &[]).unwrap();
    let kind = Kind::Symlink("/usr/share/crypto-policies/DEFAULT".to_owned());
    assert_eq!(tree.get("policy").map(|entry| &entry.kind), Some(&kind));
    for (target, found) in [
        ("/usr/share/crypto-policies/FUT*", 0),
        ("/usr/share/crypto-policies/DEFAULT/*.txt", 2),
    ] {
        let error = made(&link(target), &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the target of the link `/policy`, `{target}`, stands for {found} paths of the image")
        );
    }
    assert!(matches!(
        made(&link("/usr/[*"), &[]).unwrap_err(),
        GenerateError::Pattern(_)
    ));
}

#[test]
fn the_bundle_has_the_certificates_in_the_order_of_their_names_bytes() {
    let tree = made("[generate]\nca_bundle = '/etc/ssl/bundle.crt'\n", &[]).unwrap();
    assert_eq!(text(&tree, "etc/ssl/bundle.crt"), "Z\nA\nB\n");
}

#[test]
fn a_policy_for_cryptography_is_links_to_its_texts_and_its_name() {
    let tree = made("[generate]\ncrypto_policy = 'DEFAULT'\nca_bundle = ''\n", &[]).unwrap();
    let links = tree.children("etc/crypto-policies/back-ends");
    let links: Vec<String> = links.map(|(path, entry)| format!("{path} {:?}", entry.kind)).collect();
    assert_eq!(
        links,
        [
            "etc/crypto-policies/back-ends/gnutls.config Symlink(\"/usr/share/crypto-policies/DEFAULT/gnutls.txt\")",
            "etc/crypto-policies/back-ends/opensslcnf.config Symlink(\"/usr/share/crypto-policies/DEFAULT/opensslcnf.txt\")",
        ]
    );
    assert_eq!(text(&tree, "etc/crypto-policies/state/current"), "DEFAULT\n");
    let error = made("[generate]\ncrypto_policy = 'FUTURE'\n", &[]).unwrap_err();
    assert!(
        crate::failure::Failure::hint(&error)
            .unwrap()
            .contains("usr/share/crypto-policies/FUTURE")
    );
}

#[test]
fn repositories_are_named_without_a_mirror() {
    let tree = made("[generate]\nrepositories = '/usr/share/qclock/repositories'\n", &[]).unwrap();
    assert_eq!(text(&tree, "usr/share/qclock/repositories/keys/archive.asc"), "KEY\n");
    insta::assert_snapshot!(text(&tree, "usr/share/qclock/repositories/debian12.sources"), @"
    # The repositories that this image was built from.  Put the address of your mirror in the place of mirror.invalid and remove
    # the lines `Enabled: no`.

    Types: deb
    URIs: https://mirror.invalid/debian
    Suites: bookworm
    Components: main contrib
    Architectures: amd64
    Signed-By: /usr/share/qclock/repositories/keys/archive.asc
    Enabled: no
    ");
}

#[test]
fn templates_are_rendered_and_what_is_unknown_is_named() {
    let tree = made(
        "[variables.debian12]\nphp = '8.2'\n",
        &[
            ("etc/a.conf.in", "php@php@ @flavour@\n"),
            ("etc/b.conf", "@php@\n"),
            ("etc/.gitkeep", ""),
        ],
    )
    .unwrap();
    assert_eq!(text(&tree, "etc/a.conf"), "php8.2 debian12\n");
    assert_eq!(text(&tree, "etc/b.conf"), "@php@\n");
    assert!(tree.get("etc/.gitkeep").is_none());
    assert_eq!(tree.get("etc/a.conf").unwrap().mode, 0o644);
    let error = made("[variables.debian12]\nphp = '8.2'\n", &[("etc/a.in", "@phq@")]).unwrap_err();
    assert_eq!(error.to_string(), "cannot render `rootfs/etc/a.in`");
    assert_eq!(crate::failure::Failure::hint(&error).unwrap(), "did you mean `@php@`?");
}

#[test]
fn nothing_is_made_twice() {
    let link = "[[link]]\npath = '/etc/x'\ntarget = '/y'\n";
    let error = made(link, &[("etc/x", "file")]).unwrap_err();
    assert!(matches!(error, GenerateError::Twice { .. }), "{error}");
    // A declared directory may be declared after something was put into it.
    let tree = made("[[directory]]\npath = '/etc'\nmode = '0711'\n", &[("etc/x", "file")]).unwrap();
    assert_eq!(tree.get("etc").unwrap().mode, 0o711);
}

#[test]
fn a_link_does_not_take_the_place_of_a_package_s_file() {
    let link = |path: &str| format!("[[link]]\npath = '/{path}'\ntarget = '/elsewhere'\n");
    let certificate = format!("{}b.crt", crate::assemble::CERTIFICATES[0]);
    let error = made(&link(&certificate), &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the link `/{certificate}` would take the place of a file that a package or a parent brings")
    );
    assert!(
        crate::failure::Failure::hint(&error)
            .unwrap()
            .contains("`replaces = true`")
    );
    let meant = made(&(link(&certificate) + "replaces = true\n"), &[]).unwrap();
    assert_eq!(meant.get(&certificate), Some(&Entry::symlink("/elsewhere")));
    let error = made(&(link("usr/share") + "replaces = true\n"), &[]).unwrap_err();
    assert_eq!(crate::failure::Failure::hint(&error), None);
    let error = made(&link("usr/share"), &[]).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("of a directory that a package or a parent brings"),
        "{error}"
    );
    assert!(made(&link("usr/share/new"), &[]).is_ok());
}

#[test]
fn own_files_take_the_place_of_packages_files_and_leave_their_directories_alone() {
    let mut tree = Tree::default();
    tree.add("etc".parse().unwrap(), Entry::directory(0o700)).unwrap();
    tree.add("etc/x".parse().unwrap(), Entry::file("theirs", 0o644))
        .unwrap();
    let file = ("etc/x".parse().unwrap(), Entry::file("ours", 0o644));
    lay_over(&mut tree, Files::from([file])).unwrap();
    assert_eq!(tree.get("etc").unwrap().mode, 0o700);
    assert_eq!(tree.contents("etc/x").unwrap(), "ours");
    let directory = ("etc".parse().unwrap(), Entry::directory(0o755));
    lay_over(&mut tree, Files::from([directory])).unwrap();
    assert_eq!(tree.get("etc").unwrap().mode, 0o755);
}

#[test]
fn a_program_for_another_machine_is_refused() {
    let elf = |machine: u8| [b"\x7fELF\x02\x01\x01".as_slice(), &[0; 11], &[machine, 0]].concat();
    let check = |bytes: &[u8], architecture: &str| {
        let program = Program {
            name: "qclock-init".to_owned(),
            path: "/usr/bin/qclock-init".to_owned(),
            bytes: Bytes::copy_from_slice(bytes),
            digest: Digest::of(bytes),
        };
        check_programs(&[program], architecture).map_err(|error| error.to_string())
    };
    assert_eq!(check(&elf(62), "amd64"), Ok(()));
    assert_eq!(check(&elf(183), "aarch64"), Ok(()));
    assert_eq!(check(b"#!/bin/php", "aarch64"), Ok(()));
    let refused = check(&elf(62), "aarch64").unwrap_err();
    assert_eq!(
        refused,
        "the program `qclock-init` is for x86_64, the image for aarch64"
    );
}
