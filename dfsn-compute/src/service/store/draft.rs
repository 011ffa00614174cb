//! A result that is still being drawn.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use dfsn_types::{Boundary, TraceLeaf, TraceRoot, TraceShape, TraceTree};

use super::record::StoredResult;
use super::{INIT, RECORD, STATES, StoreError, picture_name, sync_dir, write_durably};
use crate::trace::TraceContext;

/// The folder of a job in work. Its states go to disk as they come, so that memory holds one at a time.
///
/// Dropped before it is committed, it deletes itself.
#[derive(Debug)]
pub(crate) struct Draft {
    dir: PathBuf,
    states: BufWriter<File>,
    context: TraceContext,
    shape: TraceShape,
    leaves: Vec<TraceLeaf>,
    lengths: Vec<u32>,
    is_committed: bool,
}

impl Draft {
    pub(super) fn new(dir: PathBuf, context: TraceContext, shape: TraceShape) -> Result<Self, StoreError> {
        if dir.exists() {
            fs::remove_dir_all(&dir).map_err(StoreError::io(&dir))?;
        }
        fs::create_dir_all(&dir).map_err(StoreError::io(&dir))?;
        let path = dir.join(STATES);
        let states = BufWriter::new(File::create(&path).map_err(StoreError::io(&path))?);
        Ok(Self { dir, states, context, shape, leaves: Vec::new(), lengths: Vec::new(), is_committed: false })
    }

    /// Takes the next state, in the order of the trace's indices.
    ///
    /// # Errors
    /// [`StoreError::Io`], for example when the disk is full.
    pub(crate) fn push(
        &mut self,
        boundary: Boundary,
        state: &[u8],
        secret: &[u8; 32],
    ) -> Result<(), StoreError> {
        let path = self.dir.join(STATES);
        self.states.write_all(state).map_err(StoreError::io(&path))?;
        self.leaves.push(self.context.leaf(boundary, state, secret));
        // A state is at most 48 MiB: four numbers for each of 2048 x 2048 x 3 values.
        self.lengths.push(u32::try_from(state.len()).unwrap_or(u32::MAX));
        Ok(())
    }

    /// The root over all states.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when some were left out.
    pub(crate) fn root(&self) -> Result<TraceRoot, StoreError> {
        let tree = TraceTree::new(self.shape, self.leaves.clone());
        let corrupt = |error: dfsn_types::TraceError| StoreError::Corrupt {
            path: self.dir.clone(),
            reason: error.to_string(),
        };
        Ok(tree.map_err(corrupt)?.root())
    }

    /// Leaves so far.
    pub(crate) fn leaves(&self) -> &[TraceLeaf] {
        &self.leaves
    }

    /// Lengths of the states so far, in bytes.
    pub(crate) fn lengths(&self) -> &[u32] {
        &self.lengths
    }

    pub(super) fn finish(
        mut self,
        record: &StoredResult,
        pictures: &[(usize, Vec<u8>)],
        init: Option<&[u8]>,
        target: &Path,
    ) -> Result<(), StoreError> {
        let path = self.dir.join(STATES);
        self.states.flush().map_err(StoreError::io(&path))?;
        self.states.get_ref().sync_all().map_err(StoreError::io(&path))?;
        let pictures = pictures.iter().map(|(number, picture)| (picture_name(*number), picture.as_slice()));
        for (name, file) in pictures.chain(init.map(|init| (INIT.to_owned(), init))) {
            let path = self.dir.join(name);
            write_durably(&path, file).map_err(StoreError::io(&path))?;
        }
        let path = self.dir.join(RECORD);
        write_durably(&path, &record.to_bytes()?).map_err(StoreError::io(&path))?;
        if target.exists() {
            fs::remove_dir_all(target).map_err(StoreError::io(target))?;
        }
        fs::rename(&self.dir, target).map_err(StoreError::io(target))?;
        self.is_committed = true;
        target.parent().map_or(Ok(()), sync_dir).map_err(StoreError::io(target))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_committed {
            // What stays is deleted at the next start.
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}
