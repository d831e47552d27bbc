//! Files in one folder for each class: `train/CLASS/*` and `test/CLASS/*`, or `CLASS/*`.

use std::path::{Path, PathBuf};

use super::{DataError, Groups, Part, Source, groups};

/// Most files of a data set.
const MAX_FILES: usize = 10_000_000;

/// The files of one part with their labels.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) paths: Vec<PathBuf>,
    pub(super) labels: Vec<u32>,
    /// Group of each file, where the source names them.
    pub(super) groups: Option<Groups>,
}

/// The files of a data set.
#[derive(Debug)]
pub(super) struct ClassFolders {
    pub(super) classes: Vec<String>,
    pub(super) pool: Files,
    pub(super) test: Files,
}

impl ClassFolders {
    /// Finds files with these extensions (lower case). The pool has at least one.
    ///
    /// # Errors
    /// If a folder cannot be read, there is no such file, or one has no group where groups are named.
    pub(super) fn find(path: &Path, extensions: &[&str], source: &Source) -> Result<Self, DataError> {
        let train = path.join("train");
        let root = if train.is_dir() { &train } else { path };
        let classes = folders(root)?;
        let mut pool = files(root, &classes, extensions)?;
        if pool.paths.is_empty() {
            let kinds = extensions.join(", .");
            let expected = format!("CLASS/*.{0} or train/CLASS/*.{0} (files of .{kinds})", extensions[0]);
            return Err(DataError::Missing { path: path.to_owned(), expected });
        }
        let test = path.join("test");
        let has_test = train.is_dir() && test.is_dir();
        let mut test = if has_test { files(&test, &classes, extensions)? } else { Files::default() };
        if let Some(file) = &source.groups {
            for part in [&mut pool, &mut test] {
                part.groups = Some(groups::of_files(file, path, part.paths.iter().map(PathBuf::as_path))?);
            }
        }
        Ok(Self { classes, pool, test })
    }

    /// The files of a part.
    pub(super) fn part(&self, part: Part) -> &Files {
        match part {
            Part::Pool => &self.pool,
            Part::Test => &self.test,
        }
    }
}

/// Names in a folder, sorted.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let failed = |source| DataError::Read { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)?.take(MAX_FILES) {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

fn folders(root: &Path) -> Result<Vec<String>, DataError> {
    let is_class = |p: &PathBuf| p.is_dir() && !name(p).starts_with('.');
    Ok(entries(root)?.iter().filter(|p| is_class(p)).map(|p| name(p)).collect())
}

fn files(root: &Path, classes: &[String], extensions: &[&str]) -> Result<Files, DataError> {
    let mut files = Files::default();
    let is_sample = |p: &PathBuf| {
        let extension = p.extension().map(|e| e.to_string_lossy().to_lowercase());
        extension.is_some_and(|e| extensions.contains(&e.as_str()))
    };
    for (label, class) in classes.iter().enumerate() {
        let folder = root.join(class);
        let found = if folder.is_dir() { entries(&folder)? } else { Vec::new() };
        files.paths.extend(found.into_iter().filter(is_sample));
        files.labels.resize(files.paths.len(), label as u32);
    }
    Ok(files)
}
