//! Between the layouts of states and of networks.

use super::super::op::OpKind;
use super::super::program::{Builder, Program, ProgramError};
use super::super::tensor::Element;

/// From planes f32 `[channels][height * width]`, as states are, to pixels f32 `[height][width][channels]`, as networks
/// take them.
///
/// # Errors
/// [`ProgramError::Size`].
pub fn to_pixels(channels: usize, height: usize, width: usize) -> Result<Program, ProgramError> {
    transposed(&[channels, height.saturating_mul(width)], &[height, width, channels])
}

/// Back from [`to_pixels`].
///
/// # Errors
/// [`ProgramError::Size`].
pub fn to_planes(channels: usize, height: usize, width: usize) -> Result<Program, ProgramError> {
    let pixels = height.saturating_mul(width);
    transposed(&[height, width, channels], &[channels, pixels])
}

fn transposed(from: &[usize], to: &[usize]) -> Result<Program, ProgramError> {
    let mut builder = Builder::new("");
    let x = builder.input(Element::F32, from)?;
    let out = builder.push(OpKind::Transpose, &[x], Element::F32, to)?;
    builder.finish(vec![out])
}
