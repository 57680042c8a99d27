//! Choices among names as the API's description shows them. What only a reader needs, for names
//! from a newer server, is not in them.

use rolltop_model::Size;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

/// A string that is one of the sizes.
pub(crate) fn size() -> Schema {
    one_of(
        "How big the desktop is: `s` 2 vCPU, 2 GiB, 20 GiB disk; `m` 2, 4, 40; `l` 4, 8, 80.",
        Size::ALL.map(Size::as_str),
    )
}

/// A string that is one of these.
pub(crate) fn one_of(description: &str, names: impl IntoIterator<Item = &'static str>) -> Schema {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .enum_values(Some(names.into_iter().map(str::to_owned).collect::<Vec<_>>()))
        .build()
        .into()
}

/// Describes a type as one of its `ALL`.
macro_rules! described_by_name {
    ($kind:ident, $description:literal) => {
        impl utoipa::PartialSchema for $kind {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $crate::choice::one_of($description, $kind::ALL.iter().map(|choice| choice.as_str())).into()
            }
        }

        impl utoipa::ToSchema for $kind {}
    };
}
pub(crate) use described_by_name;
