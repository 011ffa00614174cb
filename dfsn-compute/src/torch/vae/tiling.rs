//! Running half of the autoencoder tile by tile, so that large pictures fit into memory.
//!
//! Tiles overlap by a quarter and fade into each other, as in diffusers. The result differs a little from that of
//! the whole picture, since group norms and the attention see one tile only.

use tch::{Kind, Tensor};

use crate::config::VaeConfig;
use crate::torch::TorchError;

/// Sides of square tiles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiling {
    sample: i64,
    latent: i64,
}

/// Sides along which one half works.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiles {
    /// Of a tile that goes in.
    side: i64,
    /// From one tile's corner to the next.
    stride: i64,
    /// Of what fades, in what comes out.
    blend: i64,
    /// Of what is kept of a tile that comes out.
    kept: i64,
}

impl Tiling {
    /// Tiles of the size the autoencoder was trained on.
    pub(super) fn new(config: &VaeConfig) -> Self {
        let sample = i64::from(config.sample_size);
        Self { sample, latent: sample / i64::from(config.scale_factor()) }
    }

    pub(super) fn decoding(self) -> Tiles {
        Tiles::new(self.latent, self.sample)
    }

    pub(super) fn encoding(self) -> Tiles {
        Tiles::new(self.sample, self.latent)
    }
}

impl Tiles {
    fn new(input: i64, output: i64) -> Self {
        let blend = output / 4;
        // At least one, so that the tiles get on.
        Self { side: input, stride: (input * 3 / 4).max(1), blend, kept: output - blend }
    }

    /// Applies `run` to `[batch, channels, height, width]`, as a whole where it is no larger than a tile.
    pub(super) fn run(
        self,
        x: &Tensor,
        run: impl Fn(&Tensor) -> Result<Tensor, TorchError>,
    ) -> Result<Tensor, TorchError> {
        let (_, _, height, width) = x.size4()?;
        if height <= self.side && width <= self.side {
            return run(x);
        }
        let mut above: Vec<Tensor> = Vec::new();
        let mut rows = Vec::new();
        for top in steps(height, self.stride) {
            let mut row: Vec<Tensor> = Vec::new();
            let mut kept = Vec::new();
            let strip = x.f_narrow(2, top, self.side.min(height - top))?;
            for (column, left) in steps(width, self.stride).enumerate() {
                let mut tile = run(&strip.f_narrow(3, left, self.side.min(width - left))?)?;
                if let Some(upper) = above.get(column) {
                    tile = fade(upper, &tile, 2, self.blend)?;
                }
                if let Some(before) = row.last() {
                    tile = fade(before, &tile, 3, self.blend)?;
                }
                let (_, _, tall, wide) = tile.size4()?;
                kept.push(tile.f_narrow(2, 0, self.kept.min(tall))?.f_narrow(3, 0, self.kept.min(wide))?);
                row.push(tile);
            }
            rows.push(Tensor::f_cat(&kept, 3)?);
            above = row;
        }
        Ok(Tensor::f_cat(&rows, 2)?)
    }
}

fn steps(length: i64, stride: i64) -> impl Iterator<Item = i64> {
    (0..).map(move |index| index * stride).take_while(move |&at| at < length)
}

/// Fades the end of `first` into the beginning of `second` along a dimension.
fn fade(first: &Tensor, second: &Tensor, dim: i64, extent: i64) -> Result<Tensor, TorchError> {
    // `dim` is 2 or 3 of four.
    let (a, b) = (first.size()[dim as usize], second.size()[dim as usize]);
    let extent = extent.min(a).min(b);
    let mut shape = [1, 1, 1, 1];
    shape[dim as usize] = extent;
    let ramp = Tensor::f_arange(extent, (Kind::Float, second.device()))?
        .f_div_scalar(extent as f64)?
        .f_view(shape)?
        .f_to_kind(second.kind())?;
    let fading = first.f_narrow(dim, a - extent, extent)?;
    let faded =
        fading.f_mul(&ramp.f_rsub_scalar(1.0)?)?.f_add(&second.f_narrow(dim, 0, extent)?.f_mul(&ramp)?)?;
    Ok(Tensor::f_cat(&[faded, second.f_narrow(dim, extent, b - extent)?], dim)?)
}
