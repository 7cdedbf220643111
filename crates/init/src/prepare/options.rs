//! Keycloak's options: those of its build, its configuration file, and the file that its database driver takes the password from.

use std::fmt::Write as _;

use super::settings::{Cache, Database, Settings};

/// Seconds until an attempt to connect is given up, and one to log in.
const LOGIN_TIMEOUT: u32 = 15;
const CONNECT_TIMEOUT: u32 = 3;
const USER: &str = "keycloak";

/// Those of the image, and what the variables add.
pub(super) fn build(declared: &[String], settings: &Settings) -> Vec<String> {
    let cache: &[&str] = match settings.cache {
        Cache::Local => &["--cache=local"],
        // Discovery by a name that stands for all of them.
        Cache::Distributed { .. } => &["--cache=ispn", "--cache-stack=kubernetes"],
    };
    let added = cache.iter().map(|option| (*option).to_owned());
    declared.iter().cloned().chain(added).collect()
}

/// The template, and what differs between installations.  Every value is one that [`Settings`] has let through: none needs quoting.
pub(super) fn configuration(template: &str, settings: &Settings) -> String {
    let Settings { url, database, tls, .. } = settings;
    let mut text = template.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let mut put = |key: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{key}={value}");
    };
    put("hostname-url", url);
    put("hostname-admin-url", url);
    put(
        "db-url",
        &format!(
            "jdbc:postgresql://{}:{}/{USER}?socketTimeout={}&connectTimeout={CONNECT_TIMEOUT}&loginTimeout={LOGIN_TIMEOUT}\
             &tcpKeepAlive=true&ApplicationName=keycloak",
            database.host, database.port, database.timeout
        ),
    );
    put("db-username", USER);
    if let Some(tls) = tls {
        put("https-certificate-file", &tls.certificate);
        put("https-certificate-key-file", &tls.key);
        put("https-port", "8443");
    }
    text
}

/// PostgreSQL's documentation, "The Password File": `:` and `\` are escaped by a backslash.
pub(super) fn password_line(database: &Database) -> String {
    let mut password = String::new();
    for letter in database.password.expose().chars() {
        if matches!(letter, ':' | '\\') {
            password.push('\\');
        }
        password.push(letter);
    }
    format!("{}:{}:*:{USER}:{password}\n", database.host, database.port)
}

#[cfg(test)]
mod tests {
    use super::super::settings::tests::read;
    use super::*;

    #[test]
    fn the_configuration_is_the_template_and_what_the_variables_say() {
        let variables = [
            ("QCLOCK_IDENTITY_URL", "https://login.example.org/auth"),
            ("QCLOCK_IDENTITY_DB_TIMEOUT_SECONDS", "600"),
            ("QCLOCK_IDENTITY_TLS_CERTIFICATE_FILE", "/run/secrets/c.pem"),
            ("QCLOCK_IDENTITY_TLS_KEY_FILE", "/run/secrets/k.pem"),
        ];
        let settings = read(&variables).unwrap();
        assert_eq!(
            configuration("log=console", &settings),
            "log=console\n\
             hostname-url=https://login.example.org/auth\n\
             hostname-admin-url=https://login.example.org/auth\n\
             db-url=jdbc:postgresql://identity-db:5432/keycloak?socketTimeout=600&connectTimeout=3&loginTimeout=15&tcpKeepAlive=true\
             &ApplicationName=keycloak\n\
             db-username=keycloak\n\
             https-certificate-file=/run/secrets/c.pem\n\
             https-certificate-key-file=/run/secrets/k.pem\n\
             https-port=8443\n"
        );
        assert!(!configuration("", &settings).contains("secret of"));
    }

    #[test]
    fn the_password_is_escaped_as_the_driver_reads_it() {
        let settings = read(&[("QCLOCK_IDENTITY_DB_PASSWORD_FILE", "/a:b\\c")]).unwrap();
        assert_eq!(
            password_line(&settings.database),
            "identity-db:5432:*:keycloak:the secret of /a\\:b\\\\c\n"
        );
    }

    #[test]
    fn the_cache_is_decided_when_keycloak_is_built() {
        let declared = ["--db=postgres".to_owned()];
        assert_eq!(
            build(&declared, &read(&[]).unwrap()),
            ["--db=postgres", "--cache=local"]
        );
        let shared = read(&[("QCLOCK_IDENTITY_CACHE", "ispn")]).unwrap();
        assert_eq!(
            build(&declared, &shared),
            ["--db=postgres", "--cache=ispn", "--cache-stack=kubernetes"]
        );
    }
}
