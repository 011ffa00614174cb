//! The files of one network: one, or shards with an index.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use safetensors::tensor::TensorInfo;
use serde_json::Value;

use super::WeightsError;
use super::file::{NumberFormat, TensorFile};
use crate::config::read_object;
use crate::error::ComputeError;
use crate::model_path::ModelPath;

/// An index tells of some thousand tensors.
const MAX_INDEX_BYTES: u64 = 16 << 20;
/// The largest published models have some dozens.
const MAX_SHARDS: usize = 256;

/// All files that hold one network's tensors.
#[derive(Debug)]
pub(crate) struct Files {
    /// What errors about absent tensors name: the file, or the index of the shards.
    path: PathBuf,
    files: Vec<TensorFile>,
}

impl Files {
    /// One file.
    pub(crate) fn single(path: &ModelPath) -> Result<Self, WeightsError> {
        Ok(Self { path: path.as_path().to_owned(), files: vec![TensorFile::open(path)?] })
    }

    /// `stem.safetensors` below a folder, or else the shards that `stem.safetensors.index.json` lists.
    pub(crate) fn open(dir: &ModelPath, stem: &str) -> Result<Self, ComputeError> {
        let path = dir.join(format!("{stem}.safetensors"));
        let index = dir.join(format!("{stem}.safetensors.index.json"));
        if path.exists() || !index.exists() { Ok(Self::single(&path)?) } else { Self::shards(dir, &index) }
    }

    fn shards(dir: &ModelPath, index: &ModelPath) -> Result<Self, ComputeError> {
        let wrong = |reason: String| WeightsError::Index { file: index.as_path().to_owned(), reason };
        let object = read_object(index, MAX_INDEX_BYTES)?;
        let Some(Value::Object(map)) = object.get("weight_map") else {
            return Err(wrong("it has no object weight_map".to_owned()).into());
        };
        let mut names = BTreeSet::new();
        for (tensor, shard) in map {
            match shard.as_str() {
                // A name with a folder in it could lead out of the model's.
                Some(shard) if shard.ends_with(".safetensors") && !shard.contains(['/', '\\']) => {
                    names.insert(shard);
                }
                _ => {
                    let reason = format!("tensor {tensor:?} lies in {shard}, which names no file beside it");
                    return Err(wrong(reason).into());
                }
            }
        }
        if names.is_empty() || names.len() > MAX_SHARDS {
            return Err(wrong(format!("{} shards are not 1 to {MAX_SHARDS}", names.len())).into());
        }
        let mut files = Vec::new();
        for name in &names {
            let file = TensorFile::open(&dir.join(name))?;
            let listed = map.iter().filter(|(_, shard)| shard.as_str() == Some(name));
            if let Some((tensor, _)) = listed.into_iter().find(|(tensor, _)| file.info(tensor).is_none()) {
                let (file, tensor) = (file.path().to_owned(), tensor.clone());
                return Err(WeightsError::Missing { file, tensor }.into());
            }
            files.push(file);
        }
        Ok(Self { path: index.as_path().to_owned(), files })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn find(&self, name: &str) -> Option<(&TensorFile, &TensorInfo)> {
        self.files.iter().find_map(|file| file.info(name).map(|info| (file, info)))
    }

    /// The shape of a tensor, if it is there.
    pub(crate) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.find(name).map(|(_, info)| info.shape.as_slice())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Reads one of several equal parts of a tensor along the first dimension, in pieces of whole rows of `row` numbers;
    /// `shape` is that of the part.
    pub(crate) fn read_pieces<E: From<WeightsError>>(
        &self,
        name: &str,
        shape: &[usize],
        (part, parts): (u64, u64),
        row: usize,
        take: impl FnMut(usize, NumberFormat, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some((file, info)) = self.find(name) else {
            let (file, tensor) = (self.path.clone(), name.to_owned());
            return Err(WeightsError::Missing { file, tensor }.into());
        };
        let mut expected = shape.to_vec();
        if let Some(first) = expected.first_mut() {
            *first *= parts as usize;
        }
        if !same_shape(&info.shape, &expected) {
            let (file, tensor) = (file.path().to_owned(), name.to_owned());
            return Err(WeightsError::Shape { file, tensor, found: info.shape.clone(), expected }.into());
        }
        file.read_pieces(name, info, (part, parts), row, take)
    }

    /// All names, each with its file.
    pub(crate) fn names(&self) -> Vec<(String, &Path)> {
        self.files.iter().flat_map(|file| file.names().into_iter().map(|name| (name, file.path()))).collect()
    }
}

/// Linear layers are stored as `[out, in]` or, by older tools, as `[out, in, 1, 1]`.
fn same_shape(found: &[usize], expected: &[usize]) -> bool {
    let [found, expected] = [found, expected].map(|shape| {
        let ones = shape.iter().skip(2).rev().take_while(|&&size| size == 1).count();
        &shape[..shape.len() - ones]
    });
    found == expected
}
