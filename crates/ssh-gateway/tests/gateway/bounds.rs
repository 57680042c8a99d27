//! A slow end slows the other down; nothing piles up in between.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rolltop_ssh_gateway::Limits;
use rolltop_testing::{PATIENCE, jump_host};
use russh::client::{self, Handle, Msg};
use russh::keys::key::{PrivateKeyWithHashAlg, safe_rng};
use russh::keys::{Algorithm, PrivateKey, PublicKeyOrCertificate};
use russh::{Channel, ChannelOpenFailure};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::stand_in::{self, Sent};

/// More than the sockets' own buffers on the way and one window, and far less than what is offered.
const BOUND: usize = 24 << 20;
/// What the client says it would take without asking again.
const HUGE_WINDOW: u32 = 1 << 30;

struct Trusting;

impl client::Handler for Trusting {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

struct Setting {
    address: SocketAddr,
    sent: Sent,
    stop: CancellationToken,
    _directory: TempDir,
}

impl Drop for Setting {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn setting(limits: Limits) -> Setting {
    let directory = TempDir::new().unwrap();
    let socket = directory.path().join("gateway.sock");
    let (sent, stop) = (stand_in::pouring(&socket), CancellationToken::new());
    let address = jump_host(socket, directory.path(), limits, stop.clone()).await;
    Setting { address, sent, stop, _directory: directory }
}

async fn connect(address: SocketAddr) -> Handle<Trusting> {
    let config = client::Config {
        window_size: HUGE_WINDOW,
        channel_buffer_size: 1,
        inactivity_timeout: None,
        ..client::Config::default()
    };
    let mut session = client::connect(Arc::new(config), address, Trusting).await.unwrap();
    let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).unwrap();
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
    assert!(session.authenticate_publickey("rolltop", key).await.unwrap().success());
    session
}

async fn open(session: &Handle<Trusting>) -> Result<Channel<Msg>, russh::Error> {
    session.channel_open_direct_tcpip("research", 22, "127.0.0.1", 1).await
}

/// Waits until a count has not changed for a second, and gives it.
async fn settled(count: &AtomicUsize) -> usize {
    let give_up = Instant::now() + PATIENCE;
    let (mut last, mut since) = (0, Instant::now());
    loop {
        let now = count.load(Ordering::Relaxed);
        if now != last {
            (last, since) = (now, Instant::now());
        }
        assert!(now < BOUND, "{now} bytes were taken for a reader that takes none");
        if now > 0 && since.elapsed() > Duration::from_secs(1) {
            return now;
        }
        assert!(Instant::now() < give_up, "it goes on and on");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_nothing_stops_the_desktop() {
    let setting = setting(Limits::default()).await;
    let session = connect(setting.address).await;
    let mut channel = open(&session).await.unwrap();
    let stuck = settled(&setting.sent).await;
    // Others are not held up, and it goes on where it was once somebody reads.
    let other = connect(setting.address).await;
    assert!(timeout(PATIENCE, open(&other)).await.unwrap().is_ok());
    drop(other);
    let mut read = 0;
    while read < stuck + (4 << 20) {
        match timeout(PATIENCE, channel.wait()).await.unwrap() {
            Some(russh::ChannelMsg::Data { data }) => read += data.len(),
            Some(_) => {}
            None => panic!("it ended after {read} bytes"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_desktop_that_reads_nothing_stops_the_client() {
    let setting = setting(Limits::default()).await;
    let session = connect(setting.address).await;
    let channel = open(&session).await.unwrap();
    let written = Arc::new(AtomicUsize::new(0));
    let count = written.clone();
    let (mut read, write) = channel.split();
    // What comes back is thrown away.
    tokio::spawn(async move { while read.wait().await.is_some() {} });
    tokio::spawn(async move {
        let mut writer = write.make_writer();
        let piece = vec![7; 16 << 10];
        while writer.write_all(&piece).await.is_ok() {
            count.fetch_add(piece.len(), Ordering::Relaxed);
        }
    });
    settled(&written).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_has_only_so_many_channels() {
    let setting = setting(Limits { channels: 3, ..Limits::default() }).await;
    let session = connect(setting.address).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let (mut read, write) = open(&session).await.unwrap().split();
        // What comes is thrown away, or it would hold the connection up.
        tokio::spawn(async move { while read.wait().await.is_some() {} });
        held.push(write);
    }
    let refused = timeout(PATIENCE, open(&session)).await.unwrap();
    assert!(
        matches!(refused, Err(russh::Error::ChannelOpenFailure(ChannelOpenFailure::ResourceShortage))),
        "one too many"
    );
}
