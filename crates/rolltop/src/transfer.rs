//! `rolltop export` and `rolltop import`: a desktop as one file

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use futures::StreamExt as _;
use rolltop_api_types::{ClientError, CreateSnapshot, DesktopState, ExecRequest, ForkDesktop, Snapshot};

use crate::arguments::{Export, Import};
use crate::connect::Connection;
use crate::desktops::{reached, tell};
use crate::failure::{Exit, Failure};
use crate::find;
use crate::output::{Progress, print, print_json, size};
use crate::snapshots;

/// What is sent at once, bytes.
const CHUNK: usize = 256 * 1024;

/// `rolltop export`
pub async fn export(connection: &Connection, wanted: &Export) -> Result<u8, Failure> {
    let (snapshot, is_ours) = match (&wanted.snapshot, &wanted.name) {
        (Some(snapshot), _) => (snapshots::find_one(connection, snapshot).await?, false),
        (None, Some(name)) => (kept(connection, wanted, name).await?, true),
        (None, None) => {
            return Err(Failure::usage("Name a desktop, or a snapshot with --snapshot.".to_owned()));
        }
    };
    let written = write(connection, wanted, &snapshot).await;
    if is_ours {
        // It was for this only.
        connection.client.delete_snapshot(snapshot.id).await?;
    }
    let (path, bytes) = written?;
    if connection.json {
        return print_json(
            &serde_json::json!({ "file": path, "bytes": bytes, "desktop": snapshot.desktop_name }),
        );
    }
    match path {
        Some(path) => print(&format!("{}: {} in {}\n", snapshot.desktop_name, size(bytes), path.display())),
        None => Ok(0),
    }
}

/// A snapshot of a desktop as it is now, with what its programs have written on its disk.
async fn kept(connection: &Connection, wanted: &Export, name: &str) -> Result<Snapshot, Failure> {
    let desktop = find::desktop(connection, name).await?;
    if desktop.state == DesktopState::Running {
        let sync = ExecRequest::of_words(vec!["sync".to_owned()]);
        // One that can't is as it would be after a power cut, which a file system mends.
        if let Ok(mut said) = connection.client.exec(desktop.id, &sync).await {
            while said.next().await.is_some() {}
        }
    }
    let name: String = format!("Export of {}", desktop.name);
    let taken = connection.client.take_snapshot(desktop.id, &CreateSnapshot { name: Some(name) }).await?;
    snapshots::ready(connection, taken.id, &wanted.wait).await
}

async fn write(
    connection: &Connection,
    wanted: &Export,
    snapshot: &Snapshot,
) -> Result<(Option<PathBuf>, u64), Failure> {
    if wanted.output.as_deref() == Some("-") {
        let bytes = pour(connection, snapshot, &mut io::stdout().lock(), "standard output").await?;
        return Ok((None, bytes));
    }
    let path = wanted.output.clone().unwrap_or_else(|| format!("{}.rolltop", snapshot.desktop_name));
    let path = PathBuf::from(path);
    if path.exists() && !wanted.force {
        let text = format!("{} is there already; give --force to replace it.", path.display());
        return Err(Failure::new(Exit::Failed, "file_exists", text));
    }
    // Whole or not at all.
    let part = part_of(&path);
    let mut file = File::create(&part).map_err(|error| Failure::io(part.display(), &error))?;
    let poured = pour(connection, snapshot, &mut file, &part.display().to_string()).await;
    let done = match poured {
        Ok(bytes) => file.sync_all().map(|()| bytes).map_err(|error| Failure::io(part.display(), &error)),
        Err(failure) => Err(failure),
    };
    let renamed = match done {
        Ok(bytes) => {
            std::fs::rename(&part, &path).map(|()| bytes).map_err(|error| Failure::io(path.display(), &error))
        }
        Err(failure) => Err(failure),
    };
    if renamed.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    Ok((Some(path), renamed?))
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

async fn pour(
    connection: &Connection,
    snapshot: &Snapshot,
    to: &mut impl Write,
    what: &str,
) -> Result<u64, Failure> {
    let mut body = connection.client.export_snapshot(snapshot.id).await?;
    let mut progress = Progress::new();
    let mut bytes = 0u64;
    while let Some(chunk) = body.next().await.map_err(broken_off)? {
        to.write_all(&chunk).map_err(|error| Failure::io(what, &error))?;
        bytes += chunk.len() as u64;
        progress
            .say(|elapsed| format!("{}: {}, {} s", snapshot.desktop_name, size(bytes), elapsed.as_secs()));
    }
    to.flush().map_err(|error| Failure::io(what, &error))?;
    Ok(bytes)
}

fn broken_off(error: ClientError) -> Failure {
    let failure = Failure::from(error);
    Failure { detail: format!("The export broke off: {}", failure.detail), ..failure }
}

/// `rolltop import`
pub async fn import(connection: &Connection, wanted: &Import) -> Result<u8, Failure> {
    let file = tokio::fs::File::open(&wanted.file).await;
    let file = file.map_err(|error| Failure::io(&wanted.file, &error))?;
    let length = file.metadata().await.map_err(|error| Failure::io(&wanted.file, &error))?.len();
    let name = wanted.file.clone();
    let mut progress = Progress::new();
    let mut sent = 0u64;
    let bytes = tokio_util::io::ReaderStream::with_capacity(file, CHUNK).inspect(move |chunk| {
        sent += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        progress
            .say(|elapsed| format!("{name}: {} of {}, {} s", size(sent), size(length), elapsed.as_secs()));
    });
    let snapshot = connection.client.import_snapshot(bytes).await?;
    let fork = ForkDesktop { name: wanted.name.clone(), count: None };
    let mut made = connection.client.fork_snapshot(snapshot.id, &fork).await?;
    if wanted.wait.wait {
        for desktop in &mut made {
            *desktop = reached(connection, desktop, &wanted.wait, DesktopState::Running, None).await?;
        }
    }
    tell(connection, &made)
}
