//! What variables mean, and which are refused.

use std::ffi::OsString;
use std::io;

use super::*;

/// The four secrets and the database's password, from files of their names.
pub(in crate::prepare) fn read(changes: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let variable = |name: &str| {
        let changed = changes.iter().find(|(known, _)| *known == name);
        let given = name.strip_suffix("_FILE").filter(|name| {
            CLIENT_SECRETS
                .iter()
                .chain(&FIRST_PASSWORDS)
                .chain(&[DATABASE_PASSWORD])
                .any(|known| known == name)
        });
        changed
            .map(|(_, value)| OsString::from(*value))
            .or_else(|| given.map(|name| format!("/run/secrets/{name}").into()))
    };
    Settings::read(&|ask| match ask {
        Ask::Variable(name) => Ok(variable(name)),
        Ask::File(path) => match path.to_str().unwrap() {
            "/gone" => Err(io::ErrorKind::NotFound.into()),
            "/empty" => Ok(Some("\n".into())),
            "/short" => Ok(Some("hunter2".into())),
            "/two-lines" => Ok(Some("a\nb".into())),
            other => Ok(Some(format!("the secret of {other}\n").into())),
        },
    })
}

#[test]
fn without_variables_the_defaults_are_those_of_the_stack() {
    let settings = read(&[]).unwrap();
    assert_eq!(settings.url, "http://localhost:8081/auth");
    assert_eq!(settings.dashboard_url, "http://localhost:8080");
    assert_eq!(
        (settings.database.host.as_str(), settings.database.port),
        ("identity-db", 5432)
    );
    assert_eq!((settings.cache, settings.tls), (Cache::Local, None));
}

#[test]
fn a_secret_is_never_printed_and_stands_for_its_name() {
    let settings = read(&[]).unwrap();
    assert!(!format!("{settings:?}").contains("the secret"));
    let secret = "the secret of /run/secrets/QCLOCK_IDENTITY_CLIENT_SECRET";
    assert_eq!(settings.value("QCLOCK_IDENTITY_CLIENT_SECRET"), Some(secret));
    assert_eq!(settings.value("QCLOCK_IDENTITY_DB_PASSWORD"), None);
}

#[test]
fn what_is_wrong_is_named() {
    let table = [
        (
            "QCLOCK_IDENTITY_DB_PASSWORD_FILE",
            "",
            "`QCLOCK_IDENTITY_DB_PASSWORD_FILE` is not set",
        ),
        (
            "QCLOCK_IDENTITY_DB_PASSWORD",
            "x",
            "`QCLOCK_IDENTITY_DB_PASSWORD` is set: a secret is given by file",
        ),
        (
            "QCLOCK_IDENTITY_REALM_SECRET_FILE",
            "/gone",
            "cannot read the file that `QCLOCK_IDENTITY_REALM_SECRET_FILE` names, `/gone`",
        ),
        (
            "QCLOCK_IDENTITY_REALM_SECRET_FILE",
            "/empty",
            "the file that `QCLOCK_IDENTITY_REALM_SECRET_FILE` names, `/empty`, is empty",
        ),
        (
            "QCLOCK_IDENTITY_REALM_SECRET_FILE",
            "/two-lines",
            "`QCLOCK_IDENTITY_REALM_SECRET_FILE` contains a control character (a line end, a tab or the like)",
        ),
        (
            "QCLOCK_IDENTITY_ADMIN_PASSWORD_FILE",
            "/short",
            "the password in the file that `QCLOCK_IDENTITY_ADMIN_PASSWORD_FILE` names is shorter than 14 characters",
        ),
        (
            "QCLOCK_IDENTITY_CACHE",
            "redis",
            "`QCLOCK_IDENTITY_CACHE` is `redis`, which is not `local` or `ispn`",
        ),
        (
            "QCLOCK_IDENTITY_DB_PORT",
            "0",
            "`QCLOCK_IDENTITY_DB_PORT` is `0`, which is not a port",
        ),
        (
            "QCLOCK_IDENTITY_DB_HOST",
            "db?socketTimeout=0",
            "`QCLOCK_IDENTITY_DB_HOST` is `db?socketTimeout=0`, which is not the name or the IPv4 address of a host",
        ),
        (
            "QCLOCK_IDENTITY_DB_TIMEOUT_SECONDS",
            "0",
            "`QCLOCK_IDENTITY_DB_TIMEOUT_SECONDS` is `0`, which is not a number of seconds from 5 to 3600",
        ),
        (
            "QCLOCK_IDENTITY_TLS_KEY_FILE",
            "/run/secrets/key",
            "`QCLOCK_IDENTITY_TLS_KEY_FILE` is set without `QCLOCK_IDENTITY_TLS_CERTIFICATE_FILE`",
        ),
    ];
    for (variable, value, expected) in table {
        assert_eq!(read(&[(variable, value)]).unwrap_err().to_string(), expected);
    }
}

#[test]
fn addresses_are_taken_as_browsers_will_see_them_and_nothing_else() {
    for good in [
        "https://login.example.org/auth",
        "http://localhost:8081/auth/",
        "https://[2001:db8::1]:8443/auth",
    ] {
        let settings = read(&[("QCLOCK_IDENTITY_URL", good)]).unwrap();
        assert_eq!(settings.url, good.trim_end_matches('/'));
    }
    for wrong in [
        "login.example.org/auth",
        "https://login.example.org",
        "https://login.example.org/auth/x",
        "https:///auth",
        "https://a b/auth",
        "https://user@host/auth",
        "https://host:0/auth",
        "https://host:99999/auth",
        "https://*/auth",
        "https://${X}/auth",
    ] {
        assert!(read(&[("QCLOCK_IDENTITY_URL", wrong)]).is_err(), "{wrong}");
    }
    for wrong in ["http://localhost:8080/x", "http://*", "javascript://x"] {
        assert!(read(&[("QCLOCK_DASHBOARD_PUBLIC_URL", wrong)]).is_err(), "{wrong}");
    }
}
