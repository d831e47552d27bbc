//! A cell of NAS-Bench-201 by itself: its string, what of it matters, and its features. Nothing of networks.

/// Nodes of a cell, the input first and the output last.
pub(super) const NODES: usize = 4;

/// Edges of a cell: one from each node to each later one.
pub(super) const EDGES: usize = 6;

/// The published names of the operations, from cheap to costly.
pub(super) const OPERATIONS: [&str; 5] = ["none", "skip_connect", "avg_pool_3x3", "nor_conv_1x1", "nor_conv_3x3"];

const NONE: usize = 0;
/// The operation that only passes on what comes in.
pub(super) const SKIP: usize = 1;

/// From which node to which each edge goes, in the order of the string.
pub(super) const ENDS: [(usize, usize); EDGES] = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)];

/// The ways from input to output, as edges.
const PATHS: [&[usize]; 4] = [&[3], &[0, 4], &[1, 5], &[0, 2, 5]];

/// Operations that change what passes: all but none and skip.
const CHANGING: usize = OPERATIONS.len() - 2;

/// Sequences of up to three of them, and where those of each length begin.
const SEQUENCES: usize = 1 + 3 + 9 + 27;
const SEQUENCES_OF: [usize; 4] = [0, 1, 4, 13];

/// What an edge does; an absent one does nothing and is none of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Skip,
    AveragePool,
    Convolution { kernel: usize },
}

impl Operation {
    /// What stands at a position of [`OPERATIONS`]; `None` for an edge that is absent.
    pub(super) fn of(position: usize) -> Option<Self> {
        match position {
            NONE => None,
            SKIP => Some(Self::Skip),
            2 => Some(Self::AveragePool),
            3 => Some(Self::Convolution { kernel: 1 }),
            _ => Some(Self::Convolution { kernel: 3 }),
        }
    }
}

/// The operation of each edge, as a position in [`OPERATIONS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell(pub(super) [usize; EDGES]);

impl Cell {
    /// The cell of the first genes of a genotype.
    pub(super) fn of(genes: &[u8]) -> Self {
        Self(std::array::from_fn(|edge| usize::from(genes[edge])))
    }

    /// The cell of a published string, `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`; the reason if it is none.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let nodes: Vec<&str> = text.split('+').collect();
        if nodes.len() != NODES - 1 {
            return Err(format!("it has {} nodes behind its input instead of {}", nodes.len(), NODES - 1));
        }
        let mut operations = Vec::with_capacity(EDGES);
        for (index, node) in nodes.into_iter().enumerate() {
            let words: Vec<&str> = node.split('|').filter(|word| !word.is_empty()).collect();
            if words.len() != index + 1 {
                return Err(format!("node {} has {} edges instead of {}", index + 1, words.len(), index + 1));
            }
            for (from, word) in words.into_iter().enumerate() {
                operations.push(operation(word, from)?);
            }
        }
        Ok(Self(std::array::from_fn(|edge| operations[edge])))
    }

    /// The published string.
    pub(super) fn text(&self) -> String {
        let node = |to: usize| {
            let words = self.0.iter().zip(ENDS).filter(|(_, ends)| ends.1 == to);
            let words = words.map(|(operation, (from, _))| format!("{}~{from}|", OPERATIONS[*operation]));
            format!("|{}", words.collect::<String>())
        };
        (1..NODES).map(node).collect::<Vec<_>>().join("+")
    }

    /// The cell with `none` on every edge that no path from input to output takes.
    pub(super) fn pruned(&self) -> Self {
        let (mut fed, mut taken) = ([false; NODES], [false; NODES]);
        (fed[0], taken[NODES - 1]) = (true, true);
        let present = |edge: &usize| self.0[*edge] != NONE;
        for (from, to) in (0..EDGES).filter(present).map(|edge| ENDS[edge]) {
            fed[to] |= fed[from];
        }
        for (from, to) in (0..EDGES).rev().filter(present).map(|edge| ENDS[edge]) {
            taken[from] |= taken[to];
        }
        Self(std::array::from_fn(|edge| {
            let (from, to) = ENDS[edge];
            if fed[from] && taken[to] { self.0[edge] } else { NONE }
        }))
    }

    /// Whether the output depends on the input, of a pruned cell.
    pub(super) fn is_connected(&self) -> bool {
        self.0.iter().any(|operation| *operation != NONE)
    }

    /// The edges that are there: from which node, to which, and what they do.
    pub(super) fn edges(&self) -> impl Iterator<Item = (usize, usize, Operation)> {
        let edges = self.0.iter().zip(ENDS);
        edges.filter_map(|(operation, (from, to))| Some((from, to, Operation::of(*operation)?)))
    }

    /// One feature for each operation of each edge that matters, and one for each sequence of operations that is a path from
    /// input to output (the path encoding of White et al. 2021): without skips, so that cells that compute the same have
    /// the same of these.
    pub(super) fn features(&self) -> Vec<f32> {
        let pruned = self.pruned();
        let edges =
            pruned.0.iter().flat_map(|taken| (0..OPERATIONS.len()).map(move |o| f32::from(u8::from(o == *taken))));
        let mut features: Vec<f32> = edges.collect();
        features.extend(pruned.sequences());
        features
    }

    fn sequences(&self) -> [f32; SEQUENCES] {
        let mut present = [0.0; SEQUENCES];
        for path in PATHS {
            if path.iter().any(|&edge| self.0[edge] == NONE) {
                continue;
            }
            let sequence: Vec<usize> = path.iter().map(|&e| self.0[e]).filter(|&o| o > SKIP).map(|o| o - 2).collect();
            let place = sequence.iter().fold(0, |place, operation| place * CHANGING + operation);
            present[SEQUENCES_OF[sequence.len()] + place] = 1.0;
        }
        present
    }
}

/// The operation of `name~from`.
fn operation(word: &str, from: usize) -> Result<usize, String> {
    let not_an_edge = || format!("`{word}` is not an edge from node {from}");
    let (name, source) = word.split_once('~').ok_or_else(not_an_edge)?;
    if source.parse() != Ok(from) {
        return Err(not_an_edge());
    }
    OPERATIONS.iter().position(|known| *known == name).ok_or_else(not_an_edge)
}

#[cfg(test)]
mod tests {
    use super::{Cell, Operation};

    #[test]
    fn strings_are_the_published_ones() {
        let text = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|none~0|nor_conv_3x3~1|skip_connect~2|";
        let cell = Cell::parse(text).unwrap();
        assert_eq!(cell, Cell([2, 3, 1, 0, 4, 1]));
        assert_eq!(cell.text(), text);
    }

    #[test]
    fn what_is_not_a_cell_is_refused_with_the_reason() {
        let check = |text: &str, part: &str| {
            let reason = Cell::parse(text).unwrap_err();
            assert!(reason.contains(part), "{reason}");
        };
        check("|none~0|", "1 nodes behind its input instead of 3");
        check("|none~0|+|none~0|+|none~0|none~1|none~2|", "node 2 has 1 edges instead of 2");
        check("|none~0|+|none~0|conv~1|+|none~0|none~1|none~2|", "`conv~1` is not an edge from node 1");
        check("|none~1|+|none~0|none~1|+|none~0|none~1|none~2|", "`none~1` is not an edge from node 0");
    }

    #[test]
    fn edges_on_no_path_do_not_count() {
        let dead = Cell([4, 0, 0, 3, 0, 0]);
        assert_eq!(dead.pruned(), Cell([0, 0, 0, 3, 0, 0]));
        assert_eq!(dead.pruned().edges().collect::<Vec<_>>(), [(0, 3, Operation::Convolution { kernel: 1 })]);
        assert_eq!(dead.features(), Cell([0, 0, 4, 3, 0, 1]).features());
        assert!(!Cell([0, 0, 1, 0, 1, 1]).pruned().is_connected());
    }

    #[test]
    fn a_skip_does_not_change_the_paths() {
        let (direct, around) = (Cell([0, 0, 0, 4, 0, 0]), Cell([1, 0, 4, 0, 0, 1]));
        assert_ne!(direct.features(), around.features());
        assert_eq!(direct.features()[30..], around.features()[30..]);
        assert_eq!(direct.features()[30 + 3], 1.0);
    }
}
