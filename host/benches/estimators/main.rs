//! What each way to estimate accuracy is worth: Kendall's tau with the accuracy after full training over the same networks of a
//! space, and the time that it takes.
//!
//! `cargo bench -p edgefit --bench estimators -- [SPACE [EPOCHS [FOLDER [SIDE [IMAGES [SEED]]]]]]` takes 30 networks of the space
//! (`mbconv` unless stated) and the bundled digits, a fifth of which is trained on, or the images of a folder with one folder a
//! class, made `SIDE` pixels wide, half of `IMAGES` to train on. Times are those of one thread, for all networks together.

mod surrogate;

use std::error::Error;
use std::ops::ControlFlow;
use std::time::Instant;

use edgefit_graph::{Graph, Shape};
use edgefit_search::curve::predict;
use edgefit_search::rank::{kendall, mean_ranks, ranks};
use edgefit_search::{Genotype, Space, SpaceSettings, Task, draw, space};
use edgefit_train::data::{Numbers, Samples, Source, Splits, Values, format};
use edgefit_train::proxy::{PROXIES, Probe, score};
use edgefit_train::supernet::{Family, Lesson, Sampling, Supernet};
use edgefit_train::{Compute, Dataset, Event, Recipe, Stretch, evaluate, train, train_stretch};
use rand_chacha::ChaCha8Rng;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Networks that are compared.
const NETWORKS: usize = 30;

/// Trainings from which is learned how far forecasts are off; the others are forecast.
const FINISHED: usize = 10;

/// One sample in so many is in the smaller set.
const SHARE: usize = 4;

/// Images that proxies look at.
const PROBE: usize = 32;

/// Proxies whose ranks are combined, as a search does.
const COMBINED: [&str; 3] = ["naswot", "synflow", "jacov"];

/// Trainings of one network that shared weights get as many steps as.
const SUPERNET_TRAININGS: usize = 4;

/// What is estimated: networks of a space on some data.
struct World {
    space: Box<dyn Space>,
    genotypes: Vec<Genotype>,
    graphs: Vec<Graph>,
    data: Dataset,
    epochs: usize,
    seed: u64,
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let world = World::of(&arguments)?;
    let (data, total) = (&world.data, Instant::now());
    let (train, validation) = (data.train.len(), data.validation.len());
    println!("{NETWORKS} networks of {}, {train} images to train on, {validation} to validate", world.space.name());
    println!("{:38} {:>6} {:>9}", "estimator", "tau", "seconds");
    let begun = Instant::now();
    let curves =
        world.graphs.iter().map(|graph| world.curve(graph, data, world.epochs, 0)).collect::<Outcome<Vec<_>>>()?;
    let seconds = begun.elapsed().as_secs_f64();
    let table = Table { full: bests(&curves) };
    table.print(&format!("full training, {} epochs", world.epochs), &table.full, seconds);
    world.trainings(&table)?;
    world.forecasts(&table, &curves, seconds);
    let scores = world.proxies(&table)?;
    world.surrogates(&table, &curves, &scores, seconds);
    for (name, sampling) in [("uniform", Sampling::Uniform), ("sandwich", Sampling::Sandwich(1))] {
        world.supernet(&table, name, sampling)?;
    }
    let [low, middle, high] = [0, NETWORKS / 2, NETWORKS - 1].map(|at| sorted(&table.full)[at]);
    println!("accuracy after full training: {low:.3} to {high:.3}, median {middle:.3}");
    println!("all: {:.0} s", total.elapsed().as_secs_f64());
    Ok(())
}

/// What estimates are compared with.
struct Table {
    full: Vec<f64>,
}

impl Table {
    fn print(&self, name: &str, estimates: &[f64], seconds: f64) {
        println!("{name:38} {:6.3} {seconds:9.1}", kendall(estimates, &self.full));
    }
}

impl World {
    fn of(arguments: &[String]) -> Outcome<Self> {
        let text = |at: usize| arguments.get(at).map(String::as_str);
        let number = |at: usize, default: usize| text(at).and_then(|text| text.parse().ok()).unwrap_or(default);
        let (epochs, side, images, seed) = (number(1, 20), number(3, 32), number(4, 4000), number(5, 1) as u64);
        let (name, source, splits) = match text(2) {
            None => ("digits", Source::default(), Splits { validation: 0.8, ..Splits::default() }),
            Some(folder) => {
                let source = Source { path: Some(folder.into()), resize: Some([side, side]), ..Source::default() };
                let splits = Splits { validation: 0.5, limit: Some(images), test_limit: Some(10), ..Splits::default() };
                ("image-folder", source, splits)
            }
        };
        let data = Dataset::load(format(name).ok_or("the format is gone")?, &source, &splits, seed)?;
        let task = Task { input: Shape::new(data.shape().dims()), classes: data.classes.len() };
        let space = space::build(&SpaceSettings::preset(text(0).unwrap_or("mbconv")), &task)?;
        let rng = &mut draw::stream(seed, 0);
        let genotypes: Vec<Genotype> = (0..NETWORKS).map(|_| space.sample(rng)).collect();
        let graphs = genotypes.iter().map(|genotype| space.decode(genotype)).collect::<Result<_, _>>()?;
        Ok(Self { space, genotypes, graphs, data, epochs, seed })
    }

    /// As a candidate's training is, unless a search file says otherwise.
    fn recipe(epochs: usize) -> Recipe {
        Recipe { epochs, shift: 0, rotate: 0.0, zoom: 0.0, ..Recipe::default() }
    }

    /// Validation accuracy after each epoch, from the weights of this number.
    fn curve(&self, graph: &Graph, data: &Dataset, epochs: usize, number: u64) -> Outcome<Vec<f64>> {
        let outcome = train(graph, data, &Self::recipe(epochs), self.seed + number, &mut go_on)?;
        Ok(outcome.epochs.iter().map(|epoch| epoch.validation_accuracy.unwrap_or_default()).collect())
    }

    /// Full trainings from other weights, as well as anything can agree, and shorter ones.
    fn trainings(&self, table: &Table) -> Outcome<()> {
        let few = self.data_in(SHARE);
        let [tenth, quarter] = [10, 4].map(|part| (self.epochs / part).max(1));
        for (name, data, epochs) in [
            ("full training, other weights".to_owned(), &self.data, self.epochs),
            (format!("fewer epochs: {quarter}"), &self.data, quarter),
            (format!("fewer epochs: {tenth}"), &self.data, tenth),
            (format!("a quarter of the images, {} epochs", self.epochs), &few, self.epochs),
        ] {
            let begun = Instant::now();
            let curves = self.graphs.iter().map(|g| self.curve(g, data, epochs, 1)).collect::<Outcome<Vec<_>>>()?;
            table.print(&name, &bests(&curves), begun.elapsed().as_secs_f64());
        }
        Ok(())
    }

    /// The same with one training sample in so many.
    fn data_in(&self, share: usize) -> Dataset {
        let Samples { values: Values { shape, numbers }, labels } = &self.data.train;
        let kept = |at: &usize| at.is_multiple_of(share);
        let size = shape.size();
        let numbers = match numbers {
            Numbers::Bytes(all) => Numbers::Bytes(picked(all, size, kept)),
            Numbers::Floats(all) => Numbers::Floats(picked(all, size, kept)),
        };
        let train = Samples { values: Values { shape: *shape, numbers }, labels: picked(labels, 1, kept) };
        Dataset { train, ..self.data.clone() }
    }

    /// What the first epochs of the full trainings say of their end, beside the accuracy that they have reached.
    fn forecasts(&self, table: &Table, curves: &[Vec<f64>], full_seconds: f64) {
        for part in [4, 2] {
            let seen = self.epochs / part;
            let seconds = full_seconds / part as f64;
            let reached: Vec<Vec<f64>> = curves.iter().map(|curve| curve[..seen].to_vec()).collect();
            table.print(&format!("first {seen} epochs of the full training"), &bests(&reached), seconds);
            let predictions: Vec<_> = reached.iter().filter_map(|seen| predict(seen, &curves[..FINISHED])).collect();
            if predictions.len() < curves.len() {
                println!("{seen} epochs are too few for a learning curve");
                continue;
            }
            let means: Vec<f64> = predictions.iter().map(|prediction| prediction.mean).collect();
            table.print(&format!("learning curve of {seen} epochs"), &means, seconds);
            let later = || predictions.iter().zip(&table.full).skip(FINISHED);
            let held = later().filter(|(p, end)| (p.interval(0.9).0..=p.interval(0.9).1).contains(end)).count();
            let best = table.full[..FINISHED].iter().copied().fold(0.0, f64::max);
            let hopeless = later().filter(|(prediction, _)| prediction.reaches(best) < 0.05);
            let (given_up, in_vain) =
                hopeless.fold((0, 0), |(n, wrong), (_, end)| (n + 1, wrong + usize::from(*end >= best)));
            println!(
                "  of {} others: {held} ended within their 90 % interval; {given_up} would have been stopped below 5 %, {in_vain} of them wrongly",
                NETWORKS - FINISHED
            );
        }
    }

    /// The scores of all networks by each proxy.
    fn proxies(&self, table: &Table) -> Outcome<Vec<Vec<Option<f64>>>> {
        let probe = Probe::new(&self.data, PROBE, self.seed);
        let (mut all, mut combined, mut combined_seconds) = (Vec::new(), Vec::new(), 0.0);
        for proxy in PROXIES {
            let begun = Instant::now();
            let scores: Vec<Option<f64>> =
                self.graphs.iter().map(|graph| score(proxy, graph, &probe)).collect::<Result<_, _>>()?;
            let seconds = begun.elapsed().as_secs_f64();
            table.print(&format!("proxy {}", proxy.name()), &ranks(&scores), seconds);
            all.push(scores.clone());
            if COMBINED.contains(&proxy.name()) {
                combined.push(scores);
                combined_seconds += seconds;
            }
        }
        table.print("proxies combined", &mean_ranks(&combined), combined_seconds);
        Ok(all)
    }

    /// Shared weights, as they are and trained on for the first tenth of a full training.
    fn supernet(&self, table: &Table, name: &str, sampling: Sampling) -> Outcome<()> {
        let begun = Instant::now();
        let space = self.space.as_ref();
        let decoded = |genotype: &_| space.decode(genotype);
        let cover = space::cover(space, self.seed).iter().map(decoded).collect::<Result<Vec<_>, _>>()?;
        let (largest, smallest) = (decoded(&space.largest())?, decoded(&space.smallest())?);
        let draw = |rng: &mut ChaCha8Rng| space.decode(&space.sample(rng)).expect("every sample decodes");
        let epochs = SUPERNET_TRAININGS * self.epochs;
        let lesson = Lesson {
            family: Family { largest: &largest, smallest: &smallest, draw: &draw },
            sampling,
            data: &self.data,
            recipe: &Self::recipe(epochs),
            seed: self.seed,
        };
        let mut supernet = Supernet::new(&cover, Compute::Cpu, self.seed);
        for _ in 0..epochs {
            supernet.train_epoch(&lesson, &mut go_on)?;
        }
        let training = begun.elapsed().as_secs_f64();
        let accuracy = |graph: &Graph| -> Outcome<f64> {
            let weights = supernet.inherit(graph, &self.data)?;
            Ok(evaluate(graph, &weights, &self.data.validation, &self.data.normalization)?.accuracy)
        };
        let found = self.graphs.iter().map(accuracy).collect::<Outcome<Vec<f64>>>()?;
        table.print(&format!("shared weights, {name}, {epochs} epochs"), &found, begun.elapsed().as_secs_f64());
        let (begun, few) = (Instant::now(), (self.epochs / 10).max(1));
        let tuned = |graph: &Graph| -> Outcome<f64> {
            let weights = supernet.inherit(graph, &self.data)?;
            let stretch = Stretch { weights: Some(&weights), from: None, until: few, ends: None };
            let (outcome, _) = train_stretch(graph, &self.data, &Self::recipe(few), self.seed, stretch, &mut go_on)?;
            Ok(outcome.validation_accuracy.unwrap_or_default())
        };
        let found = self.graphs.iter().map(tuned).collect::<Outcome<Vec<f64>>>()?;
        table.print(&format!("the same, tuned for {few} epochs"), &found, training + begun.elapsed().as_secs_f64());
        Ok(())
    }
}

fn go_on(_: &Event) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// The pieces of this size that are kept, by their positions.
fn picked<T: Copy>(all: &[T], size: usize, kept: impl Fn(&usize) -> bool) -> Vec<T> {
    all.chunks(size).enumerate().filter(|(at, _)| kept(at)).flat_map(|(_, piece)| piece).copied().collect()
}

/// The highest accuracy of each curve, which is what a training counts with.
fn bests(curves: &[Vec<f64>]) -> Vec<f64> {
    curves.iter().map(|curve| curve.iter().copied().fold(0.0, f64::max)).collect()
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values
}
