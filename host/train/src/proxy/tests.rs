//! What every proxy must do, run for each one listed, and what single ones promise.

use edgefit_graph::op::{Activation, BatchNorm, Conv, Dense, Flatten, GlobalAvgPool, Zero};
use edgefit_graph::{AutoPad, Graph, GraphBuilder, NodeId, Op, Shape, Window};

use super::{PROXIES, Probe, proxy, score};
use crate::data::{Dataset, Source, Splits, format};

fn probe(images: usize) -> Probe {
    let format = format("digits").expect("the digits are bundled");
    let data = Dataset::load(format, &Source::default(), &Splits::default(), 1).expect("the bundled set is whole");
    Probe::new(&data, images, 1)
}

struct Chain {
    builder: GraphBuilder,
    at: NodeId,
}

impl Chain {
    fn then(&mut self, op: Op) {
        let name = format!("{}{}", op.name(), self.at.index());
        self.at = self.builder.add(name, op, &[self.at]).unwrap();
    }

    fn conv(&mut self, out_channels: usize, norm: bool) {
        let window = Window::new(2, 3, 1, AutoPad::Same);
        self.then(Op::Conv(Conv { out_channels, window, groups: 1, bias: false }));
        if norm {
            self.then(Op::BatchNorm(BatchNorm::default()));
        }
        self.then(Op::Activation(Activation::Relu));
    }

    fn finish(mut self) -> Graph {
        self.then(Op::GlobalAvgPool(GlobalAvgPool));
        self.then(Op::Flatten(Flatten));
        self.then(Op::Dense(Dense { out_features: 10, bias: true }));
        self.builder.finish(&[self.at]).unwrap()
    }
}

fn chain(size: usize) -> Chain {
    let mut builder = GraphBuilder::new();
    let at = builder.input("image", Shape::new([1, size, size])).unwrap();
    Chain { builder, at }
}

fn network(width: usize, layers: usize) -> Graph {
    let mut chain = chain(8);
    (0..layers).for_each(|_| chain.conv(width, true));
    chain.finish()
}

#[test]
fn scores_are_finite_repeat_and_prefer_capacity() {
    let probe = probe(16);
    for proxy in PROXIES {
        let of = |width| score(proxy, &network(width, 2), &probe).unwrap().unwrap();
        let (small, large) = (of(2), of(24));
        assert_eq!(small, of(2), "{} differs on the same network", proxy.name());
        assert!(large > small, "{}: {large} for the wide network, {small} for the narrow one", proxy.name());
    }
}

#[test]
fn names_are_those_of_the_proxies_and_distinct() {
    for known in PROXIES {
        assert_eq!(proxy(known.name()).map(|p| p.name()), Some(known.name()));
    }
    assert!(proxy("oracle").is_none());
}

#[test]
fn a_network_that_ignores_its_input_has_no_score_from_data() {
    let mut chain = chain(8);
    chain.conv(4, true);
    chain.then(Op::Zero(Zero));
    chain.conv(4, true);
    let (graph, probe) = (chain.finish(), probe(16));
    for name in ["jacov", "synflow"] {
        assert_eq!(score(proxy(name).unwrap(), &graph, &probe).unwrap(), None, "{name}");
    }
}

#[test]
fn images_of_another_size_are_refused() {
    let mut chain = chain(9);
    chain.conv(4, true);
    let graph = chain.finish();
    for name in ["naswot", "jacov", "grad_norm", "snip", "synflow"] {
        assert!(score(proxy(name).unwrap(), &graph, &probe(8)).is_err(), "{name}");
    }
}

/// Every path has the same number of kernels, so each kernel carries the whole flow, and a factor on one scales it.
#[test]
fn synflow_counts_the_flow_once_a_kernel_and_survives_depth() {
    let flow = |layers| score(proxy("synflow").unwrap(), &network(8, layers), &probe(4)).unwrap().unwrap();
    // 8 channels of 9 taps sum to about 13 in magnitude: 10^90 after 80 layers, which no 32-bit float holds.
    let (shallow, deep) = (flow(2), flow(80));
    assert!(deep > shallow + 100.0 && deep.is_finite(), "{shallow} and {deep}");
}
