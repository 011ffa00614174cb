//! The same client over HTTP and WebSocket, on real sockets: behind the API stands the same small node.

mod proxy;

use std::net::SocketAddr;
use std::time::Duration;

use dfsn_client::api::{self, DfsnApiClient, RawTransaction, Submitted};
use dfsn_client::transport::{
    Http, HttpBuilder, Notification, RetryPolicy, Subscription, Transport, TransportError,
};
use dfsn_client::view::{JobQuery, JobStatus};
use dfsn_client::{Client, ClientError, JobEvent, LightClient, LightError};
use dfsn_types::{Amount, BlockHeight, Event, GenesisHash};
use jsonrpsee::http_client::HttpClientBuilder;
use jsonrpsee::server::{Server, ServerHandle};

use crate::node::genesis::{USER_MONEY, address, genesis, user_key};
use crate::node::{Node, SOMEBODY, next_event, params, request};
use proxy::Proxy;

/// A node's API on a port of its own; it ends with the value.
struct Served {
    node: Node,
    address: SocketAddr,
    _server: ServerHandle,
}

impl Served {
    async fn start() -> Self {
        let node = Node::start();
        let server = Server::builder().build("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        let _server = server.start(api::methods(node.transport.clone()));
        Self { node, address, _server }
    }

    fn builder(&self) -> HttpBuilder {
        Http::builder(&format!("http://{}/", self.address))
    }

    async fn client(&self, user: u8) -> Client<Http> {
        Client::new(self.builder().connect().await.unwrap(), user_key(user))
    }
}

#[tokio::test]
async fn a_job_is_followed_from_its_first_event_to_its_last() {
    let served = Served::start().await;
    let user = served.client(0).await;
    let params = params(7, 1);
    let quote = user.quote(&params).await.unwrap();
    let mut job = user.generate(request(params, quote.price_per_unit)).await.unwrap();
    let (mut events, mut steps) = (Vec::new(), 0);
    while let Some(event) = next_event(&mut job).await.unwrap() {
        match event {
            JobEvent::Chain(event) => {
                if let Event::JobCommitted { .. } = event {
                    job.acknowledge().await.unwrap();
                }
                events.push(event);
            }
            JobEvent::Progress { .. } => steps += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(events.first(), Some(Event::JobRequested { .. })), "{events:?}");
    assert!(matches!(events.last(), Some(Event::JobSettled { .. })), "{events:?}");
    assert!(steps > 0);
    assert_eq!(job.info().await.unwrap().status, JobStatus::Settled);

    let query = JobQuery { requester: Some(user.address()), ended: Some(true), ..JobQuery::default() };
    let node = served.builder().connect().await.unwrap();
    let page = node.jobs(query.clone()).await.unwrap();
    assert_eq!((page.jobs.len(), page.next), (1, None));
    let nobody = JobQuery { requester: Some(SOMEBODY), ..query };
    assert_eq!(node.jobs(nobody).await.unwrap().jobs, []);
    assert_eq!(node.validators().await.unwrap().len(), 4);
}

#[tokio::test]
async fn answers_never_run_ahead_of_the_subscription() {
    let served = Served::start().await;
    let user = served.client(0).await;
    // A client that learnt of its nonce before it was told of the block would think that it was replaced.
    for round in 1..=30u64 {
        user.transfer(SOMEBODY, Amount::from_base_units(1)).await.unwrap();
        let account = user.account(user.address()).await.unwrap();
        assert_eq!(account.nonce.get(), round);
    }
    assert_eq!(served.node.balance(&SOMEBODY), Amount::from_base_units(30));
}

#[tokio::test]
async fn a_subscription_goes_on_where_it_was_cut() {
    let served = Served::start().await;
    let proxy = Proxy::start(served.address).await;
    let quick = RetryPolicy { first_pause: Duration::from_millis(5), ..RetryPolicy::default() };
    let node = Http::builder(&format!("http://{}", proxy.address())).retry(quick).connect().await.unwrap();
    let mut subscription = node.subscribe();
    let direct = served.client(1).await;
    let (mut heights, blocks) = (Vec::new(), 12);
    for round in 0..blocks {
        // All connections through the proxy break, with blocks behind them and before them.
        if round % 4 == 3 {
            hear(&mut subscription, &mut heights, round).await;
            proxy.cut();
        }
        direct.transfer(SOMEBODY, Amount::from_base_units(1)).await.unwrap();
    }
    hear(&mut subscription, &mut heights, blocks).await;
    let expected: Vec<u64> = (1..=blocks as u64).collect();
    assert_eq!(heights, expected, "each block once, in order");
    assert!(proxy.accepted() > 3, "it was cut off, {} connections", proxy.accepted());
}

/// Listens until so many blocks have been told.
async fn hear(subscription: &mut Subscription, heights: &mut Vec<u64>, blocks: usize) {
    while heights.len() < blocks {
        let told = tokio::time::timeout(Duration::from_secs(60), subscription.recv()).await.expect("a block");
        if let Notification::Block { height, receipts, .. } = &*told.unwrap() {
            assert_eq!(receipts.len(), 1, "with its receipt");
            heights.push(height.get());
        }
    }
}

#[tokio::test]
async fn the_same_transaction_twice_is_one() {
    let served = Served::start().await;
    let node = served.builder().connect().await.unwrap();
    served.node.hold();
    let state = served.node.chain().state().clone();
    let key = user_key(2);
    let transfer = dfsn_types::Transaction {
        chain_id: state.chain.chain_id,
        nonce: dfsn_types::Nonce::ZERO,
        gas_limit: dfsn_types::Gas::new(21_000),
        max_fee_per_gas: state.tip.base_fee_per_gas,
        max_priority_fee_per_gas: Amount::ZERO,
        kind: dfsn_types::TransactionKind::Transfer { to: SOMEBODY, amount: Amount::DFSN },
    };
    let signed = transfer.sign(&state.chain, &key);
    let id = node.submit(signed.clone()).await.unwrap();
    assert_eq!(node.submit(signed.clone()).await.unwrap(), id);

    let raw = RawTransaction::new(&signed);
    let rpc = HttpClientBuilder::default().build(format!("http://{}", served.address)).unwrap();
    let wrong: RawTransaction = serde_json::from_str("\"0x00\"").unwrap();
    let submitted = rpc.submit_transactions(vec![raw.clone(), wrong, raw]).await.unwrap();
    assert_eq!((&submitted[0], &submitted[2]), (&Submitted::Accepted(id), &Submitted::Accepted(id)));
    assert!(
        matches!(&submitted[1], Submitted::Refused(reason) if reason.starts_with("TX-01")),
        "{submitted:?}"
    );
    served.node.release();
    served.node.until_sealed().await;
    assert_eq!(served.node.balance(&SOMEBODY), Amount::DFSN, "and not twice as much");
}

#[tokio::test]
async fn a_light_client_believes_proofs_and_no_lies() {
    let served = Served::start().await;
    served.client(0).await.transfer(SOMEBODY, Amount::DFSN).await.unwrap();
    let chain = genesis();
    let node = served.builder().genesis(chain.identity().genesis).connect().await.unwrap();
    let mut light = LightClient::new(node, chain.identity(), chain.sealer);
    let proven = light.account(SOMEBODY).await.unwrap();
    assert_eq!(proven.record.unwrap().balance, Amount::DFSN);
    served.node.chain().lies = true;
    let error = light.account(address(&user_key(0))).await.unwrap_err();
    assert!(matches!(error, LightError::Headers(_)), "{error}");
}

#[tokio::test]
async fn errors_keep_their_kind_on_the_way() {
    let served = Served::start().await;
    let user = served.client(0).await;
    let poor = served.client(9).await;
    let refused = poor.transfer(SOMEBODY, Amount::DFSN).await.unwrap_err();
    assert!(
        matches!(&refused, ClientError::Transport(TransportError::Refused(why)) if why.starts_with("MEM-06")),
        "{refused}"
    );
    assert!(!refused.is_retryable());
    let failed = user.transfer(SOMEBODY, USER_MONEY).await.unwrap_err();
    assert!(matches!(&failed, ClientError::Failed { rule, .. } if rule.as_str() == "MON-02"), "{failed}");
    let id = user.transfer(SOMEBODY, Amount::DFSN).await.unwrap();
    let node = served.builder().connect().await.unwrap();
    assert!(matches!(node.receipt(id).await, Err(TransportError::Unsupported(_))));
    assert_eq!(node.blocks(BlockHeight::new(1)).await.unwrap()[1].transactions, [id]);
    assert_eq!(node.blocks(BlockHeight::new(9)).await.unwrap(), []);
}

#[tokio::test]
async fn other_networks_and_wrong_addresses_are_named() {
    let served = Served::start().await;
    let expected = GenesisHash::from_bytes([7; 32]);
    let error = served.builder().genesis(expected).connect().await.unwrap_err();
    assert!(matches!(error, TransportError::OtherNetwork { expected: other, .. } if other == expected));
    for url in ["127.0.0.1:1", "ftp://example.org", "http://", "", "http://x/?a=b"] {
        let error = Http::connect(url).await.unwrap_err();
        assert!(matches!(error, TransportError::Url { .. }), "{url}: {error}");
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let impatient = RetryPolicy { tries: 2, first_pause: Duration::from_millis(1), ..RetryPolicy::default() };
    let nobody = Http::builder(&format!("http://127.0.0.1:{port}")).retry(impatient).connect().await;
    let error = nobody.unwrap_err();
    assert!(matches!(error, TransportError::Unreachable(_)) && error.is_retryable(), "{error}");
}

#[tokio::test]
async fn subscriptions_close_when_the_node_stays_away() {
    let served = Served::start().await;
    let proxy = Proxy::start(served.address).await;
    let policy = RetryPolicy {
        first_pause: Duration::from_millis(5),
        give_up: Duration::from_millis(50),
        ..RetryPolicy::default()
    };
    let node = Http::builder(&format!("http://{}", proxy.address())).retry(policy).connect().await.unwrap();
    let mut subscription = node.subscribe();
    drop(proxy);
    let closed = tokio::time::timeout(Duration::from_secs(60), subscription.recv()).await.expect("an end");
    assert!(closed.is_err());
}
