//! Ranks: what scores without a unit have in common, several of them as one, and how well one order agrees with another.

/// The rank of each score, from 0 for the lowest; equal ones share the mean of their ranks, `None` is below all.
pub fn ranks(scores: &[Option<f64>]) -> Vec<f64> {
    let order = |score: &Option<f64>| score.unwrap_or(f64::NEG_INFINITY);
    let rank = |score: &Option<f64>| {
        let below = scores.iter().filter(|other| order(other) < order(score)).count();
        let equal = scores.iter().filter(|other| order(other) == order(score)).count();
        below as f64 + (equal - 1) as f64 / 2.0
    };
    scores.iter().map(rank).collect()
}

/// For each thing the mean of its ranks under several scores, each of which lists the same things.
pub fn mean_ranks(scores: &[Vec<Option<f64>>]) -> Vec<f64> {
    let all: Vec<Vec<f64>> = scores.iter().map(|scores| ranks(scores)).collect();
    let things = all.first().map_or(0, Vec::len);
    (0..things).map(|i| all.iter().map(|ranks| ranks[i]).sum::<f64>() / all.len() as f64).collect()
}

/// Spearman's rank correlation, from -1 to 1, with shared ranks for equal values; 0 where one of the two is constant.
///
/// # Panics
/// If the lists differ in length.
pub fn spearman(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len(), "pairs are wanted");
    let of = |values: &[f64]| ranks(&values.iter().copied().map(Some).collect::<Vec<_>>());
    pearson(&of(a), &of(b))
}

/// Kendall's tau-b, from -1 to 1, which takes equal values into account; 0 where one of the two is constant.
///
/// # Panics
/// If the lists differ in length.
pub fn kendall(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len(), "pairs are wanted");
    let (mut balance, mut in_a, mut in_b) = (0.0, 0.0f64, 0.0f64);
    for i in 0..a.len() {
        for j in 0..i {
            let (x, y) = (sign(a[i] - a[j]), sign(b[i] - b[j]));
            balance += x * y;
            in_a += x * x;
            in_b += y * y;
        }
    }
    let scale = (in_a * in_b).sqrt();
    if scale > 0.0 { balance / scale } else { 0.0 }
}

fn sign(difference: f64) -> f64 {
    if difference == 0.0 { 0.0 } else { difference.signum() }
}

fn pearson(a: &[f64], b: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let (center_a, center_b) = (mean(a), mean(b));
    let (mut product, mut square_a, mut square_b) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (x - center_a, y - center_b);
        product += x * y;
        square_a += x * x;
        square_b += y * y;
    }
    let scale = (square_a * square_b).sqrt();
    if scale > 0.0 { product / scale } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::{kendall, mean_ranks, ranks, spearman};

    #[test]
    fn nothing_ranks_below_everything_and_equals_share() {
        assert_eq!(ranks(&[Some(2.0), None, Some(-5.0), Some(2.0)]), [2.5, 0.0, 1.0, 2.5]);
        assert_eq!(mean_ranks(&[vec![Some(1.0), Some(2.0)], vec![Some(9.0), Some(8.0)]]), [0.5, 0.5]);
    }

    #[test]
    fn correlations_are_those_of_the_textbook() {
        let (a, b) = ([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, 4.0]);
        assert!((spearman(&a, &b) - 0.8).abs() < 1e-12);
        // 5 pairs agree, 1 does not.
        assert!((kendall(&a, &b) - 4.0 / 6.0).abs() < 1e-12);
        // With a tie in b: 5 of 6 pairs count there, all agree: 5 / sqrt(6 * 5).
        assert!((kendall(&a, &[1.0, 2.0, 2.0, 4.0]) - 5.0 / 30f64.sqrt()).abs() < 1e-12);
        assert_eq!(kendall(&a, &[7.0; 4]), 0.0);
        assert_eq!(spearman(&a, &[7.0; 4]), 0.0);
    }
}
