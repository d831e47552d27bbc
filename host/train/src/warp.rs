//! Small changes of perspective, as a hand or a camera makes them: turned, slanted, stretched and moved by parts of a pixel. What is
//! not here: moves by whole pixels and mirroring, which need no interpolation.

use rand::{Rng, RngExt};

/// How far images are warped at most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limits {
    /// Pixels, down and to the right.
    pub(crate) shift: f32,
    /// Radians, of the turn and of the slant.
    pub(crate) angle: f32,
    /// Natural logarithm of the stretch, of the height and of the width.
    pub(crate) log_zoom: f32,
}

/// Where each pixel of a warped image comes from: an affine map about the image's center.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Warp {
    center: [f32; 2],
    moved: [f32; 2],
    sin_cos: (f32, f32),
    slant: f32,
    zoom: [f32; 2],
}

/// What weighs how much in a point between four pixels.
pub(crate) type Corners = [((isize, isize), f32); 4];

impl Warp {
    /// Draws a warp within the limits, uniformly, for images of this height and width.
    pub(crate) fn draw(limits: &Limits, height: usize, width: usize, rng: &mut impl Rng) -> Self {
        let mut within = |limit: f32| (rng.random::<f32>() * 2.0 - 1.0) * limit;
        Self {
            center: [height, width].map(|side| (side as f32 - 1.0) / 2.0),
            moved: [within(limits.shift), within(limits.shift)],
            sin_cos: within(limits.angle).sin_cos(),
            slant: within(limits.angle),
            zoom: [within(limits.log_zoom).exp(), within(limits.log_zoom).exp()],
        }
    }

    /// The four pixels, as row and column, around the point that pixel `(y, x)` of the result comes from, with their weights in a
    /// bilinear interpolation; they may lie outside of the image.
    pub(crate) fn corners(&self, y: usize, x: usize) -> Corners {
        let [from_y, from_x] = self.source(y as f32, x as f32);
        let (top, left) = (from_y.floor(), from_x.floor());
        let (down, right) = (from_y - top, from_x - left);
        let (top, left) = (top as isize, left as isize);
        [
            ((top, left), (1.0 - down) * (1.0 - right)),
            ((top, left + 1), (1.0 - down) * right),
            ((top + 1, left), down * (1.0 - right)),
            ((top + 1, left + 1), down * right),
        ]
    }

    fn source(&self, y: f32, x: f32) -> [f32; 2] {
        let down = y - self.center[0] - self.moved[0];
        let right = x - self.center[1] - self.moved[1] + self.slant * down;
        let (sin, cos) = self.sin_cos;
        [
            (cos * down - sin * right) / self.zoom[0] + self.center[0],
            (sin * down + cos * right) / self.zoom[1] + self.center[1],
        ]
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn warp(limits: Limits) -> Warp {
        Warp::draw(&limits, 8, 6, &mut ChaCha8Rng::seed_from_u64(1))
    }

    #[test]
    fn nothing_moves_where_nothing_may() {
        let still = warp(Limits { shift: 0.0, angle: 0.0, log_zoom: 0.0 });
        assert_eq!(still.source(3.0, 2.0), [3.0, 2.0]);
        assert_eq!(still.corners(3, 2)[0], ((3, 2), 1.0));
    }

    #[test]
    fn weights_of_the_corners_sum_to_one() {
        let warp = warp(Limits { shift: 1.0, angle: 0.2, log_zoom: 0.2 });
        for (y, x) in [(0, 0), (3, 5), (7, 2)] {
            let total: f32 = warp.corners(y, x).iter().map(|corner| corner.1).sum();
            assert!((total - 1.0).abs() < 1e-5, "{total}");
            assert!(warp.corners(y, x).iter().all(|corner| corner.1 >= 0.0));
        }
    }

    #[test]
    fn the_center_moves_by_the_shift_alone() {
        let limits = Limits { shift: 0.5, angle: 0.3, log_zoom: 0.3 };
        for seed in 0..20 {
            let warp = Warp::draw(&limits, 9, 9, &mut ChaCha8Rng::seed_from_u64(seed));
            let [y, x] = warp.source(4.0 + warp.moved[0], 4.0 + warp.moved[1]);
            assert!((y - 4.0).abs() < 1e-5 && (x - 4.0).abs() < 1e-5);
            assert!(warp.moved.iter().all(|by| by.abs() <= 0.5) && warp.slant.abs() <= 0.3);
        }
    }

    #[test]
    fn a_turn_turns_and_a_stretch_stretches() {
        let plain = Warp { center: [0.0; 2], moved: [0.0; 2], sin_cos: (0.0, 1.0), slant: 0.0, zoom: [1.0; 2] };
        let turned = Warp { sin_cos: (1.0, 0.0), ..plain };
        assert_eq!(turned.source(0.0, 1.0), [-1.0, 0.0]);
        let stretched = Warp { zoom: [2.0, 0.5], ..plain };
        assert_eq!(stretched.source(2.0, 2.0), [1.0, 4.0]);
    }
}
