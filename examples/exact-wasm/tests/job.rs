//! What a node shows of a job is believed as far as it is proven: by the genesis that has the network's name, by headers that
//! follow each other, and by the sealer's word over them.

use dfsn_consensus::state::ChainState;
use dfsn_consensus::store::MemoryStore;
use dfsn_consensus::vm::{ChainVm, InstantSeal, VmConfig};
use dfsn_consensus::{Mempool, MempoolLimits, Rules};
use dfsn_types::{
    Address, Allocation, Amount, BlockHeight, BoundedString, BoundedVec, ChainId, ConsensusParams,
    DurationMs, Gas, GenerationParams, GenerationRequest, GenesisConfig, ImageSize, JobId, ModelId,
    ModelRecord, Nonce, ProfileRecord, Prompt, SecretKey, Timestamp, Transaction, TransactionKind,
    WorkCoefficients,
};
use exact_wasm::{NotProven, check_job};
use serde_json::{Value, json};

const START_MS: u64 = 1_700_000_000_000;
const MODEL: ModelId = ModelId::from_bytes([1; 32]);

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn sealer() -> SecretKey {
    key(8)
}

fn user() -> Address {
    Address::from_public_key(&key(9).public_key())
}

fn genesis() -> GenesisConfig {
    let model = ModelRecord {
        id: MODEL,
        name: BoundedString::new("stand-in").unwrap(),
        work: WorkCoefficients { a: 10, b: 64, d: 20, t: 100 },
        latent_channels: 4,
        vae_scale_factor: 8,
        size_multiple: 32,
        size_max: 128,
        test_size: ImageSize::new(64, 64).unwrap(),
        exact: None,
    };
    GenesisConfig {
        chain_id: ChainId::new(7_777).unwrap(),
        timestamp: Timestamp::new(START_MS),
        params: ConsensusParams::default(),
        sealer: sealer().public_key(),
        allocations: BoundedVec::new(vec![Allocation { address: user(), amount: Amount::from_dfsn(100) }])
            .unwrap(),
        models: BoundedVec::new(vec![model]).unwrap(),
        profiles: BoundedVec::new(vec![ProfileRecord::EXACT_V1]).unwrap(),
        test_prompts: BoundedVec::new(vec![Prompt::new("a fox").unwrap()]).unwrap(),
        validators: BoundedVec::default(),
        guardian: None,
    }
}

/// A chain whose first block has a request, and two more blocks; what its node shows of that job.
struct Shown {
    job: JobId,
    claim: Value,
}

impl Shown {
    fn new() -> Self {
        let genesis = genesis();
        let chain = genesis.identity();
        let state = ChainState::genesis(&genesis).unwrap();
        let config = VmConfig {
            only_builder: Some(state.sealer),
            builder_key: sealer(),
            fee_recipient: user(),
            beacon: None,
            rules: Rules::default(),
        };
        let pool = Mempool::new(MempoolLimits::default());
        let mut engine =
            InstantSeal::new(ChainVm::open(MemoryStore::default(), &state, pool, config).unwrap());
        let request = GenerationRequest {
            params: GenerationParams::builder(
                MODEL,
                ProfileRecord::EXACT_V1.id(),
                "pizza",
                ImageSize::new(64, 64).unwrap(),
            )
            .build()
            .unwrap(),
            price_per_unit: Amount::from_base_units(1_000_000_000_000),
            expires_ms: DurationMs::new(600_000),
            unaudited: true,
        };
        let transfer = || TransactionKind::Transfer { to: user(), amount: Amount::DFSN };
        let kinds = [TransactionKind::GenerationRequest(Box::new(request)), transfer(), transfer()];
        let mut shown = None;
        for (nonce, kind) in (0..).zip(kinds) {
            let transaction = Transaction {
                chain_id: chain.chain_id,
                nonce: Nonce::new(nonce),
                gas_limit: Gas::new(200_000),
                max_fee_per_gas: Amount::from_base_units(1_000_000_000_000),
                max_priority_fee_per_gas: Amount::ZERO,
                kind,
            };
            let id = engine.vm_mut().submit_transaction(transaction.sign(&chain, &key(9))).unwrap();
            engine.seal(Timestamp::new(START_MS + 1_000 * (nonce + 1))).unwrap().expect("a block");
            let job = id.job_id();
            shown.get_or_insert_with(|| (job, engine.vm().state().prove_job(&job)));
        }
        let (job, answer) = shown.unwrap();
        let blocks = engine.vm().blocks_from(BlockHeight::new(1)).unwrap();
        let headers: Vec<_> = blocks.map(|block| block.unwrap().signed_header()).collect();
        assert_eq!(headers.len(), 3);
        let claim = json!({
            "network": chain.genesis, "genesis": genesis, "job": job, "height": 1, "answer": answer,
            "headers": headers, "checkpoint": engine.vm().checkpoint().expect("the sealer's own node"),
        });
        Self { job, claim }
    }

    fn check(&self, change: impl FnOnce(&mut Value)) -> Result<Value, NotProven> {
        let mut claim = self.claim.clone();
        change(&mut claim);
        let proven = check_job(claim.to_string().as_bytes());
        proven.map(|proven| serde_json::to_value(proven).unwrap())
    }
}

#[test]
fn a_job_is_proven_under_a_checkpoint_two_blocks_later() {
    let shown = Shown::new();
    let proven = shown.check(|_| ()).unwrap();
    assert_eq!(proven["record"]["params"]["prompt"], json!("pizza"));
    assert_eq!(proven["record"]["requester"], json!(user()));
    assert_eq!((&proven["height"], &proven["checkpoint"]), (&json!(1), &json!(3)));

    // What no checkpoint covers is what this node says, and no more.
    for without in [
        shown.check(|claim| claim["checkpoint"] = Value::Null),
        shown.check(|claim| claim["headers"].as_array_mut().unwrap().truncate(1)),
    ] {
        let proven = without.unwrap();
        assert_eq!((proven["record"].is_object(), &proven["checkpoint"]), (true, &Value::Null));
    }
}

#[test]
fn whatever_is_changed_is_found() {
    let shown = Shown::new();
    let refused = |change: &dyn Fn(&mut Value)| shown.check(change).unwrap_err();

    let other = refused(&|claim| claim["network"] = json!("ab".repeat(32)));
    assert!(matches!(other, NotProven::Genesis { .. }), "{other}");
    let other = refused(&|claim| claim["genesis"]["timestamp"] = json!(START_MS + 1));
    assert!(matches!(other, NotProven::Genesis { .. }), "{other}");

    let gap = refused(&|claim| drop(claim["headers"].as_array_mut().unwrap().remove(1)));
    assert!(matches!(gap, NotProven::Headers { index: 1, count: 2, expected: 2 }), "{gap}");
    let late = refused(&|claim| drop(claim["headers"].as_array_mut().unwrap().remove(0)));
    assert!(matches!(late, NotProven::Headers { index: 0, .. }), "{late}");
    let none = refused(&|claim| claim["headers"] = json!([]));
    assert!(matches!(none, NotProven::Headers { count: 0, .. }), "{none}");
    let many = refused(&|claim| claim["headers"] = json!(vec![claim["headers"][0].clone(); 1_025]));
    assert!(matches!(many, NotProven::TooManyHeaders(1_025)), "{many}");

    // A header of the node's own making, and a checkpoint by somebody else.
    let forged = refused(&|claim| claim["headers"][0]["header"]["state_root"] = json!("ab".repeat(32)));
    assert!(matches!(forged, NotProven::Signature(_)), "{forged}");
    let forged = refused(&|claim| claim["checkpoint"]["checkpoint"]["height"] = json!(9));
    assert!(matches!(forged, NotProven::Signature(_)), "{forged}");

    let altered = refused(&|claim| {
        let answer = claim["answer"].to_string().replace("pizza", "bread");
        claim["answer"] = serde_json::from_str(&answer).unwrap();
    });
    assert!(matches!(altered, NotProven::Proof(_)), "{altered}");
    let another = refused(&|claim| claim["job"] = json!(JobId::from_bytes([5; 32])));
    assert!(matches!(another, NotProven::Proof(_)), "{another}");
    // After another block the state is another one.
    let elsewhere = refused(&|claim| {
        claim["height"] = json!(2);
        drop(claim["headers"].as_array_mut().unwrap().remove(0));
    });
    assert!(matches!(elsewhere, NotProven::Proof(_)), "{elsewhere}");

    assert!(matches!(refused(&|claim| claim["more"] = json!(1)), NotProven::Json(_)));
    assert!(matches!(check_job(b"{"), Err(NotProven::Json(_))));
    assert_eq!(shown.claim["job"], json!(shown.job));
}
