//! One device of a run: how models are measured there, and the latency table that they teach.

use edgefit_graph::Digest;
use edgefit_latency::{Provenance as TableProvenance, Table};

use super::Run;
use super::measuring::{Measurer, Purpose, Taken};
use super::opening::table_provenance;
use crate::config::{DeviceConfig, SearchConfig};
use crate::device::{DeviceError, DeviceInfo, Registry};
use crate::error::Result;
use crate::latency_table::measuring::{MeasureFailure, lost};
use crate::study;

/// A device with its table.
pub(super) struct Station {
    /// What it is called beside the others.
    pub(super) label: String,
    pub(super) config: DeviceConfig,
    pub(super) measurer: Measurer,
    pub(super) table: Table,
    /// What is known of the device.
    pub(super) info: DeviceInfo,
    /// Whether it was lost in the batch that is being measured; it is asked again in the next.
    pub(super) is_away: bool,
}

impl Station {
    /// Connects the devices of a configuration, in their order.
    pub(super) fn connect_all(config: &SearchConfig, registry: &Registry) -> Result<Vec<Self>> {
        let labels = config.devices.labels();
        let devices = config.devices.iter().zip(labels).zip(0_u8..);
        devices.map(|((device, label), number)| Self::connect(config, device, label, number, registry)).collect()
    }

    fn connect(
        config: &SearchConfig,
        device: &DeviceConfig,
        label: String,
        number: u8,
        registry: &Registry,
    ) -> Result<Self> {
        let mut pool = registry.connect_all(&device.name)?;
        let version = pool.probe(device.runtime)?.version;
        let info = pool.info().clone();
        let table = Table::new(table_provenance(device, &info, &version))?;
        let measurer = Measurer::new(pool, device, number, config.seed, config.table.processes);
        Ok(Self { label, config: device.clone(), measurer, table, info, is_away: false })
    }

    /// Where the samples of its table come from.
    pub(super) fn provenance(&self) -> &TableProvenance {
        self.table.provenance()
    }
}

impl Run<'_> {
    /// Measures a network on every device, in their order, as far as the study has not its measurements.
    pub(super) fn measure_everywhere(
        &mut self,
        purpose: Purpose,
        digest: &Digest,
        model: &[u8],
    ) -> std::result::Result<Vec<Taken>, MeasureFailure> {
        let study = &mut self.study;
        self.stations.iter_mut().map(|station| station.measurer.measure(study, purpose, digest, model)).collect()
    }

    /// Has each device that is several boards measure networks ahead.
    pub(super) fn measure_ahead(&mut self, purpose: Purpose, models: &[(Digest, Vec<u8>)]) -> Result<()> {
        let progress = self.progress;
        let mut lost = |error: &DeviceError| progress.emit(lost(error));
        for station in &mut self.stations {
            station.measurer.measure_ahead(&mut self.study, purpose, models, &mut lost)?;
        }
        Ok(())
    }

    /// Boards of the device that has the most.
    pub(super) fn boards(&self) -> usize {
        self.stations.iter().map(|station| station.measurer.devices()).max().unwrap_or(1)
    }

    /// What the devices are called.
    pub(super) fn labels(&self) -> Vec<String> {
        self.stations.iter().map(|station| station.label.clone()).collect()
    }
}

/// The records of measurements that the study has not yet.
pub(super) fn records(taken: &mut [Taken]) -> Vec<study::Measurement> {
    taken.iter_mut().filter_map(|taken| taken.record.take()).collect()
}
