//! Judgement of a contested answer in a float profile: jurors' digests decide (rules JUD-01 to JUD-07).

use std::collections::{BTreeMap, BTreeSet};

use dfsn_types::{Address, AnswerContext, AnswerDigest, AnswerRef, Event, Fault, StateDigest};

use super::Execution;
use super::penalty::{AnswerRewards, WorkerRewards};
use crate::state::{Committed, Job, Judgement, Juror, Outcome, Phase, Stage};

/// What the revealed digests say.
enum Finding {
    /// The worker's digest explains the contested answer: there was nothing to contest.
    Baseless,
    /// A digest that more than half of those who claimed answered with.
    Majority(StateDigest),
    /// No such digest.
    Hung,
}

impl Execution {
    /// Ends the revealing of a judgement (rule REV-02).
    pub(in crate::transition) fn verdict(&mut self, job: Job, mut committed: Box<Committed>) {
        let Phase::Judging(judgement) = core::mem::replace(&mut committed.phase, Phase::Opening) else {
            return self.put_committed(job, committed);
        };
        let Some(worker_digest) = judgement.worker_digest else {
            committed.phase = Phase::Judging(judgement);
            return self.silence(job, *committed);
        };
        committed.opened.insert(judgement.boundary);
        let answers = answers(&committed, &judgement);
        match self.finding(&job, &judgement, &answers, worker_digest) {
            Finding::Baseless => {
                let jurors = self.dismiss_answered(&job, judgement.jurors, false);
                self.baseless_contest(job, committed, judgement.answer, &jurors);
            }
            Finding::Majority(digest) if digest == worker_digest => {
                self.worker_was_right(job, committed, *judgement, digest, &answers)
            }
            Finding::Majority(digest) => self.worker_was_wrong(job, *committed, *judgement, digest, &answers),
            Finding::Hung => self.jury_hung(job, *committed, *judgement),
        }
    }

    /// What the digests say (rules JUD-03, JUD-04, JUD-06, JUD-07).
    fn finding(
        &self,
        job: &Job,
        judgement: &Judgement,
        answers: &BTreeMap<Address, AnswerDigest>,
        worker_digest: StateDigest,
    ) -> Finding {
        let explains = |digest: &StateDigest, answerer: &Address| {
            answers.get(answerer).is_some_and(|answer| {
                self.answer_context(job, judgement, *answerer).answer(digest) == *answer
            })
        };
        let claimed = judgement.jurors.len().saturating_add(1);
        let digests: BTreeSet<StateDigest> =
            judgement.revealed.values().copied().chain([worker_digest]).collect();
        let votes =
            |digest: &StateDigest| answers.keys().filter(|answerer| explains(digest, answerer)).count();
        let wins = |digest: &StateDigest| votes(digest) >= 2 && votes(digest).saturating_mul(2) > claimed;
        match digests.into_iter().find(wins) {
            // A jury that finds both parties wrong is not to be dodged by contesting a friend (rule JUD-07).
            Some(digest) if digest != worker_digest => Finding::Majority(digest),
            _ if explains(&worker_digest, &judgement.answer.auditor) => Finding::Baseless,
            Some(digest) => Finding::Majority(digest),
            None => Finding::Hung,
        }
    }

    fn answer_context(&self, job: &Job, judgement: &Judgement, answerer: Address) -> AnswerContext {
        job.answer_context(self.state.chain.genesis, judgement.boundary, answerer)
    }

    /// The jury agrees with the worker: the auditor and the jurors who differ pay; the audit goes on with the other claims (rules
    /// JUD-03, PEN-05).
    fn worker_was_right(
        &mut self,
        job: Job,
        mut committed: Box<Committed>,
        judgement: Judgement,
        digest: StateDigest,
        answers: &BTreeMap<Address, AnswerDigest>,
    ) {
        let worker = committed.worker;
        self.event(judged(&job, worker, &judgement, true));
        let right = self.right_answerers(&job, &judgement, digest, answers);
        let rewards = AnswerRewards { worker: Some(worker), jurors: &right };
        if let Some(claim) = committed.claims.remove(&judgement.answer.auditor) {
            self.slash_answerer(&job, judgement.answer.auditor, claim.lock, Fault::WrongAnswer, &rewards);
        }
        let rest = AnswerRewards { worker: Some(worker), jurors: &[] };
        self.dismiss_jury(&job, judgement.jurors, &right, &rest);
        self.await_opening(&mut committed);
        let mut job = job;
        job.stage = Stage::Committed(committed);
        self.audit_may_be_over(job);
    }

    /// The jury found another digest: the worker pays, those who answered with it share, the attempt is over (rule PEN-03).
    fn worker_was_wrong(
        &mut self,
        job: Job,
        committed: Committed,
        judgement: Judgement,
        digest: StateDigest,
        answers: &BTreeMap<Address, AnswerDigest>,
    ) {
        let Committed { worker, mut lock, mut claims, paid, mut deposit, .. } = committed;
        self.event(judged(&job, worker, &judgement, false));
        let right = self.right_answerers(&job, &judgement, digest, answers);
        if !right.contains(&judgement.answer.auditor)
            && let Some(claim) = claims.remove(&judgement.answer.auditor)
        {
            self.slash_answerer(
                &job,
                judgement.answer.auditor,
                claim.lock,
                Fault::WrongAnswer,
                &AnswerRewards::default(),
            );
        }
        for (auditor, claim) in claims {
            self.unlock_stake(&auditor, claim.lock);
        }
        self.dismiss_jury(&job, judgement.jurors, &right, &AnswerRewards::default());
        let prices = self.state.params.penalties.float_verdict_prices;
        let again = self.lost_once_more(&worker);
        let amount =
            if again { lock.amount() } else { job.price.checked_mul(prices).unwrap_or(lock.amount()) };
        let rewards = WorkerRewards { requester: self.price_lost(&job, paid), right: &right };
        self.slash_worker(&job, worker, &mut lock, amount, Fault::WrongResult, &rewards);
        self.unlock_stake(&worker, lock);
        if again {
            self.jail(worker);
        }
        self.restart_ramp(&job, &worker);
        self.return_deposit(&job, &mut deposit);
        self.result_is_void(job, worker, Fault::WrongResult, paid);
    }

    /// The worker denied an answer that agrees with it: it pays, and must open after all (rule JUD-04).
    pub(super) fn baseless_contest(
        &mut self,
        mut job: Job,
        mut committed: Box<Committed>,
        answer: AnswerRef,
        jurors: &[Address],
    ) {
        let amount =
            job.price.checked_mul(self.state.params.penalties.float_verdict_prices).unwrap_or_default();
        let worker = committed.worker;
        let rewards = WorkerRewards { right: jurors, ..WorkerRewards::default() };
        self.slash_worker(&job, worker, &mut committed.lock, amount, Fault::BaselessContest, &rewards);
        self.restart_ramp(&job, &worker);
        committed.denied.insert(answer);
        self.await_opening(&mut committed);
        job.stage = Stage::Committed(committed);
        self.put_job(job);
    }

    /// No majority: half to the worker, half burned, nobody at fault; no pay for a failure (rules JUD-05, SET-04). A second jury
    /// could not be blind: the digests are shown by now.
    fn jury_hung(&mut self, mut job: Job, mut committed: Committed, judgement: Judgement) {
        self.dismiss_answered(&job, judgement.jurors, false);
        for (auditor, claim) in core::mem::take(&mut committed.claims) {
            self.unlock_stake(&auditor, claim.lock);
        }
        if committed.commitment.failed().is_some() {
            return self.end_failed(job, committed);
        }
        let Committed { worker, lock, commitment, paid, mut deposit, .. } = committed;
        self.unlock_stake(&worker, lock);
        self.return_deposit(&job, &mut deposit);
        if paid {
            job.stage = Stage::Ended(Outcome::Settled { worker, commitment });
            return self.put_job(job);
        }
        let half = job.escrow.amount().split(2);
        let paid = job.escrow.take_up_to(half);
        let worker_paid = paid.amount();
        self.pay_earnings(worker, paid);
        let rest = job.escrow.take_all();
        let burned = rest.amount();
        self.burn(rest);
        self.event(Event::JuryHung { job: job.id, attempt: job.attempt, worker, worker_paid, burned });
        job.stage = Stage::Ended(Outcome::Undecided { worker, commitment });
        self.put_job(job);
    }

    fn right_answerers(
        &self,
        job: &Job,
        judgement: &Judgement,
        digest: StateDigest,
        answers: &BTreeMap<Address, AnswerDigest>,
    ) -> Vec<Address> {
        let is_right = |(answerer, answer): &(&Address, &AnswerDigest)| {
            self.answer_context(job, judgement, **answerer).answer(&digest) == **answer
        };
        answers.iter().filter(is_right).map(|(answerer, _)| *answerer).collect()
    }

    /// Where no digest decides, jurors who answered get their locks back and are named (rule PEN-05). Silence costs as everywhere
    /// (rule PEN-07), unless the worker withheld what to answer from.
    pub(in crate::transition) fn dismiss_answered(
        &mut self,
        job: &Job,
        jurors: BTreeMap<Address, Juror>,
        withheld: bool,
    ) -> Vec<Address> {
        let is_answered = |seat: &Juror| seat.answer.is_some();
        let answered: Vec<Address> =
            jurors.iter().filter(|(_, seat)| is_answered(seat)).map(|(juror, _)| *juror).collect();
        let released: Vec<Address> = jurors
            .iter()
            .filter(|(_, seat)| withheld || is_answered(seat))
            .map(|(juror, _)| *juror)
            .collect();
        self.dismiss_jury(job, jurors, &released, &AnswerRewards::default());
        answered
    }

    /// Jurors who judged with the majority get their locks back, the others pay (rules PEN-05, PEN-07).
    fn dismiss_jury(
        &mut self,
        job: &Job,
        jurors: BTreeMap<Address, Juror>,
        right: &[Address],
        rewards: &AnswerRewards<'_>,
    ) {
        for (juror, seat) in jurors {
            if right.contains(&juror) {
                self.unlock_stake(&juror, seat.lock);
            } else {
                let fault = if seat.answer.is_some() { Fault::WrongAnswer } else { Fault::MissingAnswer };
                self.slash_answerer(job, juror, seat.lock, fault, rewards);
            }
        }
    }
}

/// Answers to the contested question: the auditor's and the jurors'.
fn answers(committed: &Committed, judgement: &Judgement) -> BTreeMap<Address, AnswerDigest> {
    let jurors = judgement.jurors.iter().filter_map(|(juror, seat)| Some((*juror, seat.answer?)));
    let contested = committed.claims.get(&judgement.answer.auditor).and_then(|claim| claim.answers.as_ref());
    let contested = contested.and_then(|answers| answers.get(usize::from(judgement.answer.question)));
    jurors.chain(contested.map(|answer| (judgement.answer.auditor, *answer))).collect()
}

const fn judged(job: &Job, worker: Address, judgement: &Judgement, worker_right: bool) -> Event {
    Event::Judged {
        job: job.id,
        attempt: job.attempt,
        worker,
        auditor: judgement.answer.auditor,
        worker_right,
    }
}
