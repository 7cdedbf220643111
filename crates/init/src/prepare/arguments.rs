//! The command lines of Java: what `kc.sh` would have made of its variables, with limits that fit the container.

use std::net::IpAddr;

use super::memory;
use super::settings::{Cache, Settings};
use super::{Path, Places};

const MAIN: &str = "io.quarkus.bootstrap.runner.QuarkusEntryPoint";

/// To build: `java …`, in the home, which is where the build is put.
pub(super) fn of_build(home: &Path, limit: Option<u64>, options: &[String]) -> Vec<String> {
    let mut arguments = common(home, limit);
    arguments.extend(program(home));
    arguments.push("build".to_owned());
    arguments.extend(options.iter().cloned());
    arguments
}

/// To serve, with the realms' files as what is imported where a realm does not exist.
pub(super) fn of_server(
    places: &Places,
    limit: Option<u64>,
    settings: &Settings,
    own_address: Option<IpAddr>,
) -> Vec<String> {
    let mut arguments = common(&places.home, limit);
    arguments.extend(
        [
            "-XX:+ExitOnOutOfMemoryError",
            "-Dkeycloak.migration.action=import",
            "-Dkeycloak.migration.provider=dir",
            "-Dkeycloak.migration.strategy=IGNORE_EXISTING",
            // They are replaced already, and a secret may look like one.
            "-Dkeycloak.migration.replace-placeholders=false",
        ]
        .map(str::to_owned),
    );
    arguments.push(format!("-Dkeycloak.migration.dir={}", places.import.display()));
    if let Cache::Distributed { peers } = &settings.cache {
        if let Some(address) = own_address {
            arguments.push(format!("-Djgroups.bind.address={address}"));
        }
        arguments.push(format!("-Djgroups.dns.query={peers}"));
        arguments.push("-Djava.net.preferIPv4Stack=true".to_owned());
    }
    arguments.extend(program(&places.home));
    arguments.push(format!("--config-file={}", places.configuration.display()));
    arguments.extend(["start", "--optimized"].map(str::to_owned));
    arguments
}

fn common(home: &Path, limit: Option<u64>) -> Vec<String> {
    let mut arguments = memory::flags(limit);
    arguments.extend(
        [
            "-XX:-UsePerfData",
            "-Djava.io.tmpdir=/tmp",
            "-Djava.security.egd=file:/dev/urandom",
            // Red Hat's Java asks a library that the image leaves out; others do not know the word.
            "-Dcom.redhat.fips=false",
            "-Dfile.encoding=UTF-8",
            "-Dstdout.encoding=UTF-8",
            "-Dstderr.encoding=UTF-8",
            "--add-opens=java.base/java.util=ALL-UNNAMED",
            "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
            "--add-opens=java.base/java.security=ALL-UNNAMED",
            "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
            "-Dquarkus-log-max-startup-records=10000",
        ]
        .map(str::to_owned),
    );
    arguments.push(format!("-Dkc.home.dir={}", home.display()));
    arguments.push(format!("-Djboss.server.config.dir={}", home.join("conf").display()));
    arguments
}

fn program(home: &Path) -> [String; 3] {
    let jar = home.join("lib/quarkus-run.jar").display().to_string();
    ["-cp".to_owned(), jar, MAIN.to_owned()]
}

/// As `java @file` reads it: one a line, quoted (java(1), "java Command-Line Argument Files").
pub(super) fn to_file(arguments: &[String]) -> String {
    let mut text = String::new();
    for argument in arguments {
        text.push('"');
        for letter in argument.chars() {
            if matches!(letter, '"' | '\\') {
                text.push('\\');
            }
            text.push(letter);
        }
        text.push_str("\"\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::settings::tests::read;
    use super::*;

    #[test]
    fn the_server_s_command_line_names_no_secret() {
        let below = |name: &str| PathBuf::from("/run/keycloak").join(name);
        let places = Places {
            home: below("home"),
            import: below("import"),
            configuration: below("keycloak.conf"),
            passwords: below("pgpass"),
            arguments: below("java.args"),
        };
        let settings = read(&[("QCLOCK_IDENTITY_CACHE", "ispn")]).unwrap();
        let arguments = of_server(&places, Some(512 << 20), &settings, Some(IpAddr::from([10, 0, 0, 2])));
        insta::assert_snapshot!(to_file(&arguments), @r#"
        "-Xms64m"
        "-Xmx256m"
        "-XX:MaxMetaspaceSize=160m"
        "-Xss512k"
        "-XX:+UseSerialGC"
        "-XX:TieredStopAtLevel=1"
        "-XX:-UsePerfData"
        "-Djava.io.tmpdir=/tmp"
        "-Djava.security.egd=file:/dev/urandom"
        "-Dcom.redhat.fips=false"
        "-Dfile.encoding=UTF-8"
        "-Dstdout.encoding=UTF-8"
        "-Dstderr.encoding=UTF-8"
        "--add-opens=java.base/java.util=ALL-UNNAMED"
        "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED"
        "--add-opens=java.base/java.security=ALL-UNNAMED"
        "-Djava.util.logging.manager=org.jboss.logmanager.LogManager"
        "-Dquarkus-log-max-startup-records=10000"
        "-Dkc.home.dir=/run/keycloak/home"
        "-Djboss.server.config.dir=/run/keycloak/home/conf"
        "-XX:+ExitOnOutOfMemoryError"
        "-Dkeycloak.migration.action=import"
        "-Dkeycloak.migration.provider=dir"
        "-Dkeycloak.migration.strategy=IGNORE_EXISTING"
        "-Dkeycloak.migration.replace-placeholders=false"
        "-Dkeycloak.migration.dir=/run/keycloak/import"
        "-Djgroups.bind.address=10.0.0.2"
        "-Djgroups.dns.query=identity"
        "-Djava.net.preferIPv4Stack=true"
        "-cp"
        "/run/keycloak/home/lib/quarkus-run.jar"
        "io.quarkus.bootstrap.runner.QuarkusEntryPoint"
        "--config-file=/run/keycloak/keycloak.conf"
        "start"
        "--optimized"
        "#);
    }

    #[test]
    fn quotes_and_backslashes_are_escaped() {
        assert_eq!(
            to_file(&["a b".to_owned(), "c\"\\".to_owned()]),
            "\"a b\"\n\"c\\\"\\\\\"\n"
        );
    }
}
