//! Snapshots and forks.

use clap::{Args, Subcommand};
use rolltop_api_types::{
    CreateSnapshot, DesktopSnapshotSchedule, DesktopState, ForkDesktop, ListSnapshots, Snapshot,
    SnapshotSchedule, SnapshotState,
};
use rolltop_model::SnapshotId;
use serde_json::json;

use crate::connect::Connection;
use crate::desktops::{reached, tell, tell_made};
use crate::failure::Failure;
use crate::find;
use crate::output::{ago, left_until, plain, print, size};
use crate::wait::{self, Seen, Wait};

#[derive(Args)]
pub struct Fork {
    /// The desktop
    #[arg(required_unless_present = "snapshot", conflicts_with = "snapshot")]
    pub name: Option<String>,
    /// A snapshot to fork instead: its id, or its name
    #[arg(long, value_name = "SNAPSHOT")]
    pub snapshot: Option<String>,
    /// What to call it, or what the names of several begin with; by default the origin's, with a number
    #[arg(long = "as", value_name = "NAME")]
    pub fork_name: Option<String>,
    /// How many
    #[arg(long, short, value_name = "N", default_value_t = 1)]
    pub count: u32,
    #[command(flatten)]
    pub wait: Wait,
}

#[derive(Args)]
pub struct TakeSnapshot {
    /// The desktop
    pub name: String,
    /// What to call it; by default the time
    #[arg(long = "as", value_name = "NAME")]
    pub snapshot_name: Option<String>,
    #[command(flatten)]
    pub wait: Wait,
}

#[derive(Subcommand)]
pub enum Snapshots {
    /// List them
    #[command(visible_alias = "list")]
    Ls {
        /// Only those of this desktop
        #[arg(value_name = "DESKTOP")]
        name: Option<String>,
    },
    /// Delete snapshots; desktops that were made from them stay
    Rm {
        /// Ids or names
        #[arg(required = true, value_name = "SNAPSHOT")]
        snapshots: Vec<String>,
    },
    /// Take snapshots of a desktop by a schedule, or show it
    #[command(after_help = "Example:\n  rolltop snapshots schedule research --every 6 --keep 4 --days 7")]
    Schedule(SetSnapshotSchedule),
}

#[derive(Args)]
pub struct SetSnapshotSchedule {
    /// The desktop
    pub name: String,
    /// Hours from one to the next
    #[arg(long, value_name = "HOURS")]
    pub every: Option<u32>,
    /// How many of the latest stay; 4 where nothing else was said
    #[arg(long, value_name = "N")]
    pub keep: Option<u32>,
    /// And the latest of each of so many days; none where nothing else was said
    #[arg(long, value_name = "DAYS")]
    pub days: Option<u32>,
    /// Whether each is also copied off the host, for as long as it stays
    #[arg(long, value_name = "true|false")]
    pub copies: Option<bool>,
    /// Take none any more
    #[arg(long, conflicts_with_all = ["every", "keep", "days", "copies"])]
    pub never: bool,
}

/// Of the latest, where nothing is said.
const KEEP: u32 = 4;

/// `rolltop fork`
pub async fn fork(connection: &Connection, fork: &Fork) -> Result<u8, Failure> {
    let wanted = ForkDesktop { name: fork.fork_name.clone(), count: Some(fork.count) };
    let client = &connection.client;
    let forks = match (&fork.name, &fork.snapshot) {
        (_, Some(snapshot)) => {
            client.fork_snapshot(find_one(connection, snapshot).await?.id, &wanted).await?
        }
        (Some(name), None) => client.fork_desktop(find::desktop(connection, name).await?.id, &wanted).await?,
        (None, None) => {
            return Err(Failure::usage("Name a desktop, or a snapshot with --snapshot.".to_owned()));
        }
    };
    tell_made(connection, forks, &fork.wait).await
}

/// `rolltop snapshot`
pub async fn take(connection: &Connection, take: &TakeSnapshot) -> Result<u8, Failure> {
    let desktop = find::desktop(connection, &take.name).await?;
    let wanted = CreateSnapshot { name: take.snapshot_name.clone() };
    let mut snapshot = connection.client.take_snapshot(desktop.id, &wanted).await?;
    if take.wait.wait {
        snapshot = ready(connection, snapshot.id, &take.wait).await?;
    }
    connection.tell(&snapshot, || {
        let paused = snapshot.pause_ms.filter(|_| snapshot.has_memory);
        let paused = paused.map(|ms| format!(", it stood still for {ms} ms")).unwrap_or_default();
        format!("{} {} of {}{paused}\n", snapshot.id, snapshot.state.as_str(), snapshot.desktop_name)
    })
}

/// `rolltop restore`
pub async fn restore(connection: &Connection, snapshot: &str, wait: &Wait) -> Result<u8, Failure> {
    let before = find_one(connection, snapshot).await?;
    let since = if before.desktop_is_gone {
        None
    } else {
        connection.client.desktop(before.desktop).await?.started_at
    };
    let mut desktop = connection.client.restore_snapshot(before.id).await?;
    if wait.wait {
        // It is back once it runs since another time.
        desktop = reached(connection, &desktop, wait, DesktopState::Running, since).await?;
    }
    tell(connection, &[desktop])
}

/// `rolltop undo`
pub async fn undo(connection: &Connection, name: &str, wait: &Wait) -> Result<u8, Failure> {
    // One that is gone has no name any more but in what is kept of it.
    let kept = connection.client.snapshots(&ListSnapshots::default()).await?;
    let gone = kept.iter().find(|snapshot| {
        let fits = snapshot.desktop_name == name || find::begins_id(&snapshot.desktop.to_string(), name);
        fits && snapshot.desktop_is_gone && snapshot.kept_until.is_some()
    });
    let (id, since) = match (find::desktop(connection, name).await, gone) {
        (Ok(desktop), _) => (desktop.id, desktop.started_at),
        (Err(_), Some(gone)) => (gone.desktop, None),
        (Err(error), None) => return Err(error),
    };
    let mut desktop = connection.client.undo_desktop(id).await?;
    if wait.wait {
        desktop = reached(connection, &desktop, wait, DesktopState::Running, since).await?;
    } else if !connection.json {
        // Its state is still that of what is undone.
        return print(&format!("{} is being brought back\n", plain(&desktop.name)));
    }
    tell(connection, &[desktop])
}

/// `rolltop snapshots`
pub async fn run(connection: &Connection, which: &Snapshots) -> Result<u8, Failure> {
    match which {
        Snapshots::Ls { name } => list(connection, name.as_deref()).await,
        Snapshots::Schedule(set) => schedule(connection, set).await,
        Snapshots::Rm { snapshots } => {
            for snapshot in snapshots {
                let found = find_one(connection, snapshot).await?;
                connection.client.delete_snapshot(found.id).await?;
                if !connection.json {
                    print(&format!("{} deleted\n", found.id))?;
                }
            }
            connection.tell(&json!({}), String::new)
        }
    }
}

/// What is not said stays as it was.
async fn schedule(connection: &Connection, set: &SetSnapshotSchedule) -> Result<u8, Failure> {
    let desktop = find::desktop(connection, &set.name).await?;
    let client = &connection.client;
    let before = client.snapshot_schedule(desktop.id).await?.schedule;
    if set.never {
        client.end_snapshot_schedule(desktop.id).await?;
    } else if set.every.is_some() || set.keep.is_some() || set.days.is_some() || set.copies.is_some() {
        let every_hours = set.every.or(before.map(|before| before.every_hours));
        let wanted = SnapshotSchedule {
            every_hours: every_hours
                .ok_or_else(|| Failure::usage("Say how many hours with --every.".to_owned()))?,
            keep_last: set.keep.or(before.map(|before| before.keep_last)).unwrap_or(KEEP),
            keep_days: set.days.or(before.map(|before| before.keep_days)).unwrap_or(0),
            copies: set.copies.or(before.map(|before| before.copies)).unwrap_or(false),
        };
        client.set_snapshot_schedule(desktop.id, &wanted).await?;
    }
    let now = client.snapshot_schedule(desktop.id).await?;
    connection.tell(&now, || told(&desktop.name, &now))
}

fn told(name: &str, now: &DesktopSnapshotSchedule) -> String {
    let Some(schedule) = now.schedule else {
        return format!("{name}: no snapshots but those that are asked for\n");
    };
    let daily = match schedule.keep_days {
        0 => String::new(),
        days => format!(", and one a day for {days} days"),
    };
    let next = now.next_at.map(|at| format!("; the next in {}", left_until(at))).unwrap_or_default();
    let (every, last) = (schedule.every_hours, schedule.keep_last);
    let copied = if schedule.copies { ", all of them copied off the host" } else { "" };
    format!("{name}: every {every} h, the latest {last} stay{daily}{copied}{next}\n")
}

async fn list(connection: &Connection, name: Option<&str>) -> Result<u8, Failure> {
    let desktop = find::one_to_look_at(connection, name).await?;
    let found = connection.client.snapshots(&ListSnapshots { desktop }).await?;
    let rows = found.iter().map(|snapshot| {
        let Snapshot { name, desktop_name, .. } = snapshot.clone();
        let (state, disk) = (snapshot.state.as_str().to_owned(), size(snapshot.disk_bytes));
        let memory = if snapshot.has_memory { size(snapshot.memory_bytes) } else { String::new() };
        let age = ago(snapshot.taken_at.unwrap_or(snapshot.created_at));
        [name, desktop_name, state, memory, disk, age, snapshot.id.to_string()]
    });
    let heads = ["NAME", "OF", "STATE", "MEMORY", "DISK", "AGE", "ID"];
    connection.list(&json!({"items": found}), heads, rows, "No snapshots; rolltop snapshot NAME takes one.")
}

/// By id, the beginning of one, or name; nothing where that fits several.
pub async fn find_one(connection: &Connection, text: &str) -> Result<Snapshot, Failure> {
    let all = connection.client.snapshots(&ListSnapshots::default()).await?;
    let fits = |found: &Snapshot| found.name == text || find::begins_id(&found.id.to_string(), text);
    find::only(
        all.into_iter().filter(fits),
        || Failure::not_found(format!("There is no snapshot {text}; rolltop snapshots ls lists them.")),
        || {
            let detail = format!("Several snapshots are called {text}; give an id of rolltop snapshots ls.");
            Failure::usage(detail)
        },
    )
}

pub async fn ready(connection: &Connection, id: SnapshotId, wait: &Wait) -> Result<Snapshot, Failure> {
    wait::until(wait, async || {
        let snapshot = connection.client.snapshot(id).await?;
        match snapshot.state {
            SnapshotState::Ready => Ok(Seen::Done(snapshot)),
            SnapshotState::Failed | SnapshotState::Deleting => {
                let detail = snapshot.detail.unwrap_or_else(|| "no reason is known".to_owned());
                Err(Failure::failed(format!("The snapshot was not taken: {detail}")))
            }
            SnapshotState::Taking => {
                let doing = format!("{}: taking a snapshot", snapshot.desktop_name);
                Ok(Seen::not(wait, doing, &format!("{id} is not taken")))
            }
        }
    })
    .await
}
