//! A known fault of tract 0.23.9, and the networks that it keeps out of the comparison.
//!
//! tract writes a convolution whose stride skips whole taps (kernel 1, or a dilation that the stride divides, without
//! padding) as a downsampling in front of another convolution, and then moves the downsampling further up. Past a
//! reshape that is an error when the model is loaded; past a softmax over the same axis the values are wrong. No search
//! space builds such networks. When a test says that the fault is gone, remove this file.

use edgefit_agent::runtimes::Runtime;
use edgefit_graph::op::{Conv, Reshape, Softmax};
use edgefit_graph::{AutoPad, Graph, GraphBuilder, NodeId, Op, Shape, Window};
use edgefit_train::Operations;

use super::cases::Case;
use super::{difference, runtimes, samples};

/// Whether tract may move a downsampling past a reshape or a softmax of this network.
pub(super) fn concerns(graph: &Graph) -> bool {
    graph.nodes().iter().any(|node| is_downsampling(&node.op) && node.inputs.iter().any(|&id| is_behind(graph, id)))
}

fn is_downsampling(op: &Op) -> bool {
    let Op::Conv(Conv { window, .. }) = op else { return false };
    (0..window.axes()).any(|axis| {
        let is_unpadded = window.padding_begin[axis] == 0 && window.padding_end[axis] == 0;
        let skips_taps = window.kernel[axis] == 1 || window.dilation[axis].is_multiple_of(window.stride[axis]);
        window.stride[axis] > 1 && is_unpadded && skips_taps
    })
}

/// Whether the node, or one that it depends on, is a reshape or a softmax.
fn is_behind(graph: &Graph, id: NodeId) -> bool {
    let node = graph.node(id);
    matches!(node.op, Op::Reshape(_) | Op::Softmax(_)) || node.inputs.iter().any(|&id| is_behind(graph, id))
}

/// Whether tract still gets both networks wrong.
pub(super) fn is_there(tract: &dyn Runtime) -> Result<bool, String> {
    let reshape = Op::Reshape(Reshape { shape: Shape::new([8, 4, 8]) });
    let softmax = Op::Softmax(Softmax { axis: 1 });
    Ok(disagrees(tract, reshape)? && disagrees(tract, softmax)?)
}

fn disagrees(tract: &dyn Runtime, first: Op) -> Result<bool, String> {
    let case = Case::of("fault of tract", strided_behind(first)?);
    let expected = samples::in_burn(&case, Operations::Kernels)?;
    Ok(runtimes::outputs(tract, &case).and_then(|found| difference(&expected, &found)).is_err())
}

/// A pointwise convolution of stride 2 behind the operator.
fn strided_behind(first: Op) -> Result<Graph, String> {
    let window = Window::new(2, 1, 2, AutoPad::Valid);
    let conv = Op::Conv(Conv { out_channels: 4, window, groups: 1, bias: true });
    let mut builder = GraphBuilder::new();
    let build = |builder: &mut GraphBuilder| {
        let input = builder.input("input", Shape::new([4, 8, 8]))?;
        let first = builder.add("first", first, &[input])?;
        builder.add("strided", conv, &[first])
    };
    let output = build(&mut builder).map_err(|error| error.to_string())?;
    builder.finish(&[output]).map_err(|error| error.to_string())
}
