//! Real trainings on the bundled digits: what they reach, that they repeat, and how they end.

#[path = "../benches/networks/mod.rs"]
#[expect(dead_code, reason = "the benchmark uses the rest of its networks")]
mod networks;

use std::ops::ControlFlow;

use edgefit_graph::Graph;
use edgefit_train::data::{Dataset, Samples, Source, Splits, format};
use edgefit_train::{
    Aim, EpochReport, Event, Operations, Optimizer, Recipe, Schedule, Stretch, TrainError, TrainOutcome, assess,
    evaluate, train, train_stretch, train_with,
};

fn digits(seed: u64) -> Dataset {
    let format = format("digits").expect("the digits are bundled");
    Dataset::load(format, &Source::default(), &Splits::default(), seed).expect("the bundled set is whole")
}

fn network(name: &str) -> Graph {
    let cases = networks::cases().expect("the graphs are right");
    cases.into_iter().find(|c| c.name == name).expect("the benchmark has this network").graph
}

fn quick() -> Recipe {
    Recipe { epochs: 2, ..Recipe::default() }
}

fn run(graph: &Graph, data: &Dataset, recipe: &Recipe) -> Result<TrainOutcome, TrainError> {
    train(graph, data, recipe, 1, &mut |_| ControlFlow::Continue(()))
}

#[test]
fn digits_are_learned() {
    let (data, graph) = (digits(1), network("mbconv-8x8x1"));
    for optimizer in [Optimizer::Adamw, Optimizer::Sgd] {
        let learning_rate = if optimizer == Optimizer::Sgd { 0.3 } else { 0.02 };
        let recipe = Recipe { epochs: 8, optimizer, learning_rate, ..Recipe::default() };
        let outcome = run(&graph, &data, &recipe).unwrap();
        let test = evaluate(&graph, &outcome.weights, &data.test, &data.normalization).unwrap();
        assert!(test.accuracy > 0.96, "{optimizer:?} reached {}", test.accuracy);
        assert_eq!(outcome.epochs.len(), 8);
        assert!(outcome.epochs[7].train_loss < outcome.epochs[0].train_loss / 2.0);
    }
}

#[test]
fn other_aims_are_shares_and_attacks_hurt_more_the_longer_they_are() {
    let (data, graph) = (digits(1), network("mbconv-8x8x1"));
    let outcome = run(&graph, &data, &Recipe { epochs: 4, ..Recipe::default() }).unwrap();
    let aims = [
        Aim::WorstClassAccuracy,
        Aim::BalancedAccuracy,
        Aim::CorruptedAccuracy,
        Aim::FgsmAccuracy,
        Aim::PgdAccuracy,
        Aim::CalibrationError,
    ];
    let values = assess(&graph, &outcome.weights, &data.validation, &data.normalization, &aims).unwrap();
    assert!(values.iter().all(|x| (0.0..=1.0).contains(x)), "{values:?}");
    let [worst, balanced, corrupted, fgsm, pgd, _] = values[..] else { panic!("{values:?}") };
    let accuracy = outcome.validation_accuracy.unwrap();
    assert!(worst <= balanced && corrupted < accuracy, "{values:?} beside an accuracy of {accuracy}");
    assert!(fgsm < accuracy - 0.01 && pgd <= fgsm, "{values:?} beside an accuracy of {accuracy}");
}

#[test]
fn every_setting_of_the_recipe_still_learns() {
    let (data, graph) = (digits(1), network("mbconv-8x8x1"));
    let plain = Recipe { epochs: 5, ..Recipe::default() };
    for (name, recipe) in [
        ("one cycle", Recipe { schedule: Schedule::OneCycle, ..plain.clone() }),
        ("class weights", Recipe { class_weights: true, ..plain.clone() }),
        ("mixup", Recipe { mixup: 0.2, ..plain.clone() }),
        ("cutout, noise, color", Recipe { cutout: 2, noise: 0.1, color: 0.1, ..plain.clone() }),
        ("average, clipping", Recipe { average: Some(0.9), clip_norm: Some(1.0), ..plain }),
    ] {
        let accuracy = run(&graph, &data, &recipe).unwrap().validation_accuracy.unwrap();
        assert!(accuracy > 0.9, "{name} reached {accuracy}");
    }
}

#[test]
fn the_outcome_holds_what_the_best_epoch_gave() {
    let (data, graph) = (digits(2), network("mbconv-8x8x1"));
    let recipe = Recipe { average: Some(0.9), ..quick() };
    let outcome = run(&graph, &data, &recipe).unwrap();
    assert_eq!(outcome.weights.mismatch(&graph), None);
    let again = evaluate(&graph, &outcome.weights, &data.validation, &data.normalization).unwrap();
    assert_eq!(Some(again.accuracy), outcome.validation_accuracy);
    assert_eq!(outcome.epochs[outcome.best_epoch - 1].validation_accuracy, outcome.validation_accuracy);
}

#[test]
fn without_validation_images_the_last_epoch_is_kept() {
    let (data, graph) = (digits(2), network("chain-8x8x1"));
    let refit = data.refit();
    assert_eq!(refit.train.len(), data.train.len() + data.validation.len());
    let numbers = |samples: &Samples, index| samples.channels_first(index).collect::<Vec<f32>>();
    assert_eq!(numbers(&refit.train, data.train.len()), numbers(&data.validation, 0));
    assert_eq!(refit.train.labels[data.train.len()], data.validation.labels[0]);
    let recipe = Recipe { patience: Some(1), ..quick() };
    let outcome = run(&graph, &refit, &recipe).unwrap();
    assert_eq!((outcome.best_epoch, outcome.validation_accuracy), (recipe.epochs, None));
    assert!(outcome.epochs.iter().all(|epoch| epoch.validation_loss.is_none()));
}

#[test]
fn the_same_seed_gives_the_same_bits_on_idle_processors_and_beside_other_trainings() {
    let (data, graph) = (digits(1), network("mbconv-8x8x1"));
    // Large batches are trained on idle processors too, in parts.
    let recipe = Recipe { batch: 256, ..quick() };
    let processors = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let alone = run(&graph, &data, &recipe).unwrap();
    let together: Vec<_> = std::thread::scope(|scope| {
        let jobs: Vec<_> = (0..=processors).map(|_| scope.spawn(|| run(&graph, &data, &recipe).unwrap())).collect();
        jobs.into_iter().map(|job| job.join().unwrap()).collect()
    });
    assert!(together.iter().all(|t| *t == alone));
    let other = train(&graph, &data, &recipe, 2, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_ne!(other.weights, alone.weights);
}

#[test]
fn a_training_goes_on_as_if_it_had_not_paused() {
    let (data, graph) = (digits(1), network("mbconv-8x8x1"));
    for (optimizer, average) in [(Optimizer::Adamw, Some(0.9)), (Optimizer::Sgd, None)] {
        let recipe = Recipe { epochs: 4, optimizer, average, ..Recipe::default() };
        let whole = run(&graph, &data, &recipe).unwrap();
        let mut paused: Option<Vec<u8>> = None;
        for until in [1, 3, 4] {
            let stretch = Stretch { weights: None, from: paused.as_deref(), until, ends: None };
            let (part, state) =
                train_stretch(&graph, &data, &recipe, 1, stretch, &mut |_| ControlFlow::Continue(())).unwrap();
            assert_eq!(part.epochs, whole.epochs[..until], "{optimizer:?}");
            assert_eq!(part == whole, until == 4, "{optimizer:?} until {until}");
            paused = Some(state);
        }
    }
}

#[test]
fn a_training_ends_where_it_is_told_to_and_is_the_same_until_there() {
    let (data, graph) = (digits(1), network("chain-8x8x1"));
    let recipe = Recipe { epochs: 4, ..Recipe::default() };
    let whole = run(&graph, &data, &recipe).unwrap();
    let ends = |epochs: &[EpochReport]| epochs.len() == 2;
    let stretch = Stretch { weights: None, from: None, until: 4, ends: Some(&ends) };
    let (part, _) = train_stretch(&graph, &data, &recipe, 1, stretch, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(part.epochs, whole.epochs[..2]);
}

#[test]
fn only_the_same_training_goes_on() {
    let (data, graph) = (digits(1), network("chain-8x8x1"));
    let stretch = |from, until| Stretch { weights: None, from, until, ends: None };
    let go =
        |graph: &Graph, stretch| train_stretch(graph, &data, &quick(), 1, stretch, &mut |_| ControlFlow::Continue(()));
    let (_, state) = go(&graph, stretch(None, 1)).unwrap();
    let other = go(&network("mbconv-8x8x1"), stretch(Some(&state), 2)).unwrap_err();
    assert!(other.to_string().contains("another network"), "{other}");
    assert!(matches!(go(&graph, stretch(Some(&state[..99]), 2)), Err(TrainError::Paused(_))));
}

#[test]
fn burn_operations_train_alike() {
    let (data, graph) = (digits(1), network("mbconv-8x8x1"));
    for optimizer in [Optimizer::Adamw, Optimizer::Sgd] {
        let recipe = Recipe {
            epochs: 1,
            batch: 128,
            optimizer,
            learning_rate: 0.004,
            clip_norm: Some(1.0),
            ..Recipe::default()
        };
        let with = |operations| train_with(&graph, &data, &recipe, 1, operations, &mut |_| ControlFlow::Continue(()));
        let (kernels, burn) = (with(Operations::Kernels).unwrap(), with(Operations::Burn).unwrap());
        let difference = (kernels.epochs[0].train_loss - burn.epochs[0].train_loss).abs();
        assert!(difference < 1e-3, "{optimizer:?}: the losses differ by {difference}");
    }
}

#[test]
fn divergence_is_an_error_that_says_where() {
    let recipe = Recipe { optimizer: Optimizer::Sgd, learning_rate: 1e30, ..quick() };
    let error = run(&network("chain-8x8x1"), &digits(1), &recipe).unwrap_err();
    assert!(matches!(error, TrainError::Diverged { epoch: 1, .. }), "{error:?}");
}

#[test]
fn the_observer_sees_every_step_and_can_end_it() {
    let (data, graph) = (digits(1), network("chain-8x8x1"));
    let (mut steps, mut epochs) = (0, 0);
    train(&graph, &data, &quick(), 1, &mut |event| {
        match event {
            Event::Step { .. } => steps += 1,
            Event::Epoch(_) => epochs += 1,
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!((steps, epochs), (2 * (data.train.len() / 32), 2));
    let mut left = 3;
    let result = train(&graph, &data, &quick(), 1, &mut |_| {
        left -= 1;
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(result, Err(TrainError::Cancelled { epoch: 1 }));
}

#[test]
fn training_ends_without_progress() {
    let recipe = Recipe { epochs: 50, learning_rate: 1e-12, patience: Some(2), ..Recipe::default() };
    let outcome = run(&network("chain-8x8x1"), &digits(1), &recipe).unwrap();
    assert!(outcome.epochs.len() < 50);
    assert_eq!(outcome.epochs.len(), outcome.best_epoch + 2);
}

#[test]
fn a_network_for_other_images_is_refused() {
    let error = run(&network("chain-28x28x1"), &digits(1), &quick()).unwrap_err().to_string();
    assert!(error.contains("1x28x28") && error.contains("1x8x8"), "{error}");
    let error = run(&network("chain-8x8x1"), &digits(1), &Recipe { epochs: 0, ..quick() }).unwrap_err().to_string();
    assert!(error.contains("epochs"), "{error}");
}
