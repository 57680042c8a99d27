//! What desktops can be made from, as the engine said a moment ago.

use std::time::Duration;

use crate::kernel::state::default_state;
use rolltop_engine::{Engine, EngineError, TemplateInfo};
use rolltop_model::TemplateVersion;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long an answer is good for.
const AGE: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(crate) struct Templates {
    known: Mutex<Option<(Instant, Vec<TemplateInfo>)>>,
}
default_state!(Templates);

impl Templates {
    /// There are others now.
    pub(crate) async fn forget(&self) {
        *self.known.lock().await = None;
    }

    /// The engine's list; an older answer while the engine can't be reached.
    pub(crate) async fn list(&self, engine: &dyn Engine) -> Result<Vec<TemplateInfo>, EngineError> {
        let mut known = self.known.lock().await;
        if let Some((at, list)) = known.as_ref().filter(|(at, _)| at.elapsed() < AGE) {
            tracing::trace!(age = ?at.elapsed(), "templates are known");
            return Ok(list.clone());
        }
        match engine.templates().await {
            Ok(list) => {
                *known = Some((Instant::now(), list.clone()));
                Ok(list)
            }
            Err(error) => match known.as_ref() {
                Some((_, list)) => Ok(list.clone()),
                None => Err(error),
            },
        }
    }
}

/// The version a request means: a name is its newest version.
pub(crate) fn choose<'a>(list: &'a [TemplateInfo], wanted: &str) -> Option<&'a TemplateVersion> {
    let versions = list.iter().map(|template| &template.version);
    match wanted.parse::<TemplateVersion>() {
        Ok(exact) => versions.into_iter().find(|version| **version == exact),
        // Newest first within each name.
        Err(_) => versions.into_iter().find(|version| version.name() == wanted),
    }
}
