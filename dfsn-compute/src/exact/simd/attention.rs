//! One head of attention, a few queries at a time: their scores of all keys stay in the second-level cache.

use std::cell::RefCell;
use std::ops::Range;

use dfsn_consensus::exact::score_shift;

use super::dispatch::for_each_isa;
use super::error::{expect_len, expect_range};
use super::shared::Shared;
use super::{Isa, Kernels, Operand, PackedWeights, SimdError, Threads, scores, sums};

/// The largest |q| of queries and keys.
const QK_LIMIT: u16 = 8191;
/// The largest |q| of values.
const V_LIMIT: u16 = 4095;
/// The largest p.
const P_LIMIT: u16 = 16383;
/// Queries at a time: with 4096 keys their scores take 384 KiB. Wide heads have more, for their keys and values are
/// read again for each group.
const QUERIES: usize = 24;
const MOST_QUERIES: usize = 96;
/// As [`QUERIES`], in whole tiles of the matrix unit.
const TILE_QUERIES: usize = 32;

/// The quantised input of one head.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// Queries `[token][d]`, magnitude at most 8191.
    pub q: &'a [i16],
    /// Keys `[token][d]`, magnitude at most 8191.
    pub k: &'a [i16],
    /// Values `[d][token]`, magnitude at most 4095.
    pub v: &'a [i16],
    /// Numbers of one query, key or value.
    pub d: usize,
}

/// The numbers that go with it.
#[derive(Clone, Copy, Debug)]
pub struct Attention {
    /// c = RN32(RN64(RN64(f64(s_q) * f64(s_k)) * kappa_D))
    pub c: f32,
    /// s_v
    pub value_scale: f32,
    /// Whether key j is seen by queries i >= j only.
    pub causal: bool,
}

/// `out[query * stride..][..d]` for each query: heads may lie side by side.
///
/// # Errors
/// If shapes disagree, or a thread's floating-point environment is not the default.
pub fn attention(
    kernels: Kernels,
    head: &Head<'_>,
    numbers: &Attention,
    out: &mut [f32],
    stride: usize,
    threads: Threads<'_>,
) -> Result<(), SimdError> {
    attend(kernels, head, numbers, &Shared::new(out), HeadPlace { start: 0, stride }, threads)
}

/// Where a head's results go: `d` numbers for each query, `stride` apart.
#[derive(Clone, Copy, Debug)]
pub(in crate::exact) struct HeadPlace {
    pub(in crate::exact) start: usize,
    pub(in crate::exact) stride: usize,
}

/// [`attention()`] into a part of an output that other heads share; no two places may overlap.
pub(in crate::exact) fn attend(
    kernels: Kernels,
    head: &Head<'_>,
    numbers: &Attention,
    out: &Shared<'_, f32>,
    HeadPlace { start, stride }: HeadPlace,
    threads: Threads<'_>,
) -> Result<(), SimdError> {
    let d = head.d;
    expect_range("the dimension of a head", d, 1, 1 << 10)?;
    let (queries, keys) = (head.q.len() / d, head.k.len() / d);
    expect_range("queries", queries, 1, 1 << 20)?;
    expect_range("keys", keys, 1, 1 << 17)?;
    expect_len("queries", head.q.len(), queries * d)?;
    expect_len("keys", head.k.len(), keys * d)?;
    expect_len("values", head.v.len(), keys * d)?;
    expect_range("the stride of the output", stride, d, 1 << 20)?;
    expect_range("the output", out.len(), start + (queries - 1) * stride + d, usize::MAX)?;
    if !(0.0..=f32::MAX).contains(&numbers.c) {
        return Err(SimdError::Factor { found: numbers.c.to_bits() });
    }
    if numbers.causal {
        expect_range("queries under a causal mask", queries, 1, keys)?;
    }
    let k = PackedWeights::pack_limited(kernels, head.k, keys, d, QK_LIMIT, QK_LIMIT)?;
    let v = PackedWeights::pack_limited(kernels, head.v, d, keys, P_LIMIT, V_LIMIT)?;
    let offsets: Vec<i32> = (0..keys as u32).map(|j| (j.wrapping_mul(0x9e37_79b1) >> 17) as i32).collect();
    let few = if kernels.isa() == Isa::AmxInt8 { TILE_QUERIES } else { QUERIES };
    let group = if d <= 128 { few } else { MOST_QUERIES };
    let group = group.min(queries.div_ceil(2 * threads.count()).next_multiple_of(8));
    let task = Task { kernels, head, numbers, k: &k, v: &v, offsets: &offsets };
    threads.run(queries.div_ceil(group), |index| {
        let first = index * group;
        let rows = first..queries.min(first + group);
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.grow(rows.len(), keys, d);
            task.run(rows, scratch, out, HeadPlace { start, stride })
        })
    })
}

/// What a thread keeps for its next queries.
#[derive(Default)]
struct Scratch {
    s: Vec<i32>,
    p: Vec<i16>,
    n: Vec<f64>,
}

impl Scratch {
    fn grow(&mut self, queries: usize, keys: usize, d: usize) {
        self.s.resize(self.s.len().max(queries * keys), 0);
        self.p.resize(self.p.len().max(queries * keys.next_multiple_of(2)), 0);
        self.n.resize(self.n.len().max(queries * d), 0.0);
    }
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// All of a head that its queries share.
struct Task<'a> {
    kernels: Kernels,
    head: &'a Head<'a>,
    numbers: &'a Attention,
    k: &'a PackedWeights,
    v: &'a PackedWeights,
    offsets: &'a [i32],
}

impl Task<'_> {
    fn run(
        &self,
        queries: Range<usize>,
        scratch: &mut Scratch,
        out: &Shared<'_, f32>,
        place: HeadPlace,
    ) -> Result<(), SimdError> {
        let (d, keys, kernels) = (self.head.d, self.offsets.len(), self.kernels);
        let (first, count, padded) = (queries.start, queries.len(), keys.next_multiple_of(2));
        let (s, p) = (&mut scratch.s[..count * keys], &mut scratch.p[..count * padded]);
        let operand = Operand::rows(&self.head.q[first * d..][..count * d], count, d, d)?;
        scores(&operand, self.k, score_shift(d), s, Threads::Caller)?;
        let mut z = [0_i32; MOST_QUERIES];
        for (row, (s, p)) in s.chunks_exact(keys).zip(p.chunks_exact_mut(padded)).enumerate() {
            let seen = if self.numbers.causal { first + row + 1 } else { keys };
            let (p, unseen) = p.split_at_mut(seen);
            z[row] = softmax_row(kernels, &s[..seen], self.numbers.c, &self.offsets[..seen], p);
            unseen.fill(0);
        }
        let n = &mut scratch.n[..count * d];
        sums(&Operand::rows(p, count, padded, padded)?, self.v, n, Threads::Caller)?;
        for (row, n) in n.chunks_exact(d).enumerate() {
            #[allow(unsafe_code, reason = "disjoint parts of the output")]
            // SAFETY: each query is one task's, and places do not overlap.
            let out = unsafe { out.part(place.start + (first + row) * place.stride, d) };
            divide_row(kernels, n, z[row], self.numbers.value_scale, out);
        }
        Ok(())
    }
}

for_each_isa! {
    /// p of one query and their sum.
    fn softmax_row(s: &[i32], c: f32, offsets: &[i32], p: &mut [i16]) -> i32 {
        let max = s.iter().fold(i32::MIN, |max, &s| max.max(s));
        let mut z = 0_i32;
        for ((p, &s), &offset) in p.iter_mut().zip(s).zip(offsets) {
            let value = weight(max.wrapping_sub(s) as u32 >> 1, c, offset);
            // At most 2^17 keys of less than 2^14.
            z = z.wrapping_add(value);
            *p = value as i16;
        }
        z
    }
}

/// p_ij from (m_i - s_ij) / 2.
#[inline(always)]
#[allow(unsafe_code, reason = "conversions that need no saturation")]
fn weight(u: u32, c: f32, offset: i32) -> i32 {
    const C: [f32; 5] = [
        f32::from_bits(0xba77_b359),
        f32::from_bits(0x3c16_d3e8),
        f32::from_bits(0xbd62_7f7b),
        f32::from_bits(0x3e75_f1c8),
        f32::from_bits(0xbf31_71de),
    ];
    // u < 2^31
    let t = u as i32 as f32 * c;
    let t = if t < 31.0 { t } else { 31.0 };
    // SAFETY: within 0 and 31: u and c are finite and not negative (`attention` checks c), and larger is 31.
    let n = unsafe { t.to_int_unchecked::<i32>() };
    let f = t - n as f32;
    let mut g = C[0];
    for c in &C[1..] {
        g = g * f + c;
    }
    let g = g * f + 1.0;
    // SAFETY: g is within 0.49 and 1.
    let g = unsafe { (g * 536_870_912.0).to_int_unchecked::<i32>() };
    (g.wrapping_shr(n as u32).wrapping_add(offset) >> 15).min(i32::from(P_LIMIT as i16))
}

for_each_isa! {
    fn divide_row(n: &[f64], z: i32, scale: f32, out: &mut [f32]) {
        let (z, scale) = (f64::from(z), f64::from(scale));
        for (o, &n) in out.iter_mut().zip(n) {
            *o = (n / z * scale) as f32;
        }
    }
}
