//! What DARTS and GDAS find on NAS-Bench-201 with real training on some images of CIFAR-10, by the published accuracy.
//!
//! `cargo bench -p edgefit --bench gradient -- nasbench201.csv.gz CIFAR-10 [EPOCHS] [SEEDS] [IMAGES] [SIDE] [WIDTH]`, where `CIFAR-10` is a
//! folder with the images in one folder a class. For each method and seed a supernet of one cell a stage is trained on images of SIDE
//! pixels, for four times the epochs where a step computes one operation of each edge; printed are the cell that the search's rule takes (early stop included), its published accuracy, its place among all
//! cells, the cell after the last epoch (the training goes on for it), and the time of each. A random cell is the mean of the table.

#[path = "cells/mod.rs"]
mod cells;

use std::ops::ControlFlow;
use std::time::Instant;

use cells::{Outcome, Published, cells, cifar10, published};
use edgefit_search::space::Relaxation;
use edgefit_search::{Space, strategy};
use edgefit_train::differentiable::{Gate, Lesson, Method, Relaxed, Supernet};
use edgefit_train::{Dataset, Optimizer, Recipe};

/// The methods with their names in a search file, and for how many times the epochs they are trained: where a step computes one
/// operation of five, each needs more of them.
const METHODS: [(&str, Method, usize); 3] =
    [("darts", Method::Darts, 1), ("darts order 2", Method::UnrolledDarts, 1), ("gdas", Method::Gdas, 4)];

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [table, folder, rest @ ..] = arguments.as_slice() else {
        println!("skipped: give the table of NAS-Bench-201 and a folder of CIFAR-10 images");
        return Ok(());
    };
    let number = |at: usize, default: usize| rest.get(at).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (epochs, seeds, images) = (number(0, 15), number(1, 2), number(2, 2_000));
    let (side, width) = (number(3, 16), number(4, 8));
    let space = cells(width, 1, side)?;
    let networks = published(table, space.as_ref(), 1)?;
    let mean = networks.iter().map(|network| network.accuracy).sum::<f64>() / networks.len() as f64;
    let best = networks.iter().map(|network| network.accuracy).fold(0.0, f64::max);
    println!(
        "{images} images of {side}x{side}, width {width}, {epochs} epochs; of {} cells: mean {mean:.2} %, best {best:.2} %",
        networks.len()
    );
    for (name, method, times) in METHODS {
        let mut sums = [0.0; 2];
        for seed in 1..=seeds as u64 {
            let data = cifar10(folder, images, side, seed)?;
            let found = search(space.as_ref(), &data, method, times * epochs, seed, &networks)?;
            sums.iter_mut().zip(&found).for_each(|(sum, cell)| *sum += cell.accuracy);
        }
        let [stopped, last] = sums.map(|sum| sum / seeds as f64);
        println!("{name}: mean {stopped:.2} % by the search's rule, {last:.2} % after all epochs");
    }
    Ok(())
}

/// One supernet: the cell by the search's rule, and that after all epochs.
fn search(
    space: &dyn Space,
    data: &Dataset,
    method: Method,
    epochs: usize,
    seed: u64,
    networks: &[Published],
) -> Outcome<[Published; 2]> {
    let relaxation = space.relaxation()?.ok_or("the cells cannot be relaxed any more")?;
    let options: Vec<usize> = relaxation.mixes.iter().map(|mix| mix.options.len()).collect();
    let gates = relaxation.gates.iter().map(|gate| Gate { node: gate.node, mix: gate.mix, option: gate.option });
    let gates: Vec<Gate> = gates.collect();
    let relaxed = Relaxed { graph: &relaxation.graph, gates: &gates, options: &options };
    let recipe = Recipe {
        epochs,
        optimizer: Optimizer::Sgd,
        learning_rate: 0.05,
        weight_decay: 3e-4,
        clip_norm: Some(5.0),
        flip: true,
        rotate: 0.0,
        zoom: 0.0,
        label_smoothing: 0.0,
        ..Recipe::default()
    };
    let lesson = Lesson { data, recipe: &recipe, method, costs: &[], seed };
    let (begun, mut supernet) = (Instant::now(), Supernet::new(&relaxed, &recipe, seed)?);
    let mut stopped: Option<(Published, String)> = None;
    for epoch in 1..=epochs {
        supernet.train_epoch(&lesson, &mut |_| ControlFlow::Continue(()))?;
        let course = supernet.course();
        if let (None, Some(end)) = (&stopped, strategy::ended(&relaxation, &course, false, epochs)) {
            let cell = derived(&relaxation, &course[end.epochs - 1], networks)?;
            let told = told(space, &cell, networks);
            println!("seed {seed}, {method:?}: {told}; {} ({:.0} s)", end.why, begun.elapsed().as_secs_f64());
            stopped = Some((cell, end.why));
        }
        if epoch == epochs {
            let cell = derived(&relaxation, &supernet.probabilities(), networks)?;
            let seconds = begun.elapsed().as_secs_f64();
            println!("seed {seed}, {method:?}, after all epochs: {} ({seconds:.0} s)", told(space, &cell, networks));
            return Ok([stopped.map_or_else(|| cell.clone(), |(stopped, _)| stopped), cell]);
        }
    }
    Err("there are no epochs".into())
}

/// The most probable cell of the table.
fn derived(relaxation: &Relaxation, probabilities: &[Vec<f64>], networks: &[Published]) -> Outcome<Published> {
    let cell = relaxation.ranking(probabilities).next().ok_or("there is no most probable cell")?;
    let found = networks.iter().find(|network| network.genotype == cell);
    Ok(found.cloned().ok_or("the table does not have the cell")?)
}

/// `|...| 68.12 %, place 312`.
fn told(space: &dyn Space, cell: &Published, networks: &[Published]) -> String {
    let place = 1 + networks.iter().filter(|network| network.accuracy > cell.accuracy).count();
    format!("{} {:.2} %, place {place}", space.text(&cell.genotype), cell.accuracy)
}
