//! Weights and inputs made from hashes.

use std::borrow::Cow;
use std::ops::Range;

use dfsn_consensus::exact::{
    EvaluateError, LIMIT_WEIGHT, Program, TensorData, WeightForm, WeightId, Weights,
};

/// About normal: the sum of four uniforms, of variance 1.
pub(crate) fn normals(name: &str, count: usize) -> Vec<f32> {
    let mut bytes = vec![0; 4 * count];
    blake3::Hasher::new().update(name.as_bytes()).finalize_xof().fill(&mut bytes);
    let sum = |bytes: &[u8; 4]| bytes.iter().map(|byte| f32::from(*byte)).sum::<f32>();
    bytes.as_chunks::<4>().0.iter().map(|bytes| (sum(bytes) - 510.0) / 147.8).collect()
}

/// The weights of a program, each row made when it is asked for.
pub(crate) struct RandomWeights<'a>(pub(crate) &'a Program);

impl Weights for RandomWeights<'_> {
    fn quantised_row(&self, weight: WeightId, row: usize) -> Result<(Cow<'_, [i16]>, u32), EvaluateError> {
        let spec = self.0.weight(weight).expect("a weight of the program");
        let WeightForm::Quantised { width, .. } = spec.form else { panic!("{} is not quantised", spec.name) };
        let numbers = normals(&format!("{} {row}", spec.name), width);
        let max = numbers.iter().fold(0.0_f32, |max, number| max.max(number.abs()));
        let limit = LIMIT_WEIGHT as f32;
        let quantised: Vec<i16> =
            numbers.iter().map(|number| (number / max * limit).round() as i16).collect();
        Ok((quantised.into(), (max / limit / (width as f32).sqrt()).to_bits()))
    }

    fn plain(
        &self,
        weight: WeightId,
        row: usize,
        range: Range<usize>,
    ) -> Result<Cow<'_, [u32]>, EvaluateError> {
        let spec = self.0.weight(weight).expect("a weight of the program");
        let WeightForm::Plain { width, .. } = spec.form else { panic!("{} is quantised", spec.name) };
        let mean = if spec.name.ends_with("weight") { 1.0 } else { 0.0 };
        let numbers = normals(&format!("{} {row}", spec.name), width);
        Ok(numbers[range].iter().map(|number| (mean + 0.1 * number).to_bits()).collect())
    }
}

pub(crate) fn inputs(program: &Program) -> Vec<TensorData> {
    let input = |(position, id): (usize, &_)| {
        let count = program.tensor(*id).expect("a tensor of the program").len();
        TensorData::from_floats(&normals(&format!("input {position}"), count))
    };
    program.inputs().iter().enumerate().map(input).collect()
}
