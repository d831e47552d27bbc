//! `edgefit table show`: what is in a table, for people and as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use edgefit_latency::predictor::TRANSFERRED;
use edgefit_latency::{NetworkSample, Selection, Table, file};
use serde::Serialize;

use super::super::{output, running};
use super::ShowArgs;
use crate::error::Result;
use crate::latency_table::Coverage;
use crate::quantity::{count, milliseconds, percent};
use crate::report;

const NS_PER_MS: f64 = 1e6;

/// Runs the command.
pub(super) fn run_command(args: ShowArgs) -> Result<()> {
    let table = file::load(&args.table)?;
    let description = Description::of(&args.table, &table);
    if let Some(page) = &args.html {
        running::write_result(page, &report::table_page(&description.table, &description.facts(), &table)?)?;
    }
    match args.json {
        true => output::print_json(&description),
        false => output::print(&description.text()),
    }
}

/// A table, as it is printed.
#[derive(Debug, Serialize)]
pub(super) struct Description {
    /// Version of this document; fields are added without another one.
    format: u32,
    table: String,
    device: String,
    runtime: String,
    runtime_version: String,
    threads: u32,
    agent_version: String,
    governor: Option<String>,
    space: Option<SpaceText>,
    models: usize,
    /// Those that the fit leaves out, since the device was slower meanwhile.
    models_left_out: usize,
    /// What a transferred table started from.
    source: Option<SourceText>,
    /// Dates of the first and the last measurement that states one.
    measured: Option<[String; 2]>,
    /// Least, middle and greatest measured latency.
    latency_ms: Option<[f64; 3]>,
    kernels: Vec<KindText>,
    /// What of its space, or of the kinds of kernels, was measured; absent where that is not known.
    coverage: Option<Coverage>,
    /// Share of profiled time that no kernel explains.
    unmatched_share: f64,
    /// The predictor that guides.
    chosen: Option<String>,
    /// Every predictor on held-out models.
    candidates: Vec<CandidateText>,
    /// The fitted numbers.
    terms: BTreeMap<String, f64>,
}

/// Another table that was adapted, and whether that was better than starting afresh. Errors are means on held-out models.
#[derive(Debug, Serialize)]
struct SourceText {
    device: String,
    runtime: String,
    runtime_version: String,
    threads: u32,
    models: usize,
    /// With the source.
    mape: Option<f64>,
    /// The least without it, and of which predictor.
    afresh_mape: Option<f64>,
    afresh_predictor: Option<String>,
    /// Whether the source guides.
    guides: bool,
}

#[derive(Debug, Serialize)]
struct SpaceText {
    settings: String,
    input: Vec<usize>,
    classes: usize,
}

/// The kernels of one kind.
#[derive(Debug, Serialize)]
struct KindText {
    kind: &'static str,
    /// Different kernels.
    distinct: usize,
    /// Times that one was profiled.
    profiled: usize,
}

#[derive(Debug, Serialize)]
struct CandidateText {
    predictor: String,
    within_10: f64,
    within_5: f64,
    mape: f64,
    rmspe: f64,
    coverage: f64,
    /// What is to be small: the root mean square of the relative errors, each counted up to 25 %.
    loss: f64,
}

impl Description {
    pub(super) fn of(path: &Path, table: &Table) -> Self {
        let from = table.provenance();
        let space = table.population().map(|population| SpaceText {
            settings: population.space.trim().replace('\n', ", "),
            input: population.input.clone(),
            classes: population.classes,
        });
        Self {
            format: 1,
            table: path.display().to_string(),
            device: from.device.clone(),
            runtime: from.runtime.clone(),
            runtime_version: from.runtime_version.clone(),
            threads: from.threads,
            agent_version: from.agent_version.clone(),
            governor: from.governor.clone(),
            space,
            models: table.samples().len(),
            models_left_out: table.samples().len() - table.counting().len(),
            source: SourceText::of(table),
            measured: dates(table.samples()),
            latency_ms: latencies(table.samples()),
            kernels: kinds(table.samples()),
            // A space that this version does not have says nothing, and all else is still told.
            coverage: Coverage::of(table).ok().flatten(),
            unmatched_share: table.unmatched_share(),
            chosen: table.evaluation().map(|selection| selection.best().predictor.to_owned()),
            candidates: table.evaluation().map(candidates).unwrap_or_default(),
            terms: table.terms().into_iter().collect(),
        }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let facts: String = self.facts().iter().map(|(name, fact)| format!("{name:8} {fact}\n")).collect();
        facts + &self.fit_text()
    }

    /// What it is, by a name each.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let Self { device, runtime, runtime_version, threads, agent_version, .. } = self;
        let governor = self.governor.as_ref().map(|governor| format!(", governor {governor}")).unwrap_or_default();
        let space = self.space.as_ref().map_or_else(
            || "unknown".to_owned(),
            |space| match space.input.is_empty() {
                true => space.settings.clone(),
                false => format!("{}, input {:?}, {} classes", space.settings, space.input, space.classes),
            },
        );
        let dates = self.measured.as_ref().map(|[first, last]| format!(", {first} to {last}")).unwrap_or_default();
        let latency = self.latency_ms.map_or_else(String::new, |[least, middle, most]| {
            format!(", {} to {}, median {}", milliseconds(least), milliseconds(most), milliseconds(middle))
        });
        let left_out = match self.models_left_out {
            0 => String::new(),
            models => format!(" ({models} left out, the device was slower meanwhile)"),
        };
        let mut facts = vec![
            ("table", self.table.clone()),
            ("device", format!("{device}{governor}, agent {agent_version}")),
            ("runtime", format!("{runtime} {runtime_version}, {threads} thread(s)")),
            ("space", space),
            ("models", format!("{}{left_out}{latency}{dates}", count(self.models as u64))),
            ("kernels", self.kernels_text()),
            ("profile", format!("{} of its time belongs to no kernel", percent(self.unmatched_share))),
        ];
        facts.extend(self.coverage.iter().map(|coverage| ("covers", coverage.text())));
        facts.extend(self.source.iter().flat_map(SourceText::facts));
        facts
    }

    fn kernels_text(&self) -> String {
        let kinds = self.kernels.iter().map(|kind| format!("{} {}", count(kind.distinct as u64), kind.kind));
        let all: usize = self.kernels.iter().map(|kind| kind.distinct).sum();
        format!("{} different: {}", count(all as u64), kinds.collect::<Vec<_>>().join(", "))
    }

    fn fit_text(&self) -> String {
        let Some(chosen) = &self.chosen else {
            return "fit      none: there are too few models, or it was never fitted\n".to_owned();
        };
        let head = ["within 10 %", "within 5 %", "mean error", "RMSPE", "90 % covers"];
        let head: String = head.iter().map(|name| format!("{name:>12}")).collect();
        let rows: String =
            self.candidates.iter().map(|candidate| candidate.row(&candidate.predictor == chosen)).collect();
        format!("fit      {chosen} predicts, chosen on held-out models:\n{:24}{head}\n{rows}", "")
    }
}

impl SourceText {
    fn of(table: &Table) -> Option<Self> {
        let source = table.source()?;
        let candidates = table.evaluation().map(|selection| selection.candidates.as_slice()).unwrap_or_default();
        let (with, without): (Vec<_>, Vec<_>) = candidates.iter().partition(|one| one.predictor == TRANSFERRED);
        let afresh = without.iter().min_by(|a, b| a.scores.mape.total_cmp(&b.scores.mape));
        let from = source.provenance();
        Some(Self {
            device: from.device.clone(),
            runtime: from.runtime.clone(),
            runtime_version: from.runtime_version.clone(),
            threads: from.threads,
            models: source.samples().len(),
            mape: with.first().map(|one| one.scores.mape),
            afresh_mape: afresh.map(|one| one.scores.mape),
            afresh_predictor: afresh.map(|one| one.predictor.to_owned()),
            guides: table.evaluation().is_some_and(|selection| selection.best().predictor == TRANSFERRED),
        })
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let Self { device, runtime, runtime_version, threads, models, .. } = self;
        let source = format!("{models} models of {device}, {runtime} {runtime_version}, {threads} thread(s)");
        let (Some(with), Some(afresh), Some(predictor)) = (self.mape, self.afresh_mape, &self.afresh_predictor) else {
            return vec![("source", source)];
        };
        let verdict = if with < afresh { "better than starting afresh" } else { "no better than starting afresh" };
        let guides = if self.guides { "it guides" } else { "it does not guide" };
        let errors = format!("mean error {} with the source, {} afresh by {predictor}", percent(with), percent(afresh));
        vec![("source", source), ("transfer", format!("{verdict}: {errors}, on held-out models; {guides}"))]
    }
}

impl CandidateText {
    fn row(&self, is_chosen: bool) -> String {
        let mark = if is_chosen { ">" } else { " " };
        let figures = [self.within_10, self.within_5, self.mape, self.rmspe, self.coverage];
        let figures: String = figures.iter().map(|share| format!("{:>12}", percent(*share))).collect();
        format!("{mark} {:22}{figures}\n", self.predictor)
    }
}

fn candidates(selection: &Selection) -> Vec<CandidateText> {
    let text = |candidate: &edgefit_latency::Candidate| CandidateText {
        predictor: candidate.predictor.to_owned(),
        within_10: candidate.scores.within_10,
        within_5: candidate.scores.within_5,
        mape: candidate.scores.mape,
        rmspe: candidate.scores.rmspe,
        coverage: candidate.scores.coverage,
        loss: candidate.loss,
    };
    selection.candidates.iter().map(text).collect()
}

fn dates(samples: &[NetworkSample]) -> Option<[String; 2]> {
    let seconds = || samples.iter().filter_map(|sample| sample.measured_at_unix_s);
    let date = |seconds: i64| jiff::Timestamp::from_second(seconds).map(|at| at.to_string()).ok();
    Some([date(seconds().min()?)?, date(seconds().max()?)?])
}

fn latencies(samples: &[NetworkSample]) -> Option<[f64; 3]> {
    let mut sorted: Vec<f64> = samples.iter().map(|sample| sample.median_ns() / NS_PER_MS).collect();
    sorted.sort_by(f64::total_cmp);
    Some([*sorted.first()?, *sorted.get(sorted.len() / 2)?, *sorted.last()?])
}

fn kinds(samples: &[NetworkSample]) -> Vec<KindText> {
    let mut kinds: BTreeMap<&'static str, (BTreeSet<u64>, usize)> = BTreeMap::new();
    for (kernel, time) in samples.iter().flat_map(|sample| sample.kernels.kernels().iter().zip(&sample.kernel_ns)) {
        let (distinct, profiled) = kinds.entry(kernel.kind.name()).or_default();
        distinct.insert(kernel.hash);
        *profiled += usize::from(time.is_some());
    }
    let text = |(kind, (distinct, profiled)): (&'static str, (BTreeSet<u64>, usize))| KindText {
        kind,
        distinct: distinct.len(),
        profiled,
    };
    kinds.into_iter().map(text).collect()
}
