//! API keys.

use http::Method;
use rolltop_model::ApiKeyId;

use super::{Client, ClientError, json, nothing, with_body};
use crate::{ApiKey, ApiKeyCreated, ApiKeyList, CreateApiKey};

impl Client {
    /// `GET /v1/api-keys`
    pub async fn api_keys(&self) -> Result<Vec<ApiKey>, ClientError> {
        let list: ApiKeyList = json(self.get(&["v1", "api-keys"])).await?;
        Ok(list.items)
    }

    /// `POST /v1/api-keys`
    pub async fn create_api_key(&self, key: &CreateApiKey) -> Result<ApiKeyCreated, ClientError> {
        json(with_body(self.request(Method::POST, &["v1", "api-keys"]), key)).await
    }

    /// `DELETE /v1/api-keys/{id}`
    pub async fn revoke_api_key(&self, id: ApiKeyId) -> Result<(), ClientError> {
        nothing(self.request(Method::DELETE, &["v1", "api-keys", &id.to_string()])).await
    }
}
