//! [`QemuEngine`]: the trait [`Engine`], answered by this host.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rolltop_engine::image::{ExportRequest, ImportRequest};
use rolltop_engine::{
    Bootstrap, Capable, DestroyReceipt, DiskAllowance, DoorStream, Engine, EngineError, Flattening,
    ForkRequest, HostStatus, Images, Known, Lacks, LayerUse, Layers, Leftover, Machine, Memory,
    ResizeRequest, RevertRequest, SaveTemplateRequest, SnapshotInfo, SnapshotRequest, StartRequest,
    SuspendRequest, TemplateInfo,
};
use rolltop_model::{DesktopId, Size, SnapshotId, TemplateVersion};

use crate::cgroup::Share;
use crate::config::QemuConfig;
use crate::host::Host;

/// The QEMU engine of this host. Needs root. Dropping it, or the death of its process, ends no
/// machine.
pub struct QemuEngine {
    host: Arc<Host>,
}

impl QemuEngine {
    /// Makes the host ready and takes over the machines that run already.
    ///
    /// The working directory must not change afterwards if the configured directory is
    /// relative. Fails if another engine works on the same directory.
    pub async fn open(config: QemuConfig) -> Result<Arc<Self>, EngineError> {
        let host = Arc::new(Host::open(config).await?);
        host.adopt_all().await?;
        Ok(Arc::new(Self { host }))
    }

    /// Boots a size of a template once and keeps its memory, so that forks of that size start
    /// in about a second. Takes a minute or more. `progress` is told what is being done, in
    /// sentences for people. A bake that is there and fits this host is left as it is.
    pub async fn bake(
        &self,
        version: &TemplateVersion,
        size: Size,
        progress: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<(), EngineError> {
        let version = version.clone();
        self.carry(move |host| async move { host.bake(&version, size, Share::Full, &progress).await }).await
    }

    /// Keeps desktops connected whatever happens to the firewall and the resolver. Never returns.
    pub async fn tend_network(&self) {
        Arc::clone(&self.host).tend_network().await;
    }

    /// Once: loads rules that are missing or name another resolver.
    pub async fn mend_network(&self) -> Result<(), EngineError> {
        Ok(self.host.mend_network().await?)
    }

    /// Keeps the configured sizes of the newest version of each template baked, in the
    /// background, for as long as it is polled. Never returns.
    pub async fn keep_baked(&self) {
        Arc::clone(&self.host).keep_baked().await;
    }

    /// Ends the machines of bakes under way: unlike desktops they are of no use without us.
    pub async fn end_bakes(&self) -> Result<(), EngineError> {
        self.host.end_bakes().await
    }

    /// Ends every machine and removes all this directory has on the host, the firewall's table and
    /// the parent control groups too. Templates stay. Returns what was removed.
    pub async fn clear(&self) -> Result<Vec<Leftover>, EngineError> {
        let removed = self.sweep(&Known::default()).await?;
        self.carry(|host| async move { host.withdraw().await }).await?;
        Ok(removed)
    }

    /// Carries an operation through in a task of its own: half of a fork is worse than a whole
    /// one, so it does not end with its caller.
    async fn carry<T, F>(&self, operation: impl FnOnce(Arc<Host>) -> F) -> Result<T, EngineError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, EngineError>> + Send + 'static,
    {
        tokio::spawn(operation(Arc::clone(&self.host)))
            .await
            .unwrap_or_else(|error| Err(EngineError::Host(format!("the operation broke off: {error}"))))
    }
}

impl Capable for QemuEngine {
    fn memory(&self) -> Result<&dyn Memory, Lacks> {
        Ok(self)
    }

    fn layers(&self) -> Result<&dyn Layers, Lacks> {
        Ok(self)
    }

    fn images(&self) -> Result<&dyn Images, Lacks> {
        Ok(self)
    }
}

#[async_trait]
impl Engine for QemuEngine {
    async fn templates(&self) -> Result<Vec<TemplateInfo>, EngineError> {
        Arc::clone(&self.host).templates().await
    }

    async fn bootstrap(&self, template: &TemplateVersion) -> Result<Bootstrap, EngineError> {
        self.host.bootstrap(template).await
    }

    async fn fork(&self, request: &ForkRequest) -> Result<(), EngineError> {
        let request = request.clone();
        self.carry(|host| host.fork(request)).await
    }

    async fn start(&self, request: &StartRequest) -> Result<(), EngineError> {
        let request = request.clone();
        self.carry(|host| host.start(request)).await
    }

    async fn allow_disk(&self, allowances: Vec<DiskAllowance>) -> Result<(), EngineError> {
        self.host.allow_disk(allowances);
        Ok(())
    }

    async fn resize(&self, request: &ResizeRequest) -> Result<(), EngineError> {
        let request = request.clone();
        self.carry(|host| host.resize(request)).await
    }

    async fn release(&self, desktop: DesktopId, fence: u64) -> Result<(), EngineError> {
        self.carry(|host| host.release(desktop, fence)).await
    }

    async fn stop(&self, desktop: DesktopId, fence: u64, grace: Duration) -> Result<(), EngineError> {
        self.carry(|host| host.stop(desktop, fence, grace)).await
    }

    async fn destroy(&self, desktop: DesktopId, fence: u64) -> Result<DestroyReceipt, EngineError> {
        self.carry(|host| host.destroy(desktop, fence)).await
    }

    async fn observe(&self) -> Result<Vec<Machine>, EngineError> {
        Arc::clone(&self.host).observe().await
    }

    async fn observe_one(&self, desktop: DesktopId) -> Result<Option<Machine>, EngineError> {
        Arc::clone(&self.host).observe_one(desktop).await
    }

    async fn connect(&self, desktop: DesktopId) -> Result<DoorStream, EngineError> {
        self.host.connect(desktop).await
    }

    async fn console_tail(&self, desktop: DesktopId, max_bytes: usize) -> Result<String, EngineError> {
        self.host.console_tail(desktop, max_bytes).await
    }

    async fn host(&self) -> Result<HostStatus, EngineError> {
        self.host.status().await
    }

    async fn leftovers(&self, known: &Known) -> Result<Vec<Leftover>, EngineError> {
        let known = known.clone();
        self.carry(|host| async move { host.leftovers(&known).await }).await
    }

    async fn sweep(&self, known: &Known) -> Result<Vec<Leftover>, EngineError> {
        let known = known.clone();
        self.carry(|host| async move { host.sweep(&known).await }).await
    }
}

#[async_trait]
impl Memory for QemuEngine {
    async fn suspend(&self, request: &SuspendRequest) -> Result<(), EngineError> {
        let request = request.clone();
        self.carry(|host| host.suspend(request)).await
    }

    async fn resume(&self, request: &StartRequest) -> Result<(), EngineError> {
        let request = request.clone();
        self.carry(|host| host.resume(request)).await
    }
}

#[async_trait]
impl Layers for QemuEngine {
    async fn snapshot(&self, request: &SnapshotRequest) -> Result<SnapshotInfo, EngineError> {
        let request = request.clone();
        self.carry(|host| host.snapshot(request)).await
    }

    async fn revert(&self, request: &RevertRequest) -> Result<(), EngineError> {
        let request = request.clone();
        self.carry(|host| host.revert(request)).await
    }

    async fn snapshots(&self) -> Result<Vec<SnapshotInfo>, EngineError> {
        Ok(self.host.snapshots())
    }

    async fn remove_snapshot(&self, snapshot: SnapshotId) -> Result<u64, EngineError> {
        self.carry(move |host| host.remove_snapshot(snapshot)).await
    }

    async fn layer_uses(&self) -> Result<Vec<LayerUse>, EngineError> {
        Arc::clone(&self.host).layers().await
    }

    async fn flatten(&self, desktop: DesktopId, fence: u64) -> Result<Flattening, EngineError> {
        self.carry(move |host| host.flatten(desktop, fence)).await
    }
}

#[async_trait]
impl Images for QemuEngine {
    async fn save_template(&self, request: &SaveTemplateRequest) -> Result<(), EngineError> {
        let request = request.clone();
        self.carry(|host| host.save_template(request)).await
    }

    async fn remove_template(&self, version: &TemplateVersion) -> Result<(), EngineError> {
        let version = version.clone();
        self.carry(|host| host.remove_template(version)).await
    }

    async fn export(&self, request: &ExportRequest) -> Result<DoorStream, EngineError> {
        let request = request.clone();
        self.carry(|host| host.export(request)).await
    }

    async fn import(&self, request: &ImportRequest) -> Result<DoorStream, EngineError> {
        let request = request.clone();
        self.carry(|host| host.import(request)).await
    }
}
