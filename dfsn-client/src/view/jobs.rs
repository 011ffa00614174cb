//! Jobs by who asked, who draws and where they stand, page by page.

use dfsn_consensus::state::{ChainState, Job};
use dfsn_types::{Address, JobId};
use serde::{Deserialize, Serialize};

use super::JobInfo;

/// The most jobs of one page.
pub const JOBS_PAGE: u16 = 128;
/// Jobs looked at for one page: what asks for few of many takes no more of a node than anything else.
const LOOKED_AT_MAX: usize = 4_096;

/// Which jobs are asked for. All conditions hold at a time; the default asks for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JobQuery {
    /// Whose requests.
    pub requester: Option<Address>,
    /// Whose work.
    pub worker: Option<Address>,
    /// Only those that are over ([`JobStatus::is_final`](super::JobStatus::is_final)), or only those that are not.
    pub ended: Option<bool>,
    /// Only those that stand there.
    pub status: Option<StatusName>,
    /// Where to go on: [`JobPage::next`].
    pub from: Option<JobId>,
    /// Jobs of a page, [`JOBS_PAGE`] at most; that many when it is not said.
    pub limit: Option<u16>,
}

/// A [`JobStatus`](super::JobStatus) without its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StatusName {
    /// In the queue.
    Pending,
    /// A worker may accept.
    Drawn,
    /// The worker computes.
    Accepted,
    /// Committed, and being audited.
    Audited,
    /// A jury judges one answer.
    Contested,
    /// Audited; waits for the requester's receipt, or for witnesses.
    Delivering,
    /// Paid.
    Settled,
    /// The price went back, for whatever reason.
    Refunded,
    /// The jury could not decide.
    Undecided,
    /// A hardware test failed.
    TestFailed,
}

/// Some of the jobs that were asked for, in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobPage {
    /// The jobs; fewer than asked for where a node would have had to search for long.
    pub jobs: Vec<JobInfo>,
    /// Where the next page begins; nothing after the last one.
    pub next: Option<JobId>,
}

impl JobPage {
    /// Reads a page off a state, which holds open jobs and for a while those that are over.
    pub fn of(state: &ChainState, query: &JobQuery) -> Self {
        let first = query.from.unwrap_or(JobId::from_bytes([0; 32]));
        let limit = usize::from(query.limit.unwrap_or(JOBS_PAGE).clamp(1, JOBS_PAGE));
        let mut page = Self { jobs: Vec::new(), next: None };
        for (looked_at, (id, job)) in state.jobs.range_from(&first).enumerate() {
            if looked_at == LOOKED_AT_MAX || page.jobs.len() == limit {
                page.next = Some(*id);
                break;
            }
            page.jobs.extend(query.find(job));
        }
        page
    }
}

impl JobQuery {
    fn find(&self, job: &Job) -> Option<JobInfo> {
        if self.requester.is_some_and(|requester| requester != job.requester) {
            return None;
        }
        let info = JobInfo::of(job);
        let fits = self.worker.is_none_or(|worker| info.worker == Some(worker))
            && self.ended.is_none_or(|ended| info.status.is_final() == ended)
            && self.status.is_none_or(|status| info.status.name() == status);
        fits.then_some(info)
    }
}
