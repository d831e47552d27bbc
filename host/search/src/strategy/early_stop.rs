//! When the training of a supernet ends by its probabilities: before it collapses into skip connections, or when nothing changes any
//! more (DARTS+, Liang et al. 2019).
//!
//! Skip connections have no weights and learn fastest, so that in the end they win where they should not.

use crate::space::Relaxation;

/// So many skip connections in one cell are a collapse.
const COLLAPSE: usize = 2;

/// When the order of all operations stayed for so many epochs, nothing changes any more.
const SETTLED_EPOCHS: usize = 10;

/// How the training of a supernet ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Epochs after which the probabilities are taken.
    pub epochs: usize,
    /// Why, for people, behind "the supernet was".
    pub why: String,
}

/// Whether the probabilities after each epoch say that nothing better comes, or all `epochs` are over. Where the latency has to fall,
/// skip connections are no collapse.
pub fn ended(relaxation: &Relaxation, course: &[Vec<Vec<f64>>], has_to_fall: bool, epochs: usize) -> Option<End> {
    let (done, last) = (course.len(), course.last()?);
    let skips = relaxation.skips(last);
    if skips >= COLLAPSE && !has_to_fall {
        let why = format!(
            "stopped after epoch {done} of {epochs}, since {skips} operations of a cell had become skip connections, and what it had learned before was taken"
        );
        return Some(End { epochs: (done - 1).max(1), why });
    }
    let is_settled = done > SETTLED_EPOCHS && {
        let orders: Vec<_> = course[done - 1 - SETTLED_EPOCHS..].iter().map(|epoch| order(epoch)).collect();
        orders.windows(2).all(|pair| pair[0] == pair[1])
    };
    if is_settled && done < epochs {
        let why = format!(
            "stopped after epoch {done} of {epochs}, since the order of all operations had stayed for {SETTLED_EPOCHS} epochs"
        );
        return Some(End { epochs: done, why });
    }
    (done >= epochs).then(|| End { epochs: done, why: format!("trained for {done} epochs") })
}

/// The operations of each mixed operation, the most probable first.
fn order(probabilities: &[Vec<f64>]) -> Vec<Vec<usize>> {
    let of_mix = |of_mix: &Vec<f64>| {
        let mut order: Vec<usize> = (0..of_mix.len()).collect();
        order.sort_by(|a, b| of_mix[*b].total_cmp(&of_mix[*a]));
        order
    };
    probabilities.iter().map(of_mix).collect()
}

#[cfg(test)]
mod tests {
    use edgefit_graph::Shape;

    use super::{COLLAPSE, SETTLED_EPOCHS, ended};
    use crate::space::{self, PerStage, Relaxation, SpaceSettings, Task};

    const EPOCHS: usize = 30;

    fn cells() -> Relaxation {
        let settings = SpaceSettings {
            widths: Some(PerStage::All(vec![8])),
            depths: Some(vec![1]),
            ..SpaceSettings::preset("nb201")
        };
        let space = space::build(&settings, &Task { input: Shape::new([1, 8, 8]), classes: 10 }).unwrap();
        space.relaxation().unwrap().unwrap()
    }

    /// Probabilities of which so many edges prefer skipping, and the others a convolution, the more the later.
    fn probabilities(skips: usize, epoch: usize) -> Vec<Vec<f64>> {
        let preferred = |edge: usize| if edge < skips { 1 } else { 4 };
        let most = 0.3 + 0.01 * epoch as f64;
        let of_edge =
            |edge: usize| (0..5).map(|o| if o == preferred(edge) { most } else { (1.0 - most) / 4.0 }).collect();
        (0..6).map(of_edge).collect()
    }

    #[test]
    fn it_ends_before_a_collapse_and_takes_what_was_before() {
        let cells = cells();
        let mut course: Vec<_> = (0..4).map(|epoch| probabilities(COLLAPSE - 1, epoch)).collect();
        assert!(ended(&cells, &course, false, EPOCHS).is_none());
        course.push(probabilities(COLLAPSE, 4));
        let end = ended(&cells, &course, false, EPOCHS).unwrap();
        assert_eq!(end.epochs, 4);
        assert!(end.why.contains("epoch 5 of 30") && end.why.contains("skip"), "{}", end.why);
        // Noise at the beginning is no collapse.
        assert!(ended(&cells, &[vec![vec![0.199, 0.204, 0.199, 0.199, 0.199]; 6]], false, EPOCHS).is_none());
    }

    #[test]
    fn skips_are_no_collapse_while_the_latency_has_to_fall() {
        let (cells, course) = (cells(), [probabilities(4, 0)]);
        assert!(ended(&cells, &course, true, EPOCHS).is_none());
        assert!(ended(&cells, &course, false, EPOCHS).is_some());
    }

    #[test]
    fn it_ends_when_the_order_stays_or_all_epochs_are_over() {
        let cells = cells();
        let steady: Vec<_> = (0..=SETTLED_EPOCHS).map(|epoch| probabilities(0, epoch)).collect();
        let end = ended(&cells, &steady, false, EPOCHS).unwrap();
        assert!(end.epochs == SETTLED_EPOCHS + 1 && end.why.contains("order"), "{}", end.why);
        let mut moving = steady.clone();
        moving[5] = probabilities(1, 5);
        assert!(ended(&cells, &moving, false, EPOCHS).is_none());
        assert_eq!(ended(&cells, &moving, false, moving.len()).unwrap().epochs, moving.len());
        assert!(ended(&cells, &[], false, EPOCHS).is_none());
    }
}
