//! Made-up learning curves: whether what is said of them with a probability comes true as often, and what a network needs.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{Prediction, is_quarter, needed, predict};
use crate::draw;
use crate::genotype::Genotype;
use crate::goal::{Constraint, Goals, Objective};
use crate::metric::Metric::{Accuracy, LatencyMs, MacroF1};
use crate::reading::{Readings, Value};
use crate::trial::{Fidelity, Status, Trial};

const EPOCHS: usize = 20;

fn uniform(rng: &mut ChaCha8Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * f64::from(rng.next_u32()) / f64::from(u32::MAX)
}

/// The sum of twelve uniform numbers: nearly normal.
fn noise(rng: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| uniform(rng, -0.5, 0.5)).sum()
}

/// A network of a space: a power law of its own, noise, and the lift that a falling learning rate gives the last epochs, which is in
/// none of the ensemble's families.
fn curve(rng: &mut ChaCha8Rng) -> Vec<f64> {
    let (end, speed, lift) = (uniform(rng, 0.5, 0.9), uniform(rng, 0.3, 1.2), uniform(rng, 0.02, 0.08));
    let at = |epoch: usize, rng: &mut ChaCha8Rng| {
        let share = epoch as f64 / EPOCHS as f64;
        end - 0.5 * (epoch as f64).powf(-speed) + lift * share.powi(3) + 0.01 * noise(rng)
    };
    (1..=EPOCHS).map(|epoch| at(epoch, rng).clamp(0.0, 1.0)).collect()
}

fn best(curve: &[f64]) -> f64 {
    curve.iter().copied().fold(0.0, f64::max)
}

/// Predictions for made-up trainings after some epochs, from as many that ended, and what they came to.
fn predictions(seen: usize, finished: usize) -> Vec<(Prediction, f64)> {
    let rng = &mut draw::stream(7, 0);
    let mut all = Vec::new();
    for _ in 0..200 {
        let ended: Vec<Vec<f64>> = (0..finished).map(|_| curve(rng)).collect();
        for _ in 0..5 {
            let whole = curve(rng);
            all.push((predict(&whole[..seen], &ended).unwrap(), best(&whole)));
        }
    }
    all
}

#[test]
fn probabilities_come_true_as_often_as_they_say() {
    for (seen, finished) in [(5, 5), (5, 20), (10, 10), (15, 10)] {
        let found = predictions(seen, finished);
        let rng = &mut draw::stream(8, 0);
        // Accuracies that others may have reached, and how often those that were said to reach them did.
        let said: Vec<(f64, bool)> = found
            .iter()
            .flat_map(|(prediction, end)| {
                let wanted: Vec<f64> = (0..20).map(|_| prediction.mean + uniform(rng, -0.2, 0.2)).collect();
                wanted.into_iter().map(|value| (prediction.reaches(value), *end >= value))
            })
            .collect();
        for bin in 0..5 {
            let (low, high) = (f64::from(bin) * 0.2, f64::from(bin + 1) * 0.2);
            let of_bin: Vec<&(f64, bool)> = said.iter().filter(|(share, _)| (low..high).contains(share)).collect();
            let count = of_bin.len() as f64;
            let stated = of_bin.iter().map(|(share, _)| share).sum::<f64>() / count;
            let true_share = of_bin.iter().filter(|(_, came_true)| *came_true).count() as f64 / count;
            assert!((stated - true_share).abs() < 0.06, "{seen}, {finished}: {stated} came true {true_share}");
        }
    }
}

#[test]
fn little_hope_is_rarely_wrong_and_intervals_hold_what_they_say() {
    for (seen, finished) in [(5, 5), (10, 10)] {
        let found = predictions(seen, finished);
        let hopeless = |value: &f64| found.iter().filter(|(p, _)| p.reaches(*value) < 0.05).count();
        let wrong = |value: &f64| found.iter().filter(|(p, end)| p.reaches(*value) < 0.05 && end >= value).count();
        let values = [0.7, 0.8, 0.9];
        let (given_up, in_vain): (usize, usize) = (values.iter().map(hopeless).sum(), values.iter().map(wrong).sum());
        assert!(given_up > 300, "{seen}: only {given_up} were given up");
        assert!((in_vain as f64) < 0.05 * given_up as f64, "{seen}: {in_vain} of {given_up}");
        let held = found.iter().filter(|(p, end)| (p.interval(0.9).0..=p.interval(0.9).1).contains(end)).count();
        let share = held as f64 / found.len() as f64;
        assert!((0.85..0.96).contains(&share), "{seen}: intervals of 90 % held {share}");
    }
}

#[test]
fn more_epochs_and_more_trainings_say_more() {
    let width = |seen, finished| {
        let found = predictions(seen, finished);
        let widths = found.iter().map(|(p, _)| p.interval(0.9).1 - p.interval(0.9).0);
        widths.sum::<f64>() / found.len() as f64
    };
    assert!(width(15, 10) < width(5, 10));
    assert!(width(10, 20) < width(10, 5));
}

#[test]
fn what_is_not_known_is_not_guessed() {
    let rng = &mut draw::stream(1, 0);
    let ended: Vec<Vec<f64>> = (0..4).map(|_| curve(rng)).collect();
    let whole = curve(rng);
    assert!(predict(&whole[..4], &ended).is_some());
    assert_eq!(predict(&whole[..3], &ended), None, "too few epochs");
    assert_eq!(predict(&whole[..4], &ended[..3]), None, "too few trainings");
    assert_eq!(predict(&whole, &ended), None, "nothing is left to predict");
    assert_eq!(predict(&[0.1, f64::NAN, 0.2, 0.3], &ended), None);
    let cut: Vec<Vec<f64>> = ended.iter().map(|curve| curve[..8].to_vec()).chain([ended[0].clone()]).collect();
    assert_eq!(predict(&whole[..4], &cut), None, "those that were stopped did not end");
}

#[test]
fn it_is_asked_three_times() {
    let asked = |epochs: usize| (1..=epochs).filter(|epoch| is_quarter(*epoch, epochs)).collect::<Vec<_>>();
    assert_eq!(asked(20), [5, 10, 15]);
    assert_eq!(asked(18), [5, 9, 14]);
    assert_eq!(asked(8), [4, 6]);
    assert_eq!(asked(4), [0usize; 0]);
}

fn trial(accuracy: f64, latency_ms: f64) -> Trial {
    let known = Readings::new().with(LatencyMs, Value::predicted(latency_ms, None, "table"));
    Trial {
        number: 0,
        draw: 0,
        genotype: Genotype::new([0]),
        digest: None,
        duplicates: 0,
        known,
        results: Readings::new().with(Accuracy, Value::measured(accuracy, None, "validation")),
        status: Status::Trained,
        fidelity: Fidelity::default(),
        told: None,
    }
}

#[test]
fn what_is_needed_is_the_best_or_the_front_at_its_latency() {
    let others = [trial(0.7, 1.0), trial(0.8, 2.0), trial(0.9, 3.0)];
    let known = Readings::new().with(LatencyMs, Value::predicted(2.5, None, "table"));
    let goals = |metrics: &[crate::Metric], constraints| {
        Goals::new(metrics.iter().map(|metric| Objective::of(*metric)).collect(), constraints).unwrap()
    };
    let check = |goals: Goals, expected: f64| {
        let found = needed(&goals, &known, others.iter());
        assert!((found - expected).abs() < 1e-6, "{goals:?}: {found}");
    };
    check(goals(&[Accuracy], vec![]), 0.9);
    check(goals(&[Accuracy, LatencyMs], vec![]), 0.8);
    check(goals(&[Accuracy], vec![Constraint::at_most(LatencyMs, 2.0)]), 1.0);
    check(goals(&[Accuracy, LatencyMs], vec![Constraint::at_least(Accuracy, 0.85)]), 0.85);
    // What is not known before the training may be better than that of any other.
    check(goals(&[Accuracy, MacroF1], vec![]), 0.0);
}
