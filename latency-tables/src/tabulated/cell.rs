//! A cell of NAS-Bench-201, and the kernels that TFLite makes of it.
//!
//! A cell is written `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`: the operator of each edge to the nodes 1, 2 and 3 from earlier nodes. An
//! edge without operator (`none`) is a multiplication by zero. The converter takes it into the weights of a convolution right before
//! it, which then still runs and whose output it no longer knows to be zero; every other product with zero becomes a constant,
//! and what only led there goes. The kernels' features are those of a cell of 16 channels at 32x32, which scale all cells
//! alike; their keys say where they stand, so that a predictor can learn what is run of what no output needs.

use super::TabulatedError;
use crate::kernel::{Features, Kernel, KernelKey, KernelKind};

/// Nodes of a cell, the input first and the output last.
const NODES: usize = 4;
const OUTPUT: usize = NODES - 1;
const CHANNELS: f64 = 16.0;
const POSITIONS: f64 = 32.0 * 32.0;
const ELEMENT_BYTES: f64 = 4.0;

/// What an edge of a cell does; `none` edges are absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Skip,
    Conv1x1,
    Conv3x3,
    AvgPool3x3,
}

impl Operator {
    fn is_conv(self) -> bool {
        matches!(self, Self::Conv1x1 | Self::Conv3x3)
    }
}

/// An edge between two nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Edge {
    from: usize,
    to: usize,
    operator: Operator,
}

/// What becomes of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// The output needs it.
    Needed,
    /// The output does not need it, but the zero behind it is inside a convolution's weights.
    Zeroed,
    /// The output does not need it, and the zero behind it is a constant.
    Folded,
}

/// The edges of a cell in the order of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    edges: Vec<Edge>,
    /// Nodes to which a path leads from the input.
    fed: [bool; NODES],
    /// Nodes from which a path leads to the output.
    needed: [bool; NODES],
}

impl Cell {
    pub(super) fn parse(text: &str) -> Result<Self, TabulatedError> {
        let fail = |reason: String| TabulatedError::Cell { text: text.to_owned(), reason };
        let nodes: Vec<&str> = text.split('+').collect();
        if nodes.len() != OUTPUT {
            return Err(fail(format!("it has {} nodes behind its input instead of {OUTPUT}", nodes.len())));
        }
        let mut edges = Vec::new();
        for (index, node) in nodes.into_iter().enumerate() {
            let inputs: Vec<&str> = node.split('|').filter(|word| !word.is_empty()).collect();
            if inputs.len() != index + 1 {
                return Err(fail(format!("node {} has {} edges instead of {}", index + 1, inputs.len(), index + 1)));
            }
            for (from, word) in inputs.into_iter().enumerate() {
                let operator =
                    operator(word, from).ok_or_else(|| fail(format!("`{word}` is not an edge from node {from}")))?;
                edges.extend(operator.map(|operator| Edge { from, to: index + 1, operator }));
            }
        }
        Ok(Self::new(edges))
    }

    fn new(edges: Vec<Edge>) -> Self {
        let (mut fed, mut needed) = ([false; NODES], [false; NODES]);
        (fed[0], needed[OUTPUT]) = (true, true);
        edges.iter().for_each(|edge| fed[edge.to] |= fed[edge.from]);
        edges.iter().rev().for_each(|edge| needed[edge.from] |= needed[edge.to]);
        Self { edges, fed, needed }
    }

    /// Whether the output depends on the input.
    pub(super) fn is_connected(&self) -> bool {
        self.fed[OUTPUT]
    }

    /// The kernels of its edges. With `pruned`, of the edges between input and output only, and of those behind a zero that the
    /// runtime does not know.
    pub(super) fn kernels(&self, pruned: bool) -> Vec<Kernel> {
        let runs = |edge: &&Edge| {
            let is_live = self.needed[edge.to] && (self.fed[edge.from] || self.is_hidden_zero(edge.from));
            !pruned || is_live
        };
        self.edges.iter().filter(runs).map(|edge| kernel(edge.operator, self.standing(edge))).collect()
    }

    fn standing(&self, edge: &Edge) -> Standing {
        match edge.to {
            to if self.needed[to] => Standing::Needed,
            to if self.is_zeroed(to) => Standing::Zeroed,
            _ => Standing::Folded,
        }
    }

    /// The edges that bring something to a node: all but what passes a constant zero on.
    fn bringing(&self, node: usize) -> Vec<Edge> {
        let brings = |edge: &&Edge| edge.to == node && (edge.operator.is_conv() || !self.is_empty(edge.from));
        self.edges.iter().filter(brings).copied().collect()
    }

    /// Whether nothing comes to a node, so that it is zero.
    fn is_empty(&self, node: usize) -> bool {
        node != 0 && self.bringing(node).is_empty()
    }

    /// Whether a node's value is that of one convolution, maybe passed on.
    fn is_one_conv(&self, node: usize) -> bool {
        match self.bringing(node)[..] {
            [edge] => edge.operator.is_conv() || (edge.operator == Operator::Skip && self.is_one_conv(edge.from)),
            _ => false,
        }
    }

    fn has_edge(&self, from: usize, to: usize) -> bool {
        self.edges.iter().any(|edge| (edge.from, edge.to) == (from, to))
    }

    /// Whether an unfed node is zero without the runtime knowing: the product with zero is in the weights of a convolution.
    fn is_hidden_zero(&self, node: usize) -> bool {
        (1..node).any(|from| !self.has_edge(from, node) && self.fed[from] && self.is_one_conv(from))
    }

    /// Whether a node that the output does not need runs all the same. The sum in the output folds a constant zero together with
    /// the products before it.
    fn is_zeroed(&self, node: usize) -> bool {
        let takes_zeroed = |from: usize| !self.has_edge(from, node) && !self.needed[from] && self.is_one_conv(from);
        let later = || (node + 1..OUTPUT).all(|node| self.needed[node] || self.is_empty(node) || self.is_zeroed(node));
        let feeds_zeroed = |edge: &Edge| edge.from == node && !self.needed[edge.to] && self.is_zeroed(edge.to);
        let alone = self.is_one_conv(node) && !(1..node).any(takes_zeroed) && later();
        alone || self.edges.iter().any(feeds_zeroed)
    }
}

/// The operator of an edge, `Some(None)` for an absent one; `None` for what is not an edge from that node.
fn operator(word: &str, from: usize) -> Option<Option<Operator>> {
    let (name, source) = word.split_once('~')?;
    if source.parse() != Ok(from) {
        return None;
    }
    Some(match name {
        "none" => None,
        "skip_connect" => Some(Operator::Skip),
        "nor_conv_1x1" => Some(Operator::Conv1x1),
        "nor_conv_3x3" => Some(Operator::Conv3x3),
        "avg_pool_3x3" => Some(Operator::AvgPool3x3),
        _ => return None,
    })
}

fn kernel(operator: Operator, standing: Standing) -> Kernel {
    // How many channels each output element multiplies comes last.
    let (kind, taps, channels) = match operator {
        Operator::Skip => (KernelKind::Copy, 1.0, 0.0),
        Operator::Conv1x1 => (KernelKind::PointwiseConv, 1.0, CHANNELS),
        Operator::Conv3x3 => (KernelKind::FullConv, 9.0, CHANNELS),
        Operator::AvgPool3x3 => (KernelKind::AvgPool, 9.0, 0.0),
    };
    let bytes = CHANNELS * POSITIONS * ELEMENT_BYTES;
    let features = Features {
        macs: CHANNELS * POSITIONS * taps * channels,
        input_bytes: bytes,
        output_bytes: bytes,
        weight_bytes: CHANNELS * taps * channels * ELEMENT_BYTES,
        positions: POSITIONS,
        input_channels: CHANNELS,
        output_channels: CHANNELS,
        taps,
        stride: 1.0,
        groups: 1.0,
        fused_elements: 0.0,
    };
    let standing = match standing {
        Standing::Needed => "",
        Standing::Zeroed => " zeroed",
        Standing::Folded => " folded",
    };
    Kernel::new(kind, KernelKey::new(format!("cell {}{standing}", kind.name())), features)
}

#[cfg(test)]
mod tests {
    use super::Cell;

    /// Words `-`, `s`, `1`, `3` and `a` for none, skip, 1x1, 3x3 and average pool, in the order of the cell's text.
    fn cell(edges: &str) -> Cell {
        let names = edges.chars().map(|edge| match edge {
            's' => "skip_connect",
            '1' => "nor_conv_1x1",
            '3' => "nor_conv_3x3",
            'a' => "avg_pool_3x3",
            _ => "none",
        });
        let sources = [0, 0, 1, 0, 1, 2];
        let words: Vec<String> = names.zip(sources).map(|(name, from)| format!("{name}~{from}|")).collect();
        let [a, b, c, d, e, f] = &words[..] else { panic!("{edges} has not six edges") };
        Cell::parse(&format!("|{a}+|{b}{c}+|{d}{e}{f}")).unwrap()
    }

    fn check(edges: &str, pruned: bool, expected: &[&str]) {
        let keys: Vec<String> = cell(edges).kernels(pruned).iter().map(|kernel| kernel.key.to_string()).collect();
        let expected: Vec<String> = expected.iter().map(|key| format!("cell {key}")).collect();
        assert_eq!(keys, expected, "{edges}");
    }

    #[test]
    fn edges_are_kernels_and_dead_branches_go_when_asked() {
        check("s-a1-s", true, &["copy", "avg_pool", "pointwise_conv", "copy"]);
        check("3--1--", false, &["full_conv zeroed", "pointwise_conv"]);
        check("3--1--", true, &["pointwise_conv"]);
        assert!(!cell("--s-ss").is_connected());
        assert!(cell("---s--").is_connected());
    }

    /// Cells of the Raspberry Pi's table with the latencies that tell what ran: 2.8 ms with the skip alone, 16 ms more for each 3x3.
    #[test]
    fn a_branch_that_no_output_needs_runs_when_its_zero_is_in_the_weights() {
        check("-3-s--", false, &["full_conv zeroed", "copy"]); // 19.1
        check("a3-s--", false, &["avg_pool folded", "full_conv zeroed", "copy"]); // 19.9
        check("33-s--", false, &["full_conv folded", "full_conv folded", "copy"]); // 3.3
        check("3s-s--", false, &["full_conv folded", "copy folded", "copy"]); // 2.7
        check("3-3s--", false, &["full_conv zeroed", "full_conv zeroed", "copy"]); // 34.6
        check("3-as--", false, &["full_conv folded", "avg_pool folded", "copy"]); // 2.8
        check("-3ss--", false, &["full_conv zeroed", "copy zeroed", "copy"]); // 19.8
    }

    /// Cells of the Cortex-A76's table: behind a zero in the weights of a 3x3, the edge from node 2 runs.
    #[test]
    fn what_stands_behind_a_hidden_zero_is_not_pruned() {
        check("3--s13", true, &["full_conv", "copy", "pointwise_conv", "full_conv"]);
        check("s--s13", true, &["copy", "copy", "pointwise_conv"]);
        check("-33s31", true, &["full_conv", "copy", "pointwise_conv"]);
    }

    fn check_refused(text: &str, expected: &str) {
        let message = Cell::parse(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }

    #[test]
    fn what_is_not_a_cell_is_refused_with_the_reason() {
        check_refused("|none~0|", "it has 1 nodes behind its input instead of 3");
        check_refused("|none~0|+|none~0|+|none~0|none~1|none~2|", "node 2 has 1 edges instead of 2");
        check_refused("|none~0|+|none~0|conv~1|+|none~0|none~1|none~2|", "`conv~1` is not an edge from node 1");
        check_refused("|none~1|+|none~0|none~1|+|none~0|none~1|none~2|", "`none~1` is not an edge from node 0");
    }
}
