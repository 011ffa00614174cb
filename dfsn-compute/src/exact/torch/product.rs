//! Linear layers and convolutions: sums of products of integers, in binary64.
//!
//! A sum stays below 2^47 in all its parts, since the sum of the products' magnitudes does (the program's builder has
//! checked it).

use dfsn_consensus::exact::{LIMIT_ROW, OpKind, WeightId, Window, source_index};

use super::array::Array;
use super::number::Scale;
use super::{At, Fault, Result};

/// Numbers that one piece of a convolution gathers at a time.
const PIECE: usize = 1 << 24;

impl At<'_> {
    pub(super) fn linear(&self, weight: WeightId, bias: Option<WeightId>) -> Result<Array<f32>> {
        let spec = self.spec(0)?;
        let (rows, width) = (spec.rows(), spec.width());
        let (weights, scales) = self.quantised(weight)?;
        let x = self.shorts(0)?.reshape(&[rows, width])?.to_doubles()?;
        let sum = x.product_of_integers(&weights.to_doubles()?.permute(&[1, 0])?)?;
        let mut y = scaled(&sum, scales, &self.floats(1)?.reshape(&[rows, 1])?, LIMIT_ROW)?;
        if let Some(bias) = bias {
            y = y.add(self.plain(bias)?)?;
        }
        if self.op.inputs.len() > 2 {
            y = y.add(&self.float_rows(2)?)?;
        }
        Ok(y)
    }

    pub(super) fn conv(&self) -> Result<Array<f32>> {
        let OpKind::Conv { weight, bias, window, limit, embedding, residual } = &self.op.kind else {
            return Err(Fault::Missing("convolution"));
        };
        let spec = self.output_spec()?;
        let (pixels, outputs) = (spec.rows(), spec.width());
        let (weights, scales) = self.quantised(*weight)?;
        let sum = self.window_sums(weights, *window)?;
        let mut y = scaled(&sum, scales, self.floats(1)?, *limit)?.add(self.plain(*bias)?)?;
        if *embedding {
            y = y.add(&self.floats(2)?.reshape(&[1, outputs])?)?;
        }
        if *residual {
            let position = if *embedding { 3 } else { 2 };
            y = y.add(&self.floats(position)?.reshape(&[pixels, outputs])?)?;
        }
        Ok(y)
    }

    /// The exact sums of all windows, `[pixels][outputs]`: tap by tap, each the product of the pixels under it and its
    /// part of the kernel.
    fn window_sums(&self, weights: &Array<i16>, window: Window) -> Result<Array<f64>> {
        let (&[height, width, channels], &[out_height, out_width, outputs]) =
            (self.spec(0)?.dims.as_slice(), self.output_spec()?.dims.as_slice())
        else {
            return Err(Fault::Missing("image"));
        };
        let taps = window.kernel * window.kernel;
        let image = self.shorts(0)?.reshape(&[height * width, channels])?;
        // What lies outside of the image is read from a row of zeros behind it.
        let zeros = image.beside(&vec![0_i16; channels], &[1, channels])?;
        let image = Array::concat(&[&image, &zeros], 0)?;
        let kernel = weights.reshape(&[outputs, taps, channels])?.permute(&[1, 2, 0])?.to_doubles()?;
        let under = |tap: usize, pixel: usize| -> i64 {
            let resized = window.upsample;
            let (row, column) = (pixel / out_width, pixel % out_width);
            let y = source_index(row, tap / window.kernel, window, height, resized.map(|(height, _)| height));
            let x = source_index(column, tap % window.kernel, window, width, resized.map(|(_, width)| width));
            y.zip(x).map_or(height * width, |(y, x)| y * width + x) as i64
        };
        let pixels = out_height * out_width;
        let piece = (PIECE / channels.max(outputs).max(1)).max(1);
        let mut pieces = Vec::with_capacity(pixels.div_ceil(piece));
        for first in (0..pixels).step_by(piece) {
            let last = pixels.min(first + piece);
            let mut sum: Option<Array<f64>> = None;
            for tap in 0..taps {
                let places: Vec<i64> = (first..last).map(|pixel| under(tap, pixel)).collect();
                let taken = image.rows(&image.beside(&places, &[last - first])?)?.to_doubles()?;
                let part = kernel.narrow(0, tap, 1)?.reshape(&[channels, outputs])?;
                let products = taken.product_of_integers(&part)?;
                sum = Some(match sum {
                    None => products,
                    Some(sum) => sum.add(&products)?,
                });
            }
            pieces.push(sum.ok_or(Fault::Missing("kernel"))?);
        }
        Ok(Array::concat(&pieces.iter().collect::<Vec<_>>(), 0)?)
    }
}

/// `RN32(RN64(sum * s_w) * s_a)`.
fn scaled(sum: &Array<f64>, weight_scales: &Array<f32>, max: &Array<f32>, limit: i32) -> Result<Array<f32>> {
    let scale = Scale::of(max, limit)?.s.to_doubles()?;
    Ok(sum.mul(&weight_scales.to_doubles()?)?.mul(&scale)?.to_singles()?)
}
