//! A client that believes no node.

use dfsn_client::{LightClient, LightError};
use dfsn_types::{Amount, BlockHeight, HeaderChain, HeaderChainError, JobId, JobStage, ProofError, Standing};

use crate::node::genesis::{address, sealer, user_key};
use crate::node::{Node, SOMEBODY, next_event, params, request};

fn light(node: &Node) -> LightClient<dfsn_client::transport::InProcess> {
    let chain = node.chain().state().chain;
    LightClient::new(node.transport.clone(), chain, sealer().public_key())
}

#[tokio::test(start_paused = true)]
async fn what_the_node_shows_is_final_by_the_sealers_word() {
    let node = Node::start();
    let user = node.client(0);
    let id = user.transfer(SOMEBODY, Amount::from_dfsn(3)).await.unwrap();
    let mut light = light(&node);

    let shown = light.account(SOMEBODY).await.unwrap();
    assert_eq!(shown.record.map(|account| account.balance), Some(Amount::from_dfsn(3)));
    assert_eq!((shown.standing, shown.height), (Standing::Final, BlockHeight::new(1)));
    let stranger = address(&user_key(77));
    assert_eq!(light.account(stranger).await.unwrap().record, None);

    let receipt = light.receipt(BlockHeight::new(1), id).await.unwrap();
    assert_eq!(receipt.record.map(|(index, receipt)| (index, receipt.id)), Some((0, id)));
    let refused = light.receipt(BlockHeight::new(9), id).await.unwrap_err();
    assert!(matches!(refused, LightError::Transport(_)), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_lies_is_found_out() {
    let node = Node::start();
    node.client(0).transfer(SOMEBODY, Amount::from_dfsn(3)).await.unwrap();
    let mut light = light(&node);
    node.chain().lies = true;
    let refused = light.account(SOMEBODY).await.unwrap_err();
    assert!(
        matches!(&refused, LightError::Headers(HeaderChainError::Proof(ProofError::Entry(_)))),
        "{refused}"
    );
    node.chain().lies = false;
    assert!(light.account(SOMEBODY).await.is_ok(), "what it took before is still there");
}

#[tokio::test(start_paused = true)]
async fn a_picture_is_followed_from_request_to_settlement_by_proofs_alone() {
    let node = Node::start();
    let user = node.client(0);
    let price = user.quote(&params(1, 1)).await.unwrap().price_per_unit;
    let mut job = user.generate(request(params(1, 1), price)).await.unwrap();
    let mut light = light(&node);
    let open = light.job(job.id()).await.unwrap().record.expect("it stands in a block");
    assert!(open.result().is_none());
    while let Some(event) = next_event(&mut job).await.unwrap() {
        if format!("{event:?}").contains("JobCommitted") {
            job.acknowledge().await.unwrap();
        }
    }
    let shown = light.job(job.id()).await.unwrap();
    let record = shown.record.expect("records stay for days");
    let (JobStage::Committed { commitment, paid: true, .. } | JobStage::Settled { commitment, .. }) =
        &record.stage
    else {
        panic!("{record:?}")
    };
    assert_eq!(commitment.images.len(), 1);
    assert_eq!(shown.standing, Standing::Final);
    assert_eq!(light.job(JobId::from_bytes([1; 32])).await.unwrap().record, None);
}

#[tokio::test(start_paused = true)]
async fn headers_of_another_network_are_not_taken() {
    let node = Node::start();
    node.client(0).transfer(SOMEBODY, Amount::from_dfsn(3)).await.unwrap();
    let mut chain = node.chain().state().chain;
    chain.genesis = dfsn_types::GenesisHash::from_bytes([7; 32]);
    let headers = HeaderChain::at_genesis(chain, sealer().public_key());
    let mut light = LightClient::with_headers(node.transport.clone(), headers);
    let refused = light.sync().await.unwrap_err();
    assert!(matches!(refused, LightError::Headers(HeaderChainError::Parent { .. })), "{refused}");
}
