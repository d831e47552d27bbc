//! The libraries that can be installed: one wheel a version and target, by the sha256 of the wheel and of the library in it.
//!
//! The wheels are those of CPython 3.11, whatever Python the user has: only the library is taken out of them, which is the same in
//! all of a version. To add one: `pip download`, `sha256sum` of the wheel and of its `capi/libonnxruntime.so.VERSION`.

use edgefit_agent::onnx_runtime::library_name;

/// A library that can be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pinned {
    /// Version of ONNX Runtime.
    pub version: &'static str,
    /// What it runs on.
    pub target: &'static str,
    /// The wheel's platform tag, which names the least glibc.
    pub platform: &'static str,
    /// SHA-256 of the wheel, in hexadecimal.
    pub wheel_sha256: &'static str,
    /// SHA-256 of the library, in hexadecimal.
    pub library_sha256: &'static str,
}

/// Every library that can be installed; of each target the newest first, which is the default. 1.26.0 is the last whose wheels run
/// on glibc 2.27.
pub const PINNED: [Pinned; 4] = [
    Pinned {
        version: "1.32.0",
        target: "x86_64-linux",
        platform: "manylinux_2_28_x86_64",
        wheel_sha256: "5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d",
        library_sha256: "6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f",
    },
    Pinned {
        version: "1.26.0",
        target: "x86_64-linux",
        platform: "manylinux_2_27_x86_64",
        wheel_sha256: "11a8df4dcfe9ad5ff0bd71a7571dbed019fabc7594676c89fe8b86ea029c246f",
        library_sha256: "50775d390eb55e7abd9f6d734da103a04f0e5342ef0a76b1c6ec795544439295",
    },
    Pinned {
        version: "1.32.0",
        target: "aarch64-linux",
        platform: "manylinux_2_28_aarch64",
        wheel_sha256: "2303372a85299b6757b0e11e1cbf13e410ddf7e10c37f4b37e99d1c90e7daf7c",
        library_sha256: "49852228a93995158b2a813d4df487d47a1b76b0eaa894507ef49e91b6d7954a",
    },
    Pinned {
        version: "1.26.0",
        target: "aarch64-linux",
        platform: "manylinux_2_27_aarch64",
        wheel_sha256: "35c7c7b0ac2e02001d28fab6c9fc24e9abc5e6faa35e6e19c63cecf1406ba89f",
        library_sha256: "8cac3d595f13c6c87c7d9b0590083f299bdd654def63960a58c8407b8b112328",
    },
];

/// Python version and ABI of the wheels.
pub(super) const PYTHON_TAG: (&str, &str) = ("3.11", "cp311");

impl Pinned {
    /// The wheel in words.
    pub fn wheel(&self) -> String {
        format!("the wheel onnxruntime {} for {} and {}", self.version, PYTHON_TAG.1, self.platform)
    }

    /// The library's path in the wheel.
    pub(super) fn entry(&self) -> String {
        format!("onnxruntime/capi/{}", library_name(self.version))
    }
}

/// The library for a target, of a version or else the newest; `None` when there is no such one.
pub fn pinned(target: &str, version: Option<&str>) -> Option<&'static Pinned> {
    PINNED.iter().find(|pinned| pinned.target == target && version.is_none_or(|version| version == pinned.version))
}

/// The targets, each once.
pub fn targets() -> Vec<&'static str> {
    let mut targets: Vec<&str> = PINNED.iter().map(|pinned| pinned.target).collect();
    targets.sort_unstable();
    targets.dedup();
    targets
}

/// The versions for a target, the newest first.
pub fn versions(target: &str) -> Vec<&'static str> {
    PINNED.iter().filter(|pinned| pinned.target == target).map(|pinned| pinned.version).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_every_version_with_hashes_of_its_own() {
        for target in targets() {
            assert_eq!(versions(target), ["1.32.0", "1.26.0"], "{target}");
            assert_eq!(pinned(target, None).map(|pinned| pinned.version), Some("1.32.0"));
            assert_eq!(pinned(target, Some("1.26.0")).map(|pinned| pinned.target), Some(target));
            assert_eq!(pinned(target, Some("1.21.0")), None);
        }
        let mut hashes: Vec<&str> = PINNED.iter().flat_map(|p| [p.wheel_sha256, p.library_sha256]).collect();
        assert!(hashes.iter().all(|hash| hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit())));
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 2 * PINNED.len());
    }
}
