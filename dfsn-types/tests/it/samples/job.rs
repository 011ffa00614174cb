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

impl Sample for ChunkHashes {
    fn samples() -> Vec<(&'static str, Self)> {
        let hashes = |count: u8| bounded((0..count).map(|start| Hash::from_bytes(counting(start))).collect());
        vec![("one piece", hashes(1)), ("no piece", hashes(0)), ("the most pieces", hashes(16))]
    }
}

impl Sample for PostedChunk {
    fn samples() -> Vec<(&'static str, Self)> {
        let of = |path: u8, chunks: u8, state_bytes, index, bytes| Self {
            boundary: Boundary { image: 0, t: 2 },
            salt: Salt::from_bytes(counting(0x22)),
            path: bounded((0..path).map(|start| Hash::from_bytes(counting(start))).collect()),
            state_bytes,
            chunks: bounded((0..chunks).map(|start| Hash::from_bytes(counting(start))).collect()),
            index,
            bytes: bounded(bytes),
        };
        vec![
            ("a whole state of eight bytes", of(2, 1, 8, 0, (0..8).collect())),
            ("no bound of its own", of(0, 0, u32::MAX, u8::MAX, vec![])),
            ("the most hashes", of(10, 16, 1 << 20, 15, vec![7])),
        ]
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

impl Sample for ResultCommitment {
    fn samples() -> Vec<(&'static str, Self)> {
        let of = |images| {
            let images = bounded(vec![ImageCommitment::sample(); images]);
            Self { images, trace_root: TraceRoot::from_bytes(counting(0xA0)) }
        };
        vec![("one image", of(1)), ("four images", of(4)), ("no image: the form allows it", of(0))]
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
            ("contest", Self::Contest { answer: AnswerRef::sample() }),
            ("an answerer's reveal", Self::RevealAnswer { answer: contested, digest, opening: None }),
            (
                "the worker's reveal",
                Self::RevealAnswer { answer: contested, digest, opening: Some(LeafOpening::sample()) },
            ),
            ("a demand", Self::DemandData { seat: Seat::Juror(contested), question: 2 }),
            ("a piece of a state", Self::PostData(Box::new(PostedChunk::sample()))),
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
