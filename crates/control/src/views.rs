//! What the front doors are shown. Domain types, not wire types: `api-server` converts them.

use std::time::Duration;

use jiff::Timestamp;
use rolltop_api_types::Scope;
use rolltop_engine::Lacks;
use rolltop_model::{
    Desired, DesktopId, DesktopName, DesktopState, FailReason, ScreenSize, Silence, Size, SnapshotId,
    TemplateVersion, UsagePoint, UserId, WorkspaceId,
};

pub use rolltop_engine::{Accelerator, HostStatus, Leftover};

use crate::config::ControlConfig;

/// The host's health, with its warnings in words.
#[derive(Debug, Clone, PartialEq)]
pub struct HostView {
    pub status: HostStatus,
    pub warnings: Vec<HostWarningView>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostWarningView {
    pub kind: HostWarningKind,
    /// A sentence.
    pub message: String,
    pub desktop: Option<DesktopId>,
    pub snapshot: Option<SnapshotId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostWarningKind {
    MemoryUnusable,
    ForwardingDropped,
}

/// One desktop as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesktopView {
    pub id: DesktopId,
    pub name: DesktopName,
    pub template: TemplateVersion,
    pub size: Size,
    pub disk_gib: u64,
    /// It has other processors and memory until it is restarted.
    pub restart_needed: bool,
    /// Carries its reason: see `DesktopState::{reason_code, reason_sentence}`.
    pub state: DesktopState,
    pub desired: Desired,
    /// It starts again by itself after the host was restarted.
    pub autostart: bool,
    /// The size that its screen keeps; without one it follows whoever drives.
    pub screen: Option<ScreenSize>,
    /// When somebody last used it; now, where somebody does.
    pub last_used_at: Option<Timestamp>,
    /// What went wrong with something that was asked of it, while it goes on running.
    pub trouble: Option<FailReason>,
    /// That it does not answer, which is then the trouble.
    pub silence: Option<Silence>,
    /// More about the reason: the last lines of the console, or what the host said. Plain text.
    pub detail: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// When the present run was personalised.
    pub started_at: Option<Timestamp>,
    /// Host memory of its own, as last observed; none while off.
    pub memory_bytes: Option<u64>,
    /// Host disk of its own, as last observed.
    pub disk_bytes: Option<u64>,
    /// What its engine can't do with it.
    pub not_supported: Vec<Lacks>,
    /// The present start's timeline. Filled by `get`, and in lists for desktops that are starting.
    pub steps: Vec<StepView>,
}

/// One line of a boot timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepView {
    /// Which start it belongs to, from 1.
    pub boot: u32,
    /// `fork`, `start`, `resume`, `door`, `personalise` or `screen`.
    pub name: String,
    pub started_at: Timestamp,
    /// None while it runs.
    pub ended_at: Option<Timestamp>,
    /// One sentence when it went wrong.
    pub error: Option<String>,
}

/// Something that changed, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct EventView {
    pub seq: i64,
    /// `desktop.changed`, `desktop.destroyed`, `step` or `snapshot.changed`.
    pub kind: String,
    pub desktop: Option<DesktopId>,
    pub at: Timestamp,
    /// For `desktop.changed`: name, state, desired, reason. For `step`: boot, name, ended, error.
    pub data: serde_json::Value,
}

/// One time the platform went into a desktop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLogView {
    pub at: Timestamp,
    /// What for: `personalise`, `screenshot`, `screen`, `file.read`, `ssh`, `ssh.keys`.
    pub why: String,
    /// The person's or key's name, or `platform`.
    pub who: String,
}

/// How long to look back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageSpan {
    Hour,
    Day,
    /// 30 days.
    Month,
}

impl UsageSpan {
    pub(crate) fn length(self) -> Duration {
        const HOUR: u64 = 3600;
        Duration::from_secs(match self {
            UsageSpan::Hour => HOUR,
            UsageSpan::Day => 24 * HOUR,
            UsageSpan::Month => 30 * 24 * HOUR,
        })
    }

    pub(crate) fn every(self, config: &ControlConfig) -> Duration {
        match self {
            UsageSpan::Hour => config.usage_every,
            UsageSpan::Day => config.usage_kept_every,
            UsageSpan::Month => config.usage_kept_every.saturating_mul(12),
        }
    }
}

/// What a desktop used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageView {
    pub since: Timestamp,
    pub until: Timestamp,
    /// Between two points, where it ran all the while.
    pub every: Duration,
    /// The oldest first.
    pub points: Vec<UsagePoint>,
}

/// Something that became of a desktop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryView {
    /// `created`, `forked`, `started`, `resumed`, `stopped`, `suspended`, `restarted`, `retried`, `deleted`, `renamed`, `resized`, `screen_fixed`, `screen_freed`,
    /// `snapshot_taken`, `restored`, `died`, `shut_down` or `failed`.
    pub kind: String,
    /// The person's or key's name, or `rolltop`.
    pub who: String,
    /// A template, another desktop's, a snapshot's or a new name; or what it was done for, such as `ssh`,
    /// `schedule` or `unused`.
    pub detail: Option<String>,
    pub began_at: Timestamp,
    /// None while it is under way.
    pub ended_at: Option<Timestamp>,
    /// One sentence when it went wrong.
    pub error: Option<String>,
}

/// A template that desktops can be made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateView {
    pub version: TemplateVersion,
    pub title: String,
    pub description: String,
    pub built_at: Timestamp,
    pub disk_bytes: u64,
    pub sizes: Vec<TemplateSizeView>,
    /// What a desktop is made from when no template is named.
    pub default: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemplateSizeView {
    pub size: Size,
    /// The memory of a booted machine is kept, so a desktop of this size starts at once.
    pub baked: bool,
}

/// Who the caller is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeView {
    pub workspace: WorkspaceId,
    /// None for an API key.
    pub user: Option<UserId>,
    /// The name to sign in with, or the key's name; none until one was chosen.
    pub name: Option<String>,
    pub has_password: bool,
    /// Choosing another password takes the present one.
    pub asks_present: bool,
    pub scopes: Vec<Scope>,
    /// The only desktop the credential is good for.
    pub desktop: Option<DesktopId>,
    /// When an API key ends.
    pub expires_at: Option<Timestamp>,
    /// Most desktops the workspace may have, and how many it has.
    pub desktop_limit: u32,
    pub desktop_count: u32,
    /// Most it may have of the host's disk, bytes; none: what there is. And what it has.
    pub disk_limit: Option<u64>,
    pub disk_used: u64,
}

/// A page of something, and where the next one begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Opaque; none on the last page.
    pub next_cursor: Option<String>,
}
