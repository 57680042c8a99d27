//! Templates that are made of desktops: asking for them, and removing them.

use std::collections::BTreeSet;

use rolltop_api_types::{self as api, SaveTemplate, Scope};
use rolltop_boxed::boxed;
use rolltop_door::TOOLS;
use rolltop_engine::{EngineError, Lacks, TemplateInfo};
use rolltop_model::{
    Choices, DesktopId, DesktopName, NameError, SavedTemplateState, SnapshotKind, TemplateError,
    TemplateVersion, WorkspaceId,
};
use rolltop_store::{Desktop, NewDesktop, SavedTemplate, StoreError, Words};
use rolltop_vault::random_bytes;

use crate::kernel::caller::{Caller, DesktopAccess, purpose};
use crate::kernel::clock;
use crate::kernel::control::{Control, Kernel};
use crate::kernel::error::{InternalError, LacksScope, explained};
use crate::reconcile::vitals::Vitals;
use crate::snapshots::ask::SnapshotError;
use crate::templates::list::Templates;

const LONGEST_TITLE: usize = 60;
const LONGEST_DESCRIPTION: usize = 300;
/// A workspace may have this many.
const MOST: usize = 50;

explained! {
    pub enum SavedTemplateError: Forbidden(LacksScope), Lacks(Lacks), Desktop(SnapshotError) or Internal {
        NotFound => NotFound, "There is no such template of this workspace.";
        BadName => InvalidName in "name", "A template's name has 1 to 40 of a-z, 0-9, dots and hyphens, and begins with a letter or digit.";
        NameTaken(String) => NameTaken in "name", "There is already a template called {0} that is not this workspace's.";
        BadTitle => InvalidText in "title", "A title has 1 to {LONGEST_TITLE} characters in one line.";
        BadDescription => InvalidText in "description", "A description has at most {LONGEST_DESCRIPTION} characters in one line.";
        UnknownTool(String) => UnknownTool in "keep", "There is no tool {0} whose log-ins could be kept; GET /v1/desktops/{{id}}/logins lists those of a desktop.";
        TooMany => QuotaReached, "This workspace has {MOST} templates of its own already; delete one first.";
        HostUnreachable => Unavailable after 2, "The host does not answer; try again shortly.";
    }
}

#[boxed]
impl Control {
    /// Makes a template of a desktop as it is now: a fork of it is cleaned of identities and secrets and becomes the
    /// template, within a minute or so. The desktop itself goes on.
    pub async fn save_template(
        &self,
        access: &DesktopAccess<purpose::Write>,
        wanted: &SaveTemplate,
    ) -> Result<api::SavedTemplate, SavedTemplateError> {
        let caller = &access.caller;
        caller.needs_everywhere(Scope::DesktopsWrite)?;
        self.kernel.engine.images()?;
        let version = new_version(&wanted.name)?;
        let title = line(wanted.title.as_deref(), LONGEST_TITLE).ok_or(SavedTemplateError::BadTitle)?;
        let title = if title.is_empty() { wanted.name.clone() } else { title };
        let description = line(wanted.description.as_deref(), LONGEST_DESCRIPTION);
        let description = description.ok_or(SavedTemplateError::BadDescription)?;
        let is_known = |id: &String| TOOLS.iter().any(|tool| tool.id == id);
        if let Some(unknown) = wanted.keep.iter().find(|id| !is_known(id)) {
            return Err(SavedTemplateError::UnknownTool(unknown.chars().take(LONGEST_TITLE).collect()));
        }
        let keep: BTreeSet<String> = wanted.keep.iter().cloned().collect();
        self.check_free(caller, version.name()).await?;
        let row = self.keepable(access.desktop).await?;
        let bytes = self.template_to_make(&row).await?;
        let builder = NewDesktop {
            id: DesktopId::generate(),
            workspace: caller.workspace,
            name: builder_name(&version)?,
            template: row.template.clone(),
            engine: self.kernel.config.engine.clone(),
            size: row.size,
            disk_gib: row.disk_gib,
            choices: Choices::default(),
            origin: None,
            made_by: caller.actor(),
            origin_name: Some(row.name.to_string()),
            setup: None,
            // It is gone within a minute, and nobody's desktop.
            limit: u32::MAX,
            disk_limit: None,
        };
        let now = clock::now();
        let saved = SavedTemplate {
            version: version.clone(),
            workspace: caller.workspace,
            title,
            description,
            desktop_name: row.name.to_string(),
            builder: builder.id,
            state: SavedTemplateState::Saving,
            reason: None,
            made_by: caller.actor(),
            keep: Words(keep.into_iter().collect()),
            created_at: now.into(),
            bytes: bytes.into(),
        };
        let from = self.new_snapshot(row.id, format!("Template {version}"), SnapshotKind::Fork, caller);
        let forked = self.kernel.store.fork_builder(from, builder, &saved, now).await;
        forked.map_err(|error| SavedTemplateError::Desktop(self.refused(error, "", 0)))?;
        tracing::info!(desktop = %row.id, %version, "template asked for");
        self.kernel.nudge(row.id);
        Ok(shown(saved))
    }

    /// The workspace's own, whatever has become of them, the newest first.
    pub async fn saved_templates(
        &self,
        caller: &Caller,
    ) -> Result<Vec<api::SavedTemplate>, SavedTemplateError> {
        caller.needs(Scope::DesktopsRead)?;
        // A key that is tied to one desktop hears nothing of others.
        if caller.only.is_some() {
            return Ok(Vec::new());
        }
        Ok(self.own_templates(caller).await?.into_iter().map(shown).collect())
    }

    async fn own_templates(&self, caller: &Caller) -> Result<Vec<SavedTemplate>, SavedTemplateError> {
        let all = self.kernel.store.saved_templates().await?;
        let shown = |saved: &SavedTemplate| {
            saved.workspace == caller.workspace && saved.state != SavedTemplateState::Deleting
        };
        Ok(all.into_iter().filter(shown).collect())
    }

    /// Removes one of the workspace's own. What was made of it stays, and what of it that needs stays until then.
    pub async fn delete_template(&self, caller: &Caller, version: &str) -> Result<(), SavedTemplateError> {
        caller.needs_everywhere(Scope::DesktopsWrite)?;
        let own = self.own_templates(caller).await?;
        let saved = own.into_iter().find(|saved| saved.version.to_string() == version);
        let saved = saved.ok_or(SavedTemplateError::NotFound)?;
        let deleting = SavedTemplateState::Deleting;
        self.kernel.store.set_saved_template(&saved.version, deleting, None, clock::now()).await?;
        self.kernel.nudge(saved.builder);
        Ok(())
    }

    async fn check_free(&self, caller: &Caller, name: &str) -> Result<(), SavedTemplateError> {
        let all = self.kernel.store.saved_templates().await?;
        if all.iter().filter(|saved| saved.workspace == caller.workspace).count() >= MOST {
            return Err(SavedTemplateError::TooMany);
        }
        let list =
            self.kernel.state::<Templates>().list(self.kernel.engine.as_ref()).await.map_err(|error| {
                tracing::warn!(%error, "the host did not say which templates there are");
                SavedTemplateError::HostUnreachable
            })?;
        let is_own = |version: &TemplateVersion| {
            all.iter().any(|saved| saved.version == *version && saved.workspace == caller.workspace)
        };
        let of_others =
            list.iter().map(|info| &info.version).any(|version| version.name() == name && !is_own(version));
        if of_others || name == self.kernel.config.default_template {
            return Err(SavedTemplateError::NameTaken(name.to_owned()));
        }
        Ok(())
    }
}

impl Control {
    /// About what a template takes that is made of a desktop, bytes: what its own has, memories and all, and its disk.
    async fn template_to_make(&self, row: &Desktop) -> Result<u64, SavedTemplateError> {
        let list =
            self.kernel.state::<Templates>().list(self.kernel.engine.as_ref()).await.map_err(|error| {
                tracing::warn!(%error, "the host did not say which templates there are");
                SavedTemplateError::HostUnreachable
            })?;
        let of = list.into_iter().find(|template| template.version == row.template);
        let disk = self.kernel.state::<Vitals>().of(row.id).map_or(0, |vital| vital.disk_bytes);
        Ok(of.map_or(0, |template| template.disk_bytes).saturating_add(disk))
    }
}

#[boxed]
impl Kernel {
    /// What a workspace can make desktops from: the recipes' templates, and its own.
    pub(crate) async fn templates_for(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Vec<TemplateInfo>, TemplatesError> {
        let list = self.state::<Templates>().list(self.engine.as_ref()).await?;
        let saved = self.store.saved_templates().await?;
        let is_hidden = |info: &TemplateInfo| {
            saved.iter().any(|saved| {
                saved.version == info.version
                    && (saved.workspace != workspace || saved.state != SavedTemplateState::Ready)
            })
        };
        Ok(list.into_iter().filter(|info| !is_hidden(info)).collect())
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum TemplatesError {
    #[error("the host did not say which templates there are")]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn shown(saved: SavedTemplate) -> api::SavedTemplate {
    api::SavedTemplate {
        name: saved.version.name().to_owned(),
        version: saved.version.to_string(),
        title: saved.title,
        description: saved.description,
        desktop_name: saved.desktop_name,
        state: match saved.state {
            SavedTemplateState::Saving => api::SavedTemplateState::Saving,
            SavedTemplateState::Ready => api::SavedTemplateState::Ready,
            // What is being deleted is in no list.
            SavedTemplateState::Failed | SavedTemplateState::Deleting => api::SavedTemplateState::Failed,
        },
        detail: saved.reason,
        made_by: saved.made_by.name.into_owned(),
        created_at: *saved.created_at,
    }
}

fn new_version(name: &str) -> Result<TemplateVersion, SavedTemplateError> {
    let digest: String = random_bytes::<6>().iter().map(|byte| format!("{byte:02x}")).collect();
    TemplateVersion::new(name, &digest).map_err(|TemplateError| SavedTemplateError::BadName)
}

/// What nobody would call a desktop: names of desktops in lists never meet it.
fn builder_name(version: &TemplateVersion) -> Result<DesktopName, InternalError> {
    let name: Result<DesktopName, NameError> = format!("template-{}", version.digest()).parse();
    name.map_err(|_| InternalError::Other("a builder's name is no name"))
}

/// Without white space around it; `None` where it is too long or has more than one line.
fn line(text: Option<&str>, longest: usize) -> Option<String> {
    let text = text.unwrap_or_default().trim();
    (text.chars().count() <= longest && !text.chars().any(rolltop_model::is_deceptive))
        .then(|| text.to_owned())
}
