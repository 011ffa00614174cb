use dfsn_client::transport::{Http, TransportError};
use dfsn_client::webhook::Webhook;
use dfsn_types::SecretKey;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!("{}", SecretKey::from_seed(&[7; 32]).public_key());
    let refused = Http::connect("ftp://127.0.0.1").await.expect_err("no address of a node");
    assert!(matches!(refused, TransportError::Url { .. }) && !refused.is_retryable(), "{refused}");
    Webhook::new("http://127.0.0.1/", "short").expect_err("no secret");
}
