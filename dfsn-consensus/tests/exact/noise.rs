//! Noise: number by number what the whole gives, and the same on soft floats.

use dfsn_consensus::exact::ieee::Single;
use dfsn_consensus::exact::noise::{MersenneTwister, draws, normal, normals, step_seed};
use dfsn_consensus::exact::soft::SoftSingle;

#[test]
fn the_generator_is_mt19937() {
    // The first numbers and the ten thousandth of the reference implementation.
    let mut generator = MersenneTwister::new(5489);
    let first = [generator.next_u32(), generator.next_u32(), generator.next_u32()];
    assert_eq!(first, [3_499_211_612, 581_869_302, 3_890_346_734]);
    generator.skip(10_000 - 4);
    assert_eq!(generator.next_u32(), 4_123_659_995);
    for count in [0, 1, 623, 624, 625, 1247, 1248, 5000] {
        let (mut skipped, mut drawn) = (MersenneTwister::new(7), MersenneTwister::new(7));
        skipped.skip(count);
        for _ in 0..count {
            drawn.next_u32();
        }
        assert_eq!(skipped.next_u32(), drawn.next_u32(), "{count}");
    }
}

#[test]
fn each_number_alone_is_that_of_the_whole() {
    let mut all = blake3::Hasher::new();
    for (seed, offset, count) in [(0, 0, 16), (1, 3, 17), (u32::MAX, 700, 31), (9, 0, 320), (5, 32, 1_301)] {
        let mut generator = MersenneTwister::new(seed);
        generator.skip(offset);
        let whole: Vec<f32> = normals(&mut generator, count);
        assert_eq!(whole.len(), count);
        let mut after = MersenneTwister::new(seed);
        after.skip(offset + draws(count));
        assert_eq!(generator.next_u32(), after.next_u32());
        for (index, number) in whole.iter().enumerate() {
            let alone: f32 = normal(seed, offset, count, index).unwrap();
            assert_eq!(alone.to_bits(), number.to_bits(), "{seed} {index}");
            all.update(&number.to_le_bytes());
            if index.is_multiple_of(7) {
                let soft: SoftSingle = normal(seed, offset, count, index).unwrap();
                assert_eq!(soft.to_bits(), number.to_bits(), "{seed} {index}");
            }
        }
        assert!(normal::<f32>(seed, offset, count, count).is_none());
    }
    assert!(normal::<f32>(0, 0, 15, 0).is_none());
    assert!(normal::<f32>(0, usize::MAX, 16, 15).is_none());
    assert_eq!(all.finalize().to_hex()[..16], *"c5f599887c7513c6");
    // Rule GEN-08.
    assert_ne!(step_seed(7, 1), step_seed(7, 2));
}
