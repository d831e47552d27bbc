//! The gradient for the architecture at the weights that one step of training would give (Liu et al. 2019, equations 6 to 8).

use burn::tensor::Tensor;

/// Size of the step by which the product with the matrix of second derivatives is approximated, over the norm of the vector.
const STEP: f64 = 0.01;

/// The gradients of a loss; `None` for weights that it does not depend on.
pub(super) struct Gradients {
    pub(super) loss: f64,
    pub(super) weights: Vec<Option<Tensor<1>>>,
    pub(super) gates: Vec<f32>,
}

/// A loss at given weights.
pub(super) type Loss<'a> = &'a dyn Fn(&[Tensor<1>]) -> Gradients;

/// The gradient of `validation(w - rate * d training(w) / dw)` for the architecture, with its loss.
pub(super) fn unrolled(weights: &[Tensor<1>], rate: f64, training: Loss<'_>, validation: Loss<'_>) -> (f64, Vec<f32>) {
    let stepped = moved(weights, &training(weights).weights, -rate);
    let Gradients { loss, weights: direction, mut gates } = validation(&stepped);
    let norm = direction.iter().flatten().map(squares).sum::<f64>().sqrt();
    if norm == 0.0 {
        return (loss, gates);
    }
    let step = STEP / norm;
    let (ahead, behind) = [step, -step].map(|by| training(&moved(weights, &direction, by)).gates).into();
    for (gradient, (ahead, behind)) in gates.iter_mut().zip(ahead.iter().zip(&behind)) {
        *gradient -= (rate * f64::from(ahead - behind) / (2.0 * step)) as f32;
    }
    (loss, gates)
}

/// The weights moved along a direction.
fn moved(weights: &[Tensor<1>], direction: &[Option<Tensor<1>>], by: f64) -> Vec<Tensor<1>> {
    let along = |(weights, direction): (&Tensor<1>, &Option<Tensor<1>>)| match direction {
        Some(direction) => weights.clone() + direction.clone() * by,
        None => weights.clone(),
    };
    weights.iter().zip(direction).map(along).collect()
}

fn squares(numbers: &Tensor<1>) -> f64 {
    f64::from((numbers.clone() * numbers.clone()).sum().into_scalar::<f32>())
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};

    use super::{Gradients, unrolled};

    /// The example of the publication: training loss `w^2 - 2 alpha w + alpha^2`, validation loss `alpha w - 2 alpha + 1`.
    #[test]
    fn it_is_the_analytic_one_of_the_published_example() {
        let tensor = |value: f64| Tensor::<1>::from_data(TensorData::new(vec![value as f32], [1]), &Device::flex());
        let number = |weights: &[Tensor<1>]| f64::from(weights[0].clone().into_scalar::<f32>());
        for (w, alpha, rate) in [(1.5, 2.0, 0.1), (-2.0, 2.0, 0.3), (0.5, -1.0, 0.05)] {
            let training = |weights: &[Tensor<1>]| {
                let w = number(weights);
                let gates = vec![(-2.0 * w + 2.0 * alpha) as f32];
                Gradients { loss: (w - alpha).powi(2), weights: vec![Some(tensor(2.0 * (w - alpha)))], gates }
            };
            let validation = |weights: &[Tensor<1>]| {
                let w = number(weights);
                let loss = alpha * w - 2.0 * alpha + 1.0;
                Gradients { loss, weights: vec![Some(tensor(alpha))], gates: vec![(w - 2.0) as f32] }
            };
            let stepped = w - rate * 2.0 * (w - alpha);
            let (loss, gradient) = unrolled(&[tensor(w)], rate, &training, &validation);
            assert!((loss - (alpha * stepped - 2.0 * alpha + 1.0)).abs() < 1e-5);
            // The validation loss is alpha * w'(alpha) - 2 alpha + 1 with w' = w - 2 rate (w - alpha).
            let analytic = stepped - 2.0 + 2.0 * rate * alpha;
            assert!((f64::from(gradient[0]) - analytic).abs() < 1e-3, "{} is {analytic}", gradient[0]);
        }
    }
}
