//! `GET /v1/desktops/{id}/steps`

use axum::extract::State;
use rolltop_api_types::{Problem, StepList};
use rolltop_control::{Control, purpose};

use crate::convert;
use crate::extract::{Answer, Ticket, ok};
use crate::problems::ApiError;

/// The boot timeline
///
/// What was done in the latest starts and how long each step took, oldest first.
#[utoipa::path(get, path = "/v1/desktops/{id}/steps", tag = "desktops", operation_id = "listSteps",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 200, description = "The steps.", body = StepList),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn list(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Read>,
) -> Result<Answer<StepList>, ApiError> {
    let steps = control.steps(&access).await?;
    Ok(ok(StepList { items: steps.into_iter().map(convert::step).collect() }))
}
