//! What the server and its node have counted, as Prometheus text.

use crate::app::App;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What one route has seen.
#[derive(Debug, Default)]
pub struct RouteStats {
    name: String,
    /// By the status' first digit.
    answers: [AtomicU64; 6],
    micros: AtomicU64,
    /// By how long it took, as [`REQUEST_US`] says; the last took longer.
    took: [AtomicU64; REQUEST_US.len() + 1],
}

/// The upper bounds of the histogram of all requests, microseconds.
const REQUEST_US: [u64; 11] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 1_000_000, 5_000_000,
];

impl RouteStats {
    /// One answer.
    pub fn note(&self, status: u16, took: Duration) {
        self.answers[usize::from(status / 100).min(5)].fetch_add(1, Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Relaxed);
        let bucket = REQUEST_US.partition_point(|bound| *bound < micros);
        self.took[bucket].fetch_add(1, Relaxed);
    }
}

/// What was counted.
#[derive(Debug, Default)]
pub struct Metrics {
    routes: Mutex<Vec<Arc<RouteStats>>>,
    /// Payments asked of this server, by what became of them.
    pub(crate) payments: [AtomicU64; PAYMENTS.len()],
}

/// What becomes of a payment.
pub const PAYMENTS: [&str; 5] = ["paid", "authorized", "step_up", "denied", "rejected"];

impl Metrics {
    /// Counts for one route.
    pub fn route(&self, name: String) -> Arc<RouteStats> {
        let stats = Arc::new(RouteStats {
            name,
            ..RouteStats::default()
        });
        self.routes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(&stats));
        stats
    }

    /// One payment.
    pub fn payment(&self, outcome: &str) {
        if let Some(at) = PAYMENTS.iter().position(|name| *name == outcome) {
            self.payments[at].fetch_add(1, Relaxed);
        }
    }
}

struct Counted(App);

impl std::fmt::Debug for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Counted")
    }
}

type Encoded = Result<(), std::fmt::Error>;

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> Encoded {
    let metric = ConstCounter::new(value);
    let encoder = encoder.encode_descriptor(name, help, None, metric.metric_type())?;
    metric.encode(encoder)
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> Encoded {
    let metric = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
    let encoder = encoder.encode_descriptor(name, help, None, metric.metric_type())?;
    metric.encode(encoder)
}

impl Collector for Counted {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Encoded {
        let e = &mut encoder;
        let app = &self.0;
        let stats = app.node.stats();
        gauge(
            e,
            "farthing_queue_depth",
            "Commands waiting now",
            stats.queued,
        )?;
        counter(
            e,
            "farthing_batches",
            "Journal rows committed",
            stats.batches,
        )?;
        counter(e, "farthing_events", "Events committed", stats.events)?;
        counter(
            e,
            "farthing_refusals",
            "Events that are refusals",
            stats.refused,
        )?;
        counter(
            e,
            "farthing_rejections",
            "Commands that left no trace",
            stats.rejected,
        )?;
        counter(
            e,
            "farthing_repeats",
            "Commands answered before",
            stats.known,
        )?;
        counter(
            e,
            "farthing_busy",
            "Submissions told to come back",
            stats.busy,
        )?;
        counter(
            e,
            "farthing_journal_bytes",
            "Bytes of events committed",
            stats.bytes,
        )?;
        gauge(
            e,
            "farthing_journal_row",
            "The last durable row",
            stats.durable_seq,
        )?;
        gauge(
            e,
            "farthing_snapshot_row",
            "The row of the newest snapshot",
            stats.snapshot_seq,
        )?;
        gauge(
            e,
            "farthing_clock_jumped",
            "1 while a clock jump waits for confirmation",
            u64::from(stats.clock_jumped),
        )?;
        if let Some(behind) = crate::history::rows_behind(app, stats.durable_seq) {
            gauge(
                e,
                "farthing_read_model_rows_behind",
                "Rows the read model has not seen",
                behind,
            )?;
        }
        {
            let buckets: Vec<(f64, u64)> = stats
                .commit_us
                .iter()
                .map(|(us, count)| {
                    (
                        if *us == u64::MAX {
                            f64::INFINITY
                        } else {
                            *us as f64 / 1e6
                        },
                        *count,
                    )
                })
                .collect();
            let count = buckets.iter().map(|(_, count)| count).sum();
            let sum = stats.commit_us_sum as f64 / 1e6;
            let help = "Duration of journal commits";
            let mut histogram = e.encode_descriptor(
                "farthing_commit",
                help,
                Some(&Unit::Seconds),
                MetricType::Histogram,
            )?;
            histogram.encode_histogram::<prometheus_client::encoding::NoLabelSet>(
                sum, count, &buckets, None,
            )?;
        }
        {
            let mut family = e.encode_descriptor(
                "farthing_payments",
                "Payments asked of this server, by outcome",
                None,
                MetricType::Counter,
            )?;
            for (name, count) in PAYMENTS.iter().zip(&app.metrics.payments) {
                let labels = [("outcome", *name)];
                ConstCounter::new(count.load(Relaxed)).encode(family.encode_family(&labels)?)?;
            }
        }
        let routes = app
            .metrics
            .routes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        {
            let mut family = e.encode_descriptor(
                "farthing_http_requests",
                "Requests answered, by route and kind of status",
                None,
                MetricType::Counter,
            )?;
            for route in routes.iter() {
                for (digit, count) in route.answers.iter().enumerate() {
                    let count = count.load(Relaxed);
                    if count > 0 {
                        let status = format!("{digit}xx");
                        let labels = [("route", route.name.as_str()), ("status", status.as_str())];
                        ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
                    }
                }
            }
        }
        {
            let bounds = REQUEST_US.iter().map(|us| *us as f64 / 1e6);
            let counts = (0..=REQUEST_US.len()).map(|at| {
                let of_route = |route: &Arc<RouteStats>| route.took[at].load(Relaxed);
                routes.iter().map(of_route).sum::<u64>()
            });
            let buckets: Vec<(f64, u64)> = bounds.chain([f64::INFINITY]).zip(counts).collect();
            let count = buckets.iter().map(|(_, count)| count).sum();
            let micros: u64 = routes.iter().map(|route| route.micros.load(Relaxed)).sum();
            let help = "Time spent answering a request, of all routes";
            let mut histogram = e.encode_descriptor(
                "farthing_http_request",
                help,
                Some(&Unit::Seconds),
                MetricType::Histogram,
            )?;
            histogram.encode_histogram::<prometheus_client::encoding::NoLabelSet>(
                micros as f64 / 1e6,
                count,
                &buckets,
                None,
            )?;
        }
        {
            let mut info = e.encode_descriptor(
                "farthing_build_info",
                "1, with the version that runs",
                None,
                MetricType::Gauge,
            )?;
            let labels = [("version", env!("CARGO_PKG_VERSION"))];
            ConstGauge::new(1i64).encode(info.encode_family(&labels)?)?;
        }
        let mut family = e.encode_descriptor(
            "farthing_http_request_duration_us",
            "Microseconds spent answering, by route",
            None,
            MetricType::Counter,
        )?;
        for route in routes.iter().filter(|r| r.micros.load(Relaxed) > 0) {
            let labels = [("route", route.name.as_str())];
            ConstCounter::new(route.micros.load(Relaxed)).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// All of it, as text.
///
/// # Errors
/// Never, to memory.
pub fn text(app: &App) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Counted(app.clone())));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)?;
    Ok(text)
}
