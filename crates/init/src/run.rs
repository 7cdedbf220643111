//! The loop of PID 1: hands events to the supervisor, does what it says, passes the logs on.

mod streams;

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::clock::Timestamp;
use crate::configuration::{Configuration, Service};
use crate::environment::{self, LimitError, STOP_DELAY_SECONDS, STOP_SECONDS};
use crate::failure::{Class, Failure, in_one_line};
use crate::logs::{self, Format};
use crate::networks::{self, NetworkError};
use crate::os::{self, Doorbell};
use crate::php_fpm::{self, PhpFpmError};
use crate::rendered::{self, RenderError};
use crate::signal::Signal;
use crate::supervisor::{Action, Event, Level, Plan, Stage, Supervisor, Unit, UnitIndex};
use crate::{probe, state};
use streams::Streams;

/// For each step of a readiness probe.
const PROBE_STEP: Duration = Duration::from_secs(2);
/// For what is still to be written when everything has ended.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// The surroundings failed, in the product's exit statuses.
const NOT_TAKEN: u8 = 4;

#[derive(Debug, Error)]
pub enum RunError {
    #[error(transparent)]
    Limit(#[from] LimitError),
    #[error(transparent)]
    Network(#[from] NetworkError),
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error(transparent)]
    PhpFpm(#[from] PhpFpmError),
    #[error("cannot make the directory `{}`", path.display())]
    Directory {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot prepare to supervise")]
    Prepare(#[source] io::Error),
}

impl Failure for RunError {
    fn class(&self) -> Class {
        match self {
            Self::Limit(error) => error.class(),
            Self::Network(error) => error.class(),
            Self::Render(error) => error.class(),
            Self::PhpFpm(error) => error.class(),
            Self::Directory { .. } | Self::Prepare(_) => Class::Environment,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Directory { .. } => Some("mount a tmpfs that this user may write to, `--tmpfs /run`".to_owned()),
            Self::Network(error) => error.hint(),
            Self::Render(error) => error.hint(),
            Self::PhpFpm(error) => error.hint(),
            Self::Limit(_) | Self::Prepare(_) => None,
        }
    }
}

/// Starts and stays until everything has ended; gives the exit status.
pub fn run(configuration: &Configuration, path: &Path) -> Result<u8, RunError> {
    let doorbell = Doorbell::install().map_err(RunError::Prepare)?;
    os::adopt_orphans().map_err(RunError::Prepare)?;
    let plan = plan(configuration)?;
    php_fpm::check(
        configuration,
        |path| fs_err::read_to_string(path).ok(),
        |name| std::env::var(name).ok(),
    )?;
    for directory in &configuration.directories {
        os::make_directory(&directory.path, directory.mode).map_err(|source| RunError::Directory {
            path: directory.path.clone(),
            source,
        })?;
    }
    for file in &configuration.files {
        rendered::render(file, |name| std::env::var_os(name))?;
    }
    let gateways = networks::gateways(&os::routes("route"), &os::routes("ipv6_route"));
    let translated = networks::translate(
        &configuration.network_variables,
        |name| std::env::var_os(name),
        &gateways,
    )?;
    let mut runner = Runner::new(configuration, path, plan, doorbell).map_err(RunError::Prepare)?;
    runner.translated = translated;
    runner.warn_of_unknown_variables();
    Ok(runner.run())
}

/// What runs to its end in front of the services: a process of its own, whose memory goes with it.
struct Task {
    /// Of the unit, and of this program's command.
    name: &'static str,
    errors: Format,
}

impl Task {
    fn of(configuration: &Configuration) -> Option<Self> {
        if let Some(first_start) = &configuration.first_start {
            return Some(Self {
                name: "first-start",
                errors: first_start.log_format(),
            });
        }
        configuration.prepare.as_ref().map(|_| Self {
            name: "prepare",
            errors: Format::Keycloak,
        })
    }
}

fn plan(configuration: &Configuration) -> Result<Plan, LimitError> {
    let limit = |name| environment::seconds(name, std::env::var_os(name));
    let mut units = Vec::new();
    if let Some(task) = Task::of(configuration) {
        units.push(Unit {
            name: task.name.to_owned(),
            task: true,
            essential: true,
            stop_signal: Signal::Term,
            stop_grace: Duration::from_secs(5),
            reload_signal: None,
            ready_within: None,
            restart: None,
        });
    }
    units.extend(configuration.services.iter().map(|service| Unit {
        name: service.name.clone(),
        task: false,
        essential: service.essential,
        stop_signal: service.stop_signal,
        stop_grace: service.stop_grace,
        reload_signal: service.reload_signal,
        ready_within: service.ready.as_ref().map(|ready| ready.timeout),
        restart: service.restart,
    }));
    let mut seed = [0; 8];
    // Without randomness restarts are merely in step with others.
    let _ = getrandom::fill(&mut seed);
    Ok(Plan {
        units,
        stop_budget: limit(STOP_SECONDS)?.unwrap_or(configuration.stop_budget),
        stop_delay: limit(STOP_DELAY_SECONDS)?.unwrap_or(configuration.stop_delay),
        seed: u64::from_ne_bytes(seed),
    })
}

struct Runner<'a> {
    configuration: &'a Configuration,
    path: &'a Path,
    plan: Plan,
    /// Variables that services see in another form.
    translated: BTreeMap<String, String>,
    supervisor: Supervisor,
    doorbell: Doorbell,
    begun: Instant,
    streams: Streams,
    /// The first process of each unit, until it is reaped.
    processes: Vec<Option<i32>>,
    /// Process group of the last start of each unit.
    groups: Vec<Option<i32>>,
    probe_sender: mpsc::Sender<ProbeAnswer>,
    probe_answers: mpsc::Receiver<ProbeAnswer>,
}

#[derive(Debug)]
struct ProbeAnswer {
    unit: UnitIndex,
    /// The process that was asked; it may have been replaced since.
    pid: Option<i32>,
    answer: Result<(), String>,
}

impl<'a> Runner<'a> {
    fn new(configuration: &'a Configuration, path: &'a Path, plan: Plan, doorbell: Doorbell) -> io::Result<Self> {
        let (probe_sender, probe_answers) = mpsc::channel();
        Ok(Self {
            configuration,
            path,
            translated: BTreeMap::new(),
            supervisor: Supervisor::new(plan.clone()),
            doorbell,
            begun: Instant::now(),
            streams: Streams::new(io::stdout())?,
            processes: vec![None; plan.units.len()],
            groups: vec![None; plan.units.len()],
            probe_sender,
            probe_answers,
            plan,
        })
    }

    fn run(&mut self) -> u8 {
        let mut events = VecDeque::from([Event::Begin]);
        loop {
            while let Some(event) = events.pop_front() {
                for action in self.supervisor.step(self.begun.elapsed(), event) {
                    if let Action::Exit(status) = action {
                        self.streams.finish(Instant::now() + LAST_WORDS);
                        return status;
                    }
                    if let Some(answer) = self.perform(action) {
                        events.push_back(answer);
                    }
                }
            }
            self.streams.submit();
            self.wait();
            self.gather(&mut events);
        }
    }

    /// Until the supervisor's next deadline at the longest.
    fn wait(&mut self) {
        let deadline = self
            .supervisor
            .wake_at()
            .map(|at| at.saturating_sub(self.begun.elapsed()));
        self.streams.wait(&self.doorbell, deadline);
    }

    fn gather(&mut self, events: &mut VecDeque<Event>) {
        let rung = self.doorbell.answer();
        if rung.stop {
            events.push_back(Event::StopRequested);
        }
        if rung.reload {
            events.push_back(Event::ReloadRequested);
        }
        self.streams.read();
        while let Some((pid, outcome)) = os::reap() {
            // Strangers were left to us by their parents; they are nobody's loss.
            if let Some(unit) = self.processes.iter().position(|process| *process == Some(pid)) {
                self.processes[unit] = None;
                self.streams.read_now();
                events.push_back(Event::Exited { unit, outcome });
            }
        }
        while let Ok(ProbeAnswer { unit, pid, answer }) = self.probe_answers.try_recv() {
            if pid == self.processes[unit] {
                events.push_back(Event::ProbeAnswered { unit, answer });
            }
        }
        events.push_back(Event::Tick);
    }

    fn perform(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::Start(unit) => return Some(self.start(unit)),
            Action::Probe(unit) => self.probe(unit),
            Action::Signal { unit, signal } => {
                if let Some(pid) = self.processes[unit] {
                    if self.plan.units[unit].task || signal == Signal::Kill {
                        os::signal_group(pid, signal);
                    } else {
                        os::signal_process(pid, signal);
                    }
                }
            }
            Action::Sweep(unit) => {
                if let Some(group) = self.groups[unit].take() {
                    os::signal_group(group, Signal::Kill);
                }
            }
            Action::Publish(stage) => self.publish(stage),
            Action::Report(report) => {
                let about = report
                    .unit()
                    .map(|unit| (self.plan.units[unit].name.clone(), self.processes[unit]));
                let message = report.message(&self.plan);
                self.tell(
                    report.level(),
                    report.action(),
                    &message,
                    about.as_ref().map(|(name, pid)| (name.as_str(), *pid)),
                );
            }
            Action::Exit(_) => {}
        }
        None
    }

    /// None: the task.
    fn service(&self, unit: UnitIndex) -> Option<&'a Service> {
        let index = unit.checked_sub(usize::from(Task::of(self.configuration).is_some()))?;
        self.configuration.services.get(index)
    }

    fn start(&mut self, unit: UnitIndex) -> Event {
        let mut lock = None;
        let (command, environment, formats) = if let Some(service) = self.service(unit) {
            match service.lock.as_deref().map(take).transpose() {
                Ok(taken) => lock = taken,
                Err(reason) => {
                    return Event::StartFailed {
                        unit,
                        code: NOT_TAKEN,
                        reason,
                    };
                }
            }
            for leftover in &service.remove_before_start {
                if let Err(error) = os::remove_leftover(leftover) {
                    let reason = format!("cannot remove `{}`: {error}", leftover.display());
                    return Event::StartFailed {
                        unit,
                        code: 126,
                        reason,
                    };
                }
            }
            let container = std::env::vars_os().filter(|_| service.inherit_environment);
            let environment =
                environment::of_service(self.configuration, &service.environment, &self.translated, container);
            (service.command.clone(), environment, (service.stdout, service.stderr))
        } else {
            let mut all: BTreeMap<OsString, OsString> = BTreeMap::new();
            all.extend(std::env::vars_os());
            let path = self.path.to_string_lossy().into_owned();
            let task = Task::of(self.configuration);
            let (name, errors) = task.map_or(("help", Format::Plain), |task| (task.name, task.errors));
            let command = ["/proc/self/exe", name, "--config", &path]
                .map(ToOwned::to_owned)
                .to_vec();
            (command, all, (Format::Json, errors))
        };
        match os::start(&os::Launch {
            command: &command,
            environment: &environment,
            lock: lock.as_ref(),
        }) {
            Ok(child) => {
                self.processes[unit] = Some(child.pid);
                self.groups[unit] = Some(child.pid);
                self.streams.add(&self.plan.units[unit].name, formats, child);
                Event::Started { unit }
            }
            Err(error) => {
                let code = if error.kind() == io::ErrorKind::NotFound {
                    127
                } else {
                    126
                };
                let reason = format!("`{}`: {error}", command[0]);
                Event::StartFailed { unit, code, reason }
            }
        }
    }

    /// In a thread, because a service may let the question hang; one per service, because the supervisor waits for the answer.
    fn probe(&mut self, unit: UnitIndex) {
        let pid = self.processes[unit];
        let Some(ready) = self.service(unit).and_then(|service| service.ready.clone()) else {
            return;
        };
        let sender = self.probe_sender.clone();
        let ask = |ringer: os::Ringer| {
            std::thread::Builder::new()
                .name("probe".to_owned())
                .stack_size(128 << 10)
                .spawn(move || {
                    let answer = probe::ask(&ready.probe, PROBE_STEP).map_err(|error| in_one_line(&error));
                    // The receiver lives as long as the process.
                    let _ = sender.send(ProbeAnswer { unit, pid, answer });
                    ringer.ring();
                })
        };
        if let Err(error) = self.doorbell.ringer().and_then(ask) {
            let answer = Err(format!("cannot ask: {error}"));
            // As above.
            let _ = self.probe_sender.send(ProbeAnswer { unit, pid, answer });
        }
    }

    fn publish(&mut self, stage: Stage) {
        let text = match stage {
            Stage::Starting(unit) => format!("starting: waiting for `{}`", self.plan.units[unit].name),
            Stage::Ready => state::ready(),
            Stage::Stopping => "stopping".to_owned(),
        };
        if let Err(error) = state::publish(&self.configuration.state_file, &text) {
            let message = format!("cannot say how far it is, `health` will only ask the services: {error}");
            self.tell(Level::Warning, "state-not-written", &message, None);
        }
        if stage == Stage::Ready {
            self.remove_what_has_served();
        }
    }

    /// Files with secrets that a service has read.
    fn remove_what_has_served(&mut self) {
        let services = &self.configuration.services;
        for path in services.iter().flat_map(|service| &service.remove_when_ready) {
            if let Err(error) = os::remove_leftover(path) {
                let message = format!("cannot remove `{}`, which is needed no more: {error}", path.display());
                self.tell(Level::Error, "leftover-not-removed", &message, None);
            }
        }
    }

    fn warn_of_unknown_variables(&mut self) {
        let Some(known) = environment::known_variables(self.configuration) else {
            return;
        };
        let names: Vec<String> = std::env::vars_os()
            .filter_map(|(name, _)| name.into_string().ok())
            .collect();
        for (name, close) in environment::unknown_variables(&known, names.iter().map(String::as_str)) {
            let hint = close
                .map(|close| format!("; did you mean `{close}`?"))
                .unwrap_or_default();
            let message = format!("nothing in this image reads the variable `{name}`{hint}");
            self.tell(Level::Warning, "unknown-variable", &message, None);
        }
    }

    fn tell(&mut self, level: Level, action: &str, message: &str, about: Option<(&str, Option<i32>)>) {
        let event = logs::Event {
            level,
            action,
            message,
            about,
            numbers: &[],
        };
        logs::write_own(&event, Timestamp::now(), self.streams.batch());
    }
}

/// Locked for the service; why not, when that is impossible.
fn take(directory: &Path) -> Result<File, String> {
    let shown = directory.display();
    let file = File::open(directory).map_err(|error| format!("cannot open `{shown}`: {error}"))?;
    match os::lock_directory(&file) {
        Ok(true) => Ok(file),
        Ok(false) => Err(format!("another container uses `{shown}`")),
        Err(error) => Err(format!("cannot lock `{shown}`: {error}")),
    }
}

/// For errors before there is anything to supervise.
pub fn write_failure(failure: &impl Failure) -> Vec<u8> {
    let hint = failure
        .hint()
        .map(|hint| format!(" (hint: {hint})"))
        .unwrap_or_default();
    let message = format!("{}{hint}", in_one_line(failure));
    let mut line = Vec::new();
    let event = logs::Event {
        level: Level::Error,
        action: "not-started",
        message: &message,
        about: None,
        numbers: &[],
    };
    logs::write_own(&event, Timestamp::now(), &mut line);
    line
}
