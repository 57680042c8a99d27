//! What the operator can choose about the engine.

use std::net::Ipv4Addr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use rolltop_model::Size;
use serde::Deserialize;

use crate::network::Cidr;

/// The host role's part of the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QemuConfig {
    /// Directory of templates, layers and desktops. Relative to the working directory, because
    /// unprivileged users may not be able to traverse its parents. Default `host`.
    pub directory: PathBuf,
    /// The program that runs a guest, a path or a name. Default `qemu-system-x86_64`.
    pub qemu: PathBuf,
    /// What runs the guests. Default: KVM where it is proven to work, else emulation.
    pub accelerator: AcceleratorChoice,
    /// The desktops' way to the network.
    pub network: NetworkConfig,
    /// Where control groups are mounted. Default `/sys/fs/cgroup`.
    pub cgroup_root: PathBuf,
    /// Desktop number `n` runs as user id `first_uid + n`. Default: the first of a few that nobody else on the host had
    /// when the engine was first opened, usually 2050000000.
    pub first_uid: Option<u32>,
    /// Sizes of each template to keep baked, the most wanted first. Each takes about 2 GB of disk
    /// and makes desktops of that size start in about a second. Default all: `s`, `m`, `l`.
    pub bake: Vec<Size>,
    /// How fast one desktop may read, and write, the host's disk, bytes a second. Default 500 MB.
    pub disk_bytes_per_second: u64,
    /// How many reads, and writes, of the host's disk one desktop gets a second. Default 10000.
    pub disk_operations_per_second: u64,
    /// No new machine is begun with less than this free on the disk, bytes. Default 2 GiB.
    pub min_free_disk: u64,
    /// With less than twice this free on the disk, bytes, desktops write slowly, and with less than this those that write
    /// stand still, so that Rolltop's own data always has room. 0: they fill the disk. Default 1 GiB.
    pub reserve_disk: u64,
    /// No new machine is begun with less host memory available than this, bytes. Default 512 MiB.
    pub min_free_memory: u64,
}

impl Default for QemuConfig {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("host"),
            qemu: PathBuf::from("qemu-system-x86_64"),
            accelerator: AcceleratorChoice::default(),
            network: NetworkConfig::default(),
            cgroup_root: PathBuf::from("/sys/fs/cgroup"),
            first_uid: None,
            bake: Size::ALL.to_vec(),
            disk_bytes_per_second: 500_000_000,
            disk_operations_per_second: 10_000,
            min_free_disk: 2 << 30,
            reserve_disk: 1 << 30,
            min_free_memory: 512 << 20,
        }
    }
}

/// What runs the guests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AcceleratorChoice {
    /// KVM where a kernel was seen to boot under it, else emulation.
    #[default]
    Auto,
    /// KVM, believed without proof.
    Kvm,
    /// Emulation, always.
    Tcg,
}

/// The desktops' way to the network.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkConfig {
    /// First letters of every namespace and interface the engine makes, so that what is ours
    /// can be told from what is not. One to four of a-z. Default `rt`.
    pub prefix: String,
    /// Addresses between the host and its desktops, four for each. Default: the first of a few that nothing else on the
    /// host used when the engine was first opened, usually 100.64.0.0/16.
    pub range: Option<Cidr>,
    /// Networks that desktops may reach although they are private. Default none.
    pub egress_allow: Vec<Cidr>,
    /// Resolver that desktops ask. Default: the first in the host's `/etc/resolv.conf`.
    pub resolver: Option<Ipv4Addr>,
    /// What one desktop may send, and receive, bytes a second; more is dropped. Default 125 MB, a gigabit.
    pub bytes_per_second: NonZeroU32,
    /// Packets that one desktop may send a second. Default 100000.
    pub packets_per_second: NonZeroU32,
    /// Connections that one desktop may begin a second, after the first thousand. The host's table of them is one for
    /// all. Default 100.
    pub connections_per_second: NonZeroU32,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self {
            prefix: "rt".to_owned(),
            range: None,
            egress_allow: Vec::new(),
            resolver: None,
            bytes_per_second: number(125_000_000),
            packets_per_second: number(100_000),
            connections_per_second: number(100),
        }
    }
}
