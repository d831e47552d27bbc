//! Data sets that are not there, broken, or laid out otherwise: exit code 3, and the file.

use crate::harness::Outcome;
use crate::needs::data;

use super::scene::{Scene, TINY, code, expect};

const DIGITS: &str = "format = \"digits\"\nlimit = 300";

/// A search over a folder of this format.
fn scene(format: &str, path: &str) -> Result<Scene, String> {
    Scene::new(&TINY.replace(DIGITS, &format!("format = \"{format}\"\npath = \"{path}\"")))
}

/// The folder of the data set is not there.
pub(crate) fn missing_data_is_told() -> Outcome {
    for format in ["idx", "image-folder"] {
        expect(&scene(format, "no-such-data")?.search(&[])?, code::DATA, &["no-such-data"])?;
    }
    Ok(())
}

/// A folder without classes is no image folder.
pub(crate) fn empty_folders_are_told() -> Outcome {
    let scene = scene("image-folder", "photos")?;
    std::fs::create_dir(scene.path("photos"))?;
    expect(&scene.search(&[])?, code::DATA, &["photos"])
}

/// A file that says it is an image and is none.
pub(crate) fn broken_images_are_named() -> Outcome {
    let scene = scene("image-folder", "photos")?;
    for class in ["cat", "dog"] {
        for number in 0..10 {
            scene.write(&format!("photos/{class}/{number}.png"), png(number))?;
        }
    }
    let broken = "photos/dog/7.png";
    scene.write(broken, &png(7)[..40])?;
    expect(&scene.search(&[])?, code::DATA, &["dog", "7.png"])
}

/// A small gray image.
fn png(shade: u8) -> Vec<u8> {
    let image = image::GrayImage::from_pixel(8, 8, image::Luma([shade * 20]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).expect("memory takes every image");
    bytes.into_inner()
}

/// The real MNIST files, as far as they go: only the test images are there, which is enough.
pub(crate) fn mnist_is_read() -> Outcome {
    let mnist = data::path("mnist")?;
    let scene = scene("idx", &mnist.display().to_string())?;
    let search = scene.read("search.toml")?.replace("[space]", "limit = 400\n\n[space]");
    scene.write("search.toml", search)?;
    expect(&scene.search(&["--trials", "2"])?, code::DONE, &[])
}

/// Values of a sensor, one frequency a class.
fn recording(class: usize, number: usize) -> String {
    let value = |t: usize| ((t * (class + 1)) as f64 * 0.2 + number as f64).sin();
    (0..64).map(|t| format!("{:.4},{:.4}\n", value(t), value(t + 3))).collect()
}

/// A tone of half a second, one frequency a class.
fn tone(class: usize, number: usize) -> Vec<u8> {
    let sample = |n: usize| ((n * (class + 1) + number * 7) as f64 * 0.15).sin() * 8000.0;
    let data: Vec<u8> = (0..4000).flat_map(|n| (sample(n) as i16).to_le_bytes()).collect();
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data".to_vec();
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

/// Series from CSV go all the way to a winner that takes `[channels, length]`.
pub(crate) fn series_go_all_the_way() -> Outcome {
    let scene = scene("csv-series", "sensor")?;
    for class in 0..3 {
        for number in 0..16 {
            scene.write(&format!("sensor/class{class}/{number}.csv"), format!("x,y\n{}", recording(class, number)))?;
        }
    }
    let search = scene.read("search.toml")?.replace("[space]", "window = 32\nwindow_stride = 16\n\n[space]");
    scene.write("search.toml", search)?;
    expect(&scene.search(&["--trials", "2"])?, code::DONE, &["series", "2x32", "3 classes of 48 to 48"])?;
    scene.write("sensor/class1/3.csv", "x,y\n1,2\n3,?\n")?;
    let ended = scene.run(&["search", "search.toml", "--out", "broken"])?;
    expect(&ended, code::DATA, &["3.csv", "row 3, column 2"])
}

/// Sounds go all the way, from a cache the second time, and the file says how its input is computed.
pub(crate) fn sounds_go_all_the_way() -> Outcome {
    let scene = scene("wav-folder", "sounds")?;
    for class in 0..2 {
        for number in 0..20 {
            scene.write(&format!("sounds/class{class}/{number}.wav"), tone(class, number))?;
        }
    }
    let search = scene.read("search.toml")?.replace("[space]", "seconds = 0.5\nmel_bands = 16\n\n[space]");
    scene.write("search.toml", search)?;
    let run = |out: &str| {
        let mut edgefit = scene.edgefit(&["search", "search.toml", "--trials", "1", "--out", out])?;
        edgefit.env("EDGEFIT_CACHE", scene.path("cache"));
        crate::process::finish(&mut edgefit, super::scene::LIMIT)
    };
    expect(&run("run")?, code::DONE, &["1x16x24"])?;
    assert_eq!(std::fs::read_dir(scene.path("cache/data"))?.count(), 3);
    expect(&run("again")?, code::DONE, &["1x16x24"])?;
    let model = edgefit_onnx::ModelSummary::of(&std::fs::read(scene.path("run/winner.onnx"))?)?;
    let features = model.metadata.get("input_features").cloned().unwrap_or_default();
    let features: serde_json::Value = serde_json::from_str(&features)?;
    assert_eq!((&features["kind"], &features["sample_rate_hz"]), (&"log-mel".into(), &8000.into()), "{features:#}");
    Ok(())
}

/// Trainings that diverge, here by a decay that overshoots, end their trials with the reason; the run goes on, and says so when none is
/// left.
pub(crate) fn divergence_ends_a_trial_and_not_the_run() -> Outcome {
    let diverging =
        "[estimate]\noptimizer = \"sgd\"\nlearning_rate = 10.0\nweight_decay = 1.0\nwarmup = 0.0\nepochs = 12";
    let scene = Scene::new(&TINY.replace("[estimate]\nepochs = 1", diverging))?;
    let ended = scene.search(&["--trials", "3"])?;
    assert!(ended.stderr.matches("diverged in epoch").count() >= 3, "{}", ended.stderr);
    expect(&ended, code::NO_FEASIBLE_ARCHITECTURE, &["diverged in epoch"])
}
