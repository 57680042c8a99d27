//! What web and api hold while a lot passes them: the processes themselves, as the kernel counts
//! their memory. The desktop is simulated; the relays are the real ones.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures::{SinkExt as _, StreamExt as _};
use rolltop_api_types::{DesktopState, SaveCondition, TerminalControl, TerminalQuery, TerminalSocket};
use rolltop_model::DesktopId;
use rolltop_vm_tests::{Memory, Options, Platform, eventually};
use tokio_tungstenite::tungstenite::Message;

const PATIENCE: Duration = Duration::from_secs(120);
/// Most that a role's memory may grow by, whatever passes it, bytes.
const MOST: u64 = 32 << 20;
/// What passes, bytes: far more than may be held.
const FILE: u64 = 200 << 20;

async fn running() -> anyhow::Result<(Platform, DesktopId)> {
    let platform = Platform::start(Options::simulated()?).await?;
    let desktop = platform.create("memory").await?.id;
    platform.wait_for(desktop, DesktopState::Running).await?;
    Ok((platform, desktop))
}

/// Both roles from here on.
struct Watched(Vec<(&'static str, Memory)>);

impl Watched {
    fn begin(platform: &Platform) -> anyhow::Result<Self> {
        let roles = ["web", "api"].map(|name| Ok((name, Memory::watch(platform.role(name)?)?)));
        Ok(Self(roles.into_iter().collect::<anyhow::Result<_>>()?))
    }

    fn end(&self, what: &str) -> anyhow::Result<()> {
        for (name, memory) in &self.0 {
            let growth = memory.growth()?;
            eprintln!("{what}: {name} grew by {:.1} MiB at most", growth as f64 / f64::from(1 << 20));
            ensure!(growth < MOST, "{what}: {name} grew by {growth} bytes");
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_in_a_terminal_is_not_gathered_anywhere() -> anyhow::Result<()> {
    let (platform, desktop) = running().await?;
    let size = TerminalQuery { columns: 80, rows: 24, wake: true };
    let mut viewer = platform.client.terminal(desktop, 1, size).await?;
    let mut idle = platform.client.terminal(desktop, 1, size).await?;
    sees(&mut viewer, "$ ").await?;
    let watched = Watched::begin(&platform)?;
    viewer.send(Message::binary(b"yes | head -c 200M\r".to_vec())).await?;
    // By what is shown: a flood may be over before anybody can ask which program runs.
    sees(&mut viewer, "y\r\ny\r\n").await?;
    // One viewer draws all that it is given, the other nothing.
    let over = eventually("the flood is over", PATIENCE, || async {
        Ok(platform.client.terminals(desktop).await?.iter().any(|t| t.program == "bash").then_some(()))
    });
    tokio::pin!(over);
    loop {
        tokio::select! {
            over = &mut over => break over?,
            message = viewer.next() => {
                drawn(&mut viewer, message.context("the terminal closed")??).await?;
            }
        }
    }
    watched.end("a flood of 200 MB in a terminal")?;
    viewer.send(Message::binary(b"echo and on\r".to_vec())).await?;
    sees(&mut viewer, "\r\nand on\r\n").await?;
    idle.close(None).await?;
    Ok(())
}

async fn drawn(viewer: &mut TerminalSocket, message: Message) -> anyhow::Result<String> {
    match message {
        Message::Binary(bytes) => {
            let control = serde_json::to_string(&TerminalControl::Drawn(bytes.len() as u64))?;
            viewer.send(Message::text(control)).await?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
        Message::Close(frame) => bail!("the terminal closed: {frame:?}"),
        _ => Ok(String::new()),
    }
}

async fn sees(viewer: &mut TerminalSocket, text: &str) -> anyhow::Result<()> {
    let mut seen = String::new();
    while !seen.contains(text) {
        let message = tokio::time::timeout(PATIENCE, viewer.next()).await.context(text.to_owned())?;
        seen.push_str(&drawn(viewer, message.context("the terminal closed")??).await?);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_passes_both_ways_without_being_held() -> anyhow::Result<()> {
    let (platform, desktop) = running().await?;
    let watched = Watched::begin(&platform)?;
    let piece = bytes::Bytes::from(vec![0x5a; 256 << 10]);
    let pieces = FILE / piece.len() as u64;
    let body = futures::stream::iter((0..pieces).map(move |_| Ok::<_, std::io::Error>(piece.clone())));
    let body = reqwest::Body::wrap_stream(body);
    let path = "/home/desk/large";
    platform.client.save_file(desktop, path, &SaveCondition::Any, body).await?;
    watched.end("200 MiB to a desktop")?;
    // A reader that is slower than the desktop holds it up, and nothing piles up.
    let watched = Watched::begin(&platform)?;
    let mut file = platform.client.file(desktop, path, None).await?;
    let mut came = 0;
    while let Some(bytes) = file.next().await? {
        if came == 0 {
            tokio::time::sleep(Duration::from_secs(1)).await; // long enough for all of it to come, if it could
        }
        came += bytes.len() as u64;
    }
    ensure!(came == FILE, "{came} bytes came back");
    watched.end("200 MiB from a desktop, to a slow reader")
}
