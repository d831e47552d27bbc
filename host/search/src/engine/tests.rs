//! The engine's promises: the order of results does not matter, a record restores a search, constraints stop cheaply.

use std::collections::BTreeSet;

use edgefit_graph::{Graph, Shape};

use super::{EngineSettings, Finish, Next, SearchEngine, SearchError, Step};
use crate::genotype::Genotype;
use crate::goal::{Constraint, Goals, Objective};
use crate::metric::Metric::{Accuracy, LatencyMs, Macs};
use crate::reading::Readings;
use crate::space::{self, PerStage, SpaceSettings, Task};
use crate::strategy::{self, StrategySettings};
use crate::synthetic::Synthetic;
use crate::trial::{Status, Trial};

const EPOCHS: u64 = 9;

const WORLD: Synthetic = Synthetic { seed: 3, training_noise: 0.1, prediction_noise: 0.05 };

fn engine_for(settings: &SpaceSettings, strategy: &str, constraints: Vec<Constraint>) -> SearchEngine {
    let space = space::build(settings, &Task { input: Shape::new([1, 8, 8]), classes: 10 }).unwrap();
    let strategy = strategy::build(&StrategySettings::named(strategy)).unwrap();
    let goals = Goals::new(vec![Objective::of(Accuracy), Objective::of(LatencyMs)], constraints).unwrap();
    SearchEngine::new(space, strategy, goals, EngineSettings { seed: 11, trials: 24, epochs: EPOCHS, in_flight: 4 })
}

fn engine(strategy: &str) -> SearchEngine {
    let constraints = vec![Constraint::at_most(LatencyMs, 0.15), Constraint::at_most(Macs, 600_000.0)];
    engine_for(&SpaceSettings::preset("mbconv"), strategy, constraints)
}

fn predict(graph: &Graph, genotype: &Genotype) -> Result<Readings, SearchError> {
    Ok(WORLD.predict(graph, genotype))
}

/// What training gives; every seventh network fails.
fn train(engine: &SearchEngine, trial: &Trial) -> Result<Readings, String> {
    let graph = engine.space().decode(&trial.genotype).unwrap();
    let share = trial.fidelity.epochs.map_or(1.0, |epochs| epochs as f64 / EPOCHS as f64);
    if trial.number % 7 == 6 { Err("diverged".into()) } else { Ok(WORLD.train_partly(&graph, &trial.genotype, share)) }
}

/// Runs to the end. At each wait, `pick` says which of the trials in training ends first. Returns the record.
fn run(engine: &mut SearchEngine, pick: impl Fn(usize) -> usize) -> Vec<Trial> {
    let mut record: Vec<Trial> = Vec::new();
    loop {
        let Step { stopped, next } = engine.next(predict).unwrap();
        record.extend(stopped);
        match next {
            Next::Train(trial) => record.push(trial),
            Next::Wait(_) => complete_one(engine, &pick),
            Next::Done(_) => break,
        }
    }
    while engine.in_training().next().is_some() {
        complete_one(engine, &pick);
    }
    let settled = |trial: Trial| match trial.status {
        Status::Proposed => engine.trials()[trial.number as usize].clone(),
        _ => trial,
    };
    record.into_iter().map(settled).collect()
}

fn complete_one(engine: &mut SearchEngine, pick: impl Fn(usize) -> usize) {
    let waiting: Vec<Trial> = engine.in_training().cloned().collect();
    let trial = &waiting[pick(waiting.len()) % waiting.len()];
    let result = train(engine, trial);
    engine.complete(trial.number, result).unwrap();
}

/// Compares without printing a thousand trials.
fn assert_same(one: &[Trial], other: &[Trial], what: &str) {
    assert_eq!(one.iter().zip(other).find(|(a, b)| a != b), None, "{what}");
    assert_eq!(one.len(), other.len(), "{what}");
}

#[test]
fn the_order_of_results_does_not_matter() {
    for name in strategy::names() {
        let in_order = run(&mut engine(name), |_| 0);
        assert_same(&in_order, &run(&mut engine(name), |waiting| waiting - 1), name);
        assert_same(&in_order, &run(&mut engine(name), |waiting| waiting / 2), name);
        assert!(in_order.iter().any(|trial| matches!(trial.status, Status::Failed { .. })));
    }
}

#[test]
fn a_search_goes_on_from_any_point_as_if_never_stopped() {
    for name in strategy::names() {
        let mut whole = engine(name);
        let record = run(&mut whole, |_| 0);
        let ends = record.iter().enumerate().filter(|(_, t)| !matches!(t.status, Status::Stopped { .. }));
        for (end, last) in ends.step_by(5) {
            let mut resumed = engine(name);
            resumed.replay(record[..=end].iter().cloned().map(|trial| forget_late(trial, last))).unwrap();
            let mut again = record[..=end].to_vec();
            again.extend(run(&mut resumed, |_| 0));
            assert_same(&again, &record, &format!("{name}, resumed behind trial {}", last.number));
            assert_eq!(resumed.tally(), whole.tally());
        }
    }
}

/// Whatever trial was stored last, and whether of the others all results were there or only those that its draw had used.
#[test]
fn every_prefix_of_a_record_gives_the_next_trial() {
    for name in strategy::names() {
        let record = run(&mut engine(name), |_| 0);
        let ends: Vec<usize> =
            (0..record.len()).filter(|&i| !matches!(record[i].status, Status::Stopped { .. })).collect();
        for (end, next) in ends.iter().zip(&ends[1..]) {
            let last = &record[*end];
            let expected: Vec<Trial> = record[end + 1..=*next].iter().cloned().map(as_proposed).collect();
            for settled in [last.told, Some(last.number)] {
                let prefix = record[..=*end].iter().cloned();
                let stored = prefix.map(|trial| if Some(trial.number) < settled { trial } else { as_proposed(trial) });
                let mut resumed = engine(name);
                resumed.replay(stored).unwrap();
                assert_same(
                    &proposed_next(&mut resumed),
                    &expected,
                    &format!("{name}, resumed behind trial {}", last.number),
                );
            }
        }
    }
}

/// What is drawn until the next trial, which may have to wait for results.
fn proposed_next(engine: &mut SearchEngine) -> Vec<Trial> {
    loop {
        let Step { mut stopped, next } = engine.next(predict).unwrap();
        match next {
            Next::Train(trial) => {
                stopped.push(trial);
                return stopped;
            }
            Next::Wait(_) => complete_one(engine, |_| 0),
            Next::Done(finish) => panic!("it is over: {finish:?}"),
        }
    }
}

/// The trial as the store has it while its result is not there.
fn as_proposed(trial: Trial) -> Trial {
    match trial.status {
        Status::Stopped { .. } => trial,
        _ => Trial { results: Readings::new(), status: Status::Proposed, ..trial },
    }
}

/// The trial as the store has it when the search was interrupted: the last ones have no result yet.
fn forget_late(trial: Trial, last: &Trial) -> Trial {
    if Some(trial.number) < last.told { trial } else { as_proposed(trial) }
}

#[test]
fn a_record_survives_serialization() {
    let record = run(&mut engine("nsga2"), |_| 0);
    let text = serde_json::to_string(&record).unwrap();
    assert_same(&serde_json::from_str::<Vec<Trial>>(&text).unwrap(), &record, "as JSON");
}

#[test]
fn a_record_of_another_search_is_refused() {
    let record = run(&mut engine("random"), |_| 0);
    let error = engine("random").replay(record[1..].iter().rev().cloned()).unwrap_err();
    assert!(matches!(error, SearchError::Record { .. }), "{error}");
    let mut chain = engine_for(&SpaceSettings::preset("chain"), "random", vec![]);
    assert!(matches!(chain.replay(record), Err(SearchError::Space(_))));
}

#[test]
fn nothing_is_trained_that_misses_a_bound_or_was_seen() {
    let mut engine = engine("random");
    let record = run(&mut engine, |_| 0);
    let genotypes: BTreeSet<_> = record.iter().map(|trial| &trial.genotype).collect();
    assert_eq!(genotypes.len(), record.len());
    let digests: BTreeSet<_> = record.iter().filter_map(|trial| trial.digest).collect();
    assert_eq!(digests.len(), engine.trials().len());
    for trial in &record {
        let is_stopped = matches!(trial.status, Status::Stopped { .. });
        assert_eq!(engine.goals().violation(&trial.known) > 0.0, is_stopped, "{trial:?}");
    }
    let stopped = record.iter().filter(|trial| matches!(trial.status, Status::Stopped { .. })).count() as u64;
    assert_eq!(engine.tally().stopped.values().sum::<u64>(), stopped);
    assert_eq!(engine.tally().stopped.len(), 2, "both bounds stop some: {:?}", engine.tally());
    assert_eq!(engine.tally().proposed, 24);
}

#[test]
fn a_predictor_is_asked_only_after_the_cheap_bounds() {
    let mut engine = engine("random");
    loop {
        let step = engine.next(|graph: &Graph, genotype: &Genotype| {
            assert!(graph.cost().macs <= 600_000);
            predict(graph, genotype)
        });
        match step.unwrap().next {
            Next::Train(trial) => drop(engine.complete(trial.number, Err("not now".into())).unwrap()),
            Next::Wait(number) => panic!("waits for trial {number}, which is settled"),
            Next::Done(finish) => break assert_eq!(finish, Finish::Budget),
        }
    }
}

#[test]
fn an_impossible_bound_names_what_stopped_most() {
    for name in strategy::names() {
        let bound = vec![Constraint::at_most(LatencyMs, 0.001)];
        let mut engine = engine_for(&SpaceSettings::preset("mbconv"), name, bound);
        let step = engine.next(predict).unwrap();
        let Next::Done(Finish::NoFeasible { by, stopped, closest }) = step.next else { panic!("{:?}", step.next) };
        assert_eq!((by, stopped), (LatencyMs, step.stopped.len() as u64));
        assert!(closest > 1.0 && closest.is_finite(), "{closest}");
        assert!(stopped <= 200 * 24, "{stopped}");
    }
}

#[test]
fn a_small_space_ends_when_all_of_it_is_tried() {
    let tiny = SpaceSettings {
        stages: Some(1),
        widths: Some(PerStage::All(vec![8])),
        kernels: Some(vec![3]),
        ..SpaceSettings::preset("chain")
    };
    for name in strategy::names() {
        let mut engine = engine_for(&tiny, name, vec![]);
        let record = run(&mut engine, |_| 0);
        assert_eq!(record.iter().filter(|trial| trial.fidelity.continues.is_none()).count(), 6, "{name}");
        assert_eq!(engine.next(predict).unwrap().next, Next::Done(Finish::Exhausted));
    }
}

#[test]
fn only_trials_in_training_are_completed() {
    let mut engine = engine("random");
    let Next::Train(trial) = engine.next(predict).unwrap().next else { panic!("nothing to train") };
    assert_eq!(trial.number, 0);
    assert!(engine.complete(0, Ok(Readings::new())).is_ok());
    assert_eq!(engine.complete(0, Ok(Readings::new())).err(), Some(SearchError::NotInTraining(0)));
    assert_eq!(engine.complete(1, Ok(Readings::new())).err(), Some(SearchError::NotInTraining(1)));
}
