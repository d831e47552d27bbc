//! Batches of normalized floats out of samples, with augmentation.

use rand::{Rng, RngExt};

use crate::data::{Normalization, Numbers, SampleShape, Samples};
use crate::recipe::Recipe;
use crate::warp::{Limits, Warp};

/// Turns samples into floats, channels last.
pub(crate) struct Batcher<'a> {
    samples: &'a Samples,
    normalization: &'a Normalization,
    /// Normalized value of each byte, for each channel; empty where samples are floats.
    table: Vec<[f32; 256]>,
}

/// How a sample is moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Change {
    down: isize,
    right: isize,
    mirrored: bool,
}

impl Change {
    fn draw(recipe: &Recipe, rng: &mut impl Rng) -> Self {
        let shift = recipe.shift as i32;
        let mut draw = || rng.random_range(-shift..=shift) as isize;
        let (down, right) = (draw(), draw());
        let mirrored = draw_mirrored(recipe.flip, rng);
        Self { down, right: right + draw_time_shift(recipe.time_shift, rng), mirrored }
    }
}

fn draw_mirrored(flip: bool, rng: &mut impl Rng) -> bool {
    flip && rng.next_u32() & 1 == 1
}

/// Positions along the last axis; where nothing may move, nothing is drawn.
fn draw_time_shift(most: usize, rng: &mut impl Rng) -> isize {
    let most = most as i32;
    if most > 0 { rng.random_range(-most..=most) as isize } else { 0 }
}

impl<'a> Batcher<'a> {
    /// Prepares the normalization.
    pub(crate) fn new(samples: &'a Samples, normalization: &'a Normalization) -> Self {
        let channels = normalization.mean.iter().zip(&normalization.deviation);
        let is_bytes = matches!(samples.values.numbers, Numbers::Bytes(_));
        let table = channels
            .filter(|_| is_bytes)
            .map(|(mean, deviation)| std::array::from_fn(|x| (x as f32 / normalization.divisor - mean) / deviation))
            .collect();
        Self { samples, normalization, table }
    }

    /// These samples as they are.
    pub(crate) fn plain(&self, indices: &[usize]) -> Vec<f32> {
        let mut out = Vec::with_capacity(indices.len() * self.samples.values.shape.size());
        indices.iter().for_each(|&i| self.push(i, Change::default(), &mut out));
        out
    }

    /// These samples, each changed at random as far as the recipe allows; only images are warped.
    pub(crate) fn augmented(&self, indices: &[usize], recipe: &Recipe, rng: &mut impl Rng) -> Vec<f32> {
        let shape = self.samples.values.shape;
        let mut out = Vec::with_capacity(indices.len() * shape.size());
        let limits = Limits {
            shift: recipe.shift as f32,
            angle: recipe.rotate.to_radians() as f32,
            log_zoom: recipe.zoom.ln_1p() as f32,
        };
        let is_image = matches!(shape, SampleShape::Image { .. });
        let warped = is_image && (recipe.rotate > 0.0 || recipe.zoom > 0.0);
        for &index in indices {
            match warped {
                true => self.push_warped(index, &limits, recipe, rng, &mut out),
                false => self.push(index, Change::draw(recipe, rng), &mut out),
            }
            let begin = out.len() - shape.size();
            self.disturb(&mut out[begin..], recipe, rng);
        }
        out
    }

    /// The labels of these samples.
    pub(crate) fn labels(&self, indices: &[usize]) -> Vec<u32> {
        indices.iter().map(|&i| self.samples.labels[i]).collect()
    }

    fn push(&self, index: usize, change: Change, out: &mut Vec<f32>) {
        let shape = self.samples.values.shape;
        if change == Change::default() {
            self.push_plain(index, out);
            return;
        }
        let ([height, width], channels) = (shape.rows_columns(), shape.channels());
        let down = if matches!(shape, SampleShape::Series { .. }) { 0 } else { change.down };
        for y in 0..height as isize {
            for x in 0..width as isize {
                let from_x = x - change.right;
                let from_x = if change.mirrored { width as isize - 1 - from_x } else { from_x };
                let position = self.source((y - down, from_x));
                out.extend((0..channels).map(|c| self.normalized(index, position, c)));
            }
        }
    }

    fn push_warped(&self, index: usize, limits: &Limits, recipe: &Recipe, rng: &mut impl Rng, out: &mut Vec<f32>) {
        let shape = self.samples.values.shape;
        let [height, width] = shape.rows_columns();
        let warp = Warp::draw(limits, height, width, rng);
        let mirrored = draw_mirrored(recipe.flip, rng);
        let right = draw_time_shift(recipe.time_shift, rng);
        for y in 0..height {
            for x in 0..width {
                let corners = warp.corners(y, if mirrored { width - 1 - x } else { x });
                let positions = corners.map(|((y, x), weight)| (self.source((y, x - right)), weight));
                out.extend((0..shape.channels()).map(|c| {
                    positions.iter().map(|&(at, weight)| weight * self.normalized(index, at, c)).sum::<f32>()
                }));
            }
        }
    }

    /// The position that a value comes from. Beyond its edge an image is black; anything else goes on as it is at the edge.
    fn source(&self, (y, x): (isize, isize)) -> Option<usize> {
        let [height, width] = self.samples.values.shape.rows_columns();
        let inside = (0..height as isize).contains(&y) && (0..width as isize).contains(&x);
        if !inside && !self.table.is_empty() {
            return None;
        }
        let clamped = |at: isize, len: usize| at.clamp(0, len as isize - 1) as usize;
        Some(clamped(y, height) * width + clamped(x, width))
    }

    fn normalized(&self, index: usize, position: Option<usize>, channel: usize) -> f32 {
        match (self.table.get(channel), position) {
            (Some(table), None) => table[0],
            (Some(table), Some(at)) => table[self.samples.number(index, at, channel) as usize],
            (None, at) => self.normalize(self.samples.number(index, at.unwrap_or(0), channel), channel),
        }
    }

    fn normalize(&self, raw: f32, channel: usize) -> f32 {
        let Normalization { divisor, mean, deviation } = self.normalization;
        (raw / divisor - mean[channel]) / deviation[channel]
    }

    fn push_plain(&self, index: usize, out: &mut Vec<f32>) {
        let (size, channels) = (self.samples.values.shape.size(), self.samples.values.shape.channels());
        let of_sample = index * size..(index + 1) * size;
        match &self.samples.values.numbers {
            Numbers::Bytes(bytes) => {
                for pixel in bytes[of_sample].chunks_exact(channels) {
                    out.extend(pixel.iter().zip(&self.table).map(|(&x, table)| table[usize::from(x)]));
                }
            }
            Numbers::Floats(floats) => {
                for position in floats[of_sample].chunks_exact(channels) {
                    out.extend(position.iter().enumerate().map(|(c, &x)| self.normalize(x, c)));
                }
            }
        }
    }

    /// Color, noise and a cut-out, on normalized values.
    fn disturb(&self, sample: &mut [f32], recipe: &Recipe, rng: &mut impl Rng) {
        let channels = self.samples.values.shape.channels();
        if recipe.color > 0.0 {
            let most = recipe.color as f32;
            for channel in 0..channels {
                let (scale, offset) = (1.0 + rng.random_range(-most..=most), rng.random_range(-most..=most));
                sample.iter_mut().skip(channel).step_by(channels).for_each(|x| *x = *x * scale + offset);
            }
        }
        if recipe.noise > 0.0 {
            sample.iter_mut().for_each(|x| *x += recipe.noise as f32 * normal(rng));
        }
        if recipe.cutout > 0 {
            self.cut_out(sample, recipe.cutout, rng);
        }
    }

    /// Sets a square to the mean; its middle is anywhere, so that a part of it may lie outside (DeVries and Taylor 2017). Of a series
    /// it is a stretch of time.
    fn cut_out(&self, sample: &mut [f32], side: usize, rng: &mut impl Rng) {
        let ([height, width], channels) =
            (self.samples.values.shape.rows_columns(), self.samples.values.shape.channels());
        let mut stretch = |len: usize| {
            let begin = rng.random_range(0..len) as isize - (side / 2) as isize;
            begin.max(0) as usize..((begin + side as isize) as usize).min(len)
        };
        let (rows, columns) = (if height == 1 { 0..1 } else { stretch(height) }, stretch(width));
        for y in rows {
            sample[(y * width + columns.start) * channels..(y * width + columns.end) * channels].fill(0.0);
        }
    }
}

/// A draw from the standard normal distribution (Box and Muller 1958).
pub(crate) fn normal(rng: &mut impl Rng) -> f32 {
    let (a, b): (f32, f32) = (rng.random_range(f32::MIN_POSITIVE..1.0), rng.random_range(0.0..1.0));
    (-2.0 * a.ln()).sqrt() * (std::f32::consts::TAU * b).cos()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::data::Values;

    fn batch_of(change: Change) -> Vec<f32> {
        let shape = SampleShape::Image { height: 2, width: 3, channels: 1 };
        let values = Values { shape, numbers: Numbers::Bytes(vec![1, 2, 3, 4, 5, 6]) };
        let samples = Samples { values, labels: vec![0] };
        let normalization = Normalization { divisor: 1.0, mean: vec![0.0], deviation: vec![1.0] };
        let mut out = Vec::new();
        Batcher::new(&samples, &normalization).push(0, change, &mut out);
        out
    }

    #[test]
    fn images_are_moved_and_mirrored() {
        let check = |down, right, mirrored, expected: [f32; 6]| {
            assert_eq!(batch_of(Change { down, right, mirrored }), expected);
        };
        check(0, 0, false, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        check(1, 0, false, [0.0, 0.0, 0.0, 1.0, 2.0, 3.0]);
        check(0, -1, false, [2.0, 3.0, 0.0, 5.0, 6.0, 0.0]);
        check(0, 0, true, [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]);
        check(0, 1, true, [0.0, 3.0, 2.0, 0.0, 6.0, 5.0]);
    }

    #[test]
    fn a_warp_that_changes_nothing_gives_the_image_and_black_comes_in() {
        let shape = SampleShape::Image { height: 2, width: 2, channels: 2 };
        let values = Values { shape, numbers: Numbers::Bytes(vec![1, 2, 3, 4, 5, 6, 7, 8]) };
        let samples = Samples { values, labels: vec![0] };
        let normalization = Normalization { divisor: 1.0, mean: vec![0.0; 2], deviation: vec![1.0; 2] };
        let batcher = Batcher::new(&samples, &normalization);
        let rng = &mut ChaCha8Rng::seed_from_u64(0);
        let mut out = Vec::new();
        let still = Limits { shift: 0.0, angle: 0.0, log_zoom: 0.0 };
        batcher.push_warped(0, &still, &Recipe::default(), rng, &mut out);
        assert_eq!(out, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        let recipe = Recipe { shift: 1, rotate: 20.0, zoom: 0.5, ..Recipe::default() };
        let many: Vec<f32> = (0..50).flat_map(|_| batcher.augmented(&[0], &recipe, rng)).collect();
        assert!(many.iter().all(|value| (0.0..=8.0).contains(value)));
        assert!(many.iter().any(|value| *value < 1.0));
    }

    #[test]
    fn floats_go_on_at_the_edge_where_a_warp_leaves_the_map() {
        let shape = SampleShape::Image { height: 2, width: 2, channels: 1 };
        let values = Values { shape, numbers: Numbers::Floats(vec![5.0, 6.0, 7.0, 8.0]) };
        let samples = Samples { values, labels: vec![0] };
        let normalization = Normalization { divisor: 1.0, mean: vec![0.0], deviation: vec![1.0] };
        let batcher = Batcher::new(&samples, &normalization);
        let recipe = Recipe { shift: 1, rotate: 20.0, zoom: 0.5, time_shift: 1, ..Recipe::default() };
        let rng = &mut ChaCha8Rng::seed_from_u64(0);
        let many: Vec<f32> = (0..50).flat_map(|_| batcher.augmented(&[0], &recipe, rng)).collect();
        assert!(many.iter().all(|value| (4.99..=8.01).contains(value)), "{many:?}");
        assert!(many.iter().any(|value| value.fract() > 0.01));
    }

    #[test]
    fn pixels_are_normalized_by_channel() {
        let shape = SampleShape::Image { height: 1, width: 1, channels: 2 };
        let samples = Samples { values: Values { shape, numbers: Numbers::Bytes(vec![10, 20]) }, labels: vec![7] };
        let normalization = Normalization { divisor: 10.0, mean: vec![0.5, 1.0], deviation: vec![0.5, 2.0] };
        let batcher = Batcher::new(&samples, &normalization);
        assert_eq!(batcher.plain(&[0]), [1.0, 0.5]);
        assert_eq!(batcher.labels(&[0]), [7]);
    }

    fn series() -> (Samples, Normalization) {
        let shape = SampleShape::Series { length: 4, channels: 1 };
        let values = Values { shape, numbers: Numbers::Floats(vec![1.0, 2.0, 3.0, 4.0]) };
        (Samples { values, labels: vec![0] }, Normalization { divisor: 1.0, mean: vec![0.0], deviation: vec![1.0] })
    }

    #[test]
    fn series_move_in_time_only_and_go_on_at_their_edges() {
        let (samples, normalization) = series();
        let batcher = Batcher::new(&samples, &normalization);
        let moved = |right| {
            let mut out = Vec::new();
            batcher.push(0, Change { down: 3, right, mirrored: false }, &mut out);
            out
        };
        assert_eq!(moved(1), [1.0, 1.0, 2.0, 3.0]);
        assert_eq!(moved(-2), [3.0, 4.0, 4.0, 4.0]);
    }

    #[test]
    fn each_disturbance_changes_a_sample_and_none_leaves_it() {
        let (samples, normalization) = series();
        let batcher = Batcher::new(&samples, &normalization);
        let plain = Recipe { shift: 0, ..Recipe::default() };
        let seen = |recipe: &Recipe| batcher.augmented(&[0], recipe, &mut ChaCha8Rng::seed_from_u64(3));
        assert_eq!(seen(&plain), [1.0, 2.0, 3.0, 4.0]);
        for recipe in [
            Recipe { noise: 0.1, ..plain.clone() },
            Recipe { color: 0.3, ..plain.clone() },
            Recipe { cutout: 2, ..plain.clone() },
        ] {
            let changed = seen(&recipe);
            assert_ne!(changed, [1.0, 2.0, 3.0, 4.0]);
            assert!(changed.iter().all(|x| x.is_finite()));
        }
        let cut = seen(&Recipe { cutout: 2, ..plain });
        assert!((1..=2).contains(&cut.iter().filter(|x| **x == 0.0).count()), "{cut:?}");
    }
}
