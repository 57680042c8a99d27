//! From a credential to a caller.

use std::time::Duration;

use rolltop_vault::{TokenKind, classify, hash_token};
use secrecy::SecretString;

use crate::caller::{Caller, Scope, Who};
use crate::clock;
use crate::control::Control;
use crate::error::{InternalError, QueryError, internal_from};
use crate::views::MeView;

/// The time of last use is written at most this often.
const TOUCH_INTERVAL: Duration = Duration::from_secs(300);

#[derive(Debug, thiserror::Error)]
pub enum AuthenticateError {
    /// Unknown, revoked or too old: nobody is told which.
    #[error("This credential is not valid.")]
    Invalid,
    #[error(transparent)]
    Internal(#[from] InternalError),
}

internal_from!(AuthenticateError);

impl Control {
    /// Who holds this bearer credential: a session token or an `rt_…` API key.
    pub async fn authenticate(&self, bearer: &SecretString) -> Result<Caller, AuthenticateError> {
        match classify(bearer) {
            Some(TokenKind::Session) => self.session_caller(bearer).await,
            Some(TokenKind::ApiKey) => self.key_caller(bearer).await,
            Some(TokenKind::SignInLink | TokenKind::PreviewTicket | TokenKind::Share) | None => {
                Err(AuthenticateError::Invalid)
            }
        }
    }

    async fn session_caller(&self, token: &SecretString) -> Result<Caller, AuthenticateError> {
        let store = &self.inner.store;
        let found = store.session(hash_token(token)).await?.ok_or(AuthenticateError::Invalid)?;
        let now = clock::now();
        if clock::later(found.used_at, self.inner.config.session_idle) <= now {
            store.delete_session(found.session).await?;
            return Err(AuthenticateError::Invalid);
        }
        if clock::later(found.used_at, TOUCH_INTERVAL) <= now {
            store.touch_session(found.session, now).await?;
        }
        Ok(Caller {
            who: Who::Session { session: found.session, user: found.user.id },
            workspace: found.user.workspace,
            scopes: Scope::ALL.to_vec(),
            only: None,
            label: found.user.name.unwrap_or_else(|| "operator".to_owned()),
        })
    }

    async fn key_caller(&self, token: &SecretString) -> Result<Caller, AuthenticateError> {
        let store = &self.inner.store;
        let key = store.api_key(hash_token(token)).await?.ok_or(AuthenticateError::Invalid)?;
        let now = clock::now();
        if key.used_at.is_none_or(|used| clock::later(used, TOUCH_INTERVAL) <= now) {
            store.touch_api_key(key.id, now).await?;
        }
        Ok(Caller {
            who: Who::ApiKey(key.id),
            workspace: key.workspace,
            scopes: key.scopes.iter().filter_map(|name| Scope::named(name)).collect(),
            only: key.desktop,
            label: key.name,
        })
    }

    /// What the caller may know of itself; needs no scope.
    pub async fn me(&self, caller: &Caller) -> Result<MeView, QueryError> {
        let (user, name, has_password) = match caller.who {
            Who::Session { user, .. } => {
                let known = self.inner.store.user(user).await?;
                let has_password = known.as_ref().is_some_and(|known| known.password_hash.is_some());
                (Some(user), known.and_then(|known| known.name), has_password)
            }
            Who::ApiKey(_) | Who::SshKey(_) | Who::Share(_) => (None, Some(caller.label.clone()), false),
        };
        let count = self.inner.store.desktop_count(caller.workspace).await?;
        Ok(MeView {
            workspace: caller.workspace,
            user,
            name,
            has_password,
            scopes: caller.scopes.clone(),
            desktop_limit: self.desktop_limit(caller.workspace).await?,
            desktop_count: u32::try_from(count).unwrap_or(u32::MAX),
        })
    }
}
