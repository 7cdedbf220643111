//! The same packages as dnf, on real Enterprise Linux 9 metadata.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "el9/ask.rs"]
mod ask;
#[path = "el9/data.rs"]
mod data;
#[path = "el9/loaded.rs"]
mod loaded;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use qclock_solver::rpm::SolveError;

use ask::{Case, Places, ask_dnf, question, run};

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
const REQUESTS: [(&str, &str); 118] = [
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
    ("", "@php:8.2"),
    ("", "@php:8.2/minimal"),
    ("", "@php:8.1/devel"),
    ("", "@php"),
    ("", "@php:8.2/nosuch"),
    ("php:8.1", "@php"),
    ("", "@nosuch"),
    ("", "@core"),
    ("", "@minimal-environment"),
    ("", "@minimal-environment/mandatory"),
    ("", "@Core"),
    ("", "@c[o]re/mandatory"),
    ("", "@php:8.2 php-mysqlnd httpd"),
    ("", "@postgresql:15/server"),
    ("", "@postgresql:15"),
    ("", "@php:7.0"),
    ("", "@input-methods"),
    ("", "@input-methods gtk2"),
    ("", "@input-methods/mandatory,conditional gtk2"),
    ("", "@mariadb"),
    ("", "@nginx:1.24/common @php:8.3/minimal"),
    ("", "@php:8.3"),
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
            (Err(error), Err(theirs)) => {
                negative += 1;
                if let Some(lack) = lack_of(&error, theirs) {
                    differences.insert(format!("{streams} {install}"), lack);
                }
            }
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
    assert!(negative >= 12, "{negative} refusals are too few to be compared");
    for (request, difference) in &differences {
        println!("== {request}\n{difference}");
    }
    assert!(differences.is_empty(), "{} differences", differences.len());
}

/// What our refusal lacks beside dnf's: it must name something that dnf's names as the reason, and say what can be done.
fn lack_of(ours: &SolveError, theirs: &str) -> Option<String> {
    let text = ours.to_string();
    let between = |line: &str, before: &str, after: &str| -> Option<String> {
        let rest = line.split_once(before)?.1;
        Some(rest.split_once(after).map_or(rest, |(name, _)| name).trim().to_owned())
    };
    let mut reasons = Vec::new();
    for line in theirs.lines() {
        reasons.extend(between(line, "nothing provides ", " needed by"));
        reasons.extend(between(line, "cannot install both ", " and "));
        reasons.extend(between(line, "package ", " is filtered out"));
        reasons.extend(between(line, "for argument: ", "\n"));
        reasons.extend(between(line, "refused: ", ","));
    }
    // A stream is `php:8.2` there, and `8.2` of `php` here.
    let parts =
        |reason: &str| -> Vec<String> { reason.trim_start_matches('@').split(':').map(str::to_owned).collect() };
    let is_named = (reasons.iter()).any(|reason| parts(reason).iter().all(|part| text.contains(part)));
    let has_remedy = !ours.hints().is_empty();
    (!is_named || !has_remedy).then(|| {
        format!(
            "ours: {text}\n  hints: {:?}\ndnf's: {theirs}\n  reasons: {reasons:?}",
            ours.hints()
        )
    })
}
