//! Networks and values for the tests of the crates that translate or run a graph.
//!
//! All parts of edgefit that handle operators are tested with the same networks: each operator alone, in all its forms
//! ([`every_operator`]), and random graphs of them ([`random_graph`]). Nothing here is used outside of tests, and nothing
//! draws random numbers: they come from the caller, as a function that gives a number below its argument. What a network
//! must yield says [`run`], in plain loops of 64-bit floats.

mod operators;
mod random;
mod reference;
mod spatial;
mod values;

pub use operators::every_operator;
pub use random::random_graph;
pub use reference::run;
pub use values::{random_tensor, random_weights};

/// Where random choices come from: called with `n`, which is at least 1, it returns a number below `n`.
pub type Choose<'a> = &'a mut dyn FnMut(usize) -> usize;

/// Generates a number of the unit interval, in 65,536 steps.
fn unit(choose: Choose<'_>) -> f32 {
    const STEPS: usize = 1 << 16;
    choose(STEPS) as f32 / STEPS as f32
}

/// A linear congruential generator (Knuth), enough to choose among test cases.
#[cfg(test)]
pub(crate) fn choices(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |n| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn random_graphs_use_every_operator() {
        let mut names = BTreeSet::new();
        for seed in 0..300 {
            names.extend(random_graph(&mut choices(seed)).nodes().iter().map(|node| node.op.name()));
        }
        let alone: BTreeSet<_> = every_operator().iter().flat_map(|(_, g)| g.nodes()).map(|n| n.op.name()).collect();
        assert_eq!(names, alone);
    }

    #[test]
    fn random_graphs_are_the_same_for_the_same_choices() {
        assert_eq!(random_graph(&mut choices(1)), random_graph(&mut choices(1)));
        assert_ne!(random_graph(&mut choices(1)), random_graph(&mut choices(2)));
    }

    #[test]
    fn random_weights_fit_their_graph() {
        for (name, graph) in every_operator() {
            assert_eq!(random_weights(&graph, &mut choices(0)).mismatch(&graph), None, "{name}");
        }
    }

    #[test]
    fn operators_alone_have_distinct_names() {
        let all = every_operator();
        let names: BTreeSet<_> = all.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), all.len());
    }
}
