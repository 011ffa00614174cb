//! What is computed from values: hashes of every domain, addresses, traces, answers, prices.

use dfsn_types::*;
use serde_json::{Value, json};

use crate::samples::{Sample, secret_key};
use crate::trace::{boundaries, shape};

/// All derived vectors, by file name.
pub(super) fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("domains", domains()),
        ("addresses", addresses()),
        ("body_roots", body_roots()),
        ("jobs", jobs()),
        ("pictures", pictures()),
        ("states", states()),
        ("answers", answers()),
        ("traces", traces()),
        ("work", work()),
    ]
}

/// One fixed input in every domain; no two of the hashes are the same.
fn domains() -> Value {
    let input = b"the same input in every domain";
    let hash = |domain: &Domain| {
        json!({
            "domain": format!("{domain:?}"),
            "context": domain.context(),
            "input": hex::encode(input),
            "hash": domain.hash_bytes(input),
        })
    };
    Domain::ALL.iter().map(hash).collect()
}

fn addresses() -> Value {
    let address = |n: u8| {
        let public_key = secret_key(n).public_key();
        let address = Address::from_public_key(&public_key);
        json!({
            "seed": hex::encode([n; 32]),
            "public_key": public_key,
            "address": hex::encode(address.as_bytes()),
            "text": address.to_string(),
        })
    };
    (0..4).map(address).collect()
}

fn body_roots() -> Value {
    let roots = |(description, body): (&str, BlockBody)| {
        json!({
            "description": description,
            "body": hex::encode(codec::encode(&body)),
            "duties_root": body.duties_root(),
            "transactions_root": body.transactions_root(),
        })
    };
    BlockBody::samples().into_iter().map(roots).collect()
}

fn jobs() -> Value {
    let job = |(_, id): (&str, TransactionId)| json!({ "transaction": id, "job": id.job_id() });
    TransactionId::samples().into_iter().map(job).collect()
}

/// The same bytes as pixels of two sizes and as a file: three names.
fn pictures() -> Value {
    let bytes: Vec<u8> = (0..24).collect();
    json!({
        "bytes": hex::encode(&bytes),
        "pixels_2_high_4_wide": PixelHash::of_rgb8(2, 4, &bytes),
        "pixels_4_high_2_wide": PixelHash::of_rgb8(4, 2, &bytes),
        "file": FileHash::of(&bytes),
    })
}

/// Digests and salts of states at three places, under one worker's secret.
fn states() -> Value {
    let secret = [0x5E; 32];
    let at = |(image, t, state): (u8, u16, &[u8])| {
        let context = StateContext { boundary: Boundary { image, t }, ..StateContext::sample() };
        let digest = context.digest(state);
        let salt = context.salt(&secret);
        json!({
            "context": hex::encode(codec::encode(&context)),
            "state": hex::encode(state),
            "secret": hex::encode(secret),
            "digest": digest,
            "salt": salt,
            "leaf": TraceLeaf { digest, salt }.hash(context.boundary),
        })
    };
    let state: Vec<u8> = [0.5f32, -1.25, 3.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    [(0, 0, state.as_slice()), (0, 1, state.as_slice()), (3, 151, &[])].into_iter().map(at).collect()
}

fn answers() -> Value {
    let answer = |digest: StateDigest| {
        let context = AnswerContext::sample();
        json!({
            "context": hex::encode(codec::encode(&context)),
            "digest": digest,
            "answer": context.answer(&digest),
        })
    };
    StateDigest::samples().into_iter().map(|(_, digest)| answer(digest)).collect()
}

/// The least and the largest trace, and one between; the state at (i, t) is the borsh form of the pair.
fn traces() -> Value {
    let trace = |(images, steps): (u8, u16)| {
        let shape = shape(images, steps);
        let leaf = |boundary: Boundary| {
            let context = StateContext { boundary, ..StateContext::sample() };
            let digest = context.digest(&codec::encode(&boundary));
            TraceLeaf { digest, salt: context.salt(&[0x5E; 32]) }
        };
        let leaves = boundaries(shape).into_iter().map(leaf).collect();
        let tree = TraceTree::new(shape, leaves).expect("a leaf a boundary");
        let last = Boundary { image: images - 1, t: shape.decoded() };
        json!({
            "images": images,
            "steps": steps,
            "leaves": shape.leaves(),
            "depth": shape.depth(),
            "root": tree.root(),
            "last": tree.open(last).expect("the last leaf is inside"),
        })
    };
    [(1, 1), (2, 5), (4, 150)].into_iter().map(trace).collect()
}

fn work() -> Value {
    let model = ModelRecord::sample();
    let work = |(description, params): (&str, GenerationParams)| {
        json!({
            "description": description,
            "model": hex::encode(codec::encode(&model)),
            "params": hex::encode(codec::encode(&params)),
            "work_units": model.work_units(&params),
            "audit_units_of_two_steps": model.audit_units(&params, 2),
        })
    };
    GenerationParams::samples().into_iter().map(work).collect()
}

#[test]
fn domains_separate() {
    let hashes: std::collections::BTreeSet<Hash> =
        Domain::ALL.iter().map(|domain| domain.hash_bytes(b"the same input in every domain")).collect();
    assert_eq!(hashes.len(), Domain::ALL.len());
}
