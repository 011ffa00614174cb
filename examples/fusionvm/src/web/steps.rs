//! The states of finished jobs, for those who want to redo a step themselves. While a job is open they are for its auditors alone;
//! afterwards nobody can do anything with them but check.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use dfsn_compute::TraceContext;
use dfsn_compute::service::wire::JobKey;
use dfsn_consensus::state::{Outcome, Stage};
use dfsn_types::{Attempt, Boundary, JobId, LeafOpening};
use serde::Serialize;

use super::Workers;
use crate::node::NodeHandle;

/// A step: the state before it, and what its worker committed to before and after it.
#[derive(Debug, Serialize)]
struct ShownStep {
    attempt: Attempt,
    /// Canonical bytes in hexadecimal digits.
    state: String,
    before: LeafOpening,
    after: LeafOpening,
}

type Failure = (StatusCode, String);

pub(super) fn routes(node: NodeHandle, workers: Workers) -> Router {
    Router::new().route("/web/jobs/{job}/steps/{image}/{step}", get(show)).with_state((node, workers))
}

/// `GET /web/jobs/{job}/steps/{image}/{step}`: `step` is the number of the state after it, from 1.
async fn show(
    State((node, workers)): State<(NodeHandle, Workers)>,
    Path((job, image, step)): Path<(JobId, u8, u16)>,
) -> Result<Json<ShownStep>, Failure> {
    let state = node.state();
    let open = || (StatusCode::CONFLICT, "the job is not over: its states are for its auditors\n".to_owned());
    let Some(record) = state.jobs.get(&job) else {
        return Err((StatusCode::NOT_FOUND, "this node knows no such job\n".to_owned()));
    };
    let Stage::Ended(Outcome::Settled { worker, commitment }) = &record.stage else { return Err(open()) };
    let Some(before) = step.checked_sub(1) else {
        return Err((StatusCode::BAD_REQUEST, "steps are counted from 1\n".to_owned()));
    };
    let (before, after) = (Boundary { image, t: before }, Boundary { image, t: step });
    let key = JobKey { job, attempt: record.attempt };
    let context =
        TraceContext { genesis: state.chain.genesis, job, attempt: record.attempt, worker: *worker };
    for client in workers.get().map(Vec::as_slice).unwrap_or_default() {
        // Most of them never had it, and those that had may have deleted it.
        let Ok(tree) = client.trace(key, &record.params, &commitment.trace_root).await else { continue };
        let (Ok(first), Ok(second)) = (tree.open(before), tree.open(after)) else {
            return Err((StatusCode::BAD_REQUEST, "the job has no such step\n".to_owned()));
        };
        let Ok(bytes) = client.state(&context, before, &first.digest).await else { continue };
        let shown =
            ShownStep { attempt: record.attempt, state: hex::encode(bytes), before: first, after: second };
        return Ok(Json(shown));
    }
    Err((StatusCode::NOT_FOUND, "no ComputeClient of this node has the job's states any more\n".to_owned()))
}
