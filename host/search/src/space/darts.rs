//! Space `darts`: the two cells of DARTS (Liu et al. 2019), in networks that may be small.
//!
//! A cell takes the outputs of the two cells before it. Each of its four nodes sums two operations on two different earlier
//! nodes, and its output joins the four. Normal cells keep the resolution; a reduction cell between two stages halves it
//! and doubles the width. With one width and one depth there are (1 * 3 * 6 * 10 * 7^8)^2, about 10^18 of them, as in
//! the publication. Where it halves a resolution by pointwise convolutions of stride 2, a mean and a pointwise
//! convolution stand here.

use edgefit_graph::op::Activation;
use edgefit_graph::{Graph, NodeId};

use super::choices::{Choice, Choices, take};
use super::layers::{Convolution, Layers};
use super::scale::Scale;
use super::settings::{PerStage, SpaceSettings};
use super::{Frame, Space, SpaceError, Task};
use crate::genotype::Genotype;

pub(super) const NAME: &str = "darts";

/// Nodes of a cell that compute.
const NODES: usize = 4;

/// Nodes before them: the outputs of the two cells before.
const INPUTS: usize = 2;

/// By which factor a cell's output is wider than its nodes.
const JOINED: usize = NODES;

/// An operation by its published name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Skip,
    MaxPool,
    AveragePool,
    Separable { kernel: usize },
    Dilated { kernel: usize },
}

/// Operations of a normal cell, from cheap to costly.
const NORMAL: [(&str, Operation); 7] = [
    ("skip_connect", Operation::Skip),
    ("max_pool_3x3", Operation::MaxPool),
    ("avg_pool_3x3", Operation::AveragePool),
    ("dil_conv_3x3", Operation::Dilated { kernel: 3 }),
    ("dil_conv_5x5", Operation::Dilated { kernel: 5 }),
    ("sep_conv_3x3", Operation::Separable { kernel: 3 }),
    ("sep_conv_5x5", Operation::Separable { kernel: 5 }),
];

/// Operations of a reduction cell; a skip that halves the resolution costs more than a pooling.
const REDUCTION: [(&str, Operation); 7] = [NORMAL[1], NORMAL[2], NORMAL[0], NORMAL[3], NORMAL[4], NORMAL[5], NORMAL[6]];

/// The two edges of one node: from where, and what they do.
type Edges = [(usize, Operation); 2];
type Cell = [Edges; NODES];

struct Darts {
    frame: Frame,
    stages: usize,
}

pub(super) fn make(settings: &SpaceSettings, task: &Task) -> Result<Box<dyn Space>, SpaceError> {
    settings.takes(&["stages", "widths", "depths"])?;
    let scale = Scale::of(task, NAME)?;
    let stages = settings.stages_or(scale.stages.min(3))?;
    let widths = settings.first_widths_or(vec![scale.base_width / 2, scale.base_width, 2 * scale.base_width])?;
    let depths = settings.depths_or(&[1, 2])?;
    let mut choices = Choices::default();
    choices.group([Choice::numbers("width", "w", &widths), Choice::numbers("depth", "d", &depths)]);
    for (cell, operations) in cells(stages) {
        for node in 0..NODES {
            choices.group(node_choices(cell, operations, node));
        }
    }
    let settings = SpaceSettings {
        stages: Some(stages),
        widths: Some(PerStage::All(widths)),
        depths: Some(depths),
        ..SpaceSettings::preset(NAME)
    };
    let frame = Frame { name: NAME, settings, task: task.clone(), choices };
    Ok(Box::new(Darts { frame, stages }))
}

/// The cells that a network of so many stages has.
fn cells(stages: usize) -> impl Iterator<Item = (&'static str, &'static [(&'static str, Operation)])> {
    let reduction = (stages > 1).then_some(("reduction", REDUCTION.as_slice()));
    std::iter::once(("normal", NORMAL.as_slice())).chain(reduction)
}

fn node_choices(cell: &str, operations: &[(&str, Operation)], node: usize) -> Vec<Choice> {
    let name = |choice: &str| format!("{cell}.node{}.{choice}", node + 1);
    let labels: Vec<&str> = operations.iter().map(|(label, _)| *label).collect();
    let mut choices = vec![Choice::names(name("first"), &labels), Choice::names(name("second"), &labels)];
    let pairs: Vec<String> = pairs(INPUTS + node).map(|(a, b)| format!("{a}+{b}")).collect();
    // The first node has only one pair to take.
    if pairs.len() > 1 {
        choices.push(Choice::names(name("from"), &pairs.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    choices
}

/// Pairs of different numbers below `count`.
fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (1..count).flat_map(|b| (0..b).map(move |a| (a, b)))
}

fn read_cell(genes: &mut impl Iterator<Item = usize>, operations: &[(&str, Operation)]) -> Cell {
    std::array::from_fn(|node| {
        let [first, second] = take(genes);
        let [pair] = if node == 0 { [0] } else { take(genes) };
        let (a, b) = pairs(INPUTS + node).nth(pair).unwrap_or((0, 1));
        [(a, operations[first].1), (b, operations[second].1)]
    })
}

impl Space for Darts {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn decode(&self, genotype: &Genotype) -> Result<Graph, SpaceError> {
        self.check(genotype)?;
        let mut genes = self.frame.choices.reader(genotype);
        let [mut width, depth] = take(&mut genes);
        let cells: Vec<Cell> = cells(self.stages).map(|(_, operations)| read_cell(&mut genes, operations)).collect();
        let mut layers = Layers::new(&self.frame.task)?;
        layers.conv("stem.conv", Convolution { width: width * JOINED, kernel: 3, stride: 1 })?;
        let mut before = [layers.at(), layers.at()];
        for stage in 1..=self.stages {
            if stage > 1 {
                width *= 2;
                let name = format!("stage{stage}.reduction");
                before = [before[1], add_cell(&mut layers, &cells[1], before, &name, width, 2)?];
            }
            for number in 1..=depth {
                let name = format!("stage{stage}.cell{number}");
                before = [before[1], add_cell(&mut layers, &cells[0], before, &name, width, 1)?];
            }
        }
        layers.go_to(before[1]);
        Ok(layers.classify(self.frame.task.classes)?)
    }
}

/// One cell behind two others; its output.
fn add_cell(
    layers: &mut Layers,
    cell: &Cell,
    before: [NodeId; 2],
    name: &str,
    width: usize,
    stride: usize,
) -> Result<NodeId, SpaceError> {
    layers.go_to(before[1]);
    let spatial = layers.spatial().to_vec();
    let mut values = Vec::with_capacity(INPUTS + NODES);
    for (number, input) in before.into_iter().enumerate() {
        layers.go_to(input);
        let part = format!("{name}.input{number}");
        layers.activation(&format!("{part}.before"), Activation::Relu)?;
        match layers.spatial() == spatial {
            true => layers.conv(&part, Convolution::pointwise(width))?,
            false => layers.shortcut(&part, width)?,
        }
        values.push(layers.at());
    }
    for (node, edges) in cell.iter().enumerate() {
        let mut sum = None;
        for (number, (from, operation)) in edges.iter().enumerate() {
            layers.go_to(values[*from]);
            let edge = format!("{name}.node{}.edge{}", node + 1, number + 1);
            add_operation(layers, *operation, &edge, if *from < INPUTS { stride } else { 1 })?;
            if let Some(other) = sum {
                layers.add(&format!("{name}.node{}", node + 1), other)?;
            }
            sum = Some(layers.at());
        }
        values.push(layers.at());
    }
    layers.concat(&format!("{name}.join"), &values[INPUTS..])?;
    Ok(layers.at())
}

fn add_operation(layers: &mut Layers, operation: Operation, name: &str, stride: usize) -> Result<(), SpaceError> {
    let width = layers.channels();
    match operation {
        Operation::Skip if stride == 1 => {}
        Operation::Skip => layers.shortcut(name, width)?,
        Operation::MaxPool => layers.max_pool(name, 3, stride)?,
        Operation::AveragePool => layers.average_pool(name, 3, stride)?,
        Operation::Dilated { kernel } => {
            layers.activation(name, Activation::Relu)?;
            layers.separable(name, Convolution { width, kernel, stride }, 2, None)?;
        }
        Operation::Separable { kernel } => {
            for (number, stride) in [(1, stride), (2, 1)] {
                let conv = format!("{name}.conv{number}");
                layers.activation(&conv, Activation::Relu)?;
                layers.separable(&conv, Convolution { width, kernel, stride }, 1, None)?;
            }
        }
    }
    Ok(())
}
