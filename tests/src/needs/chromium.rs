//! Chromium, to look at the HTML report as a person would: Debian's package, in headless mode.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use crate::harness::Outcome;
use crate::process;

use super::{Missing, debian};

/// Starting it, showing one page and ending takes a few seconds.
const LIMIT: Duration = Duration::from_secs(90);

/// Installs it where that is allowed.
pub(crate) fn provide() -> Result<(), Missing> {
    static CHROMIUM: LazyLock<Result<(), Missing>> = LazyLock::new(|| {
        let there = process::succeed(Command::new("chromium").arg("--version")).is_ok();
        debian::ensure("chromium", &["chromium", "fonts-dejavu-core"], there)
    });
    CHROMIUM.clone()
}

/// What the page wrote to its console, one line an entry, after its picture was written to `screenshot`.
pub(crate) fn open(page: &Path, screenshot: &Path) -> Result<Vec<String>, String> {
    let profile = tempfile::tempdir().map_err(|error| format!("a folder for Chromium's profile: {error}"))?;
    let mut chromium = Command::new("chromium");
    chromium
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"])
        .args(["--enable-logging=stderr", "--window-size=1200,2400", "--virtual-time-budget=3000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--screenshot={}", screenshot.display()))
        .arg(format!("file://{}", page.display()));
    let ended = process::finish(&mut chromium, LIMIT)?;
    if ended.code != Some(0) {
        return Err(format!("Chromium ended with {:?}: {}", ended.code, ended.stderr));
    }
    Ok(ended.stderr.lines().filter(|line| line.contains(":CONSOLE")).map(str::to_owned).collect())
}

/// A page without a fault has an empty console and a picture; a fault in its script is seen.
pub(crate) fn shows_pages() -> Outcome {
    let folder = tempfile::tempdir()?;
    let console = |name: &str, html: &str| -> Result<Vec<String>, String> {
        let page = folder.path().join(name);
        std::fs::write(&page, html).map_err(|error| error.to_string())?;
        open(&page, &page.with_extension("png"))
    };
    assert_eq!(console("right.html", "<h1>edgefit</h1>")?, Vec::<String>::new());
    assert!(std::fs::read(folder.path().join("right.png"))?.starts_with(b"\x89PNG"));
    let faults = console("wrong.html", "<script>noSuchFunction()</script>")?;
    assert!(faults.iter().any(|line| line.contains("noSuchFunction")), "{faults:?}");
    Ok(())
}
