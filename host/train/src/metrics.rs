//! Figures of a classifier beside its accuracy.

use crate::evaluate::Evaluation;

/// Bins of confidence for the calibration error.
const BINS: usize = 15;

/// How well samples are classified. Classes without samples count nowhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics {
    /// Share of the samples classified right.
    pub accuracy: f64,
    /// Mean over the classes of the share of each that is classified right.
    pub balanced_accuracy: f64,
    /// Mean over the classes of the harmonic mean of precision and recall.
    pub macro_f1: f64,
    /// The class of which the smallest share is classified right, the first among equals.
    pub worst_class: u32,
    /// That share.
    pub worst_class_accuracy: f64,
    /// Expected calibration error: the mean gap between confidence and accuracy over 15 bins of confidence, weighted by their samples
    /// (Guo et al. 2017, "On Calibration of Modern Neural Networks").
    pub calibration_error: f64,
    /// How many samples have their label at each place by score.
    places: Vec<usize>,
}

impl Metrics {
    /// The figures of an evaluation of samples with these labels.
    pub fn of(evaluation: &Evaluation, labels: &[u32], classes: usize) -> Self {
        let (mut right, mut of_class, mut predicted) =
            (vec![0usize; classes], vec![0usize; classes], vec![0usize; classes]);
        for (&label, &prediction) in labels.iter().zip(&evaluation.predictions) {
            of_class[label as usize] += 1;
            predicted[prediction as usize] += 1;
            right[label as usize] += usize::from(label == prediction);
        }
        let present = || (0..classes).filter(|&class| of_class[class] > 0);
        let recall = |class: usize| right[class] as f64 / of_class[class] as f64;
        let f1 = |class: usize| 2.0 * right[class] as f64 / (of_class[class] + predicted[class]) as f64;
        let mean = |of: &dyn Fn(usize) -> f64| present().map(of).sum::<f64>() / present().count().max(1) as f64;
        let worst = present().min_by(|&a, &b| recall(a).total_cmp(&recall(b))).unwrap_or(0);
        let mut places = vec![0; classes];
        evaluation.places.iter().for_each(|&place| places[place as usize] += 1);
        Self {
            accuracy: evaluation.accuracy,
            balanced_accuracy: mean(&recall),
            macro_f1: mean(&f1),
            worst_class: worst as u32,
            worst_class_accuracy: if of_class.get(worst).is_some_and(|&n| n > 0) { recall(worst) } else { 0.0 },
            calibration_error: calibration_error(evaluation, labels),
            places,
        }
    }

    /// Share of the samples whose label is among the `count` classes with the highest scores.
    pub fn top(&self, count: usize) -> f64 {
        let total: usize = self.places.iter().sum();
        self.places.iter().take(count).sum::<usize>() as f64 / total.max(1) as f64
    }
}

fn calibration_error(evaluation: &Evaluation, labels: &[u32]) -> f64 {
    let mut bins = [0.0f64; BINS];
    let predictions = evaluation.predictions.iter().zip(labels);
    for (&confidence, (prediction, label)) in evaluation.confidences.iter().zip(predictions) {
        bins[((confidence * BINS as f64) as usize).min(BINS - 1)] +=
            confidence - f64::from(u8::from(prediction == label));
    }
    bins.iter().map(|gap| gap.abs()).sum::<f64>() / labels.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_their_definitions() {
        let evaluation = Evaluation {
            accuracy: 0.75,
            loss: 0.0,
            predictions: vec![0, 0, 0, 0],
            confidences: vec![0.9, 0.9, 0.9, 0.5],
            places: vec![0, 0, 0, 1],
        };
        let metrics = Metrics::of(&evaluation, &[0, 0, 0, 1], 3);
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} is not {b}");
        near(metrics.balanced_accuracy, 0.5);
        near(metrics.macro_f1, (6.0 / 7.0) / 2.0);
        assert_eq!((metrics.worst_class, metrics.worst_class_accuracy), (1, 0.0));
        // Three at 0.9, all right; one at 0.5, wrong.
        near(metrics.calibration_error, (3.0 * 0.1 + 0.5) / 4.0);
        assert_eq!((metrics.top(1), metrics.top(2), metrics.top(3)), (0.75, 1.0, 1.0));
    }
}
