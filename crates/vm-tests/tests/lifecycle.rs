//! A desktop's whole life with real guests, as a program sees it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use futures::{SinkExt as _, StreamExt as _, TryStreamExt as _};
use rolltop_api_types::{
    Client, CreateDesktop, CreateSnapshot, CreateSshKey, DesktopState, ForkDesktop, SaveCondition, SetUp,
    SetupState, SnapshotState, StepStatus, TerminalQuery, UpdateDesktop,
};
use rolltop_model::{DesktopId, Size};
use rolltop_vm_tests::{Options, Platform, alive, eventually, qemus};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Message;

const PATIENCE: Duration = Duration::from_secs(240);
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFm8nrEsOtM0vYFbmNBCfQ+1bbxLYtp5Fx+T3Hkhq1xN sam@laptop";

#[tokio::test(flavor = "multi_thread")]
async fn a_desktop_lives_from_create_to_delete_and_leaves_nothing() -> anyhow::Result<()> {
    let address = free_address()?;
    let configuration = format!("[api]\nmetrics = \"{address}\"\n");
    let platform = Platform::start(Options { configuration, ..Options::real()? }).await?;
    let client = platform.client.clone();

    // Create: running, with every step of the boot on record.
    let created = platform.create("first").await?;
    let desktop = platform.wait_for(created.id, DesktopState::Running).await?;
    let steps = eventually("the screen step ends", Duration::from_secs(60), || async {
        let steps = client.steps(created.id).await?;
        Ok(steps.iter().any(|s| s.name == "screen" && s.status == StepStatus::Done).then_some(steps))
    })
    .await?;
    let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["fork", "door", "personalise", "screen"]);
    assert_eq!((desktop.vcpus, desktop.memory_mib, desktop.disk_gib), (2, 2048, 20));
    assert_eq!(qemus(&created.id.to_string()).len(), 1, "one machine");

    // It has its own name, and a picture of XFCE rather than of nothing.
    let hostname = client.file(created.id, "/etc/hostname", None).await?.into_bytes().await?;
    assert_eq!(String::from_utf8(hostname)?.trim(), "first");
    let picture = client.screenshot(created.id, 480).await?;
    assert_eq!(picture.content_type, "image/jpeg");
    assert!(picture.bytes.len() > 5_000, "a drawn desktop is no flat colour: {} bytes", picture.bytes.len());

    // Whoever watches sees it.
    let told = eventually("it is counted", Duration::from_secs(30), || async {
        let told = metrics(address).await?;
        Ok(told.contains("rolltop_desktops{state=\"running\"} 1\n").then_some(told))
    })
    .await?;
    for line in
        ["rolltop_leftovers 0\n", "rolltop_host_up 1\n", "rolltop_step_seconds_count{step=\"fork\"} 1\n"]
    {
        assert!(told.contains(line), "{line} is not in {told}");
    }

    // Rename shows at once.
    let renamed = client.update_desktop(created.id, &UpdateDesktop::rename("second")).await?;
    assert_eq!(renamed.name, "second");

    // Stop, and the machine is gone; start, and the disk is as it was.
    let key_before =
        client.file(created.id, "/etc/ssh/ssh_host_ed25519_key.pub", None).await?.into_bytes().await?;
    client.stop_desktop(created.id).await?;
    platform.wait_for(created.id, DesktopState::Stopped).await?;
    assert!(qemus(&created.id.to_string()).is_empty(), "stopped means no process");
    client.start_desktop(created.id).await?;
    platform.wait_for(created.id, DesktopState::Running).await?;
    let key_after =
        client.file(created.id, "/etc/ssh/ssh_host_ed25519_key.pub", None).await?.into_bytes().await?;
    assert_eq!(key_before, key_after, "the identity outlives a restart");

    // Delete: a 404, and nothing left on the host.
    client.destroy_desktop(created.id).await?;
    platform.wait_gone(created.id).await?;
    assert!(qemus(&created.id.to_string()).is_empty());
    assert_eq!(platform.leftovers()?, "");
    Ok(())
}

fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

/// What is told there.
async fn metrics(address: SocketAddr) -> anyhow::Result<String> {
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    anyhow::ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    Ok(answer)
}

/// Waits until it runs in another process than before.
async fn another_machine_runs(platform: &Platform, id: DesktopId, before: &[u32]) -> anyhow::Result<()> {
    eventually("another machine runs", PATIENCE, || async {
        let now = qemus(&id.to_string());
        Ok((!now.is_empty() && now != before).then_some(()))
    })
    .await?;
    platform.wait_for(id, DesktopState::Running).await?;
    Ok(())
}

/// Boots the guest's kernel over the one that runs.
const KEXEC: &str = r"
import ctypes, glob, os
call = ctypes.CDLL(None).syscall
kernel = os.open(glob.glob('/boot/vmlinuz-*')[0], os.O_RDONLY)
initrd = os.open('/boot/initrd.rolltop', os.O_RDONLY)
line = open('/proc/cmdline').read().strip().encode() + b'\0'
assert call(320, kernel, initrd, len(line), line, 0) == 0
os.sync()
call(169, 0xfee1dead, 672274793, 0x45584543, 0)
";

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_boots_the_guest_again() -> anyhow::Result<()> {
    let platform = Platform::start(Options::real()?).await?;
    let desktop = platform.create("again").await?;
    platform.wait_for(desktop.id, DesktopState::Running).await?;
    let first = qemus(&desktop.id.to_string());

    // Its screen keeps the size that it was given, at once and after a start.
    let change = UpdateDesktop { screen: Some("1024x768".to_owned()), ..UpdateDesktop::default() };
    platform.client.update_desktop(desktop.id, &change).await?;
    let screen = "DISPLAY=:1 xrandr | grep -o 'current [0-9]* x [0-9]*'";
    assert_eq!(platform.shell(desktop.id, screen).await?, "current 1024 x 768\n");

    platform.client.restart_desktop(desktop.id).await?;
    another_machine_runs(&platform, desktop.id, &first).await?;
    // A file of /proc has no size; to ask for it is no mistake.
    platform.client.file(desktop.id, "/proc/sys/kernel/random/boot_id", None).await?.into_bytes().await?;

    eventually("its screen has its size again", Duration::from_secs(120), || async {
        let now = platform.shell(desktop.id, screen).await.ok();
        Ok(now.is_some_and(|now| now == "current 1024 x 768\n").then_some(()))
    })
    .await?;

    // A command runs as in a log-in, and goes before the desktop where memory is short.
    let inside = "locale charmap; cat /proc/self/oom_score_adj; TZ=Asia/Calcutta date +%z; which ping traceroute dig | xargs -n 1 basename";
    let told = platform.shell(desktop.id, inside).await?;
    let expected = ["UTF-8", "0", "+0530", "ping", "traceroute", "dig"];
    assert_eq!(told.lines().collect::<Vec<_>>(), expected);

    a_hog_leaves_the_door_an_answer(&platform, desktop.id).await?;
    a_full_desktop_says_so_and_what_runs_in_it_is_ended(&platform, desktop.id).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_may_boot_by_itself_and_one_that_is_halted_is_said_to_be() -> anyhow::Result<()> {
    let platform = Platform::start(Options::small()?).await?;
    let desktop = platform.create("again").await?;
    platform.wait_for(desktop.id, DesktopState::Running).await?;
    let first = qemus(&desktop.id.to_string());

    // Another kernel in the same machine is the guest's own affair.
    platform.client.save_file(desktop.id, "/tmp/kexec.py", &SaveCondition::Any, KEXEC).await?;
    let boot_id = "cat /proc/sys/kernel/random/boot_id";
    let before = platform.shell(desktop.id, boot_id).await?;
    // The connection may end before the command does.
    let _ = platform.shell(desktop.id, "sudo -n python3 /tmp/kexec.py").await;
    eventually("the other kernel answers", Duration::from_secs(120), || async {
        let now = platform.shell(desktop.id, boot_id).await.ok();
        Ok(now.is_some_and(|now| now != before).then_some(()))
    })
    .await?;
    assert_eq!(qemus(&desktop.id.to_string()), first, "the machine ran on");

    // One that was halted stands still, which is said within a minute, with a way on.
    let halt = "import ctypes; ctypes.CDLL(None).syscall(169, 0xfee1dead, 672274793, 0xcdef0123, 0)";
    // In a moment: nobody would hear the end of a call in what is halted.
    let halt =
        format!("sudo -n setsid -f sh -c 'sleep 1; exec python3 -c \"{halt}\"' > /dev/null 2>&1 < /dev/null");
    platform.shell(desktop.id, &halt).await?;
    let since = std::time::Instant::now();
    eventually("it is said that it stands still, and why", Duration::from_secs(120), || async {
        let shown = platform.client.desktop(desktop.id).await?;
        let is_silent = shown.reason.as_deref() == Some("not_answering");
        anyhow::ensure!(is_silent || since.elapsed() < Duration::from_secs(60), "it is not said");
        Ok(shown.not_answering.filter(|why| why.cause == "halted"))
    })
    .await?;
    platform.client.restart_desktop(desktop.id).await?;
    another_machine_runs(&platform, desktop.id, &first).await?;

    // Restarted from inside, it starts anew, and says that it was that.
    let second = qemus(&desktop.id.to_string());
    // The connection may end before the command does.
    let _ = platform.shell(desktop.id, "sudo -n reboot").await;
    another_machine_runs(&platform, desktop.id, &second).await?;
    let history = platform.client.history(desktop.id).await?;
    anyhow::ensure!(history.iter().any(|entry| entry.kind == "rebooted"), "{history:?}");
    Ok(())
}

/// A fork bomb that outlives its call, and then something that takes all memory there is.
async fn a_hog_leaves_the_door_an_answer(platform: &Platform, id: DesktopId) -> anyhow::Result<()> {
    // A command takes a second or two without them.
    const ENOUGH: Duration = Duration::from_secs(120);
    let others = "own=$(sed -n 's/^0:://p' /proc/self/cgroup); \
                  for group in /sys/fs/cgroup/rolltop/commands/*/; do [ \"$group\" = \"/sys/fs/cgroup$own/\" ] || ";
    let bomb = r#"bash -c 'b() { b | b & }; b' > /dev/null 2>&1 &"#;
    let memory = r#"python3 -c 'taken = []
while True: taken.append(bytearray(1 << 20))' > /dev/null 2>&1 &"#;
    // As in a small system: a call may have a part of what there is, and an emulated guest forks slowly.
    let usual = platform
        .shell(id, "cat /proc/sys/kernel/threads-max; sudo -n sysctl -q kernel.threads-max=2400")
        .await?;
    for (hog, limit, word) in [(bomb, "pids", "max"), (memory, "memory", "oom_kill")] {
        platform.shell(id, hog).await?;
        let events = format!("{others} sed -n 's/^{word} //p' \"$group/{limit}.events\"; done");
        eventually("the hog meets its limit", PATIENCE, || async {
            let told = tokio::time::timeout(ENOUGH, platform.shell(id, &events)).await??;
            Ok(told.lines().any(|count| count.trim() != "0").then_some(()))
        })
        .await?;
        let asked = platform.shell(id, "echo it answers");
        anyhow::ensure!(tokio::time::timeout(ENOUGH, asked).await?? == "it answers\n");
        let end = format!("{others} echo 1 | sudo -n tee \"$group/cgroup.kill\" > /dev/null; done");
        tokio::time::timeout(ENOUGH, platform.shell(id, &end)).await??;
    }
    platform.shell(id, &format!("sudo -n sysctl -q kernel.threads-max={}", usual.trim())).await?;
    Ok(())
}

/// Takes every process that there may be, and each one that is free again. Small ones: what a command may have of the memory
/// is not to be what ends it.
const FILL_PROCESSES: &str = r#"sudo -n sysctl -q kernel.threads-max=600; sudo -n setsid -f python3 -c '
import os, time
while True:
    try:
        os.posix_spawn("/usr/bin/sleep", ["sleep", "424242"], {})
    except OSError:
        time.sleep(.01)
'"#;

/// A desktop in which nothing can be started any more, not even by root, is freed without a shell and goes on.
async fn a_full_desktop_says_so_and_what_runs_in_it_is_ended(
    platform: &Platform,
    id: DesktopId,
) -> anyhow::Result<()> {
    const SOON: Duration = Duration::from_secs(90);
    let client = &platform.client;
    let boot_id = platform.shell(id, "cat /proc/sys/kernel/random/boot_id").await?;
    platform.shell(id, FILL_PROCESSES).await?;
    let seen = std::cell::RefCell::new(String::new());
    let silent = eventually("it says that it does not answer, and why", PATIENCE, || async {
        // Whoever is not let in has it looked into. That may take long, and is not waited for.
        let answered = tokio::time::timeout(Duration::from_secs(5), platform.shell(id, "true")).await;
        let silent = client.desktop(id).await?.not_answering;
        *seen.borrow_mut() = format!("a command: {answered:?}; the desktop: {silent:?}");
        Ok(silent.filter(|_| !answered.is_ok_and(|told| told.is_ok())))
    })
    .await
    .with_context(|| format!("at last {}", seen.borrow()))?;
    anyhow::ensure!(silent.cause == "processes", "{silent:?}");
    let began = std::time::Instant::now();
    let freed = client.end_processes(id).await?;
    anyhow::ensure!(freed.not_answering.is_none() && freed.reason.is_none(), "{freed:?}");
    eprintln!("what ran was ended in {:?}", began.elapsed());
    let after = "sudo -n sysctl -q kernel.threads-max=15000; pgrep -cf '[4]24242'; cat /proc/sys/kernel/random/boot_id";
    let left = tokio::time::timeout(SOON, platform.shell(id, after)).await??;
    anyhow::ensure!(left == format!("0\n{boot_id}"), "{left:?}: it is the same machine, without what ran");
    eventually("its session is there again", SOON, || async {
        Ok(platform.shell(id, "pgrep -x xfdesktop").await.ok())
    })
    .await?;
    let told: Vec<_> =
        client.history(id).await?.into_iter().map(|entry| (entry.kind, entry.detail)).collect();
    let is_told = |kind: &str, why: Option<&str>| told.iter().any(|(k, w)| k == kind && w.as_deref() == why);
    let (ended, again) = (is_told("processes_ended", None), is_told("answers_again", None));
    anyhow::ensure!(is_told("not_answering", Some("processes")) && ended && again, "{told:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_forks_share_no_identity() -> anyhow::Result<()> {
    let platform = Platform::start(Options::real()?).await?;
    let (a, b) = (platform.create("a").await?, platform.create("b").await?);
    for id in [a.id, b.id] {
        platform.wait_for(id, DesktopState::Running).await?;
    }
    for path in ["/etc/machine-id", "/etc/ssh/ssh_host_ed25519_key.pub", "/etc/hostname"] {
        let one = platform.client.file(a.id, path, None).await?.into_bytes().await?;
        let other = platform.client.file(b.id, path, None).await?.into_bytes().await?;
        assert!(!one.is_empty() && one != other, "{path} must differ between forks");
    }
    platform.client.destroy_desktop(a.id).await?;
    // A browser whose profile another machine's name has locked, as a fork's or an imported one's is, starts.
    let browser = "mkdir -p ~/.config/chromium && ln -sfn elsewhere-4194303 ~/.config/chromium/SingletonLock \
        && chromium --headless --user-data-dir=$HOME/.config/chromium --dump-dom 'data:text/html,<p>open</p>' 2>/dev/null";
    assert!(platform.shell(b.id, browser).await?.contains("<p>open</p>"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn desktops_survive_the_kill_of_every_role() -> anyhow::Result<()> {
    let mut platform = Platform::start(Options::small()?).await?;
    let desktop = platform.create("survivor").await?;
    platform.wait_for(desktop.id, DesktopState::Running).await?;
    let machine = qemus(&desktop.id.to_string());
    assert_eq!(machine.len(), 1);

    for role in ["host", "api", "web", "ssh"] {
        platform.kill_role(role).await?;
        assert_eq!(qemus(&desktop.id.to_string()), machine, "the machine outlives {role}");
    }
    platform.kill_everything().await?;
    assert!(machine.iter().copied().all(alive), "the machine outlives everything");
    platform.start_again().await?;
    assert_eq!(platform.wait_for(desktop.id, DesktopState::Running).await?.name, "survivor");
    let hostname = platform.client.file(desktop.id, "/etc/hostname", None).await?.into_bytes().await?;
    assert_eq!(String::from_utf8(hostname)?.trim(), "survivor", "its door opens again");

    // Ctrl-C is no different.
    platform.interrupt()?;
    assert!(machine.iter().copied().all(alive));
    platform.start_again().await?;
    platform.client.destroy_desktop(desktop.id).await?;
    platform.wait_gone(desktop.id).await?;
    assert_eq!(platform.leftovers()?, "");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_of_anything_ends_well() -> anyhow::Result<()> {
    let platform = Platform::start(Options::small()?).await?;
    for role in ["api", "host", "web"] {
        // Create, killed at several moments of the way.
        let desktop = platform.create(&format!("kill-{role}")).await?;
        tokio::time::sleep(Duration::from_millis(150)).await; // the moment, not a wait
        platform.kill_role(role).await?;
        platform.wait_for(desktop.id, DesktopState::Running).await?;
        platform.client.stop_desktop(desktop.id).await?;
        platform.kill_role(role).await?;
        platform.wait_for(desktop.id, DesktopState::Stopped).await?;
        platform.client.start_desktop(desktop.id).await?;
        platform.kill_role(role).await?;
        platform.wait_for(desktop.id, DesktopState::Running).await?;
        platform.client.destroy_desktop(desktop.id).await?;
        platform.kill_role(role).await?;
        platform.wait_gone(desktop.id).await?;
        assert_eq!(platform.leftovers()?, "", "after {role}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_forks_of_size_s_run_at_once() -> anyhow::Result<()> {
    let platform = Platform::start(Options::small()?).await?;
    let mut ids = Vec::new();
    for number in 0..20 {
        let request = CreateDesktop {
            name: Some(format!("many-{number}")),
            size: Some(Size::S.to_string()),
            template: None,
            ..CreateDesktop::default()
        };
        ids.push(platform.client.create_desktop(&request, None).await?.id);
    }
    for id in &ids {
        platform.wait_for(*id, DesktopState::Running).await?;
    }
    let running = ids.iter().map(|id| qemus(&id.to_string()).len()).sum::<usize>();
    assert_eq!(running, 20);
    for id in &ids {
        platform.client.destroy_desktop(*id).await?;
    }
    for id in &ids {
        platform.wait_gone(*id).await?;
    }
    assert_eq!(platform.leftovers()?, "");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_grows_under_a_guest_that_works_and_memory_with_a_restart() -> anyhow::Result<()> {
    let platform = Platform::start(Options::real()?).await?;
    let id = platform.create("grows").await?.id;
    platform.wait_for(id, DesktopState::Running).await?;
    platform.shell(id, "echo kept > kept; echo memory > /dev/shm/memory; sync").await?;
    let root_gib = async || -> anyhow::Result<u64> {
        let text = platform.shell(id, "df --output=size -BG / | tail -1 | tr -dc 0-9").await?;
        Ok(text.trim().parse()?)
    };
    let before = root_gib().await?;
    assert!((18..=20).contains(&before), "{before} GiB");
    let change = UpdateDesktop { disk_gib: Some(60), ..UpdateDesktop::default() };
    let desktop = platform.client.update_desktop(id, &change).await?;
    assert!(desktop.disk_gib == 60 && !desktop.restart_needed, "{desktop:?}");
    eventually("the file system has grown", PATIENCE, || async {
        Ok((root_gib().await? > 55).then_some(()))
    })
    .await?;
    // More than fitted before, and more than its process might write before.
    platform.shell(id, "fallocate -l 25G large && dd if=/dev/urandom of=large bs=1M count=8 seek=25000 conv=notrunc status=none && sync && rm large").await?;
    assert!(platform.shell(id, "cat /dev/shm/memory").await? == "memory\n", "it has gone on all the while");

    let change = UpdateDesktop { size: Some("m".to_owned()), ..UpdateDesktop::default() };
    let desktop = platform.client.update_desktop(id, &change).await?;
    assert!(desktop.disk_gib == 60, "{desktop:?}");
    eventually("it says that it must restart", PATIENCE, || async {
        Ok(platform.client.desktop(id).await?.restart_needed.then_some(()))
    })
    .await?;
    platform.client.restart_desktop(id).await?;
    eventually("it has the memory of its size", PATIENCE, || async {
        let Ok(text) = platform.shell(id, "grep MemTotal /proc/meminfo | tr -dc 0-9; echo; cat kept").await
        else {
            return Ok(None);
        };
        let (kib, kept) = text.split_once('\n').unwrap_or_default();
        Ok((kib.parse::<u64>()? > 3_500_000 && kept == "kept\n").then_some(()))
    })
    .await?;
    assert!(root_gib().await? > 55);
    platform.client.destroy_desktop(id).await?;
    platform.wait_gone(id).await
}

/// Takes every block of the disk, root's reserve too, and leaves nothing to write with.
const FILL: &str = r#"sudo -n python3 - <<'P'
import os
sizes = os.statvfs("/")
assert sizes.f_bfree - sizes.f_bavail > 1000, "a part of the disk is root's"
file, at, step = os.open("/home/desk/filler", os.O_CREAT | os.O_WRONLY), 0, 1 << 30
while step >= 4096:
    try:
        os.posix_fallocate(file, at, step)
        at += step
    except OSError:
        step //= 2
P
! sudo -n sh -c 'echo x > /not-there' 2> /dev/null && [ ! -s /not-there ] && echo full"#;

/// Types into a terminal of a desktop and reads what that gives.
async fn terminal_answers(client: &Client, id: DesktopId, number: u32) -> anyhow::Result<()> {
    let mut viewer = client.terminal(id, number, TerminalQuery { columns: 80, rows: 24, wake: true }).await?;
    viewer.send(Message::binary(&b"echo typed-$((40+2))\r"[..])).await?;
    let answered = async {
        let mut seen = String::new();
        while !seen.contains("typed-42") {
            let message = viewer.next().await.context("the terminal closed")??;
            anyhow::ensure!(!message.is_close(), "the terminal closed: {message:?} after {seen:?}");
            seen.push_str(&String::from_utf8_lossy(&message.into_data()));
        }
        Ok(())
    };
    tokio::time::timeout(PATIENCE, answered).await?
}

/// Whoever has filled or spoilt their desktop is let in by every door, and can mend it.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_or_damaged_desktop_lets_its_owner_in() -> anyhow::Result<()> {
    let platform = Platform::start(Options::small()?).await?;
    let client = &platform.client;
    let id = platform.create("full").await?.id;
    platform.wait_for(id, DesktopState::Running).await?;
    anyhow::ensure!(platform.shell(id, FILL).await? == "full\n");
    terminal_answers(client, id, 1).await?;

    // With another key than before.
    client.suspend_desktop(id).await?;
    platform.wait_for(id, DesktopState::Suspended).await?;
    let key = CreateSshKey { name: None, public_key: KEY.to_owned().into() };
    client.add_ssh_key(&key).await?;
    client.resume_desktop(id).await?;
    platform.wait_for(id, DesktopState::Running).await?;
    let keys = "sudo -n grep -c ssh-ed25519 /home/desk/.ssh/authorized_keys";
    assert_eq!(platform.shell(id, keys).await?, "1\n");

    // Its fork is itself, without a block to be it in.
    let fork = client.fork_desktop(id, &ForkDesktop::default()).await?[0].id;
    platform.wait_for(fork, DesktopState::Running).await?;
    let who = "cat /etc/hostname /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub";
    let (first, second) = (platform.shell(id, who).await?, platform.shell(fork, who).await?);
    for (one, other) in first.lines().zip(second.lines()) {
        assert_ne!(one, other);
    }
    terminal_answers(client, fork, 2).await?;

    // So it is when its deletion is undone, and as a file that is imported.
    client.delete_desktop(id).await?;
    platform.wait_gone(id).await?;
    let back = client.undo_desktop(id).await?.id;
    platform.wait_for(back, DesktopState::Running).await?;
    terminal_answers(client, back, 1).await?;
    let kept = client.take_snapshot(back, &CreateSnapshot::default()).await?.id;
    eventually("the snapshot is ready", PATIENCE, || async {
        Ok((client.snapshot(kept).await?.state == SnapshotState::Ready).then_some(()))
    })
    .await?;
    let file = client.export_snapshot(kept).await?.into_stream().map_err(std::io::Error::other);
    let imported = client.import_snapshot(file).await?.id;
    client.destroy_desktop(back).await?;
    let import = client.fork_snapshot(imported, &ForkDesktop::default()).await?[0].id;
    platform.wait_for(import, DesktopState::Running).await?;
    terminal_answers(client, import, 3).await?;
    client.destroy_desktop(import).await?;
    client.delete_file(fork, "/home/desk/filler", false).await?;

    // Its clock is right again after a pause, whatever it was.
    let off = "sudo -n date -s '-1 hour' > /dev/null; echo set";
    assert_eq!(platform.shell(fork, off).await?, "set\n");
    client.take_snapshot(fork, &CreateSnapshot::default()).await?;
    eventually("its clock is right", PATIENCE, || async {
        let there: i64 = platform.shell(fork, "date +%s").await?.trim().parse()?;
        Ok(((jiff::Timestamp::now().as_second() - there).abs() < 5).then_some(()))
    })
    .await?;

    // Without the platform's own programs and the door's home it is let in, too.
    let spoil = "sudo -n rm -rf /home/rolltop /usr/lib/rolltop/rolltop-guest && echo gone";
    assert_eq!(platform.shell(fork, spoil).await?, "gone\n");
    assert_eq!(platform.shell(fork, "echo mended").await?, "mended\n");
    assert_eq!(platform.shell(fork, spoil).await?, "gone\n");
    client.suspend_desktop(fork).await?;
    platform.wait_for(fork, DesktopState::Suspended).await?;
    client.resume_desktop(fork).await?;
    platform.wait_for(fork, DesktopState::Running).await?;
    assert_eq!(platform.shell(fork, "echo mended").await?, "mended\n");
    Ok(())
}

/// One that is full boots, has a screen, its disk grows, and what fills it can be deleted as a file.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_desktop_boots_with_its_screen_and_its_disk_grows() -> anyhow::Result<()> {
    let platform = Platform::start(Options::real()?).await?;
    let client = &platform.client;
    let id = platform.create("full").await?.id;
    platform.wait_for(id, DesktopState::Running).await?;
    anyhow::ensure!(platform.shell(id, FILL).await? == "full\n");
    let first = qemus(&id.to_string());
    client.restart_desktop(id).await?;
    another_machine_runs(&platform, id, &first).await?;
    eventually("it has a screen", PATIENCE, || async { Ok(client.screenshot(id, 640).await.ok().map(drop)) })
        .await?;
    terminal_answers(client, id, 1).await?;
    eventually("its session is there", PATIENCE, || async {
        Ok(platform.shell(id, "pgrep -x xfdesktop").await.ok())
    })
    .await?;
    let change = UpdateDesktop { disk_gib: Some(40), ..UpdateDesktop::default() };
    client.update_desktop(id, &change).await?;
    eventually("a larger disk has room", PATIENCE, || async {
        let free = platform.shell(id, "df --output=avail -BG / | tail -1 | tr -dc 0-9").await?;
        Ok((free.trim().parse::<u64>()? > 10).then_some(()))
    })
    .await?;
    client.delete_file(id, "/home/desk/filler", false).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desktop_is_set_up_with_a_repository_and_a_script() -> anyhow::Result<()> {
    let platform = Platform::start(Options::real()?).await?;
    let script = "#!/bin/bash\nset -e\nsource prepare.sh\nsudo -n true\necho \"$PWD has $(git log --format=%s)\"\n(sleep 600 &)\nsleep 5\nmkdir \"$HOME/prepared\"\n";
    let setup = SetUp {
        repository: Some("http://127.0.0.1:8000/tools.git".to_owned()),
        branch: Some("work".to_owned()),
        script: Some(script.to_owned()),
    };
    let wanted = CreateDesktop {
        name: Some("workshop".to_owned()),
        setup: Some(setup.clone()),
        ..CreateDesktop::default()
    };
    let id = platform.client.create_desktop(&wanted, None).await?.id;
    platform.wait_for(id, DesktopState::Running).await?;
    let over = async || {
        eventually("the setup is over", PATIENCE, || async {
            let setup = platform.client.setup(id).await?.setup;
            Ok(setup.filter(|setup| setup.state.is_over()))
        })
        .await
    };
    // Nobody serves it yet.
    let failed = over().await?;
    assert_eq!(failed.state, SetupState::Failed, "{}", failed.log);
    assert!(failed.detail.unwrap_or_default().contains("git ended with 128"), "{}", failed.log);
    assert!(failed.log.contains("127.0.0.1"), "git says why: {}", failed.log);

    let serve = "export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b \
        && git init -q -b work origin && cd origin && echo 'echo from the repository' > prepare.sh && git add . \
        && git commit -q -m first && mkdir ../served && git clone -q --bare . ../served/tools.git \
        && git -C ../served/tools.git update-server-info && cd ../served \
        && setsid -f python3 -m http.server 8000 --bind 127.0.0.1 >/dev/null 2>&1";
    platform.shell(id, serve).await?;
    eventually("it is served", PATIENCE, || async {
        let seen = "curl -fs http://127.0.0.1:8000/tools.git/info/refs >/dev/null && echo yes || true";
        Ok((platform.shell(id, seen).await? == "yes\n").then_some(()))
    })
    .await?;
    platform.client.set_up(id, &setup).await?;
    eventually("the script runs", PATIENCE, || async {
        let setup = platform.client.setup(id).await?.setup;
        Ok(setup.filter(|setup| setup.log.contains("has first")))
    })
    .await?;
    // It goes on where it was.
    platform.client.suspend_desktop(id).await?;
    platform.wait_for(id, DesktopState::Suspended).await?;
    platform.client.resume_desktop(id).await?;
    platform.wait_for(id, DesktopState::Running).await?;
    let done = over().await?;
    assert_eq!(done.state, SetupState::Done, "{:?} {}", done.detail, done.log);
    assert!(done.log.contains("from the repository\n/home/desk/tools has first"), "{}", done.log);
    assert_eq!(platform.shell(id, "ls -d prepared; stat -c %a tools").await?, "prepared\n755\n");
    let private = "stat -c %a .local/state/rolltop/setup.script .local/state/rolltop/setup.log";
    assert_eq!(platform.shell(id, private).await?, "700\n600\n");
    platform.client.destroy_desktop(id).await?;
    platform.wait_gone(id).await?;
    assert_eq!(platform.leftovers()?, "");
    Ok(())
}
