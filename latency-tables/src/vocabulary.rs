//! Which kernels and kinds of kernels a device has measured: what a prediction knows, infers or guesses.

use std::collections::BTreeSet;

use crate::kernel::{Kernel, KernelKind};
use crate::kernel_set::KernelSet;
use crate::sample::NetworkSample;

/// What a device has told about a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// This very kernel was measured.
    Seen,
    /// Kernels of its kind were measured.
    Inferred,
    /// No kernel of its kind was measured: its time is a guess.
    Unknown,
}

impl Known {
    /// Name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Inferred => "inferred",
            Self::Unknown => "unknown",
        }
    }
}

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

    pub(crate) fn knows(&self, kernel: &Kernel) -> Known {
        match kernel {
            kernel if self.kernels.contains(&kernel.hash) => Known::Seen,
            kernel if self.kinds.contains(&kernel.kind) => Known::Inferred,
            _ => Known::Unknown,
        }
    }

    /// How many kernels are known so.
    pub(crate) fn count(&self, network: &KernelSet, known: Known) -> usize {
        network.kernels().iter().filter(|kernel| self.knows(kernel) == known).count()
    }
}
