//! Sources as they stand on real machines, and what is made of them.

use fs_err as fs;

use super::*;

fn flavour() -> Flavour {
    let suite = |name: &str, archive: &str| {
        format!("[[suite]]\nname = '{name}'\narchive = '{archive}'\ncomponents = ['main']\nkeys = ['k']\n")
    };
    let text = format!(
        "name = 'debian12'\ntitle = ''\nevaluation = true\narchitecture = 'amd64'\n{}{}{}",
        suite("bookworm", "debian"),
        suite("bookworm-updates", "debian"),
        suite("bookworm-security", "debian-security")
    );
    toml::from_str(&text).unwrap()
}

/// Lines `suite → address folder`, from files below `etc/apt`.
fn places(files: &[(&str, &str)]) -> String {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = root.path().join("etc/apt").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let apt = read_host(root.path(), "amd64");
    let mirrors = Mirrors::from_apt(&flavour(), &apt);
    let mut lines = String::new();
    for suite in ["bookworm", "bookworm-updates", "bookworm-security"] {
        match mirrors.candidates(suite) {
            Ok(found) => lines.extend(
                found
                    .iter()
                    .map(|place| format!("{suite} → {} {}\n", place.archive, place.folder)),
            ),
            Err(error) => lines.extend([error.to_string(), "\n".to_owned()]),
        }
    }
    lines
}

#[test]
fn stanzas_with_third_parties_beside_them_are_chosen_by_suite() {
    let debian = "Types: deb deb-src\n# a comment\nURIs: http://m.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n\
                  Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----\n\n\
                  Types: deb\nURIs: http://m.example/debian-security/\nSuites: bookworm-security\nComponents: main contrib\n";
    let other = "deb [arch=amd64 signed-by=/x] https://php.example/php bookworm main\n";
    let off = "Types: deb\nURIs: http://off.example/debian\nSuites: bookworm\nComponents: main\nEnabled: no\n";
    let files = [
        ("sources.list.d/debian.sources", debian),
        ("sources.list.d/a.list", other),
        ("sources.list.d/off.sources", off),
    ];
    insta::assert_snapshot!(places(&files), @r"
    bookworm → http://m.example/debian/ bookworm
    bookworm → https://php.example/php/ bookworm
    bookworm-updates → http://m.example/debian/ bookworm-updates
    bookworm-security → http://m.example/debian-security/ bookworm-security
    ");
}

#[test]
fn one_line_sources_by_alias_are_asked_by_name_first() {
    let list = "# deb http://old.example/debian bookworm main\ndeb http://m.example/debian oldstable main non-free # why\n\
                deb http://s.example/debian-security oldstable-security main\ndeb-src http://m.example/debian bookworm main\n\
                deb cdrom:[Debian GNU/Linux 12 _Bookworm_]/ bookworm main\ndeb [arch=i386] http://i.example/debian bookworm main\n";
    insta::assert_snapshot!(places(&[("sources.list", list)]), @r"
    bookworm → http://m.example/debian/ bookworm
    bookworm → http://m.example/debian/ oldstable
    bookworm-updates → http://m.example/debian/ bookworm-updates
    bookworm-security → http://s.example/debian-security/ bookworm-security
    bookworm-security → http://s.example/debian-security/ oldstable-security
    ");
}

#[test]
fn suites_that_the_host_leaves_out_are_looked_for_beside_the_archive() {
    insta::assert_snapshot!(places(&[("sources.list", "deb http://m.example/pub/debian bookworm main\n")]), @r"
    bookworm → http://m.example/pub/debian/ bookworm
    bookworm-updates → http://m.example/pub/debian/ bookworm-updates
    bookworm-security → http://m.example/pub/debian-security/ bookworm-security
    ");
}

#[test]
fn a_list_of_mirrors_is_read() {
    let list = "http://a.example/debian\tpriority:1\n# none\nhttps://b.example/debian\n";
    let sources = "Types: deb\nURIs: mirror+file:///etc/apt/mirrors/debian.list\nSuites: bookworm bookworm-updates\nComponents: main\n";
    let files = [
        ("sources.list.d/debian.sources", sources),
        ("mirrors/debian.list", list),
    ];
    insta::assert_snapshot!(places(&files), @r"
    bookworm → http://a.example/debian/ bookworm
    bookworm → https://b.example/debian/ bookworm
    bookworm-updates → http://a.example/debian/ bookworm-updates
    bookworm-updates → https://b.example/debian/ bookworm-updates
    bookworm-security → http://a.example/debian-security/ bookworm-security
    bookworm-security → https://b.example/debian-security/ bookworm-security
    ");
}

#[test]
fn a_host_without_the_suite_says_what_it_has_instead() {
    let list = "deb http://m.example/ubuntu noble main\ndeb cdrom:[Debian 12]/ bookworm main\ndeb tor+http://m.example/debian bookworm main\n";
    insta::assert_snapshot!(places(&[("sources.list", list)]), @r"
    apt on this machine has no source for the suite `bookworm` that can be used (`cdrom:[Debian 12]/` is of a kind that is not read; `tor+http://m.example/debian` is of a kind that is not read)
    apt on this machine has no source for the suite `bookworm-updates` that can be used (`cdrom:[Debian 12]/` is of a kind that is not read; `tor+http://m.example/debian` is of a kind that is not read)
    apt on this machine has no source for the suite `bookworm-security` that can be used (`cdrom:[Debian 12]/` is of a kind that is not read; `tor+http://m.example/debian` is of a kind that is not read)
    ");
}

#[test]
fn a_file_that_cannot_be_understood_is_passed_over() {
    let broken = (
        "sources.list.d/a.list",
        "deb [arch=amd64 http://m.example/debian bookworm main\n",
    );
    let good = ("sources.list", "deb http://m.example/debian bookworm main\n");
    assert!(places(&[good, broken]).starts_with("bookworm → http://m.example/debian/ bookworm\n"));
    assert!(places(&[broken]).contains("sources.list.d/a.list`: line 1: the options have no end)"));
}

#[test]
fn given_addresses_have_a_sibling_for_security() {
    let place = |debian: &str, security: Option<&str>| {
        let mut mirrors = Mirrors::from_address(&flavour(), debian).unwrap();
        if let Some(security) = security {
            mirrors = mirrors.with_security(&flavour(), security).unwrap();
        }
        mirrors.candidates("bookworm-security").unwrap()[0].archive.to_string()
    };
    assert_eq!(
        place("https://m.example/debian", None),
        "https://m.example/debian-security/"
    );
    assert_eq!(
        place("/media/mirror/debian/", None),
        "file:///media/mirror/debian-security/"
    );
    assert_eq!(
        place("https://m.example/debian", Some("http://s.example/x")),
        "http://s.example/x/"
    );
    let wrong = Mirrors::from_address(&flavour(), "ftp://m.example/debian").unwrap_err();
    assert_eq!(wrong.to_string(), "archives cannot be read by `ftp:`");
}

#[test]
fn proxies_are_chosen_as_apt_chooses_them() {
    let mut settings = ProxySettings {
        no_proxy: Some("near.example, .inside".to_owned()),
        ..ProxySettings::default()
    };
    let choose = |settings: &ProxySettings, address: &str| match settings.choose(&Url::parse(address).unwrap()) {
        ProxyChoice::Direct => "direct".to_owned(),
        ProxyChoice::Through(proxy) => proxy,
    };
    settings.http_proxy = Some("http://env:1".to_owned());
    assert_eq!(choose(&settings, "http://127.0.0.1:8080/debian"), "direct");
    assert_eq!(choose(&settings, "http://m.example/"), "http://env:1");
    assert_eq!(choose(&settings, "https://m.example/"), "direct");
    assert_eq!(choose(&settings, "http://near.example/"), "direct");
    assert_eq!(choose(&settings, "http://a.inside/"), "direct");
    settings
        .apt
        .add(
            "// comment\nAcquire { http { Proxy \"http://apt:2\"; Proxy { near.example \"DIRECT\"; }; }; };\n\
             # another\nAcquire::https::Proxy::s.example \"http://apt:3\"; /* and\n another */ APT { List { \"a\"; \"b\"; }; };\n",
            &mut |_| None,
        )
        .unwrap();
    assert_eq!(choose(&settings, "http://m.example/"), "http://apt:2");
    assert_eq!(choose(&settings, "http://near.example/"), "direct");
    assert_eq!(choose(&settings, "https://m.example/"), "http://apt:2");
    assert_eq!(choose(&settings, "https://s.example/"), "http://apt:3");
    let mut broken = Configuration::default();
    assert_eq!(
        broken.add("a {\n b \"c\n", &mut |_| None).unwrap_err(),
        ConfigurationError::Unfinished { line: 2 }
    );
    assert_eq!(
        broken.add("a \"b\"; }", &mut |_| None).unwrap_err(),
        ConfigurationError::Brace { line: 1 }
    );
}

#[test]
fn apt_s_configuration_may_clear_and_include() {
    let mut configuration = Configuration::default();
    let mut include = |file: &str| (file == "/more.conf").then(|| "A::C \"2\"; A::D::E \"3\";".to_owned());
    let text = "A { B \"1\"; };\n#clear a::b;\n#include \"/more.conf\";\n#clear A::D;\n#included \"x\";\n#clear\n#include /gone;\nA::F \"4\";";
    configuration.add(text, &mut include).unwrap();
    let values = ["A::B", "A::C", "A::D::E", "A::F"].map(|name| configuration.value(name));
    assert_eq!(values, [None, Some("2"), None, Some("4")]);
    let itself = "#include itself;\n#include itself;\n";
    assert_eq!(
        configuration.add(itself, &mut |_| Some(itself.to_owned())).unwrap_err(),
        ConfigurationError::Includes { line: 1 }
    );
}

#[test]
fn passwords_are_not_shown() {
    assert_eq!(
        redacted("https://me:secret@m.example/debian"),
        "https://…@m.example/debian"
    );
    assert_eq!(
        shown(&Url::parse("https://me:secret@m.example/debian").unwrap()),
        "https://m.example/debian"
    );
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parsers_panic(text in "(deb|Types: deb|URIs:|Suites:| |\\[|\\]|\n|#|/\\*|//|\"|\\{|\\}|;|cdrom:|http://a|mirror\\+file:|[a-zé:]{1,4}){0,40}") {
        let _ = parse_one_line(&text, "amd64");
        let _ = parse_stanzas(&text, "amd64");
        let _ = Configuration::default().add(&text, &mut |_| None);
    }
}
