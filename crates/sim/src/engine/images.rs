//! Saved templates, and disks on their way out and in.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rolltop_engine::image::{About, ExportRequest, Frame, ImportRequest, PIECE};
use rolltop_engine::{DoorStream, EngineError, Images, SaveTemplateRequest, TemplateInfo};
use rolltop_model::{Size, TemplateVersion};

use super::{IMPORTED, SimEngine};
use crate::faults::Operation;
use crate::guest::Disk;
use crate::state_file::SavedTemplate;
use crate::world::LAYER_BYTES;

#[async_trait]
impl Images for SimEngine {
    async fn save_template(&self, request: &SaveTemplateRequest) -> Result<(), EngineError> {
        self.shared.enter(Operation::SaveTemplate, Duration::ZERO).await?;
        let outcome = {
            let mut state = self.shared.state();
            let is_there = state.saved(&request.version).is_some();
            let disk_gib = state.world.can_save_template(request.desktop, request.fence)?;
            let disk = state.guests.get(&request.desktop).map(|guest| guest.disk());
            if let (false, Some(disk)) = (is_there, disk) {
                let info = TemplateInfo {
                    version: request.version.clone(),
                    title: request.title.clone(),
                    description: request.description.clone(),
                    baked: Size::ALL.to_vec(),
                    built_at: Timestamp::now(),
                    disk_gib,
                    disk_bytes: LAYER_BYTES,
                };
                state.templates.insert(0, SavedTemplate { info, bootstrap: request.bootstrap.clone(), disk });
                self.shared.save(&state);
            }
            Ok(())
        };
        self.shared.leave(Operation::SaveTemplate, outcome).await
    }

    async fn remove_template(&self, version: &TemplateVersion) -> Result<(), EngineError> {
        self.shared.enter(Operation::RemoveTemplate, Duration::ZERO).await?;
        let outcome = {
            let mut state = self.shared.state();
            if state.world.needs_template(version) {
                return Err(EngineError::Host("desktops or snapshots lie over this template".into()));
            }
            state.templates.retain(|saved| saved.info.version != *version);
            self.shared.save(&state);
            Ok(())
        };
        self.shared.leave(Operation::RemoveTemplate, outcome).await
    }

    async fn export(&self, request: &ExportRequest) -> Result<DoorStream, EngineError> {
        self.shared.enter(Operation::Export, Duration::ZERO).await?;
        let (disk_gib, disk) = {
            let state = self.shared.state();
            let disk_gib = state.world.can_export(request)?;
            let disk = state.kept.get(&request.from.snapshot).ok_or(EngineError::UnknownSnapshot)?;
            (disk_gib, serde_json::to_vec(disk).map_err(|error| EngineError::Host(error.to_string()))?)
        };
        let (mut ours, theirs) = tokio::io::duplex(PIECE);
        tokio::spawn(async move {
            let (cmdline, bytes) = ("root=/dev/vda".to_owned(), b"simulated".len() as u64);
            let about = About { cmdline, disk_gib, kernel_bytes: bytes, initrd_bytes: bytes };
            let frames = [
                Frame::About(about),
                Frame::Kernel(b"simulated".to_vec()),
                Frame::Initrd(b"simulated".to_vec()),
                Frame::Disk(0, disk),
                Frame::End,
            ];
            for frame in frames {
                // Whoever asked may have gone.
                if frame.write(&mut ours).await.is_err() {
                    return;
                }
            }
        });
        self.shared.leave(Operation::Export, Ok(Box::new(theirs) as DoorStream)).await
    }

    async fn import(&self, request: &ImportRequest) -> Result<DoorStream, EngineError> {
        self.shared.enter(Operation::Import, Duration::ZERO).await?;
        self.shared.state().world.can_import(request)?;
        let (mut ours, theirs) = tokio::io::duplex(PIECE);
        let (shared, request) = (self.shared.clone(), request.clone());
        let template = IMPORTED.parse::<TemplateVersion>();
        tokio::spawn(async move {
            let answer = match (take_in(&mut ours).await, template) {
                (Ok(disk), Ok(template)) => {
                    let mut state = shared.state();
                    match state.world.import(&request, template.clone()) {
                        Ok(()) => {
                            state.kept.insert(request.snapshot, disk);
                            shared.save(&state);
                            Frame::Taken(template)
                        }
                        Err(error) => Frame::Failed(error.to_string()),
                    }
                }
                _ => Frame::Failed("The host could not take it in; its log says why.".to_owned()),
            };
            // Whoever sent it may be gone.
            let _ = answer.write(&mut ours).await;
        });
        self.shared.leave(Operation::Import, Ok(Box::new(theirs) as DoorStream)).await
    }
}

/// What an image's frames say that the disk is.
async fn take_in(from: &mut (impl tokio::io::AsyncRead + Unpin)) -> std::io::Result<Disk> {
    let mut disk = Vec::new();
    loop {
        match Frame::read(from).await? {
            // All of it is in its first piece.
            Frame::Disk(0, bytes) => disk = bytes,
            Frame::End => return Ok(serde_json::from_slice(trimmed(&disk))?),
            Frame::Failed(why) => return Err(std::io::Error::other(why)),
            _ => {}
        }
    }
}

/// Without the zeros that a piece may have been filled up with.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.get(..end).unwrap_or_default()
}
