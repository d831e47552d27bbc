//! What a model computes on the device, for accuracy and for comparing runtimes.

use edgefit_protocol::{job::Inputs, message::Reply, tensor::TensorData};

use super::request::RunOn;

/// The samples to run a model on.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputsRequest<'a> {
    /// With what the model runs.
    pub run_on: RunOn,
    /// The samples one after the other, each the contents of every input in the model's order,
    /// row-major and little-endian; `None` for one sample of made-up values.
    pub samples: Option<&'a [u8]>,
    /// Seed of made-up values.
    pub seed: u64,
}

impl OutputsRequest<'_> {
    pub(super) fn inputs(&self, sha256: Option<[u8; 32]>) -> Inputs {
        match sha256 {
            Some(sha256) => Inputs::Blob { sha256 },
            None => Inputs::Seeded { seed: self.seed },
        }
    }
}

/// The outputs of one sample, in the model's order.
pub type SampleOutputs = Vec<TensorData>;

/// Puts the tensors of an outputs pass, which come one by one, back together.
#[derive(Default)]
pub(super) struct Collector {
    samples: Vec<SampleOutputs>,
}

impl Collector {
    pub(super) fn hear(&mut self, said: Reply) {
        let Reply::Output { sample, tensor, .. } = said else {
            return;
        };
        if self.samples.len() as u64 == sample {
            self.samples.push(SampleOutputs::new());
        }
        if let Some(outputs) = self.samples.get_mut(sample as usize) {
            outputs.push(tensor);
        }
    }

    pub(super) fn finish(self) -> Vec<SampleOutputs> {
        self.samples
    }
}
