//! Preparing a desktop: a repository cloned and a script run as the session's user, beside whatever else goes on.
//!
//! It goes on by itself once it has begun, so that nothing here need stay connected. What is known of it is in
//! `~/.local/state/rolltop`: `setup.run` (which run it is), `setup.lock` (held while it runs), `setup.pid` (the group of
//! its processes), `setup.exit` (which step ended it, and its exit code) and `setup.log`. All of that is the user's own and may say anything.

use std::time::Duration;

use rolltop_guest_protocol::exec::ExecRequest;
use rolltop_model::Setup;
use tokio::time::timeout;

use crate::door::Door;
use crate::exec::Exit;
use crate::process::{ProcessError, ProcessEvent, StartError};
use crate::text::tame_lines;

/// Of what it has written, bytes; the end of it.
pub const SETUP_LOG: usize = 16 * 1024;
const MAX_OUTPUT: usize = SETUP_LOG + 4096;
const DEADLINE: Duration = Duration::from_secs(60);
/// What a shell is to call itself, by which the simulation knows these commands too.
const SETUP_BEGIN: &str = "rolltop-setup-begin";
const SETUP_LOOK: &str = "rolltop-setup-look";
const SETUP_STOP: &str = "rolltop-setup-stop";
/// What [`BEGIN`] ends with where another run has not ended.
const BUSY: u32 = 75;

/// Arguments: run, repository, branch, folder, and [`RUN`]. The script is its input. Does nothing where that run has
/// begun.
const BEGIN: &str = r#"
umask 077
cd && mkdir -p .local/state/rolltop && cd .local/state/rolltop || exit 1
[ "$(cat setup.run 2>/dev/null)" = "$1" ] && exit 0
exec 9>setup.lock
flock -n 9 || exit 75
rm -f setup.exit
cat >setup.script || exit 1
chmod 700 setup.script
printf '%s\n' "$1" >setup.run || exit 1
setsid -f sh -c "$5" rolltop-setup "$2" "$3" "$4" </dev/null >setup.log 2>&1
"#;

/// Arguments: repository, branch, folder. Holds the lock, which nothing that it starts does.
const RUN: &str = r#"
umask 022
state=$PWD
echo $$ >"$state/setup.pid"
end() {
  printf '%s %s\n' "$1" "$2" >"$state/setup.exit.new"
  mv "$state/setup.exit.new" "$state/setup.exit"
  exit 0
}
cd
if [ -n "$1" ]; then
  if [ -e "$3/.git" ]; then
    echo "$3 is there already."
  else
    export GIT_TERMINAL_PROMPT=0 GIT_SSH_COMMAND='ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new'
    git clone ${2:+--branch "$2"} -- "$1" "$3" 9>&- || end repository $?
  fi
  cd "$3" || end repository 1
fi
if [ -s "$state/setup.script" ]; then
  case $(head -c 2 "$state/setup.script") in
    '#!') "$state/setup.script" 9>&- ;;
    *) sh "$state/setup.script" 9>&- ;;
  esac
  end script $?
fi
end script 0
"#;

/// Says the run, how it is, and the end of its log.
const LOOK: &str = r#"
cd && cd .local/state/rolltop 2>/dev/null || exit 0
how=gone
if [ ! -e setup.exit ]; then
  flock -n setup.lock true || how=running
fi
if [ -e setup.exit ]; then how="ended $(head -c 100 setup.exit)"; fi
printf '%s\n%s\n' "$(head -c 100 setup.run)" "$how"
tail -c 16384 setup.log
"#;

/// Argument: run. That it was stopped is written before its processes are told to end, or it would seem to have been
/// cut short. What does not end within five seconds is killed.
const STOP: &str = r#"
cd && cd .local/state/rolltop 2>/dev/null || exit 0
[ "$(cat setup.run 2>/dev/null)" = "$1" ] && [ ! -e setup.exit ] || exit 0
group=$(head -c 20 setup.pid 2>/dev/null)
case $group in ''|*[!0-9]*) exit 0 ;; esac
flock -n setup.lock true && exit 0
echo 'stopped 0' >setup.exit
kill -s TERM -- "-$group" 2>/dev/null
for try in 1 2 3 4 5 6 7 8 9 10; do
  kill -s 0 -- "-$group" 2>/dev/null || exit 0
  sleep 0.5
done
kill -s KILL -- "-$group" 2>/dev/null
exit 0
"#;

/// How a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetupProgress {
    Running,
    /// With this exit code of the step that was the last.
    Ended {
        step: SetupStep,
        code: u32,
    },
    /// Somebody stopped it.
    Stopped,
    /// It was cut short, or is not known.
    Gone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetupStep {
    Repository,
    Script,
}

/// A run as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupLook {
    pub progress: SetupProgress,
    /// The end of what it has written, made safe to show.
    pub log: String,
}

#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("the command did not start")]
    Start(#[from] StartError),
    #[error("the command's end is not known")]
    Process(#[from] ProcessError),
    #[error("the desktop did not answer within {} seconds", .0.as_secs())]
    TimedOut(Duration),
    #[error("another setup has not ended")]
    Busy,
    #[error("the desktop could not begin: {0:?}")]
    Refused(Exit),
    #[error("the desktop's answer is too long")]
    TooMuchOutput,
}

impl Door {
    /// Begins a run; fine if it has begun.
    pub async fn begin_setup(&self, run: &str, setup: &Setup) -> Result<(), SetupError> {
        let repository = setup.repository.as_ref();
        let arguments = [
            run,
            repository.map_or("", |repository| repository.as_str()),
            setup.branch.as_ref().map_or("", |branch| branch.as_str()),
            repository.map_or("", |repository| repository.folder()),
            RUN,
        ];
        let script = setup.script.as_deref().unwrap_or_default();
        match self.ask_setup(shell(BEGIN, SETUP_BEGIN, &arguments), script.as_bytes()).await?.0 {
            Exit::Code(0) => Ok(()),
            Exit::Code(BUSY) => Err(SetupError::Busy),
            exit => Err(SetupError::Refused(exit)),
        }
    }

    /// How a run is.
    pub async fn look_at_setup(&self, run: &str) -> Result<SetupLook, SetupError> {
        let (_, output) = self.ask_setup(shell(LOOK, SETUP_LOOK, &[]), &[]).await?;
        Ok(understood(run, &output))
    }

    /// Ends a run and what it has started; fine if it is over.
    pub async fn stop_setup(&self, run: &str) -> Result<(), SetupError> {
        match self.ask_setup(shell(STOP, SETUP_STOP, &[run]), &[]).await?.0 {
            Exit::Code(0) => Ok(()),
            exit => Err(SetupError::Refused(exit)),
        }
    }

    async fn ask_setup(&self, request: ExecRequest, input: &[u8]) -> Result<(Exit, Vec<u8>), SetupError> {
        let asked = async {
            let mut process = self.start(request).await?;
            let feed = async {
                process.input.write(input).await;
                process.input.end().await;
                std::future::pending::<()>().await
            };
            tokio::select! {
                () = feed => Err(SetupError::Process(ProcessError::Lost)),
                collected = collect(&mut process.output) => collected,
            }
        };
        timeout(DEADLINE, asked).await.unwrap_or(Err(SetupError::TimedOut(DEADLINE)))
    }
}

async fn collect(output: &mut crate::process::ProcessOutput) -> Result<(Exit, Vec<u8>), SetupError> {
    let mut stdout = Vec::new();
    loop {
        match output.next().await? {
            ProcessEvent::Stdout(bytes) => stdout.extend_from_slice(&bytes),
            ProcessEvent::Stderr(_) => {}
            ProcessEvent::Exit(exit) => return Ok((exit, stdout)),
        }
        if stdout.len() > MAX_OUTPUT {
            return Err(SetupError::TooMuchOutput);
        }
    }
}

fn shell(text: &str, name: &str, arguments: &[&str]) -> ExecRequest {
    let words = ["/bin/sh", "-c", text, name].into_iter().chain(arguments.iter().copied());
    ExecRequest { command: words.map(str::to_owned).collect(), ..ExecRequest::default() }
}

fn understood(run: &str, output: &[u8]) -> SetupLook {
    let mut parts = output.splitn(3, |byte| *byte == b'\n');
    let mut line = || String::from_utf8_lossy(parts.next().unwrap_or_default()).trim().to_owned();
    let (told, how) = (line(), line());
    let log = parts.next().unwrap_or_default();
    if told != run {
        return SetupLook { progress: SetupProgress::Gone, log: String::new() };
    }
    let words: Vec<&str> = how.split_whitespace().collect();
    let ended = |step, code: &str| SetupProgress::Ended { step, code: code.parse().unwrap_or(1) };
    let progress = match words.as_slice() {
        ["running"] => SetupProgress::Running,
        ["ended", "stopped", _] => SetupProgress::Stopped,
        ["ended", "repository", code] => ended(SetupStep::Repository, code),
        ["ended", "script", code] => ended(SetupStep::Script, code),
        _ => SetupProgress::Gone,
    };
    SetupLook { progress, log: tame_lines(log, SETUP_LOG) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_desktops_word_on_its_setup_is_understood_or_not_believed() {
        let ended = |step, code| SetupProgress::Ended { step, code };
        let cases: [(&[u8], SetupProgress, &str); 8] = [
            (b"r1\nended stopped 0\nhalf", SetupProgress::Stopped, "half"),
            (b"r1\nrunning\none\ntwo\n", SetupProgress::Running, "one\ntwo"),
            (b"r1\nended script 0\nhi", ended(SetupStep::Script, 0), "hi"),
            (b"r1\nended repository 128\n", ended(SetupStep::Repository, 128), ""),
            (b"r1\nended script nonsense\n", ended(SetupStep::Script, 1), ""),
            (b"r0\nrunning\nsecrets of another run", SetupProgress::Gone, ""),
            (b"r1\ngone\nhalf", SetupProgress::Gone, "half"),
            (b"", SetupProgress::Gone, ""),
        ];
        for (output, progress, log) in cases {
            let text = String::from_utf8_lossy(output);
            assert_eq!(understood("r1", output), SetupLook { progress, log: log.to_owned() }, "{text}");
        }
    }

    /// A command as the guest's shell runs it, in this home folder.
    fn run_in(home: &std::path::Path, text: &str, arguments: &[&str], input: &str) -> Vec<u8> {
        use std::io::Write;
        use std::process::{Command, Stdio};
        let mut command = Command::new("/bin/sh");
        command.args(["-c", text, "test"]).args(arguments).env("HOME", home);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap().stdout
    }

    #[test]
    fn a_run_that_is_stopped_ends_with_all_that_it_has_started() {
        let home = tempfile::tempdir().unwrap();
        let look = || understood("r1", &run_in(home.path(), LOOK, &[], ""));
        let script = "(sleep 600) & sleep 600\necho ended\n";
        run_in(home.path(), BEGIN, &["r1", "", "", "", RUN], script);
        let group = home.path().join(".local/state/rolltop/setup.pid");
        let deadline = std::time::Instant::now() + Duration::from_secs(30);
        while !std::fs::read_to_string(&group).is_ok_and(|text| text.ends_with('\n')) {
            assert!(std::time::Instant::now() < deadline);
            std::thread::yield_now();
        }
        run_in(home.path(), STOP, &["r0"], "");
        assert_eq!(look().progress, SetupProgress::Running, "another run's end is none of this one's");
        run_in(home.path(), STOP, &["r1"], "");
        assert_eq!(look().progress, SetupProgress::Stopped);
        let group = std::fs::read_to_string(&group).unwrap();
        let left = run_in(home.path(), "kill -s 0 -- \"-$1\" 2>/dev/null && echo left", &[group.trim()], "");
        assert!(left.is_empty(), "something goes on");
        run_in(home.path(), BEGIN, &["r2", "", "", "", RUN], "true\n");
        assert_eq!(look().progress, SetupProgress::Gone, "the next run has begun");
    }
}
