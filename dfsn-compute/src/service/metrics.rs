//! Figures for Prometheus.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::refusal::Refusal;
use super::wire::EndReason;

type Label = [(&'static str, String); 1];

/// What is counted.
pub(super) struct Metrics {
    registry: Registry,
    pub(super) steps: Counter,
    pub(super) pictures: Counter,
    pub(super) audits: Counter,
    job_seconds: Histogram,
    done: Counter,
    ended: Family<Label, Counter>,
    refused: Family<Label, Counter>,
    gauges: Gauges,
}

/// What is looked up when somebody asks.
#[derive(Debug, Default)]
struct Gauges {
    queued: Gauge,
    running: Gauge,
    store_bytes: Gauge,
    results: Gauge,
    ready: Gauge,
    connected: Gauge,
}

/// What the gauges show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Snapshot {
    pub(super) queued: usize,
    pub(super) is_running: bool,
    pub(super) store_bytes: u64,
    pub(super) results: usize,
    pub(super) is_ready: bool,
    pub(super) is_connected: bool,
}

impl Default for Metrics {
    fn default() -> Self {
        // From 50 ms to 7 minutes.
        let job_seconds = Histogram::new(exponential_buckets(0.05, 2.0, 14));
        let mut metrics = Self {
            registry: Registry::with_prefix("dfsn_compute"),
            steps: Counter::default(),
            pictures: Counter::default(),
            audits: Counter::default(),
            job_seconds,
            done: Counter::default(),
            ended: Family::default(),
            refused: Family::default(),
            gauges: Gauges::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let Self { registry, gauges, .. } = self;
        registry.register("steps", "Denoising steps done", self.steps.clone());
        registry.register("pictures", "Pictures drawn", self.pictures.clone());
        registry.register("audits", "Questions of audits answered", self.audits.clone());
        registry.register("jobs_done", "Jobs whose result was committed", self.done.clone());
        registry.register("jobs_ended", "Jobs without a result, by reason", self.ended.clone());
        registry.register("refusals", "Requests refused, by reason", self.refused.clone());
        let help = "Time of computing a job";
        registry.register_with_unit("job", help, Unit::Seconds, self.job_seconds.clone());
        registry.register("jobs_queued", "Jobs that wait", gauges.queued.clone());
        registry.register("jobs_running", "Jobs being drawn", gauges.running.clone());
        registry.register("results", "Results on disk", gauges.results.clone());
        let help = "Bytes of results on disk";
        registry.register_with_unit("store", help, Unit::Bytes, gauges.store_bytes.clone());
        registry.register("ready", "Whether jobs are taken", gauges.ready.clone());
        registry.register("node_connected", "Whether a node holds a connection", gauges.connected.clone());
    }

    pub(super) fn job_done(&self, compute: Duration) {
        self.done.inc();
        self.job_seconds.observe(compute.as_secs_f64());
    }

    pub(super) fn job_ended(&self, reason: &EndReason) {
        let reason = match reason {
            EndReason::Cancelled => "cancelled",
            EndReason::HandedBack => "handed_back",
            EndReason::Late => "late",
            EndReason::Failed { .. } => "failed",
        };
        self.ended.get_or_create(&[("reason", reason.to_owned())]).inc();
    }

    pub(super) fn refused(&self, refusal: &Refusal) {
        self.refused.get_or_create(&[("reason", refusal.code())]).inc();
    }

    /// In the text form of OpenMetrics.
    pub(super) fn text(&self, now: Snapshot) -> Result<String, fmt::Error> {
        let gauge = |gauge: &Gauge, value: u64| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        let gauges = &self.gauges;
        gauge(&gauges.queued, now.queued as u64);
        gauge(&gauges.running, u64::from(now.is_running));
        gauge(&gauges.store_bytes, now.store_bytes);
        gauge(&gauges.results, now.results as u64);
        gauge(&gauges.ready, u64::from(now.is_ready));
        gauge(&gauges.connected, u64::from(now.is_connected));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
