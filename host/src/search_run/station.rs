//! One device of a run: how models are measured there, and the latency table that they teach.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::thread;

use edgefit_graph::Digest;
use edgefit_latency::{Provenance as TableProvenance, Table};

use super::Run;
use super::measuring::{Measurer, Purpose, Taken, Taking, held};
use super::opening::table_provenance;
use crate::config::{DeviceConfig, SearchConfig};
use crate::device::{DeviceError, DeviceInfo, Pool, Registry};
use crate::error::Result;
use crate::latency_table::measuring::lost;
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
    /// Connects the devices of a configuration, in their order; one that is used in several ways once.
    pub(super) fn connect_all(config: &SearchConfig, registry: &Registry) -> Result<Vec<Self>> {
        let labels = config.devices.labels();
        let mut connected: BTreeMap<&str, Arc<Mutex<Pool>>> = BTreeMap::new();
        let mut stations = Vec::with_capacity(labels.len());
        for ((device, label), number) in config.devices.iter().zip(labels).zip(0_u8..) {
            let pool = match connected.get(device.name.as_str()) {
                Some(pool) => Arc::clone(pool),
                None => Arc::new(Mutex::new(registry.connect_all(&device.name)?)),
            };
            connected.insert(&device.name, Arc::clone(&pool));
            stations.push(Self::on(pool, config, device, label, number)?);
        }
        Ok(stations)
    }

    fn on(
        pool: Arc<Mutex<Pool>>,
        config: &SearchConfig,
        device: &DeviceConfig,
        label: String,
        number: u8,
    ) -> Result<Self> {
        let version = held(&pool).probe(device.runtime)?.version;
        let info = held(&pool).info().clone();
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
    /// Measures a network on every device, as far as the study has not its measurements; none counts as away any more.
    pub(super) fn measure_everywhere(
        &mut self,
        purpose: Purpose,
        digest: &Digest,
        model: &[u8],
    ) -> Result<Vec<Taking>> {
        self.stations.iter_mut().for_each(|station| station.is_away = false);
        Ok(self.measure_at_once(purpose, digest, model)?.into_iter().flatten().collect())
    }

    /// Measures a network on all devices that are not away, at the same time, one job at a time on each machine; in their order, with
    /// `None` for those that are away.
    pub(super) fn measure_at_once(
        &mut self,
        purpose: Purpose,
        digest: &Digest,
        model: &[u8],
    ) -> Result<Vec<Option<Taking>>> {
        let mut taken: Vec<Option<Taking>> = Vec::with_capacity(self.stations.len());
        let mut machines: BTreeMap<&str, Vec<(usize, &mut Measurer)>> = BTreeMap::new();
        for (at, Station { measurer, info, is_away, .. }) in self.stations.iter_mut().enumerate() {
            let recorded = if *is_away { None } else { measurer.recorded(&mut self.study, purpose, digest)? };
            if recorded.is_none() && !*is_away {
                machines.entry(&info.description.id).or_default().push((at, measurer));
            }
            taken.push(recorded.map(Ok));
        }
        let measure = |(at, measurer): (usize, &mut Measurer)| (at, measurer.measure(purpose, digest, model));
        side_by_side(machines, measure).into_iter().for_each(|(at, taking)| taken[at] = Some(taking));
        Ok(taken)
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

/// Does the turns of all machines at the same time, and those of each machine one after the other.
fn side_by_side<M, T: Send, R: Send>(machines: BTreeMap<M, Vec<T>>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let work = &work;
    thread::scope(|scope| {
        let turns = machines.into_values();
        let at_work: Vec<_> =
            turns.map(|turns| scope.spawn(move || turns.into_iter().map(work).collect::<Vec<R>>())).collect();
        at_work.into_iter().flat_map(|machine| machine.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

/// The records of measurements that the study has not yet.
pub(super) fn records(taken: &mut [Taken]) -> Vec<study::Measurement> {
    taken.iter_mut().filter_map(|taken| taken.record.take()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn machines_work_at_the_same_time_and_each_does_one_thing() {
        let (both, at_work) = (Barrier::new(2), [AtomicUsize::new(0), AtomicUsize::new(0)]);
        let turns = BTreeMap::from([("a", vec![(0, 'x'), (0, 'y')]), ("b", vec![(1, 'z'), (1, 'w')])]);
        let done = side_by_side(turns, |(machine, turn)| {
            assert_eq!(at_work[machine].fetch_add(1, Ordering::SeqCst), 0, "machine {machine} does two things");
            both.wait();
            at_work[machine].fetch_sub(1, Ordering::SeqCst);
            turn
        });
        assert_eq!(done, ['x', 'y', 'z', 'w']);
    }
}
