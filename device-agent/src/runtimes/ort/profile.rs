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
use serde_json::Value;

use crate::runtimes::quiet::quiet_runs;

const CALL: &str = "_kernel_time";
const RUN: &str = "model_run";

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    name: String,
    #[serde(default)]
    dur: u64,
    #[serde(default)]
    args: Arguments,
}

#[derive(Default, Deserialize)]
struct Arguments {
    op_name: Option<String>,
    output_type_shape: Option<Value>,
}

/// Means over the quiet ones of the runs behind the first `skipped_runs`, in the order of the first call.
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
    let runs: Vec<ProfiledRun> = runs(events).into_iter().skip(skipped_runs).collect();
    let durations: Vec<u64> = runs.iter().map(|run| run.duration_us).collect();
    let quiet = quiet_runs(&durations);
    let mut totals: BTreeMap<String, NodeTotal> = BTreeMap::new();
    let calls = quiet.iter().flat_map(|index| &runs[*index].calls);
    calls.enumerate().for_each(|(index, event)| count_call(&mut totals, index, event));
    let mut order: Vec<NodeTotal> = totals.into_values().collect();
    order.sort_by_key(|total| total.first_call);
    order.into_iter().map(|total| total.mean(quiet.len())).collect()
}

/// One run of the model.
#[derive(Default)]
struct ProfiledRun {
    duration_us: u64,
    calls: Vec<Event>,
}

/// The runs that came to their ends. Events are in the order of their ends: a run's nodes in the order of their calls, then the
/// run itself.
fn runs(events: Vec<Event>) -> Vec<ProfiledRun> {
    let mut runs = Vec::new();
    let mut run = ProfiledRun::default();
    for event in events {
        if event.name == RUN {
            run.duration_us = event.dur;
            runs.push(std::mem::take(&mut run));
        } else if event.name.ends_with(CALL) {
            run.calls.push(event);
        }
    }
    runs
}

struct NodeTotal {
    name: String,
    op: String,
    output_shape: Option<Vec<u64>>,
    first_call: usize,
    calls: u64,
    total_us: u64,
}

impl NodeTotal {
    fn mean(self, runs: usize) -> NodeTime {
        NodeTime {
            name: self.name,
            op: self.op,
            mean_ns: self.total_us as f64 * 1000.0 / self.calls as f64,
            calls_per_run: self.calls as f64 / runs as f64,
            output_shape: self.output_shape,
        }
    }
}

fn count_call(totals: &mut BTreeMap<String, NodeTotal>, index: usize, event: &Event) {
    let name = event.name.strip_suffix(CALL).unwrap_or(&event.name);
    let total = totals.entry(name.to_owned()).or_insert_with(|| NodeTotal {
        name: name.to_owned(),
        op: event.args.op_name.clone().unwrap_or_default(),
        output_shape: event.args.output_type_shape.as_ref().and_then(first_shape),
        first_call: index,
        calls: 0,
        total_us: 0,
    });
    total.calls += 1;
    total.total_us += event.dur;
}

/// The shape out of `[{"float": [1, 4]}, ...]`.
fn first_shape(shapes: &Value) -> Option<Vec<u64>> {
    let shape = shapes.get(0)?.as_object()?.values().next()?;
    shape.as_array()?.iter().map(Value::as_u64).collect()
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
        {"cat": "Node", "name": "b_kernel_time", "ts": 301, "dur": 9, "args": {"op_name": "Relu"}},
        {"cat": "Node", "name": "a_kernel_time", "ts": 311, "dur": 900, "args": {"op_name": "Conv"}},
        {"cat": "Session", "name": "model_run", "ts": 300, "dur": 930, "args": {}}
    ]"#;

    #[test]
    fn warm_up_is_left_out_and_the_order_is_that_of_the_calls() {
        let nodes = means(serde_json::from_str(PROFILE).unwrap(), 1);
        let seen: Vec<_> =
            nodes.iter().map(|node| (node.name.as_str(), node.op.as_str(), node.mean_ns, node.calls_per_run)).collect();
        assert_eq!(
            seen,
            [("b", "Relu", 8000.0, 1.0), ("a", "Conv", 20_000.0, 1.0)],
            "the disturbed run does not count"
        );
        assert_eq!(nodes[0].output_shape.as_deref(), Some([1, 4].as_slice()));
    }

    #[test]
    fn a_profile_without_measured_runs_is_empty() {
        assert!(means(serde_json::from_str(PROFILE).unwrap(), 3).is_empty());
    }
}
