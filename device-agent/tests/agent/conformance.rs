//! What every runtime does: the checks of [`CHECKS`], run for every name of [`RuntimeName::ALL`].

use std::time::{Duration, Instant};

use edgefit_protocol::{
    error::{ErrorKind, JobError},
    job::{Affinity, InputShape, Inputs, Job, Optimization, Pass, Plan},
    message::Reply,
    report::{EnergyReport, JobReport, PassReport, PeakMethod, Stop},
    runtime::RuntimeName,
    tensor::{ElementType, TensorData},
};

use super::{
    host::{Host, SHORT, is_emulated},
    models,
};

/// One check of a runtime.
type Check = fn(&mut Runner);

/// All checks by name.
#[rustfmt::skip] // a table is read line by line
const CHECKS: &[(&str, Check)] = &[
    ("latency_has_raw_samples", latency_has_raw_samples),
    ("nodes_are_those_that_ran", nodes_are_those_that_ran),
    ("memory_rises_and_is_told_apart", memory_rises_and_is_told_apart),
    ("energy_is_told_or_a_reason", energy_is_told_or_a_reason),
    ("outputs_are_right_for_every_sample", outputs_are_right_for_every_sample),
    ("outputs_are_those_of_tract", outputs_are_those_of_tract),
    ("every_setting_is_taken", every_setting_is_taken),
    ("shapes_are_taken_and_checked", shapes_are_taken_and_checked),
    ("a_broken_model_is_an_error_with_a_kind", a_broken_model_is_an_error_with_a_kind),
    ("a_model_without_end_is_ended", a_model_without_end_is_ended),
    ("many_runs_may_take_longer_than_one", many_runs_may_take_longer_than_one),
    ("a_model_that_eats_all_memory_is_an_error", a_model_that_eats_all_memory_is_an_error),
    ("wrong_samples_are_refused", wrong_samples_are_refused),
];

#[test]
fn every_runtime_but_onnx_runtime_passes() {
    RuntimeName::ALL.into_iter().filter(|runtime| *runtime != RuntimeName::Ort).for_each(check);
}

#[test]
#[ignore = "needs ONNX Runtime's library in ORT_DYLIB_PATH; the test `agent::onnx_runtime_passes` brings it"]
fn onnx_runtime_passes() {
    check(RuntimeName::Ort);
}

fn check(runtime: RuntimeName) {
    for (name, check) in CHECKS {
        eprintln!("{runtime}: {name}");
        check(&mut Runner { host: Host::start(), runtime });
    }
}

struct Runner {
    host: Host,
    runtime: RuntimeName,
}

impl Runner {
    fn run(&mut self, model: &[u8], change: impl FnOnce(&mut Job)) -> Result<(JobReport, Vec<Reply>), JobError> {
        let runtime = self.runtime;
        self.host.run_model(model, |job| {
            job.runtime = runtime;
            change(job);
        })
    }

    /// What a runtime computes for the small network.
    fn network_outputs(&mut self, runtime: RuntimeName) -> TensorData {
        let outputs =
            self.host.run_model(&models::network(None), |job| (job.runtime, job.pass) = (runtime, Pass::Outputs));
        let Some(Reply::Output { tensor, .. }) = outputs.unwrap().1.into_iter().next() else { panic!("no output") };
        tensor
    }

    fn report(&mut self, model: &[u8], pass: Pass) -> JobReport {
        self.run(model, |job| job.pass = pass).unwrap().0
    }

    fn kind(&mut self, model: &[u8], change: impl FnOnce(&mut Job)) -> ErrorKind {
        let runtime = self.runtime;
        let error = self.run(model, change).map(|_| ()).expect_err("this has to fail");
        assert!(!error.message.is_empty());
        self.host.assert_works();
        eprintln!("{runtime}: {}: {error}", error.kind);
        error.kind
    }
}

fn latency_has_raw_samples(runner: &mut Runner) {
    let report = runner.report(&models::network(Some(1)), Pass::Latency(SHORT));
    assert_eq!(report.runtime.name, runner.runtime);
    assert!(report.runtime.version.split('.').count() >= 3);
    assert_eq!((report.inputs[0].name.as_str(), report.inputs[0].shape.as_slice()), ("x", [1, 3, 16, 16].as_slice()));
    assert_eq!((report.outputs[0].name.as_str(), report.outputs[0].shape.as_slice()), ("y", [1, 4].as_slice()));
    assert!(report.load.optimize_ns > 0);
    let PassReport::Latency(latency) = report.pass else { panic!("another pass") };
    assert_eq!((latency.runs, latency.samples_ns.len(), latency.stride), (5, 5, 1));
    assert_eq!(latency.warm_up_ns.len(), 2);
    assert_eq!(latency.stop, Stop::Maximum);
    assert!(latency.samples_ns.iter().all(|ns| *ns > 0));
}

fn nodes_are_those_that_ran(runner: &mut Runner) {
    let report = runner.report(&models::network(Some(1)), Pass::PerOperator(SHORT));
    let PassReport::PerOperator(profile) = report.pass else { panic!("another pass") };
    assert_eq!(profile.runs, 5);
    assert!(profile.mean_run_ns > 0.0);
    assert!(!profile.nodes.is_empty());
    assert!(profile.nodes.iter().all(|node| !node.op.is_empty() && node.calls_per_run == 1.0), "{profile:?}");
    // Names lead back to the model.
    assert!(profile.nodes.iter().any(|node| node.name.contains("c1") || node.name.contains("r1")), "{profile:?}");
}

fn memory_rises_and_is_told_apart(runner: &mut Runner) {
    let report = runner.report(&models::network(Some(1)), Pass::Memory);
    let PassReport::Memory(memory) = report.pass else { panic!("another pass") };
    assert_ne!(memory.method, PeakMethod::Unavailable);
    let peak_kib = memory.peak_kib.unwrap();
    assert!(peak_kib >= memory.after_first_run.total_kib.unwrap().saturating_sub(512), "{memory:?}");
    assert!(memory.before_load.anonymous_kib.unwrap() > 0);
    assert!(memory.retained.total_kib.unwrap() > 0);
}

/// Most machines tell no energy; the pass succeeds all the same, and the model has run.
fn energy_is_told_or_a_reason(runner: &mut Runner) {
    let report = runner.report(&models::network(Some(1)), Pass::Energy(SHORT));
    assert_eq!(report.outputs[0].shape, [1, 4]);
    match report.pass {
        PassReport::Energy(EnergyReport::Measured(energy)) => assert!(energy.joules > 0.0 && energy.runs == 5),
        PassReport::Energy(EnergyReport::Absent { reason }) => assert!(!reason.is_empty()),
        other => panic!("another pass: {other:?}"),
    }
}

fn outputs_are_right_for_every_sample(runner: &mut Runner) {
    let samples: Vec<f32> = (0..12).map(|i| i as f32).collect();
    let bytes: Vec<u8> = samples.iter().flat_map(|x| x.to_le_bytes()).collect();
    let sha256 = runner.host.upload(&bytes);
    let (report, said) = runner
        .run(&models::double(), |job| {
            job.inputs = Inputs::Blob { sha256 };
            job.pass = Pass::Outputs;
        })
        .unwrap();
    assert_eq!(report.pass, PassReport::Outputs { samples: 3 });
    for (index, said) in said.iter().enumerate() {
        let Reply::Output { sample, output, tensor } = said else { panic!("{said:?}") };
        assert_eq!((*sample, *output), (index as u64, 0));
        let expected: Vec<f32> = samples[index * 4..][..4].iter().map(|x| 2.0 * x).collect();
        assert_eq!(tensor.shape, [1, 4]);
        assert_eq!(tensor.to_f32().unwrap(), expected);
    }
    assert_eq!(said.len(), 3);
}

fn outputs_are_those_of_tract(runner: &mut Runner) {
    let own = runner.network_outputs(runner.runtime);
    let tract = runner.network_outputs(RuntimeName::Tract);
    assert_eq!((own.element, own.shape.as_slice()), (ElementType::F32, [1, 4].as_slice()));
    let pairs = own.to_f32().unwrap().into_iter().zip(tract.to_f32().unwrap());
    let apart = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart < 1e-4, "{apart} apart");
}

fn every_setting_is_taken(runner: &mut Runner) {
    for optimization in [Optimization::Disabled, Optimization::Basic, Optimization::Extended, Optimization::All] {
        let ran = runner.run(&models::network(Some(1)), |job| job.settings.optimization = optimization);
        assert!(ran.is_ok(), "{} {optimization:?}: {ran:?}", runner.runtime);
    }
    let (report, _) = runner
        .run(&models::network(Some(1)), |job| {
            job.settings.threads = 2;
            job.settings.affinity = Affinity::Cores(vec![0]);
            job.settings.ort.arena = false;
            job.settings.ort.memory_pattern = false;
            job.settings.ort.spinning = false;
        })
        .unwrap();
    assert_eq!(report.cores, [0]);
}

fn shapes_are_taken_and_checked(runner: &mut Runner) {
    let shape = |shape: &[u64]| vec![InputShape { input: "x".into(), shape: shape.to_vec() }];
    let (report, _) = runner.run(&models::dynamic(), |job| job.shapes = shape(&[1, 7, 2])).unwrap();
    assert_eq!(report.inputs[0].shape, [1, 7, 2]);
    assert_eq!(report.outputs[0].shape, [1, 7, 2]);
    assert_eq!(runner.kind(&models::dynamic(), |_| ()), ErrorKind::DynamicShape);
    assert_eq!(runner.kind(&models::dynamic(), |job| job.shapes = shape(&[1, 7, 3])), ErrorKind::WrongShape);
    let elsewhere = || vec![InputShape { input: "z".into(), shape: vec![1, 4] }];
    assert_eq!(runner.kind(&models::double(), |job| job.shapes = elsewhere()), ErrorKind::WrongShape);
    let (report, _) = runner.run(&models::network(None), |job| job.shapes = shape(&[3, 3, 16, 16])).unwrap();
    assert_eq!(report.outputs[0].shape, [3, 4]);
}

fn a_broken_model_is_an_error_with_a_kind(runner: &mut Runner) {
    let whole = models::network(Some(1));
    let unreadable = |kind| matches!(kind, ErrorKind::ModelUnreadable | ErrorKind::Unsupported);
    assert!(unreadable(runner.kind(&whole[..whole.len() / 2], |_| ())));
    assert_eq!(runner.kind(b"this is no model", |_| ()), ErrorKind::ModelUnreadable);
    assert!(unreadable(runner.kind(&models::wrong_shape(), |_| ())));
    assert_eq!(runner.kind(&models::unknown_operator(), |_| ()), ErrorKind::Unsupported);
    assert_eq!(runner.kind(&models::external_data(), |_| ()), ErrorKind::ModelUnreadable);
}

fn a_model_without_end_is_ended(runner: &mut Runner) {
    let kind = runner.kind(&models::endless(), |job| job.timeout_ns = 500_000_000);
    assert_eq!(kind, ErrorKind::Timeout);
    for pass in [Pass::Latency(SHORT), Pass::PerOperator(SHORT), Pass::Memory, Pass::Outputs] {
        let begun = Instant::now();
        let kind = runner.kind(&models::endless(), |job| (job.pass, job.step_timeout_ns) = (pass, 500_000_000));
        assert_eq!(kind, ErrorKind::Timeout);
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    }
    // tract does not know loops.
    let kind = runner.kind(&models::forever(), |job| job.step_timeout_ns = 500_000_000);
    assert!(matches!(kind, ErrorKind::Timeout | ErrorKind::Unsupported), "{kind}");
}

fn many_runs_may_take_longer_than_one(runner: &mut Runner) {
    // Loading is a step too, which takes an emulator seconds.
    let step_timeout_ns = if is_emulated() { 20_000_000_000 } else { 2_000_000_000 };
    let measuring_ns = step_timeout_ns / 4 * 7;
    let plan = Plan { max_runs: u64::MAX, min_ns: measuring_ns, max_ns: measuring_ns, ..SHORT };
    let ran =
        runner.run(&models::double(), |job| (job.pass, job.step_timeout_ns) = (Pass::Latency(plan), step_timeout_ns));
    let PassReport::Latency(latency) = ran.unwrap().0.pass else { panic!("another pass") };
    assert_eq!(latency.stop, Stop::Maximum);
}

fn a_model_that_eats_all_memory_is_an_error(runner: &mut Runner) {
    assert_eq!(runner.kind(&models::huge(), |_| ()), ErrorKind::OutOfMemory);
    if is_emulated() {
        return;
    }
    let kind = runner.kind(&models::growing(), |job| job.memory_limit_bytes = Some(1 << 30));
    assert!(matches!(kind, ErrorKind::OutOfMemory | ErrorKind::Unsupported), "{kind}");
}

fn wrong_samples_are_refused(runner: &mut Runner) {
    let sha256 = runner.host.upload(&[0; 17]);
    let kind = runner.kind(&models::double(), |job| job.inputs = Inputs::Blob { sha256 });
    assert_eq!(kind, ErrorKind::WrongShape);
}
