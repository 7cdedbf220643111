//! Scenarios: a trace of events with their times, each with the actions that answer it.

use super::*;
use crate::configuration::Restart;

fn unit(name: &str) -> Unit {
    Unit {
        name: name.to_owned(),
        task: false,
        essential: true,
        stop_signal: Signal::Term,
        stop_grace: Duration::from_secs(10),
        reload_signal: None,
        ready_within: None,
        restart: None,
    }
}

/// As the application's image has them.
fn php_fpm_and_httpd() -> Vec<Unit> {
    let ready_within = Some(Duration::from_secs(30));
    vec![
        Unit {
            stop_signal: Signal::Quit,
            stop_grace: Duration::from_secs(15),
            reload_signal: Some(Signal::Usr2),
            ready_within,
            ..unit("fpm")
        },
        Unit {
            stop_signal: Signal::Winch,
            stop_grace: Duration::from_secs(20),
            reload_signal: Some(Signal::Usr1),
            ready_within,
            ..unit("httpd")
        },
    ]
}

struct Trace {
    supervisor: Supervisor,
    plan: Plan,
    now: Duration,
}

impl Trace {
    fn new(units: Vec<Unit>) -> Self {
        let plan = Plan {
            units,
            stop_budget: Duration::from_secs(40),
            stop_delay: Duration::ZERO,
            seed: 1,
        };
        Self {
            supervisor: Supervisor::new(plan.clone()),
            plan,
            now: Duration::ZERO,
        }
    }

    /// What is done, without what is only said.
    fn step(&mut self, event: Event) -> Vec<String> {
        let actions = self.supervisor.step(self.now, event);
        let name = |unit: UnitIndex| self.plan.units[unit].name.clone();
        let told = actions.into_iter().filter_map(|action| match action {
            Action::Start(unit) => Some(format!("start {}", name(unit))),
            Action::Probe(unit) => Some(format!("probe {}", name(unit))),
            Action::Signal { unit, signal } => Some(format!("{} {}", signal.name(), name(unit))),
            Action::Sweep(unit) => Some(format!("sweep {}", name(unit))),
            Action::Publish(stage) => Some(format!("publish {stage:?}")),
            Action::Exit(status) => Some(format!("exit {status}")),
            Action::Report(_) => None,
        });
        told.collect()
    }

    /// Lets time pass to the next deadline, which must come `milliseconds` from now.
    fn next(&mut self, milliseconds: u64) -> Vec<String> {
        let at = self.now + Duration::from_millis(milliseconds);
        assert_eq!(self.supervisor.wake_at(), Some(at));
        self.now = at;
        self.step(Event::Tick)
    }

    fn later(&mut self, milliseconds: u64) -> &mut Self {
        self.now += Duration::from_millis(milliseconds);
        self
    }

    fn started(&mut self, unit: UnitIndex) -> Vec<String> {
        self.step(Event::Started { unit })
    }

    fn ready(&mut self, unit: UnitIndex) -> Vec<String> {
        self.step(Event::ProbeAnswered { unit, answer: Ok(()) })
    }

    fn not_ready(&mut self, unit: UnitIndex) -> Vec<String> {
        let answer = Err("not yet".to_owned());
        self.step(Event::ProbeAnswered { unit, answer })
    }

    fn exited(&mut self, unit: UnitIndex, outcome: Outcome) -> Vec<String> {
        self.step(Event::Exited { unit, outcome })
    }

    /// Everything is up.
    fn running(units: Vec<Unit>) -> Self {
        let count = units.len();
        let mut trace = Self::new(units);
        trace.step(Event::Begin);
        for unit in 0..count {
            trace.started(unit);
            if trace.plan.units[unit].ready_within.is_some() {
                trace.ready(unit);
            }
        }
        assert_eq!(trace.supervisor.phase, Phase::Running);
        trace
    }
}

const DONE: Outcome = Outcome::Code(0);

#[test]
fn the_front_end_starts_when_what_stands_behind_it_answers() {
    let mut trace = Trace::new(php_fpm_and_httpd());
    assert_eq!(trace.step(Event::Begin), ["publish Starting(0)", "start fpm"]);
    assert_eq!(trace.started(0), ["probe fpm"]);
    assert!(trace.later(3).not_ready(0).is_empty());
    assert_eq!(trace.next(10), ["probe fpm"]);
    assert!(trace.not_ready(0).is_empty());
    assert_eq!(trace.next(15), ["probe fpm"]);
    assert_eq!(trace.ready(0), ["publish Starting(1)", "start httpd"]);
    assert_eq!(trace.started(1), ["probe httpd"]);
    assert_eq!(trace.ready(1), ["publish Ready"]);
    assert_eq!(
        trace.supervisor.wake_at(),
        None,
        "nothing to do is nothing to wake up for"
    );
}

#[test]
fn a_stop_drains_the_front_end_before_php_is_asked() {
    let mut trace = Trace::running(php_fpm_and_httpd());
    assert_eq!(trace.step(Event::StopRequested), ["publish Stopping", "WINCH httpd"]);
    assert!(trace.later(3000).step(Event::Tick).is_empty());
    assert_eq!(trace.exited(1, DONE), ["sweep httpd", "QUIT fpm"]);
    assert_eq!(trace.later(10).exited(0, DONE), ["sweep fpm", "exit 0"]);
    assert!(trace.step(Event::StopRequested).is_empty());
}

#[test]
fn each_unit_climbs_its_ladder_and_the_next_keeps_its_turn() {
    let mut trace = Trace::running(php_fpm_and_httpd());
    trace.step(Event::StopRequested);
    assert_eq!(trace.next(20_000), ["TERM httpd"]);
    assert_eq!(trace.next(2000), ["KILL httpd"]);
    assert_eq!(trace.exited(1, Outcome::Signal(9)), ["sweep httpd", "QUIT fpm"]);
    assert_eq!(trace.exited(0, DONE), ["sweep fpm", "exit 0"]);
}

#[test]
fn a_unit_that_hangs_in_the_kernel_is_given_up() {
    let mut trace = Trace::running(vec![unit("stuck")]);
    trace.step(Event::StopRequested);
    assert_eq!(trace.next(10_000), ["KILL stuck"], "TERM was the first signal already");
    assert_eq!(trace.next(1000), ["exit 0"]);
}

#[test]
fn the_budget_is_shared_so_that_the_last_unit_has_some_of_it() {
    let mut units = php_fpm_and_httpd();
    units[1].stop_grace = Duration::from_secs(1000);
    let mut trace = Trace::running(units);
    trace.step(Event::StopRequested);
    assert_eq!(trace.next(38_000), ["TERM httpd"]);
    assert_eq!(trace.next(2000), ["KILL httpd", "KILL fpm"]);
    assert!(trace.exited(1, Outcome::Signal(9)) == ["sweep httpd"]);
    assert_eq!(trace.exited(0, Outcome::Signal(9)), ["sweep fpm", "exit 0"]);
}

#[test]
fn when_the_budget_is_spent_everything_is_killed_and_then_left() {
    let mut trace = Trace::running(php_fpm_and_httpd());
    trace.step(Event::StopRequested);
    trace.later(40_000);
    assert_eq!(trace.step(Event::Tick), ["KILL httpd", "KILL fpm"]);
    assert_eq!(trace.next(1000), ["exit 0"]);
}

#[test]
fn a_second_request_terminates_all_and_a_third_kills() {
    let mut trace = Trace::running(php_fpm_and_httpd());
    trace.step(Event::StopRequested);
    assert_eq!(trace.step(Event::StopRequested), ["TERM httpd", "TERM fpm"]);
    assert_eq!(trace.step(Event::StopRequested), ["KILL httpd", "KILL fpm"]);
    assert_eq!(trace.next(1000), ["exit 0"]);

    let mut trace = Trace::running(php_fpm_and_httpd());
    trace.step(Event::StopRequested);
    trace.step(Event::StopRequested);
    assert_eq!(trace.exited(0, DONE), ["sweep fpm"]);
    assert_eq!(trace.next(3000), ["KILL httpd"]);
    assert_eq!(trace.exited(1, Outcome::Signal(9)), ["sweep httpd", "exit 0"]);
}

#[test]
fn a_lost_back_end_keeps_its_orphans_until_the_front_end_has_drained() {
    let mut trace = Trace::running(php_fpm_and_httpd());
    assert_eq!(trace.exited(0, Outcome::Signal(9)), ["publish Stopping", "WINCH httpd"]);
    assert_eq!(trace.exited(1, DONE), ["sweep httpd", "sweep fpm", "exit 137"]);
}

#[test]
fn the_first_loss_decides_the_status() {
    let mut trace = Trace::running(php_fpm_and_httpd());
    trace.exited(1, Outcome::Code(3));
    assert_eq!(trace.exited(0, Outcome::Code(9)), ["sweep fpm", "exit 3"]);
    let mut trace = Trace::running(php_fpm_and_httpd());
    trace.exited(1, DONE);
    assert_eq!(
        trace.exited(0, DONE),
        ["sweep fpm", "exit 1"],
        "to end unasked is no success"
    );
}

#[test]
fn a_loss_while_stopping_on_request_is_still_a_success() {
    let mut trace = Trace::running(php_fpm_and_httpd());
    trace.step(Event::StopRequested);
    assert!(trace.exited(0, Outcome::Code(9)).is_empty());
    assert_eq!(trace.exited(1, DONE), ["sweep httpd", "sweep fpm", "exit 0"]);
}

#[test]
fn a_stop_during_the_start_ends_what_was_started() {
    let mut trace = Trace::new(php_fpm_and_httpd());
    trace.step(Event::Begin);
    trace.started(0);
    assert_eq!(trace.step(Event::StopRequested), ["publish Stopping", "QUIT fpm"]);
    assert!(trace.ready(0).is_empty(), "an answer that comes too late");
    assert_eq!(trace.exited(0, DONE), ["sweep fpm", "exit 0"]);
}

#[test]
fn what_is_not_ready_in_time_ends_everything_with_4() {
    let mut trace = Trace::new(php_fpm_and_httpd());
    trace.step(Event::Begin);
    trace.started(0);
    assert_eq!(
        trace.next(30_000),
        ["publish Stopping", "QUIT fpm"],
        "while the question still hangs"
    );
    assert_eq!(trace.exited(0, DONE), ["sweep fpm", "exit 4"]);
}

#[test]
fn what_cannot_be_started_ends_everything_with_the_shells_status() {
    let mut trace = Trace::running(vec![unit("first")]);
    trace.plan.units.push(unit("second"));
    let mut trace = Trace::new(trace.plan.units);
    trace.step(Event::Begin);
    assert_eq!(trace.started(0), ["publish Starting(1)", "start second"]);
    let reason = "no such file".to_owned();
    let failed = Event::StartFailed {
        unit: 1,
        code: 127,
        reason,
    };
    assert_eq!(trace.step(failed), ["publish Stopping", "TERM first"]);
    assert_eq!(trace.exited(0, Outcome::Signal(15)), ["sweep first", "exit 127"]);
}

#[test]
fn a_task_comes_before_the_services_and_its_failure_ends_everything() {
    let task = Unit {
        task: true,
        ..unit("task")
    };
    let mut trace = Trace::new(vec![task.clone(), unit("db")]);
    trace.step(Event::Begin);
    assert!(trace.started(0).is_empty());
    assert_eq!(trace.supervisor.wake_at(), None, "a task takes its time");
    assert_eq!(trace.exited(0, DONE), ["publish Starting(1)", "start db"]);

    let mut trace = Trace::new(vec![task, unit("db")]);
    trace.step(Event::Begin);
    trace.started(0);
    assert_eq!(
        trace.exited(0, Outcome::Code(2)),
        ["publish Stopping", "sweep task", "exit 2"]
    );
}

#[test]
fn a_restart_waits_longer_each_time_and_counts_within_its_window() {
    let restart = Some(Restart {
        limit: 2,
        within: Duration::from_mins(1),
        delay: Duration::from_secs(1),
        longest_delay: Duration::from_secs(30),
    });
    let mut trace = Trace::running(vec![
        Unit {
            restart,
            ..unit("weak")
        },
        unit("strong"),
    ]);
    let delay = |trace: &Trace| {
        trace
            .supervisor
            .wake_at()
            .map_or(Duration::ZERO, |at| at.saturating_sub(trace.now))
    };
    for seconds in [1, 2] {
        assert_eq!(trace.exited(0, Outcome::Code(1)), ["sweep weak"]);
        let waits = delay(&trace);
        assert!(
            waits >= Duration::from_secs(seconds) && waits <= Duration::from_millis(seconds * 1250),
            "{waits:?}"
        );
        trace.now += waits;
        assert_eq!(trace.step(Event::Tick), ["start weak"]);
        trace.started(0);
    }
    let mut forgotten = Trace {
        supervisor: trace.supervisor,
        plan: trace.plan,
        now: trace.now,
    };
    forgotten.later(60_000);
    assert_eq!(
        forgotten.exited(0, Outcome::Code(1)),
        ["sweep weak"],
        "old ones are forgotten"
    );
    let waits = delay(&forgotten);
    forgotten.now += waits;
    forgotten.step(Event::Tick);
    forgotten.started(0);
    forgotten.exited(0, Outcome::Code(1));
    let waits = delay(&forgotten);
    forgotten.now += waits;
    forgotten.step(Event::Tick);
    forgotten.started(0);
    assert_eq!(
        forgotten.exited(0, Outcome::Code(5)),
        ["publish Stopping", "TERM strong"]
    );
    assert_eq!(forgotten.exited(1, DONE), ["sweep strong", "sweep weak", "exit 5"]);
}

#[test]
fn the_end_of_an_optional_unit_is_only_told() {
    let mut trace = Trace::running(vec![
        Unit {
            essential: false,
            ..unit("extra")
        },
        unit("main"),
    ]);
    assert_eq!(trace.exited(0, Outcome::Code(1)), ["sweep extra"]);
    assert_eq!(trace.step(Event::StopRequested), ["publish Stopping", "TERM main"]);
    assert_eq!(trace.exited(1, DONE), ["sweep main", "exit 0"]);
}

#[test]
fn a_reload_reaches_running_units_that_declare_a_signal_and_nobody_while_stopping() {
    let mut trace = Trace::running(php_fpm_and_httpd());
    assert_eq!(trace.step(Event::ReloadRequested), ["USR2 fpm", "USR1 httpd"]);
    trace.step(Event::StopRequested);
    assert!(trace.step(Event::ReloadRequested).is_empty());
}

#[test]
fn a_delay_comes_before_the_first_signal_of_a_requested_stop_only() {
    let delayed = |trace: &mut Trace| {
        trace.plan.stop_delay = Duration::from_secs(5);
        trace.supervisor.plan.stop_delay = Duration::from_secs(5);
    };
    let mut trace = Trace::running(php_fpm_and_httpd());
    delayed(&mut trace);
    assert_eq!(trace.step(Event::StopRequested), ["publish Stopping"]);
    assert_eq!(trace.next(5000), ["WINCH httpd"]);

    let mut trace = Trace::running(php_fpm_and_httpd());
    delayed(&mut trace);
    assert_eq!(trace.exited(0, Outcome::Code(1)), ["publish Stopping", "WINCH httpd"]);
}

#[test]
fn whatever_happens_in_whatever_order_a_stop_ends_within_its_budget() {
    proptest::proptest!(|(events in proptest::collection::vec((0_u8..8, 0_usize..2, 0_u64..5000), 0..40))| {
        let mut trace = Trace::new(php_fpm_and_httpd());
        trace.step(Event::Begin);
        for (kind, unit, pause) in events {
            trace.later(pause);
            let event = match kind {
                0 => Event::Started { unit },
                1 | 2 => Event::ProbeAnswered { unit, answer: Ok(()) },
                3 => Event::ProbeAnswered { unit, answer: Err("no".to_owned()) },
                4 => Event::Exited { unit, outcome: Outcome::Code(1) },
                5 => Event::ReloadRequested,
                6 => Event::StopRequested,
                _ => Event::Tick,
            };
            // The loop never tells of a process that it has not started.
            let known = match (&event, &trace.supervisor.states[unit]) {
                (Event::Started { .. }, state) => *state == State::Launching,
                (Event::Exited { .. }, state) => state.is_alive() && *state != State::Launching,
                _ => true,
            };
            if known {
                trace.step(event);
            }
        }
        trace.step(Event::StopRequested);
        for unit in 0..2 {
            if trace.supervisor.states[unit] == State::Launching {
                trace.started(unit);
            }
        }
        let begun = trace.now;
        while trace.supervisor.phase != Phase::Done {
            let at = trace.supervisor.wake_at();
            proptest::prop_assert!(at.is_some());
            trace.now = trace.now.max(at.unwrap_or_default());
            trace.step(Event::Tick);
        }
        proptest::prop_assert!(trace.now <= begun + Duration::from_secs(41));
    });
}
