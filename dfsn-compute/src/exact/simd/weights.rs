use super::error::{expect_len, expect_range};
use super::pairs::PairPanels;
use super::room::Room;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use super::{Isa, amx::DigitPanels};
use super::{Kernels, SimdError};

/// The largest magnitude of a weight.
pub const WEIGHT_LIMIT: i16 = 8191;

/// The longest reduction and the most columns: sums stay below 2^47 and offsets below 2^32.
const MOST: usize = 1 << 20;

/// The right factor of a product, in the order in which an instruction set's kernel reads it.
///
/// Where accumulators are emptied on the way, norms of the weights tell when, for any activations within their limit or for those
/// at hand.
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
        Ok(Self::of(kernels, rows, out, k, |rows| Room::of(rows, k, u64::from(limit_a))))
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
        Ok(Self::of(kernels, rows, out, k, |_| Room::of_limits(k, u64::from(limit_a), u64::from(limit))))
    }

    fn of(kernels: Kernels, rows: &[i16], out: usize, k: usize, room: impl Fn(&[i16]) -> Room) -> Self {
        let layout = match kernels.isa() {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Isa::AmxInt8 => Layout::Digits(DigitPanels::new(rows, k)),
            _ => Layout::Pairs(PairPanels::new(kernels, rows, k, room)),
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
