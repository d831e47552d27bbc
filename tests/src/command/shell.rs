//! What a user of command-line programs expects: help, version, completions, a man page, plain output on a pipe.

use crate::architecture::markdown;
use crate::harness::Outcome;
use crate::repository;

use super::scene::{Scene, TINY, code, expect};

/// Help lists the exit codes; completions and the man page are not empty.
pub(crate) fn help_completions_and_man_page_are_there() -> Outcome {
    let scene = Scene::new(TINY)?;
    let prints = |arguments: &[&str], text: &str| -> Outcome {
        let ended = scene.run(arguments)?;
        expect(&ended, code::DONE, &[])?;
        assert!(ended.stdout.contains(text), "{arguments:?} printed:\n{}", ended.stdout);
        Ok(())
    };
    prints(&["--help"], "Exit codes")?;
    prints(&["search", "--help"], "--resume")?;
    prints(&["--version"], env!("CARGO_PKG_VERSION"))?;
    prints(&["completions", "bash"], "edgefit")?;
    prints(&["man"], ".TH edgefit")
}

/// The commands that README.md shows are commands of the program.
pub(crate) fn readme_shows_real_commands() -> Outcome {
    let scene = Scene::new(TINY)?;
    let readme = repository::read("README.md")?;
    let commands: Vec<&str> = commands_of(&readme).collect();
    assert!(commands.contains(&"search"), "README.md shows {commands:?}");
    for command in commands {
        let ended = scene.run(&[command, "--help"])?;
        expect(&ended, code::DONE, &[]).map_err(|_| format!("README.md shows `edgefit {command}`, which is none"))?;
    }
    Ok(())
}

/// The word after `edgefit` or `cargo run --release --` in fenced blocks.
fn commands_of(readme: &str) -> impl Iterator<Item = &str> {
    let starts = ["edgefit ", "cargo run --release -- "];
    markdown::code_lines(readme).filter_map(move |line| {
        let line = line.trim().trim_start_matches("$ ");
        let rest = starts.iter().find_map(|start| line.strip_prefix(start))?;
        rest.split_whitespace().next().filter(|word| word.chars().all(|letter| letter.is_ascii_lowercase()))
    })
}

/// On a pipe there are plain lines: no colors, no cursor movements; with `--json` one document and nothing else.
pub(crate) fn output_on_a_pipe_is_plain() -> Outcome {
    let scene = Scene::new(TINY)?;
    let ended = scene.search(&["--trials", "1", "--json"])?;
    expect(&ended, code::DONE, &[])?;
    assert!(!ended.stderr.contains('\u{1b}') && !ended.stderr.contains('\r'), "on a pipe:\n{}", ended.stderr);
    serde_json::from_str::<serde_json::Value>(&ended.stdout)
        .map_err(|error| format!("--json printed no JSON document ({error}):\n{}", ended.stdout))?;
    Ok(())
}
