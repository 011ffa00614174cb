//! The state of the chain: what blocks change.

mod account;
mod chain;
mod change;
mod claim;
mod claim_account;
mod coins;
mod demand;
mod electorate;
mod fresh_stake;
mod genesis;
mod hold;
mod job;
mod judgement;
mod minimum;
pub(crate) mod model_check;
mod model_deposit;
pub(crate) mod params_check;
mod queue;
mod supply;
mod validator;
mod votes;
mod window;

pub use account::Account;
pub use chain::{ChainState, Tip};
pub use change::Change;
pub use claim::{Claim, Questions, input};
pub use claim_account::ClaimAccount;
pub use coins::Coins;
pub use demand::Demand;
pub use electorate::{Service, Sortition};
pub use fresh_stake::FreshStake;
pub use genesis::GenesisError;
pub use hold::{Hold, Payee};
pub use job::{Committed, DemandTime, Job, JobKind, Outcome, Phase, Stage, Witnesses};
pub use judgement::{Judgement, Juror, JuryStage};
pub use model_check::ModelError;
pub use model_deposit::ModelDeposit;
pub use params_check::ParamError;
pub use queue::QueueKey;
pub use supply::{SUPPLY_MAX, Supply};
pub use validator::{OwnerChange, PairRecord, Repeats, Validator};
pub use votes::{HoldClass, Vote, Votes};
pub use window::Window;

dfsn_types::values_shown_whole!(Account, Job, Validator);
