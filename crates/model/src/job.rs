//! What is done later, and again where it does not work.

use strum::{Display, EnumIter, EnumString, IntoStaticStr};

/// What is to be done, each with what its subject is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Display, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum JobKind {
    /// A snapshot is copied off the host.
    CopySnapshot,
    /// The copy of a snapshot is deleted.
    RemoveCopy,
    /// The copy of a snapshot becomes one again.
    FetchCopy,
    /// A desktop gets the keys of its workspace's people.
    DeliverKeys,
    /// Keys that have ended go: of the installation.
    ExpireKeys,
    /// A desktop is prepared with a repository and a script.
    SetUp,
    /// A template is made of a desktop, by way of this builder.
    SaveTemplate,
    /// A version of a template goes once nothing needs it.
    RemoveTemplate,
    /// A snapshot of a desktop is taken by its schedule.
    TakeSnapshot,
    /// A desktop's scheduled snapshots are copied and thinned out as its schedule says.
    ThinSnapshots,
    /// A snapshot that goes by itself.
    ExpireSnapshot,
    /// What the host has of a deleted snapshot.
    RemoveSnapshot,
    /// A desktop's disk of many layers becomes one of a single layer.
    Flatten,
    /// A desktop sleeps once nobody uses it, and wakes by its schedule.
    Sleep,
    /// What is too old goes: of the installation.
    Retain,
    /// Deleted keys leave the database's files: of the installation.
    EmptyLog,
}
