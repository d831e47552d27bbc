//! From a measurement to the report.

use std::{collections::BTreeMap, slice};

use edgefit_protocol::{
    job::{Optimization, Plan},
    report::PeakMethod,
    runtime::RuntimeName,
    tensor::TensorInfo,
};

use super::{
    BenchOptions, ModelFacts, energy,
    report::{
        CoreSection, DeviceSection, EnvironmentSection, ErrorSection, LatencyMetrics, MemoryMetrics, ModelSection,
        OperatorRow, Report, RuntimeSection, SCHEMA, SettingsSection, StaticEstimate, TensorSection, TypeRow, Validity,
    },
    series,
};
use crate::device::{
    DeviceInfo, LatencyRun, Measurement, MemoryReading, Provenance,
    statistics::{Summary, median},
    validity,
};

/// The report of a measurement.
pub(super) fn report(
    info: &DeviceInfo,
    measurement: &Measurement,
    facts: &ModelFacts,
    options: &BenchOptions,
) -> Report {
    let summary = measurement.summary();
    let execution_detail = operators(measurement);
    let (energy_metrics, energy_absent_reason) = energy::sections(measurement.energy.as_ref());
    Report {
        model: Some(model(measurement, facts)),
        runtime: Some(runtime(&measurement.provenance)),
        latency_metrics: Some(latency(measurement, &summary)),
        all_inference_times_ns: measurement.all_samples_ns(),
        warm_up_times_ns: warm_up_ns(measurement),
        memory_metrics: measurement.memory.as_ref().map(|memory| self::memory(memory, facts)),
        energy_metrics,
        energy_absent_reason,
        op_summary: by_type(&execution_detail),
        execution_detail,
        minutes: measurement.latency.first().map(series::minutes).unwrap_or_default(),
        environment: environment(measurement),
        validity: self::validity(info, measurement, &summary, &options.plan()),
        ..empty(info, options)
    }
}

impl Report {
    /// The report of a measurement that failed. `info` is `None` where the device was never reached.
    pub fn failed(info: Option<&DeviceInfo>, error: ErrorSection, options: &BenchOptions) -> Self {
        Self { error: Some(error), device: info.map(device), ..blank(options) }
    }
}

/// What is known before anything is measured.
fn empty(info: &DeviceInfo, options: &BenchOptions) -> Report {
    Report { device: Some(device(info)), ..blank(options) }
}

fn blank(options: &BenchOptions) -> Report {
    Report {
        schema: SCHEMA.to_owned(),
        model: None,
        device: None,
        runtime: None,
        settings: settings(options),
        latency_metrics: None,
        all_inference_times_ns: Vec::new(),
        warm_up_times_ns: Vec::new(),
        memory_metrics: None,
        energy_metrics: None,
        energy_absent_reason: None,
        execution_detail: Vec::new(),
        op_summary: Vec::new(),
        minutes: Vec::new(),
        environment: None,
        validity: Validity { ok: false, flags: Vec::new(), operator_scale: None },
        error: None,
    }
}

fn model(measurement: &Measurement, facts: &ModelFacts) -> ModelSection {
    ModelSection {
        sha256: measurement.provenance.model_sha256.clone(),
        size_bytes: measurement.provenance.model_bytes,
        opset: facts.opset,
        params: facts.params,
        macs: facts.macs,
        inputs: measurement.inputs.iter().map(tensor).collect(),
        outputs: measurement.outputs.iter().map(tensor).collect(),
    }
}

fn tensor(info: &TensorInfo) -> TensorSection {
    TensorSection {
        name: info.name.clone(),
        element: format!("{:?}", info.element).to_lowercase(),
        shape: info.shape.clone(),
    }
}

pub(super) fn device(info: &DeviceInfo) -> DeviceSection {
    let description = &info.description;
    let os = description
        .os_version
        .as_ref()
        .map_or_else(|| description.os.clone(), |version| format!("{} ({version})", description.os));
    DeviceSection {
        id: description.id.clone(),
        url: info.url.clone(),
        soc: description.soc.clone(),
        board: description.board.clone(),
        os,
        kernel: description.kernel.clone(),
        abi: format!("{}-{}", description.arch, description.abi),
        cores: description.cores.iter().map(core).collect(),
        ram_kb: description.ram_kib,
        page_size: description.page_size_bytes,
        emulator: description.emulator.clone(),
    }
}

fn core(core: &edgefit_protocol::device::Core) -> CoreSection {
    CoreSection {
        index: core.index,
        model: core.model.clone(),
        max_frequency_khz: core.max_frequency_khz,
        capacity: core.capacity,
    }
}

pub(super) fn runtime(provenance: &Provenance) -> RuntimeSection {
    let settings = &provenance.settings;
    let only_ort = |value| (provenance.runtime.name == RuntimeName::Ort).then_some(value);
    RuntimeSection {
        name: provenance.runtime.name.name().to_owned(),
        version: provenance.runtime.version.clone(),
        build: provenance.runtime.build.clone(),
        library: provenance.runtime.library.clone(),
        num_threads: settings.threads,
        cores: provenance.cores.clone(),
        optimization: optimization(settings.optimization).to_owned(),
        spinning: only_ort(settings.ort.spinning),
        arena: only_ort(settings.ort.arena),
        memory_pattern: only_ort(settings.ort.memory_pattern),
        agent_version: provenance.agent_version.clone(),
    }
}

fn optimization(level: Optimization) -> &'static str {
    match level {
        Optimization::Disabled => "disabled",
        Optimization::Basic => "basic",
        Optimization::Extended => "extended",
        Optimization::All => "all",
    }
}

pub(super) fn settings(options: &BenchOptions) -> SettingsSection {
    let Plan { min_runs, min_ns, max_ns, warm_up_runs, warm_up_ns, interval_share, .. } = options.plan();
    let secs = |ns: u64| ns as f64 / 1e9;
    SettingsSection {
        preset: options.preset.to_string(),
        processes: options.processes(),
        min_runs,
        min_secs: secs(min_ns),
        max_secs: secs(max_ns),
        warm_up_runs,
        warm_up_secs: secs(warm_up_ns),
        interval_share,
        timeout_secs: secs(options.step_timeout_ns),
        affinity: options.settings.affinity.to_string(),
        seed: options.seed,
    }
}

fn latency(measurement: &Measurement, summary: &Summary) -> LatencyMetrics {
    let ms = |ns: f64| ns / 1e6;
    let runs = &measurement.latency;
    let known =
        |value: fn(&LatencyRun) -> Option<u64>| median(&runs.iter().filter_map(value).collect::<Vec<u64>>()).map(ms);
    let of_runs = |value: fn(&LatencyRun) -> Option<u64>| known(value).unwrap_or_default();
    LatencyMetrics {
        runs: runs.iter().map(|run| run.runs).sum(),
        avg_ms: ms(summary.mean),
        min_ms: ms(summary.min),
        max_ms: ms(summary.max),
        stddev_ms: ms(summary.standard_deviation),
        median_ms: ms(summary.median),
        p5_ms: ms(summary.p5),
        p25_ms: ms(summary.p25),
        p75_ms: ms(summary.p75),
        p90_ms: ms(summary.p90),
        p95_ms: ms(summary.p95),
        p99_ms: ms(summary.p99),
        mad_ms: ms(summary.median_absolute_deviation),
        cv: summary.variation,
        median_ci95_ms: summary.median_interval.map(ms),
        outliers: [summary.low_outliers, summary.high_outliers],
        init_ms: of_runs(|run| Some(run.load.parse_ns.unwrap_or(0) + run.load.optimize_ns)),
        load_ms: known(|run| run.load.parse_ns),
        optimization_ms: of_runs(|run| Some(run.load.optimize_ns)),
        first_inference_ms: of_runs(|run| Some(run.first_inference_ns)),
        average_warm_up_ms: average_warm_up_ms(measurement),
        between_process_cv: summary.between_processes,
    }
}

fn warm_up_ns(measurement: &Measurement) -> Vec<u64> {
    let of_process = |run: &LatencyRun| [slice::from_ref(&run.first_inference_ns), run.warm_up_ns.as_slice()].concat();
    measurement.latency.iter().flat_map(of_process).collect()
}

fn average_warm_up_ms(measurement: &Measurement) -> Option<f64> {
    let warm_up = measurement.latency.iter().flat_map(|run| &run.warm_up_ns);
    let (count, total_ns) = warm_up.fold((0_u64, 0.0), |(count, total), ns| (count + 1, total + *ns as f64));
    (count > 0).then(|| total_ns / count as f64 / 1e6)
}

fn memory(memory: &MemoryReading, facts: &ModelFacts) -> MemoryMetrics {
    let report = &memory.report;
    let over_before = |kib: Option<u64>| Some(kib?.saturating_sub(report.before_load.total_kib?));
    let kib = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64 / 1024.0);
    MemoryMetrics {
        peak_rss_kb: report.peak_kib,
        peak_rss_range_kb: memory.peak_range_kib(),
        processes: memory.processes(),
        rss_anon_kb: report.after_first_run.anonymous_kib,
        rss_file_kb: report.after_first_run.file_kib,
        before_load_kb: report.before_load.total_kib,
        init_footprint_kb: over_before(report.after_load.total_kib),
        after_first_run_kb: report.after_first_run.total_kib,
        retained_kb: over_before(report.retained.total_kib),
        static_estimate: StaticEstimate {
            weights_kb: kib(facts.weight_bytes),
            activations_peak_kb: kib(facts.activation_peak_bytes),
        },
        method: method(report.method).to_owned(),
    }
}

fn method(method: PeakMethod) -> &'static str {
    match method {
        PeakMethod::ResetHighWaterMark => "VmHWM after clear_refs",
        PeakMethod::HighWaterMark => "VmHWM of the process",
        PeakMethod::Unavailable => "unavailable",
    }
}

fn operators(measurement: &Measurement) -> Vec<OperatorRow> {
    let nodes = measurement.scaled_nodes();
    let total_ns: f64 = nodes.iter().map(|(_, ns)| ns).sum();
    let mut sum_ns = 0.0;
    let rows = nodes.into_iter().enumerate().map(|(index, (node, ns))| {
        sum_ns += ns;
        OperatorRow {
            index,
            name: node.name.clone(),
            op: node.op.clone(),
            avg_ms: ns / 1e6,
            pct: percent(ns, total_ns),
            cdf_pct: percent(sum_ns, total_ns),
            times_called: node.calls_per_run,
        }
    });
    rows.collect()
}

fn percent(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { 100.0 * part / whole } else { 0.0 }
}

fn by_type(rows: &[OperatorRow]) -> Vec<TypeRow> {
    let mut types: BTreeMap<&str, TypeRow> = BTreeMap::new();
    for row in rows {
        let of_type =
            types.entry(&row.op).or_insert_with(|| TypeRow { op: row.op.clone(), count: 0, avg_ms: 0.0, pct: 0.0 });
        of_type.count += 1;
        of_type.avg_ms += row.avg_ms;
        of_type.pct += row.pct;
    }
    let mut types: Vec<TypeRow> = types.into_values().collect();
    types.sort_by(|a, b| b.avg_ms.total_cmp(&a.avg_ms));
    types
}

fn environment(measurement: &Measurement) -> Option<EnvironmentSection> {
    let (first, last) = (measurement.latency.first()?, measurement.latency.last()?);
    Some(EnvironmentSection { before: first.before.clone(), after: last.after.clone() })
}

fn validity(info: &DeviceInfo, measurement: &Measurement, summary: &Summary, plan: &Plan) -> Validity {
    let mut flags = validity::flags(measurement, info.description.cores.len());
    flags.extend(validity::ended_early(measurement, plan));
    let scale = measurement.operators.as_ref().map(|profile| profile.scale(summary.median));
    Validity { ok: flags.is_empty(), flags, operator_scale: scale }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::fixture;
    use crate::device::DeviceError;
    use edgefit_protocol::error::{ErrorKind, JobError};
    use edgefit_protocol::report::Stop;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }

    #[test]
    fn a_series_that_ended_before_it_had_its_runs_is_flagged() {
        let mut measurement = fixture::measurement();
        let early = |measurement: &Measurement, change: fn(&mut Plan)| {
            let mut plan = Plan { min_runs: 5, ..Plan::QUICK };
            change(&mut plan);
            validity::ended_early(measurement, &plan)
        };
        assert_eq!(early(&measurement, |plan| plan.min_runs = 1000), None, "it was not the maximum that ended it");
        measurement.latency[0].stop = Stop::Maximum;
        let runs = measurement.latency[0].runs;
        assert_eq!(early(&measurement, |_| ()), None);
        assert_eq!(early(&measurement, |plan| plan.min_runs = 1000), Some(validity::Flag::EndedEarly { runs }));
        assert!(early(&measurement, |plan| plan.interval_share = Some(0.01)).is_some());
    }

    #[test]
    fn nodes_sum_to_the_unprofiled_median() {
        let report = fixture::report();
        let latency = report.latency_metrics.as_ref().unwrap();
        close(latency.median_ms, 1.05);
        let sum_ms: f64 = report.execution_detail.iter().map(|row| row.avg_ms).sum();
        close(sum_ms, latency.median_ms);
        close(report.validity.operator_scale.unwrap(), 1.05 / 0.4);
        close(report.execution_detail[0].pct, 75.0);
        close(report.execution_detail[1].cdf_pct, 100.0);
        assert_eq!(report.op_summary[0].op, "Conv");
    }

    #[test]
    fn start_and_memory_are_apart_from_the_latency() {
        let report = fixture::report();
        let of_each = [2_000_000, 1_000_000, 3_000_000, 2_200_000, 1_100_000, 3_300_000];
        assert_eq!(report.warm_up_times_ns, of_each, "the first run of a process, then its warm-up");
        let latency = report.latency_metrics.unwrap();
        close(latency.init_ms, 3.0);
        close(latency.load_ms.unwrap(), 1.0);
        close(latency.optimization_ms, 2.0);
        close(latency.first_inference_ms, 2.1);
        close(latency.average_warm_up_ms.unwrap(), 2.1);
        let memory = report.memory_metrics.unwrap();
        assert_eq!(memory.peak_rss_kb, Some(1800));
        assert_eq!((memory.init_footprint_kb, memory.retained_kb), (Some(500), Some(100)));
        assert_eq!(memory.static_estimate.weights_kb, Some(4.0));
    }

    #[test]
    fn processes_that_disagree_are_a_flag() {
        let report = fixture::report();
        assert!(!report.validity.ok);
        assert!(matches!(report.validity.flags.as_slice(), [validity::Flag::ProcessesDisagree { .. }]));
    }

    #[test]
    fn the_schema_has_the_names_that_people_know() {
        let json = serde_json::to_value(fixture::report()).unwrap();
        assert_eq!(json["schema"], "edgefit-bench/1");
        let sections = [
            ("/model", "sha256 size_bytes opset params macs inputs"),
            ("/device", "id soc board os kernel abi cores ram_kb page_size"),
            ("/runtime", "name version num_threads optimization spinning arena memory_pattern agent_version"),
            (
                "/latency_metrics",
                "avg_ms min_ms max_ms stddev_ms median_ms p5_ms p25_ms p75_ms p90_ms p95_ms p99_ms mad_ms cv median_ci95_ms \
                 outliers init_ms load_ms optimization_ms first_inference_ms average_warm_up_ms between_process_cv",
            ),
            (
                "/memory_metrics",
                "peak_rss_kb rss_anon_kb rss_file_kb init_footprint_kb retained_kb static_estimate method",
            ),
            ("/memory_metrics/static_estimate", "weights_kb activations_peak_kb"),
            ("/execution_detail/0", "index name type avg_ms pct cdf_pct times_called"),
            ("/op_summary/0", "type count avg_ms pct"),
            ("/environment", "before after"),
            ("/validity", "ok flags operator_scale"),
            ("", "settings all_inference_times_ns warm_up_times_ns error"),
        ];
        for (section, names) in sections {
            for name in names.split_whitespace() {
                let path = format!("{section}/{name}");
                assert!(json.pointer(&path).is_some(), "{path}");
            }
        }
        let error = ErrorSection::from(&JobError::new(ErrorKind::Crashed, "it crashed"));
        let error = serde_json::to_value(error).unwrap();
        assert!(["kind", "message", "signal", "node"].iter().all(|name| error.get(name).is_some()), "{error}");
        let back: Report = serde_json::from_value(json).unwrap();
        assert_eq!(back, fixture::report());
    }

    #[test]
    fn a_failure_that_the_device_tells_is_a_report() {
        let cause = JobError::new(ErrorKind::Crashed, "it crashed").with_signal(Some(11));
        let error = DeviceError::Job { device: "local".into(), cause };
        let options = BenchOptions::new(RuntimeName::Ort);
        let report = Report::failed(Some(&fixture::info()), ErrorSection::from(&error), &options);
        let section = report.error.unwrap();
        assert_eq!((section.kind.as_str(), section.signal), ("crashed", Some(11)));
        assert!(!report.validity.ok);
        assert_eq!(report.device.unwrap().url, "local");
    }
}
