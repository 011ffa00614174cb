//! What the instruction that sums products does at most, with its operands in registers.

#[cfg(target_arch = "x86_64")]
mod x86;

use dfsn_compute::exact::Isa;

use super::{median, timed};

/// 10^9 multiply-adds a second on so many threads at once.
#[cfg(target_arch = "x86_64")]
pub(super) fn of(isa: Isa, threads: usize) -> Option<f64> {
    let turn = x86::turn_of(isa)?;
    let run = || {
        timed(|| {
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(turn.run);
                }
            });
        })
    };
    let seconds: Vec<f64> = (0..9).map(|_| run()).collect();
    Some(threads as f64 * turn.products / median(&seconds) / 1e9)
}

#[cfg(not(target_arch = "x86_64"))]
pub(super) fn of(_isa: Isa, _threads: usize) -> Option<f64> {
    None
}
