//! Desktops as files.

use std::io;

use bytes::Bytes;
use reqwest::{Method, StatusCode};
use rolltop_api_types::{CreateSnapshot, SnapshotState};
use secrecy::ExposeSecret;
use tokio::task::JoinSet;

use crate::platform::{Platform, eventually, told};

#[tokio::test]
async fn one_more_than_may_be_under_way_hears_when_to_try_again() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let client = &platform.client;
    let taken = client.take_snapshot(desktop.id, &CreateSnapshot::default()).await.unwrap().id;
    let is_ready = async || client.snapshot(taken).await.unwrap().state == SnapshotState::Ready;
    assert!(eventually(is_ready).await);
    // Files of which nothing comes.
    let mut under_way = JoinSet::new();
    for _ in 0..4 {
        let client = client.clone();
        under_way.spawn(async move {
            client.import_snapshot(futures::stream::pending::<io::Result<Bytes>>()).await
        });
    }
    let export = || platform.raw(Method::GET, &format!("/v1/snapshots/{taken}/export"));
    let status = async || export().send().await.unwrap().status();
    assert!(eventually(async || status().await == StatusCode::TOO_MANY_REQUESTS).await);
    let refused = told(export()).await;
    assert!(
        refused.contains("too_many_transfers") && refused.contains("try again when one is done"),
        "{refused}"
    );
    assert_eq!(export().send().await.unwrap().headers()["retry-after"], "30");
    // Another workspace has places of its own.
    let others = platform.http().post("http://api/v1/snapshots").body("no export");
    let others = others.header("content-type", "application/octet-stream");
    let others = others.bearer_auth(platform.stranger().await.expose_secret()).send().await.unwrap();
    assert_eq!(others.status(), StatusCode::UNPROCESSABLE_ENTITY);
    // Who breaks off makes room.
    under_way.shutdown().await;
    assert!(eventually(async || status().await == StatusCode::OK).await);
}
