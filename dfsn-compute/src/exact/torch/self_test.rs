//! Comparing a device with the definition before it is used.

use dfsn_consensus::exact::Activation;
use dfsn_consensus::exact::activation::{attention_weight, gelu_erf, quick_gelu, silu, weight_offset};
use dfsn_consensus::exact::ieee::{Double, Ieee, Single};
use dfsn_consensus::exact::quantise::sort_key;
use dfsn_consensus::exact::soft::{SoftDouble, SoftSingle};
use tch::Device;

use super::array::Array;
use super::number::sort_keys;
use super::{Fault, activation};
use crate::exact::ExactError;
use crate::torch::{TorchError, TorchOptions, prepare};

/// Numbers that libtorch gives one thread of a CPU at least.
const GRAIN: usize = 32_768;
/// Numbers that are compared at most, however many threads there are.
const MOST: usize = 1 << 20;
/// Numbers that functions of many operations are compared on.
const FEW: usize = 4_096;
/// Products of the longest sum of a network.
const LONGEST: usize = 23_040;

/// Compares every kind of arithmetic that the exact profile asks of a device with the definition on soft floats: on
/// numbers of all magnitudes, zeros of both signs, denormals and infinities, as many as make each of libtorch's threads
/// take part, and on products and sums at their limits. It takes milliseconds, with many threads a second.
///
/// # Errors
/// [`ExactError::Device`], naming the device and the operation; [`ExactError::Torch`] without the device.
pub fn check_device(options: TorchOptions) -> Result<(), ExactError> {
    check(prepare(options)?)
}

pub(super) fn check(device: Device) -> Result<(), ExactError> {
    let _guard = tch::no_grad_guard();
    let threads = usize::try_from(tch::get_num_threads()).unwrap_or(1);
    let test = SelfTest::new(device, (GRAIN * threads).clamp(GRAIN, MOST) + 7)?;
    for (operation, check) in CHECKS {
        match check(&test) {
            Ok(true) => {}
            Err(Fault::Torch(error)) => return Err(error.into()),
            _ => return Err(ExactError::Device { device: format!("{device:?}"), operation }),
        }
    }
    Ok(())
}

type Check = fn(&SelfTest) -> Result<bool, Fault>;
type Function = fn(SoftSingle) -> SoftSingle;

const CHECKS: [(&str, Check); 17] = [
    ("addition", |test| test.pairs((Array::add, |a, b| a + b), (Array::add, |a, b| a + b))),
    ("subtraction", |test| test.pairs((Array::sub, |a, b| a - b), (Array::sub, |a, b| a - b))),
    ("multiplication", |test| test.pairs((Array::mul, |a, b| a * b), (Array::mul, |a, b| a * b))),
    ("division", |test| test.pairs((Array::div, |a, b| a / b), (Array::div, |a, b| a / b))),
    ("division by a constant", |test| {
        let [x, _] = &test.singles;
        let three = SoftSingle::from_i32(3);
        Ok(x.same(&x.array.div(&x.array.constant(3.0_f32)?)?, |x| x / three)?)
    }),
    ("rounding", |test| test.integers(&test.singles[0].array.round()?, SoftSingle::round_to_i32)),
    ("truncation", |test| test.integers(&test.singles[0].array.trunc()?, SoftSingle::trunc_to_i32)),
    ("negation", |test| Ok(test.singles[0].same(&test.singles[0].array.negate()?, |x| -x)?)),
    ("comparison and choice", |test| {
        let [x, y] = &test.singles;
        let found = x.array.less(&y.array)?.choose(&x.array, &y.array)?;
        let choice = |(x, y): (SoftSingle, SoftSingle)| if x.is_less_than(y) { x } else { y };
        Ok(same_singles(&found, x.soft().zip(y.soft()).map(choice))?)
    }),
    ("conversion from binary64 to binary32", |test| {
        let [x, _] = &test.doubles;
        Ok(same_singles(&x.array.to_singles()?, x.soft().map(SoftDouble::narrow))?)
    }),
    ("conversion from binary32 to binary64", |test| {
        let [x, _] = &test.singles;
        Ok(same_doubles(&x.array.to_doubles()?, x.soft().map(SoftSingle::widen))?)
    }),
    ("conversion from integers", |test| {
        let longs = test.longs.array.shift_right(&test.longs.array.constant(12_i64)?)?;
        let expected = test.longs.values.iter().map(|x| SoftDouble::from_i64(*x >> 12));
        Ok(same_doubles(&longs.to_doubles()?, expected)?)
    }),
    ("order of floats", |test| {
        let [x, _] = &test.singles;
        let expected = x.values.iter().map(|x| sort_key(x.to_bits()));
        Ok(sort_keys(&x.array.bits()?)?.to_vec()?.into_iter().eq(expected))
    }),
    ("sum of integers", |test| {
        let x = &test.longs;
        let sum = x.array.shift_right(&x.array.constant(20_i64)?)?.sum(0)?.to_vec()?;
        Ok(sum == [x.values.iter().map(|x| x >> 20).sum::<i64>()])
    }),
    ("product of integers", SelfTest::products),
    ("activation", |test| {
        let x = &test.few;
        let all: [(Activation, Function); 3] =
            [(Activation::Silu, silu), (Activation::QuickGelu, quick_gelu), (Activation::Gelu, gelu_erf)];
        for (activation, definition) in all {
            if !x.same(&activation::activated(activation, &x.array)?, definition)? {
                return Ok(false);
            }
        }
        Ok(true)
    }),
    ("weight of attention", |test| {
        let distances: Vec<i64> = test.longs.values[..FEW].iter().map(|x| x & 0xffff_ffff).collect();
        let offsets: Vec<i32> = (0..FEW as u32).map(weight_offset).collect();
        let (x, offsets) =
            (Array::new(&distances, &[FEW], test.device)?, Array::new(&offsets, &[FEW], test.device)?);
        for factor in [0.0, 3e-9, 1e-7, f32::MAX] {
            let found = activation::attention_weights(&x, &x.constant(factor)?, &offsets)?.to_vec()?;
            let factor = SoftSingle::from_bits(factor.to_bits());
            let expected = (0..).zip(&distances).map(|(key, x)| attention_weight(*x as u32, factor, key));
            if !found.into_iter().eq(expected) {
                return Ok(false);
            }
        }
        Ok(true)
    }),
];

/// Numbers here and on the device.
struct Both<T> {
    values: Vec<T>,
    array: Array<T>,
}

struct SelfTest {
    device: Device,
    singles: [Both<f32>; 2],
    doubles: [Both<f64>; 2],
    longs: Both<i64>,
    few: Both<f32>,
}

/// An operation of libtorch and what it should do.
type Pair<T, S> = (fn(&Array<T>, &Array<T>) -> Result<Array<T>, TorchError>, fn(S, S) -> S);

impl<T: tch::kind::Element + Copy> Both<T> {
    fn new(values: Vec<T>, device: Device) -> Result<Self, TorchError> {
        Ok(Self { array: Array::new(&values, &[values.len()], device)?, values })
    }
}

impl Both<f32> {
    fn soft(&self) -> impl Iterator<Item = SoftSingle> {
        self.values.iter().map(|x| SoftSingle::from_bits(x.to_bits()))
    }

    fn same(
        &self,
        found: &Array<f32>,
        definition: impl Fn(SoftSingle) -> SoftSingle,
    ) -> Result<bool, TorchError> {
        same_singles(found, self.soft().map(definition))
    }
}

impl Both<f64> {
    fn soft(&self) -> impl Iterator<Item = SoftDouble> {
        self.values.iter().map(|x| SoftDouble::from_bits(x.to_bits()))
    }
}

impl SelfTest {
    fn new(device: Device, count: usize) -> Result<Self, TorchError> {
        let mut hash = blake3::Hasher::new().update(b"dfsn exact-v1 self-test").finalize_xof();
        let mut words = || {
            let mut bytes = vec![0; 8 * count];
            hash.fill(&mut bytes);
            bytes.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect::<Vec<_>>()
        };
        // Any bits, denormals and the least normal numbers, and about as large as a network's.
        let single = |(place, word): (usize, &u64)| match place % 4 {
            0 => f32::from_bits(*word as u32),
            1 => f32::from_bits(*word as u32 & 0x81ff_ffff),
            _ => (*word as u32).cast_signed() as f32 / (1 << 27) as f32,
        };
        let double = |(place, word): (usize, &u64)| match place % 4 {
            0 => f64::from_bits(*word),
            // About the bounds of binary32's denormals and normal numbers.
            1 => f64::from_bits(*word & 0x81ff_ffff_ffff_ffff | 0x3600_0000_0000_0000),
            _ => word.cast_signed() as f64 / (1_u64 << 58) as f64,
        };
        let mut singles =
            [words(), words()].map(|all| all.iter().enumerate().map(single).collect::<Vec<_>>());
        let special =
            [0.0, -0.0, 0.5, -0.5, 1.5, 2.5, f32::MIN_POSITIVE, -f32::MIN_POSITIVE, 1e-45, f32::MAX];
        singles[0][..special.len()].copy_from_slice(&special);
        let doubles = [words(), words()].map(|all| all.iter().enumerate().map(double).collect::<Vec<_>>());
        let longs = words().iter().map(|word| word.cast_signed() >> 2).collect();
        let few = singles[0][..FEW].to_vec();
        let [a, b] = singles;
        let [c, d] = doubles;
        Ok(Self {
            device,
            singles: [Both::new(a, device)?, Both::new(b, device)?],
            doubles: [Both::new(c, device)?, Both::new(d, device)?],
            longs: Both::new(longs, device)?,
            few: Both::new(few, device)?,
        })
    }

    /// In both widths.
    fn pairs(
        &self,
        (single, defined_single): Pair<f32, SoftSingle>,
        (double, defined_double): Pair<f64, SoftDouble>,
    ) -> Result<bool, Fault> {
        let ([a, b], [x, y]) = (&self.singles, &self.doubles);
        let singles = a.soft().zip(b.soft()).map(|(a, b)| defined_single(a, b));
        let doubles = x.soft().zip(y.soft()).map(|(x, y)| defined_double(x, y));
        Ok(same_singles(&single(&a.array, &b.array)?, singles)?
            && same_doubles(&double(&x.array, &y.array)?, doubles)?)
    }

    /// Of numbers, where the integers are far within their type.
    fn integers(&self, found: &Array<f32>, definition: fn(SoftSingle) -> i32) -> Result<bool, Fault> {
        let x = &self.singles[0];
        let found = found.to_vec()?;
        let mut all = found.iter().zip(&x.values).zip(x.soft().map(definition));
        Ok(all.all(|((found, x), expected)| {
            x.is_nan() || expected.unsigned_abs() > 1 << 24 || *found == expected as f32
        }))
    }

    /// Long sums: all of one sign at the limits, which come nearest to 2^53, and any.
    fn products(&self) -> Result<bool, Fault> {
        const ROWS: usize = 5;
        let any = &self.longs.values;
        let value = |place: usize| match place / LONGEST {
            0 => 32_639,
            1 => -32_639,
            _ => any[place % any.len()] % 32_640,
        };
        let values: Vec<i64> = (0..ROWS * LONGEST).map(value).collect();
        let weights: Vec<i64> = values.iter().map(|value| value % 8_192).collect();
        let double = |values: &[i64]| {
            let doubles: Vec<f64> = values.iter().map(|value| *value as f64).collect();
            Array::new(&doubles, &[ROWS, LONGEST], self.device)
        };
        let found = double(&values)?.product_of_integers(&double(&weights)?.permute(&[1, 0])?)?.to_longs()?;
        let dot = |a: &[i64], b: &[i64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<i64>();
        let rows = values.chunks_exact(LONGEST);
        let expected = rows.flat_map(|a| weights.chunks_exact(LONGEST).map(move |b| dot(a, b)));
        Ok(found.to_vec()?.into_iter().eq(expected))
    }
}

/// The same bits; of NaNs there is one.
fn same_singles(found: &Array<f32>, expected: impl Iterator<Item = SoftSingle>) -> Result<bool, TorchError> {
    const INFINITY: u32 = 0x7f80_0000;
    let is_nan = |bits: u32| bits & 0x7fff_ffff > INFINITY;
    let same = |(found, expected): (i32, SoftSingle)| {
        let (found, expected) = (found.cast_unsigned(), expected.to_bits());
        found == expected || is_nan(found) && is_nan(expected)
    };
    Ok(found.bits()?.to_vec()?.into_iter().zip(expected).all(same))
}

fn same_doubles(found: &Array<f64>, expected: impl Iterator<Item = SoftDouble>) -> Result<bool, TorchError> {
    let same = |(found, expected): (&f64, SoftDouble)| {
        let expected = f64::from_bits(expected.to_bits());
        found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan()
    };
    Ok(found.to_vec()?.iter().zip(expected).all(same))
}
