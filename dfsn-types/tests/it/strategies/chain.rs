//! Random blocks, receipts, events, parameters of the protocol, and genesis configurations.

use dfsn_types::*;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Generate, few, random, signer};

impl Generate for BeaconProof {
    fn strategy() -> BoxedStrategy<Self> {
        (random(), random()).prop_map(|(validator, proof)| Self { validator, proof }).boxed()
    }
}

impl Generate for Header {
    fn strategy() -> BoxedStrategy<Self> {
        let place = (random(), random(), random(), random(), random());
        let beacon_proof = proptest::option::of(random::<BeaconProof>());
        let money = (beacon_proof, random(), random());
        let roots = (random(), random(), random(), random(), random());
        (place, money, roots)
            .prop_map(|(place, money, roots)| {
                let (height, parent, timestamp, builder, fee_recipient) = place;
                let (beacon_proof, base_fee_per_gas, gas_used) = money;
                let (duties_root, data_root, transactions_root, receipts_root, state_root) = roots;
                Self {
                    height,
                    parent,
                    timestamp,
                    builder,
                    fee_recipient,
                    beacon_proof,
                    base_fee_per_gas,
                    gas_used,
                    duties_root,
                    data_root,
                    transactions_root,
                    receipts_root,
                    state_root,
                }
            })
            .boxed()
    }
}

impl Generate for BlockBody {
    fn strategy() -> BoxedStrategy<Self> {
        (few(2), few(2), few(3))
            .prop_map(|(duties, data, transactions)| Self { duties, data, transactions })
            .boxed()
    }
}

impl Generate for Block {
    fn strategy() -> BoxedStrategy<Self> {
        (random(), random(), signer())
            .prop_map(|(header, body, (chain, key))| Self::seal(header, body, &chain, &key))
            .boxed()
    }
}

impl Generate for TransactionStatus {
    fn strategy() -> BoxedStrategy<Self> {
        prop_oneof![Just(Self::Succeeded), random().prop_map(|rule| Self::Failed { rule })].boxed()
    }
}

impl Generate for TransactionReceipt {
    fn strategy() -> BoxedStrategy<Self> {
        (random(), random(), random(), random())
            .prop_map(|(id, status, gas_used, fee)| Self { id, status, gas_used, fee })
            .boxed()
    }
}

impl Generate for BlockReceipts {
    fn strategy() -> BoxedStrategy<Self> {
        (vec(random(), 0..4), vec(random(), 0..4))
            .prop_map(|(transactions, events)| Self { transactions, events })
            .boxed()
    }
}

impl Generate for Event {
    fn strategy() -> BoxedStrategy<Self> {
        prop_oneof![job_events(), audit_events(), money_events(), validator_events()].boxed()
    }
}

fn job_events() -> BoxedStrategy<Event> {
    let turn = || (random::<JobId>(), random::<Attempt>(), random::<Address>());
    prop_oneof![
        (random(), random(), random(), random())
            .prop_map(|(job, requester, pair, price)| Event::JobRequested { job, requester, pair, price }),
        (turn(), random()).prop_map(|((job, attempt, worker), accept_by)| Event::JobDrawn {
            job,
            attempt,
            worker,
            accept_by
        }),
        turn().prop_map(|(job, attempt, worker)| Event::JobPassedOver { job, attempt, worker }),
        (turn(), random(), random()).prop_map(|((job, attempt, worker), collateral, deadline)| {
            Event::JobAccepted { job, attempt, worker, collateral, deadline }
        }),
        (turn(), random()).prop_map(|((job, attempt, worker), commitment)| Event::JobCommitted {
            job,
            attempt,
            worker,
            commitment
        }),
        (turn(), random()).prop_map(|((job, attempt, worker), fault)| Event::AttemptFailed {
            job,
            attempt,
            worker,
            fault
        }),
        random().prop_map(|job| Event::Delivered { job }),
    ]
    .boxed()
}

fn audit_events() -> BoxedStrategy<Event> {
    let claim = || (random::<JobId>(), random::<Attempt>(), random::<Address>(), random::<Role>());
    let verdict = (random(), any::<bool>());
    prop_oneof![
        claim().prop_map(|(job, attempt, auditor, role)| Event::AuditClaimed { job, attempt, auditor, role }),
        claim().prop_map(|(job, attempt, auditor, role)| Event::AuditAnswered {
            job,
            attempt,
            auditor,
            role
        }),
        (random(), random(), any::<u16>()).prop_map(|(job, attempt, answers)| Event::AuditOpened {
            job,
            attempt,
            answers
        }),
        (random(), random(), random()).prop_map(|(job, attempt, answer)| Event::Contested {
            job,
            attempt,
            answer
        }),
        data_events(),
        dispute_events(),
        (random(), random(), random(), random(), random()).prop_map(
            |(job, attempt, worker, worker_paid, burned)| Event::JuryHung {
                job,
                attempt,
                worker,
                worker_paid,
                burned
            }
        ),
        (claim(), verdict).prop_map(|((job, attempt, auditor, _), (worker, worker_right))| {
            Event::Judged { job, attempt, worker, auditor, worker_right }
        }),
    ]
    .boxed()
}

fn dispute_events() -> BoxedStrategy<Event> {
    let place = || (random::<JobId>(), random::<Attempt>(), random::<Address>(), any::<u32>());
    prop_oneof![
        (place(), random()).prop_map(|((job, attempt, _, tensors), boundary)| Event::RootsPosted {
            job,
            attempt,
            boundary,
            tensors
        }),
        (place(), random()).prop_map(|((job, attempt, by, tensor), part)| Event::TensorDemanded {
            job,
            attempt,
            by,
            tensor,
            part
        }),
        (place(), random()).prop_map(|((job, attempt, _, tensor), part)| Event::TensorPosted {
            job,
            attempt,
            tensor,
            part
        }),
        (place(), random(), any::<u64>()).prop_map(|((job, attempt, worker, tensor), by, element)| {
            Event::FaultProven { job, attempt, worker, by, tensor, element }
        }),
        (random(), random(), random()).prop_map(|(job, attempt, answer)| Event::JuryCalled {
            job,
            attempt,
            answer
        }),
    ]
    .boxed()
}

fn data_events() -> BoxedStrategy<Event> {
    let place = || (random::<JobId>(), random::<Attempt>(), random::<Address>(), random::<Boundary>());
    prop_oneof![
        place().prop_map(|(job, attempt, by, boundary)| Event::DataDemanded { job, attempt, by, boundary }),
        (place(), any::<u8>(), any::<bool>()).prop_map(|((job, attempt, _, boundary), index, complete)| {
            Event::DataPosted { job, attempt, boundary, index, complete }
        }),
        place().prop_map(|(job, attempt, shown_by, boundary)| Event::AnswerLeaked {
            job,
            attempt,
            boundary,
            shown_by
        }),
        (random(), random(), random()).prop_map(|(job, attempt, deposit)| Event::AuditRequested {
            job,
            attempt,
            deposit
        }),
        (random(), random(), few(16)).prop_map(|(job, attempt, witnesses)| Event::WitnessesDrawn {
            job,
            attempt,
            witnesses
        }),
        place().prop_map(|(job, attempt, witness, _)| Event::Stored { job, attempt, witness }),
    ]
    .boxed()
}

fn money_events() -> BoxedStrategy<Event> {
    let turn = || (random::<JobId>(), random::<Attempt>(), random::<Address>());
    prop_oneof![
        (turn(), random(), random()).prop_map(|((job, attempt, validator), fault, amount)| {
            Event::Slashed { job, attempt, validator, fault, amount }
        }),
        (turn(), random(), random(), random()).prop_map(|((job, _, validator), fault, paid, burned)| {
            Event::HoldPaid { job, validator, fault, paid, burned }
        }),
        (turn(), random(), random()).prop_map(|((job, _, validator), fault, amount)| {
            Event::HoldReleased { job, validator, fault, amount }
        }),
        (turn(), random(), random()).prop_map(|((job, attempt, worker), worker_paid, auditors_paid)| {
            Event::JobSettled { job, attempt, worker, worker_paid, auditors_paid }
        }),
        (random(), random(), random(), random()).prop_map(|(job, requester, amount, reason)| {
            Event::JobRefunded { job, requester, amount, reason }
        }),
        (random(), random()).prop_map(|(validator, pair)| Event::PairActivated { validator, pair }),
        (random(), random(), random()).prop_map(|(job, validator, burned)| Event::TestFailed {
            job,
            validator,
            burned
        }),
        random().prop_map(|validator| Event::Jailed { validator }),
        (random(), random()).prop_map(|(owner, amount)| Event::Unbonded { owner, amount }),
    ]
    .boxed()
}

fn validator_events() -> BoxedStrategy<Event> {
    prop_oneof![
        random().prop_map(|validator| Event::Unjailed { validator }),
        random().prop_map(|validator| Event::Exiting { validator }),
        random().prop_map(|validator| Event::Tombstoned { validator }),
        random().prop_map(|validator| Event::Exited { validator }),
        random().prop_map(|until| Event::JobsPaused { until }),
        Just(Event::JobsResumed),
        (random(), random(), random()).prop_map(|(validator, to, at)| Event::OwnerChanging {
            validator,
            to,
            at
        }),
        (random(), random()).prop_map(|(validator, owner)| Event::OwnerChanged { validator, owner }),
    ]
    .boxed()
}

macro_rules! params_strategies {
    ($($type:ident { $($field:ident),* $(,)? })*) => { $(
        impl Generate for $type {
            fn strategy() -> BoxedStrategy<Self> {
                let params = Just(Self { $($field: Self::default().$field),* }).boxed();
                $( let params = (params, random()).prop_map(|(params, $field)| Self { $field, ..params }).boxed(); )*
                params
            }
        }
    )* };
}

params_strategies! {
    ConsensusParams { chain, windows, sortition, penalties, economics, governance }
    ChainParams {
        clock_step_ms, window_blocks_min, heartbeat_ms, duty_lane_bytes, data_lane_bytes, user_lane_bytes, gas_limit,
        base_fee_floor, draws_max, expiries_max, claims_max, queue_max, pending_per_account_max,
    }
    WindowParams {
        accept_ms, deadline_ms, job_ms_max, attempts_max, claim_ms, serve_ms, answer_ms, open_ms, juror_ms,
        data_ms, data_queue_ms, receipt_ms, witness_ms, challenge_ms, hold_ms, missed_turn_window_ms, missed_turns_max, job_record_ms, jail_ms,
        unbonding_ms, owner_change_ms, under_minimum_ms,
    }
    SortitionParams {
        rate_ramp, ramp_jobs, rate_floor, float_factor, juror_rate, auditors_min, auditors_stake_min,
        validators_min, warmup_ms, duty_window,
    }
    PenaltyParams {
        collateral_prices, deadline_prices, deadline_repeat_ms, float_verdict_prices, float_verdicts_max,
        float_verdict_repeat_ms, answer_fees, answer_worker_share, right_answer_share, early_opening_prices,
        evidence_share, evidence_note_blocks,
    }
    EconomicParams {
        stake_min, price_min, worker_share, builder_share, audit_share_max, test_deposit_fees, test_steps,
        model_deposit,
        witness_share, witnesses, witnesses_needed, cancel_fee, audit_request_fees,
    }
    GovernanceParams { vote_ms, pause_ms_max, pause_share, release_share }
}

impl Generate for Guardian {
    fn strategy() -> BoxedStrategy<Self> {
        (random(), random()).prop_map(|(account, until_height)| Self { account, until_height }).boxed()
    }
}

impl Generate for Upgrade {
    fn strategy() -> BoxedStrategy<Self> {
        (random(), random(), random(), proptest::option::of(random()))
            .prop_map(|(announced, activation, rule_version, new_params)| Self {
                announced,
                activation,
                rule_version,
                new_params,
            })
            .boxed()
    }
}

/// Any upgrades, in order and announced in time.
impl Generate for UpgradeSchedule {
    fn strategy() -> BoxedStrategy<Self> {
        vec((1..u64::from(u32::MAX), 0..3u64, random::<Upgrade>()), 0..3)
            .prop_map(|steps| {
                let (mut activation, mut version) = (Self::NOTICE_MS.get(), 1);
                let in_order = |(later, newer, upgrade): (u64, u64, Upgrade)| {
                    (activation, version) = (activation + later, version + newer);
                    let announced = Timestamp::new(activation - Self::NOTICE_MS.get());
                    let (activation, rule_version) = (Timestamp::new(activation), RuleVersion::new(version));
                    Upgrade { announced, activation, rule_version, ..upgrade }
                };
                let upgrades = steps.into_iter().map(in_order).collect();
                Self::new(BoundedVec::new(upgrades).expect("few")).expect("in order")
            })
            .boxed()
    }
}

impl Generate for Allocation {
    fn strategy() -> BoxedStrategy<Self> {
        (random(), random()).prop_map(|(address, amount)| Self { address, amount }).boxed()
    }
}

impl Generate for GenesisValidator {
    fn strategy() -> BoxedStrategy<Self> {
        (random(), random(), random())
            .prop_map(|(owner, stake, registration)| Self { owner, stake, registration })
            .boxed()
    }
}

impl Generate for GenesisConfig {
    fn strategy() -> BoxedStrategy<Self> {
        let start = (random(), random(), random(), random());
        let lists = (few(3), few(2), few(2), few(2), few(3), proptest::option::of(random()));
        (start, lists)
            .prop_map(|((chain_id, timestamp, params, sealer), lists)| {
                let (allocations, models, profiles, validators, test_prompts, guardian) = lists;
                Self {
                    chain_id,
                    timestamp,
                    params,
                    sealer,
                    allocations,
                    models,
                    profiles,
                    validators,
                    test_prompts,
                    guardian,
                }
            })
            .boxed()
    }
}
