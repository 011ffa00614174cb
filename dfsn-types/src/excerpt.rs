//! Outside text inside error messages (rule ENC-08).

/// Characters of a text that an error repeats.
const EXCERPT_MAX: usize = 64;

/// The text, cut where an error message would get long: who sends a megabyte gets one line back.
pub(crate) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT_MAX) {
        None => text.to_owned(),
        Some((end, _)) => {
            let mut start = text.get(..end).unwrap_or_default().to_owned();
            start.push('…');
            start
        }
    }
}
