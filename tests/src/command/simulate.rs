//! Strategies on a tabulated benchmark: all of them, under a bound, with two objectives, and what is wrong with a table.

use serde_json::Value;

use crate::harness::Outcome;
use crate::needs::data;

use super::scene::{Scene, TINY, code, expect};

/// The operations of a cell, from cheap to costly.
const OPERATIONS: [&str; 5] = ["none", "skip_connect", "avg_pool_3x3", "nor_conv_1x1", "nor_conv_3x3"];

/// Most latency of the made-up cells that the tests allow.
const BOUND: f64 = 12.0;

/// A table of all 15,625 cells: the accuracy and the latency of a cell are sums over its edges.
fn scene() -> Result<Scene, String> {
    let cell = |index: usize| {
        let operation = |edge: u32| index / 5usize.pow(edge) % 5;
        let word = |edge: u32, from: usize| format!("{}~{from}", OPERATIONS[operation(edge)]);
        let text = [vec![word(0, 0)], vec![word(1, 0), word(2, 1)], vec![word(3, 0), word(4, 1), word(5, 2)]];
        let text = text.map(|words| format!("|{}|", words.join("|"))).join("+");
        format!("{index},{text},{},{}\n", accuracy(&operation), latency(&operation))
    };
    let rows: String = (0..5usize.pow(6)).map(cell).collect();
    let scene = Scene::new(TINY)?;
    scene.write("cells.csv", format!("index,arch,accuracy,latency\n{rows}"))?;
    Ok(scene)
}

fn accuracy(operation: &impl Fn(u32) -> usize) -> f64 {
    (0..6).map(|edge| operation(edge) as f64 * f64::from(edge + 1).sqrt()).sum()
}

fn latency(operation: &impl Fn(u32) -> usize) -> usize {
    (0..6).map(operation).sum()
}

fn document(scene: &Scene, more: &[&str]) -> Result<Value, String> {
    let common = ["simulate", "cells.csv", "--accuracy-column", "accuracy", "--json"];
    let ended = scene.run(&common.iter().chain(more).copied().collect::<Vec<_>>())?;
    expect(&ended, code::DONE, &[]).map_err(|failed| format!("{failed:?}"))?;
    serde_json::from_str(&ended.stdout).map_err(|error| format!("--json printed no JSON document ({error})"))
}

fn means(strategy: &Value) -> Vec<f64> {
    strategy["mean"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}

/// Every strategy has its figures, they are the same at every call, and those that learn beat random.
pub(crate) fn strategies_are_compared() -> Outcome {
    let scene = scene()?;
    let arguments = ["--strategy", "all", "--queries", "60", "--repeats", "6", "--seed", "3"];
    let document_of = || document(&scene, &arguments);
    let first = document_of()?;
    assert_eq!(first, document_of()?);
    let strategies = first["strategies"].as_array().ok_or("no strategies")?;
    let last = |strategy: &Value| means(strategy).last().copied().unwrap_or_default();
    let random = strategies.iter().find(|strategy| strategy["strategy"] == "random").map(last).ok_or("no random")?;
    assert!(strategies.len() >= 7, "{first}");
    for strategy in strategies {
        let means = means(strategy);
        assert!(means.len() == 60 && means.windows(2).all(|pair| pair[0] <= pair[1]), "{strategy}");
        let learns = strategy["strategy"] != "random" && strategy["strategy"] != "grid";
        assert!(!learns || last(strategy) > random, "random {random}, but {strategy}");
    }
    Ok(())
}

/// Under a bound, the best that counts keeps it; two objectives are judged by hypervolume; people get a table.
pub(crate) fn a_bound_and_two_objectives_are_kept() -> Outcome {
    let scene = scene()?;
    let bound = BOUND.to_string();
    let latency_column = ["--latency-column", "latency", "--queries", "150", "--repeats", "2"];
    let local = ["--strategy", "bayesian", "--max-latency", bound.as_str()];
    let bounded = document(&scene, &[latency_column.as_slice(), &local].concat())?;
    let feasible = |index: &usize| latency(&|edge| index / 5usize.pow(edge) % 5) as f64 <= BOUND;
    let best = (0..5usize.pow(6)).filter(feasible).map(|index| accuracy(&|edge| index / 5usize.pow(edge) % 5));
    let best = best.fold(0.0, f64::max);
    assert!((bounded["best_accuracy"].as_f64().unwrap_or_default() - best).abs() < 1e-9, "{best}: {bounded}");
    let last = means(&bounded["strategies"][0]).last().copied().unwrap_or_default();
    assert!(last > 0.9 * best && last <= best + 1e-9, "{last} of {best}");

    let two = document(&scene, &[latency_column.as_slice(), &["--strategy", "nsga2"]].concat())?;
    assert_eq!(two["judged_by"], "hypervolume_share");
    assert!(means(&two["strategies"][0]).last().is_some_and(|share| *share > 0.5 && *share <= 1.0 + 1e-9), "{two}");

    let text = ["simulate", "cells.csv", "--accuracy-column", "accuracy", "--strategy", "random"];
    let ended = scene.run(&[text.as_slice(), &["--queries", "20", "--repeats", "2"]].concat())?;
    expect(&ended, code::DONE, &[])?;
    assert!(ended.stdout.contains("15625 networks") && ended.stdout.contains("0 of 2"), "{}", ended.stdout);
    Ok(())
}

/// The curves are drawn as an SVG file or a page, a line for each strategy; any other file is refused.
pub(crate) fn a_comparison_is_drawn() -> Outcome {
    let scene = scene()?;
    let common = ["simulate", "cells.csv", "--accuracy-column", "accuracy", "--queries", "20", "--repeats", "2"];
    let run = |plot| {
        scene.run(&[common.as_slice(), &["--strategy", "random", "--strategy", "evolution", "--plot", plot]].concat())
    };
    for file in ["plot.svg", "plot.html"] {
        expect(&run(file)?, code::DONE, &[])?;
        let drawn = scene.read(file)?;
        assert_eq!(drawn.matches("class=\"line\"").count(), 2, "{drawn}");
        assert!(drawn.contains("http://www.w3.org/2000/svg") && drawn.contains(">evolution<"), "{drawn}");
        assert!(!drawn.contains("NaN") && !drawn.contains("inf,"), "{drawn}");
    }
    expect(&run("plot.png")?, code::USAGE, &["plot.png", ".svg"])
}

/// A table, column, strategy or bound that is not there or wrong ends with its exit code, and is named.
pub(crate) fn wrong_tables_are_told() -> Outcome {
    let scene = scene()?;
    scene.write("broken.csv", "arch,accuracy\n|none~0|+|none~0|none~1|+|none~0|none~1|none~2|,much\n")?;
    scene.write("no-cells.csv", "arch,accuracy\nresnet,0.5\n")?;
    let check = |table: &str, column: &str, more: &[&str], code: i32, says: &[&str]| {
        let common = ["simulate", table, "--accuracy-column", column, "--queries", "5", "--repeats", "1"];
        let strategy: &[&str] = if more.contains(&"--strategy") { &[] } else { &["--strategy", "random"] };
        expect(&scene.run(&[common.as_slice(), strategy, more].concat())?, code, says)
    };
    check("none.csv", "accuracy", &[], code::DATA, &["none.csv"])?;
    check("broken.csv", "accuracy", &[], code::DATA, &["broken.csv", "line 2", "much"])?;
    check("no-cells.csv", "accuracy", &[], code::DATA, &["no-cells.csv", "line 2", "resnet"])?;
    check("cells.csv", "accuracies", &[], code::USAGE, &["accuracies", "arch, accuracy, latency"])?;
    check("cells.csv", "accuracy", &["--strategy", "randm"], code::USAGE, &["randm", "random"])?;
    check("cells.csv", "accuracy", &["--strategy", "asha"], code::USAGE, &["asha", "whole trainings"])?;
    check("cells.csv", "accuracy", &["--max-latency", "3"], code::USAGE, &["--latency-column"])?;
    let bound = ["--latency-column", "latency", "--max-latency", "-1"];
    check("cells.csv", "accuracy", &bound, code::NO_FEASIBLE_ARCHITECTURE, &["cells.csv", "15625"])
}

/// The published table gives the figures that are known of it: the optimum, and how soon local search finds it.
pub(crate) fn the_published_cells_give_the_known_figures() -> Outcome {
    let table = data::path("nasbench201.csv.gz")?.display().to_string();
    let scene = Scene::new(TINY)?;
    let column = ["--accuracy-column", "cifar100_valid_accuracy_pct", "--json"];
    let runs = ["--strategy", "local-search", "--strategy", "random", "--queries", "1000", "--repeats", "200"];
    let ended = scene.run(&[["simulate", table.as_str()].as_slice(), &column, &runs].concat())?;
    expect(&ended, code::DONE, &[])?;
    let document: Value = serde_json::from_str(&ended.stdout).map_err(|error| error.to_string())?;
    assert_eq!(document["best_accuracy"], 73.26);
    let to_best = document["strategies"][0]["queries_to_best"]["mean"].as_f64().unwrap_or_default();
    assert!((90.0..130.0).contains(&to_best), "local search needs {to_best} queries");
    let random = means(&document["strategies"][1])[99];
    assert!((71.3..71.8).contains(&random), "random has {random} after 100 queries");
    Ok(())
}
