//! The table of a benchmark: a CSV file with NAS-Bench-201 cells in column `arch`, and columns of numbers.
//!
//! A network without the numbers that are asked for is left out; what is no number or no cell is an error.

use std::path::Path;

use edgefit_graph::Shape;
use edgefit_search::space::PerStage;
use edgefit_search::{Genotype, Metric, Readings, Space, SpaceSettings, Task, Value, space};

use super::Plan;
use crate::cell_table::{CELLS, open};
use crate::error::{Error, ErrorKind, Result};

/// The space of the published networks.
///
/// # Panics
/// Never: its settings are those of the space.
pub(super) fn space() -> Box<dyn Space> {
    let settings = SpaceSettings {
        stages: Some(3),
        widths: Some(PerStage::All(vec![16])),
        depths: Some(vec![5]),
        ..SpaceSettings::preset("nb201")
    };
    let task = Task { input: Shape::new([3, 32, 32]), classes: 100 };
    space::build(&settings, &task).expect("the published skeleton is one of the space's")
}

/// Every network that has the numbers that the plan asks for.
pub(super) fn read(plan: &Plan) -> Result<Vec<(Genotype, Readings)>> {
    let path = plan.table.as_path();
    let mut reader = csv::ReaderBuilder::new().from_reader(open(path)?);
    let headers = reader.headers().map_err(|e| data(path, e))?.clone();
    let cells = column(path, &headers, CELLS, ErrorKind::Data)?;
    let accuracy = column(path, &headers, &plan.accuracy_column, ErrorKind::Usage)?;
    let latency = plan.latency_column.as_ref();
    let latency = latency.map(|name| column(path, &headers, name, ErrorKind::Usage)).transpose()?;
    let (space, mut networks) = (space(), Vec::new());
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(|e| data(path, e))?;
        let row = Row { path, line: record.position().map_or(index as u64 + 2, csv::Position::line), record: &record };
        let text = record.get(cells).unwrap_or_default();
        let genotype = space.parse(text).map_err(|e| row.wrong(e))?;
        let Some(value) = row.number(accuracy)? else { continue };
        let mut readings = Readings::new().with(Metric::Accuracy, measured(value, &plan.accuracy_column));
        if let (Some(column), Some(name)) = (latency, &plan.latency_column) {
            let Some(value) = row.number(column)? else { continue };
            readings.add(Metric::LatencyMs, measured(value, name));
        }
        networks.push((genotype, readings));
    }
    Ok(networks)
}

fn measured(value: f64, column: &str) -> Value {
    Value::measured(value, None, format!("column {column}"))
}

fn column(path: &Path, headers: &csv::StringRecord, name: &str, kind: ErrorKind) -> Result<usize> {
    let found = headers.iter().position(|header| header == name);
    let known = || headers.iter().collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| {
        Error::new(kind, format!("{}: there is no column `{name}`; the columns are {}", path.display(), known()))
    })
}

fn data(path: &Path, cause: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Data, format!("{}: {cause}", path.display()))
}

/// One row, for its errors.
struct Row<'a> {
    path: &'a Path,
    line: u64,
    record: &'a csv::StringRecord,
}

impl Row<'_> {
    /// The number of a column; `None` where it is empty.
    fn number(&self, column: usize) -> Result<Option<f64>> {
        let text = self.record.get(column).unwrap_or_default().trim();
        if text.is_empty() {
            return Ok(None);
        }
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        number.map(Some).ok_or_else(|| self.wrong(format!("`{text}` is no number")))
    }

    fn wrong(&self, cause: impl std::fmt::Display) -> Error {
        data(self.path, format!("line {}: {cause}", self.line))
    }
}
