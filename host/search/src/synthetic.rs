//! A made-up world in which nothing needs to be trained or measured: for comparing strategies in seconds.
//!
//! Latency is a sum over nodes, with slow depthwise convolutions. The error falls with the logarithm of the MACs and
//! parameters and saturates; each option of each choice and each
//! pair of neighboring options moves it, and training adds noise. The shape is that of small
//! networks on small images; no figure of it says anything about a real task.

use edgefit_graph::Graph;
use edgefit_graph::op::Op;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::draw;
use crate::genotype::Genotype;
use crate::metric::Metric;
use crate::reading::{Readings, Value};

/// One such world.
#[derive(Debug, Clone, Copy)]
pub struct Synthetic {
    /// Another seed gives other effects of the options.
    pub seed: u64,
    /// Standard deviation of the accuracy between trainings of one network, as a share of its error.
    pub training_noise: f64,
    /// Standard deviation of a latency prediction, as a share of the latency.
    pub prediction_noise: f64,
}

/// Time that a node takes besides its arithmetic, ms.
const NODE_MS: f64 = 0.001;

/// Multiply-accumulates a millisecond of depthwise and of other convolutions.
const DEPTHWISE_RATE: f64 = 1e6;
const RATE: f64 = 8e6;

/// Standard deviation of the effect of one option on the logarithm of the error.
const EFFECT: f64 = 0.1;

/// The same of two options of neighboring choices together, beyond their own.
const JOINT_EFFECT: f64 = 0.06;

/// Power by which the error falls with the share of the epochs.
const LEARNING: f64 = 0.3;

impl Synthetic {
    /// What a predictor would say before training.
    pub fn predict(&self, graph: &Graph, genotype: &Genotype) -> Readings {
        let noise = 1.0 + self.prediction_noise * self.normal(genotype, 1);
        let latency = self.latency_ms(graph) * noise;
        Readings::new().with(Metric::LatencyMs, Value::predicted(latency, None, "synthetic table"))
    }

    /// What training and measuring would give.
    pub fn train(&self, graph: &Graph, genotype: &Genotype) -> Readings {
        self.train_partly(graph, genotype, 1.0)
    }

    /// The same after a share of the epochs: the error falls with their number, by a power that differs between networks.
    pub fn train_partly(&self, graph: &Graph, genotype: &Genotype, share: f64) -> Readings {
        let noise = (self.training_noise * self.normal(genotype, 2)).exp();
        let power = LEARNING * (1.0 + 0.3 * self.normal(genotype, 3)).max(0.1);
        let accuracy = 1.0 - (self.error(graph, genotype) * noise * share.powf(-power)).min(0.9);
        Readings::new()
            .with(Metric::Accuracy, Value::measured(accuracy, None, "synthetic training"))
            .with(Metric::LatencyMs, Value::measured(self.latency_ms(graph), None, "synthetic device"))
    }

    /// Latency without noise, ms.
    pub fn latency_ms(&self, graph: &Graph) -> f64 {
        let node_ms = |node: &edgefit_graph::Node| {
            let depthwise = matches!(&node.op, Op::Conv(conv) if conv.groups > 1);
            NODE_MS + graph.node_cost(node).macs as f64 / if depthwise { DEPTHWISE_RATE } else { RATE }
        };
        graph.nodes().iter().filter(|node| !matches!(node.op, Op::BatchNorm(_))).map(node_ms).sum()
    }

    /// Share of samples that are classified wrong, without noise.
    pub fn error(&self, graph: &Graph, genotype: &Genotype) -> f64 {
        let cost = graph.cost();
        let capacity = (cost.macs as f64).ln() + 0.5 * (cost.params as f64).ln();
        let from_capacity = 0.006 + 0.4 * (-(capacity - 12.0) / 2.0).exp();
        from_capacity * self.effects(genotype).exp()
    }

    /// Sum of the effects of the options and of those of neighboring choices together.
    fn effects(&self, genotype: &Genotype) -> f64 {
        let genes = genotype.genes();
        let alone = (0..genes.len()).map(|choice| EFFECT * self.effect(choice, genes[choice], 0));
        let together =
            (1..genes.len()).map(|choice| JOINT_EFFECT * self.effect(choice, genes[choice], 1 + genes[choice - 1]));
        alone.chain(together).sum()
    }

    fn effect(&self, choice: usize, option: u8, before: u8) -> f64 {
        let number = (choice as u64) << 16 | u64::from(option) << 8 | u64::from(before);
        normal(&mut draw::stream(self.seed, number))
    }

    fn normal(&self, genotype: &Genotype, purpose: u64) -> f64 {
        let mix = |hash: u64, gene: &u8| (hash ^ u64::from(*gene)).wrapping_mul(0x0100_0000_01b3);
        let hash = genotype.genes().iter().fold(0xcbf2_9ce4_8422_2325 ^ purpose, mix);
        normal(&mut draw::stream(self.seed ^ hash, purpose))
    }
}

/// A normal number, by the sum of twelve uniform ones.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
}
