//! The operations that the exact profile asks of libtorch: those whose results are defined to the last bit, on every
//! device (docs/adr/0053). Nothing else in this module touches a tensor, and the type of the elements is part of
//! the type, so that nothing is promoted or rounded unseen.
//!
//! Floats are added, subtracted, multiplied and divided one operation at a time. Divisors are tensors of the device,
//! never numbers of the host: libtorch multiplies with the reciprocal of those. What is summed are integers.

use std::marker::PhantomData;

use tch::kind::Element;
use tch::{Device, Scalar, Tensor};

use crate::torch::TorchError;

type Result<T> = std::result::Result<T, TorchError>;

/// A tensor of `T`. Shapes of two operands are extended to each other as libtorch does.
#[derive(Debug)]
pub(super) struct Array<T> {
    tensor: Tensor,
    element: PhantomData<T>,
}

/// What can be computed with.
pub(super) trait Number: Element + Copy {
    fn scalar(self) -> Scalar;
}

/// IEEE-754.
pub(super) trait Float: Number {}

/// Two's complement.
pub(super) trait Integer: Number {}

macro_rules! numbers {
    ($($element:ty, $kind:ident, $wide:ty);+) => {$(
        impl Number for $element {
            fn scalar(self) -> Scalar {
                Scalar::from(<$wide>::from(self))
            }
        }

        impl $kind for $element {}
    )+};
}
numbers!(f32, Float, f64; f64, Float, f64; i32, Integer, i64; i64, Integer, i64);

macro_rules! unary {
    ($($(#[$doc:meta])* $name:ident = $function:ident;)+) => {$(
        $(#[$doc])*
        pub(super) fn $name(&self) -> Result<Self> {
            Ok(Self::of(self.tensor.$function()?))
        }
    )+};
}

macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident = $function:ident;)+) => {$(
        $(#[$doc])*
        pub(super) fn $name(&self, other: &Self) -> Result<Self> {
            Ok(Self::of(self.tensor.$function(&other.tensor)?))
        }
    )+};
}

macro_rules! converted {
    ($($(#[$doc:meta])* $name:ident -> $to:ty;)+) => {$(
        $(#[$doc])*
        pub(super) fn $name(&self) -> Result<Array<$to>> {
            Ok(Array::of(self.tensor.f_to_kind(<$to>::KIND)?))
        }
    )+};
}

fn sizes(dims: &[usize]) -> Vec<i64> {
    dims.iter().map(|&dim| dim as i64).collect()
}

/// Arrangement: the same elements elsewhere.
impl<T: Element + Copy> Array<T> {
    const fn of(tensor: Tensor) -> Self {
        Self { tensor, element: PhantomData }
    }

    pub(super) fn new(values: &[T], dims: &[usize], device: Device) -> Result<Self> {
        Ok(Self::of(Tensor::f_from_slice(values)?.f_reshape(sizes(dims))?.f_to_device(device)?))
    }

    /// The elements in the order of their places.
    pub(super) fn to_vec(&self) -> Result<Vec<T>> {
        let tensor = self.tensor.f_to_device(Device::Cpu)?.f_contiguous()?;
        let mut values = vec![T::ZERO; tensor.numel()];
        let count = values.len();
        tensor.f_copy_data(&mut values, count)?;
        Ok(values)
    }

    pub(super) fn len(&self) -> usize {
        self.tensor.numel()
    }

    pub(super) fn reshape(&self, dims: &[usize]) -> Result<Self> {
        Ok(Self::of(self.tensor.f_reshape(sizes(dims))?))
    }

    pub(super) fn permute(&self, order: &[i64]) -> Result<Self> {
        Ok(Self::of(self.tensor.f_permute(order)?))
    }

    /// `length` places of a dimension from `start` on.
    pub(super) fn narrow(&self, dim: i64, start: usize, length: usize) -> Result<Self> {
        Ok(Self::of(self.tensor.f_narrow(dim, start as i64, length as i64)?))
    }

    /// Rows, the places of the first dimension, in another order. All `places` must be there.
    pub(super) fn rows(&self, places: &Array<i64>) -> Result<Self> {
        Ok(Self::of(self.tensor.f_index_select(0, &places.tensor)?))
    }

    pub(super) fn concat(arrays: &[&Self], dim: i64) -> Result<Self> {
        let tensors: Vec<&Tensor> = arrays.iter().map(|array| &array.tensor).collect();
        Ok(Self::of(Tensor::f_cat(&tensors, dim)?))
    }

    /// With `fill`, which has one place in dimension `dim`, behind it up to a multiple of `size` places.
    pub(super) fn padded(&self, dim: i64, size: usize, fill: &Self) -> Result<Self> {
        let mut dims = self.tensor.size();
        let place = usize::try_from(dim).unwrap_or_default();
        let missing = match dims.get(place).map(|&length| length as usize % size.max(1)) {
            None | Some(0) => return self.reshape(&dims.iter().map(|&dim| dim as usize).collect::<Vec<_>>()),
            Some(rest) => size - rest,
        };
        dims[place] = missing as i64;
        let padding = Self::of(fill.tensor.f_expand(dims, false)?);
        Self::concat(&[self, &padding], dim)
    }

    /// One number beside it on its device.
    pub(super) fn constant<U: Number>(&self, value: U) -> Result<Array<U>> {
        Array::filled(value, 1, self.tensor.device())
    }

    /// Numbers beside it on its device.
    pub(super) fn beside<U: Element + Copy>(&self, values: &[U], dims: &[usize]) -> Result<Array<U>> {
        Array::new(values, dims, self.tensor.device())
    }
}

impl<T: Number> Array<T> {
    /// One number many times.
    pub(super) fn filled(value: T, length: usize, device: Device) -> Result<Self> {
        Ok(Self::of(Tensor::f_full([length as i64], value.scalar(), (T::KIND, device))?))
    }

    binary! {
        add = f_add;
        sub = f_sub;
        mul = f_mul;
    }

    /// Where this one is less; a NaN is not.
    pub(super) fn less(&self, other: &Self) -> Result<Array<bool>> {
        Ok(Array::of(self.tensor.f_lt_tensor(&other.tensor)?))
    }
}

impl<T: Float> Array<T> {
    binary! {
        div = f_div;
    }
    unary! {
        /// With the other sign.
        negate = f_neg;
        /// To the nearest integer, halves to even.
        round = f_round;
        /// Without the fraction.
        trunc = f_trunc;
    }
}

impl<T: Integer> Array<T> {
    binary! {
        and = f_bitwise_and_tensor;
        xor = f_bitwise_xor_tensor;
        /// Arithmetic.
        shift_right = f_bitwise_right_shift;
    }

    /// The least along a dimension, which stays with one place.
    pub(super) fn least(&self, dim: i64) -> Result<Self> {
        Ok(Self::of(self.tensor.f_amin([dim], true)?))
    }

    /// The greatest along a dimension, which stays with one place.
    pub(super) fn greatest(&self, dim: i64) -> Result<Self> {
        Ok(Self::of(self.tensor.f_amax([dim], true)?))
    }

    /// The sum along a dimension, which stays with one place.
    pub(super) fn sum(&self, dim: i64) -> Result<Array<i64>> {
        Ok(Array::of(self.tensor.f_sum_dim_intlist(&[dim][..], true, i64::KIND)?))
    }
}

impl Array<bool> {
    /// From one where it holds, else from the other.
    pub(super) fn choose<T: Number>(&self, yes: &Array<T>, no: &Array<T>) -> Result<Array<T>> {
        Ok(Array::of(yes.tensor.f_where_self(&self.tensor, &no.tensor)?))
    }
}

impl Array<f32> {
    converted! {
        /// Exact.
        to_doubles -> f64;
        /// Of integers within the type.
        to_ints -> i32;
    }

    /// The bit patterns.
    pub(super) fn bits(&self) -> Result<Array<i32>> {
        Ok(Array::of(self.tensor.f_view_dtype(i32::KIND)?))
    }
}

impl Array<f64> {
    converted! {
        /// Rounded once.
        to_singles -> f32;
        /// Of integers below 2^53.
        to_longs -> i64;
    }

    /// The matrix product over the last two dimensions, of integers whose products' magnitudes add up to less than 2^53:
    /// in whatever order they are added, fused or not, every sum is exact.
    pub(super) fn product_of_integers(&self, other: &Self) -> Result<Self> {
        // An integer has one zero: -1 times 0 is another one.
        Self::of(self.tensor.f_matmul(&other.tensor)?).add(&self.constant(0.0_f64)?)
    }
}

impl Array<i16> {
    converted! {
        /// Exact.
        to_doubles -> f64;
    }
}

impl Array<i32> {
    converted! {
        /// Exact.
        to_doubles -> f64;
        /// Exact.
        to_longs -> i64;
        /// Of integers within the type.
        to_shorts -> i16;
    }

    /// The floats that have these bits.
    pub(super) fn floats(&self) -> Result<Array<f32>> {
        Ok(Array::of(self.tensor.f_view_dtype(f32::KIND)?))
    }
}

impl Array<i64> {
    converted! {
        /// Of integers below 2^53, exact.
        to_doubles -> f64;
        /// Of integers within the type.
        to_ints -> i32;
    }
}
