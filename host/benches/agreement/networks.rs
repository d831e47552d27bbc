//! The networks: four that people know, in their published shapes, and two out of edgefit's own space. Weights are drawn by a
//! seed, which does not matter for time and memory.

use edgefit_graph::op::{Activation, Add, Dense, Flatten, LayerNorm, MatMul, MaxPool, Reshape, Softmax, Transpose};
use edgefit_graph::testing::random_weights;
use edgefit_graph::{AutoPad, Graph, NodeId, Op, Shape, Window};
use edgefit_onnx::{ExportOptions, export};
use edgefit_search::{SpaceSettings, Task, draw, space};
use rand::RngExt;

use super::chain::{Chain, Outcome};

/// A network by name, as an ONNX file.
pub(crate) struct Network {
    pub(crate) name: &'static str,
    pub(crate) model: Vec<u8>,
}

/// All of them, from about 0.05 ms to about 100 ms on one core.
pub(crate) fn all() -> Outcome<Vec<Network>> {
    let graphs = [
        ("search-8x8", searched(&[1, 8, 8])?),
        ("ds-cnn", ds_cnn()?),
        ("search-32x32", searched(&[3, 32, 32])?),
        ("transformer", transformer()?),
        ("mobilenet-v2", mobilenet_v2()?),
        ("resnet-18", resnet_18()?),
    ];
    graphs.into_iter().map(|(name, graph)| Ok(Network { name, model: model(&graph)? })).collect()
}

fn model(graph: &Graph) -> Outcome<Vec<u8>> {
    let mut rng = draw::stream(1, 0);
    let weights = random_weights(graph, &mut |n| rng.random_range(0..n));
    Ok(export(graph, &weights, &ExportOptions::default())?)
}

/// The largest of ten networks that edgefit's space for mobile inverted bottlenecks draws.
fn searched(input: &[usize]) -> Outcome<Graph> {
    let task = Task { input: Shape::from(input), classes: 10 };
    let space = space::build(&SpaceSettings::preset("mbconv"), &task)?;
    let drawn = (0..10).map(|number| space.decode(&space.sample(&mut draw::stream(1, number))));
    let graphs = drawn.collect::<Result<Vec<Graph>, _>>()?;
    graphs.into_iter().max_by_key(|graph| graph.cost().macs).ok_or_else(|| "no network was drawn".into())
}

/// The keyword spotter of MLPerf Tiny (Zhang et al. 2017): 49 frames of 10 coefficients, 64 channels, four separable blocks.
fn ds_cnn() -> Outcome<Graph> {
    let mut chain = Chain::new([1, 49, 10])?;
    let first = Window {
        kernel: vec![10, 4],
        padding_begin: vec![4, 1],
        padding_end: vec![5, 1],
        ..Window::new(2, 4, 2, AutoPad::Valid)
    };
    chain.windowed(64, first, 1, Some(Activation::Relu))?;
    for _ in 0..4 {
        chain.conv(64, 3, 1, 64, Some(Activation::Relu))?;
        chain.conv(64, 1, 1, 1, Some(Activation::Relu))?;
    }
    chain.classify(12)
}

/// MobileNetV2, width 1, 224x224 (Sandler et al. 2018, table 2).
fn mobilenet_v2() -> Outcome<Graph> {
    let mut chain = Chain::new([3, 224, 224])?;
    chain.mobilenet_v2([2, 2, 2], |width| width)?;
    chain.classify(1000)
}

/// ResNet-18, 224x224 (He et al. 2016, table 1).
fn resnet_18() -> Outcome<Graph> {
    let mut chain = Chain::new([3, 224, 224])?;
    chain.conv(64, 7, 2, 1, Some(Activation::Relu))?;
    chain.then(Op::MaxPool(MaxPool { window: Window::new(2, 3, 2, AutoPad::Same) }))?;
    for (stage, out) in [64, 128, 256, 512].into_iter().enumerate() {
        chain.basic_block(out, if stage == 0 { 1 } else { 2 })?;
        chain.basic_block(out, 1)?;
    }
    chain.classify(1000)
}

const TOKENS: usize = 64;
const WIDTH: usize = 128;
const HEADS: usize = 4;

/// Two encoder layers, normalization first (Vaswani et al. 2017; Xiong et al. 2020), over 64 tokens of 128 numbers, 4 heads.
fn transformer() -> Outcome<Graph> {
    let mut chain = Chain::new([TOKENS, WIDTH])?;
    for _ in 0..2 {
        let x = chain.at;
        let normal = chain.then(Op::LayerNorm(LayerNorm::default()))?;
        let attended = attention(&mut chain, normal)?;
        let x = chain.add(Op::Add(Add), &[attended, x])?;
        chain.then(Op::LayerNorm(LayerNorm::default()))?;
        chain.then(dense(4 * WIDTH))?;
        chain.then(Op::Activation(Activation::Gelu))?;
        let y = chain.then(dense(WIDTH))?;
        chain.add(Op::Add(Add), &[y, x])?;
    }
    chain.then(Op::Flatten(Flatten))?;
    let scores = chain.then(dense(10))?;
    Ok(chain.graph.finish(&[scores])?)
}

fn dense(out_features: usize) -> Op {
    Op::Dense(Dense { out_features, bias: true })
}

fn attention(chain: &mut Chain, x: NodeId) -> Outcome<NodeId> {
    let query = heads(chain, x, [1, 0, 2])?;
    let key = heads(chain, x, [1, 2, 0])?;
    let value = heads(chain, x, [1, 0, 2])?;
    chain.add(Op::MatMul(MatMul), &[query, key])?;
    let weights = chain.then(Op::Softmax(Softmax { axis: 2 }))?;
    chain.add(Op::MatMul(MatMul), &[weights, value])?;
    chain.then(Op::Transpose(Transpose { permutation: vec![1, 0, 2] }))?;
    chain.then(Op::Reshape(Reshape { shape: Shape::new([TOKENS, WIDTH]) }))?;
    chain.then(dense(WIDTH))
}

/// A projection, split into heads, in the order of axes that the product needs.
fn heads(chain: &mut Chain, x: NodeId, permutation: [usize; 3]) -> Outcome<NodeId> {
    chain.add(dense(WIDTH), &[x])?;
    chain.then(Op::Reshape(Reshape { shape: Shape::new([TOKENS, HEADS, WIDTH / HEADS]) }))?;
    chain.then(Op::Transpose(Transpose { permutation: permutation.to_vec() }))
}
