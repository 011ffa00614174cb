//! Who may audit or judge a job.

use dfsn_types::{Address, Amount, Domain, Hash, JobId, Pair, Ppm, Seat, SortitionParams};

use super::{ChainState, Job, JobKind, JuryStage, Phase, Validator};
use crate::sortition;

/// One sortition: its public input and its odds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sortition {
    /// Input of everybody's VRF.
    pub alpha: Hash,
    /// Expected number of those chosen.
    pub rate: Ppm,
    /// Stake of all who may be chosen.
    pub stake_eligible: Amount,
}

impl ChainState {
    /// The seats that are drawn for in a job now, if any.
    pub fn open_seat(&self, job: &Job) -> Option<Seat> {
        let committed = job.committed()?;
        match &committed.phase {
            Phase::Claiming => Some(Seat::Auditor { round: committed.round }),
            Phase::Judging(judgement) if judgement.stage == JuryStage::Claiming => {
                Some(Seat::Juror(judgement.answer))
            }
            _ => None,
        }
    }

    /// The sortition for the open seats of a job, if there are any (rules AUD-02, AUD-03).
    pub fn sortition(&self, job: &Job) -> Option<Sortition> {
        let committed = job.committed()?;
        let seat = self.open_seat(job)?;
        let domain = match seat {
            Seat::Auditor { .. } => Domain::AuditVrf,
            Seat::Juror(_) => Domain::JurorVrf,
        };
        let alpha = domain.hash(&(self.chain.genesis, job.id, job.attempt, seat));
        let rate = match seat {
            // A failure costs its worker nothing: it is looked at as closely as a beginner's work.
            Seat::Auditor { .. } if committed.commitment.failed().is_some() => {
                self.params.sortition.rate_ramp
            }
            Seat::Auditor { round: 1 } => self.audit_rate(job, &committed.worker)?,
            Seat::Auditor { .. } => self.params.sortition.rate_ramp,
            Seat::Juror(_) => self.params.sortition.juror_rate,
        };
        let eligible = self.electorate(job).filter(|(_, validator)| !self.is_excluded(job, validator));
        let mut stakes = eligible.map(|(_, validator)| self.sortition_stake(job, validator));
        let stake_eligible = stakes.try_fold(Amount::ZERO, Amount::checked_add)?;
        Some(Sortition { alpha, rate, stake_eligible })
    }

    /// Stake that counts for a validator in the sortitions of a job (rule AUD-01).
    pub fn sortition_stake(&self, job: &Job, validator: &Validator) -> Amount {
        validator.warm_stake(job.included_at, self.params.sortition.warmup_ms)
    }

    /// Whether a validator may take part in the open sortition of a job.
    pub fn may_claim(&self, job: &Job, validator: &Validator) -> bool {
        self.electorate(job).any(|(address, _)| *address == validator.address)
            && !self.is_excluded(job, validator)
    }

    /// Validators that serve the pair with a VRF key older than the job, other than the worker and the requester's own (rule
    /// AUD-01).
    pub(crate) fn electorate<'a>(
        &'a self,
        job: &'a Job,
    ) -> impl Iterator<Item = (&'a Address, &'a Validator)> {
        let (pair, stake_min) = (job.pair(), self.params.economics.stake_min);
        let warm = move |validator: &Validator| {
            validator.vrf_since.after(self.params.sortition.warmup_ms) <= job.included_at
                || validator.vrf_since.get() == 0
        };
        self.validators.iter().filter(move |(address, validator)| {
            Some(**address) != job.worker()
                && validator.owner != job.requester
                && validator.serves(&pair, stake_min)
                && warm(validator)
        })
    }

    /// The contested auditor is party, not juror.
    fn is_excluded(&self, job: &Job, validator: &Validator) -> bool {
        match job.committed().map(|committed| &committed.phase) {
            Some(Phase::Judging(judgement)) => judgement.answer.auditor == validator.address,
            _ => false,
        }
    }

    fn audit_rate(&self, job: &Job, worker: &Address) -> Option<Ppm> {
        let pair = job.pair();
        let profile = self.profiles.get(&pair.profile)?;
        let clean = match job.kind {
            JobKind::Test => 0,
            JobKind::Request => {
                self.validators.get(worker)?.pairs.get(&pair).map_or(0, |record| record.clean_jobs)
            }
        };
        Some(sortition::audit_rate(&self.params.sortition, profile, clean))
    }

    /// Who serves a pair, and who serves anything (rule AUD-06).
    pub fn service(&self, pair: &Pair) -> Service {
        let stake_min = self.params.economics.stake_min;
        let mut service = Service::default();
        for validator in self.validators.values() {
            if validator.is_active(stake_min) {
                service.all.add(validator.stake());
            }
            if validator.serves(pair, stake_min) {
                service.pair.add(validator.stake());
                service.any_dutiful |= validator.claims.is_kept() && !validator.paused;
            }
        }
        service
    }

    /// An open job.
    pub fn open_job(&self, id: &JobId) -> Option<&Job> {
        self.jobs.get(id).filter(|job| !job.is_ended())
    }
}

/// Active validators of a pair and of the whole network (rule AUD-06), and whether any of the pair's audits (rule DTA-03).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Service {
    pair: Headcount,
    all: Headcount,
    any_dutiful: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Headcount {
    validators: u32,
    stake: Amount,
}

impl Headcount {
    fn add(&mut self, stake: Amount) {
        self.validators = self.validators.saturating_add(1);
        self.stake = self.stake.checked_add(stake).unwrap_or(self.stake);
    }
}

impl Service {
    /// Whether a worker of the pair gets draws: it claims its audits, or nobody of the pair does (rule DTA-03).
    pub const fn lets_draw(&self, worker: &Validator) -> bool {
        worker.claims.is_kept() || !self.any_dutiful
    }

    /// Whether the results of a worker with this stake, who is one of the pair's, can be audited: enough others, with enough stake,
    /// serve the pair in a network that is large enough.
    pub fn audits(&self, params: &SortitionParams, worker_stake: Amount) -> bool {
        let others = self.pair.validators.saturating_sub(1);
        let stake = self.pair.stake.saturating_sub(worker_stake);
        let stake_min = params.auditors_stake_min.of(self.all.stake);
        others >= params.auditors_min && self.all.validators >= params.validators_min && stake >= stake_min
    }
}
