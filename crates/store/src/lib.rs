//! The database: every row Rolltop keeps, and the only place that knows SQL.
//!
//! SQLite in WAL mode or PostgreSQL, behind sea-orm. All writing goes through one transaction at a time (`database.rs`); what a
//! change means to watchers is written in the same transaction as an event. Secrets are sealed with the [`Vault`](rolltop_vault::Vault) before they get here,
//! and opened when they leave. Times are Rust's, as milliseconds since 1970.
//!
//! Deliberately absent: who may do what, what should happen next.

mod account;
mod copies;
mod desktops;
mod disk_use;
mod kernel;
mod migrations;
mod moving;
mod setups;
mod shares;
mod sleep;
mod snapshots;
mod ssh_keys;
mod templates;
#[cfg(feature = "testing")]
pub mod testing;

pub use account::api_keys::{AddApiKeyError, ApiKey, NewApiKey};
pub use account::device_logins::{AddDeviceLoginError, DeviceLogin, NewDeviceLogin, Poll};
pub use account::makers::Revoked;
pub use account::sessions::SessionUser;
pub use account::users::{SetPasswordError, User};
pub use account::workspaces::Workspace;
pub use copies::SnapshotCopy;
pub use desktops::receipts::Receipt;
pub use desktops::steps::StepRow;
pub use desktops::{
    ChangeError, CreateDesktopError, Created, Desktop, DesktopChange, Identity, ListQuery, NewDesktop,
    Standing, UpdateDesktopError,
};
pub use disk_use::{DiskQuotaReached, DiskUse};
pub use kernel::access_log::AccessEntry;
pub use kernel::database::{Location, Postgres, Store};
pub use kernel::error::StoreError;
pub use kernel::events::Event;
pub use kernel::history::{By, HistoryEntry, happening};
pub use kernel::idempotency::IdempotencyKey;
pub use kernel::jobs::{INSTALLATION, Job};
pub use kernel::moment::{Amount, Count, Moment, Words};
pub use moving::{MoveError, copy_to_postgres};
pub use setups::DesktopSetup;
pub use shares::{NewShare, Share};
pub use sleep::holds::Hold;
pub use sleep::policies::Sleeper;
pub use snapshots::layers::Layer;
pub use snapshots::restores::Restore;
pub use snapshots::schedules::ScheduledDesktop;
pub use snapshots::{ImportedSnapshot, NewSnapshot, Snapshot, SnapshotError, Taken, Wanted};
pub use ssh_keys::{AddSshKeyError, NewSshKey, SshKey};
pub use templates::saved::SavedTemplate;
