//! The device registry: a TOML file of the user with a section for each device, and the way from a name to a connected device.
//!
//! The file is the user's: entries are added and removed as text, so that comments and order stay.

mod entry;
mod text;

use std::{
    collections::BTreeMap,
    env, fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use entry::Entry;

use super::{
    Device, DeviceUrl, Pool, UrlError,
    transport::{Transport, TransportError, remote::Tell},
};
use crate::config::nearest;
use crate::error::{Error, ErrorKind, Result};
use crate::run_folder::write_whole;

/// The environment variable that names the file.
const FILE_VARIABLE: &str = "EDGEFIT_DEVICES";

/// This machine's name, which is always there.
pub const LOCAL: &str = "local";

/// Longest name of a device.
const MAX_NAME: usize = 64;

/// The registry of a user.
#[derive(Clone)]
pub struct Registry {
    file: Option<PathBuf>,
    tell: Tell,
}

/// What is wrong with the registry, or with what is asked of it.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// There is no place for it.
    #[error("there is no folder for the device registry: set HOME, or name a file by --devices FILE")]
    NoPlace,
    /// The file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is wrong.
    #[error("{}: {message}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        message: String,
    },
    /// There is no such device.
    #[error("there is no device `{name}`{near}; there are {known}; add it by `edgefit devices add {name} URL`")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What was probably meant.
        near: String,
        /// What there is.
        known: String,
    },
    /// The name is taken.
    #[error("there is a device `{0}` already; remove it first: edgefit devices remove {0}")]
    Taken(String),
    /// This machine is no entry.
    #[error("`local` is this machine, which is always there")]
    AlwaysThere,
    /// A pool needs it.
    #[error("the pool `{pool}` names {name}; remove the pool first: edgefit devices remove {pool}")]
    InPool {
        /// The device.
        name: String,
        /// The pool.
        pool: String,
    },
    /// The name cannot be one.
    #[error("`{0}` is no name for a device: take letters, digits, `-`, `_` and `.`, at most 64, and not `local`")]
    Name(String),
    /// The URL is wrong.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// An option is wrong.
    #[error("device {name}: {message}")]
    Option {
        /// The device.
        name: String,
        /// What is wrong.
        message: String,
    },
}

impl From<RegistryError> for Error {
    fn from(error: RegistryError) -> Self {
        let kind = if matches!(error, RegistryError::Io { .. }) { ErrorKind::Storage } else { ErrorKind::Usage };
        Self::new(kind, error)
    }
}

impl Registry {
    /// The registry in a file, or else where `EDGEFIT_DEVICES` says, or in the user's configuration folder (XDG Base Directory
    /// Specification).
    pub fn new(file: Option<PathBuf>) -> Self {
        let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let file = file
            .or_else(|| variable(FILE_VARIABLE))
            .or_else(|| variable("XDG_CONFIG_HOME").map(|folder| folder.join("edgefit/devices.toml")))
            .or_else(|| variable("HOME").map(|home| home.join(".config/edgefit/devices.toml")));
        Self { file, tell: Arc::new(|_| ()) }
    }

    /// The same, saying what takes a while.
    #[must_use]
    pub fn telling(self, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { tell: Arc::new(tell), ..self }
    }

    /// The file.
    ///
    /// # Errors
    /// When the environment names no folder of the user.
    pub fn file(&self) -> std::result::Result<&Path, RegistryError> {
        self.file.as_deref().ok_or(RegistryError::NoPlace)
    }

    /// Every entry by its name. A file that is not there has none.
    ///
    /// # Errors
    /// When the file cannot be read, or is wrong.
    pub fn entries(&self) -> std::result::Result<BTreeMap<String, Entry>, RegistryError> {
        let Ok(path) = self.file() else { return Ok(BTreeMap::new()) };
        parse(path, &self.read(path)?)
    }

    fn read(&self, path: &Path) -> std::result::Result<String, RegistryError> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(source) => Err(RegistryError::Io { path: path.to_owned(), source }),
        }
    }

    /// The entry of a name, or of a URL in place of one.
    ///
    /// # Errors
    /// When there is none.
    pub fn entry(&self, name: &str) -> std::result::Result<Entry, RegistryError> {
        if DeviceUrl::is_meant(name) {
            name.parse::<DeviceUrl>()?;
            return Ok(Entry::of(name));
        }
        let mut entries = self.entries()?;
        entries.remove(name).ok_or_else(|| unknown(name, &entries))
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// When name or entry are wrong, the name is taken, or the file cannot be written.
    pub fn add(&self, name: &str, entry: &Entry) -> std::result::Result<(), RegistryError> {
        let path = self.file()?;
        if !is_name(name) {
            return Err(RegistryError::Name(name.to_owned()));
        }
        entry.check().map_err(|message| RegistryError::Option { name: name.to_owned(), message })?;
        let old = self.read(path)?;
        let entries = parse(path, &old)?;
        if entries.contains_key(name) {
            return Err(RegistryError::Taken(name.to_owned()));
        }
        if let Some(member) = entry.members().iter().find(|member| !entries.contains_key(*member)) {
            return Err(unknown(member, &entries));
        }
        if let Some(message) = pool_within(entry, &entries) {
            return Err(RegistryError::Option { name: name.to_owned(), message });
        }
        self.write(path, &text::with(&old, name, entry))
    }

    /// Removes an entry.
    ///
    /// # Errors
    /// When there is none, a pool names it, or the file cannot be written.
    pub fn remove(&self, name: &str) -> std::result::Result<(), RegistryError> {
        let path = self.file()?;
        if name == LOCAL {
            return Err(RegistryError::AlwaysThere);
        }
        let old = self.read(path)?;
        let entries = parse(path, &old)?;
        if !entries.contains_key(name) {
            return Err(unknown(name, &entries));
        }
        if let Some((pool, _)) = entries.iter().find(|(_, other)| other.members().iter().any(|member| member == name)) {
            return Err(RegistryError::InPool { name: name.to_owned(), pool: pool.clone() });
        }
        self.write(path, &text::without(&old, name))
    }

    /// Writes the file whole, after it was read again as it will be read. It may hold tokens: only the user reads it.
    fn write(&self, path: &Path, text: &str) -> std::result::Result<(), RegistryError> {
        parse(path, text)?;
        let io = |source| RegistryError::Io { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(io)?;
        }
        write_whole(path, text.as_bytes()).map_err(|error| io(io::Error::other(error)))?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(io)
    }

    /// The devices of a pool by their names; none of another entry, which is a device itself.
    ///
    /// # Errors
    /// When there is no such device, or it is a pool itself.
    pub(crate) fn members(
        &self,
        name: &str,
        entry: &Entry,
    ) -> std::result::Result<Vec<(String, Entry)>, RegistryError> {
        let member = |member: String| match self.entry(&member)? {
            found if found.members().is_empty() => Ok((member, found)),
            _ => Err(RegistryError::Option { name: name.to_owned(), message: is_pool(&member) }),
        };
        entry.members().into_iter().map(member).collect()
    }

    /// The device of a name or URL, connected.
    ///
    /// # Errors
    /// When there is none, or it does not answer.
    pub fn connect(&self, name: &str) -> Result<Device> {
        self.connect_entry(name, &self.entry(name)?)
    }

    /// The devices of a name or URL, connected: those of a pool that answer, or the one that it is.
    ///
    /// # Errors
    /// When there is none, none answers, or they are not of one kind.
    pub fn connect_all(&self, name: &str) -> Result<Pool> {
        let entry = self.entry(name)?;
        let members = self.members(name, &entry)?;
        if members.is_empty() {
            return self.connect_entry(name, &entry).map(Pool::of);
        }
        let mut devices = Vec::new();
        let mut last = None;
        for (member, entry) in &members {
            match self.connect_entry(member, entry) {
                Ok(device) => devices.push(device),
                Err(error) => {
                    (self.tell)(&format!("{member} is left out of {name}: {error}"));
                    last = Some(error);
                }
            }
        }
        match last.filter(|_| devices.is_empty()) {
            Some(error) => Err(error),
            None => Pool::of_equals(name, devices),
        }
    }

    /// The device of an entry, connected; of a pool the first that answers.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) fn connect_entry(&self, name: &str, entry: &Entry) -> Result<Device> {
        let mut last = None;
        for (member, entry) in self.members(name, entry)? {
            match self.connect_entry(&member, &entry) {
                Ok(device) => {
                    (self.tell)(&format!("{name} is a pool, and this is done on one device of it: {member}"));
                    return Ok(device);
                }
                Err(error) => last = Some(error),
            }
        }
        if let Some(error) = last {
            return Err(error);
        }
        Ok(Device::connect(self.transport(name, entry)?, entry.device_options())?)
    }

    /// The way to the device of an entry.
    ///
    /// # Errors
    /// When an option makes it impossible.
    pub(crate) fn transport(&self, name: &str, entry: &Entry) -> Result<Box<dyn Transport>> {
        let unusable = |error: TransportError| Error::new(ErrorKind::Usage, format!("device {name}: {error}"));
        entry.transport(&self.tell).map_err(unusable)
    }
}

/// The device of a name or URL in the user's registry.
///
/// # Errors
/// As [`Registry::connect`].
pub fn connect(name: &str) -> Result<Device> {
    Registry::new(None).connect(name)
}

fn unknown(name: &str, entries: &BTreeMap<String, Entry>) -> RegistryError {
    let names: Vec<&str> = [LOCAL].into_iter().chain(entries.keys().map(String::as_str)).collect();
    let near = nearest(name, names.iter().copied()).map(|near| format!(" (did you mean `{near}`?)"));
    RegistryError::Unknown { name: name.to_owned(), near: near.unwrap_or_default(), known: names.join(", ") }
}

fn parse(path: &Path, text: &str) -> std::result::Result<BTreeMap<String, Entry>, RegistryError> {
    let wrong = |message: String| RegistryError::Wrong { path: path.to_owned(), message };
    let entries: BTreeMap<String, Entry> = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
    for (name, entry) in &entries {
        let is_right = match is_name(name) {
            true => entry.check().and_then(|()| pool_within(entry, &entries).map_or(Ok(()), Err)),
            false => Err(RegistryError::Name(name.clone()).to_string()),
        };
        is_right.map_err(|message| wrong(format!("[{name}] {message}")))?;
    }
    Ok(entries)
}

fn is_name(name: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    name != LOCAL && !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(is_letter)
}

/// What is wrong with a pool that names a pool: it could name itself.
fn pool_within(entry: &Entry, entries: &BTreeMap<String, Entry>) -> Option<String> {
    let is_one = |name: &String| entries.get(name).is_some_and(|entry| !entry.members().is_empty());
    entry.members().iter().find(|name| is_one(name)).map(|name| is_pool(name))
}

fn is_pool(member: &str) -> String {
    format!("{member} is a pool itself; name its devices")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(folder: &Path) -> Registry {
        Registry::new(Some(folder.join("new/devices.toml")))
    }

    #[test]
    fn entries_are_added_and_removed_and_comments_stay() {
        let folder = tempfile::tempdir().unwrap();
        let registry = registry(folder.path());
        assert_eq!(registry.entries().unwrap(), BTreeMap::new());
        registry.add("pi", &Entry { threads: Some(4), ..Entry::of("ssh://pi@raspberrypi.local") }).unwrap();
        let path = registry.file().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("# mine\n{text}# the last\n")).unwrap();
        registry.add("phone", &Entry::of("adb:")).unwrap();
        assert_eq!(registry.entry("pi").unwrap().threads, Some(4));
        assert!(matches!(registry.add("pi", &Entry::of("adb:")), Err(RegistryError::Taken(_))));
        registry.remove("phone").unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# mine\n") && text.contains("# the last") && !text.contains("adb:"), "{text}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn names_and_urls_lead_to_an_entry() {
        let folder = tempfile::tempdir().unwrap();
        let registry = registry(folder.path());
        assert_eq!(registry.entry("local").unwrap(), Entry::of("local"));
        assert_eq!(registry.entry("tcp://[::1]:7").unwrap(), Entry::of("tcp://[::1]:7"));
        registry.add("pi4", &Entry::of("adb:")).unwrap();
        let told = registry.entry("pi").unwrap_err().to_string();
        assert!(told.contains("did you mean `pi4`") && told.contains("local, pi4"), "{told}");
        for name in ["local", "", "a b", "a:b", "ä"] {
            assert!(matches!(registry.add(name, &Entry::of("adb:")), Err(RegistryError::Name(_))), "{name}");
        }
        assert!(registry.add("all", &Entry::of("pool:pi4,pi5")).is_err(), "pi5 is not there");
        assert!(registry.add("all", &Entry::of("pool:pi4")).is_ok());
        assert!(registry.add("more", &Entry::of("pool:all")).is_err(), "a pool of pools");
    }

    #[test]
    fn what_a_pool_needs_and_this_machine_stay() {
        let folder = tempfile::tempdir().unwrap();
        let registry = registry(folder.path());
        registry.add("pi", &Entry::of("adb:")).unwrap();
        registry.add("all", &Entry::of("pool:pi")).unwrap();
        let told = registry.remove("pi").unwrap_err().to_string();
        assert!(told.contains("edgefit devices remove all"), "{told}");
        assert!(matches!(registry.remove("local"), Err(RegistryError::AlwaysThere)));
        registry.remove("all").unwrap();
        registry.remove("pi").unwrap();
    }

    #[test]
    fn pools_of_pools_end_with_an_error_however_they_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let registry = registry(folder.path());
        assert!(registry.members("it", &Entry::of("pool:pool:local")).is_err());
        assert!(registry.connect("pool:pool:pool:local").is_err());
    }

    #[test]
    fn a_wrong_file_is_told_and_never_rewritten() {
        let folder = tempfile::tempdir().unwrap();
        let registry = registry(folder.path());
        let path = registry.file().unwrap();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        for text in [
            "[pi]\nurl = 3\n",
            "[pi]\nurl = \"adb:\"\nthread = 1\n",
            "[pi]\nurl = \"http://x\"\n",
            "[pi",
            "[local]\nurl = \"local\"\n",
            "[\"a b\"]\nurl = \"adb:\"\n",
            "[pi]\nurl = \"pool:pi\"\n",
            "[a]\nurl = \"pool:b\"\n[b]\nurl = \"pool:a\"\n",
            "[pi]\nurl = \"adb:\"\nfolder = \"a$b\"\n",
        ] {
            fs::write(path, text).unwrap();
            assert!(registry.add("new", &Entry::of("adb:")).is_err(), "{text}");
            assert_eq!(fs::read_to_string(path).unwrap(), text);
        }
    }
}
