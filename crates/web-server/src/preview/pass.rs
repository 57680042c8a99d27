//! The two cookies of a preview's origin: the pass, and which desktop was last opened here.
//!
//! `__Host-` keeps neighbours from setting them. The desktop neither sees nor sets them.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use rolltop_api_types::PreviewPass;
use secrecy::{ExposeSecret, SecretString};

use crate::cookie;

pub(super) const PASS: &str = "__Host-rolltop-preview";
pub(super) const DESKTOP: &str = "__Host-rolltop-desktop";
/// Cookies whose names begin so are ours.
pub(super) const OURS: &str = "__host-rolltop";
const LONGEST: usize = 600;
const YEAR: u64 = 365 * 24 * 3600;

pub(super) fn from_headers(headers: &HeaderMap) -> Option<SecretString> {
    cookie::value(headers, PASS)
        .filter(|value| is_plain(value))
        .map(|value| SecretString::from(value.to_owned()))
}

/// The desktop whose pages this browser last saw at this address.
pub(super) fn desktop(headers: &HeaderMap) -> Option<&str> {
    cookie::value(headers, DESKTOP)
}

fn is_plain(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// The headers that give a browser both.
pub(super) fn set(pass: &PreviewPass) -> Option<[HeaderValue; 2]> {
    let token = pass.pass.expose_secret();
    if !is_plain(token) {
        return None;
    }
    let left = pass.expires_at.duration_since(jiff::Timestamp::now());
    let left = Duration::try_from(left).unwrap_or_default().as_secs();
    let flags = "Secure; HttpOnly; SameSite=Lax";
    let mut value = HeaderValue::try_from(format!("{PASS}={token}; Path=/; Max-Age={left}; {flags}")).ok()?;
    value.set_sensitive(true);
    let desktop = format!("{DESKTOP}={}; Path=/; Max-Age={YEAR}; {flags}", pass.desktop);
    Some([value, HeaderValue::try_from(desktop).ok()?])
}
