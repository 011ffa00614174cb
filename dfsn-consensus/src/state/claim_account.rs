//! Claims that a validator made, against claims that chance expects of it.

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_types::Ppm;

/// Whether a validator audits when the sortition chooses it (rules DTA-01 to DTA-03). Nobody sees a claim that is not made; that
/// too few are made shows in the long run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ClaimAccount {
    expected: u64,
    claimed: u64,
}

/// One claim, and the most that a single sortition expects.
const CERTAIN: u64 = 1_000_000;

impl ClaimAccount {
    /// A newcomer is taken to have kept its duty for half a window: chance alone seldom brings it under.
    pub const fn new(window: Ppm) -> Self {
        let half = window.get() / 2;
        Self { expected: half, claimed: half }
    }

    /// What chance expected of it, in millionths of a claim.
    pub const fn expected(&self) -> Ppm {
        Ppm::new(self.expected)
    }

    /// What it claimed, in millionths of a claim.
    pub const fn claimed(&self) -> Ppm {
        Ppm::new(self.claimed)
    }

    /// Notes one sortition that it was chosen in with a chance of `chance`. A full window loses half of what is in it.
    pub fn record(&mut self, chance: Ppm, claimed: bool, window: Ppm) {
        self.expected = self.expected.saturating_add(chance.get().min(CERTAIN));
        if claimed {
            self.claimed = self.claimed.saturating_add(CERTAIN);
        }
        if self.expected >= window.get() {
            self.expected /= 2;
            self.claimed /= 2;
        }
    }

    /// Whether it made at least half of the claims that chance expects.
    pub const fn is_kept(&self) -> bool {
        self.claimed.saturating_mul(2) >= self.expected
    }
}

#[cfg(test)]
mod tests {
    use dfsn_types::{Ppm, SortitionParams};

    use super::ClaimAccount;

    /// SplitMix64, so that the figures are the same everywhere.
    struct Random(u64);

    impl Random {
        fn below_million(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            (z ^ (z >> 31)) % 1_000_000
        }
    }

    /// How many of 4,000 validators ever count as lazy, when each is chosen with this chance and then claims with this one.
    fn lazy(chance: u64, claims: u64, start: Option<Ppm>) -> usize {
        let window = SortitionParams::default().duty_window;
        let mut random = Random(chance.wrapping_add(claims << 20));
        let is_lazy = |_: &u32| {
            let mut account = ClaimAccount::new(start.unwrap_or(window));
            // Four half windows; what is under half a window proves nothing.
            (0..100_000_000 / chance).any(|_| {
                let claimed = random.below_million() < chance && random.below_million() < claims;
                account.record(Ppm::new(chance), claimed, window);
                account.expected >= window.get() / 2 && !account.is_kept()
            })
        };
        (0..4_000).filter(is_lazy).count()
    }

    #[test]
    fn dta_02_chance_never_makes_an_honest_validator_lazy() {
        for chance in [50_000, 300_000, 1_000_000] {
            assert_eq!(lazy(chance, 1_000_000, None), 0, "chosen with {chance} ppm");
        }
        assert!(lazy(50_000, 900_000, None) <= 4, "one claim of ten missed");
    }

    #[test]
    fn dta_02_whoever_claims_a_third_is_found_out() {
        assert_eq!(lazy(300_000, 0, None), 4_000);
        assert!(lazy(300_000, 333_333, None) >= 3_960);
    }

    #[test]
    fn dta_02_empty_account_would_condemn_honest_newcomers() {
        assert!(lazy(50_000, 1_000_000, Some(Ppm::new(0))) > 4, "why a newcomer's account is half full");
    }

    #[test]
    fn dta_02_who_never_claims_is_lazy_after_half_a_window_and_catches_up_by_claiming() {
        let window = Ppm::new(50_000_000);
        let mut account = ClaimAccount::new(window);
        let certain = Ppm::new(1_000_000);
        let ignored = (1..).find(|_| {
            account.record(certain, false, window);
            !account.is_kept()
        });
        assert_eq!(ignored, Some(26));
        let caught_up = (1..).find(|_| {
            account.record(certain, true, window);
            account.is_kept()
        });
        assert_eq!(caught_up, Some(1));
        for _ in 0..1_000 {
            account.record(certain, false, window);
        }
        assert_eq!(account.claimed, 0);
        let caught_up = (1..).find(|_| {
            account.record(certain, true, window);
            account.is_kept()
        });
        assert!(caught_up.is_some_and(|claims| claims <= 26), "{caught_up:?} claims after long idleness");
    }
}
