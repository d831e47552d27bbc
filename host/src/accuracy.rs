//! How many images a model classifies right on a device, by its ONNX file and the device's own runtime.

use edgefit_protocol::tensor::TensorData;
use edgefit_train::data::Samples;

use crate::device::{Device, OutputsRequest, RunOn};
use crate::error::{Error, ErrorKind, Result};

/// Longest time for running all images, in nanoseconds.
const TIMEOUT_NS: u64 = 600_000_000_000;

/// Whether the model classifies each image right. The images go in as edgefit's own files take them: raw pixel values as 32-bit
/// floats, channels first.
///
/// # Errors
/// When the device cannot run it, and when its outputs are not one score for each of `classes`.
pub fn classify(
    device: &mut Device,
    model: &[u8],
    run_on: &RunOn,
    images: &Samples,
    classes: usize,
    seed: u64,
) -> Result<Vec<bool>> {
    let samples = raw_inputs(images);
    let run_on = RunOn { timeout_ns: TIMEOUT_NS, ..run_on.clone() };
    let request = OutputsRequest { run_on, samples: Some(&samples), seed };
    let outputs = device.outputs(model, &request)?;
    let scores = outputs.first().and_then(|outputs| outputs.first()).and_then(TensorData::to_f32);
    match scores.map(|scores| scores.len()) {
        Some(count) if count == classes && outputs.len() == images.len() => {}
        found => return Err(no_classifier(found, classes)),
    }
    let right = outputs.iter().zip(&images.labels);
    Ok(right.map(|(outputs, label)| class_of(outputs) == Some(*label)).collect())
}

fn no_classifier(found: Option<usize>, classes: usize) -> Error {
    let found = found.map_or_else(|| "no list of 32-bit floats".to_owned(), |count| format!("{count} numbers"));
    let message = format!("its output for one image is {found}, where the data have {classes} classes");
    Error::new(ErrorKind::Data, message)
}

/// The samples as the network takes them: raw values as floats, channels first, little-endian.
fn raw_inputs(samples: &Samples) -> Vec<u8> {
    let values = (0..samples.len()).flat_map(|index| samples.channels_first(index));
    values.flat_map(f32::to_le_bytes).collect()
}

/// The class with the highest score; `None` when the output is no list of finite floats.
fn class_of(outputs: &[TensorData]) -> Option<u32> {
    let scores = outputs.first()?.to_f32()?;
    let best = (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]))?;
    scores[best].is_finite().then_some(best as u32)
}
