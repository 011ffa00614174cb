//! Layers that all networks share.

use super::super::op::{
    JOINED_BLOCKS, LIMIT_QUERY, LIMIT_RAW, LIMIT_ROW, LIMIT_VALUE, OpKind, Window, block_rows,
};
use super::super::program::{Builder, Matrix, ProgramError, check_epsilon, check_fan_in, divide};
use super::super::tensor::{Element, TensorId, TensorSpec};

/// Limits of an attention (EXA-07), under which its sums stay below 2^47.
const HEAD_DEPTH_MAX: usize = 1 << 10;
const HEAD_ROWS_MAX: usize = 1 << 17;

/// A quantised tensor: values and the largest magnitude of each scope.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quantised {
    pub(super) values: TensorId,
    pub(super) max: TensorId,
}

/// What a convolution is, besides its input.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConvLayer<'a> {
    pub(super) name: &'a str,
    pub(super) outputs: usize,
    pub(super) window: Window,
}

impl<'a> ConvLayer<'a> {
    /// A 3x3 window that keeps the size.
    pub(super) const fn same(name: &'a str, outputs: usize) -> Self {
        Self { name, outputs, window: Window { kernel: 3, stride: 1, padding: 1, upsample: None } }
    }
}

impl Builder {
    /// An op that quantises rows of the width of `x`, or another width that the op makes.
    pub(super) fn quantise_rows(
        &mut self,
        kind: OpKind,
        inputs: &[TensorId],
        dims: &[usize],
    ) -> Result<Quantised, ProgramError> {
        for id in inputs {
            check_fan_in("a row", self.rows_and_width(*id).1.saturating_mul(4))?;
        }
        let values = self.tensor(Element::I16, dims)?;
        let rows = dims.split_last().map_or(1, |(_, rest)| rest.iter().product());
        let max = self.tensor(Element::F32, &[rows])?;
        self.op(kind, inputs, &[values, max]);
        Ok(Quantised { values, max })
    }

    /// Each row by its own scale.
    pub(super) fn quant_row(&mut self, x: TensorId) -> Result<Quantised, ProgramError> {
        let dims = self.dims(x).to_vec();
        self.quantise_rows(OpKind::QuantRow, &[x], &dims)
    }

    /// A linear layer, or a 1x1 convolution, which on rows of channels is the same.
    pub(super) fn linear(
        &mut self,
        name: &str,
        x: Quantised,
        outputs: usize,
        has_bias: bool,
        residual: Option<TensorId>,
    ) -> Result<TensorId, ProgramError> {
        let mut dims = self.dims(x.values).to_vec();
        let (_, width) = self.rows_and_width(x.values);
        let matrix = Matrix { rows: outputs, width, taps: 1, limit: LIMIT_ROW };
        let weight = self.matrix(&format!("{name}.weight"), matrix)?;
        let bias = has_bias.then(|| self.vector(&format!("{name}.bias"), outputs)).transpose()?;
        if let Some(last) = dims.last_mut() {
            *last = outputs;
        }
        let inputs: Vec<TensorId> = [x.values, x.max].into_iter().chain(residual).collect();
        self.push(OpKind::Linear { weight, bias }, &inputs, Element::F32, &dims)
    }

    /// A convolution over an image that is quantised already.
    pub(super) fn conv(
        &mut self,
        layer: ConvLayer<'_>,
        x: Quantised,
        limit: i32,
        embedding: Option<TensorId>,
        residual: Option<TensorId>,
    ) -> Result<TensorId, ProgramError> {
        let &[height, width, channels] = self.dims(x.values) else {
            return Err(ProgramError::Size(self.dims(x.values).to_vec()));
        };
        let ConvLayer { name, outputs, window } = layer;
        let taps = window.kernel.saturating_mul(window.kernel);
        let sum = taps.saturating_mul(channels);
        let matrix = Matrix { rows: outputs, width: sum, taps, limit };
        let weight = self.matrix(&format!("{name}.weight"), matrix)?;
        let bias = self.vector(&format!("{name}.bias"), outputs)?;
        // Without padding the last window of an odd side would reach two beyond it.
        if window.stride == 2 && window.padding == 0 {
            divide("a halved height", height, 2)?;
            divide("a halved width", width, 2)?;
        }
        let (height, width) = window.upsample.unwrap_or((height, width));
        let out = |size: usize| size.div_ceil(window.stride.max(1));
        let dims = [out(height), out(width), outputs];
        let inputs: Vec<TensorId> = [x.values, x.max].into_iter().chain(embedding).chain(residual).collect();
        let kind = OpKind::Conv {
            weight,
            bias,
            window,
            limit,
            embedding: embedding.is_some(),
            residual: residual.is_some(),
        };
        self.push(kind, &inputs, Element::F32, &dims)
    }

    /// A convolution over an image of any range.
    pub(super) fn raw_conv(&mut self, layer: ConvLayer<'_>, x: TensorId) -> Result<TensorId, ProgramError> {
        let dims = self.dims(x).to_vec();
        let extremes = self.min_max(x)?;
        let max = self.push(OpKind::ImageMax, &[extremes], Element::F32, &[1])?;
        let values = self.push(OpKind::QuantImage, &[x, max], Element::I16, &dims)?;
        self.conv(layer, Quantised { values, max }, LIMIT_RAW, None, None)
    }

    /// Least and greatest value of each channel.
    pub(super) fn min_max(&mut self, x: TensorId) -> Result<TensorId, ProgramError> {
        let (pixels, channels) = self.rows_and_width(x);
        let blocks = pixels.div_ceil(block_rows(channels));
        let parts = self.push(OpKind::MinMaxPart, &[x], Element::I32, &[channels, blocks, 2])?;
        let parts = self.joined(OpKind::MinMaxJoin, parts)?;
        self.push(OpKind::MinMax, &[parts], Element::I32, &[channels, 2])
    }

    /// Mean and reciprocal standard deviation of each group, and the extremes they were computed with.
    pub(super) fn group_stats(
        &mut self,
        x: TensorId,
        groups: usize,
        eps: u64,
    ) -> Result<(TensorId, TensorId), ProgramError> {
        check_epsilon(eps)?;
        let (pixels, channels) = self.rows_and_width(x);
        let count = divide("channels of a norm", channels, groups)?.saturating_mul(pixels);
        if count > 1 << 23 {
            return Err(ProgramError::FanIn { what: "a group of a norm", bytes: count.saturating_mul(4) });
        }
        let blocks = pixels.div_ceil(block_rows(channels));
        let extremes = self.min_max(x)?;
        let parts =
            self.push(OpKind::SumPart { groups }, &[x, extremes], Element::I64, &[groups, blocks, 2])?;
        let parts = self.joined(OpKind::SumJoin, parts)?;
        let kind = OpKind::GroupStats { count, eps };
        Ok((self.push(kind, &[parts, extremes], Element::F32, &[groups, 2])?, extremes))
    }

    /// Joins the blocks of a reduction until one element may depend on what is left of them.
    fn joined(&mut self, kind: OpKind, mut parts: TensorId) -> Result<TensorId, ProgramError> {
        while let Some(&TensorSpec { element, ref dims }) = self.spec(parts)
            && let &[scopes, blocks, both] = dims.as_slice()
            && check_fan_in("a reduction", blocks.saturating_mul(both).saturating_mul(element.size()))
                .is_err()
        {
            let dims = [scopes, blocks.div_ceil(JOINED_BLOCKS), both];
            parts = self.push(kind.clone(), &[parts], element, &dims)?;
        }
        Ok(parts)
    }

    /// GroupNorm and SiLU, quantised as an image.
    pub(super) fn norm_silu(
        &mut self,
        name: &str,
        x: TensorId,
        groups: usize,
        eps: u64,
    ) -> Result<Quantised, ProgramError> {
        let dims = self.dims(x).to_vec();
        let affine = self.affine(name, self.rows_and_width(x).1)?;
        let (stats, extremes) = self.group_stats(x, groups, eps)?;
        let max = self.push(OpKind::NormBound(affine), &[extremes, stats], Element::F32, &[1])?;
        let values = self.push(OpKind::NormQuantImage(affine), &[x, stats, max], Element::I16, &dims)?;
        Ok(Quantised { values, max })
    }

    /// GroupNorm, quantised by pixels.
    pub(super) fn norm_rows(
        &mut self,
        name: &str,
        x: TensorId,
        groups: usize,
        eps: u64,
    ) -> Result<Quantised, ProgramError> {
        let dims = self.dims(x).to_vec();
        let affine = self.affine(name, self.rows_and_width(x).1)?;
        let (stats, _) = self.group_stats(x, groups, eps)?;
        self.quantise_rows(OpKind::NormQuantRow(affine), &[x, stats], &dims)
    }

    /// LayerNorm, quantised by rows.
    pub(super) fn layer_norm_rows(
        &mut self,
        name: &str,
        x: TensorId,
        eps: u64,
    ) -> Result<Quantised, ProgramError> {
        let dims = self.dims(x).to_vec();
        check_epsilon(eps)?;
        let affine = self.affine(name, self.rows_and_width(x).1)?;
        self.quantise_rows(OpKind::LayerNormQuant(affine, eps), &[x], &dims)
    }

    /// Attention of queries over keys and values, each `[rows][heads * d]` in f32.
    pub(super) fn attention(
        &mut self,
        [query, key, value]: [TensorId; 3],
        heads: usize,
        causal: bool,
    ) -> Result<TensorId, ProgramError> {
        let dims = self.dims(query).to_vec();
        let query = self.heads(query, heads, LIMIT_QUERY, false)?;
        let key = self.heads(key, heads, LIMIT_QUERY, false)?;
        let value = self.heads(value, heads, LIMIT_VALUE, true)?;
        let (&[heads, rows, depth], &[_, tokens, _]) = (self.dims(query.values), self.dims(key.values))
        else {
            return Err(ProgramError::Size(dims));
        };
        let keys = tokens.saturating_mul(depth).saturating_mul(2);
        if check_fan_in("keys", keys).is_ok() {
            let inputs = [query.values, query.max, key.values, key.max, value.values, value.max];
            return self.push(OpKind::Attention { causal }, &inputs, Element::F32, &dims);
        }
        if causal {
            return Err(ProgramError::FanIn { what: "attention under a causal mask", bytes: keys });
        }
        check_fan_in("a query's scores", tokens.saturating_mul(4))?;
        let scores = [query.values, key.values];
        let scores = self.push(OpKind::Scores, &scores, Element::I32, &[heads, rows, tokens])?;
        let inputs = [scores, query.max, key.max, value.values, value.max];
        self.push(OpKind::Attend, &inputs, Element::F32, &dims)
    }

    /// Splits rows into heads, each quantised by its own scale.
    fn heads(
        &mut self,
        x: TensorId,
        heads: usize,
        limit: i32,
        transposed: bool,
    ) -> Result<Quantised, ProgramError> {
        let (rows, width) = self.rows_and_width(x);
        let depth = divide("width of an attention", width, heads)?;
        if depth > HEAD_DEPTH_MAX || rows > HEAD_ROWS_MAX {
            let value = format!("over {rows} rows of depth {depth}");
            return Err(ProgramError::Unsupported { key: "attention", value });
        }
        let blocks = rows.div_ceil(block_rows(width));
        check_fan_in("a head's maximum", blocks.saturating_mul(4))?;
        let parts = self.push(OpKind::HeadMaxPart { heads }, &[x], Element::F32, &[heads, blocks])?;
        let max = self.push(OpKind::HeadMax, &[parts], Element::F32, &[heads])?;
        let dims = if transposed { [heads, depth, rows] } else { [heads, rows, depth] };
        let kind = OpKind::HeadQuant { heads, limit, transposed };
        let values = self.push(kind, &[x, max], Element::I16, &dims)?;
        Ok(Quantised { values, max })
    }
}
