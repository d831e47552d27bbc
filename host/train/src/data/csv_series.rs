//! Series in time as CSV (comma, semicolon or tab; gzip or not), in one of two layouts.
//!
//! **Recordings**: a file for each in a folder for each class, `train/CLASS/*.csv` and `test/CLASS/*.csv`, or `CLASS/*.csv`. A row
//! is a time step, a column a channel; a first row that is not all numbers is a header. With a window, recordings of any length are
//! cut into series of one length, and what is cut from one recording stays in one split.
//!
//! **Rows**: one file, or a folder with `train.csv` and perhaps `test.csv`. A row is a series: its class in the first column, then
//! its values, all time steps of the first channel, then those of the next. UCR's and UEA's archives are of this kind. Another column
//! may name its group.

use std::path::Path;

use super::class_folders::{ClassFolders, Files};
use super::in_memory::InMemory;
use super::{Collection, DataError, Format, Groups, Numbers, SampleShape, Samples, Source, Values, Window, bytes};

/// The format `csv-series`.
pub(super) struct CsvSeries;

const EXTENSIONS: [&str; 3] = ["csv", "tsv", "gz"];

/// Endings of the files of rows.
const ENDINGS: [&str; 4] = ["csv", "tsv", "csv.gz", "tsv.gz"];

impl Format for CsvSeries {
    fn name(&self) -> &'static str {
        "csv-series"
    }

    fn open(&self, source: &Source) -> Result<Box<dyn Collection>, DataError> {
        let path = source.path.as_deref().ok_or(DataError::NoPath(self.name()))?;
        if path.is_file() {
            return rows(path, None, source);
        }
        let named = |name: &str| ENDINGS.iter().map(|end| path.join(format!("{name}.{end}"))).find(|p| p.is_file());
        match named("train") {
            Some(train) => rows(&train, named("test").as_deref(), source),
            None => recordings(path, source),
        }
    }
}

/// A data set of which each row is a series.
fn rows(train: &Path, test: Option<&Path>, source: &Source) -> Result<Box<dyn Collection>, DataError> {
    if source.groups.is_some() {
        let reason = "has its groups in a column: name it by `group_column`, and take `groups` out";
        return Err(DataError::malformed(train, reason));
    }
    let train_rows = Rows::read(train, source)?;
    let test_rows = test.map(|path| Rows::read(path, source)).transpose()?;
    let mut classes = train_rows.names.clone();
    classes.sort_by(|a, b| match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    });
    classes.dedup();
    let groups = [train_rows.groups.clone(), test_rows.as_ref().and_then(|rows| rows.groups.clone())];
    let pool = train_rows.labelled(train, &classes)?;
    let test = test_rows.zip(test).map(|(rows, path)| rows.labelled(path, &classes)).transpose()?;
    Ok(InMemory { classes, divisor: 1.0, pool, test, recordings: None, resize: None, groups }.boxed(source))
}

struct Rows {
    names: Vec<String>,
    /// Line of each row, from 1.
    lines: Vec<u64>,
    values: Values,
    groups: Option<Groups>,
}

impl Rows {
    fn read(path: &Path, source: &Source) -> Result<Self, DataError> {
        let (channels, group) = (source.channels.unwrap_or(1), source.group_column.map(|column| column - 1));
        let table = Table::read(path)?;
        let of_row = |row: &Row| row.numbers(path, 1, group);
        // A first row whose values are no numbers is a header.
        let skipped = usize::from(of_row(&table.rows[0]).is_err() && table.rows.len() > 1);
        let numbers = table.rows[skipped..].iter().map(of_row).collect::<Result<Vec<_>, _>>()?;
        let rows = &table.rows[skipped..];
        let width = numbers[0].len();
        if width == 0 || !width.is_multiple_of(channels) {
            let reason = format!(
                "row {}: {width} values are no whole number of time steps of {channels} channels",
                rows[0].line
            );
            return Err(DataError::malformed(path, reason));
        }
        if let Some(at) = numbers.iter().position(|row| row.len() != width) {
            let reason =
                format!("row {}: {} values where the rows before have {width}", rows[at].line, numbers[at].len());
            return Err(DataError::malformed(path, reason));
        }
        let length = width / channels;
        let shape = SampleShape::Series { length, channels };
        let in_order = |row: &Vec<f32>| -> Vec<f32> {
            (0..length).flat_map(|t| (0..channels).map(move |c| c * length + t)).map(|at| row[at]).collect()
        };
        let numbers = Numbers::Floats(numbers.iter().flat_map(in_order).collect());
        let names = rows.iter().map(|row| row.cells.first().cloned().unwrap_or_default()).collect();
        let groups = group.map(|column| rows.iter().map(|row| row.group(path, column)).collect::<Result<Vec<_>, _>>());
        let groups = groups.transpose()?.map(|each| Groups::named(&each));
        Ok(Self { names, groups, lines: rows.iter().map(|row| row.line).collect(), values: Values { shape, numbers } })
    }

    fn labelled(self, path: &Path, classes: &[String]) -> Result<Samples, DataError> {
        let label = |(name, line): (&String, &u64)| {
            let found = classes.iter().position(|class| class == name).map(|label| label as u32);
            found.ok_or_else(|| {
                DataError::malformed(path, format!("row {line}: class `{name}` has no series to train with"))
            })
        };
        let labels = self.names.iter().zip(&self.lines).map(label).collect::<Result<_, _>>()?;
        Ok(Samples { values: self.values, labels })
    }
}

/// A data set of which each file is a recording.
fn recordings(path: &Path, source: &Source) -> Result<Box<dyn Collection>, DataError> {
    if source.group_column.is_some() {
        let reason = "holds a file for each recording: name their groups by `groups`, and take `group_column` out";
        return Err(DataError::malformed(path, reason));
    }
    let files = ClassFolders::find(path, &EXTENSIONS, source)?;
    let mut cut = Cut { window: source.window, first: None };
    let (pool, recordings) = cut.all(&files.pool)?;
    let test = if files.test.paths.is_empty() { None } else { Some(cut.all(&files.test)?) };
    let of_samples = |files: &Files, recordings: &[u32]| {
        let positions: Vec<usize> = recordings.iter().map(|&recording| recording as usize).collect();
        files.groups.as_ref().map(|groups| groups.at(&positions))
    };
    let test_groups = test.as_ref().and_then(|(_, recordings)| of_samples(&files.test, recordings));
    let groups = [of_samples(&files.pool, &recordings), test_groups];
    let test = test.map(|(samples, _)| samples);
    let recordings = source.window.map(|_| recordings);
    Ok(InMemory { classes: files.classes, divisor: 1.0, pool, test, recordings, resize: None, groups }.boxed(source))
}

/// Recordings on their way to series of one length.
struct Cut {
    window: Option<Window>,
    /// Length and channels of the first recording.
    first: Option<(usize, usize)>,
}

impl Cut {
    /// Series of all files, and the file that each comes from.
    fn all(&mut self, files: &Files) -> Result<(Samples, Vec<u32>), DataError> {
        let (mut numbers, mut labels, mut recordings) = (Vec::new(), Vec::new(), Vec::new());
        for (at, (path, &label)) in files.paths.iter().zip(&files.labels).enumerate() {
            let (recording, channels) = recording(path)?;
            let steps = recording.len() / channels;
            let (first_steps, first_channels) = *self.first.get_or_insert((steps, channels));
            let expected = format!("{first_steps} time steps of {first_channels} channels");
            let found = format!("{steps} time steps of {channels} channels");
            if channels != first_channels || (self.window.is_none() && steps != first_steps) {
                let hint = if channels == first_channels { "; state a `window`" } else { "" };
                return Err(DataError::malformed(
                    path,
                    format!("has {found} where those before have {expected}{hint}"),
                ));
            }
            let Window { length, stride } = self.window.unwrap_or(Window { length: steps, stride: steps });
            if steps < length {
                return Err(DataError::malformed(path, format!("has {steps} time steps; the window has {length}")));
            }
            for begin in (0..=steps - length).step_by(stride) {
                numbers.extend_from_slice(&recording[begin * channels..(begin + length) * channels]);
                labels.push(label);
                recordings.push(at as u32);
            }
        }
        let (steps, channels) = self.first.unwrap_or((1, 1));
        let length = self.window.map_or(steps, |window| window.length);
        let values = Values { shape: SampleShape::Series { length, channels }, numbers: Numbers::Floats(numbers) };
        Ok((Samples { values, labels }, recordings))
    }
}

/// The numbers of a recording, channels last, and how many channels it has.
fn recording(path: &Path) -> Result<(Vec<f32>, usize), DataError> {
    let table = Table::read(path)?;
    let skipped = usize::from(table.rows[0].numbers(path, 0, None).is_err() && table.rows.len() > 1);
    let rows = &table.rows[skipped..];
    let channels = rows[0].cells.len();
    let mut numbers = Vec::with_capacity(rows.len() * channels);
    for row in rows {
        if row.cells.len() != channels {
            let reason = format!("row {}: {} columns where the rows before have {channels}", row.line, row.cells.len());
            return Err(DataError::malformed(path, reason));
        }
        numbers.extend(row.numbers(path, 0, None)?);
    }
    Ok((numbers, channels))
}

/// The rows of a file, at least one.
struct Table {
    rows: Vec<Row>,
}

struct Row {
    /// From 1.
    line: u64,
    cells: Vec<String>,
}

impl Table {
    fn read(path: &Path) -> Result<Self, DataError> {
        let text = bytes::read(path)?;
        let first = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let delimiter = [b'\t', b';', b','].into_iter().find(|d| first.contains(d)).unwrap_or(b',');
        let mut reader = csv::ReaderBuilder::new();
        reader.has_headers(false).flexible(true).trim(csv::Trim::All).delimiter(delimiter);
        let mut rows = Vec::new();
        for record in reader.from_reader(&*text).into_records() {
            let record = record.map_err(|e| DataError::malformed(path, format!("is no CSV: {e}")))?;
            let line = record.position().map_or(0, csv::Position::line);
            rows.push(Row { line, cells: record.iter().map(str::to_owned).collect() });
        }
        if rows.is_empty() {
            return Err(DataError::malformed(path, "has no rows"));
        }
        Ok(Self { rows })
    }
}

impl Row {
    /// The cell that names the group.
    fn group(&self, path: &Path, column: usize) -> Result<String, DataError> {
        let missing = || format!("row {}: has no column {} for its group", self.line, column + 1);
        self.cells.get(column).cloned().ok_or_else(|| DataError::malformed(path, missing()))
    }

    /// The cells from a column on, as numbers, without one that is none of them.
    fn numbers(&self, path: &Path, from: usize, without: Option<usize>) -> Result<Vec<f32>, DataError> {
        let number = |(column, cell): (usize, &String)| {
            let number = cell.parse::<f32>().ok().filter(|x| x.is_finite());
            number.ok_or_else(|| {
                DataError::malformed(
                    path,
                    format!("row {}, column {}: `{cell}` is no finite number", self.line, column + 1),
                )
            })
        };
        let cells = self.cells.iter().enumerate().skip(from);
        cells.filter(|(column, _)| Some(*column) != without).map(number).collect()
    }
}
