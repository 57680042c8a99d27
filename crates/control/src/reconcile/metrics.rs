//! How long the steps of desktops' lives take, and which go wrong.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use rolltop_model::{FailReason, Step};

use crate::kernel::metrics::Metrics;
use crate::kernel::state::default_state;

/// Limits of the buckets that durations are counted in.
const SECONDS: [f64; 12] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepName {
    step: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failure {
    step: &'static str,
    reason: &'static str,
}

pub(crate) struct StepMetrics {
    seconds: Family<StepName, Histogram, fn() -> Histogram>,
    failures: Family<Failure, Counter>,
}
default_state!(StepMetrics);

impl Default for StepMetrics {
    fn default() -> Self {
        let seconds = Family::new_with_constructor((|| Histogram::new(SECONDS)) as fn() -> Histogram);
        Self { seconds, failures: Family::default() }
    }
}

impl Metrics for StepMetrics {
    fn register(&self, registry: &mut Registry) {
        registry.register("step_seconds", "How long steps of desktops' lives took", self.seconds.clone());
        registry.register("step_failures", "Steps of desktops' lives that went wrong", self.failures.clone());
    }
}

impl StepMetrics {
    /// A step was carried out, or went wrong for a reason.
    pub(crate) fn ended(&self, step: Step, took: Duration, failed: Option<FailReason>) {
        let Some(step) = name(step) else { return };
        match failed {
            None => self.seconds.get_or_create(&StepName { step }).observe(took.as_secs_f64()),
            Some(reason) => {
                self.failures.get_or_create(&Failure { step, reason: reason.as_str() }).inc();
            }
        }
    }
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
