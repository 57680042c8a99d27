//! Snapshots' disks, out of this host and into it.
//!
//! ```text
//!  export: qemu-nbd (confined, read-only) ─nbd─► pieces that are not zeros ─► the caller's stream
//!  import: the caller's stream ─► kernel: a template version that holds it (`imported@DIGEST`)
//!                              └► disk ─nbd─► qemu-nbd (confined) ─► one new encrypted layer ─► snapshot.json
//! ```
//!
//! Nothing is ever on a disk unencrypted, and no layer is parsed by a process with our rights. A `qemu-nbd` ends with its
//! one connection, so it does not outlive us.

mod boot;

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rolltop_engine::image::{About, ExportRequest, Frame, ImportRequest, PIECE};
use rolltop_engine::{DiskLayer, DoorStream, EngineError};
use rolltop_model::{LayerId, TemplateVersion};
use rolltop_template::{BootFiles, INITRD, KERNEL};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use uuid::Uuid;

use boot::Come;

use super::Host;
use super::helper::{Errand, Helper, log_in_memory, logged};
use super::snapshot::SnapshotRecord;
use crate::cgroup::Share;
use crate::command_line::base_path;
use crate::durable;
use crate::fault::{Doing, Fault, blocking, told};
use crate::layer;
use crate::layout::{layer_seen_from_machine, make_directory};
use crate::machine::{file_limit, freeze, hand_over};
use crate::nbd;
use crate::process::{Launched, Process, View, secret_file, within};

/// Name of the template versions that hold what imported disks are booted with. They are offered to nobody.
pub(super) const IMPORTED: &str = "imported";
/// How long `qemu-nbd` may take to listen.
const LISTENS: Duration = Duration::from_secs(20);
/// Longest silence of whoever sends an image.
const SILENCE: Duration = Duration::from_secs(300);
const SOCKET: &str = "nbd";
/// Of what it says, bytes.
const LOG_BYTES: usize = 1000;
/// Pieces after which it is looked again whether the host has room.
const LOOK: u32 = 16;

impl Host {
    /// A snapshot's disk as a stream of frames.
    pub(crate) async fn export(self: Arc<Self>, request: ExportRequest) -> Result<DoorStream, EngineError> {
        let still = self.removing.read().await;
        let manifest = self.manifest(&request.template)?;
        let (snapshot, disk) = self.snapshot_for(&request.from, &request.template)?;
        let base = snapshot.base.as_deref();
        let opened = self.serve(disk, &request.template, base, snapshot.disk_gib(), false).await?;
        drop(still);
        let directory = self.layout.template(&request.template);
        let length = |name: &str| {
            let path = directory.join(name);
            path.metadata().map(|metadata| metadata.len()).doing_with("looking at", &path)
        };
        let about = About {
            cmdline: manifest.cmdline,
            disk_gib: snapshot.disk_gib(),
            kernel_bytes: length(KERNEL)?,
            initrd_bytes: length(INITRD)?,
        };
        let (mut ours, theirs) = UnixStream::pair().doing("making a stream")?;
        tokio::spawn(async move {
            let (id, mut disk) = (request.from.snapshot, opened);
            let sent = send(&mut ours, about, &directory, &mut disk.disk).await;
            if let Err(fault) = &sent {
                tracing::info!(snapshot = %id, error = told(fault), "an export broke off");
                let _ = Frame::Failed("The host could not read all of it.".into()).write(&mut ours).await;
            }
            disk.close(&self).await;
        });
        Ok(Box::new(theirs))
    }

    /// Takes in a disk as a snapshot: whoever asks writes frames, and reads one when it is durable.
    pub(crate) async fn import(self: Arc<Self>, request: ImportRequest) -> Result<DoorStream, EngineError> {
        let directory = self.layout.snapshot(request.snapshot);
        if directory.exists() || self.layout.layer(request.disk.layer).exists() {
            return Err(EngineError::Host("this was imported before".into()));
        }
        self.room()?;
        let (mut ours, theirs) = UnixStream::pair().doing("making a stream")?;
        let layer = self.layout.layer(request.disk.layer);
        self.layers_making().insert(layer.clone());
        self.snapshots_making().insert(directory.clone());
        tokio::spawn(async move {
            let taken = self.take_in(&mut ours, &request, &layer, &directory).await;
            let answer = match taken {
                Ok(template) => Frame::Taken(template),
                Err(error) => {
                    tracing::info!(snapshot = %request.snapshot, error = told(&error), "an import broke off");
                    for left in
                        [durable::remove(&layer).map(drop), super::snapshot::remove_directory(&directory)]
                    {
                        if let Err(fault) = left {
                            tracing::warn!(error = told(&fault), "what was imported stays");
                        }
                    }
                    Frame::Failed(sentence(&error).to_owned())
                }
            };
            self.layers_making().remove(&layer);
            self.snapshots_making().remove(&directory);
            if matches!(answer, Frame::Failed(_))
                && let Err(fault) = self.forget_imported()
            {
                tracing::warn!(error = told(&fault), "what an import would have been booted with stays");
            }
            // Whoever sent it may be gone.
            let _ = answer.write(&mut ours).await;
            let _ = ours.shutdown().await;
        });
        Ok(Box::new(theirs))
    }

    async fn take_in(
        self: &Arc<Self>,
        from: &mut UnixStream,
        request: &ImportRequest,
        layer: &Path,
        directory: &Path,
    ) -> Result<TemplateVersion, EngineError> {
        let (template, mut next) = self.take_boot(from, request).await?;
        let backing = format!("../templates/{template}/disk.qcow2");
        layer::create(layer, request.disk_gib, &request.disk.key, &backing).await?;
        let own = std::slice::from_ref(&request.disk);
        let mut opened = self.serve(own, &template, None, request.disk_gib, true).await?;
        let mut pieces = 0u32;
        let written = loop {
            match next {
                Frame::Disk(offset, bytes) => {
                    let end = offset.checked_add(bytes.len() as u64);
                    if end.is_none_or(|end| end > opened.disk.size) {
                        break Err(EngineError::Host("a piece lies beyond the disk".into()));
                    }
                    if pieces.is_multiple_of(LOOK)
                        && let Err(full) = self.room()
                    {
                        break Err(full);
                    }
                    pieces = pieces.wrapping_add(1);
                    if let Err(fault) = opened.disk.write(offset, &bytes).await {
                        break Err(fault.into());
                    }
                }
                Frame::End => break opened.disk.flush().await.map_err(EngineError::from),
                Frame::About(_)
                | Frame::Kernel(_)
                | Frame::Initrd(_)
                | Frame::Failed(_)
                | Frame::Taken(_) => {
                    break Err(EngineError::Host("the image breaks off".into()));
                }
            }
            next = match read(from).await {
                Ok(frame) => frame,
                Err(fault) => break Err(fault.into()),
            };
        };
        opened.close(self).await;
        written?;
        freeze(layer)?;
        make_directory(directory)?;
        let record = SnapshotRecord {
            snapshot: request.snapshot,
            taken_at: Timestamp::now(),
            template: template.clone(),
            size: request.size,
            disk_gib: Some(request.disk_gib),
            base: None,
            layers: vec![request.disk.layer],
            has_memory: false,
            pause_ms: 0,
        };
        record.save(directory)?;
        Ok(template)
    }

    /// Takes in what the disk is booted with, up to the first frame of the disk. The template that holds it.
    async fn take_boot(
        &self,
        from: &mut UnixStream,
        request: &ImportRequest,
    ) -> Result<(TemplateVersion, Frame), EngineError> {
        let come = Come::new(self.transfer_directory()?).await?;
        let (come, cmdline, next) = come.until_disk(from, || self.room()).await?;
        let is_line = cmdline.len() <= 2048 && cmdline.chars().all(|letter| !letter.is_control());
        if come.kernel.bytes == 0 || come.initrd.bytes == 0 || cmdline.is_empty() || !is_line {
            return Err(EngineError::Host("the image has nothing to boot it with".into()));
        }
        let templates = self.layout.templates();
        tracing::debug!(snapshot = %request.snapshot, "what boots an image has come");
        let version = blocking(move || {
            let held = BootFiles { kernel: &come.kernel.path, initrd: &come.initrd.path, cmdline: &cmdline };
            rolltop_template::hold(&templates, IMPORTED, &held).map_err(|error| Fault::Other(told(&error)))
        })
        .await?;
        Ok((version, next))
    }

    /// Beside what is to stay free, a reserve more: what comes from outside is not to have desktops here write slowly.
    fn room(&self) -> Result<(), EngineError> {
        self.room_for(self.config.reserve_disk, None).map(drop)
    }

    /// An empty folder for a transfer.
    fn transfer_directory(&self) -> Result<Directory, Fault> {
        let name: String = Uuid::new_v4().simple().to_string().chars().take(12).collect();
        let directory = Directory(self.layout.absolute(&self.layout.transfers().join(name)));
        std::fs::DirBuilder::new().mode(0o700).create(&directory.0).doing_with("making", &directory.0)?;
        Ok(directory)
    }

    /// Opens a disk of these layers, the first of which may be written to, over a template's image.
    async fn serve(
        &self,
        layers: &[DiskLayer],
        template: &TemplateVersion,
        bake: Option<&str>,
        disk_gib: u64,
        writable: bool,
    ) -> Result<Opened, EngineError> {
        let helper = self.engage()?;
        match self.open_disk(layers, (template, bake), disk_gib, writable, &helper).await {
            Ok((disk, process)) => Ok(Opened { disk, process, helper }),
            Err(fault) => {
                self.dismiss(helper).await;
                Err(fault.into())
            }
        }
    }

    async fn open_disk(
        &self,
        layers: &[DiskLayer],
        (template, bake): (&TemplateVersion, Option<&str>),
        disk_gib: u64,
        writable: bool,
        helper: &Helper,
    ) -> Result<(nbd::Disk, Process), Fault> {
        let uid = helper.uid;
        let directory = self.transfer_directory()?;
        std::os::unix::fs::chown(&directory.0, Some(uid), Some(uid))
            .doing_with("giving away", &directory.0)?;
        if let Some(top) = layers.first().filter(|_| writable) {
            hand_over(&self.layout.layer(top.layer), uid)?;
        }
        let mut keys = Vec::new();
        let mut arguments = Vec::new();
        let mut known: Vec<LayerId> = Vec::new();
        for DiskLayer { layer, key } in layers {
            let key = secret_file(key, uid)?;
            let number = std::os::fd::AsRawFd::as_raw_fd(&key);
            arguments.extend([
                "--object".to_owned(),
                format!("secret,id=key-{layer},file=/proc/self/fd/{number}"),
            ]);
            keys.push(key);
            known.push(*layer);
        }
        if !writable {
            arguments.push("--read-only".to_owned());
        }
        let socket = directory.0.join(SOCKET);
        arguments.extend(["--socket".to_owned(), socket.display().to_string(), "--image-opts".to_owned()]);
        let base = base_path(&format!("../../templates/{template}"), bake);
        arguments.push(image_options(&known, &base));
        let log = log_in_memory()?;
        let reads = [self.layout.template(template)];
        let errand = Errand {
            program: "qemu-nbd".into(),
            arguments,
            view: View {
                directory: Some(directory.0.clone()),
                ..self.layout.view(None, &[self.layout.layers()], &reads)
            },
            network: None,
            groups: Vec::new(),
            file_bytes: file_limit(rolltop_model::Size::S, disk_gib),
            keep: keys,
            log: log.try_clone().doing("opening a log")?,
            share: Share::Background,
        };
        let Launched { process, .. } = self.send_out(helper, errand).await?;
        let said =
            || Fault::Other(format!("qemu-nbd did not open a disk: {}", logged(&log, LOG_BYTES).trim()));
        let process = process.ok_or_else(said)?;
        let connecting = async {
            loop {
                match UnixStream::connect(&socket).await {
                    Ok(stream) => return nbd::Disk::open(stream).await,
                    Err(_) if process.alive() => tokio::time::sleep(Duration::from_millis(10)).await,
                    Err(_) => return Err(said()),
                }
            }
        };
        let disk = within(LISTENS, [process], connecting).await.unwrap_or_else(|| Err(said()))?;
        Ok((disk, process))
    }

    /// Removes what imported disks were booted with, once nothing of them is left. Not while something is being
    /// imported, nor where a record can't be read: nobody knows what that needs.
    pub(super) fn forget_imported(&self) -> Result<(), Fault> {
        let making = self.snapshots_making();
        let mut needed: Vec<TemplateVersion> =
            self.snapshot_records().into_iter().map(|record| record.template).collect();
        let machines = self.desktops().values().filter_map(|desktop| desktop.record()).collect::<Vec<_>>();
        needed.extend(machines.into_iter().map(|record| record.template.clone()));
        let entries = |place: PathBuf| std::fs::read_dir(place).into_iter().flatten().count();
        if !making.is_empty()
            || needed.len() != entries(self.layout.snapshots()) + entries(self.layout.desktops())
        {
            return Ok(());
        }
        for (path, manifest) in rolltop_template::installed(&self.layout.templates()) {
            if manifest.version.name() == IMPORTED && !needed.contains(&manifest.version) {
                std::fs::remove_dir_all(&path).doing_with("removing", &path)?;
            }
        }
        Ok(())
    }
}

/// A disk that is open in a process of its own.
struct Opened {
    disk: nbd::Disk,
    process: Process,
    helper: Helper,
}

impl Opened {
    async fn close(self, host: &Host) {
        // It ends by itself once it has closed everything.
        let closed = within(LISTENS, [self.process], async {
            self.disk.close().await?;
            self.process.ended().await;
            Ok::<(), Fault>(())
        });
        if !matches!(closed.await, Some(Ok(()))) {
            tracing::warn!(pid = self.process.pid, "a qemu-nbd does not end by itself");
        }
        host.dismiss(self.helper).await;
    }
}

/// A transfer's own, as long as its process is being started, or what boots a disk is coming.
struct Directory(PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "a transfer's folder stays");
        }
    }
}

/// A disk for `qemu-nbd`: each layer over the next, and the last over the base. What their headers say is not looked at.
fn image_options(layers: &[LayerId], base: &str) -> String {
    let mut all = Vec::new();
    let mut before = String::new();
    for layer in layers {
        let path = layer_seen_from_machine(*layer);
        all.push(format!("{before}driver=qcow2"));
        all.push(format!("{before}file.driver=file"));
        all.push(format!("{before}file.filename={path}"));
        all.push(format!("{before}encrypt.format=luks"));
        all.push(format!("{before}encrypt.key-secret=key-{layer}"));
        before.push_str("backing.");
    }
    all.push(format!("{before}driver=qcow2"));
    all.push(format!("{before}file.driver=file"));
    all.push(format!("{before}file.filename={base}"));
    all.join(",")
}

async fn send(to: &mut UnixStream, about: About, template: &Path, disk: &mut nbd::Disk) -> Result<(), Fault> {
    let write = async |frame: Frame, to: &mut UnixStream| frame.write(to).await.doing("sending an image");
    write(Frame::About(about), to).await?;
    for name in [KERNEL, INITRD] {
        let path = template.join(name);
        let mut file = tokio::fs::File::open(&path).await.doing_with("reading", &path)?;
        loop {
            let mut piece = Vec::new();
            (&mut file).take(PIECE as u64).read_to_end(&mut piece).await.doing_with("reading", &path)?;
            if piece.is_empty() {
                break;
            }
            write(if name == KERNEL { Frame::Kernel(piece) } else { Frame::Initrd(piece) }, to).await?;
        }
    }
    let mut offset = 0;
    while offset < disk.size {
        let length = u32::try_from((disk.size - offset).min(u64::from(nbd::MOST))).unwrap_or(nbd::MOST);
        let has_data = disk.stretches(offset, length).await?.into_iter();
        let known: u64 = has_data.clone().map(|(length, _)| u64::from(length)).sum();
        if has_data.into_iter().any(|(_, has_data)| has_data) || known < u64::from(length) {
            let bytes = disk.read(offset, length).await?;
            if bytes.iter().any(|byte| *byte != 0) {
                write(Frame::Disk(offset, bytes), to).await?;
            }
        }
        offset += u64::from(length);
    }
    write(Frame::End, to).await
}

async fn read(from: &mut (impl AsyncRead + Unpin)) -> Result<Frame, Fault> {
    let frame = tokio::time::timeout(SILENCE, Frame::read(from)).await;
    frame.map_err(|_| Fault::Slow("an image's next piece".into()))?.doing("reading an image")
}

/// What whoever imports is told.
fn sentence(error: &EngineError) -> &'static str {
    match error {
        EngineError::DiskFull => "The host's disk is full; free some space, then try again.",
        _ => "The host could not take it in; its log says why.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_lie_over_each_other_and_the_last_over_the_base() {
        let layers = [LayerId::from_u128(1), LayerId::from_u128(2)];
        let options = image_options(&layers, "../../templates/desk@0123456789ab/disk.qcow2");
        let (one, two) = (layers[0], layers[1]);
        assert_eq!(
            options,
            format!(
                "driver=qcow2,file.driver=file,file.filename=../../layers/{one}.qcow2,encrypt.format=luks,\
                 encrypt.key-secret=key-{one},backing.driver=qcow2,backing.file.driver=file,\
                 backing.file.filename=../../layers/{two}.qcow2,backing.encrypt.format=luks,\
                 backing.encrypt.key-secret=key-{two},backing.backing.driver=qcow2,\
                 backing.backing.file.driver=file,\
                 backing.backing.file.filename=../../templates/desk@0123456789ab/disk.qcow2"
            )
        );
    }
}
