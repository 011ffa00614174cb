//! Random transactions and registrations.

use core::net::IpAddr;

use dfsn_types::*;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Generate, few, random};

impl Generate for Relay {
    fn strategy() -> BoxedStrategy<Self> {
        let ip =
            prop_oneof![any::<[u8; 4]>().prop_map(IpAddr::from), any::<[u8; 16]>().prop_map(IpAddr::from),];
        prop_oneof![
            random().prop_map(Self::Node),
            (ip, any::<u16>()).prop_map(|(address, port)| Self::Ip(address, port)),
        ]
        .boxed()
    }
}

impl Generate for PairOffer {
    fn strategy() -> BoxedStrategy<Self> {
        (random(), any::<u8>(), random())
            .prop_map(|(pair, capacity, min_price)| Self { pair, capacity, min_price })
            .boxed()
    }
}

impl Generate for ComputeRegistration {
    fn strategy() -> BoxedStrategy<Self> {
        (random(), random(), random(), random(), few(3), random())
            .prop_map(|(duty_key, vrf_key, compute_key, payout, offers, relay)| Self {
                duty_key,
                vrf_key,
                compute_key,
                payout,
                offers,
                relay,
            })
            .boxed()
    }
}

impl Generate for KeyPossession {
    fn strategy() -> BoxedStrategy<Self> {
        (random(), random(), random()).prop_map(|(duty, compute, vrf)| Self { duty, compute, vrf }).boxed()
    }
}

impl Generate for ComputeUpdate {
    fn strategy() -> BoxedStrategy<Self> {
        (random(), random()).prop_map(|(registration, possession)| Self { registration, possession }).boxed()
    }
}

impl Generate for GenerationRequest {
    fn strategy() -> BoxedStrategy<Self> {
        (random(), random(), random(), any::<bool>())
            .prop_map(|(params, price_per_unit, expires_ms, unaudited)| Self {
                params,
                price_per_unit,
                expires_ms,
                unaudited,
            })
            .boxed()
    }
}

impl Generate for TransactionKind {
    fn strategy() -> BoxedStrategy<Self> {
        prop_oneof![
            (random(), random()).prop_map(|(to, amount)| Self::Transfer { to, amount }),
            random().prop_map(|amount| Self::Stake { amount }),
            random().prop_map(|amount| Self::Unstake { amount }),
            random().prop_map(|update| Self::RegisterCompute(Box::new(update))),
            random().prop_map(|pair| Self::TestHardware { pair }),
            random().prop_map(|request| Self::GenerationRequest(Box::new(request))),
            random().prop_map(|job| Self::Receipt { job }),
            Just(Self::Unjail),
            random().prop_map(|to| Self::ChangeOwner { to }),
            random().prop_map(|record| Self::RegisterModel(Box::new(record))),
            random().prop_map(|model| Self::RemoveModel { model }),
            random().prop_map(|job| Self::CancelRequest { job }),
            random().prop_map(|job| Self::RequestAudit { job }),
            random().prop_map(|note| Self::EvidenceNote { note }),
            random().prop_map(|evidence| Self::SubmitEvidence(Box::new(evidence))),
            random().prop_map(|until| Self::PauseJobs { until }),
            (random(), random(), random()).prop_map(|(fault, from, to)| Self::ReleaseHolds {
                fault,
                from,
                to
            }),
        ]
        .boxed()
    }
}

impl Generate for Transaction {
    fn strategy() -> BoxedStrategy<Self> {
        (random(), random(), random(), random(), random(), random())
            .prop_map(|(chain_id, nonce, gas_limit, max_fee_per_gas, max_priority_fee_per_gas, kind)| Self {
                chain_id,
                nonce,
                gas_limit,
                max_fee_per_gas,
                max_priority_fee_per_gas,
                kind,
            })
            .boxed()
    }
}

/// Mostly with a signature that does not hold: the form has nothing to do with it.
impl Generate for NativeTransaction {
    fn strategy() -> BoxedStrategy<Self> {
        (random(), random(), random())
            .prop_map(|(transaction, key, signature)| Self::from_parts(transaction, key, signature))
            .boxed()
    }
}

/// Mostly no transactions at all: nothing is checked before the signature is.
impl Generate for EthereumTransaction {
    fn strategy() -> BoxedStrategy<Self> {
        vec(any::<u8>(), 0..200).prop_map(|bytes| Self::new(bytes).expect("few bytes")).boxed()
    }
}

impl Generate for SignedTransaction {
    fn strategy() -> BoxedStrategy<Self> {
        prop_oneof![random().prop_map(Self::Native), random().prop_map(Self::Ethereum)].boxed()
    }
}

impl Generate for Secp256k1PublicKey {
    fn strategy() -> BoxedStrategy<Self> {
        vec(any::<u8>(), 33).prop_map(|bytes| Self::from_bytes(bytes.try_into().expect("33 bytes"))).boxed()
    }
}

impl Generate for AccountKey {
    fn strategy() -> BoxedStrategy<Self> {
        prop_oneof![random().prop_map(Self::Ed25519), random().prop_map(Self::Secp256k1)].boxed()
    }
}
