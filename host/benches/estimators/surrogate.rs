//! What surrogates of accuracy are worth: fitted to some of the fully trained networks, and asked about the others.
//!
//! Leaving one out would not do: what is left has a mean that falls as the one rises. So the networks are split many times, and tau is
//! that within the ones held out.

use std::time::Instant;

use edgefit_search::draw;
use edgefit_search::rank::kendall;
use edgefit_search::surrogate::{Evidence, Expected, Surrogate};
use rand::seq::SliceRandom;

use super::{NETWORKS, Table, World};

/// Networks that a surrogate is fitted to; the others are held out.
const FITTED: usize = 20;

/// Times that the networks are split.
const SPLITS: u64 = 50;

impl World {
    /// From encodings, from scores of proxies too, and from what the first quarter of the training came to.
    pub(super) fn surrogates(
        &self,
        table: &Table,
        curves: &[Vec<f64>],
        scores: &[Vec<Option<f64>>],
        full_seconds: f64,
    ) {
        let quarter = self.epochs / 4;
        let evidence = |has_hints: bool, has_course: bool| -> Vec<Evidence> {
            let of_one = |at: usize| Evidence {
                encoding: self.space.encode(&self.genotypes[at]),
                hints: if has_hints { scores.iter().map(|of_proxy| of_proxy[at]).collect() } else { Vec::new() },
                course: if has_course { vec![curves[at][quarter.max(1) - 1]] } else { Vec::new() },
            };
            (0..NETWORKS).map(of_one).collect()
        };
        let taught = full_seconds * FITTED as f64 / NETWORKS as f64;
        let begun_seconds = (full_seconds - taught) * quarter as f64 / self.epochs as f64;
        for (name, has_hints, has_course) in [
            ("encoding".to_owned(), false, false),
            ("encoding and proxies".to_owned(), true, false),
            (format!("these and {quarter} epochs"), true, true),
        ] {
            let begun = Instant::now();
            let found = self.splits(table, &evidence(has_hints, has_course));
            let seconds = begun.elapsed().as_secs_f64() / SPLITS as f64;
            let seconds = seconds + taught + if has_course { begun_seconds } else { 0.0 };
            println!("{:38} {:6.3} {seconds:9.1}", format!("surrogate: {name}"), found.tau);
            println!(
                "  fitted to {FITTED}, of the others {:.0} % within their 90 % interval; mean error {:.2} points, of the mean {:.2}",
                100.0 * found.held,
                100.0 * found.error,
                100.0 * found.error_of_mean
            );
        }
    }

    fn splits(&self, table: &Table, evidence: &[Evidence]) -> Found {
        let mut sum = Found::default();
        for split in 0..SPLITS {
            let mut order: Vec<usize> = (0..NETWORKS).collect();
            order.shuffle(&mut draw::stream(self.seed, split));
            let (fitted, others) = order.split_at(FITTED);
            let known: Vec<(Evidence, f64)> = fitted.iter().map(|&at| (evidence[at].clone(), table.full[at])).collect();
            let Some(surrogate) = Surrogate::fit(&known) else { continue };
            let asked: Vec<Evidence> = others.iter().map(|&at| evidence[at].clone()).collect();
            let truth: Vec<f64> = others.iter().map(|&at| table.full[at]).collect();
            let expected = surrogate.predict(&asked);
            let values: Vec<f64> = expected.iter().map(|expected| expected.value).collect();
            let holds = |expected: &Expected, truth: f64| {
                let (low, high) = surrogate.interval(expected, 0.9);
                (low..=high).contains(&truth)
            };
            let mean = known.iter().map(|(_, accuracy)| accuracy).sum::<f64>() / FITTED as f64;
            let count = others.len() as f64;
            sum.tau += kendall(&values, &truth);
            sum.held +=
                expected.iter().zip(&truth).filter(|(expected, truth)| holds(expected, **truth)).count() as f64 / count;
            sum.error += values.iter().zip(&truth).map(|(value, truth)| (value - truth).abs()).sum::<f64>() / count;
            sum.error_of_mean += truth.iter().map(|truth| (mean - truth).abs()).sum::<f64>() / count;
        }
        let share = |total: f64| total / SPLITS as f64;
        Found {
            tau: share(sum.tau),
            held: share(sum.held),
            error: share(sum.error),
            error_of_mean: share(sum.error_of_mean),
        }
    }
}

/// How well those held out were predicted, on average over the splits.
#[derive(Default)]
struct Found {
    tau: f64,
    /// Share of them within their interval.
    held: f64,
    /// Mean absolute error.
    error: f64,
    /// The same of predicting the mean of the fitted ones.
    error_of_mean: f64,
}
