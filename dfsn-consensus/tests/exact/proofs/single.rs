//! One operation with plausible inputs: enough to prove one of its numbers wrong.

use std::collections::BTreeMap;

use dfsn_consensus::exact::quantise::sort_key;
use dfsn_consensus::exact::{Element, Op, OpKind, Program, TensorData, TensorSpec};
use dfsn_types::ElementProof;

use super::committed::Committed;
use crate::random::normals;

pub(crate) fn kind(op: &Op) -> String {
    let name = format!("{:?}", op.kind);
    name.split([' ', '(']).next().unwrap_or_default().to_owned()
}

/// What one element depends on, about.
fn weight_of(program: &Program, op: &Op) -> usize {
    let spec = |position: usize| op.inputs.get(position).and_then(|id| program.tensor(*id));
    match &op.kind {
        OpKind::Conv { window, .. } => spec(0).map_or(0, TensorSpec::width) * window.kernel * window.kernel,
        OpKind::Attention { .. } => spec(2).map_or(0, TensorSpec::len),
        OpKind::GroupStats { count, .. } => *count,
        _ => spec(0).map_or(0, TensorSpec::width),
    }
}

/// Plausible numbers for an input.
fn numbers(spec: &TensorSpec, is_max: bool, op: &OpKind, position: usize) -> TensorData {
    let drawn = || normals("large", spec.len());
    let limit = match op {
        OpKind::Conv { limit, .. } => *limit,
        OpKind::Attention { .. } | OpKind::Scores if position < 3 => 8_191,
        OpKind::Attention { .. } | OpKind::Attend => 4_095,
        _ => 16_383,
    };
    match spec.element {
        Element::F32 if is_max => {
            TensorData::F32(drawn().iter().map(|x| (1.0 + x.abs()).to_bits()).collect())
        }
        Element::F32 => TensorData::from_floats(&drawn()),
        Element::I16 => TensorData::I16(
            drawn()
                .iter()
                .map(|x| (x * limit as f32 / 4.0).clamp(-limit as f32, limit as f32) as i16)
                .collect(),
        ),
        Element::I32 if matches!(op, OpKind::Embed { .. }) => TensorData::I32(vec![49_000; spec.len()]),
        Element::I32 if matches!(op, OpKind::Attend) => {
            TensorData::I32(drawn().iter().map(|x| (x * 1e8) as i32).collect())
        }
        Element::I32 => TensorData::I32(drawn().iter().map(|x| sort_key(x.to_bits())).collect()),
        // A sum and a sum of squares, in turn.
        Element::I64 => {
            let pairs = drawn().into_iter().enumerate();
            let sum = |(at, x): (usize, f32)| if at % 2 == 0 { x * 1e6 } else { (1.0 + x.abs()) * 1e12 };
            TensorData::I64(pairs.map(sum).map(|sum| sum as i64).collect())
        }
    }
}

/// The operation of each kind whose elements depend on most.
pub(crate) fn largest(program: &Program) -> BTreeMap<String, usize> {
    let mut largest: BTreeMap<String, usize> = BTreeMap::new();
    for (index, op) in program.ops().iter().enumerate() {
        // What a worker would hash in seconds takes a test too much memory.
        let elements = op.inputs.iter().chain(&op.outputs).map(|id| program.tensor(*id).unwrap().len());
        if elements.max().unwrap_or(0) > 1 << 26 {
            continue;
        }
        let found = largest.entry(kind(op)).or_insert(index);
        if weight_of(program, op) > weight_of(program, &program.ops()[*found]) {
            *found = index;
        }
    }
    largest
}

/// A worker whose output is all zeros, and the proof that its last number does not follow.
pub(crate) fn contradiction(program: &Program, op: usize, output: usize) -> (Committed<'_>, ElementProof) {
    let operation = &program.ops()[op];
    let inputs = operation.inputs.iter().enumerate().map(|(position, id)| {
        let spec = program.tensor(*id).unwrap();
        let is_max = spec.dims.len() == 1;
        (*id, numbers(spec, is_max, &operation.kind, position))
    });
    let mut tensors: BTreeMap<_, _> = inputs.collect();
    let id = operation.outputs[output];
    let spec = program.tensor(id).unwrap();
    let blank = match spec.element {
        Element::F32 => TensorData::F32(vec![0; spec.len()]),
        Element::I16 => TensorData::I16(vec![0; spec.len()]),
        Element::I32 => TensorData::I32(vec![0; spec.len()]),
        Element::I64 => TensorData::I64(vec![0; spec.len()]),
    };
    tensors.insert(id, blank);
    let cheat = Committed::of(program, tensors, std::slice::from_ref(operation));
    let proof = cheat.prove(op, output, spec.len() - 1);
    (cheat, proof)
}
