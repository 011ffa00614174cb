//! Where each parameter of a model lies in its canonical file.
//!
//! The file's BLAKE3 hash is the model's `weights_root`: at once the checksum of a download and what an opening of one
//! row, one scale or one number is checked against (spec chapter 14). Offsets follow from the networks' shapes alone.

use std::ops::Range;

use borsh::BorshSerialize;
use thiserror::Error;

use super::config::{TextEncoderShape, UNetShape, VaeShape};
use super::networks::{decoder, encoder, text_encoder, unet};
use super::program::{Program, ProgramError};
use super::tensor::{WeightForm, WeightSpec};

/// Folders of the text encoders, with which the names of their parameters begin.
pub const TEXT_PARTS: [&str; 2] = ["text_encoder", "text_encoder_2"];

/// How the file begins; the rest of 32 bytes is zero, and 32 bytes of [`WeightLayout::hash`] follow.
pub const WEIGHTS_MAGIC: &[u8; 21] = b"dfsn exact-v1 weights";
/// Bytes before the first part.
pub const WEIGHTS_HEADER: u64 = 64;
/// Every part begins at a multiple of this.
const ALIGNMENT: u64 = 64;
/// The longest file, beyond any model.
const LENGTH_MAX: u64 = 1 << 40;

/// The place of every parameter of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightLayout {
    /// In ascending order of their names, which is the order in the file.
    entries: Vec<WeightEntry>,
    hash: [u8; 32],
    length: u64,
}

/// One parameter in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightEntry {
    spec: WeightSpec,
    values: Range<u64>,
    scales: Range<u64>,
}

/// Why a model has no canonical file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// A network has no program.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// More text encoders than any model has.
    #[error("{0} text encoders, at most 2 have names")]
    TextEncoders(usize),
    /// Two networks need one parameter in two forms.
    #[error("parameter {0:?} is needed in two forms")]
    Conflict(String),
    /// A file that is longer than any model's.
    #[error("the parameters take more than {LENGTH_MAX} bytes")]
    Length,
}

/// The smallest programs of a model's networks, which together name all its parameters.
///
/// # Errors
/// [`LayoutError::Program`], [`LayoutError::TextEncoders`].
pub fn smallest_programs(
    text_encoders: &[TextEncoderShape],
    unet_shape: &UNetShape,
    decoder_shape: &VaeShape,
    encoder_shape: &VaeShape,
) -> Result<Vec<Program>, LayoutError> {
    if text_encoders.len() > TEXT_PARTS.len() {
        return Err(LayoutError::TextEncoders(text_encoders.len()));
    }
    let halvings = u32::try_from(encoder_shape.channels.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let side = 1_usize.checked_shl(halvings).unwrap_or(0);
    let mut programs = Vec::new();
    for (shape, part) in text_encoders.iter().zip(TEXT_PARTS) {
        // A layer that the model leaves out belongs to the model all the same.
        let shape = TextEncoderShape { penultimate: false, ..*shape };
        programs.push(text_encoder(&shape, part, 1, 0)?);
    }
    programs.push(unet(unet_shape, side, side, 1)?);
    programs.push(decoder(decoder_shape, 1, 1)?);
    programs.push(encoder(encoder_shape, side, side)?);
    Ok(programs)
}

impl WeightLayout {
    /// The layout of all parameters that some programs name, whatever the sizes of their pictures.
    ///
    /// # Errors
    /// [`LayoutError::Conflict`], [`LayoutError::Length`].
    pub fn new<'a>(programs: impl IntoIterator<Item = &'a Program>) -> Result<Self, LayoutError> {
        let mut specs: Vec<&WeightSpec> = programs.into_iter().flat_map(Program::weights).collect();
        specs.sort_by(|a, b| a.name.cmp(&b.name));
        specs.dedup();
        let twice = specs.iter().zip(specs.iter().skip(1)).find(|(a, b)| a.name == b.name);
        if let Some((spec, _)) = twice {
            return Err(LayoutError::Conflict(spec.name.clone()));
        }
        let mut end = WEIGHTS_HEADER;
        let mut place = |rows: usize, bytes: usize| {
            let start = end.checked_next_multiple_of(ALIGNMENT)?;
            let bytes = (rows as u64).checked_mul(bytes as u64)?;
            end = start.checked_add(bytes).filter(|end| *end <= LENGTH_MAX)?;
            Some(start..end)
        };
        let mut entries = Vec::with_capacity(specs.len());
        for spec in &specs {
            let row = row_bytes(spec.form).ok_or(LayoutError::Length)?;
            let values = place(spec.form.rows(), row).ok_or(LayoutError::Length)?;
            let scales = match spec.form {
                WeightForm::Quantised { rows, .. } => place(rows, 4).ok_or(LayoutError::Length)?,
                WeightForm::Plain { .. } => values.end..values.end,
            };
            entries.push(WeightEntry { spec: (*spec).clone(), values, scales });
        }
        let mut hasher = blake3::Hasher::new_derive_key("dfsn exact-v1 weights layout");
        // Writing to a hasher cannot fail.
        let _ = specs.serialize(&mut hasher);
        Ok(Self { entries, hash: *hasher.finalize().as_bytes(), length: end })
    }

    /// The layout of a model.
    ///
    /// # Errors
    /// [`LayoutError`].
    pub fn of_model(
        text_encoders: &[TextEncoderShape],
        unet: &UNetShape,
        decoder: &VaeShape,
        encoder: &VaeShape,
    ) -> Result<Self, LayoutError> {
        Self::new(&smallest_programs(text_encoders, unet, decoder, encoder)?)
    }

    /// All parameters in the order of the file.
    pub fn entries(&self) -> &[WeightEntry] {
        &self.entries
    }

    /// The place of a parameter.
    pub fn find(&self, name: &str) -> Option<&WeightEntry> {
        let found = self.entries.binary_search_by(|entry| entry.spec.name.as_str().cmp(name)).ok()?;
        self.entries.get(found)
    }

    /// Bytes of the file.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// `BLAKE3 derive_key("dfsn exact-v1 weights layout")` over the canonical borsh of all specs in their order.
    pub const fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// The first bytes of the file.
    pub fn header(&self) -> [u8; WEIGHTS_HEADER as usize] {
        let mut header = [0; WEIGHTS_HEADER as usize];
        let (magic, hash) = header.split_at_mut(32);
        magic.iter_mut().zip(WEIGHTS_MAGIC).for_each(|(to, from)| *to = *from);
        hash.copy_from_slice(&self.hash);
        header
    }
}

impl WeightEntry {
    /// Name and form.
    pub const fn spec(&self) -> &WeightSpec {
        &self.spec
    }

    /// Bytes of all values: i16 of a quantised parameter, else f32; little-endian, row by row.
    pub fn values(&self) -> Range<u64> {
        self.values.clone()
    }

    /// Bytes of the scales of a quantised parameter, one f32 a row; else none.
    pub fn scales(&self) -> Range<u64> {
        self.scales.clone()
    }

    /// Bytes of one row's values.
    pub fn row(&self, row: usize) -> Option<Range<u64>> {
        self.numbers(row, 0..self.spec.form.width())
    }

    /// Bytes of some values of one row.
    pub fn numbers(&self, row: usize, numbers: Range<usize>) -> Option<Range<u64>> {
        let (rows, width) = (self.spec.form.rows(), self.spec.form.width());
        if row >= rows || numbers.start > numbers.end || numbers.end > width {
            return None;
        }
        let size = number_bytes(self.spec.form);
        let first = row.checked_mul(width)?;
        let at = |number: usize| {
            let bytes = first.checked_add(number)?.checked_mul(size)?;
            self.values.start.checked_add(bytes as u64)
        };
        Some(at(numbers.start)?..at(numbers.end)?)
    }

    /// Bytes of one row's scale.
    pub fn scale(&self, row: usize) -> Option<Range<u64>> {
        let start = self.scales.start.checked_add((row as u64).checked_mul(4)?)?;
        let end = start.checked_add(4)?;
        (end <= self.scales.end).then_some(start..end)
    }
}

const fn number_bytes(form: WeightForm) -> usize {
    match form {
        WeightForm::Quantised { .. } => 2,
        WeightForm::Plain { .. } => 4,
    }
}

fn row_bytes(form: WeightForm) -> Option<usize> {
    form.width().checked_mul(number_bytes(form))
}
