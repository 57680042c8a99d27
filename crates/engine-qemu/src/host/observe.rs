//! Looking at machines and at the host, and connecting to doors.

use std::sync::Arc;

use rolltop_engine::{DoorStream, EngineError, HostStatus, Machine};
use rolltop_model::DesktopId;

use super::Host;
use super::desktop::Desktop;
use crate::command_line::CONSOLE;
use crate::console;
use crate::fault::Doing;
use crate::host_status;

impl Host {
    pub(crate) async fn observe(self: Arc<Self>) -> Result<Vec<Machine>, EngineError> {
        let desktops: Vec<Arc<Desktop>> = self.desktops().values().cloned().collect();
        self.measured(move |host| desktops.iter().filter_map(|desktop| desktop.machine(host)).collect()).await
    }

    pub(crate) async fn observe_one(self: Arc<Self>, id: DesktopId) -> Result<Option<Machine>, EngineError> {
        match self.find(id) {
            None => Ok(None),
            Some(desktop) => self.measured(move |host| desktop.machine(host)).await,
        }
    }

    async fn measured<T: Send + 'static>(
        self: Arc<Self>,
        measure: impl FnOnce(&Host) -> T + Send + 'static,
    ) -> Result<T, EngineError> {
        let measuring = tokio::task::spawn_blocking(move || measure(&self));
        measuring.await.map_err(|_| EngineError::Host("observing broke off".into()))
    }

    pub(crate) async fn connect(&self, id: DesktopId) -> Result<DoorStream, EngineError> {
        let desktop = self.find(id).ok_or(EngineError::UnknownDesktop)?;
        let record = desktop.record().ok_or(EngineError::UnknownDesktop)?;
        if desktop.process().is_none() {
            return Err(EngineError::NotRunning);
        }
        Ok(Box::new(self.network.connect(record.index).await?))
    }

    pub(crate) async fn console_tail(&self, id: DesktopId, max_bytes: usize) -> Result<String, EngineError> {
        let known = self.find(id).is_some_and(|desktop| desktop.record().is_some());
        if !known {
            return Err(EngineError::UnknownDesktop);
        }
        let path = self.layout.desktop(id).join(CONSOLE);
        let reading = tokio::task::spawn_blocking(move || match console::tail(&path, max_bytes) {
            // A machine that was never started has said nothing.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
            result => result.doing("reading a console"),
        });
        Ok(reading.await.map_err(|_| EngineError::Host("reading a console broke off".into()))??)
    }

    pub(crate) async fn status(&self) -> Result<HostStatus, EngineError> {
        let running = self.desktops().values().filter(|desktop| desktop.process().is_some()).count();
        let (memory, disk) = (host_status::memory(), host_status::disk(self.layout.root()));
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(HostStatus {
            engine: "qemu".to_owned(),
            accelerator: self.accelerator().await,
            qemu_version: self.qemu().await?.version.clone(),
            cpus: u32::try_from(cpus).unwrap_or(u32::MAX),
            cpu_busy: self.cpu.busy(),
            memory_total_bytes: memory.total,
            memory_available_bytes: memory.available,
            disk_total_bytes: disk.total,
            disk_available_bytes: disk.available,
            machines_running: u32::try_from(running).unwrap_or(u32::MAX),
            uptime_seconds: host_status::uptime_seconds(),
            warnings: self.warnings().await?,
        })
    }
}
