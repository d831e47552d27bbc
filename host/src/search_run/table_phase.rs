//! Before the search: models sampled from the space run on each device, and its latency table is fitted to them.

use std::ops::Range;
use std::time::Instant;

use edgefit_graph::Digest;
use edgefit_search::Genotype;

use super::Run;
use super::measuring::{Purpose, Taken};
use super::station::{self, Station};
use crate::error::Result;
use crate::latency_table::measuring::{MeasureFailure, table_sample};
use crate::latency_table::sampling::{Sampler, TableModel};
use crate::progress::{Event, Phase as Part};
use crate::study::{Phase, TableSample};

/// Models that are measured even when the time is over: fewer cannot be fitted.
const LEAST_MODELS: usize = edgefit_latency::predictor::MIN_NETWORKS + 1;

/// Models that are drawn at most, for each that the table is to have.
const MOST_DRAWN: u64 = 2;

/// Share of them that is enough where some do not count, since the device was slower meanwhile: the search measures more.
const ENOUGH_SHARE: f64 = 0.6;

const NS_PER_MS: f64 = 1e6;

/// The name of this phase in the study.
const PHASE: &str = "table";

impl Run<'_> {
    /// Measures what is still to be measured and fits the tables.
    pub(super) fn fill_table(&mut self) -> Result<()> {
        let begun = Instant::now();
        let samples = self.study.table_samples()?;
        self.progress.emit(Event::Phase { phase: Part::Table, done: samples.len() as u64 });
        let finished = self.study.phases()?.iter().any(|phase| phase.name == PHASE);
        self.restore(&samples)?;
        if !finished {
            self.measure_models(samples.len() as u64, begun)?;
            let seconds = begun.elapsed().as_secs_f64();
            self.study.finish_phase(&Phase { name: PHASE.to_owned(), seconds })?;
        }
        for station in &mut self.stations {
            station.table.fit()?;
        }
        self.stations.iter().for_each(|station| self.tell_fit(station));
        Ok(())
    }

    /// Puts recorded models into the tables, in the order in which they were measured.
    fn restore(&mut self, samples: &[TableSample]) -> Result<()> {
        for sample in samples {
            let genotype = self.space.parse(&sample.genotype)?;
            self.take_model(sample.number, &genotype)?;
        }
        Ok(())
    }

    fn measure_models(&mut self, from: u64, begun: Instant) -> Result<()> {
        let total = self.config.table.models as u64;
        let enough = ((total as f64 * ENOUGH_SHARE).ceil() as usize).max(LEAST_MODELS.min(total as usize));
        // More are measured in place of those that do not count, since the device was slower meanwhile.
        for number in from..MOST_DRAWN * total {
            self.check_interrupted()?;
            let (drawn, counting) = (self.stations[0].table.samples().len() as u64, self.counting());
            let is_enough = drawn >= total && counting >= enough;
            let over_time = begun.elapsed().as_secs_f64() > self.config.table.seconds;
            let Some(genotype) = self.unseen_model(number) else { break };
            if is_enough || (over_time && counting >= LEAST_MODELS) {
                break;
            }
            let boards = self.boards() as u64;
            if (number - from).is_multiple_of(boards) {
                self.measure_models_ahead(number..total.max(number + 1).min(number + boards))?;
            }
            self.take_model(number, &genotype)?;
        }
        Ok(())
    }

    /// Has several boards measure the next models, each once.
    fn measure_models_ahead(&mut self, numbers: Range<u64>) -> Result<()> {
        if self.boards() < 2 {
            return Ok(());
        }
        let mut models: Vec<(Digest, Vec<u8>)> = Vec::new();
        for number in numbers {
            let is_drawn = |digest: &str| models.iter().any(|(drawn, _)| drawn.to_string() == digest);
            let is_known = |digest: &str| self.has_sample(digest) || is_drawn(digest);
            let Some(genotype) = self.sampler().unseen(number, is_known) else { break };
            let model = self.sampler().model(number, &genotype, &self.export_options(None))?;
            models.push((model.digest, model.file));
        }
        self.measure_ahead(Purpose::Table, &models)
    }

    /// Models that count in the table that has the fewest of them.
    fn counting(&self) -> usize {
        self.stations.iter().map(|station| station.table.counting().len()).min().unwrap_or_default()
    }

    fn has_sample(&self, digest: &str) -> bool {
        self.stations[0].table.samples().iter().any(|sample| sample.id == digest)
    }

    fn unseen_model(&self, number: u64) -> Option<Genotype> {
        self.sampler().unseen(number, |digest| self.has_sample(digest))
    }

    fn sampler(&self) -> Sampler<'_> {
        Sampler { space: self.space.as_ref(), seed: self.config.seed, purpose: PHASE }
    }

    /// Measures one model, with weights as they are before training, and gives it to the tables. A model that a device cannot
    /// run is left out and said.
    fn take_model(&mut self, number: u64, genotype: &Genotype) -> Result<()> {
        let TableModel { graph, digest, file } = self.sampler().model(number, genotype, &self.export_options(None))?;
        let taken = self.measure_everywhere(Purpose::Table, &digest, &file)?;
        let mut taken: Vec<Taken> = match taken.into_iter().collect() {
            Ok(taken) => taken,
            Err(MeasureFailure::Run(error)) => return Err(error),
            Err(MeasureFailure::Network(reason)) => {
                self.progress.emit(Event::Warning(format!("a model for the table was left out: {reason}")));
                return Ok(());
            }
        };
        for (station, taken) in self.stations.iter_mut().zip(&taken) {
            station.table.add(digest.to_string(), &graph, table_sample(&taken.measurement))?;
        }
        let latency_ms = taken[0].measurement.median_ns() / NS_PER_MS;
        let records = station::records(&mut taken);
        if !records.is_empty() {
            let genotype = self.space.text(genotype);
            let sample = TableSample { number, genotype, digest: digest.to_string() };
            self.study.save_table_sample(&sample, &records)?;
            self.progress.emit(Event::TableSample { latency_ms });
        }
        Ok(())
    }

    fn tell_fit(&self, station: &Station) {
        let Some(selection) = station.table.evaluation() else { return };
        let (chosen, baseline) = (selection.best(), &selection.candidates[0]);
        self.progress.emit(Event::TableFitted {
            device: (self.stations.len() > 1).then(|| station.label.clone()),
            predictor: chosen.predictor.to_owned(),
            error: chosen.scores.mape,
            baseline: (baseline.predictor.to_owned(), baseline.scores.mape),
        });
    }
}
