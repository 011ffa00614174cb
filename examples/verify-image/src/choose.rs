//! Which steps are redone.

/// `count` of the numbers from 1 to `last`, all of them if there are fewer, in ascending order; each set is as likely
/// as any other, as far as 64 bits of `seed` tell them apart.
pub(crate) fn choose(count: u16, last: u16, seed: u64) -> Vec<u16> {
    let mut numbers: Vec<u16> = (1..=last).collect();
    let mut state = seed;
    for place in 0..numbers.len().min(usize::from(count)) {
        let rest = (numbers.len() - place) as u64;
        // Below `rest`, which fits; the bias of the remainder is below 2^-48.
        numbers.swap(place, place + (next(&mut state) % rest) as usize);
    }
    numbers.truncate(usize::from(count));
    numbers.sort_unstable();
    numbers
}

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
const fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix64_gives_its_published_numbers() {
        let mut state = 1_234_567;
        let found = [(); 3].map(|()| next(&mut state));
        assert_eq!(found, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn every_number_is_chosen_about_as_often() {
        let mut counts = [0_u32; 11];
        for seed in 0..3_000 {
            let chosen = choose(2, 10, seed);
            assert!(chosen.len() == 2 && chosen[0] < chosen[1], "{chosen:?}");
            chosen.iter().for_each(|number| counts[usize::from(*number)] += 1);
        }
        assert_eq!(counts[0], 0);
        assert!(counts[1..].iter().all(|count| (500..700).contains(count)), "{counts:?}");
        assert_eq!(choose(9, 3, 1), [1, 2, 3]);
    }
}
