//! A desktop as the API shows it, and what is asked of one.

use std::collections::BTreeMap;

use jiff::Timestamp;
pub use rolltop_model::Desired;
use rolltop_model::choices::{LabelError, NoteError};
use rolltop_model::{Choices, DesktopFilter, DesktopId, ScreenSize, ScreenSizeError, Size};
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};
use utoipa::{IntoParams, ToSchema};

use crate::{Code, SetUp, Step};

const USUAL_PAGE: u32 = 50;
const LARGEST_PAGE: u32 = 200;
/// Longest text that is looked for in names, bytes.
const LONGEST_SEARCH: usize = 100;
/// Instead of a size of a screen: that of whoever drives.
const FOLLOW: &str = "follow";

/// A virtual machine with a desktop, and all that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Desktop {
    #[schema(value_type = String, example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")]
    pub id: DesktopId,
    /// Also its host name: a DNS label of at most 40 characters, unique in the workspace.
    #[schema(example = "research")]
    pub name: String,
    /// The template's version that it was forked from.
    #[schema(example = "desk@3f2a91c0d4e5")]
    pub template: String,
    #[schema(schema_with = crate::choice::size)]
    pub size: Size,
    pub state: DesktopState,
    /// Why it failed, stopped without being asked, or could not be suspended and goes on running, or that it runs and does not
    /// answer (`not_answering`), as a stable code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "door_timeout")]
    pub reason: Option<String>,
    /// What happened and what helps, in one sentence. Present with `reason`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(
        example = "The machine started but could not be entered in time; look at its console, then try again."
    )]
    pub detail: Option<String>,
    /// What lies behind the reason, where there is something to show: the console's last lines, or
    /// what the host said. Plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// Since when it has not answered, and why. Present with the reason `not_answering`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_answering: Option<NotAnswering>,
    pub desired: Desired,
    /// It starts again by itself after the host was restarted; otherwise it is then `stopped`, with the reason
    /// `host_restarted`.
    #[serde(default)]
    pub autostart: bool,
    #[serde(flatten)]
    pub choices: Choices,
    /// When somebody last used it, by a screen, a terminal, a command, files, a port or SSH; now, where somebody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// When it last began to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// Virtual processors.
    #[schema(example = 2)]
    pub vcpus: u32,
    /// Guest memory in MiB.
    #[schema(example = 2048)]
    pub memory_mib: u64,
    /// Virtual disk in GiB; space is taken as it is written.
    #[schema(example = 20)]
    pub disk_gib: u64,
    /// It has the processors and memory of its former size until it is restarted.
    #[serde(default)]
    pub restart_needed: bool,
    /// Bytes of host memory that are this desktop's alone; absent while unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Bytes of its own on the host's disk; absent while unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_bytes: Option<u64>,
    /// What can't be done with it, because of what runs it. Absent where everything can.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_supported: Vec<NotSupported>,
    /// The steps of its present start. Present when one desktop is asked for, and in lists while it
    /// is starting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<Step>>,
}

/// Something that can't be done with a desktop; what asks for it is answered `not_supported_by_engine`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotSupported {
    /// `memory` (suspend, sleep), `layers` (snapshots, forks, going back) or `images` (saving as a template, export,
    /// import), as a stable code.
    #[schema(example = "memory")]
    pub what: String,
    /// One sentence.
    #[schema(
        example = "This host's engine can't keep a desktop's memory, so desktops can't be suspended; stop it instead."
    )]
    pub why: String,
}

/// A desktop that runs and does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotAnswering {
    pub since: Timestamp,
    /// `halted` and `processors` (fully busy) are what the host sees of its machine; `processes` (it can't have more of them)
    /// and `memory` (it has none left) what the desktop says; `unknown`. There may be more in time.
    #[schema(example = "processes")]
    pub cause: String,
}

/// Where a desktop is in its life.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum DesktopState {
    /// Asked for, not begun.
    Pending,
    /// Being made or started.
    Booting,
    /// Up, with its screen to be seen. With `desired: stopped` it is shutting down, with
    /// `desired: suspended` its memory is being written.
    Running,
    /// Its memory is on the host's disk, and it takes none of the host's memory.
    Suspended,
    /// Shut down.
    Stopped,
    /// Given up, for `reason`; `retry` begins again.
    Failed,
    /// Being removed.
    Destroying,
    /// Gone. Seen only in events; asking for it is a 404.
    Destroyed,
}

impl DesktopState {
    pub const ALL: &[DesktopState] = Self::VARIANTS;

    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

/// What a new desktop is to be. Everything has a default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateDesktop {
    /// 1 to 40 of a-z, 0-9 and single hyphens, and no number and not `localhost`, by which SSH clients mean other
    /// machines; chosen for you where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "research")]
    pub name: Option<String>,
    /// A template's name (its newest version) or one version, `name@digest`; by default the
    /// host's default template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "desk")]
    pub template: Option<String>,
    /// `s`, `m` or `l`; by default `s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "s")]
    pub size: Option<String>,
    /// The size that its screen keeps, in pixels, whoever looks at it; by default `follow`: that of whoever drives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "1280x800", max_length = 20)]
    pub screen: Option<String>,
    /// What it is to be found by: at most 32 keys (`a-z`, `0-9`, `-_./`) with values (without commas), each of at most 63
    /// letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!({"team": "research"}))]
    pub labels: Option<BTreeMap<String, String>>,
    /// Free text about it, at most 2000 letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Nightly tests; ask Ann before deleting it.")]
    pub note: Option<String>,
    /// What it is prepared with once it runs. Takes the scope `exec` too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup: Option<SetUp>,
}

/// What to change of a desktop. What is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateDesktop {
    /// The new name, of the same form as a new desktop's. The desktop's host name follows at its next start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "research-2")]
    pub name: Option<String>,
    /// Whether it starts again by itself after the host was restarted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = true)]
    pub autostart: Option<bool>,
    /// The size that its screen keeps, in pixels, whoever looks at it; `follow`: that of whoever drives. At once where it
    /// runs and its screen answers; else when somebody next opens it, or at its next start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "1280x800", max_length = 20)]
    pub screen: Option<String>,
    /// Labels to set, by their keys, and with `null` to remove. Others stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!({"team": "research", "old": null}))]
    pub labels: Option<BTreeMap<String, Option<String>>>,
    /// The text about it; an empty one removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Nightly tests; ask Ann before deleting it.")]
    pub note: Option<String>,
    /// Its processors and memory, from its next restart on; `restart_needed` until then. Its disk grows to what the
    /// size has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "m")]
    pub size: Option<String>,
    /// Its disk in GiB, at most 2048. It grows at once, while the desktop runs, and never shrinks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 60, maximum = 2048)]
    pub disk_gib: Option<u64>,
}

impl UpdateDesktop {
    pub fn rename(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..Self::default() }
    }

    /// Whether it says anything of what an owner chooses.
    pub fn chooses(&self) -> bool {
        let rest = Self { name: None, autostart: None, size: None, disk_gib: None, ..self.clone() };
        rest != Self::default()
    }

    /// What was chosen before, changed by this, for a desktop of that size.
    pub fn choose(&self, before: Choices, size: Size) -> Result<Choices, ChoiceError> {
        let screen = match self.screen.as_deref() {
            None => before.screen,
            Some(FOLLOW) => None,
            Some(text) => Some(ScreenSize::chosen(text, size)?),
        };
        let labels = before.labels.changed(self.labels.clone().unwrap_or_default())?;
        let note = self.note.clone().map(TryInto::try_into).transpose()?.unwrap_or(before.note);
        Ok(Choices { screen, labels, note })
    }
}

/// What is chosen for a new desktop, as a change of one for which nothing is.
impl From<&CreateDesktop> for UpdateDesktop {
    fn from(new: &CreateDesktop) -> Self {
        let labels =
            new.labels.clone().map(|all| all.into_iter().map(|(key, value)| (key, Some(value))).collect());
        Self { screen: new.screen.clone(), labels, note: new.note.clone(), ..Self::default() }
    }
}

/// What can't be chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    #[error(transparent)]
    Screen(#[from] ScreenSizeError),
    #[error(transparent)]
    Label(#[from] LabelError),
    #[error(transparent)]
    Note(#[from] NoteError),
}

impl ChoiceError {
    pub const fn code(&self) -> Code {
        match self {
            Self::Screen(_) => Code::InvalidScreen,
            Self::Label(_) | Self::Note(_) => Code::InvalidBody,
        }
    }

    /// The field of the request that is at fault.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Screen(_) => "screen",
            Self::Label(_) => "labels",
            Self::Note(_) => "note",
        }
    }
}

/// How a desktop is destroyed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DestroyDesktop {
    /// Nothing of it is kept. By default what it was is kept for a day, as a snapshot.
    #[serde(default)]
    pub for_good: bool,
}

/// Which desktops to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListDesktops {
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most this many, 1 to 200; by default 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 200, example = 50)]
    pub limit: Option<u32>,
    /// Only those in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub state: Option<DesktopState>,
    /// Only those whose name contains this; written as `key=value`, those with that label, whose value may go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// Only those with this label, `key=value`, or with that key, `key`; several with commas between them: with all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(example = "team=research,gpu")]
    pub label: Option<String>,
}

/// A question that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct BadQuery {
    /// The parameter that is at fault.
    pub field: &'static str,
    /// One sentence.
    pub detail: String,
}

impl ListDesktops {
    /// How many to answer with.
    pub fn page(&self) -> Result<u64, BadQuery> {
        let limit = self.limit.unwrap_or(USUAL_PAGE);
        if (1..=LARGEST_PAGE).contains(&limit) {
            return Ok(limit.into());
        }
        let detail = format!("The limit is a number from 1 to {LARGEST_PAGE}.");
        Err(BadQuery { field: "limit", detail })
    }

    /// What is looked for.
    pub fn filter(&self) -> Result<DesktopFilter, BadQuery> {
        if self.q.as_ref().is_some_and(|text| text.len() > LONGEST_SEARCH) {
            let detail = format!("A search has at most {LONGEST_SEARCH} bytes.");
            return Err(BadQuery { field: "q", detail });
        }
        let text = self.q.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let typed_labels = text.and_then(DesktopFilter::typed_labels);
        let text = text.filter(|_| typed_labels.is_none()).map(str::to_lowercase);
        let labels = self.label.as_deref().map(DesktopFilter::labels).transpose();
        let labels = labels.map_err(|error| BadQuery { field: "label", detail: error.to_string() })?;
        let labels = labels.unwrap_or_default();
        let (state, typed_labels) = (self.state.map(DesktopState::as_str), typed_labels.unwrap_or_default());
        Ok(DesktopFilter { state, text, labels, typed_labels })
    }
}

/// One page of desktops, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DesktopPage {
    pub items: Vec<Desktop>,
    /// Give this as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// What can be asked.
pub mod op {
    use rolltop_model::DesktopId;

    use super::{Desktop, DesktopPage};
    use crate::operation::{CONTROL, READ, WRITE, operations};

    operations! {
        /// List desktops
        ///
        /// Newest first.
        ListDesktops as desktops: GET "/v1/desktops" {
            tag: "desktops",
            access: READ,
            query: super::ListDesktops,
            reply: 200 "One page." DesktopPage,
            errors: [InvalidQuery, InvalidCursor],
        }

        /// Make a desktop
        ///
        /// Answers at once; the desktop goes on to `booting` and `running` by itself. Follow it with
        /// `GET /v1/events` or by asking for it again.
        CreateDesktop: POST "/v1/desktops" {
            tag: "desktops",
            access: WRITE,
            idempotent: "The same request with the same key makes one desktop.",
            body: super::CreateDesktop,
            reply: 202 "It is being made." Desktop,
            errors: [
                InvalidJson, InvalidHeader, NameTaken, QuotaReached, DiskQuotaReached, NoTemplate,
                PayloadTooLarge, InvalidName, UnknownSize, UnknownTemplate, InvalidSetup, UnknownField,
                InvalidBody, IdempotencyKeyReused,
            ],
        }

        /// One desktop
        GetDesktop as desktop: GET "/v1/desktops/{id}" {
            tag: "desktops",
            access: READ,
            path: DesktopId,
            reply: 200 "The desktop with the steps of its present start." Desktop,
            errors: [NotFound],
        }

        /// Change a desktop
        ///
        /// Its name, whose host name follows at its next start; whether it starts again after the host was restarted; the size of
        /// its screen; and its own size: a disk grows at once, processors and memory change when it is restarted; its labels and its note. All
        /// that is given is changed, or nothing where a part of it is refused.
        UpdateDesktop as update_desktop: PATCH "/v1/desktops/{id}" {
            tag: "desktops",
            access: WRITE,
            path: DesktopId,
            body: super::UpdateDesktop,
            reply: 200 "As it is now." Desktop,
            errors: [
                NotFound, NameTaken, WrongState, InvalidName, UnknownSize, InvalidScreen, InvalidDisk,
                UnknownField, InvalidBody,
            ],
        }

        /// Destroy a desktop
        ///
        /// What it was is kept as a snapshot first, for a day, and `POST /v1/desktops/{id}/undo` makes it anew; with
        /// `for_good=true`, nothing is kept. Its keys go first, then its files. Asking again is fine, until it is gone and is a
        /// 404.
        DestroyDesktop: DELETE "/v1/desktops/{id}" {
            tag: "desktops",
            access: WRITE,
            path: DesktopId,
            query: super::DestroyDesktop,
            reply: 202 "It is being destroyed." Desktop,
            errors: [InvalidQuery, NotFound],
        }

        /// Start a desktop
        ///
        /// Boots it, its disk as it was left; one that is suspended is resumed. Fine if it runs.
        StartDesktop as start_desktop: POST "/v1/desktops/{id}/start" {
            tag: "desktops",
            access: CONTROL,
            path: DesktopId,
            reply: 202 "It is written down and will be done." Desktop,
            errors: [NotFound, WrongState],
        }

        /// Stop a desktop
        ///
        /// Asks the guest to shut down, and ends it after a while if it does not. What is not saved inside is lost,
        /// also in one that is suspended.
        StopDesktop as stop_desktop: POST "/v1/desktops/{id}/stop" {
            tag: "desktops",
            access: CONTROL,
            path: DesktopId,
            reply: 202 "It is written down and will be done." Desktop,
            errors: [NotFound, WrongState],
        }

        /// Suspend a desktop
        ///
        /// Keeps its memory, encrypted, on the host's disk and takes it off the host's memory: programs, unsaved work
        /// and all are there again after `resume`. It is suspended once all of it is durable. Where that is not
        /// possible it goes on running, with the `reason`.
        SuspendDesktop as suspend_desktop: POST "/v1/desktops/{id}/suspend" {
            tag: "desktops",
            access: CONTROL,
            path: DesktopId,
            reply: 202 "It is written down and will be done." Desktop,
            errors: [NotFound, WrongState, NotSupportedByEngine],
        }

        /// Resume a desktop
        ///
        /// Brings it back as it was when it was suspended. One that is stopped is booted; fine if it runs.
        ResumeDesktop as resume_desktop: POST "/v1/desktops/{id}/resume" {
            tag: "desktops",
            access: CONTROL,
            path: DesktopId,
            reply: 202 "It is written down and will be done." Desktop,
            errors: [NotFound, WrongState],
        }

        /// Restart a desktop
        ///
        /// Stops and starts it. One that is suspended, or has failed, boots from its disk: what was only in memory
        /// is lost.
        RestartDesktop as restart_desktop: POST "/v1/desktops/{id}/restart" {
            tag: "desktops",
            access: CONTROL,
            path: DesktopId,
            reply: 202 "It is written down and will be done." Desktop,
            errors: [NotFound, WrongState],
        }

        /// Try again
        ///
        /// Begins anew with a desktop that has failed.
        RetryDesktop as retry_desktop: POST "/v1/desktops/{id}/retry" {
            tag: "desktops",
            access: CONTROL,
            path: DesktopId,
            reply: 202 "It is written down and will be done." Desktop,
            errors: [NotFound, WrongState],
        }

        /// End what runs
        ///
        /// Ends, at once and for good, every command, terminal and session in a running desktop, root's in them too, and every program of
        /// its user. What they had not saved is lost. The session on its screen begins anew; system services go on. It needs no room in
        /// the desktop, so it is the way out of one that a program has filled. Where that does not answer at all, `restart` is what helps.
        EndProcesses as end_processes: POST "/v1/desktops/{id}/end-processes" {
            tag: "desktops",
            access: CONTROL,
            path: DesktopId,
            reply: 200 "It is done." Desktop,
            errors: [NotFound, NotRunning, WrongState "while it is being done", DesktopUnreachable],
        }
    }
}
