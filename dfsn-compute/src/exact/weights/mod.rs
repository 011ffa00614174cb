//! A model's weights in the form that the exact profile computes with.

mod adapted;
mod cache;
mod canonical;
mod file;
mod prepared;
mod source;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use dfsn_consensus::exact::quantise::{Scale, max_bits, quantise_weight};
use dfsn_consensus::exact::{
    EvaluateError, LIMIT_WEIGHT, Program, WeightForm, WeightId, WeightLayout, WeightSpec, Weights,
};

use super::simd::Threads;
use super::{ExactError, ExactModel};
use crate::config::ModelConfig;
use crate::error::ComputeError;
use crate::weights::Networks;

pub(super) use adapted::Adapted;
pub use cache::{WeightsCache, WeightsOrigin};
pub use canonical::{CanonicalError, write_weights};
pub use file::WeightsFile;
pub(super) use prepared::{PreparedWeight, PreparedWeights};
#[cfg(feature = "torch")]
pub(super) use source::each;
pub(super) use source::{Quantising, WeightSource};

/// One parameter, quantised or as it is.
#[derive(Clone, Debug, PartialEq)]
pub enum ExactWeight {
    /// Rows of integers, each with its scale.
    Quantised {
        /// `[rows][width]`, at most 8191 in magnitude.
        values: Vec<i16>,
        /// `[rows]`.
        scales: Vec<f32>,
    },
    /// `[rows][width]`.
    Plain(Vec<f32>),
}

impl ExactWeight {
    /// Quantises numbers in the order of the file as `form` asks: each row by its own scale, `q = rne(RN64(w / s))` with
    /// `s = RN32(max |w| / 8191)`, and kernels from `[out][in][taps]` to `[out][taps][in]`.
    ///
    /// # Errors
    /// [`ExactError::Weight`] for a NaN or an infinity.
    pub fn new(spec: &WeightSpec, numbers: Vec<f32>) -> Result<Self, ExactError> {
        if let Some(value) = numbers.iter().find(|number| !number.is_finite()) {
            return Err(ExactError::Weight { tensor: spec.name.clone(), value: *value });
        }
        let WeightForm::Quantised { rows, width, taps } = spec.form else { return Ok(Self::Plain(numbers)) };
        let channels = width / taps.max(1);
        let mut values = vec![0; rows * width];
        let mut scales = vec![0.0; rows];
        let targets = values.chunks_exact_mut(width.max(1)).zip(&mut scales);
        for ((values, scale), numbers) in targets.zip(numbers.chunks_exact(width.max(1))) {
            let row = Scale::<f32>::of(max_bits(numbers.iter().copied()), LIMIT_WEIGHT.unsigned_abs());
            *scale = row.s;
            for (place, value) in values.iter_mut().enumerate() {
                *value = quantise_weight(numbers[place % channels * taps + place / channels], &row);
            }
        }
        Ok(Self::Quantised { values, scales })
    }
}

/// A model's parameters by their names in programs.
#[derive(Clone, Debug, Default)]
pub struct ExactWeights(HashMap<String, ExactWeight>);

impl ExactWeights {
    /// Reads and quantises all of a model's parameters.
    ///
    /// # Errors
    /// [`ComputeError::Weights`], naming the file and the tensor; [`ComputeError::Exact`] for what has no exact form.
    pub fn load(config: &ModelConfig) -> Result<Self, ComputeError> {
        let layout = ExactModel::of(config)?.layout()?;
        Self::of_source(&mut Quantising::new(&Networks::open(config)?), &layout)
    }

    pub(super) fn of_source(
        source: &mut impl WeightSource,
        layout: &WeightLayout,
    ) -> Result<Self, ComputeError> {
        let mut all = HashMap::new();
        let make = |_: &WeightSpec, weight| Ok(weight);
        source::each(source, layout, Threads::Caller, make, |entry, weight| {
            all.insert(entry.spec().name.clone(), weight);
            Ok(())
        })?;
        Ok(Self(all))
    }

    /// All parameters and their names in programs.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &ExactWeight)> {
        self.0.iter()
    }

    /// A parameter by its name in programs.
    pub fn get(&self, name: &str) -> Option<&ExactWeight> {
        self.0.get(name)
    }

    /// The weights of a program among these, as the definition reads them.
    pub const fn of<'a>(&'a self, program: &'a Program) -> ProgramWeights<'a> {
        ProgramWeights { weights: self, program, added: &[] }
    }
}

impl FromIterator<(String, ExactWeight)> for ExactWeights {
    fn from_iter<I: IntoIterator<Item = (String, ExactWeight)>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}

/// A program's weights, for [`interpret`](dfsn_consensus::exact::interpret).
#[derive(Clone, Copy, Debug)]
pub struct ProgramWeights<'a> {
    weights: &'a ExactWeights,
    program: &'a Program,
    /// Rows that follow those of the token table.
    added: &'a [f32],
}

/// How a text encoder's table of tokens is named.
const TOKEN_TABLE: &str = ".token_embedding.weight";

impl<'a> ProgramWeights<'a> {
    /// With rows that follow those of a text encoder's token table (textual inversion).
    #[must_use]
    pub const fn with_tokens(self, added: &'a [f32]) -> Self {
        Self { added, ..self }
    }

    fn find(&self, weight: WeightId) -> Option<(&WeightSpec, &ExactWeight)> {
        let spec = self.program.weight(weight)?;
        Some((spec, self.weights.0.get(&spec.name)?))
    }
}

impl Weights for ProgramWeights<'_> {
    fn quantised_row(&self, weight: WeightId, row: usize) -> Result<(Cow<'_, [i16]>, u32), EvaluateError> {
        let missing =
            EvaluateError::Missing { what: "weight", id: weight.index() as u32, start: row, end: row };
        let Some((spec, ExactWeight::Quantised { values, scales })) = self.find(weight) else {
            return Err(missing);
        };
        let WeightForm::Quantised { width, .. } = spec.form else { return Err(missing) };
        let values = values.get(row * width..(row + 1) * width).ok_or(missing)?;
        Ok((Cow::Borrowed(values), scales.get(row).ok_or(missing)?.to_bits()))
    }

    fn plain(
        &self,
        weight: WeightId,
        row: usize,
        range: Range<usize>,
    ) -> Result<Cow<'_, [u32]>, EvaluateError> {
        let Range { start, end } = range;
        let missing = EvaluateError::Missing { what: "weight", id: weight.index() as u32, start, end };
        let Some((spec, ExactWeight::Plain(values))) = self.find(weight) else { return Err(missing) };
        let WeightForm::Plain { rows, width } = spec.form else { return Err(missing) };
        let (values, row) = match row.checked_sub(rows) {
            Some(beyond) if spec.name.ends_with(TOKEN_TABLE) => (self.added, beyond),
            _ => (values.as_slice(), row),
        };
        let values = values.get(row * width + start..row * width + end).ok_or(missing)?;
        Ok(values.iter().map(|value| value.to_bits()).collect())
    }
}
