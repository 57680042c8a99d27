//! The stock ssh, told by `rolltop` whom it speaks to.

use tokio::process::Command;

use crate::platform::{Person, Platform, finished, stderr, stdout};

async fn make_key(person: &Person) {
    std::fs::create_dir_all(person.path(".ssh")).unwrap();
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-t", "ed25519", "-q", "-N", "", "-C", "laptop", "-f"]).arg(person.path(".ssh/id_ed25519"));
    assert!(finished(keygen).await.status.success());
}

/// `ssh` takes the person's home from the account, so the key is named.
const KEY: &str = ".ssh/id_ed25519";

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_added_listed_and_removed() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    let (code, said) = person.fails(&["keys", "add"]).await;
    assert!(code == 4 && said.contains("ssh-keygen"), "{said}");
    make_key(&person).await;
    let added = person.ok(&["keys", "add"]).await;
    assert!(added.starts_with("laptop (SHA256:"), "{added}");
    let keys = person.json(&["keys", "ls"]).await;
    assert_eq!(keys["items"][0]["name"], "laptop");
    // The private half, by mistake: its public half is taken, or it is refused unread by the server.
    let (_, said) = person.fails(&["keys", "add", ".ssh/id_ed25519"]).await;
    assert!(!said.contains("PRIVATE"), "{said}");
    std::fs::rename(person.path(".ssh/id_ed25519"), person.path("private")).unwrap();
    let (code, said) = person.fails(&["keys", "add", "private"]).await;
    assert!(code == 2 && said.contains("This is a private key, and was not sent"), "{said}");
    assert_eq!(person.fails(&["keys", "rm", "lap"]).await.0, 4, "a key that is removed is named whole");
    person.ok(&["keys", "rm", "laptop"]).await;
    assert_eq!(person.json(&["keys", "ls"]).await, serde_json::json!({"items": []}));
    assert_eq!(person.fails(&["keys", "rm", "laptop"]).await.0, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn ssh_enters_and_asks_nothing() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    platform.running("research").await;
    let (code, said) = person.fails(&["ssh", "research", "--", "hostname"]).await;
    assert!(code == 3 && said.contains("rolltop keys add"), "{said}");
    make_key(&person).await;
    person.ok(&["keys", "add"]).await;
    let entered = person
        .run(&[
            "ssh",
            "research",
            "--identity",
            KEY,
            "--option",
            "BatchMode=yes",
            "--",
            "echo",
            "from inside",
        ])
        .await;
    assert_eq!(stdout(&entered), "from inside\n", "{}", stderr(&entered));
    let code = person.fails(&["ssh", "research", "-i", KEY, "--", "exit", "9"]).await.0;
    assert_eq!(code, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_written_configuration_is_included_once_and_enough() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    platform.running("research").await;
    platform.running("build").await;
    make_key(&person).await;
    person.ok(&["keys", "add"]).await;
    person.put(".ssh/config", "Host other\n    User somebody\n");
    let written = person.json(&["ssh-config", "--identity", KEY]).await;
    let mut hosts: Vec<&str> =
        written["hosts"].as_array().unwrap().iter().map(|h| h.as_str().unwrap()).collect();
    hosts.sort_unstable();
    assert_eq!(hosts, ["build.rolltop", "research.rolltop"]);
    let own = std::fs::read_to_string(person.path(".ssh/config")).unwrap();
    assert_eq!(own, "Include rolltop/*.conf\n\nHost other\n    User somebody\n");
    let config = written["config"].as_str().unwrap();
    let first = std::fs::read_to_string(config).unwrap();
    person.ok(&["ssh-config", "-i", KEY]).await;
    assert_eq!(std::fs::read_to_string(person.path(".ssh/config")).unwrap(), own);
    assert_eq!(std::fs::read_to_string(config).unwrap(), first);
    assert_eq!(person.ok(&["ssh-config", "-i", KEY, "--print"]).await, first);
    let mut ssh = Command::new("ssh");
    ssh.args(["-F", config, "-o", "BatchMode=yes", "research.rolltop", "hostname"]);
    ssh.env_remove("SSH_AUTH_SOCK").kill_on_drop(true);
    let entered = finished(ssh).await;
    assert_eq!(stdout(&entered), "research\n", "{}", stderr(&entered));
}
