//! Traces as files: what drawing some pictures went through, one JSON object a line (docs/trace-files.md).

use dfsn_types::{GenerationParams, ProfileRecord};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::image::Provenance;

/// A line of a trace file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case", deny_unknown_fields)]
pub enum TraceLine {
    /// A picture begins; the lines up to the next one are about it.
    Picture {
        /// Which of the run's pictures, counted from 0.
        image: u8,
        /// The profile it was drawn in.
        profile: ProfileRecord,
        /// Its request, if it is one that the network knows.
        dfsn: Option<Box<Provenance>>,
    },
    /// A boundary between steps: 0 is before the first, the last one the decoder's output.
    Boundary {
        /// The picture.
        image: u8,
        /// The boundary.
        t: u16,
        /// Canonical bytes.
        length: usize,
        /// Their BLAKE3, in hexadecimal digits.
        blake3: String,
        /// The bytes themselves, in hexadecimal digits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state: Option<String>,
    },
    /// A tensor of an op, on the way to boundary `t`.
    Tensor {
        /// The picture.
        image: u8,
        /// The boundary.
        t: u16,
        /// The network: `text_encoder`, `text_encoder_2`, `unet`, `decoder` or `encoder`.
        network: String,
        /// Calls of networks before this one in the run.
        call: u32,
        /// Which prompt or picture of the call: with guidance 0 is the negative prompt.
        prompt: usize,
        /// The op in the network's program.
        op: usize,
        /// The op's kind.
        kind: String,
        /// Which of the op's outputs.
        output: usize,
        /// The tensor's root (EXA-02), in hexadecimal digits.
        root: String,
    },
}

/// What a trace file tells of its pictures; lines about tensors are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceFile {
    /// The pictures, in the order of the run.
    pub pictures: Vec<TracedPicture>,
}

/// One picture of a trace file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedPicture {
    /// The profile it was drawn in.
    pub profile: ProfileRecord,
    /// Its request, if it is one that the network knows.
    pub provenance: Option<Provenance>,
    /// All boundaries.
    pub boundaries: Vec<TracedBoundary>,
}

/// One boundary of a trace file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedBoundary {
    /// BLAKE3 of the canonical bytes.
    pub hash: [u8; 32],
    /// The canonical bytes, if they are in the file; they have that hash.
    pub state: Option<Vec<u8>>,
}

/// Why a text is no trace.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TraceFileError {
    /// More bytes than any trace has.
    #[error("the trace has {0} bytes, at most {max} are read", max = TraceFile::MAX_BYTES)]
    TooLong(usize),
    /// A line that is none of a trace.
    #[error("line {line}: {reason}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// No line at all.
    #[error("the trace holds no picture")]
    Empty,
}

impl TraceLine {
    /// A boundary with its hash, and with its bytes if they are to be kept.
    pub fn boundary(image: u8, t: u16, bytes: &[u8], keep: bool) -> Self {
        let blake3 = blake3::hash(bytes).to_hex().to_string();
        Self::Boundary { image, t, length: bytes.len(), blake3, state: keep.then(|| hex::encode(bytes)) }
    }
}

impl TraceFile {
    /// Most bytes of a file that is read: a large picture's states fit.
    pub const MAX_BYTES: usize = 1 << 30;
    /// Most boundaries of a picture: those of all steps, and the decoder's output.
    const MAX_BOUNDARIES: usize = GenerationParams::MAX_STEPS as usize + 2;

    /// Reads the lines of a file.
    ///
    /// # Errors
    /// [`TraceFileError`], naming the line.
    pub fn from_json(text: &str) -> Result<Self, TraceFileError> {
        if text.len() > Self::MAX_BYTES {
            return Err(TraceFileError::TooLong(text.len()));
        }
        let mut pictures: Vec<TracedPicture> = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let wrong = |reason: String| TraceFileError::Line { line, reason };
            let read: TraceLine = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
            match read {
                TraceLine::Picture { profile, dfsn, .. } => {
                    if pictures.len() >= usize::from(GenerationParams::MAX_IMAGES) {
                        return Err(wrong(format!("more than {} pictures", GenerationParams::MAX_IMAGES)));
                    }
                    let provenance = dfsn.map(|dfsn| *dfsn);
                    pictures.push(TracedPicture { profile, provenance, boundaries: Vec::new() });
                }
                TraceLine::Boundary { t, length, blake3, state, .. } => {
                    let Some(picture) = pictures.last_mut() else {
                        return Err(wrong("a boundary before the first picture".to_owned()));
                    };
                    let expected = picture.boundaries.len();
                    if usize::from(t) != expected || expected >= Self::MAX_BOUNDARIES {
                        return Err(wrong(format!("boundary {t}, expected {expected}")));
                    }
                    picture.boundaries.push(boundary(length, &blake3, state).map_err(wrong)?);
                }
                TraceLine::Tensor { .. } => {}
            }
        }
        if pictures.is_empty() { Err(TraceFileError::Empty) } else { Ok(Self { pictures }) }
    }
}

fn boundary(length: usize, hash: &str, state: Option<String>) -> Result<TracedBoundary, String> {
    let hash = blake3::Hash::from_hex(hash).map_err(|error| format!("blake3: {error}"))?;
    let state =
        state.map(|state| hex::decode(state).map_err(|error| format!("state: {error}"))).transpose()?;
    if let Some(state) = &state {
        if state.len() != length {
            return Err(format!("its state has {} bytes, it tells of {length}", state.len()));
        }
        if blake3::hash(state) != hash {
            return Err("its state has another hash than it tells".to_owned());
        }
    }
    Ok(TracedBoundary { hash: *hash.as_bytes(), state })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> TraceLine {
        TraceLine::Picture { image: 0, profile: ProfileRecord::EXACT_V1, dfsn: None }
    }

    fn text(lines: &[TraceLine]) -> String {
        lines.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let tensor = TraceLine::Tensor {
            image: 0,
            t: 1,
            network: "unet".to_owned(),
            call: 3,
            prompt: 1,
            op: 9,
            kind: "Conv".to_owned(),
            output: 0,
            root: "00".repeat(32),
        };
        let lines = [
            picture(),
            TraceLine::boundary(0, 0, b"one", true),
            tensor,
            TraceLine::boundary(0, 1, b"two", false),
            picture(),
        ];
        let read = TraceFile::from_json(&text(&lines)).unwrap();
        assert_eq!(read.pictures.len(), 2);
        let [one, two] = &read.pictures[0].boundaries[..] else { panic!("{read:?}") };
        assert_eq!((one.state.as_deref(), &two.state), (Some(&b"one"[..]), &None));
        assert_eq!(two.hash, *blake3::hash(b"two").as_bytes());
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_line() {
        let state = |state: &str| TraceLine::Boundary {
            image: 0,
            t: 0,
            length: 3,
            blake3: blake3::hash(b"one").to_hex().to_string(),
            state: Some(state.to_owned()),
        };
        let five = [(); 5].map(|()| picture());
        for (text, expected) in [
            (String::new(), "no picture"),
            (text(&[TraceLine::boundary(0, 0, b"", false)]), "line 1: a boundary before the first picture"),
            (text(&[picture(), TraceLine::boundary(0, 1, b"", false)]), "line 2: boundary 1, expected 0"),
            (text(&[picture(), state(&hex::encode("two"))]), "another hash"),
            (text(&[picture(), state("6f6e")]), "has 2 bytes, it tells of 3"),
            (text(&[picture(), state("6")]), "state: "),
            (text(&five), "line 5: more than 4 pictures"),
            ("{\"line\":\"picture\"}".to_owned(), "missing field"),
            ("{\"line\":\"steps\"}".to_owned(), "unknown variant"),
            ("[".to_owned(), "line 1"),
        ] {
            let error = TraceFile::from_json(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
