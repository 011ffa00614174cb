//! Draws: the beacon chooses a worker for each waiting job (rules DRW-01 to DRW-06).

use dfsn_types::{Address, Amount, Domain, Event, Hash, JobId, Pair};

use super::Execution;
use crate::math;
use crate::state::{Job, JobKind, PairRecord, Service, Stage, Validator};

impl Execution {
    /// Draws workers for the best-paying jobs of every pair, as many as a block allows (rule DRW-05).
    pub(super) fn draw_workers(&mut self) {
        let mut left = usize::try_from(self.state.params.chain.draws_max).unwrap_or(usize::MAX);
        let pairs: Vec<Pair> = self.state.queues.keys().copied().collect();
        // Another pair comes first in each block, so that a full queue starves nobody.
        let count = u64::try_from(pairs.len()).unwrap_or(u64::MAX);
        let first = self
            .state
            .tip
            .height
            .get()
            .checked_rem(count)
            .and_then(|first| usize::try_from(first).ok())
            .unwrap_or(0);
        // Jobs that nobody can take do not use draws up, lest a few of them stand in the way of all others; how many are tried is
        // bounded too.
        let mut tries = usize::try_from(self.state.params.chain.queue_max).unwrap_or(usize::MAX);
        for pair in pairs.iter().cycle().skip(first).take(pairs.len()) {
            // Draws lock no stake, so the pair's numbers hold for all of them.
            let service = self.state.service(pair);
            for id in self.ready_jobs(pair, tries) {
                if left == 0 {
                    return;
                }
                tries = tries.saturating_sub(1);
                if self.draw(&id, &service) {
                    left = left.saturating_sub(1);
                }
            }
        }
    }

    /// Jobs whose beacons are there and whose worker would still be in time to accept, in order (rules DRW-01, DRW-02).
    fn ready_jobs(&self, pair: &Pair, most: usize) -> Vec<JobId> {
        let tip = &self.state.tip;
        let is_ready = |id: &JobId| match self.state.jobs.get(id).map(|job| (&job.stage, job.expires_at)) {
            Some((Stage::Pending { draw_from, .. }, expires_at)) => {
                *draw_from <= tip.height && tip.clock < expires_at
            }
            _ => false,
        };
        let queue = self.state.queues.get(pair);
        queue.into_iter().flatten().map(|key| key.job()).filter(is_ready).take(most).collect()
    }

    /// Draws a worker, whose capacity it takes; false when nobody can take the job.
    fn draw(&mut self, id: &JobId, service: &Service) -> bool {
        let Some(job) = self.state.jobs.get(id) else { return false };
        let tip = &self.state.tip;
        let digest = Domain::Assign.hash(&(tip.parent_beacon, tip.beacon, job.id, job.attempt, job.tries));
        let Some(worker) = self.choose(job, &digest, service) else { return false };
        let Some(mut job) = self.take_job(id) else { return false };
        self.leave_queue(&job);
        if job.kind == JobKind::Test {
            self.set_test_prompt(&mut job);
        }
        job.tries = job.tries.saturating_add(1);
        let window = self.window(self.state.params.windows.accept_ms);
        self.event(Event::JobDrawn {
            job: job.id,
            attempt: job.attempt,
            worker,
            accept_by: window.closes_at,
        });
        if let Some(record) = self.pair_record(&job, &worker) {
            record.open_jobs = record.open_jobs.saturating_add(1);
        }
        job.stage = Stage::Drawn { worker, window };
        self.put_job(job);
        true
    }

    /// A worker's standing in the pair of a job.
    pub(super) fn pair_record(&mut self, job: &Job, worker: &Address) -> Option<&mut PairRecord> {
        self.state.validators.get_mut(worker)?.pairs.get_mut(&job.pair())
    }

    /// The worker at the digest's place among all eligible ones, laid end to end by unlocked stake in address order (rule DRW-04).
    fn choose(&self, job: &Job, digest: &Hash, service: &Service) -> Option<Address> {
        if job.kind == JobKind::Test {
            return self.state.owners.get(&job.requester).copied();
        }
        let eligible = || self.state.validators.values().filter(|worker| self.can_work(job, worker, service));
        let total =
            eligible().map(|worker| worker.free.amount()).try_fold(Amount::ZERO, Amount::checked_add)?;
        let mut place = math::rem_256(digest.as_bytes(), total.base_units())?;
        for worker in eligible() {
            match place.checked_sub(worker.free.amount().base_units()) {
                Some(rest) => place = rest,
                None => return Some(worker.address),
            }
        }
        None
    }

    /// Whether a validator is eligible for a request (rules DRW-03, DRW-06, DTA-03).
    fn can_work(&self, job: &Job, worker: &Validator, service: &Service) -> bool {
        let (pair, params) = (job.pair(), &self.state.params);
        let Some(record) = worker.pairs.get(&pair) else { return false };
        let Some(collateral) = job.price.checked_mul(params.penalties.collateral_prices) else {
            return false;
        };
        worker.serves(&pair, params.economics.stake_min)
            && !worker.paused
            // Once somebody has let its turn pass, whoever can do the work is welcome.
            && (service.lets_draw(worker) || job.tries > 0)
            && !job.failed_workers.contains(&worker.address)
            && record.min_price <= job.price_per_unit
            && record.open_jobs < record.capacity
            && worker.free.amount() >= collateral
            && (job.unaudited || service.audits(&params.sortition, worker.stake()))
    }

    pub(super) fn leave_queue(&mut self, job: &Job) {
        let pair = job.pair();
        if let Some(queue) = self.state.queues.get_mut(&pair) {
            queue.remove(&job.queue_key);
            if queue.is_empty() {
                self.state.queues.remove(&pair);
            }
        }
    }

    /// Prompt and seed of a test, from a beacon that came after the test was asked for (rule TST-04).
    fn set_test_prompt(&self, job: &mut Job) {
        let digest = Domain::TestPrompt.hash(&(self.state.tip.beacon, job.id, job.tries));
        let [a, b, c, d, ..] = *digest.as_bytes();
        let count = u128::try_from(self.state.test_prompts.len()).unwrap_or(0);
        let index =
            math::rem_256(digest.as_bytes(), count).and_then(|index| u32::try_from(index).ok()).unwrap_or(0);
        let prompt = self.state.test_prompts.get(&index).cloned().unwrap_or_default();
        if let Ok(params) = self.test_params(job.pair(), prompt, u32::from_be_bytes([a, b, c, d])) {
            job.params = params;
        }
    }
}
