//! ln: k*ln(2) + ln(1 + f) with 1 + f in [sqrt(1/2), sqrt(2)).

use super::horner;
use crate::exact::ieee::Double;

const INFINITY: u64 = 0x7ff0_0000_0000_0000;
const NAN: u64 = 0x7ff8_0000_0000_0000;
const HALF: u64 = 0x3fe0_0000_0000_0000;
const ONE: u64 = 0x3ff0_0000_0000_0000;
const TWO: u64 = 0x4000_0000_0000_0000;
const TWO_TO_54: u64 = 0x4350_0000_0000_0000;
const LEAST_NORMAL: u64 = 0x0010_0000_0000_0000;
/// sqrt(1/2), a little less.
const ROOT_OF_HALF: u64 = 0x3fe6_a09e_0000_0000;
/// ln(2): its first 32 bits, and the rest.
const LN_2_HIGH: u64 = 0x3fe6_2e42_fee0_0000;
const LN_2_LOW: u64 = 0x3dea_39ef_3579_3c76;
/// With s = f/(2 + f): ln(1 + f) = 2s + s^3 * (the last + s^2 * ..) up to 2^-58; highest power first.
const REMEZ: [u64; 7] = [
    0x3fc2_f112_df3e_5244, // 1.479819860511658591e-01
    0x3fc3_9a09_d078_c69f, // 1.531383769920937332e-01
    0x3fc7_4664_96cb_03de, // 1.818357216161805012e-01
    0x3fcc_71c5_1d8e_78af, // 2.222219843214978396e-01
    0x3fd2_4924_9422_9359, // 2.857142874366239149e-01
    0x3fd9_9999_9997_fa04, // 3.999999999940941908e-01
    0x3fe5_5555_5555_5593, // 6.666666666666735130e-01
];

/// The natural logarithm, within 0.9 units of the last place. Of zeros minus infinity, of what is less NaN.
pub fn ln<D: Double>(x: D) -> D {
    match x.to_bits() {
        0 | 0x8000_0000_0000_0000 => -D::from_bits(INFINITY),
        INFINITY => x,
        1..LEAST_NORMAL => normal((x * D::from_bits(TWO_TO_54)).to_bits(), -54),
        bits @ LEAST_NORMAL..INFINITY => normal(bits, 0),
        // NaN and what is negative.
        _ => D::from_bits(NAN),
    }
}

/// ln of a positive normal number times 2^power.
fn normal<D: Double>(bits: u64, power: i64) -> D {
    // As if the binade began at sqrt(1/2).
    let shifted = bits.wrapping_add(ONE - ROOT_OF_HALF);
    let k = D::from_i64(((shifted >> 52) as i64).wrapping_sub(1023).wrapping_add(power));
    let mantissa = (shifted & (LEAST_NORMAL - 1)).wrapping_add(ROOT_OF_HALF);
    let f: D = D::from_bits(mantissa) - D::from_bits(ONE);
    let [first, rest @ ..] = REMEZ.map(D::from_bits);
    let s = f / (D::from_bits(TWO) + f);
    let square = s * s;
    let series = square * horner(square, first, rest);
    let half_square = (D::from_bits(HALF) * f) * f;
    let tail = s * (half_square + series) + k * D::from_bits(LN_2_LOW);
    ((tail - half_square) + f) + k * D::from_bits(LN_2_HIGH)
}
