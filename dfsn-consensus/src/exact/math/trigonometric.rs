//! sin and cos: the nearest multiple of pi/2 is taken off, and a polynomial takes the rest.

use super::{horner, nearest};
use crate::exact::ieee::Double;

const HALF: u64 = 0x3fe0_0000_0000_0000;
const ONE: u64 = 0x3ff0_0000_0000_0000;
/// 2/pi.
const TWO_BY_PI: u64 = 0x3fe4_5f30_6dc9_c883;
/// pi/2 in four parts: three of 33 bits, whose products with integers to 2^20 are exact, and the rest.
const HALF_PI: [u64; 4] =
    [0x3ff9_21fb_5440_0000, 0x3dd0_b461_1a60_0000, 0x3ba3_198a_2e00_0000, 0x397b_839a_2520_49c1];
/// (sin(r) - r)/r^3 in r^2 up to 2^-58; highest power first.
const SIN: [u64; 5] = [
    0x3de5_d93a_5acf_d57c, // 1.58969099521155010221e-10
    0xbe5a_e5e6_8a2b_9ceb, // -2.50507602534068634195e-08
    0x3ec7_1de3_57b1_fe7d, // 2.75573137070700676789e-06
    0xbf2a_01a0_19c1_61d5, // -1.98412698298579493134e-04
    0x3f81_1111_1110_f8a6, // 8.33333333332248946124e-03
];
const SIN_FIRST: u64 = 0xbfc5_5555_5555_5549; // -1.66666666666666324348e-01
/// (cos(r) - 1 + r^2/2)/r^4 in r^2 up to 2^-58; highest power first.
const COS: [u64; 6] = [
    0xbda8_fae9_be88_38d4, // -1.13596475577881948265e-11
    0x3e21_ee9e_bdb4_b1c4, // 2.08757232129817482790e-09
    0xbe92_7e4f_809c_52ad, // -2.75573143513906633035e-07
    0x3efa_01a0_19cb_1590, // 2.48015872894767294178e-05
    0xbf56_c16c_16c1_5177, // -1.38888888888741095749e-03
    0x3fa5_5555_5555_554c, // 4.16666666666666019037e-02
];

/// The sine, within 0.8 units of the last place for |x| <= 2^20; beyond, a number that means nothing.
pub fn sin<D: Double>(x: D) -> D {
    let (quarter, r, tail) = reduced(x);
    turned(quarter, r, tail)
}

/// The cosine, within 0.8 units of the last place for |x| <= 2^20; beyond, a number that means nothing.
pub fn cos<D: Double>(x: D) -> D {
    let (quarter, r, tail) = reduced(x);
    turned(quarter.wrapping_add(1), r, tail)
}

/// sin(quarter*pi/2 + r + tail).
fn turned<D: Double>(quarter: i64, r: D, tail: D) -> D {
    match quarter & 3 {
        0 => sin_of_rest(r, tail),
        1 => cos_of_rest(r, tail),
        2 => -sin_of_rest(r, tail),
        _ => -cos_of_rest(r, tail),
    }
}

/// The nearest multiple of pi/2, and what remains of `x` as a sum of two.
///
/// The remainder is right to 2^-130, and no binary64 number in the domain is nearer to a multiple than 2^-61.
fn reduced<D: Double>(x: D) -> (i64, D, D) {
    let (quarter, n) = nearest(x * D::from_bits(TWO_BY_PI));
    if quarter == 0 {
        return (0, x, D::from_i64(0));
    }
    let [first, second, third, rest] = HALF_PI.map(|part| n * D::from_bits(part));
    // Exact: both are multiples of the last place of a number that holds their difference.
    let (r, second_lost) = difference(x - first, second);
    let (r, third_lost) = difference(r, third);
    let tail = (second_lost + third_lost) - rest;
    let sum = r + tail;
    (quarter, sum, (r - sum) + tail)
}

/// `a - b` rounded, and exactly what rounding took.
fn difference<D: Double>(a: D, b: D) -> (D, D) {
    let rounded = a - b;
    let b_seen = a - rounded;
    let a_seen = rounded + b_seen;
    (rounded, (a - a_seen) + (b_seen - b))
}

/// sin(r + tail) for |r| <= pi/4.
fn sin_of_rest<D: Double>(r: D, tail: D) -> D {
    let [first, rest @ ..] = SIN.map(D::from_bits);
    let square = r * r;
    let cube = square * r;
    let series = horner(square, first, rest);
    let correction = square * (D::from_bits(HALF) * tail - cube * series) - tail;
    r - (correction - cube * D::from_bits(SIN_FIRST))
}

/// cos(r + tail) for |r| <= pi/4.
fn cos_of_rest<D: Double>(r: D, tail: D) -> D {
    let [first, rest @ ..] = COS.map(D::from_bits);
    let square = r * r;
    let series = square * horner(square, first, rest);
    let half_square = D::from_bits(HALF) * square;
    let head = D::from_bits(ONE) - half_square;
    head + (((D::from_bits(ONE) - head) - half_square) + (square * series - r * tail))
}
