//! What every strategy keeps: one suite over all of them.

use edgefit_graph::{Graph, Shape};

use super::{StrategySettings, View, build, names, resolved};
use crate::draw;
use crate::engine::{EngineSettings, Next, SearchEngine, SearchError};
use crate::genotype::Genotype;
use crate::goal::{Constraint, Goals, Objective};
use crate::hypervolume::hypervolume;
use crate::metric::Metric::{Accuracy, LatencyMs};
use crate::reading::Readings;
use crate::space::{self, Space, SpaceSettings, Task};
use crate::synthetic::Synthetic;
use crate::trial::{Observation, Trial};

const TRIALS: u64 = 40;

/// Epochs of a whole training.
const EPOCHS: u64 = 9;

/// Made-up worlds over which strategies are compared.
const WORLDS: u64 = 8;

fn digits(preset: &str) -> Box<dyn Space> {
    space::build(&SpaceSettings::preset(preset), &Task { input: Shape::new([1, 8, 8]), classes: 10 }).unwrap()
}

fn world(seed: u64) -> Synthetic {
    Synthetic { seed, training_noise: 0.1, prediction_noise: 0.05 }
}

fn objectives() -> Vec<Objective> {
    vec![Objective::of(Accuracy), Objective::of(LatencyMs)]
}

fn search(preset: &str, strategy: &str, seed: u64, goals: &Goals) -> SearchEngine {
    let trials = if pauses(strategy) { 2 * TRIALS } else { TRIALS };
    let strategy = build(&StrategySettings::named(strategy)).unwrap();
    let settings = EngineSettings { seed, trials, epochs: EPOCHS, in_flight: 3 };
    SearchEngine::new(digits(preset), strategy, goals.clone(), settings)
}

/// Whether a strategy pauses trainings: it may begin twice as many, and still trains for fewer epochs than the others.
fn pauses(strategy: &str) -> bool {
    build(&StrategySettings::named(strategy)).unwrap().pauses()
}

/// Whether what was told changes what is proposed or trained on.
fn learns(strategy: &str) -> bool {
    !["random", "grid"].contains(&strategy)
}

fn epochs(trials: &[Trial]) -> u64 {
    let until = |trial: &Trial| trial.fidelity.epochs.unwrap_or(EPOCHS);
    let from = |trial: &Trial| trial.fidelity.continues.map_or(0, |earlier| until(&trials[earlier as usize]));
    trials.iter().map(|trial| until(trial) - from(trial)).sum()
}

/// Runs to the end, completing each trial as soon as it is asked for.
fn run(strategy: &str, seed: u64, goals: &Goals) -> Vec<Trial> {
    run_in("chain", strategy, seed, goals)
}

fn run_in(preset: &str, strategy: &str, seed: u64, goals: &Goals) -> Vec<Trial> {
    let (mut engine, world, space) = (search(preset, strategy, seed, goals), world(seed), digits(preset));
    let predict =
        |graph: &Graph, genotype: &Genotype| -> Result<Readings, SearchError> { Ok(world.predict(graph, genotype)) };
    while let Next::Train(trial) = engine.next(predict).unwrap().next {
        let graph = space.decode(&trial.genotype).unwrap();
        let share = trial.fidelity.epochs.map_or(1.0, |epochs| epochs as f64 / EPOCHS as f64);
        engine.complete(trial.number, Ok(world.train_partly(&graph, &trial.genotype, share))).unwrap();
    }
    assert!(epochs(engine.trials()) <= TRIALS * EPOCHS, "{strategy} trains for {} epochs", epochs(engine.trials()));
    engine.trials().to_vec()
}

fn feasible_losses(trials: &[Trial], goals: &Goals) -> Vec<Vec<f64>> {
    let observations = trials.iter().map(|trial| trial.observation(goals)).filter(Observation::is_feasible);
    observations.filter_map(|o| o.complete()).collect()
}

fn goals() -> Goals {
    Goals::new(objectives(), vec![Constraint::at_most(LatencyMs, 0.12)]).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_trials_and_another_seed_others() {
    for name in names() {
        assert_eq!(run(name, 1, &goals()), run(name, 1, &goals()), "{name}");
        assert_ne!(run(name, 1, &goals()), run(name, 2, &goals()), "{name}");
    }
}

/// Observations of all kinds: trained, stopped, failed.
fn history(space: &dyn Space, count: u64) -> Vec<Observation> {
    let observe = |i: u64| {
        let genotype = space.sample(&mut draw::stream(9, i));
        let graph = space.decode(&genotype).unwrap();
        let latency = world(9).latency_ms(&graph);
        let accuracy = (!i.is_multiple_of(3)).then(|| world(9).error(&graph, &genotype) - 1.0);
        let violation = if i.is_multiple_of(11) { f64::INFINITY } else { (latency / 0.2 - 1.0).max(0.0) };
        Observation { number: Some(i), ..Observation::of(genotype, vec![accuracy, Some(latency)], violation) }
    };
    (0..count).map(observe).collect()
}

#[test]
fn proposals_are_valid_and_depend_on_what_was_told_only() {
    let space = digits("mbconv");
    for name in names() {
        let mut strategies = [0, 1].map(|_| build(&StrategySettings::named(name)).unwrap());
        for (i, observation) in history(space.as_ref(), 200).iter().enumerate() {
            let view = View { space: space.as_ref(), pending: &[], left: 9, epochs: 9, redraws: 0 };
            let rng = || draw::stream(10, i as u64);
            let first = strategies[0].ask(&view, &mut rng());
            space.check(&first).unwrap();
            // The first is asked often, the second once: asking leaves no trace.
            assert_eq!(strategies[0].ask(&view, &mut rng()), first, "{name}");
            assert_eq!(strategies[1].ask(&view, &mut rng()), first, "{name}");
            strategies.iter_mut().for_each(|strategy| strategy.tell(space.as_ref(), observation));
        }
    }
}

#[test]
fn any_history_and_any_pool_is_taken() {
    let space = digits("chain");
    let observations = history(space.as_ref(), 60);
    for name in names() {
        for (told, pending) in [(0, 0), (0, 5), (1, 0), (3, 40), (60, 3)] {
            let mut strategy = build(&StrategySettings::named(name)).unwrap();
            observations[..told].iter().for_each(|o| strategy.tell(space.as_ref(), o));
            let view =
                View { space: space.as_ref(), pending: &observations[..pending], left: 9, epochs: 9, redraws: 0 };
            space.check(&strategy.ask(&view, &mut draw::stream(1, 0))).unwrap();
            assert!(strategy.pool(&view) >= 1);
            for pool in 1..20 {
                let chosen = strategy.choose(&view, &observations[..pool], &mut draw::stream(1, 1));
                assert!(chosen < pool, "{name} chose {chosen} of {pool}");
            }
        }
    }
}

#[test]
fn strategies_that_learn_beat_random() {
    let goals = goals();
    let volume = |name: &str, seed| hypervolume(&feasible_losses(&run(name, seed, &goals), &goals), &[-0.8, 0.12]);
    let mean = |name: &str| (0..WORLDS).map(|seed| volume(name, seed)).sum::<f64>() / WORLDS as f64;
    let random = mean("random");
    for name in names().filter(|name| learns(name)) {
        assert!(mean(name) > random, "{name}: {} against {random}", mean(name));
    }
}

#[test]
fn paused_trainings_go_on_as_far_as_a_whole_one() {
    for name in names().filter(|name| pauses(name)) {
        let trials = run(name, 3, &goals());
        let of = |epochs: u64| trials.iter().filter(|trial| trial.fidelity.epochs == Some(epochs)).count();
        assert!(of(1) > of(3) && of(3) >= of(EPOCHS) && of(EPOCHS) > 0, "{name}: {} {} {}", of(1), of(3), of(EPOCHS));
        for trial in &trials {
            let Some(earlier) = trial.fidelity.continues.map(|earlier| &trials[earlier as usize]) else { continue };
            assert_eq!((&earlier.genotype, earlier.digest), (&trial.genotype, trial.digest), "{name}");
            assert!(earlier.fidelity.epochs < trial.fidelity.epochs, "{name}");
        }
    }
}

#[test]
fn one_objective_is_enough() {
    let goals = Goals::new(vec![Objective::of(Accuracy)], vec![Constraint::at_most(LatencyMs, 0.06)]).unwrap();
    let best = |name: &str, seed| {
        let losses = feasible_losses(&run(name, seed, &goals), &goals);
        losses.into_iter().map(|loss| -loss[0]).fold(0.0, f64::max)
    };
    let mean = |name: &str| (0..WORLDS).map(|seed| best(name, seed)).sum::<f64>() / WORLDS as f64;
    let random = mean("random");
    for name in names().filter(|name| learns(name)) {
        assert!(mean(name) > random, "{name}: {} against {random}", mean(name));
    }
}

#[test]
fn rare_feasible_networks_are_found() {
    let goals = Goals::new(objectives(), vec![Constraint::at_most(LatencyMs, 0.035)]).unwrap();
    let begun = |trial: &&Trial| trial.fidelity.continues.is_none();
    let count = |name: &str| run_in("mbconv", name, 5, &goals).iter().filter(begun).count();
    let random = count("random");
    assert!(random < TRIALS as usize / 2, "too easy: random finds {random}");
    for name in names().filter(|name| learns(name)) {
        assert!(count(name) > random, "{name} finds {} and random {random}", count(name));
    }
}

#[test]
fn complete_settings_are_taken_as_they_are() {
    for name in names() {
        let settings = resolved(&StrategySettings { trials: 7, ..StrategySettings::named(name) }).unwrap();
        assert_eq!((settings.name.as_str(), settings.trials), (name, 7));
        assert_eq!(resolved(&settings), Ok(settings));
    }
    let stated = StrategySettings { sample: Some(2), ..StrategySettings::named("evolution") };
    assert_eq!(resolved(&stated).unwrap().sample, Some(2));
}

#[test]
fn wrong_settings_are_errors_that_name_the_key() {
    let check = |toml: &str, part: &str| {
        let settings: StrategySettings = toml::from_str(toml).unwrap();
        let error = build(&settings).err().expect(toml).to_string();
        assert!(error.contains(part), "{error}");
    };
    check("name = 'nsga'", "random, grid, evolution, nsga2");
    check("name = 'tpe'\nsample = 3", "`sample`");
    check("name = 'tpe'\ninitial = 0", "between 1 and");
    check("name = 'reinforce'\nlearning_rate = 0.0", "above 0");
    check("name = 'random'\npopulation = 5", "`population`");
    check("name = 'nsga2'\npopulation = 1", "between 2 and");
    check("name = 'evolution'\npopulation = 5\nsample = 6", "between 1 and 5");
    assert!(toml::from_str::<StrategySettings>("name = 'random'\ntrial = 1").is_err());
}
