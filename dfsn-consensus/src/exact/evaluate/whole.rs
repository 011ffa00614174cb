//! Reading parts of whole tensors.

use std::borrow::Cow;
use std::ops::Range;

use super::{EvaluateError, Source, Weights};
use crate::exact::data::TensorData;
use crate::exact::tensor::TensorId;

/// A [`Source`] that holds whole tensors, so that what it must say is only which.
pub trait WholeTensors: Weights {
    /// A tensor, if it is held.
    fn whole(&self, tensor: TensorId) -> Option<&TensorData>;
}

macro_rules! part {
    ($name:ident, $kind:ident, $element:ty) => {
        fn $name(&self, tensor: TensorId, range: Range<usize>) -> Result<Cow<'_, [$element]>, EvaluateError> {
            let Range { start, end } = range;
            let found = match self.whole(tensor) {
                Some(TensorData::$kind(values)) => values.get(start..end),
                _ => None,
            };
            let missing = EvaluateError::Missing { what: "tensor", id: tensor.0, start, end };
            found.map(Cow::Borrowed).ok_or(missing)
        }
    };
}

impl<T: WholeTensors> Source for T {
    part!(floats, F32, u32);
    part!(shorts, I16, i16);
    part!(ints, I32, i32);
    part!(longs, I64, i64);
}
