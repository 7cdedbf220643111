//! The accounts of a new database, as statements of one line each (MariaDB's bootstrap server reads line by line).
//!
//! MariaDB is given hashes, and no password is part of a statement.  MySQL is given the passwords, in a file that lies in
//! memory: which hash it keeps is its own choice, and changes from version to version.

use std::fmt::Write as _;

use super::settings::{MONITOR_USER, Settings};
use crate::secret::Secret;

/// Comes after the system tables.
pub(super) fn mariadb(settings: &Settings, health_user: &str) -> String {
    let mut sql = String::from("SET SESSION sql_mode = '';\nSET NAMES utf8mb4;\nFLUSH PRIVILEGES;\n");
    let root = settings.root_password.native_hash();
    // Writing to a string cannot fail.
    let mut add = |statement: String| {
        let _ = writeln!(sql, "{statement};");
    };
    add(format!(
        "ALTER USER root@localhost IDENTIFIED VIA mysql_native_password USING {}",
        text(&root)
    ));
    // Anonymous accounts, root from elsewhere, root through proxies that the package's data names.
    add("DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host <> 'localhost')".to_owned());
    add("DELETE FROM mysql.proxies_priv WHERE Host <> 'localhost'".to_owned());
    add("DELETE FROM mysql.db WHERE User = ''".to_owned());
    add("FLUSH PRIVILEGES".to_owned());
    if let Some(host) = &settings.root_host {
        let account = format!("root@{}", text(host));
        add(format!(
            "CREATE USER {account} IDENTIFIED VIA mysql_native_password USING {}",
            text(&root)
        ));
        add(format!("GRANT ALL PRIVILEGES ON *.* TO {account} WITH GRANT OPTION"));
    }
    if let Some(database) = &settings.database {
        add(format!("CREATE DATABASE {}", identifier(database)));
    }
    if let Some((user, password)) = &settings.application {
        let account = format!("{}@'%'", text(user));
        let hash = text(&password.native_hash());
        add(format!(
            "CREATE USER {account} IDENTIFIED VIA mysql_native_password USING {hash}"
        ));
        if let Some(database) = &settings.database {
            add(format!("GRANT ALL PRIVILEGES ON {}.* TO {account}", pattern(database)));
        }
    }
    if let Some(password) = &settings.monitor_password {
        let hash = text(&password.native_hash());
        add(format!(
            "CREATE USER {MONITOR_USER}@'%' IDENTIFIED VIA mysql_native_password USING {hash} WITH MAX_USER_CONNECTIONS 5"
        ));
        add(format!(
            "GRANT PROCESS, BINLOG MONITOR, SLAVE MONITOR ON *.* TO {MONITOR_USER}@'%'"
        ));
    }
    // Recognised by the socket; there is no password that anybody could learn.
    add(format!(
        "CREATE USER {}@localhost IDENTIFIED VIA unix_socket",
        text(health_user)
    ));
    add("FLUSH PRIVILEGES".to_owned());
    sql
}

/// For `--init-file`: the first statement that fails ends the server with an error.
pub(super) fn mysql(settings: &Settings, health_user: &str) -> String {
    let mut sql = String::new();
    let mut add = |statement: String| {
        let _ = writeln!(sql, "{statement};");
    };
    // What the file itself relies on for its quotes, whatever the configuration says.
    add("SET SESSION sql_mode = ''".to_owned());
    add("SET NAMES utf8mb4".to_owned());
    add("INSTALL PLUGIN auth_socket SONAME 'auth_socket.so'".to_owned());
    let root = identified_by(&settings.root_password);
    add(format!("ALTER USER root@localhost {root}"));
    if let Some(host) = &settings.root_host {
        let account = format!("root@{}", text(host));
        add(format!("CREATE USER {account} {root}"));
        add(format!("GRANT ALL PRIVILEGES ON *.* TO {account} WITH GRANT OPTION"));
    }
    if let Some(database) = &settings.database {
        add(format!("CREATE DATABASE {}", identifier(database)));
    }
    if let Some((user, password)) = &settings.application {
        let account = format!("{}@'%'", text(user));
        add(format!("CREATE USER {account} {}", identified_by(password)));
        if let Some(database) = &settings.database {
            add(format!("GRANT ALL PRIVILEGES ON {}.* TO {account}", pattern(database)));
        }
    }
    if let Some(password) = &settings.monitor_password {
        let account = format!("{MONITOR_USER}@'%'");
        add(format!(
            "CREATE USER {account} {} WITH MAX_USER_CONNECTIONS 5",
            identified_by(password)
        ));
        add(format!("GRANT PROCESS, REPLICATION CLIENT ON *.* TO {account}"));
        add(format!("GRANT SELECT ON performance_schema.* TO {account}"));
    }
    add(format!(
        "CREATE USER {}@localhost IDENTIFIED WITH auth_socket",
        text(health_user)
    ));
    sql
}

fn identified_by(password: &Secret) -> String {
    format!("IDENTIFIED WITH caching_sha2_password BY {}", text(password.expose()))
}

/// A string literal under an sql_mode without NO_BACKSLASH_ESCAPES and ANSI_QUOTES.
fn text(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
}

fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// In GRANT the name of a database is a pattern.
fn pattern(database: &str) -> String {
    identifier(&database.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%"))
}
