//! Search files that are right, and every way in which one can be wrong, with the whole message.

mod several;

use std::path::{Path, PathBuf};

use edgefit_search::Metric;

use crate::device::Entry;

use super::{ConfigError, SearchConfig, Setting};

/// The least that a search file has to say.
const LEAST: &str = "seed = 42\n[data]\nformat = \"digits\"\n[space]\npreset = \"mbconv\"\n";

fn parse(text: &str) -> Result<SearchConfig, ConfigError> {
    SearchConfig::parse(text, Path::new("search.toml"), Path::new("/data"))
}

fn metrics(config: &SearchConfig) -> Vec<Metric> {
    config.objectives.metrics.iter().map(|objective| objective.metric).collect()
}

#[test]
fn the_least_file_is_complete() {
    let config = parse(LEAST).unwrap();
    assert_eq!(config.seed, 42);
    assert_eq!(config.data.format.name(), "digits");
    assert_eq!(config.strategy.trials, 40);
    assert_eq!(metrics(&config), [Metric::Accuracy, Metric::LatencyMs]);
    assert!(config.constraints.0.is_empty());
}

/// Every section, as interface.md shows it and beyond.
const FULL: &str = r#"
seed = 7
[data]
format = "image-folder"
path = "cats"
validation = 0.1
limit = 10_000
resize = 32
flip = true
[space]
preset = "chain"
widths = [[8, 16], [16, 32]]
stages = 2
[strategy]
name = "evolution"
trials = 30
population = 10
sample = 3
[estimate]
epochs = 2
optimizer = "sgd"
proxy = "combined"
[final]
finalists = 2
epochs = 12
[device]
name = "pi"
runtime = "ort"
threads = 4
affinity = "0-2"
preset = "mlperf"
[table]
models = 20
[objectives]
latency_p90_ms = "min"
accuracy = "max"
[constraints]
latency_ms = { max = 1 }
accuracy = { min = 0.9, max = 0.99 }
"#;

/// As on a device whose entry says nothing.
fn complete(mut config: SearchConfig) -> SearchConfig {
    config.devices.iter_mut().for_each(|device| device.complete(&Entry::default()));
    config
}

#[test]
fn what_is_written_back_is_complete_and_means_the_same() {
    for text in [LEAST, FULL] {
        let config = parse(text).unwrap();
        let written = config.to_toml();
        assert_eq!(complete(parse(&written).unwrap()), complete(config), "{written}");
        assert_eq!(parse(&written).unwrap().to_toml(), written);
    }
    assert!(parse(LEAST).unwrap().to_toml().contains("weight_decay"));
}

#[test]
fn a_full_file_says_what_it_means() {
    let config = parse(FULL).unwrap();
    assert_eq!(config.data.path, Some(PathBuf::from("/data/cats")));
    assert_eq!((config.strategy.name.as_str(), config.strategy.population), ("evolution", Some(10)));
    assert_eq!(metrics(&config), [Metric::LatencyP90Ms, Metric::Accuracy]);
    assert_eq!(config.constraints.of(Metric::LatencyMs).unwrap().max, Some(1.0));
    assert_eq!(config.space.stages, Some(2));
    assert_eq!(config.goals().constraints().len(), 2);
}

/// The message for one file, without the lines that quote it.
fn check(text: &str, expected: &str) {
    let message = match parse(text) {
        Err(ConfigError::Invalid(problems)) => problems.to_string(),
        other => panic!("{other:?}\nfor\n{text}"),
    };
    let told: Vec<&str> = message.lines().filter(|line| !line.contains(" | ")).map(str::trim).collect();
    assert_eq!(told.join("\n"), expected, "for\n{text}\nthe whole message is\n{message}");
}

/// [`LEAST`] with a section more.
fn check_section(section: &str, expected: &str) {
    check(&format!("{LEAST}{section}\n"), expected);
}

#[test]
fn a_message_shows_the_line_and_what_is_meant() {
    let text = LEAST.replace("preset", "presett");
    let message = parse(&text).unwrap_err().to_string();
    let expected = "\
search.toml:4: space.preset: is missing
  4 | [space]
    |  ^^^^^
    = help: there are chain, mbconv, multi-branch, nb201, darts, ds-cnn, tcn, transformer, hybrid and global

search.toml:5: space.presett: unknown key
  5 | presett = \"mbconv\"
    | ^^^^^^^
    = help: did you mean `preset`?";
    assert_eq!(message, expected);
}

#[test]
fn a_missing_seed_says_how_to_give_one() {
    check(
        &LEAST.replace("seed = 42\n", ""),
        "search.toml:1: seed: is missing\n= help: nothing is left to chance: write `seed = 42`",
    );
}

#[test]
fn an_unknown_key_names_the_nearest() {
    check_section(
        "[strategy]\ntrails = 3",
        "search.toml:7: strategy.trails: unknown key\n= help: did you mean `trials`?",
    );
    check_section("[estimates]\nepochs = 3", "search.toml:6: estimates: unknown key\n= help: did you mean `estimate`?");
    check_section(
        "[table]\nzzz = 3",
        "search.toml:7: table.zzz: unknown key\n= help: [table] knows models, processes, seconds and trust_within",
    );
}

#[test]
fn a_setting_of_another_strategy_is_refused() {
    check_section(
        "[strategy]\nname = \"random\"\nsample = 3",
        "search.toml:8: strategy.sample: strategy `random` has no such setting; remove it",
    );
}

#[test]
fn an_unknown_name_lists_those_that_are_there() {
    check_section(
        "[strategy]\nname = \"nsga\"",
        "search.toml:7: strategy.name: \"nsga\" is not known\n= help: did you mean \"nsga2\"? There are random, grid, evolution, nsga2, local-search, bayesian, tpe, reinforce, successive-halving, hyperband, asha, darts and gdas",
    );
    check_section(
        "[strategy]\nname = \"one-shot\"",
        "search.toml:7: strategy.name: shared weights estimate accuracy, under any strategy\n= help: name the strategy that is to search, and write `method = \"one-shot\"` in [estimate]",
    );
    check_section(
        "[estimate]\nsupernet_epochs = 5",
        "search.toml:7: estimate.supernet_epochs: has no meaning where candidates do not share weights\n= help: write `method = \"one-shot\"`, or remove it",
    );
    check_section(
        "[device]\nruntime = \"onnx\"",
        "search.toml:7: device.runtime: \"onnx\" is not known\n= help: there are tract and ort",
    );
}

#[test]
fn an_impossible_range_is_told() {
    check_section(
        "[strategy]\ntrials = 0",
        "search.toml:7: strategy.trials: 0 is impossible: it must be at least 1 and at most 100000",
    );
    check_section(
        "[constraints]\nlatency_ms = { max = 0 }",
        "search.toml:7: constraints.latency_ms.max: 0 is impossible: it must be more than 0",
    );
    check_section(
        "[constraints]\nlatency_ms = { min = 2, max = 1.5 }",
        "search.toml:7: constraints.latency_ms: no number is at least 2 and at most 1.5",
    );
    check_section(
        "[constraints]\naccuracy = { min = 98 }",
        "search.toml:7: constraints.accuracy.min: 98 is impossible: it must be at least 0 and at most 1",
    );
    check_section(
        "[constraints]\nlatency_ms = {}",
        "search.toml:7: constraints.latency_ms: says nothing\n= help: give `min`, `max` or both",
    );
    check_section(
        "[strategy]\nname = \"evolution\"\npopulation = 4\nsample = 5",
        "search.toml:9: strategy.sample: 5 is not between 1 and 4",
    );
    check_section(
        "[device]\naffinity = \"3-1\"",
        "search.toml:7: device.affinity: names no cores\n= help: write \"big\", \"little\", or core numbers such as \"0-3\" or \"0,2\"",
    );
    for share in ["0", "1", "1.0", "-0.5"] {
        let text = LEAST.replace("\"digits\"\n", &format!("\"digits\"\nvalidation = {share}\n"));
        check(
            &text,
            &format!("search.toml:4: data.validation: {share} is impossible: it must be more than 0 and less than 1"),
        );
    }
}

#[test]
fn a_wrong_type_or_unit_is_told() {
    check_section(
        "[constraints]\nlatency_ms = { max = \"1 ms\" }",
        "search.toml:7: constraints.latency_ms.max: takes a number, not text\n= help: write the number alone; its unit is in the name of the key",
    );
    check_section(
        "[constraints]\nlatency_us = { max = 500 }",
        "search.toml:7: constraints.latency_us: has the wrong unit\n= help: write `latency_ms`; 500 would be 0.5",
    );
    check_section(
        "[constraints]\nlatency = { max = 500 }",
        "search.toml:7: constraints.latency: unknown key\n= help: did you mean `latency_ms`?",
    );
    check_section(
        "[constraints]\nlatency_ms = 1.5",
        "search.toml:7: constraints.latency_ms: does not say whether it is the least or the greatest\n= help: write `latency_ms = { max = 1.5 }`",
    );
    check_section(
        "[constraints]\nenergy_mj = { max = 1 }",
        "search.toml:7: constraints.energy_mj: cannot be measured in this version\n= help: there are accuracy, latency_ms, latency_p90_ms, peak_memory_kib, model_size_kib, macs, params, worst_class_accuracy, worst_group_accuracy, balanced_accuracy, macro_f1, calibration_error, corrupted_accuracy, fgsm_accuracy and pgd_accuracy",
    );
    check_section(
        "[objectives]\naccuracy = \"min\"",
        "search.toml:7: objectives.accuracy: \"min\" is the wrong way round\n= help: write `accuracy = \"max\"`",
    );
    check_section("[strategy]\ntrials = \"many\"", "search.toml:7: strategy.trials: takes a whole number, not text");
    check_section("[estimate]\nepochs = 1.5", "search.toml:7: estimate.epochs: takes a whole number, not a fraction");
    check_section(
        "[estimate]\nproposals = 4",
        "search.toml:7: estimate.proposals: has no meaning without a surrogate or a proxy that picks among them\n= help: write `surrogate = true` or `proxy = \"naswot\"`, or remove it",
    );
    check(&format!("estimate = 3\n{LEAST}"), "search.toml:1: estimate: takes a section, not a whole number");
}

#[test]
fn a_setting_of_the_space_is_told_with_its_line() {
    let preset = "[space]\npreset = \"mbconv\"\n";
    let check_space =
        |settings: &str, expected: &str| check(&LEAST.replace(preset, &format!("{preset}{settings}\n")), expected);
    check_space("kernel = [3]", "search.toml:6: space.kernel: unknown key\n= help: did you mean `kernels`?");
    check_space(
        "zzz = 1",
        "search.toml:6: space.zzz: unknown key\n= help: there are preset, stages, widths, kernels, expansions, depths, resolutions and definition",
    );
    check_space("kernels = [3, 4]", "search.toml:6: space.kernels: 4 is even; a kernel needs a middle");
    check_space("kernels = 3", "search.toml:6: space.kernels: takes a sequence, not integer `3`");
    check_space("widths = \"many\"", "search.toml:6: space.widths: has a form that is not possible here");
    check(
        &LEAST.replace("mbconv", "dart"),
        "search.toml:5: space.preset: \"dart\" is not known\n= help: did you mean \"darts\"? There are chain, mbconv, multi-branch, nb201, darts, ds-cnn, tcn, transformer, hybrid and global",
    );
}

/// A search file whose space is this file, in a folder of their own.
fn own_space(text: &str) -> (tempfile::TempDir, Result<SearchConfig, ConfigError>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("my.toml"), text).unwrap();
    let search = folder.path().join("search.toml");
    std::fs::write(&search, LEAST.replace("preset = \"mbconv\"", "file = \"my.toml\"")).unwrap();
    let config = SearchConfig::load(&search);
    (folder, config)
}

const OWN: &str = "\
[[stages]]
block = \"plain\"
repeat = [1, 2]
width = [8, 16]

[blocks.plain]
choices = { kernel = [3, 5] }
layers = [{ op = \"conv\", kernel = \"kernel\" }]
";

#[test]
fn a_space_of_ones_own_is_read_and_written_back() {
    let (_folder, config) = own_space(OWN);
    let config = config.unwrap();
    assert_eq!(config.space.preset, "custom");
    assert_eq!(complete(parse(&config.to_toml()).unwrap()), complete(config));
}

#[test]
fn what_is_wrong_in_a_space_of_ones_own_is_told_with_its_line() {
    let check = |wrong: &str, right: &str, expected: &str| {
        let (folder, config) = own_space(&OWN.replace(right, wrong));
        let message = config.unwrap_err().to_string();
        let told = message.replace(folder.path().to_str().unwrap(), "");
        let told: Vec<&str> = told.lines().filter(|line| !line.contains(" | ")).map(str::trim).collect();
        assert_eq!(told.join("\n"), expected, "{message}");
    };
    check(
        "block = \"plane\"",
        "block = \"plain\"",
        "/my.toml:2: stages.0.block: `plane` is not known\n= help: did you mean `plain`? There are plain",
    );
    check(
        "kernel = [3, 4]",
        "kernel = [3, 5]",
        "/my.toml:8: blocks.plain.layers.0.kernel: 4 is even; a kernel needs a middle",
    );
    check(
        "kernel = \"kernle\"",
        "kernel = \"kernel\"",
        "/my.toml:8: blocks.plain.layers.0.kernel: `kernle` is neither a number nor a choice that can be seen from here\n= help: did you mean `kernel`? There are block, kernel, repeat and width",
    );
    check("repaet = [1, 2]", "repeat = [1, 2]", "/my.toml:3: repaet: unknown key\n= help: did you mean `repeat`?");
    check("width = [8, 8]", "width = [8, 16]", "/my.toml:4: stages.0.width: has `8` twice");
    let (_folder, config) = own_space(&OWN.replace("width = [8, 16]", "width = 1.5"));
    let message = config.unwrap_err().to_string();
    assert!(message.contains("my.toml:4: ") && message.contains("a number, a name or a list of them"), "{message}");
    let (_folder, config) = own_space("[[stages]]\nblock =");
    assert!(config.unwrap_err().to_string().contains("my.toml:2: "));
}

#[test]
fn an_absent_space_is_told_where_it_is_named() {
    let text = LEAST.replace("preset = \"mbconv\"", "file = \"absent.toml\"");
    let message = parse(&text).unwrap_err().to_string();
    assert!(message.starts_with("search.toml:5: space.file: absent.toml cannot be read"), "{message}");
    let both = LEAST.replace("preset = \"mbconv\"", "preset = \"mbconv\"\nfile = \"absent.toml\"");
    check(&both, "search.toml:5: space.preset: stands beside `file`\n= help: give one of them");
}

#[test]
fn data_has_a_path_where_it_needs_one() {
    check(
        &LEAST.replace("digits", "idx"),
        "search.toml:2: data.path: is missing\n= help: name the folder or file of the data set",
    );
    check(
        &LEAST.replace("\"digits\"\n", "\"digits\"\npath = \"x\"\n"),
        "search.toml:4: data.path: these images are part of edgefit and have no path\n= help: leave it out, or choose another `format`",
    );
}

#[test]
fn several_problems_are_told_together_in_the_order_of_lines() {
    check_section(
        "[device]\nthreads = 0\nname = 3\n[strategy]\nbudget = 1",
        "search.toml:7: device.threads: 0 is impossible: it must be at least 1 and at most 1024\n\nsearch.toml:8: device.name: takes text in quotes, not a whole number\n\nsearch.toml:10: strategy.budget: unknown key\n= help: there are name, trials, population, sample, initial, learning_rate, min_epochs, reduction, supernet_epochs, order, latency_weight and warm_start",
    );
}

#[test]
fn what_a_command_line_sets_counts_before_the_file() {
    let set = |text: &str, settings: &[&str]| {
        let settings: Vec<Setting> = settings.iter().map(|setting| Setting::parse(setting).unwrap()).collect();
        SearchConfig::parse_with(text, Path::new("search.toml"), Path::new("/data"), &settings)
    };
    let config = set(FULL, &["constraints.latency_ms={ max = 50 }", "device.name=board", "seed=1", "seed=2"]).unwrap();
    let device = config.devices.first();
    assert_eq!((config.seed, device.name.as_str(), device.threads), (2, "board", 4));
    let latency = config.constraints.0.iter().find(|bound| bound.metric == Metric::LatencyMs).unwrap();
    assert_eq!((latency.max, config.constraints.0.len()), (Some(50.0), 2));
    let added = set(LEAST, &["objectives.latency_ms.target=3", "objectives.accuracy=max"]).unwrap();
    assert_eq!(added.goals().targets()[0].value, 3.0);
    assert_eq!(complete(parse(&added.to_toml()).unwrap()), complete(added));
    let said = |setting: &str| set(FULL, &["seed=3", setting]).unwrap_err().to_string();
    let told = said("device.treads=2");
    assert!(told.starts_with("--set:1: device.treads: unknown key\n  1 | device.treads = 2\n"), "{told}");
    assert!(told.contains("did you mean `threads`?"), "{told}");
    assert!(said("tabel.models=2").contains("did you mean `table`?"));
    assert!(said("strategy.trials=many").starts_with("--set:1: strategy.trials: "));
    assert!(said("constraints.latency_ms.max=-1").starts_with("--set:1: "));
}

#[test]
fn broken_toml_names_its_line() {
    let message = parse("seed = 42\n[data\nformat = 3\n").unwrap_err().to_string();
    assert!(message.starts_with("search.toml:2: "), "{message}");
}

#[test]
fn an_absent_file_is_named() {
    let message = SearchConfig::load(Path::new("absent/search.toml")).unwrap_err().to_string();
    assert!(message.starts_with("absent/search.toml: "), "{message}");
}

#[test]
fn the_examples_of_the_repository_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let examples: Vec<PathBuf> =
        files.filter(|file| file.extension().is_some_and(|extension| extension == "toml")).collect();
    assert!(examples.iter().any(|file| file.ends_with("digits.toml")), "the main job is missing: {examples:?}");
    for example in examples {
        let config = complete(SearchConfig::load(&example).unwrap_or_else(|error| panic!("{error}")));
        assert_eq!(complete(parse(&config.to_toml()).unwrap()), config, "{example:?}");
    }
}

#[test]
fn a_target_is_read_and_written_again() {
    let text = "seed = 1\n[data]\nformat = \"digits\"\n[space]\npreset = \"mbconv\"\n[objectives]\naccuracy = \"max\"\nlatency_ms = { target = 0.5 }\n";
    let read = |text: &str| SearchConfig::parse(text, Path::new("search.toml"), Path::new("."));
    let config = read(text).unwrap();
    assert_eq!(config.objectives.targets.len(), 1);
    assert_eq!(config.goals().targets()[0].value, 0.5);
    assert_eq!(complete(read(&config.to_toml()).unwrap()), complete(config));
    let said = |text: &str| read(text).unwrap_err().to_string();
    assert!(said(&text.replace("accuracy = \"max\"\n", "")).contains("add `accuracy = \"max\"`"));
    assert!(said(&text.replace("target = 0.5", "target = -1")).contains("latency_ms.target"));
    assert!(said(&text.replace("target = 0.5", "targe = 1")).contains("targe"));
}

#[test]
fn no_misprint_is_beyond_telling() {
    for (at, letter) in FULL.char_indices() {
        let (before, after) = (&FULL[..at], &FULL[at + letter.len_utf8()..]);
        for misprint in ["", "\"", "[", "\n", "é"] {
            let text = format!("{before}{misprint}{after}");
            let Err(error) = parse(&text) else { continue };
            let ConfigError::Invalid(problems) = &error else { panic!("{error}") };
            let lines = text.lines().count().max(1);
            assert!(problems.iter().all(|problem| (1..=lines + 1).contains(&problem.line)), "{error}\nfor\n{text}");
            assert!(error.to_string().starts_with("search.toml:"), "{error}");
        }
    }
}
