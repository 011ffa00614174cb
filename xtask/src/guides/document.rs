//! A Markdown document as what it makes its reader do. Tags stand behind a block's language, where a reader does not see them.

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
    /// Programs without which the document is left out: `needs=curl,go`.
    pub(super) needs: Vec<String>,
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

/// What a block says of itself; nothing for one that is only shown.
type Tags = Option<(Action, Vec<String>)>;
/// A block before its end: its tags, line and text.
type Open = (Tags, usize, String);

impl Document {
    /// Reads the blocks. Other languages than `sh` without a tag are only shown.
    pub(super) fn parse(markdown: &str) -> Result<Self, String> {
        let (mut blocks, mut open): (Vec<Block>, Option<Open>) = (Vec::new(), None);
        for (line, text) in (1..).zip(markdown.lines()) {
            open = match (open, text.strip_prefix("```")) {
                // Would be shown as a block, and never be run.
                (None, None) if text.trim_start().starts_with("```") || text.starts_with("~~~") => {
                    return Err(format!("line {line}: a block begins with ``` at the start of its line"));
                }
                (None, None) => None,
                (None, Some(info)) => {
                    let tags = tags(info.trim()).map_err(|reason| format!("line {line}: {reason}"))?;
                    Some((tags, line, String::new()))
                }
                (Some((tags, line, text)), Some(_)) => {
                    blocks.extend(tags.map(|(action, needs)| Block { line, text, action, needs }));
                    None
                }
                (Some((tags, line, so_far)), None) => Some((tags, line, so_far + text + "\n")),
            };
        }
        match open {
            Some((_, line, _)) => Err(format!("line {line}: the block has no end")),
            None => Ok(Self { blocks }),
        }
    }
}

fn tags(info: &str) -> Result<Tags, String> {
    let (language, mut rest) = info.split_once(' ').unwrap_or((info, ""));
    let unknown = || {
        format!(
            "unknown block `{info}`: sh, sh serve=\"TEXT\", LANGUAGE file=NAME and text output are known, with needs=PROGRAM,..."
        )
    };
    let (mut action, mut needs) = ((language == "sh").then_some(Action::Run), Vec::new());
    while !rest.trim_start().is_empty() {
        let (key, value, behind) = tag(rest.trim_start());
        rest = behind;
        let found = match (language, key) {
            (_, "needs") if !value.is_empty() => {
                needs = value.split(',').map(str::to_owned).collect();
                continue;
            }
            ("sh", "serve") if !value.is_empty() => Action::Serve { ready: value.to_owned() },
            ("text", "output") => Action::Expect,
            (_, "file") if language != "sh" && !value.is_empty() => Action::Write { path: value.into() },
            _ => return Err(unknown()),
        };
        // One a block, except that serving is a way to run.
        if action.replace(found).is_some_and(|other| other != Action::Run) {
            return Err(unknown());
        }
    }
    match action {
        // What looks like commands is run, or is said to be none.
        None if ["bash", "shell", "zsh"].contains(&language) => {
            Err(format!("`{language}` is not run: write sh, or console for what is shown only"))
        }
        None if !needs.is_empty() => Err(unknown()),
        action => Ok(action.map(|action| (action, needs))),
    }
}

/// The first of some tags: its key, its value or nothing, and what follows.
fn tag(text: &str) -> (&str, &str, &str) {
    let end = text.find([' ', '=']).unwrap_or(text.len());
    let (key, rest) = text.split_at(end);
    let Some(rest) = rest.strip_prefix('=') else { return (key, "", rest) };
    let (value, rest) = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
        None => rest.split_once(' ').unwrap_or((rest, "")),
    };
    (key, value, rest)
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
        let text = "# A\n```sh\na\n  b\n```\n```console\n$ no\n```\n```sh needs=go,curl serve=\"ready to go\"\nc\n```\n\
                    ```toml file=x/y.toml\nk = 1\n```\n```text output\nd\n```\n";
        let blocks = Document::parse(text).unwrap().blocks;
        let of = |line, text: &str, action| {
            let needs = if line == 9 { vec!["go".to_owned(), "curl".to_owned()] } else { Vec::new() };
            Block { line, text: text.to_owned(), action, needs }
        };
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
            ("```rust file=a file=b\n```\n", "line 1: unknown block `rust file=a file=b`"),
            ("```sh serve=\n```\n", "line 1: unknown block `sh serve=`"),
            ("```json needs=go\n```\n", "line 1: unknown block `json needs=go`"),
            ("```bash\na\n```\n", "line 1: `bash` is not run"),
            ("- a\n  ```sh\n  b\n  ```\n", "line 2: a block begins with"),
            ("~~~sh\nb\n~~~\n", "line 1: a block begins with"),
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
