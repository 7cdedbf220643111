//! The same packages as dnf, on real Enterprise Linux 9 metadata.

#![expect(clippy::print_stdout, reason = "tests")]
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "el9/data.rs"]
mod data;
#[path = "el9/worlds.rs"]
mod worlds;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use qclock_solver::rpm::{Request, Solution, SolveError, solve};

use data::Loaded;

struct Case<'a> {
    repositories: Vec<&'a str>,
    streams: Vec<String>,
    install: Vec<String>,
    weak: bool,
}

fn run(loaded: &[Loaded], case: &Case<'_>) -> Result<(Solution, Vec<String>), SolveError> {
    let repositories: Vec<_> = (loaded.iter())
        .filter(|it| case.repositories.contains(&it.name))
        .map(Loaded::repository)
        .collect();
    let streams: Vec<(String, String)> = (case.streams.iter())
        .map(|stream| stream.split_once(':').unwrap())
        .map(|(module, stream)| (module.to_owned(), stream.to_owned()))
        .collect();
    let solution = solve(
        &repositories,
        &Request {
            install: &case.install,
            fixed: &[],
            omit: &BTreeSet::new(),
            assumed: &[],
            streams: &streams,
            platform: "el9",
            architecture: "x86_64",
            weak: case.weak,
        },
    )?;
    let mut names: Vec<String> = (solution.packages.iter())
        .map(|chosen| {
            let view = repositories[chosen.repository].index.package(chosen.position);
            format!("{}-{}.{}", view.name(), view.evr(), view.architecture())
        })
        .collect();
    names.sort();
    Ok((solution, names))
}

/// What is only in one of the two, one a line.
fn difference(ours: &[String], theirs: &[String]) -> String {
    let (ours, theirs): (BTreeSet<_>, BTreeSet<_>) = (ours.iter().collect(), theirs.iter().collect());
    let added = ours.difference(&theirs).map(|name| format!("+{name}"));
    let missing = theirs.difference(&ours).map(|name| format!("-{name}"));
    added.chain(missing).collect::<Vec<_>>().join("\n")
}

#[test]
fn goldens_are_equal() {
    let Some(folder) = data::folder() else {
        return;
    };
    let loaded = data::load(&folder, &data::ALL);
    let mut differences = BTreeMap::new();
    let mut count = 0;
    for entry in fs::read_dir(folder.join("golden")).unwrap() {
        let path = entry.unwrap().path();
        let golden: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let list = |key: &str| -> Vec<String> {
            let values = golden[key].as_array().unwrap().iter();
            values.map(|value| value.as_str().unwrap().to_owned()).collect()
        };
        let mut repositories = vec!["appstream", "baseos"];
        if ["mysql-server", "pg15-server", "stubbed-web82"].contains(&name.as_str()) {
            repositories.push("overlay");
        }
        if name == "stubbed-web82" {
            repositories.push("stub");
        }
        let case = Case {
            repositories,
            streams: list("module_enable"),
            install: list("request"),
            weak: golden["weak_deps"].as_bool().unwrap(),
        };
        let mut theirs: Vec<String> = (golden["packages"].as_array().unwrap().iter())
            .map(|package| {
                let text = |key: &str| package[key].as_str().unwrap();
                let epoch = match package["epoch"].as_u64().unwrap() {
                    0 => String::new(),
                    epoch => format!("{epoch}:"),
                };
                format!(
                    "{}-{epoch}{}-{}.{}",
                    text("name"),
                    text("version"),
                    text("release"),
                    text("arch")
                )
            })
            .collect();
        theirs.sort();
        let ours = match run(&loaded, &case) {
            Ok((_, names)) => names,
            Err(error) => {
                differences.insert(name, error.to_string());
                continue;
            }
        };
        count += 1;
        if ours != theirs {
            differences.insert(name, difference(&ours, &theirs));
        }
    }
    println!("{count} goldens compared");
    assert!(differences.is_empty(), "{differences:#?}");
}

/// Streams, and specifications; "+weak" at the end takes recommended packages, too.
const REQUESTS: [(&str, &str); 96] = [
    ("", "httpd"),
    ("", "nginx"),
    ("", "postgresql-server"),
    ("", "mariadb-server"),
    ("", "mysql-server"),
    ("", "redis"),
    ("", "php-fpm"),
    ("", "nodejs"),
    ("", "ruby"),
    ("", "git"),
    ("", "podman"),
    ("", "cockpit"),
    ("", "java-21-openjdk"),
    ("", "java-1.8.0-openjdk-headless"),
    ("", "tomcat"),
    ("", "maven"),
    ("", "python3.11"),
    ("", "python3-devel gcc"),
    ("", "gcc-c++ make"),
    ("", "rust cargo"),
    ("", "golang"),
    ("", "/usr/sbin/httpd"),
    ("", "webserver"),
    ("", "php-*"),
    ("", "NetworkManager"),
    ("", "vim-enhanced"),
    ("", "emacs-nox"),
    ("", "samba"),
    ("", "bind"),
    ("", "postfix"),
    ("", "dovecot"),
    ("", "squid"),
    ("", "haproxy"),
    ("", "memcached"),
    ("", "varnish"),
    ("", "rsyslog"),
    ("", "tuned"),
    ("", "qemu-kvm"),
    ("", "gnome-shell"),
    ("", "firefox"),
    ("", "libreoffice-writer"),
    ("", "texlive-latex"),
    ("", "ansible-core"),
    ("", "perl"),
    ("", "perl-DBD-MySQL"),
    ("", "kernel"),
    ("", "dnf"),
    ("", "systemd"),
    ("", "openssh-server"),
    ("", "glibc.i686"),
    ("", "httpd-2.4.62-1.el9"),
    ("", "mod_ssl mod_http2"),
    ("", "php-mysqlnd"),
    ("", "php-pecl-zip"),
    ("", "python3-libs.x86_64"),
    ("", "ncurses-devel"),
    ("", "subscription-manager"),
    ("", "selinux-policy-targeted"),
    ("", "container-selinux"),
    ("", "buildah skopeo"),
    ("", "pcp"),
    ("", "grafana"),
    ("", "389-ds-base"),
    ("", "sssd"),
    ("", "dotnet-sdk-8.0"),
    ("", "aspell"),
    ("", "graphviz"),
    ("", "ghostscript"),
    ("", "pipewire"),
    ("", "evolution"),
    ("", "thunderbird"),
    ("", "gimp"),
    ("", "httpd-2.4.*"),
    ("", "*-logos-httpd"),
    ("", "perl(Getopt::Long) >= 2.0"),
    ("php:8.2", "php-fpm"),
    ("php:8.2", "httpd php"),
    ("php:8.2", "php-pecl-xdebug3"),
    ("php:8.2", "php-devel"),
    ("php:8.3", "php-fpm php-mysqlnd"),
    ("postgresql:15", "postgresql-server"),
    ("postgresql:15", "postgresql-contrib"),
    ("postgresql:16", "postgresql-server"),
    ("nginx:1.24", "nginx"),
    ("nginx:1.24", "nginx-all-modules"),
    ("nodejs:20", "nodejs"),
    ("mariadb:10.11", "mariadb-server"),
    ("maven:3.8", "maven"),
    ("redis:7", "redis"),
    ("ruby:3.3", "ruby"),
    ("php:8.2 nginx:1.24", "nginx php-fpm"),
    ("", "httpd +weak"),
    ("", "php-fpm +weak"),
    ("", "git +weak"),
    ("", "systemd +weak"),
    ("", "vim-enhanced +weak"),
];

/// Asks dnf itself, by its Python modules; without them it says so.
#[test]
fn generated_requests_are_equal() {
    let Some(folder) = data::folder() else {
        return;
    };
    let repositories = &data::ALL[..3];
    let cases: Vec<Case<'_>> = (REQUESTS.iter())
        .map(|(streams, install)| Case {
            repositories: repositories.iter().map(|(name, _)| *name).collect(),
            streams: streams.split_whitespace().map(str::to_owned).collect(),
            install: match *install {
                "perl(Getopt::Long) >= 2.0" => vec![(*install).to_owned()],
                several => several
                    .split(' ')
                    .filter(|word| *word != "+weak")
                    .map(str::to_owned)
                    .collect(),
            },
            weak: install.ends_with(" +weak"),
        })
        .collect();
    let places: Places<'_> = (repositories.iter())
        .map(|(name, place)| {
            let place = fs::canonicalize(folder.join(place)).unwrap();
            (*name, place.display().to_string(), 99)
        })
        .collect();
    let lines: String = cases.iter().map(|case| question(&places, case)).collect();
    let Some(answers) = ask_dnf(lines, cases.len()) else {
        return;
    };
    let loaded = data::load(&folder, repositories);
    let mut differences = BTreeMap::new();
    let (mut positive, mut negative) = (0, 0);
    for (((streams, install), case), theirs) in REQUESTS.iter().zip(&cases).zip(&answers) {
        let ours = run(&loaded, case).map(|(_, names)| names);
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) if ours == *theirs => positive += 1,
            (Err(_), Err(_)) => negative += 1,
            (Ok(ours), Ok(theirs)) => {
                differences.insert(format!("{streams} {install}"), difference(&ours, theirs));
            }
            (ours, theirs) => {
                let short = |outcome: Result<usize, String>| format!("{outcome:?}").replace("\\n", "\n");
                let ours = short(ours.map(|names| names.len()).map_err(|error| error.to_string()));
                let theirs = short(theirs.as_ref().map(Vec::len).map_err(Clone::clone));
                differences.insert(format!("{streams} {install}"), format!("ours: {ours}\ndnf's: {theirs}"));
            }
        }
    }
    println!("{positive} equal sets, {negative} requests that neither can satisfy");
    for (request, difference) in &differences {
        println!("== {request}\n{difference}");
    }
    assert!(differences.is_empty(), "{} differences", differences.len());
}

/// Name, folder and priority of each repository.
type Places<'a> = Vec<(&'a str, String, u32)>;

/// The request as the oracle reads it.
fn question(places: &Places<'_>, case: &Case<'_>) -> String {
    let request = serde_json::json!({
        "repositories": places, "streams": case.streams, "install": case.install, "weak": case.weak,
    });
    format!("{request}\n")
}

/// dnf's answers; none when there is no dnf.
fn ask_dnf(lines: String, count: usize) -> Option<Vec<Result<Vec<String>, String>>> {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    const PYTHON: &str = "/usr/bin/python3";
    let has_dnf = Command::new(PYTHON)
        .args(["-c", "import dnf"])
        .stderr(Stdio::null())
        .status();
    if !has_dnf.is_ok_and(|status| status.success()) {
        println!("skipped: there is no dnf to compare with (Debian's package `dnf` has it)");
        return None;
    }
    let mut child = Command::new(PYTHON)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/el9/dnf_oracle.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let answers: Vec<serde_json::Value> = (String::from_utf8(output.stdout).unwrap().lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), count, "dnf answers every request");
    let answer = |value: &serde_json::Value| match value["packages"].as_array() {
        Some(names) => Ok(names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()),
        None => Err(value["error"].as_str().unwrap().to_owned()),
    };
    Some(answers.iter().map(answer).collect())
}

/// Repositories made by chance, with everything that packages can ask for, far denser than real ones.
#[test]
fn small_worlds_are_equal() {
    let full = std::env::var_os("QCLOCK_TEST_FULL").is_some();
    let wanted = std::env::var("QCLOCK_WORLDS").ok().and_then(|text| text.parse().ok());
    let count: u64 = wanted.unwrap_or(if full { 3000 } else { 100 });
    let first = std::env::var("QCLOCK_FIRST_WORLD")
        .ok()
        .and_then(|text| text.parse().ok());
    let first: u64 = first.unwrap_or(0);
    let folder = tempfile::tempdir().unwrap();
    let mut lines = String::new();
    let mut questions = Vec::new();
    for seed in first..first + count {
        let mut chance = worlds::Chance(seed);
        let gentle = seed % 3 != 0;
        let several = if seed % 4 == 3 { 2 } else { 1 };
        let mut places = Places::new();
        let mut texts = Vec::new();
        for name in &["world", "other"][..several] {
            let place = folder.path().join(format!("{seed}-{name}"));
            let world = worlds::world(&mut chance, gentle);
            write_repository(&place, &world);
            let priority = if chance.below(2) == 0 { 99 } else { 50 };
            places.push((name, place.display().to_string(), priority));
            texts.push(world);
        }
        let texts = std::rc::Rc::new(texts);
        for _ in 0..12 {
            let case = Case {
                repositories: places.iter().map(|place| place.0).collect(),
                streams: Vec::new(),
                install: (0..=chance.below(3))
                    .map(|_| worlds::specification(&mut chance))
                    .collect(),
                weak: chance.below(3) == 0,
            };
            lines.push_str(&question(&places, &case));
            let priorities: Vec<u32> = places.iter().map(|place| place.2).collect();
            questions.push((seed, std::rc::Rc::clone(&texts), priorities, case));
        }
    }
    let Some(answers) = ask_dnf(lines, questions.len()) else {
        return;
    };
    let (mut positive, mut negative, mut different) = (0, 0, 0);
    for ((seed, texts, priorities, case), theirs) in questions.iter().zip(&answers) {
        let loaded: Vec<Loaded> = (["world", "other"].into_iter().zip(texts.iter()).zip(priorities))
            .map(|((name, world), &priority)| {
                Loaded::of_texts(name, &world.primary, &world.filelists, &case.install, priority)
            })
            .collect();
        let ours = run(&loaded, case).map(|(_, names)| names);
        match (&ours, theirs) {
            (Ok(ours), Ok(theirs)) if ours == theirs => positive += 1,
            (Err(_), Err(_)) => negative += 1,
            _ => {
                different += 1;
                let ours = ours.map_err(|error| error.to_string());
                println!(
                    "== world {seed}, {:?}, weak {}\nours: {ours:?}\ndnf's: {theirs:?}",
                    case.install, case.weak
                );
            }
        }
    }
    println!("{positive} equal sets, {negative} requests that neither can satisfy, {different} differences");
    assert_eq!(different, 0);
}

fn write_repository(place: &std::path::Path, world: &worlds::World) {
    use sha2::Digest as _;
    fs::create_dir_all(place.join("repodata")).unwrap();
    let mut repomd = String::from(
        "<?xml version=\"1.0\"?><repomd xmlns=\"http://linux.duke.edu/metadata/repo\"><revision>1</revision>",
    );
    for (kind, text) in [("primary", &world.primary), ("filelists", &world.filelists)] {
        fs::write(place.join(format!("repodata/{kind}.xml")), text).unwrap();
        let digest = sha2::Sha256::digest(text.as_bytes());
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        repomd += &format!(
            "<data type=\"{kind}\"><checksum type=\"sha256\">{digest}</checksum><open-checksum type=\"sha256\">{digest}\
             </open-checksum><location href=\"repodata/{kind}.xml\"/><timestamp>1</timestamp><size>{0}</size><open-size>{0}\
             </open-size></data>",
            text.len()
        );
    }
    repomd += "</repomd>";
    fs::write(place.join("repodata/repomd.xml"), repomd).unwrap();
}
