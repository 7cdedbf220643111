//! The supervisor with children that every machine has.

mod fixture;

use std::time::{Duration, Instant};

use fixture::{Init, Sandbox, have, messages, told, wait_for};
use rustix::process::{Signal, kill_process, test_kill_process};

fn service(name: &str, script: &str) -> String {
    format!("[[service]]\nname = '{name}'\ncommand = ['/bin/sh', '-c', '''{script}''']\n")
}

#[test]
fn services_start_in_order_and_stop_in_reverse_and_a_requested_stop_is_a_success() {
    let sandbox = Sandbox::new();
    let init = sandbox.start(&(service("first", "exec sleep 1000") + &service("second", "exec sleep 1000")));
    init.wait_for_action("container-ready");
    assert_eq!(sandbox.health(), (0, String::new()));
    init.signal(Signal::TERM);
    let (status, records) = init.end();
    assert_eq!(status.code(), Some(0), "{}", told(&records));
    let own = messages(&records, "qclock-init");
    let own: Vec<&str> = own
        .iter()
        .map(|message| message.split(" after ").next().unwrap())
        .collect();
    assert_eq!(
        own,
        [
            "started `first`",
            "started `second`",
            "everything is ready",
            "stopping on request",
            "sent TERM to `second`",
            "`second` was ended by signal 15",
            "sent TERM to `first`",
            "`first` was ended by signal 15",
            "ending with status 0"
        ]
    );
}

#[test]
fn the_loss_of_an_essential_service_ends_the_others_and_gives_its_status() {
    for (end, expected) in [("exit 7", 7), ("exit 0", 1), ("kill -9 $$", 137)] {
        let sandbox = Sandbox::new();
        let script = format!("trap '{end}' USR2; echo minding it; while :; do sleep 0.01; done");
        let init = sandbox.start(&(service("lost", &script) + &service("other", "exec sleep 1000")));
        // The service is started before its shell has heard of the signal, and told to be ready perhaps after it.
        init.wait_for_action("container-ready");
        init.wait_for_message("minding it");
        kill_process(init.pid_of("lost"), Signal::USR2).unwrap();
        let other = init.pid_of("other");
        let (status, records) = init.end();
        assert_eq!(status.code(), Some(expected), "{}", told(&records));
        assert!(test_kill_process(other).is_err());
    }
}

#[test]
fn a_service_that_does_not_mind_its_signals_is_killed_within_the_budget() {
    let mut sandbox = Sandbox::new();
    sandbox.set("QCLOCK_STOP_SECONDS", "2");
    let init = sandbox.start(&service(
        "deaf",
        "trap '' TERM INT; echo listening no more; while :; do sleep 1000; done",
    ));
    // Not the service's name, which init tells before the shell has heard of the signals.
    init.wait_for_message("listening no more");
    let begun = Instant::now();
    init.signal(Signal::TERM);
    let (status, records) = init.end();
    assert_eq!(status.code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(4), "{}", told(&records));
    assert!(messages(&records, "qclock-init").contains(&"sent KILL to `deaf`".to_owned()));
}

#[test]
fn a_second_request_to_stop_hurries() {
    let sandbox = Sandbox::new();
    let patient = "trap '' QUIT; trap 'exit 0' TERM; echo deaf; while :; do sleep 0.01; done";
    let init = sandbox.start(&(service("patient", patient) + "stop_signal = 'QUIT'\nstop_grace_seconds = 1000\n"));
    init.wait_for_message("deaf");
    init.signal(Signal::TERM);
    init.wait_for_message("sent QUIT");
    init.signal(Signal::TERM);
    let (status, records) = init.end();
    assert_eq!(status.code(), Some(0), "{}", told(&records));
    assert!(
        records
            .iter()
            .any(|record| record["event.action"] == "container-hurrying")
    );
}

#[test]
fn orphans_of_a_service_are_reaped_and_what_it_leaves_behind_is_ended() {
    let sandbox = Sandbox::new();
    // The first child is orphaned and ends; the second is orphaned and stays in the group.
    let script = "(sleep 0.05 & echo orphan $!) ; (sleep 1000 & echo stays $!); exec sleep 1000";
    let init = sandbox.start(&service("parent", script));
    let number = |text: &str| {
        let message = init.wait_for_message(text)["message"].as_str().unwrap().to_owned();
        let number = message.rsplit(' ').next().unwrap().parse().unwrap();
        rustix::process::Pid::from_raw(number).unwrap()
    };
    let (orphan, stays) = (number("orphan"), number("stays"));
    wait_for("the orphan to be reaped", || {
        test_kill_process(orphan).is_err().then_some(())
    });
    assert!(test_kill_process(stays).is_ok());
    init.signal(Signal::TERM);
    let (status, _) = init.end();
    assert_eq!(status.code(), Some(0));
    wait_for("the other orphan to be ended", || {
        let state = std::fs::read_to_string(format!("/proc/{stays}/stat"));
        state.map_or(true, |state| state.contains(" Z ")).then_some(())
    });
}

#[test]
fn a_service_with_a_restart_comes_back_until_its_limit() {
    let sandbox = Sandbox::new();
    let restart = "restart = { limit = 2, delay_seconds = 0 }\n";
    let init = sandbox.start(&(service("weak", "echo up; exit 3") + restart + &service("strong", "exec sleep 1000")));
    let (status, records) = init.end();
    assert_eq!(status.code(), Some(3), "{}", told(&records));
    assert_eq!(messages(&records, "weak").len(), 3);
}

#[test]
fn signals_to_reload_reach_the_services_that_declare_one() {
    let sandbox = Sandbox::new();
    let script = "trap 'echo reloaded' USR1; echo up; while :; do sleep 0.01; done";
    let init =
        sandbox.start(&(service("one", script) + "reload_signal = 'USR1'\n" + &service("two", "exec sleep 1000")));
    init.wait_for_message("up");
    init.signal(Signal::WINCH);
    init.signal(Signal::HUP);
    init.wait_for_message("reloaded");
}

#[test]
fn children_have_their_own_session_an_empty_input_and_pipes() {
    let sandbox = Sandbox::new();
    let script = "cat; readlink /proc/self/fd/1; cut -d' ' -f1,5,6 /proc/$$/stat; exec sleep 1000";
    let init = sandbox.start(&(service("child", script) + "environment = { OWN = 'x' }\n"));
    init.wait_for("pipe", |record| {
        record["message"].as_str().unwrap().starts_with("pipe:[")
    });
    let stat = init.wait_for("stat", |record| {
        record["service.name"] == "child" && !record["message"].as_str().unwrap().starts_with("pipe")
    });
    let numbers: Vec<&str> = stat["message"].as_str().unwrap().split(' ').collect();
    assert!(
        numbers.iter().all(|number| *number == numbers[0]),
        "process, group and session: {numbers:?}"
    );
}

#[test]
fn a_program_that_is_not_there_gives_127_and_one_that_is_no_program_126() {
    for (program, expected) in [("/no/such/program", 127), ("/etc/passwd", 126)] {
        let sandbox = Sandbox::new();
        let init = sandbox.start(&format!("[[service]]\nname = 'x'\ncommand = ['{program}']\n"));
        let (status, records) = init.end();
        assert_eq!(status.code(), Some(expected), "{}", told(&records));
        assert!(messages(&records, "qclock-init")[0].contains(program));
    }
}

#[test]
fn what_is_not_ready_in_time_ends_the_container_with_4_and_health_says_what_is_waited_for() {
    let sandbox = Sandbox::new();
    let ready = "[service.ready]\ntcp = '127.0.0.1:1'\ntimeout_seconds = 1\n";
    let init = sandbox.start(&(service("mute", "exec sleep 1000") + ready));
    init.wait_for_action("service-started");
    assert_eq!(sandbox.health(), (1, "starting: waiting for `mute`\n".to_owned()));
    let (status, records) = init.end();
    assert_eq!(status.code(), Some(4), "{}", told(&records));
    assert!(
        messages(&records, "qclock-init")
            .iter()
            .any(|message| message.contains("cannot connect to `127.0.0.1:1`: Connection refused"))
    );
    assert_eq!(sandbox.health(), (1, "stopping\n".to_owned()));
}

#[test]
fn directories_are_made_and_leftovers_removed_before_a_start() {
    let sandbox = Sandbox::new();
    sandbox.write("old.pid", "1");
    let init = sandbox.start(&format!(
        "[[directory]]\npath = '{root}/deep/run'\nmode = '0700'\n{}remove_before_start = ['{root}/old.pid', '{root}/never']\n",
        service("x", "stat -c %a deep; stat -c %a @root@/deep/run; test -e @root@/old.pid || echo removed; exec sleep 1000").replace("@root@", &sandbox.root()),
        root = sandbox.root(),
    ));
    init.wait_for_message("removed");
    init.wait_for("mode", |record| record["message"] == "700");
}

#[test]
fn a_wrong_configuration_is_one_line_of_the_log_and_status_2() {
    let sandbox = Sandbox::new();
    let init = sandbox.start(&(service("x", "true") + "stop_signl = 'TERM'\n"));
    let (status, records) = init.end();
    assert_eq!(status.code(), Some(2));
    let message = records[0]["message"].as_str().unwrap();
    assert!(
        message.ends_with("init.toml:6: unknown key `stop_signl` (hint: did you mean `stop_signal`?)"),
        "{message}"
    );
}

#[test]
fn a_php_fpm_that_would_cut_pages_off_when_it_stops_is_not_started() {
    let sandbox = Sandbox::new();
    sandbox.write("fpm.conf", "[global]\nprocess_control_timeout = 0\n");
    let fpm =
        "[[service]]\nname = 'php-fpm'\ncommand = ['/bin/sh', '-y', '@root@/fpm.conf']\nlog = { stderr = 'php-fpm' }\n";
    let init = sandbox.start(&(service("x", "exec sleep 1000") + fpm));
    let (status, records) = init.end();
    assert_eq!(status.code(), Some(2), "{}", told(&records));
    let message = records[0]["message"].as_str().unwrap();
    assert!(
        message.contains("fpm.conf` has `process_control_timeout = 0`") && message.contains("hint: write"),
        "{message}"
    );
}

#[test]
fn unknown_variables_are_told_with_the_likely_one() {
    let mut sandbox = Sandbox::new();
    sandbox.set("QCLOCK_DB_HOTS", "db");
    let init =
        sandbox.start(&("[environment]\nknown = ['QCLOCK_DB_HOST']\n".to_owned() + &service("x", "exec sleep 1000")));
    let record = init.wait_for_action("unknown-variable");
    assert!(
        record["message"]
            .as_str()
            .unwrap()
            .ends_with("`QCLOCK_DB_HOTS`; did you mean `QCLOCK_DB_HOST`?")
    );
}

#[test]
fn no_line_is_lost_or_torn_when_many_are_written_at_once() {
    let sandbox = Sandbox::new();
    let writer = |name: &str| {
        let line = "x".repeat(200);
        let loop_ = format!("i=0; while [ $i -lt 5000 ]; do i=$((i+1)); echo {name} $i {line}; done");
        format!("for i in 1 2 3 4; do ({loop_}) & done; wait; echo done; exec sleep 1000")
    };
    let init = sandbox.start(&(service("a", &writer("a")) + &service("b", &writer("b"))));
    for name in ["a", "b"] {
        init.wait_for("the end", |record| {
            record["service.name"] == name && record["message"] == "done"
        });
    }
    init.signal(Signal::TERM);
    let (_, records) = init.end();
    for name in ["a", "b"] {
        let lines = messages(&records, name);
        assert_eq!(lines.len(), 20_001);
        let whole = lines
            .iter()
            .filter(|line| line.starts_with(name) && line.ends_with(&"x".repeat(200)) && line.len() < 210);
        assert_eq!(whole.count(), 20_000);
    }
}

#[test]
fn a_reader_that_stands_still_stops_nothing_and_lost_lines_are_counted() {
    let sandbox = Sandbox::new();
    let lines = 60_000;
    let script = format!(
        "seq -f 'line %.0f {}' 1 {lines}; touch @root@/through; exec sleep 1000",
        "x".repeat(100)
    )
    .replace("@root@", &sandbox.root());
    sandbox.write(
        "init.toml",
        &format!(
            "[supervisor]\nstate_file = '{}'\n{}",
            sandbox.path("state").display(),
            service("talker", &script)
        ),
    );
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = sandbox.command(&["run"]);
    command.stdout(writer);
    let mut child = command.spawn().unwrap();
    drop(command);
    wait_for("the service to get through", || {
        sandbox.path("through").exists().then_some(())
    });
    let text = std::thread::spawn(move || std::io::read_to_string(reader).unwrap());
    kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
    wait_for("the end", || child.try_wait().unwrap());
    let text = text.join().unwrap();
    let records: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let written = messages(&records, "talker").len() as u64;
    let dropped: u64 = records
        .iter()
        .filter_map(|record| record["qclock.log.dropped_lines"].as_u64())
        .sum();
    assert!(dropped > 0);
    assert_eq!(written + dropped, lines);
}

#[test]
fn as_the_true_pid_1_it_reaps_strangers_and_ends_in_order() {
    let allowed = std::process::Command::new("unshare")
        .args(["--pid", "--fork", "--mount-proc", "true"])
        .output();
    if !allowed.is_ok_and(|output| output.status.success()) || !have(&["/usr/bin/setpriv"]) {
        println!("skipped: this user may not make a PID namespace");
        return;
    }
    let sandbox = Sandbox::new();
    let script = "setsid sh -c 'sleep 0.05 & echo stranger $!' ; exec sleep 1000";
    sandbox.write(
        "init.toml",
        &format!(
            "[supervisor]\nstate_file = '{}'\n{}",
            sandbox.path("state").display(),
            service("x", script)
        ),
    );
    let inner = sandbox.command(&["run"]);
    let mut command = std::process::Command::new("unshare");
    command
        .args(["--pid", "--fork", "--kill-child", "--mount-proc"])
        .arg(inner.get_program())
        .args(inner.get_args());
    let init = Init::start(command);
    let started = init.wait_for_action("service-started");
    assert_eq!(started["process.pid"], 1);
    init.wait_for_message("stranger");
    // unshare itself ignores TERM; its child is the PID 1.
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", init.pid())).unwrap();
    let pid_1 = rustix::process::Pid::from_raw(children.trim().parse().unwrap()).unwrap();
    let of_pid_1 = format!("/proc/{pid_1}/task/{pid_1}/children");
    wait_for("the stranger to be reaped", || {
        (std::fs::read_to_string(&of_pid_1).unwrap().split_whitespace().count() == 1).then_some(())
    });
    kill_process(pid_1, Signal::TERM).unwrap();
    let (status, records) = init.end();
    assert_eq!(status.code(), Some(0), "{}", told(&records));
}
