//! Samples of jobs: traces, commitments, answers and duties.

use dfsn_types::*;

use super::{Sample, bounded, chain, counting, secret_key};

impl Sample for Role {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![("auditor", Self::Auditor), ("juror", Self::Juror)]
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
        vec![
            ("accept", Self::AcceptJob { draw: 1 }),
            ("commit", Self::CommitResult(ResultCommitment::sample())),
            ("claim", Self::ClaimAudit { role: Role::Auditor, proof: VrfProof::sample() }),
            (
                "two answers",
                Self::SubmitAudit { role: Role::Juror, answers: bounded(vec![answer(1), answer(2)]) },
            ),
            ("two openings", Self::OpenAudit { openings: bounded(vec![LeafOpening::sample(); 2]) }),
            ("no opening", Self::OpenAudit { openings: bounded(vec![]) }),
            ("contest", Self::Contest { auditor: Address::sample(), question: 3 }),
            ("an answerer's reveal", Self::RevealAnswer { digest, opening: None }),
            ("the worker's reveal", Self::RevealAnswer { digest, opening: Some(LeafOpening::sample()) }),
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
