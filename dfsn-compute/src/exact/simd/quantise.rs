//! Q(x; L, scope): from floats to integers and a scale.

use super::activation::round_to_i32;
use super::dispatch::for_each_isa;
use super::epilogue::key;
use super::error::{expect_len, expect_range};
use super::shared::Shared;
use super::{ChannelBounds, Kernels, SimdError, Threads};
use std::sync::atomic::{AtomicU32, Ordering};

/// The limit of statistics: sums of their squares over 2^23 numbers fit i64.
pub const STATISTICS_LIMIT: u32 = (1 << 19) - 1;

/// Bit patterns from here on are infinities and NaN.
const INFINITY: u32 = 0x7f80_0000;

/// The scale of a scope: x is about q * s for q = rne(RN32(x * r)).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantiser {
    /// RN32(L / M)
    pub r: f32,
    /// RN32(M / L)
    pub s: f32,
}

impl Quantiser {
    /// From the bits of M = max |x| and a limit below 2^19. `None` if M is infinite or NaN.
    #[must_use]
    pub fn new(max_bits: u32, limit: u32) -> Option<Self> {
        const LEAST: f32 = 1.0 / (1_u128 << 100) as f32;
        if max_bits >= INFINITY {
            return None;
        }
        let max = f32::from_bits(max_bits);
        let max = if max < LEAST { LEAST } else { max };
        // Limits are below 2^19: exact.
        let limit = limit as f32;
        Some(Self { r: limit / max, s: max / limit })
    }
}

for_each_isa! {
    pub(crate) fn max_bits_slice(x: &[f32]) -> u32 {
        x.iter().fold(0, |max, x| max.max(x.to_bits() & 0x7fff_ffff))
    }
}

for_each_isa! {
    pub(crate) fn quantise_slice(x: &[f32], r: f32, out: &mut [i16]) {
        for (q, &x) in out.iter_mut().zip(x) {
            *q = round_to_i32(x * r) as i16;
        }
    }
}

for_each_isa! {
    fn keys_slice(x: &[f32], min: &mut [i32], max: &mut [i32]) {
        for x in x.chunks_exact(min.len()) {
            for ((&x, min), max) in x.iter().zip(min.iter_mut()).zip(max.iter_mut()) {
                let key = key(x);
                *min = (*min).min(key);
                *max = (*max).max(key);
            }
        }
    }
}

/// The bits of max |x|; at least 0x7f800000 if one of them is infinite or NaN.
///
/// # Errors
/// If a thread's floating-point environment is not the default.
pub fn max_bits(kernels: Kernels, x: &[f32], threads: Threads<'_>) -> Result<u32, SimdError> {
    let max = AtomicU32::new(0);
    threads.run_rows(x.len(), 1, |part| {
        max.fetch_max(max_bits_slice(kernels, &x[part]), Ordering::Relaxed);
        Ok(())
    })?;
    Ok(max.into_inner())
}

/// `out[i] = rne(RN32(x[i] * r))`, for |x * r| within i16.
///
/// # Errors
/// If the lengths differ, or a thread's floating-point environment is not the default.
pub fn quantise(
    kernels: Kernels,
    x: &[f32],
    r: f32,
    out: &mut [i16],
    threads: Threads<'_>,
) -> Result<(), SimdError> {
    expect_len("the output", out.len(), x.len())?;
    let out = Shared::new(out);
    threads.run_rows(x.len(), 1, |part| {
        #[allow(unsafe_code, reason = "disjoint parts of the output")]
        // SAFETY: each task writes its own part.
        let out = unsafe { out.part(part.start, part.len()) };
        quantise_slice(kernels, &x[part], r, out);
        Ok(())
    })
}

/// An image without and with a border of zeros: `[height][width][channels]` becomes
/// `[height + 2 * halo][width + 2 * halo][channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Haloed {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels.
    pub channels: usize,
    /// Rows and columns of zeros on every side.
    pub halo: usize,
}

impl Haloed {
    /// Elements without the border.
    #[must_use]
    pub fn inner_len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Elements with it.
    #[must_use]
    pub fn len(&self) -> usize {
        (self.height + 2 * self.halo) * (self.width + 2 * self.halo) * self.channels
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the border's zeros.
    pub(crate) fn clear_border(&self, image: &mut [i16]) {
        let (row, border) = ((self.width + 2 * self.halo) * self.channels, self.halo * self.channels);
        for (y, row) in image.chunks_exact_mut(row).enumerate() {
            if (self.halo..self.halo + self.height).contains(&y) {
                let end = row.len() - border;
                row[..border].fill(0);
                row[end..].fill(0);
            } else {
                row.fill(0);
            }
        }
    }

    /// Where a row of the inner image starts, with the border.
    pub(crate) fn row_start(&self, row: usize) -> usize {
        ((row + self.halo) * (self.width + 2 * self.halo) + self.halo) * self.channels
    }

    pub(crate) fn check(&self, inner: usize, outer: usize) -> Result<(), SimdError> {
        for (what, found) in [("height", self.height), ("width", self.width), ("channels", self.channels)] {
            expect_range(what, found, 1, 1 << 16)?;
        }
        expect_range("halo", self.halo, 0, 16)?;
        expect_len("the image", inner, self.inner_len())?;
        expect_len("the haloed image", outer, self.len())
    }
}

/// [`quantise`] into an image with a border, which is left as it is: zeros, if the buffer came so.
///
/// # Errors
/// If the lengths do not fit, or a thread's floating-point environment is not the default.
pub fn quantise_image(
    kernels: Kernels,
    x: &[f32],
    image: &Haloed,
    r: f32,
    out: &mut [i16],
    threads: Threads<'_>,
) -> Result<(), SimdError> {
    image.check(x.len(), out.len())?;
    let out = Shared::new(out);
    let row = image.width * image.channels;
    threads.run_rows(image.height, row, |rows| {
        for y in rows {
            #[allow(unsafe_code, reason = "disjoint parts of the output")]
            // SAFETY: each row is written once.
            let out = unsafe { out.part(image.row_start(y), row) };
            quantise_slice(kernels, &x[y * row..][..row], r, out);
        }
        Ok(())
    })
}

/// The range of each channel of `x[pixel][channel]` into `bounds`, for image `image` of it.
///
/// # Errors
/// If the shapes do not fit, or a thread's floating-point environment is not the default.
pub fn channel_bounds(
    kernels: Kernels,
    x: &[f32],
    channels: usize,
    bounds: &ChannelBounds,
    image: usize,
    threads: Threads<'_>,
) -> Result<(), SimdError> {
    expect_range("channels", channels, 1, 1 << 16)?;
    expect_len("whole pixels", x.len(), x.len() / channels * channels)?;
    expect_range("image", image, 0, (bounds.len() / channels).saturating_sub(1))?;
    expect_len("channel bounds", bounds.len(), bounds.len() / channels.max(1) * channels)?;
    threads.run_rows(x.len() / channels, channels, |pixels| {
        let (mut min, mut max) = (vec![i32::MAX; channels], vec![i32::MIN; channels]);
        keys_slice(kernels, &x[pixels.start * channels..pixels.end * channels], &mut min, &mut max);
        bounds.merge(image * channels, &min, &max);
        Ok(())
    })
}
