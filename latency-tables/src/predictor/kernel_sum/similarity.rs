//! How alike two kernels are: near in the logarithms of what shapes their cost.
//!
//! A rational quadratic over log features with exponent 2 (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006,
//! equation 4.19): as smooth as a squared exponential, with heavier tails, and without an exponential for each of very many
//! pairs. Kernels of different kinds have nothing in common.

use super::cost_model::padding;
use crate::kernel::{Kernel, KernelKind};

const AXES: usize = 10;

/// Where a kernel lies among those of its kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    kind: KernelKind,
    at: [f64; AXES],
}

/// The least and the most of each feature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    least: [f64; AXES],
    most: [f64; AXES],
}

impl Range {
    /// The range of some places; `None` of none.
    pub(super) fn of(places: impl IntoIterator<Item = Place>) -> Option<Self> {
        let join = |a: Self, b: Self| Self {
            least: std::array::from_fn(|i| a.least[i].min(b.least[i])),
            most: std::array::from_fn(|i| a.most[i].max(b.most[i])),
        };
        places.into_iter().map(|place| Self { least: place.at, most: place.at }).reduce(join)
    }
}

/// Weight of the share of unused lanes, which goes from 0 to 1 only, against logarithms.
const LANE_WEIGHT: f64 = 2.0;

fn unused_lanes(channels: f64, lanes: f64) -> f64 {
    LANE_WEIGHT * padding(channels, lanes).ln()
}

impl Place {
    pub(super) fn of(kernel: &Kernel) -> Self {
        let f = &kernel.features;
        let fused = f.fused_elements / (f.positions * f.output_channels);
        let at = [
            f.input_channels.ln(),
            f.output_channels.ln(),
            f.positions.ln(),
            f.taps.ln(),
            f.stride.ln(),
            unused_lanes(f.input_channels, 8.0),
            unused_lanes(f.input_channels, 16.0),
            unused_lanes(f.output_channels, 8.0),
            unused_lanes(f.output_channels, 16.0),
            fused,
        ];
        Self { kind: kernel.kind, at }
    }

    /// 1 for the same place, 0 for another kind; `length` is the distance in natural logarithms that still counts as near.
    pub(super) fn similarity(&self, other: &Self, length: f64) -> f64 {
        if self.kind != other.kind {
            return 0.0;
        }
        let square: f64 = self.at.iter().zip(other.at).map(|(a, b)| (a - b) * (a - b)).sum();
        let falloff = 1.0 / (1.0 + square / (4.0 * length * length));
        falloff * falloff
    }

    /// How far outside of a range it lies, in natural logarithms of the features, summed over the features.
    pub(super) fn excess(&self, range: &Range) -> f64 {
        self.at
            .iter()
            .zip(range.least.iter().zip(range.most))
            .map(|(at, (least, most))| (least - at).max(at - most).max(0.0))
            .sum()
    }

    pub(super) fn kind(&self) -> KernelKind {
        self.kind
    }
}
