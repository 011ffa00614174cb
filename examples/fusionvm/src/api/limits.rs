//! How much one address may ask.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::DefaultClock;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::config::Limits;

/// Requests between two looks for addresses that have been quiet.
const SWEEP: u32 = 4_096;

/// A bucket of requests for each address. An IPv6 network of 64 bits is one address, since one home has all of it.
#[derive(Debug)]
pub(super) struct RateLimit {
    buckets: RateLimiter<IpAddr, HashMapStateStore<IpAddr>, DefaultClock>,
    requests: AtomicU32,
}

impl RateLimit {
    pub(super) fn new(limits: &Limits) -> Self {
        let positive = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota =
            Quota::per_second(positive(limits.requests_per_second)).allow_burst(positive(limits.burst));
        Self { buckets: RateLimiter::hashmap(quota), requests: AtomicU32::new(0) }
    }

    fn admits(&self, address: IpAddr) -> bool {
        // Full buckets are those of nobody: the map holds who asked lately.
        if self.requests.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            self.buckets.retain_recent();
            self.buckets.shrink_to_fit();
        }
        self.buckets.check_key(&network(address)).is_ok()
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        address => address,
    }
}

/// Refuses with status 429 what is too much.
pub(super) async fn limit(State(rate): State<Arc<RateLimit>>, request: Request, next: Next) -> Response {
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    if address.is_some_and(|address| !rate.admits(address)) {
        let text = "too many requests from this address, slow down\n";
        return (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, "1")], text).into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_burst_and_leaves_others_theirs() {
        let limits = Limits { requests_per_second: 1, burst: 3, ..Limits::default() };
        let rate = RateLimit::new(&limits);
        let [one, two] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse::<IpAddr>().unwrap());
        let taken = (0..5).filter(|_| rate.admits(one)).count();
        assert!((3..=4).contains(&taken), "{taken}");
        assert!(rate.admits(two));
    }

    #[test]
    fn a_home_is_one_address() {
        let network_of = |text: &str| network(text.parse().unwrap());
        assert_eq!(network_of("2001:db8:1:2:3::1"), network_of("2001:db8:1:2:ffff::9"));
        assert_ne!(network_of("2001:db8:1:2::1"), network_of("2001:db8:1:3::1"));
        assert_eq!(network_of("::ffff:192.0.2.1"), network_of("192.0.2.1"));
    }
}
