//! Workers that cheat: who pays how much to whom, and how the user is served all the same.

use dfsn_consensus::state::{Outcome, Stage};
use dfsn_types::{Amount, DurationMs, Event, Fault, JobId, RefundReason};

use crate::network::{Behaviour, Network, Seat, Setup, Working};

/// Node 0 is drawn in one of eleven jobs and cheats, node 1 works honestly, three more audit.
fn two_workers(working: Working) -> Setup {
    let honest = Seat { stake: Amount::from_dfsn(20_000), ..Seat::new(Behaviour::HONEST) };
    let auditors = (0..3).map(|_| Seat::auditor(Behaviour::HONEST));
    let mut seats = vec![Seat::new(Behaviour::working(working)), honest];
    seats.extend(auditors);
    patient(Setup::of(seats))
}

/// Time enough for three attempts, however long each is audited.
fn patient(mut setup: Setup) -> Setup {
    setup.params.windows.job_ms_max = DurationMs::new(10_000_000);
    setup
}

/// Runs a job whose first worker cheats; the money of every node before and after, and the job.
fn run(working: Working) -> (Network, JobId, Vec<Amount>) {
    let mut network = Network::new(&two_workers(working));
    let job = network.request_drawn_to(0);
    let before = (0..5).map(|node| network.wealth(node)).collect();
    let outcome = network.finish(&job, 400);
    let honest = network.address(1);
    assert!(
        matches!(outcome, Outcome::Settled { worker, .. } if worker == honest),
        "the user is served by another worker: {outcome:?}"
    );
    (network, job, before)
}

fn wrong_result_costs_ten_prices(working: Working) {
    let (network, job, before) = run(working);
    let (price, cheat) = (network.job(&job).price, network.address(0));
    let penalty = price.checked_mul(10).unwrap();
    assert_eq!(network.slashes_of(&job), [(cheat, Fault::WrongResult, penalty)]);
    assert_eq!(before[0].checked_sub(network.wealth(0)), penalty.checked_sub(audit_pay(&network, &job)));
    assert!(
        !network.state().validators[&cheat].is_jailed(network.now),
        "libraries differ: a first verdict jails nobody"
    );
    // Half of it went to those who answered rightly, in equal parts; three of them neither worked nor cheated.
    let each = penalty.split(2).split(4);
    for auditor in 2..5 {
        assert!(network.wealth(auditor) >= before[auditor].checked_add(each).unwrap());
    }
    assert_eq!(burned_by_slashes(&network, &job), penalty.checked_sub(each.checked_mul(4).unwrap()).unwrap());
}

/// What node 0 earned as an auditor of the attempt that followed its own.
fn audit_pay(network: &Network, job: &JobId) -> Amount {
    network.job(job).audit_fee
}

fn burned_by_slashes(network: &Network, id: &JobId) -> Amount {
    let burned = network.events.iter().filter_map(|event| match event {
        Event::Slashed { job, burned, .. } if job == id => Some(burned.base_units()),
        _ => None,
    });
    Amount::from_base_units(burned.sum())
}

#[test]
fn garbage() {
    wrong_result_costs_ten_prices(Working::Garbage);
}

#[test]
fn other_seed() {
    wrong_result_costs_ten_prices(Working::OtherSeed);
}

#[test]
fn fewer_steps() {
    wrong_result_costs_ten_prices(Working::FewerSteps);
}

#[test]
fn one_wrong_step_is_caught_exactly_when_it_is_asked_about() {
    let mut network = Network::new(&Setup::worker(Behaviour::working(Working::WrongStep(7)), 3));
    let (mut caught, mut missed) = (0, 0);
    for seed in 0..12 {
        let job = network.request(0, seed);
        network.until(|network| claims(network, &job) == 3);
        let Stage::Committed(committed) = &network.job(&job).stage else { panic!("three claims stand") };
        let asked =
            committed.claims.values().any(|claim| claim.questions.iter().any(|boundary| boundary.t == 7));
        network.until(|network| attempt_is_over(network, &job));
        let wrong = network.slashes_of(&job).iter().any(|(_, fault, _)| *fault == Fault::WrongResult);
        assert_eq!(wrong, asked, "seed {seed}");
        if asked {
            caught += 1;
            break;
        }
        missed += 1;
    }
    assert!(caught == 1, "caught {caught} after {missed} that were not asked about");
}

fn claims(network: &Network, job: &JobId) -> usize {
    network
        .state()
        .jobs
        .get(job)
        .and_then(|job| job.committed())
        .map_or(0, |committed| committed.claims.len())
}

fn attempt_is_over(network: &Network, job: &JobId) -> bool {
    let job = network.job(job);
    job.is_ended() || job.attempt.get() > 1
}

#[test]
fn withheld_opening() {
    let (network, job, before) = run(Working::NeverOpens);
    let (price, cheat) = (network.job(&job).price, network.address(0));
    let lock = price.checked_mul(100).unwrap();
    assert_eq!(network.slashes_of(&job), [(cheat, Fault::Silence, lock)]);
    assert_eq!(before[0].checked_sub(network.wealth(0)), Some(lock), "the whole lock is gone");
    assert!(network.state().validators[&cheat].is_jailed(network.now));
    let each = lock.split(2).split(4);
    for auditor in 2..5 {
        assert!(network.wealth(auditor) >= before[auditor].checked_add(each).unwrap());
    }
}

#[test]
fn silence_costs_as_much_as_the_lie() {
    let loss = |working| {
        let (network, job, _) = run(working);
        network.slashes_of(&job)[0].2
    };
    let lie = loss(Working::Garbage);
    for silent in [Working::NeverOpens, Working::ContestsAndHides, Working::Mute] {
        assert!(loss(silent) >= lie, "{silent:?}");
    }
}

#[test]
fn pen_02_missed_deadlines_double() {
    let mut network = Network::new(&patient(Setup::worker(Behaviour::working(Working::MissesDeadline), 3)));
    let before = network.wealth(0);
    let money = network.state().balance(&network.user(0));
    let job = network.request(0, 1);
    let outcome = network.finish(&job, 200);
    assert_eq!(outcome, Outcome::Refunded(RefundReason::AttemptsFailed));
    let (price, worker) = (network.job(&job).price, network.address(0));
    let missed: Vec<_> = network
        .slashes_of(&job)
        .into_iter()
        .map(|(who, fault, amount)| {
            assert_eq!((who, fault), (worker, Fault::MissedDeadline));
            amount
        })
        .collect();
    let times = [10, 20, 40].map(|prices| price.checked_mul(prices).unwrap());
    assert_eq!(missed, times);
    let lost = Amount::from_base_units(missed.iter().map(|amount| amount.base_units()).sum());
    assert_eq!(before.checked_sub(network.wealth(0)), Some(lost));
    assert_eq!(
        burned_by_slashes(&network, &job),
        lost,
        "all of it is burned: nobody gains by making others miss"
    );
    let fees: u128 = network.receipts.values().map(|receipt| receipt.fee.base_units()).sum();
    assert_eq!(
        money.checked_sub(network.state().balance(&network.user(0))),
        Some(Amount::from_base_units(fees)),
        "the price went back whole"
    );
}

#[test]
fn pen_03_third_verdict_costs_the_whole_lock() {
    let mut network = Network::new(&patient(Setup::worker(Behaviour::working(Working::Garbage), 3)));
    let before = network.wealth(0);
    let job = network.request(0, 1);
    let outcome = network.finish(&job, 200);
    assert_eq!(outcome, Outcome::Refunded(RefundReason::AttemptsFailed));
    let (price, worker) = (network.job(&job).price, network.address(0));
    let prices = |count| (worker, Fault::WrongResult, price.checked_mul(count).unwrap());
    assert_eq!(network.slashes_of(&job), [prices(10), prices(10), prices(100)]);
    assert_eq!(before.checked_sub(network.wealth(0)), price.checked_mul(120));
    assert!(network.state().validators[&worker].is_jailed(network.now));
}

#[test]
fn pen_04_hidden_reveal_is_silence() {
    let (network, job, _) = run(Working::ContestsAndHides);
    let lock = network.job(&job).price.checked_mul(100).unwrap();
    assert_eq!(network.slashes_of(&job), [(network.address(0), Fault::Silence, lock)]);
}

#[test]
fn acc_03_worker_that_never_accepts_loses_nothing_but_its_turns() {
    let mut network = Network::new(&Setup::worker(Behaviour::working(Working::NeverAccepts), 3));
    let (before, money) = (network.wealth(0), network.state().balance(&network.user(0)));
    let job = network.request(0, 1);
    assert_eq!(network.finish(&job, 200), Outcome::Refunded(RefundReason::Expired));
    assert_eq!((network.slashes(), network.wealth(0)), (vec![], before));
    assert!(network.state().validators[&network.address(0)].paused, "three turns missed pause a worker");
    let fees: u128 = network.receipts.values().map(|receipt| receipt.fee.base_units()).sum();
    let paid = money.checked_sub(network.state().balance(&network.user(0))).unwrap();
    assert_eq!(paid.base_units(), fees);
}

#[test]
fn job_04_user_is_refunded_when_no_time_is_left_for_another_attempt() {
    // With the default windows a silent worker uses up the request's time.
    let mut network = Network::new(&Setup::worker(Behaviour::working(Working::NeverOpens), 3));
    let money = network.state().balance(&network.user(0));
    let job = network.request(0, 1);
    assert_eq!(network.finish(&job, 200), Outcome::Refunded(RefundReason::AttemptsFailed));
    let lock = network.job(&job).price.checked_mul(100).unwrap();
    assert_eq!(network.slashes(), [(network.address(0), Fault::Silence, lock)]);
    let fees: u128 = network.receipts.values().map(|receipt| receipt.fee.base_units()).sum();
    let paid = money.checked_sub(network.state().balance(&network.user(0))).unwrap();
    assert_eq!(paid.base_units(), fees);
}
