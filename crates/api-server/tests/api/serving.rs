//! The server as a process: its socket, its health, what is described.

use rolltop_testing::Platform;
use std::os::unix::fs::PermissionsExt;

#[tokio::test]
async fn the_socket_has_its_permissions_and_replaces_a_dead_one() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("s.sock");
    drop(rolltop_api_server::bind(&path, 0o600).unwrap());
    let _listener = rolltop_api_server::bind(&path, 0o660).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    let nowhere = rolltop_api_server::bind(&directory.path().join("no/s.sock"), 0o660).unwrap_err();
    assert!(nowhere.to_string().contains("can't listen"));
}

#[tokio::test]
async fn anybody_can_ask_for_health_and_description() {
    let platform = Platform::start().await;
    platform.nobody.healthz().await.unwrap();
    let served = platform.nobody.openapi().await.unwrap();
    let described: serde_json::Value = serde_json::from_slice(&rolltop_api_server::description()).unwrap();
    assert_eq!(served, described);
}
