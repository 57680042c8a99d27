//! `/v1/ssh-keys`, `/v1/ssh-keys/{id}`

use rolltop_api_types::{SshKeyAdded, SshKeyList, SshKeyRemoved, op};

use crate::call::Call;
use crate::convert;
use crate::problems::ApiError;

pub(crate) async fn list(call: Call<op::ListSshKeys>) -> Result<SshKeyList, ApiError> {
    let keys = call.control.ssh_keys(&call.caller).await?;
    Ok(SshKeyList { items: keys.into_iter().map(convert::ssh_key).collect() })
}

pub(crate) async fn add(mut call: Call<op::AddSshKey>) -> Result<SshKeyAdded, ApiError> {
    let wanted = call.body().await?;
    let (key, delivery) =
        call.control.add_ssh_key(&call.caller, wanted.name.as_deref(), &wanted.public_key).await?;
    Ok(SshKeyAdded { key: convert::ssh_key(key), delivery: convert::key_delivery(delivery) })
}

pub(crate) async fn remove(call: Call<op::RemoveSshKey>) -> Result<SshKeyRemoved, ApiError> {
    let delivery = call.control.remove_ssh_key(&call.caller, call.path).await?;
    Ok(SshKeyRemoved { delivery: convert::key_delivery(delivery) })
}
