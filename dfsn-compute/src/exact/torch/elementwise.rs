//! Tables, waves, expressions, noise, and the same numbers elsewhere.

use dfsn_consensus::exact::expression::{Expression, Node};
use dfsn_consensus::exact::noise::{MersenneTwister, normals};
use dfsn_consensus::exact::{WeightForm, WeightId, wave};

use super::array::Array;
use super::number::{magnitudes, refuse_infinite, select};
use super::{At, Fault, Result};

impl At<'_> {
    pub(super) fn embed(&self, tokens: WeightId, positions: WeightId) -> Result<Array<f32>> {
        let width = self.output_spec()?.width();
        let (table, rows) = self.table(tokens)?;
        let table = table.reshape(&[rows, width])?;
        let added = self.added.len() / width.max(1);
        let table = match added {
            0 => table,
            _ => Array::concat(&[&table, &table.beside(self.added, &[added, width])?], 0)?,
        };
        let ids = self.ints(0)?.to_vec()?;
        // A device does not say what it reads beyond a table.
        let is_known = |id: &i32| usize::try_from(*id).is_ok_and(|id| id < rows + added);
        let (positions, most) = self.table(positions)?;
        if !ids.iter().all(is_known) || ids.len() > most {
            return Err(Fault::Missing("token"));
        }
        let positions = positions.reshape(&[most, width])?.narrow(0, 0, ids.len())?;
        Ok(table.rows(&self.ints(0)?.to_longs()?)?.add(&positions)?)
    }

    /// A table and its rows.
    fn table(&self, weight: WeightId) -> Result<(&Array<f32>, usize)> {
        match self.program.weight(weight).map(|spec| spec.form) {
            Some(WeightForm::Plain { rows, .. }) => Ok((self.plain(weight)?, rows)),
            _ => Err(Fault::Missing("table")),
        }
    }

    /// Scalars of binary64, by the definition itself.
    pub(super) fn waves(&self, width: usize, cosines_first: bool, shift: u64) -> Result<Array<f32>> {
        let numbers = self.floats(0)?;
        let of = |number: f32| (0..width).map(move |place| wave(number, place, width, cosines_first, shift));
        let waves: Vec<f32> = numbers.to_vec()?.into_iter().flat_map(of).collect();
        Ok(numbers.beside(&waves, &[waves.len()])?)
    }

    pub(super) fn elementwise(&self, expression: &Expression) -> Result<Array<f32>> {
        let count = self.output_spec()?.len();
        let mut values: Vec<Array<f32>> = Vec::with_capacity(expression.nodes().len());
        for node in expression.nodes() {
            // Operands are earlier nodes.
            let at = |place: u8| &values[usize::from(place)];
            let value = match *node {
                Node::Input(input) => self.floats(usize::from(input))?.reshape(&[count])?,
                Node::Constant(bits) => Array::filled(f32::from_bits(bits), count, self.device)?,
                Node::Add(a, b) => at(a).add(at(b))?,
                Node::Sub(a, b) => at(a).sub(at(b))?,
                Node::Mul(a, b) => at(a).mul(at(b))?,
                Node::Div(a, b) => at(a).div(at(b))?,
                Node::Clamp(a, b, c) => select(at(a), at(b), at(c))?,
            };
            values.push(value);
        }
        let value = values.pop().ok_or(Fault::Missing("expression"))?;
        refuse_infinite(&magnitudes(&value)?)?;
        Ok(value)
    }

    /// The numbers of a generator, which gives one after the other: by the definition itself.
    pub(super) fn noise(&self, seed: u32, offset: usize) -> Result<Array<f32>> {
        let count = self.output_spec()?.len();
        let mut generator = MersenneTwister::new(seed);
        generator.skip(offset);
        let noise: Vec<f32> = normals(&mut generator, count);
        if noise.len() != count {
            return Err(Fault::Missing("noise"));
        }
        Ok(Array::new(&noise, &[count], self.device)?)
    }

    pub(super) fn transpose(&self, rows: usize) -> Result<Array<f32>> {
        let columns = self.output_spec()?.len() / rows.max(1);
        Ok(self.floats(0)?.reshape(&[rows, columns])?.permute(&[1, 0])?)
    }

    pub(super) fn part(&self, start: usize) -> Result<Array<f32>> {
        let x = self.floats(0)?;
        Ok(x.reshape(&[x.len()])?.narrow(0, start, self.output_spec()?.len())?)
    }

    pub(super) fn join(&self) -> Result<Array<f32>> {
        let flat = |position| -> Result<Array<f32>> {
            let x = self.floats(position)?;
            Ok(x.reshape(&[x.len()])?)
        };
        let inputs = (0..self.op.inputs.len()).map(flat).collect::<Result<Vec<_>>>()?;
        Ok(Array::concat(&inputs.iter().collect::<Vec<_>>(), 0)?)
    }
}
