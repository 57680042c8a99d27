//! `rolltop copies`: copies of snapshots that are not on the host

use std::time::{Duration, Instant};

use rolltop_api_types::{CopyId, CopyState, DesktopState, ForkDesktop, SnapshotCopy};
use rolltop_model::SnapshotId;

use crate::arguments::{Copies, Wait};
use crate::connect::Connection;
use crate::desktops::{reached, tell};
use crate::failure::{Exit, Failure};
use crate::find;
use crate::output::{Progress, Table, ago, print, print_json, size};
use crate::snapshots;

/// How often it is looked whether a copy is done.
const LOOK: Duration = Duration::from_millis(500);

pub async fn run(connection: &Connection, command: &Copies) -> Result<u8, Failure> {
    match command {
        Copies::Add { snapshots, wait } => add(connection, snapshots, wait).await,
        Copies::Ls => list(connection).await,
        Copies::Fetch { copy, name, wait } => fetch(connection, copy, name.clone(), wait).await,
        Copies::Rm { copies } => remove(connection, copies).await,
    }
}

async fn add(connection: &Connection, snapshots: &[String], wait: &Wait) -> Result<u8, Failure> {
    let mut made = Vec::new();
    for snapshot in snapshots {
        let snapshot = snapshots::find_one(connection, snapshot).await?;
        made.push(connection.client.copy_snapshot(snapshot.id).await?);
    }
    if wait.wait {
        for copy in &mut made {
            *copy = done(connection, copy.id, wait).await?;
        }
    }
    if connection.json {
        return print_json(&serde_json::json!({ "items": made }));
    }
    let lines = made.iter().map(|copy| {
        let bytes = copy.bytes.map(|bytes| format!(", {}", size(bytes))).unwrap_or_default();
        format!("{} of {}: copy {}{bytes}\n", copy.name, copy.desktop_name, copy.state.as_str())
    });
    print(&lines.collect::<String>())
}

async fn done(connection: &Connection, id: SnapshotId, wait: &Wait) -> Result<SnapshotCopy, Failure> {
    let begun = Instant::now();
    let mut progress = Progress::new();
    loop {
        let all = connection.client.copies().await?.items;
        let Some(copy) = all.into_iter().find(|copy| copy.id == id) else {
            return Err(Failure::new(Exit::Failed, "not_found", format!("The copy of {id} was deleted.")));
        };
        match copy.state {
            CopyState::Done => return Ok(copy),
            CopyState::Failed => {
                let why = copy.detail.unwrap_or_default();
                let text = format!("{} was not copied: {why}", copy.name);
                return Err(Failure::new(Exit::Failed, "failed", text));
            }
            CopyState::Waiting | CopyState::Copying | CopyState::Fetching => {}
        }
        if begun.elapsed() > Duration::from_secs(wait.timeout) {
            let what = if copy.state == CopyState::Fetching { "fetched" } else { "copied" };
            let text = format!("{} is not {what} after {} s; it goes on.", copy.name, wait.timeout);
            return Err(Failure::new(Exit::TimedOut, "timed_out", text));
        }
        progress.say(|elapsed| format!("{}: {}, {} s", copy.name, copy.state.as_str(), elapsed.as_secs()));
        tokio::time::sleep(LOOK).await;
    }
}

async fn list(connection: &Connection) -> Result<u8, Failure> {
    let all = connection.client.copies().await?;
    if connection.json {
        return print_json(&all);
    }
    let mut table = Table::new(&["NAME", "OF", "STATE", "SIZE", "TAKEN", "ID"]);
    for copy in all.items {
        let why = copy.detail.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        let state = format!("{}{why}", copy.state.as_str());
        let bytes = copy.bytes.map(size).unwrap_or_default();
        table.row([copy.name, copy.desktop_name, state, bytes, ago(copy.taken_at), copy.id.to_string()]);
    }
    table.print(match all.configured {
        true => "No copies; rolltop copies add SNAPSHOT makes one.",
        false => "No copies are kept: the operator has named no place for them.",
    })
}

async fn fetch(
    connection: &Connection,
    copy: &str,
    name: Option<String>,
    wait: &Wait,
) -> Result<u8, Failure> {
    let copy = find_one(connection, copy).await?;
    connection.client.fetch_copy(CopyId(copy.id)).await?;
    let copy = done(connection, copy.id, wait).await?;
    let Some(snapshot) = copy.fetched_as else {
        let text = format!("{} was not fetched: {}", copy.name, copy.detail.unwrap_or_default());
        return Err(Failure::new(Exit::Failed, "failed", text));
    };
    let fork = ForkDesktop { name, count: None };
    let mut made = connection.client.fork_snapshot(snapshot, &fork).await?;
    if wait.wait {
        for desktop in &mut made {
            *desktop = reached(connection, desktop, wait, DesktopState::Running, None).await?;
        }
    }
    tell(connection, &made)
}

async fn remove(connection: &Connection, copies: &[String]) -> Result<u8, Failure> {
    for copy in copies {
        let copy = find_one(connection, copy).await?;
        connection.client.delete_copy(CopyId(copy.id)).await?;
        if !connection.json {
            print(&format!("{} deleted\n", copy.id))?;
        }
    }
    if connection.json { print_json(&serde_json::json!({})) } else { Ok(0) }
}

/// By its id, the beginning of one, or its name.
async fn find_one(connection: &Connection, text: &str) -> Result<SnapshotCopy, Failure> {
    let all = connection.client.copies().await?.items;
    let mut meant =
        all.into_iter().filter(|copy| copy.name == text || find::begins_id(&copy.id.to_string(), text));
    match (meant.next(), meant.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(Failure::new(Exit::Failed, "not_found", format!("There is no copy {text}."))),
        (Some(_), Some(_)) => {
            let text = format!("{text} means more than one copy; give an id from rolltop copies ls.");
            Err(Failure::new(Exit::Failed, "ambiguous_name", text))
        }
    }
}
