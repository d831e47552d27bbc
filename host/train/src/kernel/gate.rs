//! The product of images with one factor for each image and channel: the last step of squeeze-and-excitation.

/// `y[n, p, c] = x[n, p, c] * factors[n, c]`.
pub(crate) fn multiply(x: &[f32], factors: &[f32], positions: usize, channels: usize, y: &mut [f32]) {
    let images = x.chunks_exact(positions * channels).zip(y.chunks_exact_mut(positions * channels));
    for ((x, y), factors) in images.zip(factors.chunks_exact(channels)) {
        for (x, y) in x.chunks_exact(channels).zip(y.chunks_exact_mut(channels)) {
            y.iter_mut().zip(x).zip(factors).for_each(|((y, x), f)| *y = x * f);
        }
    }
}

/// The gradient of [`multiply`] for the factors: `sum over p of dy * x`.
pub(crate) fn factor_gradient(x: &[f32], dy: &[f32], positions: usize, channels: usize, gradient: &mut [f32]) {
    let images = x.chunks_exact(positions * channels).zip(dy.chunks_exact(positions * channels));
    for ((x, dy), gradient) in images.zip(gradient.chunks_exact_mut(channels)) {
        gradient.fill(0.0);
        for (x, dy) in x.chunks_exact(channels).zip(dy.chunks_exact(channels)) {
            gradient.iter_mut().zip(x).zip(dy).for_each(|((g, x), dy)| *g += x * dy);
        }
    }
}
