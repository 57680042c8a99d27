//! When a desktop sleeps by itself, and what keeps it awake.

use jiff::Timestamp;
use rolltop_model::HoldId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A desktop's sleep: its policy, and what keeps it awake now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sleep {
    pub policy: SleepPolicy,
    /// What keeps it awake. Empty where it does not run, or is about to sleep.
    pub awake_because: Vec<AwakeReason>,
    /// What holds it awake, by when it was made.
    pub holds: Vec<Hold>,
}

/// When a desktop is suspended without anybody asking. Nothing at all: never.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SleepPolicy {
    /// Minutes without use, 1 to 10080. Absent: only its schedule lets it sleep, ten minutes after it is not used any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 30, minimum = 1, maximum = 10080)]
    pub after_minutes: Option<u32>,
    /// When it is awake whether it is used or not, and started at its beginning if it is off. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
}

/// Days of the week and times of the day. An end that is not after the beginning is on the next day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`.
    #[schema(example = json!(["mon", "tue", "wed", "thu", "fri"]))]
    pub days: Vec<String>,
    #[schema(example = "08:00")]
    pub from: String,
    #[schema(example = "19:00")]
    pub to: String,
    /// A name from the IANA time zone database.
    #[schema(example = "Europe/Berlin")]
    pub time_zone: String,
}

/// One thing that keeps a desktop awake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AwakeReason {
    /// `no_policy`, `screen`, `terminal`, `command`, `files`, `port`, `ssh`, `processor`, `network`, `hold`,
    /// `schedule` or `recent_use`; more may come.
    #[schema(example = "terminal")]
    pub reason: String,
    /// The same in a sentence.
    #[schema(example = "A terminal is open.")]
    pub detail: String,
    /// How many there are, percent of one processor, or bytes per second, as the reason says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<u64>,
    /// Until when, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Something that holds a desktop awake until it expires or is let go of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hold {
    #[schema(value_type = String, example = "hld_01k9abc2def3ghj4kmn5pqrs6t")]
    pub id: HoldId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "nightly tests")]
    pub reason: Option<String>,
    /// Who asked for it: a person's or key's name.
    #[schema(example = "sam")]
    pub made_by: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// A hold to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateHold {
    /// Seconds it lasts, from a minute to seven days.
    #[schema(example = 7200, minimum = 60, maximum = 604800)]
    pub lasts_seconds: u64,
    /// What for, at most 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "nightly tests")]
    pub reason: Option<String>,
}

/// How a live connection comes to a desktop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WakeQuery {
    /// Whether a suspended desktop is resumed for it, and waited for; otherwise it is `not_running`.
    #[serde(default = "yes")]
    #[param(default = true, example = true)]
    pub wake: bool,
}

pub(crate) fn yes() -> bool {
    true
}

/// What can be asked.
pub mod op {
    use rolltop_model::{DesktopId, HoldId};

    use super::{CreateHold, Hold, Sleep, SleepPolicy};
    use crate::operation::{CONTROL, READ, WRITE, operations};

    operations! {
        /// A desktop's sleep
        ///
        /// When it is suspended without anybody asking, and what keeps it awake now.
        GetSleep as sleep: GET "/v1/desktops/{id}/sleep" {
            tag: "desktops",
            access: READ,
            path: DesktopId,
            reply: 200 "Its policy, its holds and what keeps it awake." Sleep,
            errors: [NotFound],
        }

        /// Say when it sleeps
        ///
        /// Replaces the policy. A desktop never sleeps by itself unless this says so, and never while somebody looks
        /// at it, an SSH connection, command, transfer or connection to a port is open, its processors or its
        /// network work, or something holds it awake. Whatever comes to it later resumes it and waits.
        SetSleep as set_sleep: PUT "/v1/desktops/{id}/sleep" {
            tag: "desktops",
            access: WRITE,
            path: DesktopId,
            body: SleepPolicy,
            reply: 200 "As it is now." Sleep,
            errors: [
                NotFound, NotSupportedByEngine, InvalidMinutes, InvalidSchedule, InvalidBody, UnknownField,
            ],
        }

        /// Hold it awake
        ///
        /// For a program that works without a trace of it in processors and network, or a person who wants it
        /// to stay.
        HoldDesktop as hold: POST "/v1/desktops/{id}/holds" {
            tag: "desktops",
            access: CONTROL,
            path: DesktopId,
            body: CreateHold,
            reply: 201 "It stays awake until then." Hold,
            errors: [NotFound, QuotaReached, InvalidLifetime, InvalidReason, InvalidBody, UnknownField],
        }

        /// Let go of a hold
        ReleaseHold as release_hold: DELETE "/v1/desktops/{id}/holds/{hold}" {
            tag: "desktops",
            access: CONTROL,
            path: (DesktopId, HoldId),
            reply: 204 "It holds nothing any more.",
            errors: [NotFound],
        }
    }
}
