//! How large the networks of a space should be for a task: stages, strides and widths from the shape of a sample.
//!
//! The rules give networks of about 1,000 to 100,000 parameters for 8x8 gray images and grow with resolution and channels.

use super::Task;
use super::choices::Choice;
use super::error::SpaceError;

/// The last stage sees at least this many positions along an axis.
const LEAST_EXTENT: usize = 4;

/// Most stages that a task gets without being asked.
const MOST_STAGES: usize = 5;

/// Widths are multiples of this, which the kernels of all runtimes like.
const WIDTH_STEP: usize = 8;

/// What follows from a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scale {
    /// Spatial axes: 1 for series, 2 for images.
    pub(crate) axes: usize,
    /// Strides of the first convolution to choose from, the cheapest first.
    pub(crate) stem_strides: Vec<usize>,
    /// Number of stages; each but the first halves the resolution.
    pub(crate) stages: usize,
    /// The narrowest width of the first stage.
    pub(crate) base_width: usize,
    /// Extents of patches to choose from, the cheapest, which is the largest, first.
    pub(crate) patches: Vec<usize>,
}

impl Scale {
    /// The scale of a task.
    ///
    /// # Errors
    /// When a sample is neither an image nor a series.
    pub(crate) fn of(task: &Task, space: &'static str) -> Result<Self, SpaceError> {
        let axes = task.input.spatial().len();
        if !(1..=2).contains(&axes) || task.input.defect().is_some() {
            let wanted = "shape [C, H, W] or [C, L]";
            return Err(SpaceError::Input { space, wanted, shape: task.input.clone() });
        }
        let extent = task.input.spatial().iter().copied().min().unwrap_or(1);
        let stem_strides = stem_strides(axes, extent);
        let stages = stages(extent.div_ceil(stem_strides[0]));
        let is_small = task.input.channels() == 1 && extent <= 32;
        let base_width = if is_small { WIDTH_STEP } else { 2 * WIDTH_STEP };
        Ok(Self { axes, stem_strides, stages, base_width, patches: patches(axes, extent) })
    }

    /// Three widths of a stage: the base, doubled and tripled, growing by half a stage.
    pub(crate) fn widths(&self, stage: usize) -> Vec<usize> {
        self.multiples([1, 2, 3], stage)
    }

    /// The same for layers that cost little for their width: the base, four and eight times.
    pub(crate) fn wide_widths(&self, stage: usize) -> Vec<usize> {
        self.multiples([1, 4, 8], stage)
    }

    /// Width and stride of the first convolution.
    pub(crate) fn stem_choices(&self, widths: &[usize]) -> [Choice; 2] {
        [Choice::numbers("stem.width", "w", widths), Choice::numbers("stem.stride", "s", &self.stem_strides)]
    }

    fn multiples(&self, multiples: [usize; 3], stage: usize) -> Vec<usize> {
        let grown = |multiple: usize| {
            let width = (self.base_width * multiple) as f64 * 1.5f64.powi(stage as i32);
            (width / WIDTH_STEP as f64).round() as usize * WIDTH_STEP
        };
        let mut widths: Vec<usize> = multiples.into_iter().map(grown).collect();
        widths.dedup();
        widths
    }
}

fn stem_strides(axes: usize, extent: usize) -> Vec<usize> {
    match (axes, extent) {
        (_, ..24) => vec![1],
        (2, ..=64) | (1, ..=256) => vec![2, 1],
        (2, _) | (1, ..=1024) => vec![4, 2],
        (1, ..=4096) => vec![8, 4],
        _ => vec![16, 8],
    }
}

/// Two patches that leave some 8 to 16 positions along an axis of an image, and 64 to 128 of a series.
fn patches(axes: usize, extent: usize) -> Vec<usize> {
    let positions = if axes == 1 { 64 } else { 8 };
    let small = (extent / positions).max(2);
    let small = if small.is_power_of_two() { small } else { small.next_power_of_two() / 2 };
    let mut fitting: Vec<usize> = [2 * small, small].into_iter().filter(|patch| *patch <= extent).collect();
    if fitting.is_empty() {
        fitting.push(1);
    }
    fitting
}

fn stages(mut extent: usize) -> usize {
    let mut stages = 1;
    while extent.div_ceil(2) >= LEAST_EXTENT && stages < MOST_STAGES {
        (extent, stages) = (extent.div_ceil(2), stages + 1);
    }
    stages
}

#[cfg(test)]
mod tests {
    use edgefit_graph::Shape;

    use super::{Scale, Task};

    #[test]
    fn tasks_get_the_scale_that_suits_them() {
        let check = |input: &[usize], strides: &[usize], stages: usize, widths: [usize; 3]| {
            let scale = Scale::of(&Task { input: Shape::from(input), classes: 10 }, "chain").unwrap();
            assert_eq!((scale.stem_strides.as_slice(), scale.stages), (strides, stages), "{input:?}");
            assert_eq!(scale.widths(0), widths, "{input:?}");
        };
        check(&[1, 8, 8], &[1], 2, [8, 16, 24]);
        check(&[1, 28, 28], &[2, 1], 3, [8, 16, 24]);
        check(&[3, 32, 32], &[2, 1], 3, [16, 32, 48]);
        check(&[3, 224, 224], &[4, 2], 5, [16, 32, 48]);
        check(&[1, 16_000], &[16, 8], 5, [16, 32, 48]);
        check(&[1, 3, 3], &[1], 1, [8, 16, 24]);
    }

    #[test]
    fn a_vector_is_no_image() {
        assert!(Scale::of(&Task { input: Shape::new([64]), classes: 10 }, "chain").is_err());
    }
}
