//! Dominance, sorting into fronts and crowding distance, after Deb et al. 2002 (NSGA-II). All losses are minimized.

use std::cmp::Ordering;

/// Whether `a` is nowhere worse than `b` and somewhere better.
pub fn dominates(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(x, y)| x <= y) && a.iter().zip(b).any(|(x, y)| x < y)
}

/// Positions of the points that no other point dominates, in order. Equal points are all kept.
pub fn front<P: AsRef<[f64]>>(points: &[P]) -> Vec<usize> {
    let free = |i: &usize| !points.iter().any(|other| dominates(other.as_ref(), points[*i].as_ref()));
    (0..points.len()).filter(free).collect()
}

/// For each item the number of its front, from 0, where `better(i, j)` says that `i` dominates `j`: the fast
/// non-dominated sort (section III.A), `O(n^2)` comparisons.
pub fn ranks(count: usize, better: impl Fn(usize, usize) -> bool) -> Vec<usize> {
    let worse: Vec<Vec<usize>> = (0..count).map(|i| (0..count).filter(|&j| better(i, j)).collect()).collect();
    let mut above = vec![0usize; count];
    worse.iter().flatten().for_each(|&j| above[j] += 1);
    let mut ranks = vec![0; count];
    let mut current: Vec<usize> = (0..count).filter(|&i| above[i] == 0).collect();
    let mut rank = 0;
    while !current.is_empty() {
        let mut next = Vec::new();
        for &i in &current {
            ranks[i] = rank;
            for &j in &worse[i] {
                above[j] -= 1;
                if above[j] == 0 {
                    next.push(j);
                }
            }
        }
        (current, rank) = (next, rank + 1);
    }
    ranks
}

/// The crowding distance of each point among these (section III.B): the sum over objectives of the gap between its
/// neighbors, relative to the spread; infinite at the ends.
pub fn crowding<P: AsRef<[f64]>>(points: &[P]) -> Vec<f64> {
    let mut distance = vec![0.0; points.len()];
    let objectives = points.first().map_or(0, |p| p.as_ref().len());
    for objective in 0..objectives {
        let at = |i: usize| points[i].as_ref()[objective];
        let mut order: Vec<usize> = (0..points.len()).collect();
        order.sort_by(|&a, &b| at(a).total_cmp(&at(b)));
        add_gaps(&mut distance, &order, at);
    }
    distance
}

fn add_gaps(distance: &mut [f64], order: &[usize], at: impl Fn(usize) -> f64) {
    let (first, last) = (order[0], order[order.len() - 1]);
    let spread = at(last) - at(first);
    distance[first] = f64::INFINITY;
    distance[last] = f64::INFINITY;
    if spread > 0.0 {
        for three in order.windows(3) {
            distance[three[1]] += (at(three[2]) - at(three[0])) / spread;
        }
    }
}

/// Constraint domination (section VI): less violation is better; among those that violate nothing, dominance decides.
pub fn constrained(a: (f64, &[f64]), b: (f64, &[f64])) -> Ordering {
    let by_violation = a.0.total_cmp(&b.0);
    if by_violation != Ordering::Equal || a.0 > 0.0 {
        return by_violation;
    }
    match (dominates(a.1, b.1), dominates(b.1, a.1)) {
        (true, _) => Ordering::Less,
        (_, true) => Ordering::Greater,
        _ => Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::{constrained, crowding, dominates, front, ranks};

    #[test]
    fn the_front_is_what_nothing_dominates() {
        let points = [[1.0, 4.0], [2.0, 2.0], [4.0, 1.0], [3.0, 3.0], [2.0, 2.0]];
        assert_eq!(front(&points), [0, 1, 2, 4]);
    }

    #[test]
    fn ranks_peel_one_front_after_another() {
        let points = [[3.0, 3.0], [1.0, 1.0], [2.0, 2.0], [0.0, 5.0], [4.0, 4.0]];
        let ranks = ranks(points.len(), |i, j| dominates(&points[i], &points[j]));
        assert_eq!(ranks, [2, 0, 1, 0, 3]);
    }

    #[test]
    fn the_lonely_point_has_the_larger_distance() {
        let distance = crowding(&[[0.0, 4.0], [1.0, 3.0], [2.0, 1.0], [4.0, 0.0]]);
        assert!(distance[0].is_infinite() && distance[3].is_infinite());
        assert!((distance[1] - 1.25).abs() < 1e-12 && (distance[2] - 1.5).abs() < 1e-12, "{distance:?}");
    }

    #[test]
    fn less_violation_wins_before_any_objective() {
        let check = |a: (f64, [f64; 1]), b: (f64, [f64; 1]), expected| {
            assert_eq!(constrained((a.0, &a.1), (b.0, &b.1)), expected, "{a:?} {b:?}");
        };
        check((0.0, [9.0]), (0.1, [1.0]), Ordering::Less);
        check((0.3, [1.0]), (0.2, [9.0]), Ordering::Greater);
        check((0.0, [1.0]), (0.0, [2.0]), Ordering::Less);
        check((0.0, [1.0]), (0.0, [1.0]), Ordering::Equal);
    }
}
