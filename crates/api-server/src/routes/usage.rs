//! `/v1/desktops/{id}/usage`

use axum::extract::State;
use rolltop_api_types::{Problem, Usage, UsageQuery};
use rolltop_control::{Control, purpose};

use crate::convert;
use crate::extract::{Answer, Query, Ticket, ok};
use crate::problems::ApiError;

/// What it used
///
/// Processors, memory, disk and network over the latest hour, day or 30 days, closer the shorter that is. There are
/// points only of when it ran. After Rolltop was restarted the latest hour has a point every 5 minutes at first.
#[utoipa::path(get, path = "/v1/desktops/{id}/usage", tag = "desktops", operation_id = "getUsage",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t"), UsageQuery),
    responses(
        (status = 200, description = "The oldest first.", body = Usage),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 400, description = "`invalid_query`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn get(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Read>,
    Query(UsageQuery { span }): Query<UsageQuery>,
) -> Result<Answer<Usage>, ApiError> {
    Ok(ok(convert::usage(control.usage(&access, convert::usage_span(span)).await?)))
}
