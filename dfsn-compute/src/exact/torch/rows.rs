//! Ops that see one row at a time: they normalise it, gate it, quantise it.

use dfsn_consensus::exact::{Affine, LIMIT_ROW, LIMIT_STATISTICS, OpKind};

use super::activation::{activated, gelu_erf};
use super::array::Array;
use super::norm::{normalise, statistics};
use super::number::{SHORTS, Scale, magnitudes, quantise, refuse_infinite};
use super::{At, Held, Result};

impl At<'_> {
    /// The rows; or, where the op has a second output, their integers and the largest magnitudes.
    pub(super) fn row_op(&self) -> Result<Vec<Held>> {
        let y = self.row_values(self.float_rows(0)?)?;
        if self.op.outputs.len() == 1 {
            return Ok(vec![Held::F32(y)]);
        }
        let max = row_max(&y)?;
        let q = quantise(&y, &Scale::of(&max, LIMIT_ROW)?.r, SHORTS)?;
        Ok(vec![Held::I16(q.to_shorts()?), Held::F32(max)])
    }

    fn row_values(&self, x: Array<f32>) -> Result<Array<f32>> {
        Ok(match &self.op.kind {
            OpKind::ActivateQuant(activation) => activated(*activation, &x)?,
            OpKind::GegluQuant => {
                let half = self.spec(0)?.width() / 2;
                x.narrow(1, 0, half)?.mul(&gelu_erf(&x.narrow(1, half, half)?)?)?
            }
            OpKind::LayerNorm(affine, eps) | OpKind::LayerNormQuant(affine, eps) => {
                self.layer_norm(&x, *affine, *eps)?
            }
            OpKind::NormQuantRow(affine) => {
                let [mean, factor, addend] = self.channel_norm(*affine, self.spec(0)?.width())?;
                normalise(&x, &mean, &factor, &addend)?
            }
            _ => x,
        })
    }

    fn layer_norm(&self, x: &Array<f32>, affine: Affine, eps: u64) -> Result<Array<f32>> {
        let max = row_max(x)?;
        let r = Scale::of(&max, LIMIT_STATISTICS)?.r;
        let q = quantise(x, &r, [-LIMIT_STATISTICS, LIMIT_STATISTICS])?.to_longs()?;
        let (s1, s2) = (q.sum(1)?, q.mul(&q)?.sum(1)?);
        let [mean, rstd] = statistics(self.spec(0)?.width(), &s1, &s2, &max, eps)?;
        normalise(x, &mean, &rstd.mul(self.plain(affine.gamma)?)?, self.plain(affine.beta)?)
    }
}

/// The largest magnitude of each row, `[rows][1]`.
fn row_max(x: &Array<f32>) -> Result<Array<f32>> {
    let max = magnitudes(x)?.greatest(1)?;
    refuse_infinite(&max)?;
    Ok(max.floats()?)
}
