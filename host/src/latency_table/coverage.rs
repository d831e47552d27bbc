//! What a table has measured of what may be asked of it: the kernels of its space, or the kinds of kernels where it is for any network.

use std::collections::BTreeSet;

use edgefit_latency::{KernelKind, KernelSet, Table};
use edgefit_search::draw;
use serde::Serialize;

use super::space::SpaceSpec;
use crate::error::Result;
use crate::quantity::percent;
use crate::search_run::derived;

/// Networks of a space that stand for all.
const NETWORKS: u64 = 200;

/// Seed of those networks: the same ones for every table of a space.
const SEED: u64 = 0;

/// What runs nothing by itself, or does not depend on an input.
const NEVER_ALONE: [KernelKind; 2] = [KernelKind::Zero, KernelKind::Copy];

/// What a table has measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Coverage {
    /// Of the kernels of random networks of its space.
    Space {
        /// Networks that were drawn.
        networks: u64,
        /// Share of their kernels that were measured in place, 0 to 1.
        seen: f64,
        /// Share that is inferred from others of their kind.
        inferred: f64,
        /// Share of a kind that was never measured.
        unknown: f64,
    },
    /// Of the kinds of kernels, for any network.
    Kinds {
        /// Samples of a kernel alone.
        alone: usize,
        /// Kinds of which no kernel was measured.
        never: Vec<&'static str>,
    },
}

impl Coverage {
    /// Of a table; `None` where it is not fitted, or does not say where its networks are from.
    ///
    /// # Errors
    /// When the table names a space that there is not.
    pub fn of(table: &Table) -> Result<Option<Self>> {
        let Some(population) = table.population().filter(|_| table.evaluation().is_some()) else { return Ok(None) };
        match population.input.is_empty() {
            true => Ok(Some(Self::of_kinds(table))),
            false => Self::of_space(table, &SpaceSpec::of(population)?).map(Some),
        }
    }

    fn of_space(table: &Table, spec: &SpaceSpec) -> Result<Self> {
        let space = spec.build()?;
        let mut counts = [0; 3];
        for number in 0..NETWORKS {
            let genotype = space.sample(&mut draw::stream(derived(SEED, "coverage", 0), number));
            let told = table.predict_kernels(&KernelSet::of(&space.decode(&genotype)?, table.rule()))?;
            let of_network = [told.kernels_seen, told.kernels_inferred, told.kernels_unknown];
            counts.iter_mut().zip(of_network).for_each(|(sum, count)| *sum += count);
        }
        let all = counts.iter().sum::<usize>().max(1) as f64;
        let [seen, inferred, unknown] = counts.map(|count| count as f64 / all);
        Ok(Self::Space { networks: NETWORKS, seen, inferred, unknown })
    }

    fn of_kinds(table: &Table) -> Self {
        let kernels = table.samples().iter().flat_map(|sample| sample.kernels.kernels());
        let measured: BTreeSet<KernelKind> = kernels.map(|kernel| kernel.kind).collect();
        let never = KernelKind::ALL.into_iter().filter(|kind| !measured.contains(kind) && !NEVER_ALONE.contains(kind));
        Self::Kinds {
            alone: table.samples().iter().filter(|sample| sample.is_alone()).count(),
            never: never.map(KernelKind::name).collect(),
        }
    }

    /// In a line.
    pub fn text(&self) -> String {
        match self {
            Self::Space { networks, seen, inferred, unknown } => format!(
                "of the kernels of {networks} random networks of its space, {} measured in place, {} inferred from others of \
                 their kind, {} of a kind never measured",
                percent(*seen),
                percent(*inferred),
                percent(*unknown)
            ),
            Self::Kinds { alone, never } => {
                let never = if never.is_empty() { "none".to_owned() } else { never.join(", ") };
                format!("{alone} of its models are kernels alone; kinds of kernels never measured: {never}")
            }
        }
    }
}
