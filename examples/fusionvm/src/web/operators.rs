//! Operators of a development network: a visitor owns the stake, this node has the machine. Its keys are known to everybody.

use std::num::NonZeroU8;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use dfsn_types::{Address, ComputeUpdate, Pair, ProfileRecord};
use serde::Deserialize;

use super::Workers;
use crate::keystore::NodeSecret;
use crate::node::NodeHandle;
use crate::operated::Operated;
use crate::registration::{MIN_PRICE, Terms};
use crate::validators::Joining;

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
            let operated = operated(*owner);
            let duty = operated.secret.duty().public_key();
            if validator.registration.as_ref().is_some_and(|registration| registration.duty_key == duty) {
                joining.take(operated);
            }
        }
        Self { node, workers, joining }
    }

    /// A registration of this node's machine for an owner, signed by all of its keys.
    async fn register(&self, operated: &Operated) -> Result<ComputeUpdate, String> {
        let state = self.node.state();
        let worker = self.workers.get().and_then(|workers| workers.first());
        let worker = worker.ok_or("this node has no ComputeClient, or is still loading its model")?;
        let profile = ProfileRecord::EXACT_V1.id();
        let terms = Terms {
            pairs: state.models.keys().map(|model| Pair { model: *model, profile }).collect(),
            capacity: NonZeroU8::MIN,
            min_price: MIN_PRICE,
            payout: None,
            relay: None,
        };
        operated.register(&state.chain, worker, &terms).await.map_err(|error| error.to_string())
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
    let operated = operated(owner);
    match operators.register(&operated).await {
        Ok(update) if operators.joining.take(operated) => Json(update).into_response(),
        Ok(_) => (StatusCode::SERVICE_UNAVAILABLE, "too many validators join at once\n").into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason + "\n").into_response(),
    }
}

/// An owner's validator on this machine.
fn operated(owner: Address) -> Operated {
    Operated::new(NodeSecret::public(&format!("operator {owner}")), Some(owner))
}
