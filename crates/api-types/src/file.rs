//! Files inside a desktop.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;
use utoipa::{IntoParams, ToSchema};

/// What something in a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
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
        self.into_str()
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

/// Which file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FileAt {
    /// An absolute path inside the desktop. It means what it means there.
    #[param(example = "/home/desk/report.pdf")]
    pub path: String,
}

/// What is to be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RemoveFile {
    /// An absolute path inside the desktop.
    #[param(example = "/home/desk/old")]
    pub path: String,
    /// Whether a folder goes with all that is in it.
    #[serde(default)]
    pub all: bool,
}

/// Where a file is saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SaveAt {
    /// An absolute path inside the desktop.
    #[param(example = "/home/desk/report.pdf")]
    pub path: String,
    /// 8 to 64 letters and digits, made up for this upload: what arrives of it stays when it breaks off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(example = "4f1c9a72be")]
    pub upload: Option<String>,
}

/// Which upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UploadAt {
    /// The path that the upload is for.
    #[param(example = "/home/desk/report.pdf")]
    pub path: String,
    /// The upload's name.
    #[param(example = "4f1c9a72be")]
    pub upload: String,
}

/// What can be asked.
pub mod op {
    use rolltop_model::DesktopId;

    use super::{FileAt, FileEntry, FileList, RemoveFile, SaveAt, Upload, UploadAt};
    use crate::operation::{READ_FILES, WRITE_FILES, operations};

    operations! {
        /// List a folder
        ///
        /// At most 10,000 entries with 4 MiB of names, by name; `truncated` says that there are more. Going about among files is noted in the access log once an hour.
        ListFiles: GET "/v1/desktops/{id}/files" {
            tag: "files",
            access: READ_FILES,
            path: DesktopId,
            query: FileAt,
            reply: 200 "What is in it." FileList,
            errors: [
                MissingScope, FileDenied, NotFound, FileNotFound, NotRunning, NotAFolder,
                InvalidPath, RateLimited, TooManyAtOnce, DesktopUnreachable,
            ],
        }

        /// What is at a path
        ///
        /// A link as such, with what it leads to.
        GetFileInfo: GET "/v1/desktops/{id}/files/info" {
            tag: "files",
            access: READ_FILES,
            path: DesktopId,
            query: FileAt,
            reply: 200 "What is there." FileEntry,
            errors: [
                MissingScope, FileDenied, NotFound, FileNotFound, NotRunning, InvalidPath,
                RateLimited, TooManyAtOnce, DesktopUnreachable,
            ],
        }

        /// Change permissions
        UpdateFile: PATCH "/v1/desktops/{id}/files" {
            tag: "files",
            access: WRITE_FILES,
            path: DesktopId,
            query: FileAt,
            body: super::UpdateFile,
            reply: 200 "As it is now." FileEntry,
            errors: [
                MissingScope, FileDenied, NotFound, FileNotFound, NotRunning, FileRefused,
                InvalidPath, InvalidMode, RateLimited, TooManyAtOnce, DesktopUnreachable,
            ],
        }

        /// Delete a file or folder
        ///
        /// A link goes, and what it leads to stays. There is no way back.
        DeleteFile: DELETE "/v1/desktops/{id}/files" {
            tag: "files",
            access: WRITE_FILES,
            path: DesktopId,
            query: RemoveFile,
            reply: 204 "It is gone.",
            errors: [
                MissingScope, FileDenied, NotFound, FileNotFound, NotRunning, FolderNotEmpty,
                FileRefused, InvalidPath, RateLimited, TooManyAtOnce, DesktopUnreachable,
            ],
        }

        /// Make a folder
        CreateFolder: POST "/v1/desktops/{id}/files/folder" {
            tag: "files",
            access: WRITE_FILES,
            path: DesktopId,
            body: super::CreateFolder,
            reply: 200 "The folder." FileEntry,
            errors: [
                MissingScope, FileDenied, NotFound, FileNotFound, NotRunning, FileExists,
                FileRefused, InvalidPath, RateLimited, TooManyAtOnce, DesktopUnreachable,
            ],
        }

        /// Move or rename
        ///
        /// In one step, on one disk. A folder that is there is never replaced.
        MoveFile as move_file: POST "/v1/desktops/{id}/files/move" {
            tag: "files",
            access: WRITE_FILES,
            path: DesktopId,
            body: super::MoveFile,
            reply: 200 "As it is now." FileEntry,
            errors: [
                MissingScope, FileDenied, NotFound, FileNotFound, NotRunning, FileExists,
                FileRefused, InvalidPath, RateLimited, TooManyAtOnce, DesktopUnreachable,
            ],
        }

        /// Copy
        ///
        /// A file, or a folder with all that is in it. The desktop copies by itself; the answer comes once it has.
        CopyFile as copy_file: POST "/v1/desktops/{id}/files/copy" {
            tag: "files",
            access: WRITE_FILES,
            path: DesktopId,
            body: super::CopyFile,
            reply: 200 "The copy." FileEntry,
            errors: [
                MissingScope, FileDenied, NotFound, FileNotFound, NotRunning, FileExists,
                FileRefused, InvalidPath, RateLimited, TooManyAtOnce, DesktopUnreachable,
            ],
        }

        /// Download a file
        ///
        /// Read as the desktop's user. One range may be asked for (`Range: bytes=…`); any other form of range
        /// gets the whole file. To go on with a download, send the range and `If-Range` with the `ETag` of the first part: if
        /// the file is another by then, all of it comes. `ETag` is weak (`W/`) where the desktop can't tell two changes within a
        /// second apart; it is good for `If-None-Match` then and fits no other condition.
        GetFileContent: GET "/v1/desktops/{id}/files/content" {
            tag: "files",
            access: READ_FILES,
            path: DesktopId,
            query: FileAt,
            headers: [
                "Range": "One range of bytes." = "bytes=0-1023",
                "If-Range": "The range, if the file still has this tag; else all of it.",
                "If-Match": "Only if the file still has one of these tags.",
                "If-None-Match": "Only if the file has none of these tags any more.",
            ],
            reply: 200 "The file." as "application/octet-stream",
            or: 206 "The range; `Content-Range` says which." as "application/octet-stream",
            or: 304 "It has a tag of `If-None-Match`.",
            errors: [
                MissingScope, FileDenied, NotFound, FileNotFound, NotRunning, NotAFile, FileChanged,
                RangeNotSatisfiable, InvalidPath, RateLimited, TooManyAtOnce, DesktopUnreachable,
            ],
        }

        /// Download a folder
        ///
        /// The folder with all that is in it as a zip file, made while it is read. Links, pipes and devices are
        /// left out, as is what can't be read; `LEFT-OUT.txt` lists what was, if anything. One that breaks off is not a zip file: its directory comes last.
        GetFolderArchive: GET "/v1/desktops/{id}/files/archive" {
            tag: "files",
            access: READ_FILES,
            path: DesktopId,
            query: FileAt,
            reply: 200 "The zip file." as "application/zip",
            errors: [
                MissingScope, FileDenied, NotFound, FileNotFound, NotRunning, NotAFolder,
                InvalidPath, RateLimited, TooManyAtOnce, DesktopUnreachable,
            ],
        }

        /// Save a file
        ///
        /// The body becomes the file in one step, once all of it has arrived: until then there is what there was.
        /// `If-None-Match: *` saves only a file that is not there yet; `If-Match` with the tag that
        /// reading it gave saves only what nobody changed since. In several goes: name the upload, send
        /// `Content-Range: bytes FIRST-LAST/TOTAL` with each part in order, and after a break ask where to go on.
        SaveFile: PUT "/v1/desktops/{id}/files/content" {
            tag: "files",
            access: WRITE_FILES,
            path: DesktopId,
            query: SaveAt,
            headers: [
                "Content-Range": "Which part this is." = "bytes 0-1023/4096",
                "If-Match": "The tag that the file must still have.",
                "If-None-Match": "`*`: there must be no such file." = "*",
            ],
            upload: "application/octet-stream",
            reply: 200 "It is saved; `ETag` is its new tag." Upload,
            or: 202 "The part has arrived; more is to come." Upload,
            errors: [
                UploadBrokenOff, InvalidHeader, InvalidQuery, MissingScope, FileDenied, NotFound,
                FileNotFound, NotRunning, NotAFile, FileExists, FileRefused, WrongOffset,
                FileChanged, InvalidPath, RateLimited, TooManyAtOnce, DesktopUnreachable,
            ],
        }

        /// How far an upload is
        ///
        /// 0 for one that is not known.
        GetUpload: GET "/v1/desktops/{id}/files/upload" {
            tag: "files",
            access: WRITE_FILES,
            path: DesktopId,
            query: UploadAt,
            reply: 200 "How far it is." Upload,
            errors: [
                MissingScope, FileDenied, NotFound, FileNotFound, NotRunning, NotAFile, InvalidPath,
                RateLimited, TooManyAtOnce, DesktopUnreachable,
            ],
        }

        /// Cancel an upload
        ///
        /// Takes away what has arrived. Fine if nothing has.
        CancelUpload as cancel_upload: DELETE "/v1/desktops/{id}/files/upload" {
            tag: "files",
            access: WRITE_FILES,
            path: DesktopId,
            query: UploadAt,
            reply: 204 "Nothing of it is left.",
            errors: [
                MissingScope, FileDenied, NotFound, FileNotFound, NotRunning, NotAFile, InvalidPath,
                RateLimited, TooManyAtOnce, DesktopUnreachable,
            ],
        }
    }
}
