//! What `docker inspect` and the exported file systems say about hardening.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use qclock_testkit::stack::{Flavour, SERVICES, Stack};
use serde_json::Value;

const SHELLS: [&str; 9] = ["sh", "bash", "dash", "ash", "zsh", "ksh", "csh", "busybox", "rbash"];

/// Non-root, read-only, no capabilities, no new privileges, bounded; in the configuration and in the kernel's own words.
pub(crate) fn containers(stack: &Stack) -> Result<()> {
    for service in SERVICES {
        let container = stack.inspect(service)?;
        let user = container["Config"]["User"].as_str().unwrap_or_default();
        ensure!(user.starts_with("10001"), "{service} runs as `{user}`");
        let host = &container["HostConfig"];
        ensure!(host["ReadonlyRootfs"] == true, "{service}: the root is writable");
        ensure!(
            host["CapDrop"].to_string().contains("ALL"),
            "{service} drops {}",
            host["CapDrop"]
        );
        ensure!(
            host["CapAdd"].as_array().is_none_or(Vec::is_empty),
            "{service} adds {}",
            host["CapAdd"]
        );
        ensure!(host["Privileged"] == false, "{service} is privileged");
        ensure!(
            host["SecurityOpt"].to_string().contains("no-new-privileges"),
            "{service}: {}",
            host["SecurityOpt"]
        );
        ensure!(
            host["Memory"].as_u64().is_some_and(|bytes| bytes > 0),
            "{service} has no memory limit"
        );
        ensure!(
            host["PidsLimit"].as_i64().is_some_and(|count| count > 0),
            "{service} has no limit of processes"
        );
        let pid = container["State"]["Pid"].as_u64().context("no process id")?;
        let status = fs_err::read_to_string(format!("/proc/{pid}/status"))?;
        for expected in [
            "CapEff:\t0000000000000000",
            "CapBnd:\t0000000000000000",
            "NoNewPrivs:\t1",
            "Seccomp:\t2",
        ] {
            ensure!(
                status.contains(expected),
                "{service}: /proc/{pid}/status lacks `{expected}`"
            );
        }
    }
    published_ports(stack)
}

/// Only Apache is published to everybody, the dashboard's own port to the loopback, the database to nobody.
fn published_ports(stack: &Stack) -> Result<()> {
    for (service, expected) in [
        ("app", vec!["8080/tcp", "8081/tcp"]),
        ("db", vec![]),
        ("dashboard", vec!["8082/tcp"]),
        ("identity-db", vec![]),
    ] {
        let container = stack.inspect(service)?;
        let bindings = container["HostConfig"]["PortBindings"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        let published: Vec<_> = bindings.keys().map(String::as_str).collect();
        ensure!(published == expected, "{service} publishes {published:?}");
        if service == "dashboard" {
            let address = bindings["8082/tcp"][0]["HostIp"].as_str().unwrap_or_default();
            ensure!(address == "127.0.0.1", "the dashboard is published on `{address}`");
        }
    }
    Ok(())
}

/// Walks the exported file system of every container.
pub(crate) fn file_systems(stack: &Stack) -> Result<()> {
    for service in SERVICES {
        for entry in listing(stack, service)? {
            let (mode, path) = (entry.mode, &entry.path);
            ensure!(
                mode & 0o6000 == 0 || entry.directory,
                "{service}: /{path} is set-id ({mode:o})"
            );
            ensure!(
                mode & 0o002 == 0 || entry.link || mode & 0o1000 != 0,
                "{service}: /{path} is world-writable"
            );
            let name = path.rsplit('/').next().unwrap_or_default();
            let in_program_folder = ["bin/", "usr/bin/", "sbin/", "usr/sbin/"]
                .iter()
                .any(|folder| path.starts_with(folder));
            let is_shell = in_program_folder && SHELLS.contains(&name);
            ensure!(
                !is_shell || is_played(service, &entry),
                "{service} holds the shell /{path}"
            );
        }
    }
    no_shell_answers(stack)
}

/// initdb calls the server through `/bin/sh`: in its image the supervisor goes by that name, too, and refuses everybody else.
fn is_played(service: &str, entry: &Entry) -> bool {
    service == "identity-db" && entry.path == "usr/bin/sh" && entry.target.as_deref() == Some("/usr/bin/qclock-init")
}

/// Who asks for a shell where the supervisor goes by its name hears no, whatever the command.
fn no_shell_answers(stack: &Stack) -> Result<()> {
    let container = stack.container("identity-db")?;
    for command in [
        &["sh"][..],
        &["/bin/sh", "-c", "id"],
        &["sh", "-c", "locale -a"],
        &["sh", "-c", "\"/usr/lib/postgresql/15/bin/postgres\" -V"],
    ] {
        let mut arguments = vec!["exec", container.as_str()];
        arguments.extend(command);
        let output = stack.output("docker", &arguments)?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.code() == Some(126) && output.stdout.is_empty() && said.contains("no shell"),
            "{command:?} ended with {}: {said}",
            output.status
        );
    }
    Ok(())
}

/// `dpkg-query` or `rpm`, the readers that scanners imitate, list exactly the packages of the image's record.
pub(crate) fn package_lists(stack: &Stack) -> Result<()> {
    let (database, name) = match stack.flavour {
        Flavour::Debian12 => ("/var/lib/dpkg/status", "status"),
        Flavour::Laboratory => ("/var/lib/rpm/rpmdb.sqlite", "rpmdb.sqlite"),
    };
    for service in SERVICES {
        let folder = tempfile::tempdir()?;
        let container = stack.container(service)?;
        for (from, to) in [(database, name), ("/etc/qclock/image.json", "image.json")] {
            let target = folder.path().join(to).display().to_string();
            stack.run("docker", &["cp", &format!("{container}:{from}"), &target])?;
        }
        let record: Value = serde_json::from_str(&fs_err::read_to_string(folder.path().join("image.json"))?)?;
        let recorded: BTreeSet<String> = record["packages"]
            .as_array()
            .context("no packages in the record")?
            .iter()
            .map(|package| format!("{} {}", text(&package["name"]), text(&package["version"])))
            .collect();
        let output = reader(stack.flavour, folder.path()).stdin(Stdio::null()).output()?;
        ensure!(
            output.status.success(),
            "the reader of packages: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let read: BTreeSet<String> = String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(str::to_owned)
            .collect();
        ensure!(
            !read.is_empty() && read == recorded,
            "{service}: read were {read:?}, the record says {recorded:?}"
        );
    }
    Ok(())
}

/// Name and version of each package, one a line.
fn reader(flavour: Flavour, folder: &Path) -> Command {
    let mut command;
    match flavour {
        Flavour::Debian12 => {
            command = Command::new("dpkg-query");
            command.arg("--admindir").arg(folder);
            command.args(["--show", "--showformat", "${Package} ${Version}\n"]);
        }
        Flavour::Laboratory => {
            command = Command::new("rpm");
            command.arg("--dbpath").arg(folder);
            command.args([
                "--query",
                "--all",
                "--queryformat",
                "%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\n",
            ]);
        }
    }
    command
}

struct Entry {
    mode: u32,
    path: String,
    directory: bool,
    link: bool,
    /// Of a link.
    target: Option<String>,
}

fn listing(stack: &Stack, service: &str) -> Result<Vec<Entry>> {
    let folder = tempfile::tempdir()?;
    let archive = folder.path().join("root.tar");
    stack.run(
        "docker",
        &[
            "export",
            "--output",
            &archive.display().to_string(),
            &stack.container(service)?,
        ],
    )?;
    let mut entries = Vec::new();
    for entry in tar::Archive::new(fs_err::File::open(&archive)?).entries()? {
        let entry = entry?;
        let kind = entry.header().entry_type();
        entries.push(Entry {
            mode: entry.header().mode()?,
            path: String::from_utf8_lossy(&entry.path_bytes())
                .trim_end_matches('/')
                .to_owned(),
            directory: kind.is_dir(),
            link: kind.is_symlink() || kind.is_hard_link(),
            target: entry.link_name()?.map(|target| target.display().to_string()),
        });
    }
    ensure!(
        entries.len() > 100,
        "{service}: only {} entries in the exported file system",
        entries.len()
    );
    Ok(entries)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
