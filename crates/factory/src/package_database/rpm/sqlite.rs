//! The SQLite file.  Made in memory: the same statements in the same order give the same bytes.

use qclock_packages::rpm::{Header, Part};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql};

use super::RpmDatabaseError;
use super::index::{TABLES, Table, rows};
use super::recorded::Recorded;

/// Largest database that is read.
const LARGEST: usize = 1 << 30;

/// Text that may be no UTF-8, as file names are.
struct Text<'a>(&'a [u8]);

impl ToSql for Text<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0)))
    }
}

pub(super) fn write(packages: &[&Recorded]) -> Result<Vec<u8>, RpmDatabaseError> {
    let mut connection = Connection::open_in_memory()?;
    connection.execute_batch("PRAGMA page_size = 4096; PRAGMA secure_delete = OFF; PRAGMA foreign_keys = OFF;")?;
    let transaction = connection.transaction()?;
    // The statements are librpm's, to the letter: SQLite keeps them in the file.
    transaction.execute_batch("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)")?;
    for table in TABLES {
        create(&transaction, table)?;
    }
    fill(&transaction, packages)?;
    transaction.commit()?;
    Ok(connection.serialize("main")?.to_vec())
}

fn fill(connection: &Connection, packages: &[&Recorded]) -> Result<(), RpmDatabaseError> {
    let mut add_package = connection.prepare("INSERT INTO 'Packages' VALUES(?, ?)")?;
    let mut add_row = TABLES
        .into_iter()
        .map(|table| connection.prepare(&format!("INSERT INTO '{}' VALUES(?, ?, ?)", table.name)))
        .collect::<Result<Vec<_>, _>>()?;
    for (number, package) in (1_u32..).zip(packages) {
        add_package.execute((number, package.blob()))?;
        let region = package.region()?;
        let (header, _) = Header::read(&region, Part::Main)?;
        for (table, insert) in TABLES.into_iter().zip(&mut add_row) {
            for (key, place) in rows(table, package, &header)? {
                if table.text {
                    insert.execute((Text(&key), number, place))?;
                } else {
                    insert.execute((key, number, place))?;
                }
            }
        }
    }
    Ok(())
}

fn create(connection: &Connection, table: Table) -> Result<(), RpmDatabaseError> {
    let Table { name, text, array, .. } = table;
    let kind = if text { "TEXT" } else { "BLOB" };
    connection.execute_batch(&format!(
        "CREATE TABLE '{name}' (key '{kind}' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL, \
         FOREIGN KEY (hnum) REFERENCES 'Packages'(hnum))"
    ))?;
    for (wanted, column) in [(text, "key"), (array, "hnum")] {
        if wanted {
            connection.execute_batch(&format!("CREATE INDEX '{name}_{column}_idx' ON '{name}'({column} ASC)"))?;
        }
    }
    Ok(())
}

pub(super) fn read(database: &[u8]) -> Result<Vec<Recorded>, RpmDatabaseError> {
    if database.len() > LARGEST {
        return Err(RpmDatabaseError::TooLarge);
    }
    let mut connection = Connection::open_in_memory()?;
    connection.deserialize_read_exact("main", database, database.len(), true)?;
    let mut statement = connection.prepare("SELECT blob FROM 'Packages' ORDER BY hnum")?;
    let mut rows = statement.query([])?;
    let mut packages = Vec::new();
    while let Some(row) = rows.next()? {
        packages.push(Recorded::from_blob(row.get(0)?)?);
    }
    Ok(packages)
}
