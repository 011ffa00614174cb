//! The faucet: an ordinary transfer for whoever asks, now and then.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use dfsn_client::{Client, ClientConfig};
use dfsn_types::{Address, Amount, TransactionId};
use serde::{Deserialize, Serialize};

use crate::config::Faucet;
use crate::keystore::NodeSecret;
use crate::node::NodeHandle;

/// Addresses that are remembered.
const REMEMBERED: usize = 65_536;

/// Hands out coins of one account.
#[derive(Debug)]
pub(super) struct Dispenser {
    client: Client<NodeHandle>,
    faucet: Faucet,
    paid: Mutex<HashMap<Address, Instant>>,
}

/// What is asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    address: Address,
}

/// What was sent.
#[derive(Debug, Serialize)]
struct Sent {
    transaction: TransactionId,
    amount: Amount,
}

impl Dispenser {
    pub(super) fn new(node: NodeHandle, account: &NodeSecret, faucet: Faucet) -> Self {
        let client = Client::with_config(node, account.account(), ClientConfig::default());
        Self { client, faucet, paid: Mutex::default() }
    }

    /// Books a payment, or says in how many seconds there may be one.
    fn book(&self, address: Address) -> Result<(), u64> {
        let (now, pause) = (Instant::now(), self.faucet.pause());
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = paid.get(&address).filter(|last| now.duration_since(**last) < pause) {
            return Err((pause - now.duration_since(*last)).as_secs() + 1);
        }
        if paid.len() >= REMEMBERED {
            paid.retain(|_, last| now.duration_since(*last) < pause);
        }
        if paid.len() >= REMEMBERED {
            return Err(pause.as_secs() + 1);
        }
        paid.insert(address, now);
        Ok(())
    }

    fn forget(&self, address: &Address) {
        self.paid.lock().unwrap_or_else(PoisonError::into_inner).remove(address);
    }
}

/// `POST /faucet` with `{"address": "dfsn1…"}`.
pub(super) async fn faucet(
    State(dispenser): State<Arc<Dispenser>>,
    asked: Result<Json<Asked>, JsonRejection>,
) -> Response {
    let Json(Asked { address }) = match asked {
        Ok(asked) => asked,
        Err(rejection) => return (rejection.status(), rejection.body_text() + "\n").into_response(),
    };
    if let Err(seconds) = dispenser.book(address) {
        let text = format!("{address} has had its coins, ask again in {seconds} s\n");
        return (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, seconds.to_string())], text).into_response();
    }
    let amount = dispenser.faucet.amount;
    match dispenser.client.transfer(address, amount).await {
        Ok(transaction) => Json(Sent { transaction, amount }).into_response(),
        Err(error) => {
            dispenser.forget(&address);
            tracing::warn!(%address, %error, "the faucet did not pay");
            (StatusCode::SERVICE_UNAVAILABLE, format!("the faucet did not pay: {error}\n")).into_response()
        }
    }
}
