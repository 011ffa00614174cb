//! A node as its plugin sees it: it starts the process, gives it a database and a way to other nodes, and drives it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::wire::appsender::app_sender_server::{AppSender, AppSenderServer};
use super::wire::http::http_client::HttpClient;
use super::wire::rpcdb::database_server::DatabaseServer;
use super::wire::vm::runtime::runtime_server::{Runtime, RuntimeServer};
use super::wire::vm::vm_client::VmClient;
use bytes::Bytes;
use fusionvm::plugin::ENGINE_VARIABLE;
use fusionvm::plugin::proto::appsender::*;
use fusionvm::plugin::proto::http::{Element, HandleSimpleHttpRequest, HandleSimpleHttpResponse};
use fusionvm::plugin::proto::vm;
use fusionvm::plugin::proto::vm::runtime::InitializeRequest as Announcement;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

use super::database::MemoryDatabase;

/// Nothing that is waited for takes longer; it is no bound that a test is about.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// The program under test.
pub(super) const PROGRAM: &str = env!("CARGO_BIN_EXE_fusionvm");

/// A message of the plugin to other nodes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Sent {
    Gossip(SendAppGossipMsg),
    Request(SendAppRequestMsg),
    Response(SendAppResponseMsg),
    Error(SendAppErrorMsg),
}

/// The node's services, all on one listener.
#[derive(Clone)]
struct Services {
    announced: mpsc::UnboundedSender<Announcement>,
    sent: mpsc::UnboundedSender<Sent>,
    /// The protocol of this node; another one is refused.
    protocol: Option<u32>,
}

#[tonic::async_trait]
impl Runtime for Services {
    async fn initialize(&self, request: Request<Announcement>) -> Result<Response<()>, Status> {
        let announcement = request.into_inner();
        if self.protocol.is_some_and(|protocol| protocol != announcement.protocol_version) {
            return Err(Status::unknown("AvalancheGo implements another RPCChainVM protocol version"));
        }
        self.announced.send(announcement).map_err(|_| Status::unavailable("nobody waits"))?;
        Ok(Response::new(()))
    }
}

#[tonic::async_trait]
impl AppSender for Services {
    async fn send_app_request(&self, request: Request<SendAppRequestMsg>) -> Result<Response<()>, Status> {
        let _ = self.sent.send(Sent::Request(request.into_inner()));
        Ok(Response::new(()))
    }

    async fn send_app_response(&self, request: Request<SendAppResponseMsg>) -> Result<Response<()>, Status> {
        let _ = self.sent.send(Sent::Response(request.into_inner()));
        Ok(Response::new(()))
    }

    async fn send_app_error(&self, request: Request<SendAppErrorMsg>) -> Result<Response<()>, Status> {
        let _ = self.sent.send(Sent::Error(request.into_inner()));
        Ok(Response::new(()))
    }

    async fn send_app_gossip(&self, request: Request<SendAppGossipMsg>) -> Result<Response<()>, Status> {
        let _ = self.sent.send(Sent::Gossip(request.into_inner()));
        Ok(Response::new(()))
    }
}

/// A node with one plugin process.
pub(super) struct Host {
    pub(super) address: SocketAddr,
    pub(super) child: Child,
    pub(super) protocol: u32,
    pub(super) plugin: SocketAddr,
    pub(super) vm: VmClient<Channel>,
    pub(super) http: HttpClient<Channel>,
    sent: Mutex<mpsc::UnboundedReceiver<Sent>>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.server.abort();
    }
}

/// The listener of a node, before there is a plugin.
pub(super) struct Waiting {
    pub(super) address: SocketAddr,
    announced: mpsc::UnboundedReceiver<Announcement>,
    sent: mpsc::UnboundedReceiver<Sent>,
    server: tokio::task::JoinHandle<()>,
}

impl Waiting {
    pub(super) async fn listen(database: &MemoryDatabase, protocol: Option<u32>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let ((announced, announced_out), (sent, sent_out)) =
            (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        let services = Services { announced, sent, protocol };
        let serving = Server::builder()
            .add_service(RuntimeServer::new(services.clone()))
            .add_service(AppSenderServer::new(services))
            .add_service(DatabaseServer::new(database.clone()).max_decoding_message_size(usize::MAX))
            .serve_with_incoming(TcpIncoming::from(listener));
        let server = tokio::spawn(async move { serving.await.unwrap() });
        Self { address, announced: announced_out, sent: sent_out, server }
    }

    /// What the plugin announces.
    pub(super) async fn announced(&mut self) -> Announcement {
        tokio::time::timeout(PATIENCE, self.announced.recv()).await.expect("a handshake").unwrap()
    }

    async fn with(mut self, child: Child) -> Host {
        let announcement = self.announced().await;
        let plugin: SocketAddr = announcement.addr.parse().unwrap();
        let channel = Endpoint::from_shared(format!("http://{plugin}")).unwrap().connect().await.unwrap();
        Host {
            address: self.address,
            child,
            protocol: announcement.protocol_version,
            plugin,
            vm: VmClient::new(channel.clone()).max_decoding_message_size(usize::MAX),
            http: HttpClient::new(channel),
            sent: Mutex::new(self.sent),
            server: self.server,
        }
    }
}

/// A plugin process as a node starts it: no arguments, one variable.
pub(super) fn command(program: &Path, engine: SocketAddr) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env(ENGINE_VARIABLE, engine.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

impl Host {
    pub(super) async fn start(database: &MemoryDatabase) -> Self {
        Self::start_program(Path::new(PROGRAM), database).await
    }

    pub(super) async fn start_program(program: &Path, database: &MemoryDatabase) -> Self {
        let waiting = Waiting::listen(database, None).await;
        let child = command(program, waiting.address).spawn().unwrap();
        waiting.with(child).await
    }

    /// The chain of a folder, up to normal operation.
    pub(super) async fn normal(network: &Network, database: &MemoryDatabase) -> Self {
        let mut host = Self::start(database).await;
        let accepted = host.initialize(network).await.unwrap();
        host.set_state(vm::State::Bootstrapping).await;
        host.prefer(&accepted.last_accepted_id).await;
        host.set_state(vm::State::NormalOp).await;
        host
    }

    pub(super) async fn initialize(&mut self, network: &Network) -> Result<vm::InitializeResponse, Status> {
        let request = vm::InitializeRequest {
            network_id: 88_888,
            chain_data_dir: network.data_dir.path().display().to_string(),
            genesis_bytes: network.genesis.clone().into(),
            config_bytes: network.config.clone().into(),
            upgrade_bytes: network.upgrades.clone().into(),
            db_server_addr: self.address.to_string(),
            server_addr: self.address.to_string(),
            ..Default::default()
        };
        Ok(self.vm.initialize(request).await?.into_inner())
    }

    pub(super) async fn set_state(&mut self, state: vm::State) -> vm::SetStateResponse {
        self.vm.set_state(vm::SetStateRequest { state: state.into() }).await.unwrap().into_inner()
    }

    pub(super) async fn prefer(&mut self, id: &Bytes) {
        self.vm.set_preference(vm::SetPreferenceRequest { id: id.clone() }).await.unwrap();
    }

    pub(super) async fn verify(&mut self, bytes: &Bytes) -> Result<vm::BlockVerifyResponse, Status> {
        let request = vm::BlockVerifyRequest { bytes: bytes.clone(), p_chain_height: None };
        Ok(self.vm.block_verify(request).await?.into_inner())
    }

    pub(super) async fn accept(&mut self, id: &Bytes) -> Result<(), Status> {
        self.vm.block_accept(vm::BlockAcceptRequest { id: id.clone() }).await.map(|_| ())
    }

    pub(super) async fn parse(&mut self, bytes: &Bytes) -> Result<vm::ParseBlockResponse, Status> {
        let request = vm::ParseBlockRequest { bytes: bytes.clone() };
        Ok(self.vm.parse_block(request).await?.into_inner())
    }

    /// Waits for an event as a node does.
    pub(super) async fn event(&mut self) -> vm::Message {
        let event = tokio::time::timeout(PATIENCE, self.vm.wait_for_event(())).await.expect("an event");
        event.unwrap().into_inner().message()
    }

    /// Builds the next block, verifies, prefers and accepts it.
    pub(super) async fn next_block(&mut self) -> vm::BuildBlockResponse {
        assert_eq!(self.event().await, vm::Message::BuildBlock);
        let block = self.build().await.unwrap();
        self.verify(&block.bytes).await.unwrap();
        self.prefer(&block.id).await;
        self.accept(&block.id).await.unwrap();
        block
    }

    pub(super) async fn build(&mut self) -> Result<vm::BuildBlockResponse, Status> {
        Ok(self.vm.build_block(vm::BuildBlockRequest { p_chain_height: None }).await?.into_inner())
    }

    /// The next message to other nodes.
    pub(super) async fn sent(&self) -> Sent {
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Ok(sent) = self.sent.lock().unwrap().try_recv() {
                return sent;
            }
            assert!(tokio::time::Instant::now() < end, "a message to other nodes");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Through the node's own port.
    pub(super) async fn request(&mut self, method: &str, path: &str, body: &str) -> HandleSimpleHttpResponse {
        let element = |key: &str, value: &str| Element { key: key.into(), values: vec![value.into()] };
        let request = HandleSimpleHttpRequest {
            method: method.to_owned(),
            url: format!("/ext/bc/2QAbTheChain{path}"),
            request_headers: vec![element("Content-Type", "application/json"), element("Host", "x")],
            body: body.as_bytes().to_vec(),
            response_headers: vec![element("Vary", "Origin")],
        };
        self.http.handle_simple(request).await.unwrap().into_inner()
    }

    /// A call of the API through the node's own port.
    pub(super) async fn call(&mut self, method: &str, params: serde_json::Value) -> serde_json::Value {
        self.call_at("", method, params).await
    }

    /// A call of Ethereum's API there.
    pub(super) async fn eth(&mut self, method: &str, params: serde_json::Value) -> serde_json::Value {
        self.call_at("/eth", method, params).await
    }

    async fn call_at(&mut self, path: &str, method: &str, params: serde_json::Value) -> serde_json::Value {
        let call = serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = self.request("POST", path, &call.to_string()).await;
        let answer: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// Ends the plugin as a node does.
    pub(super) async fn shut_down(mut self) {
        self.vm.shutdown(()).await.unwrap();
        terminate(&self.child);
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.success(), "{status}");
                return;
            }
            assert!(tokio::time::Instant::now() < end, "the plugin ends");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

pub(super) fn terminate(child: &Child) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
}

/// What a node is given for its chain.
pub(super) struct Network {
    pub(super) genesis: Vec<u8>,
    pub(super) config: Vec<u8>,
    pub(super) upgrades: Vec<u8>,
    pub(super) data_dir: Arc<tempfile::TempDir>,
}

impl Network {
    /// Another node of the same network, with a folder of its own.
    pub(super) fn another(&self) -> Self {
        let data_dir = Arc::new(tempfile::tempdir().unwrap());
        Self {
            data_dir,
            genesis: self.genesis.clone(),
            config: self.config.clone(),
            upgrades: self.upgrades.clone(),
        }
    }
}
