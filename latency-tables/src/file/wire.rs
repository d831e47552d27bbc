//! The structs of the file, apart from the program's own types, and the conversion both ways.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FAMILY, VERSION};
use crate::kernel::{Features, Kernel, KernelKey, KernelKind};
use crate::kernel_set::KernelSet;
use crate::sample::{NetworkSample, NodeTime, Provenance};
use crate::selection::{Candidate, Selection};
use crate::source::Source;
use crate::table::{Population, Table};

#[derive(Deserialize)]
struct WireHeader {
    schema: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireTable {
    schema: String,
    provenance: WireProvenance,
    #[serde(default)]
    population: Option<WirePopulation>,
    /// Share of profiled time that no kernel explains.
    #[serde(default)]
    unmatched_share: f64,
    /// What a transferred table started from.
    #[serde(default)]
    source: Option<WireSource>,
    #[serde(default)]
    fit: Option<WireFit>,
    /// Each kernel once; networks name them by position.
    kernels: Vec<WireKernel>,
    networks: Vec<WireNetwork>,
}

#[derive(Serialize, Deserialize)]
struct WireProvenance {
    device: String,
    runtime: String,
    runtime_version: String,
    threads: u32,
    agent_version: String,
    #[serde(default)]
    governor: Option<String>,
}

/// Its networks name kernels of the table's list.
#[derive(Serialize, Deserialize)]
struct WireSource {
    provenance: WireProvenance,
    networks: Vec<WireNetwork>,
}

#[derive(Serialize, Deserialize)]
struct WirePopulation {
    space: String,
    input: Vec<usize>,
    classes: usize,
}

#[derive(Serialize, Deserialize)]
struct WireFit {
    program_version: String,
    chosen: String,
    candidates: Vec<WireCandidate>,
    terms: BTreeMap<String, Option<f64>>,
}

/// Figures that are not finite are absent.
#[derive(Serialize, Deserialize)]
struct WireCandidate {
    predictor: String,
    networks: usize,
    loss: Option<f64>,
    within_10: Option<f64>,
    within_5: Option<f64>,
    rmspe: Option<f64>,
    mape: Option<f64>,
    spearman: Option<f64>,
    coverage: Option<f64>,
    mean_width: Option<f64>,
}

#[derive(Serialize, Deserialize)]
struct WireKernel {
    key: String,
    kind: String,
    features: [f64; Features::COUNT],
}

#[derive(Serialize, Deserialize)]
struct WireNetwork {
    id: String,
    latency_ns: Vec<f64>,
    #[serde(default)]
    peak_memory_bytes: Option<u64>,
    #[serde(default)]
    measured_at_unix_s: Option<i64>,
    /// In earlier files `reference_ns`, of other work, which says nothing beside this and is not read.
    #[serde(rename = "pace_ns", default, skip_serializing_if = "Option::is_none")]
    reference_ns: Option<f64>,
    peak_activation_bytes: u64,
    weight_bytes: u64,
    kernels: Vec<WireUse>,
    #[serde(default)]
    unmatched: Vec<WireNodeTime>,
}

#[derive(Serialize, Deserialize)]
struct WireUse {
    kernel: usize,
    nodes: Vec<String>,
    #[serde(default)]
    time_ns: Option<f64>,
}

#[derive(Serialize, Deserialize)]
struct WireNodeTime {
    name: String,
    op: String,
    time_ns: f64,
}

pub(super) fn schema(text: &[u8]) -> Result<String, serde_json::Error> {
    serde_json::from_slice::<WireHeader>(text).map(|header| header.schema)
}

pub(super) fn parse(text: &[u8]) -> Result<WireTable, serde_json::Error> {
    serde_json::from_slice(text)
}

pub(super) fn to_json(table: &Table) -> Result<Vec<u8>, serde_json::Error> {
    let mut positions = BTreeMap::new();
    let mut kernels = Vec::new();
    let of_source = table.source().map(Source::samples).unwrap_or_default();
    for kernel in table.samples().iter().chain(of_source).flat_map(|sample| sample.kernels.kernels()) {
        positions.entry(&kernel.key).or_insert_with(|| {
            kernels.push(WireKernel::from(kernel));
            kernels.len() - 1
        });
    }
    let network = |sample| WireNetwork::of(sample, |kernel: &Kernel| positions[&kernel.key]);
    serde_json::to_vec_pretty(&WireTable {
        schema: format!("{FAMILY}{VERSION}"),
        provenance: table.provenance().into(),
        population: table.population().map(WirePopulation::from),
        unmatched_share: table.unmatched_share(),
        source: table.source().map(|source| WireSource {
            provenance: source.provenance().into(),
            networks: source.samples().iter().map(network).collect(),
        }),
        fit: table.evaluation().map(|selection| WireFit::of(selection, table)),
        networks: table.samples().iter().map(network).collect(),
        kernels,
    })
}

impl WireTable {
    pub(super) fn is_fitted(&self) -> bool {
        self.fit.is_some()
    }

    pub(super) fn provenance(&self) -> Provenance {
        self.provenance.provenance()
    }

    /// What it started from, or which network or kernel of that is wrong.
    pub(super) fn source(&self) -> Result<Option<Source>, String> {
        let Some(source) = &self.source else { return Ok(None) };
        let kernels = self.kernels()?;
        let samples = source.networks.iter().map(|network| network.sample(&kernels)).collect::<Result<_, _>>()?;
        let source = Source::new(source.provenance.provenance(), samples);
        source.map(Some).ok_or_else(|| "its source has too few networks".to_owned())
    }

    pub(super) fn population(&self) -> Option<Population> {
        let WirePopulation { space, input, classes } = self.population.as_ref()?;
        Some(Population { space: space.clone(), input: input.clone(), classes: *classes })
    }

    /// The samples, or which network or kernel is wrong.
    pub(super) fn samples(&self) -> Result<Vec<NetworkSample>, String> {
        let kernels = self.kernels()?;
        self.networks.iter().map(|network| network.sample(&kernels)).collect()
    }

    fn kernels(&self) -> Result<Vec<Kernel>, String> {
        self.kernels.iter().map(WireKernel::kernel).collect()
    }
}

impl From<&Provenance> for WireProvenance {
    fn from(p: &Provenance) -> Self {
        Self {
            device: p.device.clone(),
            runtime: p.runtime.clone(),
            runtime_version: p.runtime_version.clone(),
            threads: p.threads,
            agent_version: p.agent_version.clone(),
            governor: p.governor.clone(),
        }
    }
}

impl WireProvenance {
    fn provenance(&self) -> Provenance {
        Provenance {
            device: self.device.clone(),
            runtime: self.runtime.clone(),
            runtime_version: self.runtime_version.clone(),
            threads: self.threads,
            agent_version: self.agent_version.clone(),
            governor: self.governor.clone(),
        }
    }
}

impl From<&Population> for WirePopulation {
    fn from(p: &Population) -> Self {
        Self { space: p.space.clone(), input: p.input.clone(), classes: p.classes }
    }
}

impl From<&Kernel> for WireKernel {
    fn from(kernel: &Kernel) -> Self {
        let kind = kernel.kind.name().to_owned();
        Self { key: kernel.key.to_string(), kind, features: kernel.features.to_array() }
    }
}

impl WireKernel {
    fn kernel(&self) -> Result<Kernel, String> {
        let Self { key, kind, features } = self;
        let kind =
            KernelKind::from_name(kind).ok_or_else(|| format!("kernel `{key}` is of the unknown kind `{kind}`"))?;
        Ok(Kernel::new(kind, KernelKey::new(key.clone()), Features::from_array(*features)))
    }
}

impl WireNetwork {
    fn of(sample: &NetworkSample, position: impl Fn(&Kernel) -> usize) -> Self {
        let uses = sample.kernels.kernels().iter().zip(sample.kernels.names()).zip(&sample.kernel_ns);
        let uses =
            uses.map(|((kernel, nodes), &time_ns)| WireUse { kernel: position(kernel), nodes: nodes.clone(), time_ns });
        Self {
            id: sample.id.clone(),
            latency_ns: sample.latency_ns.clone(),
            peak_memory_bytes: sample.peak_memory_bytes,
            measured_at_unix_s: sample.measured_at_unix_s,
            reference_ns: sample.reference_ns,
            peak_activation_bytes: sample.kernels.peak_activation_bytes(),
            weight_bytes: sample.kernels.weight_bytes(),
            kernels: uses.collect(),
            unmatched: sample.unmatched.iter().map(WireNodeTime::from).collect(),
        }
    }

    fn sample(&self, kernels: &[Kernel]) -> Result<NetworkSample, String> {
        let part = |used: &WireUse| {
            let kernel = kernels
                .get(used.kernel)
                .ok_or_else(|| format!("network `{}` names kernel {} of {}", self.id, used.kernel, kernels.len()))?;
            Ok::<_, String>((kernel.clone(), used.nodes.clone()))
        };
        let parts = self.kernels.iter().map(part).collect::<Result<Vec<_>, _>>()?;
        Ok(NetworkSample {
            id: self.id.clone(),
            kernels: KernelSet::from_parts(parts, self.peak_activation_bytes, self.weight_bytes),
            latency_ns: self.latency_ns.clone(),
            kernel_ns: self.kernels.iter().map(|used| used.time_ns).collect(),
            unmatched: self.unmatched.iter().map(WireNodeTime::node_time).collect(),
            peak_memory_bytes: self.peak_memory_bytes,
            measured_at_unix_s: self.measured_at_unix_s,
            reference_ns: self.reference_ns,
        })
    }
}

impl From<&NodeTime> for WireNodeTime {
    fn from(node: &NodeTime) -> Self {
        Self { name: node.name.clone(), op: node.op.clone(), time_ns: node.time_ns }
    }
}

impl WireNodeTime {
    fn node_time(&self) -> NodeTime {
        NodeTime { name: self.name.clone(), op: self.op.clone(), time_ns: self.time_ns }
    }
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

impl WireFit {
    fn of(selection: &Selection, table: &Table) -> Self {
        Self {
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            chosen: selection.best().predictor.to_owned(),
            candidates: selection.candidates.iter().map(WireCandidate::from).collect(),
            terms: table.terms().into_iter().map(|(name, value)| (name, finite(value))).collect(),
        }
    }
}

impl From<&Candidate> for WireCandidate {
    fn from(candidate: &Candidate) -> Self {
        let scores = &candidate.scores;
        Self {
            predictor: candidate.predictor.to_owned(),
            networks: scores.networks,
            loss: finite(candidate.loss),
            within_10: finite(scores.within_10),
            within_5: finite(scores.within_5),
            rmspe: finite(scores.rmspe),
            mape: finite(scores.mape),
            spearman: finite(scores.spearman),
            coverage: finite(scores.coverage),
            mean_width: finite(scores.mean_width),
        }
    }
}
