//! All tensors of a program, committed to as a worker would.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use dfsn_consensus::exact::{
    Claim, Element, EvaluateError, Extent, Finding, Op, Program, ProofError, ProverError, TensorData,
    TensorId, Value, WeightForm, WeightId, WeightPlace, WeightPlaces, Weights, WholeTensors, WorkerBytes,
    evaluate_element, interpret, open_output, prove_element,
};
use dfsn_types::{ElementProof, Hash};

use crate::random::RandomWeights;

/// Roots before the program's in the list.
const BEFORE: usize = 3;

#[derive(Clone)]
pub(crate) struct Committed<'a> {
    program: &'a Program,
    tensors: BTreeMap<TensorId, TensorData>,
    places: Places,
    weights: Vec<u8>,
    list: Vec<Hash>,
}

/// Parameters one after the other.
#[derive(Clone, Default)]
pub(crate) struct Places {
    places: BTreeMap<String, WeightPlace>,
    len: u64,
}

impl WeightPlaces for Places {
    fn place(&self, name: &str) -> Option<WeightPlace> {
        self.places.get(name).copied()
    }

    fn len(&self) -> u64 {
        self.len
    }
}

impl<'a> Committed<'a> {
    /// Runs the program.
    pub(crate) fn compute(program: &'a Program, inputs: Vec<TensorData>) -> Self {
        let mut tensors: BTreeMap<TensorId, TensorData> =
            program.inputs().iter().copied().zip(inputs.iter().cloned()).collect();
        interpret::<f32>(program, &RandomWeights(program), inputs, |id, data| {
            tensors.insert(id, data.clone());
        })
        .unwrap();
        Self::of(program, tensors, program.ops())
    }

    /// Of some tensors; the others have roots that nobody can open. Weights are those of `ops`.
    pub(crate) fn of(program: &'a Program, tensors: BTreeMap<TensorId, TensorData>, ops: &[Op]) -> Self {
        let (places, weights) = file(program, ops);
        let mut committed = Self { program, tensors, places, weights, list: vec![] };
        committed.commit();
        committed
    }

    fn commit(&mut self) {
        let specs = self.program.tensors().iter().enumerate();
        let by_index: BTreeMap<usize, &TensorData> =
            self.tensors.iter().map(|(id, data)| (id.index(), data)).collect();
        let hidden = |index: usize| Hash::from_bytes([index as u8; 32]);
        let own = specs.map(|(index, spec)| {
            by_index.get(&index).map_or_else(|| hidden(index), |data| Hash::from_bytes(data.root(spec)))
        });
        self.list = (0..BEFORE).map(hidden).chain(own).chain([hidden(1)]).collect();
    }

    pub(crate) fn with_tensor(&self, id: TensorId, data: TensorData) -> Self {
        let mut changed = self.clone();
        changed.tensors.insert(id, data);
        changed.commit();
        changed
    }

    pub(crate) fn with_value(&self, id: TensorId, element: usize, value: Value) -> Self {
        let mut data = self.tensors[&id].clone();
        match (&mut data, value) {
            (TensorData::F32(values), Value::F32(value)) => values[element] = value,
            (TensorData::I16(values), Value::I16(value)) => values[element] = value,
            (TensorData::I32(values), Value::I32(value)) => values[element] = value,
            (TensorData::I64(values), Value::I64(value)) => values[element] = value,
            (data, value) => panic!("{value:?} in a tensor of {:?}", data.element()),
        }
        self.with_tensor(id, data)
    }

    pub(crate) fn with_flipped_bit(&self, id: TensorId, element: usize, bit: usize) -> Self {
        let mut data = self.tensors[&id].clone();
        match &mut data {
            TensorData::F32(values) => values[element] ^= 1 << bit,
            TensorData::I16(values) => values[element] ^= 1 << (bit % 16),
            TensorData::I32(values) => values[element] ^= 1 << bit,
            TensorData::I64(values) => values[element] ^= 1 << bit,
        }
        self.with_tensor(id, data)
    }

    /// An output as it follows from the other tensors.
    pub(crate) fn recomputed(&self, op: usize, output: usize) -> TensorData {
        let id = self.program.ops()[op].outputs[output];
        let len = self.program.tensor(id).unwrap().len();
        let values = (0..len).map(|index| {
            evaluate_element::<f32>(self.program, op, output, index, &self.source()).expect("a value")
        });
        match self.program.tensor(id).unwrap().element {
            Element::I32 => TensorData::I32(
                values.map(|value| if let Value::I32(key) = value { key } else { 0 }).collect(),
            ),
            other => panic!("{other:?} is not needed here"),
        }
    }

    pub(crate) fn source(&self) -> Held<'_> {
        Held { tensors: &self.tensors, weights: RandomWeights(self.program) }
    }

    pub(crate) fn claim(&self) -> Claim<'_, Places> {
        let mut list = blake3::Hasher::new();
        self.list.iter().for_each(|root| {
            list.update(root.as_bytes());
        });
        Claim {
            program: self.program,
            first: BEFORE,
            count: self.list.len(),
            roots: Hash::from_bytes(*list.finalize().as_bytes()),
            weights_root: Hash::from_bytes(*blake3::hash(&self.weights).as_bytes()),
            places: &self.places,
            extent: Extent::Whole,
        }
    }

    pub(crate) fn prove(&self, op: usize, output: usize, element: usize) -> ElementProof {
        let claim = self.claim();
        let id = self.program.ops()[op].outputs[output];
        let opened = Some(open_output(&claim, id, element, self).unwrap());
        let place = (2, op as u32, output as u8, element as u64);
        prove_element(&claim, place, &self.source(), self, opened, &self.list).unwrap()
    }

    pub(crate) fn check(&self, proof: &ElementProof) -> Result<Finding, ProofError> {
        self.claim().check(proof)
    }
}

/// The file of the weights that some ops read.
fn file(program: &Program, ops: &[Op]) -> (Places, Vec<u8>) {
    let (random, mut places, mut bytes) = (RandomWeights(program), Places::default(), Vec::new());
    for (index, spec) in program.weights().iter().enumerate() {
        let Some(id) = weight_id(ops, index) else { continue };
        bytes.resize(bytes.len().next_multiple_of(64), 0);
        let values = bytes.len() as u64;
        let scales = match spec.form {
            WeightForm::Quantised { rows, .. } => {
                let rows: Vec<_> = (0..rows).map(|row| random.quantised_row(id, row).unwrap()).collect();
                rows.iter()
                    .for_each(|(row, _)| bytes.extend(row.iter().flat_map(|value| value.to_le_bytes())));
                bytes.resize(bytes.len().next_multiple_of(64), 0);
                let scales = bytes.len() as u64;
                rows.iter().for_each(|(_, scale)| bytes.extend(scale.to_le_bytes()));
                Some(scales)
            }
            WeightForm::Plain { rows, width } => {
                for row in 0..rows {
                    let row = random.plain(id, row, 0..width).unwrap();
                    bytes.extend(row.iter().flat_map(|value| value.to_le_bytes()));
                }
                None
            }
        };
        places.places.insert(spec.name.clone(), WeightPlace { values, scales });
    }
    if bytes.is_empty() {
        bytes.push(0);
    }
    places.len = bytes.len() as u64;
    (places, bytes)
}

/// The id of a weight, if some op reads it.
fn weight_id(ops: &[Op], index: usize) -> Option<WeightId> {
    use dfsn_consensus::exact::OpKind;
    let of = |kind: &OpKind| -> Vec<WeightId> {
        match kind {
            OpKind::Embed { tokens, positions } => vec![*tokens, *positions],
            OpKind::LayerNorm(affine, _)
            | OpKind::LayerNormQuant(affine, _)
            | OpKind::NormBound(affine)
            | OpKind::NormQuantImage(affine)
            | OpKind::NormQuantRow(affine) => vec![affine.gamma, affine.beta],
            OpKind::Linear { weight, bias } => [*weight].into_iter().chain(*bias).collect(),
            OpKind::Conv { weight, bias, .. } => vec![*weight, *bias],
            _ => vec![],
        }
    };
    ops.iter().flat_map(|op| of(&op.kind)).find(|id| id.index() == index)
}

impl WorkerBytes for Committed<'_> {
    fn tensor(&self, tensor: TensorId, range: Range<u64>) -> Result<Vec<u8>, ProverError> {
        let data = &self.tensors[&tensor];
        let (start, end) = (range.start as usize, range.end as usize);
        let size = data.element().size();
        // Pieces begin and end between elements.
        let (first, last) = (start / size, end / size);
        Ok(match data {
            TensorData::F32(values) => TensorData::F32(values[first..last].to_vec()),
            TensorData::I16(values) => TensorData::I16(values[first..last].to_vec()),
            TensorData::I32(values) => TensorData::I32(values[first..last].to_vec()),
            TensorData::I64(values) => TensorData::I64(values[first..last].to_vec()),
        }
        .to_bytes())
    }

    fn weights(&self, range: Range<u64>) -> Result<Vec<u8>, ProverError> {
        Ok(self.weights[range.start as usize..range.end as usize].to_vec())
    }
}

/// Tensors at hand, and weights.
pub(crate) struct Held<'a> {
    tensors: &'a BTreeMap<TensorId, TensorData>,
    weights: RandomWeights<'a>,
}

impl WholeTensors for Held<'_> {
    fn whole(&self, tensor: TensorId) -> Option<&TensorData> {
        self.tensors.get(&tensor)
    }
}

impl Weights for Held<'_> {
    fn quantised_row(&self, weight: WeightId, row: usize) -> Result<(Cow<'_, [i16]>, u32), EvaluateError> {
        self.weights.quantised_row(weight, row)
    }

    fn plain(
        &self,
        weight: WeightId,
        row: usize,
        range: Range<usize>,
    ) -> Result<Cow<'_, [u32]>, EvaluateError> {
        self.weights.plain(weight, row, range)
    }
}
