//! `rolltop events`: what happens, one line each.

use std::time::Duration;

use clap::Args;
use futures::StreamExt as _;
use rolltop_api_types::{ClientError, Event, EventStream};

use crate::connect::Connection;
use crate::failure::Failure;
use crate::find;
use crate::output::{plain, print, print_json_line, reader_gone};

#[derive(Args)]
pub struct Events {
    /// Only those about this desktop
    pub name: Option<String>,
    /// Go on until interrupted, over breaks of the connection too
    #[arg(long, short)]
    pub follow: bool,
    /// Only those after this number; 0 for all that are kept
    #[arg(long, value_name = "SEQ")]
    pub after: Option<u64>,
}

/// Between attempts to come back.
const PAUSE: Duration = Duration::from_secs(2);

/// Ends with whoever reads it, also while nothing happens.
pub async fn run(connection: &Connection, command: &Events) -> Result<u8, Failure> {
    tokio::select! {
        shown = show_all(connection, command) => shown,
        () = reader_gone() => Ok(0),
    }
}

async fn show_all(connection: &Connection, command: &Events) -> Result<u8, Failure> {
    let desktop = find::one_to_look_at(connection, command.name.as_deref()).await?;
    let mut after = command.after;
    let mut stream = match command.follow {
        true => connection.client.events(after, desktop).await?,
        false => connection.client.past_events(after.unwrap_or(0), desktop).await?,
    };
    loop {
        match stream.next().await {
            Some(Ok(event)) => {
                after = Some(event.seq);
                show(connection, &event)?;
            }
            Some(Err(ClientError::Transport(_))) | None if command.follow => {
                stream = again(connection, after, desktop).await?;
            }
            Some(Err(error)) => return Err(error.into()),
            None => return Ok(0),
        }
    }
}

/// Comes back where it broke off. Only a refusal ends it.
async fn again(
    connection: &Connection,
    after: Option<u64>,
    desktop: Option<rolltop_model::DesktopId>,
) -> Result<EventStream, Failure> {
    loop {
        tokio::time::sleep(PAUSE).await;
        match connection.client.events(after, desktop).await {
            Ok(stream) => return Ok(stream),
            Err(ClientError::Transport(_) | ClientError::Unexpected { .. }) => {}
            Err(error) if error.problem().is_some_and(|problem| problem.status >= 500) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn show(connection: &Connection, event: &Event) -> Result<u8, Failure> {
    if connection.json {
        return print_json_line(event);
    }
    let text = |name: &str| event.data.get(name).and_then(|value| value.as_str()).unwrap_or_default();
    let what = match text("state") {
        "" => text("name").to_owned(),
        state => format!("{} {state}", text("name")),
    };
    let desktop = event.desktop.map(|id| id.to_string()).unwrap_or_default();
    let ended = if text("ended_at").is_empty() { "" } else { " done" };
    let line = format!("{}  {:<18} {what}{ended}  {desktop}", event.at, event.kind.as_str());
    print(&format!("{}\n", plain(&line)))
}
