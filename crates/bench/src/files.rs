//! Throughput of a download through web, api and SFTP, against OpenSSH's `sftp` that fetches the
//! same file from the same sshd. Both throw the bytes away. And what web and api hold while a large one passes.

use std::hash::{DefaultHasher, Hasher as _};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use rolltop_api_types::SaveCondition;
use rolltop_vm_tests::Memory;
use tokio::process::Command;

use crate::ROUNDS;
use crate::desk::{Desk, Guest};
use crate::report::{Line, median, print, value};

/// Of the file that is fetched, bytes.
const SIZE: u64 = 1 << 30;
/// Of the file that passes both ways while memory is watched, bytes, and of the pieces it is sent in.
const LARGE: u64 = 5 << 30;
const PIECE: u64 = 1 << 20;
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

/// What web and api hold at most, beyond what they held before, while one file of 5 GiB goes to a desktop
/// and comes back the same.
pub async fn large(desk: &Desk) -> anyhow::Result<()> {
    let guest = desk.guests.first().context("a desktop")?;
    let path = guest.home().join("large");
    let place = path.to_string_lossy().into_owned();
    let watch = || -> anyhow::Result<_> {
        Ok([Memory::watch(desk.platform.role("web")?)?, Memory::watch(desk.platform.role("api")?)?])
    };

    let start = Instant::now();
    let watched = watch()?;
    let body = futures::stream::iter((0..LARGE / PIECE).map(|number| Ok::<_, std::io::Error>(piece(number))));
    let body = reqwest::Body::wrap_stream(body);
    desk.platform.client.save_file(guest.desktop, &place, &SaveCondition::New, body).await?;
    let there = std::fs::metadata(&path)?.len();
    ensure!(there == LARGE, "{there} bytes arrived");
    tell("large_file_to", start, &watched)?;

    let start = Instant::now();
    let watched = watch()?;
    let mut body = desk.platform.client.file(guest.desktop, &place, None).await?;
    let mut came = DefaultHasher::new();
    while let Some(bytes) = body.next().await? {
        came.write(&bytes);
    }
    tell("large_file_from", start, &watched)?;
    let mut sent = DefaultHasher::new();
    for number in 0..LARGE / PIECE {
        sent.write(&piece(number));
    }
    ensure!(came.finish() == sent.finish(), "another file came back than was sent");
    Ok(std::fs::remove_file(&path)?)
}

/// A piece that is unlike every other.
fn piece(number: u64) -> Bytes {
    number.to_le_bytes().repeat(PIECE as usize / size_of::<u64>()).into()
}

#[expect(clippy::cast_precision_loss, reason = "far below where it matters")]
fn tell(name: &str, start: Instant, watched: &[Memory]) -> anyhow::Result<()> {
    eprintln!("{name}: {:.0} MB/s", LARGE as f64 / MB / start.elapsed().as_secs_f64());
    let growth: Vec<f64> =
        watched.iter().map(|memory| Ok(memory.growth()? as f64 / MB)).collect::<anyhow::Result<_>>()?;
    value(&format!("{name}_memory"), "MB", &[growth.iter().sum()])
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
