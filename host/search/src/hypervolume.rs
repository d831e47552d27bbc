//! Hypervolume: the volume that a set of points dominates up to a reference point. All losses are minimized.
//!
//! Exact for any number of objectives: by sweeping for two, and by exclusive volumes for more (the WFG algorithm of While,
//! Bradstreet and Barone 2012). It is a number for comparing sets under the same reference only, so the reference is
//! always shown with it.

use crate::pareto;

/// Volume dominated by the points and bounded by the reference; points that are not better than it in every objective
/// add nothing.
pub fn hypervolume<P: AsRef<[f64]>>(points: &[P], reference: &[f64]) -> f64 {
    let inside = |p: &&P| p.as_ref().iter().zip(reference).all(|(x, r)| x < r);
    let points: Vec<Vec<f64>> = points.iter().filter(inside).map(|p| p.as_ref().to_vec()).collect();
    volume(unique_front(points), reference)
}

/// Volume that a point adds to what a set of points dominates up to a reference point.
pub fn added<P: AsRef<[f64]>>(points: &[P], point: &[f64], reference: &[f64]) -> f64 {
    let is_inside = point.iter().zip(reference).all(|(x, r)| x < r);
    let covers = |other: &P| other.as_ref().iter().zip(point).all(|(x, p)| x <= p);
    if !is_inside || points.iter().any(covers) {
        return 0.0;
    }
    let limited: Vec<Vec<f64>> =
        points.iter().map(|other| other.as_ref().iter().zip(point).map(|(x, p)| x.max(*p)).collect()).collect();
    let own: f64 = point.iter().zip(reference).map(|(x, r)| r - x).product();
    own - hypervolume(&limited, reference)
}

/// The reference point that edgefit uses: in each objective the worst loss of all points that are compared, and a tenth of
/// the spread beyond, so that the ends of a front count. `None` without points.
pub fn reference<P: AsRef<[f64]>>(points: &[P]) -> Option<Vec<f64>> {
    let objectives = points.first()?.as_ref().len();
    let extreme = |objective: usize| {
        let losses = points.iter().map(|p| p.as_ref()[objective]);
        let (best, worst) = losses.fold((f64::INFINITY, f64::NEG_INFINITY), |(b, w), x| (b.min(x), w.max(x)));
        worst + 0.1 * (worst - best)
    };
    Some((0..objectives).map(extreme).collect())
}

fn unique_front(mut points: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    points.sort_by(|a, b| {
        a.iter().zip(b).map(|(x, y)| x.total_cmp(y)).find(|o| o.is_ne()).unwrap_or(a.len().cmp(&b.len()))
    });
    points.dedup();
    pareto::front(&points).into_iter().map(|i| points[i].clone()).collect()
}

/// Volume of a sorted front.
fn volume(front: Vec<Vec<f64>>, reference: &[f64]) -> f64 {
    match reference.len() {
        0 => 0.0,
        1 => front.first().map_or(0.0, |p| reference[0] - p[0]),
        2 => sweep(&front, reference),
        _ => (0..front.len()).map(|i| added(&front[i + 1..], &front[i], reference)).sum(),
    }
}

fn sweep(front: &[Vec<f64>], reference: &[f64]) -> f64 {
    let ends = front.iter().skip(1).map(|p| p[0]).chain([reference[0]]);
    front.iter().zip(ends).map(|(p, end)| (end - p[0]) * (reference[1] - p[1])).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, prop, proptest};

    use super::{added, hypervolume, reference};

    #[test]
    fn known_volumes() {
        let check = |points: &[&[f64]], reference: &[f64], expected: f64| {
            let volume = hypervolume(points, reference);
            assert!((volume - expected).abs() < 1e-12, "{points:?}: {volume} is not {expected}");
        };
        check(&[], &[1.0, 1.0], 0.0);
        check(&[&[0.25]], &[1.0], 0.75);
        check(&[&[1.0, 3.0], &[2.0, 1.0], &[3.0, 3.5]], &[4.0, 4.0], 3.0 + 4.0);
        check(&[&[0.0, 0.0, 0.0]], &[2.0, 3.0, 4.0], 24.0);
        check(&[&[0.0, 1.0, 1.0], &[1.0, 0.0, 1.0], &[1.0, 1.0, 0.0]], &[2.0, 2.0, 2.0], 4.0);
        check(&[&[5.0, 0.0]], &[4.0, 4.0], 0.0);
    }

    #[test]
    fn the_reference_lies_beyond_the_worst() {
        let reference = reference(&[[0.0, 10.0], [1.0, 0.0]]).unwrap();
        assert!((reference[0] - 1.1).abs() < 1e-12 && (reference[1] - 11.0).abs() < 1e-12);
    }

    /// Volume by counting the cells of a grid on which all coordinates lie.
    fn counted(points: &[[u8; 3]]) -> f64 {
        let cell = |i: usize| [(i % 6) as u8, (i / 6 % 6) as u8, (i / 36) as u8];
        let held = |c: &[u8; 3]| points.iter().any(|p| p.iter().zip(c).all(|(p, c)| p <= c));
        (0..216).map(cell).filter(held).count() as f64
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn is_exact_in_three_dimensions(points in prop::collection::vec(prop::array::uniform3(0u8..7), 0..12)) {
            let floats: Vec<[f64; 3]> = points.iter().map(|p| p.map(f64::from)).collect();
            assert_eq!(hypervolume(&floats, &[6.0; 3]), counted(&points));
            for point in [[1.0, 5.0, 2.0], [3.0; 3], [0.0, 0.0, 6.0]] {
                let with = [floats.as_slice(), &[point]].concat();
                assert_eq!(added(&floats, &point, &[6.0; 3]), hypervolume(&with, &[6.0; 3]) - counted(&points));
            }
        }
    }
}
