//! The study: everything that a run found out, in one SQLite file, so that it can go on after any interruption.
//!
//! Every method that writes is one transaction: after `kill -9` or a power cut, what a method wrote is there as a whole or not at all.
//! The study only keeps; it proposes, trains and measures nothing, and reads no clock. Replaying [`Study::trials`] in their order
//! and asking [`Study::measurement`] before measuring gives the run that would have been without the interruption.
//!
//! SQL is what SQLite and PostgreSQL share, so that a study can live in either.

mod connection;
mod error;
mod migrations;
mod record;
mod row;
mod schema;

#[cfg(test)]
mod killed;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use diesel::dsl::count_star;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SqliteConnection};

pub use error::{Fault, StudyError};
pub use record::{
    Epoch, Finalist, Header, Measurement, Phase, Provenance, Purpose, TableSample, Training, TrialRecord,
};

use row::{FinalistRow, HeaderRow, MeasurementRow, TableSampleRow, TrainingRow, TrialRow};
use schema::{documents, edgefit_study, finalists, measurements, phases, table_samples, trainings, trials};

/// An open study.
pub struct Study {
    path: PathBuf,
    connection: SqliteConnection,
}

type Outcome<T> = Result<T, Fault>;

impl Study {
    /// A new study. The file appears whole or not at all.
    ///
    /// # Errors
    /// When there is one already, or it cannot be written.
    pub fn create(path: &Path, header: &Header) -> Result<Self, StudyError> {
        connection::create(path, header).map_err(|fault| fault.of(path))?;
        Self::open(path)
    }

    /// The study of a run that was begun. The tables of an older version are brought up to date.
    ///
    /// # Errors
    /// When there is none, when it is no study, or when a newer edgefit wrote it; it is left as it is then.
    pub fn open(path: &Path) -> Result<Self, StudyError> {
        let connection = connection::open(path).map_err(|fault| fault.of(path))?;
        Ok(Self { path: path.to_owned(), connection })
    }

    /// What the study is about.
    ///
    /// # Errors
    /// As every method: [`Fault`] tells what can happen.
    pub fn header(&mut self) -> Result<Header, StudyError> {
        self.read(|connection| edgefit_study::table.first::<HeaderRow>(connection)?.record())
    }

    /// Keeps a model of the latency table together with its measurements.
    ///
    /// # Errors
    /// See [`Self::header`].
    pub fn save_table_sample(&mut self, sample: &TableSample, measured: &[Measurement]) -> Result<(), StudyError> {
        self.write(|connection| {
            let row = TableSampleRow::from(sample);
            diesel::insert_into(table_samples::table).values(&row).execute(connection)?;
            insert_measurements(connection, measured)
        })
    }

    /// The models of the latency table in their order.
    ///
    /// # Errors
    /// See [`Self::header`].
    pub fn table_samples(&mut self) -> Result<Vec<TableSample>, StudyError> {
        self.read(|connection| {
            let rows: Vec<TableSampleRow> = table_samples::table.order(table_samples::number).load(connection)?;
            Ok(rows.into_iter().map(TableSample::from).collect())
        })
    }

    /// Keeps what one step of the search proposed: the proposals that were stopped, and the one to train.
    ///
    /// # Errors
    /// See [`Self::header`].
    pub fn save_proposals(&mut self, records: &[TrialRecord]) -> Result<(), StudyError> {
        self.write(|connection| records.iter().try_for_each(|record| insert_trial(connection, record)))
    }

    /// Keeps a trial as it is now, together with what was found out about it; replaces what was known before.
    ///
    /// # Errors
    /// See [`Self::header`].
    pub fn save_trial(
        &mut self,
        record: &TrialRecord,
        training: Option<&Training>,
        measured: &[Measurement],
    ) -> Result<(), StudyError> {
        self.write(|connection| {
            insert_trial(connection, record)?;
            training.map_or(Ok(()), |training| insert_training(connection, record.trial.draw, training))?;
            insert_measurements(connection, measured)
        })
    }

    /// All trials, stopped ones included, in the order of their draws.
    ///
    /// # Errors
    /// See [`Self::header`].
    pub fn trials(&mut self) -> Result<Vec<TrialRecord>, StudyError> {
        self.read(|connection| {
            let rows: Vec<TrialRow> = trials::table.order(trials::draw).load(connection)?;
            rows.into_iter().map(TrialRow::record).collect()
        })
    }

    /// How many proposals each constraint stopped, the strictest first.
    ///
    /// # Errors
    /// See [`Self::header`].
    pub fn stopped_by(&mut self) -> Result<Vec<(String, u64)>, StudyError> {
        self.read(|connection| {
            let counts = trials::table.group_by(trials::stopped_by).select((trials::stopped_by, count_star()));
            let rows: Vec<(Option<String>, i64)> = counts.load(connection)?;
            let named = rows.into_iter().filter_map(|(by, count)| Some((by?, count.unsigned_abs())));
            let mut stopped: Vec<(String, u64)> = named.collect();
            stopped.sort_by(|(a, more), (b, less)| less.cmp(more).then(a.cmp(b)));
            Ok(stopped)
        })
    }

    /// The trainings of a purpose with the draws of their trials, in the order of draws.
    ///
    /// # Errors
    /// See [`Self::header`].
    pub fn trainings(&mut self, purpose: Purpose) -> Result<Vec<(u64, Training)>, StudyError> {
        self.read(|connection| {
            let of_purpose = trainings::table.filter(trainings::purpose.eq(purpose.name()));
            let rows: Vec<TrainingRow> = of_purpose.order(trainings::draw).load(connection)?;
            rows.into_iter().map(|row| Ok((row.draw(), row.record(purpose)?))).collect()
        })
    }

    /// Keeps a training of a trial that is recorded; replaces an earlier one of the same purpose.
    ///
    /// # Errors
    /// See [`Self::header`].
    pub fn save_training(&mut self, draw: u64, training: &Training) -> Result<(), StudyError> {
        self.write(|connection| insert_training(connection, draw, training))
    }

    /// Keeps a finalist; replaces what was known before.
    ///
    /// # Errors
    /// See [`Self::header`].
    pub fn save_finalist(&mut self, finalist: &Finalist) -> Result<(), StudyError> {
        self.write(|connection| {
            let row = FinalistRow::of(finalist)?;
            let insert = diesel::insert_into(finalists::table).values(&row);
            insert.on_conflict(finalists::draw).do_update().set(&row).execute(connection)?;
            Ok(())
        })
    }

    /// The finalists, best first.
    ///
    /// # Errors
    /// See [`Self::header`].
    pub fn finalists(&mut self) -> Result<Vec<Finalist>, StudyError> {
        self.read(|connection| {
            let rows: Vec<FinalistRow> =
                finalists::table.order((finalists::place, finalists::draw)).load(connection)?;
            rows.into_iter().map(FinalistRow::record).collect()
        })
    }

    /// Keeps a measurement on its own. A measurement that is there already stays as it is.
    ///
    /// # Errors
    /// See [`Self::header`].
    pub fn save_measurement(&mut self, measured: &Measurement) -> Result<(), StudyError> {
        self.write(|connection| insert_measurements(connection, std::slice::from_ref(measured)))
    }

    /// The report of a measurement that was made before.
    ///
    /// # Errors
    /// See [`Self::header`].
    pub fn measurement(&mut self, key: &str) -> Result<Option<Measurement>, StudyError> {
        self.read(|connection| {
            let row: Option<MeasurementRow> = measurements::table.find(key).first(connection).optional()?;
            Ok(row.map(Measurement::from))
        })
    }

    /// The measurements of a purpose, in the order of their keys.
    ///
    /// # Errors
    /// See [`Self::header`].
    pub fn measurements(&mut self, purpose: &str) -> Result<Vec<Measurement>, StudyError> {
        self.read(|connection| {
            let of_purpose = measurements::table.filter(measurements::purpose.eq(purpose)).order(measurements::key);
            let rows: Vec<MeasurementRow> = of_purpose.load(connection)?;
            Ok(rows.into_iter().map(Measurement::from).collect())
        })
    }

    /// Marks a part of the run as finished; it is not begun again then.
    ///
    /// # Errors
    /// See [`Self::header`].
    pub fn finish_phase(&mut self, phase: &Phase) -> Result<(), StudyError> {
        self.write(|connection| {
            let number: i64 = phases::table.count().get_result(connection)?;
            let row = (phases::name.eq(&phase.name), phases::number.eq(number), phases::seconds.eq(phase.seconds));
            let insert = diesel::insert_into(phases::table).values(row);
            insert.on_conflict(phases::name).do_update().set(phases::seconds.eq(phase.seconds)).execute(connection)?;
            Ok(())
        })
    }

    /// The parts of the run that are finished, in the order in which they were.
    ///
    /// # Errors
    /// See [`Self::header`].
    pub fn phases(&mut self) -> Result<Vec<Phase>, StudyError> {
        self.read(|connection| {
            let in_order = phases::table.order(phases::number).select((phases::name, phases::seconds));
            let rows: Vec<(String, f64)> = in_order.load(connection)?;
            Ok(rows.into_iter().map(|(name, seconds)| Phase { name, seconds }).collect())
        })
    }

    /// Keeps a text under a name, such as the data of the report; replaces what was there.
    ///
    /// # Errors
    /// See [`Self::header`].
    pub fn save_document(&mut self, name: &str, document: &str) -> Result<(), StudyError> {
        self.write(|connection| {
            let row = (documents::name.eq(name), documents::document.eq(document));
            let insert = diesel::insert_into(documents::table).values(row);
            insert
                .on_conflict(documents::name)
                .do_update()
                .set(documents::document.eq(document))
                .execute(connection)?;
            Ok(())
        })
    }

    /// The text that was kept under a name.
    ///
    /// # Errors
    /// See [`Self::header`].
    pub fn document(&mut self, name: &str) -> Result<Option<String>, StudyError> {
        self.read(|connection| {
            let found = documents::table.find(name).select(documents::document);
            Ok(found.first(connection).optional()?)
        })
    }

    fn read<T>(&mut self, query: impl FnOnce(&mut SqliteConnection) -> Outcome<T>) -> Result<T, StudyError> {
        query(&mut self.connection).map_err(|fault| fault.of(&self.path))
    }

    fn write(&mut self, change: impl FnOnce(&mut SqliteConnection) -> Outcome<()>) -> Result<(), StudyError> {
        connection::transaction(&mut self.connection, change).map_err(|fault| fault.of(&self.path))
    }
}

fn insert_trial(connection: &mut SqliteConnection, record: &TrialRecord) -> Outcome<()> {
    let row = TrialRow::of(record)?;
    let insert = diesel::insert_into(trials::table).values(&row);
    insert.on_conflict(trials::draw).do_update().set(&row).execute(connection)?;
    Ok(())
}

fn insert_training(connection: &mut SqliteConnection, draw: u64, training: &Training) -> Outcome<()> {
    let row = TrainingRow::of(draw, training)?;
    let insert = diesel::insert_into(trainings::table).values(&row);
    insert.on_conflict((trainings::draw, trainings::purpose)).do_update().set(&row).execute(connection)?;
    Ok(())
}

fn insert_measurements(connection: &mut SqliteConnection, measured: &[Measurement]) -> Outcome<()> {
    for measurement in measured {
        let row = MeasurementRow::from(measurement);
        let insert = diesel::insert_into(measurements::table).values(&row);
        insert.on_conflict(measurements::key).do_nothing().execute(connection)?;
    }
    Ok(())
}
