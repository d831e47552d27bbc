//! What the report tells of a run: gathered from the study, the search and the winner, device by device where devices decide it.

use edgefit_search::explain::{Common, explain, in_common};
use edgefit_search::{Constraint, Genotype, Goals, Readings, SearchEngine, Stage, Status, Trial, pareto};

use super::Run;
use super::expected::expected_accuracy;
use super::finals::Contender;
use super::opening::{describe_data, describe_space, folder_name, machine};
use super::search_phase::baseline_latency_ms;
use super::seed::derived;
use super::station::Station;
use crate::device::Measurement;
use crate::error::Result;
use crate::report::{
    Candidate, Fact, Layer, OnDevice, Predictor, Profile, ReportData, Span, TrainedEpoch, Untrained, Winner,
};
use crate::run_folder::RunFile;
use crate::study::{self, TrialRecord};

const NS_PER_MS: f64 = 1e6;

impl Run<'_> {
    /// All of it.
    pub(super) fn report_data(&mut self, engine: &SearchEngine, podium: &[Contender]) -> Result<ReportData> {
        let records = self.study.trials()?;
        let finalists = podium.iter().map(|c| (&c.trial, c.readings.clone()));
        let mut shown = self.candidates(engine, finalists)?;
        let candidates = self.candidates(engine, trained(engine).map(|trial| (trial, trial.readings())))?;
        let winner = self.winner(shown[0].clone(), &podium[0])?;
        shown[0] = winner.candidate.clone();
        let of_each = (0_u8..).zip(&podium[0].measurements);
        Ok(ReportData {
            run: folder_name(&self.folder),
            started: self.started.clone(),
            edgefit_version: env!("CARGO_PKG_VERSION").to_owned(),
            data: describe_data(self.config, &self.dataset),
            space: describe_space(self.space.as_ref()),
            devices: of_each.map(|(number, measurement)| self.of_device(engine, number, measurement)).collect(),
            constraints: engine.goals().constraints().to_vec(),
            winner: Some(winner),
            finalists: shown,
            candidates,
            untrained: untrained(engine, &records),
            hypervolume: records.iter().filter_map(|record| record.hypervolume).collect(),
            in_common: self.in_common(engine),
            learned: self.learned_operations()?,
            early_ends: self.early_ends()?,
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

    /// What is told of a device, with what it measured of the winner.
    fn of_device(&mut self, engine: &SearchEngine, number: u8, winner: &Measurement) -> OnDevice {
        let facts = device_facts(&mut self.stations[usize::from(number)], winner);
        let station = &self.stations[usize::from(number)];
        let objectives = engine.goals().objectives().iter().zip(&self.reference);
        let here: Vec<_> = objectives.filter(|(objective, _)| objective.device == number).collect();
        let explained = |metric| {
            let value = |trial: &Trial| trial.readings().best_on(number, metric).map(|value| value.value);
            let networks: Vec<(&Genotype, f64)> =
                trained(engine).filter_map(|trial| Some((&trial.genotype, value(trial)?))).collect();
            Some((metric, explain(self.space.as_ref(), &networks, derived(self.config.seed, "explain", 0))?))
        };
        OnDevice {
            name: station.label.clone(),
            facts,
            objectives: here.iter().map(|(objective, _)| objective.metric).collect(),
            reference: here.iter().map(|(objective, loss)| (objective.metric, objective.value(**loss))).collect(),
            explanations: here.iter().filter_map(|(objective, _)| explained(objective.metric)).collect(),
            predictor: predictor(station, self.config.table.models as u64),
            profile: Some(profile(winner)),
        }
    }

    /// What the networks of the front have in common that the others have not.
    fn in_common(&self, engine: &SearchEngine) -> Vec<Common> {
        let goals = engine.goals();
        let trained: Vec<&Trial> = trained(engine).collect();
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
        let devices = (0_u8..).take(self.stations.len());
        let mut candidates = Vec::new();
        for (trial, readings) in networks {
            candidates.push(Candidate {
                id: trial.number,
                genotype: self.space.text(&trial.genotype),
                meets_constraints: goals.violation(&readings) == 0.0,
                is_front: false,
                baselines_ms: devices.clone().map(|device| baseline_latency_ms(&readings, device)).collect(),
                expected_accuracy: expected_accuracy(&readings).cloned(),
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
        let graph = self.space.decode(&contender.trial.genotype)?;
        Ok(Winner {
            candidate,
            node_names: graph.nodes().iter().map(|node| node.name.clone()).collect(),
            training: epochs
                .into_iter()
                .map(|e| TrainedEpoch { loss: e.loss, validation_accuracy: e.validation_accuracy })
                .collect(),
        })
    }
}

/// The networks that were trained, each as far as it was.
fn trained(engine: &SearchEngine) -> impl Iterator<Item = &Trial> {
    engine.latest().filter(|trial| trial.status == Status::Trained)
}

/// Where a network spends its time.
fn profile(measurement: &Measurement) -> Profile {
    let layers = measurement.scaled_nodes().into_iter().map(|(node, ns)| Layer {
        name: node.name.clone(),
        operator: node.op.clone(),
        milliseconds: ns / NS_PER_MS,
    });
    Profile {
        layers: layers.collect(),
        scale: measurement.operators.as_ref().map(|profile| profile.scale(measurement.median_ns())),
    }
}

/// Who predicts the latencies of a device.
fn predictor(station: &Station, table_models: u64) -> Predictor {
    let selection = station.table.evaluation();
    let (chosen, baseline) =
        selection.map_or(("none", "none"), |selection| (selection.best().predictor, selection.candidates[0].predictor));
    Predictor { name: chosen.to_owned(), baseline: baseline.to_owned(), table_models }
}

/// What a device is, and how it ran the winner.
fn device_facts(station: &mut Station, measurement: &Measurement) -> Vec<Fact> {
    let info = station.measurer.on_device(|device| device.info().clone());
    let fact = |name: &str, value: String| Fact { name: name.to_owned(), value };
    let (from, description) = (&measurement.provenance, &info.description);
    let os = [Some(description.os.clone()), description.os_version.clone(), description.kernel.clone()];
    vec![
        fact("Device", format!("{} ({})", from.device_url, machine(&info))),
        fact("System", os.into_iter().flatten().collect::<Vec<_>>().join(", ")),
        fact("Runtime", format!("{} {}", from.runtime.name.name(), from.runtime.version)),
        fact("Threads", from.settings.threads.to_string()),
        fact("Cores used", from.cores.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")),
        fact("Agent", from.agent_version.clone()),
    ]
}

/// What became of the proposals that were not trained.
fn untrained(engine: &SearchEngine, records: &[TrialRecord]) -> Untrained {
    let failed = engine.trials().iter().filter(|trial| matches!(trial.status, Status::Failed { .. }));
    Untrained {
        stopped: stopped(engine.goals(), records.iter().map(|record| &record.trial)),
        duplicates: engine.tally().duplicates,
        failed: failed.count() as u64,
    }
}

/// The bounds, and how many of the proposals each stopped; those that stopped none are left out.
pub(super) fn stopped<'t>(goals: &Goals, trials: impl Iterator<Item = &'t Trial>) -> Vec<(Constraint, u64)> {
    let is_stopped = |trial: &&Trial| matches!(trial.status, Status::Stopped { .. });
    let bounds: Vec<Constraint> =
        trials.filter(is_stopped).filter_map(|trial| goals.first_missed(&trial.known, Stage::Predicted)).collect();
    let count = |bound: &Constraint| (*bound, bounds.iter().filter(|missed| *missed == bound).count() as u64);
    goals.constraints().iter().map(count).filter(|(_, count)| *count > 0).collect()
}
