//! Answers from small repositories in folders.

use std::path::Path;

use fs_err as fs;
use qclock_trust::Sha256;

use super::*;
use crate::cache::Cache;
use crate::failure::{Class, Failure as _};
use crate::repository::RepositoryError;

/// `name`, what it provides, requires, and one file of its.
fn package(name: &str, provides: &str, requires: &str, file: &str) -> String {
    let entries = |list: &str| -> String {
        list.split_whitespace()
            .map(|name| format!("<rpm:entry name=\"{name}\"/>"))
            .collect()
    };
    format!(
        "<package type=\"rpm\"><name>{name}</name><arch>noarch</arch><version epoch=\"0\" ver=\"1\" rel=\"1\"/>\
         <checksum type=\"sha256\" pkgid=\"YES\">{}</checksum><size package=\"10\" installed=\"20\" archive=\"30\"/>\
         <location href=\"Packages/{name}.rpm\"/><format><rpm:license>MIT</rpm:license><rpm:sourcerpm>{name}.src.rpm</rpm:sourcerpm>\
         <rpm:provides>{}</rpm:provides><rpm:requires>{}</rpm:requires><file>{file}</file></format></package>",
        Sha256::of(name.as_bytes()),
        entries(provides),
        entries(requires)
    )
}

fn write_repository(folder: &Path, packages: &[String], filelists: Option<&str>, modules: Option<&str>) {
    let data = folder.join("repodata");
    fs::create_dir_all(&data).unwrap();
    let mut files = String::new();
    let mut add = |kind: &str, name: &str, contents: &str| {
        fs::write(data.join(name), contents).unwrap();
        files.push_str(&format!(
            "<data type=\"{kind}\"><checksum type=\"sha256\">{}</checksum><location href=\"repodata/{name}\"/><size>{}</size></data>",
            Sha256::of(contents.as_bytes()),
            contents.len()
        ));
    };
    let primary = format!(
        "<metadata packages=\"{}\">{}</metadata>",
        packages.len(),
        packages.concat()
    );
    add("primary", "primary.xml", &primary);
    if let Some(filelists) = filelists {
        add("filelists", "filelists.xml", filelists);
    }
    if let Some(modules) = modules {
        add("modules", "modules.yaml", modules);
    }
    fs::write(
        data.join("repomd.xml"),
        format!("<repomd><revision>1</revision>{files}</repomd>"),
    )
    .unwrap();
}

fn source(folder: &Path) -> Source {
    Source::parse(&format!("main={}", folder.display())).unwrap()
}

fn request(specifications: &[&str]) -> Request {
    Request {
        specifications: specifications.iter().map(|&text| text.to_owned()).collect(),
        platform: "el9".to_owned(),
        architecture: "x86_64".to_owned(),
        ..Request::default()
    }
}

fn ask_folder(folder: &Path, cache: Option<&Cache>, request: &Request) -> Result<Resolution, ResolveError> {
    let means = Means {
        cache,
        fetcher: None,
        progress: &(),
    };
    resolve(&[source(folder)], request, means)
}

#[test]
fn an_answer_says_why_each_package_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let packages = [
        package("app", "", "lib /usr/bin/tool", "/usr/bin/app"),
        package("lib1", "lib", "", "/usr/lib/lib"),
        package("tool", "", "", "/usr/bin/tool"),
        package("other", "", "", "/usr/bin/other"),
    ];
    write_repository(folder.path(), &packages, None, None);
    let resolution = ask_folder(folder.path(), None, &request(&["app"])).unwrap();
    let names: Vec<&str> = resolution
        .packages
        .iter()
        .map(|package| package.nevra.as_str())
        .collect();
    assert_eq!(names, ["app-1-1.noarch", "lib1-1-1.noarch", "tool-1-1.noarch"]);
    assert_eq!(resolution.packages[0].why, Why::Request("app".to_owned()));
    let chain = resolution.chain("tool").unwrap();
    assert_eq!(
        chain.iter().map(|package| package.name.as_str()).collect::<Vec<_>>(),
        ["app", "tool"]
    );
    assert!(matches!(&chain[1].why, Why::Required { requirement, .. } if requirement == "/usr/bin/tool"));
    assert!(resolution.chain("other").is_none());
}

#[test]
fn a_kept_index_gives_the_same_answer_and_a_damaged_one_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let cache_folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(cache_folder.path());
    write_repository(
        folder.path(),
        &[package("a", "", "b", "/etc/a"), package("b", "", "", "/etc/b")],
        None,
        Some("document: modulemd\nversion: 2\ndata: {name: m, stream: 1, version: 1, context: c}\n"),
    );
    let cold = ask_folder(folder.path(), Some(&cache), &request(&["a"])).unwrap();
    // What is kept is enough.
    let primary = folder.path().join("repodata/primary.xml");
    let contents = fs::read(&primary).unwrap();
    fs::remove_file(&primary).unwrap();
    assert_eq!(ask_folder(folder.path(), Some(&cache), &request(&["a"])).unwrap(), cold);
    fs::write(&primary, contents).unwrap();
    for entry in fs::read_dir(cache_folder.path().join("rpm-index")).unwrap() {
        fs::write(entry.unwrap().path(), b"qclkrpm1 nonsense").unwrap();
    }
    assert_eq!(ask_folder(folder.path(), Some(&cache), &request(&["a"])).unwrap(), cold);
}

#[test]
fn lists_of_files_are_read_when_a_path_is_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let cache_folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(cache_folder.path());
    let filelists = format!(
        "<filelists packages=\"1\"><package pkgid=\"{}\"><file>/usr/share/thing</file></package></filelists>",
        Sha256::of(b"thing")
    );
    let packages = [
        package("app", "", "/usr/share/thing", "/usr/bin/app"),
        package("thing", "", "", "/etc/x"),
    ];
    write_repository(folder.path(), &packages, Some(&filelists), None);
    for _ in 0..2 {
        let resolution = ask_folder(folder.path(), Some(&cache), &request(&["app"])).unwrap();
        assert_eq!(resolution.packages.len(), 2);
    }
    let asked = ask_folder(folder.path(), Some(&cache), &request(&["/usr/share/thing"])).unwrap();
    assert_eq!(asked.packages[0].name, "thing");
}

#[test]
fn what_is_wrong_is_told_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let error = ask_folder(folder.path(), None, &request(&["a"])).unwrap_err();
    assert_eq!(error.class(), Class::Environment);

    write_repository(folder.path(), &[package("a", "", "missing", "/etc/a")], None, None);
    let error = ask_folder(folder.path(), None, &request(&["a"])).unwrap_err();
    assert_eq!(error.class(), Class::Answer);
    assert!(error.to_string().contains("nothing provides `missing`"), "{error}");
    assert!(error.hint().unwrap().contains("add the repository that has `missing`"));

    fs::write(folder.path().join("repodata/primary.xml"), "<metadata/>").unwrap();
    let error = ask_folder(folder.path(), None, &request(&["a"])).unwrap_err();
    assert_eq!(error.class(), Class::Verification);

    fs::remove_dir_all(folder.path().join("repodata")).unwrap();
    fs::create_dir(folder.path().join("dists")).unwrap();
    let error = ask_folder(folder.path(), None, &request(&["a"])).unwrap_err();
    assert!(matches!(error, ResolveError::NoDebianIndex { .. }), "{error}");
    assert!(error.hint().unwrap().contains("`--arch`"));
    fs::remove_dir(folder.path().join("dists")).unwrap();

    let twice = [source(folder.path()), source(folder.path())];
    let means = Means {
        cache: None,
        fetcher: None,
        progress: &(),
    };
    let error = resolve(&twice, &request(&["a"]), means).unwrap_err();
    assert!(matches!(error, ResolveError::Repository(error) if matches!(*error, RepositoryError::SameName { .. })));
}

#[test]
fn a_location_outside_of_the_repository_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_repository(folder.path(), &[package("a", "", "", "/etc/a")], None, None);
    let path = folder.path().join("repodata/repomd.xml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("repodata/primary.xml", "../../primary.xml")).unwrap();
    let error = ask_folder(folder.path(), None, &request(&["a"])).unwrap_err();
    assert!(matches!(error, ResolveError::Repository(error) if matches!(*error, RepositoryError::Metadata { .. })));
}
