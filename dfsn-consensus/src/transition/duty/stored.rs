//! Stored: a witness has the pictures.

use dfsn_types::{Duty, Event};

use super::{Execution, not_awaited};
use crate::error::DutyError;
use crate::state::{Phase, Stage};

impl Execution {
    /// Notes a witness's word; enough of them are a delivery (rule DLV-03).
    pub(super) fn stored(&mut self, duty: &Duty) -> Result<(), DutyError> {
        let job = self.duty_job(duty)?;
        let witness = duty.validator;
        let awaited = match job.committed().map(|committed| &committed.phase) {
            Some(Phase::Witnessing(witnesses)) => {
                witnesses.drawn.contains(&witness) && !witnesses.stored.contains(&witness)
            }
            _ => false,
        };
        if !awaited {
            return Err(not_awaited(duty));
        }
        let needed = usize::from(self.state.params.economics.witnesses_needed);
        let mut job = self.take_duty_job(duty)?;
        if let Stage::Committed(committed) = &mut job.stage
            && let Phase::Witnessing(witnesses) = &mut committed.phase
        {
            witnesses.stored.insert(witness);
            job.delivered = witnesses.stored.len() >= needed;
        }
        self.event(Event::Stored { job: job.id, attempt: job.attempt, witness });
        if job.delivered {
            self.event(Event::Delivered { job: job.id });
            self.settle(job);
        } else {
            self.put_job(job);
        }
        Ok(())
    }
}
