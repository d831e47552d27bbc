//! Agents for devices, as files on this machine: beside this program, or in edgefit's own folder, where `edgefit agent build` puts them.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use edgefit_agent::onnx_runtime::data_folder;
use sha2::{Digest, Sha256};

/// An agent for a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentFile {
    /// What it runs on, as Rust names it.
    pub target: String,
    /// The file.
    pub path: PathBuf,
}

impl AgentFile {
    /// What is in it, and the name that it has on a device, which is that of its content.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self) -> io::Result<(Vec<u8>, String)> {
        let bytes = fs::read(&self.path)?;
        let hash: String = Sha256::digest(&bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok((bytes, format!("edgefit-agent-{hash}")))
    }
}

/// Name of an agent's file.
pub fn file_name(target: &str) -> String {
    format!("edgefit-agent-{target}")
}

/// Where agents are put that were built; `None` where the environment names no folder of the user.
pub fn folder() -> Option<PathBuf> {
    data_folder().map(|data| data.join("agents"))
}

/// The first of these targets that there is an agent for.
pub fn find(targets: &[String]) -> Option<AgentFile> {
    let beside = env::current_exe().ok().and_then(|program| program.parent().map(Path::to_owned));
    let folders: Vec<PathBuf> = beside.into_iter().chain(folder()).collect();
    targets.iter().find_map(|target| find_in(&folders, target))
}

fn find_in(folders: &[PathBuf], target: &str) -> Option<AgentFile> {
    let own = (target == this_target()).then(|| "edgefit-agent".to_owned());
    let names: Vec<String> = [file_name(target)].into_iter().chain(own).collect();
    let paths = folders.iter().flat_map(|folder| names.iter().map(move |name| folder.join(name)));
    let path = paths.into_iter().find(|path| path.is_file())?;
    Some(AgentFile { target: target.to_owned(), path })
}

/// The target of this program.
pub fn this_target() -> String {
    let environment = if cfg!(target_env = "musl") { "musl" } else { "gnu" };
    format!("{}-unknown-linux-{environment}", env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_target_and_the_first_folder_come_first() {
        let (beside, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folders = [beside.path().to_owned(), own.path().to_owned()];
        let target = "aarch64-unknown-linux-gnu";
        assert_eq!(find_in(&folders, target), None);
        for folder in [&own, &beside] {
            let path = folder.path().join(file_name(target));
            fs::write(&path, "agent").unwrap();
            assert_eq!(find_in(&folders, target).map(|found| found.path), Some(path));
        }
        fs::write(beside.path().join("edgefit-agent"), "agent").unwrap();
        let found = find_in(&folders, &this_target()).unwrap();
        assert_eq!(found.path, beside.path().join("edgefit-agent"));
    }

    #[test]
    fn an_agent_is_named_by_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let file = AgentFile { target: "x".into(), path: folder.path().join("a") };
        assert!(file.read().is_err());
        fs::write(&file.path, "abc").unwrap();
        assert_eq!(file.read().unwrap().1, "edgefit-agent-ba7816bf8f01cfea");
    }
}
