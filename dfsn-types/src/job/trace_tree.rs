//! The Merkle tree over a trace (rule TRC-05).

use super::{Boundary, LeafOpening, TraceError, TraceLeaf, TraceShape};
use crate::bounded::BoundedVec;
use crate::domain::Domain;
use crate::hash::{Hash, TraceRoot};

/// The whole tree of one result, kept by its worker.
#[derive(Clone, Debug)]
pub struct TraceTree {
    shape: TraceShape,
    leaves: Vec<TraceLeaf>,
    /// Level 0 holds the padded leaf hashes, the last level the root.
    levels: Vec<Vec<Hash>>,
}

impl TraceTree {
    /// Builds the tree over all leaves, in the order of their indices.
    ///
    /// # Errors
    /// [`TraceError::LeafCount`] when there are more or fewer leaves than the shape has.
    pub fn new(shape: TraceShape, leaves: Vec<TraceLeaf>) -> Result<Self, TraceError> {
        if leaves.len() != shape.leaves() {
            return Err(TraceError::LeafCount { actual: leaves.len(), expected: shape.leaves() });
        }
        let pad = Domain::TracePad.hash_bytes(&[]);
        let mut level: Vec<Hash> = Vec::with_capacity(leaves.len().next_power_of_two());
        let boundaries =
            (0..shape.images()).flat_map(|image| (0..=shape.decoded()).map(move |t| Boundary { image, t }));
        level.extend(leaves.iter().zip(boundaries).map(|(leaf, boundary)| leaf.hash(boundary)));
        level.resize(leaves.len().next_power_of_two(), pad);
        let mut levels = vec![level];
        while let Some(below) = levels.last().filter(|below| below.len() > 1) {
            let above = below.chunks_exact(2).map(|pair| node(&pair[0], &pair[1])).collect();
            levels.push(above);
        }
        Ok(Self { shape, leaves, levels })
    }

    /// The root to commit to.
    pub fn root(&self) -> TraceRoot {
        // The last level holds one hash: the loop of `new` ends there.
        self.levels
            .last()
            .and_then(|level| level.first())
            .copied()
            .map_or_else(|| Domain::TracePad.hash_bytes(&[]).into(), Into::into)
    }

    /// The tree's shape.
    pub const fn shape(&self) -> TraceShape {
        self.shape
    }

    /// Opens one leaf.
    ///
    /// # Errors
    /// [`TraceError::OutOfRange`] when there is no such leaf.
    pub fn open(&self, boundary: Boundary) -> Result<LeafOpening, TraceError> {
        let index = self.shape.index(boundary)?;
        let leaf = self.leaves[index];
        let depth = self.shape.depth();
        let path = self
            .levels
            .iter()
            .take(depth)
            .enumerate()
            .map(|(level, hashes)| hashes[(index >> level) ^ 1])
            .collect();
        // A shape is at most 4 * 152 leaves deep, hence 10 levels.
        let path = BoundedVec::new(path).unwrap_or_default();
        Ok(LeafOpening { boundary, digest: leaf.digest, salt: leaf.salt, path })
    }
}

/// The root that a leaf hash and its siblings lead to; the index decides left or right.
pub(super) fn root_of_path(leaf: Hash, index: usize, path: &[Hash]) -> TraceRoot {
    let fold = |(hash, index): (Hash, usize), sibling: &Hash| {
        let parent = if index & 1 == 0 { node(&hash, sibling) } else { node(sibling, &hash) };
        (parent, index >> 1)
    };
    path.iter().fold((leaf, index), fold).0.into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Domain::TraceNode.hash(&(left, right))
}
