//! What runs programs: fast kernels, or the definition itself.

use dfsn_consensus::exact::{EvaluateError, InterpretError, Program, TensorData, TensorId, interpret};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::executor::{Executor, Held};
use super::simd::{Kernels, Threads, check_environment};
use super::weights::PreparedWeights;
use super::{ExactError, ExactModel, ExactOptions, ExactWeights};
use crate::error::ComputeError;
use crate::weights::Networks;

/// Runs a model's programs.
#[derive(Debug)]
pub(super) enum Engine {
    Simd {
        weights: PreparedWeights,
        kernels: Kernels,
        /// `None` where one thread is wanted, which then is the caller's.
        pool: Option<ThreadPool>,
    },
    Scalar(ExactWeights),
}

impl Engine {
    pub(super) fn load(
        model: &ExactModel,
        networks: &Networks,
        options: ExactOptions,
    ) -> Result<Self, ComputeError> {
        check_environment().map_err(ExactError::from)?;
        let programs = model.all()?;
        let programs: Vec<&Program> = programs.iter().collect();
        let kernels = match options.isa {
            Some(isa) => Kernels::new(isa).map_err(ExactError::from)?,
            None => Kernels::detect(),
        };
        let threads = match options.threads {
            Some(threads) if threads.get() > ExactOptions::MAX_THREADS => {
                let (found, max) = (threads.get(), ExactOptions::MAX_THREADS);
                return Err(ExactError::TooManyThreads { found, max }.into());
            }
            Some(threads) => usize::from(threads.get()),
            None => std::thread::available_parallelism().map_or(1, usize::from),
        };
        if options.scalar {
            return Ok(Self::Scalar(ExactWeights::of_networks(networks, &programs)?));
        }
        let pool = (threads > 1)
            .then(|| ThreadPoolBuilder::new().num_threads(threads).build())
            .transpose()
            .map_err(|error| ExactError::Threads { threads, reason: error.to_string() })?;
        let threads = pool.as_ref().map_or(Threads::Caller, Threads::Pool);
        let weights = PreparedWeights::load(networks, &programs, kernels, threads)?;
        Ok(Self::Simd { weights, kernels, pool })
    }

    /// Runs a program for several images at once; inputs and outputs hold one after the other.
    pub(super) fn run(
        &self,
        program: &Program,
        images: usize,
        inputs: Vec<Held>,
    ) -> Result<Vec<Vec<f32>>, ExactError> {
        check_environment()?;
        check_inputs(program, images, &inputs)?;
        match self {
            Self::Simd { weights, kernels, pool } => {
                let threads = pool.as_ref().map_or(Threads::Caller, Threads::Pool);
                Executor::new(program, weights, *kernels, threads, images).run(inputs)
            }
            Self::Scalar(weights) => scalar(program, weights, images, &inputs),
        }
    }

    /// Runs a program for one image and shows every tensor, inputs included, as the definition has it.
    pub(super) fn observe(
        &self,
        program: &Program,
        inputs: Vec<TensorData>,
        observe: &mut dyn FnMut(TensorId, &TensorData),
    ) -> Result<Vec<TensorData>, ExactError> {
        check_environment()?;
        let kept: Vec<Held> = inputs.iter().map(held).collect();
        check_inputs(program, 1, &kept)?;
        for (id, input) in program.inputs().iter().zip(&inputs) {
            observe(*id, input);
        }
        match self {
            Self::Simd { weights, kernels, pool } => {
                let threads = pool.as_ref().map_or(Threads::Caller, Threads::Pool);
                let executor = Executor::new(program, weights, *kernels, threads, 1);
                let outputs = executor.run_tapped(kept, |id, data| observe(id, &data))?;
                Ok(outputs.iter().map(|output| TensorData::from_floats(output)).collect())
            }
            Self::Scalar(weights) => {
                interpret::<f32>(program, &weights.of(program), inputs, |id, data| observe(id, data))
                    .map_err(interpreted)
            }
        }
    }
}

/// A program's input as kernels keep it.
fn held(input: &TensorData) -> Held {
    match input {
        TensorData::I32(ids) => Held::Ids(ids.clone()),
        input => Held::Floats(input.to_floats().unwrap_or_default()),
    }
}

fn interpreted(error: InterpretError) -> ExactError {
    match error {
        InterpretError::Element { op, source: EvaluateError::NotFinite { .. }, .. } => {
            ExactError::NotFinite { op }
        }
        InterpretError::Element { op, .. } => ExactError::Inconsistent { op, what: "element" },
        _ => ExactError::Inconsistent { op: 0, what: "input" },
    }
}

/// Every input has the size that the program and the number of images ask for.
fn check_inputs(program: &Program, images: usize, inputs: &[Held]) -> Result<(), ExactError> {
    let specs = program.inputs().iter().filter_map(|id| program.tensor(*id));
    let expected: Vec<usize> = specs.map(|spec| images * spec.len()).collect();
    let found: Vec<usize> = inputs
        .iter()
        .map(|input| match input {
            Held::Floats(floats) => floats.len(),
            Held::Ids(ids) => ids.len(),
            _ => 0,
        })
        .collect();
    if images > 0 && found == expected { Ok(()) } else { Err(ExactError::Inputs { found, expected }) }
}

fn scalar(
    program: &Program,
    weights: &ExactWeights,
    images: usize,
    inputs: &[Held],
) -> Result<Vec<Vec<f32>>, ExactError> {
    let mut all = vec![Vec::new(); program.outputs().len()];
    for image in 0..images {
        let part = |input: &Held| match input {
            Held::Floats(floats) => {
                let size = floats.len() / images;
                TensorData::from_floats(&floats[image * size..(image + 1) * size])
            }
            Held::Ids(ids) => {
                let size = ids.len() / images;
                TensorData::I32(ids[image * size..(image + 1) * size].to_vec())
            }
            _ => TensorData::I32(Vec::new()),
        };
        let inputs = inputs.iter().map(part).collect();
        let outputs =
            interpret::<f32>(program, &weights.of(program), inputs, |_, _| {}).map_err(interpreted)?;
        for (all, output) in all.iter_mut().zip(outputs) {
            all.extend(output.to_floats().unwrap_or_default());
        }
    }
    Ok(all)
}
