//! What a table says about any ONNX model: latency with its interval, memory, and each kernel's share, without a device.

use std::collections::BTreeMap;
use std::path::Path;

use edgefit_graph::Graph;
use edgefit_latency::{Interval, Known, Prediction, Share, Table};
use edgefit_onnx::{ImportOptions, import_with};
use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::quantity;

const NS_PER_MS: f64 = 1e6;
const BYTES_PER_KIB: f64 = 1024.0;
/// Kernels that the text lists one by one: those that take the most.
const MOST_LISTED: usize = 12;

/// A prediction, as it is printed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelPrediction {
    /// Version of this document; fields are added without another one.
    pub format: u32,
    /// The model.
    pub model: String,
    /// The table's device.
    pub device: String,
    /// The table's runtime, with its version and the number of threads.
    pub runtime: String,
    /// Models that the table measured.
    pub measured_models: usize,
    /// The predictor that guides.
    pub predictor: String,
    /// Median latency in milliseconds.
    pub latency_ms: Range,
    /// What the model adds to resident memory at the peak, in KiB; absent when the table has no memory.
    pub peak_memory_kib: Option<Range>,
    /// Share of intervals that cover.
    pub confidence: f64,
    /// Kernels that the device has measured.
    pub kernels_seen: usize,
    /// Kernels whose kind it has measured.
    pub kernels_inferred: usize,
    /// Kernels of a kind that it has not measured.
    pub kernels_unknown: usize,
    /// The kernels in the order in which they run.
    pub kernels: Vec<KernelPart>,
}

/// A value and its interval. An end without bound is absent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Range {
    /// The prediction.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: Option<f64>,
}

/// One kernel's part.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KernelPart {
    /// Nodes of the model that run in it.
    pub nodes: Vec<String>,
    /// What it mainly does.
    pub kind: &'static str,
    /// `seen`, `inferred` or `unknown`.
    pub known: &'static str,
    /// Its time in milliseconds; absent when the predictor is not a sum over kernels.
    pub latency_ms: Option<f64>,
    /// Its share of the predicted latency, 0 to 1.
    pub share: Option<f64>,
}

/// Predicts a model, given as the bytes of an ONNX file; `shapes` are those of inputs whose own are dynamic.
///
/// # Errors
/// When the model holds what edgefit does not have, naming the node, or the table is too small.
pub fn predict(
    table: &Table,
    path: &Path,
    file: &[u8],
    shapes: &BTreeMap<String, Vec<usize>>,
) -> Result<ModelPrediction> {
    let graph = network(path, file, shapes)?;
    let selection = table.evaluation().ok_or_else(|| Error::new(ErrorKind::Usage, "the table is not fitted"))?;
    let from = table.provenance();
    let Prediction { latency_ns, peak_memory_bytes, confidence, kernels_seen, kernels_inferred, kernels_unknown } =
        table.predict(&graph)?;
    Ok(ModelPrediction {
        format: 1,
        model: path.display().to_string(),
        device: from.device.clone(),
        runtime: format!("{} {}, {} thread(s)", from.runtime, from.runtime_version, from.threads),
        measured_models: table.samples().len(),
        predictor: selection.best().predictor.to_owned(),
        latency_ms: Range::of(latency_ns, NS_PER_MS),
        peak_memory_kib: peak_memory_bytes.map(|interval| Range::of(interval, BYTES_PER_KIB)),
        confidence,
        kernels_seen,
        kernels_inferred,
        kernels_unknown,
        kernels: parts(table, &graph, latency_ns.value)?,
    })
}

/// The network of an ONNX file.
///
/// # Errors
/// When the model holds what edgefit does not have, naming the node.
pub(super) fn network(path: &Path, file: &[u8], shapes: &BTreeMap<String, Vec<usize>>) -> Result<Graph> {
    let imported = import_with(file, &ImportOptions { input_shapes: shapes.clone() });
    Ok(imported.map_err(|e| Error::new(ErrorKind::Data, format!("{}: {e}", path.display())))?.graph)
}

fn parts(table: &Table, graph: &Graph, total_ns: f64) -> Result<Vec<KernelPart>> {
    let part = |share: Share| KernelPart {
        nodes: share.nodes,
        kind: share.kind.name(),
        known: share.known.name(),
        latency_ms: share.time_ns.map(|ns| ns / NS_PER_MS),
        share: share.time_ns.map(|ns| ns / total_ns),
    };
    Ok(table.shares(graph)?.into_iter().map(part).collect())
}

impl Range {
    fn of(interval: Interval, unit: f64) -> Self {
        let high = interval.hi.is_finite().then_some(interval.hi / unit);
        Self { value: interval.value / unit, low: interval.lo / unit, high }
    }

    fn text(&self, say: impl Fn(f64) -> String, confidence: f64) -> String {
        let high = self.high.map_or_else(|| "any".to_owned(), &say);
        format!("{} ({:.0} % interval {} to {high})", say(self.value), confidence * 100.0, say(self.low))
    }
}

impl ModelPrediction {
    /// For people.
    pub fn text(&self) -> String {
        let memory = self.peak_memory_kib.map_or_else(
            || "unknown: the table has too few memory readings".to_owned(),
            |range| range.text(quantity::kib, self.confidence) + " at the peak, predicted",
        );
        let latency = self.latency_ms.text(quantity::milliseconds, self.confidence);
        let Self { device, runtime, measured_models, predictor, .. } = self;
        let (seen, inferred, unknown) = (self.kernels_seen, self.kernels_inferred, self.kernels_unknown);
        let mut text = format!(
            "latency  {latency} median, predicted\nmemory   {memory}\n\
             from     {measured_models} models measured on {device} in {runtime}; {predictor} predicts\n\
             kernels  {} in all: {seen} seen, {inferred} inferred from others of their kind, {unknown} of a kind never measured\n",
            self.kernels.len()
        );
        text += &self.listing();
        text
    }

    /// The kernels that take the most, then the rest in one line.
    fn listing(&self) -> String {
        let mut costly: Vec<(&KernelPart, f64)> =
            self.kernels.iter().filter_map(|part| Some((part, part.share?))).collect();
        costly.sort_by(|a, b| b.1.total_cmp(&a.1));
        let line = |name: &str, share: f64, ms: f64, known: &str| {
            format!("{:>8}  {:>10}  {known:8}  {name}\n", quantity::percent(share), quantity::milliseconds(ms))
        };
        let listed = costly.iter().take(MOST_LISTED).map(|(part, share)| {
            let name = format!("{} {}", part.kind, part.nodes.join(" + "));
            line(&name, *share, part.latency_ms.unwrap_or_default(), part.known)
        });
        let rest = costly.get(MOST_LISTED..).unwrap_or_default();
        let (share, ms) = rest
            .iter()
            .fold((0.0, 0.0), |(share, ms), (part, more)| (share + more, ms + part.latency_ms.unwrap_or_default()));
        let others =
            if rest.is_empty() { String::new() } else { line(&format!("{} others", rest.len()), share, ms, "") };
        let unknown: Vec<&str> =
            self.kernels.iter().filter(|part| part.known == Known::Unknown.name()).map(|part| part.kind).collect();
        let warning = match unknown.as_slice() {
            [] => String::new(),
            kinds => format!("warning: no kernel like these was ever measured: {}\n", distinct(kinds)),
        };
        listed.collect::<String>() + &others + &warning
    }
}

fn distinct(names: &[&str]) -> String {
    let mut names = names.to_vec();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}
