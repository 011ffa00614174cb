//! A whole network from one seed: several full nodes, honest and other validators, users, and a wire that fails.
//!
//! Honest duties are sent again until they stand in a block, as a node has to. So an honest validator is never punished, however
//! many messages are lost; that, the books and equal roots are checked after every block.

mod dice;
mod peer;
mod people;
mod tally;
mod wire;

use std::collections::BTreeSet;

use dfsn_consensus::state::ChainState;
use dfsn_consensus::vm::{Accepted, Vm};
use dfsn_types::{
    Address, AnswerDigest, Block, BlockHash, BoundedVec, ConsensusParams, DurationMs, DutyKind, SignedDuty,
    Timestamp, TransactionKind, codec,
};

use crate::disk::Cut;
use crate::network::behaviour::{Answering, Behaviour, Working};
use crate::network::node::{Keys, Node, Served};
use crate::network::setup::{START, Seat, Setup, user_key};
use crate::network::{FIRST_AUDIT, answer_of, books};
use dice::Dice;
use peer::Peer;
use people::Person;
pub(crate) use tally::Tally;
use wire::{Message, Wire};

/// Full nodes.
const PEERS: usize = 4;
const USERS: usize = 4;
/// How far a full node's clock is off, at most.
const SKEW_MS: u64 = 10_000;
/// Rounds without a new request after which every job must be over.
const DRAIN_ROUNDS: u64 = 3_000;

#[derive(Debug)]
pub(crate) struct World {
    dice: Dice,
    now: Timestamp,
    peers: Vec<Peer>,
    nodes: Vec<Node>,
    /// Duties under way, by validator.
    duties: Vec<Vec<SignedDuty>>,
    /// Users, then the owners of the validators.
    people: Vec<Person>,
    served: Served,
    wire: Wire,
    honest: BTreeSet<Address>,
    pub(crate) tally: Tally,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let behaviours = behaviours(&mut dice);
        let mut setup = Setup::of(behaviours.iter().copied().map(Seat::new).collect());
        setup.users = USERS;
        setup.params = params();
        let genesis = setup.state();
        let mut skew = || i64::try_from(dice.below(2 * SKEW_MS + 1)).unwrap() - SKEW_MS.cast_signed();
        let peers = (0..PEERS).map(|index| Peer::new(index, genesis.clone(), skew())).collect();
        let nodes: Vec<_> =
            (0..).zip(&behaviours).map(|(index, behaviour)| Node::new(Keys::of(index), *behaviour)).collect();
        let is_honest = |node: &&Node| node.behaviour == Behaviour::HONEST;
        let honest = nodes.iter().filter(is_honest).map(Node::address).collect();
        let owners = (0..nodes.len()).map(|index| Keys::of(index).owner);
        Self {
            dice,
            now: START.after(DurationMs::new(SKEW_MS)),
            peers,
            duties: vec![Vec::new(); nodes.len()],
            nodes,
            people: (0..USERS).map(user_key).chain(owners).map(Person::new).collect(),
            served: Served::new(),
            wire: Wire::default(),
            honest,
            tally: Tally::default(),
        }
    }

    /// Goes on until so many blocks stand, then until every job is over.
    pub(crate) fn run(&mut self, blocks: u64) {
        while self.tally.blocks < blocks {
            self.round(true);
        }
        let until = self.tally.rounds + DRAIN_ROUNDS;
        while self.state().has_open_jobs() {
            assert!(self.tally.rounds < until, "jobs stay open: {:?}", self.state().windows);
            self.round(false);
        }
        (self.tally.lost, self.tally.doubled) = (self.wire.lost, self.wire.doubled);
    }

    /// The last accepted state of the one node that is never down for long.
    pub(crate) fn state(&self) -> &ChainState {
        self.peers[0].vm.state()
    }

    fn round(&mut self, asks: bool) {
        self.tally.rounds += 1;
        self.pass_time();
        self.break_nodes();
        self.do_duties();
        self.live(asks);
        self.send();
        for (to, message) in self.wire.arrivals(&mut self.dice, self.tally.rounds) {
            if !self.peers[to].is_down(self.tally.rounds) {
                self.peers[to].take(&message);
            }
        }
        self.order_blocks();
    }

    fn pass_time(&mut self) {
        let halt = self.dice.below(400) == 0;
        self.tally.halts += u64::from(halt);
        let ms = if halt { 60_000 + self.dice.below(3_600_000) } else { 1_000 + self.dice.below(12_000) };
        self.now = self.now.after(DurationMs::new(ms));
    }

    /// Nodes crash, some for a while, and come back from their last accepted state.
    fn break_nodes(&mut self) {
        let round = self.tally.rounds;
        for (index, peer) in self.peers.iter_mut().enumerate() {
            if peer.down_until == round {
                peer.restart();
                peer.catch_up();
            }
            if peer.is_down(round) {
                continue;
            }
            if self.dice.below(150) == 0 {
                self.tally.restarts += 1;
                peer.restart();
            }
            if index > 0 && self.dice.below(200) == 0 {
                self.tally.outages += 1;
                peer.down_until = round + 1 + self.dice.below(5);
            }
        }
        for node in &mut self.nodes {
            if self.dice.below(300) == 0 {
                self.tally.restarts += 1;
                node.restart();
            }
        }
    }

    /// Every validator acts on what its full node shows it.
    fn do_duties(&mut self) {
        for (index, node) in self.nodes.iter_mut().enumerate() {
            let home = &self.peers[index % PEERS];
            if home.is_down(self.tally.rounds) {
                continue;
            }
            let state = home.vm.state();
            self.duties[index].extend(node.duties(state, &mut self.served));
            if node.behaviour != Behaviour::HONEST && self.dice.percent(3) {
                self.duties[index].extend(mischief(&mut self.dice, node, state));
            }
        }
    }

    fn live(&mut self, asks: bool) {
        let state = self.peers[0].vm.state();
        for (index, person) in self.people.iter_mut().enumerate() {
            if index < USERS {
                person.use_network(&mut self.dice, state, asks);
            } else if self.dice.percent(2) && person.has_time() {
                let address = self.nodes[index - USERS].address();
                let jailed = state.validators.get(&address).and_then(|validator| validator.jailed_until);
                if jailed.is_some_and(|until| until <= state.tip.timestamp) {
                    person.send(state, TransactionKind::Unjail);
                }
            }
        }
    }

    /// Whatever stands in no block yet is sent, again and again.
    fn send(&mut self) {
        let round = self.tally.rounds;
        let duties = self.duties.iter().flatten().map(|duty| Message::Duty(duty.clone()));
        let transactions = self.people.iter().flat_map(|person| &person.under_way);
        let transactions = transactions.map(|transaction| Message::Transaction(transaction.clone()));
        for message in duties.chain(transactions) {
            if self.dice.percent(50) {
                self.wire.send(&mut self.dice, round, PEERS, &message);
            }
        }
        if self.dice.percent(50) {
            self.wire.replay(&mut self.dice, round, PEERS);
        }
    }

    /// Somebody builds; sometimes several do, on the same parent and on each other. One branch is accepted.
    fn order_blocks(&mut self) {
        let tip = self.state().tip.hash;
        let mut tree: Vec<(BlockHash, BlockHash, Block)> = Vec::new();
        let builds = if self.dice.percent(15) { 2 + self.dice.below(3) } else { 1 };
        for _ in 0..builds {
            let builder = self.dice.place(PEERS);
            if self.peers[builder].is_down(self.tally.rounds) {
                continue;
            }
            let parents: Vec<_> = core::iter::once(tip).chain(tree.iter().map(|(hash, ..)| *hash)).collect();
            let parent = self.dice.pick(&parents);
            let peer = &mut self.peers[builder];
            peer.vm.set_preference(&parent).unwrap();
            if let Some(block) = peer.vm.build(peer.clock(self.now)).unwrap() {
                if tree.iter().any(|(hash, ..)| *hash == block.hash()) {
                    continue;
                }
                self.show(&block);
                tree.push((block.hash(), parent, block));
            }
        }
        if tree.is_empty() {
            return;
        }
        let mut branch = Vec::new();
        let mut at = tree[self.dice.place(tree.len())].0;
        while at != tip {
            let (_, parent, block) = tree.iter().find(|(hash, ..)| *hash == at).unwrap();
            branch.push(block.clone());
            at = *parent;
        }
        for block in branch.iter().rev() {
            self.accept(block);
        }
        let accepted: BTreeSet<_> = branch.iter().map(Block::hash).collect();
        for (hash, ..) in tree.iter().filter(|(hash, ..)| !accepted.contains(hash)) {
            self.tally.rejected += 1;
            for peer in &mut self.peers {
                peer.vm.reject(hash);
            }
        }
    }

    /// Every node that is up judges a block, once its own clock allows.
    fn show(&mut self, block: &Block) {
        let bytes = codec::encode(block);
        for index in 0..PEERS {
            while !self.peers[index].is_down(self.tally.rounds) && !self.peers[index].verify(&bytes, self.now)
            {
                self.tally.not_yet += 1;
                self.now = self.now.after(DurationMs::new(1_000));
            }
        }
    }

    fn accept(&mut self, block: &Block) {
        let round = self.tally.rounds;
        let mut first: Option<Accepted> = None;
        for peer in &mut self.peers {
            if peer.is_down(round) {
                peer.miss(block.clone());
                continue;
            }
            if first.is_some() && self.dice.below(150) == 0 {
                self.tally.cuts += 1;
                peer.crash_in_accept(block, self.dice.pick(&[Cut::Before, Cut::After]));
                assert_eq!(peer.vm.state().root(), block.header().state_root, "one root on all nodes");
                continue;
            }
            let accepted = peer.accept(block);
            assert_eq!(peer.vm.state().root(), block.header().state_root, "one root on all nodes");
            match &first {
                Some(first) => assert_eq!(first.receipts, accepted.receipts, "one outcome on all nodes"),
                None => first = Some(accepted),
            }
        }
        let state = self.peers[0].vm.state();
        books::check(state);
        self.tally.blocks += 1;
        self.tally.note(&first.unwrap().receipts.events, state, &self.honest);
        self.tally.check_lives(state, longest_life_ms(&state.params, self.nodes.len() as u64));
        if self.tally.blocks.is_multiple_of(64) {
            let up = self.peers.iter().filter(|peer| !peer.is_down(round));
            up.for_each(|peer| assert_eq!(peer.vm.state(), state, "one state on all nodes"));
        }
        self.forget(block);
    }

    /// What stands in a block, or can no longer, is not sent again.
    fn forget(&mut self, block: &Block) {
        let body = block.body();
        let state = self.peers[0].vm.state();
        for duty in body.duties.iter().chain(body.data.iter()) {
            *self.tally.kinds.entry(duty.duty().kind.name()).or_default() += 1;
        }
        for duties in &mut self.duties {
            duties.retain(|duty| {
                let taken = body.duties.iter().chain(body.data.iter()).any(|other| other == duty);
                let (job, attempt) = (duty.duty().job, duty.duty().attempt);
                !taken && state.open_job(&job).is_some_and(|job| job.attempt == attempt)
            });
        }
        for person in &mut self.people {
            person
                .under_way
                .retain(|transaction| !body.transactions.iter().any(|other| other == transaction));
        }
        self.served.retain(|(job, _), _| state.open_job(job).is_some());
    }
}

/// Two thirds of the validators are honest; the others cheat in one part or another.
fn behaviours(dice: &mut Dice) -> Vec<Behaviour> {
    const WORKING: &[Working] = &[
        Working::Garbage,
        Working::OtherSeed,
        Working::OtherModel,
        Working::LowerPrecision,
        Working::FewerSteps,
        Working::WrongStep(1),
        Working::NeverAccepts,
        Working::MissesDeadline,
        Working::NeverOpens,
        Working::Mute,
        Working::ContestsAndHides,
        Working::Withholds,
        Working::Malformed,
        Working::WithholdsAll,
        Working::ContestsBaselessly,
    ];
    const ANSWERING: &[Answering] = &[
        Answering::Honest,
        Answering::Absent,
        Answering::Random,
        Answering::Copies,
        Answering::Silent,
        Answering::Friend,
    ];
    let others = 4 + dice.place(2);
    let mut behaviours = vec![Behaviour::HONEST; 2 * others + dice.place(3)];
    for _ in 0..others {
        behaviours.push(Behaviour {
            working: if dice.percent(20) { Working::Honest } else { dice.pick(WORKING) },
            auditing: dice.pick(ANSWERING),
            judging: dice.pick(ANSWERING),
            hides_reveal: dice.percent(20),
            stores: dice.percent(50),
        });
    }
    behaviours
}

/// The defaults, with shorter long windows so that a thousand blocks see what they lead to.
fn params() -> ConsensusParams {
    let mut params = ConsensusParams::default();
    let windows = &mut params.windows;
    let minutes = |minutes: u64| DurationMs::new(minutes * 60_000);
    (windows.open_ms, windows.juror_ms, windows.data_ms) = (minutes(4), minutes(4), minutes(4));
    (windows.challenge_ms, windows.hold_ms, windows.jail_ms) = (minutes(5), minutes(30), minutes(20));
    (windows.job_record_ms, windows.unbonding_ms) = (minutes(30), minutes(60));
    params
}

/// No job is open for longer, on the chain clock: the last attempt begins within `job_ms_max`, has a first audit, one for a leak
/// and one that the requester asks for, in each of which every answer may be contested, and then waits for delivery.
fn longest_life_ms(params: &ConsensusParams, validators: u64) -> u64 {
    let windows = &params.windows;
    let sum = |list: &[DurationMs]| list.iter().map(|window| window.get()).sum::<u64>();
    let jury =
        sum(&[windows.claim_ms, windows.juror_ms, windows.data_ms, windows.answer_ms, windows.open_ms]);
    let demands = sum(&[windows.data_ms, windows.answer_ms]) + 100 * windows.data_queue_ms.get();
    let audit = sum(&[windows.claim_ms, windows.serve_ms, windows.answer_ms, windows.open_ms]) + demands;
    let audit = audit + validators * (jury + windows.open_ms.get());
    let ends = sum(&[windows.receipt_ms, windows.witness_ms, windows.witness_ms, windows.challenge_ms]);
    sum(&[windows.job_ms_max, windows.accept_ms, windows.deadline_ms]) + 3 * audit + ends
}

/// A duty that is not owed, or that somebody else owes.
fn mischief(dice: &mut Dice, node: &Node, state: &ChainState) -> Option<SignedDuty> {
    let open: Vec<_> = state.windows.iter().map(|(_, id)| *id).collect();
    let job = state.open_job(&dice.pick(if open.is_empty() { return None } else { &open }))?;
    let anybody = state.validators.keys().nth(dice.place(state.validators.len()))?;
    let answers = vec![AnswerDigest::from(dfsn_types::Domain::Answer.hash(&dice.roll())); 4];
    let question = u8::try_from(dice.below(5)).unwrap();
    let kind = match dice.below(6) {
        0 => DutyKind::AcceptJob { draw: u32::try_from(dice.below(3)).unwrap() },
        1 => DutyKind::Stored,
        2 => DutyKind::Contest {
            answer: answer_of(*anybody, question),
            inputs: dfsn_types::BoundedVec::empty(),
        },
        3 => DutyKind::OpenAudit { openings: BoundedVec::empty() },
        4 => DutyKind::DemandData { seat: FIRST_AUDIT, question },
        _ => DutyKind::SubmitAudit { seat: FIRST_AUDIT, answers: BoundedVec::new(answers).unwrap() },
    };
    Some(node.sign(&state.chain, job.id, job.attempt, kind))
}
