//! `rolltop setup`, and what `rolltop new` sets up

use std::io::Read as _;

use rolltop_api_types::{Desktop, SetUp, Setup, SetupState};

use crate::connect::Connection;
use crate::failure::{Exit, Failure};
use crate::find;
use crate::output::plain;
use crate::wait::{self, Seen, Wait};
use clap::Args;

/// What a desktop is set up with.
#[derive(Args)]
pub struct Prepare {
    /// A git repository to clone into the home folder; its address, without a password
    #[arg(long, value_name = "URL")]
    pub git: Option<String>,
    /// A branch or tag of the repository
    #[arg(long, requires = "git")]
    pub branch: Option<String>,
    /// A script to run afterwards, in the repository where there is one; - reads it from standard input
    #[arg(long, value_name = "FILE")]
    pub script: Option<String>,
}

#[derive(Args)]
pub struct SetUpDesktop {
    /// The desktop
    pub name: String,
    #[command(flatten)]
    pub prepare: Prepare,
    /// Do again what it was set up with before
    #[arg(long, conflicts_with_all = ["git", "script"])]
    pub again: bool,
    #[command(flatten)]
    pub wait: Wait,
}

/// A script that is longer is refused by the server; no more than this is read.
const MOST_SCRIPT: u64 = 1024 * 1024;

/// What was asked for, if anything was.
pub fn wanted(prepare: &Prepare) -> Result<Option<SetUp>, Failure> {
    let Prepare { git, branch, script } = prepare;
    if git.is_none() && branch.is_none() && script.is_none() {
        return Ok(None);
    }
    let script = script.as_deref().map(read).transpose()?;
    Ok(Some(SetUp { repository: git.clone(), branch: branch.clone(), script }))
}

fn read(path: &str) -> Result<String, Failure> {
    let mut text = String::new();
    let took = if path == "-" {
        std::io::stdin().take(MOST_SCRIPT).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MOST_SCRIPT).read_to_string(&mut text))
    };
    took.map_err(|error| Failure::io(path, &error))?;
    Ok(text)
}

/// `rolltop setup`
pub async fn setup(connection: &Connection, command: &SetUpDesktop) -> Result<u8, Failure> {
    let desktop = find::desktop(connection, &command.name).await?;
    let known = connection.client.setup(desktop.id).await?.setup;
    let wanted = match (wanted(&command.prepare)?, &known) {
        (None, Some(known)) if command.again => Some(known.again()),
        (None, None) if command.again => return Err(nothing(&desktop)),
        (wanted, _) => wanted,
    };
    let mut found = match wanted {
        Some(wanted) => connection.client.set_up(desktop.id, &wanted).await?.setup,
        None => known,
    };
    if command.wait.wait {
        found = Some(over(connection, &desktop, &command.wait).await?);
    }
    let Some(setup) = found else { return Err(nothing(&desktop)) };
    connection.tell(&setup, || shown(&desktop, &setup))
}

fn nothing(desktop: &Desktop) -> Failure {
    let text = format!("{} was not set up; give --git or --script.", desktop.name);
    Failure::new(Exit::Failed, "no_setup", text)
}

fn shown(desktop: &Desktop, setup: &Setup) -> String {
    let why = setup.detail.as_deref().map(|why| format!(": {}", plain(why))).unwrap_or_default();
    let took = setup.started_at.zip(setup.ended_at).map(|(from, to)| to.duration_since(from));
    let took = took.map(|took| format!(" after {:.0} s", took.as_secs_f64())).unwrap_or_default();
    let mut text = format!("{}: setup {}{took}{why}\n", desktop.name, setup.state.as_str());
    if !setup.log.is_empty() {
        text.push_str(&plain(&setup.log));
        text.push('\n');
    }
    text
}

/// Waits until a desktop is set up. Where that has failed, its log is told first.
pub async fn over(connection: &Connection, desktop: &Desktop, wait: &Wait) -> Result<Setup, Failure> {
    wait::until(wait, async || {
        let found = connection.client.setup(desktop.id).await?.setup;
        let Some(setup) = found else { return Err(nothing(desktop)) };
        match setup.state {
            SetupState::Done => Ok(Seen::Done(setup)),
            SetupState::Failed => {
                let (why, log) = (setup.detail.clone().unwrap_or_default(), plain(&setup.log));
                let text = format!("{} was not set up: {why}\n{log}", desktop.name);
                Err(Failure::new(Exit::Failed, "setup_failed", text.trim_end()))
            }
            SetupState::Waiting | SetupState::Running => {
                let latest = setup.log.lines().last().map(|line| format!(" · {}", plain(line)));
                let more = latest.unwrap_or_default().chars().take(60).collect();
                let late = format!("{} is not set up after {} s; it goes on.", desktop.name, wait.timeout);
                Ok(Seen::Not { doing: format!("{}: being set up", desktop.name), more, late })
            }
        }
    })
    .await
}
