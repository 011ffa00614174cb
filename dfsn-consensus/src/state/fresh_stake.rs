//! Stake that was added lately.

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_types::{Amount, DurationMs, Timestamp};

use super::bounded;

/// Additions that are told apart; further ones count as the last.
const ADDITIONS_MAX: usize = 4;
/// No job that anybody still audits was asked for earlier than this and its warm-up ago.
const REMEMBERED_MS: DurationMs = DurationMs::new(86_400_000);

/// Stake that does not count in the sortitions of older jobs (rule AUD-01): who knows its own VRF output for a job cannot
/// bring stake up to be chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct FreshStake(
    #[borsh(deserialize_with = "bounded::vec::<_, _, ADDITIONS_MAX>")] Vec<(Timestamp, Amount)>,
);

impl FreshStake {
    /// Nothing was added lately.
    pub const NONE: Self = Self(Vec::new());

    /// Notes an addition at `now`. With several in a day the last ones count as one, from the latest of them on.
    pub fn add(&mut self, amount: Amount, now: Timestamp, warmup: DurationMs) {
        self.0.retain(|(since, _)| since.after(warmup).after(REMEMBERED_MS) > now);
        let mut amount = amount;
        if self.0.len() >= ADDITIONS_MAX
            && let Some((_, last)) = self.0.pop()
        {
            amount = amount.checked_add(last).unwrap_or(amount);
        }
        self.0.push((now, amount));
    }

    /// Stake that was not there `warmup` before `at`.
    pub fn cold(&self, at: Timestamp, warmup: DurationMs) -> Amount {
        let cold = self.0.iter().filter(|(since, _)| since.after(warmup) > at);
        cold.fold(Amount::ZERO, |sum, (_, amount)| sum.checked_add(*amount).unwrap_or(sum))
    }
}

#[cfg(test)]
mod tests {
    use dfsn_types::{Amount, DurationMs, Timestamp};

    use super::FreshStake;

    const HOUR: DurationMs = DurationMs::new(3_600_000);

    fn at(hours: u64) -> Timestamp {
        Timestamp::new(1_700_000_000_000).after(DurationMs::new(hours * HOUR.get()))
    }

    #[test]
    fn aud_01_each_addition_warms_up_by_itself() {
        let mut fresh = FreshStake::NONE;
        fresh.add(Amount::from_dfsn(1), at(0), HOUR);
        fresh.add(Amount::from_dfsn(2), at(2), HOUR);
        assert_eq!(fresh.cold(at(0), HOUR), Amount::from_dfsn(3));
        assert_eq!(fresh.cold(at(1), HOUR), Amount::from_dfsn(2));
        assert_eq!(fresh.cold(at(2), HOUR), Amount::from_dfsn(2));
        assert_eq!(fresh.cold(at(3), HOUR), Amount::ZERO);
    }

    #[test]
    fn aud_01_many_additions_take_little_room_and_warm_up_late_rather_than_early() {
        let mut fresh = FreshStake::NONE;
        for hour in 0..10 {
            fresh.add(Amount::from_dfsn(1), at(hour), HOUR);
        }
        assert_eq!(fresh.0.len(), 4);
        assert_eq!(fresh.cold(at(9), HOUR), Amount::from_dfsn(7), "three of their own, seven as one");
        assert_eq!(fresh.cold(at(10), HOUR), Amount::ZERO);
        fresh.add(Amount::from_dfsn(1), at(100), HOUR);
        assert_eq!(fresh.0.len(), 1, "what is older than any open job is forgotten");
    }
}
