//! Templates and the host.

pub(crate) mod metrics;

use rolltop_api_types::{self as api, HostWarningKind, Scope};
use rolltop_boxed::boxed;
use rolltop_engine::{Accelerator, EngineError, HostWarning};
use rolltop_model::{DesktopId, Size, SnapshotId, WorkspaceId};

use crate::kernel::caller::Caller;
use crate::kernel::control::Control;
use crate::kernel::error::{InternalError, QueryError};
use crate::templates::list;
use crate::templates::saved::TemplatesError;

#[boxed]
impl Control {
    /// What desktops can be made from, newest version first within each name.
    pub async fn templates(&self, caller: &Caller) -> Result<Vec<api::Template>, QueryError> {
        caller.needs(Scope::DesktopsRead)?;
        let list = self.kernel.templates_for(caller.workspace).await.map_err(|error| match error {
            TemplatesError::Engine(error) => unanswered(error),
            TemplatesError::Store(error) => InternalError::from(error).into(),
        })?;
        let default = list::choose(&list, &self.kernel.config.default_template)
            .or_else(|| list.first().map(|template| &template.version))
            .cloned();
        let views = list.into_iter().map(|template| api::Template {
            default: default.as_ref() == Some(&template.version),
            sizes: Size::ALL
                .into_iter()
                .map(|size| api::TemplateSize {
                    size,
                    vcpus: size.vcpus(),
                    memory_mib: size.memory_mib(),
                    disk_gib: size.disk_gib(),
                    baked: template.baked.contains(&size),
                })
                .collect(),
            name: template.version.name().to_owned(),
            version: template.version.to_string(),
            title: template.title,
            description: template.description,
            built_at: template.built_at,
            disk_bytes: template.disk_bytes,
        });
        Ok(views.collect())
    }

    /// The host's health. What belongs to other workspaces is not named.
    pub async fn host(&self, caller: &Caller) -> Result<api::Host, QueryError> {
        caller.needs(Scope::HostRead)?;
        let status = self.kernel.engine.host().await.map_err(unanswered)?;
        let warnings = self.named(&status.warnings, Some(caller.workspace)).await?;
        Ok(api::Host {
            engine: status.engine,
            accelerator: accelerator(status.accelerator),
            qemu_version: status.qemu_version,
            cpus: status.cpus,
            cpu_busy: status.cpu_busy,
            memory_total_bytes: status.memory_total_bytes,
            memory_available_bytes: status.memory_available_bytes,
            disk_total_bytes: status.disk_total_bytes,
            disk_available_bytes: status.disk_available_bytes,
            machines_running: status.machines_running,
            uptime_seconds: status.uptime_seconds,
            warnings,
            not_supported: self.not_supported(),
        })
    }

    /// For the operator: what is wrong with the host, of all workspaces.
    pub async fn host_warnings(&self) -> Result<Vec<api::HostWarning>, QueryError> {
        let status = self.kernel.engine.host().await.map_err(unanswered)?;
        self.named(&status.warnings, None).await
    }

    async fn named(
        &self,
        warnings: &[HostWarning],
        workspace: Option<WorkspaceId>,
    ) -> Result<Vec<api::HostWarning>, QueryError> {
        let mut named = Vec::with_capacity(warnings.len());
        for warning in warnings {
            named.push(match warning {
                HostWarning::MemoryUnusable { desktop, snapshot, why } => {
                    let (of, desktop, snapshot) = self.memory_of(*desktop, *snapshot, workspace).await?;
                    let message = format!("The memory of {of} can't be brought back: {why}.");
                    api::HostWarning { kind: HostWarningKind::MemoryUnusable, message, desktop, snapshot }
                }
                HostWarning::ForwardingDropped { table } => api::HostWarning {
                    kind: HostWarningKind::ForwardingDropped,
                    message: format!(
                        "The firewall's table {table} drops forwarded packets; rolltopd doctor says how to let desktops' \
                         through."
                    ),
                    desktop: None,
                    snapshot: None,
                },
            });
        }
        Ok(named)
    }

    /// Whose memory it is, in words and as far as it may be told.
    async fn memory_of(
        &self,
        desktop: Option<DesktopId>,
        snapshot: Option<SnapshotId>,
        workspace: Option<WorkspaceId>,
    ) -> Result<(String, Option<DesktopId>, Option<SnapshotId>), InternalError> {
        let may_tell = |of: WorkspaceId| workspace.is_none_or(|workspace| workspace == of);
        if let Some(id) = desktop
            && let Some(row) = self.kernel.store.desktop(id).await?.filter(|row| may_tell(row.workspace))
        {
            return Ok((row.name.to_string(), Some(id), None));
        }
        if let Some(id) = snapshot
            && let Some(row) = self.kernel.store.snapshot(id).await?.filter(|row| may_tell(row.workspace))
        {
            return Ok((format!("a snapshot of {}", row.desktop_name), None, Some(id)));
        }
        let whose = if workspace.is_some() { "something of another workspace" } else { "something unknown" };
        Ok((whose.to_owned(), None, None))
    }
}

fn accelerator(of: Accelerator) -> api::Accelerator {
    let (kind, why) = match of {
        Accelerator::Kvm => (api::AcceleratorKind::Kvm, None),
        Accelerator::Tcg { why } => (api::AcceleratorKind::Tcg, Some(why)),
        Accelerator::Simulated => (api::AcceleratorKind::Simulated, None),
    };
    api::Accelerator { kind, why }
}

fn unanswered(error: EngineError) -> QueryError {
    match error {
        EngineError::Unreachable(_) | EngineError::Timeout(_) => {
            tracing::warn!(%error, "the host did not answer");
            QueryError::HostUnreachable
        }
        EngineError::UnknownTemplate(_)
        | EngineError::UnknownDesktop
        | EngineError::UnknownSnapshot
        | EngineError::NotRunning
        | EngineError::Fenced
        | EngineError::CutShort
        | EngineError::Lacks(_)
        | EngineError::DiskFull
        | EngineError::NoMemory
        | EngineError::BaseMismatch(_)
        | EngineError::MemoryUnusable(_)
        | EngineError::Host(_) => InternalError::from(error).into(),
    }
}
