//! Workers that cheat: who pays how much to whom, and how the user is served all the same.

use dfsn_consensus::state::{Outcome, Stage};
use dfsn_types::{Amount, DurationMs, Fault, JobId, RefundReason};

use crate::network::{Behaviour, Network, Seat, Setup, Working, usual_request};

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
        !network.state().validators.get(&cheat).unwrap().is_jailed(),
        "libraries differ: a first verdict jails nobody"
    );
    // Half of it went to those who answered rightly, in equal parts; three of them neither worked nor cheated.
    let each = penalty.split(2).split(4);
    for (auditor, before) in before.iter().enumerate().skip(2) {
        assert!(network.wealth(auditor) >= before.checked_add(each).unwrap());
    }
    assert_eq!(network.burned_by_slashes(&job), penalty.checked_sub(each.checked_mul(4).unwrap()).unwrap());
}

/// What node 0 earned as an auditor of the attempt that followed its own.
fn audit_pay(network: &Network, job: &JobId) -> Amount {
    let paid = network.events.iter().find_map(|event| match event {
        dfsn_types::Event::JobSettled { job: settled, auditors_paid, .. } if settled == job => {
            Some(*auditors_paid)
        }
        _ => None,
    });
    paid.expect("the job settled").split(4)
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
fn other_model() {
    wrong_result_costs_ten_prices(Working::OtherModel);
}

#[test]
fn lower_precision() {
    wrong_result_costs_ten_prices(Working::LowerPrecision);
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
        network.until(|network| network.attempt_is_over(&job));
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

#[test]
fn withheld_opening() {
    let (network, job, before) = run(Working::NeverOpens);
    let (price, cheat) = (network.job(&job).price, network.address(0));
    let lock = price.checked_mul(100).unwrap();
    assert_eq!(network.slashes_of(&job), [(cheat, Fault::Silence, lock)]);
    assert_eq!(before[0].checked_sub(network.wealth(0)), Some(lock), "the whole lock is gone");
    assert!(network.state().validators.get(&cheat).unwrap().is_jailed());
    let each = lock.split(2).split(4);
    for (auditor, before) in before.iter().enumerate().skip(2) {
        assert!(network.wealth(auditor) >= before.checked_add(each).unwrap());
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

/// One job after the other, each failed by the only worker there is, until each is refunded; what each cost the worker.
fn three_failures(working: Working) -> (Network, Vec<JobId>) {
    let mut network = Network::new(&Setup::worker(Behaviour::working(working), 3));
    let (before, money) = (network.wealth(0), network.state().balance(&network.user(0)));
    let mut jobs = Vec::new();
    for seed in 0..3 {
        let mut request = usual_request(seed);
        request.expires_ms = DurationMs::new(60_000);
        jobs.push(network.request_with(0, request));
        let outcome = network.finish(&jobs[jobs.len() - 1], 200);
        assert_eq!(outcome, Outcome::Refunded(RefundReason::AttemptsFailed));
    }
    let lost = network.slashes().iter().map(|(_, _, amount)| amount.base_units()).sum();
    assert_eq!(before.checked_sub(network.wealth(0)), Some(Amount::from_base_units(lost)));
    let paid = money.checked_sub(network.state().balance(&network.user(0)));
    assert_eq!(paid, Some(network.fees()), "the price went back whole each time");
    (network, jobs)
}

#[test]
fn pen_02_missed_deadlines_double() {
    let (network, jobs) = three_failures(Working::MissesDeadline);
    let (price, worker) = (network.job(&jobs[0]).price, network.address(0));
    let expected =
        [10, 20, 40].map(|prices| (worker, Fault::MissedDeadline, price.checked_mul(prices).unwrap()));
    assert_eq!(network.slashes(), expected);
    let lost = price.checked_mul(70).unwrap();
    let burned = jobs.iter().map(|job| network.burned_by_slashes(job).base_units()).sum();
    assert_eq!(
        Amount::from_base_units(burned),
        lost,
        "all of it is burned: nobody gains by making others miss"
    );
}

#[test]
fn pen_03_third_verdict_costs_the_whole_lock() {
    let (network, jobs) = three_failures(Working::Garbage);
    let (price, worker) = (network.job(&jobs[0]).price, network.address(0));
    let expected =
        [10, 10, 100].map(|prices| (worker, Fault::WrongResult, price.checked_mul(prices).unwrap()));
    assert_eq!(network.slashes(), expected);
    assert!(network.state().validators.get(&worker).unwrap().is_jailed());
}

#[test]
fn drw_06_worker_that_failed_is_not_drawn_again_for_the_same_job() {
    let mut network = Network::new(&patient(Setup::worker(Behaviour::working(Working::Garbage), 3)));
    let job = network.request(0, 1);
    network.until(|network| network.attempt_is_over(&job));
    network.ticks(20);
    assert_eq!(network.job(&job).worker(), None);
    assert_eq!(network.slashes().len(), 1);
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
    assert!(
        !network.state().validators.get(&network.address(0)).unwrap().paused,
        "nobody showed that the job could be done"
    );
    let cost = network.fees().checked_add(network.state().params.economics.cancel_fee);
    let paid = money.checked_sub(network.state().balance(&network.user(0)));
    assert_eq!(paid, cost, "a place in the queue costs the fee of taking a request back (CAN-02)");
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
    let fees = network.fees().base_units();
    let paid = money.checked_sub(network.state().balance(&network.user(0))).unwrap();
    assert_eq!(paid.base_units(), fees);
}
