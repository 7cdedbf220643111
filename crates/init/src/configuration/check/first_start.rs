//! `[first_start]`: which keys it has depends on the kind of database.

use std::path::PathBuf;
use std::time::Duration;

use super::super::document::{self, DatabaseKind as Kind};
use super::super::{DatabaseKind, FirstStart, MysqlFirstStart, PostgresqlFirstStart};
use super::{absolute, seconds};

pub(super) fn check(declared: document::FirstStart) -> Result<FirstStart, String> {
    let timeout =
        seconds("timeout_seconds", declared.timeout_seconds).map_err(|error| format!("first_start: {error}"))?;
    match declared.kind {
        Kind::Mariadb => mysql(declared, DatabaseKind::Mariadb, timeout).map(FirstStart::Mysql),
        Kind::Mysql => mysql(declared, DatabaseKind::Mysql, timeout).map(FirstStart::Mysql),
        Kind::Postgresql => postgresql(declared, timeout).map(FirstStart::Postgresql),
    }
}

fn mysql(declared: document::FirstStart, kind: DatabaseKind, timeout: Duration) -> Result<MysqlFirstStart, String> {
    refuse(&[
        ("initdb", &declared.initdb),
        ("configuration", &declared.configuration),
        ("run_directory", &declared.run_directory),
    ])?;
    Ok(MysqlFirstStart {
        kind,
        server: path(declared.server, "/usr/sbin/mariadbd")?,
        defaults_file: required("defaults_file", declared.defaults_file)?,
        data_directory: subdirectory(path(declared.data_directory, "/var/lib/mysql/data")?)?,
        share_directory: path(declared.share_directory, "/usr/share/mysql")?,
        socket_directory: path(declared.socket_directory, "/run/mysqld")?,
        script_directory: path(declared.script_directory, "/docker-entrypoint-initdb.d")?,
        health_user: declared.health_user,
        timeout,
    })
}

fn postgresql(declared: document::FirstStart, timeout: Duration) -> Result<PostgresqlFirstStart, String> {
    refuse(&[
        ("defaults_file", &declared.defaults_file),
        ("share_directory", &declared.share_directory),
        ("socket_directory", &declared.socket_directory),
        ("script_directory", &declared.script_directory),
    ])?;
    Ok(PostgresqlFirstStart {
        server: required("server", declared.server)?,
        initdb: required("initdb", declared.initdb)?,
        configuration: required("configuration", declared.configuration)?,
        data_directory: subdirectory(required("data_directory", declared.data_directory)?)?,
        run_directory: path(declared.run_directory, "/run/postgresql")?,
        health_user: declared.health_user,
        timeout,
    })
}

fn refuse(keys: &[(&str, &Option<PathBuf>)]) -> Result<(), String> {
    match keys.iter().find(|(_, value)| value.is_some()) {
        Some((key, _)) => Err(format!("first_start: `{key}` means nothing to this kind of database")),
        None => Ok(()),
    }
}

fn required(key: &str, value: Option<PathBuf>) -> Result<PathBuf, String> {
    absolute(value.ok_or_else(|| format!("first_start: `{key}` is missing"))?)
}

fn path(value: Option<PathBuf>, default: &str) -> Result<PathBuf, String> {
    absolute(value.unwrap_or_else(|| PathBuf::from(default)))
}

fn subdirectory(path: PathBuf) -> Result<PathBuf, String> {
    if path.parent().and_then(std::path::Path::parent).is_none() || path.file_name().is_none() {
        return Err(format!(
            "first_start: `{}` is not a subdirectory of a volume",
            path.display()
        ));
    }
    Ok(path)
}
