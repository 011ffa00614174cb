//! No request is taken twice, not even after a restart.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use super::refusal::Refusal;
use super::store::write_durably;

/// Requests that are remembered; more within the window are refused as [`Refusal::Busy`].
const CAPACITY: usize = 65_536;
/// How far ahead of the newest request the line on disk is drawn, so that the disk is written once in this time at most.
const FLOOR_STEP_MS: u64 = 5_000;

/// Remembers the requests of a window around now, and on disk a line that none of an earlier run was signed after.
#[derive(Debug)]
pub struct ReplayGuard {
    window_ms: u64,
    window_start: u64,
    seen: BTreeSet<(u64, [u8; 16])>,
    /// Nothing signed at or before this is taken: an earlier run may have taken it.
    earlier_run: u64,
    /// Nothing signed after this is taken before the line on disk is moved.
    floor: u64,
    /// Without one nothing is remembered over a restart.
    file: Option<PathBuf>,
}

impl ReplayGuard {
    /// Half the window's default width.
    pub const WINDOW_MS: u64 = 30_000;

    /// Reads the line of earlier runs from `file`, which need not exist yet.
    ///
    /// # Errors
    /// Those of reading, and `InvalidData` when the file holds no number.
    pub fn open(file: PathBuf, window_ms: u64) -> io::Result<Self> {
        let floor = match std::fs::read_to_string(&file) {
            Ok(text) => text.trim().parse().map_err(|_| {
                io::Error::new(io::ErrorKind::InvalidData, format!("{} holds no number", file.display()))
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(Self { file: Some(file), earlier_run: floor, floor, ..Self::in_memory(window_ms) })
    }

    /// A guard that forgets everything when its process ends.
    pub const fn in_memory(window_ms: u64) -> Self {
        Self { window_ms, window_start: 0, seen: BTreeSet::new(), earlier_run: 0, floor: 0, file: None }
    }

    /// Takes a signed request once.
    ///
    /// # Errors
    /// [`Refusal::Stale`], [`Refusal::Replayed`], [`Refusal::Busy`], or [`Refusal::Internal`] when the line cannot be
    /// written.
    pub fn admit(&mut self, timestamp_ms: u64, nonce: [u8; 16], now_ms: u64) -> Result<(), Refusal> {
        // Never back, or a clock set back would forget what it may see again.
        self.window_start = self.window_start.max(now_ms.saturating_sub(self.window_ms));
        let earliest_ms =
            self.window_start.max(self.earlier_run.saturating_add(u64::from(self.earlier_run > 0)));
        let latest_ms = now_ms.saturating_add(self.window_ms).max(earliest_ms);
        if timestamp_ms < earliest_ms || timestamp_ms > latest_ms {
            return Err(Refusal::Stale { earliest_ms, latest_ms });
        }
        self.seen = self.seen.split_off(&(self.window_start, [0; 16]));
        if self.seen.contains(&(timestamp_ms, nonce)) {
            return Err(Refusal::Replayed);
        }
        if self.seen.len() >= CAPACITY {
            return Err(Refusal::Busy { retry_after_ms: 1_000 });
        }
        if timestamp_ms > self.floor {
            let floor = timestamp_ms.saturating_add(FLOOR_STEP_MS);
            if let Some(file) = &self.file {
                write_durably(file, floor.to_string().as_bytes())
                    .map_err(|error| Refusal::internal(&error))?;
            }
            self.floor = floor;
        }
        self.seen.insert((timestamp_ms, nonce));
        Ok(())
    }
}
