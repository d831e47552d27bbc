//! A lasting folder for what the tests fetch, so that it is fetched once.
//!
//! It is `$EDGEFIT_CACHE`, else `$XDG_CACHE_HOME/edgefit`, else `~/.cache/edgefit`. Two test programs that start at
//! once do not disturb each other: an entry is made under a file lock and counts only when it was completed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Written last into an entry; an entry without it was interrupted and is made anew.
const COMPLETE: &str = "complete";

/// The folder `name` of the cache, filled by `make` when it is not there yet.
pub(super) fn entry(name: &str, make: impl FnOnce(&Path) -> Result<(), String>) -> Result<PathBuf, String> {
    let cache = folder()?;
    let entry = cache.join(name);
    let lock = lock(&cache.join(format!("{name}.lock"))).map_err(|error| describe(&cache, &error))?;
    if !entry.join(COMPLETE).exists() {
        renew(&entry).map_err(|error| describe(&entry, &error))?;
        make(&entry)?;
        File::create(entry.join(COMPLETE)).map_err(|error| describe(&entry, &error))?;
    }
    drop(lock);
    Ok(entry)
}

/// Whether the folder `name` is there and was filled.
pub(super) fn holds(name: &str) -> Result<bool, String> {
    Ok(folder()?.join(name).join(COMPLETE).exists())
}

/// The folder `name` of the cache for a program that keeps order in it by itself.
pub(super) fn folder_for(name: &str) -> Result<PathBuf, String> {
    let folder = folder()?.join(name);
    fs::create_dir_all(&folder).map_err(|error| describe(&folder, &error))?;
    Ok(folder)
}

fn folder() -> Result<PathBuf, String> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("EDGEFIT_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|base| base.join("edgefit")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache/edgefit")))
        .ok_or_else(|| "no cache folder: set EDGEFIT_CACHE to one".to_owned())
}

fn lock(path: &Path) -> io::Result<File> {
    fs::create_dir_all(path.parent().expect("a lock file is inside the cache folder"))?;
    let file = File::create(path)?;
    file.lock()?;
    Ok(file)
}

fn renew(entry: &Path) -> io::Result<()> {
    match fs::remove_dir_all(entry) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::create_dir_all(entry),
    }
}

fn describe(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}
