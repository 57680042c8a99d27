//! What a desktop used, over time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How long to look back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UsageSpan {
    /// A point about every 10 seconds.
    #[default]
    Hour,
    /// The average of every 5 minutes.
    Day,
    /// 30 days: the average of every hour.
    Month,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UsageQuery {
    /// How long to look back; by default an hour.
    #[serde(default)]
    #[param(inline)]
    pub span: UsageSpan,
}

/// What a desktop used while it ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    pub since: Timestamp,
    pub until: Timestamp,
    /// Seconds between two points. Where there are more, it did not run, or was not looked at.
    #[schema(example = 10)]
    pub every_seconds: u64,
    /// The oldest first.
    pub points: Vec<UsagePoint>,
}

/// What it used around a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UsagePoint {
    pub at: Timestamp,
    /// Of one processor: 200 where two are busy.
    #[schema(example = 43)]
    pub processor_percent: u64,
    /// Host memory that is its alone.
    #[schema(example = 149_946_368)]
    pub memory_bytes: u64,
    /// Of the host's disk.
    #[schema(example = 432_013_312)]
    pub disk_bytes: u64,
    #[schema(example = 120_400)]
    pub received_bytes_per_second: u64,
    #[schema(example = 9_300)]
    pub sent_bytes_per_second: u64,
}

/// What can be asked.
pub mod op {
    use rolltop_model::DesktopId;

    use super::{Usage, UsageQuery};
    use crate::operation::{READ, operations};

    operations! {
        /// What it used
        ///
        /// Processors, memory, disk and network over the latest hour, day or 30 days, closer the shorter that is. There are
        /// points only of when it ran. After Rolltop was restarted the latest hour has a point every 5 minutes at first.
        GetUsage as usage: GET "/v1/desktops/{id}/usage" {
            tag: "desktops",
            access: READ,
            path: DesktopId,
            query: UsageQuery,
            reply: 200 "The oldest first." Usage,
            errors: [NotFound, InvalidQuery],
        }
    }
}
