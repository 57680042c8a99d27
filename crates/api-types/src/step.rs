//! The boot timeline: what was done to bring a desktop up, and how long each part took.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;
use utoipa::ToSchema;

/// One step of a start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// Which start of this desktop it belongs to, counted from 1.
    #[schema(example = 1)]
    pub boot: u32,
    /// `fork` or `start`, then `door`, `personalise`, `screen`.
    #[schema(example = "door")]
    pub name: String,
    pub status: StepStatus,
    pub started_at: Timestamp,
    /// Absent while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Why it failed, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum StepStatus {
    Running,
    Done,
    Failed,
}

impl StepStatus {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

/// The steps of a desktop's starts, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepList {
    pub items: Vec<Step>,
}

/// What can be asked.
pub mod op {
    use rolltop_model::DesktopId;

    use super::{Step, StepList};
    use crate::operation::{READ, operations};

    operations! {
        /// The boot timeline
        ///
        /// What was done in the latest starts and how long each step took, oldest first.
        ListSteps as steps -> [Step]: GET "/v1/desktops/{id}/steps" {
            tag: "desktops",
            access: READ,
            path: DesktopId,
            reply: 200 "The steps." StepList,
            errors: [NotFound],
        }
    }
}
