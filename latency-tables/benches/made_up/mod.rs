//! Networks and measurements for the benchmarks, drawn by a seed.

use edgefit_graph::op::{Activation, Add, Conv, Dense, Flatten, GlobalAvgPool, Op};
use edgefit_graph::{AutoPad, Graph, GraphBuilder, NodeId, Shape, Window};
use edgefit_latency::{Kernel, KernelSet, Measured, NodeTime, Provenance, Table};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn pick(rng: &mut ChaCha8Rng, choices: &[usize]) -> usize {
    choices[rng.next_u32() as usize % choices.len()]
}

struct Draw {
    builder: GraphBuilder,
    tip: NodeId,
}

impl Draw {
    fn add(&mut self, name: String, op: Op, inputs: &[NodeId]) {
        self.tip = self.builder.add(name, op, inputs).expect("the drawn networks are right");
    }

    fn conv(&mut self, name: String, out_channels: usize, kernel: usize, stride: usize, groups: usize) {
        let window = Window::new(2, kernel, stride, AutoPad::Same);
        self.add(name, Op::Conv(Conv { out_channels, window, groups, bias: true }), &[self.tip]);
    }

    fn bottleneck(&mut self, name: &str, out: usize, stride: usize, rng: &mut ChaCha8Rng) {
        let (start, channels) = (self.tip, self.builder.shape(self.tip).channels());
        let wide = channels * pick(rng, &[2, 3, 4, 6]);
        self.conv(format!("{name}.expand"), wide, 1, 1, 1);
        self.add(format!("{name}.expand.act"), Op::Activation(Activation::HardSwish), &[self.tip]);
        self.conv(format!("{name}.depthwise"), wide, pick(rng, &[3, 5, 7]), stride, wide);
        self.add(format!("{name}.depthwise.act"), Op::Activation(Activation::HardSwish), &[self.tip]);
        self.conv(format!("{name}.project"), out, 1, 1, 1);
        if stride == 1 && out == channels {
            self.add(format!("{name}.add"), Op::Add(Add), &[self.tip, start]);
        }
    }
}

/// A network of three stages of inverted bottlenecks at 32x32.
pub(crate) fn network(seed: u64) -> Graph {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut builder = GraphBuilder::new();
    let tip = builder.input("image", Shape::new([3, 32, 32])).expect("the first node");
    let mut draw = Draw { builder, tip };
    draw.conv("stem".into(), 16, 3, 1, 1);
    for stage in 0..3 {
        let out = pick(&mut rng, &[16, 24, 32]) << stage;
        for block in 0..pick(&mut rng, &[1, 2, 3]) {
            draw.bottleneck(&format!("stage{stage}.block{block}"), out, if block == 0 { 2 } else { 1 }, &mut rng);
        }
    }
    draw.add("pool".into(), Op::GlobalAvgPool(GlobalAvgPool), &[draw.tip]);
    draw.add("flatten".into(), Op::Flatten(Flatten), &[draw.tip]);
    draw.add("classifier".into(), Op::Dense(Dense { out_features: 10, bias: true }), &[draw.tip]);
    draw.builder.finish(&[draw.tip]).expect("it has an input and an output")
}

fn kernel_ns(kernel: &Kernel) -> f64 {
    500.0 + kernel.features.macs * 0.1 + kernel.features.bytes() * 0.03 * (1.0 + (kernel.hash % 100) as f64 / 500.0)
}

fn measured(network: &KernelSet, rng: &mut ChaCha8Rng) -> Measured {
    let mut noisy = |ns: f64| ns * (1.0 + f64::from(rng.next_u32() % 400) / 10_000.0);
    let line = |(kernel, nodes): (&Kernel, &Vec<String>), time_ns| NodeTime {
        name: nodes[0].clone(),
        op: kernel.kind.name().into(),
        time_ns,
    };
    let lines = network.kernels().iter().zip(network.names());
    let profile: Vec<NodeTime> = lines.map(|(kernel, nodes)| line((kernel, nodes), noisy(kernel_ns(kernel)))).collect();
    let latency_ns = noisy(2_000.0 + profile.iter().map(|line| line.time_ns).sum::<f64>());
    Measured { latency_ns: vec![latency_ns; 3], profile, peak_memory_bytes: Some(4 << 20), ..Measured::default() }
}

/// A table of so many networks, not fitted.
pub(crate) fn table(networks: u64) -> Table {
    let provenance = Provenance {
        device: "made-up".into(),
        runtime: "tract".into(),
        runtime_version: "0".into(),
        threads: 1,
        agent_version: "0".into(),
        governor: None,
    };
    let mut table = Table::new(provenance).expect("tract is known");
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    for seed in 0..networks {
        let graph = network(seed);
        let measured = measured(&KernelSet::of(&graph, table.rule()), &mut rng);
        table.add(format!("network-{seed}"), &graph, measured).expect("the drawn samples are right");
    }
    table
}
