//! When a desktop sleeps by itself, and what keeps it awake.

use std::time::Duration;

use rolltop_api_types::{Code, Hold, Sleep, SleepPolicy, op};
use rolltop_control::purpose;
use rolltop_model::{self as model, Minutes, ScheduleParts};

use crate::call::Call;
use crate::convert;
use crate::problems::ApiError;

pub(crate) async fn get(call: Call<op::GetSleep>) -> Result<Sleep, ApiError> {
    let access = call.desktop::<purpose::Read>().await?;
    Ok(convert::sleep(call.control.sleep(&access).await?))
}

pub(crate) async fn set(mut call: Call<op::SetSleep>) -> Result<Sleep, ApiError> {
    let access = call.desktop::<purpose::Write>().await?;
    let wanted = policy(call.body().await?)?;
    Ok(convert::sleep(call.control.set_sleep(&access, &wanted).await?))
}

pub(crate) async fn hold(mut call: Call<op::HoldDesktop>) -> Result<Hold, ApiError> {
    let access = call.desktop::<purpose::Control>().await?;
    let wanted = call.body().await?;
    let lifetime = Duration::from_secs(wanted.lasts_seconds);
    Ok(convert::hold(call.control.hold(&access, lifetime, wanted.reason).await?))
}

pub(crate) async fn release(call: Call<op::ReleaseHold>) -> Result<(), ApiError> {
    let access = call.desktop::<purpose::Control>().await?;
    let (_, hold) = call.path;
    call.control.release_hold(&access, hold).await?;
    Ok(())
}

fn policy(wanted: SleepPolicy) -> Result<model::SleepPolicy, ApiError> {
    let after = wanted.after_minutes.map(|minutes| {
        Minutes::new(minutes).ok_or_else(|| {
            let (least, most) = (Minutes::LEAST, Minutes::MOST);
            ApiError::new(Code::InvalidMinutes, format!("There can be {least} to {most} minutes."))
                .in_field("after_minutes")
        })
    });
    let schedule = wanted.schedule.map(|schedule| {
        let parts = ScheduleParts {
            days: schedule.days,
            from: schedule.from,
            to: schedule.to,
            time_zone: schedule.time_zone,
        };
        model::Schedule::try_from(parts)
            .map_err(|error| ApiError::new(Code::InvalidSchedule, error.to_string()).in_field("schedule"))
    });
    Ok(model::SleepPolicy { after: after.transpose()?, schedule: schedule.transpose()? })
}
