//! Booting a kernel under KVM, to see whether it comes up: confined like a machine, with nothing but the kernel.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rolltop_template::KERNEL;
use tokio::time::Instant;

use super::Host;
use super::helper::{Errand, Helper, log_in_memory, logged};
use crate::accel::{self, Booted, FIRST_LINE, Patience, Seen};
use crate::cgroup::Share;
use crate::command_line::Accel;
use crate::fault::{Doing, Fault};
use crate::process::{Launched, View};

/// Longest console, bytes.
const CONSOLE_BYTES: u64 = 1 << 20;
/// Of it, what is looked at.
const BEGINNING: usize = 64 << 10;

impl Host {
    /// Boots the kernel of a template.
    pub(super) async fn boot_under_kvm(&self, template: PathBuf) -> Result<Booted, Fault> {
        let helper = self.engage().map_err(|error| Fault::Other(error.to_string()))?;
        let booted = self.watch_kernel(&template, &helper).await;
        self.dismiss(helper).await;
        booted
    }

    async fn watch_kernel(&self, template: &Path, helper: &Helper) -> Result<Booted, Fault> {
        let log = log_in_memory()?;
        let kernel = self.layout.absolute(&template.join(KERNEL));
        let errand = Errand {
            program: self.config.qemu.clone(),
            arguments: accel::proof(&kernel.display().to_string()),
            view: View {
                devices: accel::devices(Accel::Kvm),
                ..self.layout.view(None, &[], &[template.to_owned()])
            },
            network: None,
            groups: accel::groups(Accel::Kvm),
            file_bytes: CONSOLE_BYTES,
            keep: Vec::new(),
            log: log.try_clone().doing("opening a log")?,
            share: Share::Background,
        };
        let Launched { end: mut ended, process } = self.send_out(helper, errand).await?;
        let (began, mut patience) = (Instant::now(), Patience::default());
        loop {
            let has_ended = tokio::time::timeout(Duration::from_millis(20), &mut ended).await.is_ok();
            let said = logged(&log, BEGINNING);
            if said.contains(FIRST_LINE) {
                return Ok(Booted::Spoke);
            }
            if has_ended {
                return Ok(Booted::Ended(said.lines().next_back().unwrap_or_default().to_owned()));
            }
            let seen = Seen {
                after: began.elapsed(),
                worked: Duration::from_millis(process.map_or(0, |process| process.cpu_ms())),
                wants_to: process.is_some_and(|process| process.wants_to_work()),
            };
            if let Some(booted) = patience.ends(seen, &complaint(&said)) {
                return Ok(booted);
            }
        }
    }
}

/// What QEMU says of KVM among all that it prints of a machine that stopped.
fn complaint(said: &str) -> String {
    let found = said.lines().find(|line| line.contains("KVM")).or_else(|| said.lines().next_back());
    found.unwrap_or("QEMU gave no reason").trim().to_owned()
}
