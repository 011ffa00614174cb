//! Known transitions in `tests/vectors/transition`, whose README says what they are and how others use them.
//!
//! `DFSN_BLESS=1` writes them again, from simulated networks (`scenarios`) and blocks made by hand (`by_hand`).

mod by_hand;
mod case;
mod harvest;
mod scenarios;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use dfsn_types::TransactionStatus;

use case::{Case, Outcome};

/// Bytes of all files together.
const BYTES_MAX: u64 = 3_000_000;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/transition")
}

/// All cases that are to be there, by name.
fn made() -> BTreeMap<String, Case> {
    let mut cases = scenarios::all();
    for (name, case) in by_hand::all() {
        assert!(cases.insert(name.clone(), case).is_none(), "two cases are called {name}");
    }
    cases
}

#[expect(clippy::disallowed_methods, reason = "somebody who changes a rule says that vectors are to change")]
fn is_blessing() -> bool {
    std::env::var_os("DFSN_BLESS").is_some_and(|value| value == "1")
}

/// Every file below a folder.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(files(&entry));
        } else {
            found.insert(entry);
        }
    }
    found
}

/// All cases, read from their files; fails for a file that belongs to none.
fn read() -> BTreeMap<String, (Case, Outcome)> {
    let mut unread = files(&folder());
    assert!(unread.remove(&folder().join("README.md")), "the vectors are explained");
    let mut cases = BTreeMap::new();
    for folder in case_folders() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let (case, outcome, read) = case::read(&folder);
        assert!(read.iter().all(|file| unread.remove(file)));
        cases.insert(name, (case, outcome));
    }
    assert!(unread.is_empty(), "files that no test reads: {unread:?}");
    cases
}

fn case_folders() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).collect()
}

/// All cases as their files have them; before the first test reads them they are written again, if that is asked for.
fn known() -> &'static BTreeMap<String, (Case, Outcome)> {
    static KNOWN: OnceLock<BTreeMap<String, (Case, Outcome)>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        if is_blessing() {
            let made = made();
            case_folders().iter().for_each(|folder| fs::remove_dir_all(folder).unwrap());
            made.iter().for_each(|(name, case)| case.write(&folder().join(name)));
        }
        read()
    })
}

#[test]
fn known_transitions_are_made_again() {
    let made = made();
    let read = known();
    let names = |missing: Vec<&String>| missing.into_iter().cloned().collect::<Vec<_>>().join(", ");
    let absent = names(made.keys().filter(|name| !read.contains_key(*name)).collect());
    let unknown = names(read.keys().filter(|name| !made.contains_key(*name)).collect());
    assert!(absent.is_empty() && unknown.is_empty(), "without files: {absent}; without a maker: {unknown}");
    for (name, (case, _)) in read {
        assert!(*case == made[name], "{name} has changed: if that is meant, DFSN_BLESS=1 writes it again");
    }
}

#[test]
fn known_transitions_give_what_they_gave() {
    let read = known();
    for (name, (case, expected)) in read {
        let actual = case.run();
        assert!(actual == *expected, "{name}: {}, not {}", actual.short(), expected.short());
        if let Outcome::Refused(rule) = expected {
            assert!(name.starts_with(&format!("{rule}-")), "{name} is refused by {rule}");
        }
    }
    let bytes: u64 = files(&folder()).iter().map(|file| fs::metadata(file).unwrap().len()).sum();
    println!("{} cases, {bytes} bytes", read.len());
    assert!(bytes <= BYTES_MAX, "{bytes} bytes of vectors, at most {BYTES_MAX}");
}

/// Kinds of transactions and duties whose cases must be there.
const TRANSACTIONS: [&str; 17] = [
    "transfer",
    "stake",
    "unstake",
    "register_compute",
    "test_hardware",
    "generation_request",
    "receipt",
    "unjail",
    "change_owner",
    "register_model",
    "remove_model",
    "cancel_request",
    "request_audit",
    "evidence_note",
    "submit_evidence",
    "pause_jobs",
    "release_holds",
];
const DUTIES: [&str; 10] = [
    "accept_job",
    "commit_result",
    "claim_audit",
    "submit_audit",
    "open_audit",
    "contest",
    "reveal_answer",
    "demand_data",
    "post_data",
    "stored",
];

#[test]
fn known_transitions_show_both_sides_of_every_kind() {
    let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (case, outcome) in known().values() {
        let body = case.block.body();
        let duties = body.duties.iter().chain(body.data.iter());
        let duties = duties.map(|duty| duty.duty().kind.name());
        let transactions = body.transactions.iter().map(|signed| {
            signed.clone().verify(&case.pre.chain).map_or("", |verified| verified.transaction().kind.name())
        });
        match outcome {
            Outcome::Refused(_) => seen.extend(duties.chain(transactions).map(|kind| (kind, "refused"))),
            Outcome::Accepted(post) => {
                seen.extend(duties.map(|kind| (kind, "accepted")));
                let receipts = post.receipts.transactions.iter().map(|receipt| &receipt.status);
                seen.extend(transactions.zip(receipts).map(|(kind, status)| match status {
                    TransactionStatus::Succeeded => (kind, "accepted"),
                    TransactionStatus::Failed { .. } => (kind, "failed"),
                }));
            }
        }
    }
    let mut missing = Vec::new();
    for kind in TRANSACTIONS {
        missing.extend(["accepted", "failed", "refused"].map(|side| (kind, side)));
    }
    for kind in DUTIES {
        missing.extend(["accepted", "refused"].map(|side| (kind, side)));
    }
    missing.retain(|case| !seen.contains(case));
    assert!(missing.is_empty(), "no cases of {missing:?}");
    let is_known = |kind: &str| kind.is_empty() || TRANSACTIONS.contains(&kind) || DUTIES.contains(&kind);
    let unknown: Vec<_> = seen.iter().filter(|(kind, _)| !is_known(kind)).collect();
    assert!(unknown.is_empty(), "kinds that the lists above do not know: {unknown:?}");
}
