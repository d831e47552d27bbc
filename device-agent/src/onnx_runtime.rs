//! Where ONNX Runtime's library is looked for when nobody names one: edgefit's own folder, into which `edgefit runtime install` puts
//! it, then the places that systems use. Nothing here loads it.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// The environment variable that names edgefit's own folder.
pub const HOME_VARIABLE: &str = "EDGEFIT_HOME";

/// Most versions that are looked at in a folder.
const MAX_VERSIONS: usize = 64;

/// A library in edgefit's own folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Version, by the name of its folder.
    pub version: String,
    /// The library.
    pub path: PathBuf,
}

/// edgefit's own folder: [`HOME_VARIABLE`], else `edgefit` in the user's data folder (XDG Base Directory Specification); `None`
/// where the environment names none of them.
pub fn data_folder() -> Option<PathBuf> {
    data_folder_by(|name| env::var_os(name))
}

fn data_folder_by(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    folder(HOME_VARIABLE)
        .or_else(|| folder("XDG_DATA_HOME").map(|data| data.join("edgefit")))
        .or_else(|| folder("HOME").map(|home| home.join(".local/share/edgefit")))
}

/// The machine that this program runs on, such as `aarch64-linux`.
pub fn this_target() -> String {
    format!("{}-{}", env::consts::ARCH, env::consts::OS)
}

/// Place of a library in edgefit's own folder.
pub fn library_path(data: &Path, target: &str, version: &str) -> PathBuf {
    target_folder(data, target).join(version).join(library_name(version))
}

/// Name of the library's file.
pub fn library_name(version: &str) -> String {
    format!("libonnxruntime.so.{version}")
}

fn target_folder(data: &Path, target: &str) -> PathBuf {
    data.join("onnxruntime").join(target)
}

/// The libraries for a target in edgefit's own folder, the newest first.
pub fn installed(data: &Path, target: &str) -> Vec<Installed> {
    let entries = fs::read_dir(target_folder(data, target)).into_iter().flatten().flatten();
    let names = entries.take(MAX_VERSIONS).filter_map(|entry| entry.file_name().into_string().ok());
    let mut found: Vec<Installed> = names
        .map(|version| Installed { path: library_path(data, target, &version), version })
        .filter(|installed| installed.path.is_file())
        .collect();
    found.sort_by_key(|installed| std::cmp::Reverse(numbers(&installed.version)));
    found
}

/// The libraries that are where systems and archives put them.
pub fn in_usual_places() -> Vec<PathBuf> {
    let beside = env::current_exe().ok().and_then(|program| program.parent().map(Path::to_owned));
    let around = beside.iter().flat_map(|folder| [folder.clone(), folder.join("../lib")]);
    let multiarch = format!("/usr/lib/{}-linux-gnu", env::consts::ARCH);
    let system = ["/usr/local/lib", "/usr/lib", "/usr/lib64", &multiarch].map(PathBuf::from);
    let names = ["libonnxruntime.so", "libonnxruntime.so.1"];
    let paths = around.chain(system).flat_map(|folder| names.map(|name| folder.join(name)));
    paths.filter(|path| path.is_file()).collect()
}

/// A version as numbers, so that 1.9 is before 1.10.
fn numbers(version: &str) -> Vec<u64> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_first_and_what_is_incomplete_is_not_there() {
        let data = tempfile::tempdir().unwrap();
        for version in ["1.9.0", "1.32.0", "1.26.0"] {
            let path = library_path(data.path(), "aarch64-linux", version);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        fs::create_dir_all(data.path().join("onnxruntime/aarch64-linux/1.40.0")).unwrap();
        let versions: Vec<String> = installed(data.path(), "aarch64-linux").into_iter().map(|i| i.version).collect();
        assert_eq!(versions, ["1.32.0", "1.26.0", "1.9.0"]);
        assert_eq!(installed(data.path(), "x86_64-linux"), []);
    }

    #[test]
    fn the_folder_is_the_first_that_the_environment_names() {
        let check = |set: &[(&str, &str)], expected: Option<&str>| {
            let value = |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| OsString::from(value));
            assert_eq!(data_folder_by(value), expected.map(PathBuf::from));
        };
        check(&[("HOME", "/h")], Some("/h/.local/share/edgefit"));
        check(&[("HOME", "/h"), ("XDG_DATA_HOME", "/d")], Some("/d/edgefit"));
        check(&[("HOME", "/h"), ("EDGEFIT_HOME", "/e")], Some("/e"));
        check(&[("HOME", "")], None);
    }
}
