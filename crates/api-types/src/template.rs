//! What a desktop can be forked from.

use jiff::Timestamp;
use rolltop_model::Size;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One immutable version of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Template {
    /// `name@digest`.
    #[schema(example = "desk@3f2a91c0d4e5")]
    pub version: String,
    #[schema(example = "desk")]
    pub name: String,
    #[schema(example = "Debian 13 with XFCE")]
    pub title: String,
    pub description: String,
    /// Whether a new desktop is forked from this one when it names no template.
    pub default: bool,
    pub built_at: Timestamp,
    /// Bytes on the host's disk, image and memories together.
    pub disk_bytes: u64,
    pub sizes: Vec<TemplateSize>,
}

/// One size of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateSize {
    #[schema(schema_with = crate::choice::size)]
    pub size: Size,
    pub vcpus: u32,
    pub memory_mib: u64,
    pub disk_gib: u64,
    /// Whether its booted memory is kept, so that a desktop is there in about a second;
    /// others boot from cold.
    pub baked: bool,
}

/// All templates, newest version first within each name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateList {
    pub items: Vec<Template>,
}

/// What can be asked.
pub mod op {
    use super::{Template, TemplateList};
    use crate::operation::{READ, operations};

    operations! {
        /// List templates
        ///
        /// What desktops can be made from, newest version first within each name.
        ListTemplates as templates -> [Template]: GET "/v1/templates" {
            tag: "host",
            access: READ,
            reply: 200 "All of them." TemplateList,
            errors: [],
        }
    }
}
