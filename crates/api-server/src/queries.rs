//! Which query parameters each operation has, read out of its description: one that is not described is refused
//! everywhere, also where nothing is read from the query, so that a misspelt one is noticed before anything is done.

use std::collections::HashMap;

use http::{Method, Uri};
use rolltop_api_types::Code;
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::{OpenApi, RefOr};

use crate::problems::{ApiError, shown};

/// By method and path as they are routed.
pub(crate) struct QueryNames(HashMap<(Method, String), Vec<String>>);

impl QueryNames {
    pub fn of(description: &OpenApi) -> Self {
        let mut names = HashMap::new();
        for (path, item) in &description.paths.paths {
            let operations = [
                (Method::GET, &item.get),
                (Method::POST, &item.post),
                (Method::PUT, &item.put),
                (Method::PATCH, &item.patch),
                (Method::DELETE, &item.delete),
            ];
            for (method, operation) in operations {
                let Some(operation) = operation else { continue };
                let in_query =
                    operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
                        RefOr::T(one) if one.parameter_in == ParameterIn::Query => Some(one.name.clone()),
                        RefOr::T(_) | RefOr::Ref(_) => None,
                    });
                names.insert((method, path.clone()), in_query.collect());
            }
        }
        Self(names)
    }

    /// `HEAD` takes what `GET` takes.
    pub fn check(&self, method: &Method, path: &str, uri: &Uri) -> Result<(), ApiError> {
        let Some(query) = uri.query() else { return Ok(()) };
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let known = self.0.get(&(method.clone(), path.to_owned())).map(Vec::as_slice).unwrap_or_default();
        let unknown =
            form_urlencoded::parse(query.as_bytes()).find(|(name, _)| !known.iter().any(|one| one == name));
        match unknown {
            Some((name, _)) => Err(refused(&name, known)),
            None => Ok(()),
        }
    }
}

fn refused(name: &str, known: &[String]) -> ApiError {
    let known = match known {
        [] => "this takes no query parameters".to_owned(),
        names => format!("known: {}", names.join(", ")),
    };
    match shown(name) {
        Some(name) => ApiError::new(Code::InvalidQuery, format!("There is no field {name} here; {known}."))
            .in_field(name),
        None => {
            ApiError::new(Code::InvalidQuery, format!("There is a field that is not known here; {known}."))
        }
    }
}
