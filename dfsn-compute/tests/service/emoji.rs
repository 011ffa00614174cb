//! The embedded model in the exact profile, as a worker and as the auditor of one.

use std::num::NonZeroU16;

use bytes::Bytes;
use dfsn_compute::exact::{ExactOptions, load_pipeline};
use dfsn_compute::service::ModelSource;
use dfsn_compute::service::wire::{AuditCall, AuditReply};
use dfsn_compute::{ImageRequest, MemoryFiles, RgbImage, TraceRecorder, manifest};
use dfsn_types::{Boundary, FileHash, GenerationParams, ImageSize, Strength};

use crate::common::{emoji_64, golden_path};
use crate::harness::{Harness, TOY, audit_call, context, done, offer, options, start_with_model};
use crate::poison::poisoned;

fn threads(threads: u16) -> ExactOptions {
    ExactOptions { threads: NonZeroU16::new(threads), ..ExactOptions::default() }
}

#[tokio::test]
async fn a_picture_from_a_picture_is_that_of_the_pipeline_and_passes_its_audits() {
    let dir = tempfile::tempdir().unwrap();
    let load = Box::new(|| Ok(load_pipeline(emoji_64(), threads(1))?.boxed()));
    let source = ModelSource { id: TOY, name: "emoji-64".to_owned(), load };
    let service = start_with_model(options(dir.path()), source).await;
    let worker = Harness::serve(service, dir).await;
    let init = Bytes::from(std::fs::read(golden_path("models/init.png")).unwrap());
    let profile = worker.node.info().await.unwrap().models[0].profile;
    let params = GenerationParams::builder(TOY, profile, "a fox", ImageSize::new(64, 64).unwrap())
        .num_inference_steps(4)
        .seed(7)
        .init_image(FileHash::of(&init), Strength::from_thousandths(500).unwrap());
    let job = offer(1, params.build().unwrap());
    worker.node.submit_from(&job, &init).await.unwrap();
    let commitment = done(worker.over(job.key()).await).commitment;

    let (params, file) = (job.params.clone(), init.clone());
    let direct = tokio::task::spawn_blocking(move || {
        let request = ImageRequest::from_params_with_init(&params, 0, &file).unwrap();
        let mut recorder = TraceRecorder::default();
        let mut pipeline = load_pipeline(emoji_64(), threads(2)).unwrap();
        (pipeline.generate(&request, &mut recorder).unwrap().image, recorder.into_boundaries())
    });
    let (picture, states) = direct.await.unwrap();
    assert_eq!(commitment.images[0].picture().unwrap().pixels, picture.pixel_hash());
    let file = worker.node.blob(&commitment.images[0].picture().unwrap().file).await.unwrap();
    assert_eq!(RgbImage::from_png(&file).unwrap(), picture);

    let tree = worker.node.trace(job.key(), &job.params, &commitment.trace_root).await.unwrap();
    // Before the first step, after each of two, decoded.
    assert_eq!(states.len(), 4);
    for (t, state) in (0..).zip(&states) {
        let boundary = Boundary { image: 0, t };
        let before = usize::from(t).checked_sub(1).map(|before| Bytes::from(states[before].clone()));
        let call = audit_call(&job, boundary, before.as_ref());
        let blobs: Vec<Bytes> = before.into_iter().chain([init.clone()]).collect();
        let digest = context(&job).at(boundary).digest(state);
        assert_eq!(tree.open(boundary).unwrap().digest, digest);
        let reply = worker.node.audit(&call, &blobs).await.unwrap();
        assert_eq!(reply, AuditReply::Done { digest, malformed: false }, "boundary {t}");
    }
}

/// A UNet whose predictions are so large that a strong guidance overflows: the images are committed as failed, and auditors find the
/// same.
#[tokio::test]
async fn images_that_fail_are_committed_and_pass_their_audits() {
    const STEPS: u16 = 2;
    let dir = tempfile::tempdir().unwrap();
    let load = || {
        let files = manifest(emoji_64()).expect("the embedded model").files;
        let files: Vec<(String, Vec<u8>)> = files
            .iter()
            .map(|file| {
                let bytes = std::fs::read(emoji_64().join(file.path.as_str())).unwrap();
                let is_unet = file.path.as_str().starts_with("unet/diffusion");
                // With the guidance of the picture that is drawn to measure the worker's speed nothing overflows.
                let bytes = if is_unet { poisoned(&bytes, "conv_out.weight", 3e33) } else { bytes };
                (file.path.as_str().to_owned(), bytes)
            })
            .collect();
        let pipeline = load_pipeline(MemoryFiles::from_iter(files), threads(1))?;
        Ok(pipeline.boxed())
    };
    let source = ModelSource { id: TOY, name: "overflowing".to_owned(), load: Box::new(load) };
    let service = start_with_model(options(dir.path()), source).await;
    let worker = Harness::serve(service, dir).await;
    let profile = worker.node.info().await.unwrap().models[0].profile;
    let params = GenerationParams::builder(TOY, profile, "a fox", ImageSize::new(32, 32).unwrap())
        .num_inference_steps(STEPS)
        .guidance_thousandths(100_000)
        .num_images(2);
    let job = offer(1, params.build().unwrap());
    worker.node.submit(&job).await.unwrap();
    let commitment = done(worker.over(job.key()).await).commitment;
    // Each image fails by itself: another seed draws.
    assert_eq!(commitment.images[0].failed(), Some(STEPS + 1), "{commitment:?}");
    assert!(commitment.images[1].picture().is_some(), "{commitment:?}");

    let tree = worker.node.trace(job.key(), &job.params, &commitment.trace_root).await.unwrap();
    let (before, asked) = (Boundary { image: 0, t: STEPS }, Boundary { image: 0, t: STEPS + 1 });
    let state = worker.node.state(&context(&job), before, &tree.open(before).unwrap().digest).await.unwrap();
    let digest = tree.open(asked).unwrap().digest;
    let call = AuditCall { fails: true, ..audit_call(&job, asked, Some(&state)) };
    let reply = worker.node.audit(&call, std::slice::from_ref(&state)).await.unwrap();
    assert_eq!(reply, AuditReply::Done { digest, malformed: false });
    // Had the worker committed to a picture, no leaf of its could be right.
    let call = AuditCall { fails: false, ..call };
    let reply = worker.node.audit(&call, std::slice::from_ref(&state)).await.unwrap();
    let malformed = context(&job).at(asked).malformed();
    assert_eq!(reply, AuditReply::Done { digest: malformed, malformed: true });
}
