//! Terminals of a simulated machine: what tmux and a shell do, as far as a person would notice.
//! A session goes on while nobody looks; everybody who does sees the same; whoever can't keep up
//! is drawn the screen as it is.
//! `cat -v` shows the keys that are typed, and `printf "TEXT"` writes a text as JSON has it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use russh::server::Msg;
use russh::{Channel, ChannelMsg, ChannelWriteHalf};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender, channel};
use tokio_util::sync::CancellationToken;

use super::{Guest, command};

/// Pieces that a viewer may be behind before it is drawn the screen instead.
const BEHIND: usize = 64;
/// What is kept of what was shown, bytes.
const KEPT: usize = 8 * 1024;
const CTRL_C: u8 = 3;
/// What shows the keys that are typed, until Ctrl+C.
const SHOWS_KEYS: &str = "cat -v";
/// Has the viewer say where a text that is pasted begins and ends, as shells do.
const BRACKETED: &str = "\x1b[?2004h";
/// A flood's piece, bytes.
const PIECE: usize = 16 * 1024;

#[derive(Default)]
pub struct Terminals {
    sessions: Mutex<BTreeMap<String, Arc<Session>>>,
    /// Bytes that viewers took.
    taken: AtomicU64,
}

struct Session {
    state: Mutex<State>,
    shown: Sender<Vec<u8>>,
    viewers: AtomicUsize,
    closed: CancellationToken,
}

#[derive(Default)]
struct State {
    /// The end of all that was shown.
    screen: Vec<u8>,
    line: String,
    /// What runs, if anything does.
    running: Option<Running>,
}

struct Running {
    program: String,
    /// It shows what is typed, as `cat -v` does.
    shows_keys: bool,
    end: CancellationToken,
}

impl Terminals {
    /// Bytes that viewers took since the machine was made.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// The machine goes off: nothing of it is kept.
    pub fn clear(&self) {
        for session in std::mem::take(&mut *locked(&self.sessions)).into_values() {
            session.closed.cancel();
        }
    }

    /// One line per session, as the door asks for it.
    pub fn list(&self) -> String {
        let line = |(name, session): (&String, &Arc<Session>)| {
            let viewers = session.viewers.load(Ordering::Relaxed);
            let state = locked(&session.state);
            let program = state.running.as_ref().map_or("bash", |running| &running.program);
            format!("{name} {viewers} {program}\n")
        };
        locked(&self.sessions).iter().map(line).collect()
    }

    /// Whether a text is among what a terminal has shown.
    pub fn has_shown(&self, name: &str, text: &str) -> bool {
        locked(&self.sessions)
            .get(name)
            .is_some_and(|session| String::from_utf8_lossy(&locked(&session.state).screen).contains(text))
    }

    pub fn kill(&self, name: &str) -> bool {
        let session = locked(&self.sessions).remove(name);
        if let Some(session) = &session {
            session.closed.cancel();
        }
        session.is_some()
    }

    fn session(&self, guest: &Guest, name: &str) -> Arc<Session> {
        let make = || {
            let session = Session {
                state: Mutex::default(),
                shown: channel(BEHIND).0,
                viewers: AtomicUsize::new(0),
                closed: CancellationToken::new(),
            };
            session.show(prompt(guest).as_bytes());
            Arc::new(session)
        };
        locked(&self.sessions).entry(name.to_owned()).or_insert_with(make).clone()
    }
}

/// `tmux new-session -A`: one viewer on its channel, until it goes or the session ends.
pub async fn attach(guest: Arc<Guest>, name: String, channel: Channel<Msg>) {
    let session = guest.terminals.session(&guest, &name);
    session.viewers.fetch_add(1, Ordering::Relaxed);
    let (mut read, write) = channel.split();
    let typing = async {
        while let Some(message) = read.wait().await {
            match message {
                ChannelMsg::Data { data } => type_in(&guest, &name, &session, &data),
                ChannelMsg::Eof | ChannelMsg::Close => break,
                _ => {}
            }
        }
    };
    tokio::select! {
        () = typing => {}
        () = draw(&guest, &session, &write) => {}
        () = session.closed.cancelled() => {}
    }
    session.viewers.fetch_sub(1, Ordering::Relaxed);
    let _ = write.exit_status(0).await;
    let _ = write.eof().await;
    let _ = write.close().await;
}

/// Draws the screen and then what is shown, until the viewer is gone.
async fn draw(guest: &Guest, session: &Session, write: &ChannelWriteHalf<Msg>) {
    let (mut screen, mut shown) = session.look();
    loop {
        guest.terminals.taken.fetch_add(screen.len() as u64, Ordering::Relaxed);
        if write.data_bytes(screen).await.is_err() {
            return;
        }
        match shown.recv().await {
            Ok(bytes) => screen = bytes,
            Err(RecvError::Lagged(_)) => (screen, shown) = session.look(),
            Err(RecvError::Closed) => return,
        }
    }
}

fn type_in(guest: &Arc<Guest>, name: &str, session: &Arc<Session>, bytes: &[u8]) {
    let shows_keys = locked(&session.state).running.as_ref().is_some_and(|running| running.shows_keys);
    if shows_keys && !bytes.contains(&CTRL_C) {
        session.show(&bytes.iter().flat_map(|byte| visible(*byte)).collect::<Vec<_>>());
        return;
    }
    let mut bytes = bytes.iter();
    while let Some(byte) = bytes.next() {
        if *byte == 0x1b {
            // Keys that are no letters, and what a terminal says by itself, up to their last byte.
            bytes.find(|byte| byte.is_ascii_alphabetic() || **byte == b'~');
            continue;
        }
        if let Some(running) = &locked(&session.state).running {
            if *byte == CTRL_C {
                running.end.cancel();
            }
            continue;
        }
        match byte {
            b'\r' => {
                session.show(b"\r\n");
                let line = std::mem::take(&mut locked(&session.state).line);
                enter(guest, name, session, line);
            }
            &CTRL_C => {
                locked(&session.state).line.clear();
                session.show(format!("^C\r\n{}", prompt(guest)).as_bytes());
            }
            0x7f => {
                let erased = locked(&session.state).line.pop();
                if erased.is_some() {
                    session.show(b"\x08 \x08");
                }
            }
            b' '..=b'~' => {
                locked(&session.state).line.push(char::from(*byte));
                session.show(&[*byte]);
            }
            _ => {}
        }
    }
}

/// A whole line was typed.
fn enter(guest: &Arc<Guest>, name: &str, session: &Arc<Session>, line: String) {
    if line.trim() == "exit" {
        guest.terminals.kill(name);
        return;
    }
    let end = CancellationToken::new();
    let shows_keys = line.trim() == SHOWS_KEYS;
    let program = line.split_whitespace().next().unwrap_or("bash").to_owned();
    locked(&session.state).running = Some(Running { program, shows_keys, end: end.clone() });
    let (guest, session) = (guest.clone(), session.clone());
    tokio::spawn(async move {
        let work = async {
            match (flood(&line), printed(&line)) {
                _ if shows_keys => std::future::pending().await,
                (Some(bytes), _) => session.flood(bytes).await,
                (None, Some(text)) => session.show(text.replace('\n', "\r\n").as_bytes()),
                (None, None) => {
                    let text = command::typed(&guest, &line).await;
                    session.show(String::from_utf8_lossy(&text).replace('\n', "\r\n").as_bytes());
                }
            }
        };
        tokio::select! {
            () = work => {}
            () = end.cancelled() => session.show(b"^C\r\n"),
            () = session.closed.cancelled() => return,
        }
        session.show(prompt(&guest).as_bytes());
        locked(&session.state).running = None;
    });
}

/// Bytes that `yes | head -c 200M` writes; a bare `yes` goes on.
fn flood(line: &str) -> Option<u64> {
    match line.split_whitespace().collect::<Vec<_>>()[..] {
        ["yes"] => Some(u64::MAX),
        ["yes", "|", "head", "-c", amount] => {
            let millions = amount.strip_suffix('M').map(|number| number.parse::<u64>().ok());
            millions.map_or_else(|| amount.parse().ok(), |number| number?.checked_mul(1 << 20))
        }
        _ => None,
    }
}

/// What `printf "TEXT"` writes, with the text's escapes as JSON has them.
fn printed(line: &str) -> Option<String> {
    serde_json::from_str(line.trim().strip_prefix("printf ")?).ok()
}

/// A byte as a terminal shows it to whoever types it.
fn visible(byte: u8) -> Vec<u8> {
    match byte {
        b'\r' => b"\r\n".to_vec(),
        byte if byte.is_ascii_control() => vec![b'^', byte ^ 0x40],
        byte => vec![byte],
    }
}

fn prompt(guest: &Guest) -> String {
    let name = guest.disk().identity.map_or("template".to_owned(), |identity| identity.hostname);
    format!("{BRACKETED}desk@{name}:~$ ")
}

impl Session {
    fn show(&self, bytes: &[u8]) {
        let mut state = locked(&self.state);
        state.screen.extend_from_slice(bytes);
        let over = state.screen.len().saturating_sub(KEPT);
        state.screen.drain(..over);
        // Nobody looks: then nobody misses it.
        let _ = self.shown.send(bytes.to_vec());
    }

    /// The screen as it is, after it was cleared, and what comes after that.
    fn look(&self) -> (Vec<u8>, Receiver<Vec<u8>>) {
        let state = locked(&self.state);
        ([b"\x1b[H\x1b[2J", state.screen.as_slice()].concat(), self.shown.subscribe())
    }

    async fn flood(&self, bytes: u64) {
        let mut left = bytes;
        let piece = b"y\r\n".repeat(PIECE / 3);
        while left > 0 {
            self.show(&piece);
            left = left.saturating_sub(piece.len() as u64);
            tokio::task::yield_now().await;
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing here is left half changed by a panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
