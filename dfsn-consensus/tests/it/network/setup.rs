//! Genesis of a simulated network.

use dfsn_consensus::Rules;
use dfsn_consensus::state::ChainState;
use dfsn_types::{
    Address, Allocation, Amount, BoundedString, BoundedVec, ChainId, ComputeRegistration, ConsensusParams,
    DurationMs, ExactRecord, GenesisConfig, GenesisValidator, Guardian, ImageSize, ModelId, ModelRecord,
    NodeId, Pair, PairOffer, Ppm, ProfileRecord, Prompt, Relay, SecretKey, Timestamp, WorkCoefficients,
};

use super::behaviour::Behaviour;
use super::node::Keys;

/// What a validator starts with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    pub(crate) behaviour: Behaviour,
    pub(crate) stake: Amount,
    /// The lowest price per unit; a high one keeps it from working, not from auditing.
    pub(crate) min_price: Amount,
    pub(crate) capacity: u8,
    /// Whether genesis names the main pair among its pairs.
    pub(crate) serves: bool,
}

impl Seat {
    pub(crate) const fn new(behaviour: Behaviour) -> Self {
        Self {
            behaviour,
            stake: Amount::from_dfsn(2_000),
            min_price: Amount::ZERO,
            capacity: 4,
            serves: true,
        }
    }

    /// Audits and judges, and is too dear to work.
    pub(crate) const fn auditor(behaviour: Behaviour) -> Self {
        Self { min_price: Amount::DFSN, ..Self::new(behaviour) }
    }
}

/// A genesis to be.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) seats: Vec<Seat>,
    pub(crate) users: usize,
    pub(crate) params: ConsensusParams,
    pub(crate) chain_id: u64,
    pub(crate) guardian: Option<Guardian>,
    pub(crate) rules: Rules,
    /// The main model's exact form: the main pair is in the exact profile then.
    pub(crate) exact: Option<ExactRecord>,
}

/// Money of each user at the start.
pub(crate) const USER_MONEY: Amount = Amount::from_dfsn(1_000);
/// Time of genesis.
pub(crate) const START: Timestamp = Timestamp::new(1_700_000_000_000);

impl Setup {
    /// One worker of this behaviour and so many honest auditors.
    pub(crate) fn worker(behaviour: Behaviour, auditors: usize) -> Self {
        let mut seats = vec![Seat::new(behaviour)];
        seats.extend((0..auditors).map(|_| Seat::auditor(Behaviour::HONEST)));
        Self::of(seats)
    }

    pub(crate) fn of(seats: Vec<Seat>) -> Self {
        // Everybody audits and judges everything, so that a test can say who is paid what.
        let mut params = ConsensusParams::default();
        params.sortition.rate_ramp = Ppm::new(100_000_000);
        params.sortition.juror_rate = Ppm::new(100_000_000);
        // Penalties are paid and collateral is free at once, but where a test says otherwise.
        params.windows.hold_ms = DurationMs::ZERO;
        params.windows.challenge_ms = DurationMs::ZERO;
        Self {
            seats,
            users: 3,
            params,
            chain_id: 7_777,
            guardian: None,
            rules: Rules::default(),
            exact: None,
        }
    }

    pub(crate) fn config(&self) -> GenesisConfig {
        let allocations =
            (0..self.users).map(|user| Allocation { address: address(&user_key(user)), amount: USER_MONEY });
        let owners = (0..self.seats.len()).map(|seat| {
            let address = Keys::of(seat).address();
            Allocation { address, amount: Amount::from_dfsn(100) }
        });
        let pair = Pair { profile: self.profile().id(), ..pair() };
        let validators =
            (0..).zip(&self.seats).map(|(index, seat)| genesis_validator(index, seat, pair)).collect();
        GenesisConfig {
            chain_id: ChainId::new(self.chain_id).unwrap(),
            timestamp: START,
            params: self.params.clone(),
            sealer: sealer().public_key(),
            allocations: BoundedVec::new(allocations.chain(owners).collect()).unwrap(),
            models: BoundedVec::new(vec![ModelRecord { exact: self.exact.clone(), ..model(1) }, model(2)])
                .unwrap(),
            profiles: BoundedVec::new(vec![self.profile()]).unwrap(),
            validators: BoundedVec::new(validators).unwrap(),
            test_prompts: BoundedVec::new(vec![
                Prompt::new("a fox").unwrap(),
                Prompt::new("a boat").unwrap(),
            ])
            .unwrap(),
            guardian: self.guardian,
        }
    }

    fn profile(&self) -> ProfileRecord {
        if self.exact.is_some() { ProfileRecord::EXACT_V1 } else { profile() }
    }

    pub(crate) fn state(&self) -> ChainState {
        ChainState::genesis(&self.config()).unwrap()
    }
}

fn genesis_validator(index: usize, seat: &Seat, pair: Pair) -> GenesisValidator {
    let keys = Keys::of(index);
    let offer = PairOffer { pair, capacity: seat.capacity, min_price: seat.min_price };
    let offers = if seat.serves { vec![offer] } else { Vec::new() };
    GenesisValidator { owner: keys.address(), stake: seat.stake, registration: registration(&keys, offers) }
}

/// What a validator with these keys registers.
pub(crate) fn registration(keys: &Keys, offers: Vec<PairOffer>) -> ComputeRegistration {
    ComputeRegistration {
        duty_key: keys.duty.public_key(),
        vrf_key: keys.vrf().public_key(),
        compute_key: keys.compute.public_key(),
        payout: keys.address(),
        offers: BoundedVec::new(offers).unwrap(),
        relay: Relay::Node(NodeId::from_bytes([1; 20])),
    }
}

pub(crate) fn address(key: &SecretKey) -> Address {
    Address::from_public_key(&key.public_key())
}

pub(crate) fn user_key(index: usize) -> SecretKey {
    SecretKey::from_seed(&seed(9, index))
}

pub(crate) fn sealer() -> SecretKey {
    SecretKey::from_seed(&seed(8, 0))
}

/// A seed of its own for each purpose and index.
pub(crate) fn seed(purpose: u8, index: usize) -> [u8; 32] {
    let mut seed = [purpose; 32];
    seed[1..9].copy_from_slice(&(index as u64).to_be_bytes());
    seed
}

pub(crate) fn profile() -> ProfileRecord {
    ProfileRecord::Float {
        library: BoundedString::new("stand-in-1").unwrap(),
        device: BoundedString::new("cpu").unwrap(),
        instruction_set: BoundedString::new("any").unwrap(),
        dtype: BoundedString::new("f32").unwrap(),
        threads: 1,
    }
}

/// A model for 64x64 pictures; number 1 is the main one, number 2 is served by nobody at the start.
pub(crate) fn model(number: u8) -> ModelRecord {
    ModelRecord {
        id: ModelId::from_bytes([number; 32]),
        name: BoundedString::new("stand-in").unwrap(),
        work: WorkCoefficients { a: 10, b: 64, d: 20, t: 100 },
        latent_channels: 4,
        vae_scale_factor: 8,
        size_multiple: 32,
        size_max: 128,
        test_size: ImageSize::new(64, 64).unwrap(),
        exact: None,
    }
}

/// The main pair.
pub(crate) fn pair() -> Pair {
    Pair { model: model(1).id, profile: profile().id() }
}

/// A pair that nobody serves at the start.
pub(crate) fn other_pair() -> Pair {
    Pair { model: model(2).id, profile: profile().id() }
}
