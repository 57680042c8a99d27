//! Programs that work for the engine for a while, on what guests have written or in talk with one. They are confined as
//! machines are: a user and a control group of their own, no files but those they need.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use rolltop_engine::EngineError;
use rolltop_model::Size;
use rustix::fs::{MemfdFlags, memfd_create};

use super::Host;
use crate::cgroup::Share;
use crate::fault::{Doing, Fault, blocking, told};
use crate::process::{Launch, Launched, Process, View, launch, within};

/// What a helper's control group is called, before its number.
const GROUP: &str = "helper-";

/// What one helper is: a number like that of a desktop, and the user who goes with it.
pub(super) struct Helper {
    index: u32,
    pub uid: u32,
}

impl Helper {
    /// Its control group's name.
    fn group(&self) -> String {
        format!("{GROUP}{}", self.index)
    }
}

/// What a helper does.
pub(super) struct Errand {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub view: View,
    /// The network it is in; `None`: none.
    pub network: Option<OwnedFd>,
    pub groups: Vec<u32>,
    /// Longest file it may write, bytes, its log included.
    pub file_bytes: u64,
    pub keep: Vec<OwnedFd>,
    pub log: File,
    /// How much of the processors it gets while they are not enough: no less than what waits for it.
    pub share: Share,
}

/// The number of a helper by its control group's name.
pub(super) fn number(group: &str) -> Option<u32> {
    group.strip_prefix(GROUP)?.parse().ok()
}

/// A log that is nowhere but in memory.
pub(super) fn log_in_memory() -> Result<File, Fault> {
    Ok(memfd_create("log", MemfdFlags::CLOEXEC).doing("making a file in memory")?.into())
}

/// A log's beginning as text, at most that many bytes.
pub(super) fn logged(log: &File, most: usize) -> String {
    let mut bytes = vec![0; most];
    let read = log.read_at(&mut bytes, 0).unwrap_or_default();
    bytes.truncate(read);
    crate::console::shown(&bytes, most)
}

impl Host {
    /// It is let go with [`Host::dismiss`].
    pub(super) fn engage(&self) -> Result<Helper, EngineError> {
        let index = self.take_index()?;
        Ok(Helper { index, uid: self.uid(index) })
    }

    /// Starts a helper on its errand.
    pub(super) async fn send_out(&self, helper: &Helper, errand: Errand) -> Result<Launched, Fault> {
        let Errand { program, arguments, view, network, groups, file_bytes, keep, log, share } = errand;
        let cgroups = self.cgroups.create(&helper.group(), Size::S, share)?;
        let uid = helper.uid;
        blocking(move || {
            launch(Launch { program, arguments, view, network, uid, groups, file_bytes, cgroups, keep, log })
        })
        .await
    }

    /// Sends it out and waits until it has ended, or ends it once it and the machine that it talks with have been given `limit`.
    pub(super) async fn run_errand(
        &self,
        helper: &Helper,
        errand: Errand,
        machine: Process,
        limit: Duration,
    ) -> Result<ExitStatus, Fault> {
        let program = errand.program.display().to_string();
        let Launched { process, end } = self.send_out(helper, errand).await?;
        match within(limit, process.into_iter().chain([machine]), end).await {
            Some(Ok(status)) => Ok(status),
            Some(Err(_)) => Err(Fault::Other(format!("{program} was lost sight of"))),
            None => {
                if let Some(process) = process {
                    process.kill().await?;
                }
                Err(Fault::Other(format!("{program} did not end within {} s", limit.as_secs())))
            }
        }
    }

    /// Ends whatever it left, and gives its number back.
    pub(super) async fn dismiss(&self, helper: Helper) {
        match self.cgroups.end(&helper.group()).await {
            Ok(_) => self.give_back(helper.index),
            // Its number is kept, so that nobody gets a user who is still at work.
            Err(fault) => tracing::warn!(error = told(&fault), "a helper does not end"),
        }
    }
}
