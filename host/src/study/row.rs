//! Records as rows: numbers as the database has them, the rest as JSON. Whatever is written can be read back as it was.

use diesel::prelude::{AsChangeset, Insertable, Queryable};
use edgefit_search::{Readings, Status, Trial};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::Fault;
use super::record::{Finalist, Header, Measurement, Provenance, TableSample, Training, TrialRecord};
use super::schema::{edgefit_study, finalists, measurements, table_samples, trainings, trials};

#[derive(Queryable, Insertable)]
#[diesel(table_name = edgefit_study)]
pub(super) struct HeaderRow {
    id: i64,
    config: String,
    seed: String,
    provenance: String,
}

impl HeaderRow {
    pub(super) fn of(header: &Header) -> Result<Self, Fault> {
        let provenance = to_json("the provenance", &header.provenance)?;
        Ok(Self { id: 1, config: header.config.clone(), seed: header.seed.to_string(), provenance })
    }

    pub(super) fn record(self) -> Result<Header, Fault> {
        let wrong = |_| Fault::Record { what: "seed".to_owned(), reason: format!("`{}` is no seed", self.seed) };
        let provenance: Provenance = from_json("provenance", &self.provenance)?;
        Ok(Header { seed: self.seed.parse().map_err(wrong)?, config: self.config, provenance })
    }
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = trials)]
#[diesel(treat_none_as_null = true)]
pub(super) struct TrialRow {
    draw: i64,
    number: i64,
    genotype: String,
    digest: Option<String>,
    status: String,
    stopped_by: Option<String>,
    hypervolume: Option<f64>,
    document: String,
}

impl TrialRow {
    pub(super) fn of(record: &TrialRecord) -> Result<Self, Fault> {
        let trial = &record.trial;
        let (status, stopped_by) = match &trial.status {
            Status::Stopped { by } => ("stopped", Some(by.name().to_owned())),
            Status::Proposed => ("proposed", None),
            Status::Trained => ("trained", None),
            Status::Failed { .. } => ("failed", None),
        };
        Ok(Self {
            draw: to_i64(trial.draw),
            number: to_i64(trial.number),
            genotype: record.genotype.clone(),
            digest: trial.digest.map(|digest| digest.to_string()),
            status: status.to_owned(),
            stopped_by,
            hypervolume: record.hypervolume,
            document: to_json(&format!("the trial of draw {}", trial.draw), trial)?,
        })
    }

    pub(super) fn record(self) -> Result<TrialRecord, Fault> {
        let trial: Trial = from_json(&format!("trial of draw {}", self.draw), &self.document)?;
        Ok(TrialRecord { trial, genotype: self.genotype, hypervolume: self.hypervolume })
    }
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = trainings)]
pub(super) struct TrainingRow {
    draw: i64,
    purpose: String,
    seconds: f64,
    epochs: String,
}

impl TrainingRow {
    pub(super) fn of(draw: u64, training: &Training) -> Result<Self, Fault> {
        Ok(Self {
            draw: to_i64(draw),
            purpose: training.purpose.name().to_owned(),
            seconds: training.seconds,
            epochs: to_json(&format!("the training of draw {draw}"), &training.epochs)?,
        })
    }

    pub(super) fn record(self, purpose: super::Purpose) -> Result<Training, Fault> {
        let epochs = from_json(&format!("training of draw {}", self.draw), &self.epochs)?;
        Ok(Training { purpose, seconds: self.seconds, epochs })
    }

    pub(super) fn draw(&self) -> u64 {
        to_u64(self.draw)
    }
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = finalists)]
pub(super) struct FinalistRow {
    draw: i64,
    place: i64,
    readings: String,
}

impl FinalistRow {
    pub(super) fn of(finalist: &Finalist) -> Result<Self, Fault> {
        let readings = to_json(&format!("the finalist of draw {}", finalist.draw), &finalist.readings)?;
        Ok(Self { draw: to_i64(finalist.draw), place: to_i64(finalist.place), readings })
    }

    pub(super) fn record(self) -> Result<Finalist, Fault> {
        let readings: Readings = from_json(&format!("finalist of draw {}", self.draw), &self.readings)?;
        Ok(Finalist { draw: to_u64(self.draw), place: to_u64(self.place), readings })
    }
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = table_samples)]
pub(super) struct TableSampleRow {
    number: i64,
    genotype: String,
    digest: String,
}

impl From<&TableSample> for TableSampleRow {
    fn from(sample: &TableSample) -> Self {
        let TableSample { number, genotype, digest } = sample.clone();
        Self { number: to_i64(number), genotype, digest }
    }
}

impl From<TableSampleRow> for TableSample {
    fn from(row: TableSampleRow) -> Self {
        let TableSampleRow { number, genotype, digest } = row;
        Self { number: to_u64(number), genotype, digest }
    }
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = measurements)]
pub(super) struct MeasurementRow {
    key: String,
    purpose: String,
    document: String,
}

impl From<&Measurement> for MeasurementRow {
    fn from(measurement: &Measurement) -> Self {
        let Measurement { key, purpose, document } = measurement.clone();
        Self { key, purpose, document }
    }
}

impl From<MeasurementRow> for Measurement {
    fn from(row: MeasurementRow) -> Self {
        let MeasurementRow { key, purpose, document } = row;
        Self { key, purpose, document }
    }
}

/// Databases count with signs. No run comes near the limit.
pub(super) fn to_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn to_u64(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// JSON has no infinity; a value that would not come back as it is, is refused while it can still be told where it is from.
fn to_json<T: Serialize + DeserializeOwned + PartialEq>(what: &str, value: &T) -> Result<String, Fault> {
    let not_finite = || Fault::NotFinite { what: what.to_owned() };
    let text = serde_json::to_string(value).map_err(|_| not_finite())?;
    let is_same = serde_json::from_str::<T>(&text).is_ok_and(|read| read == *value);
    if is_same { Ok(text) } else { Err(not_finite()) }
}

fn from_json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|error| Fault::Record { what: what.to_owned(), reason: error.to_string() })
}
