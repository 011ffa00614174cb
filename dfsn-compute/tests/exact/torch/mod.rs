//! The backend on libtorch: every operation against the definition, one by one, and whole pictures.

mod networks;
mod ops;

use dfsn_compute::exact::torch::TorchEngine;
use dfsn_compute::exact::{ExactError, ExactWeight, ExactWeights};
use dfsn_compute::torch::{DeviceChoice, TorchOptions};
use dfsn_consensus::exact::{
    Element, EvaluateError, InterpretError, OpKind, Program, TensorData, TensorSpec, WeightForm, WeightId,
    WeightSpec, interpret,
};

/// The CPU; `DFSN_TEST_DEVICE=cuda` is for machines that have one.
pub(crate) fn device() -> DeviceChoice {
    match std::env::var("DFSN_TEST_DEVICE").as_deref() {
        Ok("cuda") => DeviceChoice::Cuda(0),
        _ => DeviceChoice::Cpu,
    }
}

fn options() -> TorchOptions {
    TorchOptions { device: device(), ..TorchOptions::default() }
}

thread_local! {
    static ENGINE: TorchEngine = TorchEngine::new(options(), &ExactWeights::default()).unwrap();
}

/// An input.
type Given = (TensorSpec, TensorData);

/// One operation and all it reads.
struct Case {
    inputs: Vec<Given>,
    weights: Vec<(WeightForm, ExactWeight)>,
    outputs: Vec<TensorSpec>,
}

fn spec(element: Element, dims: &[usize]) -> TensorSpec {
    TensorSpec { element, dims: dims.to_vec() }
}

/// A tensor given in full.
fn given(data: &TensorData, dims: &[usize]) -> Given {
    (spec(data.element(), dims), data.clone())
}

fn floats(x: &[f32], dims: &[usize]) -> Given {
    let bits = x.iter().map(|x| x.to_bits()).collect();
    (spec(Element::F32, dims), TensorData::F32(bits))
}

fn plain(values: &[f32], rows: usize) -> (WeightForm, ExactWeight) {
    let form = WeightForm::Plain { rows, width: values.len() / rows };
    (form, ExactWeight::Plain(values.to_vec()))
}

fn quantised(values: &[i16], scales: &[f32], taps: usize) -> (WeightForm, ExactWeight) {
    let (rows, width) = (scales.len(), values.len() / scales.len());
    let weight = ExactWeight::Quantised { values: values.to_vec(), scales: scales.to_vec() };
    (WeightForm::Quantised { rows, width, taps }, weight)
}

impl Case {
    fn new(inputs: &[&Given], outputs: &[(Element, &[usize])]) -> Self {
        let outputs = outputs.iter().map(|(element, dims)| spec(*element, dims)).collect();
        Self { inputs: inputs.iter().map(|input| (*input).clone()).collect(), weights: Vec::new(), outputs }
    }

    fn with(self, weights: &[(WeightForm, ExactWeight)]) -> Self {
        Self { weights: weights.to_vec(), ..self }
    }

    /// The outputs, which libtorch and the definition agree on; `None` if they agree that a number is not finite.
    fn run(self, kind: impl FnOnce(&[WeightId]) -> OpKind) -> Option<Vec<TensorData>> {
        let named: Vec<(WeightSpec, ExactWeight)> = (0..)
            .zip(self.weights)
            .map(|(at, (form, weight)): (usize, _)| (WeightSpec { name: at.to_string(), form }, weight))
            .collect();
        let specs: Vec<TensorSpec> = self.inputs.iter().map(|(spec, _)| spec.clone()).collect();
        let inputs: Vec<TensorData> = self.inputs.into_iter().map(|(_, data)| data).collect();
        let weight_specs = named.iter().map(|(spec, _)| spec.clone()).collect();
        let program = Program::of_one(kind, &specs, weight_specs, &self.outputs).unwrap();
        let weights: ExactWeights = named.into_iter().map(|(spec, weight)| (spec.name, weight)).collect();

        let defined = interpret::<f32>(&program, &weights.of(&program), inputs.clone(), |_, _| {});
        let engine = ENGINE.with(|engine| engine.with(&weights).unwrap());
        let found = engine.run(&program, &inputs, &[], None);
        let what = || format!("{:?} of {specs:?}", program.ops()[0].kind);
        match (defined, found) {
            (Ok(defined), Ok(found)) => {
                assert!(defined == found, "{}:\n{defined:?}\n{found:?}", what());
                Some(found)
            }
            (
                Err(InterpretError::Element { source: EvaluateError::NotFinite { .. }, .. }),
                Err(ExactError::NotFinite { op: 0, .. }),
            ) => None,
            (defined, found) => panic!("{}: {defined:?}, {found:?}", what()),
        }
    }

    /// The only output.
    fn one(self, kind: impl FnOnce(&[WeightId]) -> OpKind) -> TensorData {
        self.run(kind).expect("a finite result").swap_remove(0)
    }
}
