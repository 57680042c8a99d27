//! What a machine's process may do, and what its disk and its surroundings tell.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rolltop_engine::image::ExportRequest;
use rolltop_engine::{
    DiskLayer, Engine as _, Images as _, LayerKey, Layers as _, Origin, Power, SnapshotRequest,
};
use rolltop_model::{LayerId, SnapshotId};

use crate::host::{Host, PATIENCE, in_guest, pid, record};

#[tokio::test]
async fn a_machines_process_has_no_rights_and_its_key_is_nowhere() {
    let host = Host::open().await;
    let request = host.fork().await;
    let process = pid(request.desktop);

    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_once(':').unwrap().1.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let uid = 340_000 + record(request.desktop)["index"].as_u64().unwrap();
    assert_eq!(field("Uid:"), format!("{uid} {uid} {uid} {uid}"));
    assert_eq!(field("Gid:"), format!("{uid} {uid} {uid} {uid}"));
    // Under KVM it has the group of that device, and no other.
    let line = fs::read(format!("/proc/{process}/cmdline")).unwrap();
    let kvm = line.split(|byte| *byte == 0).any(|argument| argument == b"kvm");
    let group = kvm.then(|| fs::metadata("/dev/kvm").unwrap().gid().to_string());
    assert_eq!(field("Groups:"), group.unwrap_or_default());
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert_eq!(u64::from_str_radix(&field(set), 16).unwrap(), 0, "{set}");
    }
    assert_eq!((field("NoNewPrivs:").as_str(), field("Seccomp:").as_str()), ("1", "2"));
    let link = |pid: &str, name: &str| fs::read_link(format!("/proc/{pid}/ns/{name}")).unwrap();
    for kind in ["net", "ipc", "mnt"] {
        assert_ne!(link(&process.to_string(), kind), link("self", kind));
    }

    let text = STANDARD.encode(request.disk.key.bytes());
    for name in ["cmdline", "environ"] {
        let content = fs::read(format!("/proc/{process}/{name}")).unwrap();
        assert!(
            !contains(&content, text.as_bytes()) && !contains(&content, request.disk.key.bytes()),
            "{name}"
        );
    }
    let allowed = [
        "socket:",
        "anon_inode:",
        "pipe:",
        "/memfd:layer-key",
        "/memfd:rolltop-devices",
        "/dev/null",
        "/dev/net/tun",
        "/dev/kvm",
    ];
    let ours = fs::canonicalize("host").unwrap();
    for entry in fs::read_dir(format!("/proc/{process}/fd")).unwrap() {
        let target = fs::read_link(entry.unwrap().path()).unwrap();
        let known = allowed.iter().any(|start| target.to_string_lossy().starts_with(start));
        assert!(known || target.starts_with(&ours), "it holds {}", target.display());
    }
    for entry in fs::read_dir(format!("host/desktops/{}", request.desktop)).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!(metadata.mode() & 0o077, 0, "{} is nobody else's", path.display());
        if metadata.is_file() && metadata.len() < 64 << 20 {
            assert!(!contains(&fs::read(&path).unwrap(), text.as_bytes()), "{}", path.display());
        }
    }
    host.finish().await;
}

/// Stands in for a QEMU that a guest has taken over: says what it can see and do, and ends.
const SPY: &str = r#"#!/bin/sh
case "$*" in *guest=*) ;; *) exec qemu-system-x86_64 "$@" ;; esac
try() { if "$@" > /dev/null 2>&1; then echo "spy: CAN $*"; else echo "spy: can't $*"; fi; }
echo "spy: root: $(ls -A / | tr '\n' ' ')"
echo "spy: etc: $(ls -A /etc | tr '\n' ' ')"
echo "spy: dev: $(ls -A /dev | tr '\n' ' ')"
echo "spy: processes: $(ls /proc | grep -c '^[0-9]') kernel: $(ls /proc | grep -cv '^[0-9]')"
echo "spy: networks: $(tail -n +3 /proc/self/net/dev | wc -l)"
for place in desktops templates snapshots transfers view; do
  echo "spy: $place: $(ls ../../$place 2>/dev/null | wc -l)"
done
template=$(ls -d ../../templates/*)
try test -r $template/disk.qcow2
try touch $template/x
try touch ../../layers/x
try touch ../../x
try touch /tmp/x
try touch /usr/x
try unshare --user true
try unshare --user --map-root-user --mount true
try mount -t tmpfs none /proc
try setpriv --reuid 0 true
cp /usr/bin/true ./here && chmod 700 ./here
try ./here
exit 1
"#;

#[tokio::test]
async fn who_takes_qemu_over_sees_one_machine_and_nothing_of_the_host() {
    let mut host = Host::open().await;
    let other = host.fork().await;
    fs::create_dir_all("spy").unwrap();
    fs::write("spy/qemu", SPY).unwrap();
    fs::set_permissions("spy/qemu", fs::Permissions::from_mode(0o755)).unwrap();
    let spy = fs::canonicalize("spy/qemu").unwrap();
    let qemu = std::mem::replace(&mut host.config.qemu, spy);
    host.die();
    host.open_again().await;
    let refused = host.engine().fork(&host.request()).await.expect_err("it is no QEMU").to_string();
    let lines: Vec<&str> =
        refused.lines().filter_map(|line| line.split("spy: ").nth(1)).map(str::trim_end).collect();
    let said = |line: &str| assert!(lines.contains(&line), "{line:?} is not in {lines:#?}");
    let root: Vec<&str> = lines[0].strip_prefix("root: ").unwrap().split_whitespace().collect();
    let path = fs::canonicalize(".").unwrap();
    let first = path.components().nth(1).unwrap().as_os_str().to_str().unwrap().to_owned();
    let may = ["bin", "dev", "etc", "lib", "lib32", "lib64", "proc", "sbin", "usr", first.as_str()];
    assert!(root.iter().all(|name| may.contains(name)), "{root:?}");
    said("etc: alternatives ld.so.cache");
    let device = lines.iter().find_map(|line| line.strip_prefix("dev: ")).unwrap();
    assert!(["kvm null random urandom zero", "null random urandom zero"].contains(&device), "{device}");
    said("networks: 1");
    for (place, seen) in [("desktops", 1), ("templates", 1), ("snapshots", 0), ("transfers", 0), ("view", 0)]
    {
        said(&format!("{place}: {seen}"));
    }
    let processes = lines.iter().find(|line| line.starts_with("processes: ")).unwrap();
    let number: usize = processes.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(number < 5, "it sees its own processes only: {processes}");
    let can: Vec<&&str> = lines.iter().filter(|line| line.starts_with("CAN ")).collect();
    assert!(can.len() == 1 && can[0].ends_with("disk.qcow2"), "what it can: {lines:#?}");
    assert_eq!(lines.iter().filter(|line| line.starts_with("can't ")).count(), 10, "{lines:#?}");

    host.config.qemu = qemu;
    host.die();
    host.open_again().await;
    assert_eq!(
        host.power(other.desktop).await,
        Power::On { quarantined: true },
        "nothing happened to another"
    );
    host.finish().await;
}

#[tokio::test]
async fn what_opens_a_disk_for_an_export_is_confined_like_a_machine() {
    let host = Host::open().await;
    let request = host.fork().await;
    let snapshot = SnapshotRequest {
        desktop: request.desktop,
        fence: 1,
        snapshot: SnapshotId::generate(),
        key: request.disk.key.clone(),
        next: DiskLayer { layer: LayerId::generate(), key: LayerKey::new([3; 32]) },
    };
    host.engine().snapshot(&snapshot).await.unwrap();
    let from = Origin { snapshot: snapshot.snapshot, disk: vec![request.disk.clone()] };
    let export = ExportRequest { from, template: host.template.clone() };
    // Nobody reads: it stands still with the disk open.
    let stream = host.engine().export(&export).await.unwrap();
    let number = deputies().pop().expect("a qemu-nbd");
    let status = fs::read_to_string(format!("/proc/{number}/status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_once(':').unwrap().1.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let uid: u32 = field("Uid:").split(' ').next().unwrap().parse().unwrap();
    let own = 340_000 + u32::try_from(record(request.desktop)["index"].as_u64().unwrap()).unwrap();
    assert!((340_000..350_000).contains(&uid) && uid != own, "{uid}");
    assert_eq!((field("CapEff:").as_str(), field("Seccomp:").as_str()), ("0000000000000000", "2"));
    let link = |pid: &str, name: &str| fs::read_link(format!("/proc/{pid}/ns/{name}")).unwrap();
    for kind in ["net", "ipc", "mnt"] {
        assert_ne!(link(&number, kind), link("self", kind));
    }
    assert!(fs::metadata(format!("/proc/{number}/root/etc/shadow")).is_err());
    let groups = fs::read_to_string(format!("/proc/{number}/cgroup")).unwrap();
    assert!(groups.contains("/helper-"), "{groups}");
    drop(stream);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !deputies().is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "it stays");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    host.finish().await;
}

/// Processes of ours that have a disk open.
fn deputies() -> Vec<String> {
    let numbers =
        fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let ours = fs::canonicalize("host/transfers").unwrap();
    let is_one = |number: &String| {
        let line = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
        line.starts_with(b"qemu-nbd") && contains(&line, ours.as_os_str().as_encoded_bytes())
    };
    numbers.filter(is_one).collect()
}

#[tokio::test]
async fn nobody_else_enters_the_directory_of_templates_and_memories() {
    let mut host = Host::open().await;
    let desktop = host.fork().await.desktop;
    let place = fs::canonicalize("host").unwrap();
    let disk = place.join(format!("templates/{}/disk.qcow2", host.template));
    let tries = |path: &std::path::Path| {
        let mut reader = std::process::Command::new("setpriv");
        reader.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "head", "-c1"]).arg(path);
        reader.stderr(std::process::Stdio::null()).output().unwrap().status.success()
    };
    assert!(!tries(&disk), "{} is read by nobody", disk.display());
    assert_eq!(fs::metadata(&place).unwrap().mode() & 0o777, 0o700);
    // It stays closed to a machine that was taken over, which does without.
    host.die();
    host.open_again().await;
    assert_eq!(fs::metadata(&place).unwrap().mode() & 0o777, 0o700);
    assert_eq!(in_guest(&host.template, desktop, "echo up").await.unwrap(), "up\n");
    host.finish().await;
}

#[tokio::test]
async fn what_a_guest_writes_is_unreadable_on_the_hosts_disk() {
    let host = Host::open().await;
    let request = host.fork().await;
    let desktop = request.desktop;
    let marker = "a-sentence-that-nobody-else-would-write";
    let script = format!("for i in $(seq 2000); do echo {marker}; done > written && sync && wc -l < written");
    assert_eq!(in_guest(&host.template, desktop, &script).await.unwrap().trim(), "2000");
    let disk = fs::read(format!("host/layers/{}.qcow2", request.disk.layer)).unwrap();
    assert!(disk.len() > 1 << 20, "the disk was written to");
    assert!(!contains(&disk, marker.as_bytes()));
    host.finish().await;
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
