//! Images: norms over groups of channels, and convolutions.

use dfsn_consensus::exact::quantise::from_sort_key;
use dfsn_consensus::exact::{Affine, LIMIT_RAW, LIMIT_ROW, LIMIT_STATISTICS, Op, OpKind, TensorId};

use super::{Executor, Extremes, Held, not_finite, quantiser};
use crate::exact::ExactError;
use crate::exact::simd::norm::{self, Moments};
use crate::exact::simd::quantise::{Haloed, channel_bounds, quantise_image};
use crate::exact::simd::{ChannelBounds, ConvWindow, Epilogue, Operand, Scale};

/// Pixels of zeros around quantised images: no window reaches further.
const HALO: usize = 1;

/// The affine map of one image's channels.
pub(super) struct ChannelMaps {
    mean: Vec<f32>,
    factor: Vec<f32>,
    beta: Vec<f32>,
}

impl ChannelMaps {
    pub(super) fn affine(&self) -> norm::Affine<'_> {
        norm::Affine { mean: &self.mean, factor: &self.factor, beta: &self.beta }
    }
}

/// The largest magnitude between sort keys.
fn magnitude(min: &[i32], max: &[i32]) -> u32 {
    let bits = |key: &i32| from_sort_key(*key) & 0x7fff_ffff;
    min.iter().chain(max).map(bits).max().unwrap_or(0)
}

impl Executor<'_> {
    fn extremes(&self, id: TensorId) -> Result<&Extremes, ExactError> {
        match &self.held[id.index()] {
            Some(Held::Extremes(extremes)) => Ok(extremes),
            _ => Err(self.missing("extremes")),
        }
    }

    fn stats(&self, id: TensorId) -> Result<&[Moments], ExactError> {
        match &self.held[id.index()] {
            Some(Held::Stats(stats)) => Ok(stats),
            _ => Err(self.missing("statistics")),
        }
    }

    pub(super) fn keep_bounds(&mut self, op: &Op, bounds: Option<ChannelBounds>) {
        if let (Some(id), Some(bounds)) = (op.outputs.first(), bounds) {
            let (min, max) = bounds.into_keys();
            self.extremes[id.index()] = Some(Extremes { min, max });
        }
    }

    /// Whole images at once, unless their extremes were found while they were written.
    pub(super) fn min_max(&mut self, op: &Op) -> Result<(), ExactError> {
        let mut part = self.writer(self.input(op, 0)?)?;
        while part.kind == OpKind::MinMaxJoin {
            part = self.writer(self.input(part, 0)?)?;
        }
        let id = self.input(part, 0)?;
        let extremes = match self.extremes[id.index()].clone() {
            Some(extremes) => extremes,
            None => {
                let (x, channels) = (self.floats(id)?, self.spec(id)?.width());
                let bounds = ChannelBounds::new(self.images, channels);
                for (image, x) in x.chunks_exact(x.len() / self.images).enumerate() {
                    channel_bounds(self.kernels, x, channels, &bounds, image, self.threads)?;
                }
                let (min, max) = bounds.into_keys();
                Extremes { min, max }
            }
        };
        self.put(op, 0, Held::Extremes(extremes))
    }

    pub(super) fn image_max(&mut self, op: &Op) -> Result<(), ExactError> {
        let Extremes { min, max } = self.extremes(self.input(op, 0)?)?;
        let channels = min.len() / self.images;
        let images = min.chunks_exact(channels).zip(max.chunks_exact(channels));
        let max: Vec<u32> = images.map(|(min, max)| magnitude(min, max)).collect();
        if max.iter().any(|max| *max >= f32::INFINITY.to_bits()) {
            return Err(not_finite());
        }
        self.put(op, 0, Held::Max(max))
    }

    fn haloed(&self, op: &Op) -> Result<Haloed, ExactError> {
        match self.output_spec(op)?.dims.as_slice() {
            &[height, width, channels] => Ok(Haloed { height, width, channels, halo: HALO }),
            _ => Err(self.missing("image")),
        }
    }

    pub(super) fn quant_image(&mut self, op: &Op) -> Result<(), ExactError> {
        let image = self.haloed(op)?;
        let x = self.floats(self.input(op, 0)?)?;
        let max = self.max(self.input(op, 1)?)?;
        let mut values = self.new_shorts(self.images * image.len());
        let images = x.chunks_exact(image.inner_len()).zip(values.chunks_exact_mut(image.len()));
        for ((x, values), max) in images.zip(max) {
            image.clear_border(values);
            quantise_image(self.kernels, x, &image, quantiser(*max, LIMIT_RAW)?.r, values, self.threads)?;
        }
        self.put(op, 0, Held::Shorts(values))
    }

    /// Whole groups at once; the extremes give each group's scale.
    pub(super) fn sum_part(&mut self, op: &Op, groups: usize) -> Result<(), ExactError> {
        let x = self.floats(self.input(op, 0)?)?;
        let Extremes { min, max } = self.extremes(self.input(op, 1)?)?;
        let channels = min.len() / self.images;
        let size = channels / groups;
        let mut sums = Vec::with_capacity(self.images * groups);
        let extremes = min.chunks_exact(channels).zip(max.chunks_exact(channels));
        for (x, (min, max)) in x.chunks_exact(x.len() / self.images).zip(extremes) {
            let mut factors = Vec::with_capacity(channels);
            for (min, max) in min.chunks_exact(size).zip(max.chunks_exact(size)) {
                let factor = quantiser(magnitude(min, max), LIMIT_STATISTICS)?.r;
                factors.extend(std::iter::repeat_n(factor, size));
            }
            sums.extend(norm::group_sums(self.kernels, x, &factors, groups, self.threads)?);
        }
        self.put(op, 0, Held::Sums(sums))
    }

    /// The sums are whole already.
    pub(super) fn sum_join(&mut self, op: &Op) -> Result<(), ExactError> {
        let id = self.input(op, 0)?;
        let sums = self.held[id.index()].clone().ok_or_else(|| self.missing("sums"))?;
        self.put(op, 0, sums)
    }

    pub(super) fn group_stats(&mut self, op: &Op, count: usize, eps: u64) -> Result<(), ExactError> {
        let Some(Held::Sums(sums)) = &self.held[self.input(op, 0)?.index()] else {
            return Err(self.missing("sums"));
        };
        let Extremes { min, max } = self.extremes(self.input(op, 1)?)?;
        let size = min.len() / sums.len();
        let groups = min.chunks_exact(size).zip(max.chunks_exact(size));
        let mut stats = Vec::with_capacity(sums.len());
        for (&(s1, s2), (min, max)) in sums.iter().zip(groups) {
            let scale = quantiser(magnitude(min, max), LIMIT_STATISTICS)?.s;
            stats.push(Moments::new(s1, s2, count as u32, scale, f64::from_bits(eps)));
        }
        self.put(op, 0, Held::Stats(stats))
    }

    /// The affine maps of all images.
    pub(super) fn maps(&self, stats: TensorId, affine: Affine) -> Result<Vec<ChannelMaps>, ExactError> {
        let (gamma, beta) = (self.plain(affine.gamma)?, self.plain(affine.beta)?);
        let stats = self.stats(stats)?;
        let groups = stats.len() / self.images;
        let size = gamma.len() / groups;
        let maps = |stats: &[Moments]| {
            let of = |pick: fn(&Moments) -> f32| {
                stats.iter().flat_map(move |stats| std::iter::repeat_n(pick(stats), size))
            };
            ChannelMaps {
                mean: of(|stats| stats.mean).collect(),
                factor: of(|stats| stats.rstd).zip(gamma).map(|(rstd, gamma)| rstd * gamma).collect(),
                beta: beta.to_vec(),
            }
        };
        Ok(stats.chunks_exact(groups).map(maps).collect())
    }

    pub(super) fn norm_bound(&mut self, op: &Op, affine: Affine) -> Result<(), ExactError> {
        let Extremes { min, max } = self.extremes(self.input(op, 0)?)?;
        let maps = self.maps(self.input(op, 1)?, affine)?;
        let channels = min.len() / self.images;
        let mut bounds = Vec::with_capacity(self.images);
        for ((min, max), map) in min.chunks_exact(channels).zip(max.chunks_exact(channels)).zip(&maps) {
            let bound = map.affine().silu_bound(min, max)?;
            if bound >= f32::INFINITY.to_bits() {
                return Err(not_finite());
            }
            bounds.push(bound);
        }
        self.put(op, 0, Held::Max(bounds))
    }

    pub(super) fn norm_quant_image(&mut self, op: &Op, affine: Affine) -> Result<(), ExactError> {
        let image = self.haloed(op)?;
        let x = self.floats(self.input(op, 0)?)?;
        let maps = self.maps(self.input(op, 1)?, affine)?;
        let max = self.max(self.input(op, 2)?)?;
        let mut values = self.new_shorts(self.images * image.len());
        let images = x.chunks_exact(image.inner_len()).zip(values.chunks_exact_mut(image.len()));
        for ((x, values), (max, map)) in images.zip(max.iter().zip(&maps)) {
            image.clear_border(values);
            let r = quantiser(*max, LIMIT_ROW)?.r;
            let affine = map.affine();
            // Below 2^15.
            norm::silu_image(self.kernels, x, &image, &affine, r, LIMIT_ROW as i16, values, self.threads)?;
        }
        self.put(op, 0, Held::Shorts(values))
    }

    pub(super) fn conv(&mut self, op: &Op) -> Result<(), ExactError> {
        let OpKind::Conv { weight, bias, window, limit, embedding, residual } = op.kind else {
            return Err(self.missing("window"));
        };
        let input = self.input(op, 0)?;
        let (&[height, width, channels], &[out_height, out_width, outputs]) =
            (self.spec(input)?.dims.as_slice(), self.output_spec(op)?.dims.as_slice())
        else {
            return Err(self.missing("image"));
        };
        let window = ConvWindow {
            height,
            width,
            channels,
            halo: HALO,
            kernel: window.kernel,
            stride: window.stride,
            padding: window.padding,
            resized: window.upsample,
            out_height,
            out_width,
        };
        let (weights, weight_scales) = self.packed(weight)?;
        let values = self.shorts(input)?;
        let max = self.max(self.input(op, 1)?)?;
        let temb = embedding.then(|| self.input(op, 2)).transpose()?.map(|id| self.floats(id)).transpose()?;
        let position = if embedding { 3 } else { 2 };
        let residual = residual.then(|| self.input(op, position)).transpose()?;
        let residual = residual.map(|id| self.floats(id)).transpose()?;
        let pixels = out_height * out_width;
        let mut scales = Vec::with_capacity(self.images * pixels);
        for max in max {
            scales.extend(std::iter::repeat_n(quantiser(*max, limit)?.s, pixels));
        }
        let operand = Operand::conv(values, &window, self.images)?;
        let mut epilogue = Epilogue::new(weight_scales, Scale::Rows(&scales), pixels);
        epilogue.bias = Some(self.plain(bias)?);
        epilogue.temb = temb;
        epilogue.residual = residual;
        let bounds = self.bounds_of(op, outputs);
        epilogue.bounds = bounds.as_ref();
        let mut out = self.new_floats(self.images * pixels * outputs);
        self.multiply(&operand, weights, &epilogue, &mut out)?;
        self.keep_bounds(op, bounds);
        self.put(op, 0, Held::Floats(out))
    }
}
