//! Brings the tables of a study to what this program understands, one version after the other.
//!
//! A migration that was published is never changed; a change of the tables is one more file. Each file is SQL that SQLite and
//! PostgreSQL both take, its statements separated by semicolons.

use diesel::connection::SimpleConnection;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SqliteConnection};

use super::error::Fault;
use super::schema::edgefit_schema;

/// The versions from 1 on.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/0001_study.sql")];

/// The newest version that this program understands.
pub(super) const NEWEST: i64 = MIGRATIONS.len() as i64;

/// The version of the tables; `None` where there is no study.
pub(super) fn version(connection: &mut SqliteConnection) -> Result<Option<i64>, Fault> {
    let found = edgefit_schema::table.select(edgefit_schema::version).first(connection).optional();
    match found {
        Err(diesel::result::Error::DatabaseError(_, info)) if info.message().contains("no such table") => Ok(None),
        other => Ok(other?),
    }
}

/// Makes the tables of an empty database.
pub(super) fn create(connection: &mut SqliteConnection) -> Result<(), Fault> {
    connection.batch_execute("CREATE TABLE edgefit_schema (version BIGINT NOT NULL PRIMARY KEY)")?;
    diesel::insert_into(edgefit_schema::table).values(edgefit_schema::version.eq(0)).execute(connection)?;
    upgrade(connection, 0)
}

/// Applies what is missing after version `from`.
pub(super) fn upgrade(connection: &mut SqliteConnection, from: i64) -> Result<(), Fault> {
    let from = usize::try_from(from).unwrap_or_default();
    for migration in MIGRATIONS.iter().skip(from) {
        connection.batch_execute(migration)?;
    }
    diesel::update(edgefit_schema::table).set(edgefit_schema::version.eq(NEWEST)).execute(connection)?;
    Ok(())
}
