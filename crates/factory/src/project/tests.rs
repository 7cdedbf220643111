//! Definitions that belong together, or do not.

use super::*;

const NO_DEFINITION: &str = "none";

/// A project whose images are given as name and the rest of the definition.
fn load(images: &[(&str, &str)]) -> Result<Project, ProjectError> {
    let root = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let suite = "[[suite]]\nname = 'bookworm'\narchive = 'debian'\ncomponents = ['main']\nkeys = ['k.asc']\n";
    put("images/flavours/keys/k.asc", "");
    for flavour in ["debian12", "other"] {
        let head = format!("name = '{flavour}'\ntitle = ''\nevaluation = true\narchitecture = 'amd64'\n");
        put(
            &format!("images/flavours/{flavour}.toml"),
            &format!("{head}{suite}[variables]\nphp = '8.2'\n"),
        );
    }
    for (name, rest) in images {
        if *rest == NO_DEFINITION {
            put(&format!("images/{name}/rootfs/.gitkeep"), "");
            continue;
        }
        put(
            &format!("images/{name}/image.toml"),
            &format!("name = '{name}'\ntitle = ''\ndescription = ''\n{rest}"),
        );
    }
    Project::load(root.path(), "debian12")
}

fn error(images: &[(&str, &str)]) -> (String, Option<String>) {
    use crate::failure::Failure;
    let error = load(images).unwrap_err();
    (error.to_string(), error.hint())
}

#[test]
fn children_follow_their_parents_and_see_their_variables() {
    let project = load(&[
        (
            "app",
            "parent = 'base'\n[run]\ncommand = ['php@php@', '@word@', '@flavour@']\n[variables.debian12]\nword = 'own'",
        ),
        (
            "base",
            "[variables.debian12]\nword = 'inherited'\nlibraries = 'usr/lib/@machine@-linux-gnu'",
        ),
        ("other", "[packages.other]\ninstall = []"),
    ])
    .unwrap();
    let names: Vec<&str> = project.images().iter().map(|image| image.name.as_str()).collect();
    assert_eq!(names, ["base", "app"]);
    let app = project.image("qclock-app").unwrap();
    assert_eq!(app.run.command, ["php8.2", "own", "debian12"]);
    assert_eq!(project.variables(app)["libraries"], "usr/lib/x86_64-linux-gnu");
    let lineage: Vec<&str> = project.lineage(app).iter().map(|image| image.name.as_str()).collect();
    assert_eq!(lineage, ["base", "app"]);
    assert_eq!(
        project.image("other").unwrap_err().to_string(),
        "the image `other` does not exist in the flavour `debian12`"
    );
    assert_eq!(project.image("apq").unwrap_err().to_string(), "unknown image `apq`");
}

#[test]
fn rules_and_links_of_other_flavours_are_left_out() {
    let project = load(&[(
        "base",
        "[[link]]\npath = '/a'\ntarget = 'everywhere'\n\
         [[link]]\nflavours = ['other']\npath = '/b'\ntarget = 'there'\n\
         [[link]]\nflavours = ['debian12']\npath = '/b'\ntarget = 'here'\n\
         [[prune]]\nflavours = ['other']\npaths = ['x']\nreason = 'r'",
    )])
    .unwrap();
    let base = project.image("base").unwrap();
    let targets: Vec<&str> = base.links.iter().map(|link| link.target.as_str()).collect();
    assert_eq!(targets, ["everywhere", "here"]);
    assert!(base.prunes.is_empty());
    assert_eq!(
        error(&[("base", "[[prune]]\nflavours = ['othre']\npaths = ['x']\nreason = 'r'")]),
        (
            "images/base/image.toml: unknown flavour `othre`".to_owned(),
            Some("did you mean `other`?".to_owned())
        )
    );
}

#[test]
fn faults_between_definitions_are_named() {
    assert_eq!(
        error(&[("app", "parent = 'bse'"), ("base", "")]),
        (
            "images/app/image.toml: unknown parent `bse`".to_owned(),
            Some("did you mean `base`?".to_owned())
        )
    );
    assert_eq!(
        error(&[("a", "parent = 'b'"), ("b", "parent = 'a'"), ("c", "")]),
        ("the images `a`, `b` are each other's parents".to_owned(), None)
    );
    assert_eq!(
        error(&[("a", "parent = 'a'"), ("b", "parent = 'a'")]),
        ("the image `a` is its own parent".to_owned(), None)
    );
    assert_eq!(
        error(&[("app", "[packages.debian13]\ninstall = []")]),
        (
            "images/app/image.toml: unknown flavour `debian13`".to_owned(),
            Some("did you mean `debian12`?".to_owned())
        )
    );
    assert_eq!(
        error(&[("app", "[run]\ncommand = ['@phq@']")]),
        (
            "images/app/image.toml: unknown variable `@phq@`".to_owned(),
            Some("did you mean `php`?".to_owned())
        )
    );
}

#[test]
fn folders_without_a_definition_are_known_and_named() {
    let project = load(&[("app", ""), ("shop", NO_DEFINITION)]).unwrap();
    assert_eq!(project.undefined(), ["shop"]);
    let error = project.image("shop").unwrap_err();
    assert_eq!(error.to_string(), "unknown image `shop`");
    let hint = crate::failure::Failure::hint(&error).unwrap();
    assert_eq!(hint, "describe the image in `images/shop/image.toml`");
}
