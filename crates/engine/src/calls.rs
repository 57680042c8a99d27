//! All that an engine can be asked.

use std::time::Duration;

use async_trait::async_trait;
use rolltop_model::{DesktopId, SnapshotId, TemplateVersion};
use serde::{Deserialize, Serialize};

use crate::call::{Call, Capabilities, Carry, Dispatch, calls};
use crate::image::{ExportRequest, ImportRequest};
use crate::{
    Bootstrap, Capable, DestroyReceipt, DiskAllowance, DoorStream, EngineError, Flattening, ForkRequest,
    HostStatus, Known, LayerUse, Leftover, Machine, ResizeRequest, RevertRequest, SaveTemplateRequest,
    SnapshotInfo, SnapshotRequest, StartRequest, SuspendRequest, TemplateInfo,
};

/// For what is looked up or only begun.
const SHORT: Duration = Duration::from_secs(30);
/// For what changes a machine.
const LONG: Duration = Duration::from_secs(120);
/// For a guest that shuts down, beyond its grace.
const MINUTE: Duration = Duration::from_secs(60);
/// All of a disk is copied, twice; or a bake is waited for.
const COPYING: Duration = Duration::from_secs(1800);

calls! {
    /// What every engine can. All of it may be repeated; see [the crate](crate).
    trait Engine () {
        /// Templates that can be forked, newest version first within each name.
        Templates: fn templates() -> Vec<TemplateInfo>, within SHORT;

        /// How to enter a fresh fork of this template before it has an identity of its own.
        GetBootstrap: fn bootstrap(&template: TemplateVersion) -> Bootstrap, within SHORT;

        /// Makes a desktop out of a template, or a snapshot where the engine has [`Layers`], memory included where
        /// there is one, and runs it in quarantine: nothing but the door.
        Fork: fn fork(&request: ForkRequest) -> (), within LONG, about request.desktop;

        /// Cold-boots a desktop that is off, in quarantine. What was suspended gives up its memory.
        Start: fn start(&request: StartRequest) -> (), within LONG, about request.desktop;

        /// Ends quarantine: from now on the egress policy holds.
        Release: fn release(desktop: DesktopId, fence: u64) -> (), within SHORT, about desktop;

        /// Asks the guest to shut down, waits for `grace`, then ends it. Returns once it is off. What
        /// was suspended gives up its memory.
        Stop: fn stop(desktop: DesktopId, fence: u64, grace: Duration) -> (), within MINUTE + grace, about desktop;

        /// Gives a machine another size. Its disk grows at once, or where it does not run when it next does; processors and
        /// memory change when it is next booted from its disk. A disk never shrinks.
        Resize: fn resize(&request: ResizeRequest) -> (), within SHORT, about request.desktop;

        /// Says how much of the host's disk machines may take, in place of what was said before. Who is not named may take
        /// what there is. Kept in memory only, so it has to be said again from time to time.
        AllowDisk: fn allow_disk(allowances: Vec<DiskAllowance>) -> (), within SHORT;

        /// Ends the machine and removes everything of it. Succeeds where there is nothing.
        Destroy: fn destroy(desktop: DesktopId, fence: u64) -> DestroyReceipt, within LONG, about desktop;

        /// Every machine this engine holds, running or not.
        Observe: fn observe() -> Vec<Machine>, within SHORT;

        /// One machine, `None` where the engine holds nothing of it.
        ObserveOne: fn observe_one(desktop: DesktopId) -> Option<Machine>, within SHORT, about desktop;

        /// A connection to the sshd in a running desktop.
        Connect: fn connect(desktop: DesktopId) -> DoorStream, within SHORT, about desktop;

        /// The last of what the guest wrote on its serial console; at most `max_bytes`, cut at a
        /// line, control characters replaced.
        ConsoleTail: fn console_tail(desktop: DesktopId, max_bytes: usize) -> String, within SHORT, about desktop;

        /// The host's health, as the admin page shows it.
        Host: fn host() -> HostStatus, within SHORT;

        /// What exists on the host and belongs to none of `known`: processes, namespaces,
        /// interfaces, cgroups, files. Empty when clean.
        Leftovers: fn leftovers(&known: Known) -> Vec<Leftover>, within LONG;

        /// Removes what [`Engine::leftovers`] lists, and returns it, with the reason beside what could not be removed.
        Sweep: fn sweep(&known: Known) -> Vec<Leftover>, within LONG;
    }

    /// Keeping the memory of machines. Where an engine has [`Layers`] too, a snapshot of what runs or is suspended has a memory.
    trait Memory (memory) {
        /// Keeps a running machine's memory and devices on the disk, encrypted, and ends it. Returns
        /// once all of it is durable and the host's memory is free. Where that is not possible, such as
        /// on a full disk, the machine goes on running as if nothing had been asked.
        Suspend: fn suspend(&request: SuspendRequest) -> (), within LONG, about request.desktop;

        /// Brings a suspended machine back where it was, in quarantine. The kept memory is verified
        /// before any of it runs, and used once. Where it can't be brought back the machine stays
        /// suspended, with the boot number it had.
        Resume: fn resume(&request: StartRequest) -> (), within LONG, about request.desktop;
    }

    /// Disks of several layers, of which only the latest is written to: snapshots, and forks of those.
    trait Layers (layers) {
        /// Keeps a point in time of a machine: of its disk, and of its memory if it runs or is suspended and the engine
        /// has [`Memory`]. A
        /// running one stands still for a fraction of a second. From then on the machine writes to
        /// [`SnapshotRequest::next`], and what it wrote to before is never changed again.
        ///
        /// Where it is not possible the machine goes on, its disk under the new layer or not: see
        /// [`Machine::layer`]. Asked for again after that, with the layer it already has, it is
        /// [`EngineError::CutShort`].
        Snapshot: fn snapshot(&request: SnapshotRequest) -> SnapshotInfo, within LONG, about request.desktop;

        /// Puts a machine that is off back to a snapshot: suspended if that has a memory, else off. What it
        /// was is gone unless a snapshot has it.
        Revert: fn revert(&request: RevertRequest) -> (), within LONG, about request.desktop;

        /// Every snapshot this engine holds.
        Snapshots: fn snapshots() -> Vec<SnapshotInfo>, within SHORT;

        /// Removes a snapshot, and the layers that nothing else needs. Returns the bytes freed; 0 where
        /// there is none.
        RemoveSnapshot: fn remove_snapshot(snapshot: SnapshotId) -> u64, within LONG;

        /// What each layer takes of the host's disk, whoever has it.
        LayerUses: fn layer_uses() -> Vec<LayerUse>, within SHORT;

        /// Has a running machine write to a disk of one layer: what the layers below have is copied into the one it writes
        /// to, while the guest works. Begins it and returns at once; whoever asks again hears how far it is. Whatever else
        /// is asked of the machine comes first and ends it, and what is copied stays copied.
        Flatten: fn flatten(desktop: DesktopId, fence: u64) -> Flattening, within SHORT, about desktop;
    }

    /// Disks on their way out and in: as templates, and as streams. An engine that has it has [`Layers`].
    trait Images (images) {
        /// Makes a template of a running machine's disk, as it is now: it stands still until that is done, some seconds. From
        /// then on the template is everybody's to fork, and not encrypted. Does nothing where the version is there.
        SaveTemplate: fn save_template(&request: SaveTemplateRequest) -> (), within COPYING, about request.desktop;

        /// Removes a template version, unless a machine or a snapshot lies over it.
        RemoveTemplate: fn remove_template(&version: TemplateVersion) -> (), within COPYING;

        /// Reads a snapshot's disk, and what boots it, as a stream of [`Frame`](crate::image::Frame)s. Its memory stays.
        Export: fn export(&request: ExportRequest) -> DoorStream, within LONG;

        /// Takes such a stream in as a snapshot without a memory: whoever asks writes frames, and reads one when all of it
        /// is durable. What breaks off leaves nothing.
        Import: fn import(&request: ImportRequest) -> DoorStream, within SHORT;
    }
}
