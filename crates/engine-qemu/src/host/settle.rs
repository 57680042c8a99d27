//! Waiting until a machine that is being baked has come up and nothing moves in it any more.
//!
//! On a host whose processors desktops are using, all of this takes many times as long. So patience and calm go by the
//! time that the machine was [`Given`], and not by the clock: a guest that is starved is neither broken nor calm.

use std::pin::pin;
use std::time::Duration;

use rolltop_template::BOOTSTRAP_KEY;
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use super::Host;
use super::bake::{Baking, Progress};
use super::helper::{Errand, log_in_memory, logged};
use crate::fault::{Doing, Fault, told};
use crate::network::GUEST;
use crate::process::{Given, LOOK, OwnFile, Process, View};

/// How long a guest may take to boot, emulated.
const BOOT_LIMIT: Duration = Duration::from_secs(600);
/// How long it may take to become calm after that; and by the clock, since what a guest does by the clock, such as timers,
/// can be all that it has time for beside busy desktops.
const SETTLE_LIMIT: Duration = Duration::from_secs(300);
const SETTLE_LONGEST: Duration = Duration::from_secs(600);
/// After so long by the clock nothing is waited for any more: a disk that never answers looks like a busy host.
const LONGEST: Duration = Duration::from_secs(2 * 3600);
/// How long a script in it may take, and how much may be said meanwhile, bytes.
const TALK_LIMIT: Duration = Duration::from_secs(60);
const TALK_BYTES: u64 = 64 << 10;
/// How long sshd may take to say what it is. Each try costs the guest a new sshd, so one that is starved gets no second
/// before it could have served the first.
const BANNER_LIMIT: Duration = Duration::from_secs(60);
/// How often the last script is tried: sshd closes a connection on which nobody has signed in for two minutes.
const TRIES: u32 = 3;
/// What is in the view of who talks with it.
const KEY_FILE: &str = "/key";
const HOSTS_FILE: &str = "/hosts";
/// A machine is calm when it uses less than this share of a processor.
const CALM: f64 = 0.15;
/// For how many seconds on end it has to.
const CALM_SECONDS: u32 = 6;
/// True in a guest whose desktop is drawn.
const DRAWN: &str = "sudo -n test -S /run/rolltop/vnc.sock \
    && pgrep -u desk -x xfdesktop >/dev/null && pgrep -u desk -x xfwm4 >/dev/null";
/// Gives back blocks and memory that a fork would only have to copy.
const CLEAN: &str = "sudo -n sh -c 'fstrim -a || true; sync; echo 3 > /proc/sys/vm/drop_caches; sync'";

impl Host {
    /// Waits until the guest has come up and nothing moves in it any more.
    pub(super) async fn settle_guest(
        &self,
        on: Baking<'_>,
        process: Process,
        started: Instant,
        progress: &Progress,
    ) -> Result<(), Fault> {
        let mut booting = Patience::with(process, BOOT_LIMIT);
        while !booting.wait_for("an sshd", self.door_answers(on.index)).await? {
            booting.wait_for("an sshd", tokio::time::sleep(LOOK)).await?;
        }
        progress(&format!("Its door opened after {:.1} s.", started.elapsed().as_secs_f64()));
        while let Err(fault) = self.in_guest(on, process, DRAWN).await {
            tracing::debug!(error = told(&fault), "the guest's desktop is not drawn yet");
            booting.wait_for("a desktop", tokio::time::sleep(LOOK)).await?;
        }
        progress(&format!("Its desktop was drawn after {:.1} s.", started.elapsed().as_secs_f64()));
        calm(process).await?;
        progress(&format!("It was calm after {:.1} s.", started.elapsed().as_secs_f64()));
        let mut tries = 1;
        while let Err(fault) = self.in_guest(on, process, CLEAN).await {
            if tries == TRIES || !process.alive() {
                return Err(fault);
            }
            tracing::debug!(error = told(&fault), "the guest is not cleaned yet");
            tries += 1;
        }
        calm(process).await
    }

    async fn door_answers(&self, index: u32) -> bool {
        let Ok(mut stream) = self.network.connect(index).await else { return false };
        let mut banner = [0; 4];
        let reading = tokio::time::timeout(BANNER_LIMIT, stream.read_exact(&mut banner));
        matches!(reading.await, Ok(Ok(_))) && &banner == b"SSH-"
    }

    /// Runs a script in the guest. What it says is read by nobody but `ssh`.
    async fn in_guest(&self, on: Baking<'_>, machine: Process, script: &str) -> Result<(), Fault> {
        let Baking { directory, manifest, index, talker, share } = on;
        let key = directory.join("..").join(BOOTSTRAP_KEY);
        let key = std::fs::read(&key).doing_with("reading", &key)?;
        let own = |path, content, reader| OwnFile { path, content, reader };
        let hosts = format!("{GUEST} {}\n", manifest.host_key).into_bytes();
        // It wants to know who it is.
        let user = format!("talker:x:{0}:{0}::/:/bin/false\n", talker.uid).into_bytes();
        // How long all of it may take is our matter: `ssh` knows the clock only.
        let mut arguments = ["-F", "none", "-q", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=600"]
            .map(str::to_owned)
            .to_vec();
        arguments
            .extend(["-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes", "-o"].map(str::to_owned));
        arguments.push(format!("UserKnownHostsFile={HOSTS_FILE}"));
        arguments.extend([
            "-i".to_owned(),
            KEY_FILE.to_owned(),
            format!("rolltop@{GUEST}"),
            script.to_owned(),
        ]);
        let log = log_in_memory()?;
        let errand = Errand {
            program: "ssh".into(),
            arguments,
            view: View {
                files: vec![
                    own(KEY_FILE, key, Some(talker.uid)),
                    own(HOSTS_FILE, hosts, None),
                    own("/etc/passwd", user, None),
                ],
                ..self.layout.view(None, &[], &[])
            },
            network: Some(self.network.namespace(index)?),
            groups: Vec::new(),
            file_bytes: TALK_BYTES,
            keep: Vec::new(),
            log: log.try_clone().doing("opening a log")?,
            share,
        };
        let status = self.run_errand(talker, errand, machine, TALK_LIMIT).await?;
        if status.success() {
            return Ok(());
        }
        let stderr = logged(&log, 1000).trim().to_owned();
        Err(Fault::Program { program: "ssh".into(), status: status.to_string(), stderr })
    }
}

/// How long a machine is waited for.
struct Patience {
    process: Process,
    given: Given,
    began: Instant,
    limit: Duration,
}

impl Patience {
    fn with(process: Process, limit: Duration) -> Self {
        Self { process, given: Given::to([process]), began: Instant::now(), limit }
    }

    /// Waits for `work`, unless the machine has had long enough for it or ends.
    async fn wait_for<T>(&mut self, what: &str, work: impl Future<Output = T>) -> Result<T, Fault> {
        let process = self.process;
        let (mut work, mut ended) = (pin!(work), pin!(process.ended()));
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                () = &mut ended => return Err(Fault::Ended(format!("it ended before its guest had {what}"))),
                () = tokio::time::sleep(LOOK) => {}
            }
            let had = self.given.look();
            if let Some(why) = impatient(what, had, self.began.elapsed(), self.limit) {
                return Err(Fault::Other(why));
            }
        }
    }
}

/// Why not to wait any longer for a machine that has had so much time until now, so long after the beginning.
fn impatient(what: &str, had: Duration, passed: Duration, limit: Duration) -> Option<String> {
    let (had, starved) = (had.as_secs(), passed.saturating_sub(had).as_secs());
    if had >= limit.as_secs() {
        Some(if starved < had / 10 {
            format!("the guest did not have {what} within {had} s")
        } else {
            format!(
                "the guest did not have {what} within {had} s, beside {starved} s in which the host was too busy for it"
            )
        })
    } else if passed >= LONGEST {
        Some(format!(
            "the host is too busy: of {} s it let a machine work for {had} s, and its guest does not have {what} yet",
            passed.as_secs()
        ))
    } else {
        None
    }
}

/// Waits until the machine has used little processor time for a while, although it could have had more. A guest that
/// never becomes calm is taken as it is.
async fn calm(process: Process) -> Result<(), Fault> {
    let mut settling = Patience::with(process, LONGEST);
    let mut calm = Calm { since: (Duration::ZERO, settling.given.worked()), seconds: 0 };
    loop {
        settling.wait_for("rest", tokio::time::sleep(LOOK)).await?;
        let had = settling.given.look();
        if calm.reached(had, settling.given.worked())
            || had >= SETTLE_LIMIT
            || settling.began.elapsed() >= SETTLE_LONGEST
        {
            return Ok(());
        }
    }
}

/// Whether a machine is calm.
struct Calm {
    /// Time that it had been given, and processor time, when the present second began.
    since: (Duration, Duration),
    /// Calm ones on end.
    seconds: u32,
}

impl Calm {
    /// It has had so much time until now, and used so much of the processors.
    fn reached(&mut self, had: Duration, worked: Duration) -> bool {
        let (had_before, worked_before) = self.since;
        let second = had.saturating_sub(had_before);
        if second >= Duration::from_secs(1) {
            let share = worked.saturating_sub(worked_before).as_secs_f64() / second.as_secs_f64();
            self.seconds = if share < CALM { self.seconds + 1 } else { 0 };
            self.since = (had, worked);
        }
        self.seconds >= CALM_SECONDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many looks it is calm, where each gives it and has it work for so many milliseconds.
    fn calm_after(look: impl Fn(u32) -> (u64, u64)) -> Option<u32> {
        let mut calm = Calm { since: (Duration::ZERO, Duration::ZERO), seconds: 0 };
        let (mut had, mut worked) = (0, 0);
        (1..=4000).find(|n| {
            let (given, used) = look(*n);
            (had, worked) = (had + given, worked + used);
            calm.reached(Duration::from_millis(had), Duration::from_millis(worked))
        })
    }

    #[test]
    fn a_starved_guest_is_not_calm() {
        assert_eq!(calm_after(|_| (250, 10)), Some(24), "six seconds of little work");
        assert_eq!(
            calm_after(|n| (250, if n <= 40 { 200 } else { 10 })),
            Some(64),
            "busy for ten seconds first"
        );
        assert_eq!(calm_after(|_| (250, 100)), None, "always busy");
        // It would work all the time, and gets a twentieth of a processor: by the clock that looks like calm.
        assert_eq!(calm_after(|_| (12, 12)), None, "starved");
        // At rest on a busy host: it waits for what little it has to do.
        assert_eq!(
            calm_after(|n| if n % 2 == 0 { (12, 12) } else { (250, 2) }),
            Some(47),
            "idle and starved"
        );
    }

    #[test]
    fn patience_ends_by_what_a_machine_was_given_and_the_sentence_says_so() {
        let seconds = Duration::from_secs;
        let said = |had, passed| impatient("an sshd", seconds(had), seconds(passed), BOOT_LIMIT);
        assert_eq!(said(599, 610), None);
        assert_eq!(said(600, 610).unwrap(), "the guest did not have an sshd within 600 s");
        // Beside busy desktops: long past what the clock would have allowed.
        assert_eq!(said(120, 3000), None);
        assert_eq!(
            said(600, 3000).unwrap(),
            "the guest did not have an sshd within 600 s, beside 2400 s in which the host was too busy for it"
        );
        assert_eq!(
            said(3, 7200).unwrap(),
            "the host is too busy: of 7200 s it let a machine work for 3 s, and its guest does not have an sshd yet"
        );
    }
}
