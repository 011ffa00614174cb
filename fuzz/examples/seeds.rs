//! Writes the first inputs of every target from the frozen vectors of dfsn-types: `cargo run --example seeds` in `fuzz/`.

use std::fs;
use std::path::Path;

use dfsn_compute::exact::ExactModel;
use dfsn_compute::service::Frame;
use dfsn_compute::service::auth::{Call, CallHeader};
use dfsn_compute::{ImageRequest, ModelConfig, Provenance, RgbImage, TraceLine};
use dfsn_fuzz::chain;
use dfsn_types::{
    Amount, Boundary, EthereumCall, EthereumQuestion, FileHash, GenerationParams, ImageSize, MerkleMap,
    ModelId, ProfileId, ProfileRecord, Salt, SecretKey, StateDigest, TraceLeaf, TraceShape, TraceTree,
    TransactionKind, VrfSecretKey, codec, slice_root,
};
use serde_json::{Value, json};

const VECTORS: &str = "../dfsn-types/tests/vectors";
const MODEL: &str = "../models/emoji-64";
/// Longer seeds slow a fuzzer down and show it nothing new.
const SEED_BYTES_MAX: usize = 3_000;

fn main() {
    let _ = fs::remove_dir_all("seeds");
    wire();
    for (target, types) in
        [("transactions", &["signed_transaction"][..]), ("duties", &["signed_duty"]), ("blocks", &["block"])]
    {
        for name in types {
            for (number, case) in cases(name).iter().enumerate() {
                write(target, &format!("{name}-{number}"), &bytes(case));
            }
        }
    }
    for (number, case) in cases("ethereum_transaction").iter().enumerate() {
        let text = case["json"].as_str().expect("raw bytes are text");
        write("transactions", &format!("raw-{number}"), &hex::decode(text).expect("hexadecimal digits"));
    }
    for name in ["genesis_config", "consensus_params", "model_manifest"] {
        let text = serde_json::to_vec(&cases(name)[0]["json"]).expect("JSON");
        write_any("genesis", name, &text);
    }
    texts();
    vrf();
    openings();
    slices();
    proofs();
    calls();
    models();
    prompts();
    pictures();
    weights();
    architectures();
    compute_service();
    let numbers = [1.0_f32, -0.5, 0.25].map(f32::to_le_bytes).concat();
    write("states", "three", &[&[3, 0][..], &numbers].concat());
    write("states", "pixel", &[&[1, 1][..], &numbers].concat());
}

/// A header and some numbers, as a file of the original releases begins.
fn weights() {
    let conv = r#"{"dtype":"F16","shape":[2,4,1,1],"data_offsets":[0,16]}"#;
    let number = r#"{"dtype":"F32","shape":[],"data_offsets":[16,20]}"#;
    for (name, header) in [
        ("conv", format!(r#"{{"model.diffusion_model.input_blocks.0.0.weight":{conv},"x.y":{number}}}"#)),
        (
            "scalar",
            format!(r#"{{"a":{conv},"model.diffusion_model.input_blocks.1.0.in_layers.2.weight":{number}}}"#),
        ),
    ] {
        let length = (header.len() as u64).to_le_bytes();
        write("weights", name, &[&length[..], header.as_bytes(), &[0x3c; 20]].concat());
    }
    write("weights", "isa", b"avx512");
}

fn architectures() {
    let config = ModelConfig::load(MODEL).expect("the model is there");
    let architecture = ExactModel::of(&config).expect("an exact form").architecture().to_bytes();
    write("architectures", "emoji-64", &[&[7, 7, 0, 5][..], &architecture].concat());
    write("architectures", "emoji-64-wide", &[&[1, 3, 2, 2][..], &architecture].concat());
}

fn pictures() {
    let image = RgbImage::new(3, 2, (0..18).map(|value| value * 14).collect()).expect("18 values");
    let size = ImageSize::new(24, 16).expect("multiples of 8");
    let params = GenerationParams::builder(
        ModelId::from_bytes([1; 32]),
        ProfileId::from_bytes([2; 32]),
        "a fox",
        size,
    );
    let params = params.build().expect("in range");
    let request = ImageRequest::from_params(&params, 0).expect("no picture to start from");
    let text = Provenance::of(params, 0).to_text(&request, "emoji-64").expect("plain data");
    write("pictures", "plain", &image.to_png().expect("it has pixels"));
    let line = TraceLine::Picture { image: 0, profile: ProfileRecord::EXACT_V1, dfsn: None };
    let lines = [line, TraceLine::boundary(0, 0, &[1, 2, 3, 4], true)];
    let lines: String =
        lines.iter().map(|line| serde_json::to_string(line).expect("plain data") + "\n").collect();
    write("pictures", "trace", lines.as_bytes());
    write("pictures", "told", &image.to_png_with(&text).expect("it has pixels"));
    write("pictures", "provenance", text.dfsn.unwrap_or_default().as_bytes());
}

fn prompts() {
    let lines = [
        "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
        r"\(literal\], a fox BREAK (a:b:1.2) 16:9 [x:-1) \\",
        "fox, pizza, rocket, cat, \u{1f98a}",
    ];
    for (number, line) in lines.iter().enumerate() {
        write("prompts", &format!("line-{number}"), line.as_bytes());
    }
    // A textual inversion of two vectors of one number.
    let header = br#"{"emb_params":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}"#;
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header);
    file.extend([0.5_f32, -0.5].map(f32::to_le_bytes).concat());
    write("prompts", "emb_params", &file);
}

fn cases(name: &str) -> Vec<Value> {
    let text = fs::read(format!("{VECTORS}/types/{name}.json")).expect("the vectors are there");
    let file: Value = serde_json::from_slice(&text).expect("vectors are JSON");
    file["cases"].as_array().expect("vectors have cases").clone()
}

fn bytes(case: &Value) -> Vec<u8> {
    hex::decode(case["hex"].as_str().expect("a case has bytes")).expect("hexadecimal digits")
}

fn write(target: &str, name: &str, seed: &[u8]) {
    if seed.len() <= SEED_BYTES_MAX {
        write_any(target, name, seed);
    }
}

fn write_any(target: &str, name: &str, seed: &[u8]) {
    let dir = Path::new("seeds").join(target);
    fs::create_dir_all(&dir).expect("the folder is writable");
    fs::write(dir.join(name), seed).expect("the folder is writable");
}

/// The first case of every type, once in bytes and once in JSON.
fn wire() {
    let mut names: Vec<String> = fs::read_dir(format!("{VECTORS}/types"))
        .expect("the vectors are there")
        .map(|entry| {
            entry.expect("a folder").path().file_stem().expect("a name").to_string_lossy().into_owned()
        })
        .collect();
    names.sort();
    for name in names {
        let case = &cases(&name)[0];
        write("wire_bytes", &name, &bytes(case));
        write("wire_json", &name, &serde_json::to_vec(&case["json"]).expect("JSON"));
    }
}

fn texts() {
    let address = cases("address")[0]["json"].as_str().expect("text").to_owned();
    let eip55 = address.parse::<dfsn_types::Address>().expect("an address").to_eip55();
    let hash = cases("hash")[0]["json"].as_str().expect("text").to_owned();
    for (name, text) in [
        ("bech32", address.as_str()),
        ("eip55", &eip55),
        ("hash", &hash),
        ("amount", "340282366920938463463"),
        ("coins", "1.000000000000000001"),
        ("scheduler", "ddim"),
    ] {
        write("addresses", name, text.as_bytes());
    }
}

fn vrf() {
    let secret = VrfSecretKey::from_seed(&[0x81; 32]);
    let proof = secret.prove(b"sample").expect("the input has a point");
    let (key, seed) = (*secret.public_key().as_bytes(), [0x81; 32]);
    for (name, first) in [("key", key), ("seed", seed)] {
        write("vrf", name, &[&first[..], proof.as_bytes(), b"sample"].concat());
    }
}

fn openings() {
    let size = ImageSize::new(64, 64).expect("a size");
    let (model, profile) = (ModelId::from_bytes([1; 32]), ProfileId::from_bytes([2; 32]));
    let params =
        GenerationParams::builder(model, profile, "a fox", size).num_images(2).build().expect("in range");
    let shape = TraceShape::of(&params);
    let leaf = |n: usize| TraceLeaf {
        digest: StateDigest::from_bytes([n as u8; 32]),
        salt: Salt::from_bytes([9; 32]),
    };
    let tree = TraceTree::new(shape, (0..shape.leaves()).map(leaf).collect()).expect("all leaves");
    let params = codec::encode(&params);
    let head = |root: &[u8; 32]| [&root[..], &(params.len() as u16).to_be_bytes(), &params].concat();
    for (name, boundary) in
        [("first", Boundary { image: 0, t: 0 }), ("last", Boundary { image: 1, t: shape.decoded() })]
    {
        let opening = codec::encode(&tree.open(boundary).expect("in range"));
        write("openings", name, &[head(tree.root().as_bytes()), opening].concat());
    }
    for (number, case) in cases("posted_chunk").iter().enumerate() {
        write("openings", &format!("piece-{number}"), &[head(&[0; 32]), bytes(case)].concat());
    }
}

fn slices() {
    let string: Vec<u8> = (0..5_000_u32).map(|byte| (byte % 251) as u8).collect();
    let root = *slice_root(&string).as_bytes();
    for (number, case) in cases("slice").iter().enumerate() {
        let head = [&root[..], &5_000_u64.to_be_bytes()].concat();
        write("slices", &format!("slice-{number}"), &[head, bytes(case)].concat());
    }
    for (name, len) in [("long", 200_000_u64), ("short", 40)] {
        let rest = vec![7; len as usize];
        write("slices", name, &[&[1, 2][..], &root[2..], &len.to_be_bytes(), &rest].concat());
    }
    for name in ["tensor_roots", "posted_tensor"] {
        write("slices", name, &[&root[..], &5_000_u64.to_be_bytes(), &bytes(&cases(name)[0])].concat());
    }
}

fn proofs() {
    let map: MerkleMap<u8, u64> = [1, 2, 7].into_iter().map(|key| (key, u64::from(key) * 3)).collect();
    for key in [2, 6] {
        write(
            "proofs",
            &format!("key-{key}"),
            &[&[3, 1, 2, 7][..], &codec::encode(&map.prove(&key))].concat(),
        );
    }
    for name in ["state_answer", "receipt_answer", "event_answer", "signed_header", "signed_checkpoint"] {
        write("proofs", name, &[&[0][..], &bytes(&cases(name)[0])].concat());
    }
}

fn calls() {
    for (number, case) in cases("transaction_kind").iter().enumerate() {
        let kind: TransactionKind = codec::decode(&bytes(case), 1 << 16).expect("a vector decodes");
        let value = match kind {
            TransactionKind::Transfer { amount, .. } | TransactionKind::Stake { amount } => amount,
            _ => Amount::ZERO,
        };
        let Ok(call) = EthereumCall::new(&kind, value) else { continue };
        let to = u8::from(call.data.is_empty());
        let head = [&[to][..], &value.base_units().to_be_bytes()].concat();
        if kind.name() == "generation_request" {
            questions(&head, &call.data);
        }
        write("abi_calls", &format!("{number}-{}", kind.name()), &[head, call.data].concat());
    }
    assert_eq!(chain().chain_id.get(), 7777, "the samples' network");
}

/// The functions that read: both take what a request takes.
fn questions(head: &[u8], request: &[u8]) {
    let word = |number: usize| [&[0; 24][..], &(number as u64).to_be_bytes()].concat();
    let seed = |name: &str, selector: [u8; 4], input: Vec<u8>| {
        let data = [&selector[..], &word(32), &input].concat();
        let is_question = EthereumQuestion::decode(&data).expect("the interface reads it").is_some();
        assert!(is_question, "{name} is a question");
        write("abi_calls", name, &[head, &data].concat());
    };
    // Behind the selector and four words, the first of which says where they end.
    seed("quote", [0x25, 0xb2, 0x38, 0xa1], request[4 + 4 * 32..].to_vec());
    let mut call = request.to_vec();
    call.resize(call.len().next_multiple_of(32), 0);
    seed("value_for", [0xdd, 0xd7, 0x4f, 0x95], [word(request.len()), call].concat());
}

fn models() {
    for part in ["unet", "vae", "text_encoder"] {
        write(
            "model_config",
            part,
            &fs::read(format!("{MODEL}/{part}/config.json")).expect("the model is there"),
        );
    }
    let scheduler = fs::read(format!("{MODEL}/scheduler/scheduler_config.json")).expect("the model is there");
    write("model_config", "scheduler", &scheduler);
    let vocabulary = br#"{"<|startoftext|>":0,"<|endoftext|>":1,"f":2,"o":3,"x</w>":4,"fo":5}"#;
    let files = [&br#"{"model_max_length":8}"#[..], b"{}", vocabulary, b"#version: 0.2\nf o\n"];
    write("model_config", "tokenizer", &files.join(&0xff));
}

fn compute_service() {
    let key = SecretKey::from_seed(&[1; 32]);
    let call = Call { method: "GET", path: "/v1/info", body: FileHash::of(&[]) };
    let header = CallHeader::sign(&key, &key.public_key(), call, 1_790_000_000_000, [2; 16]);
    write("compute_service", "header", header.to_string().as_bytes());
    let frame = Frame::Reply { id: 1, status: 200, signature: None, body: "body".into() };
    write("compute_service", "frame", &frame.to_bytes());
    let zeros = "00".repeat(32);
    let params = &cases("generation_params")[0]["json"];
    let (address, commitment) = (&cases("address")[0]["json"], &cases("result_commitment")[0]["json"]);
    let context =
        json!({ "genesis": zeros, "job": zeros, "attempt": 1, "worker": address, "params": params });
    let with = |more: Value| {
        let mut object = context.clone();
        let fields = object.as_object_mut().expect("an object");
        fields.extend(more.as_object().expect("an object").clone());
        object
    };
    let result = json!({
        "commitment": commitment, "compute_ms": 1, "prompt_tokens_cut": 0, "negative_tokens_cut": 0
    });
    let event = json!({ "seq": 1, "job": zeros, "attempt": 1, "event": "done", "result": result });
    for (name, message) in [
        ("offer", with(json!({ "deadline_ms": 300_000, "keep_ms": 86_400_000, "previews": 1 }))),
        (
            "audit",
            with(json!({
                "boundary": { "image": 0, "t": 1 }, "input": zeros, "deadline_ms": 1, "wait_ms": 1
            })),
        ),
        ("status", json!({ "job": zeros, "attempt": 1, "state": "done", "result": result })),
        ("events", json!({ "boot": 1, "next": 1, "gap": false, "events": [event] })),
        ("leaves", json!({ "leaves": [{ "digest": zeros, "salt": zeros }] })),
        ("refusal", json!({ "code": "too_slow", "estimate_ms": 2, "deadline_ms": 1, "message": "late" })),
    ] {
        write("compute_service", name, &serde_json::to_vec(&message).expect("JSON"));
    }
}
