//! Weights of tokens on the embeddings of a chunk.

/// Multiplies each token's embedding by its weight, and all of them by what brings their mean back: weights say how
/// strong words are beside each other, not how far from zero a chunk lies.
///
/// `embeddings` is `[tokens, width]`, row-major. Where all weights are 1 nothing changes; where the weighted mean is so
/// near zero that no finite factor leads back, it stays.
pub fn apply_weights(embeddings: &mut [f32], weights: &[f32]) {
    let width = embeddings.len() / weights.len().max(1);
    if width == 0 || weights.iter().all(|&weight| weight == 1.0) {
        return;
    }
    let before = mean(embeddings);
    for (row, &weight) in embeddings.chunks_exact_mut(width).zip(weights) {
        row.iter_mut().for_each(|number| *number *= weight);
    }
    let factor = (before / mean(embeddings)) as f32;
    if factor.is_finite() {
        embeddings.iter_mut().for_each(|number| *number *= factor);
    }
}

fn mean(numbers: &[f32]) -> f64 {
    numbers.iter().map(|&number| f64::from(number)).sum::<f64>() / numbers.len() as f64
}
