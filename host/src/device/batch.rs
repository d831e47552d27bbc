//! A batch of measurements: every model once in every round, each time in a fresh process, in an order that is drawn anew for each
//! round, with the canary in between. What the machine does meanwhile so meets all of them alike, and what it does over the whole
//! batch shows on the canary.

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{
    canary::{self, Canary},
    error::DeviceError,
    handle::Device,
    measurement::Measurement,
    request::MeasureRequest,
};

/// Jobs between two measurements of the canary.
const CANARY_EVERY: usize = 4;

/// How a batch is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchPlan {
    /// Rounds, at least 1.
    pub rounds: u32,
    /// Seed of the order in each round.
    pub seed: u64,
}

/// What a batch found out.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// One for each model, in the order in which they were given; the rounds are its latency passes.
    pub measurements: Vec<Measurement>,
    /// The canary, at the start, every few jobs, and at the end.
    pub canary: Canary,
}

/// Where a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchStep {
    /// The job that starts, from 1.
    pub job: usize,
    /// All jobs.
    pub jobs: usize,
    /// The model of the job.
    pub model: usize,
}

/// Why a batch ended early.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct BatchError {
    /// The model that failed; `None` for the canary.
    pub model: Option<usize>,
    /// How.
    pub cause: DeviceError,
}

impl Device {
    /// Measures models, each given as the bytes of an ONNX file with how it is measured, side by side. Of a request, `processes` is
    /// the batch's rounds, each of which measures memory where it is asked for; energy is measured in the first of them. Each job is told to `hear` before it starts.
    ///
    /// # Errors
    ///
    /// [`BatchError`] of the first job that fails.
    pub fn measure_batch(
        &mut self,
        models: &[(&[u8], MeasureRequest)],
        plan: &BatchPlan,
        hear: &mut dyn FnMut(BatchStep),
    ) -> Result<Batch, BatchError> {
        let order = order(models.len(), plan);
        let mut watch = Watch::new(models);
        let mut measured: Vec<Option<Measurement>> = vec![None; models.len()];
        for (position, &model) in order.iter().enumerate() {
            if position % CANARY_EVERY == 0 {
                watch.look(self)?;
            }
            hear(BatchStep { job: position + 1, jobs: order.len(), model });
            let (bytes, request) = &models[model];
            let energy = request.energy.clone().filter(|_| measured[model].is_none());
            let memory_processes = request.memory_processes.min(1);
            let request = MeasureRequest { processes: 1, memory_processes, energy, ..request.clone() };
            let one = self.measure(bytes, &request).map_err(|cause| BatchError { model: Some(model), cause })?;
            add(&mut measured[model], one);
        }
        watch.look(self)?;
        Ok(Batch { measurements: measured.into_iter().flatten().collect(), canary: watch.canary })
    }
}

/// The models of all rounds in their order.
fn order(models: usize, plan: &BatchPlan) -> Vec<usize> {
    let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
    let round = |_| {
        let mut order: Vec<usize> = (0..models).collect();
        order.shuffle(&mut rng);
        order
    };
    (0..plan.rounds.max(1)).flat_map(round).collect()
}

fn add(whole: &mut Option<Measurement>, round: Measurement) {
    match whole {
        Some(whole) => {
            whole.latency.extend(round.latency);
            whole.memory = match (whole.memory.take(), round.memory) {
                (Some(before), Some(now)) => before.with(now),
                (before, now) => before.or(now),
            };
        }
        None => *whole = Some(round),
    }
}

/// Measures the canary as the first model is measured: same runtime, same settings.
struct Watch {
    model: Vec<u8>,
    request: Option<MeasureRequest>,
    canary: Canary,
}

impl Watch {
    fn new(models: &[(&[u8], MeasureRequest)]) -> Self {
        let request = models.first().map(|(_, request)| {
            let mut request = MeasureRequest {
                processes: 1,
                per_operator: None,
                memory_processes: 0,
                energy: None,
                ..request.clone()
            };
            request.plan = canary::PLAN;
            request.run_on.shapes.clear();
            request
        });
        Self { model: canary::model(), request, canary: Canary::default() }
    }

    fn look(&mut self, device: &mut Device) -> Result<(), BatchError> {
        let Some(request) = &self.request else { return Ok(()) };
        let seen = device.measure(&self.model, request).map_err(|cause| BatchError { model: None, cause })?;
        self.canary.medians_ms.push(seen.median_ns() / 1e6);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_has_every_model_in_an_order_of_its_own() {
        let plan = BatchPlan { rounds: 20, seed: 3 };
        let order = order(4, &plan);
        assert_eq!(order, super::order(4, &plan));
        let rounds: Vec<Vec<usize>> = order.chunks(4).map(<[usize]>::to_vec).collect();
        assert!(rounds.iter().any(|round| *round != rounds[0]));
        for mut round in rounds {
            round.sort_unstable();
            assert_eq!(round, [0, 1, 2, 3]);
        }
    }
}
