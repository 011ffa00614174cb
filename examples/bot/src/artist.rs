//! Buys a picture: prices it, asks, follows the job, fetches, checks and acknowledges.

use dfsn_client::transport::{Http, TransportError};
use dfsn_client::view::NetworkInfo;
use dfsn_client::{Client, ClientError, JobEvent, Picture};
use dfsn_types::{
    Amount, DurationMs, Event, Fault, GenerationParams, GenerationRequest, ProfileRecord, RefundReason,
};
use thiserror::Error;

use crate::imagine::{Imagine, ImagineError};

/// How long a request may wait for a worker.
const EXPIRES: DurationMs = DurationMs::new(600_000);
/// What is left in the account for the fees of a request and its receipt, at least.
const FEES: Amount = Amount::from_base_units(Amount::DFSN.base_units() / 100);

/// Draws for everybody, from one account.
#[derive(Debug)]
pub(crate) struct Artist {
    pub(crate) client: Client<Http>,
    /// The node whose faucet is asked when coins run out.
    pub(crate) faucet: Option<Http>,
    pub(crate) price_max: Amount,
}

/// Why there is no picture; what it says is shown to who asked.
#[derive(Debug, Error)]
pub(crate) enum DrawError {
    /// The request cannot be made.
    #[error(transparent)]
    Imagine(#[from] ImagineError),
    /// The node, or the transaction.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// No model.
    #[error("this network has no model yet")]
    NoModel,
    /// Too dear.
    #[error("that would cost {price}; I pay at most {most} a request: try fewer pictures or steps")]
    TooDear {
        /// Asked for.
        price: Amount,
        /// [`Artist::price_max`].
        most: Amount,
    },
    /// Not enough coins.
    #[error("that costs {price} and I have {balance}: send coins to {address}")]
    Poor {
        /// Asked for.
        price: Amount,
        /// There.
        balance: Amount,
        /// The bot's.
        address: dfsn_types::Address,
    },
    /// The job ended without a picture.
    #[error("no picture: {0}")]
    Refunded(&'static str),
    /// The auditors did not agree.
    #[error("no verdict: the auditors could not agree on this picture, and half of its price is lost")]
    Undecided,
}

/// What who asked is told on the way.
#[derive(Debug)]
pub(crate) enum News {
    /// In a block, at this price.
    Asked { price: Amount, seed: u32 },
    /// A worker has it.
    Accepted,
    /// Steps done.
    Step { image: u8, step: u16, steps: u16 },
    /// A worker failed; another is looked for.
    Again(&'static str),
    /// The pictures, checked against their hashes on chain. They are audited next.
    Pictures(Vec<Picture>),
    /// Audited and paid.
    Settled,
}

impl Artist {
    /// The account and what it has.
    pub(crate) async fn balance(&self) -> Result<String, ClientError> {
        let balance = self.client.account(self.client.address()).await?.balance;
        Ok(format!("{balance} at {}", self.client.address()))
    }

    /// Draws, and tells `tell` what happens, until the job is over.
    pub(crate) async fn draw(
        &self,
        imagine: &Imagine,
        seed: u32,
        tell: &mut (dyn FnMut(News) + Send),
    ) -> Result<(), DrawError> {
        let network = self.client.network().await?;
        let params = params(&network, imagine, seed)?;
        let quote = self.client.quote(&params).await?;
        self.afford(quote.price).await?;
        let seed = params.seed();
        let (price_per_unit, unaudited) = (quote.price_per_unit, !quote.audited);
        let request = GenerationRequest { params, price_per_unit, expires_ms: EXPIRES, unaudited };
        let mut job = self.client.generate(request).await?;
        tell(News::Asked { price: quote.price, seed });
        while let Some(event) = job.next_event().await? {
            match event {
                JobEvent::Progress { image, step, steps, .. } => tell(News::Step { image, step, steps }),
                JobEvent::Chain(Event::JobAccepted { .. }) => tell(News::Accepted),
                JobEvent::Chain(Event::JobCommitted { .. }) => {
                    let pictures = job.fetch().await?;
                    job.acknowledge().await?;
                    tell(News::Pictures(pictures));
                }
                JobEvent::Chain(Event::AttemptFailed { fault, .. }) => tell(News::Again(in_words(fault))),
                JobEvent::Chain(Event::JobRefunded { reason, .. }) => {
                    return Err(DrawError::Refunded(why(reason)));
                }
                JobEvent::Chain(Event::JuryHung { .. }) => return Err(DrawError::Undecided),
                _ => {}
            }
        }
        tell(News::Settled);
        Ok(())
    }

    /// Within the limit, and there: after a word with the faucet, if need be.
    async fn afford(&self, price: Amount) -> Result<(), DrawError> {
        if price > self.price_max {
            return Err(DrawError::TooDear { price, most: self.price_max });
        }
        let address = self.client.address();
        let needed = price.checked_add(FEES).unwrap_or(price);
        let mut balance = self.client.account(address).await?.balance;
        if let (true, Some(node)) = (balance < needed, &self.faucet) {
            match node.ask_faucet(address).await {
                Ok(_) => balance = self.client.account(address).await?.balance,
                // It has given, and will again: what is missing is said below.
                Err(TransportError::Busy(_)) => {}
                Err(error) => return Err(ClientError::from(error).into()),
            }
        }
        if balance < needed { Err(DrawError::Poor { price, balance, address }) } else { Ok(()) }
    }
}

/// For the first model, in the exact profile where the network has it.
fn params(network: &NetworkInfo, imagine: &Imagine, seed: u32) -> Result<GenerationParams, DrawError> {
    let model = network.models.first().ok_or(DrawError::NoModel)?;
    let exact = ProfileRecord::EXACT_V1.id();
    let profile = network.profile(exact).map(|_| exact);
    let profile =
        profile.or_else(|| network.profiles.first().map(ProfileRecord::id)).ok_or(DrawError::NoModel)?;
    Ok(imagine.params(model, profile, seed)?)
}

const fn in_words(fault: Fault) -> &'static str {
    match fault {
        Fault::MissedDeadline => "the worker missed its five minutes",
        Fault::WrongResult | Fault::Contradiction => "the worker drew something else and was caught",
        Fault::Silence => "the worker would not show its work",
        _ => "the worker broke a rule",
    }
}

const fn why(reason: RefundReason) -> &'static str {
    match reason {
        RefundReason::Expired => "nobody took it in time; the price came back",
        RefundReason::PushedOut => "the queue was full and others paid more; the price came back",
        RefundReason::AttemptsFailed => "all workers failed; the price came back",
        RefundReason::Undelivered => "it did not arrive; the price came back",
        RefundReason::Overturned => "another audit found it wrong; the price came back",
        RefundReason::Cancelled => "it was taken back",
        RefundReason::Failed => {
            "its numbers got too large: try another --seed or a lower --cfg; the price came back, but for the audits"
        }
        _ => "the price came back",
    }
}
