//! What is expected of networks, and how well the intervals hold, on values that follow from a rule and noise.

use rand::RngExt;

use super::{Evidence, LEAST_KNOWN, Surrogate};
use crate::draw;

/// Networks of six numbers and a hint, and a value that follows from one of them, and noise.
fn networks(count: usize, seed: u64, value: impl Fn(&Evidence) -> f64) -> Vec<(Evidence, f64)> {
    let rng = &mut draw::stream(seed, 0);
    let mut network = || {
        let encoding: Vec<f32> = (0..6).map(|_| rng.random::<f32>()).collect();
        let evidence = Evidence { encoding, hints: vec![Some(rng.random::<f64>().exp2())], course: Vec::new() };
        let noise = 0.05 * (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 0.3;
        let value = value(&evidence) + noise;
        (evidence, value)
    };
    (0..count).map(|_| network()).collect()
}

fn mean_error(known: &[(Evidence, f64)], fresh: &[(Evidence, f64)]) -> f64 {
    let surrogate = Surrogate::fit(known).unwrap();
    let evidence: Vec<Evidence> = fresh.iter().map(|(evidence, _)| evidence.clone()).collect();
    let errors = surrogate.predict(&evidence).into_iter().zip(fresh).map(|(e, (_, value))| (e.value - value).abs());
    errors.sum::<f64>() / fresh.len() as f64
}

#[test]
fn learns_from_whichever_evidence_tells() {
    let by_encoding = |evidence: &Evidence| f64::from(evidence.encoding[0] + evidence.encoding[3]);
    let by_hint = |evidence: &Evidence| 2.0 * evidence.hints[0].unwrap_or(0.0).ln();
    let all: [&dyn Fn(&Evidence) -> f64; 2] = [&by_encoding, &by_hint];
    for rule in all {
        let error = mean_error(&networks(40, 1, rule), &networks(200, 2, rule));
        assert!(error < 0.09, "{error}");
    }
}

#[test]
fn the_course_of_a_training_counts_more_than_what_tells_nothing() {
    let with_course = |seed| {
        let mut all = networks(30, seed, |_| 0.0);
        for (evidence, value) in &mut all {
            let reached = f64::from(evidence.encoding[5]);
            (evidence.course, *value) = (vec![reached], *value * 0.3 + 2.0 * reached);
            evidence.encoding = vec![evidence.encoding[0]; 4];
        }
        all
    };
    let error = mean_error(&with_course(3), &with_course(4));
    assert!(error < 0.06, "{error}");
}

#[test]
fn intervals_hold_as_often_as_they_say_and_probabilities_agree() {
    let rule = |evidence: &Evidence| f64::from(evidence.encoding[1]);
    let (mut held, mut above, mut promised, mut all) = (0.0, 0.0, 0.0, 0.0);
    for seed in 0..20 {
        let surrogate = Surrogate::fit(&networks(30, 10 + seed, rule)).unwrap();
        let fresh = networks(50, 100 + seed, rule);
        let evidence: Vec<Evidence> = fresh.iter().map(|(evidence, _)| evidence.clone()).collect();
        for (expected, (_, value)) in surrogate.predict(&evidence).iter().zip(&fresh) {
            let (low, high) = surrogate.interval(expected, 0.9);
            held += f64::from(u8::from((low..=high).contains(value)));
            above += f64::from(u8::from(*value >= 0.6));
            promised += surrogate.reaches(expected, 0.6);
            all += 1.0;
        }
    }
    assert!((0.85..0.96).contains(&(held / all)), "{}", held / all);
    assert!((above - promised).abs() / all < 0.06, "{above} {promised} of {all}");
}

#[test]
fn few_networks_and_equal_ones_teach_nothing() {
    let known = networks(LEAST_KNOWN, 1, |_| 0.0);
    assert!(Surrogate::fit(&known[1..]).is_none());
    let surrogate = Surrogate::fit(&known).unwrap();
    assert_eq!(surrogate.known(), LEAST_KNOWN);
    let (low, high) = surrogate.interval(&surrogate.predict(&[known[0].0.clone()])[0], 0.9);
    assert!(low.is_finite() && high.is_finite() && low < high);
    let same: Vec<(Evidence, f64)> = (0..20).map(|_| (Evidence::default(), 0.5)).collect();
    assert!(Surrogate::fit(&same).is_none());
    let missing = Evidence { hints: vec![None], ..known[0].0.clone() };
    assert!(surrogate.predict(&[missing])[0].value.is_finite());
}
