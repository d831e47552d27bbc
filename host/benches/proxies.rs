//! What zero-cost proxies are worth: rank correlation with the published accuracy of NAS-Bench-201 cells, beside the number of
//! parameters and of multiply-accumulates, and the time that a network takes.
//!
//! `cargo bench -p edgefit --bench proxies -- nasbench201.csv.gz CIFAR-10 [CELLS] [IMAGES] [DEPTH] [SEED]`, where `CIFAR-10` is a folder
//! with the images in one folder a class. Cells are drawn by the seed; the skeleton is the published one for depth 5, and
//! smaller for less. The published accuracy is that on CIFAR-100 validation images; the proxies see CIFAR-10 images.

#[path = "cells/mod.rs"]
mod cells;

use std::time::Instant;

use cells::{Outcome, cells, cifar10, published};
use edgefit_graph::Graph;
use edgefit_search::rank::{kendall, mean_ranks, ranks, spearman};
use edgefit_train::proxy::{PROXIES, Probe, score};

/// What is combined into one ranking: the proxies that look at different things.
const COMBINED: [&str; 3] = ["naswot", "synflow", "jacov"];

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [table, folder, rest @ ..] = arguments.as_slice() else {
        println!("skipped: give the table of NAS-Bench-201 and a folder of CIFAR-10 images");
        return Ok(());
    };
    let number = |at: usize, default: u64| rest.get(at).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (count, images, depth, seed) = (number(0, 100) as usize, number(1, 32) as usize, number(2, 1), number(3, 1));
    let space = cells(16, depth as usize, 32)?;
    let networks = published(table, space.as_ref(), seed)?;
    let networks = &networks[..count.min(networks.len())];
    let graphs = networks.iter().map(|n| space.decode(&n.genotype)).collect::<Result<Vec<Graph>, _>>()?;
    let accuracy: Vec<f64> = networks.iter().map(|n| n.accuracy).collect();
    let probe = Probe::new(&cifar10(folder, 1000, 32, seed)?, images, seed);
    println!("{} cells of depth {depth}, {images} images, seed {seed}", graphs.len());
    println!("{:12} {:>8} {:>8} {:>14}", "proxy", "Spearman", "Kendall", "ms a network");
    let mut combined = Vec::new();
    for proxy in PROXIES {
        let begun = Instant::now();
        let scores = graphs.iter().map(|graph| score(proxy, graph, &probe)).collect::<Result<Vec<_>, _>>()?;
        let milliseconds = begun.elapsed().as_secs_f64() * 1e3 / graphs.len() as f64;
        print_row(proxy.name(), &ranks(&scores), &accuracy, Some(milliseconds));
        if COMBINED.contains(&proxy.name()) {
            combined.push(scores);
        }
    }
    print_row(&COMBINED.join("+"), &mean_ranks(&combined), &accuracy, None);
    Ok(())
}

fn print_row(name: &str, scores: &[f64], accuracy: &[f64], milliseconds: Option<f64>) {
    let (spearman, kendall) = (spearman(scores, accuracy), kendall(scores, accuracy));
    let milliseconds = milliseconds.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}"));
    println!("{name:12} {spearman:8.3} {kendall:8.3} {milliseconds:>14}");
}
