//! Programs' credentials: making, listing and revoking them.
//!
//! A key never gives more than its maker has: no scope that the maker lacks, no other desktop than
//! the one the maker is tied to, no longer life than the maker's own.

use std::fmt;

use jiff::Timestamp;
use rolltop_api_types::{self as api, ApiKeyCreated, CreateApiKey, Scope};
use rolltop_boxed::boxed;
use rolltop_model::ApiKeyId;
use rolltop_store::{AddApiKeyError, ApiKey, NewApiKey};
use rolltop_vault::{TokenKind, hash_token, new_token};

use crate::kernel::caller::Caller;
use crate::kernel::clock;
use crate::kernel::control::Control;
use crate::kernel::error::{LacksScope, QueryError, explained};

/// Most keys of a workspace.
pub(crate) const MOST_KEYS: u64 = 200;
const LONGEST_NAME: usize = 64;

explained! {
    pub enum CreateKeyError: Forbidden(LacksScope) or Internal {
        Name => InvalidName in "name", "A key's name has 1 to {LONGEST_NAME} characters, none of them a control character or invisible.";
        #[error(fmt = unknown_scope)]
        UnknownScope => InvalidScopes in "scopes";
        NoScopes => InvalidScopes in "scopes", "A key needs at least one scope.";
        /// The maker lacks it.
        NotHeld(Scope) => MissingScope in "scopes", "This credential lacks the scope {0}, so it can't give it to a key.";
        /// The maker is tied to one desktop.
        Tied => TiedToDesktop in "desktop", "This credential is tied to one desktop, and so are the keys it makes: name that desktop.";
        UnknownDesktop => UnknownDesktop in "desktop", "There is no such desktop.";
        Expired => InvalidExpiry in "expires_at", "A key ends in the future.";
        /// The maker ends at this time.
        Outlives(Timestamp) => InvalidExpiry in "expires_at", "This credential ends at {0}, and the keys it makes end then at the latest.";
        TooMany => QuotaReached, "There may be {MOST_KEYS} API keys at most; revoke one first.";
    }

    pub enum RevokeKeyError: Forbidden(LacksScope) or Internal {
        NotFound => NotFound, "There is no such key.";
    }
}

#[boxed]
impl Control {
    /// The workspace's keys, oldest first; for a caller tied to one desktop, those tied to it too.
    pub async fn api_keys(&self, caller: &Caller) -> Result<Vec<api::ApiKey>, QueryError> {
        caller.needs(Scope::KeysRead)?;
        let keys = self.kernel.store.api_keys(caller.workspace, caller.only).await?;
        Ok(keys.into_iter().map(shown).collect())
    }

    /// Makes a key. Its token is in nobody's hands but the caller's from here on.
    pub async fn create_api_key(
        &self,
        caller: &Caller,
        wanted: CreateApiKey,
    ) -> Result<ApiKeyCreated, CreateKeyError> {
        caller.needs(Scope::KeysWrite)?;
        let now = clock::now();
        let wanted = self.allowed(caller, wanted, now).await?;
        let token = new_token(TokenKind::ApiKey);
        let new = NewApiKey {
            workspace: caller.workspace,
            name: wanted.name,
            token: hash_token(&token),
            scopes: names(&wanted.scopes),
            desktop: wanted.desktop,
            expires_at: wanted.expires_at,
            maker: caller.maker(),
            limit: MOST_KEYS,
        };
        let key = self.kernel.store.insert_api_key(new, now).await.map_err(|error| match error {
            AddApiKeyError::LimitReached => CreateKeyError::TooMany,
            AddApiKeyError::Store(error) => error.into(),
        })?;
        tracing::info!(key = %key.id, by = caller.label, "an API key was made");
        Ok(ApiKeyCreated { key: shown(key), token })
    }

    /// Revokes a key and all that it made, keys and links: what they have open closes at once.
    pub async fn revoke_api_key(&self, caller: &Caller, id: ApiKeyId) -> Result<(), RevokeKeyError> {
        caller.needs(Scope::KeysWrite)?;
        let revoked =
            self.kernel.store.revoke_api_key(caller.workspace, caller.only, id, clock::now()).await?;
        let made = revoked.ok_or(RevokeKeyError::NotFound)?;
        self.kernel.credentials_changed();
        if made.ssh_keys > 0 {
            self.kernel.ssh_keys_changed();
        }
        tracing::info!(key = %id, by = caller.label, ?made, "an API key was revoked");
        Ok(())
    }

    /// The key in good form, if the caller may make it.
    pub(crate) async fn allowed(
        &self,
        caller: &Caller,
        wanted: CreateApiKey,
        now: Timestamp,
    ) -> Result<CreateApiKey, CreateKeyError> {
        let name = wanted.name.trim().to_owned();
        if !rolltop_model::is_label(&name, LONGEST_NAME) {
            return Err(CreateKeyError::Name);
        }
        if wanted.scopes.contains(&Scope::Unknown) {
            return Err(CreateKeyError::UnknownScope);
        }
        if wanted.scopes.is_empty() {
            return Err(CreateKeyError::NoScopes);
        }
        if let Some(scope) = wanted.scopes.iter().find(|scope| !caller.may(**scope)) {
            return Err(CreateKeyError::NotHeld(*scope));
        }
        let scopes = Scope::ALL.iter().copied().filter(|scope| wanted.scopes.contains(scope)).collect();
        let expires_at = wanted.expires_at.map(clock::whole);
        if expires_at.is_some_and(|at| at <= now) {
            return Err(CreateKeyError::Expired);
        }
        if let Some(end) = caller.expires_at
            && expires_at.is_none_or(|at| at > end)
        {
            return Err(CreateKeyError::Outlives(end));
        }
        match (caller.only, wanted.desktop) {
            (Some(_), None) => return Err(CreateKeyError::Tied),
            (Some(only), Some(desktop)) if only != desktop => return Err(CreateKeyError::UnknownDesktop),
            (_, Some(desktop)) => {
                let row = self.kernel.store.desktop(desktop).await?;
                row.filter(|row| row.workspace == caller.workspace).ok_or(CreateKeyError::UnknownDesktop)?;
            }
            (None, None) => {}
        }
        Ok(CreateApiKey { name, scopes, desktop: wanted.desktop, expires_at })
    }
}

fn unknown_scope(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let known: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    write!(f, "One of the scopes is not known; known: {}.", known.join(", "))
}

/// As the database keeps them.
pub(crate) fn names(scopes: &[Scope]) -> Vec<String> {
    scopes.iter().map(|scope| scope.as_str().to_owned()).collect()
}

/// Those that this version knows.
pub(crate) fn known(names: &[String]) -> Vec<Scope> {
    names.iter().filter_map(|name| Scope::named(name)).collect()
}

pub(crate) fn shown(row: ApiKey) -> api::ApiKey {
    api::ApiKey {
        id: row.id,
        name: row.name,
        scopes: known(&row.scopes),
        desktop: row.desktop,
        created_at: *row.created_at,
        expires_at: row.expires_at.map(Timestamp::from),
        used_at: row.used_at.map(Timestamp::from),
        used_from: row.used_from,
    }
}
