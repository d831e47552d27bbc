//! A made-up device for tests: kernels cost a roofline with an own efficiency each, measurements are noisy and now and then
//! disturbed. Only compiled for tests.

use edgefit_graph::op::{Activation, Add, Conv, Dense, Flatten, GlobalAvgPool, Op};
use edgefit_graph::{AutoPad, Graph, GraphBuilder, NodeId, Shape, Window};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::fusion::{FusionRule, Tract};
use crate::kernel::Kernel;
use crate::kernel_set::KernelSet;
use crate::sample::{Measured, NetworkSample, NodeTime, Provenance};
use crate::table::Table;

/// How the made-up device behaves.
pub(crate) struct Device {
    /// Standard deviation of the logarithm of a measurement.
    pub(crate) noise: f64,
    /// Share of measurements that something disturbs by a factor of 1.5.
    pub(crate) disturbed: f64,
}

impl Default for Device {
    fn default() -> Self {
        Self { noise: 0.02, disturbed: 0.02 }
    }
}

/// Uniform in [0, 1).
fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// Standard normal, by Box and Muller.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - uniform(rng)).ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform(rng)).cos()
}

fn pick(rng: &mut ChaCha8Rng, choices: &[usize]) -> usize {
    choices[(uniform(rng) * choices.len() as f64) as usize]
}

struct Block {
    builder: GraphBuilder,
    tip: NodeId,
}

impl Block {
    fn conv(&mut self, name: &str, out: usize, kernel: usize, stride: usize, groups: usize) {
        let window = Window::new(2, kernel, stride, AutoPad::Same);
        let conv = Op::Conv(Conv { out_channels: out, window, groups, bias: true });
        self.tip = self.builder.add(name, conv, &[self.tip]).unwrap();
    }

    fn act(&mut self, name: &str) {
        self.tip = self.builder.add(name, Op::Activation(Activation::Relu), &[self.tip]).unwrap();
    }

    fn bottleneck(&mut self, name: &str, out: usize, stride: usize, rng: &mut ChaCha8Rng) {
        let (start, channels) = (self.tip, self.builder.shape(self.tip).channels());
        let wide = channels * pick(rng, &[2, 3, 4]);
        self.conv(&format!("{name}.expand"), wide, 1, 1, 1);
        self.act(&format!("{name}.expand.act"));
        self.conv(&format!("{name}.depthwise"), wide, pick(rng, &[3, 5]), stride, wide);
        self.act(&format!("{name}.depthwise.act"));
        self.conv(&format!("{name}.project"), out, 1, 1, 1);
        if stride == 1 && out == channels {
            self.tip = self.builder.add(format!("{name}.add"), Op::Add(Add), &[self.tip, start]).unwrap();
        }
    }
}

/// A small network of inverted bottlenecks, drawn by `seed`.
pub(crate) fn network(seed: u64) -> Graph {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut builder = GraphBuilder::new();
    let tip = builder.input("image", Shape::new([3, 16, 16])).unwrap();
    let mut b = Block { builder, tip };
    b.conv("stem", pick(&mut rng, &[8, 16]), 3, 1, 1);
    for stage in 0..2 {
        let out = pick(&mut rng, &[8, 16, 24]);
        for block in 0..pick(&mut rng, &[1, 2, 3]) {
            b.bottleneck(&format!("stage{stage}.block{block}"), out, if block == 0 { 2 } else { 1 }, &mut rng);
        }
    }
    classified(b, 10)
}

fn classified(mut b: Block, classes: usize) -> Graph {
    let pool = b.builder.add("pool", Op::GlobalAvgPool(GlobalAvgPool), &[b.tip]).unwrap();
    let flat = b.builder.add("flatten", Op::Flatten(Flatten), &[pool]).unwrap();
    let dense = Op::Dense(Dense { out_features: classes, bias: true });
    let y = b.builder.add("classifier", dense, &[flat]).unwrap();
    b.builder.finish(&[y]).unwrap()
}

/// A network of a kind that [`network`] never draws.
fn outlandish() -> Graph {
    let mut builder = GraphBuilder::new();
    let tip = builder.input("image", Shape::new([3, 64, 64])).unwrap();
    let mut b = Block { builder, tip };
    b.conv("stem", 128, 11, 2, 1);
    b.conv("grouped", 128, 5, 1, 4);
    classified(b, 1000)
}

impl Device {
    /// What a kernel really takes, in nanoseconds. The efficiency of each shape is its own, within 20 %.
    fn kernel_ns(kernel: &Kernel) -> f64 {
        let f = &kernel.features;
        let roofline = 300.0 + f.macs * 0.12 + (f.input_bytes + f.output_bytes) * 0.05 + f.weight_bytes * 0.02;
        roofline * (0.9 + 0.2 * (kernel.hash % 1000) as f64 / 1000.0)
    }

    /// What a network really takes, in nanoseconds.
    pub(crate) fn true_ns(network: &KernelSet) -> f64 {
        2_000.0 + network.kernels().iter().map(|kernel| Self::kernel_ns(kernel) + 50.0).sum::<f64>()
    }

    pub(crate) fn kernels(&self, seed: u64) -> KernelSet {
        KernelSet::of(&network(seed), &Tract)
    }

    pub(crate) fn outlandish_kernels(&self) -> KernelSet {
        KernelSet::of(&outlandish(), &Tract)
    }

    fn noisy(&self, ns: f64, rng: &mut ChaCha8Rng) -> f64 {
        let disturbance = if uniform(rng) < self.disturbed { 1.5 } else { 1.0 };
        ns * disturbance * (self.noise * normal(rng)).exp()
    }

    /// One process, a profile with a name suffix as runtimes append it and a line that no node explains.
    pub(crate) fn measure(&self, seed: u64) -> Measured {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5eed);
        let set = self.kernels(seed);
        let latency_ns = self.noisy(Self::true_ns(&set), &mut rng);
        let timed = set.kernels().iter().zip(set.names());
        let mut profile: Vec<NodeTime> = timed
            .map(|(kernel, names)| NodeTime {
                name: format!("{}.lowered", names[0]),
                op: "Op".into(),
                time_ns: self.noisy(Self::kernel_ns(kernel) + 120.0, &mut rng),
            })
            .collect();
        profile.push(NodeTime { name: "reorder".into(), op: "Reorder".into(), time_ns: 500.0 });
        let peak = 5_000_000 + 2 * set.weight_bytes() + 3 * set.peak_activation_bytes();
        Measured {
            latency_ns: vec![latency_ns],
            profile,
            peak_memory_bytes: Some(peak + rng.next_u64() % 50_000),
            measured_at_unix_s: Some(1_760_000_000 + seed as i64),
            reference_ns: Some(10_000.0 + (seed % 7) as f64),
        }
    }

    pub(crate) fn sample(&self, seed: u64) -> NetworkSample {
        NetworkSample::new(format!("network-{seed}"), &network(seed), &Tract, self.measure(seed))
    }

    pub(crate) fn samples(&self, seeds: std::ops::Range<u64>) -> Vec<NetworkSample> {
        seeds.map(|seed| self.sample(seed)).collect()
    }
}

/// A table of the first `networks` networks, fitted.
pub(crate) fn fitted_table(device: &Device, networks: u64) -> Table {
    let mut table = Table::new(provenance()).unwrap();
    device.samples(0..networks).into_iter().for_each(|sample| table.add_sample(sample).unwrap());
    table.fit().unwrap();
    table
}

pub(crate) fn provenance() -> Provenance {
    Provenance {
        device: "made-up".into(),
        runtime: Tract.runtime().into(),
        runtime_version: "0.23.9".into(),
        threads: 1,
        agent_version: "0.1.0".into(),
        governor: Some("performance".into()),
    }
}
