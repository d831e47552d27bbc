//! The report for people. Every number names its statistic and its unit.

use std::fmt::{self, Write};

use super::energy;
use super::report::{
    DeviceSection, LatencyMetrics, MemoryMetrics, ModelSection, OperatorRow, Report, RuntimeSection, StaticEstimate,
    TypeRow,
};

/// Nodes and types that are shown at most; the JSON has all.
const MAX_ROWS: usize = 40;

/// The report as lines of text.
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    write_report(&mut text, report).expect("writing into a string does not fail");
    text
}

fn write_report(text: &mut String, report: &Report) -> fmt::Result {
    if let Some(device) = &report.device {
        write_device(text, device)?;
    }
    if let Some(runtime) = &report.runtime {
        write_runtime(text, runtime)?;
    }
    if let Some(model) = &report.model {
        write_model(text, model)?;
    }
    if let Some(latency) = &report.latency_metrics {
        write_latency(text, latency, report.settings.processes)?;
    }
    if let Some(memory) = &report.memory_metrics {
        write_memory(text, memory)?;
    }
    energy::write(text, report)?;
    for row in &report.minutes {
        writeln!(
            text,
            "minute {:>2} median {:.3} ms, {:.1} % of the first minute's speed",
            row.minute,
            row.median_ms,
            row.speed_kept * 100.0
        )?;
    }
    write_operators(text, report)?;
    for flag in &report.validity.flags {
        writeln!(text, "warning   {flag}")?;
    }
    if let Some(error) = &report.error {
        writeln!(text, "error     {}: {}", error.kind, error.message)?;
    }
    Ok(())
}

pub(super) fn write_device(text: &mut String, device: &DeviceSection) -> fmt::Result {
    let model = || device.cores.first().and_then(|core| core.model.as_deref());
    let machine = device.board.as_deref().or(device.soc.as_deref()).or_else(model).unwrap_or(&device.abi);
    writeln!(text, "device    {} ({machine}, {} cores), {}", device.url, device.cores.len(), device.os)
}

pub(super) fn write_runtime(text: &mut String, runtime: &RuntimeSection) -> fmt::Result {
    let threads = if runtime.num_threads == 1 { "thread" } else { "threads" };
    writeln!(
        text,
        "runtime   {} {}, {} {threads} on cores {:?}, optimization {}",
        runtime.name, runtime.version, runtime.num_threads, runtime.cores, runtime.optimization
    )
}

fn write_model(text: &mut String, model: &ModelSection) -> fmt::Result {
    write!(text, "model     {:.12}, {} bytes", model.sha256, model.size_bytes)?;
    if let (Some(params), Some(macs)) = (model.params, model.macs) {
        write!(text, ", {params} parameters, {macs} MACs")?;
    }
    for input in &model.inputs {
        write!(text, ", {} {} {:?}", input.name, input.element, input.shape)?;
    }
    writeln!(text)
}

fn write_latency(text: &mut String, latency: &LatencyMetrics, processes: u32) -> fmt::Result {
    let [low, high] = latency.median_ci95_ms;
    writeln!(text, "latency   median {:.4} ms (95 % interval {low:.4} to {high:.4})", latency.median_ms)?;
    writeln!(
        text,
        "          mean {:.4}, sd {:.4}, min {:.4}, p90 {:.4}, p99 {:.4}, max {:.4} ms",
        latency.avg_ms, latency.stddev_ms, latency.min_ms, latency.p90_ms, latency.p99_ms, latency.max_ms
    )?;
    let fresh = if processes == 1 { "process" } else { "processes" };
    write!(text, "          {} runs in {processes} {fresh}", latency.runs)?;
    if let Some(variation) = latency.between_process_cv {
        write!(text, ", whose medians vary by {:.1} %", variation * 100.0)?;
    }
    writeln!(text)?;
    writeln!(text, "start     load {:.2} ms, first run {:.4} ms", latency.init_ms, latency.first_inference_ms)
}

fn write_memory(text: &mut String, memory: &MemoryMetrics) -> fmt::Result {
    let kib = |value: Option<u64>| value.map_or_else(|| "unknown".to_owned(), |kib| format!("{kib} KiB"));
    let range = memory
        .peak_rss_range_kb
        .filter(|_| memory.processes > 1)
        .map(|[least, greatest]| format!(", median of {} processes with {least} to {greatest} KiB", memory.processes));
    writeln!(
        text,
        "memory    peak {} ({}{}), before loading {}, loading adds {}, kept after {}",
        kib(memory.peak_rss_kb),
        memory.method,
        range.unwrap_or_default(),
        kib(memory.before_load_kb),
        kib(memory.init_footprint_kb),
        kib(memory.retained_kb)
    )?;
    writeln!(
        text,
        "          after the first run anonymous {}, file-backed {}",
        kib(memory.rss_anon_kb),
        kib(memory.rss_file_kb)
    )?;
    let StaticEstimate { weights_kb, activations_peak_kb } = memory.static_estimate;
    if let (Some(weights), Some(activations)) = (weights_kb, activations_peak_kb) {
        writeln!(text, "          computed weights {weights:.0} KiB, activations at most {activations:.0} KiB")?;
    }
    Ok(())
}

fn write_operators(text: &mut String, report: &Report) -> fmt::Result {
    let Some(scale) = report.validity.operator_scale else {
        return Ok(());
    };
    writeln!(text, "\nnodes, times multiplied by {scale:.3} so that they sum to the median")?;
    writeln!(text, "{:>9} {:>6} {:>6}  {:<24} name", "mean ms", "%", "sum %", "type")?;
    report.execution_detail.iter().take(MAX_ROWS).try_for_each(|row| write_node(text, row))?;
    writeln!(text, "\n{:>9} {:>6} {:>6}  type", "mean ms", "%", "nodes")?;
    report.op_summary.iter().take(MAX_ROWS).try_for_each(|row| write_type(text, row))
}

fn write_node(text: &mut String, row: &OperatorRow) -> fmt::Result {
    writeln!(text, "{:>9.4} {:>6.2} {:>6.2}  {:<24} {}", row.avg_ms, row.pct, row.cdf_pct, row.op, row.name)
}

fn write_type(text: &mut String, row: &TypeRow) -> fmt::Result {
    writeln!(text, "{:>9.4} {:>6.2} {:>6}  {}", row.avg_ms, row.pct, row.count, row.op)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::fixture;

    #[test]
    fn every_number_names_its_statistic() {
        let text = render(&fixture::report());
        for part in [
            "median 1.0500 ms (95 % interval",
            "p90",
            "20 runs in 2 processes",
            "peak 1800 KiB (VmHWM after clear_refs)",
            "times multiplied by 2.625",
            "warning   the processes disagree",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}
