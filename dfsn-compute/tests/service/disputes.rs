//! Both parties' part in a judgement by arithmetic, asked for over the wire.

use bytes::Bytes;
use dfsn_compute::ModelConfig;
use dfsn_compute::exact::{
    Dispute, ExactBackend, ExactModel, ExactOptions, Move, WeightsCache, load_pipeline_cached, write_weights,
};
use dfsn_compute::service::ModelSource;
use dfsn_compute::service::node::NodeError;
use dfsn_compute::service::wire::{DisputeAnswer, DisputeCall, DisputeQuestion, DisputeReply};
use dfsn_consensus::exact::{Computation, ContestedState};
use dfsn_types::{
    Boundary, BoundedVec, FileHash, GenerationParams, Hash, ImageSize, PostedTensor, TensorPart, TraceShape,
    codec, slice_root,
};

use crate::common::emoji_64;
use crate::harness::{Harness, TOY, context, done, offer, options, start_with_model};

async fn ask(
    worker: &Harness,
    params: &GenerationParams,
    boundary: Boundary,
    question: DisputeQuestion,
    blobs: &[Bytes],
) -> Result<DisputeReply, NodeError> {
    let call = DisputeCall { params: params.clone(), boundary, question, deadline_ms: 60_000, wait_ms: 0 };
    worker.node.dispute(&call, blobs).await
}

#[track_caller]
fn answered(reply: Result<DisputeReply, NodeError>) -> DisputeAnswer {
    match reply.unwrap() {
        DisputeReply::Done { answer } => answer,
        other => panic!("{other:?}"),
    }
}

fn next(before: &Bytes, roots: &Bytes, shown: &[Bytes], weights_root: Hash) -> DisputeQuestion {
    let names = shown.iter().map(|posted| FileHash::of(posted)).collect();
    DisputeQuestion::Next {
        before: Some(FileHash::of(before)),
        roots: FileHash::of(roots),
        failed: None,
        shown: BoundedVec::new(names).unwrap(),
        weights_root,
    }
}

#[tokio::test]
async fn a_worker_shows_its_tensors_and_an_auditor_finds_the_number_that_does_not_follow() {
    let (dir, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kept = WeightsCache::new(cache.path(), TOY);
    let load = move || Ok(load_pipeline_cached(emoji_64(), ExactOptions::default(), &kept)?.boxed());
    let source = ModelSource { id: TOY, name: "emoji-64".to_owned(), load: Box::new(load) };
    let worker = Harness::serve(start_with_model(options(dir.path()), source).await, dir).await;
    let profile = worker.node.info().await.unwrap().models[0].profile;
    let params = GenerationParams::builder(TOY, profile, "a fox", ImageSize::new(64, 64).unwrap());
    let params = params.num_inference_steps(2).build().unwrap();
    let job = offer(1, params.clone());
    worker.node.submit(&job).await.unwrap();
    let commitment = done(worker.over(job.key()).await).commitment;
    let tree = worker.node.trace(job.key(), &params, &commitment.trace_root).await.unwrap();
    let decoded = Boundary { image: 0, t: TraceShape::of(&params).decoded() };
    let state = async |boundary: Boundary| {
        let digest = tree.open(boundary).unwrap().digest;
        worker.node.state(&context(&job), boundary, &digest).await.unwrap()
    };
    let (before, after) = (state(Boundary { image: 0, t: decoded.t - 1 }).await, state(decoded).await);

    // The same with the engine at hand.
    let config = ModelConfig::load(emoji_64()).unwrap();
    let backend = ExactBackend::load(&config, ExactOptions::default()).unwrap();
    let architecture = ExactModel::of(&config).unwrap().architecture();
    let contested = ContestedState {
        architecture: &architecture,
        params: &params,
        vae_scale_factor: config.vae_scale_factor().try_into().unwrap(),
        boundary: decoded,
    };
    let computation: Computation = contested.computation(0).unwrap();
    let dispute = || Dispute::new(&backend, &computation, &before, &[]).unwrap();
    let honest = dispute().ending_in(&after);
    let (list, _) = honest.roots().unwrap();
    let last = computation.last().unwrap() as u32;

    let given = answered(ask(&worker, &params, decoded, DisputeQuestion::Given, &[]).await);
    assert_eq!(given, DisputeAnswer::Given(BoundedVec::empty()));
    let roots =
        answered(ask(&worker, &params, decoded, DisputeQuestion::Roots { result: job.key() }, &[]).await);
    let (hash_before, hash_after) = (Some(slice_root(&before)), slice_root(&after));
    let expected = BoundedVec::new(list.clone()).unwrap();
    assert_eq!(
        roots,
        DisputeAnswer::Roots { before: hash_before, after: hash_after, roots: expected, failed: None }
    );
    let wanted = TensorPart::Piece(0);
    let show = DisputeQuestion::Show { result: job.key(), tensor: last, wanted };
    let shown = answered(ask(&worker, &params, decoded, show, &[]).await);
    assert_eq!(shown, DisputeAnswer::Shown(Box::new(honest.show(last, wanted).unwrap())));

    // As the auditor, of an honest list and of one that ends in a picture with one other bit.
    let weights_root =
        Hash::from_bytes(write_weights(&config, ExactOptions::default(), &mut std::io::sink()).unwrap());
    let bytes = |list: &[Hash]| -> Bytes {
        list.iter().flat_map(|root| *root.as_bytes()).collect::<Vec<u8>>().into()
    };
    let question = next(&before, &bytes(&list), &[], weights_root);
    let blobs = [before.clone(), bytes(&list)];
    assert_eq!(answered(ask(&worker, &params, decoded, question, &blobs).await), DisputeAnswer::Nothing);

    let mut committed = after.to_vec();
    committed[1_001] ^= 1;
    let lying = dispute().ending_in(&committed);
    let lies = bytes(&lying.roots().unwrap().0);
    let question = next(&before, &lies, &[], weights_root);
    let demand = answered(ask(&worker, &params, decoded, question, &[before.clone(), lies.clone()]).await);
    assert_eq!(demand, DisputeAnswer::Demand { tensor: last, part: wanted });
    let posted: PostedTensor = lying.show(last, wanted).unwrap();
    let shown = Bytes::from(codec::encode(&posted));
    let question = next(&before, &lies, std::slice::from_ref(&shown), weights_root);
    let blobs = [before.clone(), lies, shown];
    let found = answered(ask(&worker, &params, decoded, question, &blobs).await);
    // What the engine finds by itself, from weights in memory.
    let (mut weights, layout) = (Vec::new(), ExactModel::of(&config).unwrap().layout().unwrap());
    write_weights(&config, ExactOptions::default(), &mut weights).unwrap();
    let roots = lying.roots().unwrap().0;
    let Move::Prove(proof) =
        dispute().next_move(&roots, None, &[posted], &layout, weights_root, &weights).unwrap()
    else {
        panic!("no proof");
    };
    assert_eq!(proof.element, 1_001 / 4);
    assert_eq!(found, DisputeAnswer::Prove(proof));
}

#[tokio::test]
async fn what_cannot_be_shown_is_named() {
    let worker = Harness::start(0).await;
    let params = crate::harness::params("a fox");
    let boundary = Boundary { image: 0, t: 1 };
    let roots = DisputeQuestion::Roots { result: offer(9, params.clone()).key() };
    let refused = ask(&worker, &params, boundary, roots, &[]).await.unwrap_err().to_string();
    assert!(refused.contains("job"), "{refused}");
    let (before, roots) = (Bytes::from_static(b"state"), Bytes::from(vec![0; 64]));
    let question = next(&before, &roots, &[], Hash::from_bytes([0; 32]));
    let reply = ask(&worker, &params, boundary, question, &[before.clone(), roots]).await.unwrap();
    assert!(
        matches!(&reply, DisputeReply::Failed { message } if message.as_str().contains("jurors judge")),
        "{reply:?}"
    );
    let broken = Bytes::from(vec![0; 33]);
    let question = next(&before, &broken, &[], Hash::from_bytes([0; 32]));
    let refused = ask(&worker, &params, boundary, question, &[before, broken]).await.unwrap_err().to_string();
    assert!(refused.contains("33 bytes are no list of roots"), "{refused}");
}
