//! A trained network in 8 bits: the ranges of its activations come from training samples, everything else from its file.

use edgefit_graph::{Graph, GraphBuilder, NodeId, Tensor, Weights};
use edgefit_onnx::{ExportOptions, Imported, Lowered, export_int8, import, metadata};
use edgefit_train::data::Samples;
use edgefit_train::{Operations, run};

use crate::error::{Error, ErrorKind, Result};

/// Most samples that ranges are taken from; they are spread evenly over the training samples.
pub const CALIBRATION_SAMPLES: usize = 256;

/// The same network in 8 bits, and on how many samples it was calibrated. `model` is a file that edgefit wrote, and takes these samples.
///
/// # Errors
/// When the file cannot be read or the network cannot be run on the samples.
pub fn quantized(model: &[u8], samples: &Samples) -> Result<(Vec<u8>, usize)> {
    let Imported { graph, weights, output_names, metadata, .. } =
        import(model).map_err(|e| Error::new(ErrorKind::Data, e))?;
    let lowered = Lowered::of(&graph, None).map_err(internal)?;
    let step = samples.len().div_ceil(CALIBRATION_SAMPLES).max(1);
    let chosen: Vec<usize> = (0..samples.len()).step_by(step).collect();
    let ranges = ranges(lowered.graph(), &lowered.weights(&weights), samples, &chosen)?;
    let mut options = ExportOptions { output_names, metadata, ..ExportOptions::default() };
    options.input_names = graph.inputs().map(|id| graph.node(id).name.clone()).collect();
    let how = format!("int8, QDQ; weights per channel, activations per tensor by {} training samples", chosen.len());
    options.metadata.insert(metadata::QUANTIZATION.to_owned(), how);
    let file = export_int8(&graph, &weights, &options, &ranges).map_err(internal)?;
    Ok((file, chosen.len()))
}

/// The lowest and the highest value of each node.
fn ranges(graph: &Graph, weights: &Weights, samples: &Samples, chosen: &[usize]) -> Result<Vec<(f32, f32)>> {
    let shown = with_all_outputs(graph)?;
    let input = graph.inputs().next().ok_or_else(|| internal("the network has no input"))?;
    let shape = graph.node(input).shape.clone();
    let mut ranges = vec![(f32::INFINITY, f32::NEG_INFINITY); graph.nodes().len()];
    for &index in chosen {
        let sample = Tensor { shape: shape.clone(), data: samples.channels_first(index).collect() };
        let values =
            run(&shown, weights, &[sample], Operations::Kernels).map_err(|e| Error::new(ErrorKind::Data, e))?;
        for (range, value) in ranges.iter_mut().zip(values) {
            *range = value.data.iter().fold(*range, |(low, high), &x| (low.min(x), high.max(x)));
        }
    }
    Ok(ranges)
}

/// The same graph with every node as an output.
fn with_all_outputs(graph: &Graph) -> Result<Graph> {
    let mut builder = GraphBuilder::new();
    let mut all: Vec<NodeId> = Vec::with_capacity(graph.nodes().len());
    for node in graph.nodes() {
        all.push(builder.add(node.name.clone(), node.op.clone(), &node.inputs).map_err(internal)?);
    }
    builder.finish(&all).map_err(internal)
}

fn internal(cause: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Internal, cause)
}
