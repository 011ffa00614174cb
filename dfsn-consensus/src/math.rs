//! Integer arithmetic that the rules share.

/// `floor(a * b / c)` without an intermediate overflow; `None` when the result overflows or `c` is 0.
pub(crate) fn mul_div(a: u128, b: u64, c: u64) -> Option<u128> {
    let (b, c) = (u128::from(b), u128::from(c));
    let whole = a.checked_div(c)?.checked_mul(b)?;
    // The remainder is below 2^64, so its product with `b` fits.
    let rest = a.checked_rem(c)?.checked_mul(b)?.checked_div(c)?;
    whole.checked_add(rest)
}

/// A 256-bit big-endian number modulo `modulus`; `None` when the modulus is 0 or over 2^120.
pub(crate) fn rem_256(digits: &[u8; 32], modulus: u128) -> Option<u128> {
    if modulus > 1 << 120 {
        return None;
    }
    digits.iter().try_fold(0u128, |rest, digit| {
        rest.checked_mul(256)?.checked_add(u128::from(*digit))?.checked_rem(modulus)
    })
}

#[cfg(test)]
mod tests {
    use super::{mul_div, rem_256};

    #[test]
    fn mul_div_is_exact_where_the_product_overflows() {
        assert_eq!(mul_div(u128::MAX, 9, 10), Some(u128::MAX / 10 * 9 + u128::MAX % 10 * 9 / 10));
        assert_eq!(mul_div(7, 3, 2), Some(10));
        assert_eq!(mul_div(7, 3, 0), None);
        assert_eq!(mul_div(u128::MAX, 2, 1), None);
    }

    #[test]
    fn rem_256_matches_small_numbers() {
        let mut digits = [0u8; 32];
        digits[30] = 3;
        digits[31] = 5;
        assert_eq!(rem_256(&digits, 100), Some((3 * 256 + 5) % 100));
        assert_eq!(rem_256(&[0xff; 32], 1 << 100), Some((1 << 100) - 1));
        assert_eq!(rem_256(&digits, 0), None);
    }
}
