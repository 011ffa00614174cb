//! Rows that are normalised, gated and quantised, and linear layers over them.

use dfsn_consensus::exact::norm::{Moments, normalise};
use dfsn_consensus::exact::quantise::{Scale as QuantScale, max_bits, quantise};
use dfsn_consensus::exact::{Activation, Affine, LIMIT_ROW, LIMIT_STATISTICS, Op, WeightId};

use super::{Executor, Held, quantiser};
use crate::exact::ExactError;
use crate::exact::simd::norm;
use crate::exact::simd::rows::{QuantisedRows, geglu_rows, layer_norm_rows, quantise_rows};
use crate::exact::simd::{ChannelBounds, Epilogue, Operand, Scale, SimdError};

/// Quantised rows before they are put in place.
struct Rows {
    values: Vec<i16>,
    max: Vec<u32>,
}

impl Rows {
    fn out(&mut self) -> QuantisedRows<'_> {
        // Below 2^15.
        QuantisedRows { q: &mut self.values, max: &mut self.max, limit: LIMIT_ROW as u16 }
    }
}

impl Executor<'_> {
    fn new_rows(&self, rows: usize, width: usize) -> Rows {
        Rows { values: self.new_shorts(rows * width), max: vec![0; rows] }
    }

    fn put_rows(&mut self, op: &Op, rows: Rows) -> Result<(), ExactError> {
        self.put(op, 0, Held::Shorts(rows.values))?;
        self.put(op, 1, Held::Max(rows.max))
    }

    fn quantised(&self, op: &Op, x: &[f32]) -> Result<Rows, ExactError> {
        let width = self.output_spec(op)?.width();
        let mut rows = self.new_rows(x.len() / width, width);
        quantise_rows(self.kernels, x, width, rows.out(), self.threads)?;
        Ok(rows)
    }

    pub(super) fn quant_row(&mut self, op: &Op) -> Result<(), ExactError> {
        let rows = self.quantised(op, self.floats(self.input(op, 0)?)?)?;
        self.put_rows(op, rows)
    }

    pub(super) fn activate_quant(&mut self, op: &Op, activation: Activation) -> Result<(), ExactError> {
        let x = self.activated(self.floats(self.input(op, 0)?)?, activation)?;
        let rows = self.quantised(op, &x)?;
        self.put_rows(op, rows)
    }

    pub(super) fn geglu_quant(&mut self, op: &Op) -> Result<(), ExactError> {
        let x = self.floats(self.input(op, 0)?)?;
        let width = self.output_spec(op)?.width();
        let mut rows = self.new_rows(x.len() / (2 * width), width);
        geglu_rows(self.kernels, x, width, rows.out(), self.threads)?;
        self.put_rows(op, rows)
    }

    pub(super) fn layer_norm_quant(&mut self, op: &Op, affine: Affine, eps: u64) -> Result<(), ExactError> {
        let x = self.floats(self.input(op, 0)?)?;
        let (gamma, beta) = (self.plain(affine.gamma)?, self.plain(affine.beta)?);
        let mut rows = self.new_rows(x.len() / gamma.len(), gamma.len());
        layer_norm_rows(self.kernels, x, gamma, beta, f64::from_bits(eps), rows.out(), self.threads)?;
        self.put_rows(op, rows)
    }

    /// Only the end of a text encoder asks for it.
    pub(super) fn layer_norm(&mut self, op: &Op, affine: Affine, eps: u64) -> Result<(), ExactError> {
        let x = self.floats(self.input(op, 0)?)?;
        let (gamma, beta) = (self.plain(affine.gamma)?, self.plain(affine.beta)?);
        let mut out = Vec::with_capacity(x.len());
        for row in x.chunks_exact(gamma.len()) {
            let max = max_bits(row.iter().copied());
            if max >= f32::INFINITY.to_bits() {
                return Err(SimdError::NotFinite { element: out.len() }.into());
            }
            let scale = QuantScale::<f32>::of(max, LIMIT_STATISTICS.unsigned_abs());
            let values = row.iter().map(|x| i64::from(quantise(*x, &scale)));
            let (s1, s2) = values.fold((0, 0), |(s1, s2), value| (s1 + value, s2 + value * value));
            let moments = Moments::new(row.len() as u32, s1, s2).ok_or_else(|| self.missing("moments"))?;
            let (mean, rstd) = moments.statistics(scale.s, f64::from_bits(eps));
            let row = row.iter().zip(gamma).zip(beta);
            out.extend(row.map(|((x, gamma), beta)| normalise(*x, mean, rstd * gamma, *beta)));
        }
        self.put(op, 0, Held::Floats(out))
    }

    pub(super) fn norm_quant_row(&mut self, op: &Op, affine: Affine) -> Result<(), ExactError> {
        let x = self.floats(self.input(op, 0)?)?;
        let maps = self.maps(self.input(op, 1)?, affine)?;
        let mut y = self.new_floats(x.len());
        let size = x.len() / self.images;
        for ((x, y), map) in x.chunks_exact(size).zip(y.chunks_exact_mut(size)).zip(&maps) {
            norm::affine(self.kernels, x, &map.affine(), y, self.threads)?;
        }
        let rows = self.quantised(op, &y)?;
        self.spare().give(Held::Floats(y));
        self.put_rows(op, rows)
    }

    pub(super) fn linear(
        &mut self,
        op: &Op,
        weight: WeightId,
        bias: Option<WeightId>,
    ) -> Result<(), ExactError> {
        let (weights, weight_scales) = self.packed(weight)?;
        let values = self.shorts(self.input(op, 0)?)?;
        let max = self.max(self.input(op, 1)?)?;
        let scales = max
            .iter()
            .map(|max| Ok(quantiser(*max, LIMIT_ROW)?.s))
            .collect::<Result<Vec<_>, ExactError>>()?;
        let width = self.spec(self.input(op, 0)?)?.width();
        let rows = values.len() / width;
        let operand = Operand::rows(values, rows, width, width)?;
        let mut epilogue = Epilogue::new(weight_scales, Scale::Rows(&scales), rows / self.images);
        epilogue.bias = bias.map(|bias| self.plain(bias)).transpose()?;
        epilogue.residual = op.inputs.get(2).map(|id| self.floats(*id)).transpose()?;
        let bounds = self.bounds_of(op, weights.out());
        epilogue.bounds = bounds.as_ref();
        let mut out = self.new_floats(rows * weights.out());
        self.multiply(&operand, weights, &epilogue, &mut out)?;
        self.keep_bounds(op, bounds);
        self.put(op, 0, Held::Floats(out))
    }

    /// Where the extremes of an op's output go, if they are asked for.
    pub(super) fn bounds_of(&self, op: &Op, channels: usize) -> Option<ChannelBounds> {
        let wanted = op.outputs.first().is_some_and(|id| self.bounded.contains(id));
        wanted.then(|| ChannelBounds::new(self.images, channels))
    }
}
