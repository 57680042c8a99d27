//! Signing in. Called by the web tier, which keeps the token in its cookie.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A one-time link's secret part.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RedeemLink {
    #[serde(serialize_with = "crate::secret::expose")]
    #[schema(value_type = String, format = Password)]
    pub link: SecretString,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    #[schema(example = "sam")]
    pub name: String,
    #[serde(serialize_with = "crate::secret::expose")]
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
}

/// A session has begun.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SessionToken {
    /// Give it as `Authorization: Bearer`. Shown once.
    #[serde(serialize_with = "crate::secret::expose")]
    #[schema(value_type = String, format = Password)]
    pub token: SecretString,
    /// Whether the account has no password yet: let the person choose one first.
    pub needs_password: bool,
}

/// The name and password to sign in with from now on. Ends the account's other sessions.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPassword {
    #[schema(example = "sam")]
    pub name: String,
    /// The one until now, where `asks_present_password` of `GET /v1/me` says so.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "crate::secret::expose_any")]
    #[schema(value_type = Option<String>, format = Password)]
    pub present: Option<SecretString>,
    /// At least 10 characters.
    #[serde(serialize_with = "crate::secret::expose")]
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
}

/// What can be asked.
pub mod op {
    use super::SessionToken;
    use crate::operation::{Access, operations};

    operations! {
        /// Sign in by link
        ///
        /// Uses up a one-time link.
        RedeemLink as redeem_link: POST "/v1/session/redeem" {
            tag: "account",
            access: Access::SignIn,
            body: super::RedeemLink,
            reply: 200 "A session has begun." SessionToken,
            errors: [LinkNotValid],
        }

        /// Sign in
        SignIn as sign_in: POST "/v1/session" {
            tag: "account",
            access: Access::SignIn,
            body: super::SignIn,
            reply: 200 "A session has begun." SessionToken,
            errors: [WrongCredentials],
        }

        /// Sign out
        ///
        /// Ends the session whose token was sent. An API key is not ended by this.
        SignOut as sign_out: DELETE "/v1/session" {
            tag: "account",
            access: Access::Credential,
            reply: 204 "Done.",
            errors: [],
        }

        /// Choose name and password
        ///
        /// To sign in with from now on. Every other session of the person ends. Whoever has a password gives it, but for a
        /// session that a sign-in link began.
        SetPassword as set_password: PUT "/v1/me/password" {
            tag: "account",
            access: Access::Scopes(&[crate::Scope::Account]),
            body: super::SetPassword,
            reply: 204 "Done.",
            errors: [
                NameTaken, WrongPassword, WeakPassword, InvalidName, NotAPerson, InvalidBody,
                RateLimited,
            ],
        }
    }
}
