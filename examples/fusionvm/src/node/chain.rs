//! The loop of the chain's thread: calls, duties, blocks, time.

use std::time::{Duration, Instant};

use dfsn_client::transport::InProcessServer;
use dfsn_consensus::store::RedbStore;
use dfsn_consensus::vm::{ChainVm, InstantSeal};
use dfsn_types::{SignedDuty, Timestamp};
use tokio::sync::{mpsc, watch};

use super::desk::{Desk, failed};
use crate::error::NodeError;

/// Calls between two looks at whether a block is wanted: many transactions make one block, and a flood of calls stops none.
const CALLS_A_ROUND: usize = 2_048;
/// The longest sleep: a heartbeat is late by no more than this.
const NAP: Duration = Duration::from_millis(100);

/// Everything of the chain's thread.
pub(super) struct Chain {
    pub(super) engine: InstantSeal<ChainVm<RedbStore>>,
    pub(super) desk: Desk<RedbStore>,
    pub(super) server: InProcessServer,
    pub(super) duties: mpsc::Receiver<SignedDuty>,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) clock: fn() -> Timestamp,
}

impl Chain {
    /// Runs until it is told to stop, or cannot go on.
    pub(super) fn run(mut self) -> Result<(), NodeError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.map_err(NodeError::io(std::path::Path::new("tokio")))?;
        let ended = runtime.block_on(self.work());
        if let Err(error) = &ended {
            tracing::error!(%error, "the chain has stopped");
        }
        ended
    }

    async fn work(&mut self) -> Result<(), NodeError> {
        self.desk.catch_up(self.engine.vm())?;
        loop {
            for _ in 0..CALLS_A_ROUND {
                let Some(call) = self.server.try_next_call() else { break };
                self.desk.answer(self.engine.vm_mut(), call);
            }
            while let Ok(duty) = self.duties.try_recv() {
                self.desk.take(self.engine.vm_mut(), duty);
            }
            if *self.stop.borrow() {
                return Ok(());
            }
            if self.engine.vm().wants_block((self.clock)()) {
                self.seal()?;
                continue;
            }
            tokio::select! {
                call = self.server.next_call() => match call {
                    Some(call) => drop(self.desk.answer(self.engine.vm_mut(), call)),
                    None => return Ok(()),
                },
                Some(duty) = self.duties.recv() => { self.desk.take(self.engine.vm_mut(), duty); }
                _ = self.stop.changed() => {}
                () = tokio::time::sleep(NAP), if self.engine.vm().state().has_open_jobs() => {}
            }
        }
    }

    fn seal(&mut self) -> Result<(), NodeError> {
        let start = Instant::now();
        let Some(accepted) = self.engine.seal((self.clock)())? else { return Ok(()) };
        self.desk.accepted(self.engine.vm(), accepted, start.elapsed()).map_err(|error| failed(&error))
    }
}
