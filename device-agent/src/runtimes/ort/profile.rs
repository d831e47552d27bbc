//! Node times out of the profile that ONNX Runtime writes: a JSON array of Chrome trace events.
//!
//! Its events of category `Node` whose names end in `_kernel_time` are the calls of the nodes,
//! with durations in whole microseconds.

use std::{collections::BTreeMap, fs::File, io::BufReader, path::Path};

use edgefit_protocol::{
    error::{ErrorKind, JobError},
    report::NodeTime,
};
use serde::Deserialize;

const CALL: &str = "_kernel_time";
const RUN: &str = "model_run";

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    name: String,
    #[serde(default)]
    ts: u64,
    #[serde(default)]
    dur: u64,
    #[serde(default)]
    args: Arguments,
}

#[derive(Default, Deserialize)]
struct Arguments {
    op_name: Option<String>,
    output_type_shape: Option<Vec<BTreeMap<String, Vec<i64>>>>,
}

/// Means over the runs behind the first `skipped_runs`, in the order of the first call.
pub(super) fn read(path: &Path, skipped_runs: usize) -> Result<Vec<NodeTime>, JobError> {
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let events: Vec<Event> = serde_json::from_reader(BufReader::new(file)).map_err(|error| unreadable(&error))?;
    Ok(means(events, skipped_runs))
}

fn unreadable(error: &dyn std::fmt::Display) -> JobError {
    let message = format!("ONNX Runtime's profile cannot be read: {error}");
    JobError::new(ErrorKind::RunFailed, message)
}

fn means(events: Vec<Event>, skipped_runs: usize) -> Vec<NodeTime> {
    let runs: Vec<u64> = starts_of_runs(&events);
    let Some(from) = runs.get(skipped_runs) else {
        return Vec::new();
    };
    let count = (runs.len() - skipped_runs) as f64;
    let mut order: Vec<(u64, NodeTotal)> =
        totals(events, *from).into_values().map(|total| (total.first_call, total)).collect();
    order.sort_by_key(|(first_call, _)| *first_call);
    order.into_iter().map(|(_, total)| total.mean(count)).collect()
}

/// Times at which the runs start, in order.
fn starts_of_runs(events: &[Event]) -> Vec<u64> {
    let mut starts: Vec<u64> = events.iter().filter(|event| event.name == RUN).map(|event| event.ts).collect();
    starts.sort_unstable();
    starts
}

struct NodeTotal {
    name: String,
    op: String,
    output_shape: Option<Vec<u64>>,
    first_call: u64,
    calls: u64,
    total_us: u64,
}

impl NodeTotal {
    fn mean(self, runs: f64) -> NodeTime {
        NodeTime {
            name: self.name,
            op: self.op,
            mean_ns: self.total_us as f64 * 1000.0 / self.calls as f64,
            calls_per_run: self.calls as f64 / runs,
            output_shape: self.output_shape,
        }
    }
}

/// Totals by node name. Events are in the order of their end, which is that of their calls.
fn totals(events: Vec<Event>, from: u64) -> BTreeMap<String, NodeTotal> {
    let mut totals = BTreeMap::new();
    for (index, event) in (0..).zip(events) {
        let Some(name) = event.name.strip_suffix(CALL) else {
            continue;
        };
        if event.ts < from {
            continue;
        }
        let total = totals.entry(name.to_owned()).or_insert_with(|| NodeTotal {
            name: name.to_owned(),
            op: event.args.op_name.unwrap_or_default(),
            output_shape: event.args.output_type_shape.and_then(first_shape),
            first_call: index,
            calls: 0,
            total_us: 0,
        });
        total.calls += 1;
        total.total_us += event.dur;
    }
    totals
}

fn first_shape(shapes: Vec<BTreeMap<String, Vec<i64>>>) -> Option<Vec<u64>> {
    let shape = shapes.into_iter().next()?.into_values().next()?;
    shape.into_iter().map(|size| size.try_into().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = r#"[
        {"cat": "Session", "name": "session_initialization", "ts": 1, "dur": 900, "args": {}},
        {"cat": "Node", "name": "a_kernel_time", "ts": 11, "dur": 100, "args": {"op_name": "Conv"}},
        {"cat": "Session", "name": "model_run", "ts": 10, "dur": 120, "args": {}},
        {"cat": "Node", "name": "b_kernel_time", "ts": 201, "dur": 8, "args": {"op_name": "Relu", "output_type_shape": [{"float": [1, 4]}]}},
        {"cat": "Node", "name": "a_kernel_time", "ts": 211, "dur": 20, "args": {"op_name": "Conv"}},
        {"cat": "Session", "name": "model_run", "ts": 200, "dur": 40, "args": {}},
        {"cat": "Node", "name": "b_kernel_time", "ts": 301, "dur": 4, "args": {"op_name": "Relu"}},
        {"cat": "Node", "name": "a_kernel_time", "ts": 311, "dur": 10, "args": {"op_name": "Conv"}},
        {"cat": "Session", "name": "model_run", "ts": 300, "dur": 30, "args": {}}
    ]"#;

    #[test]
    fn warm_up_is_left_out_and_the_order_is_that_of_the_calls() {
        let nodes = means(serde_json::from_str(PROFILE).unwrap(), 1);
        let seen: Vec<_> =
            nodes.iter().map(|node| (node.name.as_str(), node.op.as_str(), node.mean_ns, node.calls_per_run)).collect();
        assert_eq!(seen, [("b", "Relu", 6000.0, 1.0), ("a", "Conv", 15_000.0, 1.0)]);
        assert_eq!(nodes[0].output_shape.as_deref(), Some([1, 4].as_slice()));
    }

    #[test]
    fn a_profile_without_measured_runs_is_empty() {
        assert!(means(serde_json::from_str(PROFILE).unwrap(), 3).is_empty());
    }
}
