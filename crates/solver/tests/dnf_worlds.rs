//! The same packages as dnf, in small repositories made by chance.

#![expect(clippy::print_stdout, reason = "tests")]
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "el9/ask.rs"]
mod ask;
#[path = "el9/loaded.rs"]
mod loaded;
#[path = "el9/worlds.rs"]
mod worlds;

use std::fs;

use ask::{Case, Places, ask_dnf, question, run};
use loaded::Loaded;

/// Repositories made by chance, with everything that packages can ask for, far denser than real ones.
#[test]
fn small_worlds_are_equal() {
    compare_worlds(100, 3000, false);
}

/// The same with streams: enabled, by default, required by others, named by profile or pattern.
#[test]
fn small_worlds_with_streams_are_equal() {
    compare_worlds(30, 600, true);
}

/// A question about a world: its number, its repositories with their priorities.
struct Question<'a> {
    seed: u64,
    worlds: std::rc::Rc<Vec<worlds::World>>,
    priorities: Vec<u32>,
    case: Case<'a>,
}

/// So many worlds, or as many as the environment says.
fn compare_worlds(few: u64, many: u64, with_streams: bool) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let full = std::env::var_os("QCLOCK_TEST_FULL").is_some();
    let count = number("QCLOCK_WORLDS").unwrap_or(if full { many } else { few });
    let first = number("QCLOCK_FIRST_WORLD").unwrap_or(0);
    let folder = tempfile::tempdir().unwrap();
    let mut lines = String::new();
    let mut questions = Vec::new();
    for seed in first..first + count {
        ask_about(seed, with_streams, folder.path(), &mut lines, &mut questions);
    }
    let Some(answers) = ask_dnf(lines, questions.len()) else {
        return;
    };
    let (mut positive, mut negative, mut different) = (0, 0, 0);
    for (question, theirs) in questions.iter().zip(&answers) {
        let Question { seed, case, .. } = question;
        let named = ["world", "other"].into_iter().zip(question.worlds.iter());
        let loaded: Vec<Loaded> = (named.zip(&question.priorities))
            .map(|((name, world), &priority)| Loaded::of_texts(name, world, &case.install, priority))
            .collect();
        let ours = run(&loaded, case).map(|(_, names)| names);
        match (&ours, theirs) {
            (Ok(ours), Ok(theirs)) if ours == theirs => positive += 1,
            (Err(_), Err(_)) => negative += 1,
            _ => {
                different += 1;
                let ours = ours.map_err(|error| error.to_string());
                println!(
                    "== world {seed}, {:?} {:?}, weak {}\nours: {ours:?}\ndnf's: {theirs:?}",
                    case.streams, case.install, case.weak
                );
            }
        }
    }
    println!("{positive} equal sets, {negative} requests that neither can satisfy, {different} differences");
    assert!(positive > 0 && negative > 0, "the worlds ask for nothing in particular");
    assert_eq!(different, 0);
}

/// Makes a world and twelve questions about it.
fn ask_about(
    seed: u64,
    with_streams: bool,
    folder: &std::path::Path,
    lines: &mut String,
    questions: &mut Vec<Question<'_>>,
) {
    let mut chance = worlds::Chance(seed);
    // Of their own, so that the worlds are the same with and without streams.
    let mut other_chance = worlds::Chance(!seed);
    let gentle = !seed.is_multiple_of(3);
    let several = if seed % 4 == 3 { 2 } else { 1 };
    let mut places = Places::new();
    let mut worlds = Vec::new();
    for name in &["world", "other"][..several] {
        let place = folder.join(format!("{seed}-{name}"));
        let mut world = worlds::world(&mut chance, gentle);
        if with_streams {
            worlds::add_modules(&mut world, &mut other_chance);
        }
        write_repository(&place, &world);
        let priority = if chance.below(2) == 0 { 99 } else { 50 };
        places.push((name, place.display().to_string(), priority));
        worlds.push(world);
    }
    let worlds = std::rc::Rc::new(worlds);
    let mut streams = Vec::new();
    if with_streams {
        for module in worlds::MODULES {
            // Sometimes a pattern; and streams of which there may be none, or that nothing goes with.
            match other_chance.below(24) {
                stream @ 1..=2 => streams.push(format!("{module}:{stream}")),
                3 => streams.push(format!("{module}:[{}]", 1 + other_chance.below(3))),
                4 if other_chance.below(4) == 0 => streams.push(format!("{module}:*")),
                _ => {}
            }
        }
    }
    for _ in 0..12 {
        let mut case = Case {
            repositories: places.iter().map(|place| place.0).collect(),
            streams: streams.clone(),
            install: (0..=chance.below(3))
                .map(|_| worlds::specification(&mut chance))
                .collect(),
            weak: chance.below(3) == 0,
        };
        if with_streams && other_chance.below(3) == 0 {
            case.install.push(worlds::profile(&mut other_chance));
        }
        lines.push_str(&question(&places, &case));
        questions.push(Question {
            seed,
            worlds: std::rc::Rc::clone(&worlds),
            priorities: places.iter().map(|place| place.2).collect(),
            case,
        });
    }
}

fn write_repository(place: &std::path::Path, world: &worlds::World) {
    use sha2::Digest as _;
    fs::create_dir_all(place.join("repodata")).unwrap();
    let mut repomd = String::from(
        "<?xml version=\"1.0\"?><repomd xmlns=\"http://linux.duke.edu/metadata/repo\"><revision>1</revision>",
    );
    let files = [
        ("primary", &world.primary),
        ("filelists", &world.filelists),
        ("modules", &world.modules),
    ];
    for (kind, text) in files.into_iter().filter(|(_, text)| !text.is_empty()) {
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
