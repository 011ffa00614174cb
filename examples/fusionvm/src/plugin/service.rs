//! `vm.VM`: what the node asks of the chain.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use dfsn_consensus::vm::{Vm as _, VmError};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use super::blocks::{BlockView, ancestors, name, named};
use super::chain::PluginChain;
use super::gossip::Gossip;
use super::http::{PATHS, Requests};
use super::proto::vm;
use super::start::{Running, start};

/// The node's error for what a plugin does not do.
const STATE_SYNC_NOT_IMPLEMENTED: i32 = vm::Error::StateSyncNotImplemented as i32;
/// The shortest time between two blocks that are asked for: a chain that cannot build must not keep the node busy.
const BUILD_PAUSE: Duration = Duration::from_millis(200);
/// Blocks of one answer to `GetAncestors`.
const ANCESTORS_MAX: i32 = 2_000;

/// The plugin. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Plugin(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    address: SocketAddr,
    requests: Requests,
    /// Set by `Initialize`; a node that only looks for the version never calls it.
    running: OnceLock<Running>,
    ended: watch::Sender<bool>,
    last_build: tokio::sync::Mutex<Option<tokio::time::Instant>>,
}

impl Plugin {
    pub(super) fn new(address: SocketAddr, ended: watch::Sender<bool>) -> Self {
        let (requests, running, last_build) = (Requests::default(), OnceLock::new(), Default::default());
        Self(Arc::new(Inner { address, requests, running, ended, last_build }))
    }

    pub(super) fn requests(&self) -> Requests {
        self.0.requests.clone()
    }

    /// Ends what the chain has begun.
    pub(super) async fn shut_down(&self) {
        if let Some(running) = self.0.running.get() {
            running.stop().await;
        }
    }

    fn running(&self) -> Result<&Running, Status> {
        self.0.running.get().ok_or_else(|| Status::failed_precondition("the chain is not initialised"))
    }

    /// Does something with the chain.
    async fn ask<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut PluginChain) -> Result<R, VmError> + Send + 'static,
    ) -> Result<R, Status> {
        let done = self.running()?.chain.ask(work).await.map_err(internal)?;
        done.map_err(|error| Status::internal(error.to_string()))
    }
}

fn internal(error: impl std::fmt::Display) -> Status {
    Status::internal(error.to_string())
}

fn ok<R>(reply: impl Into<R>) -> Result<Response<R>, Status> {
    Ok(Response::new(reply.into()))
}

#[tonic::async_trait]
impl vm::vm_server::Vm for Plugin {
    async fn initialize(
        &self,
        request: Request<vm::InitializeRequest>,
    ) -> Result<Response<vm::InitializeResponse>, Status> {
        if self.0.running.get().is_some() {
            return Err(Status::failed_precondition("the chain is initialised already"));
        }
        let running = start(request.into_inner(), &self.0.requests).await.map_err(|error| {
            tracing::error!(%error, "the chain does not start");
            internal(error)
        })?;
        let view = running.chain.ask(|chain| chain.last_accepted()).await.map_err(internal)?;
        let view = view.map_err(internal)?;
        if self.0.running.set(running).is_err() {
            return Err(Status::failed_precondition("the chain is initialised already"));
        }
        ok(view)
    }

    async fn set_state(
        &self,
        request: Request<vm::SetStateRequest>,
    ) -> Result<Response<vm::SetStateResponse>, Status> {
        let is_normal = request.into_inner().state() == vm::State::NormalOp;
        let set = move |chain: &mut PluginChain| {
            chain.is_normal = is_normal;
            chain.last_accepted()
        };
        let view = self.ask(set).await?;
        self.running()?.set_syncing(!is_normal);
        ok(view)
    }

    /// Everything accepted is in the node's database already, which is gone when this has returned.
    async fn shutdown(&self, _: Request<()>) -> Result<Response<()>, Status> {
        self.shut_down().await;
        self.0.ended.send_replace(true);
        ok(())
    }

    async fn create_handlers(&self, _: Request<()>) -> Result<Response<vm::CreateHandlersResponse>, Status> {
        let handler =
            |prefix: &str| vm::Handler { prefix: prefix.to_owned(), server_addr: self.0.address.to_string() };
        ok(vm::CreateHandlersResponse { handlers: PATHS.into_iter().map(handler).collect() })
    }

    async fn new_http_handler(&self, _: Request<()>) -> Result<Response<vm::NewHttpHandlerResponse>, Status> {
        ok(vm::NewHttpHandlerResponse::default())
    }

    /// Level-triggered: returns whenever a block can be built now. The node drops the call and makes it again as it likes.
    async fn wait_for_event(&self, _: Request<()>) -> Result<Response<vm::WaitForEventResponse>, Status> {
        let mut wants = self.running()?.wants.clone();
        let last = *self.0.last_build.lock().await;
        if let Some(last) = last {
            tokio::time::sleep_until(last + BUILD_PAUSE).await;
        }
        wants.wait_for(|wants| *wants).await.map_err(internal)?;
        ok(vm::WaitForEventResponse { message: vm::Message::BuildBlock.into() })
    }

    async fn connected(&self, request: Request<vm::ConnectedRequest>) -> Result<Response<()>, Status> {
        if let Ok(running) = self.running() {
            running.peers.connected(&request.into_inner().node_id);
        }
        ok(())
    }

    async fn disconnected(&self, request: Request<vm::DisconnectedRequest>) -> Result<Response<()>, Status> {
        if let Ok(running) = self.running() {
            running.peers.disconnected(&request.into_inner().node_id);
        }
        ok(())
    }

    async fn build_block(
        &self,
        _: Request<vm::BuildBlockRequest>,
    ) -> Result<Response<vm::BuildBlockResponse>, Status> {
        *self.0.last_build.lock().await = Some(tokio::time::Instant::now());
        let built = self.ask(PluginChain::build).await;
        // The node only notes it: said here, so that a chain that stands still says why.
        let built =
            built.inspect_err(|error| tracing::warn!(error = error.message(), "no block can be built"))?;
        ok(built.ok_or_else(|| Status::failed_precondition("nothing waits for a block"))?)
    }

    async fn parse_block(
        &self,
        request: Request<vm::ParseBlockRequest>,
    ) -> Result<Response<vm::ParseBlockResponse>, Status> {
        let block = request.into_inner().bytes;
        ok(self.ask(move |chain| chain.parse(&block)).await?)
    }

    async fn get_block(
        &self,
        request: Request<vm::GetBlockRequest>,
    ) -> Result<Response<vm::GetBlockResponse>, Status> {
        let id = named(&request.into_inner().id)?;
        ok(self.ask(move |chain| chain.block(&id)).await?)
    }

    async fn set_preference(
        &self,
        request: Request<vm::SetPreferenceRequest>,
    ) -> Result<Response<()>, Status> {
        let id = named(&request.into_inner().id)?;
        self.ask(move |chain| chain.vm.set_preference(&id)).await?;
        ok(())
    }

    async fn health(&self, _: Request<()>) -> Result<Response<vm::HealthResponse>, Status> {
        let details = match self.running() {
            Ok(running) => running.health().await.map_err(internal)?,
            Err(_) => "{\"initialised\":false}".to_owned(),
        };
        ok(vm::HealthResponse { details: details.into() })
    }

    async fn version(&self, _: Request<()>) -> Result<Response<vm::VersionResponse>, Status> {
        ok(vm::VersionResponse { version: env!("CARGO_PKG_VERSION").to_owned() })
    }

    async fn app_request(&self, request: Request<vm::AppRequestMsg>) -> Result<Response<()>, Status> {
        if let Ok(running) = self.running() {
            let vm::AppRequestMsg { node_id, request_id, request, .. } = request.into_inner();
            running.answers.answer(&running.peers, node_id.to_vec(), request_id, &request);
        }
        ok(())
    }

    async fn app_request_failed(
        &self,
        request: Request<vm::AppRequestFailedMsg>,
    ) -> Result<Response<()>, Status> {
        if let Ok(running) = self.running() {
            running.peers.failed(request.into_inner().request_id);
        }
        ok(())
    }

    async fn app_response(&self, request: Request<vm::AppResponseMsg>) -> Result<Response<()>, Status> {
        if let Ok(running) = self.running() {
            let vm::AppResponseMsg { request_id, response, .. } = request.into_inner();
            running.peers.answered(request_id, response);
        }
        ok(())
    }

    async fn app_gossip(&self, request: Request<vm::AppGossipMsg>) -> Result<Response<()>, Status> {
        // Before the chain is there, nobody misses it.
        if let (Ok(running), Some(items)) = (self.running(), Gossip::decode(&request.into_inner().msg)) {
            running.chain.tell(move |chain| chain.hear(items)).await;
        }
        ok(())
    }

    async fn gather(&self, _: Request<()>) -> Result<Response<vm::GatherResponse>, Status> {
        let metric_families = self.running().map(Running::families).unwrap_or_default();
        ok(vm::GatherResponse { metric_families })
    }

    async fn get_ancestors(
        &self,
        request: Request<vm::GetAncestorsRequest>,
    ) -> Result<Response<vm::GetAncestorsResponse>, Status> {
        let vm::GetAncestorsRequest { blk_id, max_blocks_num, max_blocks_size, .. } = request.into_inner();
        let Ok(id) = named(&blk_id) else { return ok(vm::GetAncestorsResponse::default()) };
        let count = usize::try_from(max_blocks_num.clamp(0, ANCESTORS_MAX)).unwrap_or_default();
        let size = usize::try_from(max_blocks_size).unwrap_or_default();
        let blks_bytes = self.ask(move |chain| ancestors(chain, id, count, size)).await?;
        ok(vm::GetAncestorsResponse { blks_bytes })
    }

    async fn batched_parse_block(
        &self,
        request: Request<vm::BatchedParseBlockRequest>,
    ) -> Result<Response<vm::BatchedParseBlockResponse>, Status> {
        let blocks = request.into_inner().request;
        let parse = move |chain: &mut PluginChain| blocks.iter().map(|block| chain.parse(block)).collect();
        let views: Vec<BlockView> = self.ask(parse).await?;
        ok(vm::BatchedParseBlockResponse { response: views.into_iter().map(Into::into).collect() })
    }

    async fn get_block_id_at_height(
        &self,
        request: Request<vm::GetBlockIdAtHeightRequest>,
    ) -> Result<Response<vm::GetBlockIdAtHeightResponse>, Status> {
        let height = request.into_inner().height;
        let id = self.ask(move |chain| chain.id_at(height)).await?;
        let err = if id.is_some() { vm::Error::Unspecified } else { vm::Error::NotFound };
        ok(vm::GetBlockIdAtHeightResponse {
            blk_id: id.as_ref().map(name).unwrap_or_default(),
            err: err.into(),
        })
    }

    async fn state_sync_enabled(
        &self,
        _: Request<()>,
    ) -> Result<Response<vm::StateSyncEnabledResponse>, Status> {
        ok(vm::StateSyncEnabledResponse { enabled: false, err: vm::Error::Unspecified.into() })
    }

    async fn get_ongoing_sync_state_summary(
        &self,
        _: Request<()>,
    ) -> Result<Response<vm::GetOngoingSyncStateSummaryResponse>, Status> {
        let err = STATE_SYNC_NOT_IMPLEMENTED;
        ok(vm::GetOngoingSyncStateSummaryResponse { err, ..Default::default() })
    }

    async fn get_last_state_summary(
        &self,
        _: Request<()>,
    ) -> Result<Response<vm::GetLastStateSummaryResponse>, Status> {
        ok(vm::GetLastStateSummaryResponse { err: STATE_SYNC_NOT_IMPLEMENTED, ..Default::default() })
    }

    async fn parse_state_summary(
        &self,
        _: Request<vm::ParseStateSummaryRequest>,
    ) -> Result<Response<vm::ParseStateSummaryResponse>, Status> {
        ok(vm::ParseStateSummaryResponse { err: STATE_SYNC_NOT_IMPLEMENTED, ..Default::default() })
    }

    async fn get_state_summary(
        &self,
        _: Request<vm::GetStateSummaryRequest>,
    ) -> Result<Response<vm::GetStateSummaryResponse>, Status> {
        ok(vm::GetStateSummaryResponse { err: STATE_SYNC_NOT_IMPLEMENTED, ..Default::default() })
    }

    async fn block_verify(
        &self,
        request: Request<vm::BlockVerifyRequest>,
    ) -> Result<Response<vm::BlockVerifyResponse>, Status> {
        let block = request.into_inner().bytes;
        ok(self.ask(move |chain| chain.verify(&block)).await?)
    }

    async fn block_accept(&self, request: Request<vm::BlockAcceptRequest>) -> Result<Response<()>, Status> {
        let id = named(&request.into_inner().id)?;
        self.ask(move |chain| chain.accept(&id)).await?;
        ok(())
    }

    async fn block_reject(&self, request: Request<vm::BlockRejectRequest>) -> Result<Response<()>, Status> {
        let id = named(&request.into_inner().id)?;
        let reject = move |chain: &mut PluginChain| {
            chain.vm.reject(&id);
            Ok(())
        };
        self.ask(reject).await?;
        ok(())
    }

    async fn state_summary_accept(
        &self,
        _: Request<vm::StateSummaryAcceptRequest>,
    ) -> Result<Response<vm::StateSummaryAcceptResponse>, Status> {
        ok(vm::StateSummaryAcceptResponse { err: STATE_SYNC_NOT_IMPLEMENTED, ..Default::default() })
    }
}
