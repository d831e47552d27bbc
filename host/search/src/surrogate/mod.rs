//! A surrogate of what only training tells, such as an accuracy: predicted with an interval from the networks trained so far.
//!
//! A Gaussian process learns from a network's encoding, from hints that cost next to nothing, such as proxies, and from what the first
//! epochs of its training came to. Which of these tell anything the likelihood decides: a process is tried on each combination, and the
//! likeliest few are mixed. How far predictions are off is not taken from the process: every known network is predicted
//! without itself, and those errors, in deviations, make the interval and the probabilities (conformal, as of predicted latencies).

pub(crate) mod gaussian;
pub(crate) mod scores;
#[cfg(test)]
mod tests;

use gaussian::{Belief, Gaussian, Hyperparameters, likeliest};
use scores::Scores;

/// Fewest networks to learn from: with one less, no interval of 90 % is finite.
pub const LEAST_KNOWN: usize = 10;

/// Most networks to learn from, the latest; bounds the cost of a fit.
const MOST_KNOWN: usize = 128;

/// Variances of the noise that are tried, relative to that of the process: an accuracy after a short training is mostly chance.
const NOISES: [f64; 5] = [0.02, 0.1, 0.3, 1.0, 3.0];

/// Kinds of evidence.
const PARTS: usize = 3;

/// What is known of a network before its training has ended. All networks of a surrogate have as many numbers of each kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// The space's encoding of it.
    pub encoding: Vec<f32>,
    /// Scores in any unit of which only the order counts, such as proxies; `None` where there is none.
    pub hints: Vec<Option<f64>>,
    /// What its training came to so far, in the unit of what is predicted.
    pub course: Vec<f64>,
}

/// A fitted surrogate.
pub struct Surrogate {
    scaling: Scaling,
    /// Evidence of the known networks, scaled.
    known: Vec<Parts>,
    targets: Vec<f64>,
    /// What the processes see and how they are, each with its weight.
    models: Vec<((View, Hyperparameters), f64)>,
    /// How far each known network is above what is predicted without it, in deviations; ascending.
    errors: Vec<f64>,
}

/// What a surrogate says of a network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// The value that is expected.
    pub value: f64,
    /// Standard deviation of what would be observed, by the process.
    pub deviation: f64,
}

/// Evidence as numbers of like spread, by its kind.
type Parts = [Vec<f32>; PARTS];

/// The kinds of evidence that a process sees.
type View = [bool; PARTS];

/// How evidence becomes numbers of like spread.
struct Scaling {
    /// Of each hint, its values among the known networks.
    hints: Vec<Scores>,
    /// By what the numbers of each kind are multiplied.
    factors: [f32; PARTS],
}

impl Surrogate {
    /// Learns from these networks, the latest last, and what became of them. `None` of fewer than [`LEAST_KNOWN`], or where they do not
    /// differ.
    pub fn fit(known: &[(Evidence, f64)]) -> Option<Self> {
        let known = &known[known.len().saturating_sub(MOST_KNOWN)..];
        if known.len() < LEAST_KNOWN {
            return None;
        }
        let (evidence, targets): (Vec<&Evidence>, Vec<f64>) = known.iter().map(|(e, target)| (e, *target)).unzip();
        let scaling = Scaling::of(&evidence);
        let parts: Vec<Parts> = evidence.iter().map(|evidence| scaling.apply(evidence)).collect();
        let judged = views(&scaling).flat_map(|view| {
            let points: Vec<Vec<f32>> = parts.iter().map(|parts| seen(parts, view)).collect();
            let points: Vec<&[f32]> = points.iter().map(Vec::as_slice).collect();
            let all = Hyperparameters::judged(&points, &targets, &NOISES);
            all.into_iter().map(move |(hyper, likelihood)| ((view, hyper), likelihood))
        });
        let models = likeliest(judged.collect());
        let mut surrogate = Self { scaling, known: parts, targets, models, errors: Vec::new() };
        surrogate.errors = surrogate.left_out_errors()?;
        Some(surrogate)
    }

    /// What is expected of networks, with the noise of an observation.
    pub fn predict(&self, networks: &[Evidence]) -> Vec<Expected> {
        let beliefs = self.believe(networks, |process| process.noise());
        let expected = |belief: Belief| Expected { value: belief.mean, deviation: belief.deviation };
        beliefs.unwrap_or_default().into_iter().map(expected).collect()
    }

    /// What is believed of networks, with more noise of this variance.
    pub(crate) fn believe(&self, networks: &[Evidence], noise: fn(&Gaussian<'_>) -> f64) -> Option<Vec<Belief>> {
        let scaled: Vec<Parts> = networks.iter().map(|evidence| self.scaling.apply(evidence)).collect();
        self.mixed(|view, process| {
            let points: Vec<Vec<f32>> = scaled.iter().map(|parts| seen(parts, view)).collect();
            let deviation = noise(process).sqrt();
            let noisy = |belief: Belief| Belief { deviation: belief.deviation.hypot(deviation), ..belief };
            process.predict(&points).into_iter().map(noisy).collect()
        })
    }

    /// The interval that is to hold what will be observed with this probability; infinite where too few networks are known for it.
    pub fn interval(&self, expected: &Expected, probability: f64) -> (f64, f64) {
        let mut sizes: Vec<f64> = self.errors.iter().map(|error| error.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        let rank = (probability * (sizes.len() as f64 + 1.0)).ceil() as usize;
        let half = expected.deviation * sizes.get(rank.max(1) - 1).copied().unwrap_or(f64::INFINITY);
        (expected.value - half, expected.value + half)
    }

    /// The probability that what will be observed is `value` or more: the share of the known networks that were that far above what was
    /// predicted of them, and never less than one of them more.
    pub fn reaches(&self, expected: &Expected, value: f64) -> f64 {
        let needed = (value - expected.value) / expected.deviation;
        let above = self.errors.len() - self.errors.partition_point(|error| *error < needed);
        (above + 1) as f64 / (self.errors.len() + 1) as f64
    }

    /// How many networks it has learned from.
    pub fn known(&self) -> usize {
        self.targets.len()
    }

    fn left_out_errors(&self) -> Option<Vec<f64>> {
        let beliefs = self.mixed(|_, process| process.left_out(&self.targets))?;
        let error = |(target, belief): (&f64, &Belief)| (target - belief.mean) / belief.deviation;
        let mut errors: Vec<f64> = self.targets.iter().zip(&beliefs).map(error).collect();
        errors.sort_by(f64::total_cmp);
        errors.iter().all(|error| error.is_finite()).then_some(errors)
    }

    /// What the processes believe together; `None` without any.
    fn mixed(&self, believe: impl Fn(View, &Gaussian<'_>) -> Vec<Belief>) -> Option<Vec<Belief>> {
        let one = |((view, hyper), weight): &((View, Hyperparameters), f64)| {
            let points: Vec<Vec<f32>> = self.known.iter().map(|parts| seen(parts, *view)).collect();
            let process = Gaussian::fit(points.iter().map(Vec::as_slice).collect(), &self.targets, *hyper)?;
            Some((believe(*view, &process), *weight))
        };
        let all = self.models.iter().map(one).collect::<Option<Vec<_>>>()?;
        let count = all.first()?.0.len();
        let at = |i: usize| all.iter().map(|(beliefs, weight)| (beliefs[i], *weight)).collect::<Vec<_>>();
        Some((0..count).map(|i| Belief::mixed(&at(i))).collect())
    }
}

impl Scaling {
    fn of(known: &[&Evidence]) -> Self {
        let count = known.first().map_or(0, |evidence| evidence.hints.len());
        let of_hint = |hint: usize| Scores::of(known.iter().filter_map(|evidence| evidence.hints[hint]));
        let mut scaling = Self { hints: (0..count).map(of_hint).collect(), factors: [1.0; PARTS] };
        let parts: Vec<Parts> = known.iter().map(|evidence| scaling.apply(evidence)).collect();
        scaling.factors = std::array::from_fn(|part| factor(&parts, part));
        scaling
    }

    /// What has no score is in the middle.
    fn apply(&self, evidence: &Evidence) -> Parts {
        let hint = |(scores, hint): (&Scores, &Option<f64>)| hint.map_or(0.0, |hint| scores.score(hint) as f32);
        let mut parts = [
            evidence.encoding.clone(),
            self.hints.iter().zip(&evidence.hints).map(hint).collect(),
            evidence.course.iter().map(|value| *value as f32).collect(),
        ];
        for (part, factor) in parts.iter_mut().zip(self.factors) {
            part.iter_mut().for_each(|number| *number *= factor);
        }
        parts
    }
}

/// What makes the mean square of the networks' distances from their middle 1 in this part; 0 where they do not differ.
fn factor(networks: &[Parts], part: usize) -> f32 {
    let count = networks.len() as f32;
    let of_number = |at: usize| {
        let mean = networks.iter().map(|parts| parts[part][at]).sum::<f32>() / count;
        networks.iter().map(|parts| (parts[part][at] - mean).powi(2)).sum::<f32>() / count
    };
    let spread: f32 = (0..networks[0][part].len()).map(of_number).sum();
    if spread > 0.0 { spread.sqrt().recip() } else { 0.0 }
}

/// Every combination of the kinds of evidence in which networks differ.
fn views(scaling: &Scaling) -> impl Iterator<Item = View> {
    let differs = scaling.factors.map(|factor| factor > 0.0);
    let all = (1_u8..1 << PARTS).map(|bits| std::array::from_fn(|part| bits >> part & 1 == 1));
    all.filter(move |view: &View| view.iter().zip(differs).all(|(is_seen, differs)| !is_seen || differs))
}

fn seen(parts: &Parts, view: View) -> Vec<f32> {
    parts.iter().zip(view).filter(|(_, is_seen)| *is_seen).flat_map(|(part, _)| part).copied().collect()
}
