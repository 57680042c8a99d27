//! A desktop that is in use for long: what it takes of the host's memory, and what of that has to be kept.
//!
//! A guest fills all memory that nobody uses with files it has read, and a machine's own memory only grows while it runs. Here
//! a guest of 2 GiB writes, copies and reads more files than fit, and programs of 600 MB begin and end in it.

use std::time::Instant;

use anyhow::Context as _;
use rolltop_api_types::DesktopState;
use rolltop_vm_tests::{Platform, qemus};

use crate::ROUNDS;
use crate::create::{banner, remove};
use crate::density::private_guest_memory;
use crate::kept::snapshot;
use crate::report::{Line, median, print, value};

const MB: f64 = 1e6;
/// What a day at it comes to, for its memory.
const USE: &str = "cd /var/tmp && for turn in 1 2; do \
    head -c 800M /dev/urandom > one && cp one two && cat one two > /dev/null && \
    python3 -c 'held = bytearray(b\"x\") * 600000000' && rm two; done";

pub async fn all(platform: &Platform) -> anyhow::Result<()> {
    let client = &platform.client;
    let (mut fresh, mut used, mut after) = (Vec::new(), Vec::new(), Vec::new());
    let (mut running, mut kept) = (Vec::new(), Vec::new());
    let (mut suspend, mut resume) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let id = platform.create(&format!("used-{round}")).await?.id;
        platform.wait_for(id, DesktopState::Running).await?;
        let private = || -> anyhow::Result<f64> {
            let pid = *qemus(&id.to_string()).first().context("its QEMU")?;
            Ok(private_guest_memory(pid)? / MB)
        };
        fresh.push(private()?);
        platform.shell(id, USE).await?;
        used.push(private()?);
        let taken = snapshot(platform, id).await?;
        #[expect(clippy::cast_precision_loss, reason = "bytes of a file")]
        running.push(taken.memory_bytes as f64 / MB);
        client.delete_snapshot(taken.id).await?;

        let start = Instant::now();
        client.suspend_desktop(id).await?;
        platform.wait_for(id, DesktopState::Suspended).await?;
        suspend.push(start.elapsed().as_secs_f64() * 1000.0);
        let file = platform.data().join("host/desktops").join(id.to_string()).join("memory.sealed");
        #[expect(clippy::cast_precision_loss, reason = "bytes of a file")]
        kept.push(std::fs::metadata(file)?.len() as f64 / MB);
        let start = Instant::now();
        client.resume_desktop(id).await?;
        banner(platform, id).await?;
        resume.push(start.elapsed().as_secs_f64() * 1000.0);
        platform.wait_for(id, DesktopState::Running).await?;
        after.push(private()?);
        eprintln!(
            "used {}/{ROUNDS}: {:.0?} MB, then {:.0?}; in a snapshot {:.0?}, suspended {:.0?} in {:.0?} ms; resumed in {:.0?} ms, {:.0?} MB",
            round + 1,
            fresh.last(),
            used.last(),
            running.last(),
            kept.last(),
            suspend.last(),
            resume.last(),
            after.last()
        );
        remove(platform, id).await?;
    }
    value("used_private_memory", "MB", &used)?;
    let (snapshot, suspended) = (median(&running), median(&kept));
    print(&Line {
        name: "used_suspended_memory",
        value: suspended,
        unit: "MB",
        against: Some("a snapshot of it while it runs"),
        against_value: Some(snapshot),
        ratio: Some(snapshot / suspended),
        n: kept.len(),
    })?;
    value("used_suspend", "ms", &suspend)?;
    value("used_resume_to_ssh_banner", "ms", &resume)?;
    value("used_private_memory_after", "MB", &after)
}
