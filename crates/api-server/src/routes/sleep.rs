//! When a desktop sleeps by itself, and what keeps it awake.

use rolltop_api_types::{Code, Sleep, SleepPolicy, op};
use rolltop_control::purpose;
use rolltop_model::{self as model, Minutes, ScheduleParts};

use crate::call::Call;
use crate::problems::ApiError;

pub(crate) async fn set(mut call: Call<op::SetSleep>) -> Result<Sleep, ApiError> {
    let access = call.desktop::<purpose::Write>().await?;
    let wanted = policy(call.body().await?)?;
    Ok(call.control.set_sleep(&access, &wanted).await?)
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
