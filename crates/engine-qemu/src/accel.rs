//! Whether KVM works here: proven by booting, not believed of `/dev/kvm`.
//!
//! There are machines where the device opens, makes a virtual machine and then can't run an
//! ordinary kernel. So the template's kernel is booted and its first line looked for. The answer is
//! kept until the host is restarted or QEMU or the kernel change.
//!
//! A slow or busy host is no broken one, so patience goes by what the kernel was given, not by the clock ([`Patience`]).
//! What may be otherwise the next time is not kept: the device's mode, and a host too busy to tell.

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
/// Processor time within which every kernel has spoken: half a second is usual, and a few where KVM itself is emulated.
const ENOUGH: Duration = Duration::from_secs(30);
/// How long a kernel that does not speak may neither work nor wait for a processor: it works until its first line.
const STILL: Duration = Duration::from_secs(4);
/// After so long without an answer there is none.
const LONGEST: Duration = Duration::from_secs(180);
/// How often QEMU may end before that is the answer: it may have been out of memory.
const TRIES: u32 = 2;
/// Raised when KVM is proved in another way: before 2, by the clock.
const METHOD: u32 = 2;
/// The beginning of what every Linux says first.
pub(crate) const FIRST_LINE: &str = "Linux version";

/// What was found out, and about what.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Finding {
    /// How it was found out. One without, or of another way, is not believed.
    method: u32,
    boot_id: String,
    host_kernel: String,
    qemu_version: String,
    guest_kernel: String,
    /// Why KVM does not work; `None` if it does.
    objection: Option<String>,
}

/// What machines run on, and why. `template` is one that the operator built; without one nothing can be
/// proven, which is `None`. `boot` boots its kernel.
pub(crate) async fn prove<Boots>(
    choice: AcceleratorChoice,
    qemu_version: &str,
    template: Option<PathBuf>,
    memory: &Path,
    boot: impl Fn(PathBuf) -> Boots,
) -> Option<Accelerator>
where
    Boots: Future<Output = Result<Booted, Fault>>,
{
    let tcg = |why: String| Some(Accelerator::Tcg { why });
    match choice {
        AcceleratorChoice::Kvm => return Some(Accelerator::Kvm),
        AcceleratorChoice::Tcg => return tcg("It was chosen in the configuration.".into()),
        AcceleratorChoice::Auto => {}
    }
    if !Path::new(DEVICE).exists() {
        return tcg(format!("This host has no {DEVICE}."));
    }
    // Machines run as users of their own, and so does the one that proves it.
    if let Some(objection) = group_objection() {
        return tcg(objection);
    }
    let template = template?;
    let now = Finding {
        method: METHOD,
        boot_id: line_of("/proc/sys/kernel/random/boot_id"),
        host_kernel: line_of("/proc/sys/kernel/osrelease"),
        qemu_version: qemu_version.to_owned(),
        guest_kernel: stamp(&template.join(KERNEL)),
        objection: None,
    };
    if let Some(finding) = remembered(memory, &now) {
        return finding.objection.map_or(Some(Accelerator::Kvm), tcg);
    }
    let answer = answer(template, boot).await;
    if let Proof::Works | Proof::Broken(_) = &answer {
        let objection = if let Proof::Broken(why) = &answer { Some(why.clone()) } else { None };
        let finding = Finding { objection, ..now };
        if let Ok(text) = serde_json::to_vec_pretty(&finding)
            && let Err(error) = durable::write(memory, &text, 0o644)
        {
            tracing::warn!(%error, "what was found out about KVM can't be kept");
        }
    }
    match answer {
        Proof::Works => Some(Accelerator::Kvm),
        Proof::Broken(why) | Proof::Unknown(why) => tcg(why),
    }
}

fn remembered(memory: &Path, now: &Finding) -> Option<Finding> {
    let finding: Finding = serde_json::from_slice(&std::fs::read(memory).ok()?).ok()?;
    let same = finding.method == now.method
        && finding.boot_id == now.boot_id
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Booted {
    Spoke,
    /// QEMU ended before it spoke, and said this.
    Ended(String),
    /// It neither works nor waits for a processor any more, and QEMU said this.
    Stopped(String),
    /// It was given so much processor time, and said nothing.
    Silent(Duration),
    /// It was not given enough for an answer: only so much processor time.
    Starved(Duration),
}

/// What QEMU has been doing until now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// Since it was started.
    pub after: Duration,
    /// Processor time that it was given.
    pub worked: Duration,
    /// Whether a thread of it works, or would if it were given a processor or what it reads.
    pub wants_to: bool,
}

/// How long to wait for a kernel's first line.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    worked: Duration,
    moved: Duration,
}

impl Patience {
    /// Whether waiting has an end, now that this is seen; `said` is what QEMU said last.
    pub(crate) fn ends(&mut self, seen: Seen, said: &str) -> Option<Booted> {
        let Seen { after, worked, wants_to } = seen;
        if wants_to || worked > self.worked {
            (self.worked, self.moved) = (worked, after);
        }
        if worked >= ENOUGH {
            Some(Booted::Silent(worked))
        } else if after.saturating_sub(self.moved) >= STILL {
            Some(Booted::Stopped(said.to_owned()))
        } else if after >= LONGEST {
            Some(Booted::Starved(worked))
        } else {
            None
        }
    }
}

/// What follows for KVM.
#[derive(Debug, PartialEq, Eq)]
enum Proof {
    Works,
    Broken(String),
    /// To be found out another time.
    Unknown(String),
}

async fn answer<Boots>(template: PathBuf, boot: impl Fn(PathBuf) -> Boots) -> Proof
where
    Boots: Future<Output = Result<Booted, Fault>>,
{
    let mut tries = 1;
    loop {
        let booted = boot(template.clone()).await;
        if let Ok(Booted::Ended(why)) = &booted
            && tries < TRIES
        {
            tracing::info!(why, "a kernel did not come up under KVM; once more");
            tries += 1;
            continue;
        }
        let broken =
            |what: String| Proof::Broken(format!("KVM opens here, but a kernel booted under it {what}"));
        return match booted {
            Ok(Booted::Spoke) => Proof::Works,
            Ok(Booted::Ended(why)) => broken(format!("did not come up: {why}")),
            Ok(Booted::Stopped(why)) => broken(format!("stopped before it said anything: {why}")),
            Ok(Booted::Silent(worked)) => {
                broken(format!("said nothing in {} s of processor time.", worked.as_secs()))
            }
            Ok(Booted::Starved(worked)) => Proof::Unknown(format!(
                "This host is too busy to try KVM: in {} s a kernel was given {} s of processor time. \
                 The next start of Rolltop tries again.",
                LONGEST.as_secs(),
                worked.as_secs()
            )),
            Err(fault) => Proof::Unknown(format!("KVM could not be tried: {}.", told(&fault))),
        };
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
        let boot = |_| -> std::future::Ready<_> { panic!("nothing is booted") };
        let prove = |choice, kernel| prove(choice, "10.0.2", kernel, nowhere, boot);
        assert_eq!(prove(AcceleratorChoice::Kvm, None).await, Some(Accelerator::Kvm));
        assert!(matches!(prove(AcceleratorChoice::Tcg, None).await, Some(Accelerator::Tcg { .. })));
    }

    /// Looks once a second until there is an answer.
    fn waited(worked: impl Fn(u64) -> (u64, bool)) -> (u64, Booted) {
        let mut patience = Patience::default();
        let seconds = Duration::from_secs;
        (0..)
            .find_map(|after| {
                let (worked, wants_to) = worked(after);
                let seen = Seen { after: seconds(after), worked: seconds(worked), wants_to };
                patience.ends(seen, "KVM internal error").map(|booted| (after, booted))
            })
            .unwrap()
    }

    #[test]
    fn a_slow_kernel_is_waited_for_and_a_stopped_one_is_not() {
        // At work all the time: 8 s are not enough for a verdict, and half a minute is.
        assert_eq!(waited(|after| (after, true)), (30, Booted::Silent(ENOUGH)));
        // On a busy host it gets an eighth of a processor, so there is no verdict.
        assert_eq!(waited(|after| (after / 8, true)), (180, Booted::Starved(Duration::from_secs(22))));
        // Nothing for ten seconds, in which it waits for a processor, is no standstill.
        assert_eq!(waited(|after| (after.saturating_sub(10), true)).0, 40);
        // It worked for two seconds and then stopped, as where KVM can't run its instructions.
        let stopped = Booted::Stopped("KVM internal error".into());
        assert_eq!(waited(|after| (after.min(2), after < 2)), (6, stopped.clone()));
        assert_eq!(waited(|_| (0, false)), (4, stopped));
        // What sleeps now and then goes on.
        assert_eq!(waited(|after| (after / 3, false)).0, 90);
    }

    #[tokio::test]
    async fn only_what_is_known_of_kvm_is_kept_and_an_early_end_is_tried_twice() {
        let after = async |outcomes: &[Booted]| {
            let left = std::cell::RefCell::new(outcomes.to_vec());
            let answer =
                answer(PathBuf::new(), |_| std::future::ready(Ok(left.borrow_mut().remove(0)))).await;
            assert!(left.borrow().is_empty(), "{left:?}");
            answer
        };
        let ended = || Booted::Ended("out of memory".into());
        assert_eq!(after(&[Booted::Spoke]).await, Proof::Works);
        assert_eq!(after(&[ended(), Booted::Spoke]).await, Proof::Works);
        assert!(
            matches!(after(&[ended(), ended()]).await, Proof::Broken(why) if why.contains("out of memory"))
        );
        assert!(matches!(after(&[Booted::Stopped("KVM internal error".into())]).await, Proof::Broken(_)));
        assert!(matches!(after(&[Booted::Silent(ENOUGH)]).await, Proof::Broken(_)));
        assert!(matches!(after(&[Booted::Starved(ENOUGH)]).await, Proof::Unknown(_)));
        let not_tried = answer(PathBuf::new(), |_| std::future::ready(Err(Fault::MonitorClosed))).await;
        assert!(matches!(not_tried, Proof::Unknown(_)));
    }

    #[test]
    fn a_finding_about_another_qemu_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let memory = directory.path().join("accelerator.json");
        let finding = |qemu: &str| Finding {
            method: METHOD,
            boot_id: "b".into(),
            host_kernel: "k".into(),
            qemu_version: qemu.into(),
            guest_kernel: "g".into(),
            objection: Some("no".into()),
        };
        durable::write(&memory, &serde_json::to_vec(&finding("10.0.2")).unwrap(), 0o644).unwrap();
        assert_eq!(remembered(&memory, &finding("10.0.2")).unwrap().objection.as_deref(), Some("no"));
        assert!(remembered(&memory, &finding("10.1.0")).is_none());
        let mut earlier = serde_json::to_value(finding("10.0.2")).unwrap();
        earlier.as_object_mut().unwrap().remove("method");
        durable::write(&memory, &serde_json::to_vec(&earlier).unwrap(), 0o644).unwrap();
        assert!(remembered(&memory, &finding("10.0.2")).is_none(), "as it was kept by an earlier version");
    }
}
