//! Models that anybody registers, and takes away again.

use dfsn_types::{
    Amount, ComputeUpdate, GenerationParams, GenerationRequest, ImageSize, ModelId, ModelRecord, Pair,
    PairOffer, SecretKey, TransactionKind,
};

use crate::failures::fails;
use crate::network::node::Keys;
use crate::network::setup::{model, pair, profile, registration, user_key};
use crate::network::{Behaviour, Network, Setup, usual_request};

fn network() -> Network {
    Network::new(&Setup::worker(Behaviour::HONEST, 3))
}

fn register(record: ModelRecord) -> TransactionKind {
    TransactionKind::RegisterModel(Box::new(record))
}

fn remove(number: u8) -> TransactionKind {
    TransactionKind::RemoveModel { model: model(number).id }
}

fn succeeds(network: &mut Network, key: &SecretKey, kind: TransactionKind) -> Amount {
    let id = network.send(key, kind);
    assert!(network.seal(1_000).unwrap());
    assert_eq!(network.failed_rule(&id), None);
    network.receipts[&id].fee
}

/// Node 0 offers these pairs.
fn offer(network: &mut Network, pairs: &[Pair]) {
    let keys = Keys::of(0);
    let offers = pairs.iter().map(|pair| PairOffer { pair: *pair, capacity: 1, min_price: Amount::ZERO });
    let mut registration = registration(&keys, offers.collect());
    registration.payout = keys.address();
    let chain = &network.state().chain;
    let possession = registration
        .prove_possession(chain, &keys.address(), &keys.duty, &keys.compute, &keys.vrf())
        .unwrap();
    let update = ComputeUpdate { registration, possession };
    succeeds(network, &keys.owner, TransactionKind::RegisterCompute(Box::new(update)));
}

#[test]
fn mod_01_model_stands_for_a_deposit_that_comes_back() {
    let mut network = network();
    let user = network.user(0);
    let before = network.state().balance(&user);
    let fee = succeeds(&mut network, &user_key(0), register(model(3)));
    let paid = before.checked_sub(network.state().balance(&user)).unwrap();
    assert_eq!(paid.checked_sub(fee), Some(Amount::from_dfsn(100)));
    assert_eq!(network.state().models.get(&model(3).id), Some(&model(3)));
    let fees = succeeds(&mut network, &user_key(0), remove(3)).checked_add(fee).unwrap();
    assert_eq!(before.checked_sub(network.state().balance(&user)), Some(fees));
    assert!(!network.state().models.contains_key(&model(3).id));
    // Somebody else may now register it.
    succeeds(&mut network, &user_key(1), register(model(3)));
}

#[test]
fn mod_01_model_that_exists() {
    let mut network = network();
    fails(&mut network, &user_key(0), register(model(1)), "MOD-01");
    succeeds(&mut network, &user_key(0), register(model(3)));
    fails(&mut network, &user_key(1), register(model(3)), "MOD-01");
    let poor = user_key(0);
    let all = Amount::from_dfsn(850);
    let to = network.user(1);
    succeeds(&mut network, &poor, TransactionKind::Transfer { to, amount: all });
    fails(&mut network, &poor, register(model(4)), "MON-02");
}

#[test]
fn mod_02_record_out_of_bounds() {
    let mut network = network();
    let edits: [fn(&mut ModelRecord); 13] = [
        |model| model.latent_channels = 0,
        |model| model.vae_scale_factor = 0,
        |model| model.size_multiple = 0,
        |model| model.size_max = 0,
        |model| model.size_max = 2_049,
        |model| model.work.a = 0,
        |model| model.work.d = 0,
        |model| model.work.a = u64::MAX,
        |model| model.work.b = u64::MAX,
        |model| model.work.t = u64::MAX,
        |model| model.size_multiple = 12,
        |model| model.test_size = ImageSize::new(72, 64).unwrap(),
        // 1032 / 8 pixels a side, four channels of four bytes, four tensors: a little too much.
        |model| model.size_max = 1_032,
    ];
    for edit in edits {
        let mut wrong = model(3);
        edit(&mut wrong);
        fails(&mut network, &user_key(0), register(wrong), "MOD-02");
    }
    let mut largest = model(3);
    largest.size_max = 1_024;
    succeeds(&mut network, &user_key(0), register(largest));
}

#[test]
fn mod_03_model_of_somebody_else_or_of_the_genesis() {
    let mut network = network();
    succeeds(&mut network, &user_key(0), register(model(3)));
    fails(&mut network, &user_key(1), remove(3), "MOD-03");
    fails(&mut network, &user_key(0), remove(2), "MOD-03");
    let unknown = TransactionKind::RemoveModel { model: ModelId::from_bytes([99; 32]) };
    fails(&mut network, &user_key(0), unknown, "REG-01");
}

#[test]
fn mod_04_model_that_is_offered_or_asked_for() {
    let mut network = network();
    let third = Pair { model: model(3).id, profile: profile().id() };
    succeeds(&mut network, &user_key(0), register(model(3)));
    offer(&mut network, &[pair(), third]);
    fails(&mut network, &user_key(0), remove(3), "MOD-04");
    // On trial for it, and withdrawn while somebody's request waits.
    let size = ImageSize::new(64, 64).unwrap();
    let params = GenerationParams::builder(third.model, third.profile, "x", size).build().unwrap();
    let request = GenerationRequest { params, unaudited: true, ..usual_request(1) };
    let job = network.request_with(1, request);
    offer(&mut network, &[pair()]);
    assert!(network.state().open_job(&job).is_some());
    fails(&mut network, &user_key(0), remove(3), "MOD-04");
    network.finish(&job, 200);
    succeeds(&mut network, &user_key(0), remove(3));
    assert!(network.state().jobs.contains_key(&job), "what has ended keeps its record");
}
