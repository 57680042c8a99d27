//! Whether KVM works here: proven by booting, not believed of `/dev/kvm`.
//!
//! There are machines where the device opens, makes a virtual machine and then can't run an
//! ordinary kernel. So the template's kernel is booted for a few seconds and its first line
//! looked for. The answer is kept until the host is restarted or QEMU or the kernel change.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rolltop_engine::Accelerator;
use rolltop_template::KERNEL;
use serde::{Deserialize, Serialize};

use crate::command_line::{Accel, SANDBOX};
use crate::config::AcceleratorChoice;
use crate::durable;
use crate::fault::{Fault, told};

const DEVICE: &str = "/dev/kvm";
/// A kernel under KVM speaks within half a second.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);
/// The beginning of what every Linux says first.
pub(crate) const FIRST_LINE: &str = "Linux version";

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

/// What machines run on, and why. `template` is one that the operator built; without one nothing can be
/// proven, which is `None`. `boot` boots its kernel.
pub(crate) async fn prove(
    choice: AcceleratorChoice,
    qemu_version: &str,
    template: Option<PathBuf>,
    memory: &Path,
    boot: impl AsyncFnOnce(PathBuf) -> Result<Booted, Fault>,
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
    let template = template?;
    let now = Finding {
        boot_id: line_of("/proc/sys/kernel/random/boot_id"),
        host_kernel: line_of("/proc/sys/kernel/osrelease"),
        qemu_version: qemu_version.to_owned(),
        guest_kernel: stamp(&template.join(KERNEL)),
        objection: None,
    };
    let finding = match remembered(memory, &now) {
        Some(finding) => finding,
        None => {
            let finding = Finding { objection: objection(template, boot).await, ..now };
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

/// What a kernel did that was booted under KVM.
pub(crate) enum Booted {
    Spoke,
    /// QEMU ended before it spoke, and said this.
    Ended(String),
    /// It said nothing for so long.
    Silent(Duration),
}

async fn objection(
    template: PathBuf,
    boot: impl AsyncFnOnce(PathBuf) -> Result<Booted, Fault>,
) -> Option<String> {
    // Machines run as users of their own, and so does the one that proves it.
    if let Some(objection) = group_objection() {
        return Some(objection);
    }
    match boot(template).await {
        Ok(Booted::Spoke) => None,
        Ok(Booted::Ended(why)) => {
            Some(format!("KVM opens here, but a kernel booted under it did not come up: {why}"))
        }
        Ok(Booted::Silent(after)) => Some(format!(
            "KVM opens here, but a kernel booted under it said nothing within {} s.",
            after.as_secs()
        )),
        Err(fault) => Some(format!("KVM could not be tried: {}.", told(&fault))),
    }
}

/// What a kernel is booted with to prove KVM: no disk, no network.
pub(crate) fn proof(kernel: &str) -> Vec<String> {
    let board =
        ["-accel", "kvm", "-cpu", "host", "-machine", "q35", "-m", "512", "-nodefaults", "-no-user-config"];
    let rest = ["-display", "none", "-no-reboot", "-serial", "stdio", "-sandbox", SANDBOX, "-kernel", kernel];
    let all = board.into_iter().chain(rest).chain(["-append", "console=ttyS0 panic=-1"]);
    all.map(str::to_owned).collect()
}

/// Machines run as users of their own, who need the device's group.
fn group_objection() -> Option<String> {
    let mode = std::fs::metadata(DEVICE).map(|metadata| metadata.mode()).unwrap_or_default();
    (mode & 0o060 != 0o060 && mode & 0o006 != 0o006)
        .then(|| format!("{DEVICE} is not open to its group; give it mode 0660."))
}

/// Groups a machine's process needs beside its own.
pub(crate) fn groups(accel: Accel) -> Vec<u32> {
    match accel {
        Accel::Tcg => Vec::new(),
        Accel::Kvm => std::fs::metadata(DEVICE).map(|metadata| vec![metadata.gid()]).unwrap_or_default(),
    }
}

/// Devices that it needs.
pub(crate) fn devices(accel: Accel) -> Vec<&'static str> {
    match accel {
        Accel::Tcg => Vec::new(),
        Accel::Kvm => vec![DEVICE],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_choice_is_not_argued_with_and_nothing_is_proven_without_a_kernel() {
        let nowhere = Path::new("/nonexistent");
        let boot = async |_| panic!("nothing is booted");
        let prove = |choice, kernel| prove(choice, "10.0.2", kernel, nowhere, boot);
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
