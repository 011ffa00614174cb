//! The trace of a generation: what its leaves are and how one is opened.
//!
//! Image `i` of a job with `N` steps has the leaves `t = 0..=N+1`: 0 is the state before the first step, `t` the state after
//! step `t`, `N+1` the decoder's output (rule TRC-01). Leaf `(i, t)` stands at index `i * (N + 2) + t` (rule TRC-05).

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::trace_tree;
use crate::bounded::BoundedVec;
use crate::domain::Domain;
use crate::generation::GenerationParams;
use crate::hash::{Hash, Salt, StateDigest, TraceRoot};

/// A place in a trace: after step `t` of an image.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Boundary {
    /// Image, from 0.
    pub image: u8,
    /// 0: before the first step; `t`: after step `t`; `N+1`: the decoder's output.
    pub t: u16,
}

/// How many leaves a trace has and where each stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceShape {
    images: u8,
    steps: u16,
}

/// What is wrong with a trace, a leaf or an opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TraceError {
    /// No such leaf.
    #[error("image {image}, boundary {t} is outside the trace of {images} images and {steps} steps")]
    OutOfRange {
        /// Image asked for.
        image: u8,
        /// Boundary asked for.
        t: u16,
        /// Images of the trace.
        images: u8,
        /// Steps of the trace.
        steps: u16,
    },
    /// Another number of leaves than the shape has.
    #[error("{actual} leaves where the trace has {expected}")]
    LeafCount {
        /// Leaves given.
        actual: usize,
        /// Leaves needed.
        expected: usize,
    },
    /// A path of another length than the tree is deep.
    #[error("a path of {actual} hashes in a tree of depth {expected}")]
    PathLength {
        /// Hashes given.
        actual: usize,
        /// Depth of the tree.
        expected: usize,
    },
    /// The path leads to another root.
    #[error("the opening leads to root {actual}, not to the committed {expected}")]
    RootMismatch {
        /// Root computed.
        actual: TraceRoot,
        /// Root committed.
        expected: TraceRoot,
    },
}

impl TraceShape {
    /// The shape of a request's trace.
    pub const fn of(params: &GenerationParams) -> Self {
        Self { images: params.num_images(), steps: params.executed_steps() }
    }

    /// Images.
    pub const fn images(self) -> u8 {
        self.images
    }

    /// Denoising steps of each image, `N`.
    pub const fn steps(self) -> u16 {
        self.steps
    }

    /// The boundary of the decoder's output, `N + 1`.
    pub const fn decoded(self) -> u16 {
        self.steps + 1
    }

    /// Leaves in all.
    pub fn leaves(self) -> usize {
        usize::from(self.images) * (usize::from(self.steps) + 2)
    }

    /// Hashes of a path, `ceil(log2(leaves))`; at most 10.
    pub fn depth(self) -> usize {
        self.leaves().next_power_of_two().trailing_zeros() as usize
    }

    /// The fixed index of a leaf.
    ///
    /// # Errors
    /// [`TraceError::OutOfRange`] when there is no such leaf.
    pub fn index(self, boundary: Boundary) -> Result<usize, TraceError> {
        let Boundary { image, t } = boundary;
        if image >= self.images || t > self.decoded() {
            return Err(TraceError::OutOfRange { image, t, images: self.images, steps: self.steps });
        }
        Ok(usize::from(image) * (usize::from(self.steps) + 2) + usize::from(t))
    }
}

/// A salted state digest: what a leaf of the tree hides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceLeaf {
    /// Digest of the state.
    pub digest: StateDigest,
    /// Secret salt of the leaf.
    pub salt: Salt,
}

impl TraceLeaf {
    /// Hash of the leaf at its place (rule TRC-04).
    pub fn hash(&self, boundary: Boundary) -> Hash {
        Domain::TraceLeaf.hash(&(boundary, self.salt, self.digest))
    }
}

/// Shows the state digest at one boundary of a committed trace.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeafOpening {
    /// Where.
    pub boundary: Boundary,
    /// The digest shown.
    pub digest: StateDigest,
    /// The leaf's salt.
    pub salt: Salt,
    /// Sibling hashes from the leaf to the root.
    pub path: BoundedVec<Hash, 10>,
}

impl LeafOpening {
    /// Checks that the leaf stands at its fixed place under the committed root (rule TRC-06).
    ///
    /// # Errors
    /// [`TraceError`] when it does not.
    pub fn verify(&self, shape: TraceShape, root: &TraceRoot) -> Result<(), TraceError> {
        let index = shape.index(self.boundary)?;
        if self.path.len() != shape.depth() {
            return Err(TraceError::PathLength { actual: self.path.len(), expected: shape.depth() });
        }
        let leaf = TraceLeaf { digest: self.digest, salt: self.salt }.hash(self.boundary);
        let actual = trace_tree::root_of_path(leaf, index, &self.path);
        if actual != *root {
            return Err(TraceError::RootMismatch { actual, expected: *root });
        }
        Ok(())
    }
}
