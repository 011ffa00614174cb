//! What surrounds the networks in a job: the state that a picture begins with, the UNet's input, the step of the
//! scheduler, the decoder's input and output.
//!
//! States are `[channel][row][column]`, as a trace commits to them; networks read and write `[row][column][channel]`.

use super::super::expression::{Expression, Node};
use super::super::noise::{NOISE_BLOCK, draws};
use super::super::op::OpKind;
use super::super::program::{Builder, Program, ProgramError};
use super::super::scheduler::{Evaluation, Schedule, guidance};
use super::super::tensor::{Element, TensorId};

/// The most numbers that a generator gives before and for one tensor of noise.
const DRAWS_MAX: usize = 1 << 22;

/// The size of a picture or of its latents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageSize {
    /// Channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// Where noise of unit variance comes from: a generator's seed, and how many of its numbers are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoiseSource {
    /// The seed.
    pub seed: u32,
    /// Numbers of the generator that were drawn before.
    pub offset: usize,
}

/// The state before the first step. Input: with `has_image` the latents of the picture to start from. Output: the state.
///
/// # Errors
/// [`ProgramError`] for sizes that have no exact form.
pub fn initial_state(
    schedule: &Schedule,
    size: ImageSize,
    noise: NoiseSource,
    has_image: bool,
) -> Result<Program, ProgramError> {
    let mut builder = Builder::new("step");
    let b = &mut builder;
    let first = schedule.evaluations().first().filter(|_| has_image);
    let state = match first {
        Some(first) => {
            let image = b.input(Element::F32, &size.planes())?;
            let noise = b.noise(size, noise)?;
            b.elementwise(&first.add_noise, &[image, noise])?
        }
        None => {
            let noise = b.noise(size, noise)?;
            b.elementwise(schedule.begin(), &[noise])?
        }
    };
    builder.finish(vec![state])
}

/// The UNet's input. Inputs: the latents before an evaluation, and with `shown` so many channels beside them: mask and
/// masked picture, planes, too. Output: f32 `[row][column][channel]`.
///
/// # Errors
/// [`ProgramError`] for sizes that have no exact form.
pub fn model_input(
    evaluation: &Evaluation,
    size: ImageSize,
    shown: Option<usize>,
) -> Result<Program, ProgramError> {
    let mut builder = Builder::new("step");
    let b = &mut builder;
    let latents = b.input(Element::F32, &size.planes())?;
    let scaled = b.elementwise(&evaluation.model_input, &[latents])?;
    let mut sample = b.pixels(scaled, size)?;
    if let Some(channels) = shown {
        let beside = ImageSize { channels, ..size };
        let planes = b.input(Element::F32, &beside.planes())?;
        let pixels = b.pixels(planes, beside)?;
        let dims = [size.height, size.width, size.channels.saturating_add(channels)];
        sample = b.push(OpKind::Concat, &[sample, pixels], Element::F32, &dims)?;
    }
    builder.finish(vec![sample])
}

/// What follows an evaluation. Inputs: the latents before it, each entry of the history from the oldest, and the UNet's
/// outputs: with guidance (bits of its scale) that for the negative prompt and that for the prompt, without it the
/// latter. Outputs: the next latents and history. `noise` is where noise comes from if it is added.
///
/// # Errors
/// [`ProgramError`] for sizes that have no exact form.
pub fn advance(
    evaluation: &Evaluation,
    size: ImageSize,
    scale: Option<u32>,
    noise: NoiseSource,
) -> Result<Program, ProgramError> {
    let mut builder = Builder::new("step");
    let b = &mut builder;
    let latents = b.input(Element::F32, &size.planes())?;
    let before = (0..evaluation.history_length).map(|_| b.input(Element::F32, &size.planes()));
    let before = before.collect::<Result<Vec<TensorId>, _>>()?;
    let mut prediction = b.prediction(size)?;
    if let Some(scale) = scale {
        let prompt = b.prediction(size)?;
        prediction = b.elementwise(&guidance(scale)?, &[prediction, prompt])?;
    }
    let mut inputs = vec![latents, prediction];
    inputs.extend(before);
    if evaluation.noise.is_some() {
        inputs.push(b.noise(size, noise)?);
    }
    let next = std::iter::once(&evaluation.latents).chain(&evaluation.history);
    let outputs = next.map(|entry| b.elementwise(entry, &inputs)).collect::<Result<_, _>>()?;
    builder.finish(outputs)
}

/// A state with a history as a trace commits to it. Input: `count` tensors of latents, one behind the other. Outputs: each.
///
/// # Errors
/// [`ProgramError`] for sizes that have no exact form.
pub fn state_parts(size: ImageSize, count: usize) -> Result<Program, ProgramError> {
    let mut builder = Builder::new("step");
    let state = builder.input(Element::F32, &size.states(count))?;
    let each = size.channels.saturating_mul(size.height).saturating_mul(size.width);
    let part = |index: usize| OpKind::Part { start: index.saturating_mul(each) };
    let parts = (0..count).map(|index| builder.push(part(index), &[state], Element::F32, &size.planes()));
    let parts = parts.collect::<Result<_, _>>()?;
    builder.finish(parts)
}

/// The reverse of [`state_parts`].
///
/// # Errors
/// [`ProgramError`] for sizes that have no exact form.
pub fn joined_state(size: ImageSize, count: usize) -> Result<Program, ProgramError> {
    joined(&size.planes(), count, &size.states(count))
}

/// A prompt of several chunks. Inputs: f32 `[tokens][width]` each. Output: all of them, `[chunks * tokens][width]`.
///
/// # Errors
/// [`ProgramError`] for sizes that have no exact form.
pub fn joined_text(chunks: usize, tokens: usize, width: usize) -> Result<Program, ProgramError> {
    joined(&[tokens, width], chunks, &[chunks.saturating_mul(tokens), width])
}

fn joined(dims: &[usize], count: usize, whole: &[usize]) -> Result<Program, ProgramError> {
    let mut builder = Builder::new("step");
    let inputs = (0..count).map(|_| builder.input(Element::F32, dims));
    let inputs = inputs.collect::<Result<Vec<TensorId>, _>>()?;
    let output = builder.push(OpKind::Join, &inputs, Element::F32, whole)?;
    builder.finish(vec![output])
}

/// From the latents after the last step to the decoder's input.
///
/// # Errors
/// [`ProgramError`] for sizes that have no exact form.
pub fn decoder_input(size: ImageSize) -> Result<Program, ProgramError> {
    let mut builder = Builder::new("step");
    let latents = builder.input(Element::F32, &size.planes())?;
    let pixels = builder.pixels(latents, size)?;
    builder.finish(vec![pixels])
}

/// From the decoder's output to the planes that a trace commits to. An element that is not finite fails here.
///
/// # Errors
/// [`ProgramError`] for sizes that have no exact form.
pub fn decoded(size: ImageSize) -> Result<Program, ProgramError> {
    let mut builder = Builder::new("step");
    let planes = builder.prediction(size)?;
    let same = Expression::new(vec![Node::Input(0)])?;
    let checked = builder.push(OpKind::Elementwise(same), &[planes], Element::F32, &size.planes())?;
    builder.finish(vec![checked])
}

impl ImageSize {
    const fn planes(self) -> [usize; 3] {
        [self.channels, self.height, self.width]
    }

    /// So many tensors of planes, one behind the other.
    const fn states(self, count: usize) -> [usize; 3] {
        [self.channels.saturating_mul(count), self.height, self.width]
    }

    const fn pixels(self) -> [usize; 3] {
        [self.height, self.width, self.channels]
    }
}

impl Builder {
    /// An expression of tensors of one shape; those that it does not read are left out.
    fn elementwise(
        &mut self,
        expression: &Expression,
        inputs: &[TensorId],
    ) -> Result<TensorId, ProgramError> {
        let (expression, read) = expression.compact();
        let inputs: Vec<TensorId> = read.iter().filter_map(|place| inputs.get(*place).copied()).collect();
        if let (&[Node::Input(0)], &[input]) = (expression.nodes(), &*inputs) {
            return Ok(input);
        }
        let dims = inputs.first().map_or(&[][..], |input| self.dims(*input)).to_vec();
        self.push(OpKind::Elementwise(expression), &inputs, Element::F32, &dims)
    }

    fn noise(&mut self, size: ImageSize, source: NoiseSource) -> Result<TensorId, ProgramError> {
        let NoiseSource { seed, offset } = source;
        let noise = self.push(OpKind::Noise { seed, offset }, &[], Element::F32, &size.planes())?;
        let (rows, width) = self.rows_and_width(noise);
        let count = rows.saturating_mul(width);
        if count < NOISE_BLOCK || draws(count) > DRAWS_MAX || offset > DRAWS_MAX {
            let value = format!("of {count} numbers after {offset}");
            return Err(ProgramError::Unsupported { key: "noise", value });
        }
        Ok(noise)
    }

    fn pixels(&mut self, planes: TensorId, size: ImageSize) -> Result<TensorId, ProgramError> {
        self.push(OpKind::Transpose { rows: size.channels }, &[planes], Element::F32, &size.pixels())
    }

    /// A network's output, which is an input here, in planes.
    fn prediction(&mut self, size: ImageSize) -> Result<TensorId, ProgramError> {
        let pixels = self.input(Element::F32, &size.pixels())?;
        let rows = size.height.saturating_mul(size.width);
        self.push(OpKind::Transpose { rows }, &[pixels], Element::F32, &size.planes())
    }
}
