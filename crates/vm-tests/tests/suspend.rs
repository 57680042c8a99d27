//! Suspending and resuming real desktops, as a program sees it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use rolltop_api_types::{
    Desired, DesktopState, ExecRequest, ForkDesktop, SaveCondition, SleepPolicy, StepStatus, UpdateDesktop,
};
use rolltop_model::DesktopId;
use rolltop_vm_tests::{Options, Platform, eventually, qemus};

/// A program that counts and holds data nowhere but in memory; prints what tells it apart.
const BEGIN: &str = "head -c 30000000 /dev/urandom > /dev/shm/blob
setsid sh -c 'i=0; while :; do i=$((i+1)); echo $i > /dev/shm/next; mv /dev/shm/next /dev/shm/count; sleep 0.2; done' > /dev/null 2>&1 < /dev/null &
echo $! > /dev/shm/pid; sleep 1";
const LOOK: &str =
    "md5sum < /dev/shm/blob; kill -0 $(cat /dev/shm/pid) && cat /dev/shm/pid /etc/machine-id /etc/hostname";
const PATIENCE: Duration = Duration::from_secs(120);

async fn suspended(platform: &Platform, id: DesktopId) -> anyhow::Result<()> {
    platform.client.suspend_desktop(id).await?;
    platform.wait_for(id, DesktopState::Suspended).await?;
    Ok(())
}

async fn resumed(platform: &Platform, id: DesktopId) -> anyhow::Result<()> {
    platform.client.resume_desktop(id).await?;
    platform.wait_for(id, DesktopState::Running).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_desktop_comes_back_with_everything_and_the_right_time() -> anyhow::Result<()> {
    let platform = Platform::start(Options::real()?).await?;
    let desktop = platform.create("laptop").await?;
    let id = desktop.id;
    platform.wait_for(id, DesktopState::Running).await?;
    platform.shell(id, BEGIN).await?;
    let before = platform.shell(id, LOOK).await?;
    // Somebody waits for this one, over a connection that will be dead.
    let waiting = ["sleep", "4242"].map(str::to_owned).to_vec();
    let waiting = platform.client.exec(id, &ExecRequest::of_words(waiting)).await?;
    let sleeps = "pgrep -cfx 'sleep 4242' || true";
    eventually("it sleeps", PATIENCE, || async {
        Ok((platform.shell(id, sleeps).await?.trim() == "1").then_some(()))
    })
    .await?;

    suspended(&platform, id).await?;
    ensure!(qemus(&id.to_string()).is_empty(), "it takes no memory of the host's");
    let shown = platform.client.desktop(id).await?;
    ensure!(shown.memory_bytes.is_none() && shown.desired == Desired::Suspended, "{shown:?}");
    ensure!(shown.disk_bytes.is_some_and(|bytes| bytes > 30_000_000), "but of its disk: {shown:?}");
    drop(waiting);
    // Long enough for a clock that stood still to be wrong.
    tokio::time::sleep(Duration::from_secs(5)).await;
    resumed(&platform, id).await?;

    let asked = SystemTime::now();
    let clock: u128 = platform.shell(id, "date +%s%N").await?.trim().parse()?;
    let answered = SystemTime::now();
    let ns = |time: SystemTime| time.duration_since(UNIX_EPOCH).map(|since| since.as_nanos());
    let (early, late) = (ns(asked)?.saturating_sub(1_000_000_000), ns(answered)? + 1_000_000_000);
    ensure!((early..=late).contains(&clock), "its clock says {clock}, between {early} and {late}");
    let after = platform.shell(id, LOOK).await?;
    ensure!(after == before, "{before} became {after}");
    let count =
        || async { anyhow::Ok(platform.shell(id, "cat /dev/shm/count").await?.trim().parse::<u64>()?) };
    let earlier = count().await?;
    eventually("the program goes on", PATIENCE, || async { Ok((count().await? > earlier).then_some(())) })
        .await?;
    eventually("what waited on a dead connection has been told", PATIENCE, || async {
        Ok((platform.shell(id, sleeps).await?.trim() == "0").then_some(()))
    })
    .await?;
    let steps = platform.client.steps(id).await?;
    let names: Vec<&str> =
        steps.iter().filter(|step| step.boot == 2).map(|step| step.name.as_str()).collect();
    ensure!(names.starts_with(&["resume", "door", "personalise"]), "{names:?}");
    ensure!(steps.iter().all(|step| step.status != StepStatus::Failed), "{steps:?}");

    // One that was booted from its disk is no different.
    platform.client.stop_desktop(id).await?;
    platform.wait_for(id, DesktopState::Stopped).await?;
    platform.client.start_desktop(id).await?;
    platform.wait_for(id, DesktopState::Running).await?;
    platform.shell(id, BEGIN).await?;
    let before = platform.shell(id, LOOK).await?;
    suspended(&platform, id).await?;
    resumed(&platform, id).await?;
    ensure!(platform.shell(id, LOOK).await? == before);
    suspended(&platform, id).await?;
    platform.client.destroy_desktop(id).await?;
    platform.wait_gone(id).await?;
    ensure!(platform.leftovers()?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_of_suspending_and_resuming_loses_nothing() -> anyhow::Result<()> {
    let mut platform = Platform::start(Options::small()?).await?;
    let id = platform.create("laptop").await?.id;
    platform.wait_for(id, DesktopState::Running).await?;
    platform.shell(id, BEGIN).await?;
    let before = platform.shell(id, LOOK).await?;
    for (role, milliseconds) in
        [("host", 20), ("host", 60), ("host", 120), ("host", 250), ("api", 20), ("api", 120), ("web", 60)]
    {
        let moment = Duration::from_millis(milliseconds);
        platform.client.suspend_desktop(id).await?;
        tokio::time::sleep(moment).await; // the moment, not a wait
        platform.kill_role(role).await?;
        // It is suspended, or it goes on and says why: then once more.
        let ended = eventually("it has ended well", PATIENCE, || async {
            let desktop = platform.client.desktop(id).await?;
            let rests = match (desktop.state, desktop.desired) {
                (DesktopState::Suspended, Desired::Suspended) => true,
                (DesktopState::Running, Desired::Running) => desktop.reason.is_some(),
                _ => false,
            };
            Ok(rests.then_some(desktop))
        })
        .await?;
        if ended.state == DesktopState::Running {
            ensure!(platform.shell(id, LOOK).await? == before, "{role} after {moment:?}: it goes on");
            suspended(&platform, id).await?;
        }
        platform.client.resume_desktop(id).await?;
        tokio::time::sleep(moment).await;
        platform.kill_role(role).await?;
        platform.wait_for(id, DesktopState::Running).await?;
        ensure!(platform.shell(id, LOOK).await? == before, "{role} after {moment:?}: what was there is lost");
    }
    // Everything at once, suspended: the host's memory is not where it is kept.
    suspended(&platform, id).await?;
    platform.kill_everything().await?;
    platform.start_again().await?;
    ensure!(platform.client.desktop(id).await?.state == DesktopState::Suspended);
    resumed(&platform, id).await?;
    ensure!(platform.shell(id, LOOK).await? == before);
    platform.client.destroy_desktop(id).await?;
    platform.wait_gone(id).await?;
    ensure!(platform.leftovers()?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desktop_that_nobody_uses_sleeps_and_wakes_for_a_command() -> anyhow::Result<()> {
    // A minute without use, after a minute in which what it does is measured, on a busy host.
    const ASLEEP: Duration = Duration::from_secs(300);
    let platform = Platform::start(Options::small()?).await?;
    let (idle, busy) = (platform.create("siesta").await?.id, platform.create("shift").await?.id);
    for id in [idle, busy] {
        platform.wait_for(id, DesktopState::Running).await?;
    }
    platform.shell(idle, "echo kept > /dev/shm/kept").await?;
    platform.shell(busy, "setsid sh -c 'while :; do :; done' > /dev/null 2>&1 < /dev/null &").await?;
    let policy = SleepPolicy { after_minutes: Some(1), schedule: None };
    for id in [idle, busy] {
        platform.client.set_sleep(id, &policy).await?;
    }
    eventually("the idle one is asleep", ASLEEP, || async {
        let asleep = platform.client.desktop(idle).await?.state == DesktopState::Suspended;
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(asleep.then_some(()))
    })
    .await?;
    ensure!(platform.client.desktop(busy).await?.state == DesktopState::Running, "the other one works");
    let because = platform.client.sleep(busy).await?.awake_because;
    ensure!(because.iter().any(|reason| reason.reason == "processor"), "{because:?}");

    ensure!(platform.shell(idle, "cat /dev/shm/kept").await? == "kept\n", "it was woken, with its memory");
    let history = platform.client.history(idle).await?;
    let told: Vec<_> = history.iter().map(|entry| (entry.kind.as_str(), entry.detail.as_deref())).collect();
    ensure!(told.starts_with(&[("resumed", Some("exec")), ("suspended", Some("unused"))]), "{told:?}");
    for id in [idle, busy] {
        platform.client.destroy_desktop(id).await?;
        platform.wait_gone(id).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guest_has_freed_or_can_read_again_is_not_kept() -> anyhow::Result<()> {
    let platform = Platform::start(Options::real()?).await?;
    let id = platform.create("used").await?.id;
    platform.wait_for(id, DesktopState::Running).await?;
    platform.shell(id, BEGIN).await?;
    let before = platform.shell(id, LOOK).await?;
    // More than half of its memory: files, not yet written out either, and a program that has ended.
    let sum = platform.shell(id, WRITE).await?;
    platform.shell(id, "python3 -c 'held = bytearray(b\"x\") * 500000000'").await?;
    suspended(&platform, id).await?;
    let kept = platform.data().join(format!("host/desktops/{id}/memory.sealed"));
    let kept = std::fs::metadata(kept)?.len();
    ensure!((30_000_000..300_000_000).contains(&kept), "{kept} bytes are kept");
    resumed(&platform, id).await?;
    ensure!(platform.shell(id, LOOK).await? == before, "a program's memory is as it was");
    ensure!(platform.shell(id, "cd && md5sum < files").await? == sum, "and what it had written");
    Ok(())
}

/// Writes 900 MB of which every page is another. Its kernel's random numbers would take an emulated guest a minute.
const WRITE: &str = r#"cd && python3 -c '
import os
block = bytearray(os.urandom(1 << 20))
with open("files", "wb") as file:
    for number in range(900):
        for page in range(0, len(block), 4096):
            block[page:page + 2] = number.to_bytes(2)
        file.write(block)
' && md5sum < files"#;

/// A guest program that refuses, in a place that can't be written to, until a minute after the first refusal.
const REFUSE: &str = r#"sudo -n sh -c '
mkdir /run/refusing
cat > /run/refusing/rolltop-guest <<"END"
#!/bin/sh
[ "$1" = init ] && touch /run/refused
echo "{\"error\":\"not today\"}" >&2
exit 1
END
chmod 755 /run/refusing/rolltop-guest
mount --bind /run/refusing /usr/lib/rolltop
mount -o remount,bind,ro /usr/lib/rolltop
setsid sh -c "while [ ! -e /run/refused ]; do sleep 0.5; done; sleep 60; umount -l /usr/lib/rolltop" \
    > /dev/null 2>&1 < /dev/null &'"#;
const IN_MEMORY: &str = "md5sum < /dev/shm/blob; kill -0 $(cat /dev/shm/pid) && cat /dev/shm/pid";

/// As the tool of that name, which the template lacks: `+i` or `-i`, and paths.
const CHATTR: &str = r#"
import fcntl, os, struct, sys
for path in sys.argv[2:]:
    file = os.open(path, os.O_RDONLY)
    flags, = struct.unpack("l", fcntl.ioctl(file, 0x80086601, bytes(8)))
    fcntl.ioctl(file, 0x40086602, struct.pack("l", flags | 16 if sys.argv[1] == "+i" else flags & ~16))
"#;

/// What an owner may have done to a desktop, and how they undo it.
const SPOILT: [(&str, &str, &str); 10] = [
    ("a file for .ssh", "rm -rf .ssh; echo mine > .ssh", "rm .ssh"),
    ("a link for .ssh", "mkdir -p dot/ssh && ln -s dot/ssh .ssh", "rm .ssh"),
    (
        "a .ssh that cannot be changed",
        "mkdir -p .ssh && touch .ssh/authorized_keys && sudo -n python3 /tmp/chattr.py +i .ssh .ssh/authorized_keys",
        "sudo -n python3 /tmp/chattr.py -i .ssh .ssh/authorized_keys",
    ),
    (
        "a link for its home",
        "cd / && sudo -n mv /home/desk /home/other && sudo -n ln -s other /home/desk",
        "cd / && sudo -n rm /home/desk && sudo -n mv /home/other /home/desk",
    ),
    ("no home of the door", "sudo -n rm -rf /home/rolltop", "true"),
    ("no program of ours", "sudo -n rm -rf /usr/lib/rolltop", "true"),
    (
        "a name that cannot be changed",
        "sudo -n python3 /tmp/chattr.py +i /etc/hostname",
        "sudo -n python3 /tmp/chattr.py -i /etc/hostname",
    ),
    (
        "a pipe for the names of hosts",
        // sudo would wait at that pipe, so root's shell that takes it away is there before.
        "sudo -n sh -c 'rm /etc/hosts && mkfifo /etc/hosts && setsid -f sh -c \"\
            until [ -e /tmp/mend ]; do sleep .2; done; rm /etc/hosts; echo 127.0.0.1 localhost > /etc/hosts\" \
            > /dev/null 2>&1 < /dev/null'",
        "touch /tmp/mend; while [ -p /etc/hosts ] || ! [ -s /etc/hosts ]; do sleep .2; done",
    ),
    ("other host keys", OTHER_HOST_KEYS, "true"),
    (
        "a host key that sshd has not read",
        "sudo -n sh -c 'cd /etc/ssh && rm ssh_host_ed25519* && ssh-keygen -q -t ed25519 -N \"\" -f ssh_host_ed25519_key'",
        // It reads it a moment later.
        "for try in $(seq 50); do served=$(ssh-keyscan -t ed25519 127.0.0.1 2>&1 | grep -v '^#' | cut -d' ' -f3) && \
            [ \"$served\" = \"$(cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub)\" ] && exit; sleep .2; done; \
            echo \"sshd has $served\" >&2; exit 1",
    ),
];
/// Ends the connection that the platform keeps to a desktop.
const END_CONNECTION: &str = "sudo -n setsid -f sh -c 'sleep 1; pkill -KILL -u rolltop sshd'";
/// What an owner did to keep the host keys as they are, and what they put beside them.
const FIXED_HOST_KEYS: &str =
    "sudo -n sh -c 'python3 /tmp/chattr.py +i /etc/ssh/ssh_host_* && mkdir -p /etc/ssh/ssh_host_old/keys'";

const OTHER_HOST_KEYS: &str =
    "sudo -n sh -c 'rm /etc/ssh/ssh_host_* && ssh-keygen -q -A && systemctl reload ssh'";

#[tokio::test(flavor = "multi_thread")]
async fn what_refuses_to_be_entered_keeps_its_memory_and_what_is_only_spoilt_is_entered() -> anyhow::Result<()>
{
    let configuration = "[api]\nlater_boot_seconds = 40\n".to_owned();
    let platform = Platform::start(Options { configuration, ..Options::real()? }).await?;
    let id = platform.create("spoilt").await?.id;
    platform.wait_for(id, DesktopState::Running).await?;
    platform.shell(id, BEGIN).await?;
    let before = platform.shell(id, IN_MEMORY).await?;
    platform.client.save_file(id, "/tmp/chattr.py", &SaveCondition::Any, CHATTR).await?;
    for (number, (what, spoil, mend)) in SPOILT.into_iter().enumerate() {
        let began = std::time::Instant::now();
        platform.shell(id, spoil).await.with_context(|| what.to_owned())?;
        suspended(&platform, id).await?;
        // There is something to write then.
        let name = format!("spoilt-{number}");
        platform.client.update_desktop(id, &UpdateDesktop::rename(&name)).await?;
        resumed(&platform, id).await.with_context(|| what.to_owned())?;
        ensure!(platform.shell(id, IN_MEMORY).await? == before, "{what}: its memory is lost");
        ensure!(platform.shell(id, "hostname").await?.trim() == name, "{what}");
        platform.shell(id, mend).await.with_context(|| what.to_owned())?;
        eprintln!("{what}: entered, {:?}", began.elapsed());
    }

    // Who enters by a new connection is let in, too: sshd has the key that is pinned.
    let connections = "pgrep -u rolltop sshd";
    let earlier = platform.shell(id, connections).await?;
    platform.shell(id, END_CONNECTION).await?;
    eventually("it is entered anew", PATIENCE, || async {
        let now = platform.shell(id, connections).await.ok();
        Ok(now.filter(|now| *now != earlier).map(drop))
    })
    .await?;

    platform.shell(id, REFUSE).await?;
    suspended(&platform, id).await?;
    platform.client.resume_desktop(id).await?;
    let failed = platform.wait_for(id, DesktopState::Failed).await?;
    ensure!(failed.reason.as_deref() == Some("resume_failed"), "{failed:?}");
    ensure!(failed.evidence.as_deref() == Some("not today"), "{failed:?}");
    eventually("it is off", PATIENCE, || async { Ok(qemus(&id.to_string()).is_empty().then_some(())) })
        .await?;
    let kept = platform.data().join(format!("host/desktops/{id}/memory.json"));
    eventually("its memory is kept", PATIENCE, || async { Ok(kept.exists().then_some(())) }).await?;

    platform.client.retry_desktop(id).await?;
    platform.wait_for(id, DesktopState::Running).await?;
    ensure!(platform.shell(id, IN_MEMORY).await? == before, "what ran has been lost");
    let steps = platform.client.desktop(id).await?.steps.unwrap_or_default();
    ensure!(steps.first().is_some_and(|step| step.name == "resume"), "{steps:?}");

    // A fork has the host keys that were made since, which nobody has seen yet.
    platform.shell(id, OTHER_HOST_KEYS).await?;
    platform.shell(id, FIXED_HOST_KEYS).await?;
    let fork = platform.client.fork_desktop(id, &ForkDesktop::default()).await?.remove(0).id;
    platform.wait_for(fork, DesktopState::Running).await?;
    ensure!(platform.shell(fork, IN_MEMORY).await? == before, "what ran is not in the fork");
    for id in [id, fork] {
        platform.client.destroy_desktop(id).await?;
        platform.wait_gone(id).await?;
    }
    ensure!(platform.leftovers()?.is_empty());
    Ok(())
}
