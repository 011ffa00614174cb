//! How long the rest of a drawing will take, by the pace of what was seen of it.

use std::time::Duration;

use dfsn_types::Attempt;
use tokio::time::Instant;

/// The pace of one attempt: steps since the first report of it.
#[derive(Debug)]
pub(crate) struct Pace {
    images: u8,
    first: Option<First>,
}

#[derive(Clone, Copy, Debug)]
struct First {
    attempt: Attempt,
    at: Instant,
    done: u32,
}

impl Pace {
    /// Of a job of so many images.
    pub(crate) const fn new(images: u8) -> Self {
        Self { images, first: None }
    }

    /// Takes a report; the time left for the steps of all images, once two reports of an attempt tell a pace.
    pub(crate) fn report(&mut self, attempt: Attempt, image: u8, step: u16, steps: u16) -> Option<Duration> {
        let now = Instant::now();
        let done = u32::from(image) * u32::from(steps) + u32::from(step);
        let all = u32::from(self.images.max(1)) * u32::from(steps);
        let first = match self.first {
            Some(first) if first.attempt == attempt && first.done < done => first,
            _ => {
                self.first = Some(First { attempt, at: now, done });
                return None;
            }
        };
        let each = now.saturating_duration_since(first.at) / (done - first.done);
        Some(each.saturating_mul(all.saturating_sub(done)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn time_left_follows_the_steps_of_all_images() {
        let mut pace = Pace::new(2);
        let attempt = Attempt::FIRST;
        assert_eq!(pace.report(attempt, 0, 1, 10), None, "one report is no pace");
        tokio::time::advance(SECOND).await;
        assert_eq!(pace.report(attempt, 0, 2, 10), Some(18 * SECOND));
        tokio::time::advance(3 * SECOND).await;
        assert_eq!(pace.report(attempt, 0, 5, 10), Some(15 * SECOND));
        tokio::time::advance(15 * SECOND).await;
        assert_eq!(pace.report(attempt, 1, 10, 10), Some(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn another_attempt_begins_anew() {
        let mut pace = Pace::new(1);
        pace.report(Attempt::FIRST, 0, 1, 4);
        tokio::time::advance(SECOND).await;
        let second = Attempt::FIRST.next();
        assert_eq!(pace.report(second, 0, 3, 4), None);
        tokio::time::advance(2 * SECOND).await;
        assert_eq!(pace.report(second, 0, 4, 4), Some(Duration::ZERO));
        assert_eq!(pace.report(second, 0, 2, 4), None, "a report that comes late tells no pace");
    }
}
