//! `GET /v1/templates`

use rolltop_api_types::{TemplateList, op};

use crate::call::Call;
use crate::convert;
use crate::problems::ApiError;

pub(crate) async fn list(call: Call<op::ListTemplates>) -> Result<TemplateList, ApiError> {
    let templates = call.control.templates(&call.caller).await?;
    Ok(TemplateList { items: templates.into_iter().map(convert::template).collect() })
}
