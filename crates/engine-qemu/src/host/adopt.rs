//! Finding again, when the host process starts, what an earlier one left running.

use std::sync::Arc;

use rolltop_engine::{EngineError, OffReason};
use rolltop_model::DesktopId;

use tokio::task::JoinSet;

use super::Host;
use super::desktop::Desktop;
use crate::fault::Fault;
use crate::machine::{self, Life};
use crate::process::{Process, ours};
use crate::record::{Phase, Record};

impl Host {
    /// Takes over every desktop there is a record of.
    pub(crate) async fn adopt_all(self: &Arc<Self>) -> Result<(), Fault> {
        let records = self.records();
        self.indices().extend(records.iter().map(|record| record.index));
        let mut processes = ours(&self.layout.desktops());
        self.layout.close(processes.values().flatten().all(Process::has_own_view))?;
        let mut adoptions = JoinSet::new();
        for record in records {
            let found = processes.remove(&Some(record.desktop)).unwrap_or_default();
            let id = record.desktop;
            let desktop = Arc::new(Desktop::new(Some(record)));
            self.desktops().insert(id, Arc::clone(&desktop));
            let host = Arc::clone(self);
            adoptions.spawn(async move {
                if let Err(error) = host.adopt(&desktop, found).await {
                    tracing::warn!(desktop = %id, %error, "a desktop could not be taken over completely");
                }
            });
        }
        adoptions.join_all().await;
        self.forget_old_fences();
        self.tidy().await;
        Ok(())
    }

    fn records(&self) -> Vec<Record> {
        let entries = std::fs::read_dir(self.layout.desktops()).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| {
                let id: DesktopId = entry.file_name().to_str()?.parse().ok()?;
                let record = Record::load(&entry.path()).filter(|record| record.desktop == id);
                if record.is_none() {
                    tracing::warn!(desktop = %id, "a directory has no record that can be read; it is a leftover");
                }
                record
            })
            .collect()
    }

    async fn adopt(self: &Arc<Self>, desktop: &Arc<Desktop>, found: Vec<Process>) -> Result<(), EngineError> {
        let mut held = desktop.hold().await;
        let Some(record) = held.record.clone() else { return Ok(()) };
        let directory = self.layout.desktop(record.desktop);
        let recorded = machine::recorded_process(&directory);
        let (mine, strays): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|process| Some(*process) == recorded);
        if mine.is_empty()
            && let Some(record) = held.record.as_mut()
        {
            // One that is not there was never written to; there was no room to write that down.
            record.next = record.next.filter(|next| self.layout.layer(*next).exists());
            record.take_next();
        }
        for stray in strays {
            tracing::warn!(desktop = %record.desktop, pid = stray.pid, "ending a process that is in no record");
            stray.kill().await?;
        }
        let why = match (record.phase, mine.first()) {
            (Phase::Suspending | Phase::Resuming { .. }, process) => {
                match self.after_broken_suspend(&mut held, process.copied()).await? {
                    None => {
                        desktop.show(&held);
                        return Ok(());
                    }
                    Some(why) => why,
                }
            }
            (Phase::On | Phase::Stopping, Some(process)) => {
                let (running, watched) = machine::adopt(&directory, *process).await;
                let life = Self::life_of(&running, &directory).await.unwrap_or(Life::Up);
                self.settle_layers(&mut held, &running).await?;
                held.running = Some(running);
                match life {
                    Life::Up | Life::Ended => {
                        desktop.show(&held);
                        self.watch(desktop, watched);
                        return Ok(());
                    }
                    Life::ShutDown | Life::Reset if record.phase == Phase::Stopping => OffReason::Asked,
                    Life::ShutDown => OffReason::Guest,
                    Life::Reset => OffReason::Reset,
                }
            }
            (Phase::On, None) => record.lost(),
            (Phase::Stopping, None) => OffReason::Asked,
            (Phase::Making | Phase::Starting, process) => {
                end(process).await?;
                OffReason::NeverStarted
            }
            (Phase::Off(why), process) => {
                end(process).await?;
                why
            }
        };
        self.turn_off(desktop, &mut held, why).await
    }
}

async fn end(process: Option<&Process>) -> Result<(), Fault> {
    match process {
        Some(process) => process.kill().await,
        None => Ok(()),
    }
}
