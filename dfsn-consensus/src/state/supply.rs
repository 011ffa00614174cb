//! Where all money is.

use dfsn_types::Amount;

use super::{ChainState, Coins, Phase, Stage};

/// The most money that a network may start with: 10^10 DFSN. Sums and products of the rules then fit 128 bits.
pub const SUPPLY_MAX: Amount = Amount::from_dfsn(10_000_000_000);

/// All money, by where it is (rule MON-01).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supply {
    /// Spendable.
    pub balances: Amount,
    /// Prices and deposits of open jobs.
    pub escrow: Amount,
    /// Stake that no job holds.
    pub free_stake: Amount,
    /// Stake held by jobs and audits.
    pub locked_stake: Amount,
    /// Deposits of models, of demands, and of audits that requesters asked for.
    pub deposits: Amount,
    /// Penalties that are held.
    pub held: Amount,
    /// Unstaked, not yet paid out.
    pub unbonding: Amount,
    /// Gone for ever.
    pub burned: Amount,
}

impl Supply {
    /// Counts the money of a state.
    pub fn of(state: &ChainState) -> Self {
        let mut supply = Self {
            balances: total(state.accounts.values().map(|account| &account.balance)),
            escrow: total(state.jobs.values().map(|job| &job.escrow)),
            free_stake: total(state.validators.values().map(|validator| &validator.free)),
            locked_stake: Amount::ZERO,
            held: total(state.holds.values().map(|hold| &hold.coins)),
            unbonding: total(state.unbonding.values().map(|(_, coins)| coins)),
            deposits: total(state.model_deposits.values().map(|deposit| &deposit.coins)),
            burned: state.burned.amount(),
        };
        for job in state.jobs.values() {
            supply.locked_stake = sum(supply.locked_stake, locks(&job.stage));
            supply.deposits = sum(supply.deposits, deposits(&job.stage));
        }
        supply
    }

    /// All of it.
    pub fn total(&self) -> Amount {
        [
            self.balances,
            self.escrow,
            self.free_stake,
            self.locked_stake,
            self.deposits,
            self.held,
            self.unbonding,
            self.burned,
        ]
        .into_iter()
        .fold(Amount::ZERO, sum)
    }
}

fn locks(stage: &Stage) -> Amount {
    match stage {
        Stage::Accepted { lock, .. } => lock.amount(),
        Stage::Committed(committed) => {
            let claims = total(committed.claims.values().map(|claim| &claim.lock));
            let jurors = match &committed.phase {
                Phase::Judging(judgement) => total(judgement.jurors.values().map(|juror| &juror.lock)),
                _ => Amount::ZERO,
            };
            sum(sum(committed.lock.amount(), claims), jurors)
        }
        Stage::Pending { .. } | Stage::Drawn { .. } | Stage::Ended(_) => Amount::ZERO,
    }
}

fn deposits(stage: &Stage) -> Amount {
    match stage {
        Stage::Committed(committed) => {
            let demands = total(committed.demands.values().map(|demand| &demand.deposit));
            sum(demands, committed.deposit.amount())
        }
        _ => Amount::ZERO,
    }
}

fn total<'a>(coins: impl Iterator<Item = &'a Coins>) -> Amount {
    coins.fold(Amount::ZERO, |amount, coins| sum(amount, coins.amount()))
}

/// Saturates, so that a broken invariant shows as a wrong total and never as a panic.
fn sum(a: Amount, b: Amount) -> Amount {
    a.checked_add(b).unwrap_or(Amount::from_base_units(u128::MAX))
}
