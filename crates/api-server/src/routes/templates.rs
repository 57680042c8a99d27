//! `GET /v1/templates`

use axum::extract::State;
use rolltop_api_types::TemplateList;
use rolltop_control::Control;

use crate::convert;
use crate::extract::{Answer, Asking, ok};
use crate::problems::ApiError;

/// List templates
///
/// What desktops can be made from, newest version first within each name.
#[utoipa::path(get, path = "/v1/templates", tag = "host", operation_id = "listTemplates",
    responses((status = 200, description = "All of them.", body = TemplateList)))]
pub(crate) async fn list(
    State(control): State<Control>,
    asking: Asking,
) -> Result<Answer<TemplateList>, ApiError> {
    let templates = control.templates(&asking.caller).await?;
    Ok(ok(TemplateList { items: templates.into_iter().map(convert::template).collect() }))
}
