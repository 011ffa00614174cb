//! Samples of jobs: traces, commitments, answers and duties.

use dfsn_types::*;

use super::{Sample, bounded, chain, counting, secret_key};

impl Sample for Role {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![("auditor", Self::Auditor), ("juror", Self::Juror)]
    }
}

impl Sample for AnswerRef {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![(
            "the fourth answer of the first audit",
            Self { round: 1, auditor: Address::sample(), question: 3 },
        )]
    }
}

impl Sample for Seat {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![
            ("auditor of the first audit", Self::Auditor { round: 1 }),
            ("auditor of the second audit", Self::Auditor { round: 2 }),
            ("juror", Self::Juror(AnswerRef::sample())),
        ]
    }
}

impl Sample for ChunkRun {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![("two chunks", Self { first: 3, count: 2 }), ("no chunk", Self { first: u32::MAX, count: 0 })]
    }
}

impl Sample for Slice {
    fn samples() -> Vec<(&'static str, Self)> {
        let bytes: Vec<u8> = (0..5_000_u32).map(|byte| (byte % 251) as u8).collect();
        let of = |ranges: Vec<core::ops::Range<u64>>| Self::of(&bytes, ranges).expect("in range");
        let empty = Self { runs: bounded(vec![]), bytes: bounded(vec![]), siblings: bounded(vec![]) };
        vec![
            ("the last chunk", of(std::iter::once(4_999..5_000).collect())),
            ("two runs", of(vec![0..1, 3_000..4_000])),
            ("nothing", empty),
        ]
    }
}

impl Sample for PostedChunk {
    fn samples() -> Vec<(&'static str, Self)> {
        let of = |path: u8, state_bytes, index, slice| Self {
            boundary: Boundary { image: 0, t: 2 },
            salt: Salt::from_bytes(counting(0x22)),
            path: bounded((0..path).map(|start| Hash::from_bytes(counting(start))).collect()),
            state_bytes,
            state_hash: Hash::from_bytes(counting(0x23)),
            index,
            slice,
        };
        let whole = Slice::of(&[0, 1, 2, 3, 4, 5, 6, 7], std::iter::once(0..8)).expect("in range");
        vec![
            ("a whole state of eight bytes", of(2, 8, 0, whole)),
            ("no bound of its own", of(0, u32::MAX, u8::MAX, Slice::sample())),
            ("the most hashes", of(10, 1 << 20, 15, Slice::sample())),
        ]
    }
}

impl Sample for CommittedState {
    fn samples() -> Vec<(&'static str, Self)> {
        let path = bounded(vec![Hash::from_bytes(counting(0x24))]);
        let (hash, salt) = (Hash::from_bytes(counting(0x25)), Salt::from_bytes(counting(0x26)));
        vec![("a state", Self { hash, salt, path })]
    }
}

impl Sample for TensorRoots {
    fn samples() -> Vec<(&'static str, Self)> {
        let roots = bounded((0..3).map(|start| Hash::from_bytes(counting(start))).collect());
        let after = CommittedState::sample();
        let first = Self { before: None, after: after.clone(), roots: bounded(vec![]), failed: None };
        let whole = Self { before: Some(after.clone()), after, roots, failed: None };
        let failed = Self { failed: Some(FailedAt::sample()), ..whole.clone() };
        vec![("three tensors", whole), ("no state before", first), ("that fail", failed)]
    }
}

impl Sample for TensorPart {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![("a level", Self::Level), ("a piece", Self::Piece(7))]
    }
}

impl Sample for PostedPart {
    fn samples() -> Vec<(&'static str, Self)> {
        let level = bounded((0..3).map(|start| Hash::from_bytes(counting(start))).collect());
        vec![("a level", Self::Level(level)), ("a piece", Self::Piece(Slice::sample()))]
    }
}

impl Sample for PostedTensor {
    fn samples() -> Vec<(&'static str, Self)> {
        let hash = Hash::from_bytes(counting(0x27));
        let of = |part| Self { tensor: 6, roots: Slice::sample(), hash, part };
        PostedPart::samples().into_iter().map(|(description, part)| (description, of(part))).collect()
    }
}

impl Sample for TensorOpening {
    fn samples() -> Vec<(&'static str, Self)> {
        let (hash, slice) = (Hash::from_bytes(counting(0x28)), Slice::sample());
        vec![("a part of a tensor", Self { tensor: 9, hash, slice })]
    }
}

impl Sample for ElementProof {
    fn samples() -> Vec<(&'static str, Self)> {
        let of = |weights| Self {
            call: 1,
            op: 7,
            output: 0,
            element: 1 << 33,
            roots: Slice::sample(),
            tensors: bounded(vec![TensorOpening::sample()]),
            weights,
        };
        vec![("with weights", of(Some(Slice::sample()))), ("without weights", of(None))]
    }
}

impl Sample for Evidence {
    fn samples() -> Vec<(&'static str, Self)> {
        let opening = LeafOpening::sample();
        let job = JobId::from_bytes(counting(0x40));
        vec![("an answer given away", Self::EarlyOpening { job, attempt: Attempt::FIRST, opening })]
    }
}

impl Sample for Boundary {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![
            ("after step 20 of the second image", Self { image: 1, t: 20 }),
            ("the first", Self { image: 0, t: 0 }),
            ("no bound of its own", Self { image: u8::MAX, t: u16::MAX }),
        ]
    }
}

impl Sample for StateContext {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![(
            "one place of a trace",
            Self {
                genesis: chain().genesis,
                job: JobId::from_bytes(counting(0x40)),
                attempt: Attempt::new(2),
                worker: Address::from_bytes(counting(0x60)),
                boundary: Boundary { image: 1, t: 20 },
            },
        )]
    }
}

impl Sample for AnswerContext {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![(
            "one question of an auditor",
            Self {
                genesis: chain().genesis,
                job: JobId::from_bytes(counting(0x40)),
                attempt: Attempt::new(2),
                boundary: Boundary { image: 1, t: 20 },
                answerer: Address::from_bytes(counting(0x50)),
            },
        )]
    }
}

impl Sample for LeafOpening {
    fn samples() -> Vec<(&'static str, Self)> {
        let opening = |path| Self {
            boundary: Boundary { image: 0, t: 2 },
            digest: StateDigest::from_bytes(counting(0x11)),
            salt: Salt::from_bytes(counting(0x22)),
            path: bounded(path),
        };
        let hash = |start| Hash::from_bytes(counting(start));
        vec![
            ("a path of two", opening(vec![hash(0x33), hash(0x44)])),
            ("no path", opening(vec![])),
            ("the longest path", opening((0..10).map(hash).collect())),
        ]
    }
}

impl Sample for ImageCommitment {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![(
            "one picture",
            Self {
                file: FileHash::from_bytes(counting(0x70)),
                file_bytes: 12_345,
                pixels: PixelHash::from_bytes(counting(0x90)),
            },
        )]
    }
}

impl Sample for ImageResult {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![
            ("a picture", Self::Picture(ImageCommitment::sample())),
            ("failed in the seventh step", Self::Failed { t: 7 }),
        ]
    }
}

impl Sample for FailedAt {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![
            ("at a number", Self::Number { call: 2, op: 511, element: 40_961 }),
            ("in the inputs", Self::Inputs),
        ]
    }
}

impl Sample for ResultCommitment {
    fn samples() -> Vec<(&'static str, Self)> {
        let of = |images| Self { images: bounded(images), trace_root: TraceRoot::from_bytes(counting(0xA0)) };
        let pictures = |count| of(vec![ImageResult::sample(); count]);
        vec![
            ("one image", pictures(1)),
            ("four images", pictures(4)),
            ("no image: the form allows it", pictures(0)),
            ("the second image failed", of(ImageResult::samples().into_iter().map(|(_, it)| it).collect())),
        ]
    }
}

impl Sample for DutyKind {
    fn samples() -> Vec<(&'static str, Self)> {
        let answer = |start| AnswerDigest::from_bytes(counting(start));
        let digest = StateDigest::from_bytes(counting(0x11));
        let contested = AnswerRef::sample();
        vec![
            ("accept", Self::AcceptJob { draw: 1 }),
            ("commit", Self::CommitResult(ResultCommitment::sample())),
            ("claim", Self::ClaimAudit { seat: Seat::sample(), proof: VrfProof::sample() }),
            (
                "two answers",
                Self::SubmitAudit { seat: Seat::sample(), answers: bounded(vec![answer(1), answer(2)]) },
            ),
            ("two openings", Self::OpenAudit { openings: bounded(vec![LeafOpening::sample(); 2]) }),
            ("no opening", Self::OpenAudit { openings: bounded(vec![]) }),
            ("contest", Self::Contest { answer: contested, inputs: bounded(vec![]) }),
            (
                "contest of an exact result",
                Self::Contest { answer: contested, inputs: bounded(vec![Hash::from_bytes(counting(0x29))]) },
            ),
            ("an answerer's reveal", Self::RevealAnswer { answer: contested, digest, opening: None }),
            (
                "the worker's reveal",
                Self::RevealAnswer { answer: contested, digest, opening: Some(LeafOpening::sample()) },
            ),
            ("a demand", Self::DemandData { seat: Seat::Juror(contested), question: 2 }),
            ("a piece of a state", Self::PostData(Box::new(PostedChunk::sample()))),
            ("the roots", Self::PostRoots { answer: contested, roots: Box::new(TensorRoots::sample()) }),
            (
                "a demand of a tensor",
                Self::DemandTensor { answer: contested, tensor: 5, part: TensorPart::Piece(2) },
            ),
            ("a tensor", Self::PostTensor { answer: contested, posted: Box::new(PostedTensor::sample()) }),
            ("a proof", Self::ProveFault { answer: contested, proof: Box::new(ElementProof::sample()) }),
            ("a call for a jury", Self::CallJury { answer: contested }),
            ("a witness's word", Self::Stored),
        ]
    }
}

impl Sample for Duty {
    fn samples() -> Vec<(&'static str, Self)> {
        let of = |kind| Self {
            validator: Address::from_bytes(counting(0x60)),
            job: JobId::from_bytes(counting(0x40)),
            attempt: Attempt::FIRST,
            kind,
        };
        DutyKind::samples().into_iter().map(|(description, kind)| (description, of(kind))).collect()
    }
}

impl Sample for SignedDuty {
    fn samples() -> Vec<(&'static str, Self)> {
        let sign = |duty: Duty| duty.sign(&chain(), &secret_key(2));
        Duty::samples().into_iter().map(|(description, duty)| (description, sign(duty))).collect()
    }

    fn id(&self) -> Option<String> {
        Some(self.id().to_string())
    }
}
