//! Proxy `naswot`: how many regions of the input the network tells apart (Mellor et al. 2021): the logarithm of the determinant of
//! the matrix that counts, for each pair of images, the nonlinearities that are in the same state for both.

use edgefit_graph::{Graph, Op};
use nalgebra::DMatrix;

use super::{Probe, Proxy};
use crate::error::TrainError;
use crate::network::Mode;
use crate::rewrite;

/// See the module.
pub(super) struct Naswot;

impl Proxy for Naswot {
    fn name(&self) -> &'static str {
        "naswot"
    }

    fn measure(&self, graph: &Graph, probe: &Probe) -> Result<Option<f64>, TrainError> {
        let mut inputs: Vec<_> = graph
            .nodes()
            .iter()
            .filter(|node| matches!(node.op, Op::Activation(_)))
            .map(|node| node.inputs[0])
            .collect();
        inputs.sort_unstable_by_key(|id| id.index());
        inputs.dedup();
        if inputs.is_empty() {
            return Ok(None);
        }
        probe.check(graph)?;
        let network = probe.network(&rewrite::with_outputs(graph, &inputs)?)?;
        let input = network.input(probe.floats());
        let outputs = network.forward(vec![input], &network.parameters, Mode::Train(&mut Vec::new()));
        let images = probe.images();
        let mut alike = DMatrix::<f64>::zeros(images, images);
        for output in outputs {
            let floats = output.tensor().into_data().try_to_vec::<f32>().expect("outputs are 32-bit floats");
            count_alike(&floats, &mut alike);
        }
        Ok(log_determinant(alike))
    }
}

/// Adds, for each pair of images, the number of positions at which both are above 0 or both are not.
fn count_alike(floats: &[f32], alike: &mut DMatrix<f64>) {
    let images = alike.nrows();
    let positions = floats.len() / images;
    let states: Vec<Vec<u64>> = floats.chunks_exact(positions).map(states).collect();
    for i in 0..images {
        for j in 0..=i {
            let differing: u32 = states[i].iter().zip(&states[j]).map(|(a, b)| (a ^ b).count_ones()).sum();
            let count = positions as f64 - f64::from(differing);
            alike[(i, j)] += count;
            if i != j {
                alike[(j, i)] += count;
            }
        }
    }
}

/// One bit a number: whether it is above 0.
fn states(floats: &[f32]) -> Vec<u64> {
    let word = |chunk: &[f32]| chunk.iter().enumerate().fold(0, |word, (i, x)| word | u64::from(*x > 0.0) << i);
    floats.chunks(u64::BITS as usize).map(word).collect()
}

/// `None` for a matrix that has none.
fn log_determinant(matrix: DMatrix<f64>) -> Option<f64> {
    let lu = matrix.lu();
    let diagonal = lu.u().diagonal();
    let sum: f64 = diagonal.iter().map(|x| x.abs().ln()).sum();
    sum.is_finite().then_some(sum)
}
