//! How often, and with what pauses.

use std::time::Duration;

use crate::transport::TransportError;

/// How a client bears with a node that is not reached. Pauses double from the first to the longest; each is cut short by chance, to
/// half of it at most, so that many clients of one node do not come back at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Times that a call is made at most, the first included; 5 by default, 0 counts as 1.
    pub tries: u32,
    /// The first pause; 100 ms by default.
    pub first_pause: Duration,
    /// The longest pause; 5 s by default.
    pub longest_pause: Duration,
    /// Subscriptions end when the node has been away for so long; 60 s by default.
    pub give_up: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            tries: 5,
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(5),
            give_up: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// Does something, and again while it fails for a passing reason.
    pub(super) async fn retry<R, F>(&self, attempt: impl Fn() -> F) -> Result<R, TransportError>
    where
        F: Future<Output = Result<R, TransportError>>,
    {
        let mut failures = 0;
        loop {
            match attempt().await {
                Err(error) if error.is_retryable() && failures + 1 < self.tries => {
                    tokio::time::sleep(self.pause(failures)).await;
                    failures += 1;
                }
                result => return result,
            }
        }
    }

    /// The pause after so many failures before.
    pub(crate) fn pause(&self, failures: u32) -> Duration {
        let doubled = self.first_pause.saturating_mul(2u32.saturating_pow(failures));
        let longest = doubled.min(self.longest_pause);
        // Without the system's randomness all clients come at once, which is no error.
        let part = getrandom::u32().unwrap_or(u32::MAX);
        longest / 2 + (longest / 2).mul_f64(f64::from(part) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_bound_and_differ() {
        let policy = RetryPolicy::default();
        for (failures, longest) in [(0, 100), (1, 200), (5, 3_200), (6, 5_000), (400, 5_000)] {
            let longest = Duration::from_millis(longest);
            let pause = policy.pause(failures);
            assert!(pause >= longest / 2 && pause <= longest, "{pause:?} after {failures} failures");
        }
        let pauses: std::collections::BTreeSet<_> = (0..20).map(|_| policy.pause(3)).collect();
        assert!(pauses.len() > 1);
    }

    #[tokio::test(start_paused = true)]
    async fn only_passing_failures_are_tried_again() {
        use std::sync::atomic::{AtomicU32, Ordering};
        for (error, tries) in
            [(TransportError::Unreachable(String::new()), 5), (TransportError::Refused(String::new()), 1)]
        {
            let made = AtomicU32::new(0);
            let result: Result<(), _> = RetryPolicy::default()
                .retry(|| async {
                    made.fetch_add(1, Ordering::Relaxed);
                    Err(error.clone())
                })
                .await;
            assert_eq!((result, made.into_inner()), (Err(error.clone()), tries));
        }
    }
}
