//! Which element of an operation has no value, as the definition finds it (rule EXA-31).

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use dfsn_consensus::exact::{
    EvaluateError, Program, TensorData, TensorId, WeightId, Weights, WholeTensors, first_failure,
};

use super::Held;
use super::weights::{TorchWeight, TorchWeights};

/// The least element without a value of an op that was refused; nothing if the device cannot be read.
pub(super) fn element(
    program: &Program,
    op: usize,
    held: &[Option<Held>],
    weights: &TorchWeights,
) -> Option<u64> {
    let mut inputs = HashMap::new();
    for id in &program.ops().get(op)?.inputs {
        inputs.insert(*id, held.get(id.index())?.as_ref()?.download().ok()?);
    }
    let source = Downloaded { program, inputs, weights, plain: RefCell::default() };
    first_failure::<f32>(program, op, &source).ok()?.map(|element| element as u64)
}

/// What one op reads, on the host.
struct Downloaded<'a> {
    program: &'a Program,
    inputs: HashMap<TensorId, TensorData>,
    weights: &'a TorchWeights,
    plain: RefCell<HashMap<WeightId, Vec<u32>>>,
}

impl WholeTensors for Downloaded<'_> {
    fn whole(&self, tensor: TensorId) -> Option<&TensorData> {
        self.inputs.get(&tensor)
    }
}

impl Weights for Downloaded<'_> {
    /// Sums of products are integers: no op with a quantised parameter refuses a number before it is written.
    fn quantised_row(&self, weight: WeightId, row: usize) -> Result<(Cow<'_, [i16]>, u32), EvaluateError> {
        Err(EvaluateError::Missing { what: "weight", id: weight.index() as u32, start: row, end: row })
    }

    fn plain(
        &self,
        weight: WeightId,
        row: usize,
        range: Range<usize>,
    ) -> Result<Cow<'_, [u32]>, EvaluateError> {
        let Range { start, end } = range;
        let missing = EvaluateError::Missing { what: "weight", id: weight.index() as u32, start, end };
        let spec = self.program.weight(weight).ok_or(missing)?;
        let mut plain = self.plain.borrow_mut();
        if let Entry::Vacant(place) = plain.entry(weight) {
            let Some(TorchWeight::Plain(array)) = self.weights.get(&spec.name) else { return Err(missing) };
            let values = array.to_vec().map_err(|_| missing)?;
            place.insert(values.into_iter().map(f32::to_bits).collect());
        }
        let first = row * spec.form.width();
        let values = plain.get(&weight).and_then(|values| values.get(first + start..first + end));
        Ok(Cow::Owned(values.ok_or(missing)?.to_vec()))
    }
}
