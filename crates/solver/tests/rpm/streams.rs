//! Streams that require each other, are there by default, or are meant by patterns.

use crate::scenario::Scenario;

/// `x:1` requires something of `perl`; each stream has a package that is named like it.
fn needing(perl: &str) -> Scenario {
    let streams = format!(
        "x:1 x-0:1-1.noarch {perl}\nperl:32 p-0:32-1.noarch\nperl:34 p-0:34-1.noarch\ny:1 y-0:1-1.noarch perl:34"
    );
    Scenario::new("x 1-1\ny 1-1\np 30-1\np 32-1\np 34-1").modules(&streams)
}

#[test]
fn what_a_stream_requires_is_enabled_with_it() {
    let with_x = |perl: &str| needing(perl).stream("x", "1").install("x, p");
    with_x("perl:32").gives("p-32-1 x-1-1");
    with_x("perl:34").gives("p-34-1 x-1-1");
    with_x("perl:").gives("p-32-1 x-1-1");
    with_x("perl:-32").gives("p-34-1 x-1-1");
    with_x("perl:34,32").gives("p-32-1 x-1-1");
    with_x("perl:").stream("perl", "34").gives("p-34-1 x-1-1");
    with_x("perl:34").stream("y", "1").gives("p-34-1 x-1-1");
    needing("perl:32").profiles().install("@x:1, p").gives("p-32-1 x-1-1");
    let (_, solution) = with_x("perl:32").solve().unwrap();
    assert_eq!(solution.streams, ["perl:32:2:c", "x:1:1:c"]);
}

#[test]
fn streams_that_do_not_go_together_are_refused_with_who_wants_what() {
    let with_x = |perl: &str| needing(perl).stream("x", "1").install("x");
    let refusal = with_x("perl:32").stream("perl", "34").refusal();
    assert!(
        refusal.contains("stream `x:1` requires `perl` in the stream `32`"),
        "{refusal}"
    );
    assert!(refusal.contains("`perl` is asked for in the stream `34`"), "{refusal}");
    assert!(
        refusal.contains("hint: only one stream of `perl` can be enabled"),
        "{refusal}"
    );
    let refusal = with_x("perl:32").stream("y", "1").refusal();
    assert!(
        refusal.contains("stream `y:1` requires `perl` in the stream `34`"),
        "{refusal}"
    );
    let refusal = with_x("perl:36").refusal();
    assert!(
        refusal.contains("stream `x:1` requires module `perl` in the stream `36`: the repositories have only 32, 34"),
        "{refusal}"
    );
    let refusal = with_x("ruby:").refusal();
    assert!(
        refusal.contains("requires module `ruby`: no repository has the module"),
        "{refusal}"
    );
    assert!(
        refusal.contains("hint: add the repository that has the module `ruby`"),
        "{refusal}"
    );
    let refusal = with_x("platform:el8").refusal();
    assert!(
        refusal.contains("stream `x:1` is for platform `el8`, and this is `el9`"),
        "{refusal}"
    );
}

#[test]
fn a_default_stream_gives_way_and_one_that_lacks_something_is_not_there() {
    let with = |perl: &str, defaults: &[(&str, &str)]| {
        let mut scenario = needing(perl);
        for (module, stream) in defaults {
            scenario = scenario.default(module, stream);
        }
        scenario
    };
    with("perl:", &[("perl", "34")]).install("p").gives("p-34-1");
    with("perl:", &[("perl", "34")])
        .stream("x", "1")
        .install("p")
        .gives("p-34-1");
    with("perl:32", &[("perl", "34")])
        .stream("x", "1")
        .install("p")
        .gives("p-32-1");
    with("perl:32", &[("x", "1")]).install("p").gives("p-32-1");
    with("perl:36", &[("x", "1"), ("perl", "34")])
        .install("p")
        .gives("p-34-1");
    with("perl:36", &[("x", "1")])
        .install("x")
        .refusal_with("no package matches `x`");
    with("perl:32", &[("perl", "34"), ("perl", "32")])
        .install("p")
        .gives("p-32-1");
}

#[test]
fn patterns_mean_the_enabled_or_the_only_stream() {
    let asked = |specifications: &str| needing("perl:").profiles().install(specifications);
    asked("@[xy]:1, p").gives("p-34-1 x-1-1 y-1-1");
    asked("@x:*/com*, p").gives("p-32-1 x-1-1");
    asked("@*:34/empty, p").gives("p-34-1");
    asked("@perl:3?/empty, p").refusal_with("module `perl` has the streams 32, 34, and none of them is enabled");
    asked("@perl:3?/empty, p").stream("perl", "*4").gives("p-34-1");
    asked("@perl:3?/empty, p").default("perl", "34").gives("p-34-1");
    asked("@x:1:1:c/empty, p").gives("p-32-1");
    asked("@x:1:9/empty, p").refusal_with("no repository has the stream `1` of module `x`");
    asked("@x/empty, p").stream("p*", "34").gives("p-34-1");
}
