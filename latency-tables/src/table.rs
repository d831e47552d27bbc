//! The latency table of one device, runtime, version and thread count: samples in, predictions out.
//!
//! Adding a sample does not refit; [`Table::fit`] does, from scratch and quickly, so that a search can call it after every
//! measurement. Reading and writing is [`crate::file`]'s business.

use edgefit_graph::Graph;
use thiserror::Error;

use crate::diagnosis::Diagnosis;
use crate::evaluation::Scores;
use crate::fusion::{FusionRule, UnknownRuntime, rule_of};
use crate::interval::{CONFIDENCE, Interval, Prediction};
use crate::kernel::KernelKind;
use crate::kernel_set::KernelSet;
use crate::memory::MemoryModel;
use crate::pace;
use crate::predictor::{MIN_NETWORKS, PREDICTORS, Part, Predictor, evaluated, fit, sum, whole};
use crate::sample::{Measured, NetworkSample, Provenance};
use crate::selection::{Selection, fresh_scores};
use crate::source::Source;
use crate::vocabulary::{Known, Vocabulary};

/// Most networks of one table.
pub const MAX_SAMPLES: usize = 100_000;

/// Why a table cannot do what was asked.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum TableError {
    /// No fusion rule for the runtime.
    #[error(transparent)]
    Runtime(#[from] UnknownRuntime),
    /// A sample that no fit could use.
    #[error("network `{id}`: {reason}")]
    Sample {
        /// The network.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Too few networks for a fit.
    #[error("the table has {have} measured networks; at least {need} are needed for a fit: measure more of the space")]
    TooFew {
        /// Networks in the table.
        have: usize,
        /// Networks needed.
        need: usize,
    },
    /// The table was asked to predict before it was fitted.
    #[error("the table is not fitted yet: call `fit` after adding samples")]
    NotFitted,
    /// Samples of another device or setting were to be added.
    #[error("{what}; a table holds one device, runtime, version and thread count")]
    Other {
        /// In what it differs.
        what: String,
    },
    /// The table holds [`MAX_SAMPLES`] networks.
    #[error("the table is full at {MAX_SAMPLES} networks")]
    Full,
}

/// One kernel's part of a predicted latency.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// Names of the graph's nodes that run in the kernel.
    pub nodes: Vec<String>,
    /// Kind of the kernel.
    pub kind: KernelKind,
    /// Predicted nanoseconds; `None` when the predictor that guides is not a sum over kernels.
    pub time_ns: Option<f64>,
    /// What the device has told about it.
    pub known: Known,
}

/// What the networks of a table were drawn from, in the words of whoever fills it; nothing here reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Population {
    /// The search space and its settings.
    pub space: String,
    /// Shape of one sample.
    pub input: Vec<usize>,
    /// Number of classes.
    pub classes: usize,
}

/// Samples of one device with what was fitted to them.
#[derive(Debug)]
pub struct Table {
    provenance: Provenance,
    population: Option<Population>,
    rule: &'static dyn FusionRule,
    source: Option<Source>,
    samples: Vec<NetworkSample>,
    fitted: Option<Fitted>,
}

#[derive(Debug)]
struct Fitted {
    selection: Selection,
    memory: Option<MemoryModel>,
    vocabulary: Vocabulary,
}

impl Table {
    /// An empty table.
    ///
    /// # Errors
    /// When no fusion rule is known for the runtime.
    pub fn new(provenance: Provenance) -> Result<Self, TableError> {
        let rule = rule_of(&provenance.runtime)?;
        Ok(Self { provenance, population: None, rule, source: None, samples: Vec::new(), fitted: None })
    }

    /// Where its samples come from.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// What its networks were drawn from, where that is known.
    pub fn population(&self) -> Option<&Population> {
        self.population.as_ref()
    }

    /// Says what its networks are drawn from.
    pub fn set_population(&mut self, population: Option<Population>) {
        self.population = population;
    }

    /// What it started from, where that was another table.
    pub fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    /// Says what it starts from. The fit stays as it is until [`Table::fit`].
    pub fn set_source(&mut self, source: Option<Source>) {
        self.source = source;
    }

    /// The fusion rule of its runtime.
    pub fn rule(&self) -> &'static dyn FusionRule {
        self.rule
    }

    /// Its samples in the order in which they were added.
    pub fn samples(&self) -> &[NetworkSample] {
        &self.samples
    }

    /// Its samples without those that were taken while the device was slower than it can be, as long as enough are left.
    pub fn counting(&self) -> Vec<&NetworkSample> {
        pace::counting(&self.samples)
    }

    /// Whether a sample of another time counts beside those of the table.
    pub fn counts(&self, sample: &NetworkSample) -> bool {
        pace::limit_ns(&self.samples).is_none_or(|limit_ns| pace::is_within(sample, limit_ns))
    }

    /// Adds what was measured of a network. The fit stays as it is until [`Table::fit`].
    ///
    /// # Errors
    /// When a latency is missing or not a positive number, or the table is full.
    pub fn add(&mut self, id: impl Into<String>, graph: &Graph, measured: Measured) -> Result<(), TableError> {
        self.add_sample(NetworkSample::new(id, graph, self.rule, measured))
    }

    /// Adds a sample, as [`Table::add`] does.
    ///
    /// # Errors
    /// As [`Table::add`].
    pub fn add_sample(&mut self, sample: NetworkSample) -> Result<(), TableError> {
        if self.samples.len() >= MAX_SAMPLES {
            return Err(TableError::Full);
        }
        if let Some(reason) = defect(&sample) {
            return Err(TableError::Sample { id: sample.id, reason });
        }
        self.samples.push(sample);
        Ok(())
    }

    /// Fits every predictor to all samples and chooses the one that guides.
    ///
    /// # Errors
    /// With too few samples.
    pub fn fit(&mut self) -> Result<(), TableError> {
        let samples = self.counting();
        let too_few = TableError::TooFew { have: samples.len(), need: MIN_NETWORKS + 1 };
        let selection = Selection::of(&samples, self.source.as_ref().map(Source::predictor)).ok_or(too_few)?;
        let memory = MemoryModel::fit(&whole(&samples));
        let vocabulary = Vocabulary::of(&samples);
        self.fitted = Some(Fitted { selection, memory, vocabulary });
        Ok(())
    }

    /// What the predictors achieved on held-out networks, and which one guides; `None` before [`Table::fit`].
    pub fn evaluation(&self) -> Option<&Selection> {
        self.fitted.as_ref().map(|fitted| &fitted.selection)
    }

    /// The figures of every predictor, fitted to this table's samples, on fresh networks that it does not hold. Intervals are
    /// those of each predictor's own held-out errors within the table.
    ///
    /// # Errors
    /// With too few samples in the table.
    pub fn scores_on(&self, fresh: &[&NetworkSample]) -> Result<Vec<(&'static str, Scores)>, TableError> {
        let samples = self.counting();
        if samples.len() <= MIN_NETWORKS {
            return Err(TableError::TooFew { have: samples.len(), need: MIN_NETWORKS + 1 });
        }
        let transferred = self.source.as_ref().map(|source| source.predictor() as &dyn Predictor);
        let all = evaluated().map(|predictor| predictor as &dyn Predictor).chain(transferred);
        let applicable = all.filter(|predictor| predictor.applies(&samples));
        Ok(applicable.map(|predictor| (predictor.name(), fresh_scores(predictor, &samples, fresh))).collect())
    }

    /// What the predictor that guides said of each network and kernel while it did not know them; refits many times.
    ///
    /// # Errors
    /// Before [`Table::fit`].
    pub fn diagnosis(&self) -> Result<Diagnosis, TableError> {
        let samples = self.counting();
        self.with_guide(|guide| Diagnosis::of(guide, PREDICTORS[0], &samples))
    }

    /// Gives the predictor that guides to `ask`, unfitted.
    pub(crate) fn with_guide<T>(&self, ask: impl FnOnce(&dyn Predictor) -> T) -> Result<T, TableError> {
        let name = self.fitted.as_ref().ok_or(TableError::NotFitted)?.selection.best().predictor;
        let listed = PREDICTORS.into_iter().find(|predictor| predictor.name() == name);
        let transferred = self.source.as_ref().map(|source| source.predictor() as &dyn Predictor);
        let guide = listed.map(|predictor| predictor as &dyn Predictor).or(transferred);
        guide.map(ask).ok_or(TableError::NotFitted)
    }

    /// Takes in the samples of another table of the same device, runtime, version and thread count; those that it has already stay
    /// once. Returns how many are new. The fit stays as it is until [`Table::fit`].
    ///
    /// # Errors
    /// When the other table is of another device or setting, or the table is full.
    pub fn merge(&mut self, other: &Self) -> Result<usize, TableError> {
        if let Some(what) = self.provenance.difference(&other.provenance) {
            return Err(TableError::Other { what });
        }
        if self.population != other.population {
            self.population = None;
        }
        let mut new = 0;
        for sample in &other.samples {
            if !self.samples.contains(sample) {
                self.add_sample(sample.clone())?;
                new += 1;
            }
        }
        Ok(new)
    }

    /// Predicts a network that need not have been measured.
    ///
    /// # Errors
    /// Before [`Table::fit`].
    pub fn predict(&self, graph: &Graph) -> Result<Prediction, TableError> {
        self.predict_kernels(&KernelSet::of(graph, self.rule))
    }

    /// As [`Table::predict`], of a network whose kernels are known already.
    ///
    /// # Errors
    /// Before [`Table::fit`].
    pub fn predict_kernels(&self, network: &KernelSet) -> Result<Prediction, TableError> {
        let Fitted { selection, memory, vocabulary } = self.fitted.as_ref().ok_or(TableError::NotFitted)?;
        let model = selection.model.as_ref();
        let (latency_ns, doubt) = match model.additive().map(|parts| (parts, sum(parts, network))) {
            Some((parts, whole)) => (parts.latency_of(&whole), parts.doubt_of(&whole)),
            None => (model.latency_ns(network), model.doubt(network)),
        };
        Ok(Prediction {
            latency_ns: selection.conformal.around(latency_ns, doubt, CONFIDENCE),
            peak_memory_bytes: memory.as_ref().map(|memory| memory.predict(network)),
            confidence: CONFIDENCE,
            kernels_seen: vocabulary.count(network, Known::Seen),
            kernels_inferred: vocabulary.count(network, Known::Inferred),
            kernels_unknown: vocabulary.count(network, Known::Unknown),
        })
    }

    /// What the kernels of a network, or of a part of one, add to its predicted latency; `None` before [`Table::fit`] and where the predictor
    /// that guides is no sum over kernels.
    pub fn part(&self, graph: &Graph) -> Option<Part> {
        let model = self.fitted.as_ref()?.selection.model.additive()?;
        Some(sum(model, &KernelSet::of(graph, self.rule)))
    }

    /// Predicted latency in nanoseconds of the network whose parts add up to this, with its interval: what [`Table::predict`] says of it.
    pub fn latency_of(&self, whole: &Part) -> Option<Interval> {
        let Fitted { selection, .. } = self.fitted.as_ref()?;
        let model = selection.model.additive()?;
        Some(selection.conformal.around(model.latency_of(whole), model.doubt_of(whole), CONFIDENCE))
    }

    /// How unlike the measured networks this one is, by the predictor that guides: 1 for one of the same kind, more for others.
    ///
    /// # Errors
    /// Before [`Table::fit`].
    pub fn doubt(&self, network: &KernelSet) -> Result<f64, TableError> {
        self.fitted.as_ref().map(|fitted| fitted.selection.model.doubt(network)).ok_or(TableError::NotFitted)
    }

    /// What the plain baseline, an operator-count model fitted to the same samples, predicts of a network, in nanoseconds; `None`
    /// before [`Table::fit`].
    pub fn baseline_latency_ns(&self, graph: &Graph) -> Option<f64> {
        self.fitted.as_ref()?;
        let samples = self.counting();
        Some(fit(PREDICTORS[0], &samples).latency_ns(&KernelSet::of(graph, self.rule)))
    }

    /// Each kernel's part of the predicted latency, in execution order.
    ///
    /// # Errors
    /// Before [`Table::fit`].
    pub fn shares(&self, graph: &Graph) -> Result<Vec<Share>, TableError> {
        let fitted = self.fitted.as_ref().ok_or(TableError::NotFitted)?;
        let network = KernelSet::of(graph, self.rule);
        let times = fitted.selection.model.kernel_ns(&network);
        let share = |(at, (kernel, nodes)): (usize, (&crate::Kernel, &Vec<String>))| Share {
            nodes: nodes.clone(),
            kind: kernel.kind,
            time_ns: times.as_ref().map(|times| times[at]),
            known: fitted.vocabulary.knows(kernel),
        };
        Ok(network.kernels().iter().zip(network.names()).enumerate().map(share).collect())
    }

    /// Share of all profiled time that no kernel explains, 0 to 1; 0 without profiles.
    pub fn unmatched_share(&self) -> f64 {
        let (unmatched, all) = self.samples.iter().fold((0.0, 0.0), |(unmatched, all), sample| {
            (unmatched + sample.unmatched_ns(), all + sample.profiled_ns())
        });
        if all > 0.0 { unmatched / all } else { 0.0 }
    }

    /// The fitted numbers of the predictor that guides and of the memory model, by name; empty before [`Table::fit`].
    pub fn terms(&self) -> Vec<(String, f64)> {
        let Some(fitted) = &self.fitted else { return Vec::new() };
        let memory = fitted.memory.iter().flat_map(|memory| memory.terms());
        let memory = memory.map(|(name, value)| (format!("memory.{name}"), value));
        fitted.selection.model.terms().into_iter().chain(memory).collect()
    }
}

fn defect(sample: &NetworkSample) -> Option<String> {
    let positive = |ns: &f64| ns.is_finite() && *ns > 0.0;
    if sample.latency_ns.is_empty() {
        return Some("it has no latency; measure it in at least one process".into());
    }
    if let Some(odd) = sample.latency_ns.iter().find(|ns| !positive(ns)) {
        return Some(format!("a latency of {odd} ns is not a positive number"));
    }
    let odd = sample.kernel_ns.iter().flatten().chain(sample.unmatched.iter().map(|node| &node.time_ns));
    let odd = odd.copied().find(|ns| !ns.is_finite() || *ns < 0.0);
    odd.map(|ns| format!("its profile has a node of {ns} ns"))
}

#[cfg(test)]
mod tests {
    use super::{Table, TableError};
    use crate::sample::Measured;
    use crate::synthetic::{Device, fitted_table, network, provenance};

    fn check_refused(measured: Measured, expected: &str) {
        let mut table = Table::new(provenance()).unwrap();
        let message = table.add("odd", &network(0), measured).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert!(table.samples().is_empty());
    }

    #[test]
    fn unusable_samples_are_refused_by_name() {
        let good = Device::default().measure(0);
        check_refused(Measured { latency_ns: vec![], ..good.clone() }, "network `odd`: it has no latency");
        check_refused(Measured { latency_ns: vec![0.0], ..good.clone() }, "not a positive number");
        check_refused(Measured { latency_ns: vec![1.0, f64::NAN], ..good.clone() }, "not a positive number");
        let mut profile = good.profile.clone();
        profile[0].time_ns = -1.0;
        check_refused(Measured { profile, ..good }, "its profile has a node of -1 ns");
    }

    #[test]
    fn says_what_is_missing_before_it_can_predict() {
        let mut table = Table::new(provenance()).unwrap();
        assert_eq!(table.predict(&network(0)), Err(TableError::NotFitted));
        assert_eq!(table.fit(), Err(TableError::TooFew { have: 0, need: 4 }));
    }

    #[test]
    fn predicts_latency_and_memory_of_a_network_not_measured() {
        let device = Device::default();
        let table = fitted_table(&device, 60);
        let prediction = table.predict(&network(500)).unwrap();
        let truth = Device::true_ns(&device.kernels(500));
        assert!((prediction.latency_ns.value / truth - 1.0).abs() < 0.05, "{prediction:?} {truth}");
        let memory = prediction.peak_memory_bytes.unwrap();
        let measured = device.measure(500).peak_memory_bytes.unwrap() as f64;
        assert!((memory.value / measured - 1.0).abs() < 0.02, "{memory:?} {measured}");
        assert!(prediction.kernels_seen > 0 && prediction.kernels_unknown == 0);
    }

    #[test]
    fn an_unknown_kind_of_kernel_widens_the_interval() {
        let device = Device::default();
        let table = fitted_table(&device, 60);
        let usual = table.predict_kernels(&device.kernels(500)).unwrap();
        let strange = table.predict_kernels(&device.outlandish_kernels()).unwrap();
        assert_eq!(strange.kernels_unknown, 1);
        assert!(strange.latency_ns.relative_width() > 1.5 * usual.latency_ns.relative_width());
    }

    #[test]
    fn the_same_samples_in_the_same_order_give_the_same_fit() {
        let device = Device::default();
        let (one, other) = (fitted_table(&device, 40), fitted_table(&device, 40));
        assert_eq!(one.terms(), other.terms());
        for seed in 100..120 {
            let network = device.kernels(seed);
            assert_eq!(one.predict_kernels(&network), other.predict_kernels(&network));
        }
    }

    /// The same network with every layer's positions times 196, as from 16 to 224 pixels.
    fn enlarged(network: &crate::KernelSet) -> crate::KernelSet {
        let enlarge = |kernel: &crate::Kernel| {
            let f = kernel.features;
            let factor = 196.0;
            let features = crate::Features {
                macs: f.macs * factor,
                input_bytes: f.input_bytes * factor,
                output_bytes: f.output_bytes * factor,
                positions: f.positions * factor,
                fused_elements: f.fused_elements * factor,
                ..f
            };
            crate::Kernel::new(kernel.kind, crate::KernelKey::new(format!("{} enlarged", kernel.key)), features)
        };
        let parts = network.kernels().iter().map(|kernel| (enlarge(kernel), Vec::new())).collect();
        crate::KernelSet::from_parts(parts, network.peak_activation_bytes() * 196, network.weight_bytes())
    }

    #[test]
    fn a_network_far_from_the_measured_ones_has_wide_intervals() {
        let device = Device::default();
        let table = fitted_table(&device, 60);
        let usual = table.predict_kernels(&device.kernels(500)).unwrap();
        let far = table.predict_kernels(&enlarged(&device.kernels(500))).unwrap();
        assert_eq!((far.kernels_seen, far.kernels_unknown), (0, 0));
        assert!(far.latency_ns.relative_width() > 4.0 * usual.latency_ns.relative_width(), "{far:?} {usual:?}");
        let widths = [far, usual].map(|prediction| prediction.peak_memory_bytes.unwrap().relative_width());
        assert!(widths[0] > 4.0 * widths[1], "{widths:?}");
    }

    #[test]
    fn merging_adds_what_is_new_and_refuses_another_device() {
        let device = Device::default();
        let (mut one, other) = (fitted_table(&device, 10), fitted_table(&device, 15));
        assert_eq!(one.merge(&other), Ok(5));
        assert_eq!(one.samples(), other.samples());
        let mut stranger = Table::new(crate::Provenance { threads: 2, ..provenance() }).unwrap();
        let message = stranger.merge(&other).unwrap_err().to_string();
        assert!(message.contains("threads: 2 and 1"), "{message}");
    }

    #[test]
    fn time_that_no_kernel_explains_is_recorded() {
        let share = fitted_table(&Device::default(), 10).unmatched_share();
        assert!(share > 0.001 && share < 0.1, "{share}");
    }
}
