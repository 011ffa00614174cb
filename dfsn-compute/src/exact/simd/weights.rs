use super::error::{expect_len, expect_range};
use super::pairs::PairPanels;
use super::schedule::{ROOM, UNIT};
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use super::{Isa, amx::DigitPanels};
use super::{Kernels, SimdError};

/// The largest magnitude of a weight.
pub const WEIGHT_LIMIT: i16 = 8191;

/// The longest reduction and the most columns: sums stay below 2^47 and offsets below 2^32.
const MOST: usize = 1 << 20;

/// The right factor of a product, in the order in which an instruction set's kernel reads it.
///
/// Where accumulators are emptied on the way, the rows' own L1 norms tell when: after as many products as cannot
/// overflow for any activations within their limit.
#[derive(Debug)]
pub struct PackedWeights {
    kernels: Kernels,
    out: usize,
    k: usize,
    layout: Layout,
}

/// How kernels of an instruction set read them.
#[derive(Debug)]
pub(crate) enum Layout {
    /// Panels of pairs.
    Pairs(PairPanels),
    /// Tiles of digits.
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    Digits(DigitPanels),
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
        Ok(Self::of(kernels, rows, out, k, |rows| flushes_of(rows, k, u64::from(limit_a))))
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
        let chunk = ((ROOM / (u64::from(limit_a) * u64::from(limit)) / 2) as usize).max(1);
        let flushes = |_: &[i16]| (1..k.div_ceil(2).div_ceil(chunk)).map(|i| (i * chunk) as u32).collect();
        Ok(Self::of(kernels, rows, out, k, flushes))
    }

    fn of(
        kernels: Kernels,
        rows: &[i16],
        out: usize,
        k: usize,
        flushes: impl Fn(&[i16]) -> Vec<u32>,
    ) -> Self {
        let layout = match kernels.isa() {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Isa::AmxInt8 => Layout::Digits(DigitPanels::new(rows, k)),
            _ => Layout::Pairs(PairPanels::new(kernels, rows, k, flushes)),
        };
        Self { kernels, out, k, layout }
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

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
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
