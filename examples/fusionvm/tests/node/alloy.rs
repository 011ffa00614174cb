//! alloy's provider against a node: its fillers, its watching of blocks, its reading of every shape.

use std::time::Duration;

use alloy_primitives::{Address, B256, U256};
use alloy_provider::network::{EthereumWallet, TransactionBuilder};
use alloy_provider::{DynProvider, Provider, ProviderBuilder};
use alloy_rpc_types_eth::{BlockId, Filter, TransactionReceipt, TransactionRequest};
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::{SolCall, SolError, SolEvent, SolEventInterface};
use dfsn_client::transport::Transport;
use dfsn_types::{ProfileRecord, SYSTEM_ADDRESS};
use fusionvm::Limits;

use super::{DevNode, emoji};

/// The interface as a page's author has it: from the file, not from our decoder.
#[allow(clippy::all, missing_docs, unreachable_pub, reason = "made by a macro")]
mod abi {
    alloy_sol_types::sol!("../../dfsn-types/abi/IDfsn.sol");
}
use abi::IDfsn;

const SYSTEM: Address = Address::new(*SYSTEM_ADDRESS.as_bytes());
const SOMEBODY: Address = Address::repeat_byte(0x70);
const DFSN: u64 = 1_000_000_000_000_000_000;

/// A wallet with coins of the faucet.
async fn wallet(node: &DevNode, secret: u8) -> (DynProvider, Address) {
    let signer = PrivateKeySigner::from_bytes(&B256::repeat_byte(secret)).unwrap();
    let address = signer.address();
    let native = dfsn_types::Address::from_bytes(address.into_array());
    node.transport().await.ask_faucet(native).await.unwrap();
    let url = format!("{}/eth", node.url()).parse().unwrap();
    let provider = ProviderBuilder::new().wallet(EthereumWallet::from(signer)).connect_http(url);
    provider.client().set_poll_interval(Duration::from_millis(20));
    (provider.erased(), address)
}

async fn send(provider: &DynProvider, request: TransactionRequest) -> TransactionReceipt {
    provider.send_transaction(request).await.unwrap().get_receipt().await.unwrap()
}

fn call(call: &impl SolCall, value: U256) -> TransactionRequest {
    TransactionRequest::default().with_to(SYSTEM).with_input(call.abi_encode()).with_value(value)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alloy_moves_coins_and_reads_what_happened() {
    let folder = tempfile::tempdir().unwrap();
    // Enough to stake.
    let node = DevNode::start_giving(folder.path(), Limits::default(), None, 2_000).await;
    let (provider, address) = wallet(&node, 3).await;
    let request = TransactionRequest::default().with_to(SOMEBODY).with_value(U256::from(DFSN));
    let receipt = send(&provider, request).await;
    assert!(receipt.status() && receipt.gas_used == 21_000);
    assert_eq!(provider.get_balance(SOMEBODY).await.unwrap(), U256::from(DFSN));
    assert_eq!(provider.get_transaction_count(address).await.unwrap(), 1);

    // Every block as a whole, the faucet's native transfer among them.
    let tip = provider.get_block_number().await.unwrap();
    for number in 0..=tip {
        let block = provider.get_block(BlockId::number(number)).full().await.unwrap().expect("a block");
        assert_eq!(block.header.number, number);
        for transaction in block.transactions.txns() {
            let hash = *transaction.inner.inner().tx_hash();
            let receipt = provider.get_transaction_receipt(hash).await.unwrap().expect("a receipt");
            assert_eq!(receipt.from, transaction.inner.signer());
            assert_eq!(provider.get_transaction_by_hash(hash).await.unwrap().as_ref(), Some(transaction));
        }
    }

    let stake = send(&provider, call(&IDfsn::stakeCall {}, U256::from(1_000) * U256::from(DFSN))).await;
    assert!(stake.status() && stake.to == Some(SYSTEM));
    // What would fail is not sent at all: the estimate says so.
    let refused = provider.send_transaction(call(&IDfsn::unjailCall {}, U256::ZERO)).await.unwrap_err();
    let reason = refused.as_error_resp().and_then(|error| error.as_revert_data()).expect("data of a revert");
    let reason = alloy_sol_types::Revert::abi_decode(&reason).expect("an Error(string)").reason;
    assert!(reason.starts_with("VAL-01"), "{reason}");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alloy_asks_for_a_picture_and_finds_its_logs() {
    let folder = tempfile::tempdir().unwrap();
    let node = DevNode::start_with(folder.path(), Limits::default(), Some(emoji())).await;
    let (provider, address) = wallet(&node, 4).await;
    let model = node.transport().await.network().await.unwrap().models[0].id;
    let params = IDfsn::GenerationParams {
        model: B256::new(*model.as_bytes()),
        profile: B256::new(*ProfileRecord::EXACT_V1.id().as_bytes()),
        prompt: "a red apple on a white background".to_owned(),
        negativePrompt: String::new(),
        seed: 5,
        numInferenceSteps: 4,
        guidanceScale: 5_000,
        strength: 1_000,
        scheduler: 0,
        height: 64,
        width: 64,
        numImages: 1,
        initImage: B256::ZERO,
    };
    let quote = IDfsn::quoteCall { params: params.clone() };
    let quote = provider.call(call(&quote, U256::ZERO)).await.unwrap();
    let quote = IDfsn::quoteCall::abi_decode_returns(&quote).unwrap();
    let request = IDfsn::generationRequestCall {
        params,
        pricePerUnit: quote.pricePerUnit,
        expiresMs: 600_000,
        unaudited: !quote.audited,
    };
    let receipt = send(&provider, call(&request, U256::from(quote.price))).await;
    let requested = IDfsn::JobRequested::decode_log(&receipt.logs()[0].inner).unwrap();
    assert_eq!((requested.requester, requested.price), (address, quote.price));

    let first = receipt.block_number.unwrap();
    let filter = Filter::new().address(SYSTEM).from_block(first).topic1(requested.job);
    let mut looks = 0;
    let logs = loop {
        let logs = provider.get_logs(&filter).await.unwrap();
        if logs.iter().any(|log| log.topic0() == Some(&IDfsn::JobCommitted::SIGNATURE_HASH)) {
            break logs;
        }
        looks += 1;
        assert!(looks < 2_400, "{logs:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(logs.is_sorted_by_key(|log| (log.block_number, log.log_index)));
    for log in &logs {
        IDfsn::IDfsnEvents::decode_log(&log.inner).expect("an event of the interface");
        // Each log has a transaction whose receipt holds it.
        let receipt = provider.get_transaction_receipt(log.transaction_hash.unwrap()).await.unwrap().unwrap();
        assert!(receipt.logs().contains(log), "{log:?}");
        let block = provider.get_block(log.block_hash.unwrap().into()).await.unwrap().unwrap();
        let place = usize::try_from(log.transaction_index.unwrap()).unwrap();
        assert_eq!(block.transactions.hashes().nth(place), log.transaction_hash);
        assert!(
            filter.matches_bloom(block.header.logs_bloom)
                && filter.matches_bloom(*receipt.inner.logs_bloom())
        );
    }
    node.stop().await;
}
