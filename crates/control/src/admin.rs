//! What the operator may do on the machine itself, without a credential: the admin socket has
//! checked who calls.

use rolltop_api_types::{self as api, Scope};
use rolltop_boxed::boxed;
use rolltop_engine::{EngineError, Known, Leftover};
use rolltop_store::{AddApiKeyError, NewApiKey, StoreError};
use rolltop_vault::{TokenKind, hash_token, new_token};
use secrecy::SecretString;

use crate::account::api_keys::names;
use crate::kernel::clock;
use crate::kernel::control::{Control, Kernel};
use crate::kernel::error::{InternalError, explained};

const LONGEST_NAME: usize = 64;

explained! {
    pub enum AdminError or Internal {
        HostUnreachable => Unavailable after 2, "The host does not answer; try again shortly.";
    }
}

impl From<EngineError> for AdminError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Unreachable(_) | EngineError::Timeout(_) => AdminError::HostUnreachable,
            other => AdminError::Internal(other.into()),
        }
    }
}

#[boxed]
impl Control {
    /// A link token that signs the operator in once; makes the first workspace and person where
    /// there are none.
    pub async fn sign_in_link(&self) -> Result<SecretString, InternalError> {
        let now = clock::now();
        let workspace = self.kernel.store.first_workspace(now).await?;
        let user = self.kernel.store.first_user(workspace.id, now).await?;
        let token = new_token(TokenKind::SignInLink);
        let expires_at = clock::later(now, self.kernel.config.link_age);
        self.kernel.store.insert_sign_in_link(user.id, hash_token(&token), expires_at).await?;
        Ok(token)
    }

    /// Whether anybody can sign in without a link.
    pub async fn anybody_has_password(&self) -> Result<bool, InternalError> {
        Ok(self.kernel.store.anybody_has_password().await?)
    }

    /// A key with all scopes for the operator's workspace.
    pub async fn api_key(&self, name: Option<&str>) -> Result<SecretString, InternalError> {
        let now = clock::now();
        let workspace = self.kernel.store.first_workspace(now).await?;
        let token = new_token(TokenKind::ApiKey);
        let name =
            name.unwrap_or("operator").chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
        let key = NewApiKey {
            workspace: workspace.id,
            maker: None,
            name,
            token: hash_token(&token),
            scopes: names(Scope::ALL),
            desktop: None,
            expires_at: None,
            // Whoever has the machine is never locked out.
            limit: u64::MAX,
        };
        match self.kernel.store.insert_api_key(key, now).await {
            Ok(_) => Ok(token),
            Err(AddApiKeyError::LimitReached) => Err(InternalError::Other("there are too many keys")),
            Err(AddApiKeyError::Store(error)) => Err(error.into()),
        }
    }

    /// What exists on the host and belongs to no desktop.
    pub async fn leftovers(&self) -> Result<Vec<api::Leftover>, AdminError> {
        Ok(self.kernel.leftovers().await?.into_iter().map(shown).collect())
    }

    /// Removes what [`Control::leftovers`] lists, and returns it.
    pub async fn sweep(&self) -> Result<Vec<api::Leftover>, AdminError> {
        let _still = self.kernel.sweeping.write().await;
        let swept = self.kernel.engine.sweep(&self.kernel.known().await?).await?;
        tracing::info!(count = swept.len(), "leftovers swept");
        Ok(swept.into_iter().map(shown).collect())
    }
}

#[boxed]
impl Kernel {
    pub(crate) async fn leftovers(&self) -> Result<Vec<Leftover>, AdminError> {
        let _still = self.sweeping.write().await;
        Ok(self.engine.leftovers(&self.known().await?).await?)
    }

    async fn known(&self) -> Result<Known, StoreError> {
        let records = self.store.desktop_ids().await?;
        Ok(Known { desktops: records, snapshots: self.store.snapshot_ids().await? })
    }
}

fn shown(left: Leftover) -> api::Leftover {
    api::Leftover { kind: left.kind, name: left.name, stays: left.stays }
}
