//! Noise equal to torch's CPU generator.

use dfsn_compute::noise::{Generator, randn};

use crate::golden::GoldenTensors;

#[test]
fn numbers_equal_those_of_torch() {
    let golden = GoldenTensors::open("noise.safetensors");
    let names = golden.names();
    assert_eq!(names.len(), 8);
    for name in names {
        let (seed, count) = name.split_once('_').unwrap();
        let found = randn(seed.parse().unwrap(), count.parse().unwrap());
        let expected = golden.floats(&name);
        assert_eq!(found.len(), expected.len());
        for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert!((found - expected).abs() <= 1e-6, "{name}[{index}]: {found} {expected}");
        }
    }
}

#[test]
fn a_second_draw_continues_the_stream() {
    let mut generator = Generator::new(9);
    let (first, second) = (generator.randn(64), generator.randn(64));
    assert_eq!(first, randn(9, 64));
    assert_ne!(first, second);
    assert_eq!(randn(9, 128)[..64], first);
}

#[test]
fn bits_are_frozen() {
    // The initial state of a request is audited by its bytes on any machine.
    let numbers = randn(0, 4096);
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    assert_eq!(numbers[..3], [-1.125_839_8, -1.152_360_2, -0.250_578_58]);
    assert_eq!(blake3::hash(&bytes).to_hex()[..16], *"10daabc09c0c6b58");
}
