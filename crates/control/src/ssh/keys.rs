//! Adding, listing and removing people's keys.

use std::time::Duration;

use jiff::Timestamp;
use rolltop_api_types::{self as api, KeyDelivery, Scope, SshKeyAdded, SshKeyRemoved};
use rolltop_boxed::boxed;
use rolltop_model::{SshKeyId, WorkspaceId};
use rolltop_store::{AddSshKeyError, NewSshKey, SshKey, StoreError};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::kernel::caller::{Caller, Who};
use crate::kernel::clock;
use crate::kernel::control::{Control, Kernel};
use crate::kernel::error::{LacksScope, QueryError, explained};
use crate::kernel::state::default_state;
use crate::ssh::delivery;
use crate::ssh::public_key::{PublicKeyError, read};

/// Most keys of a workspace: each is a line in every desktop.
const MOST_KEYS: u64 = 100;
const LONGEST_NAME: usize = 64;
/// What an SSH key lets its holder do.
const ENTERING: [Scope; 4] = [Scope::DesktopsControl, Scope::Exec, Scope::FilesRead, Scope::FilesWrite];
/// How long a change waits for desktops to take it; what they have not taken by then they get later.
const DELIVERY_DEADLINE: Duration = Duration::from_secs(20);

/// Changes with each SSH key that comes or goes.
#[derive(Default)]
pub(crate) struct KeyChanges(pub(crate) watch::Sender<u64>);
default_state!(KeyChanges);

explained! {
    pub enum AddKeyError: Forbidden(LacksScope), Key(PublicKeyError) or Internal {
        Name => InvalidName in "name", "A key's name has 1 to {LONGEST_NAME} characters, none of them a control character or invisible.";
        /// The name it has.
        Exists(String) => KeyExists in "public_key", "This key is there already, as {0}.";
        TooMany => QuotaReached, "There may be {MOST_KEYS} keys at most; remove one first.";
    }

    pub enum RemoveKeyError: Forbidden(LacksScope) or Internal {
        NotFound => NotFound, "There is no such key.";
    }
}

#[boxed]
impl Control {
    /// Takes a public key, OpenSSH's one line, and has every running desktop know it.
    pub async fn add_ssh_key(
        &self,
        caller: &Caller,
        name: Option<&str>,
        public_key: &SecretString,
    ) -> Result<SshKeyAdded, AddKeyError> {
        caller.needs_everywhere(Scope::KeysWrite)?;
        // Whoever has the key may do all of this in every desktop.
        ENTERING.into_iter().try_for_each(|scope| caller.needs(scope))?;
        let key = read(public_key.expose_secret())?;
        let name = match name.map(str::trim) {
            Some(name) if is_name(name) => name.to_owned(),
            Some(_) => return Err(AddKeyError::Name),
            None => key.comment.clone().unwrap_or_else(|| key.kind.clone()),
        };
        let new = NewSshKey {
            workspace: caller.workspace,
            user: match caller.who {
                Who::Session { user, .. } => Some(user),
                Who::ApiKey(_) | Who::SshKey(_) | Who::Share(_) => None,
            },
            name,
            kind: key.kind,
            public_key: key.line,
            fingerprint: key.fingerprint,
            maker: caller.maker(),
            expires_at: caller.expires_at,
            limit: MOST_KEYS,
        };
        let row = self.kernel.store.insert_ssh_key(new, clock::now()).await.map_err(|error| match error {
            AddSshKeyError::Exists(name) => AddKeyError::Exists(name),
            AddSshKeyError::LimitReached => AddKeyError::TooMany,
            AddSshKeyError::Store(error) => error.into(),
        })?;
        tracing::info!(key = %row.id, fingerprint = row.fingerprint, by = caller.label, "an SSH key was added");
        Ok(SshKeyAdded { key: shown(row), delivery: self.keys_changed(caller.workspace).await? })
    }

    /// The workspace's keys, oldest first.
    pub async fn ssh_keys(&self, caller: &Caller) -> Result<Vec<api::SshKey>, QueryError> {
        caller.needs_everywhere(Scope::KeysRead)?;
        Ok(self.kernel.store.ssh_keys(caller.workspace).await?.into_iter().map(shown).collect())
    }

    /// Forgets a key: what it has open through the jump host ends, and no running desktop knows it
    /// any more.
    pub async fn remove_ssh_key(
        &self,
        caller: &Caller,
        id: SshKeyId,
    ) -> Result<SshKeyRemoved, RemoveKeyError> {
        caller.needs_everywhere(Scope::KeysWrite)?;
        if !self.kernel.store.delete_ssh_key(caller.workspace, id, clock::now()).await? {
            return Err(RemoveKeyError::NotFound);
        }
        tracing::info!(key = %id, by = caller.label, "an SSH key was removed");
        Ok(SshKeyRemoved { delivery: self.keys_changed(caller.workspace).await? })
    }

    /// Waits until every desktop that runs has them or was asked in vain, or for a while: jobs bring them there.
    async fn keys_changed(&self, workspace: WorkspaceId) -> Result<KeyDelivery, StoreError> {
        self.kernel.ssh_keys_changed();
        let digest = delivery::digest(&self.kernel.store.ssh_keys(workspace).await?);
        let deadline = Instant::now() + DELIVERY_DEADLINE;
        let (running, done) = loop {
            let ended = self.kernel.job_ended.notified();
            let (running, done, is_untried) =
                self.kernel.store.desktops_authorized(workspace, &digest).await?;
            if !is_untried || timeout_at(deadline, ended).await.is_err() {
                break (running, done);
            }
        };
        Ok(KeyDelivery {
            done,
            pending: running.saturating_sub(done),
            at_next_start: self.kernel.store.desktops_not_running(workspace).await?,
        })
    }
}

fn is_name(name: &str) -> bool {
    rolltop_model::is_label(name, LONGEST_NAME)
}

impl Kernel {
    /// Has tunnels look whether their key is still good.
    pub(crate) fn ssh_keys_changed(&self) {
        self.state::<KeyChanges>().0.send_modify(|count| *count = count.wrapping_add(1));
    }
}

fn shown(row: SshKey) -> api::SshKey {
    api::SshKey {
        id: row.id,
        name: row.name,
        kind: row.kind,
        public_key: row.public_key,
        fingerprint: row.fingerprint,
        created_at: *row.created_at,
        expires_at: row.expires_at.map(Timestamp::from),
        used_at: row.used_at.map(Timestamp::from),
    }
}
