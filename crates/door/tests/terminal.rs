//! Terminals against OpenSSH's own sshd and a real tmux.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a fixture is a failed test")]

mod support;

use std::time::Duration;

use rolltop_door::{Door, Terminal, TerminalNumber, TerminalSize};
use support::Guest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// Longest wait for anything that must happen.
const PATIENCE: Duration = Duration::from_secs(60);

fn one() -> TerminalNumber {
    TerminalNumber::new(1).unwrap()
}

async fn attach(door: &Door) -> Terminal {
    door.terminal(one(), TerminalSize::new(80, 24)).await.unwrap()
}

async fn type_in(terminal: &mut Terminal, text: &str) {
    terminal.write_all(text.as_bytes()).await.unwrap();
    terminal.flush().await.unwrap();
}

/// What is shown until `text` is.
async fn sees(terminal: &mut Terminal, text: &str) -> String {
    let mut seen = String::new();
    let reading = async {
        let mut buffer = [0; 4096];
        while !seen.contains(text) {
            let length = terminal.read(&mut buffer).await.unwrap();
            assert!(length > 0, "it ended before {text:?}: {seen:?}");
            seen.push_str(&String::from_utf8_lossy(buffer.get(..length).unwrap()));
        }
    };
    let found = timeout(PATIENCE, reading).await;
    assert!(found.is_ok(), "no {text:?} in {seen:?}");
    seen
}

#[tokio::test]
async fn a_terminal_is_shared_and_goes_on_without_its_viewers() {
    let mut guest = Guest::new();
    let door = guest.open().await;
    assert!(door.terminals().await.unwrap().is_empty());
    let mut first = attach(&door).await;
    type_in(&mut first, "echo $((6 * 7))-$TERM-${TMUX:-plain}\r").await;
    sees(&mut first, "42-tmux-256color-plain").await;
    let mut second = attach(&door).await;
    let drawn = sees(&mut second, "42-tmux").await;
    assert!(
        !drawn.contains("[rolltop]") && !drawn.contains("terminal-1"),
        "nothing of tmux shows: {drawn:?}"
    );
    let terminals = door.terminals().await.unwrap();
    assert_eq!(terminals.iter().map(|t| (t.number.get(), t.viewers)).collect::<Vec<_>>(), [(1, 2)]);
    drop((first, second));
    let mut again = attach(&door).await;
    sees(&mut again, "42-tmux").await;
    again.window().resize(TerminalSize::new(100, 30)).await;
    type_in(&mut again, "clear; until [ \"$(stty size)\" = '30 100' ]; do sleep 0.1; done; echo resi''zed\r")
        .await;
    sees(&mut again, "resized").await;
    door.close_terminal(one()).await.unwrap();
    let mut rest = Vec::new();
    timeout(PATIENCE, again.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert!(door.terminals().await.unwrap().is_empty());
    door.close_terminal(one()).await.unwrap();
}

#[tokio::test]
async fn what_was_shown_can_be_searched_and_typing_leads_back() {
    let mut guest = Guest::new();
    let door = guest.open().await;
    let mut terminal = attach(&door).await;
    type_in(&mut terminal, "clear; echo need''le; seq 1000 9000; echo do''ne\r").await;
    sees(&mut terminal, "done").await;
    assert!(door.search_terminal(one(), "needle").await.unwrap());
    let drawn = sees(&mut terminal, "needle").await;
    assert!(!drawn.contains("/80"), "nothing of tmux shows: {drawn:?}");
    assert!(!door.search_terminal(one(), "haystack").await.unwrap(), "a search that misses says so");
    type_in(&mut terminal, "\x1b[57999~").await;
    sees(&mut terminal, "done").await;
    type_in(&mut terminal, "echo ba''ck\r").await;
    sees(&mut terminal, "back").await;
}

#[tokio::test]
async fn the_viewer_scrolls_by_keys_and_the_mouse_is_the_programs() {
    let mut guest = Guest::new();
    let door = guest.open().await;
    let mut terminal = attach(&door).await;
    let mouse = |text: &str| ["\x1b[?1000h", "\x1b[?1002h", "\x1b[?1003h"].iter().any(|on| text.contains(on));
    type_in(&mut terminal, "clear; seq 3000 3100; echo do''ne\r").await;
    let drawn = sees(&mut terminal, "done").await;
    assert!(!mouse(&drawn), "the mouse stays the viewer's: {drawn:?}");
    type_in(&mut terminal, &"\x1b[57996~".repeat(60)).await;
    let drawn = sees(&mut terminal, "3030").await;
    assert!(!drawn.contains("/1"), "nothing of tmux shows: {drawn:?}");
    type_in(&mut terminal, &"\x1b[57995~".repeat(60)).await;
    sees(&mut terminal, "done").await;
    type_in(&mut terminal, "printf '\\033[?1000h'; echo as''ked\r").await;
    let drawn = sees(&mut terminal, "asked").await;
    assert!(
        mouse(&drawn) || mouse(&sees(&mut terminal, "h").await),
        "a program that wants it has it: {drawn:?}"
    );
}

#[tokio::test]
async fn a_flood_that_nobody_reads_is_let_go_of_and_holds_up_nothing() {
    let mut guest = Guest::new();
    let door = guest.open().await;
    let mut terminal = attach(&door).await;
    type_in(&mut terminal, "echo be''gun\r").await;
    sees(&mut terminal, "begun").await;
    type_in(&mut terminal, "yes\r").await;
    let let_go =
        async { while door.terminals().await.unwrap().iter().any(|terminal| terminal.viewers > 0) {} };
    timeout(PATIENCE, let_go).await.expect("the viewer that reads nothing is let go of");
    let mut rest = Vec::new();
    let error = timeout(PATIENCE, terminal.read_to_end(&mut rest)).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    assert!(rest.len() <= 2 << 20, "{} bytes were held", rest.len());
    let mut again = attach(&door).await;
    sees(&mut again, "y").await;
    type_in(&mut again, "\u{3}").await;
    type_in(&mut again, "echo still he''re\r").await;
    sees(&mut again, "still here").await;
}
