//! Tabulated latencies of NAS-Bench-201 cells (Dong and Yang 2020) as samples, to compare predictors where measurements are published.
//!
//! Nothing is read here: the caller brings cells and latencies. How a cell is written and which kernels it has: `cell`.

mod cell;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use thiserror::Error;

use crate::evaluation::Scores;
use crate::kernel_set::KernelSet;
use crate::predictor::{MIN_NETWORKS, evaluated};
use crate::sample::NetworkSample;
use crate::selection::{Selection, fresh_scores};
use cell::Cell;

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

/// The predictor that cross-validation chose in each draw.
pub const SELECTED: &str = "selected";

/// Figures of one predictor over repeated draws.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The predictor, or [`SELECTED`] for the one that cross-validation chose in each draw.
    pub predictor: &'static str,
    /// The figures of each draw, on all cells that were not fitted.
    pub draws: Vec<Scores>,
}

/// A cell with its latency as a sample; `None` for a cell whose output does not depend on its input, which has next to no
/// latency. With `pruned`, edges are left out that a runtime which removes dead branches does not run.
///
/// # Errors
/// When the text is not a cell.
pub fn cell_sample(text: &str, latency_ns: f64, pruned: bool) -> Result<Option<NetworkSample>, TabulatedError> {
    let cell = Cell::parse(text)?;
    if !cell.is_connected() {
        return Ok(None);
    }
    let kernels = cell.kernels(pruned);
    Ok(Some(NetworkSample {
        id: text.to_owned(),
        kernel_ns: vec![None; kernels.len()],
        kernels: KernelSet::from_parts(kernels.into_iter().map(|kernel| (kernel, Vec::new())).collect(), 0, 0),
        latency_ns: vec![latency_ns],
        unmatched: Vec::new(),
        peak_memory_bytes: None,
        measured_at_unix_s: None,
        reference_ns: None,
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
    let all: Vec<&NetworkSample> = cells.iter().collect();
    let predictors: Vec<_> = evaluated().filter(|predictor| predictor.applies(&all)).collect();
    let names = predictors.iter().map(|predictor| predictor.name()).chain([SELECTED]);
    let mut comparisons: Vec<Comparison> = names.map(|predictor| Comparison { predictor, draws: Vec::new() }).collect();
    let mut drawn: Vec<&NetworkSample> = cells.iter().collect();
    for _ in 0..repeats {
        drawn.shuffle(rng);
        let (fitted, tested) = drawn.split_at(train);
        let scores: Vec<Scores> = predictors.iter().map(|predictor| fresh_scores(*predictor, fitted, tested)).collect();
        let chosen = Selection::of(fitted, None).expect("the number of samples was checked").chosen;
        let with_selected = scores.iter().copied().chain([scores[chosen]]);
        comparisons.iter_mut().zip(with_selected).for_each(|(comparison, scores)| comparison.draws.push(scores));
    }
    Ok(comparisons)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::{NetworkSample, TabulatedError, cell_sample, compare};

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
