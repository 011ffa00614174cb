//! exp and exp2: a power of two times e^r with |r| <= ln(2)/2.

use super::{horner, nearest, select};
use crate::exact::ieee::Double;

const ONE: u64 = 0x3ff0_0000_0000_0000;
const TWO: u64 = 0x4000_0000_0000_0000;
/// 1/ln(2).
const LOG2_E: u64 = 0x3ff7_1547_652b_82fe;
/// ln(2), and its first 32 bits and what they leave.
const LN_2: u64 = 0x3fe6_2e42_fefa_39ef;
const LN_2_HIGH: u64 = 0x3fe6_2e42_fee0_0000;
const LN_2_LOW: u64 = 0x3dea_39ef_3579_3c76;
/// ln(2) likewise after 26 bits.
const LN_2_HALF: u64 = 0x3fe6_2e42_f800_0000;
const LN_2_REST: u64 = 0x3e4b_e8e7_bcd5_e4f2;
/// r - r^2 * (the first + r^2 * ..) is 2 - 2r/(e^r - 1) up to 2^-59; highest power first.
const REMEZ: [u64; 5] = [
    0x3e66_3769_72be_a4d0, // 4.13813679705723846039e-08
    0xbebb_bd41_c5d2_6bf1, // -1.65339022054652515390e-06
    0x3f11_566a_af25_de2c, // 6.61375632143793436117e-05
    0xbf66_c16c_16be_bd93, // -2.77777777770155933842e-03
    0x3fc5_5555_5555_553e, // 1.66666666666666019037e-01
];

/// e^x, within 0.9 units of the last place. Above 709.78 infinity, below -745.13 zero.
pub fn exp<D: Double>(x: D) -> D {
    let x = select(x, D::from_i64(-746), D::from_i64(710));
    let (power, n) = nearest(x * D::from_bits(LOG2_E));
    scaled(x - n * D::from_bits(LN_2_HIGH), n * D::from_bits(LN_2_LOW), power)
}

/// 2^x, within 0.9 units of the last place, and exact for integers. From 1024 on infinity, below -1075 zero.
pub fn exp2<D: Double>(x: D) -> D {
    let x = select(x, D::from_i64(-1076), D::from_i64(1025));
    let (power, n) = nearest(x);
    let fraction = x - n;
    // In two halves, the larger of which has an exact product with the larger half of ln(2).
    let high = D::from_bits(fraction.to_bits() & !((1 << 27) - 1));
    let low = fraction - high;
    let rest = high * D::from_bits(LN_2_REST) + low * D::from_bits(LN_2);
    scaled(high * D::from_bits(LN_2_HALF), -rest, power)
}

/// e^(high - low) * 2^power, for a difference within ln(2)/2 and a power in [-1077, 1025].
fn scaled<D: Double>(high: D, low: D, power: i64) -> D {
    let [first, rest @ ..] = REMEZ.map(D::from_bits);
    let r = high - low;
    let square = r * r;
    let c = r - square * horner(square, first, rest);
    let quotient = (r * c) / (D::from_bits(TWO) - c);
    let value = D::from_bits(ONE) - ((low - quotient) - high);
    // Each half is a normal number, and only the last product can round.
    let half = power >> 1;
    value * power_of_two(half) * power_of_two(power.wrapping_sub(half))
}

/// 2^power for a power in [-1022, 1023].
fn power_of_two<D: Double>(power: i64) -> D {
    D::from_bits((power.wrapping_add(1023) as u64) << 52)
}
