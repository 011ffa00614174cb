//! Weights as kernels read them.

use std::collections::HashMap;

use dfsn_consensus::exact::{LIMIT_ROW, Op, OpKind, Program, WeightForm, WeightLayout, WeightSpec};

use super::ExactWeight;
use super::source::{self, WeightSource};
use crate::error::ComputeError;
use crate::exact::ExactError;
use crate::exact::simd::{Kernels, PackedWeights, Threads};

/// A parameter as kernels read it.
#[derive(Debug)]
pub(in crate::exact) enum PreparedWeight {
    Packed { weights: PackedWeights, scales: Vec<f32> },
    Plain(Vec<f32>),
}

/// A model's parameters as kernels read them.
#[derive(Debug, Default)]
pub(in crate::exact) struct PreparedWeights(HashMap<String, PreparedWeight>);

impl PreparedWeights {
    pub(in crate::exact) fn load(
        source: &mut impl WeightSource,
        layout: &WeightLayout,
        programs: &[Program],
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
        let mut all = HashMap::new();
        source::each(source, layout, threads, prepare, |entry, weight| {
            all.insert(entry.spec().name.clone(), weight);
            Ok(())
        })?;
        Ok(Self(all))
    }

    pub(in crate::exact) fn get(&self, name: &str) -> Option<&PreparedWeight> {
        self.0.get(name)
    }
}

/// The limit of what each quantised parameter is multiplied with.
fn input_limits(programs: &[Program]) -> HashMap<&str, i32> {
    let ops = programs.iter().flat_map(|program| program.ops().iter().map(move |op| (program, op)));
    let mut limits = HashMap::new();
    for (name, limit) in ops.filter_map(|(program, op)| input_limit(program, op)) {
        let most = limits.entry(name).or_insert(limit);
        *most = limit.max(*most);
    }
    limits
}

fn input_limit<'a>(program: &'a Program, op: &Op) -> Option<(&'a str, i32)> {
    let (weight, limit) = match op.kind {
        OpKind::Linear { weight, .. } => (weight, LIMIT_ROW),
        OpKind::Conv { weight, limit, .. } => (weight, limit),
        _ => return None,
    };
    Some((program.weight(weight)?.name.as_str(), limit))
}
