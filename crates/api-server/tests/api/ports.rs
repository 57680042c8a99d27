//! Connections to ports inside a desktop, and the list of what listens.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use reqwest::Method;
use rolltop_api_server::ApiConfig;
use rolltop_api_types::{Code, DesktopState, PortSocket};
use rolltop_control::ControlConfig;
use rolltop_model::DesktopId;
use rolltop_testing::{PATIENCE, Platform, comes_true};
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::told::told;

/// Of the simulated machine: says back what it is told, and a web server.
const ECHO: u16 = 7;
const WEB: u16 = 3000;

async fn send(socket: &mut PortSocket, bytes: impl Into<Vec<u8>>) {
    socket.send(Message::binary(bytes.into())).await.unwrap();
}

/// Everything up to the end of what the desktop has to say.
async fn rest(socket: &mut PortSocket) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        match timeout(PATIENCE, socket.next()).await.expect("a message in time").expect("it stays open") {
            Ok(Message::Binary(bytes)) if bytes.is_empty() => return all,
            Ok(Message::Binary(bytes)) => all.extend_from_slice(&bytes),
            Ok(Message::Ping(_)) => {}
            other => panic!("{other:?} before the end"),
        }
    }
}

async fn close_code(socket: &mut PortSocket) -> Option<u16> {
    loop {
        match timeout(PATIENCE, socket.next()).await.expect("it closes in time") {
            Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return None,
        }
    }
}

#[tokio::test]
async fn each_direction_ends_by_itself() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let mut socket = platform.client.connect_port(desktop.id, ECHO).await.unwrap();
    let said: Vec<u8> = (0..2_000_000u32).map(|n| (n % 251) as u8).collect();
    let (mut to, mut from) = socket.split();
    let saying = async {
        for piece in said.chunks(100_000) {
            to.send(Message::binary(piece.to_vec())).await.unwrap();
        }
        to.send(Message::binary(Vec::new())).await.unwrap();
    };
    let hearing = async {
        let mut heard = Vec::new();
        while let Some(Ok(Message::Binary(bytes))) = from.next().await {
            if bytes.is_empty() {
                break;
            }
            heard.extend_from_slice(&bytes);
        }
        heard
    };
    let ((), heard) = timeout(PATIENCE, async { tokio::join!(saying, hearing) }).await.unwrap();
    assert!(heard == said);
    socket = to.reunite(from).unwrap();
    assert_eq!(close_code(&mut socket).await, Some(1000));
}

#[tokio::test]
async fn a_web_server_inside_answers() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let mut socket = platform.client.connect_port(desktop.id, WEB).await.unwrap();
    send(&mut socket, "GET / HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\r\n").await;
    let answer = String::from_utf8(rest(&mut socket).await).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("From inside the desktop"),
        "{answer}"
    );
    // Twice within the hour, one line for the owner.
    platform.client.connect_port(desktop.id, WEB).await.unwrap();
    let log = platform.client.access_log(desktop.id).await.unwrap();
    assert_eq!(log.iter().filter(|entry| entry.purpose == "ports").count(), 1, "{log:?}");
}

#[tokio::test]
async fn what_listens_is_listed() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let ports = platform.client.ports(desktop.id).await.unwrap();
    let web = ports.iter().find(|found| found.port == WEB).unwrap();
    assert_eq!(web.program.as_deref(), Some("node"));
    assert!(ports.is_sorted_by_key(|found| found.port));
}

#[tokio::test]
async fn who_takes_nothing_holds_up_the_desktop_and_loses_nothing() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let mut socket = platform.client.connect_port(desktop.id, WEB).await.unwrap();
    let count = 64 << 20;
    let request = format!("GET /bytes/{count} HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\r\n");
    send(&mut socket, request).await;
    // Nobody reads; the desktop's other channels and ports go on.
    for _ in 0..3 {
        assert!(platform.client.screenshot(desktop.id, 320).await.unwrap().bytes.len() > 1000);
        let mut other = platform.client.connect_port(desktop.id, ECHO).await.unwrap();
        send(&mut other, "still here").await;
        send(&mut other, "").await;
        assert_eq!(rest(&mut other).await, b"still here");
    }
    assert!(rest(&mut socket).await.len() > count);
}

#[tokio::test]
async fn it_closes_with_the_session_the_desktop_and_the_process() {
    let config = ApiConfig { heartbeat: Duration::from_millis(200), ..ApiConfig::default() };
    let platform = Platform::with(config, ControlConfig::default()).await;
    let desktop = platform.running("research").await;
    let session = platform.session().await;
    let mut theirs = session.connect_port(desktop.id, ECHO).await.unwrap();
    // A reader that stands still is no reason to stay.
    let mut stalled = session.connect_port(desktop.id, WEB).await.unwrap();
    send(&mut stalled, "GET /bytes/99999999 HTTP/1.1\r\nHost: desk\r\n\r\n").await;
    session.sign_out().await.unwrap();
    assert_eq!(close_code(&mut theirs).await, Some(1008));
    assert!(matches!(close_code(&mut stalled).await, Some(1008) | None));
    let mut mistaken = platform.client.connect_port(desktop.id, ECHO).await.unwrap();
    mistaken.send(Message::text("hello")).await.unwrap();
    assert_eq!(close_code(&mut mistaken).await, Some(1003));
    let mut long = platform.client.connect_port(desktop.id, ECHO).await.unwrap();
    let _ = long.send(Message::binary(vec![0; (1 << 20) + 1])).await;
    assert_eq!(close_code(&mut long).await, Some(1009));
    let mut garbled = platform.client.connect_port(desktop.id, ECHO).await.unwrap();
    // A frame of a kind that there is not.
    garbled.get_mut().write_all(&[0x83, 0x80, 0, 0, 0, 0]).await.unwrap();
    assert_eq!(close_code(&mut garbled).await, Some(1002));
    let mut cut = platform.client.connect_port(desktop.id, ECHO).await.unwrap();
    platform.engine.cut_connections(desktop.id);
    assert_eq!(close_code(&mut cut).await, Some(1011));
    let mut last = None;
    let again = async || match platform.client.connect_port(desktop.id, ECHO).await {
        Ok(socket) => last.replace(socket).is_none(),
        Err(_) => false,
    };
    assert!(comes_true(again).await);
    platform.shutdown.cancel();
    assert_eq!(close_code(&mut last.unwrap()).await, Some(1012));
}

#[tokio::test]
async fn a_desktop_has_so_many_connections_and_no_more() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let open = || platform.client.connect_port(desktop.id, ECHO);
    let mut sockets = futures::future::try_join_all((0..96).map(|_| open())).await.unwrap();
    assert_eq!(open().await.err().unwrap().code(), Some(Code::TooManyConnections));
    sockets.pop();
    assert!(comes_true(async || open().await.is_ok()).await, "a place is given back");
}

#[tokio::test]
async fn only_a_websocket_to_a_port_that_listens_is_a_connection() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let at = |port: &str| platform.raw(Method::GET, &format!("/v1/desktops/{}/ports/{port}", desktop.id));
    insta::assert_snapshot!(told(at("65536")).await, @r#"
    422 application/problem+json
    {
      "code": "invalid_port",
      "detail": "Ports have the numbers 1 to 65535.",
      "errors": [
        {
          "detail": "Ports have the numbers 1 to 65535.",
          "field": "port"
        }
      ],
      "status": 422,
      "title": "There is no such port",
      "type": "urn:rolltop:problem:invalid_port"
    }
    "#);
    assert_eq!(at("0").send().await.unwrap().status(), 422);
    assert_eq!(at("80").send().await.unwrap().status(), 426);
    let error = platform.client.connect_port(desktop.id, 81).await.err().unwrap();
    assert_eq!(error.code(), Some(Code::PortClosed));
    assert!(error.to_string().contains("Nothing listens on port 81"), "{error}");
    let error = platform.client.connect_port(DesktopId::from_u128(7), ECHO).await.err().unwrap();
    assert_eq!(error.code(), Some(Code::NotFound));
    platform.client.stop_desktop(desktop.id).await.unwrap();
    platform.until(desktop.id, DesktopState::Stopped).await;
    let error = platform.client.connect_port(desktop.id, ECHO).await.err().unwrap();
    assert_eq!(error.code(), Some(Code::NotRunning));
}
