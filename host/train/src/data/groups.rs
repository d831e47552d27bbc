//! Groups of samples beside their classes, such as who recorded them, so that a network can be judged by the group that it serves worst.
//!
//! A CSV file names the group of each sample's file, one a row: the file's path below the data folder, then the group. Groups are
//! not learned from and not split by.

use std::collections::BTreeMap;
use std::path::Path;

use super::{DataError, bytes};

/// The group of each of some samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    /// Names of the groups, sorted.
    pub names: Vec<String>,
    /// For each sample the position of its group's name.
    pub of: Vec<u32>,
}

impl Groups {
    /// From the name of each sample's group.
    pub(super) fn named(each: &[String]) -> Self {
        let mut names = each.to_vec();
        names.sort();
        names.dedup();
        let place = |name: &String| names.binary_search(name).unwrap_or_default() as u32;
        let of = each.iter().map(place).collect();
        Self { names, of }
    }

    /// Those of the samples at these positions.
    pub(super) fn at(&self, positions: &[usize]) -> Self {
        Self { names: self.names.clone(), of: positions.iter().map(|&at| self.of[at]).collect() }
    }

    /// The group of which the smallest share is right, and that share; groups without samples count nowhere. `None` of no samples.
    pub fn worst(&self, is_right: &[bool]) -> Option<(&str, f64)> {
        let mut counts = vec![(0usize, 0usize); self.names.len()];
        for (&group, &is_right) in self.of.iter().zip(is_right) {
            let (right, all) = &mut counts[group as usize];
            (*right, *all) = (*right + usize::from(is_right), *all + 1);
        }
        let shares = counts.iter().zip(&self.names).filter(|((_, all), _)| *all > 0);
        let shares = shares.map(|((right, all), name)| (name.as_str(), *right as f64 / *all as f64));
        shares.min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// The group of each of these files below a folder, by the file that names them.
///
/// # Errors
/// If that cannot be read, has a row that is not a path and a group, or leaves out one of the files.
pub(super) fn of_files<'p>(
    file: &Path,
    root: &Path,
    paths: impl Iterator<Item = &'p Path>,
) -> Result<Groups, DataError> {
    let text = bytes::read(file)?;
    let mut reader = csv::ReaderBuilder::new();
    reader.has_headers(false).flexible(true).trim(csv::Trim::All);
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for record in reader.from_reader(&*text).into_records() {
        let record = record.map_err(|e| DataError::malformed(file, format!("is no CSV: {e}")))?;
        let line = record.position().map_or(0, csv::Position::line);
        let (Some(path), Some(group), 2) = (record.get(0), record.get(1), record.len()) else {
            let reason = format!("row {line}: {} columns where a path and a group are wanted", record.len());
            return Err(DataError::malformed(file, reason));
        };
        known.insert(path.replace('\\', "/"), group.to_owned());
    }
    let group = |path: &Path| {
        let below = path.strip_prefix(root).unwrap_or(path);
        let below = below.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
        known
            .get(&below)
            .cloned()
            .ok_or_else(|| DataError::malformed(file, format!("names no group for {below}; add a row `{below},GROUP`")))
    };
    Ok(Groups::named(&paths.map(group).collect::<Result<Vec<_>, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_group_is_the_one_with_the_smallest_share() {
        let groups = Groups::named(&["b", "a", "b", "c"].map(str::to_owned));
        assert_eq!((groups.names.len(), groups.of.as_slice()), (3, [1, 0, 1, 2].as_slice()));
        assert_eq!(groups.worst(&[true, true, false, true]), Some(("b", 0.5)));
        assert_eq!(groups.at(&[1, 3]).worst(&[true, true]), Some(("a", 1.0)));
        assert_eq!(groups.at(&[]).worst(&[]), None);
    }
}
