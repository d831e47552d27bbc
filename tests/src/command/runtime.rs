//! `edgefit runtime`: what is there, getting a library, and what goes wrong with that.

use std::path::Path;

use edgefit_agent::onnx_runtime::this_target;
use serde_json::Value;

use crate::harness::Outcome;
use crate::needs::runtime;
use crate::process::{self, Ended};

use super::bench::json;
use super::scene::{LIMIT, Scene, code, expect};

/// `edgefit runtime ...` with this folder of its own files, and no library named.
fn run(scene: &Scene, home: &Path, arguments: &[&str]) -> Result<Ended, String> {
    let mut edgefit = scene.edgefit(&[&["runtime"], arguments].concat())?;
    edgefit.env("EDGEFIT_HOME", home).env_remove("ORT_DYLIB_PATH");
    process::finish(&mut edgefit, LIMIT)
}

/// What was installed is listed as usable and as the default; installing it again does nothing.
pub(crate) fn an_installed_library_is_usable() -> Outcome {
    let (scene, home) = (Scene::new("")?, runtime::home()?);
    let ended = run(&scene, home, &["list", "--json"])?;
    expect(&ended, code::DONE, &[])?;
    let listing = json(&ended)?;
    assert_eq!(listing["schema"], "edgefit-runtimes/1");
    assert_eq!(listing["tract"]["version"], "0.23.9");
    let libraries = listing["libraries"].as_array().ok_or("there are no libraries")?;
    let own: Vec<&Value> = libraries.iter().filter(|library| library["source"] == "edgefit").collect();
    assert_eq!(own.len(), 1, "{listing:#}");
    assert_eq!((&own[0]["state"], &own[0]["is_default"]), (&"usable".into(), &true.into()), "{listing:#}");
    let again = run(&scene, home, &["install", "--python", "no-such-python", "--json"])?;
    expect(&again, code::DONE, &[])?;
    assert_eq!(json(&again)?["path"], own[0]["path"]);
    Ok(())
}

/// A damaged library in edgefit's folder is unusable, and is installed anew.
pub(crate) fn a_damaged_library_is_noticed() -> Outcome {
    let scene = Scene::new("")?;
    let home = scene.path("home");
    let target = this_target();
    scene.write(&format!("home/onnxruntime/{target}/1.32.0/libonnxruntime.so.1.32.0"), "no library")?;
    let ended = run(&scene, &home, &["list", "--json"])?;
    expect(&ended, code::DONE, &[])?;
    assert_eq!(json(&ended)?["libraries"][0]["state"], "unusable", "{}", ended.stdout);
    expect(&run(&scene, &home, &["install", "--python", "no-such-python"])?, code::RUNTIME, &["no-such-python"])
}

/// Everything that can go wrong says what to do.
pub(crate) fn a_failed_installation_says_what_to_do() -> Outcome {
    let scene = Scene::new("")?;
    let home = scene.path("home");
    scene.write("other.whl", "no wheel")?;
    let check = |arguments: &[&str], exit: i32, says: &[&str]| -> Outcome {
        expect(&run(&scene, &home, &[&["install"], arguments].concat())?, exit, says)
    };
    check(&["--python", "no-such-python"], code::RUNTIME, &["no-such-python", "python3-pip", "--wheel"])?;
    check(&["--wheel", "other.whl"], code::RUNTIME, &["other.whl", "sha256", "pinned"])?;
    check(&["--wheel", "no-such.whl"], code::STORAGE, &["no-such.whl"])?;
    check(&["--version", "1.21.0"], code::USAGE, &["1.21.0", "1.32.0", "1.26.0"])?;
    check(&["--target", "mips-linux"], code::USAGE, &["mips-linux", "aarch64-linux"])?;
    let ended = run(&scene, &home, &["list"])?;
    expect(&ended, code::DONE, &[])?;
    assert!(ended.stdout.contains("tract"), "{}", ended.stdout);
    assert!(!home.join("onnxruntime").exists(), "something was installed");
    Ok(())
}

/// The user's pip is called with the pinned hash, for the target and not for this machine.
pub(crate) fn pip_is_asked_for_the_pinned_wheel() -> Outcome {
    let scene = Scene::new("")?;
    scene.write("python", "#!/bin/sh\necho \"$@\" >> asked\nfor last; do :; done\ncat \"$last\" >> asked 2>/dev/null\n[ \"$3\" = --version ]\n")?;
    process::succeed(std::process::Command::new("chmod").arg("+x").arg(scene.path("python")))?;
    let arguments = ["install", "--python", "./python", "--target", "aarch64-linux", "--version", "1.26.0"];
    expect(&run(&scene, &scene.path("home"), &arguments)?, code::RUNTIME, &["1.26.0", "manylinux_2_27_aarch64"])?;
    let asked = scene.read("asked")?;
    for part in [
        "-m pip download",
        "--require-hashes",
        "--no-deps",
        "--only-binary=:all:",
        "--platform manylinux_2_27_aarch64",
        "onnxruntime==1.26.0 --hash=sha256:35c7c7b0ac2e02001d28fab6c9fc24e9abc5e6faa35e6e19c63cecf1406ba89f",
    ] {
        assert!(asked.contains(part), "{part} is not in:\n{asked}");
    }
    Ok(())
}
