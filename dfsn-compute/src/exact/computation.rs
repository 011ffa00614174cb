//! Running the computation behind one boundary, program after program.

use dfsn_consensus::exact::{Binding, Computation, TensorData};
use dfsn_types::FailedAt;

use super::{ExactBackend, ExactError};

/// Runs all programs from a state and given inputs, up to the number that is none if there is one (rule EXA-31). `observe` is shown
/// every tensor with its place in the list.
pub(crate) fn run(
    backend: &ExactBackend,
    computation: &Computation,
    before: &TensorData,
    given: &[TensorData],
    observe: &mut dyn FnMut(usize, &TensorData),
) -> Result<Option<FailedAt>, ExactError> {
    let mut outputs: Vec<Vec<TensorData>> = Vec::new();
    for (index, call) in computation.calls().iter().enumerate() {
        let missing = |what| ExactError::Inconsistent { op: 0, what };
        let mut inputs = Vec::with_capacity(call.inputs.len());
        for binding in &call.inputs {
            inputs.push(match binding {
                Binding::Before => before.clone(),
                Binding::Fixed(data) => data.clone(),
                Binding::Output { call, position } => outputs
                    .get(*call)
                    .and_then(|outputs| outputs.get(*position))
                    .cloned()
                    .ok_or_else(|| missing("output of an earlier program"))?,
                Binding::Given(which) => {
                    given.get(*which).cloned().ok_or_else(|| missing("input that is given"))?
                }
            });
        }
        let first = call.first;
        let ran = backend.observe(&call.program, inputs, &mut |id, data| observe(first + id.index(), data));
        match ran {
            Ok(ran) => outputs.push(ran),
            Err(ExactError::NotFinite { op, element: Some(element) }) => {
                // A computation has a few programs, and a program fewer than 2^16 operations.
                return Ok(Some(FailedAt::Number { call: index as u8, op: op as u32, element }));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
