//! What to measure, and how.

use std::time::Duration;

use edgefit_protocol::{
    job::{InputShape, Inputs, Job, Pass, Plan, Settings},
    limits::USUAL_TIMEOUT_NS,
    message::Sha256,
    runtime::RuntimeName,
};

/// With what a model runs.
#[derive(Debug, Clone, PartialEq)]
pub struct RunOn {
    /// The runtime.
    pub runtime: RuntimeName,
    /// Its settings.
    pub settings: Settings,
    /// Shapes of inputs whose own is dynamic.
    pub shapes: Vec<InputShape>,
    /// Longest time for one job, in nanoseconds.
    pub timeout_ns: u64,
    /// Longest time for loading the model, and for one run of it, in nanoseconds.
    pub step_timeout_ns: u64,
    /// Address space for one job, in bytes; `None` for what the device has free.
    pub memory_limit_bytes: Option<u64>,
}

impl RunOn {
    /// A runtime with its default settings: one thread, any core, one minute a job.
    pub fn new(runtime: RuntimeName) -> Self {
        Self {
            runtime,
            settings: Settings::default(),
            shapes: Vec::new(),
            timeout_ns: USUAL_TIMEOUT_NS,
            step_timeout_ns: USUAL_TIMEOUT_NS,
            memory_limit_bytes: None,
        }
    }

    /// The same with a library of ONNX Runtime on the device, if one is named.
    pub(super) fn with_library(mut self, library: Option<String>) -> Self {
        self.settings.ort.library = library.or(self.settings.ort.library);
        self
    }

    pub(super) fn job(&self, model: Sha256, inputs: Inputs, pass: Pass) -> Job {
        Job {
            model,
            runtime: self.runtime,
            settings: self.settings.clone(),
            shapes: self.shapes.clone(),
            inputs,
            pass,
            timeout_ns: self.timeout_ns,
            step_timeout_ns: self.step_timeout_ns,
            memory_limit_bytes: self.memory_limit_bytes,
        }
    }
}

/// A pass that starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PassStep<'a> {
    /// Its number, from 1.
    pub number: usize,
    /// All passes of the measurement.
    pub passes: usize,
    /// What it finds out.
    pub pass: &'a Pass,
}

/// The passes of a measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasureRequest {
    /// With what the model runs.
    pub run_on: RunOn,
    /// When a latency pass ends.
    pub plan: Plan,
    /// Latency passes, each in a fresh process; at least 1.
    pub processes: u32,
    /// When more latency passes follow; `None` for never.
    pub agreement: Option<Agreement>,
    /// Whether nodes are measured too, and until when.
    pub per_operator: Option<Plan>,
    /// Memory passes, each in a fresh process; 0 when memory is not measured.
    pub memory_processes: u32,
    /// Whether energy is measured too, and until when.
    pub energy: Option<Plan>,
    /// Seed of the inputs' values.
    pub seed: u64,
}

/// Processes agree when two of their medians lie close together. What disturbs a process, such as another program or an unlucky
/// place in memory, then does not decide.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// Largest difference of two medians that agree, as a share of the smaller one.
    pub share: f64,
    /// Most latency passes in all, whether any agree or not, disturbed ones not counted.
    pub most: u32,
    /// Most disturbed latency passes after which an undisturbed one is still waited for.
    pub most_disturbed: u32,
    /// How long an undisturbed one is waited for in any case, however much waiting the device has cost before.
    pub patience: Duration,
}

impl Agreement {
    /// For the models of a search: 2 %, in five processes at most; after up to five disturbed ones.
    pub const SEARCH: Self = Self { share: 0.02, most: 5, most_disturbed: 5, patience: Duration::ZERO };

    /// For its finalists, on whose latency the outcome depends.
    pub const FINAL: Self = Self { most_disturbed: 40, patience: Duration::from_secs(15), ..Self::SEARCH };

    /// Whether one more process is to be run after these medians.
    pub(super) fn is_missing(&self, medians_ns: &[f64]) -> bool {
        let mut sorted = medians_ns.to_vec();
        sorted.sort_by(f64::total_cmp);
        let agrees = |pair: &[f64]| pair[1] - pair[0] <= self.share * pair[0];
        medians_ns.len() < self.most as usize && !sorted.windows(2).any(agrees)
    }
}

impl MeasureRequest {
    /// Short passes for the many small models of a search: one process for the latency, one for
    /// the nodes, one for memory.
    pub fn search(runtime: RuntimeName) -> Self {
        Self {
            run_on: RunOn::new(runtime),
            plan: Plan::SEARCH,
            processes: 1,
            agreement: None,
            per_operator: Some(Self::PROFILE),
            memory_processes: 1,
            energy: None,
            seed: 0,
        }
    }

    /// What `edgefit bench` does unless told otherwise: TFLite's plan, in three processes.
    pub fn quick(runtime: RuntimeName) -> Self {
        let run_on = RunOn { timeout_ns: 300_000_000_000, ..RunOn::new(runtime) };
        Self { plan: Plan::QUICK, processes: 3, run_on, ..Self::search(runtime) }
    }

    /// A profile of few runs: the nodes' means converge quickly, and profiles are long.
    pub const PROFILE: Plan = Plan {
        warm_up_runs: 3,
        warm_up_ns: 10_000_000,
        min_runs: 20,
        min_ns: 20_000_000,
        max_runs: 200,
        max_ns: 2_000_000_000,
        interval_share: None,
        undisturbed: None,
    };

    /// The passes in order, each a process. Processes that are to agree are one where `times_mean_nothing`, as on an emulator.
    pub(super) fn passes(&self, times_mean_nothing: bool) -> Vec<Pass> {
        let processes = if times_mean_nothing && self.agreement.is_some() { 1 } else { self.processes.max(1) };
        let latency = (0..processes).map(|_| Pass::Latency(self.plan.clone()));
        let memory = (0..self.memory_processes).map(|_| Pass::Memory);
        latency
            .chain(self.per_operator.clone().map(Pass::PerOperator))
            .chain(memory)
            .chain(self.energy.clone().map(Pass::Energy))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_medians_that_lie_together_are_enough() {
        let is_missing = |medians_ns: &[f64]| Agreement { most: 4, ..Agreement::SEARCH }.is_missing(medians_ns);
        assert!(is_missing(&[100.0]));
        assert!(is_missing(&[100.0, 103.0]));
        assert!(!is_missing(&[102.0, 100.0]));
        assert!(!is_missing(&[100.0, 150.0, 101.0]));
        assert!(!is_missing(&[100.0, 110.0, 120.0, 130.0]), "the most is the most");
    }

    #[test]
    fn processes_are_not_repeated_to_agree_on_times_that_mean_nothing() {
        let bench = MeasureRequest::quick(RuntimeName::Tract);
        let search = MeasureRequest { agreement: Some(Agreement::SEARCH), ..bench.clone() };
        let latencies = |request: &MeasureRequest, times_mean_nothing| {
            let passes = request.passes(times_mean_nothing);
            passes.iter().filter(|pass| matches!(pass, Pass::Latency(_))).count()
        };
        assert_eq!([latencies(&bench, true), latencies(&search, true), latencies(&search, false)], [3, 1, 3]);
    }
}
