//! `/preview/open` at our own address: checks who asks, and sends them to the preview with a ticket.

use axum::extract::Query;
use axum::response::{IntoResponse, Response};
use http::header::{LOCATION, REFRESH};
use http::{HeaderMap, HeaderValue, StatusCode};
use maud::html;
use rolltop_api_types::RequestTicket;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::access::SignedIn;
use crate::components::control::Tone;
use crate::components::layout::{doorway, link_button};
use crate::failure::{Failure, percent_encoded};
use crate::pages::account::sign_in::own_path_or;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    address: String,
    #[serde(default)]
    to: String,
}

/// The query that brings a browser here, and back to this path.
pub(super) fn query(label: &str, path: &str) -> String {
    format!("address={}&to={}", percent_encoded(label), percent_encoded(path))
}

/// Ticket and path out of the query that brings a browser back.
pub(super) fn from_query(query: &str) -> (SecretString, String) {
    let mut found = (SecretString::default(), "/".to_owned());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "ticket" => found.0 = SecretString::from(value.into_owned()),
            "to" => found.1 = own_path_or(&value, "/").to_owned(),
            _ => {}
        }
    }
    found
}

/// Nothing of the query becomes a host: the preview's is made of the label that the API gives back and
/// of the host that was asked for this page.
pub(crate) async fn open(
    person: SignedIn,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Failure> {
    // A window, never something inside somebody's page.
    if headers.get("sec-fetch-dest").is_some_and(|kind| kind != "document") {
        return Err(Failure::CrossSite);
    }
    let base = person.origin.as_deref().and_then(|main| main.strip_prefix("https://"));
    let base = base.ok_or(Failure::NotFound)?;
    let ticket = person.client.preview_ticket(&RequestTicket { address: wanted.address }).await?;
    let path = percent_encoded(own_path_or(&wanted.to, "/"));
    let to = format!(
        "https://{}.{base}/.rolltop/open?ticket={}&to={path}",
        ticket.address,
        ticket.ticket.expose_secret()
    );
    let mut header = HeaderValue::try_from(&to).map_err(|_| Failure::NotFound)?;
    header.set_sensitive(true);
    // Signing in has led here, and a browser takes no form to another origin, by our own policy: so a page
    // that goes on by itself. From anywhere else, at once.
    if headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin") {
        let refresh = HeaderValue::try_from(format!("0;url={to}")).map_err(|_| Failure::NotFound)?;
        let language = person.language;
        let way = html! { div { (link_button(Tone::Primary, &to, &language.say("preview-go-on"))) } };
        let page = doorway(language, &language.say("preview-opening"), &[], &way);
        return Ok(([(REFRESH, refresh)], page).into_response());
    }
    Ok((StatusCode::SEE_OTHER, [(LOCATION, header)]).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_survives_the_way_there_and_back_and_nothing_else_does() {
        for path in ["/", "/a/b?c=d&e=%20f", "/x%2Fy"] {
            let asked = query("3000--first", path);
            let back = asked.split_once("&to=").unwrap().1;
            assert_eq!(from_query(&format!("ticket=rv_1&to={back}")).1, path);
        }
        for bad in ["//evil", "https://evil", "/\\evil", "%2F%2Fevil", "/%0d%0aSet-Cookie:x", ""] {
            assert_eq!(from_query(&format!("to={bad}")).1, "/", "{bad}");
        }
    }
}
