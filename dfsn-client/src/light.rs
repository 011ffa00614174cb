//! A client that believes no node: it follows headers, and takes answers with their proofs.

use std::time::Duration;

use dfsn_types::proof::StateRecord;
use dfsn_types::{
    AccountRecord, Address, BlockHeight, ChainIdentity, HeaderChain, HeaderChainError, JobId, JobRecord,
    PublicKey, ReceiptAnswer, Standing, StateAnswer, TransactionId, TransactionReceipt,
};
use thiserror::Error;

use crate::transport::{HEADERS_PAGE, Shown, Transport, TransportError};

/// How long one answer may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Times that a node may answer from a block whose header it does not give yet.
const TRIES_MAX: u32 = 8;

/// Something that was shown, and what the block is known to be that it was shown for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven<R> {
    /// The record; nothing if there is none.
    pub record: Option<R>,
    /// The block after which this is so.
    pub height: BlockHeight,
    /// Whether the network keeps that block, or only its builder and this node say so.
    pub standing: Standing,
}

/// Why a light client has nothing to say.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LightError {
    /// The node gives no answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The node takes too long.
    #[error("the node gave no answer within {waited:?}")]
    NoAnswer {
        /// How long it was waited for.
        waited: Duration,
    },
    /// Headers, checkpoints or proofs that do not hold.
    #[error(transparent)]
    Headers(#[from] HeaderChainError),
    /// The node answers from a block that it gives no header of.
    #[error("the node answers from block {answered}, its headers end at {headers}")]
    Behind {
        /// The block of the answer.
        answered: BlockHeight,
        /// The last header.
        headers: BlockHeight,
    },
}

/// Follows one network through one node without believing it.
#[derive(Debug)]
pub struct LightClient<T> {
    transport: T,
    headers: HeaderChain,
}

impl<T: Transport> LightClient<T> {
    /// A client of a network that is known by its name and its sealer: from its genesis, or from whom one trusts.
    pub fn new(transport: T, chain: ChainIdentity, sealer: PublicKey) -> Self {
        Self::with_headers(transport, HeaderChain::at_genesis(chain, sealer))
    }

    /// A client that goes on from headers that it has, for example from a checkpoint.
    pub const fn with_headers(transport: T, headers: HeaderChain) -> Self {
        Self { transport, headers }
    }

    /// The headers taken so far.
    pub const fn headers(&self) -> &HeaderChain {
        &self.headers
    }

    /// Takes the headers that the node has, and its last checkpoint.
    ///
    /// # Errors
    /// [`LightError`] when the node gives no answer, or one that does not hold. What held before is kept.
    pub async fn sync(&mut self) -> Result<BlockHeight, LightError> {
        let mut has_gone_back = false;
        loop {
            let page = within(self.transport.headers(self.headers.height().next())).await?;
            let is_last = page.len() < usize::from(HEADERS_PAGE);
            let mut taken = Ok(());
            for header in &page {
                taken = self.headers.append(header);
                if taken.is_err() {
                    break;
                }
            }
            match taken {
                // The node is on another branch than before: what is not final makes way, once.
                Err(HeaderChainError::Parent { .. }) if !has_gone_back => {
                    has_gone_back = true;
                    self.headers.rewind(self.headers.final_height())?;
                }
                taken => {
                    taken?;
                    if is_last {
                        break;
                    }
                }
            }
        }
        if let Some(checkpoint) = within(self.transport.checkpoint()).await?
            && checkpoint.checkpoint.height <= self.headers.height()
        {
            self.headers.finalise(&checkpoint)?;
        }
        Ok(self.headers.height())
    }

    /// An account, or that there is none.
    ///
    /// # Errors
    /// [`LightError`] when the node does not show it.
    pub async fn account(&mut self, address: Address) -> Result<Proven<AccountRecord>, LightError> {
        let shown = within(self.transport.prove_account(address)).await?;
        self.check(&address, shown).await
    }

    /// A job, or that there is none.
    ///
    /// # Errors
    /// [`LightError`] when the node does not show it.
    pub async fn job(&mut self, id: JobId) -> Result<Proven<JobRecord>, LightError> {
        let shown = within(self.transport.prove_job(id)).await?;
        self.check(&id, shown).await
    }

    /// Place and receipt of a transaction in a block, or that it is not there.
    ///
    /// # Errors
    /// [`LightError`] when the node does not show it.
    pub async fn receipt(
        &mut self,
        height: BlockHeight,
        id: TransactionId,
    ) -> Result<Proven<(u32, TransactionReceipt)>, LightError> {
        let answer: ReceiptAnswer = within(self.transport.prove_receipt(height, id)).await?;
        self.reach(height).await?;
        let (receipt, standing) = self.headers.check_receipt(height, &id, &answer)?;
        let record = receipt.map(|(index, receipt)| (index, receipt.clone()));
        Ok(Proven { record, height, standing })
    }

    async fn check<R: StateRecord + Clone>(
        &mut self,
        key: &R::Key,
        shown: Shown<StateAnswer<R>>,
    ) -> Result<Proven<R>, LightError> {
        let Shown { height, answer } = shown;
        self.reach(height).await?;
        let (record, standing) = self.headers.check_state(height, key, &answer)?;
        Ok(Proven { record: record.cloned(), height, standing })
    }

    /// Syncs until the header of a block is here.
    async fn reach(&mut self, height: BlockHeight) -> Result<(), LightError> {
        for _ in 0..TRIES_MAX {
            if self.headers.header(height).is_some() {
                return Ok(());
            }
            self.sync().await?;
        }
        Err(LightError::Behind { answered: height, headers: self.headers.height() })
    }
}

async fn within<R>(answer: impl Future<Output = Result<R, TransportError>>) -> Result<R, LightError> {
    match tokio::time::timeout(CALL_TIMEOUT, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(LightError::NoAnswer { waited: CALL_TIMEOUT }),
    }
}
