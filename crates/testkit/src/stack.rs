//! The stack under its own Compose project name, on free ports, with its own secrets: a guest that leaves nothing behind
//! and does not mind another stack beside it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::client::{self, Answer};
use crate::wait::wait_for;

/// What the images are called, without `qclock-` in front.
pub const IMAGES: [&str; 6] = ["base", "app", "db", "dashboard", "identity-db", "identity"];
/// What runs.
pub const SERVICES: [&str; 5] = ["app", "db", "dashboard", "identity-db", "identity"];

/// How long a single `docker` command may take before the test says so.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the stack under test is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// The evaluation flavour, from the checkout, by its scripts.
    Debian12,
    /// The definitions of Oracle Linux 9 on the laboratory's mirror: from a copy, with the laboratory's key.
    Laboratory,
}

impl Flavour {
    pub fn name(self) -> &'static str {
        match self {
            Self::Debian12 => "debian12",
            Self::Laboratory => "oraclelinux9",
        }
    }

    pub fn is_evaluation(self) -> bool {
        self == Self::Debian12
    }
}

/// A running (or at least named) stack.  Dropped: containers, networks and volumes go, with the evidence printed when a test panicked.
#[derive(Debug)]
pub struct Stack {
    root: PathBuf,
    pub flavour: Flavour,
    pub project: String,
    /// Port of Apache.
    pub http_port: u16,
    /// Port of the dashboard itself.
    pub noc_port: u16,
    /// Port of sign-in.
    pub identity_port: u16,
    /// Image tag of this run.
    pub tag: String,
    /// What this stack's scripts are told besides.
    variables: Vec<(&'static str, String)>,
    folder: PathBuf,
    /// Goes with the stack; absent where the stack is somebody else's, who takes it away.
    temporary: Option<TempDir>,
    /// Where the laboratory's packages come from, as soon as there are any.
    mirror: OnceLock<PathBuf>,
}

impl Stack {
    /// Names a stack of the checkout at `root`, or of a copy of it that has yet to be made; starts nothing.
    pub fn new(root: &Path, flavour: Flavour) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("qclock-stack-").tempdir()?;
        // Containers run as another user and read the files mounted from here.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs_err::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
        }
        fs_err::create_dir(folder.path().join("www"))?;
        let id = format!("{}-{}", flavour.name(), std::process::id());
        let root = match flavour {
            Flavour::Debian12 => root.to_owned(),
            Flavour::Laboratory => folder.path().join("project"),
        };
        Ok(Self {
            root,
            flavour,
            project: format!("qclock-test-{id}"),
            http_port: free_port()?,
            noc_port: free_port()?,
            identity_port: free_port()?,
            tag: format!("test-{id}"),
            variables: Vec::new(),
            folder: folder.path().to_owned(),
            temporary: Some(folder),
            mirror: OnceLock::new(),
        })
    }

    /// A stack of the evaluation flavour that runs already and goes on running, for scenarios that are run alone: `folder` holds its
    /// `www`, its `secrets` and, in `stack.env`, the variables that it was started with.
    pub fn running(root: &Path, folder: &Path) -> Result<Self> {
        let text = fs_err::read_to_string(folder.join("stack.env"))?;
        let value = |name: &str| {
            let mut pairs = text.lines().filter_map(|line| line.split_once('='));
            let pair = pairs.find(|(key, _)| *key == name);
            pair.map(|(_, value)| value.to_owned())
                .with_context(|| format!("stack.env has no {name}"))
        };
        Ok(Self {
            root: root.to_owned(),
            flavour: Flavour::Debian12,
            project: value("COMPOSE_PROJECT_NAME")?,
            http_port: value("QCLOCK_HTTP_PORT")?.parse()?,
            noc_port: value("QCLOCK_NOC_PORT")?.parse()?,
            identity_port: value("QCLOCK_IDENTITY_PORT")?.parse()?,
            tag: value("QCLOCK_TAG")?,
            variables: Vec::new(),
            folder: folder.to_owned(),
            temporary: None,
            mirror: OnceLock::new(),
        })
    }

    /// Folder of the definitions and of `docker-compose.yml`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Another stack of the same checkout, with a name of its own, for which variables are set.
    pub fn beside(&self, name: &str, variables: &[(&'static str, &str)]) -> Result<Self> {
        let mut other = Self::new(&self.root, self.flavour)?;
        other.project = format!("{}-{name}", self.project);
        other.tag = format!("{}-{name}", self.tag);
        other.variables.extend(self.variables.iter().cloned());
        other
            .variables
            .extend(variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Ok(other)
    }

    /// A stack of these images as they are here, with a name, passwords and volumes of its own.
    pub fn another(&self, name: &str, images: &[&str]) -> Result<Self> {
        let mut other = Self::new(&self.root, Flavour::Debian12)?;
        other.flavour = self.flavour;
        other.project = format!("{}-{name}", self.project);
        other.tag = format!("{}-{name}", self.tag);
        other.variables.clone_from(&self.variables);
        // A filtered run has no images of its own.
        let tag = std::env::var("QCLOCK_TEST_TAG").unwrap_or_else(|_| self.tag.clone());
        for image in images {
            let (from, to) = (format!("qclock-{image}:{tag}"), format!("qclock-{image}:{}", other.tag));
            self.run("docker", &["tag", &from, &to])?;
        }
        Ok(other)
    }

    /// Folder whose `www` is mounted as the document root and whose `secrets` holds this stack's own passwords.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// From now on the programs of this stack take packages from there, and keep them in a cache of their own.
    pub fn use_mirror(&self, folder: &Path) {
        drop(self.mirror.set(folder.to_owned()));
    }

    /// Writes a file of the PHP application under test.
    pub fn write_page(&self, name: &str, content: &str) -> Result<()> {
        Ok(fs_err::write(self.folder().join("www").join(name), content)?)
    }

    /// For what is started from now on.
    pub fn set_variable(&mut self, name: &'static str, value: &str) {
        self.variables.push((name, value.to_owned()));
    }

    /// The variables that make `docker compose` and the scripts talk about this stack.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("COMPOSE_PROJECT_NAME", self.project.clone()),
            ("QCLOCK_FLAVOUR", self.flavour.name().to_owned()),
            ("QCLOCK_HTTP_PORT", self.http_port.to_string()),
            ("QCLOCK_NOC_PORT", self.noc_port.to_string()),
            ("QCLOCK_IDENTITY_PORT", self.identity_port.to_string()),
            ("QCLOCK_TAG", self.tag.clone()),
            (
                "QCLOCK_SECRETS_DIR",
                self.folder().join("secrets").display().to_string(),
            ),
            ("QCLOCK_WWW", self.folder().join("www").display().to_string()),
        ];
        if let Some(mirror) = self.mirror.get() {
            variables.push(("QCLOCK_ORACLELINUX_MIRROR", mirror.display().to_string()));
            variables.push(("QCLOCK_CACHE_DIR", self.folder().join("cache").display().to_string()));
        }
        variables.extend(self.variables.iter().cloned());
        variables
    }

    /// Runs a program in the checkout with this stack's environment; its output is returned, an unwanted status is an error that holds it.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let output = self.output(program, arguments)?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.success(),
            "{program} {}: {}\n{text}{}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(text)
    }

    pub fn output(&self, program: &str, arguments: &[&str]) -> Result<Output> {
        Command::new(program)
            .args(arguments)
            .current_dir(&self.root)
            .envs(self.environment())
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot run {program}"))
    }

    pub fn compose(&self, arguments: &[&str]) -> Result<String> {
        let mut all = vec!["compose"];
        all.extend(arguments);
        self.run("docker", &all)
    }

    /// Container id of a service, running or not.
    pub fn container(&self, service: &str) -> Result<String> {
        let id = self.compose(&["ps", "--all", "--quiet", service])?;
        let id = id.trim();
        ensure!(!id.is_empty(), "service {service} has no container");
        Ok(id.to_owned())
    }

    pub fn inspect(&self, service: &str) -> Result<Value> {
        let text = self.run("docker", &["inspect", &self.container(service)?])?;
        let mut list: Vec<Value> = serde_json::from_str(&text)?;
        list.pop().context("docker inspect answered an empty list")
    }

    /// Everything that a service's container wrote.  From the engine, since Compose decorates lines for terminals.
    pub fn logs(&self, service: &str) -> Result<String> {
        let output = self.output("docker", &["logs", &self.container(service)?])?;
        ensure!(
            output.status.success(),
            "docker logs: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
    }

    /// Host process ids of the programs of that name inside a service's container.
    pub fn processes(&self, service: &str, program: &str) -> Result<Vec<Process>> {
        let table = self.run(
            "docker",
            &["top", &self.container(service)?, "-eo", "pid,ppid,rss,comm"],
        )?;
        Ok(table
            .lines()
            .skip(1)
            .filter_map(Process::parse)
            .filter(|process| process.program.starts_with(program))
            .collect())
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.http_port)
    }

    pub fn noc_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.noc_port)
    }

    pub fn identity_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.identity_port)
    }

    pub fn get(&self, path: &str) -> Result<Answer> {
        client::get(&self.url(path), Duration::from_secs(10))
    }

    /// `/api/v1/status`, asked of the dashboard itself.
    pub fn status(&self) -> Result<Value> {
        let answer = client::get(&self.noc_url("/api/v1/status"), Duration::from_secs(5))?;
        ensure!(answer.status == 200, "status API answered {}", answer.status);
        answer.json()
    }

    /// One check of the status document.
    pub fn check(&self, id: &str) -> Result<Value> {
        let status = self.status()?;
        let checks = status["checks"].as_array().context("no list of checks")?;
        checks
            .iter()
            .find(|check| check["id"] == id)
            .cloned()
            .with_context(|| format!("no check {id} in {status}"))
    }

    /// Waits until a check has one of the given states; returns how long that took.
    pub fn wait_for_state(&self, id: &str, states: &[&str], deadline: Duration) -> Result<Duration> {
        let what = format!("check {id} becomes {}", states.join(" or "));
        let ((), elapsed) = wait_for(&what, deadline, || match self.check(id) {
            Ok(check) if check["stale"] == false && states.iter().any(|state| check["state"] == *state) => Ok(()),
            Ok(check) => Err(check.to_string()),
            Err(error) => Err(format!("{error:#}")),
        })?;
        Ok(elapsed)
    }

    /// Waits until Docker calls every container of the project healthy.
    pub fn wait_until_healthy(&self, deadline: Duration) -> Result<Duration> {
        let ((), elapsed) = wait_for("every container is healthy", deadline, || {
            let table = self
                .compose(&["ps", "--all", "--format", "{{.Service}} {{.State}} {{.Health}}"])
                .map_err(|error| format!("{error:#}"))?;
            let all_good = !table.trim().is_empty() && table.lines().all(|line| line.ends_with("running healthy"));
            if all_good { Ok(()) } else { Err(table) }
        })?;
        Ok(elapsed)
    }

    /// What a person would look at first, for the report of a failed test.
    pub fn evidence(&self) -> String {
        let part = |title: &str, text: Result<String>| {
            format!("--- {title}\n{}\n", text.unwrap_or_else(|error| format!("{error:#}")))
        };
        part("docker compose ps", self.compose(&["ps", "--all"]))
            + &part("status", self.status().map(|status| format!("{status:#}")))
            + &part("last log lines", self.compose(&["logs", "--no-color", "--tail", "25"]))
    }

    /// Takes everything of this stack away, images of this run included.
    pub fn remove(&self) -> Result<()> {
        // A copy that was never made has never run, and a stack of somebody else's goes on.
        if !self.root.is_dir() || self.temporary.is_none() {
            return Ok(());
        }
        self.compose(&["down", "--volumes", "--remove-orphans", "--timeout", "20"])?;
        let plain = ["base", "app", "db", "dashboard", "identity", "identity-db"]
            .map(|image| format!("qclock-{image}:{}", self.tag));
        for name in plain.into_iter().chain([format!("qclock-db:mysql-{}", self.tag)]) {
            // An image that was never loaded cannot be removed: that is fine.
            drop(self.output("docker", &["image", "rm", "--force", &name]));
        }
        Ok(())
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        drop(self.remove());
    }
}

/// One line of `docker top`.
#[derive(Debug, Clone)]
pub struct Process {
    pub pid: u32,
    pub parent: u32,
    /// Resident memory in KiB.
    pub resident: u64,
    pub program: String,
}

impl Process {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split_whitespace();
        Some(Self {
            pid: fields.next()?.parse().ok()?,
            parent: fields.next()?.parse().ok()?,
            resident: fields.next()?.parse().ok()?,
            program: fields.next()?.to_owned(),
        })
    }

    /// SIGKILL from the host, as the kernel's out-of-memory killer would.
    pub fn kill(&self) -> Result<()> {
        let status = Command::new("kill").args(["-9", &self.pid.to_string()]).status()?;
        ensure!(status.success(), "cannot kill process {}", self.pid);
        Ok(())
    }
}

/// Whether a Docker engine (not only its client) and Compose v2 answer; else why not.
pub fn docker_answers() -> Result<()> {
    for arguments in [
        &["version", "--format", "{{.Server.Version}}"][..],
        &["compose", "version", "--short"][..],
    ] {
        let output = Command::new("docker")
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .context("no docker client")?;
        if !output.status.success() {
            bail!(
                "docker {}: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
    }
    Ok(())
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The deadline that tests use where no figure is promised.
pub const fn patience() -> Duration {
    PATIENCE
}
