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
use super::relaxation::{Group, Mix, Mixer, Relaxation, Way};
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
        let skeleton = take(&mut genes);
        let cells: Vec<Cell> = cells(self.stages).map(|(_, operations)| read_cell(&mut genes, operations)).collect();
        self.network(skeleton, |layers, place| add_cell(layers, &cells[usize::from(place.is_reduction())], place))
    }

    /// One mixed operation for each edge of each of the two cells. Of a node's edges the two that are the most probable stay, as in
    /// the publication: each with its best operation, none not counted.
    fn relaxation(&self) -> Result<Option<Relaxation>, SpaceError> {
        let mut mixer = Mixer::default();
        let mut groups: Vec<Group> = self.frame.choices.list()[..2].iter().map(Group::fixed).collect();
        let mut mixed: Vec<Vec<MixedEdge>> = Vec::new();
        for (number, (cell, operations)) in cells(self.stages).enumerate() {
            let edges = mixed_edges(&mut mixer, number, cell, operations);
            groups.extend((0..NODES).map(|node| node_group(&edges, node, operations.len())));
            mixed.push(edges);
        }
        let smallest = self.smallest();
        let skeleton = take(&mut self.frame.choices.reader(&smallest));
        let graph = self.network(skeleton, |layers, place| {
            let (operations, edges) = match place.is_reduction() {
                true => (REDUCTION, &mixed[1]),
                false => (NORMAL, &mixed[0]),
            };
            add_mixed_cell(layers, &mut mixer, edges, &operations, place)
        })?;
        Ok(Some(Relaxation::new(graph, mixer, groups)))
    }
}

impl Darts {
    /// The network of a width and a depth, whose cells a function adds; it returns their outputs.
    fn network(
        &self,
        [mut width, depth]: [usize; 2],
        mut add_cell: impl FnMut(&mut Layers, &Place<'_>) -> Result<NodeId, SpaceError>,
    ) -> Result<Graph, SpaceError> {
        let mut layers = Layers::new(&self.frame.task)?;
        layers.conv("stem.conv", Convolution { width: width * JOINED, kernel: 3, stride: 1 })?;
        let mut before = [layers.at(), layers.at()];
        for stage in 1..=self.stages {
            if stage > 1 {
                width *= 2;
                let name = &format!("stage{stage}.reduction");
                before = [before[1], add_cell(&mut layers, &Place { name, before, width, stride: 2 })?];
            }
            for number in 1..=depth {
                let name = &format!("stage{stage}.cell{number}");
                before = [before[1], add_cell(&mut layers, &Place { name, before, width, stride: 1 })?];
            }
        }
        layers.go_to(before[1]);
        Ok(layers.classify(self.frame.task.classes)?)
    }
}

/// Where a cell is: behind two others.
struct Place<'a> {
    name: &'a str,
    before: [NodeId; INPUTS],
    width: usize,
    stride: usize,
}

impl Place<'_> {
    fn is_reduction(&self) -> bool {
        self.stride > 1
    }

    /// The outputs of the cells before, in the width of this one.
    fn inputs(&self, layers: &mut Layers) -> Result<Vec<NodeId>, SpaceError> {
        layers.go_to(self.before[1]);
        let spatial = layers.spatial().to_vec();
        let mut values = Vec::with_capacity(INPUTS + NODES);
        for (number, input) in self.before.into_iter().enumerate() {
            layers.go_to(input);
            let part = format!("{}.input{number}", self.name);
            layers.activation(&format!("{part}.before"), Activation::Relu)?;
            match layers.spatial() == spatial {
                true => layers.conv(&part, Convolution::pointwise(self.width))?,
                false => layers.shortcut(&part, self.width)?,
            }
            values.push(layers.at());
        }
        Ok(values)
    }

    /// The stride of an edge from a node.
    fn stride_from(&self, from: usize) -> usize {
        if from < INPUTS { self.stride } else { 1 }
    }

    /// The nodes together.
    fn join(&self, layers: &mut Layers, values: &[NodeId]) -> Result<NodeId, SpaceError> {
        layers.concat(&format!("{}.join", self.name), &values[INPUTS..])?;
        Ok(layers.at())
    }
}

/// One cell; its output.
fn add_cell(layers: &mut Layers, cell: &Cell, place: &Place<'_>) -> Result<NodeId, SpaceError> {
    let mut values = place.inputs(layers)?;
    for (node, edges) in cell.iter().enumerate() {
        let mut sum = None;
        for (number, (from, operation)) in edges.iter().enumerate() {
            layers.go_to(values[*from]);
            let name = format!("{}.node{}", place.name, node + 1);
            add_operation(layers, *operation, &format!("{name}.edge{}", number + 1), place.stride_from(*from))?;
            if let Some(other) = sum {
                layers.add(&name, other)?;
            }
            sum = Some(layers.at());
        }
        values.push(layers.at());
    }
    place.join(layers, &values)
}

/// An edge of a relaxed cell.
struct MixedEdge {
    from: usize,
    /// Number of the node that it leads to, from 0.
    node: usize,
    mix: usize,
}

/// The name of an edge that is not there; the first operation of every mixed one.
const NONE: &str = "none";

/// The edges of a cell: from each node to each later one.
fn mixed_edges(mixer: &mut Mixer, cell: usize, name: &str, operations: &[(&str, Operation)]) -> Vec<MixedEdge> {
    let ends = (0..NODES).flat_map(|node| (0..INPUTS + node).map(move |from| (from, node)));
    let edge = |(from, node): (usize, usize)| {
        let options = std::iter::once(NONE).chain(operations.iter().map(|(label, _)| *label));
        let skip = operations.iter().position(|(_, operation)| *operation == Operation::Skip);
        let mix = mixer.mix(Mix {
            name: format!("{name}.edge{from}-{}", INPUTS + node),
            options: options.map(str::to_owned).collect(),
            skip: skip.map(|at| at + 1),
            cell,
        });
        MixedEdge { from, node, mix }
    };
    ends.map(edge).collect()
}

/// The values of a node's genes: two operations, and from which nodes.
fn node_group(edges: &[MixedEdge], node: usize, operations: usize) -> Group {
    let mix = |from: usize| edges.iter().find(|edge| (edge.from, edge.node) == (from, node)).map_or(0, |edge| edge.mix);
    let mut ways = Vec::new();
    for (pair, (a, b)) in pairs(INPUTS + node).enumerate() {
        for (first, second) in (0..operations).flat_map(|first| (0..operations).map(move |second| (first, second))) {
            let mut genes = vec![first as u8, second as u8];
            if node > 0 {
                genes.push(pair as u8);
            }
            ways.push(Way { genes, taken: vec![(mix(a), first + 1), (mix(b), second + 1)], weight: 1.0 });
        }
    }
    Group(ways)
}

/// A cell with every operation on every edge, each behind its gate. Poolings have a batch norm, as in the publication, since what they
/// give is else of another size than what the convolutions give.
fn add_mixed_cell(
    layers: &mut Layers,
    mixer: &mut Mixer,
    edges: &[MixedEdge],
    operations: &[(&str, Operation)],
    place: &Place<'_>,
) -> Result<NodeId, SpaceError> {
    let mut values = place.inputs(layers)?;
    for node in 0..NODES {
        let mut sum = None;
        for edge in edges.iter().filter(|edge| edge.node == node) {
            for (at, (label, operation)) in operations.iter().enumerate() {
                layers.go_to(values[edge.from]);
                let name = format!("{}.edge{}-{}.{label}", place.name, edge.from, INPUTS + node);
                add_operation(layers, *operation, &name, place.stride_from(edge.from))?;
                if matches!(operation, Operation::MaxPool | Operation::AveragePool) {
                    layers.norm(&format!("{name}.norm"))?;
                }
                mixer.gate(layers, &name, (edge.mix, at + 1), sum)?;
                sum = Some(layers.at());
            }
        }
        values.push(layers.at());
    }
    place.join(layers, &values)
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
