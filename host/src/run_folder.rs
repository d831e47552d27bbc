//! The folder of one run: its name, its files, who may write in it, and how a file gets there whole.
//!
//! What the files hold is decided elsewhere. A run holds a lock on its folder as long as its process lives, so that two runs never
//! write into one folder; the lock of a killed process is free again. Files appear whole or not at all: they are written under
//! another name, flushed to the disk and renamed. A folder holds a run from the moment that its study is there.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use tempfile::Builder;
use thiserror::Error;

/// How many runs of the same data and space can begin in one second.
const MOST_PER_SECOND: usize = 100;

/// How the names of files begin and end while they are being written.
const UNFINISHED: (&str, &str) = (".edgefit-", ".tmp");

/// The folder of the networks that were trained to the end.
const FINALISTS: &str = "finalists";

/// The folder of the networks that were trained after the run.
const TRAINED: &str = "trained";

/// The folder of the trainings that paused and may go on; gone once the search is over.
const PAUSED: &str = "paused";

/// A file of a run folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunFile {
    /// The search file, resolved and complete.
    Search,
    /// The study.
    Study,
    /// The weights that candidates share, as far as they are trained.
    Supernet,
    /// The supernet that guides the search, as far as it is trained.
    Relaxed,
    /// The latency table, of several devices that of the first.
    Table,
    /// The Pareto front.
    Pareto,
    /// The winner's network and weights.
    WinnerModel,
    /// What is known about the winner.
    Winner,
    /// The report.
    Report,
    /// Held by the process that runs the search.
    Lock,
}

impl RunFile {
    /// The name within the folder.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Search => "search.toml",
            Self::Study => "study.sqlite",
            Self::Supernet => "supernet.state",
            Self::Relaxed => "relaxed.state",
            Self::Table => "device.table",
            Self::Pareto => "pareto.csv",
            Self::WinnerModel => "winner.onnx",
            Self::Winner => "winner.json",
            Self::Report => "report.html",
            Self::Lock => ".lock",
        }
    }
}

/// Why a run folder cannot be used.
#[derive(Debug, Error)]
pub enum RunFolderError {
    /// Another process runs a search in it.
    #[error("{}: another run ({holder}) is working in this folder; wait for it, stop it, or choose another folder with --out", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The process, as it called itself.
        holder: String,
    },
    /// It holds a run, and nobody said to go on with it.
    #[error("{}: this folder holds a run already; go on with it by --resume, or choose another with --out", .0.display())]
    HoldsRun(PathBuf),
    /// It holds something, but no run.
    #[error("{}: this folder is not empty and holds no run; choose another with --out", .0.display())]
    NotARun(PathBuf),
    /// There is no run to go on with.
    #[error("{}: there is no run to resume; leave --resume out to begin one", .0.display())]
    NothingToResume(PathBuf),
    /// No space is left.
    #[error("{}: the disk is full; free some space and go on with --resume, nothing that was finished is lost", .0.display())]
    DiskFull(PathBuf),
    /// The system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl RunFolderError {
    /// What the system says of a path, a full disk told apart.
    fn of(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull(path),
            _ => Self::Io { path, source },
        }
    }
}

/// Which of the networks that a finalist was trained to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinalistModel {
    /// Trained on the training images, so that the validation images can judge it.
    Judged,
    /// Trained on both.
    Refit,
}

/// The file of a finalist's network in the folder of a run.
pub fn finalist_file(run: &Path, number: u64, model: FinalistModel) -> PathBuf {
    let name = match model {
        FinalistModel::Judged => format!("trial-{number}.onnx"),
        FinalistModel::Refit => format!("trial-{number}-refit.onnx"),
    };
    run.join(FINALISTS).join(name)
}

/// The file of a network that was trained after the run, in its folder.
pub fn trained_file(run: &Path, number: u64) -> PathBuf {
    run.join(TRAINED).join(format!("trial-{number}.onnx"))
}

/// Makes the folder that a file is to be in.
///
/// # Errors
/// When the disk is full or the system refuses.
pub fn make_folder_of(file: &Path) -> Result<(), RunFolderError> {
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder).map_err(RunFolderError::of(folder))
}

/// The folder of a run that this process has for itself.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// Locked as long as it lives.
    lock: File,
}

impl Drop for RunFolder {
    /// Closing is not enough: a process that another thread is just starting holds a copy of the file until it is started.
    fn drop(&mut self) {
        // The lock also goes with this process.
        self.lock.unlock().ok();
    }
}

impl RunFolder {
    /// A new folder `DATA-SPACE-YYYYMMDD-HHMMSS` under `root`. The time is the local one.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn create_named(root: &Path, data: &str, space: &str, now: DateTime) -> Result<Self, RunFolderError> {
        fs::create_dir_all(root).map_err(RunFolderError::of(root))?;
        let name = format!("{data}-{space}-{}", now.strftime("%Y%m%d-%H%M%S"));
        let others = (2..=MOST_PER_SECOND).map(|number| format!("{name}-{number}"));
        let free = std::iter::once(name.clone()).chain(others).map(|name| root.join(name)).find_map(made);
        Self::lock(free.unwrap_or_else(|| Err(RunFolderError::HoldsRun(root.join(name))))?)
    }

    /// The folder that the user named, for a new run: it does not exist yet or is empty.
    ///
    /// # Errors
    /// When it holds anything, when it cannot be made, or when another run just took it.
    pub fn create_at(path: &Path) -> Result<Self, RunFolderError> {
        fs::create_dir_all(path).map_err(RunFolderError::of(path))?;
        check_unused(path)?;
        let folder = Self::lock(path.to_owned())?;
        check_unused(path)?;
        Ok(folder)
    }

    /// The folder of a run to go on with. What its process was writing when it ended is removed.
    ///
    /// # Errors
    /// When it holds no run, or when its process still lives.
    pub fn resume(path: &Path) -> Result<Self, RunFolderError> {
        if !path.join(RunFile::Study.name()).is_file() {
            return Err(RunFolderError::NothingToResume(path.to_owned()));
        }
        let folder = Self::lock(path.to_owned())?;
        folder.remove_unfinished()?;
        Ok(folder)
    }

    /// The youngest run of this data and space under `root`.
    ///
    /// # Errors
    /// When `root` cannot be read or has none.
    pub fn newest(root: &Path, data: &str, space: &str) -> Result<PathBuf, RunFolderError> {
        let prefix = format!("{data}-{space}-");
        let none = || RunFolderError::NothingToResume(root.join(format!("{prefix}*")));
        let names =
            fs::read_dir(root).map_err(|_| none())?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let runs =
            names.filter(|name| is_run_name(name, &prefix) && root.join(name).join(RunFile::Study.name()).is_file());
        runs.max().map(|name| root.join(name)).ok_or_else(none)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One of its files, whether it is there or not.
    pub fn file(&self, file: RunFile) -> PathBuf {
        self.path.join(file.name())
    }

    /// The latency table of the device of this number, from 0.
    pub fn table(&self, device: usize) -> PathBuf {
        match device {
            0 => self.file(RunFile::Table),
            further => self.path.join(format!("device-{}.table", further + 1)),
        }
    }

    /// A network of a finalist by the number of its trial, whether it is there or not.
    pub fn finalist(&self, number: u64, model: FinalistModel) -> PathBuf {
        finalist_file(&self.path, number, model)
    }

    /// The paused training of a trial by its number, whether it is there or not.
    pub fn paused(&self, number: u64) -> PathBuf {
        self.path.join(PAUSED).join(format!("trial-{number}.state"))
    }

    /// Makes the folder of the paused trainings.
    ///
    /// # Errors
    /// When the disk is full or the system refuses.
    pub fn make_paused(&self) -> Result<(), RunFolderError> {
        let folder = self.path.join(PAUSED);
        fs::create_dir_all(&folder).map_err(RunFolderError::of(&folder))
    }

    /// Removes the paused trainings, if there are any.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn remove_paused(&self) -> Result<(), RunFolderError> {
        let folder = self.path.join(PAUSED);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(RunFolderError::of(&folder)(error)),
            _ => Ok(()),
        }
    }

    /// Makes the folder of the finalists' networks.
    ///
    /// # Errors
    /// When the disk is full or the system refuses.
    pub fn make_finalists(&self) -> Result<(), RunFolderError> {
        let folder = self.path.join(FINALISTS);
        fs::create_dir_all(&folder).map_err(RunFolderError::of(&folder))
    }

    /// A network of a finalist, as its file holds it.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    pub fn read_finalist(&self, number: u64, model: FinalistModel) -> Result<Vec<u8>, RunFolderError> {
        let file = self.finalist(number, model);
        fs::read(&file).map_err(RunFolderError::of(&file))
    }

    /// Writes one of its files, whole or not at all; replaces what was there.
    ///
    /// # Errors
    /// When the disk is full or the system refuses.
    pub fn write(&self, file: RunFile, content: &[u8]) -> Result<(), RunFolderError> {
        write_whole(&self.file(file), content)
    }

    fn lock(path: PathBuf) -> Result<Self, RunFolderError> {
        let lock_path = path.join(RunFile::Lock.name());
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&lock_path);
        let mut lock = open.map_err(RunFolderError::of(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => sign(&mut lock).map_err(RunFolderError::of(&lock_path))?,
            Err(TryLockError::WouldBlock) => return Err(RunFolderError::InUse { path, holder: signature(&mut lock) }),
            Err(TryLockError::Error(error)) => return Err(RunFolderError::of(&lock_path)(error)),
        }
        Ok(Self { path, lock })
    }

    fn remove_unfinished(&self) -> Result<(), RunFolderError> {
        for entry in fs::read_dir(&self.path).map_err(RunFolderError::of(&self.path))?.flatten() {
            if is_unfinished(&entry.file_name().to_string_lossy()) {
                fs::remove_file(entry.path()).map_err(RunFolderError::of(&entry.path()))?;
            }
        }
        Ok(())
    }
}

/// Nobody's files are in the folder. Asked before the lock, which is a file too, and after it, when nobody else can begin.
fn check_unused(path: &Path) -> Result<(), RunFolderError> {
    if path.join(RunFile::Study.name()).exists() {
        return Err(RunFolderError::HoldsRun(path.to_owned()));
    }
    let mut entries = fs::read_dir(path).map_err(RunFolderError::of(path))?;
    let is_ours = |entry: io::Result<fs::DirEntry>| entry.is_ok_and(|entry| is_lock_or_unfinished(&entry));
    if entries.all(is_ours) { Ok(()) } else { Err(RunFolderError::NotARun(path.to_owned())) }
}

/// What a run leaves that ended before its study was there.
fn is_lock_or_unfinished(entry: &fs::DirEntry) -> bool {
    let name = entry.file_name();
    name == RunFile::Lock.name() || is_unfinished(&name.to_string_lossy())
}

fn is_unfinished(name: &str) -> bool {
    name.starts_with(UNFINISHED.0) && name.contains(UNFINISHED.1)
}

/// Makes the folder; nothing if it is there already.
fn made(path: PathBuf) -> Option<Result<PathBuf, RunFolderError>> {
    match fs::create_dir(&path) {
        Ok(()) => Some(Ok(path)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
        Err(error) => Some(Err(RunFolderError::of(&path)(error))),
    }
}

/// `digits-mbconv-20261124-101500`, perhaps with `-2` behind it, but not a run of the space `mbconv-x`.
fn is_run_name(name: &str, prefix: &str) -> bool {
    let time = name.strip_prefix(prefix).unwrap_or_default();
    time.len() >= "YYYYMMDD-HHMMSS".len() && time.chars().all(|letter| letter.is_ascii_digit() || letter == '-')
}

fn sign(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    write!(lock, "process {}", std::process::id())
}

fn signature(lock: &mut File) -> String {
    let mut text = String::new();
    match lock.take(64).read_to_string(&mut text) {
        Ok(_) if !text.is_empty() => text,
        _ => "an unknown process".to_owned(),
    }
}

/// Writes a file whole or not at all: under another name beside it, flushed, then renamed.
///
/// # Errors
/// When the disk is full or the system refuses; what was there before is untouched then.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<(), RunFolderError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    replace(path, folder, content).map_err(RunFolderError::of(path))
}

fn replace(path: &Path, folder: &Path, content: &[u8]) -> io::Result<()> {
    let mut builder = Builder::new();
    builder.prefix(UNFINISHED.0).suffix(UNFINISHED.1);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;
    use tempfile::tempdir;

    fn now() -> DateTime {
        datetime(2026, 11, 24, 10, 15, 0, 0)
    }

    /// A folder whose run was stopped.
    fn stopped_run(root: &Path) -> PathBuf {
        let folder = RunFolder::create_named(root, "digits", "mbconv", now()).unwrap();
        folder.write(RunFile::Study, b"x").unwrap();
        folder.path().to_owned()
    }

    #[test]
    fn a_folder_is_named_by_data_space_and_time() {
        let root = tempdir().unwrap();
        let make = || RunFolder::create_named(&root.path().join("runs"), "digits", "mbconv", now()).unwrap();
        let (first, second) = (make(), make());
        assert!(first.path().ends_with("runs/digits-mbconv-20261124-101500"));
        assert!(second.path().ends_with("runs/digits-mbconv-20261124-101500-2"));
    }

    #[test]
    fn two_runs_do_not_share_a_folder() {
        let root = tempdir().unwrap();
        let path = stopped_run(root.path());
        let first = RunFolder::resume(&path).unwrap();
        let error = RunFolder::resume(&path).unwrap_err();
        assert!(matches!(error, RunFolderError::InUse { .. }), "{error}");
        assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        drop(first);
        RunFolder::resume(&path).unwrap();
    }

    #[test]
    fn a_run_is_never_begun_over_another_or_over_other_files() {
        let root = tempdir().unwrap();
        let path = stopped_run(root.path());
        assert!(matches!(RunFolder::create_at(&path), Err(RunFolderError::HoldsRun(_))));
        let other = root.path().join("photos");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("cat.jpg"), "x").unwrap();
        assert!(matches!(RunFolder::create_at(&other), Err(RunFolderError::NotARun(_))));
        assert!(matches!(RunFolder::resume(&other), Err(RunFolderError::NothingToResume(_))));
        assert_eq!(fs::read_dir(&other).unwrap().count(), 1, "a file was left in a foreign folder");
        RunFolder::create_at(&root.path().join("new/deep")).unwrap();
    }

    #[test]
    fn the_newest_run_of_the_same_data_and_space_is_found() {
        let root = tempdir().unwrap();
        assert!(matches!(RunFolder::newest(root.path(), "digits", "mbconv"), Err(RunFolderError::NothingToResume(_))));
        for name in
            ["digits-mbconv-20261124-101500", "digits-mbconv-20261123-235959", "digits-mbconv-x-20261125-000000"]
        {
            fs::create_dir(root.path().join(name)).unwrap();
            fs::write(root.path().join(name).join(RunFile::Study.name()), "x").unwrap();
        }
        fs::create_dir(root.path().join("digits-mbconv-20261126-101500")).unwrap();
        let newest = RunFolder::newest(root.path(), "digits", "mbconv").unwrap();
        assert!(newest.ends_with("digits-mbconv-20261124-101500"), "{newest:?}");
    }

    #[test]
    fn a_file_is_replaced_whole_and_what_was_unfinished_goes() {
        let root = tempdir().unwrap();
        let path = stopped_run(root.path());
        let left = path.join(".edgefit-abc.tmp");
        fs::write(&left, "half").unwrap();
        let folder = RunFolder::resume(&path).unwrap();
        assert!(!left.exists());
        folder.write(RunFile::Winner, b"first").unwrap();
        folder.write(RunFile::Winner, b"second").unwrap();
        assert_eq!(fs::read(folder.file(RunFile::Winner)).unwrap(), b"second");
        assert!(
            fs::read_dir(&path).unwrap().flatten().all(|entry| !entry.file_name().to_string_lossy().ends_with(".tmp"))
        );
    }

    #[test]
    fn a_full_disk_is_told_apart_and_says_what_to_do() {
        let full = RunFolderError::of(Path::new("runs/x/winner.onnx"))(io::Error::from(io::ErrorKind::StorageFull));
        assert!(full.to_string().starts_with("runs/x/winner.onnx: the disk is full; free some space"), "{full}");
        let denied = RunFolderError::of(Path::new("x"))(io::Error::from(io::ErrorKind::PermissionDenied));
        assert!(matches!(denied, RunFolderError::Io { .. }));
    }

    #[test]
    fn a_write_that_fails_names_the_file() {
        let root = tempdir().unwrap();
        let path = root.path().join("absent/winner.json");
        let error = write_whole(&path, b"x").unwrap_err();
        assert!(error.to_string().contains("winner.json"), "{error}");
    }
}
