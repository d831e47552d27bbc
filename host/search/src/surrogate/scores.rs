//! Losses as normal scores: what counts is the order, so that a few hopeless networks do not drown the differences among
//! the good ones, and losses of all kinds have one scale.

/// Normal scores of a list of losses.
pub(crate) struct Scores {
    /// Ascending, each once.
    losses: Vec<f64>,
    scores: Vec<f64>,
}

impl Scores {
    /// Those of these losses; equal losses get one score, the mean of their places'.
    pub(crate) fn of(losses: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = losses.collect();
        sorted.sort_by(f64::total_cmp);
        let (mut distinct, mut scores) = (Vec::new(), Vec::new());
        for group in sorted.chunk_by(|a, b| a == b) {
            let before = distinct_before(&sorted, group[0]) as f64;
            distinct.push(group[0]);
            scores.push(normal_quantile((before + 0.5 * group.len() as f64) / sorted.len() as f64));
        }
        Self { losses: distinct, scores }
    }

    /// The score of a loss, interpolated between those of the list and limited to them; 0 for an empty list.
    pub(crate) fn score(&self, loss: f64) -> f64 {
        let above = self.losses.partition_point(|known| *known < loss);
        match (above.checked_sub(1), self.losses.get(above)) {
            (_, Some(known)) if *known == loss => self.scores[above],
            (Some(below), Some(known)) => {
                let share = (loss - self.losses[below]) / (known - self.losses[below]);
                self.scores[below] + share * (self.scores[above] - self.scores[below])
            }
            (None, Some(_)) => self.scores[0],
            (Some(below), None) => self.scores[below],
            (None, None) => 0.0,
        }
    }
}

fn distinct_before(sorted: &[f64], loss: f64) -> usize {
    sorted.partition_point(|known| *known < loss)
}

/// Below which a standard normal number is with this probability (Abramowitz and Stegun 26.2.23, error below 0.0005).
fn normal_quantile(probability: f64) -> f64 {
    let tail = probability.min(1.0 - probability);
    let t = (-2.0 * tail.ln()).sqrt();
    let numerator = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let denominator = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let quantile = t - numerator / denominator;
    if probability < 0.5 { -quantile } else { quantile }
}

#[cfg(test)]
mod tests {
    use super::Scores;

    #[test]
    fn only_the_order_counts() {
        let scores = Scores::of([3.0, 1.0, 2.0, 1e9].into_iter());
        let check = |loss: f64, expected: f64| {
            let score = scores.score(loss);
            assert!((score - expected).abs() < 0.001, "{loss}: {score}");
        };
        check(1.0, -1.1503);
        check(2.0, -0.3186);
        check(2.5, 0.0);
        check(1e9, 1.1503);
        check(0.0, -1.1503);
        check(2e9, 1.1503);
    }

    #[test]
    fn equal_losses_share_a_score() {
        let scores = Scores::of([1.0, 1.0, 5.0, 5.0].into_iter());
        assert_eq!(scores.score(1.0), -scores.score(5.0));
        assert_eq!(Scores::of(std::iter::empty()).score(1.0), 0.0);
    }
}
