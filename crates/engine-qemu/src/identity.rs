//! What a kept memory is bound to, and whether this host can load it.

use std::path::Path;

use rolltop_model::Size;
use serde::{Deserialize, Serialize};

use crate::command_line::{Accel, Model, identity_digest};
use crate::qemu::{Qemu, board_of, numbers};

/// The manifest's name in a bake's directory.
pub(crate) const BAKE: &str = "bake.json";

/// `bake.json`: the machine whose memory was kept. It is loaded into one of the same board, processor and devices, by
/// the same QEMU or a later one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BakeIdentity {
    /// The QEMU that it ran in.
    pub qemu_version: String,
    pub accelerator: String,
    /// The versioned machine type; empty where an earlier version wrote this, which used QEMU's latest.
    #[serde(default)]
    pub board: String,
    /// Processor as QEMU takes it; for `host`, with which one that was.
    pub cpu: String,
    /// Digest of the command line's devices.
    pub arguments: String,
}

impl BakeIdentity {
    /// A machine that this host makes now.
    pub(crate) fn current(qemu: &Qemu, size: Size, kernel_arguments: &str) -> Self {
        Self {
            qemu_version: qemu.version.clone(),
            accelerator: qemu.accel.as_str().to_owned(),
            board: qemu.board(),
            cpu: qemu.processor(),
            arguments: identity_digest(qemu.accel, size, kernel_arguments),
        }
    }

    pub(crate) fn load(directory: &Path) -> Option<Self> {
        let mut identity: Self = serde_json::from_slice(&std::fs::read(directory.join(BAKE)).ok()?).ok()?;
        identity.board = identity.board();
        Some(identity)
    }

    /// The same machine, running in that QEMU.
    pub(crate) fn in_qemu(self, qemu: &Qemu) -> Self {
        Self { qemu_version: qemu.version.clone(), board: self.board(), ..self }
    }

    fn board(&self) -> String {
        if self.board.is_empty() { board_of(&self.qemu_version) } else { self.board.clone() }
    }

    /// For the command line. What a named processor lacks is an error rather than another processor.
    pub(crate) fn cpu_argument(&self) -> String {
        match self.cpu.split(' ').next().unwrap_or_default() {
            own @ ("host" | "max") => own.to_owned(),
            named => format!("{named},enforce"),
        }
    }

    pub(crate) fn model<'a>(&'a self, accel: Accel, cpu: &'a str) -> Model<'a> {
        Model { accel, board: &self.board, cpu }
    }

    /// Why a memory of this machine can't be loaded by a host with that QEMU: half a sentence. `now` is what the host
    /// makes of the same template and size.
    pub(crate) fn mismatch(&self, now: &Self, qemu: &Qemu) -> Option<String> {
        let board = self.board();
        let host = &qemu.version;
        if self.accelerator != now.accelerator {
            Some(format!("it is of accelerator {}, and this host has {}", self.accelerator, now.accelerator))
        } else if self.arguments != now.arguments {
            Some("it is of a machine with other devices than this version of Rolltop uses".into())
        } else if numbers(&self.qemu_version) > numbers(host) {
            Some(format!("it is of QEMU {}, and this host has the older {host}", self.qemu_version))
        } else if !qemu.has_board(&board) {
            Some(format!("it is of the board {board}, which QEMU {host} can't be any more"))
        } else if !qemu.has_processor(&self.cpu) {
            Some(format!("it is of the processor {}, which this host can't give", self.cpu))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baked(version: &str, accel: Accel, arguments: &str) -> (Qemu, BakeIdentity) {
        let qemu = Qemu::made_up(version, accel);
        let identity = BakeIdentity::current(&qemu, Size::S, arguments);
        (qemu, identity)
    }

    #[test]
    fn a_rebuilt_or_newer_qemu_loads_what_an_older_one_kept() {
        let (_, kept) = baked("10.0.2 (Debian 1:10.0.2+ds-2+deb13u1~bpo12+1)", Accel::Tcg, "quiet");
        for version in ["10.0.2", "10.0.13 (Debian 1:10.0.13+ds-0+deb13u1)", "11.1.3"] {
            let (qemu, now) = baked(version, Accel::Tcg, "quiet");
            assert_eq!(kept.mismatch(&now, &qemu), None, "{version}");
            assert_eq!(
                kept.clone().in_qemu(&qemu),
                BakeIdentity { qemu_version: version.into(), ..kept.clone() }
            );
        }
        let (qemu, now) = baked("9.2.4", Accel::Tcg, "quiet");
        assert!(kept.mismatch(&now, &qemu).unwrap().contains("this host has the older 9.2.4"));
    }

    #[test]
    fn what_an_earlier_version_wrote_is_of_the_board_that_its_qemu_had() {
        let (qemu, now) = baked("10.0.13", Accel::Tcg, "quiet");
        let earlier = BakeIdentity { board: String::new(), cpu: "max".into(), ..now.clone() };
        assert_eq!(earlier.mismatch(&now, &qemu), None);
        assert_eq!(
            (earlier.clone().in_qemu(&qemu).board.as_str(), earlier.cpu_argument().as_str()),
            ("pc-q35-10.0", "max")
        );
        let older = BakeIdentity { qemu_version: "7.2.1".into(), ..earlier };
        assert!(
            older.mismatch(&now, &qemu).unwrap().contains("pc-q35-7.2, which QEMU 10.0.13 can't be any more")
        );
    }

    #[test]
    fn a_mismatch_says_what_differs() {
        let (qemu, now) = baked("10.0.2", Accel::Tcg, "quiet");
        let (_, kvm) = baked("10.0.2", Accel::Kvm, "quiet");
        assert!(kvm.mismatch(&now, &qemu).unwrap().contains("accelerator kvm, and this host has tcg"));
        let (_, other) = baked("10.0.2", Accel::Tcg, "loud");
        assert!(other.mismatch(&now, &qemu).unwrap().contains("other devices"));
        let elsewhere = BakeIdentity { cpu: "host Another One 0011".into(), ..now.clone() };
        assert!(elsewhere.mismatch(&now, &qemu).unwrap().contains("the processor host Another One 0011"));
        assert_eq!(elsewhere.cpu_argument(), "host");
        assert!(now.cpu_argument().ends_with(",enforce"), "{}", now.cpu_argument());
    }
}
