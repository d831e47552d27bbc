//! A written network in 8 bits, as ONNX's own pairs of `QuantizeLinear` and `DequantizeLinear` (QDQ) around what runtimes can run so.
//!
//! Weights of convolutions and dense layers are symmetric, with a scale for each output channel; activations have one scale and zero
//! point for each tensor, from the range that was seen of it; biases have 32 bits and the product of both scales (Jacob et al. 2018,
//! "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference"). The outputs stay floats.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use rten_onnx::onnx::{DataType, GraphProto, NodeProto, TensorProto};

use super::names::Names;
use super::proto;

/// Operators that take and give 8 bits.
const QUANTIZED: [&str; 12] = [
    "Conv",
    "Gemm",
    "MatMul",
    "Add",
    "Mul",
    "Relu",
    "Clip",
    "MaxPool",
    "AveragePool",
    "GlobalAveragePool",
    "Concat",
    "Flatten",
];

/// Largest magnitude of a weight.
const WEIGHT_LIMIT: f32 = 127.0;

/// Largest magnitude of a bias, with room for the sum that it begins.
const BIAS_LIMIT: f32 = (1u32 << 30) as f32;

/// Scale and zero point of a tensor: `x = (q - zero_point) * scale` with `q` from -128 to 127.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Grid {
    scale: f32,
    zero_point: i8,
}

impl Grid {
    /// The finest that holds a range and zero.
    fn of((low, high): (f32, f32)) -> Self {
        let (low, high) = (low.min(0.0), high.max(0.0));
        let scale = ((high - low) / 255.0).max(f32::MIN_POSITIVE);
        Self { scale, zero_point: (-128.0 - low / scale).round().clamp(-128.0, 127.0) as i8 }
    }
}

/// Puts a network that was just written into 8 bits. `ranges` has the lowest and highest value of each activation by its name.
pub(super) fn quantize(graph: &mut GraphProto, names: &mut Names, ranges: &BTreeMap<String, (f32, f32)>) {
    let quantized = tensors(graph, ranges);
    let mut pass =
        Pass { names, grids: BTreeMap::new(), nodes: Vec::new(), constants: Vec::new(), replaced: BTreeMap::new() };
    for input in graph.input.iter().filter_map(|info| info.name.as_deref()).filter(|name| quantized.contains(*name)) {
        pass.pair(input, Grid::of(ranges[input]));
    }
    for mut node in std::mem::take(&mut graph.node) {
        pass.parameters(&mut node, &mut graph.initializer);
        for input in &mut node.input {
            if let Some(name) = pass.replaced.get(input) {
                *input = name.clone();
            }
        }
        let outputs = node.output.clone();
        pass.nodes.push(node);
        for output in outputs.iter().filter(|name| quantized.contains(*name)) {
            pass.pair(output, Grid::of(ranges[output]));
        }
    }
    graph.node = pass.nodes;
    graph.initializer.extend(pass.constants);
}

/// Activations that get a pair: those that a quantized operator takes or gives, except outputs of the network and what goes from an
/// operator into a nonlinearity that runtimes fuse with it.
fn tensors(graph: &GraphProto, ranges: &BTreeMap<String, (f32, f32)>) -> BTreeSet<String> {
    let is_quantized = |node: &NodeProto| QUANTIZED.contains(&node.op_type.as_deref().unwrap_or_default());
    let outputs: BTreeSet<&str> = graph.output.iter().filter_map(|info| info.name.as_deref()).collect();
    let nodes = || graph.node.iter().filter(|node| is_quantized(node));
    let touched = nodes().flat_map(|node| node.input.iter().chain(&node.output));
    let readers = |name: &String| graph.node.iter().filter(move |node| node.input.contains(name)).collect::<Vec<_>>();
    let fuses = |node: &NodeProto| matches!(node.op_type.as_deref(), Some("Relu" | "Clip"));
    let made_by_sum = |name: &String| {
        let maker = graph.node.iter().find(|node| node.output.contains(name));
        maker.is_some_and(|node| matches!(node.op_type.as_deref(), Some("Conv" | "Gemm" | "Add")))
    };
    let is_fused = |name: &String| match readers(name).as_slice() {
        [only] => fuses(only) && made_by_sum(name),
        _ => false,
    };
    let is_kept = |name: &&String| ranges.contains_key(*name) && !outputs.contains(name.as_str()) && !is_fused(name);
    touched.filter(is_kept).cloned().collect()
}

struct Pass<'a> {
    names: &'a mut Names,
    /// Grids of the tensors that have a pair, under their new names.
    grids: BTreeMap<String, Grid>,
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
    /// The name under which a tensor is read from now on.
    replaced: BTreeMap<String, String>,
}

impl Pass<'_> {
    /// Rounds a tensor to its grid.
    fn pair(&mut self, name: &str, grid: Grid) {
        let scale = self.constant(&format!("{name}.scale"), DataType::FLOAT, &[], grid.scale.to_le_bytes().to_vec());
        let zero =
            self.constant(&format!("{name}.zero_point"), DataType::INT8, &[], grid.zero_point.to_le_bytes().to_vec());
        let bits = self.node(
            "QuantizeLinear",
            &format!("{name}/quantize"),
            vec![name.to_owned(), scale.clone(), zero.clone()],
            None,
        );
        let value = self.node("DequantizeLinear", &format!("{name}/dequantize"), vec![bits, scale, zero], None);
        self.grids.insert(value.clone(), grid);
        self.replaced.insert(name.to_owned(), value);
    }

    /// Puts weight and bias of a convolution or a dense layer into integers.
    fn parameters(&mut self, node: &mut NodeProto, constants: &mut Vec<TensorProto>) {
        let axis = match node.op_type.as_deref() {
            Some("Conv") => 0,
            Some("Gemm" | "MatMul") => 1,
            _ => return,
        };
        let input = node.input.first().and_then(|name| self.replaced.get(name)).and_then(|name| self.grids.get(name));
        let Some(input) = input.copied() else { return };
        let Some(weight) = node.input.get(1).and_then(|name| take(constants, name)) else { return };
        let bias = node.input.get(2).and_then(|name| take(constants, name));
        let biases = bias.as_ref().map(floats).unwrap_or_default();
        let (name, values) = (weight.name.clone().unwrap_or_default(), floats(&weight));
        let (channels, inner) = (weight.dims[axis] as usize, weight.dims[axis + 1..].iter().product::<i64>() as usize);
        let channel_of = |at: usize| at / inner % channels;
        let mut largest = vec![0f32; channels];
        values.iter().enumerate().for_each(|(at, w)| largest[channel_of(at)] = largest[channel_of(at)].max(w.abs()));
        let scale_of = |(channel, largest): (usize, &f32)| {
            let for_bias = biases.get(channel).map_or(0.0, |b| b.abs() / (input.scale * BIAS_LIMIT));
            let scale = (largest / WEIGHT_LIMIT).max(for_bias);
            if scale > 0.0 { scale } else { 1.0 }
        };
        let scales: Vec<f32> = largest.iter().enumerate().map(scale_of).collect();
        let bits = values
            .iter()
            .enumerate()
            .map(|(at, w)| (w / scales[channel_of(at)]).round().clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT) as i8);
        let bits: Vec<u8> = bits.map(i8::cast_unsigned).collect();
        node.input[1] = self.integers(&name, (DataType::INT8, bits), &weight.dims, &scales, axis);
        if let Some(bias) = bias {
            let scales: Vec<f32> = scales.iter().map(|scale| scale * input.scale).collect();
            let bits = biases.iter().zip(&scales).map(|(b, scale)| (b / scale).round() as i32);
            let bits = bits.flat_map(i32::to_le_bytes).collect();
            let name = bias.name.clone().unwrap_or_default();
            node.input[2] = self.integers(&name, (DataType::INT32, bits), &bias.dims, &scales, 0);
        }
    }

    /// A constant of integers with a scale for each channel, and the node that makes floats of it.
    fn integers(&mut self, name: &str, bits: (DataType, Vec<u8>), dims: &[i64], scales: &[f32], axis: usize) -> String {
        let width = if bits.0 == DataType::INT8 { 1 } else { 4 };
        let list = [scales.len() as i64];
        let dims: Vec<i64> = dims.to_vec();
        let scale = self.constant(
            &format!("{name}.scale"),
            DataType::FLOAT,
            &list,
            scales.iter().flat_map(|s| s.to_le_bytes()).collect(),
        );
        let zero = self.constant(&format!("{name}.zero_point"), bits.0, &list, vec![0; width * scales.len()]);
        let bits = self.constant(&format!("{name}.int"), bits.0, &dims, bits.1);
        self.node("DequantizeLinear", &format!("{name}/dequantize"), vec![bits, scale, zero], Some(axis))
    }

    fn constant(&mut self, name: &str, kind: DataType, dims: &[i64], raw: Vec<u8>) -> String {
        let name = self.names.fresh(name);
        self.constants.push(TensorProto {
            name: Some(name.clone()),
            data_type: Some(kind),
            dims: dims.to_vec(),
            raw_data: Some(RefCell::new(raw)),
            ..TensorProto::default()
        });
        name
    }

    fn node(&mut self, op_type: &str, name: &str, input: Vec<String>, axis: Option<usize>) -> String {
        let name = self.names.fresh(name);
        self.nodes.push(NodeProto {
            op_type: Some(op_type.to_owned()),
            name: Some(name.clone()),
            input,
            output: vec![name.clone()],
            attribute: axis.map(|axis| proto::int("axis", axis as i64)).into_iter().collect(),
            domain: None,
        });
        name
    }
}

/// Takes a constant of floats out of the file.
fn take(constants: &mut Vec<TensorProto>, name: &str) -> Option<TensorProto> {
    let at = constants.iter().position(|tensor| tensor.name.as_deref() == Some(name))?;
    Some(constants.remove(at))
}

/// The numbers of a constant that this crate wrote.
fn floats(tensor: &TensorProto) -> Vec<f32> {
    let raw = tensor.raw_data.as_ref().map(|raw| raw.borrow().clone()).unwrap_or_default();
    raw.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_holds_its_range_and_zero_exactly() {
        for range in [(0.0, 6.0), (-1.0, 3.0), (2.0, 5.0), (-4.0, -1.0), (0.0, 0.0)] {
            let Grid { scale, zero_point } = Grid::of(range);
            let value = |q: i8| (f32::from(q) - f32::from(zero_point)) * scale;
            assert!(value(-128) <= range.0.min(0.0) + scale && value(127) >= range.1.max(0.0) - scale, "{range:?}");
            assert_eq!(value(zero_point), 0.0);
        }
        assert_eq!(Grid::of((0.0, 255.0)), Grid { scale: 1.0, zero_point: -128 });
    }
}
