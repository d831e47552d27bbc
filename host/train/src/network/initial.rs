//! The weights that training begins with.

use edgefit_graph::{Graph, Op, Role, Tensor, Weights};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Normal numbers with a variance of `gain / fan_in` for kernels (He et al. 2015, with gain 2 for convolutions and 1 for dense
/// layers), ones for scales and running variances, zeros for the rest. The same seed gives the same bits.
pub fn initial_weights(graph: &Graph, seed: u64) -> Weights {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut weights = Weights::new();
    for (id, spec) in graph.params() {
        let mut tensor = Tensor::filled(spec.shape, 0.0);
        match id.role {
            Role::Weight => {
                let dims = tensor.shape.dims();
                let (gain, fan_in) = match graph.node(id.node).op {
                    Op::Dense(_) => (1.0, dims[0]),
                    _ => (2.0, dims[1..].iter().product()),
                };
                let deviation = (gain / fan_in as f64).sqrt();
                tensor.data.iter_mut().for_each(|w| *w = (deviation * normal(&mut rng)) as f32);
            }
            Role::Scale | Role::RunningVariance => tensor.data.fill(1.0),
            Role::Bias | Role::Shift | Role::RunningMean => {}
        }
        weights.insert(id, tensor);
    }
    weights
}

/// A number in 0..1, never 0.
fn unit(rng: &mut ChaCha8Rng) -> f64 {
    (f64::from(rng.next_u32()) + 0.5) / 2f64.powi(32)
}

/// A standard normal number (Box and Muller 1958).
pub(crate) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (radius, angle) = (unit(rng), unit(rng));
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}
