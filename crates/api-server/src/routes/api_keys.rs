//! `/v1/api-keys`, `/v1/api-keys/{id}`

use rolltop_api_types::{ApiKeyCreated, ApiKeyList, op};

use crate::call::Call;
use crate::convert;
use crate::problems::ApiError;

pub(crate) async fn list(call: Call<op::ListApiKeys>) -> Result<ApiKeyList, ApiError> {
    let keys = call.control.api_keys(&call.caller).await?;
    Ok(ApiKeyList { items: keys.into_iter().map(convert::api_key).collect() })
}

pub(crate) async fn create(mut call: Call<op::CreateApiKey>) -> Result<ApiKeyCreated, ApiError> {
    let wanted = call.body().await?;
    let (key, token) = call.control.create_api_key(&call.caller, convert::wanted_api_key(wanted)?).await?;
    Ok(ApiKeyCreated { key: convert::api_key(key), token })
}

pub(crate) async fn revoke(call: Call<op::RevokeApiKey>) -> Result<(), ApiError> {
    call.control.revoke_api_key(&call.caller, call.path).await?;
    Ok(())
}
