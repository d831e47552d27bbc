//! `[estimate]` and `[final]`: how a candidate is trained to be judged, and how the front is trained to the end.

use std::ops::Bound;

use edgefit_search::curve::LEAST_EPOCHS;
use edgefit_train::proxy::PROXIES;
use edgefit_train::supernet::Sampling;
use edgefit_train::{Compute, Optimizer, Schedule};
use serde::{Serialize, Serializer};

use super::section::Section;

/// Most passes over the data that a training makes.
const MOST_EPOCHS: usize = 10_000;

/// Most samples a step.
pub(super) const MOST_BATCH: usize = 65_536;

/// Most pixels or positions of an augmentation.
pub(super) const MOST_POSITIONS: usize = 65_536;

/// Every optimizer with its name in a search file.
const OPTIMIZERS: [(&str, Optimizer); 2] = [("sgd", Optimizer::Sgd), ("adamw", Optimizer::Adamw)];

/// Every schedule with its name in a search file.
const SCHEDULES: [(&str, Schedule); 2] = [("cosine", Schedule::Cosine), ("one-cycle", Schedule::OneCycle)];

/// Ways to estimate an accuracy, with their names in a search file.
const METHODS: [(&str, Method); 2] = [("training", Method::Training), ("one-shot", Method::OneShot)];

/// Every way to choose the networks that a step of a supernet trains, with its name in a search file.
const SAMPLINGS: [(&str, Sampling); 2] = [("uniform", Sampling::Uniform), ("sandwich", Sampling::Sandwich(1))];

/// Epochs of a supernet unless stated.
const SUPERNET_EPOCHS: usize = 40;

/// Everything that can be computed on, with its name in a search file.
pub(crate) const COMPUTES: [(&str, Compute); 3] =
    [("cpu", Compute::Cpu), ("wgpu", Compute::Wgpu), ("cuda", Compute::Cuda)];

/// A learning rate and a weight decay that suit small networks.
const fn standard(optimizer: Optimizer) -> (f64, f64) {
    match optimizer {
        Optimizer::Sgd => (0.1, 5e-4),
        Optimizer::Adamw => (0.02, 0.02),
    }
}

/// How an accuracy is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Each candidate is trained for itself.
    Training,
    /// All candidates share weights, which are trained once before the search.
    OneShot,
}

/// How a candidate's accuracy is estimated: by a short training, or by weights that all candidates share.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EstimateConfig {
    /// How the accuracy comes about.
    pub method: Method,
    /// Passes over the training samples; with shared weights, those that a candidate is trained for after it inherited.
    pub epochs: usize,
    /// Passes over the training samples for which the shared weights are trained; only with such.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supernet_epochs: Option<usize>,
    /// Which networks each step of that trains; only with shared weights.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "sampling_name")]
    pub supernet_sampling: Option<Sampling>,
    /// Samples a step.
    pub batch: usize,
    /// How weights follow gradients.
    pub optimizer: Optimizer,
    /// Highest learning rate; it rises to there during the warm-up and falls to 0 along a cosine.
    pub learning_rate: f64,
    /// How it rises and falls; `one-cycle` has its own warm-up.
    pub schedule: Schedule,
    /// Weight decay; norms and biases have none.
    pub weight_decay: f64,
    /// Share of the steps during which the learning rate rises; at least 0, less than 1.
    pub warmup: f64,
    /// Share of the target that is spread over all classes; at least 0, less than 1.
    pub label_smoothing: f64,
    /// Largest norm of the gradient; longer ones are shortened to it. `None` for no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Share of itself that a moving average of the weights keeps a step; `None` to take the weights as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average: Option<f64>,
    /// Whether each class weighs as much as any other in the loss, however many samples it has.
    pub class_weights: bool,
    /// A training ends once it is less probable than this that it reaches an accuracy that makes a difference; `None` for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_below: Option<f64>,
    /// What says which proposals are worth a training, without training them; all are where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
    /// Whether a surrogate of what training tells, fitted to the candidates so far, says which proposals are worth one.
    pub surrogate: bool,
    /// Proposals for each training, of which the surrogate or the proxy picks; only with one of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposals: Option<usize>,
    /// Trainings side by side, each on one thread. It is part of what makes a run reproducible: as many candidates
    /// are proposed together.
    pub jobs: usize,
    /// What trainings compute on.
    pub compute: Compute,
}

impl EstimateConfig {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let optimizer = section.choice("optimizer", Optimizer::Adamw, &OPTIMIZERS);
        let (learning_rate, weight_decay) = standard(optimizer);
        let (proxy, surrogate) = (read_proxy(section), section.flag("surrogate", false));
        let proposals = read_proposals(section, proxy.is_some() || surrogate);
        let method = section.choice("method", Method::Training, &METHODS);
        let (supernet_epochs, supernet_sampling) = read_supernet(section, method);
        let (epochs, least) = if method == Method::Training { (3, 1) } else { (0, 0) };
        let epochs = section.count("epochs", epochs, least..=MOST_EPOCHS);
        Self {
            method,
            epochs,
            supernet_epochs,
            supernet_sampling,
            batch: section.count("batch", 32, 1..=MOST_BATCH),
            optimizer,
            learning_rate: section.number("learning_rate", learning_rate, POSITIVE_RATE),
            schedule: section.choice("schedule", Schedule::Cosine, &SCHEDULES),
            weight_decay: section.number("weight_decay", weight_decay, 0.0..=1.0),
            warmup: section.number("warmup", 0.1, 0.0..1.0),
            label_smoothing: section.number("label_smoothing", 0.1, 0.0..1.0),
            clip_norm: section.optional_number("clip_norm", (Bound::Excluded(0.0), Bound::Included(1e6))),
            average: section.optional_number("average", 0.0..1.0),
            class_weights: section.flag("class_weights", false),
            stop_below: read_stop(section, epochs),
            proxy,
            surrogate,
            proposals,
            jobs: section.count("jobs", 2, 1..=256),
            compute: section.choice("compute", Compute::Cpu, &COMPUTES),
        }
    }
}

/// The probability below which a training ends early.
fn read_stop(section: &mut Section<'_, '_>, epochs: usize) -> Option<f64> {
    let stop = section.optional_number("stop_below", (Bound::Excluded(0.0), Bound::Included(0.5)));
    if stop.is_some() && epochs <= LEAST_EPOCHS {
        let help = format!("write `epochs = {}` or more, or remove it", LEAST_EPOCHS + 1);
        section.wrong_key(
            "stop_below",
            "has no meaning for trainings of few epochs, which say nothing of more",
            Some(help),
        );
    }
    stop
}

/// Epochs and sampling of a supernet, where the method has one.
fn read_supernet(section: &mut Section<'_, '_>, method: Method) -> (Option<usize>, Option<Sampling>) {
    let epochs = section.optional_count("supernet_epochs", 1..=MOST_EPOCHS);
    let sampling = section.choice("supernet_sampling", Sampling::Sandwich(1), &SAMPLINGS);
    if method == Method::OneShot {
        return (Some(epochs.unwrap_or(SUPERNET_EPOCHS)), Some(sampling));
    }
    for key in ["supernet_epochs", "supernet_sampling"] {
        if section.has(key) {
            let help = "write `method = \"one-shot\"`, or remove it".to_owned();
            section.wrong_key(key, "has no meaning where candidates do not share weights", Some(help));
        }
    }
    (None, None)
}

#[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
fn sampling_name<S: Serializer>(sampling: &Option<Sampling>, serializer: S) -> Result<S::Ok, S::Error> {
    let name = SAMPLINGS.iter().find(|(_, known)| Some(*known) == *sampling).map(|(name, _)| *name);
    name.serialize(serializer)
}

/// What picks the proposals that are trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "&'static str")]
pub enum Proxy {
    /// The proxy of this name.
    One(&'static str),
    /// The mean of the ranks under the proxies of `COMBINED`.
    Combined,
}

/// The name of [`Proxy::Combined`] in a search file, and what it combines.
const COMBINED_NAME: &str = "combined";
const COMBINED: [&str; 3] = ["naswot", "synflow", "jacov"];

impl Proxy {
    /// The names of the proxies that it looks at.
    pub fn names(self) -> Vec<&'static str> {
        match self {
            Self::One(name) => vec![name],
            Self::Combined => COMBINED.to_vec(),
        }
    }
}

impl From<Proxy> for &'static str {
    fn from(proxy: Proxy) -> Self {
        match proxy {
            Proxy::One(name) => name,
            Proxy::Combined => COMBINED_NAME,
        }
    }
}

/// Proposals a training unless stated.
const PROPOSALS: usize = 8;

fn read_proxy(section: &mut Section<'_, '_>) -> Option<Proxy> {
    let known = PROXIES.iter().map(|proxy| (proxy.name(), Proxy::One(proxy.name())));
    let names: Vec<(&str, Proxy)> = known.chain([(COMBINED_NAME, Proxy::Combined)]).collect();
    if section.has("proxy") { section.required_choice("proxy", &names) } else { None }
}

fn read_proposals(section: &mut Section<'_, '_>, is_picked: bool) -> Option<usize> {
    let proposals = section.optional_count("proposals", 1..=MOST_PROPOSALS);
    if !is_picked && proposals.is_some() {
        let help = "write `surrogate = true` or `proxy = \"naswot\"`, or remove it".to_owned();
        section.wrong_key(
            "proposals",
            "has no meaning without a surrogate or a proxy that picks among them",
            Some(help),
        );
    }
    is_picked.then(|| proposals.unwrap_or(PROPOSALS))
}

/// Most proposals a training.
const MOST_PROPOSALS: usize = 128;

/// Learning rates that can be meant.
pub(super) const POSITIVE_RATE: (Bound<f64>, Bound<f64>) = (Bound::Excluded(0.0), Bound::Included(10.0));

/// How the front is trained to the end; what is not here is as in [`EstimateConfig`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FinalConfig {
    /// Candidates of the front that are trained to the end, best first.
    pub finalists: usize,
    /// Most passes over the training images.
    pub epochs: usize,
    /// Passes without a better validation accuracy after which a training ends.
    pub patience: usize,
    /// Whether the best is trained once more at the end, on training and validation images together.
    pub refit: bool,
    /// Most positions by which training moves samples along their last axis, time.
    pub time_shift: usize,
    /// Standard deviation of the noise that training adds, in standard deviations of each channel.
    pub noise: f64,
    /// Side of the square, or length of the stretch, that training sets to the mean; 0 for none.
    pub cutout: usize,
    /// Most by which training scales and moves each channel, in its standard deviations.
    pub color: f64,
    /// Parameter of the beta distribution by which training mixes samples in pairs; 0 for none.
    pub mixup: f64,
}

impl FinalConfig {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let epochs = section.count("epochs", 40, 1..=MOST_EPOCHS);
        Self {
            finalists: section.count("finalists", 3, 1..=1_000),
            epochs,
            patience: section.count("patience", epochs, 1..=MOST_EPOCHS),
            refit: section.flag("refit", true),
            time_shift: section.count("time_shift", 0, 0..=MOST_POSITIONS),
            noise: section.number("noise", 0.0, 0.0..=10.0),
            cutout: section.count("cutout", 0, 0..=MOST_POSITIONS),
            color: section.number("color", 0.0, 0.0..1.0),
            mixup: section.number("mixup", 0.0, 0.0..=10.0),
        }
    }
}
