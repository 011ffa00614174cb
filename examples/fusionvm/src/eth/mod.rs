//! Ethereum's JSON-RPC, so that wallets and their libraries work as they are.
//!
//! A wallet sees a chain whose coin has 18 decimals and whose only contract is the system address. What differs from Ethereum is
//! told in docs/adr/0070.

mod answers;
mod api;
mod blocks;
mod convert;
mod error;
mod fees;
mod logs;
mod request;
mod submit;
mod subscription_id;
mod subscriptions;
mod view;

use jsonrpsee::RpcModule;

use crate::node::NodeHandle;
use answers::Eth;
use api::{EthApiServer, NetApiServer, Web3ApiServer};

pub(crate) use subscription_id::Quantities;

/// The methods of a node. Limits of bodies, batches and connections are those of the server that they are given to.
pub(crate) fn methods(node: NodeHandle) -> RpcModule<()> {
    let eth = Eth::new(node);
    let mut module = RpcModule::new(());
    let merged = module
        .merge(EthApiServer::into_rpc(eth.clone()))
        .and_then(|()| module.merge(NetApiServer::into_rpc(eth.clone())))
        .and_then(|()| module.merge(Web3ApiServer::into_rpc(eth)));
    debug_assert!(merged.is_ok(), "no two methods have one name");
    module
}
