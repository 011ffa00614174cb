//! States that a worker does not serve: demanded, posted, or withheld for good.

use dfsn_consensus::state::{DemandTime, JuryStage, Outcome, Phase, input};
use dfsn_consensus::{DutyError, Rule};
use dfsn_types::{
    Amount, Attempt, Boundary, BoundedVec, Duty, DutyKind, Event, Fault, GenerationParams, Hash, ImageSize,
    JobId, PostedChunk, STATE_CHUNK_BYTES, Slice, StateContext, TraceShape, TraceTree, codec,
};

use crate::network::setup::pair;
use crate::network::{Answering, Behaviour, FIRST_AUDIT, Network, Seat, Setup, Working};

/// A worker of this behaviour and three honest auditors, who claim in the block after the commitment.
fn network(working: Working) -> Network {
    Network::new(&Setup::worker(Behaviour::working(working), 3))
}

/// A job whose auditors wait for states that they do not get, and when they may demand them.
fn waiting(network: &mut Network) -> (JobId, DemandTime) {
    let job = network.request(0, 1);
    network.until(|network| matches!(network.phase(&job), Some(Phase::Answering(_))));
    let Some(Phase::Answering(time)) = network.phase(&job) else { panic!("auditors answer") };
    (job, *time)
}

/// A question of an auditor that starts from a state, and that state.
fn question(network: &Network, job: &JobId, node: usize) -> (u8, Boundary) {
    let claim = &network.job(job).committed().unwrap().claims[&network.address(node)];
    let mut asked = (0u8..).zip(claim.questions.iter());
    asked.find_map(|(question, boundary)| Some((question, input(boundary)?))).unwrap()
}

fn demand(network: &Network, job: &JobId, node: usize, question: u8) -> dfsn_types::SignedDuty {
    network.signed_duty(node, job, DutyKind::DemandData { seat: FIRST_AUDIT, question })
}

fn wait_until_due(network: &mut Network, time: DemandTime) {
    while network.state().tip.clock < time.from {
        network.seal(1_000).unwrap();
    }
}

#[test]
fn dat_04_posted_states_are_answered_and_the_deposits_are_the_workers() {
    let mut network = network(Working::Withholds);
    let (worker, auditor) = (network.wealth(0), network.wealth(1));
    let job = network.request(0, 1);
    let outcome = network.finish(&job, 200);
    assert!(matches!(outcome, Outcome::Settled { .. }), "{outcome:?}");
    assert_eq!(network.slashes(), [], "nobody is at fault");
    let posted =
        network.events.iter().filter(|event| matches!(event, Event::DataPosted { complete: true, .. }));
    let demanded = network.events.iter().filter(|event| matches!(event, Event::DataDemanded { .. }));
    assert!(posted.count() > 3 && demanded.count() > 3);
    let (price, fee) = (network.job(&job).price, network.job(&job).audit_fee);
    let part = dfsn_types::BasisPoints::new(9_000).unwrap().of(price);
    let earned = network.wealth(0).checked_sub(worker).unwrap();
    assert!(earned > part.checked_sub(fee.checked_mul(3).unwrap()).unwrap(), "its part, and deposits");
    assert!(network.wealth(1) < auditor.checked_add(fee).unwrap(), "its fee, less its deposits");
    assert_eq!(network.state().queued_chunks, 0);
}

#[test]
fn pen_04_states_that_are_never_posted_are_silence() {
    let mut network = network(Working::WithholdsAll);
    let before: Vec<Amount> = (1..4).map(|node| network.wealth(node)).collect();
    let job = network.request(0, 1);
    network.until(|network| network.attempt_is_over(&job));
    let lock = network.job(&job).price.checked_mul(100).unwrap();
    assert_eq!(network.slashes(), [(network.address(0), Fault::Silence, lock)]);
    assert!(network.state().validators.get(&network.address(0)).unwrap().jailed_until.is_some());
    let after: Vec<Amount> = (1..4).map(|node| network.wealth(node)).collect();
    assert_eq!(after, before, "claims and deposits go back, and nobody could answer");
    assert_eq!(network.state().queued_chunks, 0);
}

#[test]
fn pen_04_states_withheld_from_jurors_are_silence() {
    let lazy = Behaviour::auditing(Answering::Random);
    let mut seats = vec![Seat::new(Behaviour::working(Working::WithholdsAll)), Seat::auditor(lazy)];
    let juror = Behaviour { auditing: Answering::Absent, ..Behaviour::HONEST };
    seats.extend((0..3).map(|_| Seat::auditor(juror)));
    let mut network = Network::new(&Setup::of(seats));
    let job = network.request(0, 1);
    network.until(|network| network.phase(&job) == Some(&Phase::Opening));
    // The random answer to a step, not to the initial state, which needs no input.
    let auditor = network.address(1);
    let contest = DutyKind::Contest {
        answer: crate::network::answer_of(auditor, 1),
        inputs: dfsn_types::BoundedVec::empty(),
    };
    network.duty(0, &job, contest);
    let is_judged = |network: &Network| match network.phase(&job) {
        Some(Phase::Judging(judgement)) => matches!(judgement.stage, JuryStage::Answering(_)),
        _ => false,
    };
    network.until(is_judged);
    network.until(|network| network.attempt_is_over(&job));
    let faults: Vec<_> = network.slashes().into_iter().map(|(who, fault, _)| (who, fault)).collect();
    assert_eq!(faults, [(network.address(0), Fault::Silence)], "jurors without inputs pay nothing");
}

#[test]
fn dat_01_initial_state_is_not_demanded() {
    let mut network = network(Working::WithholdsAll);
    let (job, time) = waiting(&mut network);
    wait_until_due(&mut network, time);
    let error = network.try_duty(&demand(&network, &job, 1, 0)).unwrap_err();
    assert_eq!(error, DutyError::NoInput(Boundary { image: 0, t: 0 }));
}

#[test]
fn dat_02_demands_have_their_time_and_come_once() {
    let mut network = network(Working::WithholdsAll);
    let (job, time) = waiting(&mut network);
    let (number, _) = question(&network, &job, 1);
    let early = network.try_duty(&demand(&network, &job, 1, number)).unwrap_err();
    assert!(matches!(early, DutyError::DemandTime { .. }) && early.rule().as_str() == "DAT-02");
    wait_until_due(&mut network, time);
    network.duty(1, &job, DutyKind::DemandData { seat: FIRST_AUDIT, question: number });
    let again = network.try_duty(&demand(&network, &job, 1, number)).unwrap_err();
    assert!(matches!(again, DutyError::DemandedBefore(_)));
    // The demand gave the worker time to post; no further demand can add to it for ever.
    let window = network.job(&job).committed().unwrap().window;
    assert!(window.closes_at > time.until);
    while network.state().tip.clock <= time.until {
        network.seal(10_000).unwrap();
    }
    let late = network.try_duty(&demand(&network, &job, 2, question(&network, &job, 2).0)).unwrap_err();
    assert!(matches!(late, DutyError::DemandTime { .. }));
}

#[test]
fn dat_02_only_who_owes_an_answer_demands() {
    let mut network = network(Working::WithholdsAll);
    let (job, time) = waiting(&mut network);
    wait_until_due(&mut network, time);
    let not_awaited = |node: usize, seat, question| {
        let duty = network.signed_duty(node, &job, DutyKind::DemandData { seat, question });
        matches!(network.try_duty(&duty), Err(DutyError::NotAwaited { .. }))
    };
    assert!(not_awaited(0, FIRST_AUDIT, 1), "the worker");
    assert!(not_awaited(1, FIRST_AUDIT, 9), "no such question");
    assert!(not_awaited(1, dfsn_types::Seat::Auditor { round: 2 }, 1), "another audit");
    let answer = crate::network::answer_of(network.address(2), 1);
    assert!(not_awaited(1, dfsn_types::Seat::Juror(answer), 0), "no jury");
}

#[test]
fn dat_03_deposit_is_twice_the_price_of_the_bytes() {
    let mut network = network(Working::WithholdsAll);
    let (job, time) = waiting(&mut network);
    wait_until_due(&mut network, time);
    let (number, boundary) = question(&network, &job, 1);
    let (address, base_fee) = (network.address(1), network.state().tip.base_fee_per_gas);
    let before = network.state().validators.get(&address).unwrap().free.amount();
    let duty = demand(&network, &job, 1, number);
    let mut block = network.open_block();
    block.apply_duty(&duty).unwrap();
    // 64x64 pixels are 8x8 latents of 4 channels, 4 bytes each; 16 gas a byte.
    let deposit = base_fee.checked_mul(8 * 8 * 4 * 4 * 16 * 2).unwrap();
    assert_eq!(
        before.checked_sub(block.state().validators.get(&address).unwrap().free.amount()),
        Some(deposit)
    );
    let demands = &block.state().jobs.get(&job).unwrap().committed().unwrap().demands;
    assert_eq!(demands[&boundary].deposit.amount(), deposit);
    // Somebody whose stake lies in locks cannot pay it.
    let mut state = network.state().clone();
    let validator = state.validators.get_mut(&address).unwrap();
    let free = validator.free.take_all();
    validator.locked = validator.locked.checked_add(free.amount()).unwrap();
    let context = dfsn_consensus::transition::BlockContext {
        timestamp: network.now,
        fee_recipient: crate::network::BUILDER,
        beacon_proof: None,
    };
    let mut block = dfsn_consensus::transition::Execution::open(&state, &context).unwrap();
    assert_eq!(block.apply_duty(&duty), Err(DutyError::DemandDeposit(address)));
}

/// A demanded state, the honest piece of it, and the network.
fn demanded() -> (Network, JobId, PostedChunk) {
    let mut network = network(Working::WithholdsAll);
    let (job, time) = waiting(&mut network);
    wait_until_due(&mut network, time);
    let (number, boundary) = question(&network, &job, 1);
    network.duty(1, &job, DutyKind::DemandData { seat: FIRST_AUDIT, question: number });
    let piece = network.served[&(job, Attempt::FIRST)].piece(boundary);
    (network, job, piece)
}

fn post(network: &Network, node: usize, job: &JobId, piece: &PostedChunk) -> Result<(), DutyError> {
    let duty = network.signed_duty(node, job, DutyKind::PostData(Box::new(piece.clone())));
    network.open_block().apply_data(&duty)
}

#[test]
fn dat_04_only_pieces_of_the_committed_state_are_taken() {
    let (network, job, piece) = demanded();
    assert_eq!(post(&network, 0, &job, &piece), Ok(()));
    assert!(matches!(post(&network, 1, &job, &piece), Err(DutyError::NotAwaited { .. })), "not the worker");
    let other = Boundary { t: piece.boundary.t + 1, ..piece.boundary };
    let undemanded = network.served[&(job, Attempt::FIRST)].piece(other);
    assert_eq!(post(&network, 0, &job, &undemanded), Err(DutyError::NotDemanded(other)));
    let mut bytes = piece.slice.bytes.to_vec();
    bytes[7] ^= 1;
    let changed = |edit: &dyn Fn(&mut PostedChunk)| {
        let mut piece = piece.clone();
        edit(&mut piece);
        matches!(post(&network, 0, &job, &piece), Err(DutyError::Posted(_)))
    };
    assert!(changed(&|piece| piece.slice.bytes = BoundedVec::new(bytes.clone()).unwrap()), "other bytes");
    assert!(changed(&|piece| piece.state_bytes = 31), "another length");
    assert!(changed(&|piece| piece.state_bytes = 1 << 17), "more pieces than the state has");
    assert!(changed(&|piece| piece.index = 1), "no such piece");
    assert!(changed(&|piece| piece.salt = dfsn_types::Salt::from_bytes([1; 32])), "another leaf");
    assert!(changed(&|piece| piece.path = BoundedVec::empty()), "no path");
    assert!(
        changed(&|piece| {
            piece.state_hash = Hash::from_bytes(*blake3::hash(&bytes).as_bytes());
            piece.slice = Slice::of(&bytes, std::iter::once(0..32)).unwrap();
        }),
        "another state altogether"
    );
}

#[test]
fn dat_04_a_piece_is_taken_once() {
    let (mut network, job, piece) = demanded();
    let duty = network.signed_duty(0, &job, DutyKind::PostData(Box::new(piece.clone())));
    network.engine.vm_mut().submit_duty(duty).unwrap();
    network.seal(1_000).unwrap();
    assert!(network.job(&job).committed().unwrap().demands[&piece.boundary].complete);
    assert!(matches!(post(&network, 0, &job, &piece), Err(DutyError::NotAwaited { .. })));
}

#[test]
fn blk_11_each_duty_in_its_lane() {
    let (network, job, piece) = demanded();
    let data = network.signed_duty(0, &job, DutyKind::PostData(Box::new(piece)));
    assert_eq!(network.open_block().apply_duty(&data), Err(DutyError::WrongLane("data")));
    let duty = demand(&network, &job, 2, 1);
    assert_eq!(network.open_block().apply_data(&duty), Err(DutyError::WrongLane("duty")));
}

#[test]
fn mem_08_pieces_that_nobody_demanded_do_not_wait() {
    let (mut network, job, piece) = demanded();
    let other = Boundary { t: piece.boundary.t + 1, ..piece.boundary };
    let undemanded = network.served[&(job, Attempt::FIRST)].piece(other);
    let duty = network.signed_duty(0, &job, DutyKind::PostData(Box::new(undemanded)));
    assert!(network.engine.vm_mut().submit_duty(duty).is_err());
}

#[test]
fn largest_input_fits_data_lane() {
    // A state of 1 MiB in the deepest trace: four pieces a block, four blocks.
    let size = ImageSize::new(64, 64).unwrap();
    let params = GenerationParams::builder(pair().model, pair().profile, "a red fox", size);
    let params = params.num_inference_steps(150).num_images(4).build().unwrap();
    let shape = TraceShape::of(&params);
    let network = network(Working::Honest);
    let lane = usize::try_from(network.state().params.chain.data_lane_bytes).unwrap();
    let context = StateContext {
        genesis: network.state().chain.genesis,
        job: JobId::from_bytes([1; 32]),
        attempt: Attempt::FIRST,
        worker: network.address(0),
        boundary: Boundary { image: 3, t: 150 },
    };
    let state: Vec<u8> = (0..16 * STATE_CHUNK_BYTES).map(|index| (index % 251) as u8).collect();
    let leaf = dfsn_types::TraceLeaf { digest: context.digest(&state), salt: context.salt(&[1; 32]) };
    let tree = TraceTree::new(shape, vec![leaf; shape.leaves()]).unwrap();
    let opening = tree.open(context.boundary).unwrap();
    let piece = |index: usize| {
        let chunk = PostedChunk::new(&state, u8::try_from(index).unwrap(), &opening).unwrap();
        chunk.verify(&context, shape, &tree.root()).unwrap();
        let (validator, job, attempt) = (network.address(0), context.job, Attempt::FIRST);
        let kind = DutyKind::PostData(Box::new(chunk));
        let duty = Duty { validator, job, attempt, kind };
        codec::encode(&duty.sign(&network.state().chain, &network.nodes[0].keys.duty)).len()
    };
    let bytes: usize = (0..4).map(piece).sum();
    assert!(bytes <= lane, "{bytes} of {lane}");
    assert_eq!(state.len(), 16 * STATE_CHUNK_BYTES as usize);
}
