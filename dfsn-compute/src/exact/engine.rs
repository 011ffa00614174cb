//! What runs programs: fast kernels, or the definition itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use dfsn_consensus::exact::{
    EvaluateError, InterpretError, Program, TensorData, TensorId, WeightLayout, interpret,
};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::executor::{Executor, Held, Spare};
use super::simd::{Kernels, Threads, check_environment, pages};
#[cfg(feature = "torch")]
use super::torch::TorchEngine;
use super::weights::{PreparedWeights, WeightSource};
use super::{ExactEngine, ExactError, ExactModel, ExactOptions, ExactWeights};
use crate::error::ComputeError;
#[cfg(feature = "torch")]
use crate::torch::TorchOptions;

/// Is told every tensor that an op wrote: op, output, image.
pub(super) type Watch<'a> = dyn FnMut(usize, usize, usize, &TensorData) + Send + 'a;

/// Runs a model's programs.
#[derive(Debug)]
pub(super) enum Engine {
    Simd {
        weights: PreparedWeights,
        kernels: Kernels,
        /// `None` where one thread is wanted, which then is the caller's.
        pool: Option<ThreadPool>,
        /// Memory that the next run takes.
        spare: Mutex<Spare>,
    },
    Scalar(ExactWeights),
    #[cfg(feature = "torch")]
    Torch(TorchEngine),
}

impl Engine {
    pub(super) fn load(
        model: &ExactModel,
        layout: &WeightLayout,
        source: &mut impl WeightSource,
        options: ExactOptions,
    ) -> Result<Self, ComputeError> {
        check_environment().map_err(ExactError::from)?;
        let kernels = match options.engine {
            ExactEngine::Simd(Some(isa)) => Kernels::new(isa).map_err(ExactError::from)?,
            ExactEngine::Simd(None) => Kernels::detect(),
            ExactEngine::Scalar => return Ok(Self::Scalar(ExactWeights::of_source(source, layout)?)),
            #[cfg(feature = "torch")]
            ExactEngine::Torch(device) => {
                let options = TorchOptions { threads: options.threads, device, ..TorchOptions::default() };
                return Ok(Self::Torch(TorchEngine::load(options, source, layout)?));
            }
        };
        let pool = thread_pool(options)?;
        let threads = pool.as_ref().map_or(Threads::Caller, Threads::Pool);
        let weights = PreparedWeights::load(source, layout, &model.all()?, kernels, threads)?;
        pages::give_back();
        Ok(Self::Simd { weights, kernels, pool, spare: Mutex::default() })
    }

    /// Runs a program for several images at once; inputs and outputs hold one after the other. `keeps` its memory for
    /// another run like it.
    pub(super) fn run(
        &self,
        program: &Program,
        images: usize,
        inputs: Vec<Held>,
        mut watch: Option<&mut Watch<'_>>,
        keeps: bool,
    ) -> Result<Vec<Vec<f32>>, ExactError> {
        check_environment()?;
        check_inputs(program, images, &inputs)?;
        match self {
            Self::Simd { weights, kernels, pool, spare } => {
                let threads = pool.as_ref().map_or(Threads::Caller, Threads::Pool);
                let empty = || spare.lock().unwrap_or_else(PoisonError::into_inner).clear();
                if !keeps {
                    empty();
                }
                let executor = Executor::new(program, weights, *kernels, threads, images, spare);
                let visit = |executor: &Executor<'_>, op: usize| {
                    let Some(watch) = &mut watch else { return Ok(()) };
                    for output in 0..program.ops()[op].outputs.len() {
                        for image in 0..images {
                            watch(op, output, image, &executor.tensor(output, image)?);
                        }
                    }
                    Ok(())
                };
                let outputs = threads.within(|| executor.run(inputs, visit));
                if !keeps || outputs.is_err() {
                    empty();
                }
                outputs
            }
            Self::Scalar(weights) => one_by_one(program, images, &inputs, watch, |inputs, added, visit| {
                let weights = weights.of(program).with_tokens(added);
                interpret::<f32>(program, &weights, inputs, visit).map_err(told)
            }),
            #[cfg(feature = "torch")]
            Self::Torch(engine) => {
                let is_watched = watch.is_some();
                one_by_one(program, images, &inputs, watch, |inputs, added, visit| {
                    engine.run(program, &inputs, added, is_watched.then_some(visit))
                })
            }
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
            Self::Simd { weights, kernels, pool, .. } => {
                let threads = pool.as_ref().map_or(Threads::Caller, Threads::Pool);
                let spare = Mutex::default();
                let executor = Executor::new(program, weights, *kernels, threads, 1, &spare);
                let outputs = executor.run(kept, |executor, op| {
                    for (id, data) in executor.tensors_of(op)? {
                        observe(id, &data);
                    }
                    Ok(())
                })?;
                Ok(outputs.iter().map(|output| TensorData::from_floats(output)).collect())
            }
            Self::Scalar(weights) => {
                interpret::<f32>(program, &weights.of(program), inputs, |id, data| observe(id, data))
                    .map_err(told)
            }
            #[cfg(feature = "torch")]
            Self::Torch(engine) => engine.run(program, &inputs, &[], Some(observe)),
        }
    }
}

/// A program's input as kernels keep it.
fn held(input: &TensorData) -> Held {
    match input {
        TensorData::I32(ids) => Held::Ids { ids: ids.clone(), added: Vec::new() },
        input => Held::Floats(input.to_floats().unwrap_or_default()),
    }
}

/// The threads that are asked for; `None` for the caller's alone.
pub(super) fn thread_pool(options: ExactOptions) -> Result<Option<ThreadPool>, ExactError> {
    let threads = match options.threads {
        Some(threads) if threads.get() > ExactOptions::MAX_THREADS => {
            let (found, max) = (threads.get(), ExactOptions::MAX_THREADS);
            return Err(ExactError::TooManyThreads { found, max });
        }
        Some(threads) => usize::from(threads.get()),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    (threads > 1)
        .then(|| ThreadPoolBuilder::new().num_threads(threads).build())
        .transpose()
        .map_err(|error| ExactError::Threads { threads, reason: error.to_string() })
}

/// Every input has the size that the program and the number of images ask for.
fn check_inputs(program: &Program, images: usize, inputs: &[Held]) -> Result<(), ExactError> {
    let specs = program.inputs().iter().filter_map(|id| program.tensor(*id));
    let expected: Vec<usize> = specs.map(|spec| images * spec.len()).collect();
    let found: Vec<usize> = inputs
        .iter()
        .map(|input| match input {
            Held::Floats(floats) => floats.len(),
            Held::Ids { ids, .. } => ids.len(),
            _ => 0,
        })
        .collect();
    if images > 0 && found == expected { Ok(()) } else { Err(ExactError::Inputs { found, expected }) }
}

/// Runs a program image by image: `run` is given the inputs of one, the rows that follow those of the table of tokens,
/// and what it must show every tensor.
fn one_by_one(
    program: &Program,
    images: usize,
    inputs: &[Held],
    mut watch: Option<&mut Watch<'_>>,
    run: impl Fn(
        Vec<TensorData>,
        &[f32],
        &mut dyn FnMut(TensorId, &TensorData),
    ) -> Result<Vec<TensorData>, ExactError>,
) -> Result<Vec<Vec<f32>>, ExactError> {
    let added = inputs.iter().find_map(|input| match input {
        Held::Ids { added, .. } => Some(added.as_slice()),
        _ => None,
    });
    let mut all = vec![Vec::new(); program.outputs().len()];
    let outputs = program.ops().iter().enumerate();
    let places: HashMap<TensorId, (usize, usize)> = outputs
        .flat_map(|(op, operation)| operation.outputs.iter().enumerate().map(move |(at, id)| (*id, (op, at))))
        .collect();
    for image in 0..images {
        let part = |input: &Held| match input {
            Held::Floats(floats) => {
                let size = floats.len() / images;
                TensorData::from_floats(&floats[image * size..(image + 1) * size])
            }
            Held::Ids { ids, .. } => {
                let size = ids.len() / images;
                TensorData::I32(ids[image * size..(image + 1) * size].to_vec())
            }
            _ => TensorData::I32(Vec::new()),
        };
        let inputs = inputs.iter().map(part).collect();
        let mut visit = |id: TensorId, data: &TensorData| {
            if let (Some(watch), Some((op, output))) = (&mut watch, places.get(&id)) {
                watch(*op, *output, image, data);
            }
        };
        let outputs = run(inputs, added.unwrap_or_default(), &mut visit)?;
        for (all, output) in all.iter_mut().zip(outputs) {
            all.extend(output.to_floats().unwrap_or_default());
        }
    }
    Ok(all)
}

fn told(error: InterpretError) -> ExactError {
    match error {
        InterpretError::Element { op, index, source: EvaluateError::NotFinite { .. }, .. } => {
            ExactError::NotFinite { op, element: Some(index as u64) }
        }
        InterpretError::Element { op, .. } => ExactError::Inconsistent { op, what: "element" },
        _ => ExactError::Inconsistent { op: 0, what: "input" },
    }
}
