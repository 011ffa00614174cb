//! Messages: read back as they were written, and nothing but a refusal for what is none.

use std::collections::BTreeSet;

use dfsn_compute::service::Refusal;
use dfsn_compute::service::auth::{Call, CallHeader};
use dfsn_compute::service::replay::ReplayGuard;
use dfsn_compute::service::wire::{
    AuditCall, AuditReply, EndReason, EventKind, EventPage, JobEvent, JobOffer, JobState, JobStatus,
    MAX_JSON_BYTES, RefusalBody, message, read_json,
};
use dfsn_types::{Attempt, FileHash, JobId, SecretKey};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::harness::{offer, params_of};

fn round_trip<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let text = serde_json::to_vec(value).unwrap();
    assert_eq!(&read_json::<T>(&text, MAX_JSON_BYTES).unwrap(), value);
}

fn end_reason() -> impl Strategy<Value = EndReason> {
    prop_oneof![
        Just(EndReason::Cancelled),
        Just(EndReason::HandedBack),
        Just(EndReason::Late),
        ".{0,600}".prop_map(|text| EndReason::Failed { message: message(&text) }),
    ]
}

fn event_kind() -> impl Strategy<Value = EventKind> {
    prop_oneof![
        any::<u32>().prop_map(|position| EventKind::Queued { position }),
        any::<(u8, u16, u16)>().prop_map(|(image, step, steps)| EventKind::Step { image, step, steps }),
        any::<(u8, u16, [u8; 32])>().prop_map(|(image, step, hash)| EventKind::Preview {
            image,
            step,
            blob: FileHash::from_bytes(hash)
        }),
        end_reason().prop_map(|reason| EventKind::Ended { reason }),
    ]
}

fn job_offer() -> impl Strategy<Value = JobOffer> {
    ("\\PC{0,200}", 1..=150_u16, 1..=4_u8, any::<(u8, u8, u64, u64)>()).prop_map(
        |(prompt, steps, images, (number, previews, deadline_ms, keep_ms))| JobOffer {
            deadline_ms,
            keep_ms,
            previews,
            ..offer(number, params_of(&prompt, steps, images))
        },
    )
}

proptest! {
    #[test]
    fn offers_and_states_are_read_as_written(
        offer in job_offer(),
        reason in end_reason(),
        (position, estimate_ms) in any::<(u32, u64)>(),
    ) {
        round_trip(&offer);
        let (job, attempt) = (offer.job, offer.attempt);
        for state in [JobState::Queued { position, estimate_ms }, JobState::Ended { reason }] {
            round_trip(&JobStatus { job, attempt, state });
        }
    }

    #[test]
    fn events_are_read_as_written(kinds in prop::collection::vec(event_kind(), 0..20), boot in any::<u64>()) {
        let (job, attempt) = (JobId::from_bytes([4; 32]), Attempt::FIRST);
        let events = (1..).zip(kinds).map(|(seq, kind)| JobEvent { seq, job, attempt, kind });
        round_trip(&EventPage { boot, next: 9, gap: true, events: events.collect() });
    }

    #[test]
    fn any_bytes_are_a_message_or_a_refusal(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for refused in [
            read_json::<JobOffer>(&bytes, MAX_JSON_BYTES).err(),
            read_json::<AuditCall>(&bytes, MAX_JSON_BYTES).err(),
        ] {
            prop_assert!(matches!(refused, Some(Refusal::Malformed { .. })), "{:?}", refused);
        }
    }

    /// Cutting or changing one byte of a message never panics, and what is still one is written back the same.
    #[test]
    fn damaged_messages_do_no_harm(offer in job_offer(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut text = serde_json::to_vec(&offer).unwrap();
        let at = at.index(text.len());
        let _ = read_json::<JobOffer>(&text[..at], MAX_JSON_BYTES);
        text[at] = byte;
        if let Ok(changed) = read_json::<JobOffer>(&text, MAX_JSON_BYTES) {
            round_trip(&changed);
        }
    }

    #[test]
    fn headers_are_read_as_written(time in any::<u64>(), nonce in any::<[u8; 16]>(), body in any::<[u8; 32]>()) {
        let key = SecretKey::from_seed(&[1; 32]);
        let call = Call { method: "GET", path: "/v1/info", body: FileHash::from_bytes(body) };
        let header = CallHeader::sign(&key, &key.public_key(), call, time, nonce);
        prop_assert_eq!(header.to_string().parse(), Ok(header));
        prop_assert!(header.check(&key.public_key(), &key.public_key(), "GET", "/v1/info").is_ok());
        prop_assert!(header.check(&key.public_key(), &key.public_key(), "GET", "/v1/jobs").is_err());
    }

    #[test]
    fn any_text_is_a_header_or_refused(text in "[0-9a-f.+]{0,300}") {
        if let Ok(header) = text.parse::<CallHeader>() {
            prop_assert_eq!(header.to_string().parse(), Ok(header));
        }
    }

    /// Whatever is sent in whatever order over restarts: nothing is taken twice.
    #[test]
    fn no_request_is_taken_twice_even_over_restarts(
        requests in prop::collection::vec((0..120_000_u64, 0..4_u8, 0..90_000_u64, any::<bool>()), 1..60),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("line");
        let mut guard = ReplayGuard::open(file.clone(), 30_000).unwrap();
        let mut taken = BTreeSet::new();
        for (time, nonce, now, restarts) in requests {
            if restarts {
                guard = ReplayGuard::open(file.clone(), 30_000).unwrap();
            }
            if guard.admit(time, [nonce; 16], now).is_ok() {
                prop_assert!(taken.insert((time, nonce)), "{time} {nonce} was taken twice");
            }
        }
    }
}

#[test]
fn requests_within_the_window_are_taken_after_a_restart_once_they_are_newer() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("line");
    let mut guard = ReplayGuard::open(file.clone(), 30_000).unwrap();
    assert_eq!(guard.admit(100_000, [1; 16], 100_000), Ok(()));
    assert_eq!(guard.admit(100_000, [1; 16], 100_000), Err(Refusal::Replayed));
    drop(guard);
    let mut guard = ReplayGuard::open(file, 30_000).unwrap();
    let Err(Refusal::Stale { earliest_ms, latest_ms }) = guard.admit(100_000, [1; 16], 100_001) else {
        panic!("taken twice");
    };
    assert_eq!(guard.admit(earliest_ms, [2; 16], 100_001), Ok(()));
    assert!(earliest_ms <= 105_001 && latest_ms >= earliest_ms);
}

#[test]
fn a_message_with_fields_of_another_version_is_refused() {
    let mut value = serde_json::to_value(offer(1, params_of("a fox", 6, 1))).unwrap();
    value["priority"] = 7.into();
    let error = read_json::<JobOffer>(&serde_json::to_vec(&value).unwrap(), MAX_JSON_BYTES).unwrap_err();
    assert!(error.to_string().starts_with("not a message of version 1: unknown field `priority`"), "{error}");
    let error = read_json::<JobOffer>(&vec![b' '; MAX_JSON_BYTES + 1], MAX_JSON_BYTES).unwrap_err();
    assert_eq!(error, Refusal::TooLarge { max_bytes: 65_536 });
}

#[test]
fn refusals_and_answers_are_read_as_written() {
    for refusal in [
        Refusal::Unauthorized,
        Refusal::TooSlow { estimate_ms: 7, deadline_ms: 3 },
        Refusal::QueueFull { capacity: 8, retry_after_ms: 100 },
        Refusal::Internal { reason: message("disk") },
    ] {
        let text = message(&refusal.to_string());
        round_trip(&RefusalBody { refusal, message: text });
    }
    let digest = dfsn_types::StateDigest::from_bytes([3; 32]);
    round_trip(&AuditReply::Done { digest, malformed: true });
    round_trip(&AuditReply::Failed { message: message(&"é".repeat(600)) });
}
