//! An honest validator: it does every duty that its operator names.

use dfsn_client::transport::Notification;
use dfsn_consensus::operator::{OpenDecision, Operator, Task, TaskKind, decide_opening};
use dfsn_consensus::state::ChainState;
use dfsn_types::{AnswerContext, Boundary, BoundedVec, Duty, DutyKind, SignedDuty, StateContext};

use super::drawing;
use super::genesis::Keys;

#[derive(Debug)]
pub(crate) struct Validator {
    keys: Keys,
    operator: Operator,
}

/// What comes of a new state.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) duties: Vec<SignedDuty>,
    pub(crate) progress: Vec<Notification>,
    pub(crate) files: Vec<Vec<u8>>,
}

impl Validator {
    pub(crate) fn new(keys: Keys) -> Self {
        let operator = Operator::new(keys.owner(), keys.vrf());
        Self { keys, operator }
    }

    pub(crate) fn work(&mut self, state: &ChainState, work: &mut Work) {
        for task in self.operator.tasks(state) {
            if let Some(kind) = self.perform(&task, state, work) {
                let duty = Duty { validator: self.keys.owner(), job: task.job, attempt: task.attempt, kind };
                work.duties.push(duty.sign(&state.chain, &self.keys.duty()));
            }
        }
    }

    fn perform(&self, task: &Task, state: &ChainState, work: &mut Work) -> Option<DutyKind> {
        let genesis = state.chain.genesis;
        let Task { job, attempt, worker, params, .. } = task;
        let context =
            |boundary| StateContext { genesis, job: *job, attempt: *attempt, worker: *worker, boundary };
        let answer = |boundary: &Boundary| {
            let (job, attempt, answerer) = (*job, *attempt, self.keys.owner());
            AnswerContext { genesis, job, attempt, boundary: *boundary, answerer }
                .answer(&drawing::digest(params, context(*boundary)))
        };
        match &task.kind {
            TaskKind::Accept { draw } => Some(DutyKind::AcceptJob { draw: *draw }),
            TaskKind::Generate => {
                let steps = params.executed_steps();
                let told =
                    (0..params.num_images()).flat_map(|image| (1..=steps).map(move |step| (image, step)));
                work.progress.extend(told.map(|(image, step)| Notification::Progress {
                    job: *job,
                    attempt: *attempt,
                    image,
                    step,
                    steps,
                }));
                let (commitment, files) = drawing::commit(params, context);
                work.files.extend(files);
                Some(DutyKind::CommitResult(commitment))
            }
            TaskKind::Claim { seat, proof } => Some(DutyKind::ClaimAudit { seat: *seat, proof: *proof }),
            TaskKind::Answer { seat, boundaries } => {
                let answers = boundaries.iter().map(answer).collect();
                Some(DutyKind::SubmitAudit { seat: *seat, answers: BoundedVec::new(answers).unwrap() })
            }
            TaskKind::Open => {
                let tree = drawing::trace(params, context);
                match decide_opening(state, state.open_job(job)?, &tree).unwrap()? {
                    OpenDecision::Open(openings) => {
                        Some(DutyKind::OpenAudit { openings: BoundedVec::new(openings).unwrap() })
                    }
                    OpenDecision::Contest(_) => panic!("all validators are honest"),
                }
            }
            TaskKind::Reveal { .. } => panic!("nobody contests"),
            TaskKind::CompareInputs { .. }
            | TaskKind::List { .. }
            | TaskKind::Prove { .. }
            | TaskKind::ShowTensor { .. } => panic!("nobody contests"),
            TaskKind::Demand { .. } | TaskKind::Post { .. } => panic!("everybody has every state"),
            TaskKind::Store => Some(DutyKind::Stored),
        }
    }
}
