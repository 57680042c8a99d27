//! How the host is, and what is left over on it.

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::kernel::control::Kernel;
use crate::kernel::metrics::{Bytes, Metrics, whole};
use crate::kernel::state::default_state;

#[derive(Default)]
pub(crate) struct HostMetrics {
    up: Gauge,
    memory: Bytes,
    memory_available: Bytes,
    disk: Bytes,
    disk_available: Bytes,
    leftovers: Gauge,
}
default_state!(HostMetrics);

impl Metrics for HostMetrics {
    fn register(&self, registry: &mut Registry) {
        registry.register("host_up", "1 while the host process answers", self.up.clone());
        for (name, help, gauge) in [
            ("host_memory_bytes", "The host's memory", &self.memory),
            ("host_memory_available_bytes", "What is free of it", &self.memory_available),
            ("host_disk_bytes", "The disk that desktops are on", &self.disk),
            ("host_disk_available_bytes", "What is free of it", &self.disk_available),
        ] {
            registry.register(name, help, gauge.clone());
        }
        let help = "Processes, networks and files on the host that belong to nothing; must be 0";
        registry.register("leftovers", help, self.leftovers.clone());
    }
}

impl HostMetrics {
    /// Whether it said which machines it has.
    pub(crate) fn answers(&self, answers: bool) {
        self.up.set(i64::from(answers));
    }

    /// Asks the host. That holds up whatever is being made.
    pub(crate) async fn look(&self, kernel: &Kernel) {
        match kernel.engine.host().await {
            Ok(host) => {
                self.memory.set(host.memory_total_bytes);
                self.memory_available.set(host.memory_available_bytes);
                self.disk.set(host.disk_total_bytes);
                self.disk_available.set(host.disk_available_bytes);
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
}
