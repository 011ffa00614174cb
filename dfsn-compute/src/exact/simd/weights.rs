use super::aligned::AlignedI16;
use super::error::{expect_len, expect_range};
use super::schedule::{ROOM, UNIT};
use super::tile::Shape;
use super::{Kernels, SimdError};

/// The largest magnitude of a weight.
pub const WEIGHT_LIMIT: i16 = 8191;

/// The longest reduction and the most columns: sums stay below 2^47 and offsets below 2^32.
const MOST: usize = 1 << 20;

/// The right factor of a product, in the order in which an instruction set's kernel reads it.
///
/// Rows `[out][k]` become panels of a tile's width, `[out/width][k/2][width][2]`, the last one narrower, padded with
/// zeros. With them go the points at which accumulators are emptied, from the rows' own L1 norms: as many products
/// as cannot overflow for any activations within their limit.
#[derive(Debug)]
pub struct PackedWeights {
    kernels: Kernels,
    out: usize,
    k: usize,
    data: AlignedI16,
    panels: Vec<Panel>,
}

/// Columns that one tile covers.
#[derive(Debug)]
pub(crate) struct Panel {
    pub(crate) first: usize,
    pub(crate) columns: usize,
    pub(crate) vectors: usize,
    offset: usize,
    pub(crate) flushes: Vec<u32>,
}

impl PackedWeights {
    /// Packs quantised weights `rows[out][k]` for activations of magnitude at most `limit_a`.
    ///
    /// # Errors
    /// If the shape does not fit the slice, a weight exceeds [`WEIGHT_LIMIT`], or a limit is not in 1 to 32767.
    pub fn pack(
        kernels: Kernels,
        rows: &[i16],
        out: usize,
        k: usize,
        limit_a: u16,
    ) -> Result<Self, SimdError> {
        check(rows, out, k, limit_a)?;
        let most = rows.iter().fold(0, |most, w| w.unsigned_abs().max(most));
        if most > WEIGHT_LIMIT.unsigned_abs() {
            let index = rows.iter().position(|w| w.unsigned_abs() == most).unwrap_or(0);
            return Err(SimdError::Weight { index, value: rows[index], limit: WEIGHT_LIMIT });
        }
        let mut packed = Self::interleave(kernels, rows, out, k);
        for panel in &mut packed.panels {
            let rows = &rows[panel.first * k..(panel.first + panel.columns) * k];
            panel.flushes = flushes_of(rows, k, u64::from(limit_a));
        }
        Ok(packed)
    }

    /// Packs a factor that is made at run time, the keys `[token][d]` or values `[d][token]` of a head, whose
    /// magnitude is at most `limit`: nothing but the limits is looked at.
    ///
    /// # Errors
    /// If the shape does not fit the slice, or a limit is not in 1 to 32767.
    pub fn pack_limited(
        kernels: Kernels,
        rows: &[i16],
        out: usize,
        k: usize,
        limit_a: u16,
        limit: u16,
    ) -> Result<Self, SimdError> {
        check(rows, out, k, limit_a)?;
        expect_range("limit", usize::from(limit), 1, i16::MAX as usize)?;
        let chunk = (ROOM / (u64::from(limit_a) * u64::from(limit)) / 2) as usize;
        let mut packed = Self::interleave(kernels, rows, out, k);
        for panel in &mut packed.panels {
            panel.flushes =
                (1..k.div_ceil(2).div_ceil(chunk.max(1))).map(|i| (i * chunk.max(1)) as u32).collect();
        }
        Ok(packed)
    }

    fn interleave(kernels: Kernels, rows: &[i16], out: usize, k: usize) -> Self {
        let shape = Shape::of(kernels.isa());
        let pairs = k.div_ceil(2);
        let mut panels = Vec::new();
        let mut offset = 0;
        for first in (0..out).step_by(shape.columns()) {
            let columns = shape.columns().min(out - first);
            let vectors = columns.div_ceil(shape.lanes);
            panels.push(Panel { first, columns, vectors, offset, flushes: Vec::new() });
            offset += (pairs * vectors * shape.lanes * 2).next_multiple_of(32);
        }
        let mut data = AlignedI16::zeroed(offset);
        for panel in &panels {
            let width = panel.vectors * shape.lanes;
            let packed = &mut data.as_mut_slice()[panel.offset..][..pairs * width * 2];
            let rows = &rows[panel.first * k..(panel.first + panel.columns) * k];
            // Blocks of 16 pairs stay in the nearest cache while the columns go by.
            for (block, packed) in packed.chunks_mut(16 * width * 2).enumerate() {
                for (column, row) in rows.chunks_exact(k).enumerate() {
                    let row = &row[block * 32..k.min(block * 32 + 32)];
                    let (whole, odd) = row.as_chunks::<2>();
                    for (packed, pair) in packed[2 * column..].chunks_mut(2 * width).zip(whole) {
                        packed[..2].copy_from_slice(pair);
                    }
                    if let [last] = odd {
                        packed[2 * (whole.len() * width + column)] = *last;
                    }
                }
            }
        }
        Self { kernels, out, k, data, panels }
    }

    /// The instruction set they are packed for.
    #[must_use]
    pub fn kernels(&self) -> Kernels {
        self.kernels
    }

    /// Columns of the product.
    #[must_use]
    pub fn out(&self) -> usize {
        self.out
    }

    /// Length of the reduction.
    #[must_use]
    pub fn k(&self) -> usize {
        self.k
    }

    /// How often an accumulator is emptied on the way, in the panel where that is most often.
    #[must_use]
    pub fn flushes(&self) -> usize {
        self.panels.iter().map(|panel| panel.flushes.len()).max().unwrap_or(0)
    }

    pub(crate) fn panels(&self) -> &[Panel] {
        &self.panels
    }

    /// A panel's pairs, `[pairs][width][2]`.
    pub(crate) fn panel(&self, panel: &Panel) -> &[i16] {
        let width = panel.vectors * Shape::of(self.kernels.isa()).lanes;
        &self.data.as_slice()[panel.offset..][..self.k.div_ceil(2) * width * 2]
    }
}

fn check(rows: &[i16], out: usize, k: usize, limit_a: u16) -> Result<(), SimdError> {
    expect_range("the number of columns", out, 1, MOST)?;
    expect_range("the length of the reduction", k, 1, MOST)?;
    expect_range("the limit of activations", usize::from(limit_a), 1, i16::MAX as usize)?;
    expect_len("the weights", rows.len(), out * k)
}

/// Pairs after which the accumulators of these rows are emptied: chunks of whole units, as long as can be.
fn flushes_of(rows: &[i16], k: usize, limit_a: u64) -> Vec<u32> {
    let (columns, units) = (rows.len() / k, k.div_ceil(2 * UNIT));
    // L1 norms [unit][column]: eight weights are below 2^16 together.
    let mut norms = vec![0_u16; units * columns];
    for (column, row) in rows.chunks_exact(k).enumerate() {
        for (norms, unit) in norms.chunks_exact_mut(columns).zip(row.chunks(2 * UNIT)) {
            norms[column] = unit.iter().map(|w| w.unsigned_abs()).sum();
        }
    }
    let room = ROOM / limit_a;
    let mut flushes = Vec::new();
    let mut held = vec![0_u64; columns];
    for (unit, norms) in norms.chunks_exact(columns).enumerate() {
        held.iter_mut().zip(norms).for_each(|(held, &norm)| *held += u64::from(norm));
        if held.iter().any(|&held| held > room) {
            flushes.push((unit * UNIT) as u32);
            held.iter_mut().zip(norms).for_each(|(held, &norm)| *held = u64::from(norm));
        }
    }
    flushes
}
