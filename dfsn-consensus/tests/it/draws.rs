//! Who gets a job, and what each auditor asks.

use std::collections::{BTreeMap, BTreeSet};

use dfsn_consensus::sortition::{audit_rate, draw_questions, draw_questions_of, is_selected};
use dfsn_consensus::state::{Outcome, Stage};
use dfsn_consensus::transition::{BlockContext, Execution};
use dfsn_types::{
    Address, Amount, BeaconProof, Boundary, BoundedVec, DurationMs, FileHash, GenerationParams,
    ImageCommitment, ImageResult, ImageSize, PixelHash, Ppm, ResultCommitment, SortitionParams, Strength,
    TraceRoot, TraceShape, VrfOutput, VrfSecretKey,
};

use crate::network::node::Keys;
use crate::network::setup::{pair, profile, seed};
use crate::network::{BUILDER, Behaviour, Network, Seat, Setup, Working, usual_params, usual_request};

fn outputs(count: usize) -> impl Iterator<Item = VrfOutput> {
    (0..count).map(|index| VrfSecretKey::from_seed(&seed(40, index)).evaluate(b"a job").unwrap())
}

fn shape(steps: u16, images: u8) -> TraceShape {
    let size = ImageSize::new(64, 64).unwrap();
    let params = GenerationParams::builder(pair().model, pair().profile, "x", size);
    TraceShape::of(&params.num_inference_steps(steps).num_images(images).build().unwrap())
}

#[test]
fn last_step_is_blind() {
    // The input of a question is the answer of the one before it: no auditor is served an answer to its own questions.
    let mut asked_last = 0;
    for output in outputs(400) {
        for steps in [1, 2, 3, 9, 10, 20, 150] {
            let questions = draw_questions(&output, shape(steps, 4), &BTreeSet::new()).boundaries;
            assert_eq!(questions[0], 0);
            assert!(questions.is_sorted_by(|a, b| a < b), "{questions:?}");
            let inputs: Vec<u16> = questions[1..].iter().map(|t| t - 1).filter(|t| *t > 0).collect();
            assert!(inputs.iter().all(|input| !questions.contains(input)), "{steps} steps: {questions:?}");
            let last = questions[questions.len() - 1];
            assert!(last == steps || last == steps + 1, "{questions:?}");
            if steps == 20 {
                asked_last += usize::from(last == steps);
                assert_eq!(questions.len(), 4);
            }
        }
    }
    assert!((60..140).contains(&asked_last), "the last step in a quarter of 400 draws: {asked_last}");
}

/// Rule AUD-12: the boundary at which an image fails is asked, none behind it, and no answer is another question's input.
#[test]
fn aud_12_failed_images_are_asked_where_they_fail() {
    let picture = ImageResult::Picture(ImageCommitment {
        file: FileHash::from_bytes([1; 32]),
        file_bytes: 1,
        pixels: PixelHash::from_bytes([2; 32]),
    });
    for failed in [0, 1, 2, 7, 19, 20, 21] {
        let images = BoundedVec::new(vec![picture, ImageResult::Failed { t: failed }]).unwrap();
        let commitment = ResultCommitment { images, trace_root: TraceRoot::from_bytes([0; 32]) };
        let mut steps = BTreeSet::new();
        for output in outputs(300) {
            let asked = draw_questions_of(&output, shape(20, 2), &commitment, &BTreeSet::new());
            if asked.image == 0 {
                assert_eq!(asked, draw_questions(&output, shape(20, 2), &BTreeSet::new()));
                continue;
            }
            assert_eq!((asked.boundaries[0], *asked.boundaries.last().unwrap()), (0, failed));
            assert!(asked.boundaries.is_sorted_by(|a, b| a < b), "{asked:?}");
            let inputs: Vec<Boundary> = asked.inputs().filter(|input| input.t > 0).collect();
            assert!(inputs.iter().all(|input| !asked.boundaries.contains(&input.t)), "{asked:?}");
            steps.extend(asked.boundaries);
        }
        let expected: BTreeSet<u16> = (0..=failed).filter(|t| *t == 0 || failed - t != 1).collect();
        assert_eq!(steps, expected, "failed at {failed}");
    }
}

#[test]
fn aud_05_every_step_and_image_is_asked_about() {
    let (mut steps, mut images) = (BTreeSet::new(), BTreeSet::new());
    for output in outputs(600) {
        let questions = draw_questions(&output, shape(20, 3), &BTreeSet::new());
        images.insert(questions.image);
        steps.extend(questions.boundaries);
    }
    assert_eq!(images, (0..3).collect());
    assert_eq!(steps, (0..=21).collect());
}

#[test]
fn aud_03_rate_falls_with_clean_jobs_to_its_floor() {
    let params = SortitionParams::default();
    let rate = |clean| audit_rate(&params, &profile(), clean).get();
    assert_eq!([rate(0), rate(19), rate(20)], [3_000_000; 3]);
    assert_eq!(rate(600), 1_000_000, "a tenth of 60/k at floor, ten times as often in a float profile");
    assert_eq!(rate(u32::MAX), 1_000_000);
    assert!((20..2_000).all(|clean| rate(clean + 1) <= rate(clean)));
}

#[test]
fn split_stake_same_penalty() {
    // A stake in one piece is chosen as often as the same stake in ten, and expects as many places.
    let (rate, whole) = (Ppm::new(500_000), Amount::from_dfsn(10_000));
    let (all, tenth) = (Amount::from_dfsn(100_000), whole.split(10));
    let chosen = |stake: Amount, draws: usize| {
        outputs(draws).filter(|output| is_selected(output, rate, stake, all)).count()
    };
    let (in_one, in_ten) = (chosen(whole, 2_000), chosen(tenth, 2_000) * 10);
    // 5 % of 2,000 is 100; ten times 0.5 % of 2,000 is 100.
    assert!((70..130).contains(&in_one), "{in_one}");
    assert!((20..190).contains(&in_ten), "{in_ten}");
    // And the penalty hangs on the price alone.
    let penalty = |stake: u64| {
        let mut setup = Setup::worker(Behaviour::working(Working::NeverOpens), 3);
        setup.seats[0].stake = Amount::from_dfsn(stake);
        let mut network = Network::new(&setup);
        let job = network.request(0, 1);
        network.until(|network| network.attempt_is_over(&job));
        network.slashes()[0].2
    };
    assert_eq!(penalty(1_000), penalty(5_000));
}

#[test]
fn drw_04_draws_are_weighted_by_free_stake() {
    let mut seats = vec![Seat::new(Behaviour::HONEST); 4];
    seats[0].stake = Amount::from_dfsn(6_000);
    for seat in &mut seats {
        seat.capacity = 255;
    }
    let mut setup = Setup::of(seats);
    setup.params.chain.pending_per_account_max = 4_096;
    setup.params.chain.draws_max = 4_096;
    let mut network = Network::new(&setup);
    for seed in 0..60 {
        network.request(0, seed);
    }
    for seed in 0..60 {
        network.request(1, seed);
    }
    let mut drawn: BTreeMap<Address, u32> = BTreeMap::new();
    network.until(|network| network.state().jobs.len() == 120 && network.state().queues.is_empty());
    for job in network.state().jobs.values() {
        *drawn.entry(job.worker().unwrap()).or_default() += 1;
    }
    let large = drawn[&network.address(0)];
    assert!((42..78).contains(&large), "half of the stake had {large} of 120 jobs");
    assert_eq!(drawn.len(), 4);
}

#[test]
fn draw_cannot_be_chosen_by_builder() {
    // What holds: the job is drawn two blocks after it was included, and a builder adds one output or none to each beacon.
    let mut network = Network::new(&Setup::of(vec![Seat::new(Behaviour::HONEST); 6]));
    let job = network.request(0, 1);
    network.seal(1_000).unwrap();
    let included = network.state().tip.height;
    assert!(
        matches!(network.job(&job).stage, Stage::Pending { draw_from, .. } if draw_from.get() == included.get() + 2)
    );
    let parent = network.state().clone();
    let empty = next(&parent, None);
    // The proof of a key for this beacon gives one output: proving again changes nothing.
    let alpha = dfsn_types::Domain::BeaconVrf.hash(&(
        parent.chain.genesis,
        parent.tip.beacon,
        parent.tip.height.next(),
    ));
    let proof = Keys::of(0).vrf().prove(alpha.as_bytes()).unwrap();
    let with_proof = next(&parent, Some(BeaconProof { validator: network.address(0), proof }));
    assert_ne!(empty.tip.beacon, with_proof.tip.beacon);
    // Nothing else in a block moves the beacon: not the time, not the recipient, not what is included.
    let context = BlockContext {
        timestamp: network.now.after(DurationMs::new(7_777)),
        fee_recipient: Address::from_bytes([9; 20]),
        beacon_proof: None,
    };
    assert_eq!(Execution::open(&parent, &context).unwrap().state().tip.beacon, empty.tip.beacon);
    network.seal(10_000).unwrap();
    assert!(network.job(&job).worker().is_none(), "the next block's builder alone draws nobody");
    network.seal(10_000).unwrap();
    assert!(network.job(&job).worker().is_some());
}

fn next(
    parent: &dfsn_consensus::state::ChainState,
    beacon_proof: Option<BeaconProof>,
) -> dfsn_consensus::state::ChainState {
    let timestamp = parent.tip.timestamp.after(DurationMs::new(1_000));
    let context = BlockContext { timestamp, fee_recipient: BUILDER, beacon_proof };
    Execution::open(parent, &context).unwrap().close().state
}

#[test]
fn unavailable_init_image_costs_worker_nothing() {
    // Nobody has the image: nobody accepts. The worker loses no stake and no turn, the user gets the price back, but for a fee.
    let mut network = Network::new(&Setup::worker(Behaviour::working(Working::NeverAccepts), 3));
    let before = network.wealth(0);
    for seed in 0..4 {
        let mut request = usual_request(seed);
        request.params = with_init_image(seed);
        request.expires_ms = DurationMs::new(200_000);
        let money = network.state().balance(&network.user(0));
        let fees = network.fees();
        let job = network.request_with(0, request);
        let outcome = network.finish(&job, 100);
        assert_eq!(outcome, Outcome::Refunded(dfsn_types::RefundReason::Expired));
        let paid = money.checked_sub(network.state().balance(&network.user(0)));
        let cancel_fee = network.state().params.economics.cancel_fee;
        let cost = network.fees().checked_sub(fees).unwrap().checked_add(cancel_fee);
        assert_eq!(paid, cost, "its place in the queue");
    }
    assert_eq!((network.slashes(), network.wealth(0)), (vec![], before));
    assert!(!network.state().validators.get(&network.address(0)).unwrap().paused);
}

#[test]
fn acc_03_turns_that_another_could_use_pause_a_worker() {
    let lazy =
        Seat { stake: Amount::from_dfsn(6_000), ..Seat::new(Behaviour::working(Working::NeverAccepts)) };
    let mut seats = vec![lazy, Seat::new(Behaviour::HONEST)];
    seats.extend(
        (0..3).map(|_| Seat { stake: Amount::from_dfsn(10_000), ..Seat::auditor(Behaviour::HONEST) }),
    );
    let mut network = Network::new(&Setup::of(seats));
    for seed in 0..12 {
        let job = network.request(0, seed);
        network.finish(&job, 300);
    }
    let paused: Vec<_> =
        network.state().validators.values().filter(|validator| validator.paused).map(|v| v.owner).collect();
    assert_eq!(paused, [network.address(0)]);
    assert_eq!(network.slashes(), []);
}

#[test]
fn acc_03_turn_at_a_private_init_image_does_not_count() {
    // Node 0 alone has the image. That it accepts does not show that the others could have.
    let private =
        Seat { stake: Amount::from_dfsn(6_000), ..Seat::new(Behaviour::working(Working::NeverAccepts)) };
    let mut seats = vec![Seat::new(Behaviour::HONEST), private];
    seats.extend(
        (0..3).map(|_| Seat { stake: Amount::from_dfsn(10_000), ..Seat::auditor(Behaviour::HONEST) }),
    );
    let mut network = Network::new(&Setup::of(seats));
    for seed in 0..12 {
        let mut request = usual_request(seed);
        request.params = with_init_image(seed);
        let job = network.request_with(0, request);
        network.finish(&job, 300);
    }
    assert!(network.events.iter().any(|event| matches!(event, dfsn_types::Event::JobPassedOver { .. })));
    assert!(network.state().validators.values().all(|validator| !validator.paused));
}

fn with_init_image(seed: u32) -> GenerationParams {
    let (size, image) = (ImageSize::new(64, 64).unwrap(), FileHash::from_bytes([0xab; 32]));
    let params = GenerationParams::builder(pair().model, pair().profile, "x", size).seed(seed);
    params.init_image(image, Strength::from_thousandths(500).unwrap()).build().unwrap()
}

#[test]
fn capacity_is_taken_at_the_draw() {
    let mut setup = Setup::worker(Behaviour::working(Working::NeverAccepts), 3);
    setup.seats[0].capacity = 1;
    let mut network = Network::new(&setup);
    for seed in 0..5 {
        network.request(0, seed);
    }
    network.ticks(3);
    let drawn = network.state().jobs.values().filter(|job| job.worker().is_some()).count();
    assert_eq!(drawn, 1, "a worker with room for one job is asked for one");
}

#[test]
fn request_that_is_about_to_expire_is_not_drawn() {
    let mut network = Network::new(&Setup::worker(Behaviour::HONEST, 3));
    let mut hasty = usual_request(1);
    (hasty.expires_ms, hasty.params) = (DurationMs::ZERO, usual_params(2));
    let job = network.request_with(0, hasty);
    let outcome = network.finish(&job, 30);
    assert_eq!(outcome, Outcome::Refunded(dfsn_types::RefundReason::Expired));
    assert!(!network.events.iter().any(|event| matches!(event, dfsn_types::Event::JobDrawn { .. })));
}
