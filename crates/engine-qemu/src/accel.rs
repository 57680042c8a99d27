//! Whether KVM works here: proven by booting, not believed of `/dev/kvm`.
//!
//! There are machines where the device opens, makes a virtual machine and then can't run an
//! ordinary kernel. So the template's kernel is booted for a few seconds and its first line
//! looked for. The answer is kept until the host is restarted or QEMU or the kernel change.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rolltop_engine::Accelerator;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use crate::command_line::Accel;
use crate::config::AcceleratorChoice;
use crate::durable;
use crate::fault::{Doing, Fault};
use crate::process::PROGRAM_PATH;

const DEVICE: &str = "/dev/kvm";
/// A kernel under KVM speaks within half a second.
const PATIENCE: Duration = Duration::from_secs(8);
/// The beginning of what every Linux says first.
const FIRST_LINE: &str = "Linux version";

/// What was found out, and about what.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Finding {
    boot_id: String,
    host_kernel: String,
    qemu_version: String,
    guest_kernel: String,
    /// Why KVM does not work; `None` if it does.
    objection: Option<String>,
}

/// What machines run on, and why. `kernel` is a template's; without one nothing can be proven,
/// which is `None`.
pub(crate) async fn prove(
    choice: AcceleratorChoice,
    qemu_version: &str,
    kernel: Option<&Path>,
    memory: &Path,
) -> Option<Accelerator> {
    let tcg = |why: String| Some(Accelerator::Tcg { why });
    match choice {
        AcceleratorChoice::Kvm => return Some(Accelerator::Kvm),
        AcceleratorChoice::Tcg => return tcg("It was chosen in the configuration.".into()),
        AcceleratorChoice::Auto => {}
    }
    if !Path::new(DEVICE).exists() {
        return tcg(format!("This host has no {DEVICE}."));
    }
    let kernel = kernel?;
    let now = Finding {
        boot_id: line_of("/proc/sys/kernel/random/boot_id"),
        host_kernel: line_of("/proc/sys/kernel/osrelease"),
        qemu_version: qemu_version.to_owned(),
        guest_kernel: stamp(kernel),
        objection: None,
    };
    let finding = match remembered(memory, &now) {
        Some(finding) => finding,
        None => {
            let finding = Finding { objection: objection(kernel).await, ..now };
            if let Ok(text) = serde_json::to_vec_pretty(&finding)
                && let Err(error) = durable::write(memory, &text, 0o644)
            {
                tracing::warn!(%error, "what was found out about KVM can't be kept");
            }
            finding
        }
    };
    match finding.objection {
        None => Some(Accelerator::Kvm),
        Some(why) => tcg(why),
    }
}

fn remembered(memory: &Path, now: &Finding) -> Option<Finding> {
    let finding: Finding = serde_json::from_slice(&std::fs::read(memory).ok()?).ok()?;
    let same = finding.boot_id == now.boot_id
        && finding.host_kernel == now.host_kernel
        && finding.qemu_version == now.qemu_version
        && finding.guest_kernel == now.guest_kernel;
    same.then_some(finding)
}

fn line_of(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// Length and time of change: enough to see that a kernel is another one.
fn stamp(kernel: &Path) -> String {
    std::fs::metadata(kernel).map(|m| format!("{} bytes, changed {}", m.len(), m.mtime())).unwrap_or_default()
}

async fn objection(kernel: &Path) -> Option<String> {
    match tokio::time::timeout(PATIENCE, boot(kernel)).await {
        Ok(Ok(true)) => group_objection(),
        Ok(Ok(false)) => Some("KVM opens here, but a kernel booted under it did not come up.".into()),
        Ok(Err(fault)) => Some(format!("KVM could not be tried: {fault}.")),
        Err(_) => Some(format!(
            "KVM opens here, but a kernel booted under it said nothing within {} s.",
            PATIENCE.as_secs()
        )),
    }
}

/// Boots a kernel without a disk; `true` once it speaks, `false` if QEMU ends before that.
async fn boot(kernel: &Path) -> Result<bool, Fault> {
    let mut child = Command::new("qemu-system-x86_64")
        .env_clear()
        .env("PATH", PROGRAM_PATH)
        .args([
            "-accel",
            "kvm",
            "-cpu",
            "host",
            "-machine",
            "q35",
            "-m",
            "512",
            "-nodefaults",
            "-no-user-config",
        ])
        .args(["-display", "none", "-no-reboot", "-serial", "stdio", "-append", "console=ttyS0 panic=-1"])
        .arg("-kernel")
        .arg(kernel)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .doing("starting QEMU")?;
    let Some(output) = child.stdout.take() else { return Ok(false) };
    let mut output = BufReader::new(output.take(1 << 20));
    let (mut line, mut spoke) = (Vec::new(), false);
    while !spoke && output.read_until(b'\n', &mut line).await.doing("reading a guest's console")? > 0 {
        spoke = String::from_utf8_lossy(&line).contains(FIRST_LINE);
        line.clear();
    }
    // It may have ended already; it is waited for either way.
    let _ = child.kill().await;
    Ok(spoke)
}

/// KVM works, but machines run as users of their own, who need the device's group.
fn group_objection() -> Option<String> {
    let mode = std::fs::metadata(DEVICE).map(|metadata| metadata.mode()).unwrap_or_default();
    (mode & 0o060 != 0o060 && mode & 0o006 != 0o006)
        .then(|| format!("KVM works here, but {DEVICE} is not open to its group; give it mode 0660."))
}

/// Groups a machine's process needs beside its own.
pub(crate) fn groups(accel: Accel) -> Vec<u32> {
    match accel {
        Accel::Tcg => Vec::new(),
        Accel::Kvm => std::fs::metadata(DEVICE).map(|metadata| vec![metadata.gid()]).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_choice_is_not_argued_with_and_nothing_is_proven_without_a_kernel() {
        let nowhere = Path::new("/nonexistent");
        let prove = |choice, kernel| prove(choice, "10.0.2", kernel, nowhere);
        assert_eq!(prove(AcceleratorChoice::Kvm, None).await, Some(Accelerator::Kvm));
        assert!(matches!(prove(AcceleratorChoice::Tcg, None).await, Some(Accelerator::Tcg { .. })));
    }

    #[test]
    fn a_finding_about_another_qemu_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let memory = directory.path().join("accelerator.json");
        let finding = |qemu: &str| Finding {
            boot_id: "b".into(),
            host_kernel: "k".into(),
            qemu_version: qemu.into(),
            guest_kernel: "g".into(),
            objection: Some("no".into()),
        };
        durable::write(&memory, &serde_json::to_vec(&finding("10.0.2")).unwrap(), 0o644).unwrap();
        assert_eq!(remembered(&memory, &finding("10.0.2")).unwrap().objection.as_deref(), Some("no"));
        assert!(remembered(&memory, &finding("10.1.0")).is_none());
    }
}
