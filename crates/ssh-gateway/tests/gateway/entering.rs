//! What people do through the jump host when they may.

use std::time::Duration;

use rolltop_api_types::DesktopState;
use tokio::time::sleep;

use crate::platform::{Platform, run, stderr, stdout};

#[tokio::test]
async fn ssh_sftp_and_scp_go_through_it_with_verified_host_keys() {
    let platform = Platform::start().await;
    let person = platform.person("ann").await;
    let desktop = platform.running("research").await;
    platform.tell_host_keys(&person, desktop.id).await;

    let hello = run(person.ssh("research").args(["echo", "hello", "there"])).await;
    assert_eq!((stdout(&hello).as_str(), hello.status.code()), ("hello there\n", Some(0)), "{hello:?}");
    let exit = run(person.ssh(&desktop.id.to_string()).args(["exit", "7"])).await;
    assert_eq!(exit.status.code(), Some(7), "the id works too: {exit:?}");

    let source = "desk@research:/home/desk/large.bin";
    let copied = run(person.command("scp").args(["-J", &person.jump, source, "copied"])).await;
    assert!(copied.status.success(), "{copied:?}");
    let bytes = std::fs::read(person.home.join("copied")).unwrap();
    assert_eq!(bytes.len(), 8 << 20);
    assert!(bytes.iter().enumerate().all(|(place, byte)| usize::from(*byte) == place % 251));

    std::fs::write(person.home.join("batch"), "ls notes\nget welcome.txt\n").unwrap();
    let got = run(person.command("sftp").args(["-J", &person.jump, "-b", "batch", "desk@research"])).await;
    assert!(got.status.success() && stdout(&got).contains("today.md"), "{got:?}");
    assert!(person.home.join("welcome.txt").exists());

    let log = platform.client.access_log(desktop.id).await.unwrap();
    assert!(
        log.iter().any(|entry| (entry.purpose.as_str(), entry.actor.as_str()) == ("ssh", "ann")),
        "{log:?}"
    );
    let keys = platform.client.ssh_keys().await.unwrap();
    assert!(keys.iter().any(|key| key.name == "ann" && key.used_at.is_some()), "{keys:?}");
}

#[tokio::test]
async fn every_usual_kind_of_key_opens() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    for (name, kind) in [
        ("rsa", &["-t", "rsa", "-b", "3072"][..]),
        ("p256", &["-t", "ecdsa", "-b", "256"]),
        ("p521", &["-t", "ecdsa", "-b", "521"]),
    ] {
        let person = platform.person_with(name, kind).await;
        let added = platform.add(&person).await;
        assert_eq!((added.key.name.as_str(), added.delivery.done), (name, 1));
        platform.tell_host_keys(&person, desktop.id).await;
        let hello = run(person.ssh("research").args(["echo", name])).await;
        assert_eq!(stdout(&hello), format!("{name}\n"), "{hello:?}");
    }
}

#[tokio::test]
async fn a_desktop_that_is_off_is_started_and_has_the_keys_of_the_day() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    platform.client.stop_desktop(desktop.id).await.unwrap();
    platform.until(desktop.id, DesktopState::Stopped).await;
    let person = platform.stranger("ann").await;
    let delivery = platform.add(&person).await.delivery;
    assert_eq!((delivery.done, delivery.pending, delivery.at_next_start), (0, 0, 1));
    platform.tell_host_keys(&person, desktop.id).await;
    let hello = run(person.ssh("research").args(["echo", "awake"])).await;
    assert_eq!(stdout(&hello), "awake\n", "{hello:?}");
    platform.until(desktop.id, DesktopState::Running).await;
}

#[tokio::test]
async fn what_was_switched_off_is_not_brought_back_by_clients_that_reconnect() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let editor = platform.person_with("editor", &["-t", "ed25519"]).await;
    let person = platform.person_with("person", &["-t", "ed25519"]).await;
    for someone in [&editor, &person] {
        platform.add(someone).await;
        platform.tell_host_keys(someone, desktop.id).await;
    }
    let mut open = editor.ssh("research").args(["cat"]).stdin(std::process::Stdio::piped()).spawn().unwrap();
    rolltop_testing::eventually("the editor is connected", async || {
        let log = platform.client.access_log(desktop.id).await.unwrap();
        log.iter().any(|entry| entry.purpose == "ssh")
    })
    .await;
    platform.client.stop_desktop(desktop.id).await.unwrap();
    platform.until(desktop.id, DesktopState::Stopped).await;
    open.wait().await.unwrap();
    for _ in 0..2 {
        let again = run(editor.ssh("research").args(["true"])).await;
        assert!(stderr(&again).contains("rolltop start research"), "{again:?}");
    }
    assert_eq!(platform.client.desktop(desktop.id).await.unwrap().state, DesktopState::Stopped);
    // Somebody else's client was not connected, so it is they who come.
    let hello = run(person.ssh("research").args(["echo", "hello"])).await;
    assert_eq!(stdout(&hello), "hello\n", "{hello:?}");
    let hello = run(editor.ssh("research").args(["echo", "back"])).await;
    assert_eq!(stdout(&hello), "back\n", "{hello:?}");
}

#[tokio::test]
async fn a_desktop_that_did_not_take_its_keys_gets_them_later() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    platform.engine.faults().door(rolltop_testing::DoorFault::Unreachable);
    platform.engine.cut_connections(desktop.id);
    // The kept connection has to be seen as gone, or the keys go through it.
    sleep(Duration::from_millis(300)).await;
    let person = platform.stranger("ann").await;
    let delivery = platform.add(&person).await.delivery;
    assert_eq!((delivery.done, delivery.pending), (0, 1));
    platform.engine.faults().door(rolltop_testing::DoorFault::None);
    platform.tell_host_keys(&person, desktop.id).await;
    rolltop_testing::eventually("the key opens the desktop", async || {
        let hello = run(person.ssh("research").args(["echo", "in"])).await;
        assert!(
            hello.status.success() || stderr(&hello).contains("desk@research: Permission denied"),
            "{hello:?}"
        );
        hello.status.success()
    })
    .await;
}
