//! What a baked memory is bound to, and whether this host still is that.

use std::path::Path;

use rolltop_model::Size;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::command_line::{Accel, identity_digest};

/// The manifest's name in a bake's directory.
pub(crate) const BAKE: &str = "bake.json";

/// `bake.json`: the machine whose memory was kept. All of it has to be the same where the
/// memory is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BakeIdentity {
    pub qemu_version: String,
    pub accelerator: String,
    /// Processor model, for KVM with the host's own.
    pub cpu: String,
    /// Digest of the command line without names, keys and descriptor numbers.
    pub arguments: String,
}

impl BakeIdentity {
    /// What this host would bake now.
    pub(crate) fn current(qemu_version: &str, accel: Accel, size: Size, kernel_arguments: &str) -> Self {
        let cpu = match accel {
            Accel::Tcg => accel.cpu().to_owned(),
            Accel::Kvm => format!("{} {}", accel.cpu(), host_processor()),
        };
        Self {
            qemu_version: qemu_version.to_owned(),
            accelerator: accel.as_str().to_owned(),
            cpu,
            arguments: identity_digest(accel, size, kernel_arguments),
        }
    }

    pub(crate) fn load(directory: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(directory.join(BAKE)).ok()?).ok()
    }

    /// Why a memory of a machine that was `self` can't be loaded by a host that is `now`: half a sentence.
    pub(crate) fn mismatch(&self, now: &Self) -> Option<String> {
        let differs = |what: &str, then: &str, now: &str| {
            (then != now).then(|| format!("it is of {what} {then}, and this host has {now}"))
        };
        differs("QEMU", &self.qemu_version, &now.qemu_version)
            .or_else(|| differs("accelerator", &self.accelerator, &now.accelerator))
            .or_else(|| differs("processor", &self.cpu, &now.cpu))
            .or_else(|| {
                (self.arguments != now.arguments)
                    .then(|| "it is of a machine with other devices than this version of Rolltop uses".into())
            })
    }
}

/// Model and features of the host's processor, short.
fn host_processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        text.lines()
            .find(|line| line.starts_with(name))
            .and_then(|line| line.split_once(':'))
            .map_or("", |f| f.1.trim())
    };
    let features = Sha256::digest(field("flags"));
    let digest: String = features.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("{} {digest}", field("model name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mismatch_says_what_differs() {
        let baked = BakeIdentity::current("10.0.2", Accel::Tcg, Size::S, "quiet");
        assert_eq!(baked.mismatch(&baked.clone()), None);
        let upgraded = BakeIdentity { qemu_version: "10.1.0".into(), ..baked.clone() };
        assert_eq!(baked.mismatch(&upgraded).unwrap(), "it is of QEMU 10.0.2, and this host has 10.1.0");
        let kvm = BakeIdentity::current("10.0.2", Accel::Kvm, Size::S, "quiet");
        assert!(baked.mismatch(&kvm).unwrap().contains("accelerator tcg, and this host has kvm"));
        let other = BakeIdentity::current("10.0.2", Accel::Tcg, Size::S, "loud");
        assert!(baked.mismatch(&other).unwrap().contains("other devices"));
    }
}
