//! The syntax of prompts: weights, escapes and BREAK, as users know them from the AUTOMATIC1111 web UI.
//!
//! | text | meaning |
//! |---|---|
//! | `(a)` | 1.1 times as strong; nested, the factors multiply |
//! | `[a]` | 1 / 1.1 times as strong |
//! | `(a:1.2)` | 1.2 times as strong, instead of the brackets' 1.1 |
//! | `\(`, `\)`, `\[`, `\]`, `\\` | the character itself; a backslash before anything else disappears |
//! | `BREAK` | as a word: what follows begins a new chunk |
//!
//! Every text has a meaning. A bracket that is never closed reaches to the end, one that was never opened is a
//! character, and so is a colon without round brackets around it or without a number and `)` behind it.

/// A stretch of a prompt.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// Text of one weight.
    Text {
        /// Without syntax.
        text: String,
        /// How strong it is; 1 is normal. Between plus and minus [`MAX_WEIGHT`].
        weight: f32,
    },
    /// What follows begins a new chunk.
    Break,
}

/// The largest weight; what is nested to more stays there.
pub const MAX_WEIGHT: f64 = 10.0;
/// Factor of round brackets.
const ROUND: f64 = 1.1;
/// Factor of square brackets.
const SQUARE: f64 = 1.0 / 1.1;
const BREAK: &str = "BREAK";

/// Reads a prompt. Neighbours of equal weight are one piece; a prompt without text is one empty piece.
pub fn parse(prompt: &str) -> Vec<Piece> {
    let mut parser = Parser::default();
    let mut rest = prompt;
    while let Some(first) = rest.chars().next() {
        rest = parser.take(first, rest);
    }
    parser.finish()
}

#[derive(Debug, Default)]
struct Parser {
    /// Text with the product of its closed brackets; `None` is a BREAK.
    parts: Vec<Option<(String, f64)>>,
    /// Where brackets were opened, as numbers of parts.
    round: Vec<usize>,
    square: Vec<usize>,
}

impl Parser {
    /// Takes what begins with `first` off the front of `rest` and gives what follows.
    fn take<'a>(&mut self, first: char, rest: &'a str) -> &'a str {
        let after = &rest[first.len_utf8()..];
        match first {
            '\\' => {
                let escaped = after.chars().next().filter(|c| matches!(c, '(' | ')' | '[' | ']' | '\\'));
                self.push(escaped.map_or("", |c| &after[..c.len_utf8()]));
                return escaped.map_or(after, |c| &after[c.len_utf8()..]);
            }
            '(' => self.round.push(self.parts.len()),
            '[' => self.square.push(self.parts.len()),
            ':' => {
                if let Some((number, after)) = closing_weight(after)
                    && let Some(start) = self.round.pop()
                {
                    self.scale(start, number);
                    return after;
                }
                self.push(":");
            }
            ')' => match self.round.pop() {
                Some(start) => self.scale(start, ROUND),
                None => self.push(")"),
            },
            ']' => match self.square.pop() {
                Some(start) => self.scale(start, SQUARE),
                None => self.push("]"),
            },
            _ => {
                let end = rest.find(['\\', '(', ')', '[', ']', ':']).unwrap_or(rest.len());
                self.push_words(&rest[..end]);
                return &rest[end..];
            }
        }
        after
    }

    fn push(&mut self, text: &str) {
        self.parts.push(Some((text.to_owned(), 1.0)));
    }

    /// Cuts text at each BREAK that stands as a word, which takes the white space around it along.
    fn push_words(&mut self, mut text: &str) {
        let mut from = 0;
        while let Some(at) = text[from..].find(BREAK).map(|at| from + at) {
            let (before, after) = (&text[..at], &text[at + BREAK.len()..]);
            let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            if is_word(before.chars().next_back()) || is_word(after.chars().next()) {
                from = at + BREAK.len();
                continue;
            }
            self.push(before.trim_end());
            self.parts.push(None);
            (text, from) = (after.trim_start(), 0);
        }
        self.push(text);
    }

    fn scale(&mut self, start: usize, factor: f64) {
        for (_, weight) in self.parts.iter_mut().skip(start).flatten() {
            *weight *= factor;
        }
    }

    fn finish(mut self) -> Vec<Piece> {
        for start in std::mem::take(&mut self.round) {
            self.scale(start, ROUND);
        }
        for start in std::mem::take(&mut self.square) {
            self.scale(start, SQUARE);
        }
        let mut pieces = Vec::new();
        for part in self.parts {
            let Some((text, weight)) = part else {
                pieces.push(Piece::Break);
                continue;
            };
            // Products of infinities and zeros are not numbers.
            let weight = if weight.is_nan() { 0.0 } else { weight.clamp(-MAX_WEIGHT, MAX_WEIGHT) as f32 };
            match pieces.last_mut() {
                _ if text.is_empty() => {}
                Some(Piece::Text { text: last, weight: same }) if *same == weight => last.push_str(&text),
                _ => pieces.push(Piece::Text { text, weight }),
            }
        }
        if pieces.is_empty() {
            pieces.push(Piece::Text { text: String::new(), weight: 1.0 });
        }
        pieces
    }
}

/// A number and a closing bracket behind a colon, white space between them allowed.
fn closing_weight(text: &str) -> Option<(f64, &str)> {
    let text = text.trim_start();
    let end = text.find(|c: char| !matches!(c, '+' | '-' | '.' | '0'..='9')).unwrap_or(text.len());
    let after = text[end..].trim_start().strip_prefix(')')?;
    let number: f64 = text[..end].parse().ok()?;
    Some((number, after))
}
