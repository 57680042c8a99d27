//! The model's sizes as the API's description shows them.

use rolltop_model::Size;
use utoipa::openapi::schema::{ObjectBuilder, Schema};

/// A string that is one of the sizes.
pub(crate) fn schema() -> Schema {
    ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::Type::String)
        .description(Some(
            "How big the desktop is: `s` 2 vCPU, 2 GiB, 20 GiB disk; `m` 2, 4, 40; `l` 4, 8, 80.",
        ))
        .enum_values(Some(Size::ALL.map(Size::as_str)))
        .examples([Size::S.as_str()])
        .build()
        .into()
}
