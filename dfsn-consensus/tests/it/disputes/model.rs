//! A small model in the exact profile: its networks, its file of weights, and what it computes.

#[path = "../../exact/shapes.rs"]
#[allow(dead_code, reason = "shared with the tests of the exact profile")]
mod shapes;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use dfsn_consensus::exact::{
    Architecture, Binding, Computation, ContestedState, Element, EvaluateError, InterpretError, Program,
    ProverError, TensorData, TensorId, Value, WeightForm, WeightId, WeightLayout, Weights, WholeTensors,
    WorkerBytes, evaluate_element, interpret,
};
use dfsn_types::{Boundary, BoundedVec, ExactRecord, FailedAt, GenerationParams, Hash};

pub(crate) struct Model {
    pub(crate) architecture: Architecture,
    pub(crate) layout: WeightLayout,
    /// The canonical file.
    pub(crate) file: Vec<u8>,
}

impl Model {
    pub(crate) fn new() -> Self {
        // Three doublings, from 16 to 128.
        let vae = shapes::vae(&[4, 4, 4, 8], 1, 2);
        let architecture = Architecture {
            text_encoders: vec![shapes::tiny_text_encoder()],
            unet: shapes::tiny_unet(),
            decoder: vae.clone(),
            encoder: vae,
            scheduler: shapes::scheduler(),
        };
        let layout = architecture.layout().unwrap();
        let file = file(&layout);
        Self { architecture, layout, file }
    }

    pub(crate) fn record(&self) -> ExactRecord {
        ExactRecord {
            weights_root: Hash::from_bytes(*blake3::hash(&self.file).as_bytes()),
            architecture: BoundedVec::new(self.architecture.to_bytes()).unwrap(),
        }
    }

    /// What a boundary of a request follows from.
    pub(crate) fn computation(&self, params: &GenerationParams, t: u16, given: usize) -> Computation {
        let (architecture, boundary) = (&self.architecture, Boundary { image: 0, t });
        ContestedState { architecture, params, vae_scale_factor: 8, boundary }.computation(given).unwrap()
    }

    pub(crate) fn weights<'a>(&'a self, program: &'a Program) -> File<'a> {
        File { program, layout: &self.layout, bytes: &self.file }
    }
}

/// Random weights of a sensible size.
fn file(layout: &WeightLayout) -> Vec<u8> {
    let mut file = vec![0; usize::try_from(layout.length()).unwrap()];
    blake3::Hasher::new().update(b"weights").finalize_xof().fill(&mut file);
    file[..64].copy_from_slice(&layout.header());
    for entry in layout.entries() {
        let mut fill = |range: Range<u64>, number: &mut dyn FnMut([u8; 4]) -> [u8; 4]| {
            for bytes in file[range.start as usize..range.end as usize].as_chunks_mut::<4>().0 {
                *bytes = number(*bytes);
            }
        };
        let small = |bytes: [u8; 4]| f32::from(i16::from_le_bytes([bytes[0], bytes[1]])) / 65_536.0;
        let is_gamma = entry.spec().name.ends_with("weight");
        match entry.spec().form {
            WeightForm::Quantised { width, .. } => {
                let scale = 1.0 / 8_191.0 / (width as f32).sqrt();
                fill(entry.scales(), &mut |_| scale.to_le_bytes());
                for bytes in
                    file[entry.values().start as usize..entry.values().end as usize].as_chunks_mut::<2>().0
                {
                    *bytes = (i16::from_le_bytes(*bytes) / 4).to_le_bytes();
                }
            }
            WeightForm::Plain { .. } => {
                let mean = if is_gamma { 1.0 } else { 0.0 };
                fill(entry.values(), &mut |bytes| (mean + small(bytes)).to_le_bytes());
            }
        }
    }
    file
}

/// The file's weights, as a program reads them.
pub(crate) struct File<'a> {
    program: &'a Program,
    layout: &'a WeightLayout,
    bytes: &'a [u8],
}

impl File<'_> {
    fn part(&self, range: Option<Range<u64>>) -> &[u8] {
        let range = range.expect("the program's weights are in the file");
        &self.bytes[range.start as usize..range.end as usize]
    }
}

impl Weights for File<'_> {
    fn quantised_row(&self, weight: WeightId, row: usize) -> Result<(Cow<'_, [i16]>, u32), EvaluateError> {
        let entry = self.layout.find(&self.program.weight(weight).unwrap().name).unwrap();
        let values =
            self.part(entry.row(row)).as_chunks::<2>().0.iter().map(|bytes| i16::from_le_bytes(*bytes));
        let scale = self.part(entry.scale(row)).first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        Ok((values.collect(), scale))
    }

    fn plain(
        &self,
        weight: WeightId,
        row: usize,
        range: Range<usize>,
    ) -> Result<Cow<'_, [u32]>, EvaluateError> {
        let entry = self.layout.find(&self.program.weight(weight).unwrap().name).unwrap();
        let bytes = self.part(entry.numbers(row, range)).as_chunks::<4>().0;
        Ok(bytes.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect())
    }
}

/// Tensors of a computation, call by call: all, or those before a number that is none.
#[derive(Clone)]
pub(crate) struct Tensors(pub(crate) Vec<BTreeMap<TensorId, TensorData>>);

/// What is done to numbers before others read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// One bit of a tensor of a call is turned over.
    Flip(usize, TensorId, usize),
    /// What is none becomes zero.
    Hide,
}

impl Tensors {
    /// Runs everything from the state before and what is given, up to a number that is none. What comes after a change is built
    /// upon it.
    pub(crate) fn compute(
        model: &Model,
        computation: &Computation,
        (before, given): (&TensorData, &[TensorData]),
        changed: Option<Change>,
    ) -> (Self, Option<FailedAt>) {
        let mut all: Vec<BTreeMap<TensorId, TensorData>> = Vec::new();
        for (index, call) in computation.calls().iter().enumerate() {
            let inputs: Vec<TensorData> = call
                .inputs
                .iter()
                .map(|binding| match binding {
                    Binding::Before => before.clone(),
                    Binding::Fixed(data) => data.clone(),
                    Binding::Output { call, position } => {
                        all[*call][&computation.calls()[*call].program.outputs()[*position]].clone()
                    }
                    Binding::Given(which) => given[*which].clone(),
                })
                .collect();
            let change = changed.filter(|change| match change {
                Change::Flip(call, ..) => *call == index,
                Change::Hide => true,
            });
            let (tensors, failed) = run(&call.program, &model.weights(&call.program), inputs, change);
            all.push(tensors);
            if let Some((op, element)) = failed {
                let (call, op, element) = (index as u8, op as u32, element as u64);
                return (Self(all), Some(FailedAt::Number { call, op, element }));
            }
        }
        (Self(all), None)
    }

    /// Leaves out what is not there before a failure.
    pub(crate) fn before(mut self, computation: &Computation, failed: FailedAt) -> Self {
        let exist = computation.exist_before(failed);
        for (call, tensors) in computation.calls().iter().zip(&mut self.0) {
            tensors.retain(|id, _| exist[call.first + id.index()]);
        }
        self
    }

    /// Zeros where there is no tensor.
    pub(crate) fn roots(&self, computation: &Computation) -> Vec<Hash> {
        let mut roots = vec![Hash::from_bytes([0; 32]); computation.tensors()];
        for (call, tensors) in computation.calls().iter().zip(&self.0) {
            for (id, data) in tensors {
                let spec = call.program.tensor(*id).unwrap();
                roots[call.first + id.index()] = Hash::from_bytes(data.root(spec));
            }
        }
        roots
    }

    /// Bytes of the state that the computation ends in.
    pub(crate) fn last(&self, computation: &Computation) -> Vec<u8> {
        let call = computation.calls().last().unwrap();
        self.0.last().unwrap()[&call.program.outputs()[0]].to_bytes()
    }
}

/// As the interpreter, with a change; an operation and its element where the program fails.
fn run(
    program: &Program,
    weights: &File<'_>,
    inputs: Vec<TensorData>,
    change: Option<Change>,
) -> (BTreeMap<TensorId, TensorData>, Option<(usize, usize)>) {
    let mut tensors: BTreeMap<TensorId, TensorData> =
        program.inputs().iter().copied().zip(inputs.iter().cloned()).collect();
    let Some(change) = change else {
        let ran = interpret::<f32>(program, weights, inputs, |id, data| {
            tensors.insert(id, data.clone());
        });
        let failed = ran.err().map(|error| match error {
            InterpretError::Element { op, output: 0, index, source: EvaluateError::NotFinite { .. } } => {
                (op, index)
            }
            error => panic!("{error}"),
        });
        return (tensors, failed);
    };
    for (op, operation) in program.ops().iter().enumerate() {
        for (output, tensor) in operation.outputs.iter().enumerate() {
            let spec = program.tensor(*tensor).unwrap();
            let source = Held { tensors: &tensors, weights };
            let value = |index| match evaluate_element::<f32>(program, op, output, index, &source) {
                Err(EvaluateError::NotFinite { .. }) if change == Change::Hide => zero(spec.element),
                value => value.unwrap(),
            };
            let mut data = collect((0..spec.len()).map(value));
            if let Change::Flip(_, id, element) = change
                && *tensor == id
            {
                flip(&mut data, element);
            }
            tensors.insert(*tensor, data);
        }
    }
    (tensors, None)
}

fn zero(element: Element) -> Value {
    match element {
        Element::F32 => Value::F32(0),
        Element::I16 => Value::I16(0),
        Element::I32 => Value::I32(0),
        Element::I64 => Value::I64(0),
    }
}

fn flip(data: &mut TensorData, element: usize) {
    match data {
        TensorData::F32(values) => values[element] ^= 1 << 20,
        TensorData::I16(values) => values[element] ^= 1 << 3,
        TensorData::I32(values) => values[element] ^= 1 << 20,
        TensorData::I64(values) => values[element] ^= 1 << 20,
    }
}

fn collect(values: impl Iterator<Item = Value>) -> TensorData {
    let values: Vec<Value> = values.collect();
    macro_rules! all {
        ($kind:ident) => {
            TensorData::$kind(
                values.iter().map(|value| if let Value::$kind(value) = value { *value } else { 0 }).collect(),
            )
        };
    }
    match values[0] {
        Value::F32(_) => all!(F32),
        Value::I16(_) => all!(I16),
        Value::I32(_) => all!(I32),
        Value::I64(_) => all!(I64),
    }
}

/// Tensors at hand, and the file.
pub(crate) struct Held<'a> {
    pub(crate) tensors: &'a BTreeMap<TensorId, TensorData>,
    pub(crate) weights: &'a File<'a>,
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

/// Bytes of a worker's tensors and of the file.
pub(crate) struct Bytes<'a> {
    pub(crate) tensors: &'a BTreeMap<TensorId, TensorData>,
    pub(crate) file: &'a [u8],
    pub(crate) layout: &'a WeightLayout,
}

impl WorkerBytes for Bytes<'_> {
    fn tensor(&self, tensor: TensorId, range: Range<u64>) -> Result<Vec<u8>, ProverError> {
        Ok(self.tensors[&tensor].to_bytes()[range.start as usize..range.end as usize].to_vec())
    }

    fn weights(&self, range: Range<u64>) -> Result<Vec<u8>, ProverError> {
        assert!(range.end <= self.layout.length());
        Ok(self.file[range.start as usize..range.end as usize].to_vec())
    }
}

/// Numbers that depend on what they are for alone.
pub(crate) fn numbers(what: &str, count: usize) -> TensorData {
    let mut bytes = vec![0; count];
    blake3::Hasher::new().update(what.as_bytes()).finalize_xof().fill(&mut bytes);
    TensorData::from_floats(&bytes.iter().map(|byte| f32::from(*byte) / 64.0 - 2.0).collect::<Vec<_>>())
}
