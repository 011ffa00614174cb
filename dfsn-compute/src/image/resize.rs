//! Resizing with Lanczos' filter, in the integers of Pillow, so that every machine gets the same pixels as diffusers.

use std::f64::consts::PI;

use super::RgbImage;

/// Lobes of the filter on each side.
const SUPPORT: f64 = 3.0;
/// Weights are whole multiples of 2 to the power of minus this.
const PRECISION_BITS: u32 = 22;

/// The pixels that one pixel of the result is made of.
struct Taps {
    first: usize,
    weights: Vec<i32>,
}

impl RgbImage {
    /// The picture stretched to another size, as `PIL.Image.resize` does with `LANCZOS`. An empty picture stays as
    /// it is.
    #[must_use]
    pub fn resized(&self, height: u32, width: u32) -> Self {
        if (height, width) == (self.height, self.width) || self.pixels.is_empty() {
            return self.clone();
        }
        let wide = if width == self.width { self.pixels.clone() } else { self.resize_rows(width) };
        let pixels =
            if height == self.height { wide } else { resize_columns(&wide, self.height, height, width) };
        Self { height, width, pixels }
    }

    /// Changes the width of every row.
    fn resize_rows(&self, width: u32) -> Vec<u8> {
        let taps = taps(self.width, width);
        let mut pixels = Vec::with_capacity(3 * self.height as usize * width as usize);
        for row in self.pixels.chunks_exact(3 * self.width as usize) {
            for tap in &taps {
                for channel in 0..3 {
                    let values = row[3 * tap.first + channel..].iter().step_by(3);
                    pixels.push(weigh(&tap.weights, values));
                }
            }
        }
        pixels
    }
}

/// Changes the height of rows of `width` pixels.
fn resize_columns(pixels: &[u8], from: u32, to: u32, width: u32) -> Vec<u8> {
    let row = 3 * width as usize;
    let mut resized = Vec::with_capacity(row * to as usize);
    for tap in taps(from, to) {
        for column in 0..row {
            let values = pixels[tap.first * row + column..].iter().step_by(row);
            resized.push(weigh(&tap.weights, values));
        }
    }
    resized
}

fn weigh<'a>(weights: &[i32], values: impl Iterator<Item = &'a u8>) -> u8 {
    let half = 1_i64 << (PRECISION_BITS - 1);
    let sum = weights.iter().zip(values).map(|(&weight, &value)| i64::from(weight) * i64::from(value));
    // Between 0 and 255 after the clamp.
    ((half + sum.sum::<i64>()) >> PRECISION_BITS).clamp(0, 255) as u8
}

fn taps(from: u32, to: u32) -> Vec<Taps> {
    let scale = f64::from(from) / f64::from(to);
    // Making a picture smaller takes in more pixels.
    let stretch = scale.max(1.0);
    let support = SUPPORT * stretch;
    (0..to)
        .map(|at| {
            let center = (f64::from(at) + 0.5) * scale;
            // Both are small and not negative after the bounds.
            let first = (center - support + 0.5).max(0.0) as usize;
            let end = ((center + support + 0.5) as usize).min(from as usize);
            let weights: Vec<f64> =
                (first..end).map(|pixel| lanczos((pixel as f64 - center + 0.5) * (1.0 / stretch))).collect();
            let sum: f64 = weights.iter().sum();
            let scale = f64::from(1 << PRECISION_BITS);
            let weights = weights
                .iter()
                .map(|weight| if sum == 0.0 { *weight } else { weight / sum })
                // Rounds half away from zero; far below 2^31.
                .map(|weight| libm::round(weight * scale) as i32)
                .collect();
            Taps { first, weights }
        })
        .collect()
}

fn lanczos(x: f64) -> f64 {
    let sinc = |x: f64| if x == 0.0 { 1.0 } else { libm::sin(x * PI) / (x * PI) };
    if (-SUPPORT..SUPPORT).contains(&x) { sinc(x) * sinc(x / SUPPORT) } else { 0.0 }
}
