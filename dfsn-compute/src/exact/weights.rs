//! A model's weights in the form that the exact profile computes with.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use dfsn_consensus::exact::quantise::{Scale, max_bits, quantise_weight};
use dfsn_consensus::exact::{
    EvaluateError, LIMIT_ROW, LIMIT_WEIGHT, OpKind, Program, WeightForm, WeightId, WeightSpec, Weights,
};
use rayon::prelude::*;

use super::simd::{Kernels, PackedWeights, Threads, check_environment};
use super::{ExactError, ExactModel};
use crate::config::ModelConfig;
use crate::error::ComputeError;
use crate::weights::Networks;

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
        let programs = ExactModel::of(config)?.all()?;
        Self::of_networks(&Networks::open(config)?, &programs.iter().collect::<Vec<_>>())
    }

    pub(super) fn of_networks(networks: &Networks, programs: &[&Program]) -> Result<Self, ComputeError> {
        Ok(Self(read_all(networks, programs, Threads::Caller, |_, weight| Ok(weight))?))
    }

    /// The weights of a program among these, as the definition reads them.
    pub const fn of<'a>(&'a self, program: &'a Program) -> ProgramWeights<'a> {
        ProgramWeights { weights: self, program }
    }
}

/// Numbers that are read before they are worked on, by all cores at once.
const BATCH_NUMBERS: usize = 32 << 20;

/// Reads what some programs need, each parameter once, and makes something of each.
fn read_all<T: Send>(
    networks: &Networks,
    programs: &[&Program],
    threads: Threads<'_>,
    make: impl Fn(&WeightSpec, ExactWeight) -> Result<T, ExactError> + Sync,
) -> Result<HashMap<String, T>, ComputeError> {
    let mut all = HashMap::new();
    let mut seen = HashSet::new();
    let mut batch = Vec::new();
    let mut held = 0;
    let convert = |(spec, numbers): (&WeightSpec, Vec<f32>)| -> Result<(String, T), ExactError> {
        check_environment()?;
        Ok((spec.name.clone(), make(spec, ExactWeight::new(spec, numbers)?)?))
    };
    let mut work = |batch: &mut Vec<(&WeightSpec, Vec<f32>)>| -> Result<(), ComputeError> {
        let made: Result<Vec<_>, ExactError> = match threads {
            Threads::Pool(pool) => pool.install(|| batch.par_drain(..).map(convert).collect()),
            Threads::Caller => batch.drain(..).map(convert).collect(),
        };
        all.extend(made?);
        Ok(())
    };
    for spec in programs.iter().flat_map(|program| program.weights()) {
        if !seen.insert(spec.name.as_str()) {
            continue;
        }
        let numbers = read(networks, spec)?;
        held += numbers.len();
        batch.push((spec, numbers));
        if held > BATCH_NUMBERS {
            work(&mut batch)?;
            held = 0;
        }
    }
    work(&mut batch)?;
    Ok(all)
}

fn read(networks: &Networks, spec: &WeightSpec) -> Result<Vec<f32>, ComputeError> {
    let (part, name) = spec.name.split_once('.').unwrap_or_default();
    let network = match part {
        "text_encoder" => Some(&networks.text_encoder),
        "text_encoder_2" => networks.text_encoder_2.as_ref(),
        "unet" => Some(&networks.unet),
        _ => Some(&networks.vae),
    };
    let Some(network) = network else {
        return Err(ExactError::Unsupported { key: "tensor", value: spec.name.clone() }.into());
    };
    Ok(network.read(name, &file_shape(spec))?)
}

/// The shape that a file stores a parameter in.
fn file_shape(spec: &WeightSpec) -> Vec<usize> {
    match spec.form {
        WeightForm::Plain { rows: 1, width } => vec![width],
        WeightForm::Plain { rows, width } | WeightForm::Quantised { rows, width, taps: 1 } => {
            vec![rows, width]
        }
        WeightForm::Quantised { rows, width, taps } => {
            let side = taps.isqrt();
            vec![rows, width / taps, side, side]
        }
    }
}

/// A program's weights, for [`interpret`](dfsn_consensus::exact::interpret).
#[derive(Clone, Copy, Debug)]
pub struct ProgramWeights<'a> {
    weights: &'a ExactWeights,
    program: &'a Program,
}

impl ProgramWeights<'_> {
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
        let WeightForm::Plain { width, .. } = spec.form else { return Err(missing) };
        let values = values.get(row * width + start..row * width + end).ok_or(missing)?;
        Ok(values.iter().map(|value| value.to_bits()).collect())
    }
}

/// A parameter as kernels read it.
#[derive(Debug)]
pub(super) enum PreparedWeight {
    Packed { weights: PackedWeights, scales: Vec<f32> },
    Plain(Vec<f32>),
}

/// A model's parameters as kernels read them.
#[derive(Debug, Default)]
pub(super) struct PreparedWeights(HashMap<String, PreparedWeight>);

impl PreparedWeights {
    pub(super) fn load(
        networks: &Networks,
        programs: &[&Program],
        kernels: Kernels,
        threads: Threads<'_>,
    ) -> Result<Self, ComputeError> {
        let limits = input_limits(programs);
        let prepare = |spec: &WeightSpec, weight| match (weight, spec.form) {
            (ExactWeight::Quantised { values, scales }, WeightForm::Quantised { rows, width, .. }) => {
                let limit = limits.get(spec.name.as_str()).copied().unwrap_or(LIMIT_ROW);
                // Limits are below 2^15.
                let weights = PackedWeights::pack(kernels, &values, rows, width, limit as u16)?;
                Ok(PreparedWeight::Packed { weights, scales })
            }
            (ExactWeight::Quantised { .. }, WeightForm::Plain { .. }) => {
                Err(ExactError::Unsupported { key: "tensor", value: spec.name.clone() })
            }
            (ExactWeight::Plain(values), _) => Ok(PreparedWeight::Plain(values)),
        };
        Ok(Self(read_all(networks, programs, threads, prepare)?))
    }

    pub(super) fn get(&self, name: &str) -> Option<&PreparedWeight> {
        self.0.get(name)
    }
}

/// The limit of what each quantised parameter is multiplied with.
fn input_limits<'a>(programs: &[&'a Program]) -> HashMap<&'a str, i32> {
    let ops = programs.iter().flat_map(|program| program.ops().iter().map(move |op| (*program, op)));
    let limit = |(program, op): (&'a Program, &'a dfsn_consensus::exact::Op)| {
        let (weight, limit) = match op.kind {
            OpKind::Linear { weight, .. } => (weight, LIMIT_ROW),
            OpKind::Conv { weight, limit, .. } => (weight, limit),
            _ => return None,
        };
        Some((program.weight(weight)?.name.as_str(), limit))
    };
    let mut limits = HashMap::new();
    for (name, limit) in ops.filter_map(limit) {
        let most = limits.entry(name).or_insert(limit);
        *most = limit.max(*most);
    }
    limits
}
