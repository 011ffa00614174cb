//! Only the worker's node is served, and no request twice.

use std::sync::Arc;
use std::sync::Mutex;

use dfsn_compute::service::Refusal;
use dfsn_compute::service::auth::{Call, CallHeader, now_ms};
use dfsn_compute::service::node::{Exchange, HttpLink, Link, LinkRequest, NodeError, RemoteWorker};
use dfsn_types::{FileHash, SecretKey};

use crate::harness::{Harness, NODE_SEED, WORKER_SEED, offer, params, remote};

/// Changes each request on its way and remembers it.
#[derive(Debug)]
struct Tampering {
    inner: HttpLink,
    change: fn(&mut LinkRequest),
    last: Mutex<Option<LinkRequest>>,
}

impl Link for Tampering {
    fn exchange(&self, mut request: LinkRequest) -> Exchange<'_> {
        (self.change)(&mut request);
        *self.last.lock().unwrap() = Some(request.clone());
        self.inner.exchange(request)
    }
}

fn tampering(worker: &Harness, change: fn(&mut LinkRequest)) -> (RemoteWorker, Arc<Tampering>) {
    let inner = HttpLink::new(&format!("http://{}", worker.address)).unwrap();
    let link = Arc::new(Tampering { inner, change, last: Mutex::default() });
    let key = Arc::new(SecretKey::from_seed(&NODE_SEED));
    let name = SecretKey::from_seed(&WORKER_SEED).public_key();
    (RemoteWorker::new(key, name, Arc::clone(&link) as Arc<dyn Link>), link)
}

#[tokio::test]
async fn strangers_are_refused_before_anything_is_done() {
    let worker = Harness::start(0).await;
    let stranger = remote(worker.address, &[5; 32]);
    // A refusal to a stranger is not signed: it could be anybody's.
    let error = stranger.submit(&offer(1, params("a fox"))).await.unwrap_err();
    assert!(matches!(error, NodeError::Unsigned(_)), "{error}");
    assert!(worker.service.keys().is_empty());
}

#[tokio::test]
async fn what_is_signed_cannot_be_changed() {
    let worker = Harness::start(0).await;
    let changes: [fn(&mut LinkRequest); 4] = [
        |request| request.path = request.path.replace("/v1/info", "/v1/jobs"),
        |request| request.method = "DELETE".to_owned(),
        |request| request.header.timestamp_ms += 1,
        |request| request.header.nonce[0] ^= 1,
    ];
    for change in changes {
        let (node, _) = tampering(&worker, change);
        let error = node.info().await.unwrap_err();
        assert!(matches!(error, NodeError::Unsigned(_)), "{error}");
    }
    let (node, _) = tampering(&worker, |request| request.body = b"{}".as_slice().into());
    let error = node.submit(&offer(1, params("a fox"))).await.unwrap_err();
    assert!(matches!(error, NodeError::Refused(Refusal::WrongHash)), "{error}");
    assert!(worker.service.keys().is_empty());
}

#[tokio::test]
async fn a_request_is_taken_once() {
    let worker = Harness::start(0).await;
    let (node, link) = tampering(&worker, |_| {});
    node.info().await.unwrap();
    let request = link.last.lock().unwrap().clone().unwrap();
    let reply = link.inner.exchange(request).await.unwrap();
    let refusal: dfsn_compute::service::wire::RefusalBody = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((reply.status, refusal.refusal), (401, Refusal::Replayed));
}

#[tokio::test]
async fn a_stale_request_is_refused_and_names_the_window() {
    let worker = Harness::start(0).await;
    let link = HttpLink::new(&format!("http://{}", worker.address)).unwrap();
    let name = SecretKey::from_seed(&WORKER_SEED).public_key();
    for timestamp_ms in [now_ms() - 60_000, now_ms() + 60_000] {
        let call = Call { method: "GET", path: "/v1/info", body: FileHash::of(&[]) };
        let header = CallHeader::sign(&SecretKey::from_seed(&NODE_SEED), &name, call, timestamp_ms, [0; 16]);
        let (method, path) = ("GET".to_owned(), "/v1/info".to_owned());
        let request = LinkRequest { method, path, header, body: bytes::Bytes::new() };
        let reply = link.exchange(request).await.unwrap();
        let refusal: dfsn_compute::service::wire::RefusalBody = serde_json::from_slice(&reply.body).unwrap();
        let Refusal::Stale { earliest_ms, latest_ms } = refusal.refusal else { panic!("{refusal:?}") };
        assert!((earliest_ms..=latest_ms).contains(&now_ms()));
        assert!(!(earliest_ms..=latest_ms).contains(&timestamp_ms));
    }
}

#[tokio::test]
async fn health_is_for_everybody_and_nothing_else_is() {
    let worker = Harness::start(0).await;
    for (path, expected) in [("/health", 200), ("/ready", 200), ("/v1/info", 401), ("/", 401)] {
        assert_eq!(get(&worker, path).await, expected, "{path}");
    }
}

/// Status of a plain GET.
async fn get(worker: &Harness, path: &str) -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(worker.address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: worker\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text.split(' ').nth(1).unwrap().parse().unwrap()
}
