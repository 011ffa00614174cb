//! What must hold of every state, whatever happened.

use std::collections::{BTreeMap, BTreeSet};

use dfsn_consensus::state::{ChainState, Change, JobKind, Phase, Stage, Supply};
use dfsn_types::{Address, Amount};

/// Checks supply, the index of windows, the queues and every validator's locks.
pub(crate) fn check(state: &ChainState) {
    assert_eq!(Supply::of(state).total(), state.minted, "MON-01 at height {}", state.tip.height);
    let windows: BTreeSet<_> =
        state.jobs.values().filter_map(|job| Some((job.window()?.closes_at, job.id))).collect();
    assert_eq!(windows, state.windows.iter().copied().collect(), "every open job has exactly its window");
    let queued: BTreeSet<_> = state.queues.values().flatten().map(|key| key.job()).collect();
    let pending = state.jobs.values().filter(|job| matches!(job.stage, Stage::Pending { .. }));
    assert_eq!(
        pending.map(|job| job.id).collect::<BTreeSet<_>>(),
        queued,
        "pending jobs and no others are queued"
    );
    assert!(state.queues.values().all(|queue| !queue.is_empty()), "no empty queue is kept");
    let locks = locks(state);
    for (address, validator) in &state.validators {
        let expected = locks.get(address).copied().unwrap_or(Amount::ZERO);
        assert_eq!(validator.locked, expected, "locks of {address}");
    }
    validators(state);
    models(state);
    proofs(state);
    let ended: BTreeSet<_> = state.ended.iter().map(|(_, id)| *id).collect();
    assert_eq!(ended.len(), state.ended.len(), "an ended job has one record");
    assert!(
        state.jobs.values().all(|job| job.is_ended() == ended.contains(&job.id)),
        "ended jobs and no others"
    );
    for job in state.jobs.values() {
        let paid = job.committed().is_some_and(|committed| committed.paid);
        let due = if job.is_ended() || paid { Amount::ZERO } else { job.price };
        let holds_price = job.kind == JobKind::Test || job.escrow.amount() == due;
        assert!(holds_price, "an open request holds its price, an ended one nothing: {job:?}");
        assert!(!job.is_ended() || job.escrow.amount().is_zero(), "an ended job holds no money");
    }
}

/// Records can be shown against the root, and strangers be shown to be none.
fn proofs(state: &ChainState) {
    let root = state.root();
    let stranger = Address::from_bytes([0xee; 20]);
    let accounts = [state.accounts.first(), state.accounts.last()].into_iter().flatten().map(|(key, _)| *key);
    for address in accounts.chain([stranger]) {
        let answer = state.prove_account(&address);
        let shown = answer.verify(&root, &address).expect("PRF-04");
        assert_eq!(shown.map(|record| record.balance).unwrap_or_default(), state.balance(&address));
    }
    for (address, _) in [state.validators.first(), state.validators.last()].into_iter().flatten() {
        assert!(matches!(state.prove_validator(address).verify(&root, address), Ok(Some(_))), "PRF-04");
    }
    for (id, job) in [state.jobs.first(), state.jobs.last()].into_iter().flatten() {
        let answer = state.prove_job(id);
        assert_eq!(answer.verify(&root, id).expect("PRF-04").map(|record| record.attempt), Some(job.attempt));
    }
}

/// Models and their deposits.
fn models(state: &ChainState) {
    for (model, deposit) in state.model_deposits.iter() {
        assert!(state.models.contains_key(model), "a deposit belongs to a model");
        assert_eq!(deposit.coins.amount(), state.params.economics.model_deposit);
    }
    for validator in state.validators.values() {
        assert!(
            validator.pairs.keys().all(|pair| state.models.contains_key(&pair.model)),
            "an offer of a model"
        );
    }
    for job in state.jobs.values().filter(|job| !job.is_ended()) {
        assert!(state.models.contains_key(&job.params.model()), "a job's model is there");
    }
}

/// Names, owners, unbonding and waiting changes of validators.
fn validators(state: &ChainState) {
    let owners: BTreeMap<_, _> =
        state.validators.values().map(|validator| (validator.owner, validator.address)).collect();
    assert_eq!(owners.len(), state.validators.len(), "an account owns at most one validator");
    assert!(state.owners.iter().eq(&owners), "the index of owners");
    let mut unbonding: BTreeMap<Address, Amount> = BTreeMap::new();
    for (address, coins) in state.unbonding.values() {
        let sum = unbonding.entry(*address).or_default();
        *sum = sum.checked_add(coins.amount()).unwrap();
    }
    for (address, validator) in &state.validators {
        assert_eq!(validator.address, *address);
        assert_eq!(
            validator.unbonding,
            unbonding.remove(address).unwrap_or_default(),
            "unbonding of {address}"
        );
        let waits = |change, at| state.changes.contains(&(at, *address, change));
        assert!(validator.owner_change.is_none_or(|change| waits(Change::Owner, change.at)));
        let enough = validator.stake() >= state.params.economics.stake_min;
        assert!(!enough || (!validator.exiting && validator.under_minimum_since.is_none()), "{validator:?}");
    }
    assert!(unbonding.is_empty(), "a validator with unbonding money has a record: {unbonding:?}");
    let changes = state.changes.iter().filter(|(_, _, change)| *change == Change::Owner).count();
    let announced = state.validators.values().filter(|validator| validator.owner_change.is_some()).count();
    assert_eq!(changes, announced);
}

/// Stake held by jobs, by validator.
pub(crate) fn locks(state: &ChainState) -> BTreeMap<Address, Amount> {
    let mut locks: BTreeMap<Address, Amount> = BTreeMap::new();
    let mut add = |owner: Address, amount: Amount| {
        let sum = locks.entry(owner).or_default();
        *sum = sum.checked_add(amount).unwrap();
    };
    for job in state.jobs.values() {
        match &job.stage {
            Stage::Accepted { worker, lock, .. } => add(*worker, lock.amount()),
            Stage::Committed(committed) => {
                add(committed.worker, committed.lock.amount());
                for (auditor, claim) in &committed.claims {
                    add(*auditor, claim.lock.amount());
                }
                if let Phase::Judging(judgement) = &committed.phase {
                    for (juror, seat) in &judgement.jurors {
                        add(*juror, seat.lock.amount());
                    }
                }
            }
            Stage::Pending { .. } | Stage::Drawn { .. } | Stage::Ended(_) => {}
        }
    }
    locks
}

/// All money of an account, staked or not.
pub(crate) fn wealth(state: &ChainState, owner: &Address) -> Amount {
    let stake = state.validators.get(owner).map_or(Amount::ZERO, |validator| validator.stake());
    state.balance(owner).checked_add(stake).unwrap()
}
