//! A made-up measurement, for the tests of this folder.

use edgefit_protocol::{
    device::{Core, DeviceDescription},
    environment::Environment,
    job::Settings,
    report::{LoadTimes, MemoryReport, NodeTime, PeakMethod, Resident, Stop},
    runtime::{RuntimeDescription, RuntimeName},
    tensor::{ElementType, TensorInfo},
};

use super::{BenchOptions, ModelFacts, Report, convert};
use crate::device::{DeviceInfo, LatencyRun, Measurement, MemoryReading, OperatorProfile, Provenance};

/// The report of [`measurement`].
pub(super) fn report() -> Report {
    let facts = ModelFacts { params: Some(1000), macs: Some(2000), weight_bytes: Some(4096), ..ModelFacts::default() };
    let options = BenchOptions { processes: Some(2), per_operator: true, ..BenchOptions::new(RuntimeName::Tract) };
    convert::report(&info(), &measurement(), &facts, &options)
}

/// A device of two cores.
pub(super) fn info() -> DeviceInfo {
    let core = |index| Core { index, max_frequency_khz: None, capacity: None, model: None };
    DeviceInfo {
        url: "local".into(),
        agent_version: "0.1.0".into(),
        description: DeviceDescription {
            id: "0123456789ab".into(),
            host_name: None,
            arch: "x86_64".into(),
            os: "linux".into(),
            os_version: None,
            kernel: None,
            abi: "gnu".into(),
            board: None,
            soc: None,
            cores: vec![core(0), core(1)],
            page_size_bytes: 4096,
            ram_kib: None,
            runtimes: vec![RuntimeName::Tract],
            emulator: None,
        },
    }
}

/// Two processes of ten runs, medians 1.0 and 1.1 ms, and two nodes that take 0.4 ms of profiled time.
pub(super) fn measurement() -> Measurement {
    Measurement {
        provenance: provenance(),
        inputs: vec![TensorInfo { name: "x".into(), element: ElementType::F32, shape: vec![1, 4] }],
        outputs: Vec::new(),
        latency: vec![run(1_000_000), run(1_100_000)],
        slowdown: None,
        set_aside: Vec::new(),
        operators: Some(OperatorProfile {
            runs: 5,
            mean_run_ns: 500_000.0,
            nodes: vec![node("a", "Conv", 300_000.0), node("b", "Relu", 100_000.0)],
        }),
        memory: Some(MemoryReading {
            report: MemoryReport {
                before_load: resident(1000),
                after_load: resident(1500),
                after_first_run: resident(1700),
                retained: resident(1100),
                peak_kib: Some(1800),
                method: PeakMethod::ResetHighWaterMark,
            },
            others: Vec::new(),
        }),
        energy: None,
    }
}

fn provenance() -> Provenance {
    Provenance {
        device_id: "0123456789ab".into(),
        device_url: "local".into(),
        runtime: RuntimeDescription { name: RuntimeName::Tract, version: "0.23.9".into(), build: None, library: None },
        settings: Settings::default(),
        shapes: Vec::new(),
        cores: vec![0, 1],
        agent_version: "0.1.0".into(),
        model_sha256: "00".repeat(32),
        model_bytes: 123,
        seed: 0,
        emulator: None,
    }
}

fn run(sample_ns: u64) -> LatencyRun {
    LatencyRun {
        samples_ns: vec![sample_ns; 10],
        stride: 1,
        runs: 10,
        stop: Stop::Minimum,
        first_inference_ns: 2 * sample_ns,
        warm_up_ns: vec![sample_ns, 3 * sample_ns],
        reference_ns: Vec::new(),
        reference_at_runs: Vec::new(),
        disturbed_ns: Vec::new(),
        load: LoadTimes { runtime_ns: 0, parse_ns: Some(1_000_000), optimize_ns: 2_000_000 },
        before: Environment::default(),
        after: Environment::default(),
    }
}

fn node(name: &str, op: &str, mean_ns: f64) -> NodeTime {
    NodeTime { name: name.into(), op: op.into(), mean_ns, calls_per_run: 1.0, output_shape: None }
}

fn resident(kib: u64) -> Resident {
    Resident { total_kib: Some(kib), anonymous_kib: Some(kib / 2), file_kib: Some(kib / 2) }
}
