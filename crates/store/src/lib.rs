//! The database: every row Rolltop keeps, and the only place that knows SQL.
//!
//! SQLite in WAL mode or PostgreSQL, behind sea-orm. All writing goes through one transaction at a time (`database.rs`); what a
//! change means to watchers is written in the same transaction as an event. Secrets are sealed with the [`Vault`](rolltop_vault::Vault) before they get here,
//! and opened when they leave. Times are Rust's, as milliseconds since 1970.
//!
//! Deliberately absent: who may do what, what should happen next.

mod access_log;
mod api_keys;
mod copies;
mod database;
mod desktops;
mod device_logins;
mod disk_use;
mod error;
mod events;
mod history;
mod holds;
mod idempotency;
mod imported_templates;
mod jobs;
mod layers;
mod makers;
mod migrations;
mod moment;
mod moving;
mod receipts;
mod restores;
mod saved_templates;
mod sessions;
mod setups;
mod shares;
mod sign_in_links;
mod sleep_policies;
mod snapshot_pictures;
mod snapshot_schedules;
mod snapshots;
mod ssh_keys;
mod steps;
#[cfg(feature = "testing")]
pub mod testing;
mod usage;
mod users;
mod workspaces;

pub use access_log::AccessEntry;
pub use api_keys::{AddApiKeyError, ApiKey, NewApiKey};
pub use copies::SnapshotCopy;
pub use database::{Location, Postgres, Store};
pub use desktops::{
    ChangeError, CreateDesktopError, Created, Desktop, Identity, ListQuery, NewDesktop, RenameDesktopError,
    Standing,
};
pub use device_logins::{AddDeviceLoginError, DeviceLogin, NewDeviceLogin, Poll};
pub use disk_use::{DiskQuotaReached, DiskUse};
pub use error::StoreError;
pub use events::Event;
pub use history::{By, HistoryEntry, happening};
pub use holds::Hold;
pub use idempotency::IdempotencyKey;
pub use jobs::{INSTALLATION, Job};
pub use layers::Layer;
pub use makers::Revoked;
pub use moment::{Amount, Count, Moment, Words};
pub use moving::{MoveError, copy_to_postgres};
pub use receipts::Receipt;
pub use restores::Restore;
pub use saved_templates::SavedTemplate;
pub use sessions::SessionUser;
pub use setups::DesktopSetup;
pub use shares::{NewShare, Share};
pub use sleep_policies::Sleeper;
pub use snapshot_schedules::ScheduledDesktop;
pub use snapshots::{ImportedSnapshot, NewSnapshot, Snapshot, SnapshotError, Taken, Wanted};
pub use ssh_keys::{AddSshKeyError, NewSshKey, SshKey};
pub use steps::StepRow;
pub use users::{SetPasswordError, User};
pub use workspaces::Workspace;
