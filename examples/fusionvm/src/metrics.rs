//! Figures for Prometheus.

use std::sync::atomic::AtomicI64;
use std::time::Duration;

use dfsn_consensus::vm::Accepted;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::plugin::proto::io::prometheus::client::{self as wire, MetricFamily};

/// Seconds of sealing a block.
const SEAL_BUCKETS: [f64; 9] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0];

/// What the chain's thread counts.
#[derive(Debug)]
pub(crate) struct ChainMetrics {
    height: Gauge<i64, AtomicI64>,
    transactions: Counter,
    duties: Counter,
    events: Counter,
    accepted: Counter,
    refused: Counter,
    waiting_transactions: Gauge,
    waiting_duties: Gauge,
    seal_seconds: Histogram,
}

impl Default for ChainMetrics {
    fn default() -> Self {
        Self {
            height: Gauge::default(),
            transactions: Counter::default(),
            duties: Counter::default(),
            events: Counter::default(),
            accepted: Counter::default(),
            refused: Counter::default(),
            waiting_transactions: Gauge::default(),
            waiting_duties: Gauge::default(),
            seal_seconds: Histogram::new(SEAL_BUCKETS),
        }
    }
}

impl ChainMetrics {
    pub(crate) fn sealed(&self, accepted: &Accepted, waiting: (usize, usize), took: Duration) {
        let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        let gauge = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        let (header, body) = (accepted.block.header(), accepted.block.body());
        self.height.set(i64::try_from(header.height.get()).unwrap_or(i64::MAX));
        self.transactions.inc_by(count(body.transactions.len()));
        self.duties.inc_by(count(body.duties.len() + body.data.len()));
        self.events.inc_by(count(accepted.receipts.events.len()));
        self.waiting_transactions.set(gauge(waiting.0));
        self.waiting_duties.set(gauge(waiting.1));
        self.seal_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn submitted(&self, is_taken: bool) {
        if is_taken { &self.accepted } else { &self.refused }.inc();
    }

    /// The figures but for the histogram, as AvalancheGo collects them.
    pub(crate) fn families(&self) -> Vec<MetricFamily> {
        let counters = [
            ("transactions", "Transactions in accepted blocks", &self.transactions),
            ("duties", "Duties in accepted blocks", &self.duties),
            ("events", "Events of jobs and stakes", &self.events),
            ("submissions_accepted", "Transactions taken by the mempool", &self.accepted),
            ("submissions_refused", "Transactions refused", &self.refused),
        ];
        let gauges = [
            ("height", "Height of the last accepted block", self.height.get()),
            (
                "waiting_transactions",
                "Transactions in the mempool after the last block",
                self.waiting_transactions.get(),
            ),
            ("waiting_duties", "Duties in the mempool after the last block", self.waiting_duties.get()),
        ];
        // As Prometheus has all numbers.
        let counters = counters.into_iter().map(|(name, help, counter)| {
            let counter = wire::Counter { value: Some(counter.get() as f64) };
            let metric = wire::Metric { counter: Some(counter), ..Default::default() };
            family(name, help, wire::MetricType::Counter, metric)
        });
        let gauges = gauges.into_iter().map(|(name, help, value)| {
            let gauge = wire::Gauge { value: Some(value as f64) };
            let metric = wire::Metric { gauge: Some(gauge), ..Default::default() };
            family(name, help, wire::MetricType::Gauge, metric)
        });
        counters.chain(gauges).collect()
    }

    /// All figures in the text form of OpenMetrics.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut registry = Registry::with_prefix("fusionvm");
        registry.register("height", "Height of the last accepted block", self.height.clone());
        registry.register("transactions", "Transactions in accepted blocks", self.transactions.clone());
        registry.register("duties", "Duties in accepted blocks", self.duties.clone());
        registry.register("events", "Events of jobs and stakes", self.events.clone());
        registry.register("submissions_accepted", "Transactions taken by the mempool", self.accepted.clone());
        registry.register("submissions_refused", "Transactions refused", self.refused.clone());
        registry.register(
            "waiting_transactions",
            "Transactions in the mempool after the last block",
            self.waiting_transactions.clone(),
        );
        registry.register(
            "waiting_duties",
            "Duties in the mempool after the last block",
            self.waiting_duties.clone(),
        );
        registry.register(
            "seal_seconds",
            "Seconds of building and storing a block",
            self.seal_seconds.clone(),
        );
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }
}

fn family(name: &str, help: &str, kind: wire::MetricType, metric: wire::Metric) -> MetricFamily {
    let (name, help) = (Some(name.to_owned()), Some(help.to_owned()));
    MetricFamily { name, help, r#type: Some(kind.into()), metric: vec![metric] }
}
