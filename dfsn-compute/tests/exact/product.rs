use crate::reference::{Numbers, bits, dot, everywhere, key};
use dfsn_compute::exact::simd::{
    ChannelBounds, ConvWindow, Epilogue, Isa, Kernels, Operand, PackedWeights, Scale, SimdError, Threads,
    product, scores, sums,
};
use proptest::prelude::*;

/// Everything around one product.
struct Case {
    m: usize,
    n: usize,
    k: usize,
    a: Vec<i16>,
    w: Vec<i16>,
    limit_a: i16,
    weight_scales: Vec<f32>,
    row_scales: Vec<f32>,
    bias: Vec<f32>,
    temb: Vec<f32>,
    residual: Vec<f32>,
    rows_per_image: usize,
}

impl Case {
    fn random(seed: u64, m: usize, n: usize, k: usize, limit_a: i16, rows_per_image: usize) -> Self {
        let mut numbers = Numbers(seed);
        // Scales that make sums small, large, or denormal.
        let scale = [1e-6, 1e-3, 1e-22][seed as usize % 3];
        let positive = |x: Vec<f32>| x.into_iter().map(|x: f32| x.abs().max(f32::MIN_POSITIVE)).collect();
        let images = m.div_ceil(rows_per_image);
        Self {
            m,
            n,
            k,
            a: numbers.integers(m * k, limit_a),
            w: numbers.integers(n * k, 8191),
            limit_a,
            weight_scales: positive(numbers.floats(n, scale)),
            row_scales: positive(numbers.floats(m, scale)),
            bias: numbers.floats(n, 1.0),
            temb: numbers.floats(images * n, 1.0),
            residual: numbers.floats(m * n, 3.0),
            rows_per_image,
        }
    }

    fn sum(&self, row: usize, column: usize) -> i64 {
        let a = self.a[row * self.k..][..self.k].iter().copied();
        dot(a, &self.w[column * self.k..][..self.k])
    }

    /// By the definition.
    fn expected(&self) -> Vec<f32> {
        let mut out = Vec::new();
        for row in 0..self.m {
            for column in 0..self.n {
                let v = self.sum(row, column) as f64;
                let scaled = v * f64::from(self.weight_scales[column]);
                let mut y = (scaled * f64::from(self.row_scales[row])) as f32;
                y += self.bias[column];
                y += self.temb[row / self.rows_per_image * self.n + column];
                y += self.residual[row * self.n + column];
                out.push(y);
            }
        }
        out
    }

    fn run(&self, kernels: Kernels, threads: Threads<'_>) -> (Vec<f32>, Vec<i32>, Vec<i32>) {
        let weights =
            PackedWeights::pack(kernels, &self.w, self.n, self.k, self.limit_a.unsigned_abs()).unwrap();
        let operand = Operand::rows(&self.a, self.m, self.k, self.k).unwrap();
        let bounds = ChannelBounds::new(self.m.div_ceil(self.rows_per_image), self.n);
        let mut epilogue = Epilogue::new(&self.weight_scales, Scale::Rows(&self.row_scales), self.m);
        epilogue.bias = Some(&self.bias);
        epilogue.temb = Some(&self.temb);
        epilogue.residual = Some(&self.residual);
        epilogue.bounds = Some(&bounds);
        epilogue.rows_per_image = self.rows_per_image;
        let mut out = vec![f32::NAN; self.m * self.n];
        product(&operand, &weights, &epilogue, &mut out, threads).unwrap();
        let (min, max) = bounds.into_keys();
        (out, min, max)
    }

    fn check(&self) {
        let expected = self.expected();
        let images = self.m.div_ceil(self.rows_per_image);
        let (mut min, mut max) = (vec![i32::MAX; images * self.n], vec![i32::MIN; images * self.n]);
        for (index, &y) in expected.iter().enumerate() {
            let at = index / self.n / self.rows_per_image * self.n + index % self.n;
            min[at] = min[at].min(key(y));
            max[at] = max[at].max(key(y));
        }
        everywhere(|kernels, threads| {
            let (out, least, most) = self.run(kernels, threads);
            let same = bits(&out) == bits(&expected);
            assert!(same, "{kernels:?} {threads:?} {}x{}x{}", self.m, self.n, self.k);
            assert!((&least, &most) == (&min, &max), "{kernels:?} {threads:?}");
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_instruction_set_gives_the_defined_bits(
        seed in any::<u64>(),
        m in 1_usize..150,
        n in 1_usize..120,
        k in 1_usize..400,
        limit in prop::sample::select(vec![16383_i16, 32639, 4095, 8191]),
        images in 1_usize..4,
    ) {
        Case::random(seed, m, n, k, limit, m.div_ceil(images)).check();
    }

    #[test]
    fn a_convolution_is_the_product_over_its_windows(
        seed in any::<u64>(),
        height in 1_usize..9,
        width in 1_usize..9,
        channels in 1_usize..20,
        stride in 1_usize..3,
        resized in any::<bool>(),
    ) {
        convolve(seed, height, width, channels, 5, stride, resized);
    }
}

/// Accumulators of such convolutions are emptied by what the image holds.
#[test]
fn convolutions_of_whole_chunks_are_the_products_over_their_windows() {
    for (channels, stride, resized) in [(32, 1, false), (96, 2, false), (64, 1, true)] {
        convolve(11, 9, 8, channels, 40, stride, resized);
    }
}

#[test]
fn rows_and_columns_of_one_and_tails_of_tiles() {
    for (m, n, k) in [
        (1, 1, 1),
        (1, 97, 3),
        (97, 1, 5),
        (8, 48, 256),
        (9, 49, 258),
        (193, 17, 511),
        (7, 320, 40),
        (5, 70, 16_424),
    ] {
        Case::random(7, m, n, k, 16383, m).check();
    }
}

/// More than a second-level cache holds, so that panels go side by side.
#[test]
fn large_operands_with_a_narrow_last_panel() {
    Case::random(8, 130, 300, 7001, 16383, 65).check();
}

#[test]
fn the_longest_reduction_at_all_limits_is_exact() {
    let k = 23040;
    for (limit, sign) in [(32639_i16, 1_i16), (16383, -1)] {
        let mut case = Case::random(3, 9, 50, k, limit, 9);
        for (index, a) in case.a.iter_mut().enumerate() {
            // All of one sign, alternating, and both in stretches.
            let negative = match index / k % 3 {
                0 => false,
                1 => index % 2 == 1,
                _ => index % k > k / 2,
            };
            *a = if negative { -limit } else { limit };
        }
        for (index, w) in case.w.iter_mut().enumerate() {
            let negative = index / k % 2 == 1 && index % 2 == 1;
            *w = if negative { -8191 } else { 8191 } * sign;
        }
        assert_eq!(case.sum(0, 0), i64::from(limit) * 8191 * i64::from(sign) * k as i64);
        case.check();
    }
}

/// So that accumulators are emptied late, by norms, with some rows and stretches where that would be too late.
#[test]
fn activations_far_below_their_limit_give_the_defined_bits() {
    let (rows, k) = (110, 1152);
    let mut case = Case::random(5, rows, 290, k, 32639, rows);
    for (index, a) in case.a.iter_mut().enumerate() {
        let (row, at) = (index / k, index % k);
        *a = match row % 5 {
            0 => *a / 64,
            // Reaches the end of its room again and again.
            1 => 1000,
            2 if (320..416).contains(&at) => 32639,
            3 if at % 32 == 17 => -32639,
            4 if row == 104 => *a,
            _ => *a % 9,
        };
    }
    case.w[..2 * k].fill(8191);
    case.w[k..2 * k].iter_mut().for_each(|w| *w = -*w);
    assert_eq!(case.sum(1, 0), 1000 * 8191 * k as i64);
    case.check();
}

#[test]
fn uniform_weights_of_zero_give_signed_zeros_as_defined() {
    let mut case = Case::random(4, 5, 33, 64, 16383, 5);
    case.w.fill(0);
    case.bias.fill(-0.0);
    case.temb.fill(-0.0);
    case.residual.fill(-0.0);
    case.check();
}

#[test]
fn scores_are_shifted_sums_and_sums_are_exact() {
    for (m, n, k) in [(17, 77, 40), (5, 130, 160), (3, 65, 512), (2, 9, 7)] {
        let mut numbers = Numbers(k as u64);
        let (mut a, mut b) = (numbers.integers(m * k, 8191), numbers.integers(n * k, 8191));
        a[..k].fill(8191);
        b[..k].fill(-8191);
        let shift = dfsn_consensus::exact::score_shift(k);
        let exact: Vec<i64> =
            (0..m * n).map(|i| dot(a[i / n * k..][..k].iter().copied(), &b[i % n * k..][..k])).collect();
        everywhere(|kernels, threads| {
            let packed = PackedWeights::pack_limited(kernels, &b, n, k, 8191, 8191).unwrap();
            let operand = Operand::rows(&a, m, k, k).unwrap();
            let (mut s, mut v) = (vec![0; m * n], vec![0.0; m * n]);
            scores(&operand, &packed, shift, &mut s, threads).unwrap();
            sums(&operand, &packed, &mut v, threads).unwrap();
            assert!(s.iter().zip(&exact).all(|(&s, &v)| i64::from(s) == v >> shift), "{kernels:?}");
            assert!(v.iter().zip(&exact).all(|(&s, &v)| s == v as f64), "{kernels:?}");
        });
    }
}

/// A 3x3 convolution with zero padding against seven loops.
fn convolve(
    seed: u64,
    height: usize,
    width: usize,
    channels: usize,
    out_channels: usize,
    stride: usize,
    resized: bool,
) {
    let mut numbers = Numbers(seed);
    let (full_height, full_width) = if resized { (2 * height + 1, 2 * width) } else { (height, width) };
    let (out_height, out_width) = (full_height.div_ceil(stride), full_width.div_ceil(stride));
    let image = numbers.integers(height * width * channels, 32639);
    let w = numbers.integers(out_channels * 9 * channels, 8191);
    let mut haloed = vec![0; (height + 2) * (width + 2) * channels];
    for y in 0..height {
        let row = ((y + 1) * (width + 2) + 1) * channels;
        haloed[row..row + width * channels]
            .copy_from_slice(&image[y * width * channels..][..width * channels]);
    }
    let at = |y: i64, x: i64, c: usize| {
        if y < 0 || x < 0 || y >= full_height as i64 || x >= full_width as i64 {
            return 0;
        }
        let (y, x) = (y as usize * height / full_height, x as usize * width / full_width);
        image[(y * width + x) * channels + c]
    };
    let mut expected = Vec::new();
    for y in 0..out_height {
        for x in 0..out_width {
            for o in 0..out_channels {
                let mut sum = 0_i64;
                for ky in 0..3 {
                    for kx in 0..3 {
                        for c in 0..channels {
                            let (sy, sx) = ((y * stride + ky) as i64 - 1, (x * stride + kx) as i64 - 1);
                            let weight = w[((o * 3 + ky) * 3 + kx) * channels + c];
                            sum += i64::from(at(sy, sx, c)) * i64::from(weight);
                        }
                    }
                }
                expected.push(sum as f64);
            }
        }
    }
    let window = ConvWindow {
        height,
        width,
        channels,
        halo: 1,
        kernel: 3,
        stride,
        padding: 1,
        resized: resized.then_some((full_height, full_width)),
        out_height,
        out_width,
    };
    everywhere(|kernels, threads| {
        let packed = PackedWeights::pack(kernels, &w, out_channels, 9 * channels, 32639).unwrap();
        let operand = Operand::conv(&haloed, &window, 1).unwrap();
        let mut out = vec![0.0; expected.len()];
        sums(&operand, &packed, &mut out, threads).unwrap();
        assert_eq!(out, expected, "{kernels:?} {threads:?}");
    });
}

#[test]
fn what_does_not_fit_is_refused_with_its_name() {
    let kernels = Kernels::detect();
    let refused = |result: Result<PackedWeights, SimdError>| result.unwrap_err().to_string();
    assert_eq!(
        refused(PackedWeights::pack(kernels, &[1, 2, 3], 2, 2, 16383)),
        "the weights has 3 elements, its shape asks for 4"
    );
    assert_eq!(
        refused(PackedWeights::pack(kernels, &[1, -8192], 2, 1, 16383)),
        "weight 1 is -8192, its limit is 8191"
    );
    let a = [0; 10];
    let error = Operand::gather(&a, vec![0, 7], 1, 4).unwrap_err().to_string();
    assert_eq!(error, "segment 0 of row 1 covers 7 to 11 of a buffer of 10");
    assert!(Operand::rows(&a, 3, 4, 4).is_err());
    let weights = PackedWeights::pack(kernels, &[1, 2, 3, 4], 2, 2, 16383).unwrap();
    let operand = Operand::rows(&a, 2, 4, 4).unwrap();
    assert!(sums(&operand, &weights, &mut [0.0; 4], Threads::Caller).is_err());
    for isa in [Isa::Portable, Isa::Avx2, Isa::Avx512Vnni, Isa::AmxInt8, Isa::Neon, Isa::WasmSimd128] {
        assert_eq!(isa.to_string().parse(), Ok(isa));
        assert_eq!(Kernels::new(isa).is_ok(), Isa::available().contains(&isa));
    }
    assert!("avx1024".parse::<Isa>().is_err());
}
