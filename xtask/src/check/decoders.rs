//! Everything that reads bytes from outside has a fuzz target.
//!
//! Readers are known by their form: `FromStr`, or a public method with one of the names below. Every type with a canonical byte
//! form is read by two targets that take their list from the tests of dfsn-types.

use super::files::{self, SourceFile};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

/// Methods that read or judge what somebody else wrote.
const READERS: &[&str] = &["decode", "from_json", "load", "parse_dfsn", "verify", "verify_form"];
/// `from_bytes` of fixed bytes takes anything; where it is checked it is written out and gives a `Result`.
const CHECKED: &str = "from_bytes";
/// Where readers are looked for.
const CRATES: [&str; 3] = ["dfsn-types/src", "dfsn-consensus/src", "dfsn-compute/src"];
/// What only looks like a reader.
const EXEMPT: &[(&str, &str)] = &[
    ("Computation", "`decode` is the decoder's part of it"),
    ("ModelConfig", "reads its parts, each of which has a target"),
    ("Pipeline", "decodes latents that the engine made"),
];
/// Needs libtorch, which is not built for fuzzing.
const TORCH: &str = "dfsn-compute/src/torch";
/// Both targets of all wire types use this list.
const WIRE_LIST: &str = "for_each_wire_type";
const TARGETS: &str = "fuzz/fuzz_targets";

/// A type and the method that reads it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Reader {
    type_name: String,
    method: String,
}

/// Readers without a target, and targets that are not complete.
///
/// # Errors
/// Those of reading.
pub(crate) fn check(root: &Path) -> io::Result<Vec<String>> {
    let targets = files::read(root, TARGETS, "rs")?;
    let mut findings = incomplete(root, &targets);
    let words: Vec<BTreeSet<&str>> = targets.iter().map(|file| words(&file.text)).collect();
    if words.iter().filter(|words| words.contains(WIRE_LIST)).count() < 2 {
        findings.push(format!("{TARGETS}: two targets, bytes and JSON, use {WIRE_LIST}!"));
    }
    for dir in CRATES {
        for file in files::read(root, dir, "rs")?.iter().filter(|file| !file.path.starts_with(TORCH)) {
            for reader in readers(&file.text) {
                let (name, method) = (reader.type_name.as_str(), reader.method.as_str());
                let is_read = |words: &BTreeSet<&str>| words.contains(name) && words.contains(method);
                let is_exempt = EXEMPT.iter().any(|(exempt, _)| *exempt == name);
                if !is_exempt && !words.iter().any(is_read) {
                    findings.push(format!(
                        "{}: {name}::{method} reads bytes from outside and no file of {TARGETS} calls it",
                        file.path.display()
                    ));
                }
            }
        }
    }
    Ok(findings)
}

/// A target is declared, and has seeds to start from.
fn incomplete(root: &Path, targets: &[SourceFile]) -> Vec<String> {
    let manifest = fs::read_to_string(root.join("fuzz/Cargo.toml")).unwrap_or_default();
    let mut findings = Vec::new();
    for file in targets {
        let name = file.path.file_stem().unwrap_or_default().to_string_lossy();
        if !manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")) {
            findings.push(format!("{}: no [[bin]] of fuzz/Cargo.toml builds it", file.path.display()));
        }
        let seeds = root.join("fuzz/seeds").join(&*name);
        if !fs::read_dir(seeds).is_ok_and(|mut entries| entries.next().is_some()) {
            findings.push(format!(
                "{}: fuzz/seeds/{name} is empty: fuzz/examples/seeds.rs writes it",
                file.path.display()
            ));
        }
    }
    findings
}

/// The readers that a file defines.
fn readers(text: &str) -> BTreeSet<Reader> {
    let mut found = BTreeSet::new();
    let mut type_name = None;
    for line in text.lines() {
        if line.starts_with("impl") {
            let (head, _) = line.split_once('{').unwrap_or((line, ""));
            type_name = implementor(head);
            if let (true, Some(name)) = (head.contains("FromStr for"), &type_name) {
                found.insert(Reader { type_name: name.clone(), method: name.clone() });
            }
        }
        let method = line.trim_start().strip_prefix("pub fn ").and_then(|rest| rest.split(['(', '<']).next());
        let (Some(method), Some(name)) = (method, &type_name) else { continue };
        if line.starts_with(' ') && (READERS.contains(&method) || method == CHECKED) {
            found.insert(Reader { type_name: name.clone(), method: method.to_owned() });
        }
    }
    found
}

/// `X` of `impl X`, `impl<T> X<T>` and `impl Trait for X`.
fn implementor(head: &str) -> Option<String> {
    let name = head.split(" for ").last()?.trim();
    let name = name.strip_prefix("impl").unwrap_or(name).trim_start();
    let name = if name.starts_with('<') { name.split_once("> ")?.1 } else { name };
    let name = name.split(['<', ' ']).next()?.rsplit("::").next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// Words outside comments.
fn words(text: &str) -> BTreeSet<&str> {
    let code = text.lines().filter_map(|line| line.split("//").next());
    code.flat_map(|code| code.split(|c: char| !(c.is_alphanumeric() || c == '_'))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    const WIRE: &str = "for_each_wire_type!(check);";

    fn workspace(name: &str, target: &str) -> TempDir {
        let dir = TempDir::new(name);
        for (target, text) in [("wire_bytes", WIRE), ("wire_json", WIRE), ("letters", target)] {
            dir.write(&format!("fuzz/fuzz_targets/{target}.rs"), text);
            dir.write(&format!("fuzz/seeds/{target}/first"), "x");
        }
        let path = |name| format!("path = \"fuzz_targets/{name}.rs\"\n");
        dir.write("fuzz/Cargo.toml", &["wire_bytes", "wire_json", "letters"].map(path).concat());
        let source = "impl Letter {\n    pub fn decode(bytes: &[u8]) -> Result<Self, E> {\n    }\n}\n\
                      impl core::str::FromStr for Name {\n";
        dir.write("dfsn-types/src/letter.rs", source);
        dir
    }

    #[test]
    fn a_reader_without_a_target_is_found() {
        let dir = workspace("decoders", "// Letter decode\nLetter::new(data); text.parse::<Name>();");
        let findings = check(dir.path()).expect("read");
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].starts_with("dfsn-types/src/letter.rs: Letter::decode reads"), "{findings:?}");
        let dir = workspace("decoders-all", "Letter::decode(data); text.parse::<Name>();");
        assert!(check(dir.path()).expect("read").is_empty());
    }

    #[test]
    fn a_target_is_declared_and_has_seeds() {
        let dir = workspace("decoders-new", "Letter::decode(data); text.parse::<Name>();");
        dir.write("fuzz/fuzz_targets/new.rs", "");
        let findings = check(dir.path()).expect("read");
        assert!(findings.len() == 2 && findings.iter().all(|text| text.contains("new")), "{findings:?}");
    }

    #[test]
    fn the_lists_of_wire_types_may_not_go() {
        let dir = workspace("decoders-wire", "Letter::decode(data); text.parse::<Name>();");
        dir.write("fuzz/fuzz_targets/wire_json.rs", "// for_each_wire_type!(check);");
        let findings = check(dir.path()).expect("read");
        assert!(findings.len() == 1 && findings[0].contains("two targets"), "{findings:?}");
    }

    #[test]
    fn implementors_are_found_behind_parameters_and_traits() {
        let of = |head| implementor(head);
        assert_eq!(of("impl Block ").as_deref(), Some("Block"));
        assert_eq!(of("impl<T, const MAX: usize> Bounded<T, MAX> ").as_deref(), Some("Bounded"));
        assert_eq!(of("impl core::str::FromStr for Address ").as_deref(), Some("Address"));
    }
}
