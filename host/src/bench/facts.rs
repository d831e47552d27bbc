//! What is known of a model from its file alone.

use edgefit_graph::peak_activation_bytes;
use edgefit_onnx::{ImportOptions, ModelSummary, import_with, limits, metadata};
use edgefit_protocol::job::InputShape;

/// What is known of a model without running it; whatever is not is absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelFacts {
    /// Version of the operator set.
    pub opset: Option<i64>,
    /// Number of weights.
    pub params: Option<u64>,
    /// Multiply-accumulates of one run.
    pub macs: Option<u64>,
    /// Bytes of the weights.
    pub weight_bytes: Option<u64>,
    /// Highest sum of live activations, in bytes.
    pub activation_peak_bytes: Option<u64>,
    /// Height and width of the first input, where it is a batch of images whose size is fixed.
    pub image_size: Option<[usize; 2]>,
    /// The seed that its training data were split by, where edgefit wrote the file.
    pub data_seed: Option<u64>,
}

impl ModelFacts {
    /// What the file says. Multiply-accumulates and activations are known of models whose operators edgefit has; the weights of
    /// any model that can be decoded.
    pub fn of(file: &[u8], shapes: &[InputShape]) -> Self {
        if file.len() as u64 > limits::MAX_FILE_BYTES {
            return Self::default();
        }
        let Ok(summary) = ModelSummary::of(file) else { return Self::default() };
        let batch = batch(&summary, shapes);
        let image_size = image_size(&summary, shapes);
        let data_seed = summary.metadata.get(metadata::SEED).and_then(|seed| seed.parse().ok());
        let of_file = Self {
            opset: summary.opset,
            params: Some(summary.parameters),
            weight_bytes: Some(summary.parameter_bytes),
            image_size,
            data_seed,
            ..Self::default()
        };
        let Ok(imported) = import_with(file, &options(shapes)) else { return of_file };
        let cost = imported.graph.cost();
        Self {
            params: Some(cost.params),
            weight_bytes: Some(cost.weight_bytes()),
            macs: Some(cost.macs.saturating_mul(batch)),
            activation_peak_bytes: Some(peak_activation_bytes(&imported.graph).saturating_mul(batch)),
            ..of_file
        }
    }
}

fn options(shapes: &[InputShape]) -> ImportOptions {
    let sizes = |shape: &[u64]| shape.iter().map(|size| usize::try_from(*size).unwrap_or(usize::MAX)).collect();
    ImportOptions { input_shapes: shapes.iter().map(|given| (given.input.clone(), sizes(&given.shape))).collect() }
}

/// The first input's dimensions: the given shape, or the file's where they are numbers.
fn first_dims(summary: &ModelSummary, shapes: &[InputShape]) -> Option<Vec<Option<u64>>> {
    let input = summary.inputs.first()?;
    match shapes.iter().find(|given| given.input == input.name) {
        Some(given) => Some(given.shape.iter().copied().map(Some).collect()),
        None => Some(input.dims.as_ref()?.iter().map(|dim| dim.parse().ok()).collect()),
    }
}

/// Samples of one run; a batch that the file leaves open is run as 1.
fn batch(summary: &ModelSummary, shapes: &[InputShape]) -> u64 {
    first_dims(summary, shapes).and_then(|dims| *dims.first()?).unwrap_or(1)
}

fn image_size(summary: &ModelSummary, shapes: &[InputShape]) -> Option<[usize; 2]> {
    match *first_dims(summary, shapes)?.as_slice() {
        [_, _, Some(height), Some(width)] => Some([usize::try_from(height).ok()?, usize::try_from(width).ok()?]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::canary;

    fn facts(shapes: &[(&str, &[u64])]) -> ModelFacts {
        let shape = |(input, shape): &(&str, &[u64])| InputShape { input: (*input).into(), shape: shape.to_vec() };
        ModelFacts::of(&canary::model(), &shapes.iter().map(shape).collect::<Vec<_>>())
    }

    #[test]
    fn a_batch_multiplies_the_work_and_not_the_weights() {
        let (one, four) = (facts(&[]), facts(&[("input", &[4, 8, 16, 16])]));
        assert!(one.macs.is_some_and(|macs| macs > 0));
        assert_eq!(four.macs, one.macs.map(|macs| 4 * macs));
        assert_eq!(four.activation_peak_bytes, one.activation_peak_bytes.map(|bytes| 4 * bytes));
        assert_eq!((four.params, four.weight_bytes), (one.params, one.weight_bytes));
        assert_eq!(one.image_size, Some([16, 16]));
    }

    #[test]
    fn of_what_is_no_model_nothing_is_known() {
        assert_eq!(ModelFacts::of(b"no model", &[]), ModelFacts::default());
    }

    #[test]
    fn of_a_shape_that_does_not_fit_only_the_file_is_known() {
        let facts = facts(&[("input", &[1, 9, 16, 16])]);
        assert_eq!(facts.macs, None);
        assert!(facts.params.is_some());
    }
}
