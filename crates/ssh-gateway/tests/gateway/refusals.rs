//! What the jump host does not do, and how it says so.

use std::net::SocketAddr;
use std::time::Duration;

use rolltop_api_types::{Code, CreateSshKey};
use rolltop_ssh_gateway::Limits;
use rolltop_testing::PATIENCE;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::platform::{Platform, run, stderr, stdout};

#[tokio::test]
async fn nothing_but_a_desktops_sshd_can_be_reached() {
    let platform = Platform::start().await;
    let person = platform.person("ann").await;
    let desktop = platform.running("research").await;
    platform.tell_host_keys(&person, desktop.id).await;
    let port = platform.address.port().to_string();
    for target in ["127.0.0.1:22", "localhost.localdomain:22", "[::1]:22", "169.254.169.254:80"] {
        let refused = run(&mut person.ssh_to_jump_host(&["-W", target])).await;
        assert!(!refused.status.success());
        assert!(stderr(&refused).contains("leads to desktops only"), "{target}: {refused:?}");
    }
    for target in [format!("research:{port}"), "research:5900".to_owned(), format!("{}:80", desktop.id)] {
        let refused = run(&mut person.ssh_to_jump_host(&["-W", &target])).await;
        assert!(stderr(&refused).contains("only port 22 of a desktop"), "{target}: {refused:?}");
    }
    let reverse = ["-N", "-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:22"];
    let refused = run(&mut person.ssh_to_jump_host(&reverse)).await;
    assert!(!refused.status.success() && stderr(&refused).contains("forward"), "{refused:?}");
    let nobody = run(&mut person.ssh("nobody")).await;
    assert!(stderr(&nobody).contains("There is no such desktop."), "{nobody:?}");
}

#[tokio::test]
async fn there_is_no_shell_and_no_command_and_it_says_what_to_do() {
    let platform = Platform::start().await;
    let person = platform.person("ann").await;
    let desktop = platform.running("research").await;
    platform.tell_host_keys(&person, desktop.id).await;
    for options in [&[][..], &["-tt"], &["-A", "-X"]] {
        let shell = run(&mut person.ssh_to_jump_host(options)).await;
        assert_eq!(shell.status.code(), Some(1), "{shell:?}");
        assert!(stderr(&shell).contains("ssh -J rolltop@"), "{shell:?}");
        assert_eq!(stdout(&shell), "");
    }
    let command = run(person.ssh_to_jump_host(&[]).arg("id")).await;
    assert!(stderr(&command).contains("Nothing runs on the jump host"), "{command:?}");
    let (user, port) = person.jump.rsplit_once(':').unwrap();
    let copy = run(person.command("ssh-copy-id").args(["-f", "-i", "key.pub", "-p", port, user])).await;
    assert!(!copy.status.success(), "{copy:?}");
    assert!(stderr(&copy).contains("add a key on the page Keys"), "{copy:?}");
}

#[tokio::test]
async fn a_key_that_nobody_added_and_other_users_are_turned_away() {
    let platform = Platform::start().await;
    let (stranger, person) = (platform.stranger("eve").await, platform.person("ann").await);
    let desktop = platform.running("research").await;
    platform.tell_host_keys(&stranger, desktop.id).await;
    platform.tell_host_keys(&person, desktop.id).await;
    let refused = run(stranger.ssh("research").arg("hostname")).await;
    assert!(stderr(&refused).contains("Permission denied (publickey)"), "{refused:?}");
    let port = platform.address.port().to_string();
    let root = run(person.command("ssh").args(["-p", &port, "root@127.0.0.1"])).await;
    assert!(stderr(&root).contains("Permission denied (publickey)"), "{root:?}");
    let password = ["-o", "PreferredAuthentications=password,keyboard-interactive,none"];
    let without = run(&mut person.ssh_to_jump_host(&password)).await;
    assert!(stderr(&without).contains("Permission denied (publickey)"), "{without:?}");
}

#[tokio::test]
async fn weak_and_private_keys_are_refused_with_their_own_code() {
    let platform = Platform::start().await;
    let weak = platform.person_with("weak", &["-t", "rsa", "-b", "2048"]).await;
    let good = platform.stranger("good").await;
    let private = std::fs::read_to_string(good.home.join("key")).unwrap();
    let code = async |text: String| {
        let key = CreateSshKey { name: Some("x".into()), public_key: text.into() };
        platform.client.add_ssh_key(&key).await.err().and_then(|error| error.code())
    };
    assert_eq!(code(weak.public_key()).await, Some(Code::WeakKey));
    assert_eq!(code(private).await, Some(Code::PrivateKey));
    assert_eq!(code("ssh-ed25519 AAAA".into()).await, Some(Code::InvalidKey));
    assert_eq!(code(good.public_key()).await, None);
    assert_eq!(code(good.public_key()).await, Some(Code::KeyExists));
}

#[tokio::test]
async fn strangers_have_little_time() {
    let limits = Limits { login: Duration::from_millis(400), ..Limits::default() };
    let platform = Platform::with(limits).await;
    let mut silent = silent(platform.address).await;
    let mut rest = Vec::new();
    let closed = timeout(PATIENCE, silent.read_to_end(&mut rest)).await;
    assert!(closed.is_ok(), "whoever says nothing is hung up on");
}

/// A connection that has been attended to and says nothing.
async fn silent(address: SocketAddr) -> TcpStream {
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut banner = [0; 11];
    timeout(PATIENCE, silent.read_exact(&mut banner)).await.unwrap().unwrap();
    assert_eq!(&banner, b"SSH-2.0-Rol");
    silent
}

#[tokio::test]
async fn who_is_turned_away_is_told_why() {
    let platform = Platform::with(Limits { per_network: 2, ..Limits::default() }).await;
    let _held = (silent(platform.address).await, silent(platform.address).await);
    let person = platform.stranger("late").await;
    let refused = run(&mut person.ssh_to_jump_host(&[])).await;
    let told = stderr(&refused);
    assert!(told.contains("too many connections from your address to the jump host"), "{told}");
}

/// 127.0.0.2 and 127.0.0.3 hold all places for strangers in silence, with more behind them; people come from 127.0.0.1.
#[tokio::test]
async fn silent_connections_from_two_addresses_keep_nobody_out() {
    let limits = Limits { strangers: 20, grace: Duration::from_secs(1), ..Limits::default() };
    let platform = Platform::with(limits).await;
    let mut held = Vec::new();
    for number in 0..40 {
        let from = if number % 2 == 0 { "127.0.0.2:0" } else { "127.0.0.3:0" };
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(from.parse().unwrap()).unwrap();
        held.push(socket.connect(platform.address).await.unwrap());
    }
    let person = platform.person("ann").await;
    let desktop = platform.running("research").await;
    platform.tell_host_keys(&person, desktop.id).await;
    for _ in 0..2 {
        let entered = run(person.ssh("research").arg("hostname")).await;
        assert!(entered.status.success(), "{entered:?}");
    }
    drop(held);
}

#[tokio::test]
async fn more_logins_at_once_than_there_are_places_are_all_served() {
    let platform = Platform::with(Limits { strangers: 4, ..Limits::default() }).await;
    let person = platform.person("ann").await;
    let desktop = platform.running("research").await;
    platform.tell_host_keys(&person, desktop.id).await;
    let mut logins = JoinSet::new();
    for _ in 0..16 {
        let mut ssh = person.ssh_to_jump_host(&[]);
        logins.spawn(async move { stderr(&run(&mut ssh).await) });
    }
    for told in logins.join_all().await {
        assert!(told.contains("You are known here"), "{told}");
    }
}
