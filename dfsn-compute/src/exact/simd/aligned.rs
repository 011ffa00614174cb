use std::fmt;

use super::pages;

/// One cache line of 16-bit integers.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([i16; 32]);

/// i16 on a cache line's boundary, so that no vector of packed weights straddles two lines.
pub(crate) struct AlignedI16 {
    lines: Vec<Line>,
    len: usize,
}

#[allow(unsafe_code, reason = "a vector of lines seen as the numbers in it")]
impl AlignedI16 {
    pub(crate) fn zeroed(len: usize) -> Self {
        Self { lines: pages::filled(Line([0; 32]), len.div_ceil(32)), len }
    }

    pub(crate) fn as_slice(&self) -> &[i16] {
        // SAFETY: Line is repr(C) over 32 i16 without padding, and there are at least len / 32 of them.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [i16] {
        // SAFETY: as above, and the borrow is unique.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

impl fmt::Debug for AlignedI16 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AlignedI16({})", self.len)
    }
}
