//! Version order: its laws, and that it is dpkg's.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use qclock_packages::deb::Version;

/// Versions that often share parts, so that their order is decided late.
fn version() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        3 => "[0-9]{1,3}",
        1 => "0{1,3}[0-9]{0,2}",
        2 => prop::sample::select(vec!["~", "+", ".", "a", "b", "Z", "~~", "~rc", "+b", "+deb12u", "-", ":", "18446744073709551616"])
            .prop_map(str::to_owned),
    ];
    let upstream = ("[0-9]", prop::collection::vec(part, 0..6)).prop_map(|(first, parts)| first + &parts.concat());
    let revision = prop::option::of("[0-9a-z+~.]{1,4}");
    let epoch = prop::option::of(prop::sample::select(vec!["0", "1", "2"]));
    (epoch, upstream, revision).prop_map(|(epoch, upstream, revision)| {
        // A colon needs an epoch before it, and cannot stand in what would be the revision.
        let colons = epoch.is_some() && !upstream.contains('-');
        let upstream = if colons { upstream } else { upstream.replace(':', ".") };
        let revision = revision.map(|revision| format!("-{revision}")).unwrap_or_default();
        let epoch = epoch.map(|epoch| format!("{epoch}:")).unwrap_or_default();
        format!("{epoch}{}{revision}", upstream.trim_end_matches('-'))
    })
}

fn parse(text: &str) -> Version {
    text.parse().unwrap()
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(2000) })]

    #[test]
    fn the_order_is_total_and_transitive(a in version(), b in version(), c in version()) {
        let (a, b, c) = (parse(&a), parse(&b), parse(&c));
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        prop_assert_eq!(a.cmp(&a), Ordering::Equal);
        if a <= b && b <= c {
            prop_assert!(a <= c);
        }
        if a == b {
            prop_assert_eq!(a.cmp(&c), b.cmp(&c));
        }
    }

    #[test]
    fn a_version_is_shown_as_it_was_written(text in version()) {
        let version = parse(&text);
        prop_assert_eq!(version.as_str(), text.as_str());
        let parts = match version.revision() {
            "" => version.upstream().to_owned(),
            revision => format!("{}-{revision}", version.upstream()),
        };
        prop_assert!(text.ends_with(&parts));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,30}") {
        if let Ok(version) = text.parse::<Version>() {
            prop_assert_eq!(version.cmp(&version), Ordering::Equal);
        }
    }
}

#[test]
fn versions_are_ordered_as_the_manual_says() {
    let ascending = [
        "0~~",
        "0~~a",
        "0~",
        "0",
        "0a",
        "0+",
        "1.0~rc1-1",
        "1.0-1~bpo",
        "1.0-1",
        "1.0-1+b1",
        "1.0-2",
        "1.00.1",
        "1.2",
        "1.10",
        "1:0",
        "2:0",
    ];
    for pair in ascending.windows(2) {
        assert!(parse(pair[0]) < parse(pair[1]), "{pair:?}");
    }
    for (left, right) in [("1.0", "1.0-0"), ("1.0", "0:1.0"), ("1.01", "1.1"), ("0", "00")] {
        assert_eq!(parse(left), parse(right));
    }
}

#[test]
fn what_is_no_version_is_refused() {
    let long = "1".repeat(300);
    for text in [
        "",
        "-1",
        "1-",
        ":1",
        "a:1",
        "-1:1",
        "4294967296:1",
        "2147483648:1",
        "1 2",
        "1_2",
        "1:",
        "1-a_b",
        "1\u{e9}",
        "1-1:1",
        &long,
    ] {
        assert!(text.parse::<Version>().is_err(), "{text:?}");
    }
}

#[test]
fn the_order_is_that_of_dpkg() {
    if !Path::new("/usr/bin/dpkg").exists() {
        eprintln!("skipped: this machine has no dpkg");
        return;
    }
    let seed = std::env::var("QCLOCK_TEST_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(20_261_125_u64);
    let full = std::env::var_os("QCLOCK_TEST_FULL").is_some();
    let rounds = if full { 20_000 } else { 500 };
    eprintln!("{rounds} pairs, QCLOCK_TEST_SEED={seed}");
    let mut seed_bytes = [0; 32];
    seed_bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = proptest::test_runner::TestRng::from_seed(proptest::test_runner::RngAlgorithm::ChaCha, &seed_bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    let pairs: Vec<(String, String)> = (0..rounds)
        .map(|_| (version(), version()).new_tree(&mut runner).unwrap().current())
        .collect();
    // One shell for many comparisons: still a process each, but started by something small.
    for chunk in pairs.chunks(100) {
        let mut script = String::new();
        for (left, right) in chunk {
            for operator in ["lt", "eq"] {
                writeln!(
                    script,
                    "dpkg --compare-versions '{left}' {operator} '{right}' && printf 1 || printf 0"
                )
                .unwrap();
            }
        }
        let output = Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let answers = output.stdout;
        assert_eq!(
            answers.len(),
            chunk.len() * 2,
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        for ((left, right), answer) in chunk.iter().zip(answers.chunks(2)) {
            let theirs = match answer {
                b"10" => Ordering::Less,
                b"01" => Ordering::Equal,
                _ => Ordering::Greater,
            };
            assert_eq!(parse(left).cmp(&parse(right)), theirs, "{left} {right}");
        }
    }
}
