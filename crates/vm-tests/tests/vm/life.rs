//! Machines that outlive the engine, turn themselves off, or are killed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use rolltop_engine::{Engine, EngineError, Known, OffReason, Power, StartRequest};
use rolltop_engine_qemu::{NetworkConfig, QemuConfig, QemuEngine, bakes};
use rolltop_model::Size;
use rustix::process::{Pid, Signal, kill_process};

use crate::host::{Host, PATIENCE, in_guest, pid, record};

#[tokio::test]
async fn a_machine_survives_the_engine_and_is_taken_over() {
    let mut host = Host::open().await;
    let desktop = host.fork().await.desktop;
    host.engine().release(desktop, 1).await.unwrap();
    in_guest(&host.template, desktop, "echo kept > /dev/shm/kept").await.unwrap();
    let before = pid(desktop);

    host.die();
    host.open_again().await;
    assert_eq!(pid(desktop), before);
    assert_eq!(host.power(desktop).await, Power::On { quarantined: false });
    assert_eq!(in_guest(&host.template, desktop, "cat /dev/shm/kept").await.unwrap(), "kept\n");
    host.engine().stop(desktop, 1, PATIENCE).await.unwrap();
    assert_eq!(host.power(desktop).await, Power::Off { why: OffReason::Asked });
    host.finish().await;
}

#[tokio::test]
async fn a_guest_that_shuts_itself_down_is_told_from_a_machine_that_died() {
    let mut host = Host::open().await;
    let (watched, unwatched, killed) =
        (host.fork().await.desktop, host.fork().await.desktop, host.fork().await.desktop);
    // The connection ends with the guest, so its outcome says nothing.
    let _ = in_guest(&host.template, watched, "sudo -n systemctl poweroff").await;
    assert_eq!(host.off(watched).await, OffReason::Guest);

    let halted = host.fork().await.desktop;
    let _ = in_guest(&host.template, halted, "sudo -n halt").await;
    assert_eq!(host.off(halted).await, OffReason::Guest, "a halted machine is off");

    kill_process(Pid::from_raw(pid(killed)).unwrap(), Signal::KILL).unwrap();
    assert_eq!(host.off(killed).await, OffReason::Died);

    let socket = fs::canonicalize(format!("host/desktops/{unwatched}/monitor")).unwrap();
    host.die();
    let _ = in_guest(&host.template, unwatched, "sudo -n systemctl poweroff").await;
    shut_down(&socket).await;
    host.open_again().await;
    assert_eq!(host.off(unwatched).await, OffReason::Guest, "although nobody listened");
    assert_eq!(host.off(killed).await, OffReason::Died, "as it was written down");
    host.finish().await;
}

#[tokio::test]
async fn a_guest_that_resets_its_machine_is_off_for_that_reason_and_starts_anew() {
    let mut host = Host::open().await;
    // Whatever makes a machine begin anew: asked for, by the keyboard's kernel functions, by a crash, by a triple fault.
    let ways = [
        "reboot",
        "echo b > /proc/sysrq-trigger",
        "echo c > /proc/sysrq-trigger",
        "echo triple > /sys/kernel/reboot/type; reboot -f",
    ];
    for way in ways {
        let desktop = host.fork().await.desktop;
        // Behind our back: of a guest that is suddenly gone, ssh would hear nothing until its time is over.
        let later = format!("sudo -n sh -c 'sleep 1; {way}' > /dev/null 2>&1 &");
        in_guest(&host.template, desktop, &later).await.unwrap();
        assert_eq!(host.off(desktop).await, OffReason::Reset, "{way}");
        host.engine().destroy(desktop, 1).await.unwrap();
    }

    let request = host.fork().await;
    let desktop = request.desktop;
    in_guest(&host.template, desktop, "echo on-disk > kept && sync").await.unwrap();
    let socket = fs::canonicalize(format!("host/desktops/{desktop}/monitor")).unwrap();
    host.die();
    let _ = in_guest(&host.template, desktop, "sudo -n reboot").await;
    shut_down(&socket).await;
    host.open_again().await;
    assert_eq!(host.off(desktop).await, OffReason::Reset, "although nobody listened");
    host.engine()
        .start(&StartRequest { desktop, fence: 2, boot: 2, disk: vec![request.disk] })
        .await
        .unwrap();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while in_guest(&host.template, desktop, "cat kept").await.ok().as_deref() != Some("on-disk\n") {
        assert!(tokio::time::Instant::now() < deadline, "it does not come up again");
    }
    host.finish().await;
}

#[tokio::test]
async fn a_machine_that_went_down_with_the_host_is_told_from_one_that_died() {
    let mut host = Host::open().await;
    let request = host.fork().await;
    let desktop = request.desktop;
    host.engine().release(desktop, 1).await.unwrap();
    host.die();
    kill_process(Pid::from_raw(pid(desktop)).unwrap(), Signal::KILL).unwrap();
    // As it reads once the host's kernel is another run of it.
    let path = format!("host/desktops/{desktop}/desktop.json");
    let mut record: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let before = record["started"]["host_boot"].as_str().map(str::to_owned);
    assert!(before.is_some_and(|boot| boot.len() == 36), "{record}");
    record["started"]["host_boot"] = "00000000-0000-0000-0000-000000000000".into();
    fs::write(&path, serde_json::to_vec(&record).unwrap()).unwrap();
    host.open_again().await;
    assert_eq!(host.off(desktop).await, OffReason::HostRestarted);
    let start = StartRequest { desktop, fence: 1, boot: 2, disk: vec![request.disk.clone()] };
    host.engine().start(&start).await.unwrap();
    assert_eq!(host.power(desktop).await, Power::On { quarantined: true });
    host.finish().await;
}

/// Waits, as somebody with the monitor would, until the guest has shut down.
async fn shut_down(monitor: &std::path::Path) {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        assert!(tokio::time::Instant::now() < deadline, "the guest does not shut down");
        // A connection each time: the socket takes one client, and the engine's must find it free.
        let mut stream = BufReader::new(tokio::net::UnixStream::connect(monitor).await.unwrap());
        stream.write_all(b"{\"execute\":\"qmp_capabilities\"}{\"execute\":\"query-status\"}").await.unwrap();
        let mut lines = Vec::new();
        while lines.len() < 3 {
            let mut line = String::new();
            assert!(stream.read_line(&mut line).await.unwrap() > 0, "QEMU is gone");
            if !line.contains("\"event\"") {
                lines.push(line);
            }
        }
        if lines[2].contains("\"shutdown\"") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_machine_that_died_while_nobody_looked_is_found_dead_and_starts_again() {
    let mut host = Host::open().await;
    let request = host.fork().await;
    let desktop = request.desktop;
    in_guest(&host.template, desktop, "echo on-disk > kept && sync").await.unwrap();
    let process = pid(desktop);
    host.die();
    kill_process(Pid::from_raw(process).unwrap(), Signal::KILL).unwrap();
    host.open_again().await;
    assert_eq!(host.off(desktop).await, OffReason::Died);

    host.engine()
        .start(&StartRequest { desktop, fence: 2, boot: 2, disk: vec![request.disk] })
        .await
        .unwrap();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let kept = loop {
        match in_guest(&host.template, desktop, "cat kept").await {
            Ok(text) => break text,
            Err(error) => assert!(tokio::time::Instant::now() < deadline, "{error}"),
        }
    };
    assert_eq!(kept, "on-disk\n");
    host.finish().await;
}

#[tokio::test]
async fn a_memory_baked_by_a_newer_qemu_is_refused() {
    let host = Host::open().await;
    let template = PathBuf::from(format!("host/templates/{}", host.template));
    // All of them: an earlier version of ours may have baked one that does not count here any more.
    let bakes = bakes(&template, Size::S).into_iter().map(|bake| template.join(bake).join("bake.json"));
    let originals: Vec<_> = bakes.map(|path| (fs::read_to_string(&path).unwrap(), path)).collect();
    for (text, path) in &originals {
        fs::write(path, text.replacen("\"qemu_version\": \"", "\"qemu_version\": \"99.", 1)).unwrap();
    }
    let request = host.request();
    let refused = host.engine().fork(&request).await;
    for (text, path) in originals {
        fs::write(path, text).unwrap();
    }
    assert!(
        matches!(&refused, Err(EngineError::BaseMismatch(why)) if why.contains("bake it again")),
        "{refused:?}"
    );
    assert_eq!(host.engine().observe_one(request.desktop).await, Ok(None));
    host.finish().await;
}

#[tokio::test]
async fn a_size_that_is_not_baked_boots_cold() {
    let host = Host::open().await;
    let request = rolltop_engine::ForkRequest { size: Size::M, ..host.request() };
    host.engine().fork(&request).await.unwrap();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let memory = loop {
        match in_guest(&host.template, request.desktop, "grep MemTotal /proc/meminfo").await {
            Ok(text) => break text,
            Err(error) => assert!(tokio::time::Instant::now() < deadline, "{error}"),
        }
    };
    let kib: u64 = memory.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(kib > 3_500_000, "a machine of size m has 4 GiB: {memory}");
    let disk = in_guest(&host.template, request.desktop, "lsblk -bno SIZE /dev/vda").await.unwrap();
    assert_eq!(disk.trim(), (40u64 << 30).to_string());
    host.finish().await;
}

#[tokio::test]
async fn nothing_is_begun_on_a_full_disk_and_two_engines_dont_share_a_directory() {
    let mut host = Host::open().await;
    let second = QemuEngine::open(host.config.clone()).await.map(|_| ());
    assert!(
        matches!(&second, Err(EngineError::Host(why)) if why.contains("another host process")),
        "{second:?}"
    );
    host.die();
    let config = host.config.clone();
    host.config = QemuConfig { min_free_disk: u64::MAX, ..config.clone() };
    host.open_again().await;
    let request = host.request();
    assert_eq!(host.engine().fork(&request).await, Err(EngineError::DiskFull));
    host.die();
    host.config = QemuConfig { min_free_memory: u64::MAX, ..config };
    host.open_again().await;
    assert_eq!(host.engine().fork(&request).await, Err(EngineError::NoMemory));
    assert_eq!(host.engine().observe().await, Ok(vec![]));
    host.finish().await;
}

#[tokio::test]
async fn a_process_that_is_not_ours_keeps_its_group_and_nothing_else() {
    let host = Host::open().await;
    let parents = ["/sys/fs/cgroup/rolltop_rtt", "/sys/fs/cgroup/memory/rolltop_rtt"];
    let parent = parents.iter().find(|parent| fs::exists(parent).unwrap()).expect("the engine's groups");
    let group = format!("{parent}/stray");
    fs::create_dir(&group).unwrap();
    let mut process = Command::new("sleep").arg("600").spawn().unwrap();
    fs::write(format!("{group}/cgroup.procs"), process.id().to_string()).unwrap();
    let half_made = "host/layers/half-made";
    fs::write(half_made, "").unwrap();
    // Groups are looked at before files.
    let swept = host.engine().sweep(&Known::default()).await.unwrap();
    let [stray, file] = swept.as_slice() else { panic!("{swept:?}") };
    assert!(
        stray.name == "stray" && stray.stays.as_ref().is_some_and(|why| why.contains(&group)),
        "{stray:?}"
    );
    assert!(file.name.ends_with("half-made") && file.stays.is_none(), "{file:?}");
    assert!(!fs::exists(half_made).unwrap(), "one that stays keeps no other");
    assert_eq!(process.try_wait().unwrap(), None, "nobody has ended it");
    process.kill().unwrap();
    process.wait().unwrap();
    let swept = host.engine().sweep(&Known::default()).await.unwrap();
    assert!(
        matches!(swept.as_slice(), [stray] if stray.name == "stray" && stray.stays.is_none()),
        "{swept:?}"
    );

    // What a process of ours that died had sent out goes with its group, and so does a machine that it was baking.
    for name in ["helper-77", "bake-77"] {
        let group = format!("{parent}/{name}");
        fs::create_dir(&group).unwrap();
        let mut sent = Command::new("sleep").arg("600").spawn().unwrap();
        fs::write(format!("{group}/cgroup.procs"), sent.id().to_string()).unwrap();
        let swept = host.engine().sweep(&Known::default()).await.unwrap();
        assert!(matches!(swept.as_slice(), [ours] if ours.name == name && ours.stays.is_none()), "{swept:?}");
        assert!(!sent.wait().unwrap().success(), "{name} was ended");
    }
    host.finish().await;
}

#[tokio::test]
async fn a_second_engine_with_the_same_names_is_refused_and_harms_nothing() {
    let host = Host::open().await;
    let desktop = host.fork().await.desktop;
    let elsewhere = tempfile::tempdir_in(".").unwrap();
    let directory = fs::canonicalize(elsewhere.path()).unwrap();
    let second = QemuConfig { directory: directory.clone(), ..host.config.clone() };
    let ours = fs::canonicalize("host").unwrap();
    let network = host.config.network.clone();
    let prefix = NetworkConfig { prefix: "rts".into(), ..network.clone() };
    let apart = NetworkConfig { range: Some("100.106.0.0/16".parse().unwrap()), ..prefix.clone() };
    for (config, setting) in [
        (second.clone(), "`prefix`"),
        (QemuConfig { network: prefix, ..second.clone() }, "`range`"),
        (QemuConfig { network: apart.clone(), ..second.clone() }, "`first_uid`"),
    ] {
        let refused = QemuEngine::open(config).await.map(drop).expect_err("another one's").to_string();
        assert!(refused.contains(setting) && refused.contains(ours.to_str().unwrap()), "{refused}");
    }
    let apart = QemuConfig { network: apart, first_uid: None, ..second };
    let other = QemuEngine::open(apart).await.unwrap();
    other.sweep(&Known::default()).await.unwrap();
    assert_eq!(in_guest(&host.template, desktop, "echo here").await.unwrap(), "here\n");
    other.clear().await.unwrap();
    host.finish().await;
}

#[tokio::test]
async fn a_user_who_is_still_at_work_is_no_other_machines_user() {
    let host = Host::open().await;
    let first = host.fork().await.desktop;
    let (uid, index) = (user_of(first), record(first)["index"].as_u64().unwrap());
    host.engine().destroy(first, 1).await.unwrap();
    let mut left = Command::new("setpriv");
    left.args(["--reuid", &uid.to_string(), "--clear-groups", "sleep", "600"]);
    let mut left = left.spawn().unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let second = host.fork().await.desktop;
    let (other, other_index) = (user_of(second), record(second)["index"].as_u64().unwrap());
    left.kill().unwrap();
    left.wait().unwrap();
    assert!(other != uid && other_index != index, "it is user {other}, as what was left");
    let third = host.fork().await.desktop;
    assert_eq!(user_of(third), uid, "free again");
    host.finish().await;
}

fn user_of(desktop: rolltop_model::DesktopId) -> u32 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(format!("/proc/{}", pid(desktop))).unwrap().uid()
}

/// A device that the users in its group may open, until this is dropped.
struct OpenToItsGroup {
    device: &'static str,
    before: Option<fs::Permissions>,
}

impl OpenToItsGroup {
    fn make(device: &'static str) -> Self {
        let before = fs::metadata(device).ok().map(|metadata| metadata.permissions());
        if let Some(before) = &before {
            let open = fs::Permissions::from_mode(before.mode() | 0o060);
            fs::set_permissions(device, open).unwrap();
        }
        Self { device, before }
    }
}

impl Drop for OpenToItsGroup {
    fn drop(&mut self) {
        if let Some(before) = self.before.take() {
            let _ = fs::set_permissions(self.device, before);
        }
    }
}

#[tokio::test]
async fn the_proof_of_kvm_boots_what_the_operator_built_whatever_is_newer() {
    let mut host = Host::open().await;
    let proof = "host/accelerator.json";
    host.die();
    let _ = fs::remove_file(proof);
    // As an import leaves it: newer, and with a kernel of somebody else's.
    let imported = "host/templates/imported@0123456789ab";
    let _ = fs::remove_dir_all(imported);
    fs::create_dir(imported).unwrap();
    let text = fs::read_to_string(format!("host/templates/{}/manifest.json", host.template)).unwrap();
    let mut manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    manifest["version"] = "imported@0123456789ab".into();
    manifest["built_at"] = "2099-01-01T00:00:00Z".into();
    fs::write(format!("{imported}/manifest.json"), manifest.to_string()).unwrap();
    fs::write(format!("{imported}/vmlinuz"), "theirs").unwrap();
    fs::write(format!("{imported}/initrd"), "theirs").unwrap();
    // A host without udev has it for root alone, where nothing is proved.
    let _open = OpenToItsGroup::make("/dev/kvm");
    host.open_again().await;
    host.engine().host().await.unwrap();
    if fs::exists("/dev/kvm").unwrap() {
        let found: serde_json::Value = serde_json::from_slice(&fs::read(proof).unwrap()).unwrap();
        let kernel = fs::metadata(format!("host/templates/{}/vmlinuz", host.template)).unwrap().len();
        let tried = found["guest_kernel"].as_str().unwrap();
        assert!(tried.starts_with(&format!("{kernel} bytes")), "{found}");
    }
    let _ = fs::remove_dir_all(imported);
    host.finish().await;
}
