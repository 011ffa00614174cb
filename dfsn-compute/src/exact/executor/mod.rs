//! Runs a program with fast kernels.
//!
//! Reductions that the program splits are done at once, and what the next op needs of a product (the extremes of its
//! channels) is taken while it is written: every value is exact or rounded in a written order, so the bytes are those of
//! the definition.

mod heads;
mod image;
mod inspect;
mod rows;
mod spare;
mod table;
mod tap;

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dfsn_consensus::exact::{Op, OpKind, Program, TensorId, TensorSpec, WeightId};

pub(super) use self::spare::Spare;
use super::ExactError;
use super::simd::norm::Moments;
use super::simd::quantise::Quantiser;
use super::simd::{Epilogue, Kernels, Operand, PackedWeights, SimdError, Threads, product};
use super::weights::{PreparedWeight, PreparedWeights};

/// A tensor of all images, as kernels keep it.
#[derive(Clone, Debug)]
pub(super) enum Held {
    /// `[image]` and the tensor's shape.
    Floats(Vec<f32>),
    /// Token ids, and rows of tokens that follow those of the model's table (textual inversion).
    Ids { ids: Vec<i32>, added: Vec<f32> },
    /// Quantised rows or heads, `[image]` and the tensor's shape; or images with a border of one pixel of zeros.
    Shorts(Vec<i16>),
    /// Largest magnitudes, `[image]`, `[image][head]` or `[image][row]`, as bits.
    Max(Vec<u32>),
    /// Sort keys of the least and the greatest value, `[image][channel]`.
    Extremes(Extremes),
    /// Sums and sums of squares, `[image][group]`.
    Sums(Vec<(i64, i64)>),
    /// Means and deviations, `[image][group]`.
    Stats(Vec<Moments>),
    /// What the following op does at once.
    Deferred,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Extremes {
    min: Vec<i32>,
    max: Vec<i32>,
}

/// A program at work.
#[derive(Debug)]
pub(super) struct Executor<'a> {
    program: &'a Program,
    weights: &'a PreparedWeights,
    kernels: Kernels,
    threads: Threads<'a>,
    images: usize,
    held: Vec<Option<Held>>,
    /// Extremes that were found while a tensor was written.
    extremes: Vec<Option<Extremes>>,
    /// Tensors whose extremes are asked for.
    bounded: HashSet<TensorId>,
    /// The op at work.
    at: usize,
    spare: &'a Mutex<Spare>,
}

impl<'a> Executor<'a> {
    pub(super) fn new(
        program: &'a Program,
        weights: &'a PreparedWeights,
        kernels: Kernels,
        threads: Threads<'a>,
        images: usize,
        spare: &'a Mutex<Spare>,
    ) -> Self {
        let bounded = program
            .ops()
            .iter()
            .filter(|op| op.kind == OpKind::MinMaxPart)
            .flat_map(|op| op.inputs.first().copied())
            .collect();
        let count = program.tensors().len();
        Self {
            program,
            weights,
            kernels,
            threads,
            images,
            held: vec![None; count],
            extremes: vec![None; count],
            bounded,
            at: 0,
            spare,
        }
    }

    /// Computes the program's outputs. `visit` is called after each op, before anything it read is dropped.
    pub(super) fn run(
        mut self,
        inputs: Vec<Held>,
        mut visit: impl FnMut(&Self, usize) -> Result<(), ExactError>,
    ) -> Result<Vec<Vec<f32>>, ExactError> {
        for (id, held) in self.program.inputs().iter().zip(inputs) {
            self.held[id.index()] = Some(held);
        }
        let last_use = last_uses(self.program);
        for (at, op) in self.program.ops().iter().enumerate() {
            self.at = at;
            self.execute(op).map_err(|error| match error {
                ExactError::Simd(SimdError::NotFinite { .. } | SimdError::Factor { .. }) => {
                    ExactError::NotFinite { op: at, element: self.failing_element() }
                }
                error => error,
            })?;
            visit(&self, at)?;
            for id in &op.inputs {
                if last_use[id.index()] == at
                    && let Some(held) = self.held[id.index()].take()
                {
                    self.spare().give(held);
                }
            }
        }
        let outputs = self.program.outputs();
        let outputs = outputs.iter().map(|id| Ok(self.floats(*id)?.to_vec())).collect();
        std::mem::take(&mut self.held).into_iter().flatten().for_each(|held| self.spare().give(held));
        outputs
    }

    fn execute(&mut self, op: &Op) -> Result<(), ExactError> {
        use OpKind as Kind;
        match &op.kind {
            Kind::Embed { tokens, positions } => self.embed(op, *tokens, *positions),
            Kind::Waves { width, cosines_first, shift } => self.waves(op, *width, *cosines_first, *shift),
            Kind::Concat => self.concat(op),
            Kind::Activate(activation) => self.activate(op, *activation),
            Kind::Divide(divisor) => self.divide(op, f32::from_bits(*divisor)),
            Kind::QuantRow => self.quant_row(op),
            Kind::ActivateQuant(activation) => self.activate_quant(op, *activation),
            Kind::GegluQuant => self.geglu_quant(op),
            Kind::LayerNorm(affine, eps) => self.layer_norm(op, *affine, *eps),
            Kind::LayerNormQuant(affine, eps) => self.layer_norm_quant(op, *affine, *eps),
            Kind::Linear { weight, bias } => self.linear(op, *weight, *bias),
            Kind::Conv { .. } => self.conv(op),
            Kind::MinMaxPart | Kind::MinMaxJoin | Kind::HeadMaxPart { .. } | Kind::Scores => {
                self.put(op, 0, Held::Deferred)
            }
            Kind::MinMax => self.min_max(op),
            Kind::ImageMax => self.image_max(op),
            Kind::QuantImage => self.quant_image(op),
            Kind::SumPart { groups } => self.sum_part(op, *groups),
            Kind::SumJoin => self.sum_join(op),
            Kind::GroupStats { count, eps } => self.group_stats(op, *count, *eps),
            Kind::NormBound(affine) => self.norm_bound(op, *affine),
            Kind::NormQuantImage(affine) => self.norm_quant_image(op, *affine),
            Kind::NormQuantRow(affine) => self.norm_quant_row(op, *affine),
            Kind::HeadMax => self.head_max(op),
            Kind::HeadQuant { heads, limit, transposed } => self.head_quant(op, *heads, *limit, *transposed),
            Kind::Attention { causal } => self.attention(op, *causal),
            Kind::Attend => self.attend(op),
            Kind::Elementwise(expression) => self.elementwise(op, expression),
            Kind::Noise { seed, offset } => self.noise(op, *seed, *offset),
            Kind::Transpose { rows } => self.transpose(op, *rows),
            Kind::Part { start } => self.part(op, *start),
            Kind::Join => self.join(op),
        }
    }

    fn missing(&self, what: &'static str) -> ExactError {
        ExactError::Inconsistent { op: self.at, what }
    }

    fn put(&mut self, op: &Op, output: usize, held: Held) -> Result<(), ExactError> {
        let id = op.outputs.get(output).ok_or_else(|| self.missing("output"))?;
        self.held[id.index()] = Some(held);
        Ok(())
    }

    fn input(&self, op: &Op, position: usize) -> Result<TensorId, ExactError> {
        op.inputs.get(position).copied().ok_or_else(|| self.missing("input"))
    }

    fn spec(&self, id: TensorId) -> Result<&'a TensorSpec, ExactError> {
        self.program.tensor(id).ok_or_else(|| self.missing("shape"))
    }

    fn output_spec(&self, op: &Op) -> Result<&'a TensorSpec, ExactError> {
        self.spec(op.outputs.first().copied().ok_or_else(|| self.missing("output"))?)
    }

    fn floats(&self, id: TensorId) -> Result<&[f32], ExactError> {
        match &self.held[id.index()] {
            Some(Held::Floats(floats)) => Ok(floats),
            _ => Err(self.missing("floats")),
        }
    }

    fn shorts(&self, id: TensorId) -> Result<&[i16], ExactError> {
        match &self.held[id.index()] {
            Some(Held::Shorts(shorts)) => Ok(shorts),
            _ => Err(self.missing("quantised values")),
        }
    }

    fn spare(&self) -> MutexGuard<'_, Spare> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Numbers to be written over, in memory that is at hand.
    fn new_floats(&self, len: usize) -> Vec<f32> {
        self.spare().floats(len)
    }

    /// As [`Self::new_floats`].
    fn new_shorts(&self, len: usize) -> Vec<i16> {
        self.spare().shorts(len)
    }

    fn max(&self, id: TensorId) -> Result<&[u32], ExactError> {
        match &self.held[id.index()] {
            Some(Held::Max(max)) => Ok(max),
            _ => Err(self.missing("largest magnitudes")),
        }
    }

    /// The op that wrote a tensor, of which the one at work does the rest.
    fn writer(&self, id: TensorId) -> Result<&'a Op, ExactError> {
        let ops = &self.program.ops()[..self.at];
        ops.iter().rev().find(|op| op.outputs.contains(&id)).ok_or_else(|| self.missing("writer"))
    }

    fn packed(&self, weight: WeightId) -> Result<(&'a PackedWeights, &'a [f32]), ExactError> {
        match self.program.weight(weight).and_then(|spec| self.weights.get(&spec.name)) {
            Some(PreparedWeight::Packed { weights, scales }) => Ok((weights, scales)),
            _ => Err(self.missing("quantised weights")),
        }
    }

    /// On as many threads as it is worth.
    fn multiply(
        &self,
        operand: &Operand<'_>,
        weights: &PackedWeights,
        epilogue: &Epilogue<'_>,
        out: &mut [f32],
    ) -> Result<(), SimdError> {
        let threads = self.threads.worth(operand.row_count() * operand.k() * weights.out());
        product(operand, weights, epilogue, out, threads)
    }

    fn plain(&self, weight: WeightId) -> Result<&'a [f32], ExactError> {
        match self.program.weight(weight).and_then(|spec| self.weights.get(&spec.name)) {
            Some(PreparedWeight::Plain(values)) => Ok(values),
            _ => Err(self.missing("plain weights")),
        }
    }
}

fn not_finite() -> ExactError {
    SimdError::NotFinite { element: 0 }.into()
}

fn quantiser(max: u32, limit: i32) -> Result<Quantiser, ExactError> {
    Quantiser::new(max, limit.unsigned_abs()).ok_or_else(not_finite)
}

/// The last op that reads each tensor, whole or through the rest of a split reduction; outputs are kept.
pub(super) fn last_uses(program: &Program) -> Vec<usize> {
    let mut last = vec![usize::MAX; program.tensors().len()];
    for (at, op) in program.ops().iter().enumerate() {
        for id in &op.inputs {
            last[id.index()] = at;
        }
    }
    for (at, op) in program.ops().iter().enumerate() {
        let mut rest = op;
        while let (OpKind::MinMax | OpKind::MinMaxJoin | OpKind::HeadMax | OpKind::Attend, Some(part)) =
            (&rest.kind, rest.inputs.first())
        {
            let Some(writer) = program.ops()[..at].iter().rev().find(|op| op.outputs.contains(part)) else {
                break;
            };
            for id in &writer.inputs {
                last[id.index()] = last[id.index()].max(at);
            }
            rest = writer;
        }
    }
    for id in program.outputs() {
        last[id.index()] = usize::MAX;
    }
    last
}

#[cfg(test)]
mod tests {
    use dfsn_consensus::exact::step::{ImageSize, NoiseSource, advance};
    use dfsn_consensus::exact::{TensorData, interpret};
    use dfsn_types::SchedulerKind;

    use super::*;
    use crate::config::SchedulerConfig;
    use crate::exact::ExactWeights;
    use crate::scheduler;

    /// A program without parameters, for two images at once.
    #[test]
    fn what_surrounds_the_networks_is_the_definition() {
        let config = SchedulerConfig::from_json("test", serde_json::Map::new()).unwrap();
        let scheduler = scheduler::build(SchedulerKind::EulerAncestral, &config, 3).unwrap();
        let size = ImageSize { channels: 4, height: 3, width: 2 };
        let noise = NoiseSource { seed: 9, offset: 5 };
        let evaluation = &scheduler.schedule().evaluations()[0];
        let program = advance(evaluation, size, Some(2.0_f32.to_bits()), noise).unwrap();
        let numbers = |start: usize| (start..start + 24).map(|n| (n * n % 31) as f32 / 7.0).collect();
        let images: [Vec<Vec<f32>>; 2] = [0, 100].map(|start| (0..3).map(|i| numbers(start + i)).collect());
        let expected = images.clone().map(|inputs| {
            let inputs = inputs.iter().map(|input| TensorData::from_floats(input)).collect();
            let weights = ExactWeights::default();
            let outputs = interpret::<f32>(&program, &weights.of(&program), inputs, |_, _| {}).unwrap();
            outputs[0].to_floats().unwrap()
        });
        let both = |input: usize| Held::Floats([&*images[0][input], &*images[1][input]].concat());
        let (weights, spare) = (PreparedWeights::default(), Mutex::default());
        let executor = Executor::new(&program, &weights, Kernels::detect(), Threads::Caller, 2, &spare);
        assert_eq!(executor.run((0..3).map(both).collect(), |_, _| Ok(())).unwrap(), [expected.concat()]);
    }
}
