//! Asking for a new desktop.

use std::fmt;

use rolltop_api_types::{self as api, ChoiceError, CreateDesktop, Scope, SetUp, UpdateDesktop, shown};
use rolltop_boxed::boxed;
use rolltop_model::{Choices, DesktopId, DesktopName, NameError, Setup, Size, TemplateVersion, UnknownSize};
use rolltop_store::{CreateDesktopError, Created, IdempotencyKey, NewDesktop};

use crate::desktops::names;
use crate::disk::quota::OverDiskQuota;
use crate::kernel::caller::Caller;
use crate::kernel::control::Control;
use crate::kernel::error::{LacksScope, explained};
use crate::kernel::idempotency::BadIdempotencyKey;
use crate::kernel::{clock, idempotency};
use crate::setups::ask::{SetUpError, parsed};
use crate::templates::list;
use crate::templates::saved::TemplatesError;

/// Names thought of before giving up; with a growing number in them, two are enough in practice.
const NAME_TRIES: u32 = 50;

explained! {
    pub enum CreateError:
        Forbidden(LacksScope), Name(NameError), Size(UnknownSize), Choice(ChoiceError),
        Setup(SetUpError) in "setup", OverDiskQuota(OverDiskQuota), BadIdempotencyKey(BadIdempotencyKey)
    or Internal {
        NameTaken(String) => NameTaken in "name", "There is already a desktop called {0}; choose another name.";
        #[error(fmt = unknown_template)]
        UnknownTemplate(String) => UnknownTemplate in "template";
        /// Nothing has been built yet.
        NoTemplate => NoTemplate, "There is no template yet; the operator has to build one first.";
        #[error(fmt = quota_reached)]
        QuotaReached(u32) => QuotaReached;
        IdempotencyMismatch => IdempotencyKeyReused, "This idempotency key was used for another request; take a new one.";
        HostUnreachable => Unavailable after 2, "The host does not answer; try again shortly.";
    }
}

fn unknown_template(name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match shown(name) {
        Some(name) => write!(f, "There is no template {name}; GET /v1/templates lists them."),
        None => f.write_str("There is no such template; GET /v1/templates lists them."),
    }
}

fn quota_reached(limit: &u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let desktops = if *limit == 1 { "desktop" } else { "desktops" };
    write!(f, "This workspace may have {limit} {desktops} at most; destroy one first.")
}

/// A template's version and least disk, and what is chosen besides.
type Chosen = ((TemplateVersion, u64), Size, Choices, Option<Setup>);

#[boxed]
impl Control {
    /// Writes the wish down and returns at once; the reconciler does the rest. With a key that
    /// was used before for the same request, the desktop made then is returned.
    pub async fn create(
        &self,
        caller: &Caller,
        request: &CreateDesktop,
        idempotency_key: Option<&str>,
    ) -> Result<api::Desktop, CreateError> {
        caller.needs_everywhere(Scope::DesktopsWrite)?;
        if request.setup.is_some() {
            caller.needs(Scope::Exec)?;
        }
        let mut what = vec![
            serde_json::json!("create desktop"),
            serde_json::json!(request.name),
            serde_json::json!(request.template),
            serde_json::json!(request.size),
        ];
        if let Some(SetUp { repository, branch, script }) = &request.setup {
            what.push(serde_json::json!([repository, branch, script]));
        }
        let chosen = UpdateDesktop::from(request);
        if chosen.chooses() {
            what.push(serde_json::json!(chosen));
        }
        let what = serde_json::Value::Array(what);
        let key = idempotency::key(caller, idempotency_key, &what)?;
        let name = request.name.as_deref().map(DesktopName::chosen).transpose()?;
        let size = request.size.as_deref().map(str::parse::<Size>).transpose()?.unwrap_or_default();
        let choices = chosen.choose(Choices::default(), size)?;
        let setup = request.setup.as_ref().map(parsed).transpose()?;
        let template = self.chosen_template(caller, request.template.as_deref()).await?;
        let limit = self.desktop_limit(caller.workspace).await?;
        let created = self.insert(caller, name, (template, size, choices, setup), limit, key).await?;
        if !created.replayed {
            tracing::info!(desktop = %created.desktop.id, template = %created.desktop.template, "desktop asked for");
            self.kernel.nudge(created.desktop.id);
        }
        Ok(self.view(created.desktop, Some(Vec::new())))
    }

    /// The version, and how large a disk it takes.
    async fn chosen_template(
        &self,
        caller: &Caller,
        wanted: Option<&str>,
    ) -> Result<(TemplateVersion, u64), CreateError> {
        let list = self.kernel.templates_for(caller.workspace).await.map_err(|error| match error {
            TemplatesError::Engine(error) => {
                tracing::warn!(%error, "the host did not say which templates there are");
                CreateError::HostUnreachable
            }
            TemplatesError::Store(error) => error.into(),
        })?;
        let chosen = match wanted {
            Some(wanted) => list::choose(&list, wanted)
                .ok_or_else(|| CreateError::UnknownTemplate(wanted.chars().take(64).collect()))?,
            None => list::choose(&list, &self.kernel.config.default_template)
                .or_else(|| list.first().map(|template| &template.version))
                .ok_or(CreateError::NoTemplate)?,
        };
        let disk_gib = list.iter().find(|info| info.version == *chosen).map_or(0, |info| info.disk_gib);
        Ok((chosen.clone(), disk_gib))
    }

    async fn insert(
        &self,
        caller: &Caller,
        name: Option<DesktopName>,
        ((template, least_disk), size, choices, setup): Chosen,
        limit: u32,
        key: Option<IdempotencyKey>,
    ) -> Result<Created, CreateError> {
        let mut tries = 0;
        loop {
            let chosen = match &name {
                Some(name) => name.clone(),
                None => names::suggestion(tries)?,
            };
            let new = NewDesktop {
                id: DesktopId::generate(),
                workspace: caller.workspace,
                name: chosen.clone(),
                template: template.clone(),
                engine: self.kernel.config.engine.clone(),
                size,
                disk_gib: size.disk_gib().max(least_disk),
                choices: choices.clone(),
                origin: None,
                made_by: caller.actor(),
                origin_name: None,
                setup: setup.clone(),
                limit,
                disk_limit: self.kernel.config.disk_limit,
            };
            match self.kernel.store.create_desktop(new, key.clone(), clock::now()).await {
                Ok(created) => return Ok(created),
                Err(CreateDesktopError::NameTaken) if name.is_none() && tries < NAME_TRIES => tries += 1,
                Err(CreateDesktopError::NameTaken) => return Err(CreateError::NameTaken(chosen.to_string())),
                Err(CreateDesktopError::LimitReached) => return Err(CreateError::QuotaReached(limit)),
                Err(CreateDesktopError::DiskQuota(reached)) => {
                    return Err(OverDiskQuota::new(self.kernel.config.disk_limit, reached).into());
                }
                Err(CreateDesktopError::IdempotencyMismatch) => return Err(CreateError::IdempotencyMismatch),
                Err(CreateDesktopError::Store(error)) => return Err(error.into()),
            }
        }
    }
}
