//! The exact profile on libtorch, for devices that have no kernels of their own here: GPUs.
//!
//! Programs are executed literally, op by op, by operations of an allow-list alone (docs/adr/0053). Nothing is fused and
//! nothing is tuned: on a CPU the kernels of [`simd`](super::simd) are much faster. A device is compared with the definition before
//! it is used ([`check_device`]).

mod activation;
mod array;
mod elementwise;
mod failure;
mod group_norm;
mod heads;
mod norm;
mod number;
mod product;
mod rows;
mod self_test;
mod weights;

use dfsn_consensus::exact::{Op, OpKind, Program, TensorData, TensorId, TensorSpec, WeightId, WeightLayout};
use tch::Device;

use super::executor::last_uses;
use super::weights::{ExactWeights, WeightSource};
use super::{ExactError, simd::check_environment};
use crate::error::ComputeError;
use crate::torch::{TorchError, TorchOptions, prepare};

pub use self_test::check_device;

use array::Array;
use number::canonical;
use weights::{TorchWeight, TorchWeights};

/// Runs programs with the parameters of one model on one device.
#[derive(Debug)]
pub struct TorchEngine {
    device: Device,
    weights: TorchWeights,
}

/// Is told every tensor that an op wrote.
type Visit<'a> = dyn FnMut(TensorId, &TensorData) + 'a;

/// Why an op gives nothing.
enum Fault {
    NotFinite,
    Missing(&'static str),
    Torch(TorchError),
}

type Result<T> = std::result::Result<T, Fault>;

impl From<TorchError> for Fault {
    fn from(error: TorchError) -> Self {
        Self::Torch(error)
    }
}

impl TorchEngine {
    /// With parameters of any model, on a device that passes [`check_device`].
    ///
    /// # Errors
    /// [`ExactError::Torch`] without the device, [`ExactError::Device`] if it computes anything otherwise than defined.
    pub fn new(options: TorchOptions, weights: &ExactWeights) -> std::result::Result<Self, ExactError> {
        let device = ready(options)?;
        Ok(Self { device, weights: TorchWeights::of(weights, device)? })
    }

    /// With other parameters, on the same device.
    ///
    /// # Errors
    /// [`ExactError::Torch`].
    pub fn with(&self, weights: &ExactWeights) -> std::result::Result<Self, ExactError> {
        Ok(Self { device: self.device, weights: TorchWeights::of(weights, self.device)? })
    }

    pub(super) fn load(
        options: TorchOptions,
        source: &mut impl WeightSource,
        layout: &WeightLayout,
    ) -> std::result::Result<Self, ComputeError> {
        let device = ready(options)?;
        Ok(Self { device, weights: TorchWeights::load(source, layout, device)? })
    }

    /// Computes a program for one picture and shows every tensor that an op writes, if `visit` is given: each is then
    /// fetched from the device. `added` holds rows that follow those of the table of tokens.
    ///
    /// # Errors
    /// [`ExactError`].
    pub fn run(
        &self,
        program: &Program,
        inputs: &[TensorData],
        added: &[f32],
        mut visit: Option<&mut Visit<'_>>,
    ) -> std::result::Result<Vec<TensorData>, ExactError> {
        check_environment()?;
        let _guard = tch::no_grad_guard();
        let mut held: Vec<Option<Held>> = program.tensors().iter().map(|_| None).collect();
        for (id, input) in program.inputs().iter().zip(inputs) {
            let missing = ExactError::Inconsistent { op: 0, what: "input" };
            let spec = program
                .tensor(*id)
                .filter(|spec| spec.element == input.element() && spec.len() == input.len());
            held[id.index()] = Some(Held::upload(input, &spec.ok_or(missing)?.dims, self.device)?);
        }
        let last_use = last_uses(program);
        for (number, op) in program.ops().iter().enumerate() {
            let at = At { program, op, held: &held, weights: &self.weights, device: self.device, added };
            let outputs = at.outputs().map_err(|fault| match fault {
                Fault::NotFinite => {
                    let element = failure::element(program, number, &held, &self.weights);
                    ExactError::NotFinite { op: number, element }
                }
                Fault::Missing(what) => ExactError::Inconsistent { op: number, what },
                Fault::Torch(error) => ExactError::Torch(error),
            })?;
            for (id, output) in op.outputs.iter().zip(outputs) {
                if let Some(visit) = &mut visit {
                    visit(*id, &output.download()?);
                }
                held[id.index()] = Some(output);
            }
            for id in &op.inputs {
                if last_use[id.index()] == number {
                    held[id.index()] = None;
                }
            }
        }
        let outputs = program.outputs().iter().map(|id| {
            let missing = ExactError::Inconsistent { op: program.ops().len(), what: "output" };
            Ok(held[id.index()].as_ref().ok_or(missing)?.download()?)
        });
        outputs.collect()
    }
}

/// The device, compared with the definition.
fn ready(options: TorchOptions) -> std::result::Result<Device, ExactError> {
    check_environment()?;
    let device = prepare(options)?;
    self_test::check(device)?;
    Ok(device)
}

/// A tensor of a program on the device, in its own shape.
#[derive(Debug)]
enum Held {
    F32(Array<f32>),
    I16(Array<i16>),
    I32(Array<i32>),
    I64(Array<i64>),
}

impl Held {
    fn upload(data: &TensorData, dims: &[usize], device: Device) -> std::result::Result<Self, TorchError> {
        Ok(match data {
            TensorData::F32(bits) => {
                let floats: Vec<f32> = bits.iter().map(|bits| f32::from_bits(*bits)).collect();
                Self::F32(Array::new(&floats, dims, device)?)
            }
            TensorData::I16(values) => Self::I16(Array::new(values, dims, device)?),
            TensorData::I32(values) => Self::I32(Array::new(values, dims, device)?),
            TensorData::I64(values) => Self::I64(Array::new(values, dims, device)?),
        })
    }

    fn download(&self) -> std::result::Result<TensorData, TorchError> {
        Ok(match self {
            Self::F32(array) => {
                TensorData::F32(array.bits()?.to_vec()?.into_iter().map(i32::cast_unsigned).collect())
            }
            Self::I16(array) => TensorData::I16(array.to_vec()?),
            Self::I32(array) => TensorData::I32(array.to_vec()?),
            Self::I64(array) => TensorData::I64(array.to_vec()?),
        })
    }

    /// As tensors are kept: in the program's shape, and with one NaN.
    fn kept(self, dims: &[usize]) -> Result<Self> {
        Ok(match self {
            Self::F32(array) => Self::F32(canonical(&array)?.reshape(dims)?),
            Self::I16(array) => Self::I16(array.reshape(dims)?),
            Self::I32(array) => Self::I32(array.reshape(dims)?),
            Self::I64(array) => Self::I64(array.reshape(dims)?),
        })
    }
}

/// An op at work, and where everything is.
struct At<'a> {
    program: &'a Program,
    op: &'a Op,
    held: &'a [Option<Held>],
    weights: &'a TorchWeights,
    device: Device,
    added: &'a [f32],
}

macro_rules! inputs {
    ($($name:ident -> $kind:ident, $element:ty;)+) => {$(
        fn $name(&self, position: usize) -> Result<&'a Array<$element>> {
            match self.op.inputs.get(position).and_then(|id| self.held.get(id.index())) {
                Some(Some(Held::$kind(array))) => Ok(array),
                _ => Err(Fault::Missing(stringify!($name))),
            }
        }
    )+};
}

impl<'a> At<'a> {
    inputs! {
        floats -> F32, f32;
        shorts -> I16, i16;
        ints -> I32, i32;
        longs -> I64, i64;
    }

    fn spec(&self, position: usize) -> Result<&'a TensorSpec> {
        let id = self.op.inputs.get(position).ok_or(Fault::Missing("input"))?;
        self.program.tensor(*id).ok_or(Fault::Missing("input"))
    }

    fn output_spec(&self) -> Result<&'a TensorSpec> {
        let id = self.op.outputs.first().ok_or(Fault::Missing("output"))?;
        self.program.tensor(*id).ok_or(Fault::Missing("output"))
    }

    /// An input of f32 as `[rows][width]`.
    fn float_rows(&self, position: usize) -> Result<Array<f32>> {
        let spec = self.spec(position)?;
        Ok(self.floats(position)?.reshape(&[spec.rows(), spec.width()])?)
    }

    /// `[n][width]` and `[n]`.
    fn quantised(&self, weight: WeightId) -> Result<(&'a Array<i16>, &'a Array<f32>)> {
        match self.program.weight(weight).and_then(|spec| self.weights.get(&spec.name)) {
            Some(TorchWeight::Quantised { values, scales }) => Ok((values, scales)),
            _ => Err(Fault::Missing("quantised weights")),
        }
    }

    /// `[rows][width]`.
    fn plain(&self, weight: WeightId) -> Result<&'a Array<f32>> {
        match self.program.weight(weight).and_then(|spec| self.weights.get(&spec.name)) {
            Some(TorchWeight::Plain(values)) => Ok(values),
            _ => Err(Fault::Missing("plain weights")),
        }
    }

    /// What the op writes, in the program's shapes.
    fn outputs(&self) -> Result<Vec<Held>> {
        let outputs =
            self.computed()?.into_iter().zip(&self.op.outputs).map(|(output, id)| {
                output.kept(&self.program.tensor(*id).ok_or(Fault::Missing("output"))?.dims)
            });
        outputs.collect()
    }

    fn computed(&self) -> Result<Vec<Held>> {
        use OpKind as Kind;
        let output = match &self.op.kind {
            Kind::QuantRow
            | Kind::ActivateQuant(_)
            | Kind::GegluQuant
            | Kind::LayerNorm(..)
            | Kind::LayerNormQuant(..)
            | Kind::NormQuantRow(_) => return self.row_op(),
            Kind::Embed { tokens, positions } => Held::F32(self.embed(*tokens, *positions)?),
            Kind::Waves { width, cosines_first, shift } => {
                Held::F32(self.waves(*width, *cosines_first, *shift)?)
            }
            Kind::Concat => Held::F32(Array::concat(&[&self.float_rows(0)?, &self.float_rows(1)?], 1)?),
            Kind::Activate(activation) => Held::F32(activation::activated(*activation, self.floats(0)?)?),
            Kind::Divide(divisor) => {
                let x = self.floats(0)?;
                Held::F32(x.div(&x.constant(f32::from_bits(*divisor))?)?)
            }
            Kind::Linear { weight, bias } => Held::F32(self.linear(*weight, *bias)?),
            Kind::Conv { .. } => Held::F32(self.conv()?),
            Kind::MinMaxPart => Held::I32(self.min_max_part()?),
            Kind::MinMaxJoin => Held::I32(self.min_max_join()?),
            Kind::MinMax => Held::I32(self.min_max()?),
            Kind::ImageMax => Held::F32(self.image_max()?),
            Kind::QuantImage => Held::I16(self.quant_image()?),
            Kind::SumPart { groups } => Held::I64(self.sum_part(*groups)?),
            Kind::SumJoin => Held::I64(self.sum_join()?),
            Kind::GroupStats { count, eps } => Held::F32(self.group_stats(*count, *eps)?),
            Kind::NormBound(affine) => Held::F32(self.norm_bound(*affine)?),
            Kind::NormQuantImage(affine) => Held::I16(self.norm_quant_image(*affine)?),
            Kind::HeadMaxPart { heads } => Held::F32(self.head_max_part(*heads)?),
            Kind::HeadMax => Held::F32(self.head_max()?),
            Kind::HeadQuant { heads, limit, transposed } => {
                Held::I16(self.head_quant(*heads, *limit, *transposed)?)
            }
            Kind::Attention { causal } => Held::F32(self.attention(*causal)?),
            Kind::Scores => Held::I32(self.scores()?),
            Kind::Attend => Held::F32(self.attend()?),
            Kind::Elementwise(expression) => Held::F32(self.elementwise(expression)?),
            Kind::Noise { seed, offset } => Held::F32(self.noise(*seed, *offset)?),
            Kind::Transpose { rows } => Held::F32(self.transpose(*rows)?),
            Kind::Part { start } => Held::F32(self.part(*start)?),
            Kind::Join => Held::F32(self.join()?),
        };
        Ok(vec![output])
    }
}
