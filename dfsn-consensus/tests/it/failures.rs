//! Every way in which an included transaction fails: the rule is in its receipt, and nothing but the fee is gone.

use dfsn_types::{
    Amount, BoundedVec, ComputeRegistration, ComputeUpdate, DurationMs, GenerationParams, GenerationRequest,
    ImageSize, JobId, ModelId, Pair, PairOffer, ProfileId, Relay, SecretKey, TransactionKind,
};

use crate::network::node::Keys;
use crate::network::setup::{other_pair, pair, registration, user_key};
use crate::network::{Behaviour, Network, Seat, Setup, usual_params, usual_request};

/// Sends a transaction that must fail by this rule, and checks that nothing but its fee is gone.
pub(crate) fn fails(network: &mut Network, key: &SecretKey, kind: TransactionKind, rule: &str) {
    let sender = crate::network::setup::address(key);
    let (before, validators) = (network.state().balance(&sender), network.state().validators.clone());
    let jobs = network.state().jobs.len();
    let id = network.send(key, kind);
    assert!(network.seal(1_000).unwrap());
    assert_eq!(network.failed_rule(&id).as_deref(), Some(rule));
    let fee = network.receipts[&id].fee;
    assert_eq!(before.checked_sub(network.state().balance(&sender)), Some(fee), "{rule}");
    assert_eq!(network.state().validators, validators, "{rule}");
    assert_eq!(network.state().jobs.len(), jobs, "{rule}");
}

fn network() -> Network {
    Network::new(&Setup::worker(Behaviour::HONEST, 3))
}

fn request(request: GenerationRequest) -> TransactionKind {
    TransactionKind::GenerationRequest(Box::new(request))
}

fn offer(pair: Pair) -> PairOffer {
    PairOffer { pair, capacity: 1, min_price: Amount::ZERO }
}

/// A registration of validator 0's own keys, but for what `edit` does to it, with proofs of possession.
pub(crate) fn register(network: &Network, edit: impl FnOnce(&mut ComputeRegistration)) -> TransactionKind {
    let keys = Keys::of(0);
    let mut registration = registration(&keys, vec![offer(pair())]);
    edit(&mut registration);
    let chain = &network.state().chain;
    let possession = registration
        .prove_possession(chain, &keys.address(), &keys.duty, &keys.compute, &keys.vrf())
        .unwrap();
    TransactionKind::RegisterCompute(Box::new(ComputeUpdate { registration, possession }))
}

#[test]
fn mon_03_amount_of_zero() {
    let mut network = network();
    let (owner, zero) = (Keys::of(0).owner, Amount::ZERO);
    let to = network.user(1);
    fails(&mut network, &user_key(0), TransactionKind::Transfer { to, amount: zero }, "MON-03");
    fails(&mut network, &owner, TransactionKind::Stake { amount: zero }, "MON-03");
    fails(&mut network, &owner, TransactionKind::Unstake { amount: zero }, "MON-03");
}

#[test]
fn mon_02_amount_over_the_balance() {
    let (mut network, amount) = (network(), Amount::from_dfsn(1_001));
    let to = network.user(1);
    fails(&mut network, &user_key(0), TransactionKind::Transfer { to, amount }, "MON-02");
    fails(&mut network, &user_key(0), TransactionKind::Stake { amount }, "MON-02");
    let mut dear = usual_request(1);
    dear.price_per_unit = Amount::DFSN;
    fails(&mut network, &user_key(0), request(dear), "MON-02");
}

#[test]
fn stk_01_sender_is_no_validator() {
    let mut network = network();
    fails(&mut network, &user_key(0), TransactionKind::Unstake { amount: Amount::DFSN }, "STK-01");
    fails(&mut network, &user_key(0), TransactionKind::TestHardware { pair: pair() }, "STK-01");
    let update = register(&network, |_| {});
    fails(&mut network, &user_key(0), update, "STK-01");
}

#[test]
fn stk_02_over_the_free_stake() {
    let mut network = network();
    let over = TransactionKind::Unstake { amount: Amount::from_dfsn(2_001) };
    fails(&mut network, &Keys::of(0).owner, over, "STK-02");
    // What a job holds cannot be taken out.
    let job = network.request(0, 1);
    network.until(|network| network.state().jobs.get(&job).is_some_and(|job| job.committed().is_some()));
    let all = TransactionKind::Unstake { amount: Amount::from_dfsn(2_000) };
    fails(&mut network, &Keys::of(0).owner, all, "STK-02");
}

#[test]
fn stk_03_stake_under_the_minimum() {
    let mut network = network();
    fails(&mut network, &user_key(0), TransactionKind::Stake { amount: Amount::from_dfsn(999) }, "STK-03");
    let owner = Keys::of(0).owner;
    network.send(&owner, TransactionKind::Unstake { amount: Amount::from_dfsn(1_001) });
    assert!(network.seal(1_000).unwrap());
    let update = register(&network, |_| {});
    fails(&mut network, &owner, update, "STK-03");
    fails(&mut network, &owner, TransactionKind::TestHardware { pair: pair() }, "STK-03");
}

#[test]
fn reg_01_unknown_model_or_profile() {
    let mut network = network();
    let (model, profile) = (ModelId::from_bytes([99; 32]), ProfileId::from_bytes([99; 32]));
    for pair in [Pair { model, ..pair() }, Pair { profile, ..pair() }] {
        let update = register(&network, |registration| {
            registration.offers = BoundedVec::new(vec![offer(pair)]).unwrap();
        });
        fails(&mut network, &Keys::of(0).owner, update, "REG-01");
        let size = ImageSize::new(64, 64).unwrap();
        let params = GenerationParams::builder(pair.model, pair.profile, "x", size).build().unwrap();
        fails(
            &mut network,
            &user_key(0),
            request(GenerationRequest { params, ..usual_request(1) }),
            "REG-01",
        );
    }
}

#[test]
fn reg_02_offers_out_of_order_or_without_capacity() {
    let mut network = network();
    for offers in [
        vec![offer(other_pair()), offer(pair())],
        vec![offer(pair()), offer(pair())],
        vec![PairOffer { capacity: 0, ..offer(pair()) }],
    ] {
        let update =
            register(&network, |registration| registration.offers = BoundedVec::new(offers).unwrap());
        fails(&mut network, &Keys::of(0).owner, update, "REG-02");
    }
}

#[test]
fn reg_03_relay_inside_a_network() {
    let mut network = network();
    for inner in ["127.0.0.1", "169.254.169.254", "10.0.0.1", "fe80::1", "64:ff9b::a00:1", "2002:a00:1::1"] {
        let update =
            register(&network, |registration| registration.relay = Relay::Ip(inner.parse().unwrap(), 80));
        fails(&mut network, &Keys::of(0).owner, update, "REG-03");
    }
}

#[test]
fn reg_04_keys_of_somebody_else() {
    let mut network = network();
    let stranger = Keys::of(50);
    let TransactionKind::RegisterCompute(update) = register(&network, |_| {}) else { unreachable!() };
    let mut stolen = Vec::new();
    for part in 0..3 {
        let mut update = update.clone();
        match part {
            0 => update.registration.duty_key = stranger.duty.public_key(),
            1 => update.registration.compute_key = stranger.compute.public_key(),
            _ => update.registration.vrf_key = stranger.vrf().public_key(),
        }
        stolen.push(update);
    }
    // Another owner's registration, copied as it is.
    for update in stolen {
        fails(&mut network, &Keys::of(0).owner, TransactionKind::RegisterCompute(update), "REG-04");
    }
}

#[test]
fn reg_05_vrf_key_of_another_validator() {
    let mut network = network();
    let (mine, theirs) = (Keys::of(0), Keys::of(1));
    let mut registration = registration(&mine, vec![offer(pair())]);
    registration.vrf_key = theirs.vrf().public_key();
    let chain = &network.state().chain;
    let possession = registration
        .prove_possession(chain, &mine.address(), &mine.duty, &mine.compute, &theirs.vrf())
        .unwrap();
    let update = TransactionKind::RegisterCompute(Box::new(ComputeUpdate { registration, possession }));
    fails(&mut network, &mine.owner, update, "REG-05");
}

#[test]
fn tst_01_pair_is_not_on_trial() {
    let mut network = network();
    fails(&mut network, &Keys::of(0).owner, TransactionKind::TestHardware { pair: pair() }, "TST-01");
    fails(&mut network, &Keys::of(0).owner, TransactionKind::TestHardware { pair: other_pair() }, "TST-01");
}

#[test]
fn tst_02_test_is_running() {
    let mut network = crate::hardware::newcomer(Behaviour::HONEST);
    let test = TransactionKind::TestHardware { pair: pair() };
    network.send(&Keys::of(0).owner, test.clone());
    network.seal(1_000).unwrap();
    fails(&mut network, &Keys::of(0).owner, test, "TST-02");
}

#[test]
fn tst_03_test_that_no_model_could_run() {
    let mut setup = crate::hardware::setup(Behaviour::HONEST);
    setup.params.economics.test_steps = 0;
    let mut network = crate::hardware::registered(&setup);
    fails(&mut network, &Keys::of(0).owner, TransactionKind::TestHardware { pair: pair() }, "TST-03");
}

#[test]
fn req_02_size_that_the_model_does_not_draw() {
    let mut network = network();
    for (height, width) in [(64, 72), (256, 64)] {
        let size = ImageSize::new(height, width).unwrap();
        let params = GenerationParams::builder(pair().model, pair().profile, "x", size).build().unwrap();
        fails(
            &mut network,
            &user_key(0),
            request(GenerationRequest { params, ..usual_request(1) }),
            "REQ-02",
        );
    }
}

#[test]
fn req_03_price_under_the_minimum_or_overflowing() {
    let mut network = network();
    for units in [0, 300_000_000_000, u128::MAX] {
        let mut wrong = usual_request(1);
        wrong.price_per_unit = Amount::from_base_units(units);
        fails(&mut network, &user_key(0), request(wrong), "REQ-03");
    }
}

#[test]
fn private_model_is_unaudited() {
    let mut network = Network::new(&Setup::worker(Behaviour::HONEST, 2));
    fails(&mut network, &user_key(0), request(usual_request(1)), "REQ-04");
    let id = network.request_with(0, GenerationRequest { unaudited: true, ..usual_request(1) });
    let outcome = network.finish(&id, 60);
    assert!(matches!(outcome, dfsn_consensus::state::Outcome::Settled { .. }), "{outcome:?}");
    let record = network.state().validators.get(&network.address(0)).unwrap().pairs[&pair()];
    assert_eq!(record.clean_jobs, 0, "such jobs count for nothing");
}

#[test]
fn req_04_too_small_a_share_of_the_stake_audits() {
    // Four serve the pair, but the three others hold under a fifth of the network's stake.
    let mut seats = vec![Seat::new(Behaviour::HONEST); 4];
    seats[0].stake = Amount::from_dfsn(100_000);
    let mut network = Network::new(&Setup::of(seats));
    let refused = network.request(0, 1);
    // The three small ones can be audited by the large one; the large one by nobody.
    network.until(|network| network.state().jobs.get(&refused).is_some_and(|job| job.worker().is_some()));
    assert_ne!(network.job(&refused).worker(), Some(network.address(0)));
}

#[test]
fn req_05_too_many_open_requests() {
    let mut setup = Setup::worker(Behaviour::HONEST, 3);
    setup.params.chain.pending_per_account_max = 2;
    let mut network = Network::new(&setup);
    network.request(0, 1);
    network.request(0, 2);
    assert!(network.seal(1_000).unwrap());
    fails(&mut network, &user_key(0), request(usual_request(3)), "REQ-05");
    network.request(1, 4);
    assert!(network.seal(1_000).unwrap());
    assert_eq!(network.state().jobs.len(), 3, "another account is not hindered");
}

#[test]
fn req_06_full_queue_takes_only_better_paying_requests() {
    let mut setup = Setup::worker(Behaviour::HONEST, 3);
    setup.params.chain.queue_max = 1;
    let mut network = Network::new(&setup);
    let (cheap, money) = (network.request(0, 1), network.state().balance(&network.user(0)));
    assert!(network.seal(1_000).unwrap());
    fails(&mut network, &user_key(1), request(usual_request(2)), "REQ-06");
    let mut better = usual_request(3);
    better.price_per_unit = Amount::from_base_units(1_000_000_000_001);
    let better = network.request_with(2, better);
    assert!(network.seal(1_000).unwrap());
    let pushed_out = dfsn_consensus::state::Outcome::Refunded(dfsn_types::RefundReason::PushedOut);
    assert_eq!(network.outcome(&cheap), Some(&pushed_out));
    assert!(!network.job(&better).is_ended());
    let fee = network.blocks[0].body().transactions[0].id();
    let paid = money.checked_sub(network.state().balance(&network.user(0)));
    assert_eq!(paid, Some(network.receipts[&fee].fee), "the price went back");
}

#[test]
fn rcp_01_receipt_for_no_job() {
    let mut network = network();
    fails(&mut network, &user_key(0), TransactionKind::Receipt { job: JobId::from_bytes([1; 32]) }, "RCP-01");
}

#[test]
fn rcp_02_receipt_by_somebody_else() {
    let mut network = network();
    network.sends_receipts = false;
    let job = network.request(0, 1);
    network.until(|network| network.phase(&job).is_some());
    fails(&mut network, &user_key(1), TransactionKind::Receipt { job }, "RCP-02");
    fails(&mut network, &Keys::of(0).owner, TransactionKind::Receipt { job }, "RCP-02");
}

#[test]
fn rcp_03_receipt_too_early_or_twice() {
    let mut network = network();
    network.sends_receipts = false;
    let job = network.request(0, 1);
    assert!(network.seal(1_000).unwrap());
    fails(&mut network, &user_key(0), TransactionKind::Receipt { job }, "RCP-03");
    network.until(|network| network.phase(&job).is_some());
    network.send(&user_key(0), TransactionKind::Receipt { job });
    assert!(network.seal(1_000).unwrap());
    fails(&mut network, &user_key(0), TransactionKind::Receipt { job }, "RCP-03");
}

#[test]
fn price_below_worker_minimum_is_not_assigned() {
    let mut setup = Setup::worker(Behaviour::HONEST, 3);
    setup.seats[0].min_price = Amount::from_base_units(1_000_000_000_001);
    let mut network = Network::new(&setup);
    let mut low = usual_request(1);
    low.expires_ms = DurationMs::new(60_000);
    let low = network.request_with(0, low);
    let high = network.request_with(
        1,
        GenerationRequest {
            price_per_unit: Amount::from_base_units(1_000_000_000_001),
            params: usual_params(2),
            ..usual_request(2)
        },
    );
    assert!(matches!(network.finish(&high, 60), dfsn_consensus::state::Outcome::Settled { .. }));
    let drawn = network
        .events
        .iter()
        .any(|event| matches!(event, dfsn_types::Event::JobDrawn { job, .. } if *job == low));
    assert!(!drawn);
    let expired = dfsn_consensus::state::Outcome::Refunded(dfsn_types::RefundReason::Expired);
    assert_eq!(network.outcome(&low), Some(&expired));
    assert_eq!(network.slashes(), []);
}
