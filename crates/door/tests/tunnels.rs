//! Tunnels to TCP ports against OpenSSH's own sshd.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a fixture is a failed test")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rolltop_door::{DoorChannel, DoorSource, Entrance, EntranceError, Lanes, TunnelError};
use rolltop_model::DesktopId;
use support::Guest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);
const DESKTOP: DesktopId = DesktopId::from_u128(1);

async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it did not happen in time")
}

struct Source {
    guest: Mutex<Guest>,
    opened: AtomicUsize,
}

#[async_trait]
impl DoorSource for Source {
    async fn entrance(&self, _: DesktopId) -> Result<Entrance, EntranceError> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        let mut guest = self.guest.lock().await;
        Ok(Entrance { stream: guest.connect(), login: guest.login() })
    }
}

fn lanes() -> (Lanes, Arc<Source>) {
    let source = Arc::new(Source { guest: Mutex::new(Guest::new()), opened: AtomicUsize::new(0) });
    (Lanes::new(source.clone()), source)
}

async fn listener(address: &str) -> (TcpListener, u16) {
    let listener = TcpListener::bind(address).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Answers every connection with what came, reversed, once its other end is done.
async fn reversing(address: &str) -> u16 {
    let (listener, port) = listener(address).await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut said = Vec::new();
                stream.read_to_end(&mut said).await.unwrap();
                said.reverse();
                stream.write_all(&said).await.unwrap();
            });
        }
    });
    port
}

async fn reversed(mut tunnel: DoorChannel, said: &[u8]) -> Vec<u8> {
    let mut back = Vec::new();
    tunnel.write_all(said).await.unwrap();
    tunnel.shutdown().await.unwrap();
    tunnel.read_to_end(&mut back).await.unwrap();
    back.reverse();
    back
}

#[tokio::test]
async fn bytes_go_both_ways_and_each_end_finishes_by_itself() {
    let (lanes, _source) = lanes();
    let said: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let port = reversing(address).await;
        let tunnel = soon(lanes.tcp(DESKTOP, port)).await.unwrap();
        assert!(soon(reversed(tunnel, &said)).await == said, "{address}");
    }
}

#[tokio::test]
async fn a_port_where_nothing_listens_is_told_apart() {
    let (lanes, _source) = lanes();
    let (gone, port) = listener("127.0.0.1:0").await;
    drop(gone);
    let error = soon(lanes.tcp(DESKTOP, port)).await.err().unwrap();
    assert!(matches!(error, TunnelError::PortClosed), "{error:?}");
    let port = reversing("127.0.0.1:0").await;
    soon(lanes.tcp(DESKTOP, port)).await.unwrap();
}

#[tokio::test]
async fn many_tunnels_share_one_connection() {
    let (lanes, source) = lanes();
    let port = reversing("127.0.0.1:0").await;
    let tunnels: Vec<_> = soon(futures::future::join_all((0..80).map(|_| lanes.tcp(DESKTOP, port)))).await;
    let answers = tunnels.into_iter().map(|tunnel| reversed(tunnel.unwrap(), b"all of it"));
    assert!(soon(futures::future::join_all(answers)).await.iter().all(|answer| answer == b"all of it"));
    assert_eq!(source.opened.load(Ordering::SeqCst), 1);
}

/// Sends zeros for as long as they are taken, counting them.
async fn flooding() -> (u16, Arc<AtomicUsize>) {
    let (listener, port) = listener("127.0.0.1:0").await;
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = sent.clone();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        while let Ok(written) = stream.write(&[0; 65536]).await {
            counter.fetch_add(written, Ordering::SeqCst);
        }
    });
    (port, sent)
}

/// Once it has not grown for a while: whoever sends is held up.
async fn held_up(sent: &AtomicUsize) -> usize {
    let mut before = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = sent.load(Ordering::SeqCst);
        if now > 0 && now == before {
            return now;
        }
        before = now;
    }
}

#[tokio::test]
async fn a_reader_that_stands_still_holds_up_the_sender_and_nobody_else() {
    let (lanes, source) = lanes();
    let (flood, sent) = flooding().await;
    let mut slow = soon(lanes.tcp(DESKTOP, flood)).await.unwrap();
    let taken = soon(held_up(&sent)).await;
    assert!(taken < 16 << 20, "{taken} bytes were taken in for a reader that took none");
    // Others go by, on a connection of their own.
    let port = reversing("127.0.0.1:0").await;
    let other = soon(lanes.tcp(DESKTOP, port)).await.unwrap();
    assert_eq!(soon(reversed(other, b"going by")).await, b"going by");
    assert_eq!(source.opened.load(Ordering::SeqCst), 2);
    // And nothing was lost.
    let mut read = 0;
    let mut buffer = vec![1; 1 << 20];
    while read < taken + (32 << 20) {
        let count = soon(slow.read(&mut buffer)).await.unwrap();
        assert!(count > 0 && buffer[..count].iter().all(|byte| *byte == 0));
        read += count;
    }
}

#[tokio::test]
async fn a_receiver_that_takes_nothing_holds_up_the_writer() {
    let (lanes, _source) = lanes();
    let (listener, port) = listener("127.0.0.1:0").await;
    let mut tunnel = soon(lanes.tcp(DESKTOP, port)).await.unwrap();
    let (mut inside, _) = listener.accept().await.unwrap();
    let written = Arc::new(AtomicUsize::new(0));
    let counter = written.clone();
    let total = 48 << 20;
    let writer = tokio::spawn(async move {
        let mut left = total;
        while left > 0 {
            let count = tunnel.write(&vec![9; left.min(65536)]).await.unwrap();
            counter.fetch_add(count, Ordering::SeqCst);
            left -= count;
        }
        tunnel.shutdown().await.unwrap();
        tunnel
    });
    let taken = soon(held_up(&written)).await;
    assert!(taken < 24 << 20, "{taken} bytes were taken in though nobody received any");
    let mut received = Vec::new();
    soon(inside.read_to_end(&mut received)).await.unwrap();
    assert_eq!(received.len(), total);
    writer.await.unwrap();
}

#[tokio::test]
async fn a_desktop_that_is_forgotten_loses_its_tunnels() {
    let (lanes, source) = lanes();
    let (flood, _sent) = flooding().await;
    let mut tunnel = soon(lanes.tcp(DESKTOP, flood)).await.unwrap();
    soon(lanes.forget(DESKTOP)).await;
    assert!(soon(tunnel.read_to_end(&mut Vec::new())).await.is_err());
    let port = reversing("127.0.0.1:0").await;
    soon(lanes.tcp(DESKTOP, port)).await.unwrap();
    assert_eq!(source.opened.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_listens_is_listed_with_its_program() {
    let mut guest = Guest::new();
    let door = guest.open().await;
    let (_held, port) = listener("127.0.0.1:0").await;
    let ports = soon(door.listening_ports()).await.expect("these tests need ss (package iproute2)");
    let ours = ports.iter().find(|found| found.port == port).expect("it is listed");
    assert!(ours.program.as_ref().is_some_and(|name| !name.is_empty()), "{ours:?}");
    guest.put("ss", "#!/bin/sh\nyes\n", 0o755);
    assert!(soon(door.listening_ports()).await.is_err());
}
