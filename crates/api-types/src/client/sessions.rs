//! Signing in and out, as the web tier does it for a browser.

use http::Method;

use super::{Client, ClientError, json, nothing, with_body};
use crate::{RedeemLink, SessionToken, SetPassword, SignIn};

impl Client {
    /// `POST /v1/session/redeem`: a one-time link for a session.
    pub async fn redeem_link(&self, link: &RedeemLink) -> Result<SessionToken, ClientError> {
        json(with_body(self.request(Method::POST, &["v1", "session", "redeem"]), link)).await
    }

    /// `POST /v1/session`
    pub async fn sign_in(&self, who: &SignIn) -> Result<SessionToken, ClientError> {
        json(with_body(self.request(Method::POST, &["v1", "session"]), who)).await
    }

    /// `DELETE /v1/session`
    pub async fn sign_out(&self) -> Result<(), ClientError> {
        nothing(self.request(Method::DELETE, &["v1", "session"])).await
    }

    /// `PUT /v1/me/password`
    pub async fn set_password(&self, password: &SetPassword) -> Result<(), ClientError> {
        nothing(with_body(self.request(Method::PUT, &["v1", "me", "password"]), password)).await
    }
}
