//! Samples of blocks, receipts, events and the genesis.

use dfsn_types::*;

use super::{Sample, bounded, chain, counting, secret_key, text};

impl Sample for ChainIdentity {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![("the samples' network", chain())]
    }
}

impl Sample for BeaconProof {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![("by a validator", Self { validator: Address::sample(), proof: VrfProof::sample() })]
    }
}

impl Sample for Header {
    fn samples() -> Vec<(&'static str, Self)> {
        let plain = header(&BlockBody::sample());
        let with_proof = Self { beacon_proof: Some(BeaconProof::sample()), ..plain };
        vec![("without a beacon proof", plain), ("with a beacon proof", with_proof)]
    }

    fn id(&self) -> Option<String> {
        Some(self.hash().to_string())
    }
}

/// A header for a body, built by key 4.
pub(super) fn header(body: &BlockBody) -> Header {
    Header {
        height: BlockHeight::new(12),
        parent: BlockHash::from_bytes(counting(0x01)),
        timestamp: Timestamp::new(1_790_000_000_123),
        builder: secret_key(4).public_key(),
        fee_recipient: Address::from_bytes(counting(0xB0)),
        beacon_proof: None,
        base_fee_per_gas: Amount::from_base_units(25_000_000_000),
        gas_used: Gas::new(21_000),
        duties_root: body.duties_root(),
        data_root: body.data_root(),
        transactions_root: body.transactions_root(),
        receipts_root: BlockReceipts::sample().root(),
        state_root: StateRoot::from_bytes(counting(0x02)),
    }
}

/// A duty of the data lane.
fn post_data() -> SignedDuty {
    let kind = DutyKind::PostData(Box::new(PostedChunk::sample()));
    Duty { kind, ..Duty::sample() }.sign(&chain(), &secret_key(2))
}

impl Sample for BlockBody {
    fn samples() -> Vec<(&'static str, Self)> {
        let body = Self {
            duties: bounded(SignedDuty::samples().into_iter().map(|(_, duty)| duty).take(2).collect()),
            data: bounded(vec![post_data()]),
            transactions: bounded(
                SignedTransaction::samples().into_iter().map(|(_, transaction)| transaction).collect(),
            ),
        };
        vec![("two duties, a posted piece, a transaction of every kind", body), ("empty", Self::default())]
    }
}

impl Sample for Block {
    fn samples() -> Vec<(&'static str, Self)> {
        let seal = |body: BlockBody| Self::seal(header(&body), body, &chain(), &secret_key(4));
        BlockBody::samples().into_iter().map(|(description, body)| (description, seal(body))).collect()
    }

    fn id(&self) -> Option<String> {
        Some(self.hash().to_string())
    }
}

impl Sample for TransactionStatus {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![("succeeded", Self::Succeeded), ("failed", Self::Failed { rule: text("R-042") })]
    }
}

impl Sample for TransactionReceipt {
    fn samples() -> Vec<(&'static str, Self)> {
        let of = |status| Self {
            id: TransactionId::from_bytes(counting(0x03)),
            status,
            gas_used: Gas::new(21_000),
            fee: Amount::from_base_units(525_000_000_000_000),
        };
        TransactionStatus::samples()
            .into_iter()
            .map(|(description, status)| (description, of(status)))
            .collect()
    }
}

impl Sample for BlockReceipts {
    fn samples() -> Vec<(&'static str, Self)> {
        let receipts = Self {
            transactions: TransactionReceipt::samples().into_iter().map(|(_, receipt)| receipt).collect(),
            events: Event::samples().into_iter().map(|(_, event)| event).take(3).collect(),
        };
        vec![("two receipts, three events", receipts), ("empty", Self::default())]
    }

    fn id(&self) -> Option<String> {
        Some(self.root().to_string())
    }
}

impl Sample for Fault {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![
            ("missed deadline", Self::MissedDeadline),
            ("wrong result", Self::WrongResult),
            ("contradiction", Self::Contradiction),
            ("silence", Self::Silence),
            ("baseless contest", Self::BaselessContest),
            ("wrong answer", Self::WrongAnswer),
            ("missing answer", Self::MissingAnswer),
            ("early opening", Self::EarlyOpening),
        ]
    }
}

impl Sample for RefundReason {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![
            ("expired", Self::Expired),
            ("pushed out", Self::PushedOut),
            ("attempts failed", Self::AttemptsFailed),
            ("undelivered", Self::Undelivered),
            ("untested", Self::Untested),
            ("cancelled", Self::Cancelled),
            ("overturned", Self::Overturned),
            ("failed", Self::Failed),
        ]
    }
}

impl Sample for Event {
    fn samples() -> Vec<(&'static str, Self)> {
        let job = JobId::from_bytes(counting(0x40));
        let attempt = Attempt::new(2);
        let worker = Address::from_bytes(counting(0x60));
        let auditor = Address::from_bytes(counting(0x50));
        let requester = Address::from_bytes(counting(0x80));
        let pair = Pair::sample();
        let amount = Amount::sample();
        let clock = ChainClock::new(90_000);
        let commitment = ResultCommitment::sample();
        let (fault, burned) = (Fault::Silence, Amount::DFSN);
        let role = Role::Auditor;
        let boundary = Boundary { image: 1, t: 20 };
        vec![
            ("job requested", Self::JobRequested { job, requester, pair, price: amount }),
            ("job drawn", Self::JobDrawn { job, attempt, worker, accept_by: clock }),
            ("job passed over", Self::JobPassedOver { job, attempt, worker }),
            ("job accepted", Self::JobAccepted { job, attempt, worker, collateral: amount, deadline: clock }),
            ("job committed", Self::JobCommitted { job, attempt, worker, commitment }),
            ("audit claimed", Self::AuditClaimed { job, attempt, auditor, role }),
            ("audit answered", Self::AuditAnswered { job, attempt, auditor, role }),
            ("audit opened", Self::AuditOpened { job, attempt, answers: 6 }),
            ("contested", Self::Contested { job, attempt, answer: AnswerRef::sample() }),
            ("roots posted", Self::RootsPosted { job, attempt, boundary, tensors: 2_000 }),
            (
                "tensor demanded",
                Self::TensorDemanded { job, attempt, by: auditor, tensor: 7, part: TensorPart::Level },
            ),
            ("tensor posted", Self::TensorPosted { job, attempt, tensor: 7, part: TensorPart::Piece(1) }),
            ("fault proven", Self::FaultProven { job, attempt, worker, by: auditor, tensor: 7, element: 9 }),
            ("jury called", Self::JuryCalled { job, attempt, answer: AnswerRef::sample() }),
            ("jury hung", Self::JuryHung { job, attempt, worker, worker_paid: amount, burned }),
            ("judged", Self::Judged { job, attempt, worker, auditor, worker_right: true }),
            ("slashed", Self::Slashed { job, attempt, validator: worker, fault, amount }),
            ("hold paid", Self::HoldPaid { job, validator: worker, fault, paid: amount, burned }),
            ("hold released", Self::HoldReleased { job, validator: worker, fault, amount }),
            ("data demanded", Self::DataDemanded { job, attempt, by: auditor, boundary }),
            ("data posted", Self::DataPosted { job, attempt, boundary, index: 3, complete: true }),
            ("answer leaked", Self::AnswerLeaked { job, attempt, boundary, shown_by: auditor }),
            ("audit requested", Self::AuditRequested { job, attempt, deposit: amount }),
            (
                "witnesses drawn",
                Self::WitnessesDrawn { job, attempt, witnesses: bounded(vec![worker, auditor]) },
            ),
            ("stored", Self::Stored { job, attempt, witness: auditor }),
            ("attempt failed", Self::AttemptFailed { job, attempt, worker, fault }),
            ("delivered", Self::Delivered { job }),
            (
                "job settled",
                Self::JobSettled { job, attempt, worker, worker_paid: amount, auditors_paid: burned },
            ),
            ("job refunded", Self::JobRefunded { job, requester, amount, reason: RefundReason::Undelivered }),
            ("pair activated", Self::PairActivated { validator: worker, pair }),
            ("test failed", Self::TestFailed { job, validator: worker, burned }),
            ("jailed", Self::Jailed { validator: worker }),
            ("unbonded", Self::Unbonded { owner: worker, amount }),
            ("unjailed", Self::Unjailed { validator: worker }),
            ("exiting", Self::Exiting { validator: worker }),
            ("tombstoned", Self::Tombstoned { validator: worker }),
            ("exited", Self::Exited { validator: worker }),
            (
                "owner changing",
                Self::OwnerChanging {
                    validator: worker,
                    to: requester,
                    at: Timestamp::new(1_790_000_000_123),
                },
            ),
            ("owner changed", Self::OwnerChanged { validator: worker, owner: requester }),
            ("jobs paused", Self::JobsPaused { until: Timestamp::new(1_790_000_000_123) }),
            ("jobs resumed", Self::JobsResumed),
        ]
    }
}

impl Sample for Allocation {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![("a thousand coins", Self { address: Address::sample(), amount: Amount::from_dfsn(1_000) })]
    }
}

impl Sample for GenesisValidator {
    fn samples() -> Vec<(&'static str, Self)> {
        let owner = Address::from_public_key(&secret_key(1).public_key());
        let stake = Amount::from_dfsn(5_000);
        vec![("key 1", Self { owner, stake, registration: ComputeRegistration::sample() })]
    }
}

impl Sample for Guardian {
    fn samples() -> Vec<(&'static str, Self)> {
        let account = Address::from_bytes(counting(0x90));
        vec![("of the first million blocks", Self { account, until_height: BlockHeight::new(1_000_000) })]
    }
}

impl Sample for Upgrade {
    fn samples() -> Vec<(&'static str, Self)> {
        let announced = Timestamp::new(1_790_000_000_000);
        let version = Self {
            announced,
            activation: announced.after(UpgradeSchedule::NOTICE_MS),
            rule_version: RuleVersion::new(2),
            new_params: None,
        };
        let numbers = Self { new_params: Some(ConsensusParams::default()), ..version };
        vec![("another version", version), ("other numbers", numbers)]
    }
}

impl Sample for UpgradeSchedule {
    fn samples() -> Vec<(&'static str, Self)> {
        let first = Upgrade::sample();
        let later = |upgrade: Upgrade| Upgrade {
            activation: upgrade.activation.after(DurationMs::new(1)),
            rule_version: RuleVersion::new(3),
            ..upgrade
        };
        let two = Self::new(bounded(vec![first.clone(), later(first)])).expect("a sample keeps its rules");
        vec![("two upgrades", two), ("none", Self::default())]
    }
}

impl Sample for GenesisConfig {
    fn samples() -> Vec<(&'static str, Self)> {
        let bare = Self {
            chain_id: chain().chain_id,
            timestamp: Timestamp::new(1_790_000_000_000),
            params: ConsensusParams::default(),
            sealer: secret_key(4).public_key(),
            allocations: bounded(vec![]),
            models: bounded(vec![]),
            profiles: bounded(vec![]),
            validators: bounded(vec![]),
            test_prompts: bounded(vec![]),
            guardian: None,
        };
        let full = Self {
            allocations: bounded(vec![Allocation::sample()]),
            models: bounded(vec![ModelRecord::sample()]),
            profiles: bounded(vec![ProfileRecord::sample()]),
            validators: bounded(vec![GenesisValidator::sample()]),
            test_prompts: bounded(vec![text("a red fox"), text("a blue house")]),
            guardian: Some(Guardian::sample()),
            ..bare.clone()
        };
        vec![("one of each", full), ("bare", bare)]
    }

    fn id(&self) -> Option<String> {
        Some(self.hash().to_string())
    }
}
