//! Transactions that are included and change nothing.

use dfsn_types::{
    Address, Amount, Boundary, ChainClock, EvidenceNote, GenerationParamsError, ImageSize, JobId, ModelId,
    Pair, PossessionError, ProfileId, Timestamp, TraceError,
};
use thiserror::Error;

use super::Rule;
use crate::state::ModelError;

/// Why an included transaction failed: nonce used, fee paid, receipt status "failed" (rule TX-06).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TransactionFailure {
    /// Moves more than the sender has.
    #[error("MON-02: {needed} is over the balance of {balance}")]
    Balance {
        /// What it moves.
        needed: Amount,
        /// What is left after the fee.
        balance: Amount,
    },
    /// Moves nothing.
    #[error("MON-03: an amount of zero moves nothing")]
    Zero,
    /// An Ethereum transaction that shows its sender another amount than it moves.
    #[error("ETH-08: moves {moved}, its value is {value}")]
    Value {
        /// What it would move.
        moved: Amount,
        /// What it says.
        value: Amount,
    },
    /// Money for the address that nobody has a key for.
    #[error("ETH-09: nobody could take money out of the system address")]
    ToSystemAddress,
    /// The sender has no stake.
    #[error("STK-01: {0} is no validator")]
    NotAValidator(Address),
    /// Takes more than the free stake.
    #[error("STK-02: {amount} is over the free stake of {free}")]
    FreeStake {
        /// What it takes.
        amount: Amount,
        /// What is free.
        free: Amount,
    },
    /// Registers compute with too little stake.
    #[error("STK-03: stake of {stake} is under the minimum of {min}")]
    StakeMin {
        /// What there is.
        stake: Amount,
        /// What is needed.
        min: Amount,
    },
    /// Ends a jail that there is none of.
    #[error("VAL-01: {0} is not jailed")]
    NotJailed(Address),
    /// Ends a jail before its time.
    #[error("VAL-01: {validator} is jailed until {until}, it is {now}")]
    JailedUntil {
        /// Which.
        validator: Address,
        /// Until when.
        until: Timestamp,
        /// The block's time.
        now: Timestamp,
    },
    /// A validator that arithmetic proved wrong.
    #[error("VAL-03: {0} is tombstoned")]
    Tombstoned(Address),
    /// The new owner has a validator.
    #[error("VAL-04: {account} owns validator {validator}")]
    OwnsAnother {
        /// Who would own two.
        account: Address,
        /// The one it owns.
        validator: Address,
    },
    /// The account's name is that of a validator that it does not own any more.
    #[error("VAL-05: validator {name} belongs to {owner}, stake from another account")]
    NameTaken {
        /// The name.
        name: Address,
        /// Whose validator.
        owner: Address,
    },
    /// Asks for a test while jailed.
    #[error("TST-07: {0} is jailed")]
    Jailed(Address),
    /// Votes without Active stake.
    #[error("GOV-01: {0} owns no validator that serves a pair, and is no guardian")]
    NoVote(Address),
    /// Pauses jobs for too long.
    #[error("GOV-02: a pause until {until} is too long, the latest end is {latest}")]
    PauseTooLong {
        /// Until when.
        until: Timestamp,
        /// Until when at most.
        latest: Timestamp,
    },
    /// Asks for a job while jobs are paused.
    #[error("GOV-05: jobs are paused until {0}")]
    JobsPaused(Timestamp),
    /// Releases penalties of no time at all.
    #[error("GOV-06: no penalty is held from {from} until {to}")]
    NoHolds {
        /// From when on.
        from: Timestamp,
        /// Until when.
        to: Timestamp,
    },
    /// A model of this name is registered.
    #[error("MOD-01: model {0} is registered already")]
    ModelExists(ModelId),
    /// A model's record out of bounds.
    #[error("MOD-02: {0}")]
    Model(ModelError),
    /// Removes a model that somebody else registered.
    #[error("MOD-03: model {model} was registered by {}, not by the sender",
        .registrant.map_or_else(|| "the genesis".to_owned(), |address| address.to_string()))]
    NotRegistrant {
        /// Which.
        model: ModelId,
        /// By whom; nobody if it stands in the genesis.
        registrant: Option<Address>,
    },
    /// Removes a model that a validator offers.
    #[error("MOD-04: validator {validator} offers model {model}")]
    ModelOffered {
        /// Which.
        model: ModelId,
        /// Who.
        validator: Address,
    },
    /// Removes a model that an open job asks for.
    #[error("MOD-04: job {job} asks for model {model}")]
    ModelInUse {
        /// Which model.
        model: ModelId,
        /// Which job.
        job: JobId,
    },
    /// No such model.
    #[error("REG-01: model {0} is not registered")]
    UnknownModel(ModelId),
    /// No such profile.
    #[error("REG-01: profile {0} is not registered")]
    UnknownProfile(ProfileId),
    /// Offers not in ascending order, or a pair twice.
    #[error("REG-02: offers are not in ascending order of their pairs")]
    OfferOrder,
    /// An offer of no capacity.
    #[error("REG-02: an offer of capacity zero")]
    OfferCapacity,
    /// An address that only its own network reaches.
    #[error("REG-03: relay {0} is not globally routable")]
    RelayNotGlobal(core::net::IpAddr),
    /// A key is not shown to be the sender's.
    #[error("REG-04: {0}")]
    Possession(PossessionError),
    /// Another validator has this VRF key.
    #[error("REG-05: the vrf key is registered by {0}")]
    VrfKeyTaken(Address),
    /// Tests a pair that is not on trial.
    #[error("TST-01: {0:?} is not one of the sender's pairs on trial")]
    NotOnTrial(Pair),
    /// Tests a pair twice at a time.
    #[error("TST-02: test {0} of this pair is not over")]
    TestRunning(JobId),
    /// The model's test cannot be asked for.
    #[error("TST-03: {0}")]
    TestParams(GenerationParamsError),
    /// The model draws no pictures of this size.
    #[error("REQ-02: {height}x{width} is not a size of this model", height = .0.height(), width = .0.width())]
    Size(ImageSize),
    /// Offers too little.
    #[error("REQ-03: price of {price} is under the minimum of {min}")]
    PriceMin {
        /// What it offers.
        price: Amount,
        /// What is needed.
        min: Amount,
    },
    /// The price overflows.
    #[error("REQ-03: the price overflows")]
    PriceOverflow,
    /// Too few serve the pair to audit it, and the request does not waive audits.
    #[error("REQ-04: too few active validators serve this pair to audit it")]
    NotAudited,
    /// The sender has too many open requests.
    #[error("REQ-05: {0} requests of this account are open")]
    TooManyOpen(u32),
    /// The queue is full of better-paying requests.
    #[error("REQ-06: the queue of this pair is full of better-paying requests")]
    QueueFull,
    /// No such job.
    #[error("RCP-01: no job {0}")]
    UnknownJob(JobId),
    /// A receipt by somebody else.
    #[error("RCP-02: job {0} was asked for by another account")]
    NotRequester(JobId),
    /// A receipt for nothing, or a second one.
    #[error("RCP-03: job {0} has no result that waits for a receipt")]
    NothingToReceive(JobId),
    /// Takes back what a worker has accepted, or what is over.
    #[error("CAN-01: job {0} does not wait for a worker")]
    NotCancellable(JobId),
    /// There is no result whose first audit is over, or a second one was asked for before.
    #[error("CHL-01: job {0} has no result that can be audited again")]
    NothingToAudit(JobId),
    /// The time for objections is over.
    #[error("CHL-02: the clock shows {clock}, objections were taken until {until}")]
    ChallengeOver {
        /// The chain clock.
        clock: ChainClock,
        /// The end.
        until: ChainClock,
    },
    /// The leaf is no secret answer of an open audit.
    #[error("EVD-01: image {image}, boundary {t} is no answer that is still awaited", image = .0.image, t = .0.t)]
    NotBlind(Boundary),
    /// The leaf does not lead to the committed root.
    #[error("EVD-03: {0}")]
    EvidenceOpening(TraceError),
    /// The same evidence was announced before.
    #[error("EVD-02: {0} was announced before")]
    NotedBefore(EvidenceNote),
}

impl Rule for TransactionFailure {}
