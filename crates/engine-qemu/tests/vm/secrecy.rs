//! What a machine's process may do, and what its disk and its surroundings tell.

use std::fs;
use std::os::unix::fs::MetadataExt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::host::{Host, in_guest, pid, record};

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
    assert_eq!(field("Groups:"), "");
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert_eq!(u64::from_str_radix(&field(set), 16).unwrap(), 0, "{set}");
    }
    assert_eq!((field("NoNewPrivs:").as_str(), field("Seccomp:").as_str()), ("1", "2"));
    let link = |pid: &str, name: &str| fs::read_link(format!("/proc/{pid}/ns/{name}")).unwrap();
    for kind in ["net", "ipc"] {
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
