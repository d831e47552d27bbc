//! What a table that was transferred started from: the samples of another device, runtime, version or thread count.
//!
//! They stay in the table, beside its own and never mixed with them, so that each refit can weigh anew whether they help.

use crate::predictor::{MIN_NETWORKS, Transferred};
use crate::sample::{NetworkSample, Provenance};

/// Another table as prior knowledge.
#[derive(Debug, Clone)]
pub struct Source {
    provenance: Provenance,
    samples: Vec<NetworkSample>,
    predictor: Transferred,
}

impl Source {
    /// `None` with too few samples for a fit.
    pub fn new(provenance: Provenance, samples: Vec<NetworkSample>) -> Option<Self> {
        let predictor = (samples.len() > MIN_NETWORKS).then(|| Transferred::of(&samples.iter().collect::<Vec<_>>()))?;
        Some(Self { provenance, samples, predictor })
    }

    /// Where its samples come from.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// Its samples.
    pub fn samples(&self) -> &[NetworkSample] {
        &self.samples
    }

    pub(crate) fn predictor(&self) -> &Transferred {
        &self.predictor
    }
}

#[cfg(test)]
mod tests {
    use super::Source;
    use crate::predictor::TRANSFERRED;
    use crate::sample::{NetworkSample, Provenance};
    use crate::synthetic::{Device, provenance};
    use crate::table::Table;

    /// The same networks on a device that is slower by kind of kernel and in all by an offset.
    fn elsewhere(mut sample: NetworkSample) -> NetworkSample {
        let factor = |index: usize| 2.0 + (index % 5) as f64 * 0.4;
        let mut more = 0.0;
        for (kernel, time) in sample.kernels.kernels().iter().zip(&mut sample.kernel_ns) {
            let Some(time) = time else { continue };
            let slower = *time * factor(kernel.kind.index());
            more += slower - *time;
            *time = slower;
        }
        sample.latency_ns.iter_mut().for_each(|ns| *ns += more + 20_000.0);
        sample
    }

    fn losses(source: Option<Source>, networks: u64) -> Vec<(&'static str, f64)> {
        let device = Device { noise: 0.01, disturbed: 0.0 };
        let other = Provenance { device: "elsewhere".into(), ..provenance() };
        let mut table = Table::new(other).unwrap();
        table.set_source(source);
        let own = device.samples(500..500 + networks);
        own.into_iter().for_each(|sample| table.add_sample(elsewhere(sample)).unwrap());
        table.fit().unwrap();
        let fresh: Vec<NetworkSample> = device.samples(2000..2100).into_iter().map(elsewhere).collect();
        let scores = table.scores_on(&fresh.iter().collect::<Vec<_>>()).unwrap();
        scores.into_iter().map(|(name, scores)| (name, scores.mape)).collect()
    }

    #[test]
    fn ten_measurements_on_top_of_another_table_beat_ten_alone() {
        let device = Device { noise: 0.01, disturbed: 0.0 };
        let source = Source::new(provenance(), device.samples(0..100)).unwrap();
        let figures = losses(Some(source), 10);
        let (transferred, afresh): (Vec<_>, Vec<_>) = figures.iter().partition(|(name, _)| *name == TRANSFERRED);
        let best = afresh.iter().map(|(_, mape)| *mape).fold(f64::INFINITY, f64::min);
        assert!(transferred[0].1 < 0.8 * best, "{figures:?}");
        assert!(losses(None, 10).iter().all(|(name, _)| *name != TRANSFERRED));
    }

    #[test]
    fn a_source_needs_enough_networks() {
        assert!(Source::new(provenance(), Device::default().samples(0..3)).is_none());
    }
}
