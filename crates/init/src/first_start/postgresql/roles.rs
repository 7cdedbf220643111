//! Who has an account, and what for; as statements for the single-user mode, of which each ends with a semicolon and an empty line.

use std::fmt::Write as _;

use super::PostgresqlError;
use super::journal::Journal;
use super::scram::{SALT_BYTES, Verifier};
use crate::first_start::settings::SettingsError;
use crate::secret::Secret;
use crate::variables::{Source, secret};

pub(super) const DATABASE: &str = "keycloak";
pub(super) const OWNER: &str = "keycloak";
pub(super) const MONITOR: &str = "qclock_monitor";
pub(super) const BACKUP: &str = "qclock_backup";

struct Role {
    name: &'static str,
    variable: &'static str,
    attributes: &'static str,
    /// Idempotent.
    grants: &'static [&'static str],
}

const ROLES: [Role; 3] = [
    Role {
        name: OWNER,
        variable: "QCLOCK_IDENTITY_DB_PASSWORD_FILE",
        attributes: "NOREPLICATION CONNECTION LIMIT -1",
        grants: &[],
    },
    Role {
        name: MONITOR,
        variable: "QCLOCK_MONITOR_PASSWORD_FILE",
        attributes: "NOREPLICATION CONNECTION LIMIT 5",
        grants: &[
            "GRANT pg_monitor TO qclock_monitor",
            "GRANT CONNECT ON DATABASE postgres TO qclock_monitor",
            "GRANT CONNECT ON DATABASE keycloak TO qclock_monitor",
            "ALTER ROLE qclock_monitor SET default_transaction_read_only = on",
            "ALTER ROLE qclock_monitor SET statement_timeout = '5s'",
        ],
    },
    Role {
        name: BACKUP,
        variable: "QCLOCK_BACKUP_PASSWORD_FILE",
        attributes: "REPLICATION CONNECTION LIMIT 5",
        grants: &[
            "GRANT pg_read_all_data TO qclock_backup",
            "GRANT pg_read_all_settings TO qclock_backup",
            "GRANT CONNECT ON DATABASE postgres TO qclock_backup",
            "GRANT CONNECT ON DATABASE keycloak TO qclock_backup",
            "GRANT EXECUTE ON FUNCTION pg_backup_start(text, boolean) TO qclock_backup",
            "GRANT EXECUTE ON FUNCTION pg_backup_stop(boolean) TO qclock_backup",
            "GRANT EXECUTE ON FUNCTION pg_switch_wal() TO qclock_backup",
            "GRANT EXECUTE ON FUNCTION pg_create_restore_point(text) TO qclock_backup",
            "ALTER ROLE qclock_backup SET default_transaction_read_only = on",
        ],
    },
];

/// The passwords that secret files hold now.
pub(super) struct Given {
    passwords: Vec<(&'static Role, Secret)>,
}

impl Given {
    /// Keycloak's must be there; without theirs, monitor and backup have no account.
    pub(super) fn read(source: Source<'_>) -> Result<Self, SettingsError> {
        let mut passwords = Vec::new();
        for role in &ROLES {
            match secret(source, role.variable)? {
                Some(password) if !is_plain(&password) => {
                    return Err(SettingsError::NotAscii(role.variable.to_owned()));
                }
                Some(password) => passwords.push((role, password)),
                None if role.name == OWNER => return Err(SettingsError::Missing(role.variable)),
                None => {}
            }
        }
        Ok(Self { passwords })
    }

    /// Those that the server does not know yet.
    pub(super) fn changed_since(self, journal: &Journal) -> Self {
        let known = |(role, password): &(&Role, Secret)| {
            journal
                .verifier(role.name)
                .is_some_and(|verifier| verifier.fits(password.expose().as_bytes()))
        };
        Self {
            passwords: self.passwords.into_iter().filter(|given| !known(given)).collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.passwords.is_empty()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.passwords.iter().map(|(role, _)| role.name)
    }
}

/// Other characters have more than one form, of which a client may choose another one (RFC 4013).
fn is_plain(password: &Secret) -> bool {
    password.expose().bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// For a new cluster.
pub(super) fn all(given: &Given, health_user: &str, journal: &mut Journal) -> Result<String, PostgresqlError> {
    let health = identifier(health_user);
    let mut sql = String::new();
    for statement in [
        "REVOKE ALL ON DATABASE postgres FROM PUBLIC".to_owned(),
        "REVOKE ALL ON DATABASE template1 FROM PUBLIC".to_owned(),
        // Recognised by the socket; there is no password that anybody could learn.
        format!("CREATE ROLE {health} LOGIN NOINHERIT CONNECTION LIMIT 5"),
        format!("ALTER ROLE {health} SET default_transaction_read_only = on"),
        format!("GRANT CONNECT ON DATABASE postgres TO {health}"),
        format!("CREATE ROLE {OWNER}"),
        format!("CREATE DATABASE {DATABASE} OWNER {OWNER}"),
        format!("REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC"),
    ] {
        add(&mut sql, &statement);
    }
    sql.push_str(&some(given, journal)?);
    Ok(sql)
}

/// For roles that may be there already; the same twice is as good as once.
pub(super) fn some(given: &Given, journal: &mut Journal) -> Result<String, PostgresqlError> {
    let mut sql = String::new();
    for (role, password) in &given.passwords {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(|_| PostgresqlError::Random)?;
        let verifier = Verifier::new(password.expose().as_bytes(), salt);
        let (name, attributes) = (role.name, role.attributes);
        add(
            &mut sql,
            // Not by catching the error: in this session even one that is caught ends it.
            &format!(
                "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN CREATE ROLE {name}; END IF; END $$"
            ),
        );
        add(
            &mut sql,
            &format!(
                "ALTER ROLE {name} LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS {attributes} PASSWORD '{}'",
                verifier.text()
            ),
        );
        for grant in role.grants {
            add(&mut sql, grant);
        }
        journal.record(name, &verifier);
    }
    Ok(sql)
}

fn add(sql: &mut String, statement: &str) {
    // Writing to a string cannot fail.
    let _ = write!(sql, "{statement};\n\n");
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::io;

    use super::*;
    use crate::variables::Ask;

    fn given(files: &[(&str, &str)]) -> Result<Given, SettingsError> {
        let source = |ask: Ask<'_>| -> io::Result<Option<OsString>> {
            Ok(match ask {
                Ask::Variable(name) => files
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map(|(known, _)| known.into()),
                Ask::File(path) => files
                    .iter()
                    .find(|(known, _)| path.to_string_lossy() == *known)
                    .map(|(_, content)| content.into()),
            })
        };
        Given::read(&source)
    }

    const ALL: [(&str, &str); 3] = [
        ("QCLOCK_IDENTITY_DB_PASSWORD_FILE", "one\n"),
        ("QCLOCK_MONITOR_PASSWORD_FILE", "two"),
        ("QCLOCK_BACKUP_PASSWORD_FILE", "three"),
    ];

    #[test]
    fn no_password_is_part_of_a_statement_and_each_statement_is_one() {
        let mut journal = Journal::new("15");
        let sql = all(&given(&ALL).unwrap(), "health\"user", &mut journal).unwrap();
        for password in ["one", "two", "three"] {
            assert!(!sql.contains(&format!("'{password}'")));
        }
        assert!(sql.contains("CREATE ROLE \"health\"\"user\" LOGIN"));
        assert_eq!(sql.matches("PASSWORD 'SCRAM-SHA-256$4096:").count(), 3);
        assert!(
            sql.split_inclusive(";\n\n")
                .all(|statement| statement.matches('\n').count() == 2)
        );
        assert!(journal.verifier(OWNER).unwrap().fits(b"one"));
    }

    #[test]
    fn only_what_has_changed_is_given_again() {
        let mut journal = Journal::new("15");
        some(&given(&ALL).unwrap(), &mut journal).unwrap();
        assert!(given(&ALL).unwrap().changed_since(&journal).is_empty());
        let mut other = ALL;
        other[1].1 = "another";
        let changed = given(&other).unwrap().changed_since(&journal);
        assert_eq!(changed.names().collect::<Vec<_>>(), [MONITOR]);
        let sql = some(&changed, &mut journal).unwrap();
        assert!(sql.contains("ALTER ROLE qclock_monitor LOGIN") && !sql.contains("ALTER ROLE keycloak"));
        assert!(given(&other).unwrap().changed_since(&journal).is_empty());
        // A journal from elsewhere knows nobody.
        assert_eq!(
            given(&ALL).unwrap().changed_since(&Journal::new("15")).names().count(),
            3
        );
    }

    #[test]
    fn keycloaks_password_must_be_there_and_all_must_be_ascii() {
        let error = |files: &[(&str, &str)]| given(files).err().unwrap().to_string();
        assert_eq!(error(&[]), "`QCLOCK_IDENTITY_DB_PASSWORD_FILE` is missing");
        assert_eq!(
            error(&[("QCLOCK_IDENTITY_DB_PASSWORD_FILE", "\n")]),
            "the file that `QCLOCK_IDENTITY_DB_PASSWORD_FILE` names, `QCLOCK_IDENTITY_DB_PASSWORD_FILE`, is empty"
        );
        assert_eq!(
            error(&[("QCLOCK_IDENTITY_DB_PASSWORD_FILE", "é")]),
            "`QCLOCK_IDENTITY_DB_PASSWORD_FILE` has characters beyond ASCII"
        );
        assert_eq!(given(&ALL[..1]).unwrap().names().collect::<Vec<_>>(), [OWNER]);
    }
}
