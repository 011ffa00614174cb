//! The two lower crates never panic on their own account, and the rules read no clock.
//!
//! A scan of the text outside comments and tests. It sees less than a compiler, but it sees every feature
//! and target at once, and clippy (`clippy.toml` of dfsn-consensus) looks at the same again with types.

use super::files;
use std::io;
use std::path::Path;

/// Text that must not stand in some crates, and what to write instead.
#[derive(Debug)]
struct Ban {
    text: &'static str,
    crates: &'static [&'static str],
    instead: &'static str,
}

const LOWER: &[&str] = &["dfsn-types", "dfsn-consensus"];
const RULES: &[&str] = &["dfsn-consensus"];

const BANS: &[Ban] = &[
    Ban { text: ".unwrap()", crates: LOWER, instead: "return an error" },
    Ban { text: ".expect(", crates: LOWER, instead: "return an error" },
    Ban { text: "panic!", crates: LOWER, instead: "return an error" },
    Ban { text: "HashMap", crates: RULES, instead: "BTreeMap has one order on every machine" },
    Ban { text: "HashSet", crates: RULES, instead: "BTreeSet has one order on every machine" },
    Ban { text: "SystemTime", crates: RULES, instead: "time arrives as an input" },
    Ban { text: "Instant", crates: RULES, instead: "time arrives as an input" },
];

/// Banned text, with its place.
///
/// # Errors
/// Those of reading.
pub(crate) fn check(root: &Path) -> io::Result<Vec<String>> {
    let mut findings = Vec::new();
    for name in LOWER {
        for file in files::read(root, &format!("{name}/src"), "rs")? {
            if is_test_file(&file.path) {
                continue;
            }
            for (number, line) in production_lines(&file.text) {
                let hit = |ban: &&Ban| ban.crates.contains(name) && has(line, ban.text);
                findings.extend(
                    BANS.iter().filter(hit).map(|ban| {
                        format!("{}:{number}: {}: {}", file.path.display(), ban.text, ban.instead)
                    }),
                );
            }
        }
    }
    Ok(findings)
}

fn is_test_file(path: &Path) -> bool {
    path.components().any(|part| {
        let name = part.as_os_str().to_string_lossy();
        name == "tests" || name == "tests.rs" || name.ends_with("_tests.rs")
    })
}

/// Whether `text` stands in `line` by itself, not as part of a longer name.
fn has(line: &str, text: &str) -> bool {
    let in_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(text).any(|(at, _)| {
        let before = !text.starts_with('.') && in_word(line[..at].chars().next_back());
        let after = text.ends_with(char::is_alphanumeric) && in_word(line[at + text.len()..].chars().next());
        !before && !after
    })
}

/// Numbered lines without comments and without items marked `#[cfg(test)]`.
fn production_lines(text: &str) -> Vec<(usize, &str)> {
    let mut lines = text.lines().enumerate();
    let mut kept = Vec::new();
    while let Some((n, line)) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            let indent = line.len() - line.trim_start().len();
            // rustfmt puts an item's end at its own indentation.
            lines.by_ref().find(|(_, line)| ends_item(line, indent));
            continue;
        }
        let code = line.split("//").next().unwrap_or(line);
        if !code.trim().is_empty() {
            kept.push((n + 1, code));
        }
    }
    kept
}

fn ends_item(line: &str, indent: usize) -> bool {
    let own = line.len() - line.trim_start().len() == indent;
    own && (line.trim_start().starts_with('}') || line.trim_end().ends_with([';', '}']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn banned_text_is_found_outside_tests_and_comments() {
        let dir = TempDir::new("purity");
        dir.write(
            "dfsn-types/src/a.rs",
            "/// `x.unwrap()`\nfn a() { x.unwrap() } // y.expect(\n#[cfg(test)]\nmod tests {\n    \
             fn t() { x.unwrap() }\n}\nfn b() { panic!() }\n",
        );
        dir.write("dfsn-types/src/tests/b.rs", "x.unwrap()");
        dir.write(
            "dfsn-consensus/src/c.rs",
            "use std::time::Instant;\nstruct InstantSeal;\nlet m: HashMap<u8, u8>;\n",
        );
        let findings = check(dir.path()).expect("read");
        let places: Vec<&str> = findings.iter().filter_map(|text| text.split(": ").next()).collect();
        assert_eq!(
            places,
            [
                "dfsn-types/src/a.rs:2",
                "dfsn-types/src/a.rs:7",
                "dfsn-consensus/src/c.rs:1",
                "dfsn-consensus/src/c.rs:3"
            ]
        );
    }

    #[test]
    fn a_map_is_allowed_where_order_does_not_matter() {
        let dir = TempDir::new("purity-types");
        dir.write("dfsn-types/src/a.rs", "use std::collections::HashMap;\n");
        assert!(check(dir.path()).expect("read").is_empty());
    }

    #[test]
    fn one_line_test_items_end_where_they_end() {
        let text = "#[cfg(test)]\nmod tests;\nfn a() { x.unwrap() }\n";
        assert_eq!(production_lines(text), [(3, "fn a() { x.unwrap() }")]);
        let text = "impl A {\n    #[cfg(test)]\n    fn t() {\n        x\n    }\n    fn b() {}\n}\n";
        assert_eq!(production_lines(text).len(), 3);
    }

    #[test]
    fn longer_names_are_other_names() {
        assert!(has("x.unwrap()", ".unwrap()"));
        assert!(!has("x.unwrap_or(0)", ".unwrap()"));
        assert!(!has("dont_panic!()", "panic!"));
        assert!(has("(Instant::now())", "Instant"));
        assert!(!has("InstantSeal", "Instant"));
    }
}
