//! A desktop that stops answering, with time that passes at once.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap in a fixture is a failed test"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rolltop_door::{Door, HostKeyPolicy, Login, OpenError, generate_key};
use russh::keys::PrivateKey;
use russh::server::{self, Auth, VerifiedPublicKey};
use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, timeout};

struct Anyone;

impl server::Handler for Anyone {
    type Error = russh::Error;

    async fn auth_publickey(&mut self, _: &str, _: VerifiedPublicKey<'_>) -> Result<Auth, russh::Error> {
        Ok(Auth::Accept)
    }
}

/// Passes bytes on until told to swallow them.
async fn gate(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    stuck: Arc<AtomicBool>,
) {
    let mut buffer = vec![0; 16384];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if !stuck.load(Ordering::SeqCst) && to.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
    std::future::pending::<()>().await;
}

/// One end for the door; the other is a server's, behind a gate.
fn served(host: &PrivateKey, stuck: &Arc<AtomicBool>) -> DuplexStream {
    let (ours, near) = duplex(1 << 16);
    let (far, theirs) = duplex(1 << 16);
    let (near_read, near_write) = tokio::io::split(near);
    let (far_read, far_write) = tokio::io::split(far);
    tokio::spawn(gate(near_read, far_write, stuck.clone()));
    tokio::spawn(gate(far_read, near_write, stuck.clone()));
    let config = Arc::new(server::Config { keys: vec![host.clone()], ..Default::default() });
    tokio::spawn(async move {
        let session = server::run_stream(config, theirs, Anyone).await.unwrap();
        let _ = session.await;
    });
    ours
}

#[tokio::test(start_paused = true)]
async fn a_stuck_desktop_is_noticed_within_minutes_and_an_idle_one_is_kept() {
    let (host, host_line) = generate_key().unwrap();
    let (key, _) = generate_key().unwrap();
    let host = PrivateKey::from_openssh(host.expose_secret()).unwrap();
    let stuck = Arc::new(AtomicBool::new(false));
    let login = Login::new(key, HostKeyPolicy::Pinned(host_line));
    let door = Door::open(Box::new(served(&host, &stuck)), &login).await.unwrap();

    let idle = timeout(Duration::from_secs(1800), door.closed()).await;
    assert!(idle.is_err() && !door.is_closed(), "keepalives keep an idle door");
    stuck.store(true, Ordering::SeqCst);
    let since = Instant::now();
    door.closed().await;
    assert!(since.elapsed() < Duration::from_secs(120), "{:?}", since.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_desktop_that_never_answers_does_not_hold_up_the_caller_for_ever() {
    let (key, host_line) = generate_key().unwrap();
    let (ours, _silent) = duplex(1 << 16);
    let login = Login::new(key, HostKeyPolicy::Pinned(host_line));
    let result = Door::open(Box::new(ours), &login).await;
    assert!(matches!(result, Err(OpenError::TimedOut(_))));
}
