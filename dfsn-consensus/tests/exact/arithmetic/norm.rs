//! Statistics, normalisation and the channel bound: against sums in binary64, and the same on soft floats.

use dfsn_consensus::exact::activation::silu;
use dfsn_consensus::exact::ieee::{Double, Single};
use dfsn_consensus::exact::norm::{MOST_NUMBERS, Moments, STATISTICS_LIMIT, channel_bound, normalise};
use dfsn_consensus::exact::quantise::{Scale, max_bits, quantise};
use dfsn_consensus::exact::soft::{SoftDouble, SoftSingle};

use super::Random;

const EPSILON: f64 = 1e-5;
const LIMIT: i64 = STATISTICS_LIMIT as i64;

/// Statistics on the machine's floats, after soft ones gave the same bits.
fn statistics(moments: &Moments, s: f32, epsilon: f64) -> (f32, f32) {
    let (mean, rstd) = moments.statistics::<f32>(s, epsilon);
    let soft_epsilon = SoftDouble::from_bits(epsilon.to_bits());
    let (soft_mean, soft_rstd) = moments.statistics(SoftSingle::from_bits(s.to_bits()), soft_epsilon);
    assert_eq!(
        (soft_mean.to_bits(), soft_rstd.to_bits()),
        (mean.to_bits(), rstd.to_bits()),
        "{moments:?}, s {s:e}, epsilon {epsilon:e}"
    );
    (mean, rstd)
}

fn moments(integers: &[i32]) -> Moments {
    let (s1, s2) = integers.iter().fold((0, 0), |(s1, s2), q| {
        let q = i64::from(*q);
        (s1 + q, s2 + q * q)
    });
    Moments::new(integers.len() as u32, s1, s2).expect("sums of integers within the limit")
}

/// The sum of twelve even numbers less 6: about normal.
fn deviate(random: &mut Random) -> f64 {
    (0..12).map(|_| random.unit()).sum::<f64>() - 6.0
}

#[test]
fn statistics_are_near_those_in_binary64() {
    let mut random = Random(10);
    // How many deviations the mean is from 0, and bounds on the errors of mean, in deviations, and rstd, of itself.
    for (away, mean_bound, rstd_bound) in [(0.0, 5e-7, 1e-6), (1.0, 5e-7, 1e-6), (30.0, 1e-5, 4e-6)] {
        let (mut worst_mean, mut worst_rstd) = (0f64, 0f64);
        for round in 0..120 {
            let count = [320, 1280, 2560, 40_960][round % 4];
            let size = 10f64.powf(random.unit() * 6.0 - 2.0);
            let numbers: Vec<f32> =
                (0..count).map(|_| ((deviate(&mut random) + away) * size) as f32).collect();

            let scale = Scale::of(max_bits(numbers.iter().copied()), STATISTICS_LIMIT);
            let integers: Vec<i32> = numbers.iter().map(|x| quantise(*x, &scale)).collect();
            let (mean, rstd) = statistics(&moments(&integers), scale.s, EPSILON);

            let true_mean = numbers.iter().map(|x| f64::from(*x)).sum::<f64>() / f64::from(count);
            let squares = numbers.iter().map(|x| (f64::from(*x) - true_mean).powi(2)).sum::<f64>();
            let deviation = (squares / f64::from(count) + EPSILON).sqrt();
            worst_mean = worst_mean.max((f64::from(mean) - true_mean).abs() / deviation);
            worst_rstd = worst_rstd.max((f64::from(rstd) * deviation - 1.0).abs());
        }
        println!("mean {away} deviations away: off by {worst_mean:.1e}, rstd by {worst_rstd:.1e}");
        assert!(worst_mean < mean_bound && worst_rstd < rstd_bound);
    }
}

#[test]
fn statistics_of_the_most_numbers_at_the_limits_are_exact() {
    let n = i64::from(MOST_NUMBERS);
    for (s1, s2, mean, variance) in [
        // All at one limit.
        (n * LIMIT, n * LIMIT * LIMIT, LIMIT as f64, 0.0),
        (-n * LIMIT, n * LIMIT * LIMIT, -LIMIT as f64, 0.0),
        // Half at each.
        (0, n * LIMIT * LIMIT, 0.0, (LIMIT * LIMIT) as f64),
        // One away from the others.
        (
            n * LIMIT - 1,
            (n - 1) * LIMIT * LIMIT + (LIMIT - 1).pow(2),
            LIMIT as f64 - 1.0 / n as f64,
            1.0 / n as f64,
        ),
        (
            1 - n * LIMIT,
            (n - 1) * LIMIT * LIMIT + (LIMIT - 1).pow(2),
            1.0 / n as f64 - LIMIT as f64,
            1.0 / n as f64,
        ),
    ] {
        let moments = Moments::new(MOST_NUMBERS, s1, s2).expect("there are such numbers");
        let (got_mean, rstd) = statistics(&moments, 0.5, EPSILON);
        assert_eq!(got_mean, (mean * 0.5) as f32);
        let expected = 1.0 / (variance * 0.25 + EPSILON).sqrt();
        assert!((f64::from(rstd) / expected - 1.0).abs() < 1.3e-7, "{moments:?}: {rstd}, not {expected}");
    }
}

#[test]
fn sums_that_no_integers_have_are_refused() {
    let n = i64::from(MOST_NUMBERS);
    for (n, s1, s2) in [
        (0, 0, 0),
        (MOST_NUMBERS + 1, 0, 0),
        (MOST_NUMBERS, 0, n * LIMIT * LIMIT + 1),
        (MOST_NUMBERS, n * LIMIT + 1, n * LIMIT * LIMIT),
        (4, 9, 20),
        (1, 0, -1),
        (1, i64::MIN, i64::MAX),
        (u32::MAX, i64::MAX, i64::MAX),
    ] {
        assert_eq!(Moments::new(n, s1, s2), None, "{n} {s1} {s2}");
    }
    assert!(Moments::new(4, 8, 16).is_some() && Moments::new(1, -LIMIT, LIMIT * LIMIT).is_some());
}

#[test]
fn statistics_are_the_same_on_soft_floats_for_any_sums_and_scales() {
    let mut random = Random(11);
    let mut tried = 0;
    for _ in 0..300_000 {
        let (fewer, smaller) = (random.below(24), random.below(19));
        let n = 1 + random.below(u64::from(MOST_NUMBERS) >> fewer) as i64;
        let most = n * (1 + (random.below(STATISTICS_LIMIT.into()) as i64 >> smaller));
        let s1 = most - random.below(2 * most as u64 + 1) as i64;
        let least = (i128::from(s1) * i128::from(s1) / i128::from(n)) as i64;
        let s2 = least + 1 + random.below((n * LIMIT * LIMIT - least) as u64 + 1) as i64;
        let Some(moments) = Moments::new(n as u32, s1, s2) else { continue };
        tried += 1;
        let s = f32::from_bits((8 + random.below(240) as u32) << 23 | random.next() as u32 >> 9);
        let epsilon = [1e-5, 1e-6, 1e-12, 1.0][random.below(4) as usize];
        let (mean, rstd) = statistics(&moments, s, epsilon);
        assert!(mean.abs() <= s * 524_288.0 && rstd.is_finite() && rstd >= 0.0, "{moments:?}, {s:e}");
    }
    assert!(tried > 200_000, "{tried}");
}

#[test]
fn the_channel_bound_bounds_silu_of_all_between() {
    let mut random = Random(12);
    for _ in 0..20_000 {
        let mut number = |size: f64| ((random.unit() * 2.0 - 1.0) * size) as f32;
        let (mean, a, beta) = (number(3.0), number(4.0), number(2.0));
        let numbers: Vec<f32> = (0..40).map(|_| number(10.0)).collect();
        let min = numbers.iter().copied().fold(f32::INFINITY, f32::min);
        let max = numbers.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let bound = channel_bound(min, max, mean, a, beta);
        let soft = |x: f32| SoftSingle::from_bits(x.to_bits());
        assert_eq!(bound, channel_bound(soft(min), soft(max), soft(mean), soft(a), soft(beta)));

        let values = || numbers.iter().map(|x| normalise(*x, mean, a, beta));
        assert!(values().all(|y| silu(y).abs() <= f32::from_bits(bound)), "{min} {max} {mean} {a} {beta}");
        let largest = values().fold(0.2785, f32::max);
        assert_eq!(f32::from_bits(bound), largest);
        for (x, y) in numbers.iter().zip(values()) {
            assert_eq!(normalise(soft(*x), soft(mean), soft(a), soft(beta)).to_bits(), y.to_bits());
        }
    }
}

#[test]
fn the_channel_bound_of_what_overflows_is_infinite() {
    const INFINITY: u32 = 0x7f80_0000;
    for (min, max, mean, a) in [
        (-1.0, f32::MAX, 0.0, 2.0),
        (-f32::MAX, 1.0, 0.0, 2.0),
        (-f32::MAX, 1.0, f32::MAX, 0.0),
        (0.0, 1.0, 0.0, f32::NAN),
        (0.0, 1.0, 0.0, -f32::NAN),
    ] {
        assert_eq!(channel_bound(min, max, mean, a, 0.0), INFINITY, "{min:e} {max:e} {mean:e} {a:e}");
    }
    assert_eq!(channel_bound(-2f32, -1.0, 0.0, 1.0, 0.0), 0x3e8e_978d);
}
