//! The boot timeline.

use rolltop_api_types::{StepList, op};
use rolltop_control::purpose;

use crate::call::Call;
use crate::convert;
use crate::problems::ApiError;

pub(crate) async fn list(call: Call<op::ListSteps>) -> Result<StepList, ApiError> {
    let steps = call.control.steps(&call.desktop::<purpose::Read>().await?).await?;
    Ok(StepList { items: steps.into_iter().map(convert::step).collect() })
}
