//! Energy in the report: how long it is measured, what is told of it, and why there is none.
//!
//! It is gross: what the device draws when idle is not known and not subtracted, so that models are to be compared on one device
//! and by one method only.

use std::fmt::{self, Write};

use edgefit_protocol::{
    job::Plan,
    report::{Energy, EnergyMethod, EnergyReport},
};
use serde::{Deserialize, Serialize};

use super::{PlanLimits, Report};

/// Least time of an energy pass, in nanoseconds: power is read ten times a second, and batteries bring a new value every few
/// seconds only.
const MIN_NS: u64 = 10_000_000_000;

/// Energy of whole runs, gross: idle is not subtracted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnergyMetrics {
    /// Energy of one run, in millijoules.
    pub energy_mj_per_inference: f64,
    /// Mean power while the model ran, in watts.
    pub average_power_w: f64,
    /// Where the numbers come from.
    pub method: String,
    /// Number of measured runs.
    pub runs: u64,
    /// How long they took together.
    pub seconds: f64,
    /// Readings of the power; null for a counter of energy, which needs none.
    pub readings: Option<u64>,
    /// Readings a second.
    pub sampling_hz: Option<f64>,
}

/// When an energy pass ends, whatever the preset: after ten seconds, unless the user says otherwise.
pub(super) fn plan(limits: &PlanLimits) -> Plan {
    Plan { interval_share: None, ..limits.apply(Plan { min_ns: MIN_NS, ..Plan::QUICK }) }
}

/// What the report has: numbers, or why there are none, or neither where nobody asked.
pub(super) fn sections(report: Option<&EnergyReport>) -> (Option<EnergyMetrics>, Option<String>) {
    match report {
        None => (None, None),
        Some(EnergyReport::Absent { reason }) => (None, Some(reason.clone())),
        Some(EnergyReport::Measured(energy)) => (Some(metrics(energy)), None),
    }
}

fn metrics(energy: &Energy) -> EnergyMetrics {
    let seconds = energy.measured_ns as f64 / 1e9;
    EnergyMetrics {
        energy_mj_per_inference: energy.joules * 1e3 / energy.runs.max(1) as f64,
        average_power_w: energy.joules / seconds.max(1e-9),
        method: method(&energy.method),
        runs: energy.runs,
        seconds,
        readings: energy.sampling.map(|sampling| sampling.readings),
        sampling_hz: energy.sampling.map(|sampling| sampling.rate_hz),
    }
}

fn method(method: &EnergyMethod) -> String {
    match method {
        EnergyMethod::RaspberryPiPmic => "Raspberry Pi PMIC, sum of rails".to_owned(),
        EnergyMethod::Battery => "battery current times voltage".to_owned(),
        EnergyMethod::Rapl { domains } => format!("RAPL {}", domains.join(" + ")),
    }
}

/// The lines for people; none where nobody asked.
pub(super) fn write(text: &mut String, report: &Report) -> fmt::Result {
    if let Some(reason) = &report.energy_absent_reason {
        writeln!(text, "energy    not measured: {reason}")?;
    }
    let Some(energy) = &report.energy_metrics else { return Ok(()) };
    let EnergyMetrics { energy_mj_per_inference, average_power_w, method, runs, seconds, .. } = energy;
    writeln!(
        text,
        "energy    {energy_mj_per_inference:.3} mJ a run, mean power {average_power_w:.3} W, gross: idle is not subtracted"
    )?;
    write!(text, "          by {method}, {runs} runs in {seconds:.1} s")?;
    if let (Some(readings), Some(hz)) = (energy.readings, energy.sampling_hz) {
        write!(text, ", {readings} readings at {hz:.1} Hz")?;
    }
    writeln!(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{BenchOptions, ModelFacts, convert, fixture};
    use edgefit_protocol::{report::PowerSampling, runtime::RuntimeName};

    fn report(energy: EnergyReport) -> Report {
        let measurement = crate::device::Measurement { energy: Some(energy), ..fixture::measurement() };
        let options = BenchOptions::new(RuntimeName::Tract);
        convert::report(&fixture::info(), &measurement, &ModelFacts::default(), &options)
    }

    fn text(report: &Report) -> String {
        let mut text = String::new();
        write(&mut text, report).unwrap();
        text
    }

    fn drawn(method: EnergyMethod, sampling: Option<PowerSampling>) -> Report {
        report(EnergyReport::Measured(Energy { joules: 20.0, runs: 400, measured_ns: 8_000_000_000, method, sampling }))
    }

    #[test]
    fn joules_become_millijoules_a_run_and_watts() {
        let sampling = PowerSampling { readings: 80, rate_hz: 9.9 };
        let report = drawn(EnergyMethod::RaspberryPiPmic, Some(sampling));
        let json = serde_json::to_value(&report).unwrap();
        let expected = serde_json::json!({
            "energy_mj_per_inference": 50.0, "average_power_w": 2.5, "method": "Raspberry Pi PMIC, sum of rails",
            "runs": 400, "seconds": 8.0, "readings": 80, "sampling_hz": 9.9,
        });
        assert_eq!(json["energy_metrics"], expected);
        let text = text(&report);
        for part in
            ["50.000 mJ a run", "2.500 W", "idle is not subtracted", "Raspberry Pi PMIC", "80 readings at 9.9 Hz"]
        {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }

    #[test]
    fn a_counter_names_its_domains_and_no_readings() {
        let domains = vec!["package-0".to_owned(), "dram".to_owned()];
        let report = drawn(EnergyMethod::Rapl { domains }, None);
        assert_eq!(report.energy_metrics.as_ref().unwrap().readings, None);
        let text = text(&report);
        assert!(text.contains("RAPL package-0 + dram") && !text.contains("readings"), "{text}");
    }

    #[test]
    fn no_energy_has_its_reason_and_no_question_no_line() {
        let absent = report(EnergyReport::Absent { reason: "no sensor".into() });
        let json = serde_json::to_value(&absent).unwrap();
        assert_eq!(json["energy_metrics"], serde_json::Value::Null);
        assert_eq!(json["energy_absent_reason"], "no sensor");
        assert!(text(&absent).contains("not measured: no sensor"));
        assert_eq!(text(&fixture::report()), "");
    }

    #[test]
    fn ten_seconds_unless_the_user_says_otherwise() {
        assert_eq!(plan(&PlanLimits::default()).min_ns, MIN_NS);
        let limits = PlanLimits { max_secs: Some(2.0), interval_share: Some(0.01), ..PlanLimits::default() };
        let plan = plan(&limits);
        assert_eq!((plan.min_ns, plan.max_ns, plan.interval_share), (2_000_000_000, 2_000_000_000, None));
    }
}
