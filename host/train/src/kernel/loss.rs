//! Cross entropy of the softmax of scores with smoothed labels, and its gradient.

/// Mean over the batch of `-sum over k of target_k * log softmax(scores)_k`, where the target is `1 - smoothing` at the label plus
/// `smoothing / classes` everywhere (Szegedy et al. 2016, section 7). Writes the gradient of that mean for the scores.
pub(crate) fn cross_entropy(scores: &[f32], labels: &[u32], smoothing: f32, gradient: &mut [f32]) -> f32 {
    let classes = scores.len() / labels.len();
    let share = 1.0 / labels.len() as f32;
    let even = smoothing / classes as f32;
    let mut loss = 0.0f64;
    let rows = scores.chunks_exact(classes).zip(gradient.chunks_exact_mut(classes));
    for ((scores, gradient), &label) in rows.zip(labels) {
        let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        gradient.iter_mut().zip(scores).for_each(|(g, s)| *g = (s - largest).exp());
        let sum: f32 = gradient.iter().sum();
        let log_sum = largest + sum.ln();
        for (k, (g, s)) in gradient.iter_mut().zip(scores).enumerate() {
            let target = even + if k == label as usize { 1.0 - smoothing } else { 0.0 };
            loss += f64::from(target * (log_sum - s));
            *g = (*g / sum - target) * share;
        }
    }
    (loss * f64::from(share)) as f32
}
