//! What the operations are expected to cost a device, as a part of the loss that the alphas minimize.
//!
//! The cost of a network is taken as a sum: a mean, and an effect for each operation that it takes. Then the expected cost under the
//! probabilities of the operations is linear in them (Wu et al. 2019, Cai et al. 2019). Its unit is the caller's.

/// What the cost is to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pull {
    /// As small as the loss allows; the cost counts in parts of this one.
    Less(f64),
    /// At most this: nothing below, and above it the relative excess.
    AtMost(f64),
    /// Near this: the relative distance (Bender et al. 2020).
    Near(f64),
}

/// The expected cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    /// Of a network with all operations equally probable.
    pub mean: f64,
    /// How much each operation of each mixed operation differs from that.
    pub effects: Vec<Vec<f64>>,
    /// What it is to be.
    pub pull: Pull,
    /// What it counts beside the loss.
    pub weight: f64,
}

impl Cost {
    /// Under these probabilities.
    pub fn expected(&self, probabilities: &[Vec<f64>]) -> f64 {
        let pairs = self.effects.iter().flatten().zip(probabilities.iter().flatten());
        self.mean + pairs.map(|(effect, probability)| effect * probability).sum::<f64>()
    }

    /// The gradient of its part of the loss for each probability, in order.
    pub(super) fn gradient(&self, probabilities: &[Vec<f64>]) -> Vec<f32> {
        let expected = self.expected(probabilities);
        let slope = match self.pull {
            Pull::Less(unit) => 1.0 / unit,
            Pull::AtMost(bound) if expected <= bound => 0.0,
            Pull::AtMost(bound) => 1.0 / bound,
            Pull::Near(target) => (expected - target).signum() / target,
        };
        self.effects.iter().flatten().map(|effect| (self.weight * slope * effect) as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expected_cost_pulls_only_where_it_should() {
        let of = |pull| Cost { mean: 2.0, effects: vec![vec![-1.0, 1.0], vec![0.5, -0.5]], pull, weight: 0.5 };
        let probabilities = [vec![0.25, 0.75], vec![0.5, 0.5]];
        assert_eq!(of(Pull::Less(2.0)).expected(&probabilities), 2.5);
        assert_eq!(of(Pull::Less(2.0)).gradient(&probabilities), [-0.25, 0.25, 0.125, -0.125]);
        assert_eq!(of(Pull::AtMost(2.5)).gradient(&probabilities), [0.0; 4]);
        assert_eq!(of(Pull::AtMost(2.0)).gradient(&probabilities), [-0.25, 0.25, 0.125, -0.125]);
        assert_eq!(of(Pull::Near(5.0)).gradient(&probabilities), [0.1, -0.1, -0.05, 0.05]);
    }
}
