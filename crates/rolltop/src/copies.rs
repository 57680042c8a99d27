//! `rolltop copies`: copies of snapshots that are not on the host

use clap::Subcommand;
use rolltop_api_types::{CopyId, CopyState, ForkDesktop, SnapshotCopy};
use rolltop_model::SnapshotId;
use serde_json::json;

use crate::connect::Connection;
use crate::desktops::tell_made;
use crate::failure::{Exit, Failure};
use crate::find;
use crate::output::{ago, print, size};
use crate::snapshots;
use crate::wait::{self, Seen, Wait};

#[derive(Subcommand)]
pub enum Copies {
    /// Copy snapshots to where the operator keeps such; encrypted before they leave
    Add {
        /// Ids or names of snapshots
        #[arg(required = true, value_name = "SNAPSHOT")]
        snapshots: Vec<String>,
        #[command(flatten)]
        wait: Wait,
    },
    /// List them
    #[command(visible_alias = "list")]
    Ls,
    /// Make a desktop of one
    Fetch {
        /// Its id or name
        #[arg(value_name = "COPY")]
        copy: String,
        /// The new desktop's name, by default the one it had
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        wait: Wait,
    },
    /// Delete them; their snapshots stay
    Rm {
        /// Ids or names
        #[arg(required = true, value_name = "COPY")]
        copies: Vec<String>,
    },
}

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
    connection.tell(&json!({ "items": made }), || {
        let lines = made.iter().map(|copy| {
            let bytes = copy.bytes.map(|bytes| format!(", {}", size(bytes))).unwrap_or_default();
            format!("{} of {}: copy {}{bytes}\n", copy.name, copy.desktop_name, copy.state.as_str())
        });
        lines.collect()
    })
}

async fn done(connection: &Connection, id: SnapshotId, wait: &Wait) -> Result<SnapshotCopy, Failure> {
    wait::until(wait, async || {
        let all = connection.client.copies().await?.items;
        let Some(copy) = all.into_iter().find(|copy| copy.id == id) else {
            return Err(Failure::new(Exit::Failed, "not_found", format!("The copy of {id} was deleted.")));
        };
        let what = if copy.state == CopyState::Fetching { "fetched" } else { "copied" };
        match copy.state {
            CopyState::Done => Ok(Seen::Done(copy)),
            CopyState::Failed => {
                let why = copy.detail.unwrap_or_default();
                Err(Failure::failed(format!("{} was not copied: {why}", copy.name)))
            }
            CopyState::Waiting | CopyState::Copying | CopyState::Fetching => {
                let doing = format!("{}: {}", copy.name, copy.state.as_str());
                Ok(Seen::not(wait, doing, &format!("{} is not {what}", copy.name)))
            }
        }
    })
    .await
}

async fn list(connection: &Connection) -> Result<u8, Failure> {
    let all = connection.client.copies().await?;
    let rows = all.items.iter().map(|copy| {
        let SnapshotCopy { name, desktop_name, .. } = copy.clone();
        let why = copy.detail.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        let state = format!("{}{why}", copy.state.as_str());
        let bytes = copy.bytes.map(size).unwrap_or_default();
        [name, desktop_name, state, bytes, ago(copy.taken_at), copy.id.to_string()]
    });
    let empty = match all.configured {
        true => "No copies; rolltop copies add SNAPSHOT makes one.",
        false => "No copies are kept: the operator has named no place for them.",
    };
    connection.list(&all, ["NAME", "OF", "STATE", "SIZE", "TAKEN", "ID"], rows, empty)
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
        let why = copy.detail.unwrap_or_default();
        return Err(Failure::failed(format!("{} was not fetched: {why}", copy.name)));
    };
    let made = connection.client.fork_snapshot(snapshot, &ForkDesktop { name, count: None }).await?;
    tell_made(connection, made, wait).await
}

async fn remove(connection: &Connection, copies: &[String]) -> Result<u8, Failure> {
    for copy in copies {
        let copy = find_one(connection, copy).await?;
        connection.client.delete_copy(CopyId(copy.id)).await?;
        if !connection.json {
            print(&format!("{} deleted\n", copy.id))?;
        }
    }
    connection.tell(&json!({}), String::new)
}

/// By its id, the beginning of one, or its name.
async fn find_one(connection: &Connection, text: &str) -> Result<SnapshotCopy, Failure> {
    let all = connection.client.copies().await?.items;
    let meant = |copy: &SnapshotCopy| copy.name == text || find::begins_id(&copy.id.to_string(), text);
    let failed = |code, detail| Failure::new(Exit::Failed, code, detail);
    find::only(
        all.into_iter().filter(meant),
        || failed("not_found", format!("There is no copy {text}.")),
        || {
            let detail = format!("{text} means more than one copy; give an id from rolltop copies ls.");
            failed("ambiguous_name", detail)
        },
    )
}
