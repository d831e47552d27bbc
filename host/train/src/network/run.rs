//! Running any graph on one sample: what other runtimes are compared with.

use burn::tensor::{Device, TensorData};
use edgefit_graph::{Graph, Tensor, Weights};

use super::value::{Layout, Value, padded};
use super::{Mode, Network, Operations};
use crate::error::TrainError;

/// The outputs of a graph for one sample, in inference: one tensor for each input and each output of the graph, in order.
///
/// # Errors
/// If the weights or inputs do not fit the graph, or an operator cannot be run.
pub fn run(
    graph: &Graph,
    weights: &Weights,
    inputs: &[Tensor],
    operations: Operations,
) -> Result<Vec<Tensor>, TrainError> {
    let shapes: Vec<_> = graph.inputs().map(|id| &graph.node(id).shape).collect();
    let fit = inputs.iter().map(|t| &t.shape).eq(shapes) && inputs.iter().all(Tensor::is_consistent);
    if !fit {
        return Err(TrainError::Network("takes inputs of other shapes than were given".into()));
    }
    let device = Device::flex();
    let network = Network::new(graph, weights, operations, &device)?;
    let value = |tensor: &Tensor| {
        let dims = padded(1, tensor.shape.dims());
        let data = TensorData::new(tensor.data.clone(), dims.to_vec());
        Value::new(burn::Tensor::from_data(data, &device), &tensor.shape, Layout::First)
    };
    let outputs = network.forward(inputs.iter().map(value).collect(), &network.parameters, Mode::Infer);
    Ok(outputs.into_iter().map(floats).collect())
}

fn floats(value: Value) -> Tensor {
    let shape = value.shape().clone();
    let data = value.in_order().into_data().try_to_vec().expect("training is in 32-bit floats");
    Tensor { shape, data }
}
