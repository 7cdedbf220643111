//! The compact index: what goes in comes out, and damage is refused.

use super::*;

fn package(name: &str, evr: &str) -> NewPackage {
    NewPackage {
        name: name.to_owned(),
        architecture: "x86_64".to_owned(),
        evr: evr.to_owned(),
        location: format!("Packages/{name}.rpm"),
        size: 5_000_000_000,
        checksum: vec![7; 32],
        ..NewPackage::default()
    }
}

fn small() -> Index {
    let mut builder = IndexBuilder::new("sha256").unwrap();
    builder.add(List::Provides, "webserver", Range::ANY, "").unwrap();
    builder
        .add(List::Requires, "libc.so.6()(64bit)", Range::ANY, "")
        .unwrap();
    builder
        .add(List::Requires, "(mod_a if /usr/share/b)", Range::ANY, "")
        .unwrap();
    builder.add_file("/usr/sbin/httpd").unwrap();
    builder.finish_package(&package("httpd", "2.4-1")).unwrap();
    builder.add(List::Provides, "gone", Range::ANY, "").unwrap();
    builder.drop_package();
    builder.add(List::Provides, "webserver", Range::EQUAL, "1").unwrap();
    builder.add(List::Obsoletes, "apache", Range::LESS, "3").unwrap();
    builder.finish_package(&package("nginx", "1:1.24-1")).unwrap();
    builder.finish().unwrap()
}

#[test]
fn what_was_put_in_is_found_again() {
    let index = Index::from_bytes(small().as_bytes().to_vec()).unwrap();
    assert_eq!(index.len(), 2);
    let httpd = index.package(0);
    assert_eq!(
        (httpd.name(), httpd.evr(), httpd.size()),
        ("httpd", "2.4-1", 5_000_000_000)
    );
    assert_eq!(httpd.checksum(), [7; 32]);
    assert_eq!(httpd.files().collect::<Vec<_>>(), ["/usr/sbin/httpd"]);
    let requires: Vec<String> = httpd
        .list(List::Requires)
        .map(|id| index.dependency(id).to_string())
        .collect();
    assert_eq!(requires, ["libc.so.6()(64bit)", "(mod_a if /usr/share/b)"]);
    let find = |text: &str| index.find(text.as_bytes(), hash(text.as_bytes()));
    let webserver = index.providers(find("webserver").unwrap()).collect::<Vec<_>>();
    assert_eq!(
        webserver.iter().map(|(package, _)| *package).collect::<Vec<_>>(),
        [0, 1]
    );
    assert_eq!(index.providers(find("httpd").unwrap()).count(), 1);
    assert_eq!(
        index.providers(find("/usr/sbin/httpd").unwrap()).next().unwrap(),
        (0, None)
    );
    assert_eq!(find("gone").map(|id| index.providers(id).count()), Some(0));
    assert!(find("never").is_none());
    let obsoleting = |text| index.obsoleting(find(text).unwrap()).collect::<Vec<_>>();
    assert_eq!(obsoleting("apache"), [1]);
    assert_eq!(obsoleting("webserver"), [0; 0]);
    let paths: Vec<&str> = index.required_paths().map(|id| index.text(id)).collect();
    assert_eq!(paths, ["/usr/share/b"]);
}

#[test]
fn every_damage_is_noticed() {
    let bytes = small().as_bytes().to_vec();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert!(Index::from_bytes(damaged).is_err(), "byte {at}");
        assert!(Index::from_bytes(bytes[..at].to_vec()).is_err(), "cut at {at}");
    }
}

fn stored(bytes: &[u8]) -> Result<Index, IndexError> {
    use std::io::Write as _;
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Index::from_file(&file)
}

#[test]
fn a_file_is_read_as_its_bytes_are() {
    let bytes = small().as_bytes().to_vec();
    let index = stored(&bytes).unwrap();
    assert_eq!(index.as_bytes(), bytes);
    assert_eq!(index.package(1).name(), "nginx");
    assert!(!index.is_damaged() && index.check());
    assert!(stored(&bytes[..bytes.len() - 1]).is_err());
    assert!(stored(&[]).is_err());
}

/// Everything that an index can be asked.
fn walk(index: &Index) {
    for package in (0..index.len()).map(|position| index.package(position)) {
        let texts = [package.name(), package.evr(), package.location(), package.license()];
        assert!(texts.iter().all(|text| text.len() < 1000));
        for list in [List::Provides, List::Requires, List::Obsoletes] {
            assert!(
                package
                    .list(list)
                    .all(|id| index.dependency(id).to_string().len() < 1000)
            );
        }
        assert!(package.files().count() + package.checksum().len() < 1000);
    }
    for text in ["webserver", "apache", "never"] {
        if let Some(id) = index.find(text.as_bytes(), hash(text.as_bytes())) {
            assert!(index.providers(id).count() + index.obsoleting(id).count() < 1000);
        }
    }
    assert!(index.required_paths().count() + index.supplementing().count() < 1000);
}

#[test]
fn damage_of_a_file_is_noticed_by_who_looks_at_it() {
    let bytes = small().as_bytes().to_vec();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        if let Ok(index) = stored(&damaged) {
            walk(&index);
            assert!(index.is_damaged() && !index.check(), "byte {at}");
        }
    }
}
