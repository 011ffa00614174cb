//! Operations on random shapes, odd ones and tails of blocks included, on zeros of both signs, denormals and limits.

use dfsn_consensus::exact::expression::{Expression, Node};
use dfsn_consensus::exact::{
    Activation, Affine, Element, LIMIT_QUERY, LIMIT_RAW, LIMIT_ROW, LIMIT_VALUE, OpKind, TensorData,
    WeightId, Window, block_rows,
};
use proptest::prelude::*;

use super::{Case, floats, given, plain, quantised};
use crate::reference::Numbers;

const F32: Element = Element::F32;
const I16: Element = Element::I16;
const I32: Element = Element::I32;
const I64: Element = Element::I64;
const ACTIVATIONS: [Activation; 3] = [Activation::Silu, Activation::QuickGelu, Activation::Gelu];
const EPSILON: u64 = 0x3ee4_f8b5_88e3_68f1; // 1e-5

/// Denormal, usual and near the end.
fn scales() -> impl Strategy<Value = f32> {
    prop::sample::select(vec![1e-40_f32, 1e-3, 5.0, 1e30])
}

fn affine(weights: &[WeightId]) -> Affine {
    Affine { gamma: weights[0], beta: weights[1] }
}

/// Rows of numbers, one of them all zeros.
fn rows(numbers: &mut Numbers, rows: usize, width: usize, scale: f32) -> Vec<f32> {
    let mut x = numbers.floats(rows * width, scale);
    x[..width].fill(-0.0);
    x
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn rows_are_the_definition(
        seed in any::<u64>(), count in 1_usize..7, width in 1_usize..70, scale in scales(),
    ) {
        let mut numbers = Numbers(seed);
        let x = floats(&rows(&mut numbers, count, width, scale), &[count, width]);
        let both: [(Element, &[usize]); 2] = [(I16, &[count, width]), (F32, &[count])];
        let case = || Case::new(&[&x], &both);
        case().run(|_| OpKind::QuantRow);
        for activation in ACTIVATIONS {
            case().run(|_| OpKind::ActivateQuant(activation));
            Case::new(&[&x], &[(F32, &[count, width])]).run(|_| OpKind::Activate(activation));
        }
        let affine_weights = [plain(&numbers.floats(width, 1.0), 1), plain(&numbers.floats(width, 1.0), 1)];
        case().with(&affine_weights).run(|weights| OpKind::LayerNormQuant(affine(weights), EPSILON));
        let normal = Case::new(&[&x], &[(F32, &[count, width])]).with(&affine_weights);
        normal.run(|weights| OpKind::LayerNorm(affine(weights), EPSILON));
        let wide = floats(&rows(&mut numbers, count, 2 * width, scale), &[count, 2 * width]);
        Case::new(&[&wide], &both).run(|_| OpKind::GegluQuant);
        Case::new(&[&x], &[(F32, &[count, width])]).run(|_| OpKind::Divide(0.18215_f32.to_bits()));
    }

    #[test]
    fn linear_layers_are_the_definition(
        seed in any::<u64>(), m in 1_usize..9, n in 1_usize..12, k in 1_usize..90, bias in any::<bool>(),
        residual in any::<bool>(), scale in scales(),
    ) {
        let mut numbers = Numbers(seed);
        let values = TensorData::I16(numbers.integers(m * k, LIMIT_ROW as i16));
        let max: Vec<f32> = numbers.floats(m, scale).iter().map(|x| x.abs()).collect();
        let mut inputs = vec![given(&values, &[m, k]), floats(&max, &[m])];
        if residual {
            inputs.push(floats(&numbers.floats(m * n, scale), &[m, n]));
        }
        let steps: Vec<f32> = numbers.floats(n, 1e-3).iter().map(|x| x.abs()).collect();
        let weights = [quantised(&numbers.integers(n * k, 8191), &steps, 1), plain(&numbers.floats(n, scale), 1)];
        Case::new(&inputs.iter().collect::<Vec<_>>(), &[(F32, &[m, n])]).with(&weights).run(|weights| {
            OpKind::Linear { weight: weights[0], bias: bias.then_some(weights[1]) }
        });
    }

    #[test]
    fn convolutions_are_the_definition(
        seed in any::<u64>(), height in 1_usize..7, width in 1_usize..7, channels in 1_usize..9, n in 1_usize..6,
        kind in 0_usize..5, added in 0_usize..4, scale in scales(),
    ) {
        let mut numbers = Numbers(seed);
        let (kernel, stride, padding, upsample) = [
            (1, 1, 0, None), (3, 1, 1, None), (3, 2, 1, None), (3, 2, 0, None),
            (3, 1, 1, Some((2 * height - height % 2, 2 * width))),
        ][kind];
        let window = Window { kernel, stride, padding, upsample };
        let (full_height, full_width) = upsample.unwrap_or((height, width));
        let out = [full_height.div_ceil(stride), full_width.div_ceil(stride), n];
        let (embedding, residual) = (added % 2 == 1, added / 2 == 1);
        let limit = [LIMIT_ROW, LIMIT_RAW][seed as usize % 2];
        let values = TensorData::I16(numbers.integers(height * width * channels, limit as i16));
        let mut inputs = vec![given(&values, &[height, width, channels]), floats(&[scale], &[1])];
        if embedding {
            inputs.push(floats(&numbers.floats(n, scale), &[1, n]));
        }
        if residual {
            inputs.push(floats(&numbers.floats(out.iter().product(), scale), &out));
        }
        let taps = kernel * kernel;
        let steps: Vec<f32> = numbers.floats(n, 1e-3).iter().map(|x| x.abs()).collect();
        let kernel = quantised(&numbers.integers(n * taps * channels, 8191), &steps, taps);
        let weights = [kernel, plain(&numbers.floats(n, scale), 1)];
        Case::new(&inputs.iter().collect::<Vec<_>>(), &[(F32, &out)]).with(&weights).run(|weights| OpKind::Conv {
            weight: weights[0], bias: weights[1], window, limit, embedding, residual,
        });
    }

    #[test]
    fn group_norms_are_the_definition(
        seed in any::<u64>(), height in 1_usize..5, width in 1_usize..5, groups in 1_usize..4, size in 1_usize..5,
        wide in any::<bool>(), scale in scales(), offset in prop::sample::select(vec![0.0_f32, 3.0]),
    ) {
        // Wide pixels make several blocks of a small image.
        group_norm(seed, height, width, groups, if wide { 2000 * size } else { size }, scale, offset);
    }

    #[test]
    fn heads_are_the_definition(
        seed in any::<u64>(), heads in 1_usize..4, rows in 1_usize..8, more in 0_usize..30,
        depth in prop::sample::select(vec![1_usize, 5, 32, 40]), scale in scales(),
    ) {
        attention(&mut Numbers(seed), heads, rows, rows + more, depth, scale);
    }

    #[test]
    fn what_moves_numbers_is_the_definition(seed in any::<u64>(), a in 1_usize..9, b in 1_usize..9, rows in 1_usize..9) {
        let mut numbers = Numbers(seed);
        let x = floats(&numbers.floats(rows * a, 1.0), &[rows, a]);
        let y = floats(&numbers.floats(rows * b, 1.0), &[rows, b]);
        Case::new(&[&x, &y], &[(F32, &[rows, a + b])]).one(|_| OpKind::Concat);
        Case::new(&[&x, &y], &[(F32, &[rows * (a + b)])]).one(|_| OpKind::Join);
        Case::new(&[&x], &[(F32, &[a, rows])]).one(|_| OpKind::Transpose { rows });
        Case::new(&[&x], &[(F32, &[1, rows * a - a / 2])]).one(|_| OpKind::Part { start: a / 2 });
        let noise = Case::new(&[], &[(F32, &[rows + 15, a])]);
        noise.one(|_| OpKind::Noise { seed: seed as u32, offset: b });
        let times = floats(&[1.0, 999.0, 0.0], &[3]);
        let waves = Case::new(&[&times], &[(F32, &[1, 3 * 2 * a])]);
        waves.one(|_| OpKind::Waves { width: 2 * a, cosines_first: b % 2 == 0, shift: 0 });
        let ids: Vec<i32> = (0..rows).map(|_| (numbers.next() % 50) as i32).collect();
        let tables = [plain(&numbers.floats(50 * a, 1.0), 50), plain(&numbers.floats(9 * a, 1.0), 9)];
        let embed = Case::new(&[&given(&TensorData::I32(ids), &[rows])], &[(F32, &[rows, a])]).with(&tables);
        embed.one(|weights| OpKind::Embed { tokens: weights[0], positions: weights[1] });
    }

    #[test]
    fn expressions_are_the_definition(seed in any::<u64>(), length in 1_usize..50, scale in scales()) {
        let mut numbers = Numbers(seed);
        let inputs = [(); 3].map(|()| floats(&numbers.floats(length, scale), &[length]));
        let constant = |number: f32| Node::Constant(number.to_bits());
        let nodes = vec![
            Node::Input(0), Node::Input(2), Node::Sub(0, 1), constant(7.5), Node::Mul(2, 3), Node::Input(1),
            Node::Add(5, 4), constant(0.3), Node::Div(6, 7), constant(-2.0), constant(2.0), Node::Clamp(8, 9, 10),
            Node::Mul(11, 8),
        ];
        let expression = Expression::new(nodes).unwrap();
        Case::new(&inputs.each_ref(), &[(F32, &[length])]).run(|_| OpKind::Elementwise(expression));
    }
}

/// All ops of a norm, each from what the last one gave.
fn group_norm(seed: u64, height: usize, width: usize, groups: usize, size: usize, scale: f32, offset: f32) {
    let mut numbers = Numbers(seed);
    let (pixels, channels) = (height * width, groups * size);
    let mut x = numbers.floats(pixels * channels, scale);
    x.iter_mut().for_each(|x| *x += offset * scale);
    let image = floats(&x, &[height, width, channels]);
    let blocks = pixels.div_ceil(block_rows(channels));
    let parts = Case::new(&[&image], &[(I32, &[channels, blocks, 2])]).one(|_| OpKind::MinMaxPart);
    let parts = given(&parts, &[channels, blocks, 2]);
    Case::new(&[&parts], &[(I32, &[channels, 1, 2])]).one(|_| OpKind::MinMaxJoin);
    let extremes = Case::new(&[&parts], &[(I32, &[channels, 2])]).one(|_| OpKind::MinMax);
    let extremes = given(&extremes, &[channels, 2]);
    let max = Case::new(&[&extremes], &[(F32, &[1])]).one(|_| OpKind::ImageMax);
    let q = Case::new(&[&image, &given(&max, &[1])], &[(I16, &[height, width, channels])]);
    q.one(|_| OpKind::QuantImage);

    let sums = Case::new(&[&image, &extremes], &[(I64, &[groups, blocks, 2])]);
    let sums = given(&sums.one(|_| OpKind::SumPart { groups }), &[groups, blocks, 2]);
    Case::new(&[&sums], &[(I64, &[groups, 1, 2])]).one(|_| OpKind::SumJoin);
    let stats = Case::new(&[&sums, &extremes], &[(F32, &[groups, 2])]);
    let stats = stats.one(|_| OpKind::GroupStats { count: pixels * size, eps: EPSILON });
    let stats = given(&stats, &[groups, 2]);
    let weights = [plain(&numbers.floats(channels, 2.0), 1), plain(&numbers.floats(channels, 1.0), 1)];
    let bound = Case::new(&[&extremes, &stats], &[(F32, &[1])]).with(&weights);
    let bound = bound.one(|weights| OpKind::NormBound(affine(weights)));
    let bound = given(&bound, &[1]);
    let q = Case::new(&[&image, &stats, &bound], &[(I16, &[height, width, channels])]).with(&weights);
    q.one(|weights| OpKind::NormQuantImage(affine(weights)));
    // One element asks for a whole row.
    if channels < 100 {
        let rows = Case::new(&[&image, &stats], &[(I16, &[height, width, channels]), (F32, &[pixels])]);
        rows.with(&weights).run(|weights| OpKind::NormQuantRow(affine(weights)));
    }
}

/// All ops of an attention, each from what the last one gave.
fn attention(numbers: &mut Numbers, heads: usize, rows: usize, tokens: usize, depth: usize, scale: f32) {
    let mut head = |count: usize, limit: i32, transposed: bool| {
        let width = heads * depth;
        let x = floats(&numbers.floats(count * width, scale), &[count, width]);
        let blocks = count.div_ceil(block_rows(width));
        let parts = Case::new(&[&x], &[(F32, &[heads, blocks])]).one(|_| OpKind::HeadMaxPart { heads });
        let max = Case::new(&[&given(&parts, &[heads, blocks])], &[(F32, &[heads])]).one(|_| OpKind::HeadMax);
        let max = given(&max, &[heads]);
        let dims = if transposed { [heads, depth, count] } else { [heads, count, depth] };
        let q = Case::new(&[&x, &max], &[(I16, &dims)]);
        (given(&q.one(|_| OpKind::HeadQuant { heads, limit, transposed }), &dims), max)
    };
    let (q, max_q) = head(rows, LIMIT_QUERY, false);
    let (k, max_k) = head(tokens, LIMIT_QUERY, false);
    let (v, max_v) = head(tokens, LIMIT_VALUE, true);
    let all = [&q, &max_q, &k, &max_k, &v, &max_v];
    let out: (Element, &[usize]) = (F32, &[rows, heads * depth]);
    for causal in [false, true] {
        Case::new(&all, &[out]).run(|_| OpKind::Attention { causal });
    }
    let scores = Case::new(&[&q, &k], &[(I32, &[heads, rows, tokens])]).one(|_| OpKind::Scores);
    let scores = given(&scores, &[heads, rows, tokens]);
    Case::new(&[&scores, &max_q, &max_k, &v, &max_v], &[out]).run(|_| OpKind::Attend);
}

#[test]
fn reductions_of_more_blocks_than_are_joined_at_once() {
    let mut numbers = Numbers(5);
    let (scopes, blocks) = (3, 2 * 4096 + 5);
    let keys: Vec<i32> = (0..scopes * blocks * 2).map(|_| numbers.next() as i32).collect();
    let keys = given(&TensorData::I32(keys), &[scopes, blocks, 2]);
    Case::new(&[&keys], &[(I32, &[scopes, 3, 2])]).one(|_| OpKind::MinMaxJoin);
    let sums: Vec<i64> = (0..scopes * blocks * 2).map(|_| numbers.next() as i64 >> 20).collect();
    let sums = given(&TensorData::I64(sums), &[scopes, blocks, 2]);
    Case::new(&[&sums], &[(I64, &[scopes, 3, 2])]).one(|_| OpKind::SumJoin);
}

#[test]
fn the_longest_reduction_at_all_limits_is_exact() {
    let (k, limit) = (23_040, LIMIT_RAW as i16);
    let values = [vec![limit; k], vec![-limit; k], [limit, -limit].repeat(k / 2)].concat();
    let weights = [vec![8191_i16; k], [8191, -8191].repeat(k / 2)].concat();
    let inputs = [given(&TensorData::I16(values), &[3, k]), floats(&[1.0, 2.0, f32::MAX], &[3])];
    let case = Case::new(&inputs.each_ref(), &[(F32, &[3, 2])]);
    let y = case.with(&[quantised(&weights, &[1.0, 1e-3], 1)]);
    let y = y.run(|weights| OpKind::Linear { weight: weights[0], bias: None }).unwrap();
    let product = f64::from(LIMIT_RAW) * 8191.0 * k as f64;
    assert_eq!(y[0].to_floats().unwrap()[0], (product * f64::from(1.0_f32 / LIMIT_ROW as f32)) as f32);
}

/// As floats, -1 times 0 is -0.
#[test]
fn products_with_zero_have_no_sign() {
    let values = given(&TensorData::I16(vec![-1, -2]), &[2, 1]);
    let out = Case::new(&[&values, &floats(&[1.0; 2], &[2])], &[(F32, &[2, 1])]);
    let out = out.with(&[quantised(&[0], &[1.0], 1)]);
    let y = out.one(|weights| OpKind::Linear { weight: weights[0], bias: None });
    assert_eq!(y, TensorData::F32(vec![0, 0]));
}

#[test]
fn adversarial_heads_are_exact() {
    let (heads, rows, tokens, depth) = (1, 2, 300, 40);
    let q = given(&TensorData::I16(vec![8191; rows * depth]), &[heads, rows, depth]);
    let k = [vec![8191_i16; tokens / 2 * depth], vec![-8191; tokens / 2 * depth]].concat();
    let k = given(&TensorData::I16(k), &[heads, tokens, depth]);
    let v = given(&TensorData::I16(vec![-4095; tokens * depth]), &[heads, depth, tokens]);
    for max in [0.0, 1e-30, 1.0, 1e4] {
        let max = floats(&[max], &[1]);
        let inputs = [&q, &max, &k, &max, &v, &max];
        for causal in [false, true] {
            let out = Case::new(&inputs, &[(F32, &[rows, heads * depth])]);
            out.one(|_| OpKind::Attention { causal });
        }
    }
}

/// A NaN of either sign and infinities: an op fails, or passes on the one NaN that there is, as the definition does.
#[test]
fn numbers_that_are_not_finite_fail_or_pass_as_defined() {
    let nan = f32::NAN;
    for wrong in [nan, -nan, f32::INFINITY, f32::NEG_INFINITY, f32::from_bits(0xff80_0001)] {
        let mut x = Numbers(2).floats(24, 1.0);
        x[17] = wrong;
        let rows = floats(&x, &[3, 8]);
        let image = floats(&x, &[3, 1, 8]);
        let both: [(Element, &[usize]); 2] = [(I16, &[3, 8]), (F32, &[3])];
        assert!(Case::new(&[&rows], &both).run(|_| OpKind::QuantRow).is_none());
        let weights = [plain(&[1.0; 8], 1), plain(&[0.0; 8], 1)];
        let norm = Case::new(&[&rows], &both).with(&weights);
        assert!(norm.run(|weights| OpKind::LayerNormQuant(affine(weights), EPSILON)).is_none());
        let expression = Expression::new(vec![Node::Input(0)]).unwrap();
        let copy = Case::new(&[&rows], &[(F32, &[3, 8])]);
        assert!(copy.run(|_| OpKind::Elementwise(expression)).is_none());
        for activation in ACTIVATIONS {
            Case::new(&[&rows], &[(F32, &[3, 8])]).one(|_| OpKind::Activate(activation));
        }
        Case::new(&[&rows], &[(F32, &[8, 3])]).one(|_| OpKind::Transpose { rows: 3 });
        let keys = Case::new(&[&image], &[(I32, &[8, 1, 2])]).one(|_| OpKind::MinMaxPart);
        let keys = Case::new(&[&given(&keys, &[8, 1, 2])], &[(I32, &[8, 2])]).one(|_| OpKind::MinMax);
        let keys = given(&keys, &[8, 2]);
        assert!(Case::new(&[&keys], &[(F32, &[1])]).run(|_| OpKind::ImageMax).is_none());
        let sums = Case::new(&[&image, &keys], &[(I64, &[2, 1, 2])]);
        assert!(sums.run(|_| OpKind::SumPart { groups: 2 }).is_none());
        let bound = Case::new(&[&keys, &floats(&[0.0, 1.0], &[1, 2])], &[(F32, &[1])]).with(&weights);
        assert!(bound.run(|weights| OpKind::NormBound(affine(weights))).is_none());
        let max = Case::new(&[&rows], &[(F32, &[2, 1])]).one(|_| OpKind::HeadMaxPart { heads: 2 });
        assert!(Case::new(&[&given(&max, &[2, 1])], &[(F32, &[2])]).run(|_| OpKind::HeadMax).is_none());
    }
}

/// The factor of scores is a number of its own that may not be infinite.
#[test]
fn heads_that_are_too_large_fail_as_defined() {
    let ones = |dims: &[usize]| given(&TensorData::I16(vec![1; dims.iter().product()]), dims);
    let max = floats(&[1e30], &[1]);
    let (q, k, v) = (ones(&[1, 2, 4]), ones(&[1, 3, 4]), ones(&[1, 4, 3]));
    let out = Case::new(&[&q, &max, &k, &max, &v, &max], &[(F32, &[2, 4])]);
    assert!(out.run(|_| OpKind::Attention { causal: false }).is_none());
}
