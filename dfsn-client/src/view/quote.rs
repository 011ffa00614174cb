//! What a request would cost.

use dfsn_consensus::state::{ChainState, Validator};
use dfsn_types::{Amount, GenerationParams, Pair, WorkUnits};
use serde::{Deserialize, Serialize};

/// What a request would cost, as things stand. It binds nobody: workers may be busy, change their prices or leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Work of the request.
    pub work_units: WorkUnits,
    /// The lowest price per unit that some worker takes and that makes the lowest price of a job.
    pub price_per_unit: Amount,
    /// Price of the whole request: what goes into escrow. The fee of the transaction comes on top.
    pub price: Amount,
    /// Workers that take it at this price.
    pub workers: u32,
    /// Whether those workers' results are audited. If not, a request needs `unaudited`.
    pub audited: bool,
}

impl Quote {
    /// Prices a request; nothing when the model is not known, draws no pictures of this size, or nobody can take the request.
    ///
    /// Workers whose results can be audited come first: only they are drawn unless the request waives audits.
    pub fn of(state: &ChainState, params: &GenerationParams) -> Option<Self> {
        let pair = Pair { model: params.model(), profile: params.profile() };
        let model = state.models.get(&pair.model).filter(|model| model.accepts(params.size()))?;
        let work_units = model.work_units(params);
        let stake_min = state.params.economics.stake_min;
        let service = state.service(&pair);
        let is_drawn = |worker: &&Validator| {
            worker.serves(&pair, stake_min) && !worker.paused && service.lets_draw(worker)
        };
        let serving: Vec<&Validator> = state.validators.values().filter(is_drawn).collect();
        let audits = |worker: &&Validator| service.audits(&state.params.sortition, worker.stake());
        let audited: Vec<&Validator> = serving.iter().copied().filter(audits).collect();
        let offer = Offer { state, pair, work_units };
        offer.cheapest(&audited, true).or_else(|| offer.cheapest(&serving, false))
    }
}

struct Offer<'a> {
    state: &'a ChainState,
    pair: Pair,
    work_units: WorkUnits,
}

impl Offer<'_> {
    fn cheapest(&self, workers: &[&Validator], audited: bool) -> Option<Quote> {
        let asked = |worker: &&Validator| {
            let price_per_unit = worker.pairs.get(&self.pair)?.min_price.max(self.floor());
            self.is_taken(worker, price_per_unit).then_some(price_per_unit)
        };
        let price_per_unit = workers.iter().filter_map(asked).min()?;
        let takers = workers.iter().filter(|worker| self.is_taken(worker, price_per_unit)).count();
        Some(Quote {
            work_units: self.work_units,
            price_per_unit,
            price: price_per_unit.checked_mul(self.work_units.get())?,
            workers: u32::try_from(takers).unwrap_or(u32::MAX),
            audited,
        })
    }

    /// The price per unit that makes the lowest price of a job (rule REQ-03).
    fn floor(&self) -> Amount {
        let price_min = self.state.params.economics.price_min.base_units();
        Amount::from_base_units(price_min.div_ceil(u128::from(self.work_units.get().max(1))))
    }

    /// Whether a worker asks for no more and has the stake for the collateral (rule DRW-03), were it idle.
    fn is_taken(&self, worker: &Validator, price_per_unit: Amount) -> bool {
        let collateral_prices = self.state.params.penalties.collateral_prices;
        let collateral = price_per_unit
            .checked_mul(self.work_units.get())
            .and_then(|price| price.checked_mul(collateral_prices));
        let record = worker.pairs.get(&self.pair);
        record.is_some_and(|record| record.min_price <= price_per_unit)
            && collateral.is_some_and(|collateral| worker.stake() >= collateral)
    }
}
