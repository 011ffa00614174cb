//! A whole node on a real port, with its own client and with callers that mean no good.

mod alloy;
mod api;
#[cfg(unix)]
mod figures;
mod hostile;
mod jobs;
mod load;
mod log_times;
mod logs;
mod openrpc;
mod process;
#[cfg(unix)]
mod register;
mod soak;
mod wallets;
mod web;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use dfsn_client::Client;
use dfsn_client::transport::Http;
use dfsn_types::{Amount, SecretKey, Timestamp};
use fusionvm::{
    BlobStore, Config, DevNetwork, Faucet, Joining, Limits, LocalCompute, Node, NodeParts, Remotes, Served,
    Validators, WebParts, Workers,
};
use tokio::task::JoinHandle;

/// A development node in this process.
struct DevNode {
    node: Node,
    api: Served,
    validators: JoinHandle<()>,
    compute: Option<LocalCompute>,
    blobs: Arc<BlobStore>,
}

/// What a node of the tests has of its own.
struct Setting<'a> {
    /// Coins that the faucet gives.
    coins: u64,
    page: Option<&'a Path>,
    clock: fn() -> Timestamp,
}

impl Default for Setting<'_> {
    fn default() -> Self {
        Self { coins: 10, page: None, clock: fusionvm::system_time }
    }
}

impl DevNode {
    /// Without a model: nothing is drawn.
    async fn start(data_dir: &Path) -> Self {
        Self::start_with(data_dir, Limits::default(), None).await
    }

    async fn start_with(data_dir: &Path, limits: Limits, model: Option<&Path>) -> Self {
        Self::start_as(data_dir, limits, model, Setting::default()).await
    }

    /// With a faucet that gives so many coins.
    async fn start_giving(data_dir: &Path, limits: Limits, model: Option<&Path>, coins: u64) -> Self {
        Self::start_as(data_dir, limits, model, Setting { coins, ..Setting::default() }).await
    }

    /// With the web page of a folder.
    async fn start_page(data_dir: &Path, limits: Limits, model: Option<&Path>, page: Option<&Path>) -> Self {
        Self::start_as(data_dir, limits, model, Setting { page, ..Setting::default() }).await
    }

    /// With a clock of the test's own.
    async fn start_at(
        data_dir: &Path,
        limits: Limits,
        model: Option<&Path>,
        clock: fn() -> Timestamp,
    ) -> Self {
        Self::start_as(data_dir, limits, model, Setting { clock, ..Setting::default() }).await
    }

    async fn start_as(
        data_dir: &Path,
        limits: Limits,
        model: Option<&Path>,
        Setting { coins, page, clock }: Setting<'_>,
    ) -> Self {
        let network = DevNetwork::open(data_dir, model).unwrap();
        let faucet = Some(Faucet { amount: Amount::from_dfsn(coins), every_seconds: 60 });
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = Config { listen, limits, faucet, data_dir: data_dir.to_owned(), ..Config::default() };
        let blobs = Arc::new(BlobStore::open(&data_dir.join("blobs"), 64 << 20).unwrap());
        let node = Node::start(NodeParts {
            data_dir,
            genesis: &network.genesis,
            sealer: &network.sealer,
            beacon: network.validators.first(),
            upgrades: fusionvm::Upgrades::default(),
            blobs: Arc::clone(&blobs),
            clock,
        });
        let mut node = node.unwrap();
        let remotes = Remotes::new(&network.sealer, &[]).unwrap();
        let (web_workers, (joining, joins)) = (Workers::default(), Joining::new());
        let web = page.map(|folder| WebParts {
            folder,
            genesis: &network.genesis,
            model,
            workers: Arc::clone(&web_workers),
            joining: Some(joining),
        });
        let handle = node.handle().clone();
        let api = Served::start_with(handle, &config, &network.sealer, remotes.router, web).await.unwrap();
        let compute = match model {
            Some(model) => {
                let folder = data_dir.join("compute");
                Some(LocalCompute::start(&network.sealer, model.to_owned(), &folder).await.unwrap())
            }
            None => None,
        };
        let workers: Vec<_> = compute.iter().map(LocalCompute::worker).collect();
        web_workers.set(workers.clone()).unwrap();
        let validators = Validators::of(&mut node, &network.validators, &workers).with(joins);
        let validators = tokio::spawn(validators.run());
        Self { node, api, validators, compute, blobs }
    }

    fn url(&self) -> String {
        format!("http://{}", self.api.address())
    }

    async fn transport(&self) -> Http {
        Http::connect(&self.url()).await.unwrap()
    }

    /// A user with coins of the faucet.
    async fn user(&self, seed: u8) -> Client<Http> {
        let transport = self.transport().await;
        let user = Client::new(transport.clone(), SecretKey::from_seed(&[seed; 32]));
        transport.ask_faucet(user.address()).await.unwrap();
        user
    }

    /// Sends raw bytes and reads the whole answer; the request has to ask for the end of the connection.
    async fn raw(&self, request: impl Into<Vec<u8>>) -> Answer {
        let (address, request) = (self.api.address(), request.into());
        tokio::task::spawn_blocking(move || raw(address, &request)).await.unwrap()
    }

    async fn get(&self, path: &str, headers: &str) -> Answer {
        self.raw(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n")).await
    }

    async fn post(&self, path: &str, body: &str) -> Answer {
        let length = body.len();
        self.raw(format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        ))
        .await
    }

    async fn stop(self) {
        self.api.stop().await;
        self.validators.abort();
        if let Some(compute) = self.compute {
            compute.stop().await;
        }
        self.node.stop().unwrap();
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn raw(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    // A server that has seen enough closes; what it says is read all the same.
    let _ = stream.write_all(request);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer");
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let mut body = bytes[end + 4..].to_vec();
    if head.contains("transfer-encoding: chunked") {
        body = unchunk(&body);
    }
    Answer { status, head, body }
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let length =
            std::str::from_utf8(&rest[..end]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let Some(length) = length.filter(|length| *length > 0) else { break };
        whole.extend(&rest[end + 2..end + 2 + length]);
        rest = &rest[end + 4 + length..];
    }
    whole
}

fn emoji() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/emoji-64"))
}
