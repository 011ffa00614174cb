//! What a contested state follows from: programs one after the other, and where their inputs come from (chapter 15 of the
//! specification).

use dfsn_types::{GenerationParams, Hash, SLICE_BYTES_MAX, TENSORS_MAX, TraceShape, node_chunks};
use thiserror::Error;

use super::config::Architecture;
use super::data::{TensorData, tensor_root};
use super::networks::decoder;
use super::networks::step::{self, ImageSize};
use super::program::{Program, ProgramError};
use super::tensor::TensorSpec;

/// How a state of the trace follows from the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Computation {
    calls: Vec<Call>,
    /// Tensors of all calls.
    tensors: usize,
    /// Inputs that arithmetic does not derive.
    given: usize,
}

/// One program of a computation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What is computed.
    pub program: Program,
    /// Place of its first tensor among all.
    pub first: usize,
    /// Where its inputs come from, in their order.
    pub inputs: Vec<Binding>,
}

/// Where an input of a program comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binding {
    /// The state before.
    Before,
    /// What the request says.
    Fixed(TensorData),
    /// An output of an earlier call.
    Output {
        /// Which call.
        call: usize,
        /// Which of its outputs.
        position: usize,
    },
    /// What the worker says it is, and jurors judge: for example embeddings of the text.
    Given(usize),
}

/// Roots that do not fit a computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RootsError {
    /// Another number of tensors.
    #[error("{actual} roots where the computation has {expected} tensors")]
    Count {
        /// Roots given.
        actual: usize,
        /// Tensors.
        expected: usize,
    },
    /// An input that is not what it should be.
    #[error("input {input} of call {call} is not what it follows from")]
    Input {
        /// The call.
        call: usize,
        /// Which of its inputs.
        input: usize,
    },
    /// A last tensor that is not the committed state.
    #[error("the computation does not end in the committed state")]
    After,
}

impl Computation {
    /// The decoder's output from the last state's latents.
    ///
    /// # Errors
    /// [`ProgramError`] where a network has no program for this size.
    pub fn decode(
        architecture: &Architecture,
        latent_height: usize,
        latent_width: usize,
    ) -> Result<Self, ProgramError> {
        let vae = &architecture.decoder;
        let latents = ImageSize { channels: vae.latent_channels, height: latent_height, width: latent_width };
        let pixels = step::decoder_input(latents)?;
        let network = decoder(vae, latent_height, latent_width)?;
        let &[height, width, channels] = output_dims(&network) else {
            return Err(ProgramError::Size(output_dims(&network).to_vec()));
        };
        let planes = step::decoded(ImageSize { channels, height, width })?;
        Self::of([
            (pixels, vec![Binding::Before]),
            (network, vec![Binding::Output { call: 0, position: 0 }]),
            (planes, vec![Binding::Output { call: 1, position: 0 }]),
        ])
    }

    /// What the state at boundary `t` follows from; nothing where no arithmetic tells, and jurors judge.
    ///
    /// # Errors
    /// [`ProgramError`] where a network has no program for this size.
    pub fn at(
        architecture: &Architecture,
        params: &GenerationParams,
        vae_scale_factor: u8,
        t: u16,
    ) -> Result<Option<Self>, ProgramError> {
        let side = |pixels: u16| usize::from(pixels).checked_div(vae_scale_factor.into()).unwrap_or(0);
        let (height, width) = (side(params.size().height()), side(params.size().width()));
        if t == TraceShape::of(params).decoded() {
            let computation = Self::decode(architecture, height, width)?;
            return Ok(Some(computation).filter(Self::can_be_searched));
        }
        Ok(None)
    }

    fn of(calls: impl IntoIterator<Item = (Program, Vec<Binding>)>) -> Result<Self, ProgramError> {
        let mut all = Self { calls: Vec::new(), tensors: 0, given: 0 };
        for (program, inputs) in calls {
            let first = all.tensors;
            all.tensors = first.saturating_add(program.tensors().len());
            let given = inputs.iter().filter(|input| matches!(input, Binding::Given(_))).count();
            all.given = all.given.saturating_add(given);
            all.calls.push(Call { program, first, inputs });
        }
        if all.tensors > TENSORS_MAX { Err(ProgramError::TooLong) } else { Ok(all) }
    }

    /// Whether every tensor is one piece, or has a level by which the piece that differs is found (rule ARI-01).
    fn can_be_searched(&self) -> bool {
        let tensors = self.calls.iter().flat_map(|call| call.program.tensors());
        let bytes = |spec: &TensorSpec| spec.bytes();
        tensors.map(bytes).all(|bytes| bytes <= SLICE_BYTES_MAX as u64 || node_chunks(bytes).is_some())
    }

    /// The programs.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// Tensors of all programs.
    pub const fn tensors(&self) -> usize {
        self.tensors
    }

    /// Inputs that arithmetic does not derive.
    pub const fn given(&self) -> usize {
        self.given
    }

    /// The tensor at a place of the list.
    pub fn tensor(&self, place: usize) -> Option<&TensorSpec> {
        let after = self.calls.partition_point(|call| call.first <= place);
        let call = self.calls.get(after.checked_sub(1)?)?;
        call.program.tensors().get(place.checked_sub(call.first)?)
    }

    /// The tensor that holds the contested state.
    pub fn last(&self) -> Option<usize> {
        let call = self.calls.last()?;
        call.first.checked_add(call.program.outputs().first()?.index())
    }

    /// Checks that inputs and the end are what they should be (rule ARI-04). `before` and `after` are hashes of states.
    ///
    /// # Errors
    /// [`RootsError`].
    pub fn check_roots(
        &self,
        roots: &[Hash],
        before: Option<&Hash>,
        given: &[Hash],
        after: &Hash,
    ) -> Result<(), RootsError> {
        let (actual, expected) = (roots.len(), self.tensors);
        if actual != expected {
            return Err(RootsError::Count { actual, expected });
        }
        for (index, call) in self.calls.iter().enumerate() {
            for (input, (binding, id)) in call.inputs.iter().zip(call.program.inputs()).enumerate() {
                let error = RootsError::Input { call: index, input };
                let spec = call.program.tensor(*id).ok_or(error)?;
                let expected = match binding {
                    Binding::Before => before.map(|hash| tensor_root(spec, hash)),
                    Binding::Fixed(data) => Some(tensor_root(spec, &data.hash())),
                    Binding::Given(which) => given.get(*which).copied(),
                    Binding::Output { call, position } => {
                        self.output(*call, *position).and_then(|place| roots.get(place).copied())
                    }
                };
                let place = call.first.saturating_add(id.index());
                if expected.is_none() || roots.get(place) != expected.as_ref() {
                    return Err(error);
                }
            }
        }
        let last = self.last().ok_or(RootsError::After)?;
        let spec = self.tensor(last).ok_or(RootsError::After)?;
        if roots.get(last) == Some(&tensor_root(spec, after)) { Ok(()) } else { Err(RootsError::After) }
    }

    fn output(&self, call: usize, position: usize) -> Option<usize> {
        let call = self.calls.get(call)?;
        call.first.checked_add(call.program.outputs().get(position)?.index())
    }
}

fn output_dims(program: &Program) -> &[usize] {
    program.outputs().first().and_then(|id| program.tensor(*id)).map_or(&[], |spec| &spec.dims)
}
