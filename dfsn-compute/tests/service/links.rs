//! The same requests over one WebSocket, whoever dialled it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use dfsn_compute::service::auth::{Call, CallHeader, now_ms};
use dfsn_compute::service::dial::Dialler;
use dfsn_compute::service::node::{
    DialledWorker, HttpLink, Link, LinkRequest, NodeError, RemoteWorker, WebSocketLink, no_worker,
};
use dfsn_compute::service::wire::{EndReason, EventKind, JobState};
use dfsn_compute::service::{Frame, FrameError, Refusal};
use dfsn_types::{Boundary, FileHash, SecretKey};
use proptest::prelude::*;
use tokio::sync::watch;

use crate::harness::{Harness, NODE_SEED, WORKER_SEED, context, offer, params, params_of, wait_over};

pub(crate) fn node_key() -> Arc<SecretKey> {
    Arc::new(SecretKey::from_seed(&NODE_SEED))
}

/// Submits, follows, fetches and opens over any link.
pub(crate) async fn draws(node: &RemoteWorker, number: u8) {
    let job = offer(number, params("a fox"));
    node.submit(&job).await.unwrap();
    let JobState::Done { result } = wait_over(node, job.key()).await.state else { panic!("not done") };
    let root = result.commitment.trace_root;
    let tree = node.trace(job.key(), &job.params, &root).await.unwrap();
    let boundary = Boundary { image: 0, t: 7 };
    let digest = tree.open(boundary).unwrap().digest;
    let state = node.state(&context(&job), boundary, &digest).await.unwrap();
    assert_eq!(state.len(), 64 * 64 * 3 * 4);
    let picture = node.blob(&result.commitment.images[0].picture().unwrap().file).await.unwrap();
    assert!(picture.starts_with(b"\x89PNG"));
}

#[tokio::test]
async fn a_node_can_ask_over_a_websocket() {
    let worker = Harness::start(0).await;
    let name = worker.service.public_key();
    let link = WebSocketLink::new(&format!("ws://{}", worker.address), node_key(), name).unwrap();
    draws(&RemoteWorker::new(node_key(), name, Arc::new(link)), 1).await;
}

#[tokio::test]
async fn a_stranger_opens_no_websocket() {
    let worker = Harness::start(0).await;
    let (stranger, name) = (Arc::new(SecretKey::from_seed(&[5; 32])), worker.service.public_key());
    let link = WebSocketLink::new(&format!("ws://{}", worker.address), Arc::clone(&stranger), name).unwrap();
    let error = RemoteWorker::new(stranger, name, Arc::new(link)).info().await.unwrap_err();
    assert!(error.to_string().contains("refused: not signed by this worker's node"), "{error}");
}

/// A node's server on a port, for one worker.
async fn node_server(address: &str, dialled: &DialledWorker) -> (String, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let router: Router = dialled.router();
    (address, tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }))
}

#[tokio::test]
async fn a_worker_that_calls_its_node_serves_it() {
    let worker = Harness::start(0).await;
    let name = worker.service.public_key();
    let dialled = DialledWorker::new(node_key().public_key(), name);
    let (address, _server) = node_server("127.0.0.1:0", &dialled).await;
    let (stop, stopping) = watch::channel(false);
    let dialler = Dialler::new(&format!("ws://{address}/"), worker.service.clone()).unwrap();
    let dialling = tokio::spawn(dialler.run(stopping));

    let node = RemoteWorker::new(node_key(), name, Arc::new(dialled.clone()));
    // The first request waits for the call.
    draws(&node, 1).await;
    assert!(dialled.is_connected() && worker.service.is_connected());

    // Its operator asks it through the node what it is, and nothing of its work; strangers ask nothing.
    let link: Arc<dyn Link> = Arc::new(HttpLink::new(&format!("http://{address}")).unwrap());
    let operator = RemoteWorker::new(node_key(), name, Arc::clone(&link));
    assert_eq!(operator.info().await.unwrap().key, name);
    assert!(matches!(operator.jobs().await, Err(NodeError::Unsigned(_))));
    let stranger = RemoteWorker::new(Arc::new(SecretKey::from_seed(&[5; 32])), name, link);
    assert!(matches!(stranger.info().await, Err(NodeError::Unsigned(_))));
    stop.send_replace(true);
    dialling.await.unwrap();
    assert!(!worker.service.is_connected());
}

#[tokio::test]
async fn a_worker_calls_again_and_events_go_on_by_number() {
    let worker = Harness::start(0).await;
    let name = worker.service.public_key();
    let (_stop, stopping) = watch::channel(false);
    let first = DialledWorker::new(node_key().public_key(), name);
    let (address, server) = node_server("127.0.0.1:0", &first).await;
    let dialler = Dialler::new(&format!("ws://{address}"), worker.service.clone()).unwrap();
    tokio::spawn(dialler.run(stopping));
    let node = RemoteWorker::new(node_key(), name, Arc::new(first.clone()));
    let (one, two) = (offer(1, params("a fox")), offer(2, params("pizza")));
    node.submit(&one).await.unwrap();
    wait_over(&node, one.key()).await;
    let seen = node.events(None, 0, 0).await.unwrap();

    // The node restarts: its server and its end of the tunnel are gone.
    server.abort();
    let _ = server.await;
    drop((node, first));
    let second = DialledWorker::new(node_key().public_key(), name);
    let (_, _server) = node_server(&address, &second).await;
    let node = RemoteWorker::new(node_key(), name, Arc::new(second));
    node.submit(&two).await.unwrap();
    wait_over(&node, two.key()).await;
    let rest = node.events(Some(seen.boot), seen.next, 0).await.unwrap();
    assert!(!rest.gap);
    assert_eq!(rest.events[0].seq, seen.next + 1);
    assert!(rest.events.iter().all(|event| event.job == two.job));
}

#[tokio::test]
async fn a_node_that_waits_for_no_worker_says_how_it_is_made_to() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = HttpLink::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move { axum::serve(listener, no_worker("tell it")).await.unwrap() });
    for path in ["/v1/worker", "/v1/info", "/v1/possession"] {
        let call = Call { method: "GET", path, body: FileHash::of(&[]) };
        let header = CallHeader::sign(&node_key(), &node_key().public_key(), call, now_ms(), [0; 16]);
        let (method, body) = ("GET".to_owned(), Bytes::new());
        let reply = link.exchange(LinkRequest { method, path: path.to_owned(), header, body }).await.unwrap();
        let text = String::from_utf8_lossy(&reply.body);
        assert_eq!(reply.status, 404);
        assert!(text.contains("this node waits for no worker; tell it"), "{text}");
    }
}

#[tokio::test]
async fn a_node_takes_no_calls_of_other_workers() {
    let worker = Harness::start(0).await;
    let other = SecretKey::from_seed(&[6; 32]).public_key();
    let dialled = DialledWorker::new(node_key().public_key(), other);
    let (address, _server) = node_server("127.0.0.1:0", &dialled).await;
    let (_stop, stopping) = watch::channel(false);
    let dialler = Dialler::new(&format!("ws://{address}"), worker.service.clone()).unwrap();
    let calling = tokio::spawn(dialler.run(stopping));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!dialled.is_connected());
    calling.abort();
}

#[tokio::test]
async fn an_open_tunnel_tells_of_the_end() {
    let worker = Harness::start(20).await;
    let name = worker.service.public_key();
    let link = WebSocketLink::new(&format!("ws://{}", worker.address), node_key(), name).unwrap();
    let node = RemoteWorker::new(node_key(), name, Arc::new(link));
    let (running, waiting) = (offer(1, params_of("a fox", 150, 1)), offer(2, params("pizza")));
    node.submit(&running).await.unwrap();
    node.submit(&waiting).await.unwrap();
    let seen = node.events(None, 0, 0).await.unwrap();
    let service = worker.service.clone();
    let ending = tokio::task::spawn_blocking(move || service.shut_down(Duration::ZERO));
    let mut handed_back = Vec::new();
    let mut after = seen.next;
    while handed_back.len() < 2 {
        let page = node.events(Some(seen.boot), after, 5_000).await.unwrap();
        after = page.next;
        handed_back.extend(page.events.into_iter().filter_map(|event| {
            let is_it = event.kind == EventKind::Ended { reason: EndReason::HandedBack };
            is_it.then_some(event.job)
        }));
    }
    assert_eq!(handed_back, [waiting.job, running.job]);
    ending.await.unwrap();
}

#[test]
fn urls_are_checked() {
    for wrong in ["", "127.0.0.1:80", "ftp://host", "http://", "ws://host"] {
        let error = HttpLink::new(wrong).unwrap_err().to_string();
        assert!(error.ends_with("is not a URL of the form http://host[:port] with http or https"), "{error}");
    }
    assert!(HttpLink::new("https://host:7733/").is_ok());
    let worker = SecretKey::from_seed(&WORKER_SEED).public_key();
    assert!(WebSocketLink::new("https://host", node_key(), worker).is_err());
    assert!(WebSocketLink::new("wss://host", node_key(), worker).is_ok());
}

#[tokio::test]
async fn nobody_there_is_told_as_such() {
    let worker = SecretKey::from_seed(&WORKER_SEED).public_key();
    // A port that was free a moment ago.
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let links: [Arc<dyn Link>; 2] = [
        Arc::new(HttpLink::new(&format!("http://{port}")).unwrap()),
        Arc::new(WebSocketLink::new(&format!("ws://{port}"), node_key(), worker).unwrap()),
    ];
    for link in links {
        let error = RemoteWorker::new(node_key(), worker, link).info().await.unwrap_err();
        assert!(error.to_string().starts_with("the worker cannot be reached: "), "{error}");
    }
}

#[tokio::test]
async fn what_answers_in_the_workers_place_is_not_believed() {
    let worker = Harness::start(0).await;
    let link = Arc::new(HttpLink::new(&format!("http://{}", worker.address)).unwrap());
    let other = SecretKey::from_seed(&[6; 32]).public_key();
    let error = RemoteWorker::new(node_key(), other, link).info().await.unwrap_err();
    assert!(matches!(error, NodeError::Unsigned(name) if name == other), "{error}");
}

proptest! {
    #[test]
    fn frames_are_read_as_written(
        id in any::<u64>(),
        status in any::<u16>(),
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let frame = Frame::Reply { id, status, signature: None, body: body.into() };
        prop_assert_eq!(Frame::parse(&frame.to_bytes()), Ok(frame));
    }

    #[test]
    fn any_message_is_a_frame_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Frame::parse(&bytes.into()).is_err());
    }

    #[test]
    fn cut_frames_are_refused_until_their_head_is_whole(at in any::<prop::sample::Index>()) {
        let frame = Frame::Reply { id: 7, status: 200, signature: None, body: "body".into() };
        let bytes = frame.to_bytes();
        let cut = at.index(bytes.len() - 4);
        prop_assert!(Frame::parse(&bytes.slice(..cut)).is_err());
    }
}

#[test]
fn heads_over_their_limit_are_refused_before_they_are_read() {
    let mut message = 5_000_u32.to_le_bytes().to_vec();
    message.resize(6_000, b' ');
    assert_eq!(Frame::parse(&message.into()), Err(FrameError::Length(6_000)));
    let refusal = Refusal::TooLarge { max_bytes: 1 };
    assert_eq!((refusal.code().as_str(), refusal.status().as_u16()), ("too_large", 413));
}
