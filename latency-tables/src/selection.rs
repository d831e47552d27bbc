//! Chooses the predictor that guides, by cross-validation on whole networks that were held out.
//!
//! Each predictor is fitted to all but one fold and predicts that fold. Of those whose loss is not clearly above the least, the one
//! to trust most is fitted to all samples: with few networks the least loss is often luck (the rule of one standard error:
//! Breiman et al., Classification and Regression Trees, 1984, section 3.4.3, here on paired losses). The figures of the others are
//! kept beside it.

use crate::evaluation::{Scores, largest_error, loss, losses};
use crate::interval::{CONFIDENCE, Conformal, HeldOut};
use crate::predictor::{MIN_NETWORKS, Model, PREDICTORS, Predictor, Transferred, fit, whole};
use crate::sample::NetworkSample;
use crate::statistics::mean;

/// Most folds; with fewer samples than that, each is its own fold.
const FOLDS: usize = 10;
/// With more samples than this, fewer folds do: what they leave out hardly matters to the fit.
const MANY_SAMPLES: usize = 200;
const FOLDS_OF_MANY: usize = 4;
/// A mean loss is clearly above the least when it is by more than `1 + 10 / n` standard errors of the paired difference over `n`
/// networks: two at ten networks, where the standard error itself is luck, and one at many.
const DOUBTED_NETWORKS: f64 = 10.0;
/// And by more than this share of it: two predictors that nearly agree differ for sure, but not by anything that matters.
const MATTERS: f64 = 0.1;

/// A predictor with its cross-validated figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The predictor's name.
    pub predictor: &'static str,
    /// Its figures on held-out networks.
    pub scores: Scores,
    /// What is to be small: the root mean square of relative errors, each counted up to 25 %, or more where all predictors are far off.
    pub loss: f64,
}

/// The chosen predictor, fitted, and what it was chosen against.
#[derive(Debug)]
pub struct Selection {
    /// Every predictor that applies, in their listed order.
    pub candidates: Vec<Candidate>,
    /// Index of the chosen one.
    pub chosen: usize,
    pub(crate) model: Box<dyn Model>,
    pub(crate) conformal: Conformal,
}

impl Selection {
    /// Cross-validates and fits the listed predictors and the one that starts from another table, where there is one, which is then
    /// the most trusted; `None` with fewer than [`MIN_NETWORKS`] + 1 samples.
    pub(crate) fn of(samples: &[&NetworkSample], transferred: Option<&Transferred>) -> Option<Self> {
        if samples.len() <= MIN_NETWORKS {
            return None;
        }
        let transferred = transferred.map(|predictor| predictor as &dyn Predictor);
        let all = PREDICTORS.into_iter().map(|predictor| predictor as &dyn Predictor).chain(transferred);
        let predictors: Vec<&dyn Predictor> = all.filter(|predictor| predictor.applies(samples)).collect();
        let held_out: Vec<Vec<HeldOut>> =
            predictors.iter().map(|predictor| held_out_networks(*predictor, samples)).collect();
        let conformal = held_out.iter().map(|held_out| Conformal::new(held_out));
        let largest = largest_error(&held_out);
        let (candidates, mut conformal): (Vec<Candidate>, Vec<Conformal>) = predictors
            .iter()
            .zip(&held_out)
            .zip(conformal)
            .map(|((predictor, held_out), conformal)| (candidate(*predictor, held_out, &conformal, largest), conformal))
            .unzip();
        let chosen = choose(&held_out)?;
        let model = fit(predictors[chosen], samples);
        Some(Self { candidates, chosen, model, conformal: conformal.swap_remove(chosen) })
    }

    /// The chosen predictor's figures.
    pub fn best(&self) -> &Candidate {
        &self.candidates[self.chosen]
    }
}

/// The last predictor whose held-out losses are not clearly above the least.
fn choose(held_out: &[Vec<HeldOut>]) -> Option<usize> {
    let largest = largest_error(held_out);
    let losses: Vec<Vec<f64>> = held_out.iter().map(|held_out| losses(held_out, largest)).collect();
    let best = losses.iter().min_by(|a, b| mean(a).total_cmp(&mean(b)))?;
    losses.iter().rposition(|losses| !is_clearly_above(losses, best))
}

fn is_clearly_above(losses: &[f64], best: &[f64]) -> bool {
    let differences: Vec<f64> = losses.iter().zip(best).map(|(loss, best)| loss - best).collect();
    let above = mean(&differences);
    let squares: Vec<f64> = differences.iter().map(|difference| (difference - above).powi(2)).collect();
    let networks = differences.len() as f64;
    let luck = (1.0 + DOUBTED_NETWORKS / networks) * (mean(&squares) / networks).sqrt();
    above > luck.max(MATTERS * mean(best))
}

fn candidate(predictor: &dyn Predictor, held_out: &[HeldOut], conformal: &Conformal, largest: f64) -> Candidate {
    let scores = Scores::new(held_out, conformal, CONFIDENCE);
    Candidate { predictor: predictor.name(), scores, loss: loss(held_out, largest) }
}

/// Predictions of every sample by a fit that has not seen it, in the order of the samples.
pub(crate) fn held_out(predictor: &dyn Predictor, samples: &[&NetworkSample]) -> Vec<HeldOut> {
    in_folds(predictor, samples, predict)
}

/// The same of whole networks only: kernels alone, which are there since nothing else is like them, would speak of other errors than those of
/// the networks that predictions are asked of.
fn held_out_networks(predictor: &dyn Predictor, samples: &[&NetworkSample]) -> Vec<HeldOut> {
    let counts_all = whole(samples).len() == samples.len();
    let held_out = held_out(predictor, samples).into_iter().zip(samples);
    held_out.filter(|(_, sample)| counts_all || !sample.is_alone()).map(|(held_out, _)| held_out).collect()
}

/// What `ask` gets to know of every sample from a fit that has not seen it, in the order of the samples.
pub(crate) fn in_folds<T>(
    predictor: &dyn Predictor,
    samples: &[&NetworkSample],
    ask: impl Fn(&dyn Model, &NetworkSample) -> T,
) -> Vec<T> {
    let folds = if samples.len() > MANY_SAMPLES { FOLDS_OF_MANY } else { FOLDS.min(samples.len()) };
    let mut asked: Vec<Option<T>> = samples.iter().map(|_| None).collect();
    for fold in 0..folds {
        let kept = samples.iter().enumerate().filter(|(i, _)| i % folds != fold).map(|(_, sample)| *sample);
        let model = fit(predictor, &kept.collect::<Vec<_>>());
        for i in (fold..samples.len()).step_by(folds) {
            asked[i] = Some(ask(model.as_ref(), samples[i]));
        }
    }
    asked.into_iter().flatten().collect()
}

/// A model's prediction beside what was measured.
pub(crate) fn predict(model: &dyn Model, sample: &NetworkSample) -> HeldOut {
    HeldOut {
        measured: sample.median_ns(),
        predicted: model.latency_ns(&sample.kernels),
        doubt: model.doubt(&sample.kernels),
    }
}

/// Figures of a predictor fitted to `samples` on `fresh` networks.
pub(crate) fn fresh_scores(predictor: &dyn Predictor, samples: &[&NetworkSample], fresh: &[&NetworkSample]) -> Scores {
    let conformal = Conformal::new(&held_out_networks(predictor, samples));
    let model = fit(predictor, samples);
    let predicted: Vec<HeldOut> = fresh.iter().map(|sample| predict(model.as_ref(), sample)).collect();
    Scores::new(&predicted, &conformal, CONFIDENCE)
}

#[cfg(test)]
mod tests {
    use edgefit_graph::op::{Op, Softmax};
    use edgefit_graph::{Graph, GraphBuilder, Shape};

    use super::{HeldOut, Selection, choose};
    use crate::fusion::Tract;
    use crate::kernel_set::KernelSet;
    use crate::sample::{Measured, NetworkSample, NodeTime};
    use crate::synthetic::Device;

    fn softmax(tokens: usize) -> Graph {
        let mut builder = GraphBuilder::new();
        let input = builder.input("input", Shape::new([tokens, 64])).unwrap();
        let output = builder.add("alone", Op::Softmax(Softmax { axis: 1 }), &[input]).unwrap();
        builder.finish(&[output]).unwrap()
    }

    /// A kernel alone that takes 20 ns an element, in a run that takes 4,000 ns more.
    fn alone(tokens: usize) -> NetworkSample {
        let time_ns = (tokens * 64 * 20) as f64;
        let profile = vec![NodeTime { name: "alone".into(), op: "Softmax".into(), time_ns }];
        let measured = Measured { latency_ns: vec![time_ns + 4_000.0], profile, ..Measured::default() };
        NetworkSample::new(format!("softmax-{tokens}"), &softmax(tokens), &Tract, measured)
    }

    #[test]
    fn kernels_alone_teach_their_kind_and_change_nothing_of_what_is_said_of_networks() {
        let networks = Device::default().samples(0..40);
        let kernels = [32, 64, 128].map(alone);
        assert!(kernels.iter().all(NetworkSample::is_alone) && !networks.iter().any(NetworkSample::is_alone));
        let without = Selection::of(&networks.iter().collect::<Vec<_>>(), None).unwrap();
        let with = Selection::of(&networks.iter().chain(&kernels).collect::<Vec<_>>(), None).unwrap();
        assert_eq!(with.best().predictor, "kernel-sum");
        for (with, without) in with.candidates.iter().zip(&without.candidates) {
            assert_eq!(with.scores.networks, 40);
            assert!(with.predictor == "kernel-sum" || with == without, "{} learned from kernels alone", with.predictor);
        }
        let [before, after] = [&without, &with].map(|one| one.best().scores.mape);
        assert!((after - before).abs() < 0.002, "{before} and {after}");
        let between = KernelSet::of(&softmax(90), &Tract);
        let told = with.model.kernel_ns(&between).unwrap()[0];
        assert!((told / (90.0 * 64.0 * 20.0) - 1.0).abs() < 0.15, "{told}");
        assert!(with.model.doubt(&between) < without.model.doubt(&between) / 2.0);
    }

    /// Held-out predictions that are off by these percentages.
    fn off_by(percent: impl Iterator<Item = f64>) -> Vec<HeldOut> {
        percent.map(|p| HeldOut { measured: 100.0, predicted: 100.0 + p, doubt: 1.0 }).collect()
    }

    #[test]
    fn the_most_trusted_is_left_only_for_one_that_is_clearly_better_by_something_that_matters() {
        let networks = || (0..40).map(|i| if i % 2 == 0 { 4.0 } else { 6.0 });
        let (base, same) = (off_by(networks()), off_by(networks().map(|p| p * 1.01)));
        let worse = off_by(networks().map(|p| p * 2.0));
        assert_eq!(choose(&[base.clone(), same]), Some(1), "1 % more error does not matter");
        assert_eq!(choose(&[base.clone(), worse.clone()]), Some(0));
        assert_eq!(choose(&[worse, base]), Some(1));
    }

    #[test]
    fn where_all_are_far_off_it_counts_how_far() {
        let far = off_by((0..40).map(|i| if i % 2 == 0 { 30.0 } else { 40.0 }));
        let farther = off_by((0..40).map(|i| if i % 2 == 0 { 26.0 } else { 300.0 }));
        assert_eq!(choose(&[far, farther]), Some(0));
    }

    #[test]
    fn a_lucky_few_do_not_choose() {
        let lucky = off_by([1.0, 2.0, 1.0, 9.0, 2.0].into_iter());
        let trusted = off_by([3.0, 1.0, 4.0, 8.0, 5.0].into_iter());
        assert_eq!(choose(&[lucky, trusted]), Some(1));
    }
}
