//! Registrations: what the owner of a stake signs to put a node and its ComputeClient to work.

use std::collections::BTreeSet;
use std::num::NonZeroU8;

use dfsn_client::transport::TransportError;
use dfsn_client::view::NetworkInfo;
use dfsn_compute::service::node::{NodeError as WorkerError, RemoteWorker};
use dfsn_compute::service::wire::{PossessionCall, WorkerInfo};
use dfsn_types::{
    Address, Amount, BoundedVec, ChainIdentity, ComputeRegistration, ComputeUpdate, KeyPossession, NodeId,
    PAIRS_MAX, Pair, PairOffer, PossessionError, PublicKey, Relay, VrfError,
};
use thiserror::Error;

use crate::operated::Operated;

/// What a unit of work costs at least, where nobody says otherwise.
pub const MIN_PRICE: Amount = Amount::from_base_units(300_000_000_000);

/// Why there is no registration.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RegistrationError {
    /// Nothing says where the keys are.
    #[error(
        "there is no {0} in this folder: name the node's configuration by --config, or its secret by --keystore"
    )]
    NoConfig(&'static str),
    /// Nobody said whose.
    #[error(
        "whose validator is it? Name the account that stakes by --owner, or as `owner` in the configuration"
    )]
    NoOwner,
    /// Two were said.
    #[error("--owner is {}, the configuration names {}", .given.to_eip55(), .configured.to_eip55())]
    OtherOwner {
        /// On the command line.
        given: Address,
        /// In the configuration.
        configured: Address,
    },
    /// Nothing to open.
    #[error("the configuration names no keystore: name one by --keystore")]
    NoKeystore,
    /// Several secrets, of which one signs.
    #[error("the configuration names {0} keystores: name the one that is registered by --keystore")]
    Keystores(usize),
    /// Nothing computes.
    #[error("no ComputeClient: name it by --compute KEY[=URL], or as [[compute]] in the configuration")]
    NoCompute,
    /// Several ComputeClients, of which one is registered.
    #[error("the configuration names {0} ComputeClients: name the one that is registered by --compute KEY")]
    Computes(usize),
    /// Where the node answers is not known.
    #[error("where does this node answer? The configuration does not tell; say it by --node URL")]
    NoNode,
    /// The node does not answer.
    #[error("this node is asked what the network offers, and is to run, at {url}: {error}")]
    Node {
        /// Where.
        url: String,
        /// Why.
        error: TransportError,
    },
    /// The ComputeClient does not answer, or does not sign.
    #[error("ComputeClient {key}: {error}")]
    Worker {
        /// Which.
        key: PublicKey,
        /// Why.
        error: WorkerError,
    },
    /// Nothing to offer.
    #[error("the ComputeClient serves {served}, the network has {registered}: they share no pair")]
    NoPair {
        /// By the ComputeClient.
        served: String,
        /// On the chain.
        registered: String,
    },
    /// More than a registration holds.
    #[error("{0} pairs of model and profile, a registration offers at most {PAIRS_MAX}")]
    TooManyPairs(usize),
    /// The VRF.
    #[error(transparent)]
    Vrf(#[from] VrfError),
    /// What the chain would refuse.
    #[error("REG-04 does not hold, the chain would refuse it: {0}")]
    Possession(#[from] PossessionError),
}

/// What a registration says beside keys.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What is served.
    pub pairs: BTreeSet<Pair>,
    /// Jobs at a time, of each pair.
    pub capacity: NonZeroU8,
    /// What a unit of work costs at least, in each pair.
    pub min_price: Amount,
    /// Where earnings go; without, to the validator's own name.
    pub payout: Option<Address>,
    /// The node of AvalancheGo behind which pictures and states are found first. Where nobody relays, any name does.
    pub relay: Option<NodeId>,
}

impl Operated {
    /// Registers the secret's keys and a ComputeClient for this validator; each key proves that it is held, as the chain asks for
    /// (rule REG-04).
    ///
    /// # Errors
    /// [`RegistrationError`].
    pub async fn register(
        &self,
        chain: &ChainIdentity,
        worker: &RemoteWorker,
        terms: &Terms,
    ) -> Result<ComputeUpdate, RegistrationError> {
        let Terms { pairs, capacity, min_price, payout, relay } = terms;
        let (owner, duty, vrf) = (self.validator, self.secret.duty(), self.secret.vrf());
        let offer = |pair: &Pair| PairOffer { pair: *pair, capacity: capacity.get(), min_price: *min_price };
        let offers = BoundedVec::new(pairs.iter().map(offer).collect());
        let registration = ComputeRegistration {
            duty_key: duty.public_key(),
            vrf_key: vrf.public_key(),
            compute_key: worker.worker(),
            payout: payout.unwrap_or(owner),
            offers: offers.map_err(|_| RegistrationError::TooManyPairs(pairs.len()))?,
            relay: Relay::Node(relay.unwrap_or(NodeId::from_bytes(*owner.as_bytes()))),
        };
        let call = PossessionCall {
            chain_id: chain.chain_id,
            genesis: chain.genesis,
            owner,
            registration: registration.clone(),
        };
        let signed = worker.possession(&call).await;
        let compute = signed.map_err(|error| RegistrationError::Worker { key: worker.worker(), error })?;
        let possession = KeyPossession {
            duty: registration.sign_possession(chain, &owner, &duty),
            compute,
            vrf: registration.prove_vrf_possession(chain, &owner, &vrf)?,
        };
        registration.verify_possession(chain, &owner, &possession)?;
        Ok(ComputeUpdate { registration, possession })
    }
}

/// What a ComputeClient serves and a network has.
///
/// # Errors
/// [`RegistrationError::NoPair`] names both sides where they share nothing.
pub fn shared_pairs(info: &WorkerInfo, network: &NetworkInfo) -> Result<BTreeSet<Pair>, RegistrationError> {
    let is_shared = |pair: &Pair| {
        network.profile(pair.profile).is_some() && network.models.iter().any(|model| model.id == pair.model)
    };
    let served = info.models.iter().map(|it| Pair { model: it.model, profile: it.profile });
    let pairs: BTreeSet<Pair> = served.filter(is_shared).collect();
    if !pairs.is_empty() {
        return Ok(pairs);
    }
    let list = |names: Vec<String>| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    let models = network.models.iter().map(|model| format!("{} ({})", model.name, model.id));
    let profiles = network.profiles.iter().map(|profile| format!("profile {profile}"));
    Err(RegistrationError::NoPair {
        served: list(
            info.models.iter().map(|it| format!("{} ({}) in {}", it.name, it.model, it.record)).collect(),
        ),
        registered: list(models.chain(profiles).collect()),
    })
}
