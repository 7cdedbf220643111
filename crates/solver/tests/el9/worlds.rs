//! Small repositories made by chance, always the same ones.

use std::fmt::Write as _;

use qclock_packages::rpm::{Modules, WantedPaths, read_filelists, read_primary};

use crate::loaded::Loaded;

/// Steele and Vigna's SplitMix64: a seed gives the same numbers everywhere.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (word ^ (word >> 31)) % limit
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[usize::try_from(self.below(words.len() as u64)).unwrap()]
    }
}

pub(crate) const NAMES: [&str; 11] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "kernel"];
pub(crate) const MODULES: [&str; 4] = ["m", "n", "o", "oo"];
const CAPABILITIES: [&str; 6] = ["p", "q", "r", "s", "t", "lib.so.1()(64bit)"];
const PATHS: [&str; 3] = ["/usr/bin/x", "/usr/bin/y", "/etc/z"];
/// Named by the lists of all files only.
const FAR_PATHS: [&str; 2] = ["/usr/share/v", "/usr/libexec/w"];
const ARCHITECTURES: [&str; 8] = [
    "x86_64", "x86_64", "x86_64", "x86_64", "x86_64", "noarch", "noarch", "i686",
];

/// A repository's `primary.xml` and `filelists.xml`.
pub(crate) struct World {
    pub(crate) primary: String,
    pub(crate) filelists: String,
    /// `modules.yaml`; empty: none.
    pub(crate) modules: String,
    /// `name-epoch:version-release.architecture`.
    packages: Vec<String>,
}

/// What is asked: names mostly, and every other form that dnf takes.
pub(crate) fn specification(chance: &mut Chance) -> String {
    let name = chance.one_of(&NAMES);
    match chance.below(16) {
        0 => format!("{name}.{}", chance.one_of(&["i686", "x86_64", "noarch", "*"])),
        1 => format!("{name}-{}", 1 + chance.below(3)),
        2 => format!("{name}-{}-{}", 1 + chance.below(3), 1 + chance.below(2)),
        3 => chance
            .one_of(&["[a-c]", "[hij]*", "?-3*", "*-2-1.x86_64", "kern*"])
            .to_owned(),
        4 => chance.one_of(&PATHS).to_owned(),
        5 => chance.one_of(&FAR_PATHS).to_owned(),
        6 => chance
            .one_of(&["*/x", "/usr/bin/*", "/usr/share/*", "lib.so*", "/etc/?"])
            .to_owned(),
        7 => format!("{} >= {}", chance.one_of(&CAPABILITIES), 1 + chance.below(3)),
        8 => chance.one_of(&CAPABILITIES).to_owned(),
        _ => name.to_owned(),
    }
}

/// `gentle`: with fewer and looser requirements, so that most requests can be met.
pub(crate) fn world(chance: &mut Chance, gentle: bool) -> World {
    let count = 12 + chance.below(24);
    let mut filelists = format!("<filelists xmlns=\"http://linux.duke.edu/metadata/filelists\" packages=\"{count}\">");
    let tag = chance.below(1 << 20);
    let mut text = format!(
        "<?xml version=\"1.0\"?><metadata xmlns=\"http://linux.duke.edu/metadata/common\" \
         xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"{count}\">"
    );
    let mut seen = Vec::new();
    let mut packages = Vec::new();
    for number in 0..count {
        let name = chance.one_of(&NAMES);
        let (epoch, version, release) = (chance.below(8) / 7, 1 + chance.below(3), 1 + chance.below(2));
        let architecture = chance.one_of(&ARCHITECTURES);
        let key = (name, epoch, version, release, architecture);
        // Repositories do not have the same package twice.
        let version = if seen.contains(&key) { 100 + number } else { version };
        seen.push(key);
        packages.push(format!("{name}-{epoch}:{version}-{release}.{architecture}"));
        write!(
            text,
            "<package type=\"rpm\"><name>{name}</name><arch>{architecture}</arch><version epoch=\"{epoch}\" ver=\"{version}\" \
             rel=\"{release}\"/><checksum type=\"sha256\" pkgid=\"YES\">{tag:032x}{number:032x}</checksum><summary>s</summary>\
             <description/><packager/><url/><time file=\"1\" build=\"1\"/><size package=\"1\" installed=\"1\" archive=\"1\"/>\
             <location href=\"{number}.rpm\"/><format><rpm:license>x</rpm:license><rpm:sourcerpm>x-1-1.src.rpm</rpm:sourcerpm>\
             <rpm:header-range start=\"1\" end=\"2\"/><rpm:provides><rpm:entry name=\"{name}\" flags=\"EQ\" epoch=\"{epoch}\" \
             ver=\"{version}\" rel=\"{release}\"/>"
        )
        .unwrap();
        for _ in 0..chance.below(3) {
            let capability = chance.one_of(&CAPABILITIES);
            let versioned = chance.below(2) == 0;
            text.push_str(&entry(capability, versioned.then_some("EQ"), 1 + chance.below(3)));
        }
        text.push_str("</rpm:provides>");
        for (list, most, odds) in [
            ("requires", 4, 1),
            ("conflicts", 2, 3),
            ("obsoletes", 2, 5),
            ("recommends", 2, 3),
            ("suggests", 2, 4),
            ("supplements", 2, 5),
            ("enhances", 2, 6),
        ] {
            let odds = if gentle { odds * 2 } else { odds };
            let entries = if chance.below(odds) == 0 { chance.below(most) } else { 0 };
            write!(text, "<rpm:{list}>").unwrap();
            for _ in 0..entries {
                text.push_str(&dependency(chance, list == "obsoletes", gentle));
            }
            write!(text, "</rpm:{list}>").unwrap();
        }
        write!(
            filelists,
            "<package pkgid=\"{tag:032x}{number:032x}\" name=\"{name}\" arch=\"{architecture}\"><version epoch=\"{epoch}\" \
             ver=\"{version}\" rel=\"{release}\"/>"
        )
        .unwrap();
        for path in PATHS.into_iter().chain(FAR_PATHS) {
            if chance.below(8) == 0 {
                let file = format!("<file>{path}</file>");
                filelists.push_str(&file);
                if PATHS.contains(&path) {
                    text.push_str(&file);
                }
            }
        }
        text.push_str("</format></package>");
        filelists.push_str("</package>");
    }
    text.push_str("</metadata>");
    filelists.push_str("</filelists>");
    World {
        primary: text,
        filelists,
        modules: String::new(),
        packages,
    }
}

/// Modules of two or three streams, of some builds each, that hold a part of the world's packages and require each other.
pub(crate) fn add_modules(world: &mut World, chance: &mut Chance) {
    let mut modules: Vec<&str> = MODULES.to_vec();
    // The order of documents is no order that counts.
    if chance.below(2) == 0 {
        modules.reverse();
    }
    for module in modules {
        for stream in 1..=2 + chance.below(2) {
            for version in 1..=1 + chance.below(3) {
                add_build(world, chance, module, stream, version);
            }
        }
    }
    for module in MODULES {
        if chance.below(3) == 0 && !world.modules.is_empty() {
            add_default(world, chance, module);
        }
    }
}

fn add_build(world: &mut World, chance: &mut Chance, module: &str, stream: u64, version: u64) {
    let mut artifacts = String::new();
    for package in &world.packages {
        if chance.below(24) == 0 {
            writeln!(artifacts, "    - {package}").unwrap();
        }
    }
    if artifacts.is_empty() {
        return;
    }
    let (first, second) = (chance.one_of(&NAMES), chance.one_of(&NAMES));
    let architecture = chance.one_of(&["x86_64", "x86_64", "x86_64", "x86_64", "x86_64", "noarch", "aarch64"]);
    let context = format!(
        "\"{}\"{}",
        chance.below(3),
        chance.one_of(&["", "", "\n  static_context: true"])
    );
    // The same build a second time, with other contents, counts for nothing.
    let version = version - chance.below(8) / 7 * (version - 1);
    let requires = module_requires(chance, module);
    write!(
        world.modules,
        "---\ndocument: modulemd\nversion: 2\ndata:\n  name: {module}\n  stream: \"{stream}\"\n  version: {version}\n  \
         context: {context}\n  arch: {architecture}\n  summary: s\n  description: d\n  license:\n    module: [MIT]\n  \
         dependencies:\n  - requires:\n{requires}  profiles:\n    p:\n      rpms: [{first}, {second}]\n    q:\n      rpms: \
         [{second}]\n  artifacts:\n    rpms:\n{artifacts}...\n"
    )
    .unwrap();
}

/// Mostly the platform alone; else other modules: any stream, one, one of two, any but one.
fn module_requires(chance: &mut Chance, own: &str) -> String {
    let mut text = format!(
        "      platform: [{}]\n",
        chance.one_of(&[
            "el9", "el9", "el9", "el9", "el9", "el9", "el9", "el8", "-el8", "el8, el9"
        ])
    );
    for module in MODULES {
        if module == own || chance.below(4) != 0 {
            continue;
        }
        let (one, other) = (1 + chance.below(3), 1 + chance.below(3));
        let streams = match chance.below(8) {
            0 | 1 => String::new(),
            2 => format!("\"-{one}\""),
            3 => format!("\"{one}\", \"{other}\""),
            4 => format!("\"-{one}\", \"-{other}\""),
            5 if chance.below(4) == 0 => format!("\"-{one}\", \"{other}\""),
            _ => format!("\"{one}\""),
        };
        writeln!(text, "      {module}: [{streams}]").unwrap();
    }
    // One that no repository has.
    if chance.below(16) == 0 {
        text.push_str("      nowhere: []\n");
    }
    text
}

/// With a default stream, or with default profiles alone.
fn add_default(world: &mut World, chance: &mut Chance, module: &str) {
    let stream = 1 + chance.below(2);
    let default = if chance.below(4) > 0 {
        format!("  stream: \"{stream}\"\n")
    } else {
        String::new()
    };
    let modified = match chance.below(3) {
        0 => format!("  modified: {}\n", 1 + chance.below(2)),
        _ => String::new(),
    };
    let profile = chance.one_of(&["p", "p", "p", "q"]);
    write!(
        world.modules,
        "---\ndocument: modulemd-defaults\nversion: 1\ndata:\n  module: {module}\n{modified}{default}  profiles:\n    \
         \"{stream}\": [{profile}]\n...\n"
    )
    .unwrap();
}

/// A profile of a stream, or the default of a module; sometimes a pattern.
pub(crate) fn profile(chance: &mut Chance) -> String {
    let module = match chance.below(8) {
        0 => chance.one_of(&["*", "[mn]", "o*", "?"]),
        _ => chance.one_of(&MODULES),
    };
    let stream = match chance.below(12) {
        0 => chance.one_of(&[":*", ":[12]", ":1*", ":?"]),
        1 => chance.one_of(&[
            ":1:1",
            ":2:1:0",
            ":1:*",
            ":1::x86_64",
            "::noarch",
            ":2:2:1:x86_64",
            ":1:1::*",
        ]),
        _ => chance.one_of(&["", ":1", ":2", ":3"]),
    };
    format!(
        "@{module}{stream}{}",
        chance.one_of(&["", "", "/p", "/q", "/*", "/nosuch"])
    )
}

fn dependency(chance: &mut Chance, names_only: bool, gentle: bool) -> String {
    match chance.below(if names_only { 1 } else { 10 }) {
        0..=4 => {
            let name = chance.one_of(&NAMES);
            let flags = [None, Some("EQ"), Some("GE"), Some("LT"), Some("LE"), Some("GT")];
            let flags = flags[usize::try_from(chance.below(6)).unwrap()];
            let flags = flags.filter(|_| !gentle || chance.below(2) == 0);
            entry(name, flags, 1 + chance.below(3))
        }
        5..=6 => {
            let capability = chance.one_of(&CAPABILITIES);
            let flags = [None, None, Some("EQ"), Some("GE")];
            entry(
                capability,
                flags[usize::try_from(chance.below(4)).unwrap()],
                1 + chance.below(3),
            )
        }
        7 if chance.below(4) == 0 => entry(chance.one_of(&FAR_PATHS), None, 0),
        7 => entry(chance.one_of(&PATHS), None, 0),
        _ => {
            let text = rich(chance, 0).replace('<', "&lt;").replace('>', "&gt;");
            format!("<rpm:entry name=\"{text}\"/>")
        }
    }
}

fn rich(chance: &mut Chance, depth: u64) -> String {
    let operand = |chance: &mut Chance| {
        if depth < 2 && chance.below(4) == 0 {
            rich(chance, depth + 1)
        } else {
            match chance.below(4) {
                0 => chance.one_of(&CAPABILITIES).to_owned(),
                1 => format!("{} >= {}", chance.one_of(&NAMES), 1 + chance.below(3)),
                _ => chance.one_of(&NAMES).to_owned(),
            }
        }
    };
    let (left, right, other) = (operand(chance), operand(chance), operand(chance));
    let plain = |chance: &mut Chance| chance.one_of(&CAPABILITIES).to_owned();
    match chance.below(8) {
        0 => format!("({left} and {right})"),
        1 | 2 => format!("({left} or {right} or {other})"),
        3 => format!("({left} if {right})"),
        4 => format!("({left} if {right} else {other})"),
        5 => format!("({left} unless {right})"),
        6 => format!("({} with {})", plain(chance), plain(chance)),
        _ => format!("({} without {})", plain(chance), plain(chance)),
    }
}

fn entry(name: &str, flags: Option<&str>, version: u64) -> String {
    match flags {
        None => format!("<rpm:entry name=\"{name}\"/>"),
        Some(flags) => format!("<rpm:entry name=\"{name}\" flags=\"{flags}\" epoch=\"0\" ver=\"{version}\"/>"),
    }
}

impl Loaded {
    /// A repository of texts, with the owners of what anything requires or these specifications name.
    pub(crate) fn of_texts(name: &'static str, world: &World, specifications: &[String], priority: u32) -> Self {
        let index = read_primary(world.primary.as_bytes()).unwrap();
        let asked = specifications.iter().map(String::as_str);
        let wanted = WantedPaths {
            // Whatever this or another repository of the test could require.
            exact: ["/usr/share/v", "/usr/libexec/w"].into_iter().collect(),
            patterns: asked.filter(|text| text.contains('/') && text.contains('*')).collect(),
        };
        let owners = read_filelists(world.filelists.as_bytes(), &index, &wanted).unwrap();
        Self {
            name,
            index,
            modules: (!world.modules.is_empty()).then(|| Modules::parse(&world.modules).unwrap()),
            comps: None,
            owners: Some(owners),
            priority,
        }
    }
}
