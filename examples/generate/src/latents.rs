//! Reading and writing latents as safetensors.

use std::path::{Path, PathBuf};

use dfsn_compute::LatentShape;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use thiserror::Error;

use crate::input::{self, InputError};

/// Above all that requests can need: the two tensors of four pictures, 16 channels of 1024 x 1024 f32 each, take half.
const MAX_FILE_BYTES: usize = 1 << 30;

/// A latents file that cannot be used.
#[derive(Debug, Error)]
pub(crate) enum LatentsError {
    #[error(transparent)]
    Input(#[from] InputError),
    #[error("{} is not a valid safetensors file: {source}", path.display())]
    Broken { path: PathBuf, source: safetensors::SafeTensorError },
    #[error("{} holds no tensor init_latents, nor one tensor only", path.display())]
    NoTensor { path: PathBuf },
    #[error("{}: tensor {name:?} is {dtype} of shape {shape:?}, this request needs F32 of shape {expected:?}", path.display())]
    Shape { path: PathBuf, name: String, dtype: Dtype, shape: Vec<usize>, expected: Vec<usize> },
}

fn dims(images: u8, shape: LatentShape) -> Vec<usize> {
    vec![usize::from(images), shape.channels as usize, shape.height as usize, shape.width as usize]
}

/// Reads noise of unit variance, one entry for each picture. The dimension of pictures may be left out for one.
pub(crate) fn read(path: &Path, images: u8, shape: LatentShape) -> Result<Vec<Vec<f32>>, LatentsError> {
    let bytes = input::read(path, MAX_FILE_BYTES)?;
    let tensors = SafeTensors::deserialize(&bytes)
        .map_err(|source| LatentsError::Broken { path: path.to_owned(), source })?;
    let names = tensors.names();
    let name = match names.as_slice() {
        [only] => *only,
        _ => "init_latents",
    };
    let Ok(tensor) = tensors.tensor(name) else {
        return Err(LatentsError::NoTensor { path: path.to_owned() });
    };
    let expected = dims(images, shape);
    let fits = tensor.shape() == expected || (images == 1 && tensor.shape() == &expected[1..]);
    if !fits || tensor.dtype() != Dtype::F32 {
        return Err(LatentsError::Shape {
            path: path.to_owned(),
            name: name.to_owned(),
            dtype: tensor.dtype(),
            shape: tensor.shape().to_vec(),
            expected,
        });
    }
    let (chunks, _) = tensor.data().as_chunks::<4>();
    let numbers: Vec<f32> = chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect();
    Ok(numbers.chunks_exact(shape.count()).map(<[f32]>::to_vec).collect())
}

/// The bytes of a file with the initial noise and the final latents of all pictures.
pub(crate) fn to_file(
    shape: LatentShape,
    init_latents: &[Vec<f32>],
    latents: &[Vec<f32>],
) -> Result<Vec<u8>, safetensors::SafeTensorError> {
    let images = u8::try_from(latents.len()).unwrap_or(u8::MAX);
    let bytes =
        |all: &[Vec<f32>]| -> Vec<u8> { all.iter().flatten().flat_map(|x| x.to_le_bytes()).collect() };
    let (init_latents, latents) = (bytes(init_latents), bytes(latents));
    let view = |data| TensorView::new(Dtype::F32, dims(images, shape), data);
    safetensors::serialize([("init_latents", view(&init_latents)?), ("latents", view(&latents)?)], None)
}
