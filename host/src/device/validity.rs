//! What is wrong with a measurement: flags instead of silent numbers.

mod board;

use std::fmt;
use std::mem::discriminant;

use edgefit_protocol::{environment::Environment, job::Plan, report::Stop};
use serde::{Deserialize, Serialize};

use super::{
    measurement::{LatencyRun, Measurement},
    pace::Pace,
    statistics::median,
};

/// Medians of the first and the last third of a series may differ by this share.
const DRIFT_SHARE: f64 = 0.05;

/// Medians of processes may vary by this coefficient of variation.
const BETWEEN_PROCESSES_SHARE: f64 = 0.05;

/// Samples may vary by this ratio of the median absolute deviation to the median.
const NOISE_SHARE: f64 = 0.10;

/// A core counts as slowed below this share of its limit.
const FREQUENCY_SHARE: f64 = 0.90;

/// What others may take of all cores during the job.
const OTHERS_SHARE: f64 = 0.1;

/// Ticks of all cores together below which their shares mean little.
const LEAST_TICKS: u64 = 50;

/// Work that was waiting before the job, in shares of all cores, where nothing better is known.
const LOAD_SHARE: f32 = 0.5;

/// Times a second that a process may be made to wait for others: kernel threads alone do it a few times.
const PREEMPTIONS_PER_SECOND: f64 = 25.0;

/// Something that a reader of the number has to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// The device is emulated: its times say nothing about a real one.
    Emulated {
        /// By what.
        by: String,
    },
    /// Other work took time of the cores while the model ran.
    OtherWork {
        /// Cores that it kept busy, on average.
        busy_cores: f64,
        /// Number of cores.
        cores: usize,
    },
    /// The machine had other work.
    Loaded {
        /// Load average over one minute, before.
        load: f32,
        /// Number of cores.
        cores: usize,
    },
    /// Other work took the core away while it was measured.
    Preempted {
        /// Involuntary context switches of the process a second.
        per_second: f64,
    },
    /// The series got slower or faster while it was measured.
    Drifting {
        /// Median of the last third over that of the first.
        ratio: f64,
    },
    /// The processes disagree.
    ProcessesDisagree {
        /// Coefficient of variation of their medians.
        variation: f64,
    },
    /// The samples scatter.
    Noisy {
        /// Median absolute deviation over median.
        share: f64,
    },
    /// A core ran below its limit.
    FrequencyBelowLimit {
        /// The core.
        core: u32,
        /// Its frequency, in kHz.
        frequency_khz: u64,
        /// Its limit, in kHz.
        limit_khz: u64,
    },
    /// The board was throttled, or lacked voltage, right after the job.
    Throttled {
        /// The bits that mean "now".
        bits: u32,
    },
    /// The board throttled, or lacked voltage, for the first time since it started.
    NewlyThrottled {
        /// The bits that are set after the job and were not before.
        bits: u32,
    },
    /// Android's thermal status was above none.
    Hot {
        /// The higher status of before and after: 1 is light, 3 severe, 6 shutdown.
        status: u8,
    },
    /// The device itself was slower than it can be in every process.
    Slowed {
        /// How many times as long fixed work took.
        slowdown: f64,
    },
    /// Fixed work beside the model took longer in some processes or moments than in others: the device itself was disturbed.
    Disturbed {
        /// How many times as long as in its fastest moments it took in the slowest process.
        slowdown: f64,
    },
    /// A model that was measured again and again in between got slower or faster.
    CanaryDrifting {
        /// Its farthest median over its first.
        ratio: f64,
    },
    /// The maximum time ended the series before it had the runs, or the narrow interval, that were asked for.
    EndedEarly {
        /// Runs that there are.
        runs: u64,
    },
    /// There are too few runs for statistics.
    TooFewRuns {
        /// Runs that there are.
        runs: u64,
    },
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Emulated { by } => {
                write!(f, "the device is emulated by {by}: its times say nothing about a real one")
            }
            Self::OtherWork { busy_cores, cores } => {
                write!(f, "other work kept {busy_cores:.1} of {cores} cores busy meanwhile")
            }
            Self::Loaded { load, cores } => {
                write!(f, "the machine had other work: load {load:.2} on {cores} cores")
            }
            Self::Preempted { per_second } => {
                write!(f, "other work took the core away {per_second:.0} times a second")
            }
            Self::Drifting { ratio } => {
                write!(f, "the series drifts: its last third takes {ratio:.3} of its first")
            }
            Self::ProcessesDisagree { variation } => {
                write!(f, "the processes disagree: their medians vary by {:.1} %", variation * 100.0)
            }
            Self::Noisy { share } => {
                write!(f, "the samples scatter: MAD is {:.1} % of the median", share * 100.0)
            }
            Self::FrequencyBelowLimit { core, frequency_khz, limit_khz } => {
                write!(f, "core {core} ran at {frequency_khz} kHz of {limit_khz} kHz")
            }
            Self::Throttled { bits } => {
                write!(f, "the board is throttled or lacks voltage: {} (bits {bits:#x})", board::throttle_names(*bits))
            }
            Self::NewlyThrottled { bits } => {
                let names = board::throttle_names(*bits);
                write!(f, "the board began to throttle or to lack voltage meanwhile: {names} (new bits {bits:#x})")
            }
            Self::Hot { status } => write!(f, "the device was hot: thermal status {status} of 6"),
            Self::Slowed { slowdown } => {
                write!(
                    f,
                    "the device was slower than it can be: fixed work beside the model took {slowdown:.2} times as long"
                )
            }
            Self::Disturbed { slowdown } => write!(
                f,
                "the device was disturbed: in one process, fixed work beside the model took {slowdown:.2} times as long as at its fastest"
            ),
            Self::CanaryDrifting { ratio } => {
                write!(f, "the device changed meanwhile: the canary took {ratio:.3} of its first time")
            }
            Self::EndedEarly { runs } => {
                write!(f, "the maximum time came after {runs} runs, before what was asked for was reached")
            }
            Self::TooFewRuns { runs } => write!(f, "there are {runs} runs only"),
        }
    }
}

/// Every flag of a measurement; none when it can be taken as it is.
pub fn flags(measurement: &Measurement, online_cores: usize) -> Vec<Flag> {
    let summary = measurement.summary();
    let noise = summary.median_absolute_deviation / summary.median.max(1.0);
    let noisy = (noise > NOISE_SHARE).then_some(Flag::Noisy { share: noise });
    let disagree = summary
        .between_processes
        .filter(|variation| *variation > BETWEEN_PROCESSES_SHARE)
        .map(|variation| Flag::ProcessesDisagree { variation });
    let loaded = measurement.latency.iter().find_map(|run| loaded(&run.before, &run.after, online_cores));
    let runs = measurement.latency.iter();
    let emulated = measurement.provenance.emulator.clone().map(|by| Flag::Emulated { by });
    let paced = measurement.slowdown.map(|slowdown| Flag::Slowed { slowdown });
    let all = emulated
        .into_iter()
        .chain(paced)
        .chain(disturbed(measurement))
        .chain(loaded)
        .chain(disagree)
        .chain(noisy)
        .chain(runs.flat_map(of_run));
    all.fold(Vec::new(), with_new_kind)
}

/// A flag where a process of a measurement ended before it had what its plan asks for.
pub fn ended_early(measurement: &Measurement, plan: &Plan) -> Option<Flag> {
    let is_early =
        |run: &&LatencyRun| run.stop == Stop::Maximum && (run.runs < plan.min_runs || plan.interval_share.is_some());
    measurement.latency.iter().find(is_early).map(|run| Flag::EndedEarly { runs: run.runs })
}

/// By the pace of the processes that count, among themselves.
fn disturbed(measurement: &Measurement) -> Option<Flag> {
    if measurement.provenance.emulator.is_some() {
        return None;
    }
    let mut pace = Pace::default();
    measurement.latency.iter().for_each(|run| pace.tell(run));
    let slowest = measurement.latency.iter().filter(|run| pace.is_disturbed(run)).filter_map(|run| pace.slowdown(run));
    slowest.max_by(f64::total_cmp).map(|slowdown| Flag::Disturbed { slowdown })
}

/// What happened in several processes is told once, as it was in the first of them.
fn with_new_kind(mut flags: Vec<Flag>, flag: Flag) -> Vec<Flag> {
    if flags.iter().all(|other| discriminant(other) != discriminant(&flag)) {
        flags.push(flag);
    }
    flags
}

fn of_run(run: &LatencyRun) -> Vec<Flag> {
    let few = (run.samples_ns.len() < 5).then_some(Flag::TooFewRuns { runs: run.runs });
    drifting(&run.samples_ns)
        .into_iter()
        .chain(few)
        .chain(preempted(run))
        .chain(board::flags(&run.before, &run.after))
        .chain(slowed(&run.after))
        .collect()
}

/// What other work took of the cores during a job; where that is not told, what the load average was before it. That average holds
/// the jobs before it as well.
fn loaded(before: &Environment, after: &Environment, cores: usize) -> Option<Flag> {
    if let Some(share) = share_of_others(before, after) {
        let busy_cores = share * cores as f64;
        return (share > OTHERS_SHARE).then_some(Flag::OtherWork { busy_cores, cores });
    }
    let [load, ..] = before.load?;
    (load > LOAD_SHARE * cores as f32).then_some(Flag::Loaded { load, cores })
}

/// Time of all cores that went to others than the job's process, as a share; `None` where it was too short to tell.
fn share_of_others(before: &Environment, after: &Environment) -> Option<f64> {
    let (before, after) = (before.processor_ticks?, after.processor_ticks?);
    let all = after.all.saturating_sub(before.all);
    let own = after.own.saturating_sub(before.own);
    let others = after.busy.saturating_sub(before.busy).saturating_sub(own);
    (all >= LEAST_TICKS).then(|| others as f64 / all as f64)
}

fn drifting(samples_ns: &[u64]) -> Option<Flag> {
    let third = samples_ns.len() / 3;
    if third < 5 {
        return None;
    }
    let first = median(&samples_ns[..third])?;
    let last = median(&samples_ns[samples_ns.len() - third..])?;
    let ratio = last / first.max(1.0);
    ((ratio - 1.0).abs() > DRIFT_SHARE).then_some(Flag::Drifting { ratio })
}

/// What the process was made to wait from its start to the end of its runs.
fn preempted(run: &LatencyRun) -> Option<Flag> {
    let (before, after) = (run.before.context_switches?, run.after.context_switches?);
    let measured_ns: u64 = run.samples_ns.iter().map(|ns| ns.saturating_mul(run.stride)).fold(0, u64::saturating_add);
    let seconds = (measured_ns + run.warm_up_ns.iter().sum::<u64>()) as f64 / 1e9;
    let switches = after.involuntary.saturating_sub(before.involuntary) as f64;
    let per_second = switches / seconds.max(0.1);
    (per_second > PREEMPTIONS_PER_SECOND).then_some(Flag::Preempted { per_second })
}

/// The cores right after the run; which of them ran it is not known, so that only a machine whose
/// every core is slow counts.
fn slowed(after: &Environment) -> Option<Flag> {
    let share =
        |core: &edgefit_protocol::environment::CoreState| Some((core.index, core.frequency_khz?, core.limit_khz?));
    let cores: Vec<(u32, u64, u64)> = after.cores.iter().filter_map(share).collect();
    let fastest = cores.into_iter().max_by_key(|(_, frequency_khz, _)| *frequency_khz)?;
    let (core, frequency_khz, limit_khz) = fastest;
    let slow = (frequency_khz as f64) < FREQUENCY_SHARE * limit_khz as f64;
    slow.then_some(Flag::FrequencyBelowLimit { core, frequency_khz, limit_khz })
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgefit_protocol::environment::{ContextSwitches, CoreState, ProcessorTicks};
    use edgefit_protocol::report::LoadTimes;

    #[test]
    fn a_steady_series_does_not_drift_and_a_slowing_one_does() {
        assert_eq!(drifting(&[100; 30]), None);
        let slowing: Vec<u64> = (0..30).map(|i| 100 + i).collect();
        assert!(matches!(drifting(&slowing), Some(Flag::Drifting { ratio }) if ratio > 1.1));
        assert_eq!(drifting(&[1, 100, 1000]), None);
    }

    #[test]
    fn what_happened_again_is_told_once() {
        let told =
            [Flag::Preempted { per_second: 90.0 }, Flag::Drifting { ratio: 1.2 }, Flag::Preempted { per_second: 40.0 }];
        let kept = told.into_iter().fold(Vec::new(), with_new_kind);
        assert_eq!(kept, [Flag::Preempted { per_second: 90.0 }, Flag::Drifting { ratio: 1.2 }]);
    }

    #[test]
    fn frequencies_that_cannot_be_read_are_no_flag() {
        let with = |frequency_khz| Environment {
            cores: vec![CoreState { index: 0, frequency_khz, limit_khz: Some(2_000_000), governor: None }],
            ..Environment::default()
        };
        assert_eq!(slowed(&with(None)), None);
        assert_eq!(slowed(&with(Some(1_900_000))), None);
        assert!(slowed(&with(Some(1_000_000))).is_some());
    }

    #[test]
    fn a_process_that_was_made_to_wait_often_is_flagged() {
        let with = |involuntary| Environment {
            context_switches: Some(ContextSwitches { voluntary: 0, involuntary }),
            ..Environment::default()
        };
        let run = |switches: u64| LatencyRun {
            samples_ns: vec![1_000_000_000; 2],
            stride: 1,
            runs: 2,
            stop: Stop::Minimum,
            first_inference_ns: 0,
            warm_up_ns: Vec::new(),
            reference_ns: Vec::new(),
            reference_at_runs: Vec::new(),
            disturbed_ns: Vec::new(),
            load: LoadTimes::default(),
            before: with(5),
            after: with(5 + switches),
        };
        assert_eq!(preempted(&run(10)), None);
        assert_eq!(preempted(&run(200)), Some(Flag::Preempted { per_second: 100.0 }));
        assert_eq!(preempted(&LatencyRun { before: Environment::default(), ..run(200) }), None);
    }

    #[test]
    fn load_counts_in_shares_of_the_cores_where_times_are_not_told() {
        let with = |load| Environment { load: Some([load, 0.0, 0.0]), ..Environment::default() };
        assert_eq!(loaded(&with(0.9), &with(0.9), 2), None);
        assert!(loaded(&with(1.5), &with(1.5), 2).is_some());
        assert_eq!(loaded(&Environment::default(), &Environment::default(), 2), None);
    }

    #[test]
    fn what_others_take_counts_and_what_the_job_takes_does_not() {
        let at = |all, busy, own| Environment {
            processor_ticks: Some(ProcessorTicks { all, busy, own }),
            load: Some([9.0, 9.0, 9.0]),
            ..Environment::default()
        };
        let begin = at(1000, 500, 7);
        assert_eq!(loaded(&begin, &at(1400, 710, 207), 2), None, "10 of 400 ticks");
        let flag = Some(Flag::OtherWork { busy_cores: 1.0, cores: 2 });
        assert_eq!(loaded(&begin, &at(1400, 900, 207), 2), flag);
        assert!(matches!(loaded(&begin, &at(1020, 510, 12), 2), Some(Flag::Loaded { .. })), "too short to tell");
    }
}
