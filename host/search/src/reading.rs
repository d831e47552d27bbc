//! A value of a metric, with its interval and where it came from; and all that is known about one network.
//!
//! Predicted, measured and computed values stand beside each other and are never mixed: a reading keeps its origin for
//! life, and whoever needs one number asks for the best one. A search may measure on several devices; a value says on which.

use serde::{Deserialize, Serialize};

use crate::metric::Metric;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Observed.
    Measured {
        /// The device, runtime and settings; for an accuracy the data and how long the network was trained.
        by: String,
    },
    /// Estimated before or without an observation.
    Predicted {
        /// The table or model that said so.
        by: String,
    },
    /// Follows from the graph alone.
    Computed,
}

impl Origin {
    /// How much it is believed: what was observed over what follows from the graph over what was estimated.
    fn trust(&self) -> u8 {
        match self {
            Self::Measured { .. } => 2,
            Self::Computed => 1,
            Self::Predicted { .. } => 0,
        }
    }
}

/// A number in its metric's unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// The number itself, for a measured latency the median.
    pub value: f64,
    /// Lower and upper end of the interval that is stated with it, usually of 95 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
    /// Where it came from.
    pub origin: Origin,
    /// Number of the search's device that it is about, from 0; 0 where it is about no device.
    #[serde(default, skip_serializing_if = "is_first")]
    pub device: u8,
}

/// Whether a number of a device is that of the first, which records of one device leave out.
pub(crate) fn is_first(device: &u8) -> bool {
    *device == 0
}

impl Value {
    /// A value that follows from the graph.
    pub fn computed(value: f64) -> Self {
        Self { value, interval: None, origin: Origin::Computed, device: 0 }
    }

    /// A value that was observed by `by`, see [`Origin::Measured`].
    pub fn measured(value: f64, interval: Option<(f64, f64)>, by: impl Into<String>) -> Self {
        Self { value, interval, origin: Origin::Measured { by: by.into() }, device: 0 }
    }

    /// A value that was estimated by `by`, see [`Origin::Predicted`].
    pub fn predicted(value: f64, interval: Option<(f64, f64)>, by: impl Into<String>) -> Self {
        Self { value, interval, origin: Origin::Predicted { by: by.into() }, device: 0 }
    }
}

/// All that is known about one network, in the order in which it became known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Readings(Vec<(Metric, Value)>);

impl Readings {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a reading; earlier ones of the same metric stay.
    pub fn add(&mut self, metric: Metric, value: Value) {
        self.0.push((metric, value));
    }

    /// These readings and one more.
    #[must_use]
    pub fn with(mut self, metric: Metric, value: Value) -> Self {
        self.add(metric, value);
        self
    }

    /// The same readings as those of the device of this number.
    #[must_use]
    pub fn of_device(mut self, device: u8) -> Self {
        self.0.iter_mut().for_each(|(_, value)| value.device = device);
        self
    }

    /// Every reading in order.
    pub fn iter(&self) -> impl Iterator<Item = (Metric, &Value)> {
        self.0.iter().map(|(metric, value)| (*metric, value))
    }

    /// The reading of a metric on the first device that is believed most, see [`Self::best_on`].
    pub fn best(&self, metric: Metric) -> Option<&Value> {
        self.best_on(0, metric)
    }

    /// The reading of a metric on a device that is believed most: measured before computed before predicted, the latest of equals.
    pub fn best_on(&self, device: u8, metric: Metric) -> Option<&Value> {
        self.of(device, metric).max_by_key(|value| value.origin.trust())
    }

    /// The latest measured reading of a metric on the first device.
    pub fn measured(&self, metric: Metric) -> Option<&Value> {
        self.measured_on(0, metric)
    }

    /// The latest measured reading of a metric on a device.
    pub fn measured_on(&self, device: u8, metric: Metric) -> Option<&Value> {
        self.of(device, metric).filter(|value| matches!(value.origin, Origin::Measured { .. })).last()
    }

    /// The latest predicted reading of a metric on the first device.
    pub fn predicted(&self, metric: Metric) -> Option<&Value> {
        self.predicted_on(0, metric)
    }

    /// The latest predicted reading of a metric on a device.
    pub fn predicted_on(&self, device: u8, metric: Metric) -> Option<&Value> {
        self.of(device, metric).filter(|value| matches!(value.origin, Origin::Predicted { .. })).last()
    }

    fn of(&self, device: u8, metric: Metric) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |(m, value)| *m == metric && value.device == device).map(|(_, value)| value)
    }
}

impl Extend<(Metric, Value)> for Readings {
    fn extend<T: IntoIterator<Item = (Metric, Value)>>(&mut self, readings: T) {
        self.0.extend(readings);
    }
}

impl IntoIterator for Readings {
    type Item = (Metric, Value);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::{Readings, Value};
    use crate::metric::Metric::{LatencyMs, Macs};

    #[test]
    fn the_best_reading_is_the_measured_one_and_none_is_lost() {
        let readings = Readings::new()
            .with(LatencyMs, Value::measured(1.2, Some((1.1, 1.3)), "pi4 tract"))
            .with(LatencyMs, Value::predicted(1.0, None, "pi4.table"))
            .with(Macs, Value::computed(5.0));
        assert_eq!(readings.best(LatencyMs).unwrap().value, 1.2);
        assert_eq!(readings.predicted(LatencyMs).unwrap().value, 1.0);
        assert_eq!(readings.measured(Macs), None);
        let text = serde_json::to_string(&readings).unwrap();
        assert!(!text.contains("device"), "{text}");
        assert_eq!(serde_json::from_str::<Readings>(&text).unwrap(), readings);
    }

    #[test]
    fn each_device_has_its_own() {
        let mut readings = Readings::new().with(LatencyMs, Value::measured(1.0, None, "pi"));
        readings.extend(Readings::new().with(LatencyMs, Value::predicted(5.0, None, "phone.table")).of_device(1));
        assert_eq!(readings.best(LatencyMs).unwrap().value, 1.0);
        assert_eq!(readings.best_on(1, LatencyMs).unwrap().value, 5.0);
        assert_eq!((readings.measured_on(1, LatencyMs), readings.best_on(2, LatencyMs)), (None, None));
        let text = serde_json::to_string(&readings).unwrap();
        assert_eq!(serde_json::from_str::<Readings>(&text).unwrap(), readings);
    }
}
