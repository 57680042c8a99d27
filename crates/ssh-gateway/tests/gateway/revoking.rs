//! A key that is removed opens nothing any more, and what it had open ends.

use std::process::Stdio;
use std::time::Duration;

use rolltop_testing::eventually;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::{Instant, timeout};

use crate::platform::{Platform, run, stderr};

/// "Within seconds", on a machine that does much else.
const SECONDS: Duration = Duration::from_secs(10);

#[tokio::test]
async fn an_open_session_and_an_idle_connection_end_when_their_key_goes() {
    let platform = Platform::start().await;
    let (ann, bob) = (platform.person("ann").await, platform.person("bob").await);
    let desktop = platform.running("research").await;
    platform.tell_host_keys(&ann, desktop.id).await;
    platform.tell_host_keys(&bob, desktop.id).await;
    let mut session = ann.ssh("research").args(["sleep", "600"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut others = bob.ssh("research").args(["sleep", "600"]).spawn().unwrap();
    let mut idle = ann.ssh_to_jump_host(&["-N", "-v"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(idle.stderr.take().unwrap()).lines();
    eventually("the idle connection is in", async || {
        said.next_line().await.unwrap().is_some_and(|line| line.contains("Entering interactive session"))
    })
    .await;
    let drained = tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
    eventually("both sessions are in", async || {
        let log = platform.client.access_log(desktop.id).await.unwrap();
        log.iter().filter(|entry| entry.purpose == "ssh").count() == 2
    })
    .await;

    let keys = platform.client.ssh_keys().await.unwrap();
    let key = keys.iter().find(|key| key.name == "ann").unwrap().id;
    let begun = Instant::now();
    let delivery = platform.client.remove_ssh_key(key).await.unwrap().delivery;
    assert_eq!((delivery.done, delivery.pending), (1, 0), "the desktop does not know it any more");
    let ended = timeout(SECONDS, session.wait()).await.expect("the session ends within seconds").unwrap();
    assert!(!ended.success());
    timeout(SECONDS, idle.wait()).await.expect("the idle connection ends within seconds").unwrap();
    assert!(begun.elapsed() < SECONDS);
    drained.await.unwrap();
    assert!(others.try_wait().unwrap().is_none(), "others are left alone");
    let again = run(ann.ssh("research").arg("hostname")).await;
    assert!(stderr(&again).contains("Permission denied (publickey)"), "{again:?}");
}
