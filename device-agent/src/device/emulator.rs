//! Whether something runs this program in place of a processor of its kind: then its times say nothing about a real one.
//!
//! A user-mode emulator, such as QEMU's, shows a program that it is itself the process, by answering `/proc/self/exe`. The same
//! link by another way, over the thread, is answered by the kernel, which knows the emulator as the program.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The name of the emulator's program; `None` where there is none, or the kernel does not tell.
pub(super) fn name() -> Option<String> {
    named(fs::read_link("/proc/self/exe").ok(), fs::read_link("/proc/thread-self/exe").ok())
}

fn named(shown: Option<PathBuf>, real: Option<PathBuf>) -> Option<String> {
    let (shown, real) = shown.zip(real)?;
    let name = Path::file_name(&real)?.to_string_lossy().into_owned();
    (shown != real).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_program_than_the_one_that_is_shown_is_an_emulator() {
        let path = |text: &str| Some(PathBuf::from(text));
        let emulated = named(path("/data/agent"), path("/usr/bin/qemu-aarch64-static"));
        assert_eq!(emulated.as_deref(), Some("qemu-aarch64-static"));
        assert_eq!(named(path("/data/agent"), path("/data/agent")), None);
        assert_eq!(named(None, path("/data/agent")), None);
        assert_eq!(name(), None, "nobody emulates the tests");
    }
}
