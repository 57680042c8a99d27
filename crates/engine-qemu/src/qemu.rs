//! The installed QEMU: its version, and which boards and processors it can be.
//!
//! A memory fits into the board and processor that it was made with. So new ones are made with a board that later
//! versions have too and with a processor of a name, neither of which follows the installed QEMU or the host.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::command_line::Accel;
use crate::fault::{Doing, Fault};
use crate::process::PROGRAM_PATH;

/// The board that new machines are: the one of the oldest QEMU that is supported.
const BOARD: &str = "pc-q35-10.0";
/// What emulated machines are: a processor with AVX2, less what QEMU can't emulate of it.
const EMULATED: &str = "Haswell-v4,-pcid,-invpcid,-tsc-deadline,-spec-ctrl";
/// Processors for KVM by their maker, the most able first.
const INTEL: [&str; 4] = ["Skylake-Server-v5", "Skylake-Client-v4", "Haswell-v4", "Nehalem-v2"];
const AMD: [&str; 4] = ["EPYC-Rome-v4", "EPYC-v4", "EPYC-v3", "Opteron_G3-v1"];
/// Questions are answered within a fraction of a second.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a QEMU is and can be, with one accelerator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Qemu {
    pub accel: Accel,
    /// As `--version` tells it, the package's revision included.
    pub version: String,
    boards: BTreeSet<String>,
    /// Processors, each with those of its features that can't be had.
    processors: BTreeMap<String, BTreeSet<String>>,
}

impl Qemu {
    pub(crate) async fn ask(program: &Path, accel: Accel) -> Result<Self, Fault> {
        let version = version(program).await?;
        let mut command = command(program);
        command
            .args(["-M", "none", "-accel", accel.as_str(), "-nodefaults", "-no-user-config"])
            .args(["-display", "none", "-qmp", "stdio"])
            .stdin(Stdio::piped());
        let questions = ["qmp_capabilities", "query-machines", "query-cpu-definitions", "quit"];
        let questions: String = questions
            .map(|question| format!("{{\"execute\": \"{question}\", \"id\": \"{question}\"}}\n"))
            .concat();
        let output = output(command, questions.as_bytes()).await?;
        let told = String::from_utf8_lossy(&output.stdout);
        let answers: Vec<Value> = told.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let answer = |question: &str| {
            let found =
                answers.iter().find(|answer| answer.get("id").and_then(Value::as_str) == Some(question));
            found
                .and_then(|answer| answer.get("return"))
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default()
        };
        let names = |value: &Value| value.get("name").and_then(Value::as_str).map(str::to_owned);
        let boards = answer("query-machines").iter().filter_map(names).collect();
        let processors = answer("query-cpu-definitions")
            .iter()
            .filter_map(|processor| {
                let lacking = processor.get("unavailable-features").and_then(Value::as_array)?;
                Some((
                    names(processor)?,
                    lacking.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                ))
            })
            .collect();
        Ok(Self { accel, version, boards, processors })
    }

    /// The board of new machines.
    pub(crate) fn board(&self) -> String {
        if self.has_board(BOARD) { BOARD.to_owned() } else { board_of(&self.version) }
    }

    /// The processor of new machines: the host's own, bound to it, only where none of a name fits.
    pub(crate) fn processor(&self) -> String {
        let named: &[&str] = match self.accel {
            Accel::Tcg => &[EMULATED],
            Accel::Kvm if cpuinfo("vendor_id") == "AuthenticAMD" => &AMD,
            Accel::Kvm => &INTEL,
        };
        match named.iter().find(|name| self.has_processor(name)) {
            Some(name) => (*name).to_owned(),
            None if self.accel == Accel::Tcg => "max".to_owned(),
            None => format!("host {}", host_processor()),
        }
    }

    pub(crate) fn has_board(&self, board: &str) -> bool {
        self.boards.contains(board)
    }

    /// Whether machines can be this: a model and what is left out of it (`-feature`), as `-cpu` takes it, or `host`
    /// with which host that was.
    pub(crate) fn has_processor(&self, processor: &str) -> bool {
        if let Some(host) = processor.strip_prefix("host ") {
            return host == host_processor();
        }
        let mut parts = processor.split(',');
        let lacking = parts.next().and_then(|model| self.processors.get(model));
        let left_out: BTreeSet<&str> = parts.filter_map(|part| part.strip_prefix('-')).collect();
        lacking.is_some_and(|lacking| lacking.iter().all(|feature| left_out.contains(feature.as_str())))
    }

    /// A QEMU that can be anything that is asked of it here.
    #[cfg(test)]
    pub(crate) fn made_up(version: &str, accel: Accel) -> Self {
        let boards = BTreeSet::from([BOARD.to_owned()]);
        let processors =
            ["max", "Haswell-v4", "EPYC-v4", "Nehalem-v2"].map(|name| (name.to_owned(), BTreeSet::new()));
        Self { accel, version: version.to_owned(), boards, processors: processors.into() }
    }
}

/// What `q35` is in a version of QEMU.
pub(crate) fn board_of(version: &str) -> String {
    let (major, minor) = numbers(version);
    format!("pc-q35-{major}.{minor}")
}

/// Major and minor version of what `--version` tells.
pub(crate) fn numbers(version: &str) -> (u32, u32) {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

pub(crate) async fn version(program: &Path) -> Result<String, Fault> {
    let mut command = command(program);
    command.arg("--version");
    let output = output(command, b"").await?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.lines().next().and_then(|line| line.strip_prefix("QEMU emulator version "));
    version
        .map(str::to_owned)
        .ok_or_else(|| Fault::Other(format!("{} does not tell its version", program.display())))
}

/// Which file the program is, and when it was changed: tells that QEMU was upgraded under us.
pub(crate) type Stamp = Option<(PathBuf, SystemTime)>;

pub(crate) fn stamp(program: &Path) -> Stamp {
    let found =
        std::env::split_paths(PROGRAM_PATH).map(|folder| folder.join(program)).find(|path| path.exists())?;
    let changed = std::fs::metadata(&found).and_then(|metadata| metadata.modified()).ok()?;
    Some((found, changed))
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", PROGRAM_PATH).stdin(Stdio::null()).kill_on_drop(true);
    command
}

async fn output(mut command: Command, questions: &[u8]) -> Result<Output, Fault> {
    let asking = async {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().doing("starting QEMU")?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(questions).await.doing("asking QEMU")?;
        }
        child.wait_with_output().await.doing("asking QEMU")
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .map_err(|_| Fault::Slow("QEMU's word about itself".into()))?
}

/// Model and features of the host's processor, short.
fn host_processor() -> String {
    let features = Sha256::digest(cpuinfo("flags"));
    let digest: String = features.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("{} {digest}", cpuinfo("model name"))
}

fn cpuinfo(name: &str) -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = text.lines().find(|line| line.starts_with(name)).and_then(|line| line.split_once(':'));
    field.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_qemu_prints_them() {
        assert_eq!(numbers("10.0.2 (Debian 1:10.0.2+ds-2+deb13u1~bpo12+1)"), (10, 0));
        assert_eq!(numbers("7.2"), (7, 2));
        assert_eq!(board_of("11.1.3 (Debian 1:11.1.3+ds-1~bpo13+1)"), "pc-q35-11.1");
    }

    #[test]
    fn a_processor_can_be_had_without_the_features_that_are_left_out() {
        let mut qemu = Qemu::made_up("10.0.2", Accel::Tcg);
        let lacking = ["pcid", "invpcid"].map(str::to_owned);
        qemu.processors.insert("Haswell-v4".into(), lacking.into());
        assert!(qemu.has_processor("Haswell-v4,-pcid,-invpcid,-spec-ctrl") && qemu.has_processor("max"));
        assert!(!qemu.has_processor("Haswell-v4,-pcid") && !qemu.has_processor("Haswell-v9"));
        assert!(!qemu.has_processor("host Another One 0011"));
        assert_eq!(qemu.processor(), EMULATED);
        qemu.processors.remove("Haswell-v4");
        assert_eq!(qemu.processor(), "max");
    }

    #[tokio::test]
    async fn the_installed_one_has_the_board_and_processor_of_new_machines() {
        let qemu = Qemu::ask(Path::new("qemu-system-x86_64"), Accel::Tcg).await.unwrap();
        assert!(numbers(&qemu.version) >= (10, 0), "{}", qemu.version);
        assert_eq!((qemu.board().as_str(), qemu.processor().as_str()), (BOARD, EMULATED));
        assert!(!qemu.has_board("pc-q35-99.0"));
    }
}
