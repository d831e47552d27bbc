//! Finds the kernel that each line of a runtime's profile belongs to, by the longest node name that it starts with.
//!
//! Runtimes keep the model's node names and append to them (`stem.conv_nchwc`, `stem.conv.einsum`). A name counts only up to
//! a boundary, so that `block1` does not take `block10`. Lines that match nothing are kept apart, never spread.

use std::collections::BTreeMap;

use crate::kernel_set::KernelSet;
use crate::sample::NodeTime;

/// A profile split over the kernels of a network.
pub(crate) struct Matched {
    /// Summed time of each kernel, `None` without a matching line.
    pub(crate) kernel_ns: Vec<Option<f64>>,
    /// Lines that match no kernel.
    pub(crate) unmatched: Vec<NodeTime>,
}

/// Splits a profile over kernels.
pub(crate) fn match_profile(set: &KernelSet, profile: Vec<NodeTime>) -> Matched {
    let kernel_of = kernel_of_name(set);
    let mut matched = Matched { kernel_ns: vec![None; set.kernels().len()], unmatched: Vec::new() };
    for line in profile {
        match longest_match(&kernel_of, &line.name) {
            Some(kernel) => *matched.kernel_ns[kernel].get_or_insert(0.0) += line.time_ns,
            None => matched.unmatched.push(line),
        }
    }
    matched
}

fn kernel_of_name(set: &KernelSet) -> BTreeMap<&str, usize> {
    let names = set.names().iter().enumerate();
    names.flat_map(|(kernel, names)| names.iter().map(move |name| (name.as_str(), kernel))).collect()
}

/// Tries each prefix of `name` that ends at a boundary, the longest first.
fn longest_match(kernel_of: &BTreeMap<&str, usize>, name: &str) -> Option<usize> {
    let boundaries = name.char_indices().filter(|(_, c)| !c.is_alphanumeric()).map(|(at, _)| at);
    let mut ends: Vec<usize> = boundaries.chain([name.len()]).collect();
    ends.reverse();
    ends.into_iter().find_map(|end| kernel_of.get(&name[..end]).copied())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::longest_match;

    fn check(name: &str, expected: Option<usize>) {
        let names = ["block1", "block1.act", "block10", "stem.conv"];
        let kernel_of: BTreeMap<&str, usize> = names.into_iter().zip(0..).collect();
        assert_eq!(longest_match(&kernel_of, name), expected, "{name}");
    }

    #[test]
    fn the_longest_name_up_to_a_boundary_wins() {
        check("block1", Some(0));
        check("block1.act", Some(1));
        check("block1.activation", Some(0));
        check("block10.einsum", Some(2));
        check("block1_nchwc", Some(0));
        check("stem.conv.axis-move", Some(3));
        check("block1.act.relu_low", Some(1));
        check("block11", None);
        check("stem", None);
        check("ReorderOutput_token_79", None);
        check("", None);
    }
}
