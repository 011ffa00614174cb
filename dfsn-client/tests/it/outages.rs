//! A node that is gone or says nothing: every call ends.

use std::time::Duration;

use dfsn_client::transport::{TransportError, in_process};
use dfsn_client::{Client, ClientConfig, ClientError};
use dfsn_types::{Amount, JobId, SecretKey};

use crate::node::{Node, SOMEBODY, next_event, params, request};

fn is_closed(error: &ClientError) -> bool {
    matches!(error, ClientError::Transport(TransportError::Closed))
}

#[tokio::test(start_paused = true)]
async fn every_call_to_a_stopped_node_ends() {
    let node = Node::start();
    let user = node.client(0);
    let price = user.quote(&params(1, 1)).await.unwrap().price_per_unit;
    node.stop().await;
    let some = JobId::from_bytes([1; 32]);
    assert!(is_closed(&user.network().await.unwrap_err()));
    assert!(is_closed(&user.account(SOMEBODY).await.unwrap_err()));
    assert!(is_closed(&user.job(some).await.unwrap_err()));
    assert!(is_closed(&user.quote(&params(1, 1)).await.unwrap_err()));
    assert!(is_closed(&user.transfer(SOMEBODY, Amount::DFSN).await.unwrap_err()));
    assert!(is_closed(&user.acknowledge(some).await.unwrap_err()));
    assert!(is_closed(&user.generate(request(params(1, 1), price)).await.unwrap_err()));
}

#[tokio::test(start_paused = true)]
async fn node_that_stops_ends_the_wait_for_a_receipt() {
    let node = Node::start();
    let user = node.client(0);
    node.hold();
    let sending = tokio::spawn(async move { user.transfer(SOMEBODY, Amount::DFSN).await });
    node.until_waiting().await;
    // Once more round, so that the client waits for its block and for nothing else.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let start = tokio::time::Instant::now();
    node.stop().await;
    assert!(is_closed(&sending.await.unwrap().unwrap_err()));
    assert_eq!(start.elapsed(), Duration::ZERO, "at once, not by a timeout");
}

#[tokio::test(start_paused = true)]
async fn node_that_stops_ends_the_wait_for_an_event() {
    let node = Node::start();
    let user = node.client(0);
    let price = user.quote(&params(1, 1)).await.unwrap().price_per_unit;
    let mut job = user.generate(request(params(1, 1), price)).await.unwrap();
    node.hold();
    while let Ok(event) = tokio::time::timeout(Duration::from_secs(1), job.next_event()).await {
        assert!(event.unwrap().is_some(), "the job is not over");
    }
    node.stop().await;
    assert!(is_closed(&next_event(&mut job).await.unwrap_err()));
    assert!(is_closed(&job.fetch().await.unwrap_err()));
}

#[tokio::test(start_paused = true)]
async fn silent_node_is_waited_for_as_long_as_configured() {
    // Nobody ever reads the calls.
    let (transport, _server) = in_process();
    let call_timeout = Duration::from_secs(3);
    let config = ClientConfig { call_timeout, ..ClientConfig::default() };
    let user = Client::with_config(transport, SecretKey::from_seed(&[1; 32]), config);
    let start = tokio::time::Instant::now();
    let error = user.network().await.unwrap_err();
    assert_eq!(error, ClientError::NoAnswer { waited: call_timeout });
    assert!(error.is_retryable());
    assert_eq!(start.elapsed().as_secs(), 3);
    assert_eq!(user.transfer(SOMEBODY, Amount::DFSN).await.unwrap_err(), error);
}
