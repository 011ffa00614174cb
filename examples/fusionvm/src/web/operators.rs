//! Operators of a development network: a visitor owns the stake, this node has the machine. Its keys are known to everybody.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use dfsn_compute::service::wire::PossessionCall;
use dfsn_types::{
    Address, Amount, BoundedVec, ComputeRegistration, ComputeUpdate, KeyPossession, NodeId, Pair, PairOffer,
    ProfileRecord, Relay,
};
use serde::Deserialize;

use super::Workers;
use crate::keystore::NodeSecret;
use crate::node::NodeHandle;
use crate::validators::{Joined, Joining};

/// What a unit of work costs at least.
const MIN_PRICE: Amount = Amount::from_base_units(300_000_000_000);

/// Makes registrations and works for them.
#[derive(Debug)]
pub(super) struct Operators {
    node: NodeHandle,
    workers: Workers,
    joining: Joining,
}

/// What is asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    owner: Address,
}

impl Operators {
    /// Goes on for those who joined before this node was started again.
    pub(super) fn new(node: NodeHandle, workers: Workers, joining: Joining) -> Self {
        for (owner, validator) in node.state().validators.iter() {
            let duty = NodeSecret::public(&name(owner)).duty().public_key();
            if validator.registration.as_ref().is_some_and(|registration| registration.duty_key == duty) {
                joining.take(joined(*owner));
            }
        }
        Self { node, workers, joining }
    }

    /// A registration of this node's machine for an owner, signed by all of its keys.
    async fn register(&self, owner: Address) -> Result<ComputeUpdate, String> {
        let state = self.node.state();
        let worker = self.workers.get().and_then(|workers| workers.first());
        let worker = worker.ok_or("this node has no ComputeClient, or is still loading its model")?;
        let profile = ProfileRecord::EXACT_V1.id();
        let pairs = state.models.keys().map(|model| Pair { model: *model, profile });
        let offers = pairs.map(|pair| PairOffer { pair, capacity: 1, min_price: MIN_PRICE }).collect();
        let secret = NodeSecret::public(&name(&owner));
        let registration = ComputeRegistration {
            duty_key: secret.duty().public_key(),
            vrf_key: secret.vrf().public_key(),
            compute_key: worker.worker(),
            payout: owner,
            offers: BoundedVec::new(offers).map_err(|error| error.to_string())?,
            relay: Relay::Node(NodeId::from_bytes(*owner.as_bytes())),
        };
        let chain = state.chain;
        let call = PossessionCall {
            chain_id: chain.chain_id,
            genesis: chain.genesis,
            owner,
            registration: registration.clone(),
        };
        let possession = KeyPossession {
            duty: registration.sign_possession(&chain, &owner, &secret.duty()),
            compute: worker.possession(&call).await.map_err(|error| error.to_string())?,
            vrf: registration
                .prove_vrf_possession(&chain, &owner, &secret.vrf())
                .map_err(|error| error.to_string())?,
        };
        Ok(ComputeUpdate { registration, possession })
    }
}

/// `POST /web/operators` with `{"owner": "dfsn1…"}`.
pub(super) async fn join(
    State(operators): State<Arc<Operators>>,
    asked: Result<Json<Asked>, JsonRejection>,
) -> Response {
    let Json(Asked { owner }) = match asked {
        Ok(asked) => asked,
        Err(rejection) => return (rejection.status(), rejection.body_text() + "\n").into_response(),
    };
    match operators.register(owner).await {
        Ok(update) if operators.joining.take(joined(owner)) => Json(update).into_response(),
        Ok(_) => (StatusCode::SERVICE_UNAVAILABLE, "too many validators join at once\n").into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason + "\n").into_response(),
    }
}

fn joined(owner: Address) -> Joined {
    let secret = NodeSecret::public(&name(&owner));
    Joined { address: owner, duty: secret.duty(), vrf: secret.vrf() }
}

fn name(owner: &Address) -> String {
    format!("operator {owner}")
}
