//! SSH keys, and what an SSH client needs to know.

use http::Method;
use rolltop_model::{DesktopId, SshKeyId};

use super::{Client, ClientError, json, with_body};
use crate::{CreateSshKey, DesktopSsh, KeyDelivery, SshKey, SshKeyAdded, SshKeyList, SshKeyRemoved};

impl Client {
    /// `GET /v1/ssh-keys`
    pub async fn ssh_keys(&self) -> Result<Vec<SshKey>, ClientError> {
        let list: SshKeyList = json(self.get(&["v1", "ssh-keys"])).await?;
        Ok(list.items)
    }

    /// `POST /v1/ssh-keys`
    pub async fn add_ssh_key(&self, key: &CreateSshKey) -> Result<SshKeyAdded, ClientError> {
        json(with_body(self.request(Method::POST, &["v1", "ssh-keys"]), key)).await
    }

    /// `DELETE /v1/ssh-keys/{id}`
    pub async fn remove_ssh_key(&self, id: SshKeyId) -> Result<KeyDelivery, ClientError> {
        let removed: SshKeyRemoved =
            json(self.request(Method::DELETE, &["v1", "ssh-keys", &id.to_string()])).await?;
        Ok(removed.delivery)
    }

    /// `GET /v1/desktops/{id}/ssh`
    pub async fn desktop_ssh(&self, id: DesktopId) -> Result<DesktopSsh, ClientError> {
        json(self.get(&["v1", "desktops", &id.to_string(), "ssh"])).await
    }
}
