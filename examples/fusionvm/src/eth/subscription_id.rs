//! Names of subscriptions, as Ethereum's clients expect them.

use jsonrpsee::core::traits::IdProvider;
use jsonrpsee::server::RandomIntegerIdProvider;
use jsonrpsee::types::SubscriptionId;

/// Random quantities, `0x1f…`: some clients read nothing else.
#[derive(Debug)]
pub(crate) struct Quantities;

impl IdProvider for Quantities {
    fn next_id(&self) -> SubscriptionId<'static> {
        match RandomIntegerIdProvider.next_id() {
            SubscriptionId::Num(number) => SubscriptionId::Str(format!("{number:#x}").into()),
            text @ SubscriptionId::Str(_) => text,
        }
    }
}
