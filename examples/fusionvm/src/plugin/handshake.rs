//! How plugin and node find each other.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};

use super::proto::http::http_server::HttpServer;
use super::proto::vm::runtime::InitializeRequest;
use super::proto::vm::runtime::runtime_client::RuntimeClient;
use super::proto::vm::vm_server::VmServer;
use super::service::Plugin;
use crate::error::NodeError;

/// The node says here where it waits for its plugin.
pub const ENGINE_VARIABLE: &str = "AVALANCHE_VM_RUNTIME_ENGINE_ADDR";

/// The protocol of AvalancheGo v1.14.2; v1.15 speaks 46 with the same messages.
pub const PROTOCOL: u32 = 45;
/// Protocols whose messages these are.
const PROTOCOLS: std::ops::RangeInclusive<u32> = 45..=46;
/// The node gives up after 5 seconds.
const PATIENCE: Duration = Duration::from_secs(4);
/// How often it is looked whether the node is still there.
const ORPHAN_CHECK: Duration = Duration::from_secs(2);
/// How long calls may go on after the end was asked for.
const GRACE: Duration = Duration::from_secs(3);

/// Whether a node has started this process.
pub fn is_plugin() -> bool {
    std::env::var_os(ENGINE_VARIABLE).is_some()
}

/// The protocol to announce: that of the file's name (`<vm id>.p46`), since a node passes neither arguments nor environment.
fn protocol(program: Option<&Path>) -> u32 {
    let extension = program.and_then(Path::extension).and_then(|extension| extension.to_str());
    let named = extension.and_then(|extension| extension.strip_prefix('p')?.parse().ok());
    named.filter(|number| PROTOCOLS.contains(number)).unwrap_or(PROTOCOL)
}

/// Runs until the node says so, or is gone.
///
/// # Errors
/// [`NodeError::Plugin`] when the node is not there, or speaks another protocol.
pub async fn run() -> Result<(), NodeError> {
    let engine = std::env::var(ENGINE_VARIABLE)
        .map_err(|_| NodeError::Plugin(format!("{ENGINE_VARIABLE} is not set: AvalancheGo sets it")))?;
    let parent = parent_id();
    let signals = Signals::listen().map_err(NodeError::io(Path::new("signals")))?;
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(NodeError::io(Path::new("127.0.0.1")))?;
    let address = listener.local_addr().map_err(NodeError::io(Path::new("127.0.0.1")))?;
    let program = std::env::current_exe().ok();
    announce(&engine, address, protocol(program.as_deref())).await?;
    let (ended, ending) = watch::channel(false);
    let plugin = Plugin::new(address, ended);
    // It serves from the start; what else there is to say, `Health` of the chain says.
    let (_, health) = tonic_health::server::health_reporter();
    let calls = HttpServer::new(plugin.requests())
        .max_decoding_message_size(usize::MAX)
        .max_encoding_message_size(usize::MAX);
    let vm = VmServer::new(plugin.clone())
        .max_decoding_message_size(usize::MAX)
        .max_encoding_message_size(usize::MAX);
    let serving = Server::builder()
        .max_concurrent_streams(u32::MAX)
        .add_service(health)
        .add_service(vm)
        .add_service(calls)
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)));
    tokio::select! {
        served = serving => served.map_err(|error| NodeError::Plugin(error.to_string()))?,
        () = signals.told(ending, parent) => {}
        () = orphaned(parent) => tracing::warn!("the node is gone"),
    }
    let _ = tokio::time::timeout(GRACE, plugin.shut_down()).await;
    Ok(())
}

/// Tells the node where the plugin listens, and which protocol it speaks.
async fn announce(engine: &str, address: SocketAddr, protocol: u32) -> Result<(), NodeError> {
    let failed = |reason: &dyn std::fmt::Display| {
        let hint = "a file named <vm id>.p46 announces 46";
        NodeError::Plugin(format!("the node at {engine} is told protocol {protocol} ({hint}): {reason}"))
    };
    let request = InitializeRequest { protocol_version: protocol, addr: address.to_string() };
    let announced = tokio::time::timeout(PATIENCE, async {
        let channel = connect(engine).await?;
        RuntimeClient::new(channel).initialize(request).await.map_err(|status| status.message().to_owned())
    });
    match announced.await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(reason)) => Err(failed(&reason)),
        Err(_) => Err(failed(&"it does not answer")),
    }
}

/// A channel to a service of the node, without limits on what comes: the node is trusted.
pub(super) async fn connect(address: &str) -> Result<Channel, String> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|error| error.to_string())?;
    let endpoint = endpoint.http2_keep_alive_interval(Duration::from_secs(30)).keep_alive_while_idle(true);
    endpoint.connect().await.map_err(|error| error.to_string())
}

/// SIGINT and SIGTERM, which from now on end nothing by themselves.
#[cfg(unix)]
struct Signals(tokio::signal::unix::Signal, tokio::signal::unix::Signal);

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self(signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?))
    }

    /// After `Shutdown`, SIGTERM ends the process; before it both signals are ignored, as they go to the whole group of a terminal. A
    /// node that dies lets the system send SIGTERM, too.
    async fn told(mut self, ending: watch::Receiver<bool>, parent: u32) {
        loop {
            tokio::select! {
                _ = self.0.recv() => {}
                _ = self.1.recv() => {
                    if *ending.borrow() || parent_id() != parent {
                        return;
                    }
                }
            }
        }
    }
}

/// Elsewhere `Shutdown` itself is the end.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn told(self, mut ending: watch::Receiver<bool>, _parent: u32) {
        let _ = ending.wait_for(|ended| *ended).await;
    }
}

/// Ends when the process has been given another parent: its node has died without a word.
async fn orphaned(parent: u32) {
    let mut looks = tokio::time::interval(ORPHAN_CHECK);
    loop {
        looks.tick().await;
        if parent_id() != parent {
            return;
        }
    }
}

#[cfg(unix)]
fn parent_id() -> u32 {
    std::os::unix::process::parent_id()
}

#[cfg(not(unix))]
const fn parent_id() -> u32 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_name_says_which_protocol() {
        for (name, number) in
            [("n8Azj", 45), ("n8Azj.p46", 46), ("n8Azj.p45", 45), ("n8Azj.p99", 45), ("fusionvm.exe", 45)]
        {
            assert_eq!(protocol(Some(Path::new(name))), number, "{name}");
        }
        assert_eq!(protocol(None), 45);
    }
}
