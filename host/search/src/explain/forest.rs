//! A random forest of regression trees over choices (Breiman 2001).
//!
//! Of our own because the maintained crates bring far more than the hundred lines that trees over a few small integers take.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::draw;

const TREES: usize = 48;

/// Networks below which a node is not split.
const LEAST_SPLIT: usize = 4;

/// Deepest tree.
const MOST_DEPTH: usize = 16;

/// A question about a network.
#[derive(Debug, Clone, Copy)]
enum Question {
    /// Whether a choice takes this option.
    Is(usize, u8),
    /// Whether it takes this option or one before it.
    UpTo(usize, u8),
}

impl Question {
    fn holds(self, genes: &[u8]) -> bool {
        match self {
            Self::Is(choice, option) => genes[choice] == option,
            Self::UpTo(choice, option) => genes[choice] <= option,
        }
    }
}

enum Tree {
    Leaf(f64),
    Fork(Question, Box<Tree>, Box<Tree>),
}

/// Trees, each grown from a sample of the networks with replacement.
pub(super) struct Forest {
    trees: Vec<Tree>,
    /// Share of the variance that the trees explain of networks that they were not grown from; may be negative.
    pub(super) explained: f64,
}

impl Forest {
    /// The forest of these networks, all with as many genes, and their values.
    pub(super) fn grow(networks: &[(&[u8], f64)], rng: &mut ChaCha8Rng) -> Self {
        let mut trees = Vec::with_capacity(TREES);
        let mut unseen: Vec<(f64, usize)> = vec![(0.0, 0); networks.len()];
        for _ in 0..TREES {
            let taken: Vec<usize> = (0..networks.len()).map(|_| draw::position(rng, networks.len())).collect();
            let sample: Vec<(&[u8], f64)> = taken.iter().map(|&i| networks[i]).collect();
            let tree = Tree::grow(sample, MOST_DEPTH, rng);
            for (i, (sum, count)) in unseen.iter_mut().enumerate().filter(|(i, _)| !taken.contains(i)) {
                (*sum, *count) = (*sum + tree.value(networks[i].0), *count + 1);
            }
            trees.push(tree);
        }
        Self { trees, explained: explained(networks, &unseen) }
    }

    /// The mean of the trees.
    pub(super) fn value(&self, genes: &[u8]) -> f64 {
        self.trees.iter().map(|tree| tree.value(genes)).sum::<f64>() / self.trees.len() as f64
    }
}

fn explained(networks: &[(&[u8], f64)], unseen: &[(f64, usize)]) -> f64 {
    let pairs: Vec<(f64, f64)> = networks
        .iter()
        .zip(unseen)
        .filter(|(_, (_, count))| *count > 0)
        .map(|((_, value), (sum, count))| (*value, sum / *count as f64))
        .collect();
    let mean = pairs.iter().map(|(value, _)| value).sum::<f64>() / pairs.len().max(1) as f64;
    let total: f64 = pairs.iter().map(|(value, _)| (value - mean).powi(2)).sum();
    let left: f64 = pairs.iter().map(|(value, guess)| (value - guess).powi(2)).sum();
    if total > 0.0 { 1.0 - left / total } else { 0.0 }
}

impl Tree {
    fn grow(networks: Vec<(&[u8], f64)>, depth: usize, rng: &mut ChaCha8Rng) -> Self {
        let mean = networks.iter().map(|(_, value)| value).sum::<f64>() / networks.len().max(1) as f64;
        let is_small = networks.len() < LEAST_SPLIT || depth == 0;
        let Some(question) = (if is_small { None } else { best_question(&networks, rng) }) else {
            return Self::Leaf(mean);
        };
        let (yes, no) = networks.into_iter().partition(|(genes, _)| question.holds(genes));
        let (yes, no) = (Self::grow(yes, depth - 1, rng), Self::grow(no, depth - 1, rng));
        Self::Fork(question, Box::new(yes), Box::new(no))
    }

    fn value(&self, genes: &[u8]) -> f64 {
        match self {
            Self::Leaf(value) => *value,
            Self::Fork(question, yes, no) => if question.holds(genes) { yes } else { no }.value(genes),
        }
    }
}

/// The question that leaves least variance, over half of the choices, drawn at random.
fn best_question(networks: &[(&[u8], f64)], rng: &mut ChaCha8Rng) -> Option<Question> {
    let choices = networks.first()?.0.len();
    let mut best: Option<(f64, Question)> = None;
    for choice in (0..choices).filter(|_| rng.random::<bool>()) {
        let last = networks.iter().map(|(genes, _)| genes[choice]).max().unwrap_or(0);
        let questions = (0..=last).flat_map(|option| [Question::Is(choice, option), Question::UpTo(choice, option)]);
        for question in questions {
            let Some(gain) = gain(networks, question) else { continue };
            if best.as_ref().is_none_or(|(most, _)| gain > *most) {
                best = Some((gain, question));
            }
        }
    }
    best.filter(|(gain, _)| *gain > 0.0).map(|(_, question)| question)
}

/// By how much the sum of squares falls; `None` where all networks give one answer.
fn gain(networks: &[(&[u8], f64)], question: Question) -> Option<f64> {
    let (mut count, mut sum, mut total) = (0.0, 0.0, 0.0);
    for (genes, value) in networks {
        total += value;
        if question.holds(genes) {
            (count, sum) = (count + 1.0, sum + value);
        }
    }
    let others = networks.len() as f64 - count;
    let square = |sum: f64, count: f64| sum * sum / count;
    let is_split = count > 0.0 && others > 0.0;
    is_split.then(|| square(sum, count) + square(total - sum, others) - square(total, networks.len() as f64))
}
