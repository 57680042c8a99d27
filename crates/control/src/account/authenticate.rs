//! From a credential to a caller.

use std::time::Duration;

use jiff::Timestamp;
use rolltop_api_types::{Credential, CredentialKind, Limits, Me, Scope};
use rolltop_boxed::boxed;
use rolltop_store::SessionUser;
use rolltop_vault::{TokenKind, classify, hash_token};
use secrecy::SecretString;

use crate::account::api_keys::known;
use crate::account::password::asks_present;
use crate::kernel::caller::{Caller, Who};
use crate::kernel::clock;
use crate::kernel::control::Control;
use crate::kernel::error::{QueryError, explained};

/// A session's time of last use is written at most this often.
const SESSION_TOUCH: Duration = Duration::from_secs(300);
/// A key's, with the address.
const KEY_TOUCH: Duration = Duration::from_secs(60);

explained! {
    pub enum AuthenticateError or Internal {
        /// Unknown, revoked or too old: nobody is told which.
        Invalid => Unauthenticated, "This credential is not valid; sign in again or use another API key.";
    }
}

#[boxed]
impl Control {
    /// Who holds this bearer credential: a session token or an `rt_…` API key.
    pub async fn authenticate(&self, bearer: &SecretString) -> Result<Caller, AuthenticateError> {
        self.identify(bearer, None).await
    }

    /// The same, and notes the address that it was used from.
    pub(crate) async fn identify(
        &self,
        bearer: &SecretString,
        from: Option<&str>,
    ) -> Result<Caller, AuthenticateError> {
        match classify(bearer) {
            Some(TokenKind::Session) => self.session_caller(bearer).await,
            Some(TokenKind::ApiKey) => self.key_caller(bearer, from).await,
            Some(
                TokenKind::SignInLink | TokenKind::DeviceCode | TokenKind::PreviewTicket | TokenKind::Share,
            )
            | None => Err(AuthenticateError::Invalid),
        }
    }

    /// Whether a session is too old: not used for too long, or begun too long ago.
    pub(crate) fn is_over(&self, session: &SessionUser) -> bool {
        let config = &self.kernel.config;
        let ends = clock::later(session.used_at, config.session_idle);
        ends.min(clock::later(session.began_at, config.session_longest)) <= clock::now()
    }

    async fn session_caller(&self, token: &SecretString) -> Result<Caller, AuthenticateError> {
        let store = &self.kernel.store;
        let found = store.session(hash_token(token)).await?.ok_or(AuthenticateError::Invalid)?;
        let now = clock::now();
        if self.is_over(&found) {
            store.delete_session(found.session).await?;
            return Err(AuthenticateError::Invalid);
        }
        if clock::later(found.used_at, SESSION_TOUCH) <= now {
            store.touch_session(found.session, now).await?;
        }
        Ok(Caller {
            who: Who::Session { session: found.session, user: found.user.id },
            workspace: found.user.workspace,
            scopes: Scope::ALL.to_vec(),
            only: None,
            expires_at: None,
            label: found.user.name.unwrap_or_else(|| "operator".to_owned()),
        })
    }

    async fn key_caller(
        &self,
        token: &SecretString,
        from: Option<&str>,
    ) -> Result<Caller, AuthenticateError> {
        let store = &self.kernel.store;
        let key = store.api_key(hash_token(token)).await?.ok_or(AuthenticateError::Invalid)?;
        let now = clock::now();
        if key.expires_at.is_some_and(|at| *at <= now) {
            return Err(AuthenticateError::Invalid);
        }
        if key.used_at.is_none_or(|used| clock::later(*used, KEY_TOUCH) <= now) {
            store.touch_api_key(key.id, from, now).await?;
        }
        Ok(Caller {
            who: Who::ApiKey(key.id),
            workspace: key.workspace,
            scopes: known(&key.scopes),
            only: key.desktop,
            expires_at: key.expires_at.map(Timestamp::from),
            label: key.name,
        })
    }

    /// What the caller may know of itself; needs no scope.
    pub async fn me(&self, caller: &Caller) -> Result<Me, QueryError> {
        let (user, name, has_password, asks_present) = match caller.who {
            Who::Session { user, session } => {
                let known = self.kernel.store.session_by_id(session).await?;
                let asks_present = known.as_ref().is_some_and(asks_present);
                let known = known.map(|session| session.user);
                let has_password = known.as_ref().is_some_and(|known| known.password_hash.is_some());
                (Some(user), known.and_then(|known| known.name), has_password, asks_present)
            }
            Who::ApiKey(_) | Who::SshKey(_) | Who::Share(_) => {
                (None, Some(caller.label.clone()), false, false)
            }
        };
        let (kind, id) = match caller.who {
            Who::Session { session, .. } => (CredentialKind::Session, session.to_string()),
            Who::ApiKey(key) => (CredentialKind::ApiKey, key.to_string()),
            Who::SshKey(key) => (CredentialKind::SshKey, key.to_string()),
            Who::Share(share) => (CredentialKind::Share, share.to_string()),
        };
        Ok(Me {
            user,
            name,
            workspace: caller.workspace,
            admin: caller.may(Scope::Admin),
            needs_password: user.is_some() && !has_password,
            asks_present_password: asks_present,
            credential: Credential {
                kind,
                id,
                scopes: caller.scopes.clone(),
                desktop: caller.only,
                expires_at: caller.expires_at,
            },
            limits: Limits {
                desktops: self.desktop_limit(caller.workspace).await?.into(),
                desktops_used: self.kernel.store.desktop_count(caller.workspace).await?,
                disk_bytes: self.kernel.config.disk_limit,
                disk_bytes_used: self.kernel.store.disk_used(caller.workspace).await?,
            },
        })
    }
}
