//! Random parameters, models, traces, commitments and duties.

use dfsn_types::*;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Generate, few, random, signer};

impl Generate for GuidanceScale {
    fn strategy() -> BoxedStrategy<Self> {
        let scale = |thousandths| Self::from_thousandths(thousandths).expect("in range");
        (0..=Self::MAX_THOUSANDTHS).prop_map(scale).boxed()
    }
}

impl Generate for Strength {
    fn strategy() -> BoxedStrategy<Self> {
        (0..=1000u16).prop_map(|thousandths| Self::from_thousandths(thousandths).expect("in range")).boxed()
    }
}

impl Generate for ImageSize {
    fn strategy() -> BoxedStrategy<Self> {
        let size = |(height, width): (u16, u16)| Self::new(8 * height, 8 * width).expect("in range");
        (1..=256u16, 1..=256u16).prop_map(size).boxed()
    }
}

impl Generate for GenerationParams {
    fn strategy() -> BoxedStrategy<Self> {
        let named = (random(), random(), random::<Prompt>(), random::<Prompt>(), random());
        let numbers = (any::<u32>(), 1..=150u16, 0..=100_000u32, random(), 1..=4u8);
        // A strength that leaves a step, of thousandths that `room` chooses among those allowed.
        let image = proptest::option::of((random::<FileHash>(), any::<u16>()));
        (named, numbers, image)
            .prop_map(|((model, profile, prompt, negative, size), numbers, image)| {
                let (seed, steps, guidance, scheduler, images) = numbers;
                let mut builder = Self::builder(model, profile, prompt.as_str(), size)
                    .negative_prompt(negative.as_str())
                    .seed(seed)
                    .num_inference_steps(steps)
                    .guidance_thousandths(guidance)
                    .scheduler(scheduler)
                    .num_images(images);
                if let Some((file, room)) = image {
                    let least = 1000u16.div_ceil(steps);
                    let thousandths = least + room % (1001 - least);
                    builder = builder
                        .init_image(file, Strength::from_thousandths(thousandths).expect("at most 1000"));
                }
                builder.build().expect("every field is in range")
            })
            .boxed()
    }
}

impl Generate for WorkCoefficients {
    fn strategy() -> BoxedStrategy<Self> {
        any::<[u64; 4]>().prop_map(|[a, b, d, t]| Self { a, b, d, t }).boxed()
    }
}

impl Generate for ModelRecord {
    fn strategy() -> BoxedStrategy<Self> {
        let named = (random(), random(), random(), random(), proptest::option::of(random()));
        (named, any::<u8>(), any::<u8>(), any::<u16>(), any::<u16>())
            .prop_map(
                |(
                    (id, name, work, test_size, exact),
                    latent_channels,
                    vae_scale_factor,
                    size_multiple,
                    size_max,
                )| {
                    Self {
                        id,
                        name,
                        work,
                        latent_channels,
                        vae_scale_factor,
                        size_multiple,
                        size_max,
                        test_size,
                        exact,
                    }
                },
            )
            .boxed()
    }
}

impl Generate for ManifestFile {
    fn strategy() -> BoxedStrategy<Self> {
        (random(), any::<u64>(), random()).prop_map(|(path, bytes, hash)| Self { path, bytes, hash }).boxed()
    }
}

impl Generate for ModelManifest {
    fn strategy() -> BoxedStrategy<Self> {
        few(4).prop_map(|files| Self { files }).boxed()
    }
}

impl Generate for ProfileRecord {
    fn strategy() -> BoxedStrategy<Self> {
        let float = (random(), random(), random(), random(), any::<u16>()).prop_map(
            |(library, device, instruction_set, dtype, threads)| Self::Float {
                library,
                device,
                instruction_set,
                dtype,
                threads,
            },
        );
        let exact = any::<u16>().prop_map(|version| Self::Exact { version });
        prop_oneof![float.boxed(), exact.boxed()].boxed()
    }
}

impl Generate for Pair {
    fn strategy() -> BoxedStrategy<Self> {
        (random(), random()).prop_map(|(model, profile)| Self { model, profile }).boxed()
    }
}

impl Generate for Boundary {
    fn strategy() -> BoxedStrategy<Self> {
        (any::<u8>(), any::<u16>()).prop_map(|(image, t)| Self { image, t }).boxed()
    }
}

impl Generate for LeafOpening {
    fn strategy() -> BoxedStrategy<Self> {
        (random(), random(), random(), few(10))
            .prop_map(|(boundary, digest, salt, path)| Self { boundary, digest, salt, path })
            .boxed()
    }
}

impl Generate for ImageCommitment {
    fn strategy() -> BoxedStrategy<Self> {
        (random(), any::<u32>(), random())
            .prop_map(|(file, file_bytes, pixels)| Self { file, file_bytes, pixels })
            .boxed()
    }
}

impl Generate for ImageResult {
    fn strategy() -> BoxedStrategy<Self> {
        prop_oneof![random().prop_map(Self::Picture), any::<u16>().prop_map(|t| Self::Failed { t })].boxed()
    }
}

impl Generate for FailedAt {
    fn strategy() -> BoxedStrategy<Self> {
        let number =
            any::<(u8, u32, u64)>().prop_map(|(call, op, element)| Self::Number { call, op, element });
        prop_oneof![Just(Self::Inputs), number].boxed()
    }
}

impl Generate for ResultCommitment {
    fn strategy() -> BoxedStrategy<Self> {
        (few(4), random()).prop_map(|(images, trace_root)| Self { images, trace_root }).boxed()
    }
}

impl Generate for AnswerRef {
    fn strategy() -> BoxedStrategy<Self> {
        (any::<u8>(), random(), any::<u8>())
            .prop_map(|(round, auditor, question)| Self { round, auditor, question })
            .boxed()
    }
}

impl Generate for Seat {
    fn strategy() -> BoxedStrategy<Self> {
        prop_oneof![any::<u8>().prop_map(|round| Self::Auditor { round }), random().prop_map(Self::Juror)]
            .boxed()
    }
}

impl Generate for ExactRecord {
    fn strategy() -> BoxedStrategy<Self> {
        // A record without an architecture has no form in Solidity.
        let architecture =
            vec(any::<u8>(), 1..40).prop_map(|bytes| BoundedVec::new(bytes).expect("below 40"));
        (random(), architecture)
            .prop_map(|(weights_root, architecture)| Self { weights_root, architecture })
            .boxed()
    }
}

impl Generate for ChunkRun {
    fn strategy() -> BoxedStrategy<Self> {
        any::<(u32, u32)>().prop_map(|(first, count)| Self { first, count }).boxed()
    }
}

impl Generate for Slice {
    fn strategy() -> BoxedStrategy<Self> {
        let bytes = vec(any::<u8>(), 0..64).prop_map(|bytes| BoundedVec::new(bytes).expect("below 64"));
        (few(4), bytes, few(4)).prop_map(|(runs, bytes, siblings)| Self { runs, bytes, siblings }).boxed()
    }
}

impl Generate for PostedChunk {
    fn strategy() -> BoxedStrategy<Self> {
        let state = (any::<u32>(), random(), any::<u8>(), random()).boxed();
        (random(), random(), few(10), state)
            .prop_map(|(boundary, salt, path, (state_bytes, state_hash, index, slice))| Self {
                boundary,
                salt,
                path,
                state_bytes,
                state_hash,
                index,
                slice,
            })
            .boxed()
    }
}

impl Generate for CommittedState {
    fn strategy() -> BoxedStrategy<Self> {
        (random(), random(), few(10)).prop_map(|(hash, salt, path)| Self { hash, salt, path }).boxed()
    }
}

impl Generate for TensorRoots {
    fn strategy() -> BoxedStrategy<Self> {
        (proptest::option::of(random()), random(), few(8), proptest::option::of(random()))
            .prop_map(|(before, after, roots, failed)| Self { before, after, roots, failed })
            .boxed()
    }
}

impl Generate for TensorPart {
    fn strategy() -> BoxedStrategy<Self> {
        prop_oneof![Just(Self::Level), any::<u32>().prop_map(Self::Piece)].boxed()
    }
}

impl Generate for PostedPart {
    fn strategy() -> BoxedStrategy<Self> {
        prop_oneof![few(8).prop_map(Self::Level), random().prop_map(Self::Piece)].boxed()
    }
}

impl Generate for PostedTensor {
    fn strategy() -> BoxedStrategy<Self> {
        (any::<u32>(), random(), random(), random())
            .prop_map(|(tensor, roots, hash, part)| Self { tensor, roots, hash, part })
            .boxed()
    }
}

impl Generate for TensorOpening {
    fn strategy() -> BoxedStrategy<Self> {
        (any::<u32>(), random(), random())
            .prop_map(|(tensor, hash, slice)| Self { tensor, hash, slice })
            .boxed()
    }
}

impl Generate for ElementProof {
    fn strategy() -> BoxedStrategy<Self> {
        let place = any::<(u8, u32, u8, u64)>().boxed();
        (place, random(), few(3), proptest::option::of(random()))
            .prop_map(|((call, op, output, element), roots, tensors, weights)| Self {
                call,
                op,
                output,
                element,
                roots,
                tensors,
                weights,
            })
            .boxed()
    }
}

impl Generate for Evidence {
    fn strategy() -> BoxedStrategy<Self> {
        (random(), random(), random())
            .prop_map(|(job, attempt, opening)| Self::EarlyOpening { job, attempt, opening })
            .boxed()
    }
}

/// Duties of a judgement by arithmetic.
fn disputes() -> BoxedStrategy<DutyKind> {
    prop_oneof![
        (random(), random())
            .prop_map(|(answer, roots)| DutyKind::PostRoots { answer, roots: Box::new(roots) }),
        (random(), any::<u32>(), random()).prop_map(|(answer, tensor, part)| DutyKind::DemandTensor {
            answer,
            tensor,
            part
        }),
        (random(), random())
            .prop_map(|(answer, posted)| DutyKind::PostTensor { answer, posted: Box::new(posted) }),
        (random(), random())
            .prop_map(|(answer, proof)| DutyKind::ProveFault { answer, proof: Box::new(proof) }),
        random().prop_map(|answer| DutyKind::CallJury { answer }),
    ]
    .boxed()
}

impl Generate for DutyKind {
    fn strategy() -> BoxedStrategy<Self> {
        let opening = proptest::option::of(random::<LeafOpening>());
        prop_oneof![
            any::<u32>().prop_map(|draw| Self::AcceptJob { draw }),
            random().prop_map(Self::CommitResult),
            (random(), random()).prop_map(|(seat, proof)| Self::ClaimAudit { seat, proof }),
            (random(), few(QUESTIONS_MAX)).prop_map(|(seat, answers)| Self::SubmitAudit { seat, answers }),
            few(5).prop_map(|openings| Self::OpenAudit { openings }),
            (random(), few(3)).prop_map(|(answer, inputs)| Self::Contest { answer, inputs }),
            (random(), random(), opening).prop_map(|(answer, digest, opening)| Self::RevealAnswer {
                answer,
                digest,
                opening
            }),
            (random(), any::<u8>()).prop_map(|(seat, question)| Self::DemandData { seat, question }),
            random().prop_map(|chunk| Self::PostData(Box::new(chunk))),
            disputes(),
            Just(Self::Stored),
        ]
        .boxed()
    }
}

impl Generate for Duty {
    fn strategy() -> BoxedStrategy<Self> {
        (random(), random(), random(), random())
            .prop_map(|(validator, job, attempt, kind)| Self { validator, job, attempt, kind })
            .boxed()
    }
}

impl Generate for SignedDuty {
    fn strategy() -> BoxedStrategy<Self> {
        (random::<Duty>(), signer()).prop_map(|(duty, (chain, key))| duty.sign(&chain, &key)).boxed()
    }
}
