//! Errors as RFC 9457 problem documents. Programs act on `code`, which never changes its
//! meaning; people read `detail`, which is one sentence that helps.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What went wrong, as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:rolltop:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:rolltop:problem:name_taken")]
    pub kind: String,
    /// The same for every problem with this code.
    #[schema(example = "This name is taken")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 409)]
    pub status: u16,
    /// What happened this time and what helps, in one sentence.
    #[schema(example = "There is already a desktop named research; choose another name.")]
    pub detail: String,
    pub code: Code,
    /// The request's id, to find it in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "req_01k9abc2def3ghj4kmn5pqrs6t")]
    pub instance: Option<String>,
    /// The fields at fault, where there are such.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// One field at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Its name in the request.
    #[schema(example = "name")]
    pub field: String,
    /// What is wrong with it, in one sentence.
    pub detail: String,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:rolltop:problem:{}", code.as_str()),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code,
            instance: None,
            errors: Vec::new(),
        }
    }

    /// The same, saying which field is at fault.
    pub fn in_field(mut self, field: &str) -> Self {
        self.errors.push(FieldError { field: field.to_owned(), detail: self.detail.clone() });
        self
    }
}

/// Longest piece of somebody's input that is repeated, in bytes.
const SHOWN_LENGTH: usize = 60;

/// The text, where it is plain enough to be repeated in a sentence: no control characters, no direction changes,
/// nothing long.
pub fn shown(text: &str) -> Option<&str> {
    let plain = !text.is_empty() && text.len() <= SHOWN_LENGTH && text.bytes().all(|b| b.is_ascii_graphic());
    plain.then_some(text)
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident, $text:literal, $status:literal, $title:literal;)*) => {
        /// What went wrong, for programs. New codes may come; the meaning of one never changes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
            /// A code that this version of the client does not know.
            #[serde(other, rename = "unknown")]
            Unknown,
        }

        impl Code {
            /// Every code the server sends.
            pub const ALL: &[Code] = &[$(Code::$name),*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* Code::Unknown => "unknown" }
            }

            /// The HTTP status it is sent with.
            pub const fn status(self) -> u16 {
                match self { $(Code::$name => $status,)* Code::Unknown => 500 }
            }

            pub const fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)* Code::Unknown => "Something went wrong" }
            }
        }
    };
}

codes! {
    MalformedRequest, "malformed_request", 400, "The request is not as HTTP says";
    InvalidJson, "invalid_json", 400, "The body is not JSON";
    InvalidQuery, "invalid_query", 400, "A query parameter is not right";
    InvalidCursor, "invalid_cursor", 400, "The cursor is not one of ours";
    InvalidHeader, "invalid_header", 400, "A header is not right";
    /// What arrived stays where the upload has a name.
    UploadBrokenOff, "upload_broken_off", 400, "The upload broke off";
    /// Nobody has decided about the device yet: ask again.
    AuthorizationPending, "authorization_pending", 400, "The device is not allowed yet";
    /// Wait five seconds longer between two questions from now on.
    SlowDown, "slow_down", 400, "The device asks too often";
    AccessDenied, "access_denied", 400, "The device was denied";
    /// The device's code was used, is too old, or never was: begin anew.
    ExpiredToken, "expired_token", 400, "The device's code is not valid any more";
    Unauthenticated, "unauthenticated", 401, "A valid credential is needed";
    WrongCredentials, "wrong_credentials", 401, "Name or password is not right";
    /// A sign-in link that was used before, is too old, or never was.
    /// What was shown does not open this preview: it is unknown, for another address, revoked or too old.
    PreviewClosed, "preview_closed", 401, "The preview is not open to you";
    LinkNotValid, "link_not_valid", 401, "The link is not valid";
    MissingScope, "missing_scope", 403, "The credential may not do this";
    /// A credential that is tied to one desktop makes only keys that are tied to it too.
    TiedToDesktop, "tied_to_desktop", 403, "The credential is tied to one desktop";
    FileDenied, "file_denied", 403, "The file may not be read";
    /// There is nothing here, or it belongs to somebody else: both are the same answer.
    NotFound, "not_found", 404, "Not found";
    NoSuchRoute, "no_such_route", 404, "The API has no such path";
    FileNotFound, "file_not_found", 404, "There is no such file";
    NoSuchCode, "no_such_code", 404, "No device waits under this code";
    NoSuchTerminal, "no_such_terminal", 404, "There is no such terminal";
    MethodNotAllowed, "method_not_allowed", 405, "This path has no such method";
    NameTaken, "name_taken", 409, "This name is taken";
    QuotaReached, "quota_reached", 409, "The workspace's limit is reached";
    /// It would have more of the host's disk than it may.
    DiskQuotaReached, "disk_quota_reached", 409, "The workspace has all it may of the host's disk";
    /// The desktop is in a state in which this can't be done.
    WrongState, "wrong_state", 409, "Not in this state";
    /// Nothing can be forked yet: the operator has to build a template first.
    NoTemplate, "no_template", 409, "There is no template yet";
    NotRunning, "not_running", 409, "The desktop is not running";
    /// The same SSH key was added before.
    KeyExists, "key_exists", 409, "This key is there already";
    /// Names of desktops are unique in a workspace only; an id always says which.
    AmbiguousName, "ambiguous_name", 409, "The name means more than one desktop";
    /// The desktop's template has no tmux, which keeps terminals.
    NoTerminal, "no_terminal", 409, "The desktop has no terminals";
    /// No program in the desktop waits for connections there.
    PortClosed, "port_closed", 409, "Nothing listens on this port";
    /// The desktop's template is from before there was this.
    NoExec, "no_exec", 409, "The desktop can't run commands this way";
    NotAFile, "not_a_file", 409, "This is not a regular file";
    NotAFolder, "not_a_folder", 409, "This is not a folder";
    FileExists, "file_exists", 409, "There is already something of this name";
    FolderNotEmpty, "folder_not_empty", 409, "The folder is not empty";
    /// The desktop did not do it: its disk is full, or the two paths don't go together.
    FileRefused, "file_refused", 409, "The desktop did not do this";
    /// A part of an upload that does not go on where the one before ended.
    WrongOffset, "wrong_offset", 409, "The upload goes on elsewhere";
    /// The operator has named no place for copies.
    NoCopies, "no_copies", 409, "No copies are kept off this host";
    /// It is away, or it is not what was put there.
    CopyUnreadable, "copy_unreadable", 409, "The copy can't be had";
    /// Its disk is full, or something else is in the way.
    HostRefused, "host_refused", 409, "The host did not do this";
    /// No engine of this host can: asking again helps nothing.
    NotSupportedByEngine, "not_supported_by_engine", 409, "This host can't do this";
    /// Something else still needs it.
    InUse, "in_use", 409, "It is in use";
    /// Not what it was when it was read; nothing was saved.
    FileChanged, "file_changed", 412, "The file has changed";
    PayloadTooLarge, "payload_too_large", 413, "The body is too large";
    UnsupportedMediaType, "unsupported_media_type", 415, "The body's media type is not right";
    RangeNotSatisfiable, "range_not_satisfiable", 416, "The file has no such range";
    InvalidBody, "invalid_body", 422, "The body is not what is expected";
    UnknownField, "unknown_field", 422, "The body has a field that is not known";
    InvalidName, "invalid_name", 422, "The name can't be used";
    InvalidCount, "invalid_count", 422, "There can't be so many or so few";
    UnknownSize, "unknown_size", 422, "There is no such size";
    UnknownTemplate, "unknown_template", 422, "There is no such template";
    InvalidScopes, "invalid_scopes", 422, "These scopes can't be given";
    InvalidExpiry, "invalid_expiry", 422, "It can't end then";
    UnknownDesktop, "unknown_desktop", 422, "There is no such desktop";
    InvalidMode, "invalid_mode", 422, "These are no permission bits";
    InvalidMinutes, "invalid_minutes", 422, "There can't be so many minutes or so few";
    InvalidSchedule, "invalid_schedule", 422, "The schedule is not right";
    InvalidReason, "invalid_reason", 422, "The reason is not one line of text";
    InvalidExport, "invalid_export", 422, "This is not a whole exported desktop";
    InvalidSetup, "invalid_setup", 422, "The setup is not right";
    InvalidText, "invalid_text", 422, "The text is too long, or is not one line";
    InvalidDisk, "invalid_disk", 422, "A disk can't have that size";
    UnknownTool, "unknown_tool", 422, "No such tool's log-ins can be kept";
    InvalidScreen, "invalid_screen", 422, "A screen can't have that size";
    InvalidLifetime, "invalid_lifetime", 422, "It can't last so long or so shortly";
    InvalidAddress, "invalid_address", 422, "This is no preview's address";
    InvalidPort, "invalid_port", 422, "There is no such port";
    InvalidCommand, "invalid_command", 422, "The command can't be run";
    /// The desktop has no such program.
    CommandNotFound, "command_not_found", 422, "There is no such program";
    /// It is there, and the desktop's user may not run it.
    NotExecutable, "not_executable", 422, "The program can't be run";
    FolderNotFound, "folder_not_found", 422, "There is no such folder";
    InvalidPath, "invalid_path", 422, "The path can't be used";
    WrongPassword, "wrong_password", 422, "This is not the present password";
    WeakPassword, "weak_password", 422, "The password is too weak";
    InvalidKey, "invalid_key", 422, "This is not a public key that can be used";
    WeakKey, "weak_key", 422, "The key is too weak";
    /// What was sent is a private key. It was not kept.
    PrivateKey, "private_key", 422, "This is a private key";
    NotAPerson, "not_a_person", 422, "Only a person can do this";
    /// The key came before with another request.
    IdempotencyKeyReused, "idempotency_key_reused", 422, "The idempotency key was used for another request";
    WebsocketRequired, "websocket_required", 426, "A WebSocket is needed";
    TooManyConnections, "too_many_connections", 429, "Too many connections to the desktop's ports";
    TooManyCommands, "too_many_commands", 429, "Too many commands run in the desktop";
    TooManyViewers, "too_many_viewers", 429, "Too many look at the desktop's terminals";
    /// One that is under way has to end first.
    TooManyTransfers, "too_many_transfers", 429, "Too many desktops are being exported or imported";
    /// Screens, requests for files or streams of events: one has to end first.
    TooManyAtOnce, "too_many_at_once", 429, "Too much is under way with this credential";
    RateLimited, "rate_limited", 429, "Too many requests";
    Internal, "internal", 500, "Something went wrong on our side";
    /// The host role or the database can't be reached; trying again soon helps.
    Unavailable, "unavailable", 503, "Not available for the moment";
    /// The desktop did not answer in time.
    DesktopUnreachable, "desktop_unreachable", 504, "The desktop does not answer";
}

crate::choice::described_by_name!(
    Code,
    "What went wrong, for programs. New codes may come; the meaning of one never changes."
);

/// All codes with status and title, as rows of a Markdown table.
pub fn documentation() -> String {
    let rows = Code::ALL
        .iter()
        .map(|code| format!("| `{}` | {} | {} |\n", code.as_str(), code.status(), code.title()));
    std::iter::once("| code | status | title |\n|---|---|---|\n".to_owned()).chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_as_it_is_named() {
        for code in Code::ALL {
            let json = serde_json::to_string(code).unwrap();
            assert_eq!(json, format!("\"{}\"", code.as_str()));
            assert_eq!(serde_json::from_str::<Code>(&json).unwrap(), *code);
        }
    }

    #[test]
    fn a_code_from_a_newer_server_is_not_an_error() {
        assert_eq!(serde_json::from_str::<Code>("\"out_of_tea\"").unwrap(), Code::Unknown);
    }
}
