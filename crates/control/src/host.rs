//! Templates and the host.

use rolltop_engine::EngineError;
use rolltop_model::Size;

use crate::caller::{Caller, Scope};
use crate::control::Control;
use crate::error::{InternalError, QueryError};
use crate::saved_templates::TemplatesError;
use crate::templates;
use crate::views::{HostStatus, TemplateSizeView, TemplateView};

impl Control {
    /// What desktops can be made from, newest version first within each name.
    pub async fn templates(&self, caller: &Caller) -> Result<Vec<TemplateView>, QueryError> {
        if !caller.may(Scope::DesktopsRead) {
            return Err(QueryError::Forbidden(Scope::DesktopsRead));
        }
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

    /// The host's health.
    pub async fn host(&self, caller: &Caller) -> Result<HostStatus, QueryError> {
        if !caller.may(Scope::HostRead) {
            return Err(QueryError::Forbidden(Scope::HostRead));
        }
        self.inner.engine.host().await.map_err(unanswered)
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
        | EngineError::DiskFull
        | EngineError::NoMemory
        | EngineError::BaseMismatch(_)
        | EngineError::MemoryUnusable(_)
        | EngineError::Host(_) => InternalError::from(error).into(),
    }
}
