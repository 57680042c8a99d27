//! The one place that says what a machine is made of: QEMU's command line.
//!
//! Pure. A machine's memory can only be loaded into one with the same devices, so the same
//! function makes the command line of a bake, a fork and a cold boot, and its digest
//! ([`identity_digest`]) is part of what a bake is.
//!
//! Deliberately absent: a balloon or free-page reporting (a discard can't reach a base that is
//! opened read-only, so it would free nothing), a display, USB, a user-mode network.

use std::os::fd::RawFd;

use rolltop_model::{LayerId, Size};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::layout::layer_seen_from_machine;
use crate::network::GUEST_MAC;

/// Files in a machine's directory; the disk only in a bake's.
pub(crate) const DISK: &str = "disk.qcow2";
pub(crate) const CONSOLE: &str = "console.log";

/// What runs the guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accel {
    Kvm,
    Tcg,
}

impl Accel {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Accel::Kvm => "kvm",
            Accel::Tcg => "tcg",
        }
    }
}

/// A desktop's programs are some hundred MiB once they are translated. Where they have less room, all of them are thrown away
/// each time that it is full. What is not used of it takes no memory.
const TCG: &str = "tcg,thread=multi,tb-size=256";

/// An emulated processor runs nothing ahead of its time, so a kernel has nothing to hide from it. To do so all the same,
/// by leaving its own memory out at each return from it, costs an emulated guest a third of its time.
const NO_MITIGATIONS: &str = " mitigations=off";

/// What a guest's kernel is told beyond what its template says.
const fn kernel_more(accel: Accel) -> &'static str {
    match accel {
        Accel::Kvm => "",
        Accel::Tcg => NO_MITIGATIONS,
    }
}

/// The board and processor a machine is. A memory fits into no other, so neither follows the installed QEMU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Model<'a> {
    pub accel: Accel,
    /// A versioned machine type, such as `pc-q35-10.0`.
    pub board: &'a str,
    /// A processor as QEMU's `-cpu` takes it.
    pub cpu: &'a str,
}

/// What QEMU does when a guest resets or ends: its machine stays, paused, so that we learn of it even if nobody
/// listened when it happened. A reset can't be left to QEMU: RAM that was loaded has no firmware to begin with.
const ACTIONS: &str = "shutdown=pause,reboot=shutdown,panic=none";
/// What QEMU forbids itself.
pub(crate) const SANDBOX: &str = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";
/// What QEMU logs of a guest that ends, and not of one that resets.
pub(crate) const SHUTDOWN_TRACE: &str = "qemu_system_shutdown_request";

/// The guest's memory.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ram<'a> {
    /// Written to the file: for a bake.
    Shared(&'a str),
    /// A private view of a file that is never written: for everything else. `readonly` and
    /// `rom=off` together, so that not even a discard can reach the file.
    Private(&'a str),
}

/// The guest's disk.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Disk<'a> {
    Plain,
    Layers {
        /// The one that is written to first, each over the next and the last over the base. What their headers
        /// say is not looked at.
        layers: &'a [LayerFile],
        /// The bake it lies over, a directory in the template's; `None` for the plain image.
        base: Option<&'a str>,
    },
}

/// The name of what the layers lie over, in QEMU.
pub(crate) const BASE: &str = "base";

/// Where that is, in the template version's directory.
pub(crate) fn base_path(template: &str, bake: Option<&str>) -> String {
    match bake {
        Some(bake) => format!("{template}/{bake}/{DISK}"),
        None => format!("{template}/{DISK}"),
    }
}

/// One encrypted layer: LUKS, its key readable through this inherited descriptor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LayerFile {
    pub layer: LayerId,
    pub key: RawFd,
}

/// The name of a layer's key in QEMU.
pub(crate) fn secret_name(layer: LayerId) -> String {
    format!("key-{layer}")
}

/// Inherited descriptors of a machine: two monitors' listening sockets and the network's end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wires {
    pub monitor: RawFd,
    pub spare_monitor: RawFd,
    pub tap: RawFd,
}

/// All that differs between machines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MachineSpec<'a> {
    pub name: &'a str,
    pub model: Model<'a>,
    pub size: Size,
    /// The template version's directory, as seen from the machine's own.
    pub template: &'a str,
    pub kernel_arguments: &'a str,
    pub ram: Ram<'a>,
    pub disk: Disk<'a>,
    pub generation: Uuid,
    pub wires: Wires,
    /// Waits for the state of devices instead of booting.
    pub incoming: bool,
}

/// QEMU's arguments.
pub(crate) fn arguments(spec: &MachineSpec<'_>) -> Vec<String> {
    let mut all = vec!["-name".to_owned(), format!("guest={},debug-threads=on", spec.name)];
    for (option, value) in board(spec).into_iter().chain(devices(spec)) {
        all.push(option.to_owned());
        all.push(value);
    }
    if spec.incoming {
        // The state of devices alone comes without a section about the machine.
        all.extend(["-global".to_owned(), "migration.send-configuration=off".to_owned()]);
        // Stopped until we say so, even once everything is loaded.
        all.extend(["-incoming".to_owned(), "defer".to_owned(), "-S".to_owned()]);
    }
    all.extend(["-nodefaults", "-no-user-config", "-trace", SHUTDOWN_TRACE].map(str::to_owned));
    all
}

fn board(spec: &MachineSpec<'_>) -> Vec<(&'static str, String)> {
    let mib = spec.size.memory_mib();
    let (path, how) = match spec.ram {
        Ram::Shared(path) => (path, "share=on"),
        Ram::Private(path) => (path, "share=off,readonly=on,rom=off"),
    };
    let Model { accel, board, cpu } = spec.model;
    let emulator = match accel {
        Accel::Kvm => "kvm",
        Accel::Tcg => TCG,
    };
    vec![
        (
            "-machine",
            format!("{board},memory-backend=mem,usb=off,vmport=off,sata=off,smbus=off,dump-guest-core=off"),
        ),
        ("-accel", emulator.to_owned()),
        ("-cpu", cpu.to_owned()),
        ("-smp", spec.size.vcpus().to_string()),
        ("-m", format!("{mib}M")),
        ("-object", format!("memory-backend-file,id=mem,size={mib}M,mem-path={path},{how}")),
        ("-rtc", "base=utc".to_owned()),
        ("-kernel", format!("{}/vmlinuz", spec.template)),
        ("-initrd", format!("{}/initrd", spec.template)),
        ("-append", spec.kernel_arguments.to_owned() + kernel_more(accel)),
        ("-display", "none".to_owned()),
        ("-action", ACTIONS.to_owned()),
        ("-sandbox", SANDBOX.to_owned()),
    ]
}

/// The nodes of a disk, lowest first, and the name of the one that the guest sees.
fn disk(disk: Disk<'_>, template: &str) -> (Vec<(&'static str, String)>, String) {
    let Disk::Layers { layers, base } = disk else {
        let node = format!(
            "driver=qcow2,node-name=disk0,discard=unmap,file.driver=file,file.filename={DISK},file.discard=unmap"
        );
        return (vec![("-blockdev", node)], "disk0".to_owned());
    };
    let base = base_path(template, base);
    let base = format!("driver=qcow2,node-name={BASE},read-only=on,file.driver=file,file.filename={base}");
    let mut all = vec![("-blockdev", base)];
    let mut below = BASE.to_owned();
    for (place, LayerFile { layer, key }) in layers.iter().enumerate().rev() {
        let (secret, path) = (secret_name(*layer), layer_seen_from_machine(*layer));
        all.push(("-object", format!("secret,id={secret},file=/proc/self/fd/{key}")));
        let how = if place == 0 { "discard=unmap,file.discard=unmap" } else { "read-only=on" };
        all.push((
            "-blockdev",
            format!(
                "driver=qcow2,node-name={layer},file.driver=file,file.filename={path},{how},\
                 encrypt.format=luks,encrypt.key-secret={secret},backing={below}"
            ),
        ));
        below = layer.to_string();
    }
    (all, below)
}

fn devices(spec: &MachineSpec<'_>) -> Vec<(&'static str, String)> {
    let (nodes, drive) = disk(spec.disk, spec.template);
    let Wires { monitor, spare_monitor, tap } = spec.wires;
    let mut all = vec![
        ("-object", "rng-builtin,id=rng0".to_owned()),
        ("-device", "virtio-rng-pci,id=rng,rng=rng0".to_owned()),
    ];
    all.extend(nodes);
    all.extend([
        // A full host pauses the machine until there is room; its own limit is its own error.
        ("-device", format!("virtio-blk-pci,id=vda,drive={drive},werror=enospc,rerror=report")),
        ("-netdev", format!("tap,id=net0,fd={tap},vhost=off")),
        ("-device", format!("virtio-net-pci,id=nic,netdev=net0,mac={GUEST_MAC},romfile=")),
        ("-chardev", format!("file,id=console,path={CONSOLE},append=on")),
        ("-serial", "chardev:console".to_owned()),
        ("-device", format!("vmgenid,id=generation,guid={}", spec.generation)),
        ("-chardev", format!("socket,id=monitor0,fd={monitor},server=on,wait=off")),
        ("-mon", "chardev=monitor0,mode=control".to_owned()),
        ("-chardev", format!("socket,id=monitor1,fd={spare_monitor},server=on,wait=off")),
        ("-mon", "chardev=monitor1,mode=control".to_owned()),
    ]);
    all
}

/// A digest of the devices, the memory's layout and the kernel's arguments, which a memory depends on: not of names,
/// keys and descriptor numbers, of board and processor, which are kept beside it, of what QEMU does when a guest ends, nor
/// of what makes emulated guests quick. Made of the line as it was when memories were first kept, so that those still fit.
pub(crate) fn identity_digest(accel: Accel, size: Size, kernel_arguments: &str) -> String {
    let cpu = match accel {
        Accel::Kvm => "host",
        Accel::Tcg => "max",
    };
    let spec = MachineSpec {
        name: "",
        model: Model { accel, board: "q35", cpu },
        size,
        template: "",
        kernel_arguments,
        ram: Ram::Private(""),
        disk: Disk::Plain,
        generation: Uuid::nil(),
        wires: Wires { monitor: 0, spare_monitor: 0, tap: 0 },
        incoming: false,
    };
    let line: Vec<String> = arguments(&spec)
        .into_iter()
        .filter(|argument| argument != "-trace" && argument != SHUTDOWN_TRACE)
        .map(|argument| match argument.as_str() {
            ACTIONS => "shutdown=pause,reboot=reset,panic=none".to_owned(),
            TCG => "tcg,thread=multi,tb-size=64".to_owned(),
            argument => argument.strip_suffix(kernel_more(accel)).unwrap_or(argument).to_owned(),
        })
        .collect();
    let digest = Sha256::digest(line.join("\0"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYERS: [LayerFile; 2] = [
        LayerFile { layer: LayerId::from_u128(2), key: 9 },
        LayerFile { layer: LayerId::from_u128(1), key: 8 },
    ];

    fn spec() -> MachineSpec<'static> {
        MachineSpec {
            name: "dsk_00000000000000000000000001",
            model: Model { accel: Accel::Tcg, board: "pc-q35-10.0", cpu: "max" },
            size: Size::S,
            template: "../../templates/desk@0123456789ab",
            kernel_arguments: "root=/dev/vda rw console=ttyS0 quiet",
            ram: Ram::Private("../../templates/desk@0123456789ab/s/ram"),
            disk: Disk::Layers { layers: &LAYERS, base: Some("s") },
            generation: Uuid::nil(),
            wires: Wires { monitor: 5, spare_monitor: 6, tap: 7 },
            incoming: true,
        }
    }

    #[test]
    fn a_forks_command_line_is_as_reviewed() {
        insta::assert_snapshot!("fork", arguments(&spec()).join("\n"));
    }

    #[test]
    fn a_bakes_command_line_is_as_reviewed() {
        let ram = Ram::Shared("ram");
        let bake =
            MachineSpec { ram, disk: Disk::Plain, incoming: false, template: "..", name: "bake", ..spec() };
        insta::assert_snapshot!("bake", arguments(&bake).join("\n"));
    }

    #[test]
    fn no_command_line_but_a_bakes_can_write_to_its_memory_file() {
        let line = arguments(&spec()).join(" ");
        assert!(line.contains("share=off,readonly=on,rom=off") && !line.contains("share=on"));
    }

    #[test]
    fn memories_of_earlier_versions_still_fit() {
        // As written in the `bake.json` of a version that knew neither boards nor a guest's reset.
        let arguments = "root=/dev/vda rw console=ttyS0 quiet net.ifnames=0 no_timer_check random.trust_cpu=on \
                         init_on_free=1";
        assert_eq!(
            identity_digest(Accel::Tcg, Size::S, arguments),
            "3a665ed7c3fd9153ccf8ec94a90c3f9c46edc74cbb779b4103c09faec61d0153"
        );
    }

    #[test]
    fn the_digest_changes_with_what_a_memory_depends_on() {
        let digest = |accel, size, arguments| identity_digest(accel, size, arguments);
        let one = digest(Accel::Tcg, Size::S, "quiet");
        assert_eq!(one, digest(Accel::Tcg, Size::S, "quiet"));
        assert_ne!(one, digest(Accel::Kvm, Size::S, "quiet"));
        assert_ne!(one, digest(Accel::Tcg, Size::M, "quiet"));
        assert_ne!(one, digest(Accel::Tcg, Size::S, "quiet splash"));
        for accel in [Accel::Kvm, Accel::Tcg] {
            let own = digest(accel, Size::S, "quiet mitigations=off");
            assert_ne!(own, digest(accel, Size::S, "quiet"), "what a template itself says counts: {accel:?}");
        }
    }
}
