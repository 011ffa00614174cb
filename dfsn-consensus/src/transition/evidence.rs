//! Evidence: faults that anybody may show.

use dfsn_types::{
    Address, Attempt, Boundary, Event, Evidence, EvidenceNote, Fault, JobId, LeafOpening, TraceShape,
};

use super::Execution;
use crate::error::TransactionFailure;
use crate::state::{Committed, Job, Payee, Phase, Stage};

impl Execution {
    /// Announces evidence (rule EVD-02). What is announced is forgotten when the longest judgement would be over.
    pub(super) fn evidence_note(&mut self, note: EvidenceNote) -> Result<(), TransactionFailure> {
        if self.state.notes.contains_key(&note) {
            return Err(TransactionFailure::NotedBefore(note));
        }
        let height = self.state.tip.height;
        self.state.notes.insert(note, height);
        self.state.note_order.insert((height, note));
        Ok(())
    }

    /// Notes older than this many blocks are forgotten.
    pub(super) fn drop_notes(&mut self) {
        for _ in 0..self.state.params.chain.expiries_max {
            let Some((height, note)) = self.state.note_order.first().copied() else { return };
            if height.get().saturating_add(NOTE_BLOCKS) > self.state.tip.height.get() {
                return;
            }
            self.state.note_order.remove(&(height, note));
            self.state.notes.remove(&note);
        }
    }

    /// Judges evidence by its own bytes and the state.
    pub(super) fn submit_evidence(
        &mut self,
        sender: Address,
        evidence: &Evidence,
    ) -> Result<(), TransactionFailure> {
        let note = evidence.note(self.state.chain.genesis, &sender);
        let age = self.state.params.penalties.evidence_note_blocks;
        let height = self.state.tip.height.get();
        let is_old = |noted: &dfsn_types::BlockHeight| noted.get().saturating_add(age) <= height;
        let first_told = self.state.notes.get(&note).is_some_and(is_old);
        match evidence {
            Evidence::EarlyOpening { job, attempt, opening } => {
                self.early_opening(sender, *job, *attempt, opening, first_told)
            }
            // Kinds that this version of the rules does not know cannot be decoded.
            _ => Err(TransactionFailure::Zero),
        }
    }

    /// An answer that is not due was shown by its worker: it pays, and the claims that ask for it are void (rules EVD-01 to EVD-04).
    fn early_opening(
        &mut self,
        sender: Address,
        id: JobId,
        attempt: Attempt,
        opening: &LeafOpening,
        first_told: bool,
    ) -> Result<(), TransactionFailure> {
        let boundary = opening.boundary;
        self.check_early(id, attempt, opening)?;
        let (job, mut committed) = self.take_committed(&id).ok_or(TransactionFailure::UnknownJob(id))?;
        committed.opened.insert(boundary);
        let asks = |claim: &crate::state::Claim| claim.questions.iter().any(|asked| asked == boundary);
        let (void, kept) =
            core::mem::take(&mut committed.claims).into_iter().partition(|(_, claim)| asks(claim));
        committed.claims = kept;
        let void: std::collections::BTreeMap<Address, crate::state::Claim> = void;
        for (auditor, claim) in void {
            self.unlock_stake(&auditor, claim.lock);
        }
        self.event(Event::AnswerLeaked { job: id, attempt, boundary, shown_by: sender });
        self.punish_leak(&job, &mut committed, sender, first_told);
        self.another_round(job, committed);
        Ok(())
    }

    fn punish_leak(&mut self, job: &Job, committed: &mut Committed, sender: Address, first_told: bool) {
        let penalties = &self.state.params.penalties;
        let (prices, share) = (penalties.early_opening_prices, penalties.evidence_share);
        let worker = committed.worker;
        let whole = committed.lock.amount();
        let again = self.lost_once_more(&worker);
        let amount = if again { whole } else { job.price.checked_mul(prices).unwrap_or(whole) };
        let taken = self.forfeit(&worker, &mut committed.lock, amount);
        let reward = share.of(taken.amount());
        let payees = if first_told { vec![(Payee::Account(sender), reward)] } else { Vec::new() };
        self.hold(job, worker, Fault::EarlyOpening, taken, payees);
        if again {
            self.jail(worker);
        }
        self.restart_ramp(job, &worker);
    }

    /// The audit goes on with another round of claims, at the rate of the ramp: else a worker that is about to be found out would
    /// give its answers away to a friend and be rid of its auditors (rule EVD-04). With an empty lock the result is void.
    fn another_round(&mut self, mut job: Job, mut committed: Box<Committed>) {
        if committed.lock.amount().is_zero() {
            return self.void_leaked(job, *committed);
        }
        self.drop_demands(&mut committed);
        committed.round = committed.round.saturating_add(1);
        committed.phase = Phase::Claiming;
        committed.window = self.window(self.state.params.windows.claim_ms);
        job.stage = Stage::Committed(committed);
        self.put_job(job);
    }

    fn void_leaked(&mut self, job: Job, mut committed: Committed) {
        self.drop_demands(&mut committed);
        let Committed { worker, lock, claims, paid, mut deposit, .. } = committed;
        for (auditor, claim) in claims {
            self.unlock_stake(&auditor, claim.lock);
        }
        self.unlock_stake(&worker, lock);
        self.return_deposit(&job, &mut deposit);
        self.result_is_void(job, worker, Fault::EarlyOpening, paid);
    }

    fn check_early(
        &self,
        id: JobId,
        attempt: Attempt,
        opening: &LeafOpening,
    ) -> Result<(), TransactionFailure> {
        let job = self.state.open_job(&id).ok_or(TransactionFailure::UnknownJob(id))?;
        let committed = job.committed().filter(|_| job.attempt == attempt);
        let committed = committed.ok_or(TransactionFailure::NotBlind(opening.boundary))?;
        if !is_secret(committed, opening.boundary) {
            return Err(TransactionFailure::NotBlind(opening.boundary));
        }
        let root = &committed.commitment.trace_root;
        opening.verify(TraceShape::of(&job.params), root).map_err(TransactionFailure::EvidenceOpening)
    }
}

/// Blocks after which an announcement is forgotten.
const NOTE_BLOCKS: u64 = 1_024;

/// Whether the leaf at a boundary is an answer that is awaited, and nothing that the worker had to show (rule EVD-01).
fn is_secret(committed: &Committed, boundary: Boundary) -> bool {
    // When answers are in, the worker's own openings are on their way: whoever sees them first must not turn them against it.
    let blind = matches!(committed.phase, Phase::Claiming | Phase::Answering(_));
    let asked = committed.claims.values().any(|claim| claim.questions.iter().any(|asked| asked == boundary));
    // The initial state is computed from the request alone: there is nothing to give away.
    boundary.t > 0
        && blind
        && asked
        && !committed.served.contains(&boundary)
        && !committed.opened.contains(&boundary)
}
