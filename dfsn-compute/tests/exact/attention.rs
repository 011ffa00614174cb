use crate::reference::{Numbers, bits, dot, everywhere};
use dfsn_compute::exact::simd::{Attention, Head, Kernels, Threads, attention};
use dfsn_consensus::exact::score_shift;

/// Word for word.
fn expected(head: &Head<'_>, numbers: &Attention) -> Vec<f32> {
    let d = head.d;
    let (queries, keys) = (head.q.len() / d, head.k.len() / d);
    let mut out = Vec::new();
    for i in 0..queries {
        let seen = if numbers.causal { i + 1 } else { keys };
        let s: Vec<i64> = (0..seen)
            .map(|j| dot(head.q[i * d..][..d].iter().copied(), &head.k[j * d..][..d]) >> score_shift(d))
            .collect();
        let m = *s.iter().max().unwrap();
        let p: Vec<i64> = s.iter().enumerate().map(|(j, &s)| weight(m - s, numbers.c, j)).collect();
        let z: i64 = p.iter().sum();
        for column in 0..d {
            let v = &head.v[column * keys..];
            let n: i64 = p.iter().zip(v).map(|(&p, &v)| p * i64::from(v)).sum();
            out.push((n as f64 / z as f64 * f64::from(numbers.value_scale)) as f32);
        }
    }
    out
}

fn weight(distance: i64, c: f32, key: usize) -> i64 {
    let u = ((distance as u32) >> 1) as f32;
    let t = u * c;
    let t = if t < 31.0 { t } else { 31.0 };
    let n = t.trunc();
    let f = t - n;
    let mut g = f32::from_bits(0xba77_b359);
    for c in [0x3c16_d3e8, 0xbd62_7f7b, 0x3e75_f1c8, 0xbf31_71de, 0x3f80_0000] {
        g *= f;
        g += f32::from_bits(c);
    }
    let g = (g * 536_870_912.0).trunc() as i64;
    let offset = (key as u64 * 0x9e37_79b1 % (1 << 32)) >> 17;
    (((g >> n as u32) + offset as i64) >> 15).min(16383)
}

#[test]
fn a_head_gives_the_defined_bits() {
    let shapes = [
        (1, 1, 1),
        (3, 5, 2),
        (77, 77, 64),
        (25, 130, 40),
        (40, 97, 80),
        (9, 33, 160),
        (5, 65, 512),
        (70, 31, 7),
    ];
    for (case, (queries, keys, d)) in shapes.into_iter().enumerate() {
        for causal in [false, true] {
            if causal && queries > keys {
                continue;
            }
            let mut numbers = Numbers(case as u64);
            let q = numbers.integers(queries * d, 8191);
            let k = numbers.integers(keys * d, 8191);
            let v = numbers.integers(keys * d, 4095);
            let head = Head { q: &q, k: &k, v: &v, d };
            // From nearly uniform to all on one key.
            for c in [0.0, 1e-9, 1e-7, 1e-5, f32::MAX] {
                let numbers = Attention { c, value_scale: 3e-4, causal };
                let expected = bits(&expected(&head, &numbers));
                everywhere(|kernels, threads| {
                    let mut out = vec![f32::NAN; queries * d];
                    attention(kernels, &head, &numbers, &mut out, d, threads).unwrap();
                    assert_eq!(
                        bits(&out),
                        expected,
                        "{kernels:?} {threads:?} {queries} {keys} {d} {c} {causal}"
                    );
                });
            }
        }
    }
}

#[test]
fn adversarial_heads_are_exact() {
    let (keys, d) = (300, 40);
    let (q, k, v) = (vec![8191; 2 * d], vec![8191; keys * d], vec![-4095; keys * d]);
    let head = Head { q: &q, k: &k, v: &v, d };
    let numbers = Attention { c: 1e-6, value_scale: 1.0, causal: false };
    everywhere(|kernels, threads| {
        let mut out = vec![0.0; 2 * d];
        attention(kernels, &head, &numbers, &mut out, d, threads).unwrap();
        assert_eq!(out, vec![-4095.0; 2 * d], "{kernels:?} {threads:?}");
    });
}

#[test]
fn heads_lie_side_by_side() {
    let (q, k, v) = (vec![1; 6], vec![1; 4], vec![5; 4]);
    let head = Head { q: &q, k: &k, v: &v, d: 2 };
    let numbers = Attention { c: 1e-6, value_scale: 1.0, causal: false };
    let mut out = vec![9.0; 12];
    attention(Kernels::detect(), &head, &numbers, &mut out[2..], 4, Threads::Caller).unwrap();
    assert_eq!(out, [9.0, 9.0, 5.0, 5.0, 9.0, 9.0, 5.0, 5.0, 9.0, 9.0, 5.0, 5.0]);
}

#[test]
fn a_scale_that_is_no_scale_is_refused() {
    let head = Head { q: &[1, 1], k: &[1, 1], v: &[1, 1], d: 2 };
    for c in [-1.0, f32::NAN, f32::INFINITY] {
        let numbers = Attention { c, value_scale: 1.0, causal: false };
        let refused = attention(Kernels::detect(), &head, &numbers, &mut [0.0; 2], 2, Threads::Caller);
        assert!(refused.is_err(), "{c}");
    }
}
