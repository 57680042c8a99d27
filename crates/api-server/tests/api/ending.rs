//! What goes on after its request was let in ends with the credential, within seconds, whatever it is.

use std::time::Duration;

use futures::{SinkExt, StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use reqwest::Body;
use rolltop_api_types::{
    ApiKeyCreated, Client, Code, CreateApiKey, EventStream, SaveCondition, Scope, ScreenSocket,
    TerminalQuery, TerminalSocket,
};
use rolltop_model::DesktopId;
use rolltop_testing::{Platform, comes_true};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

/// Long for a computer, short for a person.
const AT_ONCE: Duration = Duration::from_secs(3);
/// 8 MiB, which no buffer on the way holds.
const LARGE: &str = "/home/desk/large.bin";
const SIZE: TerminalQuery = TerminalQuery { columns: 80, rows: 24, wake: true };

async fn key(platform: &Platform, expires_at: Option<Timestamp>) -> (ApiKeyCreated, Client) {
    let wanted = CreateApiKey { name: "ci".into(), scopes: Scope::ALL.to_vec(), desktop: None, expires_at };
    let made = platform.client.create_api_key(&wanted).await.unwrap();
    let client = platform.nobody.with_token(&made.token).unwrap();
    (made, client)
}

/// One of each that stays open.
struct Open {
    events: EventStream,
    screen: ScreenSocket,
    terminal: TerminalSocket,
}

impl Open {
    async fn with(client: &Client, id: DesktopId) -> Self {
        Self {
            events: client.events(None, None).await.unwrap(),
            screen: client.screen(id).await.unwrap(),
            terminal: client.terminal(id, 1, SIZE).await.unwrap(),
        }
    }

    async fn ends_within(mut self, deadline: Duration) {
        let events = async { while self.events.next().await.is_some() {} };
        timeout(deadline, events).await.expect("the event stream ends");
        for socket in [&mut self.screen, &mut self.terminal] {
            let closed = async {
                loop {
                    match socket.next().await {
                        Some(Ok(Message::Close(frame))) => break frame.map(|frame| u16::from(frame.code)),
                        Some(Ok(_)) => {}
                        Some(Err(_)) | None => break None,
                    }
                }
            };
            assert_eq!(timeout(deadline, closed).await.expect("the WebSocket closes"), Some(1008));
        }
    }
}

#[tokio::test]
async fn everything_open_ends_when_its_key_is_revoked_and_nothing_else() {
    let platform = Platform::start().await;
    let id = platform.running("research").await.id;
    let ((made, mine), (_, others)) = (key(&platform, None).await, key(&platform, None).await);
    let open = Open::with(&mine, id).await;
    let mut still = others.terminal(id, 2, SIZE).await.unwrap();
    platform.client.revoke_api_key(made.key.id).await.unwrap();
    open.ends_within(AT_ONCE).await;
    still.send(Message::binary(&b"echo still here\r"[..])).await.unwrap();
    let mut seen = String::new();
    while !seen.contains("\r\nstill here") {
        let message =
            timeout(AT_ONCE, still.next()).await.expect("an answer").expect("it stays open").unwrap();
        assert!(!message.is_close(), "others go on");
        seen.push_str(&String::from_utf8_lossy(&message.into_data()));
    }
}

#[tokio::test]
async fn everything_open_ends_with_its_session() {
    let platform = Platform::start().await;
    let id = platform.running("research").await.id;
    let session = platform.session().await;
    let open = Open::with(&session, id).await;
    session.sign_out().await.unwrap();
    open.ends_within(AT_ONCE).await;
}

#[tokio::test]
async fn everything_open_ends_when_its_key_expires() {
    let platform = Platform::start().await;
    let id = platform.running("research").await.id;
    let end = Timestamp::now().checked_add(SignedDuration::from_secs(3)).unwrap();
    let (_, client) = key(&platform, Some(end)).await;
    let open = Open::with(&client, id).await;
    open.ends_within(AT_ONCE + Duration::from_secs(3)).await;
    assert!(Timestamp::now() >= end, "not before its time");
    assert_eq!(client.me().await.unwrap_err().code(), Some(Code::Unauthenticated));
}

#[tokio::test]
async fn a_download_breaks_off_and_does_not_pass_for_whole() {
    let platform = Platform::start().await;
    let id = platform.running("research").await.id;
    let (made, client) = key(&platform, None).await;
    let before = client.file(id, LARGE, None).await.unwrap().into_bytes().await.unwrap();
    assert_eq!(before.len(), 8 << 20, "until then it comes whole");
    let body = client.file(id, LARGE, None).await.unwrap();
    platform.client.revoke_api_key(made.key.id).await.unwrap();
    let read = timeout(AT_ONCE, body.into_bytes()).await.expect("it ends");
    assert!(read.is_err(), "{:?} bytes came as if they were all", read.map(|bytes| bytes.len()));
}

#[tokio::test]
async fn an_upload_breaks_off_and_leaves_nothing() {
    let platform = Platform::start().await;
    let id = platform.running("research").await.id;
    let (made, client) = key(&platform, None).await;
    let started = stream::iter([Ok::<_, std::io::Error>(vec![7u8; 4096])]).chain(stream::pending());
    let uploading = tokio::spawn(async move {
        client.save_file(id, "/home/desk/half", &SaveCondition::Any, Body::wrap_stream(started)).await
    });
    let parts = async || {
        let folder = platform.client.list_files(id, "/home/desk").await.unwrap();
        folder.items.iter().filter(|file| file.name.starts_with(".rolltop-upload-")).count()
    };
    assert!(comes_true(async || parts().await == 1).await, "it has begun");
    platform.client.revoke_api_key(made.key.id).await.unwrap();
    let refused = timeout(AT_ONCE, uploading).await.expect("it ends").unwrap();
    assert!(refused.is_err(), "{refused:?}");
    assert!(comes_true(async || parts().await == 0).await, "what had come is cleared away");
    assert!(platform.client.file_info(id, "/home/desk/half").await.is_err());
}
