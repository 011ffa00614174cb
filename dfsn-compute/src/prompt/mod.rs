//! From a prompt's text to chunks of weighted tokens, and from their embeddings to weighted ones.
//!
//! The syntax is [`parse`]'s. Tokens are put into chunks of as many as a text encoder takes, each with begin and
//! end; the UNet is given the chunks' embeddings one after the other. Every text has a meaning, and the same text
//! has the same meaning in every request.

mod chunk;
mod parse;
mod textual_inversion;
mod weight;

pub use chunk::{Chunk, MAX_CHUNKS, Replacement, Triggers, chunks};
pub use parse::{MAX_WEIGHT, Piece, parse};
pub use textual_inversion::{TextualInversion, TextualInversionError};
pub use weight::apply_weights;
