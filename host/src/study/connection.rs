//! Opening the SQLite file of a study: new ones appear whole, foreign and newer ones are left alone.

use std::fs;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::result::Error as DieselError;
use diesel::{Connection, RunQueryDsl, SqliteConnection};

use super::error::Fault;
use super::migrations;
use super::record::Header;
use super::row::HeaderRow;
use super::schema::edgefit_study;

/// The rollback journal, SQLite's default, with full flushing survives a power cut and leaves one file; a study is written
/// a few hundred times, so the cost does not count. The time-out is for a report that is made while the run goes on.
const SETTINGS: &str = "PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL;";

/// Makes the file under another name and moves it into place when it is complete.
pub(super) fn create(path: &Path, header: &Header) -> Result<(), Fault> {
    if path.exists() {
        return Err(Fault::Exists);
    }
    let unfinished = unfinished(path);
    if unfinished.exists() {
        fs::remove_file(&unfinished)?;
    }
    fill(&unfinished, header)?;
    fs::rename(&unfinished, path)?;
    #[cfg(unix)]
    fs::File::open(path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))?
        .sync_all()?;
    Ok(())
}

fn fill(path: &Path, header: &Header) -> Result<(), Fault> {
    let mut connection = connect(path)?;
    transaction(&mut connection, |connection| {
        migrations::create(connection)?;
        diesel::insert_into(edgefit_study::table).values(HeaderRow::of(header)?).execute(connection)?;
        Ok(())
    })
}

/// Named so that a run folder knows it as a file that is being written.
fn unfinished(path: &Path) -> PathBuf {
    path.with_file_name(".edgefit-study.tmp")
}

/// Opens the file of a study and brings its tables up to date.
pub(super) fn open(path: &Path) -> Result<SqliteConnection, Fault> {
    if !path.is_file() {
        return Err(Fault::Missing);
    }
    let mut connection = connect(path)?;
    match migrations::version(&mut connection)? {
        None => Err(Fault::NotAStudy),
        Some(found) if found > migrations::NEWEST => Err(Fault::Newer { found, known: migrations::NEWEST }),
        Some(found) => {
            if found < migrations::NEWEST {
                transaction(&mut connection, |connection| migrations::upgrade(connection, found))?;
            }
            Ok(connection)
        }
    }
}

/// Makes a change as a whole or not at all.
///
/// SQLite may roll back by itself when the disk is full; the second roll-back fails then, and what it says is not the cause.
pub(super) fn transaction(
    connection: &mut SqliteConnection,
    change: impl FnOnce(&mut SqliteConnection) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut cause = None;
    let outcome = connection.immediate_transaction(|connection| {
        change(connection).map_err(|fault| {
            cause = Some(fault);
            DieselError::RollbackTransaction
        })
    });
    cause.map_or(outcome.map_err(Fault::from), Err)
}

fn connect(path: &Path) -> Result<SqliteConnection, Fault> {
    let mut connection = SqliteConnection::establish(&path.to_string_lossy())?;
    connection.batch_execute(SETTINGS)?;
    Ok(connection)
}
