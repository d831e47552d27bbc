//! Which kernels and kinds of kernels a device has measured: what a prediction knows, infers or guesses.

use std::collections::BTreeSet;

use crate::kernel::{Kernel, KernelKind};
use crate::kernel_set::KernelSet;
use crate::sample::NetworkSample;

/// Kernels and kinds that occur in measured networks.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary {
    kernels: BTreeSet<u64>,
    kinds: BTreeSet<KernelKind>,
}

impl Vocabulary {
    pub(crate) fn of(samples: &[&NetworkSample]) -> Self {
        let kernels = || samples.iter().flat_map(|sample| sample.kernels.kernels());
        Self { kernels: kernels().map(|k| k.hash).collect(), kinds: kernels().map(|k| k.kind).collect() }
    }

    pub(crate) fn has_seen(&self, kernel: &Kernel) -> bool {
        self.kernels.contains(&kernel.hash)
    }

    /// How many kernels were seen, are inferred from their kind, and are of a kind never seen.
    pub(crate) fn count(&self, network: &KernelSet) -> (usize, usize, usize) {
        let seen = network.kernels().iter().filter(|kernel| self.has_seen(kernel)).count();
        let unknown = network.kernels().iter().filter(|kernel| !self.kinds.contains(&kernel.kind)).count();
        (seen, network.kernels().len() - seen - unknown, unknown)
    }
}
