//! Templates and the host.

use rolltop_api_types::Scope;
use rolltop_engine::{EngineError, HostWarning};
use rolltop_model::{DesktopId, Size, SnapshotId, WorkspaceId};

use crate::caller::Caller;
use crate::control::Control;
use crate::error::{InternalError, QueryError};
use crate::saved_templates::TemplatesError;
use crate::templates;
use crate::views::{HostView, HostWarningKind, HostWarningView, TemplateSizeView, TemplateView};

impl Control {
    /// What desktops can be made from, newest version first within each name.
    pub async fn templates(&self, caller: &Caller) -> Result<Vec<TemplateView>, QueryError> {
        caller.needs(Scope::DesktopsRead)?;
        let list = self.inner.templates_for(caller.workspace).await.map_err(|error| match error {
            TemplatesError::Engine(error) => unanswered(error),
            TemplatesError::Store(error) => InternalError::from(error).into(),
        })?;
        let default = templates::choose(&list, &self.inner.config.default_template)
            .or_else(|| list.first().map(|template| &template.version))
            .cloned();
        let views = list.into_iter().map(|template| TemplateView {
            default: default.as_ref() == Some(&template.version),
            sizes: Size::ALL
                .into_iter()
                .map(|size| TemplateSizeView { size, baked: template.baked.contains(&size) })
                .collect(),
            version: template.version,
            title: template.title,
            description: template.description,
            built_at: template.built_at,
            disk_bytes: template.disk_bytes,
        });
        Ok(views.collect())
    }

    /// The host's health. What belongs to other workspaces is not named.
    pub async fn host(&self, caller: &Caller) -> Result<HostView, QueryError> {
        caller.needs(Scope::HostRead)?;
        let status = self.inner.engine.host().await.map_err(unanswered)?;
        let warnings = self.named(&status.warnings, Some(caller.workspace)).await?;
        Ok(HostView { status, warnings })
    }

    /// For the operator: what is wrong with the host, of all workspaces.
    pub async fn host_warnings(&self) -> Result<Vec<HostWarningView>, QueryError> {
        let status = self.inner.engine.host().await.map_err(unanswered)?;
        self.named(&status.warnings, None).await
    }

    async fn named(
        &self,
        warnings: &[HostWarning],
        workspace: Option<WorkspaceId>,
    ) -> Result<Vec<HostWarningView>, QueryError> {
        let mut named = Vec::with_capacity(warnings.len());
        for warning in warnings {
            named.push(match warning {
                HostWarning::MemoryUnusable { desktop, snapshot, why } => {
                    let (of, desktop, snapshot) = self.memory_of(*desktop, *snapshot, workspace).await?;
                    let message = format!("The memory of {of} can't be brought back: {why}.");
                    HostWarningView { kind: HostWarningKind::MemoryUnusable, message, desktop, snapshot }
                }
                HostWarning::ForwardingDropped { table } => HostWarningView {
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
            && let Some(row) = self.inner.store.desktop(id).await?.filter(|row| may_tell(row.workspace))
        {
            return Ok((row.name.to_string(), Some(id), None));
        }
        if let Some(id) = snapshot
            && let Some(row) = self.inner.store.snapshot(id).await?.filter(|row| may_tell(row.workspace))
        {
            return Ok((format!("a snapshot of {}", row.desktop_name), None, Some(id)));
        }
        let whose = if workspace.is_some() { "something of another workspace" } else { "something unknown" };
        Ok((whose.to_owned(), None, None))
    }
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
