//! The screen's WebSocket.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use reqwest::Method;
use rolltop_api_server::ApiConfig;
use rolltop_api_types::{Code, CreateDesktop, DesktopState, ForkDesktop, ScreenSocket, UpdateDesktop};
use rolltop_control::ControlConfig;
use rolltop_model::DesktopId;
use rolltop_testing::{PATIENCE, Platform, comes_true};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::told::told;

/// At least `count` bytes of RFB.
async fn receive(socket: &mut ScreenSocket, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < count {
        let message = timeout(PATIENCE, socket.next()).await.expect("bytes in time").expect("it stays open");
        if let Message::Binary(more) = message.unwrap() {
            bytes.extend_from_slice(&more);
        }
    }
    bytes
}

async fn closed(socket: &mut ScreenSocket) -> Option<CloseFrame> {
    loop {
        match timeout(PATIENCE, socket.next()).await.expect("it closes in time") {
            Some(Ok(Message::Close(frame))) => return frame,
            Some(Ok(_)) => {}
            Some(Err(error)) => panic!("no good close: {error}"),
            None => return None,
        }
    }
}

/// The RFB handshake up to the server's description of its screen.
async fn open(platform: &Platform, id: DesktopId) -> (ScreenSocket, u16, u16) {
    let mut socket = platform.client.screen(id).await.unwrap();
    assert_eq!(receive(&mut socket, 12).await, b"RFB 003.008\n");
    socket.send(Message::binary(&b"RFB 003.008\n"[..])).await.unwrap();
    assert_eq!(receive(&mut socket, 2).await, [1, 1], "security: one type, None");
    socket.send(Message::binary(vec![1])).await.unwrap();
    assert_eq!(receive(&mut socket, 4).await, [0; 4]);
    socket.send(Message::binary(vec![1])).await.unwrap();
    let screen = receive(&mut socket, 24).await;
    let number = |at: usize| u16::from_be_bytes([screen[at], screen[at + 1]]);
    (socket, number(0), number(2))
}

/// Asks for the whole picture.
fn everything(width: u16, height: u16) -> Message {
    let size = width.to_be_bytes().into_iter().chain(height.to_be_bytes());
    Message::binary([3, 0, 0, 0, 0, 0].into_iter().chain(size).collect::<Vec<u8>>())
}

#[tokio::test]
async fn rfb_goes_both_ways() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let (mut socket, width, height) = open(&platform, desktop.id).await;
    assert!(width >= 640 && height >= 480, "{width}x{height}");

    // Raw is what a server must speak: four bytes a pixel.
    socket.send(everything(width, height)).await.unwrap();
    let update = receive(&mut socket, usize::from(width) * usize::from(height) * 4).await;
    assert_eq!(update[0], 0, "a framebuffer update");

    for down in [1, 0] {
        socket.send(Message::binary(vec![4, down, 0, 0, 0, 0, 0, b'k'])).await.unwrap();
    }
    assert!(comes_true(async || platform.engine.typed_text(desktop.id).as_deref() == Some("k")).await);
    socket.close(None).await.unwrap();
    let log = platform.client.access_log(desktop.id).await.unwrap();
    assert!(log.iter().any(|entry| entry.purpose == "screen"), "{log:?}");
}

#[tokio::test]
async fn the_viewer_hears_when_the_desktop_is_gone() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let (mut socket, ..) = open(&platform, desktop.id).await;
    platform.engine.cut_connections(desktop.id);
    let frame = closed(&mut socket).await.expect("a close frame");
    assert_eq!(u16::from(frame.code), 1000);
}

#[tokio::test]
async fn text_is_no_rfb() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let (mut socket, ..) = open(&platform, desktop.id).await;
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(u16::from(closed(&mut socket).await.expect("a close frame").code), 1003);
}

#[tokio::test]
async fn a_viewer_that_takes_nothing_is_let_go() {
    let config = ApiConfig { stalled_viewer: Duration::from_millis(300), ..ApiConfig::default() };
    let platform = Platform::with(config, ControlConfig::default()).await;
    let desktop = platform.running("research").await;
    let (mut socket, width, height) = open(&platform, desktop.id).await;
    // Each picture is more than a socket holds; none is ever read.
    let gone = comes_true(async || socket.send(everything(width, height)).await.is_err());
    assert!(gone.await, "its connection is closed");
    // Nobody else is held up by it.
    assert_eq!(platform.client.desktop(desktop.id).await.unwrap().state, DesktopState::Running);
    open(&platform, desktop.id).await;
}

#[tokio::test]
async fn a_screen_closes_when_the_process_is_to_stop() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let mut socket = platform.client.screen(desktop.id).await.unwrap();
    platform.shutdown.cancel();
    assert_eq!(u16::from(closed(&mut socket).await.expect("a close frame").code), 1012);
}

#[tokio::test]
async fn only_a_websocket_of_a_running_desktop_is_a_screen() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let plain = platform.raw(Method::GET, &format!("/v1/desktops/{}/screen", desktop.id));
    insta::assert_snapshot!(told(plain).await, @r#"
    426 application/problem+json
    {
      "code": "websocket_required",
      "detail": "The screen is a WebSocket; open it with subprotocol binary.",
      "status": 426,
      "title": "A WebSocket is needed",
      "type": "urn:rolltop:problem:websocket_required"
    }
    "#);
    platform.client.stop_desktop(desktop.id).await.unwrap();
    platform.until(desktop.id, DesktopState::Stopped).await;
    let error = platform.client.screen(desktop.id).await.err().unwrap();
    assert_eq!(error.code(), Some(Code::NotRunning));
    let error = platform.client.screen(DesktopId::from_u128(7)).await.err().unwrap();
    assert_eq!(error.code(), Some(Code::NotFound));
}

#[tokio::test]
async fn a_viewer_that_asks_is_answered_between_what_is_drawn() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let (mut socket, width, height) = open(&platform, desktop.id).await;
    socket.send(Message::text(r#"{"ping":41}"#)).await.unwrap();
    socket.send(everything(width, height)).await.unwrap();
    let (mut answers, mut drawn) = (Vec::new(), 0);
    while answers.is_empty() || drawn < usize::from(width) * usize::from(height) * 4 {
        match timeout(PATIENCE, socket.next()).await.expect("more in time").expect("it stays open").unwrap() {
            Message::Text(text) => answers.push(text.to_string()),
            Message::Binary(bytes) => drawn += bytes.len(),
            _ => {}
        }
    }
    assert_eq!(answers, [r#"{"pong":41}"#]);
    socket.send(Message::text("anything")).await.unwrap();
    assert_eq!(closed(&mut socket).await.unwrap().reason, "this text is no control message");
}

/// Asks for a size, as a viewer whose window has it.
fn of_size(width: u16, height: u16) -> Message {
    let (width, height) = (width.to_be_bytes(), height.to_be_bytes());
    let screen = [[0; 8].as_slice(), &width, &height, &[0; 4]].concat();
    Message::binary([&[251, 0], &width[..], &height, &[1, 0], &screen].concat())
}

/// The size that somebody who comes now would see, once it is that.
async fn becomes(platform: &Platform, id: DesktopId, size: (u16, u16)) -> bool {
    comes_true(async || {
        let (mut socket, width, height) = open(platform, id).await;
        socket.close(None).await.unwrap();
        (width, height) == size
    })
    .await
}

#[tokio::test]
async fn whoever_drives_decides_the_size_and_gives_it_back_by_leaving() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let press = || Message::binary(vec![4, 1, 0, 0, 0, 0, 0, b'k']);
    let (mut large, ..) = open(&platform, desktop.id).await;
    large.send(of_size(1600, 900)).await.unwrap();
    assert!(becomes(&platform, desktop.id, (1600, 900)).await, "alone, one drives");

    let (mut small, ..) = open(&platform, desktop.id).await;
    small.send(of_size(800, 600)).await.unwrap();
    small.send(Message::text(r#"{"ping":1}"#)).await.unwrap();
    while !matches!(timeout(PATIENCE, small.next()).await.unwrap(), Some(Ok(Message::Text(_)))) {}
    assert!(becomes(&platform, desktop.id, (1600, 900)).await, "whoever only looks changes nothing");

    small.send(press()).await.unwrap();
    assert!(becomes(&platform, desktop.id, (800, 600)).await, "whoever takes over has it as asked");
    small.close(None).await.unwrap();
    assert!(becomes(&platform, desktop.id, (1600, 900)).await, "and gives it back");

    large.send(of_size(16_000, 16_000)).await.unwrap();
    large.send(of_size(1280, 720)).await.unwrap();
    assert!(becomes(&platform, desktop.id, (1280, 720)).await, "what no memory holds is left out");
}

#[tokio::test]
async fn a_screen_that_keeps_its_size_does_so_whoever_looks_and_in_its_forks() {
    let platform = Platform::start().await;
    let wanted = CreateDesktop { screen: Some("1024x768".into()), ..CreateDesktop::default() };
    let id = platform.client.create_desktop(&wanted, None).await.unwrap().id;
    platform.until(id, DesktopState::Running).await;
    assert!(becomes(&platform, id, (1024, 768)).await, "without anybody looking");
    let (mut viewer, ..) = open(&platform, id).await;
    viewer.send(of_size(640, 480)).await.unwrap();
    viewer.send(Message::binary(vec![4, 1, 0, 0, 0, 0, 0, b'k'])).await.unwrap();

    let update = async |screen: &str| {
        let change = UpdateDesktop { screen: Some(screen.to_owned()), ..UpdateDesktop::default() };
        platform.client.update_desktop(id, &change).await
    };
    assert_eq!(update("1440x900").await.unwrap().choices.screen, Some("1440x900".parse().unwrap()));
    assert!(becomes(&platform, id, (1440, 900)).await, "at once, and not as the viewer wishes");
    let fork = platform.client.fork_desktop(id, &ForkDesktop::default()).await.unwrap().remove(0);
    assert_eq!(fork.choices.screen, Some("1440x900".parse().unwrap()));
    for wrong in ["", "12", "1x1", "9000x9000", "8192x8192", "1280 x 800"] {
        let refused = update(wrong).await.unwrap_err();
        assert_eq!(refused.problem().map(|problem| problem.code), Some(Code::InvalidScreen), "{wrong:?}");
    }

    assert_eq!(update("follow").await.unwrap().choices.screen, None);
    assert!(becomes(&platform, id, (640, 480)).await, "who drives decides again");
    let history = platform.client.history(id).await.unwrap();
    let of = |kind: &str| history.iter().find(|entry| entry.kind == kind).map(|entry| entry.detail.clone());
    assert_eq!(of("screen_fixed"), Some(Some("1440x900".into())), "{history:?}");
    assert_eq!(of("screen_freed"), Some(None));
}

#[tokio::test]
async fn of_several_sizes_wished_for_at_once_the_one_that_is_kept_is_on_the_screen() {
    let platform = Platform::start().await;
    let id = platform.running("research").await.id;
    for _ in 0..3 {
        let updates = ["1600x700", "1000x900", "1200x1100", "1920x1080"].map(|screen| {
            let change = UpdateDesktop { screen: Some(screen.to_owned()), ..UpdateDesktop::default() };
            let client = platform.client.clone();
            tokio::spawn(async move { client.update_desktop(id, &change).await })
        });
        for update in updates {
            update.await.unwrap().unwrap();
        }
        let kept = platform.client.desktop(id).await.unwrap().choices.screen.unwrap();
        let (mut socket, width, height) = open(&platform, id).await;
        socket.close(None).await.unwrap();
        assert_eq!((width, height), (kept.width, kept.height), "as soon as all are answered");
    }
}

#[tokio::test]
async fn a_screen_that_closes_says_why() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let (mut socket, ..) = open(&platform, desktop.id).await;
    platform.engine.cut_connections(desktop.id);
    assert_eq!(closed(&mut socket).await.unwrap().reason, "the connection to the desktop was lost");
    let (mut socket, ..) = open(&platform, desktop.id).await;
    platform.client.stop_desktop(desktop.id).await.unwrap();
    assert_eq!(closed(&mut socket).await.unwrap().reason, "the desktop was stopped");
}

const TIGHT: i32 = 7;

/// An update that fills the same part of the screen so many times.
fn fills(times: u16, width: u16, height: u16) -> Vec<u8> {
    let mut update = vec![0, 0];
    update.extend(times.to_be_bytes());
    for _ in 0..times {
        update.extend([0, 0, width, height].map(u16::to_be_bytes).concat());
        update.extend(TIGHT.to_be_bytes());
        update.extend([0x80, 1, 2, 3]);
    }
    update
}

/// Looks, with Tight offered, and asks for all of it.
async fn asked(platform: &Platform, id: DesktopId) -> ScreenSocket {
    let (mut socket, width, height) = open(platform, id).await;
    let offers = [vec![2, 0, 0, 1], TIGHT.to_be_bytes().to_vec()].concat();
    socket.send(Message::binary(offers)).await.unwrap();
    socket.send(everything(width, height)).await.unwrap();
    socket
}

#[tokio::test]
async fn a_server_that_says_what_none_may_is_cut_off_before_a_viewer_hears_it() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let huge_name = [vec![0, 0, 0, 1], vec![0; 8], (-307_i32).to_be_bytes().to_vec(), vec![0xff; 4]].concat();
    for says in [fills(1, 65535, 65535), huge_name, vec![3, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff], vec![99]] {
        platform.engine.faults().screen_says(Some(says.clone()));
        let mut socket = asked(&platform, desktop.id).await;
        let mut heard = Vec::new();
        let frame = loop {
            match timeout(PATIENCE, socket.next()).await.expect("it closes in time").unwrap().unwrap() {
                Message::Binary(bytes) => heard.extend_from_slice(&bytes),
                Message::Close(frame) => break frame.unwrap(),
                _ => {}
            }
        };
        assert_eq!(u16::from(frame.code), 4001, "{says:?}: {}", frame.reason);
        assert!(heard.len() < 100, "what came before it at most");
    }
}

/// A few bytes have a page paint all of its screen; thousands at once and it would stand still for minutes.
#[tokio::test]
async fn a_server_that_paints_without_end_is_slowed_down() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let says = fills(u16::MAX, 640, 480);
    platform.engine.faults().screen_says(Some(says.clone()));
    let mut socket = asked(&platform, desktop.id).await;
    let mut heard = 0;
    let listening = async {
        while let Some(Ok(message)) = socket.next().await {
            heard += if let Message::Binary(bytes) = message { bytes.len() } else { 0 };
        }
    };
    timeout(Duration::from_secs(3), listening).await.expect_err("it stays open");
    // At 500 million pixels a second, and a second's worth ahead.
    let most = 4 * 500_000_000 / (640 * 480) * 16 + (256 << 10);
    assert!((1000..most).contains(&heard), "{heard} of {} bytes", says.len());
}

#[tokio::test]
async fn a_credential_has_so_many_screens_and_the_memory_for_them_has_an_end() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let mut open = Vec::new();
    for _ in 0..64 {
        open.push(platform.client.screen(desktop.id).await.unwrap());
    }
    let refused = platform.client.screen(desktop.id).await.unwrap_err();
    let problem = refused.problem().unwrap();
    assert_eq!((problem.code, problem.status), (Code::TooManyAtOnce, 429), "{problem:?}");
    open.pop().unwrap().close(None).await.unwrap();
    let again = comes_true(async || platform.client.screen(desktop.id).await.is_ok()).await;
    assert!(again, "what was closed makes room");

    let little = ControlConfig { transfer_memory: 16 << 20, ..ControlConfig::default() };
    let platform = Platform::with(ApiConfig::default(), little).await;
    let desktop = platform.running("research").await;
    let held = platform.client.screen(desktop.id).await.unwrap();
    let refused = platform.client.screen(desktop.id).await.unwrap_err();
    let problem = refused.problem().unwrap();
    assert_eq!((problem.code, problem.status), (Code::Unavailable, 503), "{problem:?}");
    assert!(problem.detail.contains("memory"), "{problem:?}");
    drop(held);
    assert!(comes_true(async || platform.client.screen(desktop.id).await.is_ok()).await);
}
