//! Throughput of a download through web, api and SFTP, against OpenSSH's `sftp` that fetches the
//! same file from the same sshd. Both throw the bytes away.

use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use rolltop_vm_tests::Memory;
use tokio::process::Command;

use crate::ROUNDS;
use crate::desk::{Desk, Guest};
use crate::report::{Line, median, print};

/// Of the file that is fetched, bytes.
const SIZE: u64 = 1 << 30;
const MB: f64 = 1e6;

pub async fn download(desk: &Desk) -> anyhow::Result<()> {
    let guest = desk.guests.first().context("a desktop")?;
    let path = guest.home().join("big");
    std::fs::File::create(&path)?.set_len(SIZE)?;
    let web = Memory::watch(desk.platform.role("web")?)?;
    let api = Memory::watch(desk.platform.role("api")?)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (mine, other) = (through_us(desk, guest, &path).await?, through_sftp(guest, &path).await?);
        eprintln!("file_download {round}/{ROUNDS}: {mine:.0} against {other:.0} MB/s");
        // The first round warms both up.
        if round > 0 {
            ours.push(mine);
            theirs.push(other);
        }
    }
    for (memory, name) in [(web, "web"), (api, "api")] {
        let (most, growth) = (memory.most()?, memory.growth()?);
        eprintln!("file_download: {name} held {most} bytes at most, {growth} more than before");
    }
    let (value, other) = (median(&ours), median(&theirs));
    print(&Line {
        name: "file_download",
        value,
        unit: "MB/s",
        against: Some("OpenSSH sftp, same sshd"),
        against_value: Some(other),
        ratio: Some(value / other),
        n: ROUNDS,
    })
}

async fn through_us(desk: &Desk, guest: &Guest, path: &std::path::Path) -> anyhow::Result<f64> {
    let start = Instant::now();
    let mut body = desk.platform.client.file(guest.desktop, &path.to_string_lossy(), None).await?;
    let mut came = 0;
    while let Some(bytes) = body.next().await? {
        came += bytes.len() as u64;
    }
    ensure!(came == SIZE, "{came} bytes came");
    Ok(rate(start))
}

async fn through_sftp(guest: &Guest, path: &std::path::Path) -> anyhow::Result<f64> {
    let start = Instant::now();
    let status = Command::new("sftp")
        .args(["-q", "-P", &guest.port.to_string(), "-i"])
        .arg(&guest.key)
        .args(["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
        .args(["-o", "LogLevel=ERROR", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"])
        .arg(format!("desk@127.0.0.1:{}", path.display()))
        .arg("/dev/null")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .await?;
    ensure!(status.success(), "sftp: {status}");
    Ok(rate(start))
}

fn rate(start: Instant) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a gibibyte")]
    let bytes = SIZE as f64;
    bytes / MB / start.elapsed().as_secs_f64()
}
