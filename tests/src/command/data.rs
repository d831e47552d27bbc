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
