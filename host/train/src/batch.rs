//! Batches of normalized floats out of bytes, with mild augmentation.

use rand::{Rng, RngExt};

use crate::data::{Normalization, Samples};
use crate::recipe::Recipe;
use crate::warp::{Limits, Warp};

/// Turns images into floats, channels last.
pub(crate) struct Batcher<'a> {
    samples: &'a Samples,
    /// Normalized value of each byte, for each channel.
    table: Vec<[f32; 256]>,
}

/// How an image is changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Change {
    down: isize,
    right: isize,
    mirrored: bool,
}

impl Change {
    fn draw(shift: usize, flip: bool, rng: &mut impl Rng) -> Self {
        let shift = shift as i32;
        let mut draw = || rng.random_range(-shift..=shift) as isize;
        let (down, right) = (draw(), draw());
        Self { down, right, mirrored: draw_mirrored(flip, rng) }
    }
}

fn draw_mirrored(flip: bool, rng: &mut impl Rng) -> bool {
    flip && rng.next_u32() & 1 == 1
}

impl<'a> Batcher<'a> {
    /// Prepares the normalization.
    pub(crate) fn new(samples: &'a Samples, normalization: &Normalization) -> Self {
        let channels = normalization.mean.iter().zip(&normalization.deviation);
        let table = channels
            .map(|(mean, deviation)| std::array::from_fn(|x| (x as f32 / normalization.divisor - mean) / deviation))
            .collect();
        Self { samples, table }
    }

    /// These images as they are.
    pub(crate) fn plain(&self, indices: &[usize]) -> Vec<f32> {
        let mut out = Vec::with_capacity(indices.len() * self.samples.pixels.shape.bytes());
        indices.iter().for_each(|&i| self.push(i, Change::default(), &mut out));
        out
    }

    /// These images, each changed at random as far as the recipe allows.
    pub(crate) fn augmented(&self, indices: &[usize], recipe: &Recipe, rng: &mut impl Rng) -> Vec<f32> {
        let mut out = Vec::with_capacity(indices.len() * self.samples.pixels.shape.bytes());
        let limits = Limits {
            shift: recipe.shift as f32,
            angle: recipe.rotate.to_radians() as f32,
            log_zoom: recipe.zoom.ln_1p() as f32,
        };
        let warped = recipe.rotate > 0.0 || recipe.zoom > 0.0;
        for &index in indices {
            match warped {
                true => self.push_warped(index, &limits, recipe.flip, rng, &mut out),
                false => self.push(index, Change::draw(recipe.shift, recipe.flip, rng), &mut out),
            }
        }
        out
    }

    /// The labels of these images.
    pub(crate) fn labels(&self, indices: &[usize]) -> Vec<u32> {
        indices.iter().map(|&i| self.samples.labels[i]).collect()
    }

    fn push(&self, index: usize, change: Change, out: &mut Vec<f32>) {
        let shape = self.samples.pixels.shape;
        let image = self.samples.image(index);
        if change == Change::default() {
            self.push_pixels(image, out);
            return;
        }
        for y in 0..shape.height as isize {
            for x in 0..shape.width as isize {
                let from_x = x - change.right;
                let from_x = if change.mirrored { shape.width as isize - 1 - from_x } else { from_x };
                let start = shape.start((y - change.down, from_x));
                let value =
                    |(c, table): (usize, &[f32; 256])| table[start.map_or(0, |start| usize::from(image[start + c]))];
                out.extend(self.table.iter().enumerate().map(value));
            }
        }
    }

    fn push_warped(&self, index: usize, limits: &Limits, flip: bool, rng: &mut impl Rng, out: &mut Vec<f32>) {
        let shape = self.samples.pixels.shape;
        let image = self.samples.image(index);
        let warp = Warp::draw(limits, shape.height, shape.width, rng);
        let mirrored = draw_mirrored(flip, rng);
        for y in 0..shape.height {
            for x in 0..shape.width {
                let corners = warp.corners(y, if mirrored { shape.width - 1 - x } else { x });
                let starts = corners.map(|(at, weight)| (shape.start(at), weight));
                out.extend(self.table.iter().enumerate().map(|(c, table)| {
                    let value = |start: Option<usize>| table[start.map_or(0, |start| usize::from(image[start + c]))];
                    starts.iter().map(|&(start, weight)| weight * value(start)).sum::<f32>()
                }));
            }
        }
    }

    fn push_pixels(&self, image: &[u8], out: &mut Vec<f32>) {
        for pixel in image.chunks_exact(self.table.len()) {
            out.extend(pixel.iter().zip(&self.table).map(|(&x, table)| table[usize::from(x)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::data::{ImageShape, Pixels};

    fn batch_of(change: Change) -> Vec<f32> {
        let shape = ImageShape { height: 2, width: 3, channels: 1 };
        let pixels = Pixels { shape, bytes: vec![1, 2, 3, 4, 5, 6] };
        let samples = Samples { pixels, labels: vec![0] };
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
        let shape = ImageShape { height: 2, width: 2, channels: 2 };
        let pixels = Pixels { shape, bytes: vec![1, 2, 3, 4, 5, 6, 7, 8] };
        let samples = Samples { pixels, labels: vec![0] };
        let normalization = Normalization { divisor: 1.0, mean: vec![0.0; 2], deviation: vec![1.0; 2] };
        let batcher = Batcher::new(&samples, &normalization);
        let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(0);
        let mut out = Vec::new();
        batcher.push_warped(0, &Limits { shift: 0.0, angle: 0.0, log_zoom: 0.0 }, false, rng, &mut out);
        assert_eq!(out, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        let recipe = Recipe { shift: 1, rotate: 20.0, zoom: 0.5, ..Recipe::default() };
        let many: Vec<f32> = (0..50).flat_map(|_| batcher.augmented(&[0], &recipe, rng)).collect();
        assert!(many.iter().all(|value| (0.0..=8.0).contains(value)));
        assert!(many.iter().any(|value| *value < 1.0));
    }

    #[test]
    fn pixels_are_normalized_by_channel() {
        let shape = ImageShape { height: 1, width: 1, channels: 2 };
        let samples = Samples { pixels: Pixels { shape, bytes: vec![10, 20] }, labels: vec![7] };
        let normalization = Normalization { divisor: 10.0, mean: vec![0.5, 1.0], deviation: vec![0.5, 2.0] };
        let batcher = Batcher::new(&samples, &normalization);
        assert_eq!(batcher.plain(&[0]), [1.0, 0.5]);
        assert_eq!(batcher.labels(&[0]), [7]);
    }
}
