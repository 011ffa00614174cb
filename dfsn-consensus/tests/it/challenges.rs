//! A requester that doubts a result.

use dfsn_consensus::state::{Outcome, Phase};
use dfsn_types::{Amount, DurationMs, Event, Fault, JobId, RefundReason, TransactionId, TransactionKind};

use crate::network::setup::user_key;
use crate::network::{Answering, Behaviour, Network, Seat, Setup, Working};

/// A worker whose results stand for ten minutes; the others audit in the second round only.
fn network(working: Working) -> Network {
    let mut seats = vec![Seat::new(Behaviour::working(working))];
    seats.extend((0..4).map(|_| Seat::auditor(Behaviour::auditing(Answering::Absent))));
    let mut setup = Setup::of(seats);
    setup.params.windows.challenge_ms = DurationMs::new(600_000);
    Network::new(&setup)
}

/// A job that nobody audited, paid and standing; from now on everybody audits.
fn standing(working: Working) -> (Network, JobId) {
    let mut network = network(working);
    let job = network.request(0, 1);
    network.until(|network| network.phase(&job) == Some(&Phase::Standing));
    for node in 1..5 {
        network.nodes[node].behaviour = Behaviour::HONEST;
    }
    (network, job)
}

fn object(network: &mut Network, user: usize, job: JobId) -> TransactionId {
    let id = network.send(&user_key(user), TransactionKind::RequestAudit { job });
    network.seal(1_000).unwrap();
    id
}

#[test]
fn chl_01_collateral_stays_locked_while_the_result_can_be_doubted() {
    let (mut network, job) = standing(Working::Honest);
    let lock = network.job(&job).price.checked_mul(100).unwrap();
    assert!(network.job(&job).committed().unwrap().paid, "the price is paid");
    assert_eq!(network.state().validators.get(&network.address(0)).unwrap().locked, lock);
    let outcome = network.finish(&job, 100);
    assert!(matches!(outcome, Outcome::Settled { .. }), "{outcome:?}");
    assert_eq!(network.state().validators.get(&network.address(0)).unwrap().locked, Amount::ZERO);
}

#[test]
fn chl_03_right_result_stands_and_the_deposit_pays_its_auditors() {
    let (mut network, job) = standing(Working::Honest);
    let (user, money) = (network.user(0), network.state().balance(&network.user(0)));
    let before = network.wealth(1);
    let id = object(&mut network, 0, job);
    assert_eq!(network.failed_rule(&id), None);
    let fee = network.job(&job).audit_fee;
    let deposit = fee.checked_mul(3).unwrap();
    let tx_fee = network.receipts[&id].fee;
    let spent = money.checked_sub(network.state().balance(&user)).unwrap();
    assert_eq!(spent, deposit.checked_add(tx_fee).unwrap());
    let outcome = network.finish(&job, 200);
    assert!(matches!(outcome, Outcome::Settled { .. }), "{outcome:?}");
    assert_eq!(network.slashes(), []);
    // Four auditors share a deposit of three fees.
    assert_eq!(network.wealth(1).checked_sub(before), Some(deposit.split(4)));
    let left = deposit.checked_sub(deposit.split(4).checked_mul(4).unwrap()).unwrap();
    let spent = money.checked_sub(network.state().balance(&user)).unwrap();
    assert_eq!(spent, deposit.checked_sub(left).unwrap().checked_add(tx_fee).unwrap());
}

#[test]
fn chl_05_false_result_gives_the_price_back_out_of_the_lock() {
    let (mut network, job) = standing(Working::Garbage);
    let (user, money) = (network.user(0), network.state().balance(&network.user(0)));
    let worker = network.wealth(0);
    let id = object(&mut network, 0, job);
    let outcome = network.finish(&job, 300);
    assert_eq!(outcome, Outcome::Refunded(RefundReason::Overturned));
    let price = network.job(&job).price;
    let penalty = price.checked_mul(10).unwrap();
    assert_eq!(network.slashes_of(&job), [(network.address(0), Fault::WrongResult, penalty)]);
    assert_eq!(
        worker.checked_sub(network.wealth(0)),
        Some(penalty),
        "it keeps what it was paid, and loses ten prices"
    );
    let money = money.checked_add(price).unwrap().checked_sub(network.receipts[&id].fee).unwrap();
    assert_eq!(network.state().balance(&user), money, "the price, and the deposit");
}

#[test]
fn chl_05_silence_in_the_second_audit_costs_the_lock() {
    let (mut network, job) = standing(Working::Mute);
    object(&mut network, 0, job);
    assert_eq!(network.finish(&job, 300), Outcome::Refunded(RefundReason::Overturned));
    let lock = network.job(&job).price.checked_mul(100).unwrap();
    assert_eq!(network.slashes_of(&job), [(network.address(0), Fault::Silence, lock)]);
}

#[test]
fn chl_01_one_second_audit_of_a_result_whose_first_is_over() {
    let mut network = network(Working::Honest);
    let job = network.request(0, 1);
    network.until(|network| network.phase(&job) == Some(&Phase::Claiming));
    let early = object(&mut network, 0, job);
    assert_eq!(network.failed_rule(&early).as_deref(), Some("CHL-01"), "the first audit runs");
    network.until(|network| network.phase(&job) == Some(&Phase::Standing));
    let strange = object(&mut network, 1, job);
    assert_eq!(network.failed_rule(&strange).as_deref(), Some("RCP-02"), "only its requester");
    let right = object(&mut network, 0, job);
    assert_eq!(network.failed_rule(&right), None);
    let again = object(&mut network, 0, job);
    assert_eq!(network.failed_rule(&again).as_deref(), Some("CHL-01"), "once");
}

#[test]
fn chl_02_objections_have_their_time() {
    let mut network = network(Working::Honest);
    network.sends_receipts = false;
    let job = network.request(0, 1);
    // Without a receipt the job outlives its challenge window only if that is short: make the clock run past it.
    network.until(|network| network.phase(&job) == Some(&Phase::Delivering));
    let until = network.job(&job).committed().unwrap().challenge_until;
    let mut state = network.state().clone();
    state.tip.clock = until.after(DurationMs::new(1));
    let context = dfsn_consensus::transition::BlockContext {
        timestamp: state.tip.timestamp,
        fee_recipient: crate::network::BUILDER,
        beacon_proof: None,
    };
    let mut block = dfsn_consensus::transition::Execution::open(&state, &context).unwrap();
    let kind = TransactionKind::RequestAudit { job };
    let signed = crate::network::forge::signed(&state, &user_key(0), kind, |_| {});
    block.apply_transaction(&signed).unwrap();
    let receipts = block.close().receipts;
    let rule = match &receipts.transactions[0].status {
        dfsn_types::TransactionStatus::Failed { rule } => rule.to_string(),
        dfsn_types::TransactionStatus::Succeeded => String::new(),
    };
    assert_eq!(rule, "CHL-02");
}

#[test]
fn chl_04_nobody_claims_and_the_deposit_goes_back() {
    let (mut network, job) = standing(Working::Honest);
    for node in 1..5 {
        network.nodes[node].behaviour = Behaviour::auditing(Answering::Absent);
    }
    let (user, money) = (network.user(0), network.state().balance(&network.user(0)));
    let id = object(&mut network, 0, job);
    network.finish(&job, 100);
    let spent = money.checked_sub(network.state().balance(&user));
    assert_eq!(spent, Some(network.receipts[&id].fee));
}

#[test]
fn aud_11_second_audit_asks_nothing_that_was_opened() {
    let mut seats = vec![Seat::new(Behaviour::HONEST)];
    seats.extend((0..4).map(|_| Seat::auditor(Behaviour::HONEST)));
    let mut setup = Setup::of(seats);
    setup.params.windows.challenge_ms = DurationMs::new(600_000);
    let mut network = Network::new(&setup);
    let job = network.request(0, 1);
    network.until(|network| network.phase(&job) == Some(&Phase::Standing));
    let opened = network.job(&job).committed().unwrap().opened.clone();
    assert!(opened.len() > 3, "{opened:?}");
    object(&mut network, 0, job);
    network.until(|network| network.phase(&job) == Some(&Phase::Opening));
    let committed = network.job(&job).committed().unwrap();
    assert!(
        committed
            .claims
            .values()
            .flat_map(|claim| claim.questions.iter())
            .all(|asked| !opened.contains(&asked))
    );
    let outcome = network.finish(&job, 100);
    assert!(matches!(outcome, Outcome::Settled { .. }), "{outcome:?}");
    let opened = network.events.iter().filter(|event| matches!(event, Event::AuditOpened { .. }));
    assert_eq!(opened.count(), 2);
}

#[test]
fn aud_11_claim_with_nothing_to_ask_is_refused() {
    let (mut network, job) = standing(Working::Honest);
    for node in 1..5 {
        network.nodes[node].behaviour = Behaviour::auditing(Answering::Absent);
    }
    object(&mut network, 0, job);
    let mut state = network.state().clone();
    let alpha = state.sortition(network.job(&job)).unwrap().alpha;
    if let dfsn_consensus::state::Stage::Committed(committed) = &mut state.jobs.get_mut(&job).unwrap().stage {
        committed.opened = (0..=21).map(|t| dfsn_types::Boundary { image: 0, t }).collect();
    }
    let context = dfsn_consensus::transition::BlockContext {
        timestamp: state.tip.timestamp,
        fee_recipient: crate::network::BUILDER,
        beacon_proof: None,
    };
    let mut block = dfsn_consensus::transition::Execution::open(&state, &context).unwrap();
    let proof = crate::network::node::Keys::of(1).vrf().prove(alpha.as_bytes()).unwrap();
    let kind = dfsn_types::DutyKind::ClaimAudit { seat: dfsn_types::Seat::Auditor { round: 2 }, proof };
    let refused = dfsn_consensus::DutyError::NothingToAsk(network.address(1));
    assert_eq!(block.apply_duty(&network.signed_duty(1, &job, kind)), Err(refused));
}
