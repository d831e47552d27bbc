//! `edgefit table diff`: in what two tables differ.

use std::path::Path;

use edgefit_latency::{CrossError, Difference, Ratios, Table, file};
use serde::Serialize;

use super::super::output;
use super::DiffArgs;
use crate::error::Result;
use crate::quantity::{count, percent, significant};

/// Runs the command.
pub(super) fn run_command(args: &DiffArgs) -> Result<()> {
    let comparison = Comparison::of(&args.first, &args.second)?;
    match args.json {
        true => output::print_json(&comparison),
        false => output::print(&comparison.text()),
    }
}

/// Two tables beside each other, as they are printed.
#[derive(Debug, Serialize)]
struct Comparison {
    /// Version of this document; fields are added without another one.
    format: u32,
    tables: [Side; 2],
    /// In what their provenance differs; absent where they may be merged.
    difference: Option<String>,
    /// Latencies of models that both measured, second over first.
    models: Option<RatiosText>,
    /// Profiled times of kernels that both measured, second over first.
    kernels: Vec<KindRatios>,
}

#[derive(Debug, Serialize)]
struct Side {
    table: String,
    measured_with: String,
    models: usize,
    predictor: Option<String>,
    /// Mean error on its own held-out models.
    mape: Option<f64>,
    /// Different kernels that the other does not have.
    kernels_only_here: usize,
    /// How it predicts the other's models that it does not have; absent where there are none.
    on_the_other: Option<CrossText>,
}

#[derive(Debug, Serialize)]
struct RatiosText {
    count: usize,
    p10: f64,
    median: f64,
    p90: f64,
}

#[derive(Debug, Serialize)]
struct KindRatios {
    kind: &'static str,
    #[serde(flatten)]
    ratios: RatiosText,
}

#[derive(Debug, Serialize)]
struct CrossText {
    models: usize,
    mape: f64,
    bias: f64,
}

impl From<Ratios> for RatiosText {
    fn from(ratios: Ratios) -> Self {
        let Ratios { count, p10, median, p90 } = ratios;
        Self { count, p10, median, p90 }
    }
}

impl From<CrossError> for CrossText {
    fn from(cross: CrossError) -> Self {
        Self { models: cross.networks, mape: cross.mape, bias: cross.bias }
    }
}

fn fitted(path: &Path) -> Result<Table> {
    let mut table = file::load(path)?;
    if table.evaluation().is_none() {
        table.fit()?;
    }
    Ok(table)
}

impl Comparison {
    fn of(first: &Path, second: &Path) -> Result<Self> {
        let (one, other) = (fitted(first)?, fitted(second)?);
        let Difference { provenance, networks, kernels, only_in, cross } = Difference::between(&one, &other)?;
        let side = |path: &Path, table: &Table, at: usize| {
            let best = table.evaluation().map(|selection| selection.best());
            let from = table.provenance();
            Side {
                table: path.display().to_string(),
                measured_with: format!(
                    "{}, {} {}, {} thread(s)",
                    from.device, from.runtime, from.runtime_version, from.threads
                ),
                models: table.samples().len(),
                predictor: best.map(|best| best.predictor.to_owned()),
                mape: best.map(|best| best.scores.mape),
                kernels_only_here: only_in[at],
                on_the_other: cross[at].map(CrossText::from),
            }
        };
        Ok(Self {
            format: 1,
            tables: [side(first, &one, 0), side(second, &other, 1)],
            difference: provenance,
            models: networks.map(RatiosText::from),
            kernels: kernels
                .into_iter()
                .map(|(kind, ratios)| KindRatios { kind: kind.name(), ratios: ratios.into() })
                .collect(),
        })
    }

    /// For people.
    fn text(&self) -> String {
        let sides: String = ["first", "second"].iter().zip(&self.tables).map(|(name, side)| side.text(name)).collect();
        let same = "nothing: they may be merged".to_owned();
        let differ = self.difference.clone().unwrap_or(same);
        let models = self.models.as_ref().map_or_else(|| "none shared\n".to_owned(), RatiosText::text);
        let kernels: String =
            self.kernels.iter().map(|kind| format!("  {:18} {}", kind.kind, kind.ratios.text())).collect();
        format!(
            "{sides}differ   {differ}\n\nsecond over first, median (and the middle 80 %):\n  {:18} {models}{kernels}",
            "models"
        )
    }
}

impl RatiosText {
    fn text(&self) -> String {
        let number = |ratio: f64| significant(ratio, 3);
        let (p10, p90) = (number(self.p10), number(self.p90));
        format!("{:>7}  ({p10} to {p90}), {} shared\n", number(self.median), count(self.count as u64))
    }
}

impl Side {
    fn text(&self, name: &str) -> String {
        let Self { table, measured_with, models, kernels_only_here, .. } = self;
        let predictor = self.predictor.as_deref().unwrap_or("nothing");
        let own = self.mape.map_or_else(|| "unknown".to_owned(), percent);
        let cross = self.on_the_other.as_ref().map_or_else(
            || "no models of its own in the other".to_owned(),
            |cross| {
                let (mape, bias) = (percent(cross.mape), percent(cross.bias));
                format!("on {} models of the other it errs by {mape} in the mean, {bias} in the middle", cross.models)
            },
        );
        format!(
            "{name:8} {table}: {measured_with}\n         {models} models, {kernels_only_here} kernels of its own; {predictor} predicts, mean held-out error {own}\n         {cross}\n"
        )
    }
}
