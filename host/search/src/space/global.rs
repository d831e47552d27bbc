//! Space `global`: whole networks wired freely, without stages, blocks or cells.
//!
//! Nodes stand in a row behind a stem. Each takes the output of any earlier one and, if it likes, of a second, joins or sums
//! the two, and applies an operation to a width of its own, perhaps at half the resolution. An output of a higher
//! resolution is shrunk to match, one of another width is projected where a sum needs it. A node may be absent: who
//! takes it takes nothing. The network ends with the last node that is there; what does not lead to it is not built.

use std::collections::BTreeSet;

use edgefit_graph::op::Activation;
use edgefit_graph::{Graph, NodeId};

use super::choices::{Choice, Choices, take};
use super::layers::{Attention, Convolution, Layers};
use super::scale::Scale;
use super::settings::{PerStage, SpaceSettings};
use super::{Frame, Space, SpaceError, Task};
use crate::genotype::Genotype;

pub(super) const NAME: &str = "global";

/// Nodes behind the stem where `depths` does not say how many.
const NODES: usize = 8;

/// The operations, from cheap to costly.
const OPERATIONS: [&str; 9] =
    ["none", "conv_1", "max_3", "mean_3", "sep_3", "sep_5", "dil_sep_5", "attention", "conv_3"];
const NONE: usize = 0;

/// How two inputs become one.
const MERGES: [&str; 2] = ["sum", "join"];
const SUM: usize = 0;

struct Global {
    frame: Frame,
    nodes: usize,
    head_width: usize,
}

/// A node's choices; inputs are numbers of nodes, the stem being 0.
struct Node {
    operation: usize,
    width: usize,
    stride: usize,
    inputs: Vec<usize>,
    merge: usize,
}

pub(super) fn make(settings: &SpaceSettings, task: &Task) -> Result<Box<dyn Space>, SpaceError> {
    settings.takes(&["widths", "depths"])?;
    let scale = Scale::of(task, NAME)?;
    let widths = settings.first_widths_or([1, 2, 4, 8].map(|multiple| multiple * scale.base_width).to_vec())?;
    let depths = settings.depths_or(&[NODES])?;
    let [nodes] = *depths.as_slice() else {
        let reason = "space `global` has one number of nodes, of which each may be absent; give one".to_owned();
        return Err(SpaceError::Setting { key: "depths", reason });
    };
    let mut choices = Choices::default();
    choices.group(scale.stem_choices(&widths));
    (1..=nodes).for_each(|node| choices.group(node_choices(&widths, node)));
    let settings =
        SpaceSettings { widths: Some(PerStage::All(widths)), depths: Some(depths), ..SpaceSettings::preset(NAME) };
    let frame = Frame { name: NAME, settings, task: task.clone(), choices };
    Ok(Box::new(Global { frame, nodes, head_width: scale.base_width }))
}

fn node_choices(widths: &[usize], node: usize) -> [Choice; 6] {
    let name = |choice: &str| format!("node{node}.{choice}");
    let earlier: Vec<String> = (0..node).map(|from| from.to_string()).collect();
    let earlier: Vec<&str> = earlier.iter().map(String::as_str).collect();
    let or_none: Vec<&str> = std::iter::once("only").chain(earlier.iter().copied()).collect();
    [
        Choice::names(name("operation"), &OPERATIONS),
        Choice::numbers(name("width"), "w", widths),
        Choice::numbers(name("stride"), "s", &[2, 1]),
        Choice::names(name("from"), &earlier),
        Choice::names(name("and"), &or_none),
        Choice::names(name("merge"), &MERGES),
    ]
}

impl Space for Global {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn decode(&self, genotype: &Genotype) -> Result<Graph, SpaceError> {
        self.check(genotype)?;
        let mut genes = self.frame.choices.reader(genotype);
        let [width, stride] = take(&mut genes);
        let nodes = present((1..=self.nodes).map(|_| read_node(&mut genes)).collect());
        let mut layers = Layers::new(&self.frame.task)?;
        layers.stem(width, stride, Activation::Relu)?;
        let mut values = vec![Some(Value { node: layers.at(), halvings: 0 })];
        for (number, node) in nodes.iter().enumerate() {
            let inputs: Vec<Value> =
                node.iter().flat_map(|node| &node.inputs).filter_map(|from| values[*from]).collect();
            let value = match node {
                Some(node) => Some(self.add_node(&mut layers, node, &inputs, &format!("node{}", number + 1))?),
                None => None,
            };
            values.push(value);
        }
        if let Some(last) = values.into_iter().flatten().next_back() {
            layers.go_to(last.node);
        }
        Ok(layers.classify(self.frame.task.classes)?)
    }
}

fn read_node(genes: &mut impl Iterator<Item = usize>) -> Node {
    let [operation, width, stride, from, and, merge] = take(genes);
    let second = and.checked_sub(1).filter(|and| *and != from);
    Node { operation, width, stride, inputs: std::iter::once(from).chain(second).collect(), merge }
}

/// The nodes without those that are absent, that have nothing to take, or that the last of the others does not need.
fn present(nodes: Vec<Node>) -> Vec<Option<Node>> {
    let mut there = vec![true];
    for node in &nodes {
        there.push(node.operation != NONE && node.inputs.iter().any(|from| there[*from]));
    }
    let mut needed: BTreeSet<usize> = there.iter().rposition(|is_there| *is_there).into_iter().collect();
    for (number, node) in nodes.iter().enumerate().rev() {
        if needed.contains(&(number + 1)) {
            needed.extend(node.inputs.iter().filter(|from| there[**from]));
        }
    }
    let kept = |(number, node)| needed.contains(&(number + 1)).then_some(node);
    nodes.into_iter().enumerate().map(kept).collect()
}

/// A node that has been built, and how often the resolution was halved behind the stem.
#[derive(Clone, Copy)]
struct Value {
    node: NodeId,
    halvings: u32,
}

impl Global {
    fn add_node(&self, layers: &mut Layers, node: &Node, inputs: &[Value], name: &str) -> Result<Value, SpaceError> {
        let halvings = merge(layers, inputs, node.merge, name)?;
        let conv = |kernel| Convolution { width: node.width, kernel, stride: node.stride };
        match OPERATIONS[node.operation] {
            "max_3" => {
                layers.max_pool(&format!("{name}.pool"), 3, node.stride)?;
                layers.conv(name, Convolution::pointwise(node.width))?;
            }
            "mean_3" => {
                layers.average_pool(&format!("{name}.pool"), 3, node.stride)?;
                layers.conv(name, Convolution::pointwise(node.width))?;
            }
            "sep_3" => layers.separable(name, conv(3), 1, None)?,
            "sep_5" => layers.separable(name, conv(5), 1, None)?,
            "dil_sep_5" => layers.separable(name, conv(5), 2, None)?,
            "conv_3" => layers.conv(name, conv(3))?,
            operation => {
                if node.stride > 1 {
                    layers.shrink(&format!("{name}.shrink"), node.stride)?;
                }
                layers.conv(name, Convolution::pointwise(node.width))?;
                if operation == "attention" {
                    layers.map_attention(
                        &format!("{name}.attention"),
                        Attention { heads: 2, head_width: self.head_width },
                    )?;
                }
            }
        }
        layers.activation(name, Activation::Relu)?;
        Ok(Value { node: layers.at(), halvings: halvings + u32::from(node.stride > 1) })
    }
}

/// Goes to the inputs as one, at the lowest resolution of them; returns how often that was halved.
fn merge(layers: &mut Layers, inputs: &[Value], merge: usize, name: &str) -> Result<u32, SpaceError> {
    let halvings = inputs.iter().map(|input| input.halvings).max().unwrap_or(0);
    let mut width = None;
    let mut matched = Vec::with_capacity(inputs.len());
    for (number, input) in inputs.iter().enumerate() {
        layers.go_to(input.node);
        let part = |part: &str| format!("{name}.input{}.{part}", number + 1);
        for step in input.halvings..halvings {
            layers.shrink(&part(&format!("shrink{}", step - input.halvings + 1)), 2)?;
        }
        let width = *width.get_or_insert(layers.channels());
        if merge == SUM && layers.channels() != width {
            layers.conv(&part("project"), Convolution::pointwise(width))?;
        }
        matched.push(layers.at());
    }
    match matched.as_slice() {
        [first, second] if merge == SUM => {
            layers.go_to(*second);
            layers.add(&format!("{name}.sum"), *first)?;
        }
        several => layers.concat(&format!("{name}.join"), several)?,
    }
    Ok(halvings)
}
