//! A definition after it was checked: choices, and for everything else a fixed value or the choice that gives it.

use std::collections::BTreeMap;

use super::definition::Scalar;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Slot {
    /// It is always this.
    Fixed(Scalar),
    /// The option taken at the choice of this position.
    Choice(usize),
}

/// A choice must have one of these values.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) slot: Slot,
    pub(super) allowed: Vec<Scalar>,
}

/// The whole network.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) reads_series: bool,
    /// The options of each choice, in the order of the genes.
    pub(super) options: Vec<Vec<Scalar>>,
    pub(super) stages: Vec<Stage>,
}

/// A block, repeated.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) name: String,
    pub(super) block: Slot,
    pub(super) repeat: Slot,
    pub(super) width: Option<Slot>,
    pub(super) stride: Slot,
    pub(super) when: Vec<Condition>,
    /// Each block that it may be, with the choices of this stage.
    pub(super) blocks: BTreeMap<String, Block>,
}

/// What a stage repeats.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) residual: bool,
    pub(super) body: std::sync::Arc<Body>,
}

/// What a block is made of.
#[derive(Debug)]
pub(super) enum Body {
    Layers(Vec<Layer>),
    Cell(Cell),
}

/// One layer.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) op: Slot,
    pub(super) kernel: Option<Slot>,
    pub(super) width: Option<Slot>,
    pub(super) expand: Option<Slot>,
    pub(super) dilation: Option<Slot>,
    pub(super) activation: Option<Slot>,
    pub(super) heads: Option<Slot>,
    pub(super) ratio: Option<Slot>,
    pub(super) when: Vec<Condition>,
}

/// Nodes in a row behind an input, with an operation from each to each later one.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) nodes: usize,
    /// From which node, to which, by which operation.
    pub(super) edges: Vec<(usize, usize, Slot)>,
    pub(super) joins: bool,
    /// The nonlinearity behind its convolutions.
    pub(super) activation: Slot,
}

impl Program {
    /// The value of a slot in a network.
    pub(super) fn value<'p>(&'p self, slot: &'p Slot, genes: &[u8]) -> &'p Scalar {
        match slot {
            Slot::Fixed(scalar) => scalar,
            Slot::Choice(at) => &self.options[*at][usize::from(genes[*at])],
        }
    }

    /// The number of a slot that was checked to be one; 0 else.
    pub(super) fn number(&self, slot: &Slot, genes: &[u8]) -> usize {
        match self.value(slot, genes) {
            Scalar::Number(number) => *number,
            Scalar::Name(_) => 0,
        }
    }

    /// The name of a slot that was checked to be one; nothing else.
    pub(super) fn name<'p>(&'p self, slot: &'p Slot, genes: &[u8]) -> &'p str {
        match self.value(slot, genes) {
            Scalar::Name(name) => name,
            Scalar::Number(_) => "",
        }
    }

    /// Whether all conditions hold.
    pub(super) fn holds(&self, conditions: &[Condition], genes: &[u8]) -> bool {
        conditions.iter().all(|condition| condition.allowed.contains(self.value(&condition.slot, genes)))
    }
}
