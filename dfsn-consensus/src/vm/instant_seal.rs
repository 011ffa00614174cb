//! The engine of one process: whatever it builds is final at once.

use dfsn_types::Timestamp;

use super::{Accepted, Vm};

/// Drives a [`Vm`] with a single builder. Nothing about randomness or censorship holds here: the builder is alone.
#[derive(Debug)]
pub struct InstantSeal<V> {
    vm: V,
}

impl<V: Vm> InstantSeal<V> {
    /// Takes the chain over.
    pub const fn new(vm: V) -> Self {
        Self { vm }
    }

    /// The chain.
    pub const fn vm(&self) -> &V {
        &self.vm
    }

    /// The chain, to submit to.
    pub const fn vm_mut(&mut self) -> &mut V {
        &mut self.vm
    }

    /// Builds, verifies and accepts the next block, if one is wanted at `now`.
    ///
    /// # Errors
    /// Whatever the chain refuses; it is unchanged then.
    pub fn seal(&mut self, now: Timestamp) -> Result<Option<Accepted>, V::Error> {
        let Some(block) = self.vm.build(now)? else { return Ok(None) };
        let hash = block.hash();
        let sealed = self.vm.verify(block, now).and_then(|()| self.vm.accept(&hash));
        if sealed.is_err() {
            self.vm.reject(&hash);
        }
        sealed.map(Some)
    }
}
