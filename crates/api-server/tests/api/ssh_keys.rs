//! SSH keys over the API. What they open is tested with the jump host.

use reqwest::Method;
use rolltop_api_types::{Code, CreateSshKey, DesktopState};
use rolltop_testing::Platform;
use serde_json::json;

use crate::told::told;

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFm8nrEsOtM0vYFbmNBCfQ+1bbxLYtp5Fx+T3Hkhq1xN sam@laptop";

fn wanted(name: Option<&str>, key: &str) -> CreateSshKey {
    CreateSshKey { name: name.map(str::to_owned), public_key: key.into() }
}

#[tokio::test]
async fn a_key_is_added_listed_and_removed() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    platform.client.stop_desktop(platform.running("off").await.id).await.unwrap();
    let off = platform.client.all_desktops().await.unwrap().into_iter().find(|d| d.name == "off").unwrap().id;
    platform.until(off, DesktopState::Stopped).await;

    let added = platform.client.add_ssh_key(&wanted(None, KEY)).await.unwrap();
    assert_eq!((added.key.name.as_str(), added.key.kind.as_str()), ("sam@laptop", "ssh-ed25519"));
    assert!(KEY.starts_with(&added.key.public_key) && added.key.fingerprint.starts_with("SHA256:"));
    assert_eq!((added.delivery.done, added.delivery.pending, added.delivery.at_next_start), (1, 0, 1));
    let again = platform.client.add_ssh_key(&wanted(Some("other"), KEY)).await.unwrap_err();
    assert_eq!(again.code(), Some(Code::KeyExists));
    let nameless = platform.client.add_ssh_key(&wanted(Some(" "), KEY)).await.unwrap_err();
    assert_eq!(nameless.code(), Some(Code::InvalidName));

    assert_eq!(platform.session().await.ssh_keys().await.unwrap(), std::slice::from_ref(&added.key));
    let delivery = platform.client.remove_ssh_key(added.key.id).await.unwrap().delivery;
    assert_eq!((delivery.done, delivery.at_next_start), (1, 1));
    let gone = platform.client.remove_ssh_key(added.key.id).await.unwrap_err();
    assert_eq!(gone.code(), Some(Code::NotFound));
    let log = platform.client.access_log(desktop.id).await.unwrap();
    assert_eq!(log.iter().filter(|entry| entry.purpose == "ssh.keys").count(), 2, "{log:?}");
}

#[tokio::test]
async fn a_private_key_is_refused_and_never_repeated() {
    let platform = Platform::start().await;
    let body = json!({"public_key": "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----"});
    insta::assert_snapshot!(told(platform.raw(Method::POST, "/v1/ssh-keys").json(&body)).await, @r#"
    422 application/problem+json
    {
      "code": "private_key",
      "detail": "This is a private key, and it stays with you: paste the public one, which is in the file ending in .pub; make a new pair if anybody else may have seen this text.",
      "errors": [
        {
          "detail": "This is a private key, and it stays with you: paste the public one, which is in the file ending in .pub; make a new pair if anybody else may have seen this text.",
          "field": "public_key"
        }
      ],
      "status": 422,
      "title": "This is a private key",
      "type": "urn:rolltop:problem:private_key"
    }
    "#);
    for wrong in ["sshk_00000000000000000000000000", "key_00000000000000000000000000", "nonsense", "%FF"] {
        let answer = told(platform.raw(Method::DELETE, &format!("/v1/ssh-keys/{wrong}"))).await;
        assert!(answer.starts_with("404") && answer.contains("There is no such key."), "{answer}");
    }
    assert!(!format!("{:?}", wanted(None, "secret words")).contains("secret words"));
}

#[tokio::test]
async fn a_desktops_host_key_can_be_asked_for() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let ssh = platform.client.desktop_ssh(desktop.id).await.unwrap();
    assert_eq!((ssh.name.as_str(), ssh.user.as_str(), ssh.jump), ("research", "desk", None));
    assert!(ssh.host_key.unwrap().starts_with("ssh-ed25519 "));
    assert!(ssh.fingerprint.unwrap().starts_with("SHA256:"));
}
