//! The report of a run, opened in a browser.

use crate::harness::Outcome;
use crate::needs::chromium;

use super::scene::{Scene, TINY, code, expect};

/// Colors of a picture that shows more than a blank page.
const FEWEST_COLORS: usize = 16;

/// The page is one file, has no faults in its console, and shows something.
pub(crate) fn report_opens_in_a_browser() -> Outcome {
    let scene = Scene::new(TINY)?;
    expect(&scene.search(&[])?, code::DONE, &[])?;
    let html = scene.read("run/report.html")?;
    for outside in ["http://", "https://", "src=\"/", "file://"] {
        let used = html.match_indices(outside).any(|(at, _)| html[..at].ends_with(['"', '\'', '(']));
        assert!(!used, "the report takes something from {outside}");
    }
    let picture = scene.path("report.png");
    let console = chromium::open(&scene.path("run/report.html"), &picture)?;
    assert_eq!(console, Vec::<String>::new(), "the report writes to the console");
    let colors: std::collections::BTreeSet<_> = image::open(&picture)?.to_rgb8().pixels().map(|p| p.0).collect();
    assert!(colors.len() >= FEWEST_COLORS, "the page shows only {} colors", colors.len());
    Ok(())
}

/// `edgefit report` writes the page of a run anew.
pub(crate) fn report_is_written_anew() -> Outcome {
    let scene = Scene::new(TINY)?;
    expect(&scene.search(&["--trials", "2"])?, code::DONE, &[])?;
    let html = scene.read("run/report.html")?;
    std::fs::remove_file(scene.path("run/report.html"))?;
    expect(&scene.run(&["report", "run"])?, code::DONE, &[])?;
    assert_eq!(scene.read("run/report.html")?, html);
    expect(&scene.run(&["report", "no-such-run"])?, code::STORAGE, &["no-such-run"])
}
