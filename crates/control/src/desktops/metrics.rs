//! How many desktops there are, and what they take.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use rolltop_engine::Machine;
use rolltop_model::DesktopState;
use rolltop_store::Standing;

use crate::kernel::metrics::{Bytes, Metrics, whole};
use crate::kernel::state::default_state;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

#[derive(Default)]
pub(crate) struct DesktopMetrics {
    count: Family<State, Gauge>,
    memory: Bytes,
    disk: Bytes,
}
default_state!(DesktopMetrics);

impl Metrics for DesktopMetrics {
    fn register(&self, registry: &mut Registry) {
        registry.register("desktops", "Desktops, by state", self.count.clone());
        let help = "Host memory that running desktops have for themselves";
        registry.register("desktops_memory_bytes", help, self.memory.clone());
        let help = "Host disk that desktops have for themselves";
        registry.register("desktops_disk_bytes", help, self.disk.clone());
    }
}

impl DesktopMetrics {
    /// What there is, and the machines if the host said which it has.
    pub(crate) fn show(&self, standings: &[Arc<Standing>], machines: Option<&[Machine]>) {
        for state in DesktopState::NAMES {
            let count = standings.iter().filter(|standing| standing.record.state.name() == state).count();
            self.count.get_or_create(&State { state }).set(whole(count));
        }
        if let Some(machines) = machines {
            self.memory.set(machines.iter().map(|machine| machine.memory_bytes).sum());
            self.disk.set(machines.iter().map(|machine| machine.disk_bytes).sum());
        }
    }
}
