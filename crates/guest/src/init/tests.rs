//! `init` against a temporary tree, with a stand-in for the kernel.

use std::cell::{Cell, RefCell};
use std::fs;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use rolltop_guest_protocol::InitReply;
use tempfile::TempDir;

use super::{InitError, System, keys::run_keys, run};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFm8nrEsOtM0vYFbmNBCfQ+1bbxLYtp5Fx+T3Hkhq1xN";
const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJxJ5ZrXL1g5Wv1tM6cJ2mV0q3mVb6b0J0kq1o2p3q4r a@b";

#[derive(Default)]
struct Fake {
    calls: RefCell<Vec<String>>,
    counter: Cell<u8>,
    /// Fails the call of this name.
    broken: Cell<Option<&'static str>>,
}

impl Fake {
    fn called(&self, call: &str) -> io::Result<()> {
        if self.broken.get().is_some_and(|broken| call.starts_with(broken)) {
            return Err(io::Error::other("broken"));
        }
        self.calls.borrow_mut().push(call.to_owned());
        Ok(())
    }

    fn take_calls(&self) -> Vec<String> {
        self.calls.take()
    }
}

impl System for Fake {
    fn add_entropy(&self, bytes: &[u8]) -> io::Result<()> {
        self.called(&format!("entropy {}", bytes.len()))
    }
    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        self.counter.set(self.counter.get() + 1);
        bytes.fill(self.counter.get());
        Ok(())
    }
    fn set_clock(&self, unix_time_ns: i128) -> io::Result<()> {
        self.called(&format!("clock {unix_time_ns}"))
    }
    fn set_hostname(&self, name: &str) -> io::Result<()> {
        self.called(&format!("hostname {name}"))
    }
    fn give(&self, _: BorrowedFd<'_>, uid: u32, _: u32) -> io::Result<()> {
        self.called(&format!("give {uid}"))
    }
    fn sync(&self, _: BorrowedFd<'_>) -> io::Result<()> {
        self.called("sync")
    }
    fn commit(&self, _: BorrowedFd<'_>) -> io::Result<()> {
        self.called("commit")
    }
    fn end_connections(&self) -> io::Result<()> {
        self.called("connections")
    }
    fn reload_sshd(&self) -> io::Result<()> {
        self.called("reload")
    }
}

fn template() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for directory in ["etc/ssh", "var/lib/dbus", "var/lib/systemd", "home/rolltop/.ssh", "home/desk"] {
        fs::create_dir_all(root.path().join(directory)).unwrap();
    }
    let put = |path: &str, text: &str| fs::write(root.path().join(path), text).unwrap();
    put("etc/passwd", "rolltop:x:999:999::/home/rolltop:/bin/bash\ndesk:x:1000:1000::/home/desk:/bin/bash\n");
    put("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 template\n");
    put("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    put("etc/ssh/ssh_host_ed25519_key", "the template's");
    put("etc/ssh/ssh_host_rsa_key", "the template's");
    put("var/lib/systemd/random-seed", "the template's");
    put("home/rolltop/.ssh/authorized_keys", "the bootstrap key");
    root
}

fn request(desktop: &str) -> serde_json::Value {
    serde_json::json!({
        "desktop": desktop, "hostname": "blue", "unix_time_ns": 1_790_000_000_000_000_000i64,
        "entropy": "AAAAAAAA", "door_public_key": KEY, "authorized_keys": [OTHER],
    })
}

fn init(root: &TempDir, fake: &Fake, request: &serde_json::Value) -> Result<InitReply, InitError> {
    run(request.to_string().as_bytes(), root.path(), fake)
}

fn text(root: &TempDir, path: &str) -> String {
    fs::read_to_string(root.path().join(path)).unwrap()
}

/// The keys in a home, without what is noted beside them.
fn keys_of(root: &TempDir, home: &str) -> Vec<String> {
    let text = text(root, &format!("{home}/.ssh/authorized_keys"));
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

/// Every file below the root that init left half done.
fn leftovers(root: &TempDir) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root.path().to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap().flatten() {
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else if entry.file_name().to_string_lossy().ends_with(".rolltop-new") {
                found.push(entry.path().display().to_string());
            }
        }
    }
    found
}

#[test]
fn a_fork_gets_an_identity_of_its_own() {
    let (root, fake) = (template(), Fake::default());
    let reply = init(&root, &fake, &request("dsk_1")).unwrap();
    assert!(reply.renewed);
    let private = ssh_key::PrivateKey::from_openssh(text(&root, "etc/ssh/ssh_host_ed25519_key")).unwrap();
    assert_eq!(private.public_key().to_openssh().unwrap().trim(), reply.host_public_key);
    assert_eq!(text(&root, "etc/ssh/ssh_host_ed25519_key.pub").trim(), reply.host_public_key);
    let mode = |path: &str| fs::metadata(root.path().join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode("etc/ssh/ssh_host_ed25519_key"), 0o600);
    assert_eq!(mode("home/rolltop/.ssh/authorized_keys"), 0o600);
    assert_eq!(mode("home/desk/.ssh"), 0o700);
    assert_eq!(mode("etc/machine-id"), 0o444);
    assert!(!root.path().join("etc/ssh/ssh_host_rsa_key").exists());
    assert!(!root.path().join("var/lib/systemd/random-seed").exists());
    assert_eq!(text(&root, "etc/machine-id"), "02020202020242028202020202020202\n", "a version 4 id");
    let dbus = fs::read_link(root.path().join("var/lib/dbus/machine-id")).unwrap();
    assert_eq!(dbus.to_str(), Some("/etc/machine-id"));
    assert_eq!(keys_of(&root, "home/rolltop"), [KEY], "bootstrap key gone");
    assert_eq!(keys_of(&root, "home/desk"), [OTHER]);
    assert_eq!(text(&root, "etc/hostname"), "blue\n");
    assert_eq!(text(&root, "etc/hosts"), "127.0.0.1 localhost\n127.0.1.1\tblue desk\n");
    assert!(leftovers(&root).is_empty());
    let calls = fake.take_calls();
    assert_eq!(calls.first().map(String::as_str), Some("entropy 6"), "before any key is made");
    assert!(calls.contains(&"clock 1790000000000000000".to_owned()));
    assert!(calls.contains(&"hostname blue".to_owned()));
    assert_eq!(calls.iter().filter(|call| *call == "reload").count(), 1);
    assert_eq!(calls.iter().filter(|call| *call == "sync").count(), 1);
}

#[test]
fn the_same_desktop_keeps_its_identity_and_gets_the_rest_refreshed() {
    let (root, fake) = (template(), Fake::default());
    let first = init(&root, &fake, &request("dsk_1")).unwrap();
    let machine_id = text(&root, "etc/machine-id");
    let inode = |path: &str| fs::metadata(root.path().join(path)).unwrap().ino();
    let hosts = inode("etc/hosts");
    fake.take_calls();
    let mut again = request("dsk_1");
    again["authorized_keys"] = serde_json::json!([]);
    let second = init(&root, &fake, &again).unwrap();
    assert!(!second.renewed);
    assert_eq!(second.host_public_key, first.host_public_key);
    assert_eq!(text(&root, "etc/machine-id"), machine_id);
    assert!(keys_of(&root, "home/desk").is_empty(), "a key taken back is gone");
    assert_eq!(inode("etc/hosts"), hosts, "what has not changed is not written");
    let calls = fake.take_calls();
    assert!(!calls.contains(&"reload".to_owned()));
    assert!(calls.contains(&"clock 1790000000000000000".to_owned()));
}

#[test]
fn another_desktops_id_renews_everything() {
    let (root, fake) = (template(), Fake::default());
    let parent = init(&root, &fake, &request("dsk_1")).unwrap();
    let machine_id = text(&root, "etc/machine-id");
    let child = init(&root, &fake, &request("dsk_2")).unwrap();
    assert!(child.renewed);
    assert_ne!(child.host_public_key, parent.host_public_key);
    assert_ne!(text(&root, "etc/machine-id"), machine_id);
    let calls = fake.take_calls();
    let synced: Vec<&str> =
        calls.iter().map(String::as_str).filter(|call| ["sync", "commit"].contains(call)).collect();
    assert_eq!(synced, ["sync", "commit"], "only new files need more than the journal");
}

#[test]
fn a_run_in_a_fork_that_is_cut_short_is_done_again() {
    for broken in ["give", "commit", "hostname", "reload"] {
        let (root, fake) = (template(), Fake::default());
        init(&root, &fake, &request("dsk_1")).unwrap();
        fake.broken.set(Some(broken));
        assert!(init(&root, &fake, &request("dsk_2")).is_err(), "{broken}");
        assert!(leftovers(&root).is_empty(), "{broken}");
        fake.broken.set(None);
        assert!(init(&root, &fake, &request("dsk_2")).unwrap().renewed, "{broken}");
    }
}

#[test]
fn another_host_key_of_its_owners_making_is_kept_and_nothing_else_is_renewed() {
    let (root, fake) = (template(), Fake::default());
    init(&root, &fake, &request("dsk_1")).unwrap();
    let id = text(&root, "etc/machine-id");
    let key = ssh_key::PrivateKey::from(ssh_key::private::Ed25519Keypair::from_seed(&[7; 32]));
    let pem = key.to_openssh(ssh_key::LineEnding::LF).unwrap();
    fs::write(root.path().join("etc/ssh/ssh_host_ed25519_key"), pem.as_bytes()).unwrap();
    let secret = root.path().join("var/lib/systemd/credential.secret");
    fs::create_dir_all(secret.parent().unwrap()).unwrap();
    fs::write(&secret, "its own").unwrap();
    let reply = init(&root, &fake, &request("dsk_1")).unwrap();
    assert!(!reply.renewed);
    assert_eq!(reply.host_public_key, key.public_key().to_openssh().unwrap().trim());
    assert!(!reply.reloaded, "nobody said what sshd has");
    let mut shown = request("dsk_1");
    shown["host_key_shown"] = reply.host_public_key.as_str().into();
    assert!(!init(&root, &fake, &shown).unwrap().reloaded, "it has it already");
    shown["host_key_shown"] = KEY.into();
    fake.take_calls();
    let reply = init(&root, &fake, &shown).unwrap();
    assert!(reply.reloaded && !reply.renewed);
    assert!(fake.take_calls().contains(&"reload".to_owned()));
    assert_eq!(text(&root, "etc/machine-id"), id);
    assert!(secret.exists());
    assert!(init(&root, &fake, &request("dsk_2")).unwrap().renewed, "a fork has its own");
}

#[test]
fn a_host_key_that_is_none_is_renewed() {
    let (root, fake) = (template(), Fake::default());
    init(&root, &fake, &request("dsk_1")).unwrap();
    fs::write(root.path().join("etc/ssh/ssh_host_ed25519_key"), "cut short").unwrap();
    assert!(init(&root, &fake, &request("dsk_1")).unwrap().renewed);
}

#[test]
fn a_run_cut_short_leaves_every_file_whole_and_is_done_again_by_the_next() {
    for broken in ["entropy", "clock", "give", "sync", "hostname", "reload"] {
        let (root, fake) = (template(), Fake::default());
        fake.broken.set(Some(broken));
        assert!(init(&root, &fake, &request("dsk_1")).is_err(), "{broken}");
        assert!(!root.path().join("var/lib/rolltop/identity.json").exists(), "{broken}");
        assert!(leftovers(&root).is_empty(), "{broken}");
        let key = text(&root, "home/rolltop/.ssh/authorized_keys");
        assert!(key == "the bootstrap key" || key.ends_with(&format!("\n{KEY}\n")), "{broken}: {key}");
        fake.broken.set(None);
        assert!(init(&root, &fake, &request("dsk_1")).unwrap().renewed, "{broken}");
        assert!(!init(&root, &fake, &request("dsk_1")).unwrap().renewed, "{broken}");
    }
}

#[test]
fn a_link_in_the_session_users_home_is_not_followed() {
    let (root, fake) = (template(), Fake::default());
    let elsewhere = tempfile::tempdir().unwrap();
    symlink(elsewhere.path(), root.path().join("home/desk/.ssh")).unwrap();
    assert_eq!(init(&root, &fake, &request("dsk_1")).unwrap().left_undone.len(), 1);
    let keys = serde_json::json!({ "authorized_keys": [KEY] }).to_string();
    assert!(matches!(run_keys(keys.as_bytes(), root.path(), &fake), Err(InitError::Account(_))));
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);

    fs::remove_file(root.path().join("home/desk/.ssh")).unwrap();
    fs::create_dir(root.path().join("home/desk/.ssh")).unwrap();
    let victim = elsewhere.path().join("victim");
    fs::write(&victim, "mine").unwrap();
    symlink(&victim, root.path().join("home/desk/.ssh/authorized_keys")).unwrap();
    init(&root, &fake, &request("dsk_1")).unwrap();
    assert_eq!(fs::read_to_string(victim).unwrap(), "mine");
    assert_eq!(keys_of(&root, "home/desk"), [OTHER]);
}

#[test]
fn nothing_in_the_session_users_home_stops_a_desktop() {
    type Spoil = fn(&std::path::Path);
    let spoilt: [(&str, Spoil); 4] = [
        ("a link in its place", |home| {
            fs::create_dir_all(home.join("dot/ssh")).unwrap();
            symlink("dot/ssh", home.join(".ssh")).unwrap();
        }),
        ("a file in its place", |home| fs::write(home.join(".ssh"), "mine").unwrap()),
        ("a folder in the keys' place", |home| {
            fs::create_dir_all(home.join(".ssh/authorized_keys/mine")).unwrap();
        }),
        ("no home", |home| fs::remove_dir(home).unwrap()),
    ];
    for (what, spoil) in spoilt {
        let (root, fake) = (template(), Fake::default());
        let first = init(&root, &fake, &request("dsk_1")).unwrap();
        assert_eq!(first.left_undone, [] as [String; 0], "{what}");
        fs::remove_dir_all(root.path().join("home/desk")).unwrap();
        fs::create_dir(root.path().join("home/desk")).unwrap();
        spoil(&root.path().join("home/desk"));
        let mut again = request("dsk_1");
        again["resumed"] = true.into();
        again["hostname"] = "green".into();
        let second = init(&root, &fake, &again).unwrap_or_else(|error| panic!("{what}: {error:?}"));
        assert_eq!(second.host_public_key, first.host_public_key, "{what}");
        assert!(second.left_undone.iter().all(|said| said.contains(".ssh")), "{what}: {second:?}");
        assert_eq!(second.left_undone.len(), 1, "{what}");
        assert_eq!(text(&root, "etc/hostname"), "green\n", "{what}: the rest is done");
        assert!(leftovers(&root).is_empty(), "{what}");
    }
}

#[test]
fn a_name_that_cannot_be_written_down_stops_no_desktop() {
    let (root, fake) = (template(), Fake::default());
    init(&root, &fake, &request("dsk_1")).unwrap();
    fs::remove_file(root.path().join("etc/hostname")).unwrap();
    fs::create_dir_all(root.path().join("etc/hostname/mine")).unwrap();
    fake.take_calls();
    let mut again = request("dsk_1");
    again["hostname"] = "green".into();
    again["authorized_keys"] = serde_json::json!([]);
    let reply = init(&root, &fake, &again).unwrap();
    assert!(!reply.renewed);
    let [undone] = reply.left_undone.as_slice() else { panic!("{reply:?}") };
    assert!(undone.contains("etc/hostname"), "{undone}");
    assert!(fake.take_calls().contains(&"hostname green".to_owned()), "it has the name until it boots");
    assert!(keys_of(&root, "home/desk").is_empty(), "the rest is done");
    assert!(leftovers(&root).is_empty());
}

#[test]
fn what_is_no_file_is_neither_waited_for_nor_in_the_way_of_an_identity() {
    let (root, fake) = (template(), Fake::default());
    init(&root, &fake, &request("dsk_1")).unwrap();
    let at = |path: &str| root.path().join(path);
    let names = [
        "etc/ssh/ssh_host_ed25519_key",
        "etc/ssh/ssh_host_ed25519_key.pub",
        "etc/ssh/ssh_host_rsa_key",
        "etc/machine-id",
        "var/lib/dbus",
        "var/lib/rolltop/identity.json",
        "var/lib/systemd/random-seed",
        "var/lib/dhcpcd/secret",
        "etc/hosts",
    ];
    let clear = |path: &str| match fs::symlink_metadata(at(path)) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(at(path)).unwrap(),
        Ok(_) => fs::remove_file(at(path)).unwrap(),
        Err(_) => fs::create_dir_all(at(path).parent().unwrap()).unwrap(),
    };
    for path in names {
        for make in ["directory", "pipe", "link to itself", "nothing"] {
            clear(path);
            match make {
                "directory" => fs::create_dir_all(at(path).join("mine")).unwrap(),
                "pipe" => {
                    let made = std::process::Command::new("mkfifo").arg(at(path)).status().unwrap();
                    assert!(made.success());
                }
                "link to itself" => std::os::unix::fs::symlink(at(path), at(path)).unwrap(),
                _ => {}
            }
            // What stands where a directory should is more than somebody's mistake.
            let as_directory = path == "var/lib/dbus" && make != "directory" && make != "nothing";
            for desktop in ["dsk_1", "dsk_2"] {
                let reply = init(&root, &fake, &request(desktop));
                assert!(as_directory || reply.is_ok(), "{make} for {path}, {desktop}: {reply:?}");
            }
            clear(path);
            init(&root, &fake, &request("dsk_3")).unwrap();
        }
    }
}

#[test]
fn nothing_is_touched_by_a_request_that_is_not_valid() {
    let (root, fake) = (template(), Fake::default());
    let mut bad = request("dsk_1");
    bad["hostname"] = "a b".into();
    assert!(matches!(init(&root, &fake, &bad), Err(InitError::Request(_))));
    assert!(fake.take_calls().is_empty());
    assert_eq!(text(&root, "home/rolltop/.ssh/authorized_keys"), "the bootstrap key");
}

#[test]
fn a_time_zone_is_set_if_the_database_has_it() {
    let (root, fake) = (template(), Fake::default());
    fs::create_dir_all(root.path().join("usr/share/zoneinfo/Europe")).unwrap();
    fs::write(root.path().join("usr/share/zoneinfo/Europe/Paris"), "TZif").unwrap();
    let mut zoned = request("dsk_1");
    zoned["timezone"] = "Europe/Paris".into();
    init(&root, &fake, &zoned).unwrap();
    let link = fs::read_link(root.path().join("etc/localtime")).unwrap();
    assert_eq!(link.to_str(), Some("/usr/share/zoneinfo/Europe/Paris"));
    zoned["timezone"] = "Atlantis/Deep".into();
    init(&root, &fake, &zoned).unwrap();
    assert_eq!(text(&root, "etc/timezone"), "Europe/Paris\n");
}

#[test]
fn keys_replace_those_of_the_session_user_and_nothing_else() {
    let (root, fake) = (template(), Fake::default());
    init(&root, &fake, &request("dsk_1")).unwrap();
    fake.take_calls();
    let keys = |keys: serde_json::Value| {
        let request = serde_json::json!({ "authorized_keys": keys }).to_string();
        run_keys(request.as_bytes(), root.path(), &fake)
    };
    assert_eq!(keys(serde_json::json!([KEY, OTHER])).unwrap().installed, 2);
    assert_eq!(keys_of(&root, "home/desk"), [KEY, OTHER]);
    assert_eq!(keys_of(&root, "home/rolltop"), [KEY]);
    assert_eq!(text(&root, "etc/hostname"), "blue\n");
    assert_eq!(fake.take_calls(), ["give 1000", "commit"]);
    assert_eq!(keys(serde_json::json!([])).unwrap().installed, 0);
    assert!(keys_of(&root, "home/desk").is_empty());
    assert!(matches!(keys(serde_json::json!([format!("command=\"sh\" {KEY}")])), Err(InitError::Request(_))));
    assert!(leftovers(&root).is_empty());
}

#[test]
fn a_resumed_desktop_ends_its_dead_connections_whether_or_not_that_is_possible() {
    let (root, fake) = (template(), Fake::default());
    init(&root, &fake, &request("dsk_1")).unwrap();
    assert!(!fake.take_calls().contains(&"connections".to_owned()), "a first one has none");
    let mut again = request("dsk_1");
    again["resumed"] = true.into();
    init(&root, &fake, &again).unwrap();
    assert!(fake.take_calls().contains(&"connections".to_owned()));
    fake.broken.set(Some("connections"));
    let reply = init(&root, &fake, &again).unwrap();
    assert!(reply.steps.iter().any(|step| step.name == "connections not ended"), "{:?}", reply.steps);
}

#[test]
fn the_doors_key_is_outside_of_homes_where_sshd_looks_there() {
    let (root, fake) = (template(), Fake::default());
    let told = "Match User rolltop\n    AuthorizedKeysFile /etc/ssh/authorized_keys.d/%u\n";
    fs::create_dir_all(root.path().join("etc/ssh/sshd_config.d")).unwrap();
    fs::write(root.path().join("etc/ssh/sshd_config.d/10-rolltop.conf"), told).unwrap();
    fs::remove_dir_all(root.path().join("home/rolltop")).unwrap();
    init(&root, &fake, &request("dsk_1")).unwrap();
    assert_eq!(text(&root, "etc/ssh/authorized_keys.d/rolltop"), format!("{KEY}\n"));
    let mode =
        fs::metadata(root.path().join("etc/ssh/authorized_keys.d/rolltop")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644, "sshd reads it as the door's user");
    assert!(!root.path().join("home/rolltop").exists());
}
