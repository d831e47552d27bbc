//! Zero-cost proxies: how promising a network is, from one batch of images and weights that were never trained.
//!
//! A proxy is a file of its own that implements [`Proxy`] and is listed in [`PROXIES`]. A score says which of two networks of a
//! space is likelier to become accurate, and nothing else: it has no unit, and scores of different proxies are compared by
//! rank only. What a proxy is worth on a space is measured (`host/benches/proxies.rs`), since many are no better than
//! the number of parameters.

mod grad_norm;
mod jacov;
mod macs;
mod naswot;
mod params;
mod probe;
mod snip;
mod synflow;
#[cfg(test)]
mod tests;

use edgefit_graph::Graph;

pub use probe::Probe;

use crate::error::TrainError;
use crate::train::on_one_thread;

/// Every proxy, by name.
pub const PROXIES: [&dyn Proxy; 7] = [
    &naswot::Naswot,
    &synflow::Synflow,
    &jacov::Jacov,
    &grad_norm::GradNorm,
    &snip::Snip,
    &params::Params,
    &macs::Macs,
];

/// The proxy of this name.
pub fn proxy(name: &str) -> Option<&'static dyn Proxy> {
    PROXIES.into_iter().find(|p| p.name() == name)
}

/// A score of untrained networks.
pub trait Proxy: Sync {
    /// As in a search file.
    fn name(&self) -> &'static str;

    /// The score of a classifier for the probe's images; the higher, the more promising. `None` for a network in which there is
    /// nothing to see, such as one whose output does not depend on its input; it ranks last.
    ///
    /// # Errors
    /// If the network cannot be run on these images.
    fn measure(&self, graph: &Graph, probe: &Probe) -> Result<Option<f64>, TrainError>;
}

/// The score of a classifier, computed on one thread. The same arguments give the same score.
///
/// # Errors
/// As [`Proxy::measure`].
pub fn score(proxy: &dyn Proxy, graph: &Graph, probe: &Probe) -> Result<Option<f64>, TrainError> {
    let found = on_one_thread(|| proxy.measure(graph, probe))?;
    Ok(found.filter(|score| score.is_finite()))
}
