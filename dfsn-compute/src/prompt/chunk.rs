//! Tokens of a prompt in chunks that a text encoder takes.

use super::{Piece, TextualInversion, parse};
use crate::tokenizer::Tokenizer;

/// The most chunks of a prompt; what follows is cut.
pub const MAX_CHUNKS: usize = dfsn_consensus::exact::TEXT_CHUNKS_MAX;
/// How far back a comma may be for the words behind it to move to the next chunk together.
const COMMA_REACH: usize = 20;
/// Stands for a token whose embedding is replaced; the least id, since the greatest one marks the end.
const PLACEHOLDER: u32 = 0;

/// One chunk: begin, tokens, end, padding; as long as the tokenizer's `model_max_length`.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    /// Token ids.
    pub ids: Vec<u32>,
    /// How strong each one is; begin, end and padding have 1.
    pub weights: Vec<f32>,
    /// Tokens that stand for a vector of a textual inversion.
    pub replaced: Vec<Replacement>,
}

/// A token that stands for a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// Its place in the chunk.
    pub position: usize,
    /// The textual inversion, by its place in the list.
    pub inversion: usize,
    /// Which of its vectors.
    pub vector: usize,
}

/// The tokens that textual inversions are called by.
#[derive(Clone, Debug, Default)]
pub struct Triggers(Vec<Trigger>);

#[derive(Clone, Debug)]
struct Trigger {
    tokens: Vec<u32>,
    inversion: usize,
    vectors: usize,
}

impl Triggers {
    /// Those of a list of textual inversions. Of two names that begin alike the longer one is looked for first.
    pub fn new(tokenizer: &Tokenizer, inversions: &[TextualInversion]) -> Self {
        let mut triggers: Vec<Trigger> = inversions
            .iter()
            .enumerate()
            .map(|(inversion, embedding)| Trigger {
                tokens: tokenizer.tokenize(embedding.name()),
                inversion,
                vectors: embedding.num_vectors(),
            })
            .filter(|trigger| !trigger.tokens.is_empty() && trigger.vectors > 0)
            .collect();
        triggers.sort_by_key(|trigger| usize::MAX - trigger.tokens.len());
        Self(triggers)
    }

    fn find(&self, tokens: &[u32]) -> Option<&Trigger> {
        self.0.iter().find(|trigger| tokens.starts_with(&trigger.tokens))
    }
}

/// Reads a prompt and puts its tokens into chunks, at least one and at most [`MAX_CHUNKS`]. Gives the chunks and the
/// number of tokens that were cut.
///
/// A chunk that is full is left at its last comma, if that is no more than 20 tokens back.
pub fn chunks(tokenizer: &Tokenizer, triggers: &Triggers, prompt: &str) -> (Vec<Chunk>, usize) {
    let mut filling = Filling::new(tokenizer);
    for piece in parse(prompt) {
        let Piece::Text { text, weight } = piece else {
            filling.finish();
            continue;
        };
        let tokens = tokenizer.tokenize(&text);
        let mut rest = tokens.as_slice();
        while let [id, after @ ..] = rest {
            rest = match triggers.find(rest).filter(|trigger| trigger.vectors <= filling.capacity) {
                Some(trigger) => {
                    filling.push_vectors(trigger, weight);
                    &rest[trigger.tokens.len()..]
                }
                None => {
                    filling.push_token(*id, weight);
                    after
                }
            };
        }
    }
    filling.close()
}

/// A token in a chunk that is being filled.
#[derive(Clone, Copy, Debug)]
struct Slot {
    id: u32,
    weight: f32,
    /// Textual inversion and vector.
    vector: Option<(usize, usize)>,
}

#[derive(Debug)]
struct Filling<'a> {
    tokenizer: &'a Tokenizer,
    /// Tokens of a chunk besides begin and end.
    capacity: usize,
    comma: Option<u32>,
    done: Vec<Vec<Slot>>,
    current: Vec<Slot>,
    last_comma: Option<usize>,
}

impl<'a> Filling<'a> {
    fn new(tokenizer: &'a Tokenizer) -> Self {
        Self {
            tokenizer,
            // A tokenizer's length is at least 3.
            capacity: tokenizer.max_length().saturating_sub(2).max(1),
            comma: tokenizer.comma(),
            done: Vec::new(),
            current: Vec::new(),
            last_comma: None,
        }
    }

    fn push_token(&mut self, id: u32, weight: f32) {
        if Some(id) == self.comma {
            self.last_comma = Some(self.current.len());
        } else if self.current.len() == self.capacity {
            let comma = self.last_comma.filter(|comma| self.capacity - comma <= COMMA_REACH);
            let behind = comma.map(|comma| self.current.split_off(comma + 1));
            self.finish();
            self.current = behind.unwrap_or_default();
        }
        if self.current.len() == self.capacity {
            self.finish();
        }
        self.current.push(Slot { id, weight, vector: None });
    }

    /// The vectors of a textual inversion stay together.
    fn push_vectors(&mut self, trigger: &Trigger, weight: f32) {
        if self.current.len() + trigger.vectors > self.capacity {
            self.finish();
        }
        let slot = |vector| Slot { id: PLACEHOLDER, weight, vector: Some((trigger.inversion, vector)) };
        self.current.extend((0..trigger.vectors).map(slot));
    }

    fn finish(&mut self) {
        self.done.push(std::mem::take(&mut self.current));
        self.last_comma = None;
    }

    fn close(mut self) -> (Vec<Chunk>, usize) {
        if !self.current.is_empty() || self.done.is_empty() {
            self.finish();
        }
        let cut = self.done.iter().skip(MAX_CHUNKS).map(Vec::len).sum();
        let chunks = self.done.iter().take(MAX_CHUNKS).map(|slots| self.chunk(slots)).collect();
        (chunks, cut)
    }

    fn chunk(&self, slots: &[Slot]) -> Chunk {
        let length = self.capacity + 2;
        let mut ids = vec![self.tokenizer.bos()];
        ids.extend(slots.iter().map(|slot| slot.id));
        ids.push(self.tokenizer.eos());
        ids.resize(length, self.tokenizer.pad());
        let mut weights = vec![1.0];
        weights.extend(slots.iter().map(|slot| slot.weight));
        weights.resize(length, 1.0);
        let replaced = slots
            .iter()
            .enumerate()
            .filter_map(|(index, slot)| {
                let (inversion, vector) = slot.vector?;
                Some(Replacement { position: index + 1, inversion, vector })
            })
            .collect();
        Chunk { ids, weights, replaced }
    }
}
