//! What a desktop uses, for the script that draws it.

use axum::Json;
use axum::extract::{Path, Query};
use rolltop_api_types::{Usage, UsageQuery};

use super::actions::id;
use crate::access::SignedIn;
use crate::failure::Failure;

pub(crate) async fn points(
    person: SignedIn,
    Path(path): Path<String>,
    Query(query): Query<UsageQuery>,
) -> Result<Json<Usage>, Failure> {
    Ok(Json(person.client.usage(id(&path)?, &query).await?))
}
