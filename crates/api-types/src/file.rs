//! Files inside a desktop.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What something in a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    File,
    Folder,
    Link,
    /// A pipe, a socket, a device.
    Other,
    /// A kind that this version of the client does not know.
    #[serde(other)]
    Unknown,
}

impl FileKind {
    pub const ALL: &[FileKind] = &[FileKind::File, FileKind::Folder, FileKind::Link, FileKind::Other];

    pub const fn as_str(self) -> &'static str {
        match self {
            FileKind::File => "file",
            FileKind::Folder => "folder",
            FileKind::Link => "link",
            FileKind::Other => "other",
            FileKind::Unknown => "unknown",
        }
    }
}

crate::choice::described_by_name!(FileKind, "What something in a folder is.");

/// Something in a folder. All of it is what the desktop says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileEntry {
    #[schema(example = "report.pdf")]
    pub name: String,
    pub kind: FileKind,
    /// What a link leads to, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_kind: Option<FileKind>,
    /// Bytes.
    #[schema(example = 48213)]
    pub size: u64,
    /// The permission bits, in octal.
    #[schema(example = "0644")]
    pub mode: String,
    pub modified_at: Timestamp,
}

/// What is in a folder, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileList {
    /// Where the folder really is, without links.
    #[schema(example = "/home/desk")]
    pub path: String,
    pub items: Vec<FileEntry>,
    /// There are more than the 10,000 that are listed.
    pub truncated: bool,
}

/// How far an upload is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Upload {
    /// Bytes that have arrived.
    pub offset: u64,
    /// The file, once it is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileEntry>,
}

/// A folder to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateFolder {
    #[schema(example = "/home/desk/reports")]
    pub path: String,
}

/// Permission bits to be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateFile {
    /// In octal.
    #[schema(example = "0755")]
    pub mode: String,
}

/// From where to where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveFile {
    #[schema(example = "/home/desk/draft.md")]
    pub from: String,
    #[schema(example = "/home/desk/reports/final.md")]
    pub to: String,
    /// Whether a file that is there may be replaced.
    #[serde(default)]
    pub replace: bool,
}

/// What to copy to where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CopyFile {
    #[schema(example = "/home/desk/draft.md")]
    pub from: String,
    #[schema(example = "/home/desk/draft copy.md")]
    pub to: String,
}
