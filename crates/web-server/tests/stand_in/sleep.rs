//! When desktops sleep by themselves, as the web tier asks for it.

use axum::extract::{Json, Path, State as Shared};
use http::StatusCode;
use rolltop_api_types::{AwakeReason, Code, CreateHold, DesktopState, Hold, Schedule, Sleep, SleepPolicy};
use rolltop_model::{DesktopId, HoldId};

use super::routes::{App, Refused, find, refuse_field};

/// As the first desktop of the list is to be seen.
pub fn canned(desktop: DesktopId) -> (DesktopId, Sleep) {
    let now = jiff::Timestamp::now();
    let policy = SleepPolicy {
        after_minutes: Some(30),
        schedule: Some(Schedule {
            days: ["mon", "tue", "wed", "thu", "fri"].map(str::to_owned).to_vec(),
            from: "08:00".to_owned(),
            to: "19:00".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
        }),
    };
    let reason = |reason: &str, amount, until| AwakeReason {
        reason: reason.to_owned(),
        detail: "A reason that only newer servers know.".to_owned(),
        amount,
        until,
    };
    let awake_because = vec![
        reason("screen", Some(1), None),
        reason("processor", Some(43), None),
        reason("network", Some(240_000), None),
        reason("schedule", None, Some(now + jiff::SignedDuration::from_hours(3))),
        reason("sunshine", None, None),
    ];
    let hold = Hold {
        id: HoldId::generate(),
        reason: Some("nightly tests".to_owned()),
        made_by: "sam".to_owned(),
        created_at: now,
        expires_at: now + jiff::SignedDuration::from_hours(2),
    };
    (desktop, Sleep { policy, awake_because, holds: vec![hold] })
}

pub(super) async fn get(Shared(state): Shared<App>, Path(id): Path<String>) -> Result<Json<Sleep>, Refused> {
    let desktop = find(&state, &id)?;
    let sleeps = state.sleeps.lock().expect("no test panicked");
    let mut sleep = sleeps.get(&desktop.id).cloned().unwrap_or(Sleep {
        policy: SleepPolicy::default(),
        awake_because: Vec::new(),
        holds: Vec::new(),
    });
    if desktop.state != DesktopState::Running {
        sleep.awake_because.clear();
    }
    Ok(Json(sleep))
}

pub(super) async fn set(
    shared: Shared<App>,
    path: Path<String>,
    Json(policy): Json<SleepPolicy>,
) -> Result<Json<Sleep>, Refused> {
    if policy.schedule.as_ref().is_some_and(|schedule| schedule.days.is_empty()) {
        return refuse_field(Code::InvalidSchedule, "schedule", "A schedule needs days.");
    }
    if policy.after_minutes.is_some_and(|minutes| rolltop_model::Minutes::new(minutes).is_none()) {
        return refuse_field(Code::InvalidMinutes, "after_minutes", "It may be 1 to 10080 minutes.");
    }
    let Json(mut sleep) = get(Shared(shared.0.clone()), Path(path.0.clone())).await?;
    sleep.policy = policy;
    let desktop = find(&shared.0, &path.0)?;
    shared.0.sleeps.lock().expect("no test panicked").insert(desktop.id, sleep.clone());
    Ok(Json(sleep))
}

pub(super) async fn hold(
    shared: Shared<App>,
    path: Path<String>,
    Json(wanted): Json<CreateHold>,
) -> Result<(StatusCode, Json<Hold>), Refused> {
    let now = jiff::Timestamp::now();
    let lasts = i64::try_from(wanted.lasts_seconds).expect("an hour or so");
    let hold = Hold {
        id: HoldId::generate(),
        reason: wanted.reason,
        made_by: "sam".to_owned(),
        created_at: now,
        expires_at: now + jiff::SignedDuration::from_secs(lasts),
    };
    let Json(mut sleep) = get(Shared(shared.0.clone()), Path(path.0.clone())).await?;
    sleep.holds.push(hold.clone());
    let desktop = find(&shared.0, &path.0)?;
    shared.0.sleeps.lock().expect("no test panicked").insert(desktop.id, sleep);
    Ok((StatusCode::CREATED, Json(hold)))
}

pub(super) async fn release(
    Shared(state): Shared<App>,
    Path((id, hold)): Path<(String, String)>,
) -> Result<StatusCode, Refused> {
    let desktop = find(&state, &id)?;
    let mut sleeps = state.sleeps.lock().expect("no test panicked");
    if let Some(sleep) = sleeps.get_mut(&desktop.id) {
        sleep.holds.retain(|known| known.id.to_string() != hold);
    }
    Ok(StatusCode::NO_CONTENT)
}
