//! Tabulated latencies of NAS-Bench-201 cells (Dong and Yang 2020) as samples, to compare predictors where measurements are published.
//!
//! A cell is written `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`: the operator of each edge to the nodes 1, 2 and 3 from earlier nodes. Its
//! kernels are the operators on its edges and the sums at its nodes; their features are those of a cell of 16 channels at
//! 32x32, which scale all cells alike. Nothing is read here: the caller brings cells and latencies.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use thiserror::Error;

use crate::evaluation::Scores;
use crate::kernel::{Features, Kernel, KernelKey, KernelKind};
use crate::kernel_set::KernelSet;
use crate::predictor::{MIN_NETWORKS, PREDICTORS};
use crate::sample::NetworkSample;
use crate::selection::{Selection, fresh_scores};

/// Nodes of a cell, the input first and the output last.
const NODES: usize = 4;
const CHANNELS: f64 = 16.0;
const POSITIONS: f64 = 32.0 * 32.0;
const ELEMENT_BYTES: f64 = 4.0;

/// Why a cell or a comparison is not possible.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TabulatedError {
    /// The text is not a cell.
    #[error("`{text}` is not a cell of NAS-Bench-201: {reason}")]
    Cell {
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Fewer cells than are to be fitted and tested.
    #[error("{cells} cells are too few to fit {train} (at least {MIN_NETWORKS} + 1) and test the rest")]
    TooFew {
        /// Usable cells.
        cells: usize,
        /// Cells to fit.
        train: usize,
    },
}

/// What an edge of a cell does; `none` edges are absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Skip,
    Conv1x1,
    Conv3x3,
    AvgPool3x3,
}

/// An edge between two nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Edge {
    from: usize,
    to: usize,
    operator: Operator,
}

/// Figures of one predictor over repeated draws.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The predictor, or `selected` for the one that cross-validation chose in each draw.
    pub predictor: &'static str,
    /// The figures of each draw, on all cells that were not fitted.
    pub draws: Vec<Scores>,
}

/// A cell with its latency as a sample; `None` for a cell whose output does not depend on its input, which has next to no
/// latency. With `pruned`, edges that no path from input to output takes are left out, as runtimes that remove dead branches do.
///
/// # Errors
/// When the text is not a cell.
pub fn cell_sample(text: &str, latency_ns: f64, pruned: bool) -> Result<Option<NetworkSample>, TabulatedError> {
    let edges = parse(text)?;
    let live = live(&edges);
    if live.is_empty() {
        return Ok(None);
    }
    let kernels = kernels(if pruned { &live } else { &edges });
    Ok(Some(NetworkSample {
        id: text.to_owned(),
        kernel_ns: vec![None; kernels.len()],
        kernels: KernelSet::from_parts(kernels.into_iter().map(|kernel| (kernel, Vec::new())).collect(), 0, 0),
        latency_ns: vec![latency_ns],
        unmatched: Vec::new(),
        peak_memory_bytes: None,
        measured_at_unix_s: None,
    }))
}

/// Fits every predictor to `train` cells drawn at random and tests it on all others, `repeats` times.
///
/// # Errors
/// When there are too few cells.
pub fn compare(
    cells: &[NetworkSample],
    train: usize,
    repeats: usize,
    rng: &mut ChaCha8Rng,
) -> Result<Vec<Comparison>, TabulatedError> {
    if train <= MIN_NETWORKS || train >= cells.len() {
        return Err(TabulatedError::TooFew { cells: cells.len(), train });
    }
    let names = PREDICTORS.iter().map(|predictor| predictor.name()).chain(["selected"]);
    let mut comparisons: Vec<Comparison> = names.map(|predictor| Comparison { predictor, draws: Vec::new() }).collect();
    let mut drawn: Vec<&NetworkSample> = cells.iter().collect();
    for _ in 0..repeats {
        drawn.shuffle(rng);
        let (fitted, tested) = drawn.split_at(train);
        let scores: Vec<Scores> = PREDICTORS.iter().map(|predictor| fresh_scores(*predictor, fitted, tested)).collect();
        let chosen = Selection::of(fitted).expect("the number of samples was checked").chosen;
        let with_selected = scores.iter().copied().chain([scores[chosen]]);
        comparisons.iter_mut().zip(with_selected).for_each(|(comparison, scores)| comparison.draws.push(scores));
    }
    Ok(comparisons)
}

fn parse(text: &str) -> Result<Vec<Edge>, TabulatedError> {
    let fail = |reason: String| TabulatedError::Cell { text: text.to_owned(), reason };
    let nodes: Vec<&str> = text.split('+').collect();
    if nodes.len() != NODES - 1 {
        return Err(fail(format!("it has {} nodes behind its input instead of {}", nodes.len(), NODES - 1)));
    }
    let mut edges = Vec::new();
    for (index, node) in nodes.into_iter().enumerate() {
        let inputs: Vec<&str> = node.split('|').filter(|word| !word.is_empty()).collect();
        if inputs.len() != index + 1 {
            return Err(fail(format!("node {} has {} edges instead of {}", index + 1, inputs.len(), index + 1)));
        }
        for (from, word) in inputs.into_iter().enumerate() {
            let operator =
                operator(word, from).ok_or_else(|| fail(format!("`{word}` is not an edge from node {from}")))?;
            edges.extend(operator.map(|operator| Edge { from, to: index + 1, operator }));
        }
    }
    Ok(edges)
}

/// The operator of an edge, `Some(None)` for an absent one; `None` for what is not an edge from that node.
fn operator(word: &str, from: usize) -> Option<Option<Operator>> {
    let (name, source) = word.split_once('~')?;
    if source.parse() != Ok(from) {
        return None;
    }
    Some(match name {
        "none" => None,
        "skip_connect" => Some(Operator::Skip),
        "nor_conv_1x1" => Some(Operator::Conv1x1),
        "nor_conv_3x3" => Some(Operator::Conv3x3),
        "avg_pool_3x3" => Some(Operator::AvgPool3x3),
        _ => return None,
    })
}

/// Edges on a path from the first node to the last.
fn live(edges: &[Edge]) -> Vec<Edge> {
    let (mut fed, mut taken) = ([false; NODES], [false; NODES]);
    (fed[0], taken[NODES - 1]) = (true, true);
    edges.iter().for_each(|edge| fed[edge.to] |= fed[edge.from]);
    edges.iter().rev().for_each(|edge| taken[edge.from] |= taken[edge.to]);
    edges.iter().copied().filter(|edge| fed[edge.from] && taken[edge.to]).collect()
}

fn kernels(edges: &[Edge]) -> Vec<Kernel> {
    let into = |node: usize| edges.iter().filter(|edge| edge.to == node).count();
    let sums: usize = (1..NODES).map(|node| into(node).saturating_sub(1)).sum();
    let operators = edges.iter().map(|edge| match edge.operator {
        Operator::Skip => (KernelKind::Copy, 1.0, 0.0),
        Operator::Conv1x1 => (KernelKind::PointwiseConv, 1.0, CHANNELS),
        Operator::Conv3x3 => (KernelKind::FullConv, 9.0, CHANNELS),
        Operator::AvgPool3x3 => (KernelKind::AvgPool, 9.0, 0.0),
    });
    let sums = std::iter::repeat_n((KernelKind::Add, 1.0, 0.0), sums);
    operators.chain(sums).map(|(kind, taps, channels)| kernel(kind, taps, channels)).collect()
}

/// `macs_channels` is how many channels each output element multiplies, 0 without multiplication.
fn kernel(kind: KernelKind, taps: f64, macs_channels: f64) -> Kernel {
    let bytes = CHANNELS * POSITIONS * ELEMENT_BYTES;
    let features = Features {
        macs: CHANNELS * POSITIONS * taps * macs_channels,
        input_bytes: bytes,
        output_bytes: bytes,
        weight_bytes: CHANNELS * taps * macs_channels * ELEMENT_BYTES,
        positions: POSITIONS,
        input_channels: CHANNELS,
        output_channels: CHANNELS,
        taps,
        stride: 1.0,
        groups: 1.0,
        fused_elements: 0.0,
    };
    Kernel::new(kind, KernelKey::new(format!("cell {}", kind.name())), features)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::{NetworkSample, TabulatedError, cell_sample, compare};

    fn check_kernels(text: &str, pruned: bool, expected: &[&str]) {
        let sample = cell_sample(text, 1.0, pruned).unwrap();
        let kinds: Option<Vec<&str>> = sample.map(|s| s.kernels.kernels().iter().map(|k| k.kind.name()).collect());
        assert_eq!(kinds.unwrap_or_default(), expected, "{text}");
    }

    #[test]
    fn edges_and_sums_are_kernels_and_dead_branches_go_when_asked() {
        let dead = "|nor_conv_3x3~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|";
        check_kernels(dead, false, &["full_conv", "pointwise_conv"]);
        check_kernels(dead, true, &["pointwise_conv"]);
        let sum = "|skip_connect~0|+|none~0|avg_pool_3x3~1|+|nor_conv_1x1~0|none~1|skip_connect~2|";
        check_kernels(sum, true, &["copy", "avg_pool", "pointwise_conv", "copy", "add"]);
        check_kernels("|none~0|+|none~0|skip_connect~1|+|none~0|skip_connect~1|skip_connect~2|", false, &[]);
    }

    fn check_refused(text: &str, expected: &str) {
        let message = cell_sample(text, 1.0, true).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }

    #[test]
    fn what_is_not_a_cell_is_refused_with_the_reason() {
        check_refused("|none~0|", "it has 1 nodes behind its input instead of 3");
        check_refused("|none~0|+|none~0|+|none~0|none~1|none~2|", "node 2 has 1 edges instead of 2");
        check_refused("|none~0|+|none~0|conv~1|+|none~0|none~1|none~2|", "`conv~1` is not an edge from node 1");
        check_refused("|none~1|+|none~0|none~1|+|none~0|none~1|none~2|", "`none~1` is not an edge from node 0");
    }

    /// Every cell without absent edges, at a latency that is linear in its operators.
    fn linear_cells() -> Vec<NetworkSample> {
        const COSTS: [(&str, f64); 4] =
            [("skip_connect", 0.1e6), ("nor_conv_1x1", 1e6), ("nor_conv_3x3", 3e6), ("avg_pool_3x3", 0.7e6)];
        let cell = |code: usize| {
            let at = |edge: u32| COSTS[code / 4usize.pow(edge) % 4];
            let name = |edge: u32, from: usize| format!("{}~{from}", at(edge).0);
            let nodes = [vec![(0, 0)], vec![(1, 0), (2, 1)], vec![(3, 0), (4, 1), (5, 2)]];
            let words = nodes.map(|edges| edges.iter().map(|&(e, from)| name(e, from)).collect::<Vec<_>>().join("|"));
            let text = words.map(|words| format!("|{words}|")).join("+");
            let latency_ns = 2e6 + (0..6).map(|edge| at(edge).1).sum::<f64>();
            cell_sample(&text, latency_ns, true).unwrap().unwrap()
        };
        (0..4096).step_by(7).map(cell).collect()
    }

    #[test]
    fn a_linear_device_is_predicted_by_all_that_count_operators() {
        let cells = linear_cells();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for comparison in compare(&cells, 40, 2, &mut rng).unwrap() {
            let within_10 = comparison.draws.iter().map(|scores| scores.within_10).sum::<f64>() / 2.0;
            assert!(comparison.predictor == "macs" || within_10 > 0.99, "{}: {within_10}", comparison.predictor);
            assert_eq!(comparison.draws[0].networks, cells.len() - 40);
        }
        let too_many = compare(&cells, cells.len(), 1, &mut rng);
        assert_eq!(too_many, Err(TabulatedError::TooFew { cells: cells.len(), train: cells.len() }));
    }
}
