//! Many callers at a time: each is served or told to go away, and the node goes on.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use fusionvm::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::DevNode;

/// Callers at the same time, if the system has as many files for both ends in this process.
const CALLERS: usize = 10_000;
/// Nothing that is waited for takes longer; it is no bound that a test is about.
const PATIENCE: Duration = Duration::from_secs(120);

/// How a caller fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Served,
    /// Status 429 or 503, or the connection was closed.
    Refused,
}

/// As many callers as both ends' files allow.
fn callers() -> usize {
    let output = Command::new("sh").args(["-c", "ulimit -n"]).output().unwrap();
    let files = String::from_utf8_lossy(&output.stdout).trim().parse::<usize>().unwrap_or(usize::MAX);
    let callers = CALLERS.min(files.saturating_sub(2_500));
    if callers < CALLERS {
        eprintln!("{callers} callers instead of {CALLERS}: this process may open {files} files (ulimit -n)");
    }
    callers
}

async fn call(address: SocketAddr) -> Fate {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"dfsn_syncing"}"#;
        let head = "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n";
        stream.write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    match tokio::time::timeout(PATIENCE, ask).await.expect("an answer or an end") {
        Ok(answer) if answer.starts_with(b"HTTP/1.1 200") => Fate::Served,
        Ok(answer) if answer.is_empty() => Fate::Refused,
        Ok(answer) => {
            let text = String::from_utf8_lossy(&answer);
            assert!(text.starts_with("HTTP/1.1 429") || text.starts_with("HTTP/1.1 503"), "{text}");
            Fate::Refused
        }
        Err(_) => Fate::Refused,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_callers_at_a_time_are_served_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { requests_per_second: 5_000, burst: 5_000, ..Limits::default() };
    let node = DevNode::start_with(folder.path(), limits, None).await;
    let (address, callers) = (node.api.address(), callers());
    let mut calls = JoinSet::new();
    for _ in 0..callers {
        calls.spawn(call(address));
    }
    let fates = calls.join_all().await;
    let served = fates.iter().filter(|fate| **fate == Fate::Served).count();
    assert!(served >= 1_000.min(callers), "{served} of {callers} were served");
    // Whoever comes then finds everything as it was.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(node.get("/health", "").await.status, 200);
    assert_eq!(call(address).await, Fate::Served);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_are_slow_lose_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { connections: 16, ..Limits::default() };
    let node = DevNode::start_with(folder.path(), limits, None).await;
    let address = node.api.address();
    // All places, by heads that go on for ever, a byte at a time.
    let mut slow = JoinSet::new();
    for _ in 0..16 {
        slow.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET /health HTTP/1.1\r\nx: ").await.unwrap();
            while stream.write_all(b"y").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    // Served once their time is over.
    assert_eq!(call(address).await, Fate::Served);
    node.stop().await;
}
