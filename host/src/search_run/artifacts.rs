//! What a run leaves: the winner, the front, the table and the report, each written whole.

use edgefit_graph::Digest;
use edgefit_latency::file;
use edgefit_search::{Metric, Readings, SearchEngine, Value};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::finals::Contender;
use super::measuring::origin;
use super::opening::folder_name;
use super::{REPORT_DOCUMENT, Run, Summary};
use crate::accuracy::classify;
use crate::device::RunOn;
use crate::error::{Error, ErrorKind, Result};
use crate::report::{WinnerContext, html_page, pareto_csv, reasons, winner_json};
use crate::run_folder::RunFile;
use crate::study;

impl Run<'_> {
    /// Tests the winner, writes every file of the run folder and sums up.
    pub(super) fn write_artifacts(&mut self, engine: &SearchEngine, mut podium: Vec<Contender>) -> Result<Summary> {
        let accuracies = self.test_accuracies(&podium[0])?;
        podium[0].readings.extend(accuracies);
        self.keep_places(&podium)?;
        self.learn_all(engine)?;
        let data = self.report_data(engine, &podium)?;
        let winner = data.winner.as_ref().expect("the report was given a winner");
        let (devices, context) = (data.device_names(), self.context(&podium[0])?);
        let json = winner_json(&winner.candidate, &devices, engine.goals().constraints(), &context);
        let front = data.candidates.iter().filter(|candidate| candidate.is_front && candidate.meets_constraints);
        self.folder.write(RunFile::WinnerModel, &podium[0].model)?;
        self.folder.write(RunFile::Winner, json.as_bytes())?;
        self.folder.write(RunFile::Pareto, &pareto_csv(front, &devices))?;
        for (number, station) in self.stations.iter().enumerate() {
            file::save(&station.table, &self.folder.table(number))?;
        }
        let document = serde_json::to_string(&data).map_err(|e| Error::new(ErrorKind::Internal, e))?;
        self.study.save_document(REPORT_DOCUMENT, &document)?;
        self.folder.write(RunFile::Report, html_page(&data).as_bytes())?;
        Ok(Summary {
            folder: self.folder.path().to_owned(),
            genotype: winner.candidate.genotype.clone(),
            readings: podium.swap_remove(0).readings,
            devices: self.labels(),
            bounds: self.bounds(),
            reasons: reasons(&data),
            winner_json: json,
        })
    }

    /// Accuracy on the test images of the file itself, as each device's runtime computes it.
    fn test_accuracies(&mut self, winner: &Contender) -> Result<Readings> {
        let (test, classes, seed) = (&self.dataset.test, self.dataset.classes.len(), self.config.seed);
        let mut all = Readings::new();
        for ((number, station), measurement) in (0_u8..).zip(&mut self.stations).zip(&winner.measurements) {
            let mut run_on = RunOn::new(station.config.runtime);
            run_on.settings.threads = station.config.threads;
            let right =
                station.measurer.on_device(|device| classify(device, &winner.model, &run_on, test, classes, seed))?;
            let right = right.into_iter().filter(|right| *right).count();
            let by = format!("winner.onnx on {}, {} test images", origin(measurement), test.len());
            let accuracy = Value::measured(right as f64 / test.len() as f64, None, by);
            all.extend(Readings::new().with(Metric::Accuracy, accuracy).of_device(number));
        }
        Ok(all)
    }

    fn keep_places(&mut self, podium: &[Contender]) -> Result<()> {
        for (place, contender) in podium.iter().enumerate() {
            let readings = contender.readings.clone();
            let finalist = study::Finalist { draw: contender.trial.draw, place: place as u64 + 1, readings };
            self.study.save_finalist(&finalist)?;
        }
        Ok(())
    }

    fn context(&self, winner: &Contender) -> Result<WinnerContext> {
        let graph = self.space.decode(&winner.trial.genotype)?;
        let from: Vec<_> = winner.measurements.iter().map(|measurement| &measurement.provenance).collect();
        let sha256 = Sha256::digest(&winner.model).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(WinnerContext {
            model: RunFile::WinnerModel.name().to_owned(),
            model_sha256: sha256,
            network_digest: Digest::of(&graph).to_string(),
            classes: self.dataset.classes.clone(),
            provenance: json!({
                "edgefit_version": env!("CARGO_PKG_VERSION"),
                "run": folder_name(&self.folder),
                "started": self.started,
                "seed": self.config.seed,
                "opset": edgefit_onnx::OPSET,
                "measured": from[0],
                "measured_on_others": from[1..],
            }),
        })
    }
}
