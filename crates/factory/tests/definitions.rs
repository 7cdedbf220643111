//! The repository's own definitions of Oracle Linux 9, solved on real metadata of the family: CentOS Stream 9, from a folder beside the
//! checkout or the one that `QCLOCK_EL9_DATA` names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use qclock_factory::project::Project;
use qclock_factory::resolve::{Means, Place, Request, Source, resolve};

/// What no image may drag in.
const UNWANTED: [&str; 6] = [
    "bash",
    "perl",
    "policycoreutils",
    "python3",
    "systemd-2",
    "shadow-utils",
];

const COUNTS: [(&str, usize); 6] = [
    ("app", 79),
    ("base", 15),
    ("dashboard", 15),
    ("db", 36),
    ("identity", 18),
    ("identity-db", 44),
];

#[test]
fn requests_of_the_reference_flavour_solve_on_real_metadata_and_stay_small() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/el9");
    let data = std::env::var_os("QCLOCK_EL9_DATA").map_or(beside, PathBuf::from);
    if !data.join("golden").is_dir() {
        println!("skipped: no Enterprise Linux 9 metadata at `{}`", data.display());
        return;
    }
    let folders = [
        "overlay-baseos",
        "centos-stream9-baseos-2022-02",
        "centos-stream9-appstream-2025-01",
    ];
    let sources: Vec<Source> = folders
        .iter()
        .map(|name| Source {
            name: (*name).to_owned(),
            place: Place::Folder(data.join(name)),
        })
        .collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let project = Project::load(&root, "oraclelinux9").unwrap();
    let means = Means {
        cache: None,
        fetcher: None,
        progress: &(),
    };
    let mut counts = BTreeMap::new();
    for image in project.images() {
        let mut request = Request {
            platform: "el9".to_owned(),
            architecture: "x86_64".to_owned(),
            streams: [("php", "8.2"), ("postgresql", "15")]
                .map(|(module, stream)| (module.to_owned(), stream.to_owned()))
                .into(),
            ..Request::default()
        };
        for ancestor in project.lineage(image) {
            let selection = ancestor.selection("oraclelinux9");
            // The one package that has another name there.
            let names = selection.install.into_iter();
            request
                .specifications
                .extend(names.map(|name| name.replace("oraclelinux-release", "centos-stream-release")));
            request
                .omitted
                .extend(selection.omissions.into_iter().flat_map(|omission| omission.names));
        }
        let answer = resolve(&sources, &request, means).unwrap();
        assert!(
            answer.unused_omissions.is_empty(),
            "{}: nobody asks for {:?}",
            image.name,
            answer.unused_omissions
        );
        let unwanted = |nevra: &str| UNWANTED.iter().any(|name| nevra.starts_with(name));
        let found: Vec<&str> = answer
            .packages
            .iter()
            .map(|package| package.nevra.as_str())
            .filter(|nevra| unwanted(nevra))
            .collect();
        assert!(found.is_empty(), "{}: {found:?}", image.name);
        let php = answer.packages.iter().find(|package| package.name == "php-fpm");
        assert!(php.is_none_or(|php| php.version.starts_with("8.2.")), "{php:?}");
        let postgresql = answer
            .packages
            .iter()
            .find(|package| package.name == "postgresql-server");
        assert!(
            postgresql.is_none_or(|postgresql| postgresql.version.starts_with("15.")),
            "{postgresql:?}"
        );
        counts.insert(image.name.clone(), answer.packages.len());
    }
    assert_eq!(counts, COUNTS.map(|(image, count)| (image.to_owned(), count)).into());
}
