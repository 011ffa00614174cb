//! Users who ask for pictures, change their minds, doubt, and forget to say thanks.

use std::collections::BTreeSet;

use dfsn_consensus::state::{ChainState, Job, Phase, Stage};
use dfsn_types::{
    Amount, DurationMs, GenerationParams, GenerationRequest, ImageSize, JobId, Nonce, SecretKey,
    SignedTransaction, TransactionKind,
};

use super::dice::Dice;
use crate::network::setup::{address, pair};
use crate::network::transaction;

/// Transactions of one account that may be under way.
const UNDER_WAY_MAX: usize = 6;
/// An account with less asks for nothing.
const POOR: Amount = Amount::from_dfsn(100);

/// An account that sends transactions until they stand in a block.
#[derive(Debug)]
pub(crate) struct Person {
    key: SecretKey,
    nonce: Nonce,
    pub(crate) under_way: Vec<SignedTransaction>,
    seen: BTreeSet<JobId>,
    doubted: BTreeSet<JobId>,
    cancelled: BTreeSet<JobId>,
}

impl Person {
    pub(crate) const fn new(key: SecretKey) -> Self {
        Self {
            key,
            nonce: Nonce::ZERO,
            under_way: Vec::new(),
            seen: BTreeSet::new(),
            doubted: BTreeSet::new(),
            cancelled: BTreeSet::new(),
        }
    }

    pub(crate) fn has_time(&self) -> bool {
        self.under_way.len() < UNDER_WAY_MAX
    }

    pub(crate) fn send(&mut self, state: &ChainState, kind: TransactionKind) {
        let transaction = transaction(&state.chain, self.nonce, kind);
        self.nonce = self.nonce.next();
        self.under_way.push(transaction.sign(&state.chain, &self.key));
    }

    /// One round of a user's life.
    pub(crate) fn use_network(&mut self, dice: &mut Dice, state: &ChainState, asks: bool) {
        let me = address(&self.key);
        if asks && self.has_time() && dice.percent(12) && state.balance(&me) > POOR {
            let request = request(dice);
            self.send(state, TransactionKind::GenerationRequest(Box::new(request)));
        }
        let mine = state.windows.iter().filter_map(|(_, id)| state.open_job(id));
        for job in mine.filter(|job| job.requester == me) {
            if self.has_time() {
                self.follow(dice, state, job);
            }
        }
    }

    fn follow(&mut self, dice: &mut Dice, state: &ChainState, job: &Job) {
        let id = job.id;
        match &job.stage {
            Stage::Pending { .. } | Stage::Drawn { .. } if dice.percent(1) && self.cancelled.insert(id) => {
                self.send(state, TransactionKind::CancelRequest { job: id });
            }
            Stage::Committed(committed) => {
                if self.seen.insert(id) && dice.percent(70) {
                    self.send(state, TransactionKind::Receipt { job: id });
                }
                if committed.phase == Phase::Standing && dice.percent(2) && self.doubted.insert(id) {
                    self.send(state, TransactionKind::RequestAudit { job: id });
                }
            }
            _ => {}
        }
    }
}

fn request(dice: &mut Dice) -> GenerationRequest {
    let size = ImageSize::new(64, 64).unwrap();
    let params = GenerationParams::builder(pair().model, pair().profile, "a red fox", size)
        .seed(u32::try_from(dice.below(1 << 32)).unwrap())
        .num_inference_steps(dice.pick(&[1, 2, 4, 9, 10, 20]))
        .num_images(dice.pick(&[1, 1, 1, 2, 4]))
        .build()
        .unwrap();
    // A few are cheap enough to be refused.
    let price = dice.pick(&[100_000_000_000, 2_000_000_000_000, 5_000_000_000_000, 8_000_000_000_000]);
    GenerationRequest {
        params,
        price_per_unit: Amount::from_base_units(price),
        expires_ms: DurationMs::new(dice.pick(&[60_000, 600_000, 10_000_000])),
        unaudited: dice.percent(5),
    }
}
