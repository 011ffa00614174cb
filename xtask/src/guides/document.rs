//! A Markdown document as what it makes its reader do.

use std::path::PathBuf;

/// The blocks of a document that do something, in their order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) blocks: Vec<Block>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Of the line that opens the block, counted from 1.
    pub(super) line: usize,
    pub(super) text: String,
    pub(super) action: Action,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// `sh`: commands, run to their end.
    Run,
    /// `sh serve="TEXT"`: one command in another terminal, which goes on; it is ready when it has printed the text.
    Serve { ready: String },
    /// `LANGUAGE file=NAME`: a file that the reader writes.
    Write { path: PathBuf },
    /// `text output`: what the block before has printed; `…` stands for anything.
    Expect,
}

/// A block before its end: nothing to do for one that is only shown, its line, its text.
type Open = (Option<Action>, usize, String);

impl Document {
    /// Reads the blocks. Other languages than `sh` without a tag are only shown.
    pub(super) fn parse(markdown: &str) -> Result<Self, String> {
        let (mut blocks, mut open): (Vec<Block>, Option<Open>) = (Vec::new(), None);
        for (line, text) in (1..).zip(markdown.lines()) {
            open = match (open, text.strip_prefix("```")) {
                (None, None) => None,
                (None, Some(info)) => {
                    let action = action(info.trim()).map_err(|reason| format!("line {line}: {reason}"))?;
                    Some((action, line, String::new()))
                }
                (Some((action, line, text)), Some(_)) => {
                    blocks.extend(action.map(|action| Block { line, text, action }));
                    None
                }
                (Some((action, line, so_far)), None) => Some((action, line, so_far + text + "\n")),
            };
        }
        match open {
            Some((_, line, _)) => Err(format!("line {line}: the block has no end")),
            None => Ok(Self { blocks }),
        }
    }
}

fn action(info: &str) -> Result<Option<Action>, String> {
    let (language, tag) = info.split_once(' ').unwrap_or((info, ""));
    let (key, value) = tag.trim().split_once('=').unwrap_or((tag.trim(), ""));
    match (language, key) {
        ("sh", "") => Ok(Some(Action::Run)),
        ("sh", "serve") => Ok(Some(Action::Serve { ready: value.trim_matches('"').to_owned() })),
        ("text", "output") => Ok(Some(Action::Expect)),
        (_, "file") if language != "sh" => Ok(Some(Action::Write { path: value.into() })),
        (_, "") => Ok(None),
        _ => Err(format!(
            "unknown block `{info}`: sh, sh serve=\"TEXT\", LANGUAGE file=NAME and text output are known"
        )),
    }
}

/// What is missing of the expected lines, which must stand in this order.
pub(super) fn missing<'a>(expected: &'a str, printed: &str) -> Option<&'a str> {
    let mut printed = printed.lines();
    let expected = expected.lines().filter(|line| !matches!(line.trim(), "" | "…"));
    expected.into_iter().find(|line| !printed.any(|other| fits(line.trim(), other.trim())))
}

fn fits(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    // After the last `…` comes the end of the line.
    last.map_or(rest.is_empty(), |part| rest.is_empty() || part.is_empty() || line.ends_with(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_what_a_reader_does() {
        let text = "# A\n```sh\na\n  b\n```\n```console\n$ no\n```\n```sh serve=\"ready to go\"\nc\n```\n\
                    ```toml file=x/y.toml\nk = 1\n```\n```text output\nd\n```\n";
        let blocks = Document::parse(text).unwrap().blocks;
        let of = |line, text: &str, action| Block { line, text: text.to_owned(), action };
        assert_eq!(
            blocks,
            [
                of(2, "a\n  b\n", Action::Run),
                of(9, "c\n", Action::Serve { ready: "ready to go".to_owned() }),
                of(12, "k = 1\n", Action::Write { path: "x/y.toml".into() }),
                of(15, "d\n", Action::Expect),
            ]
        );
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_line() {
        for (text, reason) in [
            ("\n```sh skip\na\n```\n", "line 2: unknown block `sh skip`"),
            ("```text outputs\n```\n", "line 1: unknown block `text outputs`"),
            ("```sh\na\n", "line 1: the block has no end"),
        ] {
            let error = Document::parse(text).unwrap_err();
            assert!(error.starts_with(reason), "{error}");
        }
    }

    #[test]
    fn expected_lines_stand_in_their_order() {
        let printed = "one 1 a\ntwo\nthree 3\n";
        assert_eq!(missing("one … a\n…\nthree …\n", printed), None);
        assert_eq!(missing("two\none … a\n", printed), Some("one … a"));
        assert_eq!(missing("two …\n", printed), Some("two …"));
        assert_eq!(missing("thre\n", printed), Some("thre"));
        assert_eq!(missing("… 1 …\n", printed), None);
    }
}
