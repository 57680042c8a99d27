//! Terminals: their WebSocket, and what of them stays.

use futures::{SinkExt, StreamExt};
use reqwest::Method;
use rolltop_api_types::{
    Code, ResizeTerminal, TerminalControl, TerminalNumber, TerminalQuery, TerminalSocket,
};
use rolltop_model::DesktopId;
use rolltop_testing::{PATIENCE, Platform, comes_true};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::told::told;

const SIZE: TerminalQuery = TerminalQuery { columns: 80, rows: 24, wake: true };

/// A viewer that reports what it has drawn, as long as it is asked to read.
struct Viewer {
    socket: TerminalSocket,
    seen: String,
    close: Option<u16>,
}

impl Viewer {
    async fn open(platform: &Platform, id: DesktopId, number: u32) -> Self {
        let socket = platform.client.terminal(id, number, SIZE).await.unwrap();
        Self { socket, seen: String::new(), close: None }
    }

    async fn type_in(&mut self, text: &str) {
        self.socket.send(Message::binary(text.as_bytes().to_vec())).await.unwrap();
    }

    async fn control(&mut self, control: TerminalControl) {
        self.socket.send(Message::text(serde_json::to_string(&control).unwrap())).await.unwrap();
    }

    /// Reads one message; `false` once closed.
    async fn read(&mut self) -> bool {
        match timeout(PATIENCE, self.socket.next()).await.expect("a message in time") {
            Some(Ok(Message::Binary(bytes))) => {
                self.seen.push_str(&String::from_utf8_lossy(&bytes));
                let drawn = serde_json::to_string(&TerminalControl::Drawn(bytes.len() as u64)).unwrap();
                // It may have been closed meanwhile, which reading on tells.
                let _ = self.socket.send(Message::text(drawn)).await;
                true
            }
            Some(Ok(Message::Close(frame))) => {
                self.close = frame.map(|frame| frame.code.into());
                false
            }
            Some(Ok(_)) => true,
            Some(Err(_)) | None => false,
        }
    }

    async fn sees(&mut self, text: &str) {
        while !self.seen.contains(text) {
            assert!(self.read().await, "closed with {:?} before {text:?}: {:?}", self.close, self.seen);
        }
    }

    async fn closed(&mut self) -> Option<u16> {
        while self.read().await {}
        self.close
    }
}

#[tokio::test]
async fn two_see_the_same_and_it_goes_on_while_nobody_looks() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    assert!(platform.client.terminals(desktop.id).await.unwrap().is_empty());
    let mut first = Viewer::open(&platform, desktop.id, 1).await;
    let mut second = Viewer::open(&platform, desktop.id, 1).await;
    first.sees("desk@research:~$ ").await;
    first.type_in("echo of both\r").await;
    first.sees("\r\nof both\r\n").await;
    second.sees("\r\nof both\r\n").await;
    first.control(TerminalControl::Resize(ResizeTerminal { columns: 120, rows: 40 })).await;
    let viewers = platform.client.terminals(desktop.id).await.unwrap();
    assert_eq!(viewers.iter().map(|t| (t.number, t.viewers)).collect::<Vec<_>>(), [(1, 2)]);

    drop((first, second));
    let alone = async || platform.client.terminals(desktop.id).await.unwrap()[0].viewers == 0;
    assert!(comes_true(alone).await, "both are gone");
    let mut again = Viewer::open(&platform, desktop.id, 1).await;
    again.sees("of both").await;

    let mut other = Viewer::open(&platform, desktop.id, 7).await;
    other.sees("$ ").await;
    assert!(!other.seen.contains("of both"));
    platform.client.close_terminal((desktop.id, TerminalNumber(7))).await.unwrap();
    assert_eq!(other.closed().await, Some(1000));
    platform.client.close_terminal((desktop.id, TerminalNumber(7))).await.unwrap();
    again.type_in("exit\r").await;
    assert_eq!(again.closed().await, Some(1000), "its shell has ended");
    assert!(platform.client.terminals(desktop.id).await.unwrap().is_empty());
    let log = platform.client.access_log(desktop.id).await.unwrap();
    assert!(log.iter().any(|entry| entry.purpose == "terminal"), "{log:?}");
}

#[tokio::test]
async fn a_flood_that_nobody_draws_costs_little_and_is_over_when_it_is_drawn() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let mut viewer = Viewer::open(&platform, desktop.id, 1).await;
    viewer.sees("$ ").await;
    viewer.type_in("yes | head -c 200M\r").await;
    // It runs to its end though nobody draws anything.
    let over = async || {
        let terminals = platform.client.terminals(desktop.id).await.unwrap();
        terminals[0].viewers == 0 && terminals[0].program == "bash"
    };
    assert!(comes_true(over).await, "the viewer was let go of and the command has ended");
    let taken = platform.engine.terminal_bytes(desktop.id).unwrap();
    assert!(taken < 8 << 20, "{taken} bytes were taken for a viewer that drew none");
    // Others were not held up, and the viewer sees the present once it has drawn the past.
    assert!(platform.client.screenshot(desktop.id, 320).await.unwrap().bytes.len() > 1000);
    viewer.sees("\u{18}\u{1b}c").await;
    viewer.seen.clear();
    viewer.type_in("echo and on\r").await;
    viewer.sees("\r\nand on\r\n").await;
}

#[tokio::test]
async fn a_flood_is_stopped_by_its_viewer() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let mut viewer = Viewer::open(&platform, desktop.id, 1).await;
    viewer.sees("$ ").await;
    viewer.type_in("yes\r").await;
    viewer.sees("y\r\ny\r\ny").await;
    viewer.type_in("\u{3}").await;
    viewer.sees("^C").await;
    viewer.seen.clear();
    viewer.type_in("echo still here\r").await;
    viewer.sees("\r\nstill here\r\n").await;
}

#[tokio::test]
async fn it_closes_with_the_process_and_on_what_is_no_control() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let mut mistaken = Viewer::open(&platform, desktop.id, 1).await;
    mistaken.socket.send(Message::text(r#"{"drawn":"all"}"#)).await.unwrap();
    assert_eq!(mistaken.closed().await, Some(1003));
    let mut last = Viewer::open(&platform, desktop.id, 1).await;
    platform.shutdown.cancel();
    assert_eq!(last.closed().await, Some(1012));
}

#[tokio::test]
async fn only_a_websocket_with_one_of_a_few_numbers_is_a_terminal() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let at = |number: &str| format!("/v1/desktops/{}/terminals/{number}", desktop.id);
    insta::assert_snapshot!(told(platform.raw(Method::GET, &at("33"))).await, @r#"
    404 application/problem+json
    {
      "code": "no_such_terminal",
      "detail": "Terminals have the numbers 1 to 32.",
      "status": 404,
      "title": "There is no such terminal",
      "type": "urn:rolltop:problem:no_such_terminal"
    }
    "#);
    let plain = platform.raw(Method::GET, &at("1")).send().await.unwrap();
    assert_eq!(plain.status(), 426);
    let error = platform.client.terminal(DesktopId::from_u128(7), 1, SIZE).await.err().unwrap();
    assert_eq!(error.code(), Some(Code::NotFound));
}

#[tokio::test]
async fn so_many_look_at_a_desktops_terminals_and_no_more() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let open = || platform.client.terminal(desktop.id, 1, SIZE);
    let mut viewers = futures::future::try_join_all((0..48).map(|_| open())).await.unwrap();
    assert_eq!(open().await.err().unwrap().code(), Some(Code::TooManyViewers));
    viewers.pop();
    assert!(comes_true(async || open().await.is_ok()).await, "a place is given back");
}
