//! From the request for a desktop to its SSH banner, and to its first picture.

use std::time::{Duration, Instant};

use rolltop_api_types::DesktopState;
use rolltop_engine::Engine as _;
use rolltop_model::DesktopId;
use rolltop_vm_tests::{Platform, eventually};
use tokio::io::AsyncReadExt as _;

use crate::report::{Line, median, print};
use crate::rfb::Viewer;
use crate::{ROUNDS, rfb};

const LIMIT: Duration = Duration::from_secs(180);

/// A fork against a cold boot of the same disk, round by round.
pub async fn to_ssh_banner(platform: &Platform) -> anyhow::Result<()> {
    let (mut forks, mut boots) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let start = Instant::now();
        let desktop = platform.create(&format!("banner-{round}")).await?;
        banner(platform, desktop.id).await?;
        forks.push(start.elapsed().as_secs_f64());
        platform.wait_for(desktop.id, DesktopState::Running).await?;

        platform.client.stop_desktop(desktop.id).await?;
        platform.wait_for(desktop.id, DesktopState::Stopped).await?;
        let start = Instant::now();
        platform.client.start_desktop(desktop.id).await?;
        banner(platform, desktop.id).await?;
        boots.push(start.elapsed().as_secs_f64());
        platform.wait_for(desktop.id, DesktopState::Running).await?;
        remove(platform, desktop.id).await?;
        eprintln!(
            "create_to_ssh_banner {}/{ROUNDS}: fork {:.2?} s, cold boot {:.2?} s",
            round + 1,
            forks.last(),
            boots.last()
        );
    }
    let (fork, boot) = (median(&forks), median(&boots));
    print(&Line {
        name: "create_to_ssh_banner",
        value: fork,
        unit: "s",
        against: Some("cold boot of the same image"),
        against_value: Some(boot),
        ratio: Some(boot / fork),
        n: ROUNDS,
    })
}

/// Until a desktop's sshd has greeted, seen over a connection of our own.
pub async fn banner(platform: &Platform, desktop: DesktopId) -> anyhow::Result<()> {
    let host = platform.host();
    eventually("an SSH banner", LIMIT, || async {
        let Ok(mut stream) = host.connect(desktop).await else { return Ok(None) };
        let mut greeting = [0u8; 4];
        let read = tokio::time::timeout(Duration::from_secs(5), stream.read_exact(&mut greeting)).await;
        Ok((matches!(read, Ok(Ok(_))) && &greeting == b"SSH-").then_some(()))
    })
    .await
}

/// Until a whole first picture has come through the public port, the desktop being personalised.
pub async fn to_first_frame(platform: &Platform) -> anyhow::Result<()> {
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let start = Instant::now();
        let desktop = platform.create(&format!("frame-{round}")).await?;
        let bytes = eventually("a first frame", LIMIT, || async {
            let Ok(socket) = platform.client.screen(desktop.id).await else { return Ok(None) };
            Ok(Viewer::open(socket, &[rfb::ZRLE]).await.ok().map(|(_, first)| first.bytes))
        })
        .await?;
        times.push(start.elapsed().as_secs_f64());
        eprintln!("create_to_first_frame {}/{ROUNDS}: {:.2?} s, {bytes} bytes", round + 1, times.last());
        platform.wait_for(desktop.id, DesktopState::Running).await?;
        remove(platform, desktop.id).await?;
    }
    crate::report::value("create_to_first_frame", "s", &times)
}

pub async fn remove(platform: &Platform, desktop: DesktopId) -> anyhow::Result<()> {
    platform.client.destroy_desktop(desktop).await?;
    platform.wait_gone(desktop).await
}
