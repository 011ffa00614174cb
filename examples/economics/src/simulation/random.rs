//! One stream of random numbers for a whole run: the same on every machine for the same seed.

use dfsn_types::{VrfOutput, codec};

/// Numbers from blake3's output stream.
#[derive(Debug)]
pub(super) struct Random(blake3::OutputReader);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("DFSN economics example, simulation, 1");
        hasher.update(&seed.to_le_bytes());
        Self(hasher.finalize_xof())
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }

    /// At least 0 and below 1, with 53 random bits.
    pub(super) fn unit(&mut self) -> f64 {
        let bits = u64::from_le_bytes(self.bytes()) >> 11;
        bits as f64 / (1u64 << 53) as f64
    }

    /// Whether something happens that has this chance.
    pub(super) fn happens(&mut self, chance: f64) -> bool {
        self.unit() < chance
    }

    /// One of `len`, each with the same chance; 0 for none.
    pub(super) fn index(&mut self, len: usize) -> usize {
        let number = u128::from(u64::from_le_bytes(self.bytes()));
        usize::try_from((number * len as u128) >> 64).unwrap_or(0)
    }

    /// What a validator's VRF gives for one job.
    pub(super) fn vrf_output(&mut self) -> VrfOutput {
        codec::decode(&self.bytes::<{ VrfOutput::LEN }>(), VrfOutput::LEN)
            .expect("any 64 bytes are an output: its encoding is these bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn a_seed_gives_one_stream_and_another_seed_another() {
        let take = |seed| {
            let mut random = Random::new(seed);
            (random.unit(), random.index(1000), random.vrf_output())
        };
        assert_eq!(take(7), take(7));
        assert_ne!(take(7), take(8));
    }

    #[test]
    fn numbers_are_spread_evenly() {
        let mut random = Random::new(1);
        let mut counts = [0; 10];
        for _ in 0..10_000 {
            counts[random.index(10)] += 1;
        }
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
        let mean = (0..10_000).map(|_| random.unit()).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
    }
}
