use crate::reference::{Numbers, bits, everywhere, exp32, gelu, key, rne, scales, silu};
use dfsn_compute::exact::simd::activation::{self, Activation, activate};
use dfsn_compute::exact::simd::norm::{Affine, Moments, affine, group_sums, silu_image};
use dfsn_compute::exact::simd::quantise::{
    Haloed, Quantiser, channel_bounds, max_bits, quantise, quantise_image,
};
use dfsn_compute::exact::simd::rows::{QuantisedRows, geglu_rows, layer_norm_rows, quantise_rows};
use dfsn_compute::exact::simd::{ChannelBounds, SimdError, Threads};

#[test]
fn activations_are_the_written_operations_on_three_million_values() {
    let mut numbers = Numbers(1);
    let mut x: Vec<f32> = (0..3_000_000).map(|_| f32::from_bits(numbers.next() as u32)).collect();
    x.retain(|x| x.is_finite());
    x.extend(numbers.floats(500_000, 10.0));
    x.extend([-0.0, 0.0, -87.0, 88.0, -87.000_01, 88.000_01, f32::MIN_POSITIVE, f32::MAX, f32::MIN, 1e-45]);
    assert!(x.iter().all(|&x| activation::exp32(x).to_bits() == exp32(x).to_bits()));
    let quick: fn(f32) -> f32 = |x| x / (1.0 + exp32(-(1.702 * x)));
    let definitions: [fn(f32) -> f32; 3] = [silu, gelu, quick];
    for (activation, definition) in
        [Activation::Silu, Activation::Gelu, Activation::QuickGelu].into_iter().zip(definitions)
    {
        let expected: Vec<f32> = x.iter().map(|&x| definition(x)).collect();
        everywhere(|kernels, _| {
            let mut out = vec![0.0; x.len()];
            activate(kernels, activation, &x, &mut out).unwrap();
            let same = out
                .iter()
                .zip(&expected)
                .all(|(y, e)| y.to_bits() == e.to_bits() || y.is_nan() && e.is_nan());
            assert!(same, "{activation:?} {kernels:?}");
        });
    }
}

#[test]
fn activations_are_close_to_what_they_are_called() {
    for i in -4000..4000 {
        let x = i as f32 * 0.01;
        let exact = f64::from(x);
        assert!(
            (f64::from(activation::exp32(x)) / exact.clamp(-87.0, 88.0).exp() - 1.0).abs() < 1.3e-7,
            "{x}"
        );
        assert!((f64::from(activation::silu(x)) - exact / (1.0 + (-exact).exp())).abs() < 4e-6, "{x}");
    }
    // From tables of the normal distribution.
    for (x, y) in
        [(1.0_f32, 0.841_344_7_f32), (-1.0, -0.158_655_25), (2.0, 1.954_499_7), (-3.0, -0.004_049_7)]
    {
        assert!((activation::gelu(x) - y).abs() < 5e-7, "{x}");
    }
}

#[test]
fn maxima_and_quantisation() {
    for len in [1, 2, 17, 1000, 70_001] {
        let x = Numbers(len as u64).floats(len, 20.0);
        for limit in [16383_u16, 32639, 4095] {
            let (r, s) = scales(&x, f32::from(limit));
            let expected: Vec<i16> = x.iter().map(|&x| rne(x * r) as i16).collect();
            everywhere(|kernels, threads| {
                let max = max_bits(kernels, &x, threads).unwrap();
                assert_eq!(max, x.iter().map(|x| x.abs().to_bits()).max().unwrap());
                let quantiser = Quantiser::new(max, u32::from(limit)).unwrap();
                assert_eq!((quantiser.r, quantiser.s), (r, s));
                let mut q = vec![0; len];
                quantise(kernels, &x, r, &mut q, threads).unwrap();
                assert_eq!(q, expected, "{kernels:?} {threads:?}");
            });
        }
    }
    assert_eq!(Quantiser::new(f32::NAN.to_bits() & 0x7fff_ffff, 1), None);
    assert_eq!(Quantiser::new(f32::INFINITY.to_bits(), 1), None);
    let least = Quantiser::new(1, 16383).unwrap();
    assert_eq!(least.r, 16383.0 * 2.0_f32.powi(100));
}

#[test]
fn images_keep_their_border_and_channels_their_range() {
    let image = Haloed { height: 5, width: 3, channels: 7, halo: 1 };
    let x = Numbers(9).floats(image.inner_len(), 2.0);
    let (r, _) = scales(&x, 32639.0);
    everywhere(|kernels, threads| {
        let mut q = vec![0; image.len()];
        quantise_image(kernels, &x, &image, r, &mut q, threads).unwrap();
        let bounds = ChannelBounds::new(2, 7);
        channel_bounds(kernels, &x, 7, &bounds, 1, threads).unwrap();
        let (min, max) = bounds.into_keys();
        for (channel, (&min, &max)) in min[7..].iter().zip(&max[7..]).enumerate() {
            let keys = x.iter().skip(channel).step_by(7).map(|&x| key(x));
            assert_eq!((keys.clone().min(), keys.max()), (Some(min), Some(max)));
        }
        assert_eq!(min[..7], [i32::MAX; 7]);
        for (at, &q) in q.iter().enumerate() {
            let (y, x_, c) = (at / 35, at / 7 % 5, at % 7);
            let inside = (1..=5).contains(&y) && (1..=3).contains(&x_);
            let expected = if inside { rne(x[((y - 1) * 3 + x_ - 1) * 7 + c] * r) } else { 0 };
            assert_eq!(i64::from(q), expected, "{kernels:?}");
        }
    });
}

/// Mean and rstd by exact integers as the specification has them, in i128 where it proves i64 to be enough.
fn moments(q: &[i64], s: f32, eps: f64) -> (f32, f32) {
    let n = q.len() as i128;
    let s1: i128 = q.iter().map(|&q| i128::from(q)).sum();
    let s2: i128 = q.iter().map(|&q| i128::from(q) * i128::from(q)).sum();
    let m = s1.div_euclid(n);
    let d = s1 - n * m;
    let c2 = s2 - 2 * m * s1 + n * m * m;
    let count = n as f64;
    let v = (c2 as f64 - (d as f64 * d as f64) / count) / count;
    let var = (v * f64::from(s)) * f64::from(s);
    ((s1 as f64 / count * f64::from(s)) as f32, (1.0 / (var + eps).sqrt()) as f32)
}

#[test]
fn group_norm_with_silu_is_the_written_operations() {
    for (height, width, channels, groups) in [(4, 4, 8, 2), (16, 9, 64, 32), (33, 40, 96, 32), (1, 1, 4, 4)] {
        let image = Haloed { height, width, channels, halo: 1 };
        let (pixels, per) = (height * width, channels / groups);
        let mut numbers = Numbers(channels as u64);
        let mut x = numbers.floats(pixels * channels, 5.0);
        x.iter_mut().for_each(|x| *x += 3.0);
        let (gamma, beta) = (numbers.floats(channels, 1.0), numbers.floats(channels, 1.0));
        let group = |g: usize| -> Vec<f32> {
            x.chunks(channels).flat_map(|x| x[g * per..(g + 1) * per].to_vec()).collect()
        };
        let mut r = Vec::new();
        let (mut sums, mut mean, mut factor) = (Vec::new(), Vec::new(), Vec::new());
        for g in 0..groups {
            let values = group(g);
            let (scale, s) = scales(&values, 524_287.0);
            let q: Vec<i64> = values.iter().map(|&x| rne(x * scale)).collect();
            let (s1, s2) = (q.iter().sum::<i64>(), q.iter().map(|q| q * q).sum::<i64>());
            let (m, rstd) = moments(&q, s, 1e-5);
            let made = Moments::new(s1, s2, q.len() as u32, s, 1e-5);
            assert_eq!((made.mean.to_bits(), made.rstd.to_bits()), (m.to_bits(), rstd.to_bits()));
            sums.push((s1, s2));
            for gamma in &gamma[g * per..(g + 1) * per] {
                r.push(scale);
                mean.push(m);
                factor.push(rstd * gamma);
            }
        }
        let map = Affine { mean: &mean, factor: &factor, beta: &beta };
        let y: Vec<f32> = (0..x.len())
            .map(|i| {
                let c = i % channels;
                (x[i] - mean[c]) * factor[c] + beta[c]
            })
            .collect();
        let keys = |c: usize| x.iter().skip(c).step_by(channels).map(|&x| key(x));
        let min: Vec<i32> = (0..channels).map(|c| keys(c).min().unwrap()).collect();
        let max: Vec<i32> = (0..channels).map(|c| keys(c).max().unwrap()).collect();
        let bound = map.silu_bound(&min, &max).unwrap();
        let most = y.iter().fold(f32::from_bits(0x3e8e_978d), |most, &y| most.max(y));
        assert_eq!(f32::from_bits(bound), most);
        let quantiser = Quantiser::new(bound, 16383).unwrap();
        everywhere(|kernels, threads| {
            assert_eq!(group_sums(kernels, &x, &r, groups, threads).unwrap(), sums, "{kernels:?}");
            let mut plain = vec![0.0; x.len()];
            affine(kernels, &x, &map, &mut plain, threads).unwrap();
            assert_eq!(bits(&plain), bits(&y));
            let mut q = vec![0; image.len()];
            silu_image(kernels, &x, &image, &map, quantiser.r, 16383, &mut q, threads).unwrap();
            let mut inside = 0;
            for (at, &q) in q.iter().enumerate() {
                let (row, column, c) =
                    (at / channels / (width + 2), at / channels % (width + 2), at % channels);
                let expected = if (1..=height).contains(&row) && (1..=width).contains(&column) {
                    inside += 1;
                    let y = y[((row - 1) * width + column - 1) * channels + c];
                    rne(silu(y) * quantiser.r).clamp(-16383, 16383)
                } else {
                    0
                };
                assert_eq!(i64::from(q), expected, "{kernels:?} {threads:?}");
            }
            assert_eq!(inside, x.len());
        });
    }
}

#[test]
fn rows_are_normalised_gated_and_quantised() {
    for (rows, k) in [(1, 1), (3, 7), (77, 320), (40, 1280)] {
        let mut numbers = Numbers(k as u64);
        let (x, wide) = (numbers.floats(rows * k, 3.0), numbers.floats(rows * 2 * k, 3.0));
        let (gamma, beta) = (numbers.floats(k, 1.0), numbers.floats(k, 1.0));
        let norm = |x: &[f32]| -> Vec<f32> {
            let (r, s) = scales(x, 524_287.0);
            let q: Vec<i64> = x.iter().map(|&x| rne(x * r)).collect();
            let (mean, rstd) = moments(&q, s, 1e-5);
            x.iter().zip(gamma.iter().zip(&beta)).map(|(x, (g, b))| (x - mean) * (rstd * g) + b).collect()
        };
        let gate = |x: &[f32]| -> Vec<f32> { (0..k).map(|i| x[i] * gelu(x[k + i])).collect() };
        let expected = |rows: Vec<Vec<f32>>| -> (Vec<i16>, Vec<u32>) {
            let scale = |y: &Vec<f32>| scales(y, 16383.0);
            let q =
                rows.iter().flat_map(|y| y.iter().map(|&y_| rne(y_ * scale(y).0) as i16).collect::<Vec<_>>());
            let max = |y: &Vec<f32>| y.iter().map(|y| y.abs().to_bits()).max().unwrap();
            (q.collect(), rows.iter().map(max).collect())
        };
        let plain = expected(x.chunks(k).map(<[f32]>::to_vec).collect());
        let normal = expected(x.chunks(k).map(norm).collect());
        let gated = expected(wide.chunks(2 * k).map(gate).collect());
        everywhere(|kernels, threads| {
            let run = |op: &dyn Fn(QuantisedRows<'_>) -> Result<(), SimdError>| {
                let (mut q, mut max) = (vec![0; rows * k], vec![0; rows]);
                op(QuantisedRows { q: &mut q, max: &mut max, limit: 16383 }).unwrap();
                (q, max)
            };
            assert!(run(&|out| quantise_rows(kernels, &x, k, out, threads)) == plain, "{kernels:?} {k}");
            let norm = run(&|out| layer_norm_rows(kernels, &x, &gamma, &beta, 1e-5, out, threads));
            assert!(norm == normal, "{kernels:?} {k}");
            assert!(run(&|out| geglu_rows(kernels, &wide, k, out, threads)) == gated, "{kernels:?} {k}");
        });
    }
}

#[test]
fn a_number_that_is_not_finite_is_named() {
    let mut x = vec![1.0; 64];
    x[37] = f32::NAN;
    everywhere(|kernels, threads| {
        let (mut q, mut max) = (vec![0; 64], vec![0; 8]);
        let out = QuantisedRows { q: &mut q, max: &mut max, limit: 16383 };
        assert_eq!(quantise_rows(kernels, &x, 8, out, threads), Err(SimdError::NotFinite { element: 37 }));
        assert!(max_bits(kernels, &x, Threads::Caller).unwrap() >= 0x7f80_0000);
    });
}
