//! From the file's form to what it means; every refusal is a message without the file's name.

mod first_start;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::document::{self, Document};
use super::{Configuration, Directory, Prepare, Probe, Ready, Restart, Service};
use crate::rendered::{Condition, RenderedFile};

const LONGEST_SECONDS: u64 = 3600;
const MOST_SERVICES: usize = 32;
/// sun_path holds 108 bytes with the final NUL (unix(7)).
const LONGEST_SOCKET_PATH: usize = 107;

pub(super) fn check(document: Document) -> Result<Configuration, String> {
    let directories = document
        .directory
        .into_iter()
        .map(directory)
        .collect::<Result<_, _>>()?;
    let files = document.file.into_iter().map(file).collect::<Result<_, _>>()?;
    let first_start = document.first_start.map(first_start::check).transpose()?;
    let prepare = document.prepare.map(prepare).transpose()?;
    if prepare.is_some() && first_start.is_some() {
        return Err("`first_start` and `prepare` cannot both be there".to_owned());
    }
    let mut services: Vec<Service> = Vec::new();
    for declared in document.service {
        let service = service(declared)?;
        if services.iter().any(|earlier| earlier.name == service.name) {
            return Err(format!("service `{}` is declared twice", service.name));
        }
        services.push(service);
    }
    if services.is_empty() {
        return Err("there is no `[[service]]`".to_owned());
    }
    if services.len() > MOST_SERVICES {
        return Err(format!("there are more than {MOST_SERVICES} services"));
    }
    let supervisor = document.supervisor;
    Ok(Configuration {
        state_file: absolute(supervisor.state_file)?,
        stop_budget: seconds("stop_seconds", supervisor.stop_seconds.max(1))?,
        stop_delay: seconds("stop_delay_seconds", supervisor.stop_delay_seconds)?,
        known_variables: document.environment.known,
        network_variables: document.environment.networks,
        directories,
        files,
        first_start,
        prepare,
        services,
    })
}

fn directory(declared: document::Directory) -> Result<Directory, String> {
    let path = absolute(declared.path)?;
    let mode = mode("directory", &path, &declared.mode)?;
    Ok(Directory { path, mode })
}

fn prepare(declared: document::Prepare) -> Result<Prepare, String> {
    let plain = |option: &String| {
        let known = |letter: char| letter.is_ascii_alphanumeric() || "-=/.,:_".contains(letter);
        option.starts_with("--") && option.chars().all(known)
    };
    if let Some(option) = declared.build_options.iter().find(|option| !plain(option)) {
        return Err(format!("prepare: `{option}` is no option of Keycloak's build"));
    }
    Ok(Prepare {
        distribution: absolute(declared.distribution)?,
        java: absolute(declared.java)?,
        directory: absolute(declared.directory)?,
        template: absolute(declared.template)?,
        realm_directory: absolute(declared.realm_directory)?,
        build_options: declared.build_options,
        build_timeout: seconds("build_seconds", declared.build_seconds)?,
        database_timeout: seconds("database_seconds", declared.database_seconds)?,
    })
}

fn file(declared: document::File) -> Result<RenderedFile, String> {
    let path = absolute(declared.path)?;
    Ok(RenderedFile {
        mode: mode("file", &path, &declared.mode)?,
        path,
        template: absolute(declared.template)?,
        condition: declared.when.map(|when| Condition {
            variable: when.variable,
            is: when.is,
            otherwise: when.otherwise,
        }),
    })
}

fn mode(kind: &str, path: &Path, declared: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(declared, 8).ok().filter(|mode| *mode <= 0o7777);
    mode.ok_or_else(|| {
        format!(
            "{kind} `{}`: mode `{declared}` is not octal, like \"0700\"",
            path.display()
        )
    })
}

fn service(declared: document::Service) -> Result<Service, String> {
    let name = declared.name;
    if name.is_empty() || name.len() > 64 {
        return Err(format!("service name `{name}` is empty or longer than 64 characters"));
    }
    if !name
        .bytes()
        .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    {
        return Err(format!(
            "service name `{name}` has other characters than a-z, 0-9 and -"
        ));
    }
    let at = |message: String| format!("service `{name}`: {message}");
    let Some(program) = declared.command.first() else {
        return Err(format!("service `{name}` has an empty command"));
    };
    absolute(PathBuf::from(program)).map_err(at)?;
    let texts = declared
        .command
        .iter()
        .chain(declared.environment.keys())
        .chain(declared.environment.values());
    if texts.into_iter().any(|text| text.contains('\0')) {
        return Err(at("a NUL character cannot be passed to a program".to_owned()));
    }
    if declared
        .environment
        .keys()
        .any(|key| key.is_empty() || key.contains('='))
    {
        return Err(at("the name of a variable is empty or contains `=`".to_owned()));
    }
    Ok(Service {
        stop_grace: seconds("stop_grace_seconds", declared.stop_grace_seconds).map_err(at)?,
        restart: declared.restart.as_ref().map(restart).transpose().map_err(at)?,
        lock: declared.lock.map(absolute).transpose().map_err(at)?,
        remove_before_start: declared
            .remove_before_start
            .into_iter()
            .map(absolute)
            .collect::<Result<_, _>>()
            .map_err(at)?,
        remove_when_ready: declared
            .remove_when_ready
            .into_iter()
            .map(absolute)
            .collect::<Result<_, _>>()
            .map_err(at)?,
        inherit_environment: declared.inherit_environment,
        ready: declared.ready.map(ready).transpose().map_err(at)?,
        command: declared.command,
        environment: declared.environment,
        essential: declared.essential,
        stop_signal: declared.stop_signal,
        reload_signal: declared.reload_signal,
        stdout: declared.log.stdout,
        stderr: declared.log.stderr,
        name,
    })
}

fn restart(declared: &document::Restart) -> Result<Restart, String> {
    Ok(Restart {
        limit: declared.limit,
        within: seconds("restart.within_seconds", declared.within_seconds)?,
        delay: seconds("restart.delay_seconds", declared.delay_seconds)?,
        longest_delay: seconds("restart.longest_delay_seconds", declared.longest_delay_seconds)?,
    })
}

fn ready(declared: document::Ready) -> Result<Ready, String> {
    let declared_probes = [
        declared.fastcgi.map(fastcgi),
        declared.http.as_deref().map(http),
        declared.mysql.map(mysql),
        declared.postgresql.map(postgresql),
        declared.tcp.as_deref().map(tcp),
    ];
    let mut probes = declared_probes.into_iter().flatten();
    let (Some(probe), None) = (probes.next(), probes.next()) else {
        return Err("`ready` needs exactly one of fastcgi, http, mysql, postgresql, tcp".to_owned());
    };
    Ok(Ready {
        probe: probe?,
        timeout: seconds("ready.timeout_seconds", declared.timeout_seconds)?,
    })
}

fn fastcgi(declared: document::Fastcgi) -> Result<Probe, String> {
    Ok(Probe::Fastcgi {
        socket: socket(declared.socket)?,
        path: declared.path,
    })
}

fn mysql(declared: document::Mysql) -> Result<Probe, String> {
    Ok(Probe::Mysql {
        socket: socket(declared.socket)?,
        user: declared.user,
    })
}

fn postgresql(declared: document::Postgresql) -> Result<Probe, String> {
    if [&declared.user, &declared.database]
        .iter()
        .any(|name| name.is_empty() || name.contains('\0'))
    {
        return Err("the names in `ready.postgresql` may not be empty".to_owned());
    }
    Ok(Probe::Postgresql {
        socket: socket(declared.socket)?,
        user: declared.user,
        database: declared.database,
    })
}

fn tcp(address: &str) -> Result<Probe, String> {
    socket_address(address)
        .map(|address| Probe::Tcp { address })
        .ok_or_else(|| format!("`{address}` is not ADDRESS:PORT with an IP address"))
}

/// Only addresses: to resolve a name is to depend on something else than the service that is asked.
fn http(url: &str) -> Result<Probe, String> {
    let refused = || format!("`{url}` is not http://ADDRESS:PORT/PATH with an IP address");
    let rest = url.strip_prefix("http://").ok_or_else(refused)?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let visible = path.bytes().all(|byte| byte.is_ascii_graphic());
    let address = socket_address(authority)
        .or_else(|| socket_address(&format!("{authority}:80")))
        .filter(|_| visible && !path.contains('#'))
        .ok_or_else(refused)?;
    Ok(Probe::Http {
        address,
        authority: authority.to_owned(),
        path: if path.is_empty() {
            "/".to_owned()
        } else {
            path.to_owned()
        },
    })
}

fn socket_address(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix("localhost:") {
        Some(port) => port
            .parse()
            .ok()
            .map(|port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        None => text.parse().ok(),
    }
}

fn socket(path: PathBuf) -> Result<PathBuf, String> {
    let path = absolute(path)?;
    if path.as_os_str().len() > LONGEST_SOCKET_PATH {
        return Err(format!("`{}` is too long for a Unix socket", path.display()));
    }
    Ok(path)
}

fn absolute(path: PathBuf) -> Result<PathBuf, String> {
    if path.is_absolute() {
        Ok(path)
    } else {
        Err(format!("`{}` is not an absolute path", path.display()))
    }
}

fn seconds(key: &str, value: u64) -> Result<Duration, String> {
    if value > LONGEST_SECONDS {
        return Err(format!("`{key}` is {value}, at most {LONGEST_SECONDS} are possible"));
    }
    Ok(Duration::from_secs(value))
}
