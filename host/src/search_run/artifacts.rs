//! What a run leaves: the winner, the front, the table and the report, each written whole.

use edgefit_graph::Digest;
use edgefit_latency::file;
use edgefit_search::explain::{Common, Explanation, explain, in_common};
use edgefit_search::{Genotype, Goals, Metric, Objective, Readings, SearchEngine, Status, Trial, Value, pareto};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::finals::Contender;
use super::measuring::origin;
use super::opening::folder_name;
use super::search_phase::{baseline_latency_ms, describe};
use super::seed::derived;
use super::{REPORT_DOCUMENT, Run, Summary};
use crate::accuracy::classify;
use crate::device::RunOn;
use crate::error::{Error, ErrorKind, Result};
use crate::report::{
    Candidate, Fact, Layer, Predictor, ReportData, Span, TrainedEpoch, Untrained, Winner, WinnerContext, html_page,
    pareto_csv, reasons, winner_json,
};
use crate::run_folder::RunFile;
use crate::study;

const NS_PER_MS: f64 = 1e6;

impl Run<'_> {
    /// Tests the winner, writes every file of the run folder and sums up.
    pub(super) fn write_artifacts(&mut self, engine: &SearchEngine, mut podium: Vec<Contender>) -> Result<Summary> {
        let accuracy = self.test_accuracy(&podium[0])?;
        podium[0].readings.add(Metric::Accuracy, accuracy);
        self.keep_places(&podium)?;
        self.learn_all(engine)?;
        let data = self.report_data(engine, &podium)?;
        let winner = data.winner.as_ref().expect("the report was given a winner");
        let json = winner_json(&winner.candidate, engine.goals().constraints(), &self.context(&podium[0])?);
        let front = data.candidates.iter().filter(|candidate| candidate.is_front && candidate.meets_constraints);
        self.folder.write(RunFile::WinnerModel, &podium[0].model)?;
        self.folder.write(RunFile::Winner, json.as_bytes())?;
        self.folder.write(RunFile::Pareto, &pareto_csv(front))?;
        file::save(&self.table, &self.folder.file(RunFile::Table))?;
        let document = serde_json::to_string(&data).map_err(|e| Error::new(ErrorKind::Internal, e))?;
        self.study.save_document(REPORT_DOCUMENT, &document)?;
        self.folder.write(RunFile::Report, html_page(&data).as_bytes())?;
        Ok(Summary {
            folder: self.folder.path().to_owned(),
            genotype: winner.candidate.genotype.clone(),
            readings: podium.swap_remove(0).readings,
            bounds: bounds(engine.goals()),
            reasons: reasons(&data),
            winner_json: json,
        })
    }

    /// Accuracy on the test images of the file itself, as the device's runtime computes it.
    fn test_accuracy(&mut self, winner: &Contender) -> Result<Value> {
        let (test, mut run_on) = (&self.dataset.test, RunOn::new(self.config.device.runtime));
        run_on.settings.threads = self.config.device.threads;
        let (classes, seed) = (self.dataset.classes.len(), self.config.seed);
        let right = classify(self.measurer.device(), &winner.model, &run_on, test, classes, seed)?;
        let right = right.into_iter().filter(|right| *right).count();
        let by = format!("winner.onnx on {}, {} test images", origin(&winner.measurement), test.len());
        Ok(Value::measured(right as f64 / test.len() as f64, None, by))
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
        let from = &winner.measurement.provenance;
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
                "measured": from,
            }),
        })
    }

    fn report_data(&mut self, engine: &SearchEngine, podium: &[Contender]) -> Result<ReportData> {
        let records = self.study.trials()?;
        let finalists = podium.iter().map(|c| (&c.trial, c.readings.clone()));
        let trained = engine.latest().filter(|trial| trial.status == Status::Trained);
        let mut shown = self.candidates(engine, finalists)?;
        let candidates = self.candidates(engine, trained.map(|trial| (trial, trial.readings())))?;
        let winner = self.winner(shown[0].clone(), &podium[0])?;
        shown[0] = winner.candidate.clone();
        Ok(ReportData {
            run: folder_name(&self.folder),
            started: self.started.clone(),
            edgefit_version: env!("CARGO_PKG_VERSION").to_owned(),
            data: super::opening::describe_data(self.config, &self.dataset),
            space: super::opening::describe_space(self.space.as_ref()),
            device: self.device_facts(&podium[0]),
            objectives: engine.goals().objectives().iter().map(|objective| objective.metric).collect(),
            constraints: engine.goals().constraints().to_vec(),
            winner: Some(winner),
            finalists: shown,
            candidates,
            untrained: untrained(engine),
            hypervolume: records.iter().filter_map(|record| record.hypervolume).collect(),
            reference: self.reference(engine.goals()),
            explanations: self.explanations(engine),
            in_common: self.in_common(engine),
            learned: self.learned_operations()?,
            predictor: self.predictor(),
            phases: self
                .study
                .phases()?
                .into_iter()
                .map(|phase| Span { name: phase.name, seconds: phase.seconds })
                .collect(),
            settings: self.settings.clone(),
            reproduce: vec![format!("edgefit search {}", RunFile::Search.name())],
        })
    }

    /// The values from which hypervolume is counted.
    fn reference(&self, goals: &Goals) -> Vec<(Metric, f64)> {
        let value = |(objective, loss): (&Objective, &f64)| (objective.metric, objective.value(*loss));
        goals.objectives().iter().zip(&self.reference).map(value).collect()
    }

    /// What the choices had to do with each objective of the trained networks.
    fn explanations(&self, engine: &SearchEngine) -> Vec<(Metric, Explanation)> {
        let explained = |objective: &Objective| {
            let readings = |trial: &'_ Trial| trial.readings().best(objective.metric).map(|value| value.value);
            let trained = engine.latest().filter(|trial| trial.status == Status::Trained);
            let networks: Vec<(&Genotype, f64)> =
                trained.filter_map(|trial| Some((&trial.genotype, readings(trial)?))).collect();
            let seed = derived(self.config.seed, "explain", 0);
            Some((objective.metric, explain(self.space.as_ref(), &networks, seed)?))
        };
        engine.goals().objectives().iter().filter_map(explained).collect()
    }

    /// What the networks of the front have in common that the others have not.
    fn in_common(&self, engine: &SearchEngine) -> Vec<Common> {
        let goals = engine.goals();
        let trained: Vec<&Trial> = engine.latest().filter(|trial| trial.status == Status::Trained).collect();
        let known =
            |trial: &&&Trial| trial.observation(goals).complete().filter(|_| goals.violation(&trial.readings()) == 0.0);
        let points: Vec<(Vec<f64>, &Trial)> =
            trained.iter().filter_map(|trial| Some((known(&trial)?, *trial))).collect();
        let front = pareto::front(&points.iter().map(|(losses, _)| losses.as_slice()).collect::<Vec<_>>());
        let best: Vec<&Genotype> = front.into_iter().map(|at| &points[at].1.genotype).collect();
        let all: Vec<&Genotype> = trained.iter().map(|trial| &trial.genotype).collect();
        in_common(self.space.as_ref(), &best, &all)
    }

    /// Networks as the report lists them, those marked that no other of the list dominates.
    fn candidates<'t>(
        &self,
        engine: &SearchEngine,
        networks: impl Iterator<Item = (&'t Trial, Readings)>,
    ) -> Result<Vec<Candidate>> {
        let goals = engine.goals();
        let mut candidates = Vec::new();
        for (trial, readings) in networks {
            candidates.push(Candidate {
                id: trial.number,
                genotype: self.space.text(&trial.genotype),
                meets_constraints: goals.violation(&readings) == 0.0,
                is_front: false,
                baseline_latency_ms: baseline_latency_ms(&readings),
                readings,
            });
        }
        let known = |loss: Option<f64>| loss.unwrap_or(f64::INFINITY);
        let losses =
            |candidate: &Candidate| goals.losses(&candidate.readings).into_iter().map(known).collect::<Vec<f64>>();
        let allowed: Vec<usize> = (0..candidates.len()).filter(|&i| candidates[i].meets_constraints).collect();
        let points: Vec<Vec<f64>> = allowed.iter().map(|&i| losses(&candidates[i])).collect();
        pareto::front(&points).into_iter().for_each(|i| candidates[allowed[i]].is_front = true);
        Ok(candidates)
    }

    fn winner(&mut self, candidate: Candidate, contender: &Contender) -> Result<Winner> {
        let trainings = self.study.trainings(study::Purpose::Final)?;
        let training = trainings.into_iter().find(|(draw, _)| *draw == contender.trial.draw);
        let epochs = training.map(|(_, training)| training.epochs).unwrap_or_default();
        let measurement = &contender.measurement;
        let graph = self.space.decode(&contender.trial.genotype)?;
        let layers = measurement.scaled_nodes().into_iter().map(|(node, ns)| Layer {
            name: node.name.clone(),
            operator: node.op.clone(),
            milliseconds: ns / NS_PER_MS,
        });
        Ok(Winner {
            candidate,
            node_names: graph.nodes().iter().map(|node| node.name.clone()).collect(),
            layers: layers.collect(),
            layer_scale: measurement.operators.as_ref().map(|profile| profile.scale(measurement.median_ns())),
            training: epochs
                .into_iter()
                .map(|e| TrainedEpoch { loss: e.loss, validation_accuracy: e.validation_accuracy })
                .collect(),
        })
    }

    fn device_facts(&mut self, winner: &Contender) -> Vec<Fact> {
        let info = self.measurer.device().info().clone();
        let fact = |name: &str, value: String| Fact { name: name.to_owned(), value };
        let from = &winner.measurement.provenance;
        let description = &info.description;
        let os = [Some(description.os.clone()), description.os_version.clone(), description.kernel.clone()];
        vec![
            fact("Device", format!("{} ({})", from.device_url, super::opening::machine(&info))),
            fact("System", os.into_iter().flatten().collect::<Vec<_>>().join(", ")),
            fact("Runtime", format!("{} {}", from.runtime.name.name(), from.runtime.version)),
            fact("Threads", from.settings.threads.to_string()),
            fact("Cores used", from.cores.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")),
            fact("Agent", from.agent_version.clone()),
        ]
    }

    fn predictor(&self) -> Predictor {
        let (chosen, baseline) = self
            .table
            .evaluation()
            .map_or(("none", "none"), |selection| (selection.best().predictor, selection.candidates[0].predictor));
        let table_models = self.config.table.models as u64;
        Predictor { name: chosen.to_owned(), baseline: baseline.to_owned(), table_models }
    }
}

/// What had to hold, and what was aimed at.
fn bounds(goals: &Goals) -> Vec<String> {
    goals.constraints().iter().map(describe).chain(goals.targets().iter().map(super::opening::aim)).collect()
}

fn untrained(engine: &SearchEngine) -> Untrained {
    let failed = engine.trials().iter().filter(|trial| matches!(trial.status, Status::Failed { .. }));
    Untrained {
        stopped: engine.tally().stopped.iter().map(|(metric, count)| (*metric, *count)).collect(),
        duplicates: engine.tally().duplicates,
        failed: failed.count() as u64,
    }
}
