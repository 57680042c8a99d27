//! `/v1/desktops/{id}/snapshot-schedule`

use rolltop_api_types::{Code, op};
use rolltop_control::purpose;
use rolltop_model as model;

use crate::call::Call;
use crate::problems::ApiError;

pub(crate) async fn set(mut call: Call<op::SetSnapshotSchedule>) -> Result<(), ApiError> {
    let access = call.desktop::<purpose::Write>().await?;
    let wanted = call.body().await?;
    let schedule = model::SnapshotSchedule::new(wanted.every_hours, wanted.keep_last, wanted.keep_days)
        .map(|schedule| schedule.with_copies(wanted.copies))
        .map_err(|error| ApiError::new(Code::InvalidSchedule, error.to_string()).in_field(error.field()))?;
    call.control.set_snapshot_schedule(&access, Some(schedule)).await?;
    Ok(())
}
