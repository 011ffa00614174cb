//! The elementary functions of binary64: the same bits on soft floats and on the machine's, near the true values.

use dfsn_consensus::exact::ieee::{Double, Ieee};
use dfsn_consensus::exact::math::{cos, exp, exp2, ln, sin};
use dfsn_consensus::exact::soft::SoftDouble;

use super::Random;

// Arguments, and the nearest doubles to the true values by 90 digits of mpmath.
const EXP: [(u64, u64); 12] = [
    (0x3ff0_0000_0000_0000, 0x4005_bf0a_8b14_5769), // 1.0
    (0xbff0_0000_0000_0000, 0x3fd7_8b56_362c_ef38), // -1.0
    (0x3fe0_0000_0000_0000, 0x3ffa_6129_8e1e_069c), // 0.5
    (0xbfb9_9999_9999_999a, 0x3fec_f46d_99d5_2b3a), // -0.1
    (0x3e11_2e0b_e826_d695, 0x3ff0_0000_0044_b830), // 1e-09
    (0x3fd6_2e42_fefa_39ef, 0x3ff6_a09e_667f_3bcc), // 0.34657359027997264
    (0x4056_2000_0000_0000, 0x47e9_9b98_7155_fe28), // 88.5
    (0xc055_c000_0000_0000, 0x3816_66d0_dad2_961d), // -87.0
    (0xc008_bc54_b57c_61de, 0x3fa7_405d_05f3_260d), // -3.0919584444602455
    (0xc065_1873_82f0_6b30, 0x30b7_0556_51a1_9887), // -168.7641005225828
    (0x4086_2c00_0000_0000, 0x7fe8_1e9b_4b52_d0c9), // 709.5
    (0xc087_2200_0000_0000, 0x0000_0000_0000_0042), // -740.25
];

const EXP2: [(u64, u64); 9] = [
    (0x3fe0_0000_0000_0000, 0x3ff6_a09e_667f_3bcd), // 0.5
    (0xbfe0_0000_0000_0000, 0x3fe6_a09e_667f_3bcd), // -0.5
    (0x3e11_2e0b_e826_d695, 0x3ff0_0000_002f_a1f9), // 1e-09
    (0x3fb9_9999_9999_999a, 0x3ff1_25fb_ee25_0664), // 0.1
    (0x402b_8000_0000_0000, 0x40ca_e89f_995a_d3ad), // 13.75
    (0xc015_fcd9_a5fe_2a2a, 0x3f96_acfb_8113_e7c5), // -5.4969240127925705
    (0x408f_fffd_f3b6_45a2, 0x7fef_fa52_de61_c1b3), // 1023.999
    (0xc090_c800_0000_0000, 0x0000_0000_0000_0001), // -1074.0
    (0xc090_9133_3333_3333, 0x0000_0000_0000_33fc), // -1060.3
];

const LN: [(u64, u64); 11] = [
    (0x4000_0000_0000_0000, 0x3fe6_2e42_fefa_39ef), // 2.0
    (0x3fe0_0000_0000_0000, 0xbfe6_2e42_fefa_39ef), // 0.5
    (0x4024_0000_0000_0000, 0x4002_6bb1_bbb5_5516), // 10.0
    (0x3fef_ffff_ffff_ffff, 0xbca0_0000_0000_0000), // 0.9999999999999999
    (0x3ff0_0000_0000_0001, 0x3caf_ffff_ffff_ffff), // 1.0000000000000002
    (0x3fe6_a09e_667f_3bcc, 0xbfd6_2e42_fefa_39f1), // 0.7071067811865475
    (0x3fe6_a09e_667f_3bcd, 0xbfd6_2e42_fefa_39ee), // 0.7071067811865476
    (0x3fe6_6101_8054_4867, 0xbfd6_e32e_6cff_f081), // 0.6993415361814755
    (0x3e70_0000_0000_0000, 0xc030_a2b2_3f3b_ab73), // 5.960464477539063e-08
    (0x0000_0000_0000_0001, 0xc087_4385_446d_71c3), // 5e-324
    (0x7fef_ffff_ffff_ffff, 0x4086_2e42_fefa_39ef), // 1.7976931348623157e+308
];

const SIN: [(u64, u64); 11] = [
    (0x3ff0_0000_0000_0000, 0x3fea_ed54_8f09_0cee), // 1.0
    (0xbff0_0000_0000_0000, 0xbfea_ed54_8f09_0cee), // -1.0
    (0x3fe9_21fb_5444_2d18, 0x3fe6_a09e_667f_3bcc), // 0.7853981633974483
    (0x3fe9_21fb_5444_2d19, 0x3fe6_a09e_667f_3bcd), // 0.7853981633974484
    (0x4009_21fb_5444_2d18, 0x3ca1_a626_3314_5c07), // 3.141592653589793
    (0x4019_21fb_6000_0000, 0x3e87_77a5_cf72_cead), // 6.2831854820251465
    (0x3e11_2e0b_e826_d695, 0x3e11_2e0b_e826_d695), // 1e-09
    (0x408f_3800_0000_0000, 0xbf9b_1887_0e88_6e35), // 999.0
    (0xc0f2_0dec_973c_4898, 0x3fe7_c627_24c3_a133), // -73950.78692272527
    (0x4100_0000_0000_0000, 0xbfef_f8bd_7b10_d6b0), // 131072.0
    (0x4130_0000_0000_0000, 0x3fd5_26cc_b2fc_8656), // 1048576.0
];

const COS: [(u64, u64); 9] = [
    (0x3ff0_0000_0000_0000, 0x3fe1_4a28_0fb5_068c), // 1.0
    (0x3fe9_21fb_5444_2d18, 0x3fe6_a09e_667f_3bcd), // 0.7853981633974483
    (0x3ff9_21fb_5444_2d18, 0x3c91_a626_3314_5c07), // 1.5707963267948966
    (0x3ff9_21fb_6000_0000, 0xbe67_77a5_cf72_cecc), // 1.5707963705062866
    (0xbfe6_ec34_7a08_bedc, 0x3fe8_228e_43c4_9353), // -0.716333616588567
    (0x408f_3800_0000_0000, 0x3fef_fd21_b040_1f9a), // 999.0
    (0x4100_0000_0000_0000, 0x3fa5_8ced_65ec_8b50), // 131072.0
    (0xc130_0000_0000_0000, 0x3fee_33ad_a92f_e2ae), // -1048576.0
    (0x4046_c6cb_c45d_c8de, 0xbc26_d61b_58c9_9c43), // 45.553093477052
];

/// A function on the machine's floats and on soft ones, and the platform's.
struct Function {
    name: &'static str,
    hard: fn(f64) -> f64,
    soft: fn(SoftDouble) -> SoftDouble,
    platform: fn(f64) -> f64,
    vectors: &'static [(u64, u64)],
    /// Arguments are drawn from `[-span, span]` for each of these.
    spans: [f64; 3],
    /// Of the bits of all results, on every machine.
    digest: u64,
}

const FUNCTIONS: [Function; 5] = [
    Function {
        name: "exp",
        hard: exp,
        soft: exp,
        platform: f64::exp,
        vectors: &EXP,
        spans: [0.7, 20.0, 750.0],
        digest: 0xd856_17e7_637e_1864,
    },
    Function {
        name: "exp2",
        hard: exp2,
        soft: exp2,
        platform: f64::exp2,
        vectors: &EXP2,
        spans: [1.0, 20.0, 1080.0],
        digest: 0xc3a2_e5ff_cfc1_968b,
    },
    Function {
        name: "ln",
        hard: ln,
        soft: ln,
        platform: f64::ln,
        vectors: &LN,
        spans: [1.0, 2.0, 1e300],
        digest: 0xd365_e5a0_d805_9e06,
    },
    Function {
        name: "sin",
        hard: sin,
        soft: sin,
        platform: f64::sin,
        vectors: &SIN,
        spans: [1.0, 6.5, 1_048_576.0],
        digest: 0x9e9e_2705_e292_3f50,
    },
    Function {
        name: "cos",
        hard: cos,
        soft: cos,
        platform: f64::cos,
        vectors: &COS,
        spans: [1.0, 6.5, 1_048_576.0],
        digest: 0x3c4f_dea0_2f7b_acde,
    },
];

/// How many doubles lie between two of the same sign, for tests of closeness; 0 if both are NaN.
fn apart(a: f64, b: f64) -> u64 {
    if a.is_nan() && b.is_nan() { 0 } else { a.to_bits().abs_diff(b.to_bits()) }
}

#[test]
fn math_is_within_a_unit_of_the_true_values() {
    for Function { name, hard, vectors, .. } in FUNCTIONS {
        for (argument, nearest) in vectors {
            let (x, y) = (f64::from_bits(*argument), f64::from_bits(*nearest));
            assert!(apart(hard(x), y) <= 1, "{name}({x:e}) is {:e}, not {y:e}", hard(x));
        }
    }
}

#[test]
fn math_gives_the_same_bits_on_soft_floats_and_on_every_machine() {
    for Function { name, hard, soft, platform, spans, digest, .. } in FUNCTIONS {
        let mut random = Random(3);
        let mut seen = 0xcbf2_9ce4_8422_2325u64;
        for round in 0..150_000 {
            let x = (random.unit() * 2.0 - 1.0) * spans[round % 3];
            let y = hard(x);
            // The platform's errs by up to a unit too.
            assert!(apart(y, platform(x)) <= 2, "{name}({x:e}) is {y:e}, not {:e}", platform(x));
            let bits = soft(SoftDouble::from_bits(x.to_bits())).to_bits();
            assert!(
                bits == y.to_bits() || y.is_nan(),
                "{name}({x:e}) is {bits:016x}, not {:016x}",
                y.to_bits()
            );
            seen = (seen ^ bits).wrapping_mul(0x0000_0100_0000_01b3);
        }
        assert_eq!(seen, digest, "{name}: {seen:#018x}");
    }
}

#[test]
fn math_gives_the_same_bits_on_soft_floats_for_any_pattern() {
    for Function { name, hard, soft, .. } in FUNCTIONS {
        let mut random = Random(4);
        for _ in 0..150_000 {
            let bits = random.next();
            let (x, y) = (hard(f64::from_bits(bits)), soft(SoftDouble::from_bits(bits)).to_bits());
            assert!(y == x.to_bits() || (x.is_nan() && f64::from_bits(y).is_nan()), "{name} of {bits:016x}");
        }
    }
}

#[test]
fn math_has_the_limits_and_signs_it_should() {
    const INFINITY: f64 = f64::INFINITY;
    let least = f64::from_bits(1);
    for (x, y) in [
        (exp(0.0), 1.0),
        (exp(-INFINITY), 0.0),
        (exp(INFINITY), INFINITY),
        (exp(709.79), INFINITY),
        (exp(-745.1), least),
        (exp(-745.2), 0.0),
        (exp2(-1074.0), least),
        (exp2(-1075.5), 0.0),
        (exp2(1023.0), f64::from_bits(0x7fe0 << 48)),
        (exp2(1024.0), INFINITY),
        (ln(1.0), 0.0),
        (ln(0.0), -INFINITY),
        (ln(-0.0), -INFINITY),
        (ln(INFINITY), INFINITY),
        (sin(0.0), 0.0),
        (sin(-0.0), -0.0),
        (cos(0.0), 1.0),
    ] {
        assert_eq!(x.to_bits(), y.to_bits(), "{x:e}, not {y:e}");
    }
    for power in -1074..1024 {
        let bits = if power < -1022 { 1 << (power + 1074) } else { ((power + 1023) as u64) << 52 };
        assert_eq!(exp2(f64::from(power)).to_bits(), bits, "2^{power}");
    }
    for nan in
        [exp(f64::NAN), exp2(f64::NAN), ln(f64::NAN), ln(-1.0), ln(-INFINITY), sin(f64::NAN), sin(INFINITY)]
    {
        assert!(nan.is_nan());
    }
    assert!(!ln(2.0).is_less_than(ln(1.9)));
}
