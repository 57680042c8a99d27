//! What the process tells whoever watches it, in Prometheus' text format: see `docs/operating.md` for the list.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use rolltop_engine::Machine;
use rolltop_model::{DesktopState, FailReason, Step};
use rolltop_store::Standing;

use crate::inside::uses::Uses;
use crate::kernel::control::{Control, Kernel};
use crate::kernel::state::default_state;

/// Limits of the buckets that durations are counted in.
const SECONDS: [f64; 12] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0];

type Bytes = Gauge<u64, AtomicU64>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByKind {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepName {
    step: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failure {
    step: &'static str,
    reason: &'static str,
}

pub(crate) struct Metrics {
    registry: Registry,
    desktops: Family<State, Gauge>,
    memory: Bytes,
    disk: Bytes,
    open: Family<ByKind, Gauge>,
    host_up: Gauge,
    host_memory: Bytes,
    host_memory_available: Bytes,
    host_disk: Bytes,
    host_disk_available: Bytes,
    leftovers: Gauge,
    steps: Family<StepName, Histogram, fn() -> Histogram>,
    failures: Family<Failure, Counter>,
}
default_state!(Metrics);

impl Default for Metrics {
    fn default() -> Self {
        let mut all = Self {
            registry: Registry::with_prefix("rolltop"),
            desktops: Family::default(),
            memory: Bytes::default(),
            disk: Bytes::default(),
            open: Family::default(),
            host_up: Gauge::default(),
            host_memory: Bytes::default(),
            host_memory_available: Bytes::default(),
            host_disk: Bytes::default(),
            host_disk_available: Bytes::default(),
            leftovers: Gauge::default(),
            steps: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            failures: Family::default(),
        };
        let registry = &mut all.registry;
        registry.register("desktops", "Desktops, by state", all.desktops.clone());
        let bytes = [
            ("desktops_memory_bytes", "Host memory that running desktops have for themselves", &all.memory),
            ("desktops_disk_bytes", "Host disk that desktops have for themselves", &all.disk),
            ("host_memory_bytes", "The host's memory", &all.host_memory),
            ("host_memory_available_bytes", "What is free of it", &all.host_memory_available),
            ("host_disk_bytes", "The disk that desktops are on", &all.host_disk),
            ("host_disk_available_bytes", "What is free of it", &all.host_disk_available),
        ];
        for (name, help, gauge) in bytes {
            registry.register(name, help, gauge.clone());
        }
        registry.register("open_connections", "What is open to desktops, by kind", all.open.clone());
        registry.register("host_up", "1 while the host process answers", all.host_up.clone());
        let help = "Processes, networks and files on the host that belong to nothing; must be 0";
        registry.register("leftovers", help, all.leftovers.clone());
        registry.register("step_seconds", "How long steps of desktops' lives took", all.steps.clone());
        registry.register("step_failures", "Steps of desktops' lives that went wrong", all.failures.clone());
        all
    }
}

impl Metrics {
    /// What there is, at each pass over everything.
    pub(crate) fn show(&self, kernel: &Kernel, standings: &[Arc<Standing>], machines: Option<&[Machine]>) {
        for state in DesktopState::NAMES {
            let count = standings.iter().filter(|standing| standing.record.state.name() == state).count();
            self.desktops.get_or_create(&State { state }).set(whole(count));
        }
        for (kind, count) in kernel.state::<Uses>().totals() {
            self.open.get_or_create(&ByKind { kind: kind.as_str() }).set(whole(count));
        }
        self.host_up.set(i64::from(machines.is_some()));
        if let Some(machines) = machines {
            self.memory.set(machines.iter().map(|machine| machine.memory_bytes).sum());
            self.disk.set(machines.iter().map(|machine| machine.disk_bytes).sum());
        }
    }

    /// The host, and what is left over on it. That holds up whatever is being made.
    pub(crate) async fn look_at_host(&self, kernel: &Kernel) {
        match kernel.engine.host().await {
            Ok(host) => {
                self.host_memory.set(host.memory_total_bytes);
                self.host_memory_available.set(host.memory_available_bytes);
                self.host_disk.set(host.disk_total_bytes);
                self.host_disk_available.set(host.disk_available_bytes);
            }
            Err(error) => tracing::debug!(%error, "the host does not say how it is"),
        }
        match kernel.leftovers().await {
            Ok(found) => {
                for leftover in &found {
                    tracing::warn!(kind = leftover.kind, name = leftover.name, "left over on the host");
                }
                self.leftovers.set(whole(found.len()));
            }
            Err(error) => tracing::debug!(%error, "the host does not say what is left over"),
        }
    }

    /// A step was carried out, or went wrong for a reason.
    pub(crate) fn step_ended(&self, step: Step, took: Duration, failed: Option<FailReason>) {
        let Some(step) = name(step) else { return };
        match failed {
            None => self.steps.get_or_create(&StepName { step }).observe(took.as_secs_f64()),
            Some(reason) => {
                self.failures.get_or_create(&Failure { step, reason: reason.as_str() }).inc();
            }
        }
    }
}

impl Control {
    /// Everything that is counted, in the text format of OpenMetrics.
    pub fn metrics(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.kernel.state::<Metrics>().registry) {
            Ok(()) => text,
            // A String takes whatever is written to it.
            Err(std::fmt::Error) => String::new(),
        }
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Of those that take time.
fn name(step: Step) -> Option<&'static str> {
    match step {
        Step::Fork { .. } => Some("fork"),
        Step::Start { .. } => Some("start"),
        Step::Resume { .. } => Some("resume"),
        Step::Personalise { .. } => Some("personalise"),
        Step::Release => Some("release"),
        Step::AwaitScreen { .. } => Some("screen"),
        Step::Suspend => Some("suspend"),
        Step::Stop => Some("stop"),
        Step::Destroy => Some("destroy"),
        Step::Rest
        | Step::Wait { .. }
        | Step::Plan { .. }
        | Step::Reboot { .. }
        | Step::Adopt { .. }
        | Step::Discard
        | Step::NoScreen { .. }
        | Step::Settle(_)
        | Step::AcceptStop(_)
        | Step::Fail(_)
        | Step::Forget => None,
    }
}
