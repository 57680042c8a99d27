//! Who is asking: anybody ([`Visitor`]), somebody the API knows ([`SignedIn`]), or either ([`Reader`]).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Path};
use axum::response::Response;
use http::request::Parts;
use http::{Extensions, HeaderMap};
use rolltop_api_types::{Client, Code, Me};
use rolltop_model::DesktopId;
use secrecy::SecretString;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::components::toast;
use crate::connection;
use crate::cookie::Cookie;
use crate::failure::Failure;
use crate::guard;
use crate::language::Language;

/// A browser, signed in or not.
#[derive(Clone)]
pub(crate) struct Visitor {
    pub language: Language,
    /// Whether htmx asks, for a part of a page.
    pub fragment: bool,
    pub token: Option<SecretString>,
    /// The API's client for this browser's address, without a credential.
    pub client: Client,
}

impl Visitor {
    fn new(app: &App, headers: &HeaderMap, address: IpAddr) -> Self {
        let cookie = Cookie::from_headers(headers);
        Self {
            language: cookie.language.unwrap_or_else(|| Language::from_headers(headers)),
            fragment: headers.contains_key("hx-request"),
            token: cookie.token,
            client: app.client.with_forwarded_for(address),
        }
    }
}

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        Ok(Self::new(app, &parts.headers, peer(&parts.extensions)))
    }
}

/// Where the connection comes from.
pub(crate) fn peer(extensions: &Extensions) -> IpAddr {
    let connection = extensions.get::<ConnectInfo<SocketAddr>>();
    connection.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(address)| address.ip())
}

/// A person with a session. Made only by asking the API.
pub(crate) struct SignedIn {
    pub language: Language,
    pub fragment: bool,
    pub me: Me,
    /// The API's client with this person's session.
    pub client: Client,
    /// Our own origin as this person's browser knows it.
    pub origin: Option<String>,
}

impl SignedIn {
    /// The host that this person reaches us by. It goes into lines that are pasted into shells, so what is no
    /// plain host name or address is left out.
    pub(crate) fn host(&self) -> &str {
        let host = self.origin.as_deref().and_then(|origin| origin.strip_prefix("https://"));
        host.map(without_port).filter(|host| is_plain(host)).unwrap_or("localhost")
    }

    /// Says that something was done, with the name of what it was done with.
    pub(crate) fn done(&self, key: &str, name: &str) -> Response {
        self.done_with_undo(key, name, None)
    }

    /// With a way back, where there is one.
    pub(crate) fn done_with_undo(&self, key: &str, name: &str, undo: Option<DesktopId>) -> Response {
        let text = self.language.say_with(key, &[("name", name)]);
        toast::finished(toast::done(self.language, &text, undo))
    }
}

/// What a path names. What can't be the name of anything is not there.
pub(crate) struct Named<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let named = Path::from_request_parts(parts, state).await;
        named.map(|Path(named)| Self(named)).map_err(|_| Failure::NotFound)
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // An IPv6 address ends in a bracket before its port.
        Some((before, port)) if port.bytes().all(|b| b.is_ascii_digit()) => before,
        Some(_) | None => host,
    }
}

fn is_plain(host: &str) -> bool {
    (1..=253).contains(&host.len())
        && !host.starts_with('-')
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'))
}

/// The only pages for those who have followed their link and not yet chosen a password.
const WITHOUT_PASSWORD: [&str; 3] = ["/account/password", "/account/language", "/sign-out"];

impl FromRequestParts<Arc<App>> for SignedIn {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Failure> {
        let Visitor { language, fragment, token, client } =
            Visitor::new(app, &parts.headers, peer(&parts.extensions));
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let next = if parts.method == http::Method::GET { path.to_owned() } else { "/".to_owned() };
        let Some(token) = token else { return Err(Failure::SignIn { next }) };
        let client = client.with_token(&token)?;
        let me = match client.me().await {
            Ok(me) => me,
            Err(error) if error.code() == Some(Code::Unauthenticated) => {
                return Err(Failure::SignIn { next });
            }
            Err(error) => return Err(error.into()),
        };
        connection::known(&parts.extensions);
        if me.needs_password && !WITHOUT_PASSWORD.contains(&parts.uri.path()) {
            return Err(Failure::NeedsPassword);
        }
        let origin = guard::own_origin(app.public_origin.as_deref(), &parts.uri, &parts.headers);
        Ok(Self { language, fragment, me, client, origin })
    }
}

/// Of a page that is for everybody, in the frame of those who are signed in where somebody is.
pub(crate) enum Reader {
    Person(Box<SignedIn>),
    Stranger { language: Language, fragment: bool },
}

impl Reader {
    pub(crate) fn language(&self) -> Language {
        match self {
            Reader::Person(person) => person.language,
            Reader::Stranger { language, .. } => *language,
        }
    }

    /// Whether htmx asks, for a part of a page.
    pub(crate) fn fragment(&self) -> bool {
        match self {
            Reader::Person(person) => person.fragment,
            Reader::Stranger { fragment, .. } => *fragment,
        }
    }

    pub(crate) fn person(&self) -> Option<&SignedIn> {
        match self {
            Reader::Person(person) => Some(person),
            Reader::Stranger { .. } => None,
        }
    }
}

impl FromRequestParts<Arc<App>> for Reader {
    type Rejection = std::convert::Infallible;

    /// A session that has ended, or an API that does not answer, keeps nobody from reading.
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        let Visitor { language, fragment, token, .. } =
            Visitor::new(app, &parts.headers, peer(&parts.extensions));
        if token.is_some()
            && let Ok(person) = SignedIn::from_request_parts(parts, app).await
        {
            return Ok(Reader::Person(Box::new(person)));
        }
        Ok(Reader::Stranger { language, fragment })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_for_a_command_has_no_port_and_nothing_a_shell_would_act_on() {
        assert_eq!(without_port("desk.example.org:8443"), "desk.example.org");
        assert_eq!(without_port("[2001:db8::1]:8443"), "[2001:db8::1]");
        assert_eq!(without_port("[2001:db8::1]"), "[2001:db8::1]");
        assert_eq!(without_port("localhost"), "localhost");
        for bad in ["", "a;b", "$(id)", "a b", "-oProxyCommand=x", "a\nb", "é"] {
            assert!(!is_plain(bad), "{bad:?}");
        }
        assert!(is_plain("[2001:db8::1]") && is_plain("desk-1.example.org"));
    }
}
