//! What a run tells of its trials and bounds while it goes on, by device where there are several.

use edgefit_search::{Constraint, Metric, Readings, Status, Target, Trial};

use super::Run;
use super::report_data;
use super::station::Station;
use crate::progress::{Event, Judged, Latency};

impl Run<'_> {
    /// Tells what became of a trial.
    pub(super) fn tell_trial(&self, trial: &Trial) {
        self.progress.emit(match &trial.status {
            Status::Failed { reason } => Event::TrialFailed { number: trial.number, reason: reason.clone() },
            _ => Event::Trial(Judged {
                continues: trial.fidelity.continues,
                ..self.judged(trial.number, &trial.readings())
            }),
        });
    }

    /// Tells which bounds stopped how many proposals.
    pub(super) fn tell_stopped(&self, stopped: &[Trial]) {
        for (bound, count) in report_data::stopped(&self.config.goals(), stopped.iter()) {
            let by = self.on_device(bound.metric, bound.device);
            self.progress.emit(Event::Stopped { by, count });
        }
    }

    /// What the display shows of a trained and measured network.
    pub(super) fn judged(&self, number: u64, readings: &Readings) -> Judged {
        let is_alone = self.stations.len() == 1;
        let latency = |(device, station): (u8, &super::Station)| {
            let measured = readings.measured_on(device, Metric::LatencyMs);
            let value = measured.or_else(|| readings.predicted_on(device, Metric::LatencyMs))?;
            let device = (!is_alone).then(|| station.label.clone());
            Some(Latency { device, ms: value.value, is_measured: measured.is_some() })
        };
        Judged {
            number,
            accuracy: readings.best(Metric::Accuracy).map(|value| value.value).unwrap_or_default(),
            latencies: (0_u8..).zip(&self.stations).filter_map(latency).collect(),
            meets_bounds: self.config.goals().violation(readings) == 0.0,
            continues: None,
        }
    }

    /// What has to hold, and what is aimed at.
    pub(super) fn bounds(&self) -> Vec<String> {
        let goals = self.config.goals();
        let aim = |target: &Target| format!("{} near {}", self.on_device(target.metric, target.device), target.value);
        goals.constraints().iter().map(|bound| self.bound(bound)).chain(goals.targets().iter().map(aim)).collect()
    }

    /// `latency_ms <= 0.1`, or `latency_ms on pi <= 0.1`.
    pub(super) fn bound(&self, constraint: &Constraint) -> String {
        let Constraint { metric, min, max, device } = constraint;
        let metric = self.on_device(*metric, *device);
        match (min, max) {
            (Some(min), Some(max)) => format!("{min} <= {metric} <= {max}"),
            (Some(min), None) => format!("{metric} >= {min}"),
            (None, Some(max)) => format!("{metric} <= {max}"),
            (None, None) => metric,
        }
    }

    fn on_device(&self, metric: Metric, device: u8) -> String {
        on_device(&self.stations, metric, device)
    }
}
/// `latency_ms`, or `latency_ms on pi` where there are several devices.
pub(super) fn on_device(stations: &[Station], metric: Metric, device: u8) -> String {
    match stations.get(usize::from(device)) {
        Some(station) if stations.len() > 1 && metric.is_of_device() => format!("{metric} on {}", station.label),
        _ => metric.to_string(),
    }
}
