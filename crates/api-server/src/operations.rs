//! The one table of what may be asked, by whom, and with which query parameters. It has exactly what is routed, as `api-types`
//! declares it; a request for anything else is refused.

use http::{Method, Uri};
use rolltop_api_types::operation::{Declaration, Operation};
use rolltop_api_types::{Access, Code, shown};
use utoipa::IntoParams as _;
use utoipa::openapi::OpenApi;

use crate::openapi;
use crate::problems::ApiError;

/// In the order in which they are routed.
#[derive(Default)]
pub(crate) struct Operations(Vec<Entry>);

struct Entry {
    declared: Declaration,
    /// The names of its query parameters. What is misspelt is refused everywhere, also where nothing is read from the
    /// query, before anything is done.
    query: Vec<String>,
    /// Adds it to the API's description.
    describe: fn(&mut OpenApi),
}

impl Operations {
    pub fn add<O: Operation>(&mut self) {
        let query = O::Query::into_params(|| None).into_iter().map(|parameter| parameter.name).collect();
        self.0.push(Entry { declared: O::DECLARATION, query, describe: openapi::describe::<O> });
    }

    /// Adds each to the API's description.
    pub fn describe(&self, description: &mut OpenApi) {
        self.0.iter().for_each(|entry| (entry.describe)(description));
    }

    /// `HEAD` is answered as `GET` is.
    fn entry(&self, method: &Method, path: &str) -> Option<&Entry> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.0.iter().find(|entry| entry.declared.path == path && entry.declared.method == method)
    }

    /// What this needs; `None` where there is no such operation.
    pub fn access(&self, method: &Method, path: &str) -> Option<Access> {
        self.entry(method, path).map(|entry| entry.declared.access)
    }

    /// The methods of a path, as `Allow` names them.
    pub fn methods(&self, path: &str) -> Vec<&'static str> {
        const NAMES: [(Method, &str); 6] = [
            (Method::GET, "GET"),
            (Method::HEAD, "HEAD"),
            (Method::POST, "POST"),
            (Method::PUT, "PUT"),
            (Method::PATCH, "PATCH"),
            (Method::DELETE, "DELETE"),
        ];
        NAMES.iter().filter(|(method, _)| self.entry(method, path).is_some()).map(|(_, name)| *name).collect()
    }

    pub fn check_query(&self, method: &Method, path: &str, uri: &Uri) -> Result<(), ApiError> {
        let Some(query) = uri.query() else { return Ok(()) };
        let known = self.entry(method, path).map(|entry| entry.query.as_slice()).unwrap_or_default();
        let unknown =
            form_urlencoded::parse(query.as_bytes()).find(|(name, _)| !known.iter().any(|one| one == name));
        match unknown {
            Some((name, _)) => Err(refused(&name, known)),
            None => Ok(()),
        }
    }

    pub fn declarations(&self) -> impl Iterator<Item = &Declaration> {
        self.0.iter().map(|entry| &entry.declared)
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
