//! The keys of `metadata_props` that edgefit writes, in one place, and the forms of their values.

use crate::export::InputNormalization;

/// Names of the classes in the order of the outputs, as a JSON list of strings.
pub const LABELS: &str = "labels";

/// What the network does to its raw input first, for people.
pub const INPUT_NORMALIZATION: &str = "input_normalization";

/// What is computed of a recording before the network takes it, as JSON with every size.
pub const INPUT_FEATURES: &str = "input_features";

/// How a network in integers came about.
pub const QUANTIZATION: &str = "edgefit.quantization";

/// The run that made the network.
pub const RUN: &str = "edgefit.run";

/// The trial of the run.
pub const TRIAL: &str = "edgefit.trial";

/// The genotype that was decoded into the network.
pub const GENOTYPE: &str = "edgefit.genotype";

/// The search space of the genotype.
pub const SPACE: &str = "edgefit.space";

/// The seed of the run.
pub const SEED: &str = "edgefit.seed";

/// The data that the weights were trained on.
pub const DATA: &str = "edgefit.data";

/// Class labels as the value of [`LABELS`].
pub fn encode_labels(labels: &[String]) -> String {
    serde_json::to_string(labels).expect("a list of strings is JSON")
}

/// Class labels from the value of [`LABELS`]; `None` when it is not a JSON list of strings.
pub fn decode_labels(value: &str) -> Option<Vec<String>> {
    serde_json::from_str(value).ok()
}

/// A normalization as the value of [`INPUT_NORMALIZATION`].
pub(crate) fn describe(normalization: &InputNormalization) -> String {
    let InputNormalization { divisor, mean, std } = normalization;
    format!("(x / {divisor} - {mean:?}) / {std:?}, by channel, inside the graph")
}

#[cfg(test)]
mod tests {
    use super::{decode_labels, encode_labels};

    #[test]
    fn labels_come_back() {
        let labels = vec!["cat".to_owned(), "a \"dog\",\n".to_owned(), "été".to_owned()];
        assert_eq!(decode_labels(&encode_labels(&labels)), Some(labels));
        assert_eq!(decode_labels("cat, dog"), None);
    }
}
