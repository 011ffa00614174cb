//! Q(x; L): in its limit without a clamp, and the same on soft floats.

use dfsn_consensus::exact::ieee::Single;
use dfsn_consensus::exact::quantise::{Scale, from_sort_key, is_finite_bits, max_bits, quantise, sort_key};
use dfsn_consensus::exact::soft::SoftSingle;
use proptest::prelude::*;

use super::Random;

const INFINITY: u32 = 0x7f80_0000;

/// Quantises numbers of at most a largest magnitude on both kinds of floats; the results are the same and within the limit.
fn check(maximum: u32, limit: u32, patterns: &[u32]) {
    let (hard, soft) = (Scale::<f32>::of(maximum, limit), Scale::<SoftSingle>::of(maximum, limit));
    assert_eq!((hard.r.to_bits(), hard.s.to_bits()), (soft.r.to_bits(), soft.s.to_bits()));
    for bits in patterns {
        let q = quantise(f32::from_bits(*bits), &hard);
        assert!(q.unsigned_abs() <= limit, "{bits:08x} of {maximum:08x} with limit {limit}: {q}");
        assert_eq!(q, quantise(SoftSingle::from_bits(*bits), &soft), "{bits:08x} of {maximum:08x}, {limit}");
    }
}

#[test]
fn quantised_numbers_stay_within_their_limit() {
    let mut random = Random(8);
    for round in 0..400_000u64 {
        // Any maximum; near a power of two; the least and the largest.
        let maximum = match round % 4 {
            0 | 1 => random.below(INFINITY.into()) as u32,
            2 => ((random.below(254) as u32 + 1) << 23).wrapping_add(random.below(5) as u32).wrapping_sub(2),
            _ => [0, 1, 0x0d7f_ffff, 0x0d80_0000, 0x7f7f_ffff, 0x7f00_0001][random.below(6) as usize],
        };
        // The profile's; any; the largest.
        let limit = match round % 3 {
            0 => [16_383, 32_639, 8191, 4095, (1 << 19) - 1][random.below(5) as usize],
            1 => 1 + random.below((1 << 19) - 1) as u32,
            _ => (1 << 19) - 1 - random.below(9) as u32,
        };
        let inside = random.below(u64::from(maximum) + 1) as u32;
        let near = maximum.saturating_sub(random.below(4) as u32);
        check(maximum, limit, &[maximum, maximum | 1 << 31, near, inside, inside | 1 << 31]);
    }
}

#[test]
fn the_largest_number_gets_the_limit_and_what_it_is_worth_is_near() {
    let mut random = Random(9);
    for _ in 0..200_000 {
        let maximum = 0x1000_0000 + random.below(0x6f00_0000) as u32;
        for limit in [16_383, 32_639, 8191, 4095, (1 << 19) - 1] {
            let scale = Scale::<f32>::of(maximum, limit);
            let x = f32::from_bits(maximum - random.below(u64::from(maximum.min(0x0300_0000))) as u32);
            assert_eq!(quantise(f32::from_bits(maximum), &scale), limit as i32);
            let off = f64::from(quantise(x, &scale)) * f64::from(scale.s) - f64::from(x);
            assert!(off.abs() <= 0.6 * f64::from(scale.s), "{x:e} of {maximum:08x}, {limit}: off by {off:e}");
        }
    }
}

#[test]
fn a_scope_of_zeros_has_a_scale() {
    let maximum = max_bits([0f32, -0.0]);
    let scale = Scale::<f32>::of(maximum, 16_383);
    assert_eq!((maximum, quantise(-0f32, &scale)), (0, 0));
    assert_eq!((scale.r, scale.s), (16_383.0 * 2f32.powi(100), 2f32.powi(-100) / 16_383.0));
    assert_eq!(max_bits::<f32>([]), 0);
}

#[test]
fn what_is_not_finite_is_the_largest() {
    let numbers = |odd: f32| max_bits([1f32, -3.4e38, odd, 0.0]);
    for (odd, finite) in [(2.0, true), (f32::INFINITY, false), (f32::NEG_INFINITY, false), (-f32::NAN, false)]
    {
        assert_eq!(is_finite_bits(numbers(odd)), finite, "{odd}");
    }
    assert_eq!(numbers(f32::NEG_INFINITY), INFINITY);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn sort_keys_order_as_the_numbers_do(a: u32, b: u32) {
        prop_assert_eq!(from_sort_key(sort_key(a)), a);
        let (x, y) = (f32::from_bits(a), f32::from_bits(b));
        prop_assert_eq!(sort_key(a).cmp(&sort_key(b)), x.total_cmp(&y));
    }

    #[test]
    fn any_number_is_in_any_limit(maximum in 0..INFINITY, part in 0..=u32::MAX, limit in 1..1u32 << 19) {
        let inside = ((u64::from(maximum) * u64::from(part)) >> 32) as u32;
        check(maximum, limit, &[maximum, inside, inside | 1 << 31]);
    }
}
