//! What can be set about the control plane.

use rolltop_store::Postgres;
use std::time::Duration;

use bytes::Bytes;
use rolltop_model::Limits;

use crate::copies::config::CopiesConfig;

/// Read once at start.
#[derive(Debug, Clone)]
pub struct ControlConfig {
    /// Most desktops a workspace may have. Default 100.
    pub desktop_limit: u32,
    /// Most that a workspace may have of the host's disk, bytes: disks, snapshots, memories, templates and imports
    /// together. Default none: what there is.
    pub disk_limit: Option<u64>,
    /// The name of the engine. A desktop belongs to the one that made it; with another it is only shown. Default "qemu".
    pub engine: String,
    /// The PostgreSQL database. Default none: `rolltop.db` in the directory.
    pub database: Option<Postgres>,
    /// The template taken when none is named, by its recipe's name. Default "desk".
    pub default_template: String,
    /// Deadlines and tries of starts.
    pub limits: Limits,
    /// How long a guest may take to shut down before it is ended. Default 60 s.
    pub stop_grace: Duration,
    /// Desktops worked on at the same time. Default 16.
    pub parallel: usize,
    /// Every desktop is looked at this often without a reason. Default 5 s.
    pub interval: Duration,
    /// It is looked for leftovers on the host this often. Default 60 s.
    pub leftovers: Duration,
    /// What a desktop does is averaged over this long. Default 60 s.
    pub measuring: Duration,
    /// What a desktop uses is measured this often. Default 10 s.
    pub usage_every: Duration,
    /// Its average over this long is kept for 30 days. Default 300 s.
    pub usage_kept_every: Duration,
    /// How long an hour between scheduled snapshots is. Default 3600 s.
    pub hour: Duration,
    /// How long a machine has to take all of a processor, or nothing of one, before its door is knocked at, and how
    /// long an answer may take; two that don't come mean that it stands still. Default 10 s.
    pub still: Duration,
    /// An SSH connection that ends within this long of the wish to switch its desktop off has left by itself: a machine
    /// takes longer to go. Default 100 ms.
    pub leaving: Duration,
    /// How long a minute without use is. Default 60 s.
    pub minute: Duration,
    /// Layers from which on a running desktop's disk is made one of a single layer again. Default 32.
    pub flatten_at: u32,
    /// Free disk on the host below which what is kept for an undo makes room, bytes. Default 10 GiB.
    pub undo_free_disk: u64,
    /// How long a screenshot is served again. Default 3 s.
    pub screenshot_age: Duration,
    /// How long a session lasts without being used. Default 30 days.
    pub session_idle: Duration,
    /// How long a session lasts at most, used or not. Default 90 days.
    pub session_longest: Duration,
    /// How long a sign-in link can be used. Default 24 h.
    pub link_age: Duration,
    /// Where copies of snapshots are kept that are not on this host. Default nowhere.
    pub copies: Option<CopiesConfig>,
    /// The guest program, which is put back into desktops that have lost it. Default none: they stay as they are.
    pub guest_program: Option<Bytes>,
    /// Memory that screens, commands, files and transfers may take in this process together, bytes. Default 1 GiB.
    pub transfer_memory: u64,
    /// How long events, steps of former starts and the access log are kept. Default 30 days.
    pub history: Duration,
}

impl Default for ControlConfig {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            desktop_limit: 100,
            disk_limit: None,
            engine: "qemu".to_owned(),
            database: None,
            default_template: "desk".to_owned(),
            limits: Limits::default(),
            stop_grace: Duration::from_secs(60),
            parallel: 16,
            interval: Duration::from_secs(5),
            leftovers: Duration::from_secs(60),
            measuring: Duration::from_secs(60),
            usage_every: Duration::from_secs(10),
            usage_kept_every: Duration::from_secs(300),
            still: Duration::from_secs(10),
            leaving: Duration::from_millis(100),
            minute: Duration::from_secs(60),
            hour: Duration::from_secs(3600),
            flatten_at: 32,
            undo_free_disk: 10 << 30,
            screenshot_age: Duration::from_secs(3),
            session_idle: 30 * DAY,
            session_longest: 90 * DAY,
            link_age: DAY,
            copies: None,
            guest_program: None,
            transfer_memory: 1 << 30,
            history: 30 * DAY,
        }
    }
}
