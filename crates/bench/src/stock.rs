//! Forks as QEMU by itself can: a machine's memory to a file with mapped RAM, and as many machines that load that.
//!
//! The board, kernel, disk image and program are a desktop's. Memory is ordinary, layers are plain qcow2, and the network is
//! QEMU's user mode, through which a machine's sshd greets. Nothing is made durable here, encrypted or somebody's own.

use std::io::Read as _;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use rolltop_template::{BOOTSTRAP_KEY, DISK, INITRD, KERNEL, Manifest, installed};
use serde_json::json;

use crate::density::held;
use crate::monitor::Monitor;

/// How a machine is forked here, for people.
pub const WAY: &str = "migrate file: with mapped-ram, loaded by each";
const LIMIT: Duration = Duration::from_secs(300);
/// Of size `s`.
const MEMORY_MIB: u64 = 2048;
const PORT: u16 = 2222;
/// Where the origin's memory is written to.
const MEMORY: &str = "memory";

/// A machine that was booted, to be forked.
pub struct Origin {
    /// A built version.
    template: PathBuf,
    manifest: Manifest,
    directory: tempfile::TempDir,
    machine: Machine,
    /// The layer that it writes to, also that node's name in QEMU.
    layer: String,
    turn: usize,
}

impl Origin {
    /// Boots one of the newest template in a folder of them, and runs a script in it.
    pub fn boot(templates: &Path, script: &str) -> anyhow::Result<Self> {
        let (template, manifest) = installed(templates).into_iter().next().context("a template")?;
        let template = template.canonicalize()?;
        let directory = tempfile::tempdir()?;
        let layer = "origin".to_owned();
        overlay(&directory.path().join(&layer), &template.join(DISK))?;
        let machine = Machine::start(&template, &manifest, 1, &directory.path().join(&layer), &[])?;
        machine.greet()?;
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "none", "-q", "-T", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"]);
        ssh.args(["-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes", "-i"]);
        ssh.arg(template.join(BOOTSTRAP_KEY));
        ssh.args(["-p", &PORT.to_string(), &format!("rolltop@{}", machine.address), script]);
        // Who comes while it still boots is turned away.
        let deadline = Instant::now() + LIMIT;
        while !ssh.status()?.success() {
            ensure!(Instant::now() < deadline, "{script} fails in it");
            std::thread::sleep(Duration::from_millis(500));
        }
        Ok(Self { template, manifest, directory, machine, layer, turn: 0 })
    }

    /// So many forks of it, and how long that took until the last of them greeted.
    pub fn fork(&mut self, count: u8) -> anyhow::Result<(Duration, Vec<Machine>)> {
        self.turn += 1;
        let directory = self.directory.path();
        let memory = directory.join(MEMORY);
        let (below, layer) = (directory.join(&self.layer), format!("origin-{}", self.turn));
        let start = Instant::now();
        let monitor = &mut self.machine.monitor;
        let from = format!("file:{}", memory.display());
        monitor.map_ram(true)?;
        monitor.migrate(&from)?;
        let next = json!({ "node-name": self.layer, "snapshot-file": directory.join(&layer), "snapshot-node-name": layer });
        monitor.run("blockdev-snapshot-sync", &next)?;
        monitor.run("cont", &json!({}))?;
        self.layer = layer;
        let fork = |number: u8| -> anyhow::Result<Machine> {
            let disk = directory.join(format!("fork-{}-{number}", self.turn));
            overlay(&disk, &below)?;
            let mut machine = Machine::start(
                &self.template,
                &self.manifest,
                2 + number,
                &disk,
                &["-incoming", "defer", "-S"],
            )?;
            machine.monitor.map_ram(true)?;
            machine.monitor.run("migrate-incoming", &json!({ "uri": from }))?;
            machine.monitor.until("query-migrate", "completed")?;
            machine.monitor.run("cont", &json!({}))?;
            machine.greet()?;
            Ok(machine)
        };
        let made: Vec<_> = std::thread::scope(|scope| {
            let fork = &fork;
            let threads: Vec<_> = (0..count).map(|number| scope.spawn(move || fork(number))).collect();
            threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
        });
        let took = start.elapsed();
        std::fs::remove_file(memory)?;
        let machines = made
            .into_iter()
            .map(|one| one.unwrap_or_else(|_| Err(anyhow::anyhow!("a fork's thread panicked"))));
        Ok((took, machines.collect::<anyhow::Result<_>>()?))
    }
}

/// One QEMU, which ends with this.
pub struct Machine {
    process: Process,
    monitor: Monitor,
    /// Where its sshd is reached; each has one of its own.
    address: Ipv4Addr,
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Machine {
    /// Its disk is the only file it writes to; its monitor is beside that.
    fn start(
        template: &Path,
        manifest: &Manifest,
        number: u8,
        disk: &Path,
        how: &[&str],
    ) -> anyhow::Result<Self> {
        let address = Ipv4Addr::new(127, 77, 0, number);
        let (node, socket) = (disk.file_name().and_then(|name| name.to_str()), disk.with_extension("qmp"));
        let node = node.context("a disk's name")?;
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args([
            "-machine",
            "q35,memory-backend=mem,usb=off,vmport=off,sata=off,smbus=off",
            "-accel",
            "tcg,thread=multi,tb-size=256",
        ])
        .args(["-cpu", "max", "-smp", "2", "-m", &format!("{MEMORY_MIB}M"), "-rtc", "base=utc"])
        // Not in huge pages, of which ten would fill the memory of a small host.
        .args(["-object", &format!("memory-backend-memfd,id=mem,share=on,size={MEMORY_MIB}M")])
        .args(["-display", "none", "-nodefaults", "-no-user-config", "-append"])
        .args([&format!("{} mitigations=off", manifest.cmdline), "-kernel"])
        .arg(template.join(KERNEL))
        .arg("-initrd")
        .arg(template.join(INITRD))
        .args(["-object", "rng-builtin,id=rng0", "-device", "virtio-rng-pci,rng=rng0", "-serial", "null"])
        .args([
            "-blockdev",
            &format!("driver=qcow2,node-name={node},file.driver=file,file.filename={}", disk.display()),
        ])
        .args(["-device", &format!("virtio-blk-pci,drive={node}"), "-netdev"])
        .arg(format!(
            "user,id=net0,net=10.77.0.0/24,host=10.77.0.1,hostfwd=tcp:{address}:{PORT}-10.77.0.2:22"
        ))
        .args(["-device", "virtio-net-pci,netdev=net0,mac=52:54:00:77:00:02,romfile=", "-qmp"])
        .arg(format!("unix:{},server=on,wait=off", socket.display()))
        .args(how)
        .stdin(Stdio::null())
        // It tells of layers it makes, where the figures go.
        .stdout(Stdio::null());
        let process = Process(qemu.spawn().context("QEMU")?);
        let deadline = Instant::now() + LIMIT;
        let monitor = loop {
            match Monitor::connect(&socket, LIMIT) {
                Ok(monitor) => break monitor,
                Err(error) => ensure!(Instant::now() < deadline, error),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Ok(Self { process, monitor, address })
    }

    /// Waits until its sshd does. On one connection, as each costs the guest another process.
    fn greet(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + LIMIT;
        let greeting = || {
            let mut stream = TcpStream::connect((self.address, PORT))?;
            stream.set_read_timeout(Some(LIMIT))?;
            let mut said = [0; 4];
            stream.read_exact(&mut said).map(|()| said)
        };
        while !greeting().is_ok_and(|said| &said == b"SSH-") {
            ensure!(Instant::now() < deadline, "no greeting");
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Bytes of the guest's memory that this process alone holds.
    pub fn private_memory(&self) -> anyhow::Result<f64> {
        let bytes = |mapping: &str| -> Option<u64> {
            let (from, to) = mapping.split_whitespace().next()?.split_once('-')?;
            u64::from_str_radix(to, 16).ok()?.checked_sub(u64::from_str_radix(from, 16).ok()?)
        };
        let held = held(self.process.0.id(), "Rss:", |mapping| bytes(mapping) == Some(MEMORY_MIB << 20))?;
        ensure!(held > 0.0, "its memory is not found");
        Ok(held)
    }
}

fn overlay(path: &Path, below: &Path) -> anyhow::Result<()> {
    let mut command = Command::new("qemu-img");
    command.args(["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b"]).arg(below).arg(path);
    ensure!(command.status()?.success(), "no layer over {}", below.display());
    Ok(())
}
