//! Needs followed over hand-made packages.

use super::*;
use crate::elf::{self, Elf};

fn package(name: &str, elves: &[(&str, &[&str])], links: &[(&str, &str)]) -> Scanned {
    let elf = |needed: &[&str]| Elf {
        needed: needed.iter().map(|word| (*word).to_owned()).collect(),
        ..Elf::default()
    };
    let elves = elves
        .iter()
        .map(|(path, needed)| ((*path).to_owned(), elf(needed)))
        .collect();
    Scanned::for_test(name, elves, links)
}

fn roots(programs: &[&str], data: &[&str]) -> SlimRoots {
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
    SlimRoots {
        programs: words(programs),
        data: words(data),
    }
}

fn proposal(packages: &[Scanned], parent: &[&str], roots: &SlimRoots) -> Proposal {
    let parent = parent.iter().map(|name| (*name).to_owned()).collect();
    let globs: Vec<GlobSet> = roots
        .programs
        .iter()
        .map(|glob| glob_set([glob].into_iter()).unwrap())
        .collect();
    follow(packages, &parent, roots, &globs)
}

#[test]
fn needs_are_followed_through_links_and_the_rest_can_go() {
    let packages = [
        package("server", &[("usr/sbin/server", &["liba.so.1", "libc.so.6"])], &[]),
        package(
            "liba",
            &[("usr/lib/x86_64-linux-gnu/liba.so.1.2", &["libb.so.0"])],
            &[(
                "usr/lib/x86_64-linux-gnu/liba.so.1",
                "usr/lib/x86_64-linux-gnu/liba.so.1.2",
            )],
        ),
        package("libb", &[("usr/lib/x86_64-linux-gnu/libb.so.0", &["libgone.so"])], &[]),
        package("private", &[("usr/lib/private/libb.so.0", &[])], &[]),
        package("libc6", &[("usr/lib/x86_64-linux-gnu/libc.so.6", &[])], &[]),
        package("perl", &[("usr/bin/perl", &["libc.so.6"])], &[]),
        package("libz", &[("usr/lib/x86_64-linux-gnu/libz.so.1", &[])], &[]),
        package("debconf", &[], &[]),
        package("tzdata", &[], &[]),
    ];
    let proposal = proposal(
        &packages,
        &["libc6"],
        &roots(&["usr/sbin/server", "usr/sbin/nothing"], &["tzdata", "nobody"]),
    );
    assert_eq!(proposal.kept["server"], Reason::Program("usr/sbin/server".to_owned()));
    assert_eq!(
        proposal.kept["libb"],
        Reason::Library {
            library: "libb.so.0".to_owned(),
            needed_by: "usr/lib/x86_64-linux-gnu/liba.so.1.2".to_owned()
        }
    );
    assert_eq!(proposal.kept["libc6"], Reason::Parent);
    assert_eq!(proposal.kept["tzdata"], Reason::Data);
    let omitted: Vec<(&str, Content)> = proposal
        .omitted
        .iter()
        .map(|package| (package.name.as_str(), package.content))
        .collect();
    assert_eq!(
        omitted,
        [
            ("perl", Content::Programs),
            ("libz", Content::Libraries),
            ("private", Content::Libraries),
            ("debconf", Content::Data)
        ]
    );
    assert_eq!(proposal.missing.len(), 1);
    assert_eq!(proposal.idle, ["usr/sbin/nothing", "nobody"]);
}

#[test]
fn links_that_go_in_circles_end() {
    let circle = &[
        ("usr/lib/liba.so", "usr/lib/libb.so"),
        ("usr/lib/libb.so", "usr/lib/liba.so"),
    ];
    let packages = [
        package("server", &[("usr/sbin/server", &["liba.so"])], &[]),
        package("circle", &[], circle),
    ];
    let proposal = proposal(&packages, &[], &roots(&["usr/sbin/*"], &[]));
    assert!(proposal.kept.contains_key("circle"));
}

#[test]
fn this_very_program_is_read_and_broken_ones_are_passed_over() {
    let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    assert_eq!(elf::read(&own).unwrap().needed, Vec::<String>::new());
    for length in [0, 4, 20, 64, 200, own.len() / 2] {
        drop(elf::read(&own[..length]));
    }
    assert_eq!(elf::read(b"#!/bin/sh\n"), None);
}
