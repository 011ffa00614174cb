//! 256-bit products, to check 128-bit arithmetic against.

/// A 256-bit number: high and low half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wide {
    pub(crate) high: u128,
    pub(crate) low: u128,
}

impl Wide {
    /// The whole product of two numbers, by schoolbook multiplication of 64-bit halves.
    pub(crate) fn product(a: u128, b: u128) -> Self {
        let mask = u128::from(u64::MAX);
        let (a1, a0, b1, b0) = (a >> 64, a & mask, b >> 64, b & mask);
        let low = a0 * b0;
        // Neither sum overflows: (2^64 - 1)^2 + 2 * (2^64 - 1) = 2^128 - 1.
        let middle = a1 * b0 + (low >> 64);
        let crossed = a0 * b1 + (middle & mask);
        Self { high: a1 * b1 + (middle >> 64) + (crossed >> 64), low: (crossed << 64) | (low & mask) }
    }

    /// The number, if it fits in 128 bits.
    pub(crate) fn narrow(self) -> Option<u128> {
        (self.high == 0).then_some(self.low)
    }
}

#[test]
fn products_are_whole() {
    // (2^128 - 1)^2 = 2^256 - 2^129 + 1.
    assert_eq!(Wide::product(u128::MAX, u128::MAX), Wide { high: u128::MAX - 1, low: 1 });
    assert_eq!(Wide::product(u128::MAX, 3), Wide { high: 2, low: u128::MAX - 2 });
    assert_eq!(Wide::product(1 << 100, 1 << 100), Wide { high: 1 << 72, low: 0 });
    assert_eq!(Wide::product(12, 34).narrow(), Some(408));
}
