//! Tables, waves and what works element by element.

use dfsn_consensus::exact::expression::Expression;
use dfsn_consensus::exact::noise::{MersenneTwister, normals};
use dfsn_consensus::exact::{Activation, Op, WeightId, wave};

use super::{Executor, Extremes, Held, not_finite};
use crate::exact::ExactError;
use crate::exact::simd::activation;

impl Executor<'_> {
    pub(super) fn embed(&mut self, op: &Op, tokens: WeightId, positions: WeightId) -> Result<(), ExactError> {
        let width = self.output_spec(op)?.width();
        let (tokens, positions) = (self.plain(tokens)?, self.plain(positions)?);
        let Some(Held::Ids { ids, added }) = &self.held[self.input(op, 0)?.index()] else {
            return Err(self.missing("token ids"));
        };
        let count = ids.len() / self.images;
        let mut rows = Vec::with_capacity(ids.len() * width);
        for (place, &id) in ids.iter().enumerate() {
            let row =
                |table: &'_ [f32], row: usize| table.get(row * width..(row + 1) * width).map(<[f32]>::to_vec);
            let known = tokens.len() / width;
            let token = usize::try_from(id).ok().and_then(|id| match id.checked_sub(known) {
                None => row(tokens, id),
                Some(beyond) => row(added, beyond),
            });
            let position = row(positions, place % count);
            let (Some(token), Some(position)) = (token, position) else { return Err(self.missing("token")) };
            rows.extend(token.iter().zip(&position).map(|(token, position)| token + position));
        }
        self.put(op, 0, Held::Floats(rows))
    }

    pub(super) fn waves(
        &mut self,
        op: &Op,
        width: usize,
        cosines_first: bool,
        shift: u64,
    ) -> Result<(), ExactError> {
        let numbers = self.floats(self.input(op, 0)?)?;
        let of =
            |&number: &f32| (0..width).map(move |place| wave(number, place, width, cosines_first, shift));
        let waves = numbers.iter().flat_map(of).collect();
        self.put(op, 0, Held::Floats(waves))
    }

    pub(super) fn concat(&mut self, op: &Op) -> Result<(), ExactError> {
        let (left, right) = (self.input(op, 0)?, self.input(op, 1)?);
        let (a, b) = (self.spec(left)?.width(), self.spec(right)?.width());
        let (x, y) = (self.floats(left)?, self.floats(right)?);
        let mut both = self.new_floats(x.len() + y.len());
        for (both, (x, y)) in both.chunks_exact_mut(a + b).zip(x.chunks_exact(a).zip(y.chunks_exact(b))) {
            both[..a].copy_from_slice(x);
            both[a..].copy_from_slice(y);
        }
        if let (Some(x), Some(y)) = (&self.extremes[left.index()], &self.extremes[right.index()]) {
            let join = |x: &[i32], y: &[i32]| {
                x.chunks_exact(a).zip(y.chunks_exact(b)).flat_map(|(x, y)| [x, y].concat()).collect()
            };
            let extremes = Extremes { min: join(&x.min, &y.min), max: join(&x.max, &y.max) };
            if let Some(id) = op.outputs.first() {
                self.extremes[id.index()] = Some(extremes);
            }
        }
        self.put(op, 0, Held::Floats(both))
    }

    pub(super) fn activated(&self, x: &[f32], activation: Activation) -> Result<Vec<f32>, ExactError> {
        let activation = match activation {
            Activation::Silu => activation::Activation::Silu,
            Activation::QuickGelu => activation::Activation::QuickGelu,
            Activation::Gelu => activation::Activation::Gelu,
        };
        let mut out = self.new_floats(x.len());
        activation::activate(self.kernels, activation, x, &mut out)?;
        Ok(out)
    }

    pub(super) fn activate(&mut self, op: &Op, activation: Activation) -> Result<(), ExactError> {
        let out = self.activated(self.floats(self.input(op, 0)?)?, activation)?;
        self.put(op, 0, Held::Floats(out))
    }

    pub(super) fn divide(&mut self, op: &Op, divisor: f32) -> Result<(), ExactError> {
        let out = self.floats(self.input(op, 0)?)?.iter().map(|x| x / divisor).collect();
        self.put(op, 0, Held::Floats(out))
    }

    pub(super) fn elementwise(&mut self, op: &Op, expression: &Expression) -> Result<(), ExactError> {
        let inputs =
            op.inputs.iter().map(|id| self.floats(*id)).collect::<Result<Vec<&[f32]>, ExactError>>()?;
        let out = expression.over(&inputs).map_err(|_| self.missing("inputs of an expression"))?;
        if !out.iter().all(|number| number.is_finite()) {
            return Err(not_finite());
        }
        self.put(op, 0, Held::Floats(out))
    }

    /// The same for every image.
    pub(super) fn noise(&mut self, op: &Op, seed: u32, offset: usize) -> Result<(), ExactError> {
        let mut generator = MersenneTwister::new(seed);
        generator.skip(offset);
        let noise: Vec<f32> = normals(&mut generator, self.output_spec(op)?.len());
        self.put(op, 0, Held::Floats(noise.repeat(self.images)))
    }

    pub(super) fn transpose(&mut self, op: &Op, rows: usize) -> Result<(), ExactError> {
        let columns = self.output_spec(op)?.len() / rows.max(1);
        let images = self.floats(self.input(op, 0)?)?.chunks_exact((rows * columns).max(1));
        let turned = images
            .flat_map(|image| (0..image.len()).map(move |at| image[at % rows * columns + at / rows]))
            .collect();
        self.put(op, 0, Held::Floats(turned))
    }

    pub(super) fn part(&mut self, op: &Op, start: usize) -> Result<(), ExactError> {
        let id = self.input(op, 0)?;
        let (whole, length) = (self.spec(id)?.len(), self.output_spec(op)?.len());
        let images = self.floats(id)?.chunks_exact(whole.max(1));
        let parts: Option<Vec<&[f32]>> = images.map(|image| image.get(start..start + length)).collect();
        let parts = parts.ok_or_else(|| self.missing("part"))?.concat();
        self.put(op, 0, Held::Floats(parts))
    }

    pub(super) fn join(&mut self, op: &Op) -> Result<(), ExactError> {
        let inputs =
            op.inputs.iter().map(|id| self.floats(*id)).collect::<Result<Vec<&[f32]>, ExactError>>()?;
        let mut joined = Vec::with_capacity(inputs.iter().map(|input| input.len()).sum());
        for image in 0..self.images {
            for input in &inputs {
                let length = input.len() / self.images;
                joined.extend_from_slice(&input[image * length..][..length]);
            }
        }
        self.put(op, 0, Held::Floats(joined))
    }
}
