//! What is chosen, and why nothing is: cases named by a sentence, on little archives written as text.

#[path = "support/case.rs"]
mod case;

use case::Case;

#[test]
fn the_closure_of_dependencies_is_chosen() {
    Case::of(
        "app 1: depends lib (>= 2), tool; pre-depends loader
         lib 2: depends base
         tool 1
         loader 1
         base 1
         stranger 1",
    )
    .install("app")
    .expect("app 1, base 1, lib 2, loader 1, tool 1");
}

#[test]
fn the_newest_version_that_fits_is_chosen() {
    let archive = "app 1: depends lib
         lib 1.9
         lib 1.10
         lib 1.10~rc1";
    Case::of(archive).install("app").expect("app 1, lib 1.10");
    Case::of(archive)
        .install("app, lib (<< 1.10)")
        .expect("app 1, lib 1.10~rc1");
    Case::of(archive).install("app, lib (= 1.9)").expect("app 1, lib 1.9");
}

#[test]
fn an_older_version_is_chosen_where_the_newest_cannot_be_had() {
    Case::of(
        "app 1: depends lib
         lib 2: depends nowhere
         lib 1",
    )
    .install("app")
    .expect("app 1, lib 1");
}

#[test]
fn of_two_suites_the_newer_version_counts_and_of_equal_ones_the_first() {
    Case::of(
        "lib 1: priority optional
         lib 2
         lib 2: depends other
         other 1",
    )
    .install("lib")
    .expect("lib 2");
}

#[test]
fn the_first_alternative_is_taken() {
    let archive = "app 1: depends a | b
         a 1
         b 1";
    Case::of(archive).install("app").expect("a 1, app 1");
    Case::of(archive).install("b, app").expect("app 1, b 1");
}

#[test]
fn a_later_alternative_is_taken_where_the_first_cannot_be_had() {
    Case::of(
        "app 1: depends missing | a (>= 2) | b | c
         a 1
         b 1
         c 1",
    )
    .install("app")
    .expect("app 1, b 1");
    Case::of(
        "app 1: depends a | b, c
         a 1
         b 1
         c 1: conflicts a",
    )
    .install("app")
    .expect("app 1, b 1, c 1");
}

#[test]
fn a_package_of_the_name_is_preferred_to_one_that_provides_it() {
    Case::of(
        "app 1: depends mta
         exim 1: provides mta; priority required
         mta 1",
    )
    .install("app")
    .expect("app 1, mta 1");
}

#[test]
fn of_providers_the_one_of_higher_priority_is_preferred_then_the_first_by_name() {
    let archive = "app 1: depends mta
         exim 1: provides mta
         courier 1: provides mta
         postfix 1: provides mta; priority standard";
    Case::of(archive).install("app").expect("app 1, postfix 1");
    Case::of(&archive.replace("; priority standard", ""))
        .install("app")
        .expect("app 1, courier 1");
}

#[test]
fn only_a_versioned_capability_meets_a_versioned_requirement() {
    let archive = "app 1: depends api (>= 5)
         plain 9: provides api
         old 9: provides api (= 4)
         new 1: provides api (= 5.1)";
    Case::of(archive).install("app").expect("app 1, new 1");
    Case::of(&archive.replace("5.1", "4.9"))
        .install("app")
        .explain("nothing provides api (>= 5), required by app 1, required by the request");
}

#[test]
fn a_package_does_not_exclude_what_it_provides_itself() {
    let archive = "exim 1: provides mta; conflicts mta
         postfix 1: provides mta; conflicts mta
         app 1: depends mta";
    Case::of(archive).install("app").expect("app 1, exim 1");
    Case::of(archive).install("exim, postfix").explain(
        "postfix 1 conflicts with mta, which excludes exim 1
         postfix 1 is required by the request
         exim 1 is required by the request",
    );
}

#[test]
fn breaks_and_conflicts_exclude_the_versions_that_they_name() {
    let archive = "app 2: breaks lib (<< 2); depends tool
         lib 1
         tool 1: depends lib";
    Case::of(archive).install("app").explain(
        "app 2 breaks lib (<< 2), which excludes lib 1
         app 2 is required by the request
         lib 1 is required by tool 1, required by app 2, required by the request",
    );
    Case::of(&format!("{archive}\nlib 2"))
        .install("app")
        .expect("app 2, lib 2, tool 1");
}

#[test]
fn two_versions_of_one_package_are_never_chosen() {
    Case::of(
        "left 1: depends lib (= 1)
         right 1: depends lib (= 2)
         lib 1
         lib 2",
    )
    .install("left, right")
    .explain(
        "lib 1 and lib 2 cannot be chosen together
         lib 1 is required by left 1, required by the request
         lib 2 is required by right 1, required by the request",
    );
}

#[test]
fn a_requirement_that_nothing_meets_is_explained_by_its_chain() {
    Case::of(
        "app 1: depends middle
         middle 3: depends lib (>= 2) | library
         lib 1",
    )
    .install("app")
    .explain(
        "nothing provides lib (>= 2) | library (there is lib 1), required by middle 3, required by app 1, \
         required by the request",
    );
    Case::of("app 1")
        .install("nap")
        .explain("nothing provides nap, required by the request");
}

#[test]
fn packages_of_the_architecture_and_of_all_are_seen_and_no_others() {
    let archive = "app 1: depends data, lib
         data 1: architecture all
         lib 2: architecture arm64
         lib 1";
    Case::of(archive).install("app").expect("app 1, data 1, lib 1");
}

#[test]
fn any_architecture_is_met_only_by_a_package_that_allows_it() {
    Case::of(
        "app 1: depends python:any
         python 3: multi-arch allowed",
    )
    .install("app")
    .expect("app 1, python 3");
    Case::of(
        "app 1: depends python:any, lib:amd64
         python 3: multi-arch foreign
         lib 1",
    )
    .install("app")
    .explain("nothing provides python:any (there is python 3), required by app 1, required by the request");
    Case::of("app 1: depends lib:amd64\nlib 1: multi-arch same")
        .install("app")
        .expect("app 1, lib 1");
}

#[test]
fn a_requirement_of_another_architecture_cannot_be_expressed_and_is_refused() {
    Case::of(
        "app 1: depends wine32:i386 | other
         other 1",
    )
    .install("app")
    .refuse(
        "package `app` has the requirement `wine32:i386`, which cannot be expressed: it asks for a package of another \
         architecture",
    );
}

#[test]
fn essential_packages_are_chosen_only_when_that_is_asked_for() {
    let archive = "app 1
         dpkg 1: essential yes; depends tar
         tar 1";
    Case::of(archive).install("app").expect("app 1");
    Case::of(archive)
        .install("app")
        .essential()
        .expect("app 1, dpkg 1, tar 1");
}

#[test]
fn the_parents_packages_are_in_the_solution_unchanged() {
    let archive = "libc 1
         libc 2
         app 1: depends libc";
    Case::of(archive).fixed("libc 1").install("app").expect("app 1, libc 1");
    Case::of(archive).fixed("libc 1").expect("libc 1");
    Case::of(&format!("{archive} (>= 2)"))
        .fixed("libc 1")
        .install("app")
        .explain(
            "libc 2 cannot be chosen, since the parent image has libc 1
         libc 2 is required by app 1, required by the request",
        );
    Case::of(archive)
        .fixed("libc 3")
        .refuse("package `libc` 3 of the parent image is in no index");
}

#[test]
fn what_the_parent_needs_was_settled_there() {
    let archive = "base 1: depends perl; conflicts bad
         perl 1
         app 1
         bad 1";
    Case::of(archive).fixed("base 1").install("app").expect("app 1, base 1");
    Case::of(archive).fixed("base 1").install("bad").explain(
        "base 1 conflicts with bad, which excludes bad 1
         base 1 is required by the request
         bad 1 is required by the request",
    );
}

#[test]
fn a_name_that_is_left_out_counts_as_met_and_who_required_it_is_reported() {
    let archive = "app 1: depends perl (>= 5), lib
         lib 1: pre-depends perl
         perl 5: depends perl-base
         perl-base 5";
    let case = Case::of(archive).install("app").omit("perl");
    case.expect("app 1, lib 1; without perl for app, lib");
    Case::of(archive)
        .install("perl")
        .omit("perl")
        .expect("; without perl for the request");
}

#[test]
fn a_name_that_is_left_out_is_left_out_as_a_provider_too() {
    let archive = "app 1: depends perlapi-5, awk
         perl-base 5: provides perlapi-5
         mawk 1: provides awk";
    let case = Case::of(archive).install("app");
    case.clone()
        .omit("perl-base, awk")
        .expect("app 1; without awk for app, perl-base for app");
    case.omit("perlapi-5")
        .expect("app 1, mawk 1; without perlapi-5 for app");
}

#[test]
fn an_alternative_before_the_one_that_is_left_out_is_still_chosen() {
    let archive = "app 1: depends a | b
         a 1
         b 1
         tool 1: depends b | a";
    Case::of(archive)
        .install("app")
        .omit("b")
        .expect("a 1, app 1; unused b");
    Case::of(archive)
        .install("tool")
        .omit("b")
        .expect("tool 1; without b for tool");
    // Chosen for another reason, it meets the requirement.
    Case::of(archive)
        .install("app, tool")
        .omit("b")
        .expect("a 1, app 1, tool 1; unused b");
}

#[test]
fn a_name_that_is_left_out_but_that_nobody_requires_is_reported() {
    Case::of("app 1")
        .install("app")
        .omit("perl, systemd")
        .expect("app 1; unused perl, systemd");
}

#[test]
fn what_the_parent_has_is_used_even_if_the_child_leaves_it_out() {
    Case::of("app 1: depends lib\nlib 1")
        .fixed("lib 1")
        .install("app")
        .omit("lib")
        .expect("app 1, lib 1; unused lib");
}

#[test]
fn what_the_parent_left_out_is_reported_of_the_child_too() {
    Case::of("base 1: depends perl\nperl 1\napp 1")
        .fixed("base 1")
        .install("app")
        .omit("perl")
        .expect("app 1, base 1; without perl for base");
}

#[test]
fn a_search_that_must_go_back_finds_the_solution() {
    Case::of(
        "app 1: depends a | b, c | d
         a 1: depends e
         b 1
         c 1: conflicts e, conflicts-nothing
         d 1: conflicts a
         e 1",
    )
    .install("app")
    .expect("app 1, b 1, c 1");
}
