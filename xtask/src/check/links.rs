//! Every relative link in a Markdown file leads somewhere.

use super::files::{self, SourceFile};
use std::io;
use std::path::Path;

/// Links to files that are not there.
///
/// # Errors
/// Those of reading.
pub(crate) fn check(root: &Path) -> io::Result<Vec<String>> {
    let files = files::read(root, "", "md")?;
    Ok(files.iter().flat_map(|file| broken(root, file)).collect())
}

fn broken(root: &Path, file: &SourceFile) -> Vec<String> {
    let folder = root.join(&file.path).parent().map(Path::to_owned).unwrap_or_default();
    let mut findings = Vec::new();
    for (number, line) in prose_lines(&file.text) {
        for target in targets(&line) {
            let Some(path) = local_path(&target) else { continue };
            let resolved =
                path.strip_prefix('/').map_or_else(|| folder.join(&path), |absolute| root.join(absolute));
            if !resolved.exists() {
                let name = file.path.display();
                findings.push(format!("{name}:{number}: link to {target}, which is not there"));
            }
        }
    }
    findings
}

/// Numbered lines outside fenced code, with inline code blanked.
fn prose_lines(text: &str) -> Vec<(usize, String)> {
    let mut fence: Option<&str> = None;
    let mut lines = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let start = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|mark| start.starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => lines.push((n + 1, without_code(line))),
            _ => {}
        }
    }
    lines
}

fn without_code(line: &str) -> String {
    let parts: Vec<&str> = line.split('`').collect();
    // An odd backtick at the end opens nothing.
    let closed = parts.len() - usize::from(parts.len().is_multiple_of(2));
    parts.iter().enumerate().filter(|(n, _)| n % 2 == 0 || *n >= closed).map(|(_, part)| *part).collect()
}

/// The targets of `[text](target "title")`, `![text](target)` and `[name]: target`.
fn targets(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = line;
    while let Some(at) = rest.find("](") {
        rest = &rest[at + 2..];
        found.extend(rest.find(')').map(|end| first_word(&rest[..end])));
    }
    let definition = line.trim_start();
    if definition.starts_with('[')
        && !definition.starts_with("[^")
        && let Some((_, target)) = definition.split_once("]: ")
    {
        found.push(first_word(target));
    }
    found.retain(|target| !target.is_empty());
    found
}

fn first_word(text: &str) -> String {
    let text = text.trim();
    if let Some((inner, _)) = text.strip_prefix('<').and_then(|text| text.split_once('>')) {
        return inner.to_owned();
    }
    text.split_whitespace().next().unwrap_or_default().to_owned()
}

/// The file part of a link inside the repository; none for addresses and anchors.
fn local_path(target: &str) -> Option<String> {
    let has_scheme = target.split_once(':').is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    });
    let path = target.split(['#', '?']).next().unwrap_or(target);
    (!has_scheme && !target.starts_with("//") && !path.is_empty()).then(|| path.replace("%20", " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn broken_links_are_found_with_their_place() {
        let dir = TempDir::new("links");
        dir.write(
            "docs/spec/jobs.md",
            "# Jobs\n[up](../../README.md) [root](/README.md) [gone](../gone.md#x)\n",
        );
        dir.write(
            "README.md",
            "text\n\n[a](docs/spec/jobs.md \"title\") ![b](pic.png)\n[c]: docs/absent.md\n",
        );
        let findings = check(dir.path()).expect("read");
        assert_eq!(
            findings,
            [
                "README.md:3: link to pic.png, which is not there",
                "README.md:4: link to docs/absent.md, which is not there",
                "docs/spec/jobs.md:2: link to ../gone.md#x, which is not there",
            ]
        );
    }

    #[test]
    fn addresses_anchors_and_code_are_no_links_to_files() {
        let dir = TempDir::new("no-links");
        let text = "[a](https://example.org/x) [b](#part) [c](mailto:a@example.org) `[d](code)`\n\
                    ```\n[e](fenced)\n```\n[^1]: a footnote\n[ ] a task\n- [x] done: yes\n";
        dir.write("README.md", text);
        assert_eq!(check(dir.path()).expect("read"), Vec::<String>::new());
    }

    #[test]
    fn an_unclosed_backtick_hides_no_link() {
        assert_eq!(targets(&without_code("a ` b [x](y)")), ["y"]);
        assert_eq!(targets(&without_code("`a` [x](y) `b`")), ["y"]);
        assert_eq!(targets("[x](<with space.md>)"), ["with space.md"]);
    }
}
