use super::Isa;

/// Why a kernel refused to run. None of them has written a result that may be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimdError {
    /// The name of an instruction set that does not exist.
    #[error("no instruction set is called {0:?}: use portable, avx2, avx512, amx, neon or simd128")]
    UnknownIsa(String),
    /// This processor or this build lacks it.
    #[error("this machine cannot run the {isa} kernels: it has {available}")]
    Unavailable {
        /// What was asked for.
        isa: Isa,
        /// The names of what it has.
        available: String,
    },
    /// The floating-point control register of a thread is not the default, so results would differ.
    #[error(
        "the floating-point control register is {found:#x} and must be {expected:#x}: \
         something in this process turned on flush-to-zero or another rounding"
    )]
    Environment {
        /// What the register holds, without sticky flags.
        found: u64,
        /// Round to nearest, denormals kept.
        expected: u64,
    },
    /// A slice is too short or too long for the shape it comes with.
    #[error("{what} has {found} elements, its shape asks for {expected}")]
    Length {
        /// The argument.
        what: &'static str,
        /// How many it has.
        found: usize,
        /// How many it must have.
        expected: usize,
    },
    /// A dimension is zero, too large, or does not agree with another.
    #[error("{what} is {found}, outside of {least} to {most}")]
    Range {
        /// The dimension.
        what: &'static str,
        /// Its value.
        found: usize,
        /// The least.
        least: usize,
        /// The most.
        most: usize,
    },
    /// A segment of an operand lies outside of its buffer.
    #[error("segment {segment} of row {row} covers {start} to {end} of a buffer of {len}")]
    Segment {
        /// The row of the operand.
        row: usize,
        /// Which of its segments.
        segment: usize,
        /// First element.
        start: usize,
        /// One past its last.
        end: usize,
        /// Elements of the buffer.
        len: usize,
    },
    /// A weight is larger than the profile allows.
    #[error("weight {index} is {value}, its limit is {limit}")]
    Weight {
        /// Its index in the canonical rows.
        index: usize,
        /// The value.
        value: i16,
        /// The largest magnitude.
        limit: i16,
    },
    /// The factor of attention's exponent is negative, infinite or NaN.
    #[error("the factor of attention is {} (bits {found:#x}): it must be finite and at least 0", f32::from_bits(*found))]
    Factor {
        /// Its bits.
        found: u32,
    },
    /// A tensor holds an infinity or is not a number there.
    #[error("element {element} is not finite")]
    NotFinite {
        /// Its index in the tensor.
        element: usize,
    },
}

/// `Ok` if a slice has the length that its shape asks for.
pub(crate) fn expect_len(what: &'static str, found: usize, expected: usize) -> Result<(), SimdError> {
    if found == expected { Ok(()) } else { Err(SimdError::Length { what, found, expected }) }
}

/// `Ok` if a dimension lies within its bounds.
pub(crate) fn expect_range(
    what: &'static str,
    found: usize,
    least: usize,
    most: usize,
) -> Result<(), SimdError> {
    if (least..=most).contains(&found) { Ok(()) } else { Err(SimdError::Range { what, found, least, most }) }
}
