//! What a network computes for one sample, in plain loops of 64-bit floats.

use crate::graph::{Graph, Node, NodeId};
use crate::op::{Activation, Op, Slice};
use crate::shape::Shape;
use crate::weights::{Role, Tensor, Weights};

use super::spatial;

/// A tensor while it is computed.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) shape: Shape,
    pub(super) data: Vec<f64>,
}

impl Value {
    pub(super) fn of(tensor: &Tensor) -> Self {
        Self { shape: tensor.shape.clone(), data: tensor.data.iter().map(|&x| f64::from(x)).collect() }
    }

    fn narrowed(&self) -> Tensor {
        Tensor { shape: self.shape.clone(), data: self.data.iter().map(|&x| x as f32).collect() }
    }
}

/// Computes the outputs for one sample: one tensor an input of the network, one tensor an output.
///
/// # Errors
/// When inputs or weights do not fit the network.
pub fn run(graph: &Graph, weights: &Weights, inputs: &[Tensor]) -> Result<Vec<Tensor>, String> {
    if let Some(mismatch) = weights.mismatch(graph) {
        return Err(mismatch);
    }
    let mut given = inputs.iter();
    let mut values: Vec<Value> = Vec::with_capacity(graph.nodes().len());
    for (id, node) in graph.iter() {
        let value = match node.op {
            Op::Input(_) => input(node, given.next())?,
            _ => Step { node, id, weights, values: &values }.value(),
        };
        assert_eq!(value.data.len() as u64, node.shape.elements(), "{} yields what its shape rule says", node.name);
        values.push(value);
    }
    Ok(graph.outputs().iter().map(|id| values[id.index()].narrowed()).collect())
}

fn input(node: &Node, tensor: Option<&Tensor>) -> Result<Value, String> {
    let tensor = tensor.ok_or_else(|| format!("no value for input {}", node.name))?;
    if tensor.shape != node.shape || !tensor.is_consistent() {
        return Err(format!("input {} is {}, the value given is {}", node.name, node.shape, tensor.shape));
    }
    Ok(Value::of(tensor))
}

/// One node with what it takes.
pub(super) struct Step<'a> {
    node: &'a Node,
    id: NodeId,
    weights: &'a Weights,
    values: &'a [Value],
}

impl Step<'_> {
    pub(super) fn input(&self, position: usize) -> &Value {
        &self.values[self.node.inputs[position].index()]
    }

    pub(super) fn output_shape(&self) -> &Shape {
        &self.node.shape
    }

    pub(super) fn param(&self, role: Role) -> Option<Value> {
        self.weights.get(self.id, role).map(Value::of)
    }

    fn needed(&self, role: Role) -> Vec<f64> {
        self.param(role).expect("weights fit the graph").data
    }

    fn value(&self) -> Value {
        Value { shape: self.node.shape.clone(), data: self.data() }
    }

    fn data(&self) -> Vec<f64> {
        let x = &self.input(0).data;
        match &self.node.op {
            Op::Input(_) => unreachable!("inputs are given, not computed"),
            Op::Conv(op) => spatial::conv(self, op),
            Op::BatchNorm(op) => self.batch_norm(f64::from(op.epsilon())),
            Op::Activation(op) => x.iter().map(|&x| activation(*op, x)).collect(),
            Op::MaxPool(op) => spatial::pool(self, &op.window, spatial::maximum),
            Op::AvgPool(op) => spatial::pool(self, &op.window, spatial::mean(op.count_include_pad)),
            Op::GlobalAvgPool(_) => self.global_avg_pool(),
            Op::Dense(_) => self.dense(),
            Op::Add(_) => self.elementwise(|a, b| a + b),
            Op::Mul(_) => self.elementwise(|a, b| a * b),
            Op::Concat(op) => self.concat(op.axis),
            Op::Slice(op) => self.slice(op),
            Op::Softmax(op) => self.softmax(op.axis),
            Op::LayerNorm(op) => self.layer_norm(f64::from(op.epsilon())),
            Op::MatMul(_) => self.matmul(),
            Op::Reshape(_) | Op::Flatten(_) | Op::Identity(_) => x.clone(),
            Op::Transpose(op) => self.transpose(&op.permutation),
            Op::Zero(_) => vec![0.0; x.len()],
        }
    }

    fn batch_norm(&self, epsilon: f64) -> Vec<f64> {
        let (scale, shift) = (self.needed(Role::Scale), self.needed(Role::Shift));
        let (mean, variance) = (self.needed(Role::RunningMean), self.needed(Role::RunningVariance));
        let x = self.input(0);
        let inner = x.data.len() / x.shape.channels();
        let normalize = |(i, &x): (usize, &f64)| {
            let c = i / inner;
            scale[c] * (x - mean[c]) / (variance[c] + epsilon).sqrt() + shift[c]
        };
        x.data.iter().enumerate().map(normalize).collect()
    }

    fn layer_norm(&self, epsilon: f64) -> Vec<f64> {
        let (scale, shift) = (self.needed(Role::Scale), self.needed(Role::Shift));
        let row = |row: &[f64]| {
            let mean = row.iter().sum::<f64>() / row.len() as f64;
            let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / row.len() as f64;
            let normalize = |(i, x): (usize, &f64)| scale[i] * (x - mean) / (variance + epsilon).sqrt() + shift[i];
            row.iter().enumerate().map(normalize).collect::<Vec<f64>>()
        };
        self.input(0).data.chunks(scale.len()).flat_map(row).collect()
    }

    fn global_avg_pool(&self) -> Vec<f64> {
        let x = self.input(0);
        let positions = x.data.len() / x.shape.channels();
        x.data.chunks(positions).map(|channel| channel.iter().sum::<f64>() / positions as f64).collect()
    }

    fn dense(&self) -> Vec<f64> {
        let weight = self.needed(Role::Weight);
        let bias = self.param(Role::Bias).map(|b| b.data);
        let (ins, outs) = (self.input(0).shape.last(), self.output_shape().last());
        let dot = |row: &[f64], o: usize| (0..ins).map(|i| row[i] * weight[i * outs + o]).sum::<f64>();
        let output = |row: &[f64], o: usize| dot(row, o) + bias.as_ref().map_or(0.0, |b| b[o]);
        self.input(0)
            .data
            .chunks(ins)
            .flat_map(|row| (0..outs).map(move |o| (row, o)))
            .map(|(r, o)| output(r, o))
            .collect()
    }

    fn matmul(&self) -> Vec<f64> {
        let (a, b) = (self.input(0), self.input(1));
        let (k, n) = (a.shape.last(), b.shape.last());
        let m = a.shape.dims()[a.shape.rank() - 2];
        let product = |(a, b): (&[f64], &[f64])| {
            let dot = |i: usize, j: usize| (0..k).map(|l| a[i * k + l] * b[l * n + j]).sum::<f64>();
            (0..m * n).map(|at| dot(at / n, at % n)).collect::<Vec<f64>>()
        };
        a.data.chunks(m * k).zip(b.data.chunks(k * n)).flat_map(product).collect()
    }

    fn elementwise(&self, combine: impl Fn(f64, f64) -> f64) -> Vec<f64> {
        let (a, b) = (self.input(0), self.input(1));
        let at = |index: &[usize]| combine(a.data[offset(&a.shape, index)], b.data[offset(&b.shape, index)]);
        indices(self.output_shape()).map(|index| at(&index)).collect()
    }

    fn concat(&self, axis: usize) -> Vec<f64> {
        let element = |mut index: Vec<usize>| {
            let mut inputs = (0..self.node.inputs.len()).map(|i| self.input(i));
            loop {
                let part = inputs.next().expect("the output is as long as its parts");
                let length = part.shape.dims()[axis];
                if index[axis] < length {
                    break part.data[offset(&part.shape, &index)];
                }
                index[axis] -= length;
            }
        };
        indices(self.output_shape()).map(element).collect()
    }

    fn slice(&self, op: &Slice) -> Vec<f64> {
        let x = self.input(0);
        let element = |mut index: Vec<usize>| {
            index[op.axis] += op.start;
            x.data[offset(&x.shape, &index)]
        };
        indices(self.output_shape()).map(element).collect()
    }

    fn softmax(&self, axis: usize) -> Vec<f64> {
        let x = self.input(0);
        let length = x.shape.dims()[axis];
        let line = |index: &[usize]| {
            let mut index = index.to_vec();
            let element = move |i| {
                index[axis] = i;
                x.data[offset(&x.shape, &index)]
            };
            (0..length).map(element).collect::<Vec<f64>>()
        };
        let element = |index: Vec<usize>| {
            let line = line(&index);
            let most = line.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = line.iter().map(|x| (x - most).exp()).sum();
            (line[index[axis]] - most).exp() / sum
        };
        indices(&x.shape).map(element).collect()
    }

    fn transpose(&self, permutation: &[usize]) -> Vec<f64> {
        let x = self.input(0);
        let source = |index: Vec<usize>| {
            let mut from = vec![0; index.len()];
            permutation.iter().zip(&index).for_each(|(&axis, &i)| from[axis] = i);
            x.data[offset(&x.shape, &from)]
        };
        indices(self.output_shape()).map(source).collect()
    }
}

/// Every index of a tensor, in row-major order.
fn indices(shape: &Shape) -> impl Iterator<Item = Vec<usize>> {
    let dims = shape.dims().to_vec();
    (0..shape.elements() as usize).map(move |mut at| {
        let mut index = vec![0; dims.len()];
        for (i, &dim) in index.iter_mut().zip(&dims).rev() {
            *i = at % dim;
            at /= dim;
        }
        index
    })
}

/// Row-major position of an index; along a dimension of 1 every index means the first.
fn offset(shape: &Shape, index: &[usize]) -> usize {
    shape.dims().iter().zip(index).fold(0, |at, (&dim, &i)| at * dim + if dim == 1 { 0 } else { i })
}

fn activation(op: Activation, x: f64) -> f64 {
    let hard_sigmoid = (x / 6.0 + 0.5).clamp(0.0, 1.0);
    let sigmoid = 1.0 / (1.0 + (-x).exp());
    match op {
        Activation::Relu => x.max(0.0),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::HardSwish => x * hard_sigmoid,
        Activation::HardSigmoid => hard_sigmoid,
        Activation::Sigmoid => sigmoid,
        Activation::Silu => x * sigmoid,
        Activation::Gelu => x * (1.0 + erf(x / std::f64::consts::SQRT_2)) / 2.0,
    }
}

/// The error function by its series of positive terms (Abramowitz and Stegun 1964, 7.1.6).
fn erf(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return x.signum();
    }
    let next = |&(n, term): &(f64, f64)| Some((n + 1.0, term * 2.0 * x * x / (2.0 * n + 3.0)));
    let sum: f64 = std::iter::successors(Some((0.0, x)), next).take(200).map(|(_, term)| term).sum();
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

#[cfg(test)]
mod tests {
    use super::{activation, erf, run};
    use crate::op::{Activation, Concat, Dense, Op, Slice, Softmax, Transpose};
    use crate::{GraphBuilder, NodeId, ParamId, Role, Shape, Tensor, Weights};

    #[track_caller]
    fn check(op: Op, inputs: &[(&[usize], &[f32])], expected: &[f32]) {
        let mut b = GraphBuilder::new();
        let named = inputs.iter().enumerate();
        let ids: Vec<NodeId> =
            named.map(|(i, (dims, _))| b.input(format!("x{i}"), Shape::from(*dims)).unwrap()).collect();
        let y = b.add("y", op, &ids).unwrap();
        let graph = b.finish(&[y]).unwrap();
        let tensors: Vec<Tensor> =
            inputs.iter().map(|(dims, data)| Tensor { shape: Shape::from(*dims), data: data.to_vec() }).collect();
        let outputs = run(&graph, &Weights::new(), &tensors).unwrap();
        assert_eq!(outputs[0].data, expected);
    }

    #[test]
    fn moves_elements() {
        let x: (&[usize], &[f32]) = (&[2, 3], &[1., 2., 3., 4., 5., 6.]);
        check(Op::Transpose(Transpose { permutation: vec![1, 0] }), &[x], &[1., 4., 2., 5., 3., 6.]);
        check(Op::Concat(Concat { axis: 1 }), &[x, (&[2, 1], &[7., 8.])], &[1., 2., 3., 7., 4., 5., 6., 8.]);
        check(Op::Slice(Slice { axis: 1, start: 1, length: 2 }), &[x], &[2., 3., 5., 6.]);
        check(Op::Softmax(Softmax { axis: 0 }), &[(&[2, 2], &[0., 9., 0., 9.])], &[0.5; 4]);
    }

    #[test]
    fn multiplies_by_weights() {
        let mut b = GraphBuilder::new();
        let x = b.input("x", Shape::new([2])).unwrap();
        let y = b.add("y", Op::Dense(Dense { out_features: 3, bias: true }), &[x]).unwrap();
        let graph = b.finish(&[y]).unwrap();
        let mut weights = Weights::new();
        let weight = Tensor { shape: Shape::new([2, 3]), data: vec![1., 2., 3., 4., 5., 6.] };
        weights.insert(ParamId { node: y, role: Role::Weight }, weight);
        weights
            .insert(ParamId { node: y, role: Role::Bias }, Tensor { shape: Shape::new([3]), data: vec![0., 0.5, 1.] });
        let x = Tensor { shape: Shape::new([2]), data: vec![1., 10.] };
        assert_eq!(run(&graph, &weights, &[x]).unwrap()[0].data, [41., 52.5, 64.]);
    }

    #[test]
    fn knows_the_functions() {
        for (x, expected) in [(0.0, 0.0), (0.5, 0.520_499_877_813), (-2.0, -0.995_322_265_019), (5.9, 1.0), (9.0, 1.0)]
        {
            assert!((erf(x) - expected).abs() < 1e-11, "erf {x} = {}", erf(x));
        }
        let at_one = [1.0, 1.0, 2.0 / 3.0, 2.0 / 3.0, 0.731_058_578_63, 0.731_058_578_63, 0.841_344_746_07];
        for (op, expected) in Activation::ALL.into_iter().zip(at_one) {
            assert!((activation(op, 1.0) - expected).abs() < 1e-10, "{op:?}");
        }
    }
}
