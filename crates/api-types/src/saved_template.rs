//! Templates that are made of desktops.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;
use utoipa::ToSchema;

use crate::operation::path_parts;

/// What a template that is made of a desktop is to be called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SaveTemplate {
    /// 1 to 40 of a-z, 0-9, dots and hyphens. Saved under the name of one of the workspace's own, it is a newer version
    /// of that, and the earlier one goes once nothing needs it.
    #[schema(example = "tools", min_length = 1, max_length = 40)]
    pub name: String,
    /// For people; by default the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Our tools", max_length = 60)]
    pub title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "With the compiler and the test data.", max_length = 300)]
    pub description: Option<String>,
    /// Tools whose log-ins stay in the template, by the ids that `GET /v1/desktops/{id}/logins` lists. All others are
    /// removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["github"]))]
    pub keep: Vec<String>,
}

/// Log-ins, keys or passwords of one tool in a desktop's home folders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Logins {
    #[schema(example = "github")]
    pub id: String,
    #[schema(example = "GitHub")]
    pub title: String,
    /// Where they lie; at most 20.
    #[schema(example = json!(["/home/desk/.config/gh"]))]
    pub paths: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LoginsList {
    pub items: Vec<Logins>,
}

/// A template of the workspace's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SavedTemplate {
    /// `name@digits`.
    #[schema(example = "tools@3f2a91c0d4e5")]
    pub version: String,
    #[schema(example = "tools")]
    pub name: String,
    #[schema(example = "Our tools")]
    pub title: String,
    pub description: String,
    /// What the desktop was called that it is made of.
    #[schema(example = "research")]
    pub desktop_name: String,
    pub state: SavedTemplateState,
    /// Why it could not be made, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Who asked for it: a person's or key's name.
    #[schema(example = "sam")]
    pub made_by: String,
    pub created_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum SavedTemplateState {
    /// It is being made, which takes a minute or so.
    Saving,
    /// Desktops can be made of it. Its memory is baked within minutes; until then they boot from cold.
    Ready,
    /// It could not be made, for `detail`.
    Failed,
}

impl SavedTemplateState {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

/// The workspace's own, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SavedTemplateList {
    pub items: Vec<SavedTemplate>,
}

/// One version of a template, `name@digest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateVersion(pub String);

impl fmt::Display for TemplateVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TemplateVersion {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

path_parts! {
    TemplateVersion: "The template's version.", "tools@3f2a91c0d4e5", "There is no such template.";
}

/// What can be asked.
pub mod op {
    use rolltop_model::DesktopId;

    use super::{Logins, LoginsList, SavedTemplate, SavedTemplateList, TemplateVersion};
    use crate::operation::{READ, READ_FILES, WRITE, operations};

    operations! {
        /// Save a desktop as a template
        ///
        /// A fork of it is cleaned of identities, keys, passwords, histories, browsers' profiles and logs, and its disk becomes a
        /// template of this workspace, from which new desktops are made. The desktop itself goes on. A template is not
        /// encrypted on the host's disk, as desktops are.
        SaveTemplate as save_template: POST "/v1/desktops/{id}/template" {
            tag: "templates",
            access: WRITE,
            path: DesktopId,
            body: super::SaveTemplate,
            reply: 202 "It is being made." SavedTemplate,
            errors: [
                NotFound, NameTaken, QuotaReached, DiskQuotaReached, WrongState, NotSupportedByEngine,
                InvalidName,
                InvalidText, UnknownTool, UnknownField, InvalidBody,
            ],
        }

        /// The log-ins in a desktop
        ///
        /// Which tools have log-ins, keys or passwords in the home folders of a running desktop, as far as is known where they
        /// lie. A template of it has none of them, but those of tools that `keep` names.
        ListLogins as logins -> [Logins]: GET "/v1/desktops/{id}/logins" {
            tag: "templates",
            access: READ_FILES,
            path: DesktopId,
            reply: 200 "By tool." LoginsList,
            errors: [NotFound, NotRunning, DesktopUnreachable],
        }

        /// List the workspace's own templates
        ///
        /// Whatever has become of them. What desktops can be made of now, these among it, is in `GET /v1/templates`.
        ListSavedTemplates as saved_templates -> [SavedTemplate]: GET "/v1/saved-templates" {
            tag: "templates",
            access: READ,
            reply: 200 "The newest first." SavedTemplateList,
            errors: [],
        }

        /// Delete a template of the workspace's own
        ///
        /// No more desktops can be made of it. Those that were stay, and so does on the host's disk what they need of it.
        DeleteTemplate as delete_template: DELETE "/v1/saved-templates/{id}" {
            tag: "templates",
            access: WRITE,
            path: TemplateVersion,
            reply: 204 "It is gone.",
            errors: [NotFound],
        }
    }
}
