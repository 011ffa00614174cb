//! What a database believes to be a disk: writes arrive when they are synced, or in any part and order before, or never.

use std::io::{Error, Result};
use std::sync::{Arc, Mutex, MutexGuard};

use redb::StorageBackend;

/// What of the writes since the last sync has arrived when the power goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Arrived {
    Nothing,
    Everything,
    /// Half of the writes, some of them in part, as this seed says.
    Some(u64),
}

/// One disk; clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Platter(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// What reading shows.
    shown: Vec<u8>,
    /// What is sure to be there after a loss of power.
    synced: Vec<u8>,
    waiting: Vec<Change>,
    /// Writes and syncs so far.
    operations: u64,
    power_until: Option<u64>,
}

#[derive(Clone, Debug)]
enum Change {
    Length(usize),
    Bytes(usize, Vec<u8>),
}

impl Platter {
    /// A disk with what has arrived on another one.
    pub(crate) fn after_loss(&self, arrived: Arrived) -> Self {
        let inner = self.lock();
        let mut image = inner.synced.clone();
        let mut dice = match arrived {
            Arrived::Some(seed) => seed,
            _ => 0,
        };
        for change in &inner.waiting {
            match (arrived, roll(&mut dice) % 4, change) {
                (Arrived::Nothing, ..) | (Arrived::Some(_), 0 | 1, _) => {}
                (Arrived::Some(_), 2, Change::Bytes(at, bytes)) => {
                    let part = usize::try_from(roll(&mut dice)).unwrap() % bytes.len().max(1);
                    apply(&mut image, &Change::Bytes(*at, bytes[..part].to_vec()));
                }
                _ => apply(&mut image, change),
            }
        }
        Self::holding(image)
    }

    /// A disk of its own that holds the same.
    pub(crate) fn copy(&self) -> Self {
        Self::holding(self.lock().shown.clone())
    }

    fn holding(image: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(Inner { shown: image.clone(), synced: image, ..Inner::default() })))
    }

    /// Writes and syncs from now on that still happen; all later ones fail.
    pub(crate) fn power_for(&self, operations: u64) {
        let mut inner = self.lock();
        inner.power_until = Some(inner.operations + operations);
    }

    /// Writes and syncs so far.
    pub(crate) fn operations(&self) -> u64 {
        self.lock().operations
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// The disk for one more write or sync, if there is power.
    fn operate(&self) -> Result<MutexGuard<'_, Inner>> {
        let mut inner = self.lock();
        if inner.power_until.is_some_and(|until| inner.operations >= until) {
            return Err(Error::other("no power"));
        }
        inner.operations += 1;
        Ok(inner)
    }
}

impl StorageBackend for Platter {
    fn len(&self) -> Result<u64> {
        Ok(self.lock().shown.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let at = place(offset)?;
        let inner = self.lock();
        let bytes = inner.shown.get(at..at + out.len()).ok_or_else(|| Error::other("beyond the end"))?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.operate()?.change(Change::Length(place(len)?));
        Ok(())
    }

    fn sync_data(&self) -> Result<()> {
        let mut inner = self.operate()?;
        inner.synced = inner.shown.clone();
        inner.waiting.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.operate()?.change(Change::Bytes(place(offset)?, data.to_vec()));
        Ok(())
    }
}

impl Inner {
    fn change(&mut self, change: Change) {
        apply(&mut self.shown, &change);
        self.waiting.push(change);
    }
}

fn place(number: u64) -> Result<usize> {
    usize::try_from(number).map_err(Error::other)
}

fn apply(image: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Length(len) => image.resize(*len, 0),
        Change::Bytes(at, bytes) => {
            let end = at + bytes.len();
            image.resize(image.len().max(end), 0);
            image[*at..end].copy_from_slice(bytes);
        }
    }
}

/// SplitMix64.
fn roll(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
