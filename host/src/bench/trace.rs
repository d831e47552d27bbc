//! One run as a Chrome trace: the nodes in order, one behind the other, for about:tracing or Perfetto.

use serde_json::{Value, json};

use super::report::Report;

/// The trace, in the JSON array format of the Trace Event Format. Times are the scaled means, in microseconds.
pub fn chrome_trace(report: &Report) -> Value {
    let mut start_us = 0.0;
    let events = report.execution_detail.iter().map(|row| {
        let duration_us = row.avg_ms * 1000.0;
        let event = json!({
            "name": row.name,
            "cat": row.op,
            "ph": "X",
            "ts": start_us,
            "dur": duration_us,
            "pid": 0,
            "tid": 0,
            "args": { "type": row.op, "percent": row.pct },
        });
        start_us += duration_us;
        event
    });
    Value::Array(events.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::fixture;

    #[test]
    fn nodes_follow_each_other() {
        let trace = chrome_trace(&fixture::report());
        assert_eq!(trace[0]["ts"], 0.0);
        assert_eq!(trace[1]["ts"], trace[0]["dur"]);
    }
}
