//! The loop of the embedded network: calls, duties, blocks, time.

use std::sync::Arc;
use std::time::Duration;

use dfsn_client::transport::{Call, InProcessServer, Notification, TransportError};
use dfsn_consensus::state::ChainState;
use dfsn_consensus::store::MemoryStore;
use dfsn_consensus::vm::{ChainVm, InstantSeal};
use dfsn_types::{DurationMs, SignedDuty, Timestamp};
use tokio::task::JoinSet;

use super::BlobStore;
use crate::error::DemoError;
use crate::validator::ValidatorNode;

/// Simulated time between two blocks that carry something.
const BLOCK_MS: DurationMs = DurationMs::new(1_000);
/// Real time between two heartbeats, so that a user in another task is not outrun by the simulated clock.
const HEARTBEAT_PAUSE: Duration = Duration::from_millis(10);

/// Engine, validators and clock in one task.
#[derive(Debug)]
pub(crate) struct Node {
    engine: InstantSeal<ChainVm<MemoryStore>>,
    server: InProcessServer,
    validators: Vec<Arc<ValidatorNode>>,
    blobs: Arc<BlobStore>,
    clock: Timestamp,
    work: JoinSet<Option<SignedDuty>>,
}

impl Node {
    /// Joins the parts; the clock starts at the genesis.
    pub(crate) fn new(
        vm: ChainVm<MemoryStore>,
        server: InProcessServer,
        validators: Vec<Arc<ValidatorNode>>,
        blobs: Arc<BlobStore>,
    ) -> Self {
        let clock = vm.state().tip.timestamp;
        Self { engine: InstantSeal::new(vm), server, validators, blobs, clock, work: JoinSet::new() }
    }

    /// Runs until all clients are gone, and gives the last state.
    ///
    /// The clock moves with blocks only: a second for a block that carries something, and, while jobs are open and no validator
    /// computes, a heartbeat at a time. So a slow computer misses no deadline that a silent worker would.
    pub(crate) async fn run(mut self) -> Result<ChainState, DemoError> {
        loop {
            while let Some(call) = self.server.try_next_call() {
                self.answer(call);
            }
            if self.engine.vm().wants_block(self.clock) {
                self.clock = self.clock.after(BLOCK_MS);
                self.seal()?;
                continue;
            }
            if !self.work.is_empty() {
                tokio::select! {
                    call = self.server.next_call() => match call {
                        Some(call) => self.answer(call),
                        None => return Ok(self.into_state()),
                    },
                    done = self.work.join_next() => self.take_duty(done)?,
                }
                continue;
            }
            if self.engine.vm().state().has_open_jobs() {
                tokio::time::sleep(HEARTBEAT_PAUSE).await;
                self.clock = self.clock.after(self.engine.vm().state().params.chain.clock_step_ms);
                self.seal()?;
                continue;
            }
            match self.server.next_call().await {
                Some(call) => self.answer(call),
                None => return Ok(self.into_state()),
            }
        }
    }

    fn into_state(self) -> ChainState {
        self.engine.vm().state().clone()
    }

    fn seal(&mut self) -> Result<(), DemoError> {
        let Some(accepted) = self.engine.seal(self.clock)? else { return Ok(()) };
        self.server.publish(Notification::Block {
            height: accepted.block.header().height,
            receipts: accepted.receipts.transactions,
            events: accepted.receipts.events,
        });
        let state = Arc::new(self.engine.vm().state().clone());
        for validator in &self.validators {
            validator.note(&accepted.block);
            for task in validator.tasks(&state) {
                let (validator, state) = (Arc::clone(validator), Arc::clone(&state));
                self.work.spawn(async move { validator.perform(task, state).await });
            }
        }
        Ok(())
    }

    /// Lets a validator's duty wait. One that came too late is the validator's affair, not the network's.
    fn take_duty(
        &mut self,
        done: Option<Result<Option<SignedDuty>, tokio::task::JoinError>>,
    ) -> Result<(), DemoError> {
        match done {
            Some(Ok(Some(duty))) => {
                let validator = duty.duty().validator;
                if let Err(error) = self.engine.vm_mut().submit_duty(duty) {
                    eprintln!("validator {validator}: {error}");
                }
                Ok(())
            }
            Some(Ok(None)) | None => Ok(()),
            Some(Err(_)) => Err(DemoError::NetworkStopped),
        }
    }

    /// Answers a client; one that no longer waits loses its answer.
    fn answer(&mut self, call: Call) {
        match call.answer(self.engine.vm()) {
            Some(Call::Blob(hash, reply)) => drop(reply.send(self.blobs.get(&hash))),
            Some(Call::Submit(transaction, reply)) => {
                let result = self.engine.vm_mut().submit_transaction(transaction);
                drop(reply.send(result.map_err(|error| TransportError::Refused(error.to_string()))));
            }
            _ => {}
        }
    }
}
