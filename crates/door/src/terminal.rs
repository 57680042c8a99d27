//! Terminals of a desktop: shells of its session's user that go on while nobody looks.
//!
//! Behind each is a session of tmux, on a server of its own with none of the user's settings, so
//! that nothing of tmux shows: no status line, no prefix key. Whoever attaches is drawn the screen
//! as it is and can scroll back; two who attach to the same number see the same. What is shown is
//! the guest's: nothing here reads it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rolltop_guest_protocol::SESSION_USER;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::channel::{ChannelError, CloseOnDrop, DoorChannel, Patience};
use crate::door::Door;
use crate::exec::{ExecError, ExecLimits, ExecOutput};
use crate::init::as_root;
use crate::text::tame;

/// What the terminal says it is. Every guest knows the name.
const TERM: &str = "xterm-256color";
/// A list of a few lines from an emulated guest under load.
const LIMITS: ExecLimits = ExecLimits { max_output: 64 * 1024, timeout: Duration::from_secs(30) };
/// Where tmux has its socket, unless the user's environment says: in memory, as a full disk has no room for it. Templates
/// that don't make the folder have tmux take /tmp.
const SOCKETS: &str = "${TMUX_TMPDIR:-/run/rolltop-tmux}";
/// Longest text that is searched for, in characters.
const LONGEST_SEARCH: usize = 200;
/// What a shell answers for a program that it does not find.
const NOT_FOUND: u32 = 127;

/// Settings of the server, set again by everyone who attaches. `user-keys` are sequences that no
/// keyboard sends: back to the prompt after scrolling, search on, search the other way, scroll back, scroll on.
///
/// The mouse is not tmux's: the viewer selects by itself, unless the program that runs wants the mouse, whose wish
/// tmux then hands on. So the viewer scrolls by keys.
const SETTINGS: &[&str] = &[
    "set -s escape-time 0",
    "set -s set-clipboard on",
    "set -s focus-events on",
    r#"set -s user-keys[0] "$(printf "\033[57999~")""#,
    r#"set -s user-keys[1] "$(printf "\033[57998~")""#,
    r#"set -s user-keys[2] "$(printf "\033[57997~")""#,
    r#"set -s user-keys[3] "$(printf "\033[57996~")""#,
    r#"set -s user-keys[4] "$(printf "\033[57995~")""#,
    // An older tmux does not know the last, and reads no further.
    r#"set -s terminal-features "xterm*:256:RGB:bpaste:ccolour:clipboard:cstyle:focus:strikethrough:title:usstyle:hyperlinks""#,
    "set -g status off",
    "set -g prefix None",
    "set -g mouse off",
    // Or keys that come fast, as when scrolling, are taken for a text that is pasted.
    "set -g assume-paste-time 0",
    "set -g history-limit 10000",
    "set -g window-size smallest",
    "set -g default-terminal tmux-256color",
    "set -g set-titles on",
    // A shell that does not know it is inside tmux, so that people can use their own.
    r#"set -g default-command "exec env -u TMUX -u TMUX_PANE -u TERM_PROGRAM -u TERM_PROGRAM_VERSION \"\${SHELL:-/bin/sh}\" -l""#,
    r##"set -g set-titles-string "#{pane_title}""##,
    r#"bind -n User0 if -F 0 """#,
    "bind -T copy-mode User0 send -X cancel",
    r#"bind -n User1 if -F 0 """#,
    r#"bind -n User2 if -F 0 """#,
    "bind -T copy-mode User1 send -X search-again",
    "bind -T copy-mode User2 send -X search-reverse",
    // Without `-H`, where one is would stand in the corner, over what was shown.
    r##"bind -n User3 if -F "#{alternate_on}" "send-keys Up" "copy-mode -He ; send-keys -X scroll-up""##,
    r##"bind -n User4 if -F "#{alternate_on}" "send-keys Down" """##,
    "bind -T copy-mode User3 send -X scroll-up",
    "bind -T copy-mode User4 send -X scroll-down",
    "set -g mode-keys emacs",
];

/// Which terminal of a desktop: 1 to 32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TerminalNumber(u8);

impl TerminalNumber {
    pub const MOST: u8 = 32;

    pub fn new(number: u32) -> Option<Self> {
        u8::try_from(number).ok().filter(|number| (1..=Self::MOST).contains(number)).map(Self)
    }

    pub fn get(self) -> u8 {
        self.0
    }

    /// Its session's name.
    fn session(self) -> String {
        format!("terminal-{}", self.0)
    }
}

/// In characters, within what any terminal can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    columns: u16,
    rows: u16,
}

impl TerminalSize {
    pub fn new(columns: u16, rows: u16) -> Self {
        Self { columns: columns.clamp(2, 1000), rows: rows.clamp(2, 500) }
    }
}

/// A terminal that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalInfo {
    pub number: TerminalNumber,
    /// How many look at it.
    pub viewers: u32,
    /// The program that runs in it, made safe to show.
    pub program: String,
}

#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    #[error("no channel for the terminal")]
    Channel(#[from] ChannelError),
    #[error("the desktop's terminals can't be asked for")]
    Exec(#[from] ExecError),
    #[error("the desktop has no tmux")]
    NoTmux,
    #[error("the desktop's terminals answered otherwise than tmux does: {0}")]
    Unexpected(String),
}

impl Door {
    /// Attaches to a terminal, which is made if it is not there. The channel's end in good order
    /// means that its shell has ended.
    pub async fn terminal(
        &self,
        number: TerminalNumber,
        size: TerminalSize,
    ) -> Result<Terminal, TerminalError> {
        let channel = self.session().await?;
        let (columns, rows) = (u32::from(size.columns), u32::from(size.rows));
        let closed = |_| ChannelError::Closed;
        channel.request_pty(false, TERM, columns, rows, 0, 0, &[]).await.map_err(closed)?;
        channel.exec(true, begin(number)).await.map_err(closed)?;
        let channel = DoorChannel::over_with(channel, Patience::TERMINAL);
        Ok(Terminal { channel })
    }

    /// The terminals that are there, by number.
    pub async fn terminals(&self) -> Result<Vec<TerminalInfo>, TerminalError> {
        let format = "#{session_name} #{session_attached} #{pane_current_command}";
        let output = self.exec(&tmux(&format!("list-sessions -F \"{format}\"")), "", LIMITS).await?;
        // Without a session there is no server either, which tmux takes for a failure.
        found(&output)?;
        let lines = String::from_utf8_lossy(&output.stdout);
        let mut terminals: Vec<_> = lines.lines().filter_map(described).collect();
        terminals.sort_by_key(|terminal| terminal.number);
        terminals.dedup_by_key(|terminal| terminal.number);
        Ok(terminals)
    }

    /// Shows where a text was shown last, to everyone who looks at the terminal. Whether it was.
    pub async fn search_terminal(&self, number: TerminalNumber, text: &str) -> Result<bool, TerminalError> {
        let session = number.session();
        // Begun anew, or what an earlier search found would be taken for what this one has.
        let command = format!(
            "sudo -n -u {SESSION_USER} env TMUX_TMPDIR={SOCKETS} tmux -L rolltop copy-mode -q -t ={session}: \\; \
             copy-mode -H -t ={session}: \\; send-keys -t ={session}: -X search-backward-text {} \\; \
             display-message -p -t ={session}: '#{{search_present}}'",
            searched(text)
        );
        let output = self.exec(&command, "", LIMITS).await?;
        found(&output)?;
        Ok(output.stdout.trim_ascii() == b"1")
    }

    /// Ends a terminal and what runs in it. Fine if it is not there.
    pub async fn close_terminal(&self, number: TerminalNumber) -> Result<(), TerminalError> {
        let command = tmux(&format!("kill-session -t ={}", number.session()));
        found(&self.exec(&command, "", LIMITS).await?)
    }
}

/// A command line for the door's user that runs tmux as the session's. `-u`: the terminal at the
/// other end knows UTF-8 whatever the guest's environment says.
fn tmux(arguments: &str) -> String {
    format!(
        "sudo -n -u {SESSION_USER} sh -c 'cd; export TMUX_TMPDIR={SOCKETS}; exec tmux -u -L rolltop -f /dev/null {arguments}'"
    )
}

/// A text to search for as one word for a shell, and no command for tmux.
fn searched(text: &str) -> String {
    let plain: String = text.chars().filter(|c| !c.is_control()).take(LONGEST_SEARCH).collect();
    // At a word's end it would begin another command.
    let plain = plain.strip_suffix(';').map_or_else(|| plain.clone(), |text| format!(r"{text}\;"));
    format!("'{}'", plain.replace('\'', r"'\''"))
}

/// A command line that attaches to a terminal, which is made if it is not there. What runs in it is kept apart from the
/// door, where the desktop can do that.
fn begin(number: TerminalNumber) -> String {
    format!("({}) 2>/dev/null; {}", as_root("apart $$"), tmux(&attach(number)))
}

fn attach(number: TerminalNumber) -> String {
    format!("start-server \\; {} \\; new-session -A -s {}", SETTINGS.join(" \\; "), number.session())
}

fn found(output: &ExecOutput) -> Result<(), TerminalError> {
    match &output.exit {
        crate::exec::Exit::Code(NOT_FOUND) => Err(TerminalError::NoTmux),
        crate::exec::Exit::Code(0 | 1) => Ok(()),
        crate::exec::Exit::Code(_) | crate::exec::Exit::Signal(_) => {
            Err(TerminalError::Unexpected(tame(&output.stderr)))
        }
    }
}

/// One line of the list. What is not one of ours is left out.
fn described(line: &str) -> Option<TerminalInfo> {
    let mut words = line.splitn(3, ' ');
    let number = words.next()?.strip_prefix("terminal-")?.parse().ok().and_then(TerminalNumber::new)?;
    let viewers = words.next()?.parse().ok()?;
    Some(TerminalInfo { number, viewers, program: tame(words.next().unwrap_or_default().as_bytes()) })
}

/// A terminal as one viewer has it: what is typed in, what it shows out. Dropping it detaches and
/// leaves the terminal as it is. A reader that falls more than a screenful or two behind is let go
/// of with [`io::ErrorKind::TimedOut`]; attaching again shows the present.
pub struct Terminal {
    channel: DoorChannel,
}

impl Terminal {
    /// To tell the desktop of another size while the terminal is read and written elsewhere.
    pub fn window(&self) -> TerminalWindow {
        TerminalWindow(self.channel.requests())
    }
}

/// The size of one viewer's window. The terminal stays attached as long as this is held.
pub struct TerminalWindow(CloseOnDrop);

impl TerminalWindow {
    pub async fn resize(&self, size: TerminalSize) {
        let (columns, rows) = (u32::from(size.columns), u32::from(size.rows));
        // An error means that the connection is gone, which reading tells.
        let _ = self.0.write_half().window_change(columns, rows, 0, 0).await;
    }
}

impl AsyncRead for Terminal {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.channel).poll_read(context, buffer)
    }
}

impl AsyncWrite for Terminal {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.channel).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.channel).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.channel).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_can_only_be_one_of_a_few() {
        assert_eq!(
            [0, 1, 32, 33, 257].map(|n| TerminalNumber::new(n).is_some()),
            [false, true, true, false, false]
        );
    }

    #[test]
    fn what_is_searched_for_stays_one_word() {
        assert_eq!(searched("it's $(x)\n"), r"'it'\''s $(x)'");
        assert_eq!(searched("a;"), r"'a\;'");
        assert_eq!(searched(";"), r"'\;'");
    }

    #[test]
    fn a_command_holds_nothing_that_would_end_its_quotes() {
        assert_eq!(tmux(&attach(TerminalNumber(1))).matches('\'').count(), 2);
    }

    #[test]
    fn lines_that_are_none_of_ours_are_left_out_and_names_made_safe() {
        let terminal = described("terminal-3 2 vi\u{1b}m").unwrap();
        assert_eq!(
            (terminal.number.get(), terminal.viewers, terminal.program.as_str()),
            (3, 2, "vi\u{fffd}m")
        );
        for other in ["terminal-99 1 sh", "main 1 sh", "terminal-1", "", "terminal-1 x sh"] {
            assert_eq!(described(other), None, "{other}");
        }
    }
}
