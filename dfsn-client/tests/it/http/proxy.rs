//! A way to the node that breaks when a test says so.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Passes connections on. Dropped, it breaks them and takes no more.
pub(super) struct Proxy {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    cut: watch::Sender<u64>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub(super) async fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let (cut, cuts) = watch::channel(0);
        let count = Arc::clone(&accepted);
        let task = tokio::spawn(async move {
            while let Ok((mut here, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let mut cuts = cuts.clone();
                cuts.mark_unchanged();
                tokio::spawn(async move {
                    let Ok(mut there) = TcpStream::connect(to).await else { return };
                    // A cut is a change, or the end of the proxy.
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut here, &mut there) => {}
                        _ = cuts.changed() => {}
                    }
                });
            }
        });
        Self { address, accepted, cut, task }
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections so far.
    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Breaks all connections.
    pub(super) fn cut(&self) {
        self.cut.send_modify(|cuts| *cuts += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}
