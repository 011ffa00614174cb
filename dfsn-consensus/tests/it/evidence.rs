//! Answers that a worker gives away.

use dfsn_consensus::state::Phase;
use dfsn_types::{
    Attempt, BasisPoints, Boundary, ConsensusParams, Evidence, Fault, JobId, LeafOpening, SecretKey,
    TransactionId, TransactionKind,
};

use crate::network::node::Keys;
use crate::network::setup::{address, user_key};
use crate::network::{Answering, Behaviour, Network, Setup, Working};

/// Auditors have claimed and answer nothing yet; the worker has given an answer leaf of node 1 away.
pub(crate) fn leaked() -> (Network, JobId, LeafOpening) {
    leaked_at(ConsensusParams::default().penalties.early_opening_prices)
}

/// The same where an answer given away costs so many prices.
fn leaked_at(prices: u64) -> (Network, JobId, LeafOpening) {
    let mut setup = Setup::worker(Behaviour::HONEST, 3);
    setup.params.penalties.early_opening_prices = prices;
    let mut network = Network::new(&setup);
    for node in 1..4 {
        network.nodes[node].behaviour = Behaviour::auditing(Answering::Silent);
    }
    let job = network.request(0, 1);
    network.until(|network| matches!(network.phase(&job), Some(Phase::Answering(_))));
    let committed = network.job(&job).committed().unwrap();
    let claim = &committed.claims[&network.address(1)];
    let secret =
        claim.questions.iter().find(|asked| asked.t > 0 && !committed.served.contains(asked)).unwrap();
    let opening = network.served[&(job, Attempt::FIRST)].tree.open(secret).unwrap();
    (network, job, opening)
}

pub(crate) fn evidence(job: JobId, opening: &LeafOpening) -> Evidence {
    Evidence::EarlyOpening { job, attempt: Attempt::FIRST, opening: opening.clone() }
}

fn note(network: &mut Network, key: &SecretKey, evidence: &Evidence) -> TransactionId {
    let note = evidence.note(network.state().chain.genesis, &address(key));
    let id = network.send(key, TransactionKind::EvidenceNote { note });
    network.seal(1_000).unwrap();
    id
}

fn show(network: &mut Network, key: &SecretKey, evidence: &Evidence) -> TransactionId {
    let id = network.send(key, TransactionKind::SubmitEvidence(Box::new(evidence.clone())));
    network.seal(1_000).unwrap();
    id
}

#[test]
fn early_opening_turns_against_worker() {
    let (mut network, job, opening) = leaked();
    let key = Keys::of(1).owner;
    let evidence = evidence(job, &opening);
    note(&mut network, &key, &evidence);
    network.seal(10_000).unwrap();
    let (worker, shower) = (network.wealth(0), network.wealth(1));
    let id = show(&mut network, &key, &evidence);
    assert_eq!(network.failed_rule(&id), None);
    let lock = network.job(&job).price.checked_mul(100).unwrap();
    assert_eq!(
        network.slashes(),
        [(network.address(0), Fault::EarlyOpening, lock)],
        "as much as the lie costs"
    );
    assert_eq!(worker.checked_sub(network.wealth(0)), Some(lock));
    let reward = BasisPoints::new(300).unwrap().of(lock);
    let gained = network.wealth(1).checked_add(network.receipts[&id].fee).unwrap().checked_sub(shower);
    assert_eq!(gained, Some(reward), "asking a worker for an answer is worth more than using it");
    assert!(reward > network.job(&job).audit_fee);
    assert!(network.attempt_is_over(&job));
}

#[test]
fn evd_02_copied_evidence_earns_nothing() {
    let (mut network, job, opening) = leaked();
    let evidence = evidence(job, &opening);
    note(&mut network, &user_key(1), &evidence);
    network.seal(10_000).unwrap();
    // Somebody copies it from the pool and gets in first.
    let before = network.state().balance(&network.user(2));
    let id = show(&mut network, &user_key(2), &evidence);
    assert_eq!(network.failed_rule(&id), None, "the fault is punished all the same");
    let penalty = network.job(&job).price.checked_mul(100).unwrap();
    assert_eq!(network.burned_by_slashes(&job), penalty, "and all of it is burned");
    let paid = before.checked_sub(network.state().balance(&network.user(2)));
    assert_eq!(paid, Some(network.receipts[&id].fee));
}

#[test]
fn evd_02_same_note_twice() {
    let (mut network, job, opening) = leaked();
    let evidence = evidence(job, &opening);
    note(&mut network, &user_key(1), &evidence);
    let again = note(&mut network, &user_key(1), &evidence);
    assert_eq!(network.failed_rule(&again).as_deref(), Some("EVD-02"));
}

#[test]
fn evd_01_only_answers_that_are_awaited() {
    let (mut network, job, opening) = leaked_at(10);
    let committed = network.job(&job).committed().unwrap();
    let served: Vec<Boundary> = committed.served.iter().copied().collect();
    let asked: Vec<Boundary> = committed.claims.values().flat_map(|claim| claim.questions.iter()).collect();
    let free =
        (0..=21).map(|t| Boundary { image: 0, t }).find(|at| !asked.contains(at) && !served.contains(at));
    let tree = network.served[&(job, Attempt::FIRST)].tree.clone();
    for boundary in [served[0], free.unwrap()] {
        let id = show(&mut network, &user_key(1), &evidence(job, &tree.open(boundary).unwrap()));
        assert_eq!(network.failed_rule(&id).as_deref(), Some("EVD-01"), "{boundary:?}");
    }
    let later = Evidence::EarlyOpening { job, attempt: Attempt::new(2), opening: opening.clone() };
    let id = show(&mut network, &user_key(1), &later);
    assert_eq!(network.failed_rule(&id).as_deref(), Some("EVD-01"), "another attempt");
    let id = show(&mut network, &user_key(1), &evidence(job, &opening));
    assert_eq!(network.failed_rule(&id), None);
    let id = show(&mut network, &user_key(1), &evidence(job, &opening));
    assert_eq!(network.failed_rule(&id).as_deref(), Some("EVD-01"), "once a leaf");
}

#[test]
fn evd_03_leaf_must_lead_to_the_committed_root() {
    let (mut network, job, opening) = leaked();
    let forged = LeafOpening { salt: dfsn_types::Salt::from_bytes([3; 32]), ..opening };
    let id = show(&mut network, &user_key(1), &evidence(job, &forged));
    assert_eq!(network.failed_rule(&id).as_deref(), Some("EVD-03"));
    assert_eq!(network.slashes(), []);
}

#[test]
fn evd_04_leak_does_not_end_the_audit() {
    // Where it costs less than the lock: a worker with a false result gives an answer away to a friend, its auditors go, others come
    // and find it out.
    let (mut network, job, opening) = leaked_at(10);
    let committed = network.job(&job).committed().unwrap();
    let asks =
        |claim: &dfsn_consensus::state::Claim| claim.questions.iter().any(|asked| asked == opening.boundary);
    let void: Vec<_> =
        committed.claims.iter().filter(|(_, claim)| asks(claim)).map(|(auditor, _)| *auditor).collect();
    let kept = committed.claims.len() - void.len();
    show(&mut network, &user_key(1), &evidence(job, &opening));
    for auditor in void {
        assert!(
            network.state().validators.get(&auditor).unwrap().locked.is_zero(),
            "void claims are released"
        );
    }
    let committed = network.job(&job).committed().unwrap();
    assert_eq!((committed.round, &committed.phase), (2, &Phase::Claiming));
    assert_eq!(committed.claims.len(), kept);
    for node in 1..4 {
        network.nodes[node].behaviour = Behaviour::HONEST;
    }
    network.until(|network| network.phase(&job) == Some(&Phase::Opening));
    let claims = &network.job(&job).committed().unwrap().claims;
    assert!(claims.values().any(|claim| claim.round == 2), "the second round has auditors of its own");
    network.until(|network| network.job_is_over(&job));
}

#[test]
fn evd_04_giving_everything_away_costs_the_whole_lock_and_jail() {
    let (mut network, job, _) = leaked_at(10);
    let tree = network.served[&(job, Attempt::FIRST)].tree.clone();
    let lock = network.job(&job).committed().unwrap().lock.amount();
    let leak = |network: &Network| {
        let committed = network.job(&job).committed()?;
        let mut asked = committed.claims.values().flat_map(|claim| claim.questions.iter());
        asked.find(|at| at.t > 0 && !committed.served.contains(at) && !committed.opened.contains(at))
    };
    for _ in 0..200 {
        if network.attempt_is_over(&job) {
            break;
        }
        match leak(&network) {
            Some(boundary) => {
                show(&mut network, &user_key(1), &evidence(job, &tree.open(boundary).unwrap()));
            }
            None => network.tick(),
        }
    }
    let (worker, price) = (network.address(0), network.job(&job).price);
    let costs: Vec<_> = network.slashes_of(&job).into_iter().filter(|(who, ..)| *who == worker).collect();
    let leak = |prices| (worker, Fault::EarlyOpening, price.checked_mul(prices).unwrap());
    assert_eq!(costs, [leak(10), leak(10), leak(80)], "the third counts as a third lost verdict");
    assert_eq!(lock, price.checked_mul(100).unwrap());
    assert!(network.state().validators.get(&worker).unwrap().is_jailed());
}

#[test]
fn evd_01_openings_on_their_way_to_a_block_are_no_evidence() {
    // A builder leaves the worker's OpenAudit out and shows what it holds.
    let mut network = Network::new(&Setup::worker(Behaviour::working(Working::Mute), 3));
    let job = network.request(0, 1);
    network.until(|network| network.phase(&job) == Some(&Phase::Opening));
    let tree = network.served[&(job, Attempt::FIRST)].tree.clone();
    let committed = network.job(&job).committed().unwrap();
    let secret = committed.claims.values().flat_map(|claim| claim.questions.iter());
    let secret = secret.filter(|asked| asked.t > 0 && !committed.served.contains(asked)).min().unwrap();
    let id = show(&mut network, &user_key(1), &evidence(job, &tree.open(secret).unwrap()));
    assert_eq!(network.failed_rule(&id).as_deref(), Some("EVD-01"));
    assert_eq!(network.slashes(), []);
}

#[test]
fn opn_04_leaf_that_says_nothing_follows_is_never_opened() {
    // Auditors of a state that no step can read answer with its one malformed digest; a worker that commits to it cannot open.
    let (network, job, opening) = leaked();
    let worker = network.address(0);
    let context = network.job(&job).state_context(network.state().chain.genesis, worker, opening.boundary);
    assert_ne!(context.malformed(), opening.digest);
    let mut network = Network::new(&Setup::worker(Behaviour::working(Working::Malformed), 3));
    let job = network.request(0, 1);
    network.until(|network| network.attempt_is_over(&job));
    let lock = network.job(&job).price.checked_mul(100).unwrap();
    assert_eq!(network.slashes_of(&job), [(network.address(0), Fault::Silence, lock)]);
}
