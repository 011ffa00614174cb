//! The power fails in each window between two writes.

use bytes::Bytes;
use dfsn_types::Amount;

use super::database::{Cut, MemoryDatabase};
use super::host::{Host, Network};
use super::{Sender, balance, network, submit};

/// Blocks of the chain that is cut.
const BLOCKS: u64 = 2;

/// Blocks as one node has built them.
async fn blocks(network: &Network, sender: &Sender) -> Vec<(Bytes, Bytes)> {
    let mut host = Host::normal(network, &MemoryDatabase::default()).await;
    let mut blocks = Vec::new();
    for nonce in 0..BLOCKS {
        submit(&mut host, &sender.transfer(nonce)).await;
        let block = host.next_block().await;
        blocks.push((block.id, block.bytes));
    }
    host.shut_down().await;
    blocks
}

/// Opens the chain and accepts what it lacks.
async fn go_on(host: &mut Host, network: &Network, blocks: &[(Bytes, Bytes)]) -> Result<(), tonic::Status> {
    let accepted = host.initialize(network).await?.height;
    for (id, bytes) in &blocks[usize::try_from(accepted).unwrap()..] {
        host.verify(bytes).await?;
        host.accept(id).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_after_any_write_goes_on_to_the_same_state() {
    let (network, sender) = network();
    let blocks = blocks(&network, &sender).await;
    let mut at = 0;
    loop {
        let mut cuts = 0;
        for is_written in [false, true] {
            let database = MemoryDatabase::default();
            let mut cut = database.cut(Cut { at, is_written });
            let network = network.another();
            let mut host = Host::start(&database).await;
            tokio::select! {
                _ = cut.recv() => cuts += 1,
                ended = go_on(&mut host, &network, &blocks) => ended.unwrap(),
            }
            // The process is gone at once, as with the power.
            drop(host);
            database.mend();
            let mut host = Host::start(&database).await;
            go_on(&mut host, &network, &blocks).await.unwrap();
            let whole = serde_json::json!(Amount::from_dfsn(BLOCKS));
            assert_eq!(balance(&mut host).await, whole, "write {at}, written: {is_written}");
            for nonce in 0..BLOCKS {
                let id = sender.transfer(nonce).id();
                let receipt = host.call("dfsn_getReceipt", serde_json::json!([id])).await;
                assert_eq!(receipt["height"], nonce + 1, "write {at}, written: {is_written}");
            }
            host.shut_down().await;
        }
        if cuts == 0 {
            break;
        }
        at += 1;
    }
    // The genesis, and two for each block: the chain's, and the index's.
    assert!(at > 2 * BLOCKS, "{at} writes were cut");
}
