//! The tools that build for another machine, and how cargo is driven with each.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::device::agents;

/// A tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tool {
    /// None: the target is this machine's.
    Native,
    /// `cargo zigbuild`: zig as compiler and linker, for any Linux.
    Zigbuild,
    /// `cargo ndk`: Android's own compiler.
    Ndk,
    /// A plain cross compiler: `PREFIX-gcc`.
    Gcc(String),
    /// `cross`: cargo in a container that has everything.
    Cross,
}

impl Tool {
    /// The first tool for a target that is in one of these folders.
    pub fn find(target: &str, folders: &[PathBuf]) -> Option<Self> {
        let has = |program: &str| folders.iter().any(|folder| folder.join(program).is_file());
        if target == agents::this_target() {
            return Some(Self::Native);
        }
        if target.contains("android") {
            return has("cargo-ndk").then_some(Self::Ndk);
        }
        let gcc = Self::gcc_prefix(target).filter(|prefix| has(&format!("{prefix}-gcc")));
        if has("cargo-zigbuild") {
            return Some(Self::Zigbuild);
        }
        gcc.map(|prefix| Self::Gcc(prefix.to_owned())).or_else(|| has("cross").then_some(Self::Cross))
    }

    /// The tool of this name for a target; `None` where there is no such one.
    pub fn named(name: &str, target: &str) -> Option<Self> {
        match name {
            "native" => Some(Self::Native),
            "zigbuild" => Some(Self::Zigbuild),
            "ndk" => Some(Self::Ndk),
            "cross" => Some(Self::Cross),
            "gcc" => Self::gcc_prefix(target).map(|prefix| Self::Gcc(prefix.to_owned())),
            _ => None,
        }
    }

    /// What the names of a target's GNU tools begin with, as Debian names them.
    pub fn gcc_prefix(target: &str) -> Option<&'static str> {
        match target {
            "aarch64-unknown-linux-gnu" => Some("aarch64-linux-gnu"),
            "armv7-unknown-linux-gnueabihf" | "arm-unknown-linux-gnueabihf" => Some("arm-linux-gnueabihf"),
            "riscv64gc-unknown-linux-gnu" => Some("riscv64-linux-gnu"),
            "x86_64-unknown-linux-gnu" => Some("x86_64-linux-gnu"),
            "i686-unknown-linux-gnu" => Some("i686-linux-gnu"),
            "aarch64-unknown-linux-musl" => Some("aarch64-linux-musl"),
            "armv7-unknown-linux-musleabihf" => Some("arm-linux-musleabihf"),
            _ => None,
        }
    }

    /// In a word.
    pub fn name(&self) -> String {
        match self {
            Self::Native => "this machine's compiler".to_owned(),
            Self::Zigbuild => "cargo zigbuild".to_owned(),
            Self::Ndk => "cargo ndk".to_owned(),
            Self::Gcc(prefix) => format!("{prefix}-gcc"),
            Self::Cross => "cross".to_owned(),
        }
    }

    /// Whether the compiler that is installed here needs the target's standard library; a container brings it.
    pub(super) fn takes_installed_libraries(&self) -> bool {
        *self != Self::Cross
    }

    /// The begin of a build's command line, with what the tool needs in the environment.
    pub(super) fn command(&self, cargo: &Path, target: &str) -> Command {
        let mut command = Command::new(if *self == Self::Cross { Path::new("cross") } else { cargo });
        match self {
            Self::Native | Self::Cross => {}
            Self::Gcc(prefix) => {
                let (gcc, snake) = (format!("{prefix}-gcc"), target.replace('-', "_"));
                command.env(format!("CARGO_TARGET_{}_LINKER", snake.to_uppercase()), &gcc);
                command.env(format!("CC_{snake}"), &gcc);
            }
            Self::Zigbuild => {
                command.arg("zigbuild");
                return command;
            }
            Self::Ndk => {
                command.args(["ndk", "--target", target, "build"]);
                return command;
            }
        }
        command.arg("build");
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_tool_is_one_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let folders = [folder.path().to_owned()];
        let install = |name: &str| fs::write(folder.path().join(name), "").unwrap();
        let (pi, phone) = ("aarch64-unknown-linux-gnu", "aarch64-linux-android");
        assert_eq!(Tool::find(&agents::this_target(), &folders), Some(Tool::Native));
        assert_eq!((Tool::find(pi, &folders), Tool::find(phone, &folders)), (None, None));
        install("cross");
        assert_eq!(Tool::find(pi, &folders), Some(Tool::Cross));
        install("aarch64-linux-gnu-gcc");
        assert_eq!(Tool::find(pi, &folders), Some(Tool::Gcc("aarch64-linux-gnu".into())));
        install("cargo-zigbuild");
        assert_eq!(Tool::find(pi, &folders), Some(Tool::Zigbuild));
        install("cargo-ndk");
        assert_eq!(Tool::find(phone, &folders), Some(Tool::Ndk));
    }

    #[test]
    fn a_plain_compiler_is_named_to_cargo_and_to_build_scripts() {
        let target = "aarch64-unknown-linux-gnu";
        let command = Tool::Gcc("aarch64-linux-gnu".into()).command(Path::new("cargo"), target);
        let value = |name: &str| {
            let found = command.get_envs().find(|(key, _)| key.to_str() == Some(name));
            found.and_then(|(_, value)| value).map(|value| value.to_string_lossy().into_owned())
        };
        assert_eq!(value("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER").as_deref(), Some("aarch64-linux-gnu-gcc"));
        assert_eq!(value("CC_aarch64_unknown_linux_gnu").as_deref(), Some("aarch64-linux-gnu-gcc"));
    }
}
