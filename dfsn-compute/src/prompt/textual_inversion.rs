//! Textual inversion: vectors that were trained to stand for a word (Gal et al. 2022).

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use thiserror::Error;

/// A word and the vectors that it stands for, for each text encoder that has some.
#[derive(Clone, Debug, PartialEq)]
pub struct TextualInversion {
    name: String,
    /// By encoder, then vector.
    vectors: Vec<Vec<Vec<f32>>>,
}

/// A file that is no textual inversion of this crate.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TextualInversionError {
    /// The file is missing or unreadable.
    #[error("cannot read {file}: {source}")]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Longer than the most vectors take.
    #[error("textual inversion {name:?} is over {max} bytes")]
    TooLarge {
        /// Its name.
        name: String,
        /// The limit.
        max: u64,
    },
    /// A name that nothing in a prompt could be.
    #[error("a textual inversion's name must have 1 to {max} bytes, this one has {length}", max = TextualInversion::MAX_NAME)]
    Name {
        /// Its length in bytes.
        length: usize,
    },
    /// Not safetensors.
    #[error("textual inversion {name:?} is no safetensors file: {reason}")]
    Format {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// None of the known layouts.
    #[error(
        "textual inversion {name:?} has tensors {found:?}, known are \"emb_params\", \"clip_l\" with \"clip_g\", or a single one"
    )]
    Layout {
        /// Its name.
        name: String,
        /// Names of its tensors, the first few.
        found: Vec<String>,
    },
    /// Vectors of a shape or type that is none.
    #[error("textual inversion {name:?}: tensor {tensor:?} is {dtype} {shape:?}, must be [width] or [1 to {max}, width] of F32, F16 or BF16", max = TextualInversion::MAX_VECTORS)]
    Shape {
        /// Its name.
        name: String,
        /// The tensor.
        tensor: String,
        /// Its type.
        dtype: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// More vectors for one text encoder than for the other.
    #[error(
        "textual inversion {name:?} has {counts:?} vectors for the text encoders, must be as many for each"
    )]
    Uneven {
        /// Its name.
        name: String,
        /// Vectors for each encoder.
        counts: Vec<usize>,
    },
    /// A NaN or an infinity.
    #[error("textual inversion {name:?}: tensor {tensor:?} holds numbers that are not finite")]
    NotFinite {
        /// Its name.
        name: String,
        /// The tensor.
        tensor: String,
    },
    /// Not made for the model.
    #[error(
        "textual inversion {name:?} has vectors of widths {found:?}, the model's text encoders have {expected:?}"
    )]
    Width {
        /// Its name.
        name: String,
        /// Widths of its vectors.
        found: Vec<usize>,
        /// Widths of the encoders.
        expected: Vec<usize>,
    },
    /// A name that another one has.
    #[error("there is a textual inversion {0:?} already")]
    Twice(String),
}

impl TextualInversion {
    /// The most vectors for each encoder: those that fit into a chunk.
    pub const MAX_VECTORS: usize = 75;
    /// The longest name in bytes.
    pub const MAX_NAME: usize = 64;
    /// Both encoders of Stable Diffusion XL with the most vectors in f32, and a header.
    const MAX_BYTES: u64 = 1 << 20;

    /// Reads a safetensors file. Its name without extension calls it in a prompt, or the word that diffusers stored.
    ///
    /// # Errors
    /// [`TextualInversionError`], naming the file or the tensor.
    pub fn load(path: &Path) -> Result<Self, TextualInversionError> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let fail = |source| TextualInversionError::Read { file: path.to_owned(), source };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(fail)?;
        file.take(Self::MAX_BYTES + 1).read_to_end(&mut bytes).map_err(fail)?;
        Self::from_bytes(&name, &bytes)
    }

    /// Reads a safetensors file that is in memory. Known layouts are those of the AUTOMATIC1111 web UI
    /// (`emb_params`), of Stable Diffusion XL (`clip_l` and `clip_g`) and of diffusers (one tensor, whose name is the
    /// word and counts instead of `name`).
    ///
    /// # Errors
    /// [`TextualInversionError`], naming the tensor.
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self, TextualInversionError> {
        check_name(name)?;
        let name = name.to_owned();
        if bytes.len() as u64 > Self::MAX_BYTES {
            return Err(TextualInversionError::TooLarge { name, max: Self::MAX_BYTES });
        }
        let file = match SafeTensors::deserialize(bytes) {
            Ok(file) => file,
            Err(error) => return Err(TextualInversionError::Format { name, reason: error.to_string() }),
        };
        let mut names: Vec<String> = file.names().into_iter().map(str::to_owned).collect();
        names.sort();
        let encoders: Vec<&str> = match names.as_slice() {
            _ if names.iter().any(|name| name == "emb_params") => vec!["emb_params"],
            [g, l] if g == "clip_g" && l == "clip_l" => vec!["clip_l", "clip_g"],
            [one] => vec![one],
            _ => {
                names.truncate(4);
                return Err(TextualInversionError::Layout { name, found: names });
            }
        };
        // diffusers calls the tensor by the word.
        let name = if encoders == ["emb_params"] || encoders.len() > 1 { name } else { names[0].clone() };
        check_name(&name)?;
        let read = |tensor: &&str| {
            let view = file.tensor(tensor).map_err(|error| TextualInversionError::Format {
                name: name.clone(),
                reason: error.to_string(),
            })?;
            vectors(&name, tensor, &view)
        };
        let vectors: Vec<Vec<Vec<f32>>> = encoders.iter().map(read).collect::<Result<_, _>>()?;
        let counts: Vec<usize> = vectors.iter().map(Vec::len).collect();
        if counts.iter().any(|&count| count != counts[0]) {
            return Err(TextualInversionError::Uneven { name, counts });
        }
        Ok(Self { name, vectors })
    }

    /// What calls it in a prompt.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Positions that it takes in a chunk.
    pub fn num_vectors(&self) -> usize {
        self.vectors.first().map_or(0, Vec::len)
    }

    /// Vector `vector` for encoder `encoder`, if it has one.
    pub fn vector(&self, encoder: usize, vector: usize) -> Option<&[f32]> {
        self.vectors.get(encoder)?.get(vector).map(Vec::as_slice)
    }

    /// Checks that it was made for text encoders of these widths.
    ///
    /// # Errors
    /// [`TextualInversionError::Width`].
    pub fn check_widths(&self, expected: &[usize]) -> Result<(), TextualInversionError> {
        let found: Vec<usize> =
            self.vectors.iter().map(|vectors| vectors.first().map_or(0, Vec::len)).collect();
        if found == expected {
            return Ok(());
        }
        Err(TextualInversionError::Width { name: self.name.clone(), found, expected: expected.to_vec() })
    }
}

fn check_name(name: &str) -> Result<(), TextualInversionError> {
    match (1..=TextualInversion::MAX_NAME).contains(&name.len()) {
        true => Ok(()),
        false => Err(TextualInversionError::Name { length: name.len() }),
    }
}

fn vectors(name: &str, tensor: &str, view: &TensorView<'_>) -> Result<Vec<Vec<f32>>, TextualInversionError> {
    let bad_shape = || TextualInversionError::Shape {
        name: name.to_owned(),
        tensor: tensor.to_owned(),
        dtype: format!("{:?}", view.dtype()),
        shape: view.shape().to_vec(),
    };
    let (count, width) = match *view.shape() {
        [width] => (1, width),
        [count, width] => (count, width),
        _ => return Err(bad_shape()),
    };
    if !(1..=TextualInversion::MAX_VECTORS).contains(&count) || width == 0 {
        return Err(bad_shape());
    }
    let numbers: Vec<f32> = match view.dtype() {
        Dtype::F32 => view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        Dtype::F16 => {
            view.data().as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect()
        }
        Dtype::BF16 => {
            view.data().as_chunks().0.iter().map(|bytes| bf16::from_le_bytes(*bytes).to_f32()).collect()
        }
        _ => return Err(bad_shape()),
    };
    if numbers.iter().any(|number| !number.is_finite()) {
        return Err(TextualInversionError::NotFinite { name: name.to_owned(), tensor: tensor.to_owned() });
    }
    Ok(numbers.chunks_exact(width).map(<[f32]>::to_vec).collect())
}
