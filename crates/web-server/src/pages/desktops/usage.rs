//! What a desktop uses, for the script that draws it.

use axum::Json;
use axum::extract::Query;
use rolltop_api_types::{Usage, UsageQuery};
use rolltop_model::DesktopId;

use crate::access::{Named, SignedIn};
use crate::failure::Failure;

pub(crate) async fn points(
    person: SignedIn,
    Named(id): Named<DesktopId>,
    Query(query): Query<UsageQuery>,
) -> Result<Json<Usage>, Failure> {
    Ok(Json(person.client.usage(id, &query).await?))
}
