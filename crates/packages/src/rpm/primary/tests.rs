//! Reading `primary.xml`: what is written there, and what is refused.

use super::*;

const SMALL: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="2">
<package type="rpm"><name>a&amp;b</name><arch>x86_64</arch><version epoch="1" ver="2.0" rel="3.el9"/>
<checksum type="sha256" pkgid="YES">0101010101010101010101010101010101010101010101010101010101010101</checksum>
<summary>&lt;b&gt;</summary><description>x</description><packager/><url/>
<time file="1" build="1736761560"/><size package="100" installed="200" archive="300"/><location href="Packages/a.rpm"/>
<format><rpm:license>MIT</rpm:license><rpm:vendor>V</rpm:vendor><rpm:sourcerpm>a-2.0-3.el9.src.rpm</rpm:sourcerpm>
<rpm:header-range start="10" end="20"/><rpm:provides><rpm:entry name="x" flags="EQ" epoch="0" ver="1" rel="2"/></rpm:provides>
<rpm:requires><rpm:entry name="y" flags="GE" epoch="2" ver="1"/><rpm:entry name="(p &gt;= 1 or q)" pre="1"/></rpm:requires>
<rpm:obsoletes/><file>/usr/bin/a</file><file type="dir">/etc/a</file></format></package>
<package type="rpm"><name>a</name><arch>src</arch><version epoch="0" ver="1" rel="1"/>
<checksum type="sha256" pkgid="YES">0101010101010101010101010101010101010101010101010101010101010101</checksum>
<location href="a.src.rpm"/><format/></package>
</metadata>
"#;

#[test]
fn reads_what_the_solver_and_the_lock_need() {
    let index = read_primary(SMALL.as_bytes()).unwrap();
    assert_eq!(index.len(), 1, "source packages are left out");
    assert_eq!(index.checksum_kind(), "sha256");
    let package = index.package(0);
    assert_eq!((package.name(), package.evr()), ("a&b", "1:2.0-3.el9"));
    assert_eq!(
        (package.source(), package.license(), package.vendor()),
        ("a-2.0-3.el9.src.rpm", "MIT", "V")
    );
    assert_eq!(
        (package.size(), package.installed_size(), package.build_time()),
        (100, 200, 1_736_761_560)
    );
    assert_eq!(package.header_range(), (10, 20));
    let list = |list| -> Vec<String> { package.list(list).map(|id| index.dependency(id).to_string()).collect() };
    assert_eq!(list(List::Provides), ["x = 1-2", "a&b = 1:2.0-3.el9"]);
    assert_eq!(list(List::Requires), ["y >= 2:1", "(p >= 1 or q)"]);
    assert_eq!(package.files().collect::<Vec<_>>(), ["/usr/bin/a", "/etc/a"]);
}

#[test]
fn truncated_files_are_refused_wherever_they_end() {
    let end = SMALL.trim_end().len();
    for cut in 0..end {
        assert!(read_primary(&SMALL.as_bytes()[..cut]).is_err(), "cut at {cut}");
    }
    assert!(read_primary(&SMALL.as_bytes()[..end]).is_ok());
}

#[test]
fn hostile_files_are_refused_by_name() {
    let fault = |text: String| read_primary(text.as_bytes()).unwrap_err().fault;
    let bomb = SMALL.replace(
        "<metadata",
        "<!DOCTYPE m [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><metadata",
    );
    assert!(matches!(fault(bomb), Fault::DocumentType));
    let inner = SMALL.replace("<summary>", "<!DOCTYPE x><summary>");
    assert!(matches!(fault(inner), Fault::DocumentType));
    assert!(matches!(
        fault(SMALL.replace("a&amp;b", "&bomb;")),
        Fault::Entity { .. }
    ));
    assert!(matches!(
        fault(SMALL.replace("<description>x", &"<d>".repeat(100))),
        Fault::TooDeep
    ));
    let long = "x".repeat(LONGEST_VALUE + 1);
    assert!(matches!(
        fault(SMALL.replace("name=\"y\"", &format!("name=\"{long}\""))),
        Fault::TooLong
    ));
    assert!(matches!(fault(SMALL.replace("a&amp;b", &long)), Fault::TooLong));
    assert!(matches!(fault(SMALL.replacen("0101", "zz01", 1)), Fault::Value { .. }));
    assert!(matches!(fault(SMALL.replacen("0101", "01", 1)), Fault::Missing { .. }));
    assert!(matches!(
        fault(SMALL.replace("flags=\"GE\"", "flags=\"XX\"")),
        Fault::Value { .. }
    ));
    assert!(matches!(
        fault(SMALL.replace("href=\"Packages/a.rpm\"", "")),
        Fault::Missing { .. }
    ));
    assert!(matches!(fault(SMALL.replace("metadata", "html")), Fault::Root { .. }));
    assert!(
        read_primary(
            &SMALL
                .as_bytes()
                .iter()
                .map(|b| if *b == b'V' { 0xFF } else { *b })
                .collect::<Vec<_>>()[..]
        )
        .is_err()
    );
}

#[test]
fn checksums_of_a_weak_kind_are_refused() {
    let digest = "01".repeat(32);
    for (kind, length) in [("sha", 20), ("sha1", 20), ("md5", 16)] {
        let text = SMALL.replace("\"sha256\"", &format!("\"{kind}\""));
        let text = text.replace(&digest, &"01".repeat(length));
        let fault = read_primary(text.as_bytes()).unwrap_err().fault;
        assert!(matches!(&fault, Fault::Value { value, .. } if value == kind), "{fault}");
    }
    let long = SMALL
        .replace("\"sha256\"", "\"sha512\"")
        .replace(&digest, &"01".repeat(64));
    assert_eq!(read_primary(long.as_bytes()).unwrap().checksum_kind(), "sha512");
}

#[test]
fn entries_that_are_written_alike_mean_what_their_list_says() {
    // A name in parentheses is a rich requirement, but only where it is required; and a `>` may stand in an attribute.
    let entry = "<rpm:entry name=\"(p &gt;= 1 or q)\" pre=\"1\"/>";
    let text = SMALL.replace(
        "<rpm:provides>",
        &format!("<rpm:provides>{entry}<rpm:entry name='a>b'/><rpm:entry name='a>b'/>"),
    );
    let index = read_primary(text.as_bytes()).unwrap();
    let rich = |list| -> Vec<bool> {
        index
            .package(0)
            .list(list)
            .map(|id| index.dependency(id).rich)
            .collect()
    };
    assert_eq!(rich(List::Provides), [false; 5]);
    assert_eq!(rich(List::Requires), [false, true]);
    let provides = index
        .package(0)
        .list(List::Provides)
        .map(|id| index.dependency(id).name);
    assert_eq!(provides.filter(|name| *name == "a>b").count(), 2);
}

#[test]
fn files_without_packages_are_well_formed() {
    assert!(
        read_primary(&b"<metadata packages=\"0\"></metadata>"[..])
            .unwrap()
            .is_empty()
    );
    assert!(
        read_primary(&b"<?xml version=\"1.0\"?><metadata/>"[..])
            .unwrap()
            .is_empty()
    );
}

#[test]
fn the_usual_way_to_write_and_others_mean_the_same() {
    // Blanks where createrepo writes none: nothing of it is taken at a glance.
    let usual = SMALL.replace("a&amp;b", "a").replace(" pre=\"1\"", "");
    let other = usual
        .replace("</", "<!-- x --></")
        .replace("\"/>", "\" />")
        .replace("<!-- x --></metadata>", "</metadata>");
    let [usual, other] = [usual, other].map(|text| read_primary(text.as_bytes()).unwrap());
    assert_eq!(usual.as_bytes(), other.as_bytes());
    assert_eq!(usual.package(0).files().count(), 2);
}

#[test]
fn long_texts_are_refused_where_they_are_kept() {
    let long = "x".repeat(LONGEST_VALUE + 1);
    let text = SMALL.replace("a&amp;b", "a");
    for (before, after) in [("<name>a<", "name"), ("MIT<", "license"), ("/usr/bin/a<", "file")] {
        let text = text.replace(
            before,
            &format!("{}{long}<", if after == "name" { "<name>" } else { "" }),
        );
        let fault = read_primary(text.as_bytes()).unwrap_err().fault;
        assert!(matches!(fault, Fault::TooLong), "{after}: {fault}");
    }
    let text = text.replace("<description>x", &format!("<description>{long}"));
    assert_eq!(read_primary(text.as_bytes()).unwrap().len(), 1);
}
