//! Reading `comps.xml`: what is written there, and what is refused.

use super::*;

const SMALL: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE comps PUBLIC '-//Red Hat, Inc.//DTD Comps info//EN' 'comps.dtd'>
<comps><group><id>core</id><name xml:lang="fr">Noyau</name><name>Core &amp; more</name><default>true</default><packagelist>
<packagereq type="mandatory">bash</packagereq><packagereq type="default" basearchonly="true">less</packagereq>
<packagereq type="optional">nano</packagereq><packagereq requires="gtk3" type="conditional">ibus-gtk3</packagereq>
</packagelist></group><group><id>web</id><name>Web</name></group>
<environment><id>minimal</id><name>Minimal Install</name><grouplist><groupid>core</groupid></grouplist>
<optionlist><groupid>web</groupid></optionlist></environment>
<category><id>all</id><grouplist><groupid>web</groupid></grouplist></category></comps>
"#;

fn fault(text: &str) -> Fault {
    Comps::parse(text.as_bytes()).unwrap_err().fault
}

#[test]
fn groups_and_environments_are_read() {
    let comps = Comps::parse(SMALL.as_bytes()).unwrap();
    let core = &comps.groups[0];
    assert_eq!((core.id.as_str(), core.name.as_str()), ("core", "Core & more"));
    let kinds: Vec<(&str, MemberKind)> = core.members.iter().map(|it| (it.name.as_str(), it.kind)).collect();
    assert_eq!(
        kinds,
        [
            ("bash", MemberKind::Mandatory),
            ("less", MemberKind::Default),
            ("nano", MemberKind::Optional),
            ("ibus-gtk3", MemberKind::Conditional)
        ]
    );
    assert!(core.members[1].base_architecture_only && !core.members[0].base_architecture_only);
    assert_eq!(core.members[3].requires.as_deref(), Some("gtk3"));
    assert_eq!(
        comps.environments[0].groups,
        ["core"],
        "what is only offered is not among them"
    );
}

#[test]
fn names_are_matched_exactly_first_and_then_as_patterns() {
    let comps = Comps::parse(SMALL.as_bytes()).unwrap();
    let groups = |pattern: &str| -> Vec<&str> { comps.groups_like(pattern).iter().map(|it| it.id.as_str()).collect() };
    assert_eq!(groups("core"), ["core"]);
    assert_eq!(groups("CORE"), ["core"]);
    assert_eq!(groups("c[o]re & *"), ["core"]);
    assert_eq!(groups("*"), ["core", "web"]);
    assert_eq!(groups("Noyau"), [""; 0]);
    assert_eq!(comps.environments_like("minimal install").len(), 1);
}

#[test]
fn two_files_are_joined() {
    let mut comps = Comps::parse(SMALL.as_bytes()).unwrap();
    comps.add(Comps::parse(SMALL.replace(">bash<", ">zsh<").as_bytes()).unwrap());
    let names: Vec<&str> = comps.groups[0].members.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["bash", "less", "nano", "ibus-gtk3", "zsh"]);
    assert_eq!((comps.groups.len(), comps.environments.len()), (2, 1));
}

#[test]
fn hostile_files_are_refused_by_name() {
    let bomb = SMALL.replace("'comps.dtd'>", "'comps.dtd' [<!ENTITY a \"aaaa\">]>");
    assert!(matches!(fault(&bomb), Fault::DocumentType));
    assert!(matches!(fault(&SMALL.replace("&amp;", "&a;")), Fault::Entity { .. }));
    assert!(matches!(
        fault(&SMALL.replace(">bash<", &format!(">{}<", "<a>".repeat(100)))),
        Fault::TooDeep
    ));
    assert!(matches!(
        fault(&SMALL.replace("bash", &"x".repeat(LONGEST_VALUE + 1))),
        Fault::TooLong
    ));
    assert!(matches!(
        fault(&SMALL.replace("\"mandatory\"", "\"maybe\"")),
        Fault::Value { .. }
    ));
    assert!(matches!(fault(&SMALL.replace(">bash<", "><")), Fault::Missing { .. }));
    assert!(matches!(
        fault(&SMALL.replace("<id>core</id>", "")),
        Fault::Missing { .. }
    ));
    assert!(matches!(fault("<html></html>"), Fault::Root { .. }));
    let end = SMALL.trim_end().len();
    for cut in 0..end {
        assert!(Comps::parse(&SMALL.as_bytes()[..cut]).is_err(), "cut at {cut}");
    }
}
