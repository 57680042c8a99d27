//! Desktops as files.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, StatusCode};
use rolltop_api_types::{Code, CreateApiKey, CreateSnapshot, Scope, SnapshotState};
use rolltop_testing::{Platform, comes_true};
use secrecy::{ExposeSecret, SecretString};
use tokio::task::JoinSet;

use crate::told::told;

#[tokio::test]
async fn one_more_than_may_be_under_way_hears_when_to_try_again() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let client = &platform.client;
    let taken = client.take_snapshot(desktop.id, &CreateSnapshot::default()).await.unwrap().id;
    let is_ready = async || client.snapshot(taken).await.unwrap().state == SnapshotState::Ready;
    assert!(comes_true(is_ready).await);
    // Files of which nothing comes.
    let mut under_way: JoinSet<()> = JoinSet::new();
    for _ in 0..4 {
        let client = client.clone();
        under_way.spawn(async move {
            // What is asked below may have the last place for a moment.
            loop {
                let refused = client.import_snapshot(futures::stream::pending::<io::Result<Bytes>>()).await;
                assert_eq!(refused.unwrap_err().code(), Some(Code::TooManyTransfers));
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
    }
    // What is no export holds its place until it is answered, and no longer.
    let nonsense = async |key: &SecretString| {
        let request = platform.http().post("http://api/v1/snapshots").body("no export");
        let request = request.header("content-type", "application/octet-stream");
        request.bearer_auth(key.expose_secret()).send().await.unwrap().status()
    };
    assert!(comes_true(async || nonsense(&platform.key).await == StatusCode::TOO_MANY_REQUESTS).await);
    let export = || platform.raw(Method::GET, &format!("/v1/snapshots/{taken}/export"));
    let refused = told(export()).await;
    assert!(
        refused.contains("too_many_transfers") && refused.contains("try again when one is done"),
        "{refused}"
    );
    assert_eq!(export().send().await.unwrap().headers()["retry-after"], "30");
    // Another workspace has places of its own.
    assert_eq!(nonsense(&platform.stranger().await).await, StatusCode::UNPROCESSABLE_ENTITY);
    // Who breaks off makes room.
    under_way.shutdown().await;
    assert!(comes_true(async || export().send().await.unwrap().status() == StatusCode::OK).await);
}

/// A whole disk is more than the files that `files:read` opens.
#[tokio::test]
async fn a_disk_is_exported_with_a_scope_of_its_own() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let client = &platform.client;
    let taken = client.take_snapshot(desktop.id, &CreateSnapshot::default()).await.unwrap().id;
    assert!(comes_true(async || client.snapshot(taken).await.unwrap().state == SnapshotState::Ready).await);
    let all_others = Scope::ALL.iter().copied().filter(|scope| *scope != Scope::DesktopsExport).collect();
    for (scopes, expected) in
        [(all_others, StatusCode::FORBIDDEN), (vec![Scope::DesktopsExport], StatusCode::OK)]
    {
        let wanted = CreateApiKey { name: "files".into(), scopes, desktop: None, expires_at: None };
        let token = client.create_api_key(&wanted).await.unwrap().token;
        let request = platform.http().get(format!("http://api/v1/snapshots/{taken}/export"));
        let answer = request.bearer_auth(token.expose_secret()).send().await.unwrap();
        assert_eq!(answer.status(), expected, "{:?}", wanted.scopes);
    }
}
