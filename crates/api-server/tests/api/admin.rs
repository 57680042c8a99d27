//! The operator's socket.

use rolltop_api_server::{admin_router, bind, serve_only_to};
use rolltop_api_types::{AdminClient, ClientError, CreateOperatorKey};
use rolltop_engine::Leftover;
use rolltop_testing::Platform;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn leftovers_are_listed_and_swept() {
    let platform = Platform::start().await;
    assert_eq!(platform.admin.leftovers().await.unwrap(), []);
    platform.engine.faults().leave_behind(Leftover {
        kind: "network namespace".into(),
        name: "rt-7".into(),
        stays: None,
    });
    let found = platform.admin.leftovers().await.unwrap();
    assert_eq!((found[0].kind.as_str(), found[0].name.as_str()), ("network namespace", "rt-7"));
    assert_eq!(platform.admin.sweep().await.unwrap(), found);
    assert_eq!(platform.admin.leftovers().await.unwrap(), []);
}

#[tokio::test]
async fn every_key_is_another() {
    let platform = Platform::start().await;
    let key =
        platform.admin.create_api_key(&CreateOperatorKey { name: Some("ci".into()) }).await.unwrap().key;
    let me = platform.nobody.with_token(&key).unwrap().me().await.unwrap();
    assert_ne!(me.credential.id, platform.client.me().await.unwrap().credential.id);
    assert_eq!(me.name.as_deref(), Some("ci"));
}

#[tokio::test]
async fn other_users_are_turned_away() {
    let platform = Platform::start().await;
    let path = platform.socket().with_file_name("other.sock");
    let listener = bind(&path, 0o666).unwrap();
    let shutdown = CancellationToken::new();
    let nobody = vec![4_000_000_000];
    let server =
        tokio::spawn(serve_only_to(listener, admin_router(platform.control()), nobody, shutdown.clone()));
    let refused = AdminClient::over_unix_socket(&path).unwrap().sign_in_link().await.unwrap_err();
    assert!(matches!(refused, ClientError::Transport(_)), "{refused:?}");
    shutdown.cancel();
    server.await.unwrap().unwrap();
}
