//! Every rule that the code cites by id is written down in docs/spec.

use super::files;
use std::collections::BTreeSet;
use std::io;
use std::ops::RangeInclusive;
use std::path::Path;

/// The form of a rule id: this many capital letters, a hyphen, this many digits, as in `TX-01`.
const LETTERS: RangeInclusive<usize> = 2..=4;
const DIGITS: usize = 2;

/// What has the form of a rule id but names a standard.
const STANDARDS: [&str; 8] = ["AES", "BIP", "EIP", "ERC", "FIPS", "ISO", "RFC", "UTF"];

const SPEC: &str = "docs/spec";

/// Ids that are cited in Rust files and defined nowhere.
///
/// # Errors
/// Those of reading.
pub(crate) fn check(root: &Path) -> io::Result<Vec<String>> {
    let mut defined = BTreeSet::new();
    for file in files::read(root, SPEC, "md")? {
        defined.extend(ids(&file.text).map(str::to_owned));
    }
    let mut findings = Vec::new();
    for file in files::read(root, "", "rs")? {
        // The rules of xtask's own tests are made up.
        if file.path.starts_with("xtask") {
            continue;
        }
        for (n, line) in file.text.lines().enumerate() {
            for id in ids(line).filter(|id| !defined.contains(*id)) {
                findings.push(format!("{}:{}: rule {id} is not in {SPEC}", file.path.display(), n + 1));
            }
        }
    }
    Ok(findings)
}

/// The rule ids in `text`, standards left out.
fn ids(text: &str) -> impl Iterator<Item = &str> {
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_');
    text.split(word).filter(|word| is_id(word))
}

fn is_id(word: &str) -> bool {
    let Some((letters, digits)) = word.split_once('-') else { return false };
    LETTERS.contains(&letters.len())
        && letters.bytes().all(|b| b.is_ascii_uppercase())
        && digits.len() == DIGITS
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !STANDARDS.contains(&letters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn ids_are_told_from_what_looks_like_them() {
        let text =
            "JOB-04, (TX-01) **ST-12**: SHA-512 UTF-16 EIP-55 A-01 LONGER-01 TX-1 TX-001 X-TX-01 tx-01";
        assert_eq!(ids(text).collect::<Vec<_>>(), ["JOB-04", "TX-01", "ST-12"]);
    }

    #[test]
    fn a_cited_rule_must_be_in_the_spec() {
        let dir = TempDir::new("rules");
        dir.write("docs/spec/transactions.md", "- **TX-01** The nonce is the account's next.\n");
        dir.write("dfsn-types/src/tx.rs", "/// TX-01\nfn a() {}\n/// TX-02: unknown\nfn b() {}\n");
        let findings = check(dir.path()).expect("read");
        assert_eq!(findings, ["dfsn-types/src/tx.rs:3: rule TX-02 is not in docs/spec"]);
    }
}
