//! Whether two models classify the same images differently at all.

/// Whether the exact McNemar test at 5 % sees no difference between two models that classified the same images (Fagerland, Lydersen
/// and Laake 2013): of the images on which they differ, each model is right on a share that a fair coin may give.
pub(super) fn same_accuracy(first: &[bool], other: &[bool]) -> bool {
    let only = |a: &[bool], b: &[bool]| a.iter().zip(b).filter(|(a, b)| **a && !**b).count();
    let (gained, lost) = (only(other, first), only(first, other));
    two_sided_coin(gained.min(lost), gained + lost) > 0.05
}

/// Probability that of `count` throws of a fair coin a side comes at most `rarer` times, for either side.
fn two_sided_coin(rarer: usize, count: usize) -> f64 {
    let mut log_choose = 0.0_f64;
    let mut sum = 0.0;
    for k in 0..=rarer {
        if k > 0 {
            log_choose += ((count - k + 1) as f64).ln() - (k as f64).ln();
        }
        sum += (log_choose - count as f64 * std::f64::consts::LN_2).exp();
    }
    (2.0 * sum).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coin_is_the_binomial() {
        let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
        close(two_sided_coin(0, 0), 1.0);
        close(two_sided_coin(0, 5), 2.0 / 32.0);
        close(two_sided_coin(1, 10), 2.0 * 11.0 / 1024.0);
        close(two_sided_coin(5, 10), 1.0);
    }

    #[test]
    fn six_images_to_none_is_a_difference_and_five_are_not() {
        let right = |wrong: usize| (0..100).map(|i| i >= wrong).collect::<Vec<bool>>();
        assert!(same_accuracy(&right(0), &right(5)));
        assert!(!same_accuracy(&right(0), &right(6)));
        assert!(same_accuracy(&right(3), &right(3)));
    }
}
