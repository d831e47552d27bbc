//! What happens in a run, as the search tells it; how it is shown is not its concern.

/// What a run is going to do; told once at its beginning, also when it goes on after an interruption.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The data, in a few words: name, images, classes.
    pub data: String,
    /// The space, in a few words: name, number of networks.
    pub space: String,
    /// The devices and what runs on each, in a few words.
    pub devices: Vec<String>,
    /// What has to hold, such as `latency_ms <= 1`.
    pub bounds: Vec<String>,
    /// Greatest latency allowed, in milliseconds.
    pub latency_bound_ms: Option<f64>,
    /// Models that the latency table is made of.
    pub table_models: u64,
    /// Passes over the data for which candidates' shared weights are trained; 0 where they share none.
    pub supernet_epochs: u64,
    /// Passes over the data of a supernet that guides the search; 0 where none does.
    pub relaxed_epochs: u64,
    /// Candidates to train.
    pub trials: u64,
    /// Passes over the data of each.
    pub trial_epochs: u64,
    /// Candidates to train to the end.
    pub finalists: u64,
    /// Most passes over the data of each of those.
    pub final_epochs: u64,
}

/// The parts of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Models are measured for the latency table.
    Table,
    /// The weights that candidates share are trained.
    Supernet,
    /// A supernet learns how probable operations are.
    Relaxed,
    /// Candidates are proposed, trained and measured.
    Search,
    /// The best are trained to the end and measured again.
    Final,
}

impl Phase {
    /// Its name on the display.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Supernet => "supernet",
            Self::Relaxed => "relaxed",
            Self::Search => "search",
            Self::Final => "final",
        }
    }
}

/// A network that was trained and measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Number of its trial.
    pub number: u64,
    /// Share of the validation images that it classifies right.
    pub accuracy: f64,
    /// Its latency on each device where it is known.
    pub latencies: Vec<Latency>,
    /// Whether everything that has to hold does.
    pub meets_bounds: bool,
    /// The trial whose training went on in it.
    pub continues: Option<u64>,
}

/// A median latency.
#[derive(Debug, Clone, PartialEq)]
pub struct Latency {
    /// The device, where there are several.
    pub device: Option<String>,
    /// Milliseconds.
    pub ms: f64,
    /// Whether it was measured, and not predicted.
    pub is_measured: bool,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The run begins, or goes on.
    Begin(Plan),
    /// A part of the run begins; `done` of it were recorded before.
    Phase {
        /// Which part.
        phase: Phase,
        /// Models, trials or finalists that an earlier process did.
        done: u64,
    },
    /// A model was measured for the latency table.
    TableSample {
        /// Its measured median latency, in milliseconds.
        latency_ms: f64,
    },
    /// The latency table is fitted.
    TableFitted {
        /// The device, where there are several.
        device: Option<String>,
        /// Which predictor guides the search.
        predictor: String,
        /// Its mean relative error on models that it had not seen.
        error: f64,
        /// The same of the baseline, with its name.
        baseline: (String, f64),
    },
    /// A pass over the data of the shared weights ended.
    SupernetEpoch {
        /// Mean loss of its steps.
        loss: f64,
    },
    /// A pass over the data of the supernet that guides the search ended.
    RelaxedEpoch {
        /// Mean loss on the samples that train the architecture.
        loss: f64,
        /// Mean entropy of the operations' probabilities, as a share of the highest.
        entropy: f64,
        /// Expected latency on each device where latency is a goal.
        latencies: Vec<Latency>,
    },
    /// The supernet is trained.
    Derived {
        /// How that ended, and which operations are the most probable.
        text: String,
    },
    /// A constraint stopped proposals before training.
    Stopped {
        /// Which constraint.
        by: String,
        /// How many proposals.
        count: u64,
    },
    /// A pass over the data ended.
    Epoch {
        /// Number of the trial.
        number: u64,
        /// Which pass, from 1.
        epoch: u64,
        /// Most passes of this training.
        epochs: u64,
        /// Share of the validation images that are classified right.
        accuracy: Option<f64>,
    },
    /// A candidate's training ended early.
    Hopeless {
        /// Number of the trial.
        number: u64,
        /// The pass after which it ended.
        epoch: u64,
        /// Passes of the whole training.
        epochs: u64,
        /// The accuracy that would have made a difference.
        needed: f64,
        /// How probable it was that the training reaches it.
        probability: f64,
    },
    /// A candidate was trained and measured.
    Trial(Judged),
    /// A candidate could not be trained or measured.
    TrialFailed {
        /// Number of the trial.
        number: u64,
        /// Why.
        reason: String,
    },
    /// A finalist was trained to the end and measured.
    Finalist(Judged),
    /// A finalist is the best so far, and now measured thoroughly.
    Leads {
        /// Number of its trial.
        number: u64,
        /// Whether it is first trained with all images.
        refit: bool,
    },
    /// The leading finalist was measured thoroughly.
    Proven(Judged),
    /// Something that the user should know.
    Warning(String),
    /// Something that only the curious want to know.
    Detail(String),
    /// The run is over, or stops here.
    End,
}
