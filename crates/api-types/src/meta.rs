//! What is asked about the API itself.

/// What can be asked.
pub mod op {
    use crate::operation::{Access, operations};

    operations! {
        /// Whether the API runs
        Healthz: GET "/healthz" {
            tag: "meta",
            access: Access::Open,
            reply: 200 "It does." as "text/plain" = "ok",
            errors: [],
        }

        /// This description
        GetOpenApi: GET "/v1/openapi.json" {
            tag: "meta",
            access: Access::Open,
            reply: 200 "OpenAPI 3.1." as "application/json",
            errors: [],
        }
    }
}
