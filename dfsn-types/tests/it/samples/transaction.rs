//! Samples of transactions and of what validators register with them.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use dfsn_types::*;

use super::{Sample, bounded, chain, counting, ethereum_key, secret_key, vrf_key};

impl Sample for ValidatorStatus {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![
            ("bonded", Self::Bonded),
            ("jailed", Self::Jailed),
            ("exiting", Self::Exiting),
            ("exited", Self::Exited),
            ("tombstoned", Self::Tombstoned),
        ]
    }
}

impl Sample for PairStatus {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![("trial", Self::Trial), ("active", Self::Active)]
    }
}

impl Sample for Relay {
    fn samples() -> Vec<(&'static str, Self)> {
        let v4 = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));
        let v6 = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x51));
        vec![
            ("an IPv4 address and port", Self::Ip(v4, 9651)),
            ("an IPv6 address and port", Self::Ip(v6, 9651)),
            ("a node", Self::Node(NodeId::sample())),
        ]
    }
}

impl Sample for PairOffer {
    fn samples() -> Vec<(&'static str, Self)> {
        let min_price = Amount::from_base_units(1_000_000_000_000);
        vec![("two jobs at a time", Self { pair: Pair::sample(), capacity: 2, min_price })]
    }
}

impl Sample for ComputeRegistration {
    fn samples() -> Vec<(&'static str, Self)> {
        let of = |offers, relay| Self {
            duty_key: secret_key(2).public_key(),
            vrf_key: vrf_key(1).public_key(),
            compute_key: secret_key(3).public_key(),
            payout: Address::from_bytes(counting(0xB0)),
            offers: bounded(offers),
            relay,
        };
        vec![
            ("one pair", of(vec![PairOffer::sample()], Relay::sample())),
            ("no pair, by messages", of(vec![], Relay::Node(NodeId::sample()))),
        ]
    }
}

impl Sample for KeyPossession {
    fn samples() -> Vec<(&'static str, Self)> {
        let owner = Address::from_public_key(&secret_key(1).public_key());
        let (duty, compute, vrf) = (secret_key(2), secret_key(3), vrf_key(1));
        let possession =
            ComputeRegistration::sample().prove_possession(&chain(), &owner, &duty, &compute, &vrf);
        vec![("of the first registration by key 1", possession.expect("the input has a point"))]
    }
}

impl Sample for ComputeUpdate {
    fn samples() -> Vec<(&'static str, Self)> {
        let registration = ComputeRegistration::sample();
        vec![("with its proofs", Self { registration, possession: KeyPossession::sample() })]
    }
}

impl Sample for GenerationRequest {
    fn samples() -> Vec<(&'static str, Self)> {
        let of = |params, unaudited| Self {
            params,
            price_per_unit: Amount::from_base_units(2_000_000_000_000),
            expires_ms: DurationMs::new(600_000),
            unaudited,
        };
        GenerationParams::samples()
            .into_iter()
            .zip([false, true])
            .map(|((description, params), unaudited)| (description, of(params, unaudited)))
            .collect()
    }
}

impl Sample for TransactionKind {
    fn samples() -> Vec<(&'static str, Self)> {
        let amount = Amount::sample();
        vec![
            ("transfer", Self::Transfer { to: Address::sample(), amount }),
            ("stake", Self::Stake { amount }),
            ("unstake", Self::Unstake { amount }),
            ("register compute", Self::RegisterCompute(Box::new(ComputeUpdate::sample()))),
            ("test hardware", Self::TestHardware { pair: Pair::sample() }),
            ("generation request", Self::GenerationRequest(Box::new(GenerationRequest::sample()))),
            ("receipt", Self::Receipt { job: JobId::from_bytes(counting(0x40)) }),
            ("unjail", Self::Unjail),
            ("change owner", Self::ChangeOwner { to: Address::from_bytes(counting(0x80)) }),
            ("register model", Self::RegisterModel(Box::new(ModelRecord::sample()))),
            ("remove model", Self::RemoveModel { model: ModelId::from_bytes(counting(0x10)) }),
            ("cancel request", Self::CancelRequest { job: JobId::from_bytes(counting(0x40)) }),
            ("request audit", Self::RequestAudit { job: JobId::from_bytes(counting(0x40)) }),
            ("evidence note", Self::EvidenceNote { note: EvidenceNote::from_bytes(counting(0x77)) }),
            ("evidence", Self::SubmitEvidence(Box::new(Evidence::sample()))),
            ("pause jobs", Self::PauseJobs { until: Timestamp::new(1_790_000_000_123) }),
            (
                "release holds",
                Self::ReleaseHolds {
                    fault: Fault::Silence,
                    from: Timestamp::new(1_790_000_000_123),
                    to: Timestamp::new(1_790_000_000_456),
                },
            ),
        ]
    }
}

impl Sample for Transaction {
    fn samples() -> Vec<(&'static str, Self)> {
        let of = |kind| Self {
            chain_id: chain().chain_id,
            nonce: Nonce::new(5),
            gas_limit: Gas::new(30_000),
            max_fee_per_gas: Amount::from_base_units(50_000_000_000),
            max_priority_fee_per_gas: Amount::from_base_units(1_000_000_000),
            kind,
        };
        TransactionKind::samples().into_iter().map(|(description, kind)| (description, of(kind))).collect()
    }
}

impl Sample for NativeTransaction {
    fn samples() -> Vec<(&'static str, Self)> {
        let sign = |transaction: Transaction| match transaction.sign(&chain(), &secret_key(1)) {
            SignedTransaction::Native(native) => native,
            SignedTransaction::Ethereum(_) => unreachable!("signed natively"),
        };
        Transaction::samples()
            .into_iter()
            .map(|(description, transaction)| (description, sign(transaction)))
            .collect()
    }

    fn id(&self) -> Option<String> {
        Some(self.id().to_string())
    }
}

impl Sample for EthereumTransaction {
    fn samples() -> Vec<(&'static str, Self)> {
        let sign = |transaction: Transaction| {
            let value = if transaction.kind.is_payable() { Amount::sample() } else { Amount::ZERO };
            transaction.sign_ethereum(value, &ethereum_key(1)).expect("the kind has an Ethereum form")
        };
        let mut samples: Vec<_> = Transaction::samples()
            .into_iter()
            .filter(|(_, transaction)| NATIVE_ONLY.iter().all(|(name, _)| *name != transaction.kind.name()))
            .map(|(description, transaction)| (description, sign(transaction)))
            .collect();
        samples.push(("no transaction: its form is checked later", Self::new(vec![1, 2, 3]).expect("short")));
        samples
    }

    fn id(&self) -> Option<String> {
        Some(self.id().to_string())
    }
}

impl Sample for SignedTransaction {
    fn samples() -> Vec<(&'static str, Self)> {
        let native = NativeTransaction::samples().into_iter();
        let native = native.map(|(description, transaction)| (description, Self::Native(transaction)));
        native.chain([("in the Ethereum envelope", Self::Ethereum(EthereumTransaction::sample()))]).collect()
    }

    fn id(&self) -> Option<String> {
        Some(self.id().to_string())
    }
}

impl Sample for Secp256k1PublicKey {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![
            ("of key 1", ethereum_key(1).public_key()),
            ("of key 2", ethereum_key(2).public_key()),
            ("no point", Self::from_bytes(counting(1))),
        ]
    }
}

impl Sample for AccountKey {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![
            ("native", Self::Ed25519(secret_key(1).public_key())),
            ("of a wallet", Self::Secp256k1(ethereum_key(1).public_key())),
        ]
    }
}
