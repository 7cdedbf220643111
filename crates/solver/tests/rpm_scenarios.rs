//! Small worlds, each with one thing that has to be right.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "rpm/scenario.rs"]
mod scenario;
#[path = "rpm/streams.rs"]
mod streams;

use scenario::Scenario;

#[test]
fn the_newest_version_is_taken_by_epoch_version_and_release() {
    Scenario::new("a 1:1-1\na 2-1\na 1:1-2\na 1:1~rc1-9")
        .install("a")
        .gives("a-1:1-2");
    Scenario::new("a 1.0-1\na 1.0^git1-1\na 1.0~rc1-1")
        .install("a")
        .gives("a-1.0^git1-1");
}

#[test]
fn requirements_bring_what_provides_them_in_the_right_version() {
    Scenario::new("a 1-1\n requires lib >= 2\nb 1-1\n provides lib = 1\nc 1-1\n provides lib = 2.1")
        .install("a")
        .gives("a-1-1 c-1-1");
    Scenario::new("a 1-1\n requires lib = 2\nb 1-1\n provides lib = 2-7")
        .install("a")
        .gives("a-1-1 b-1-1");
    Scenario::new("a 1-1\n requires lib = 9\nb 1-1\n provides lib")
        .install("a")
        .gives("a-1-1 b-1-1");
}

#[test]
fn an_older_version_is_no_way_out_of_a_conflict_of_the_best() {
    let refusal = Scenario::new("a 2-1\n requires missing\na 1-1").install("a").refusal();
    assert!(
        refusal.contains("nothing provides `missing`, which `a-2-1.noarch` (request `a`) requires"),
        "{refusal}"
    );
}

#[test]
fn an_older_version_of_something_else_is() {
    Scenario::new("a 1-1\n requires b\nb 2-1\n requires missing\nb 1-1")
        .install("a")
        .gives("a-1-1 b-1-1");
}

#[test]
fn what_obsoletes_the_wanted_package_comes_in_its_place() {
    Scenario::new("old 1-1\nnew 1-1\n provides old = 2\n obsoletes old < 2")
        .install("old")
        .gives("new-1-1");
    Scenario::new("a 1-1\n requires old\nold 1-1\nnew 1-1\n provides old = 2\n obsoletes old < 2")
        .install("a")
        .gives("a-1-1 new-1-1");
    let refusal = Scenario::new("old 1-1\nnew 1-1\n obsoletes old < 2")
        .install("new, old-1-1.noarch")
        .refusal();
    assert!(
        refusal.contains("`new-1-1.noarch` (request `new`) obsoletes `old < 2`"),
        "{refusal}"
    );
}

#[test]
fn an_obsolete_means_names_not_what_is_provided() {
    Scenario::new("a 1-1\n obsoletes thing\nb 1-1\n provides thing")
        .install("a, b")
        .gives("a-1-1 b-1-1");
}

#[test]
fn conflicts_turn_the_choice() {
    Scenario::new("a 1-1\n requires x\n conflicts b\nb 1-1\n provides x\nc 1-1\n provides x")
        .install("a")
        .gives("a-1-1 c-1-1");
    let refusal = Scenario::new("a 1-1\n conflicts b < 2\nb 1-1")
        .install("a, b")
        .refusal();
    assert!(
        refusal.contains("`a-1-1.noarch` (request `a`) conflicts with `b < 2`, that is `b-1-1.noarch`"),
        "{refusal}"
    );
}

#[test]
fn a_package_does_not_conflict_with_itself() {
    Scenario::new("a 1-1\n provides x\n conflicts x")
        .install("a")
        .gives("a-1-1");
}

#[test]
fn files_count_as_provided() {
    Scenario::new("a 1-1\n requires /usr/bin/tool\nb 1-1\n file /usr/bin/tool")
        .install("a")
        .gives("a-1-1 b-1-1");
    Scenario::new("b 1-1\n file /usr/bin/tool")
        .install("/usr/bin/tool")
        .gives("b-1-1");
}

#[test]
fn rich_requirements_hold_in_all_their_forms() {
    let world = "b 1-1\nc 1-1\nd 1-1\nlib1 1-1\n provides lib = 1\nlib2 1-1\n provides lib = 2\n provides extra\n";
    for (requirement, also, expected) in [
        ("(b and c)", "", "a-1-1 b-1-1 c-1-1"),
        ("(b or c)", "", "a-1-1 b-1-1"),
        ("(missing or c)", "", "a-1-1 c-1-1"),
        ("(c if b)", "", "a-1-1"),
        ("(c if b)", ", b", "a-1-1 b-1-1 c-1-1"),
        ("(c if b else d)", "", "a-1-1 b-1-1 c-1-1"),
        ("(c if b else d)", ", b", "a-1-1 b-1-1 c-1-1"),
        ("(c unless b)", "", "a-1-1 c-1-1"),
        ("(c unless b else d)", ", b", "a-1-1 b-1-1 d-1-1"),
        ("(lib >= 1 with lib < 2)", "", "a-1-1 lib1-1-1"),
        ("(lib without extra)", "", "a-1-1 lib1-1-1"),
        ("((c and d) if b)", ", b", "a-1-1 b-1-1 c-1-1 d-1-1"),
        ("(missing if b)", "", "a-1-1"),
    ] {
        let text = format!("a 1-1\n requires {requirement}\n{world}");
        Scenario::new(&text).install(&format!("a{also}")).gives(expected);
    }
    let refusal = Scenario::new(&format!("a 1-1\n requires (missing if b)\n{world}"))
        .install("a, b")
        .refusal();
    assert!(refusal.contains("no set of packages"), "{refusal}");
}

#[test]
fn rich_conflicts_hold() {
    let world = "a 1-1\n conflicts (b and c)\nb 1-1\nc 1-1\n";
    Scenario::new(world).install("a, b").gives("a-1-1 b-1-1");
    assert!(
        Scenario::new(world)
            .install("a, b, c")
            .refusal()
            .contains("conflicts with `(b and c)`")
    );
}

#[test]
fn a_malformed_requirement_is_named_and_not_passed_over() {
    let refusal = Scenario::new("a 1-1\n requires (b nor c)\nb 1-1\nc 1-1")
        .install("a")
        .refusal();
    assert!(
        refusal.contains("has the requirement `(b nor c)`, which is malformed"),
        "{refusal}"
    );
}

#[test]
fn recommended_packages_come_only_when_asked_for() {
    let world = "a 1-1\n recommends b\nb 1-1\n requires c\nc 1-1\nd 1-1\n supplements a\ne 1-1\n enhances a\n";
    Scenario::new(world).install("a").gives("a-1-1");
    Scenario::new(world)
        .with_weak()
        .install("a")
        .gives("a-1-1 b-1-1 c-1-1 d-1-1");
    Scenario::new("a 1-1\n recommends b\nb 1-1\n requires missing")
        .with_weak()
        .install("a")
        .gives("a-1-1");
    Scenario::new("a 1-1\n recommends (c if b)\nb 1-1\nc 1-1")
        .with_weak()
        .install("a, b")
        .gives("a-1-1 b-1-1 c-1-1");
}

#[test]
fn recommendations_and_suggestions_turn_a_choice_even_when_not_followed() {
    let world = "a 1-1\n requires x\n recommends c\nb 1-1\n provides x\nc 1-1\n provides x\n";
    Scenario::new(world).install("a").gives("a-1-1 c-1-1");
    let world = "a 1-1\n requires x\n suggests c\nb 1-1\n provides x\nc 1-1\n provides x\n";
    Scenario::new(world).install("a").gives("a-1-1 c-1-1");
}

#[test]
fn a_choice_whose_alternative_comes_anyway_is_made_again() {
    Scenario::new(
        "a 1-1\n requires x\n requires y\nb 1-1\n provides x\nc 1-1\n provides x\nd 1-1\n provides y\n requires c",
    )
    .install("a")
    .gives("a-1-1 c-1-1 d-1-1");
}

#[test]
fn the_machines_own_architecture_is_taken() {
    Scenario::new("a 1-1 i686\na 1-1 x86_64\na 2-1 aarch64")
        .install("a")
        .gives("a-1-1.x86_64");
    Scenario::new("a 1-1 i686\na 1-1 x86_64")
        .install("a.i686")
        .gives("a-1-1.i686");
    Scenario::new("a 1-1 noarch\na 2-1 x86_64")
        .install("a")
        .gives("a-2-1.x86_64");
    assert!(
        Scenario::new("a 1-1 aarch64")
            .install("a")
            .refusal()
            .contains("is for another architecture")
    );
}

#[test]
fn features_of_rpm_are_known_or_refused() {
    Scenario::new("a 1-1\n requires rpmlib(PayloadIsZstd) <= 5.4.18-1")
        .install("a")
        .gives("a-1-1");
    let refusal = Scenario::new("a 1-1\n requires rpmlib(Telepathy) <= 9-1")
        .install("a")
        .refusal();
    assert!(
        refusal.contains("a newer reader of RPM packages: `rpmlib(Telepathy) <= 9-1`"),
        "{refusal}"
    );
}

#[test]
fn specifications_are_read_as_dnf_reads_them() {
    let world = "php 8-1\nphp-fpm 8-1\nphp-cli 7-1\n provides cmd = 3\nphp-cli 8-1\n";
    Scenario::new(world).install("php-cli-7-1").gives("php-cli-7-1");
    Scenario::new(world).install("php-cli-7").gives("php-cli-7-1");
    Scenario::new(world).install("php-cli-7-1.noarch").gives("php-cli-7-1");
    Scenario::new(world).install("php-*").gives("php-cli-8-1 php-fpm-8-1");
    Scenario::new(world).install("cmd").gives("php-cli-7-1");
    Scenario::new(world).install("cmd >= 3").gives("php-cli-7-1");
    assert!(
        Scenario::new(world)
            .install("cmd > 3")
            .refusal()
            .contains("no package matches `cmd > 3`")
    );
}

const STREAMS: &str = "php:8.2 php-0:8.2-1.noarch\nphp:8.3 php-0:8.3-1.noarch,php-extra-0:1-1.noarch";
const PHP: &str =
    "php 8.0-1\nphp 8.2-1\nphp 8.3-1\nphp-extra 1-1\nother 1-1\n provides php = 99\napp 1-1\n requires php-extra\n";

#[test]
fn a_stream_shows_its_packages_and_hides_others_of_their_names() {
    Scenario::new(PHP).modules(STREAMS).install("php").gives("php-8.0-1");
    Scenario::new(PHP)
        .modules(STREAMS)
        .stream("php", "8.2")
        .install("php")
        .gives("php-8.2-1");
    let refusal = Scenario::new(PHP)
        .modules(STREAMS)
        .stream("php", "8.2")
        .install("other")
        .refusal();
    assert!(refusal.contains("no package matches `other`"), "{refusal}");
}

#[test]
fn a_package_of_a_stream_that_is_not_enabled_is_named_with_the_remedy() {
    let refusal = Scenario::new(PHP).modules(STREAMS).install("app").refusal();
    assert!(
        refusal.contains("is in the stream `php:8.3`, which is not enabled"),
        "{refusal}"
    );
    assert!(
        refusal.contains("hint: enable the stream with `--module php:8.3`"),
        "{refusal}"
    );
    let refusal = Scenario::new(PHP).modules(STREAMS).install("php-extra").refusal();
    assert!(
        refusal.contains("hint: enable the stream with `--module php:8.3`"),
        "{refusal}"
    );
}

#[test]
fn streams_that_cannot_be_are_refused() {
    let base = || Scenario::new(PHP).modules(STREAMS).install("php");
    let refusal = base().stream("php", "8.2").stream("php", "8.3").refusal();
    assert!(refusal.contains("one stream of a module at a time"), "{refusal}");
    assert!(base().stream("php", "7").refusal().contains("it has 8.2, 8.3"));
    assert!(
        base()
            .stream("perl", "5")
            .refusal()
            .contains("no repository has the module `perl`")
    );
}

#[test]
fn requirements_left_out_on_purpose_are_reported_with_who_asked() {
    let world = "a 1-1\n requires systemd\n requires /usr/bin/perl\nsystemd 1-1\nperl 1-1\n file /usr/bin/perl\n";
    let (names, solution) = Scenario::new(world)
        .leave_out("systemd perl unused")
        .install("a")
        .solve()
        .unwrap();
    assert_eq!(names, ["a-1-1"]);
    assert_eq!(solution.omitted["systemd"], ["a-1-1.noarch"]);
    assert_eq!(solution.omitted["perl"], ["a-1-1.noarch"]);
    assert_eq!(solution.unused_omissions, ["unused"]);
}

#[test]
fn what_is_assumed_need_not_be_there() {
    let world = "a 1-1\n requires systemd >= 250\n requires perl(strict)\n";
    Scenario::new(world)
        .assume("# provided by the host\nsystemd = 252\nperl(strict)\n")
        .install("a")
        .gives("a-1-1");
    assert!(
        Scenario::new(world)
            .assume("systemd = 249\nperl(strict)")
            .install("a")
            .refusal()
            .contains("systemd >= 250")
    );
}

#[test]
fn the_parents_packages_stay_as_they_are() {
    let world = "base 1-1\nbase 2-1\na 1-1\n requires base\n";
    Scenario::new(world)
        .fixed("base-1-1.noarch")
        .install("a")
        .gives("a-1-1 base-1-1");
    assert!(
        Scenario::new(world)
            .fixed("base-3-1.noarch")
            .install("a")
            .refusal()
            .contains("`base-3-1.noarch` of the parent")
    );
    let refusal = Scenario::new("base 1-1\nbase 2-1\na 1-1\n requires base >= 2\n")
        .fixed("base-1-1.noarch")
        .install("a")
        .refusal();
    assert!(refusal.contains("excludes another version of it"), "{refusal}");
}

#[test]
fn the_first_of_equal_repositories_wins_and_the_newest_of_all() {
    let scenario = Scenario::new("a 1-1").and_repository("updates", "a 2-1\n").install("a");
    let (names, solution) = scenario.solve().unwrap();
    assert_eq!(
        (names.join(" ").as_str(), solution.packages[0].repository),
        ("a-2-1", 1)
    );
    let (_, solution) = Scenario::new("a 1-1")
        .and_repository("copy", "a 1-1\n")
        .install("a")
        .solve()
        .unwrap();
    assert_eq!(solution.packages[0].repository, 0);
}

#[test]
fn kernels_may_stand_side_by_side() {
    Scenario::new("kernel 1-1\nkernel 2-1\na 1-1\n requires kernel = 1-1")
        .install("a, kernel")
        .gives("a-1-1 kernel-1-1 kernel-2-1");
}

#[test]
fn an_explanation_leads_from_the_request_to_the_dead_end() {
    let refusal = Scenario::new("web 1-1\n requires engine\nengine 3-1\n requires libodd.so.2()(64bit)\n")
        .install("web")
        .refusal();
    assert_eq!(
        refusal,
        "no set of packages satisfies the request:\n  - nothing provides `libodd.so.2()(64bit)`, which `engine-3-1.noarch` \
         (request `web` → web-1-1.noarch) requires\nhint: add the repository that has `libodd.so.2()(64bit)`, or leave the \
         requirement out on purpose"
    );
}

const GROUPS: &str = "<group><id>core</id><name>Core</name><packagelist><packagereq type=\"mandatory\">a</packagereq>\
    <packagereq type=\"default\">b</packagereq><packagereq type=\"optional\">c</packagereq>\
    <packagereq type=\"conditional\" requires=\"gtk\">im</packagereq><packagereq>gone</packagereq></packagelist></group>\
    <environment><id>minimal</id><name>Minimal Install</name><grouplist><groupid>core</groupid></grouplist></environment>";

#[test]
fn groups_and_environments_are_their_members() {
    let world = "a 1-1\nb 1-1\nc 1-1\nim 1-1\ngtk 1-1\n";
    let asked = |specifications: &str| Scenario::new(world).comps(GROUPS).install(specifications);
    asked("@core").gives("a-1-1 b-1-1");
    asked("@Core").gives("a-1-1 b-1-1");
    asked("@minimal").gives("a-1-1 b-1-1");
    asked("@^minimal").gives("a-1-1 b-1-1");
    asked("@core/mandatory,optional").gives("a-1-1 c-1-1");
    asked("@core, gtk").gives("a-1-1 b-1-1 gtk-1-1 im-1-1");
    let (_, solution) = asked("@core").solve().unwrap();
    assert_eq!(solution.absent_members["@core"], ["gone"]);
    assert!(
        asked("@^core")
            .refusal()
            .contains("`@^core` means no stream, group or environment")
    );
    assert!(
        asked("@core/most")
            .refusal()
            .contains("hint: name `mandatory`, `default`")
    );
    assert!(
        Scenario::new(world)
            .install("@core")
            .refusal()
            .contains("means no stream")
    );
}

#[test]
fn a_stream_is_enabled_by_asking_for_its_profile() {
    let asked = |specifications: &str| Scenario::new(PHP).modules(STREAMS).profiles().install(specifications);
    asked("@php:8.2/common").gives("php-8.2-1");
    asked("@php:8.2").gives("php-8.2-1");
    asked("@php").refusal_with("module `php` has the streams 8.2, 8.3, and none of them is enabled");
    asked("@php").stream("php", "8.2").gives("php-8.2-1");
    asked("@php:8.3").refusal_with("stream `php:8.3` has no default profile; it has common, empty");
    asked("@php:8.2/most").refusal_with("stream `php:8.2` has no profile `most`");
    asked("@php:8.2, @php:8.3/common").refusal_with("one stream of a module at a time");
    asked("@php:7").refusal_with("no repository has the stream `7` of module `php`");
    asked("@perl:5").refusal_with("no repository has the module `perl`");
    asked("@php:8.2/broken").refusal_with("names the package `nowhere`, which no repository has");
}
