//! The operator's calls over the admin socket, which only root on the host can open.

use std::path::Path;

use http::Method;

use super::{Client, ClientError, json, with_body};
use crate::{
    AdoptedCopies, CreateOperatorKey, HostWarning, HostWarningList, Leftover, LeftoverList, OperatorKey,
    SignInLink, SignInStatus,
};

#[derive(Debug, Clone)]
pub struct AdminClient(Client);

impl AdminClient {
    pub fn over_unix_socket(path: &Path) -> Result<Self, ClientError> {
        Client::over_unix_socket(path).map(Self)
    }

    /// `POST /admin/sign-in-link`
    pub async fn sign_in_link(&self) -> Result<SignInLink, ClientError> {
        json(self.0.request(Method::POST, &["admin", "sign-in-link"])).await
    }

    /// `GET /admin/sign-in`
    pub async fn sign_in(&self) -> Result<SignInStatus, ClientError> {
        json(self.0.get(&["admin", "sign-in"])).await
    }

    /// `POST /admin/api-key`
    pub async fn create_api_key(&self, key: &CreateOperatorKey) -> Result<OperatorKey, ClientError> {
        json(with_body(self.0.request(Method::POST, &["admin", "api-key"]), key)).await
    }

    /// `POST /admin/adopt-copies`
    pub async fn adopt_copies(&self) -> Result<AdoptedCopies, ClientError> {
        json(self.0.request(Method::POST, &["admin", "adopt-copies"])).await
    }

    /// `GET /admin/leftovers`
    pub async fn leftovers(&self) -> Result<Vec<Leftover>, ClientError> {
        let list: LeftoverList = json(self.0.get(&["admin", "leftovers"])).await?;
        Ok(list.items)
    }

    /// `GET /admin/host-warnings`: of all workspaces.
    pub async fn host_warnings(&self) -> Result<Vec<HostWarning>, ClientError> {
        let list: HostWarningList = json(self.0.get(&["admin", "host-warnings"])).await?;
        Ok(list.items)
    }

    /// `POST /admin/sweep`: removes the leftovers, and answers with what was removed.
    pub async fn sweep(&self) -> Result<Vec<Leftover>, ClientError> {
        let list: LeftoverList = json(self.0.request(Method::POST, &["admin", "sweep"])).await?;
        Ok(list.items)
    }
}
