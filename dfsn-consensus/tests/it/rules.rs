//! Every rule that an error names has a test of its name.

use std::collections::BTreeSet;

const ERRORS: &[&str] = &[
    include_str!("../../src/error/block.rs"),
    include_str!("../../src/error/duty.rs"),
    include_str!("../../src/error/failure.rs"),
    include_str!("../../src/error/include.rs"),
    include_str!("../../src/mempool/error.rs"),
    include_str!("../../src/rules.rs"),
    include_str!("../../src/state/genesis.rs"),
    include_str!("../../src/store/error.rs"),
    include_str!("../../src/vm/chain_vm.rs"),
];

const TESTS: &[&str] = &[
    include_str!("attacks.rs"),
    include_str!("audits.rs"),
    include_str!("blocks.rs"),
    include_str!("cancelling.rs"),
    include_str!("challenges.rs"),
    include_str!("cheats.rs"),
    include_str!("claim_duty.rs"),
    include_str!("clock.rs"),
    include_str!("contests.rs"),
    include_str!("deliveries.rs"),
    include_str!("demands.rs"),
    include_str!("disputes/failing.rs"),
    include_str!("disputes/refused.rs"),
    include_str!("disputes/verdicts.rs"),
    include_str!("draws.rs"),
    include_str!("duties.rs"),
    include_str!("ethereum.rs"),
    include_str!("evidence.rs"),
    include_str!("failures.rs"),
    include_str!("genesis.rs"),
    include_str!("hardware.rs"),
    include_str!("holds.rs"),
    include_str!("inclusion.rs"),
    include_str!("lanes.rs"),
    include_str!("life.rs"),
    include_str!("models.rs"),
    include_str!("openings.rs"),
    include_str!("pool.rs"),
    include_str!("pool_attacks.rs"),
    include_str!("properties.rs"),
    include_str!("replays.rs"),
    include_str!("storage.rs"),
    include_str!("upgrades.rs"),
    include_str!("validators.rs"),
    include_str!("votes.rs"),
];

/// Ids that open error messages: `#[error("TX-02: …`, on one line or on the next.
fn ids(source: &str) -> BTreeSet<String> {
    let messages = source.split("#[error(").skip(1).filter_map(|rest| rest.split('"').nth(1));
    let id = |message: &str| {
        let (id, _) = message.split_once(':')?;
        let (chapter, number) = id.split_once('-')?;
        let is_id = chapter.chars().all(|letter| letter.is_ascii_uppercase()) && number.parse::<u8>().is_ok();
        is_id.then(|| id.to_string())
    };
    messages.filter_map(id).collect()
}

/// Names of functions under `#[test]`.
fn names(source: &str) -> impl Iterator<Item = &str> {
    let tests = source.split("#[test]").skip(1);
    tests.filter_map(|rest| rest.split_once("fn ")?.1.split(['(', '<']).next())
}

#[test]
fn every_rule_of_an_error_has_a_test_of_its_name() {
    let ids: BTreeSet<String> = ERRORS.iter().flat_map(|source| ids(source)).collect();
    assert!(ids.len() > 60, "only {} ids were found: has the form of the messages changed?", ids.len());
    let names: Vec<&str> = TESTS.iter().flat_map(|source| names(source)).collect();
    let missing: Vec<&String> = ids
        .iter()
        .filter(|id| {
            let prefix = id.to_lowercase().replace('-', "_");
            let also = format!("_and_{}_", prefix.split('_').next_back().unwrap_or_default());
            let chapter = prefix.split('_').next().unwrap_or_default();
            !names.iter().any(|name| {
                name.starts_with(&format!("{prefix}_")) || (name.starts_with(chapter) && name.contains(&also))
            })
        })
        .collect();
    assert!(missing.is_empty(), "rules without a test: {missing:?}");
}
