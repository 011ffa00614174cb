//! Attacks as scripts: what who tries it pays.

use dfsn_consensus::sortition::audit_rate;
use dfsn_consensus::state::{Outcome, Phase, Stage};
use dfsn_types::{
    Amount, Attempt, BasisPoints, DurationMs, Evidence, Fault, JobId, SortitionParams, TransactionKind,
};

use crate::network::setup::{pair, profile, user_key};
use crate::network::{BUILDER, Behaviour, Network, Seat, Setup, Working, books};

/// One owner has the worker, the requester and the builder.
fn ring_wealth(network: &Network) -> Amount {
    let user = books::wealth(network.state(), &network.user(0));
    let parts = [network.wealth(0), network.state().balance(&BUILDER)];
    parts.into_iter().fold(user, |sum, part| sum.checked_add(part).unwrap())
}

#[test]
fn ring_of_self_dealers_loses_money() {
    const JOBS: u32 = 25;
    let mut setup = Setup::worker(Behaviour::HONEST, 3);
    setup.params.sortition = SortitionParams::default();
    let mut network = Network::new(&setup);
    let (before, burned) = (ring_wealth(&network), network.state().burned.amount());
    let mut jobs = Vec::new();
    for seed in 0..JOBS {
        let job = network.request(0, seed);
        assert!(matches!(network.finish(&job, 100), Outcome::Settled { .. }));
        jobs.push(job);
    }
    assert_eq!(network.slashes(), []);
    let (price, fee) = (network.job(&jobs[0]).price, network.job(&jobs[0]).audit_fee);
    let lost = before.checked_sub(ring_wealth(&network)).expect("the ring has less than before");
    // Of each price a twentieth is burned and three auditors are paid; of each fee the base fee is burned.
    let of_each = fee.checked_mul(3).unwrap().checked_add(price.split(20)).unwrap();
    let least = of_each.checked_mul(JOBS.into()).unwrap();
    let burned = network.state().burned.amount().checked_sub(burned).unwrap();
    let base_fees = burned.checked_sub(price.split(20).checked_mul(JOBS.into()).unwrap()).unwrap();
    assert!(!base_fees.is_zero());
    let rounding = Amount::from_base_units(JOBS.into());
    assert!(lost >= least.checked_add(base_fees).unwrap().saturating_sub(rounding), "{lost} of {least}");

    // Its ramp is over, and in a float profile nothing has changed by that.
    let record = network.state().validators.get(&network.address(0)).unwrap().pairs[&pair()].clean_jobs;
    assert_eq!(record, JOBS);
    let (sortition, profile) = (&setup.params.sortition, profile());
    assert_eq!(audit_rate(sortition, &profile, record), audit_rate(sortition, &profile, 0));
    // All the way down, 600 such jobs cost the ring more than any one job of this price could bring in,
    let climb = lost.checked_mul(u64::from(600 / JOBS)).unwrap();
    assert!(climb > price.checked_mul(100).unwrap(), "{climb} for jobs of {price}");
    // and a false result there is still looked at by one auditor on average: three of equal stake all look away in
    // 8 of 27 cases, in the others it costs ten prices for one.
    assert_eq!(audit_rate(sortition, &profile, 600).get(), 1_000_000);
    assert_eq!(audit_rate(sortition, &profile, u32::MAX).get(), 1_000_000);
    let expected_loss = price.checked_mul(10 * 19).unwrap().split(27);
    assert!(expected_loss > price.checked_mul(7).unwrap());
}

/// A worker that gets one step wrong, three honest auditors, and a friend of the worker with an account, in a network where a leak
/// costs less than the lock.
fn wrong_step() -> Network {
    let mut setup = Setup::worker(Behaviour::working(Working::WrongStep(7)), 3);
    setup.params.penalties.early_opening_prices = 10;
    setup.params.penalties.evidence_share = BasisPoints::new(3_000).unwrap();
    setup.params.windows.job_ms_max = DurationMs::new(10_000_000);
    Network::new(&setup)
}

/// Requests until step 7 is asked about, and leaks that leaf at once. Honest auditors have answered by then.
fn leak_the_wrong_step(network: &mut Network, seed: &mut u32) -> JobId {
    loop {
        *seed += 1;
        let job = network.request(0, *seed);
        network.until(|network| {
            network.job_is_over(&job) || matches!(network.phase(&job), Some(Phase::Claiming))
        });
        let tree = network.served[&(job, Attempt::FIRST)].tree.clone();
        let wrong = dfsn_types::Boundary { image: 0, t: 7 };
        let evidence =
            Evidence::EarlyOpening { job, attempt: Attempt::FIRST, opening: tree.open(wrong).unwrap() };
        let note = evidence.note(network.state().chain.genesis, &network.user(1));
        network.send(&user_key(1), TransactionKind::EvidenceNote { note });
        network.ticks(2);
        let Stage::Committed(committed) = &network.job(&job).stage else { panic!("claims are open") };
        let asked = committed.claims.values().flat_map(|claim| claim.questions.iter()).any(|at| at == wrong);
        let starts = committed.served.contains(&wrong);
        if asked && !starts {
            network.send(&user_key(1), TransactionKind::SubmitEvidence(Box::new(evidence)));
            network.until(|network| network.attempt_is_over(&job));
            return job;
        }
        network.until(|network| network.attempt_is_over(&job));
        if network.state().validators.get(&network.address(0)).unwrap().is_jailed() {
            return job;
        }
    }
}

/// The leaf of the one false step is leaked so that nobody asks about it again. That is no way around the third verdict.
#[test]
fn leaking_the_one_wrong_step_does_not_dodge_the_third_verdict() {
    let mut network = wrong_step();
    let before = network.wealth(0).checked_add(network.state().balance(&network.user(1))).unwrap();
    let (mut seed, mut last) = (0, None);
    while !network.state().validators.get(&network.address(0)).unwrap().is_jailed() {
        last = Some(leak_the_wrong_step(&mut network, &mut seed));
        assert!(seed < 40, "the worker is never jailed: {:?}", network.slashes());
    }
    let price = network.job(&last.unwrap()).price;
    let worker = network.address(0);
    let costs: Vec<_> = network.slashes().into_iter().filter(|(who, ..)| *who == worker).collect();
    let prices = |count| price.checked_mul(count).unwrap();
    assert_eq!(costs.len(), 3, "{costs:?}");
    assert!(costs.iter().any(|(_, fault, _)| *fault == Fault::EarlyOpening), "{costs:?}");
    let amounts: Vec<_> = costs.iter().map(|(_, _, amount)| *amount).collect();
    assert_eq!(amounts, [prices(10), prices(10), prices(100)]);
    // With the friend's part and the pay of every job that got through.
    let after = network.wealth(0).checked_add(network.state().balance(&network.user(1))).unwrap();
    assert!(
        before.checked_sub(after).unwrap() > prices(120 * 7 / 10).saturating_sub(prices(u64::from(seed)))
    );
}

/// Many jobs of a worker that are open together share no lock: who fakes them all pays for each.
#[test]
fn faking_many_jobs_at_once_costs_each_ones_lock() {
    let mut setup = Setup::of(vec![
        Seat { capacity: 8, ..Seat::new(Behaviour::working(Working::NeverOpens)) },
        Seat::auditor(Behaviour::HONEST),
        Seat::auditor(Behaviour::HONEST),
        Seat::auditor(Behaviour::HONEST),
    ]);
    setup.params.windows.job_ms_max = DurationMs::new(1_000_000);
    let mut network = Network::new(&setup);
    let before = network.wealth(0);
    let jobs: Vec<_> = (0..6).map(|seed| network.request(0, seed)).collect();
    network.until(|network| jobs.iter().all(|job| network.attempt_is_over(job)));
    let lock = network.job(&jobs[0]).price.checked_mul(100).unwrap();
    let faked: Vec<_> = jobs.iter().filter(|job| !network.slashes_of(job).is_empty()).collect();
    assert_eq!(faked.len(), 6, "all were drawn before the first was found out");
    let lost = lock.checked_mul(6).unwrap();
    assert_eq!(
        before.checked_sub(network.wealth(0)),
        Some(lost),
        "nothing is left out because it is jailed already"
    );
}
