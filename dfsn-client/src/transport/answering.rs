//! What a node answers from its chain alone.

use dfsn_consensus::store::KvStore;
use dfsn_consensus::vm::ChainVm;
use dfsn_types::{Block, BlockHeight, BlockReceipts, ReceiptAnswer, SignedHeader, TransactionId};

use super::{BLOCKS_PAGE, BlockName, Call, HEADERS_PAGE, Shown};
use crate::view::{
    AccountInfo, BlockInfo, JobInfo, JobPage, NetworkInfo, Preview, Quote, SyncStatus, ValidatorInfo,
};

impl Call {
    /// Answers what the chain alone can answer, and gives back the others: files, receipts by name, histories, and what is submitted. A
    /// client that no longer waits loses its answer; one whose node cannot read its store is told that the node is gone.
    pub fn answer<S: KvStore>(self, vm: &ChainVm<S>) -> Option<Self> {
        let state = vm.state();
        let height = state.tip.height;
        match self {
            Self::Network(reply) => drop(reply.send(NetworkInfo::of(state))),
            Self::Account(address, reply) => drop(reply.send(AccountInfo::of(state, &address))),
            Self::Job(id, reply) => drop(reply.send(state.jobs.get(&id).map(JobInfo::of))),
            Self::Quote(params, reply) => drop(reply.send(Quote::of(state, &params))),
            Self::Preview(sender, kind, reply) => drop(reply.send(Preview::of(state, sender, &kind))),
            Self::Headers(from, reply) => drop(headers(vm, from).map(|headers| reply.send(headers))),
            Self::Checkpoint(reply) => drop(reply.send(vm.checkpoint())),
            Self::ProveAccount(address, reply) => {
                drop(reply.send(Shown { height, answer: state.prove_account(&address) }));
            }
            Self::ProveJob(id, reply) => drop(reply.send(Shown { height, answer: state.prove_job(&id) })),
            Self::ProveReceipt(height, id, reply) => {
                if let Some(answer) = receipt(vm, height, &id) {
                    drop(reply.send(answer));
                }
            }
            Self::SyncStatus(reply) => drop(reply.send(SyncStatus::of(state))),
            Self::Validators(reply) => drop(reply.send(ValidatorInfo::all(state))),
            Self::Jobs(query, reply) => drop(reply.send(JobPage::of(state, &query))),
            Self::Blocks(from, reply) => drop(blocks(vm, from).map(|blocks| reply.send(blocks))),
            Self::WholeBlock(name, reply) => {
                if let Some(block) = whole_block(vm, name) {
                    drop(reply.send(block));
                }
            }
            Self::NextNonce(address, reply) => drop(reply.send(vm.mempool().next_nonce(state, &address))),
            Self::Waiting(id, reply) => {
                drop(reply.send(vm.mempool().transaction(&id).cloned().map(Box::new)));
            }
            others @ (Self::Submit(..)
            | Self::Blob(..)
            | Self::Receipt(..)
            | Self::History(..)
            | Self::Logs(..)) => {
                return Some(others);
            }
        }
        None
    }
}

fn headers<S: KvStore>(vm: &ChainVm<S>, from: BlockHeight) -> Option<Vec<SignedHeader>> {
    let blocks = vm.blocks_from(from).ok()?.take(usize::from(HEADERS_PAGE));
    blocks.map(|block| Some(block.ok()?.signed_header())).collect()
}

fn blocks<S: KvStore>(vm: &ChainVm<S>, from: BlockHeight) -> Option<Vec<BlockInfo>> {
    let blocks = vm.blocks_from(from).ok()?.take(usize::from(BLOCKS_PAGE));
    let whole = |block: Block| Some(BlockInfo::of(&block, vm.receipts(&block.hash()).ok()??));
    blocks.map(|block| whole(block.ok()?)).collect()
}

fn whole_block<S: KvStore>(vm: &ChainVm<S>, name: BlockName) -> Option<Option<(Block, BlockReceipts)>> {
    let block = match name {
        BlockName::Height(height) => vm.block_at(height),
        BlockName::Hash(hash) => vm.accepted_block(&hash),
    };
    let Some(block) = block.ok()? else { return Some(None) };
    let receipts = vm.receipts(&block.hash()).ok()?;
    Some(receipts.map(|receipts| (block, receipts)))
}

fn receipt<S: KvStore>(
    vm: &ChainVm<S>,
    height: BlockHeight,
    id: &TransactionId,
) -> Option<Option<ReceiptAnswer>> {
    let Some(block) = vm.block_at(height).ok()? else { return Some(None) };
    let receipts = vm.receipts(&block.hash()).ok()?;
    Some(receipts.map(|receipts| receipts.prove_receipt(id)))
}
