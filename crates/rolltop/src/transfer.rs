//! `rolltop export` and `rolltop import`: a desktop as one file

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use futures::StreamExt as _;
use rolltop_api_types::{
    ClientError, Code, CreateSnapshot, DesktopState, ExecRequest, ForkDesktop, Snapshot,
};
use rolltop_model::{DesktopName, SnapshotId};
use tokio::io::AsyncRead;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::connect::Connection;
use crate::desktops::tell_made;
use crate::failure::{Exit, Failure};
use crate::find;
use crate::output::{Progress, reader_gone, size};
use crate::snapshots;
use crate::wait::Wait;

#[derive(Args)]
pub struct Export {
    /// The desktop, as it is now
    #[arg(conflicts_with = "snapshot")]
    pub name: Option<String>,
    /// A snapshot instead: its id or name
    #[arg(long)]
    pub snapshot: Option<String>,
    /// The file, by default NAME.rolltop; - is standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<String>,
    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub wait: Wait,
}

#[derive(Args)]
pub struct Import {
    /// What was exported
    pub file: String,
    /// The new desktop's name, by default the one it had
    #[arg(long)]
    pub name: Option<String>,
    #[command(flatten)]
    pub wait: Wait,
}

/// What a shell says of a program that a signal ended.
const INTERRUPTED: u8 = 130;
const TERMINATED: u8 = 143;
const BROKEN_PIPE: u8 = 141;
/// In place of a file's name.
const STDOUT: &str = "-";
/// Whoever read the export has had enough, as after any program in a pipeline.
const READER_GONE: &str = "reader_gone";
/// How long a snapshot may be in use after its export has ended, and how often that is looked at.
const IN_USE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(200);
/// What is sent at once, bytes.
const CHUNK: usize = 256 * 1024;

/// `rolltop export`
pub async fn export(connection: &Connection, wanted: &Export) -> Result<u8, Failure> {
    let (mut interrupted, mut ended) =
        (interrupts(SignalKind::interrupt())?, interrupts(SignalKind::terminate())?);
    let mut ours = None;
    let exported = tokio::select! {
        exported = begin(connection, wanted, &mut ours) => exported.map(Ok),
        _ = interrupted.recv() => Ok(Err(INTERRUPTED)),
        _ = ended.recv() => Ok(Err(TERMINATED)),
        () = reader_gone(), if wanted.output.as_deref() == Some(STDOUT) => Ok(Err(BROKEN_PIPE)),
    };
    let exported = match exported {
        Err(failure) if failure.code == READER_GONE => Ok(Err(BROKEN_PIPE)),
        exported => exported,
    };
    if let Some(snapshot) = ours {
        // It was for this only.
        match removed(connection, snapshot).await {
            Err(error) if error.code() != Some(Code::NotFound) && exported.is_ok() => {
                return Err(error.into());
            }
            Ok(()) | Err(_) => {}
        }
    }
    let (snapshot, path, bytes) = match exported? {
        Ok(exported) => exported,
        Err(signal) => return Ok(signal),
    };
    let desktop = &snapshot.desktop_name;
    connection.tell(
        &serde_json::json!({ "file": path, "bytes": bytes, "desktop": desktop }),
        || match &path {
            Some(path) => format!("{desktop}: {} in {}\n", size(bytes), path.display()),
            None => String::new(),
        },
    )
}

/// The server may take a moment to notice that nobody reads the export any more; until then the snapshot is in use.
async fn removed(connection: &Connection, snapshot: SnapshotId) -> Result<(), ClientError> {
    let begun = Instant::now();
    loop {
        match connection.client.delete_snapshot(snapshot).await {
            Err(error) if error.code() == Some(Code::InUse) && begun.elapsed() < IN_USE => {
                tokio::time::sleep(LOOK).await;
            }
            done => return done.map(|_| ()),
        }
    }
}

fn interrupts(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::io("signals can't be waited for", &error))
}

/// The export itself; a snapshot that is made for it is in `ours` as soon as there is one, so that whoever interrupts
/// this can take it away.
async fn begin(
    connection: &Connection,
    wanted: &Export,
    ours: &mut Option<SnapshotId>,
) -> Result<(Snapshot, Option<PathBuf>, u64), Failure> {
    let snapshot = match (&wanted.snapshot, &wanted.name) {
        (Some(snapshot), _) => snapshots::find_one(connection, snapshot).await?,
        (None, Some(name)) => kept(connection, wanted, name, ours).await?,
        (None, None) => {
            return Err(Failure::usage("Name a desktop, or a snapshot with --snapshot.".to_owned()));
        }
    };
    let (path, bytes) = write(connection, wanted, &snapshot).await?;
    Ok((snapshot, path, bytes))
}

/// A snapshot of a desktop as it is now, with what its programs have written on its disk.
async fn kept(
    connection: &Connection,
    wanted: &Export,
    name: &str,
    ours: &mut Option<SnapshotId>,
) -> Result<Snapshot, Failure> {
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
    *ours = Some(taken.id);
    snapshots::ready(connection, taken.id, &wanted.wait).await
}

async fn write(
    connection: &Connection,
    wanted: &Export,
    snapshot: &Snapshot,
) -> Result<(Option<PathBuf>, u64), Failure> {
    if wanted.output.as_deref() == Some(STDOUT) {
        let bytes = pour(connection, snapshot, &mut io::stdout().lock(), "standard output").await?;
        return Ok((None, bytes));
    }
    let path = wanted.output.clone().unwrap_or_else(|| format!("{}.rolltop", snapshot.desktop_name));
    let path = PathBuf::from(path);
    if path.exists() && !wanted.force {
        let text = format!("{} is there already; give --force to replace it.", path.display());
        return Err(Failure::new(Exit::Failed, "file_exists", text));
    }
    let part = Part::of(&path);
    let failed = |error: io::Error| Failure::io(part.0.display(), &error);
    let mut file = File::create(&part.0).map_err(failed)?;
    let bytes = pour(connection, snapshot, &mut file, &part.0.display().to_string()).await?;
    file.sync_all().map_err(failed)?;
    std::fs::rename(&part.0, &path).map_err(|error| Failure::io(path.display(), &error))?;
    Ok((Some(path), bytes))
}

/// A file that is whole or not at all: this is where it waits, and it goes with whoever gives up writing it.
struct Part(PathBuf);

impl Part {
    fn of(path: &Path) -> Self {
        let mut name = path.as_os_str().to_owned();
        name.push(".part");
        Self(name.into())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Not there any more where it has its name.
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn pour(
    connection: &Connection,
    snapshot: &Snapshot,
    to: &mut impl Write,
    what: &str,
) -> Result<u64, Failure> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::new(Exit::Failed, READER_GONE, format!("{what}: {error}")),
        _ => Failure::io(what, &error),
    };
    let mut body = connection.client.export_snapshot(snapshot.id).await?;
    let mut progress = Progress::new();
    let mut bytes = 0u64;
    while let Some(chunk) = body.next().await.map_err(broken_off)? {
        to.write_all(&chunk).map_err(failed)?;
        bytes += chunk.len() as u64;
        progress
            .say(|elapsed| format!("{}: {}, {} s", snapshot.desktop_name, size(bytes), elapsed.as_secs()));
    }
    to.flush().map_err(failed)?;
    Ok(bytes)
}

fn broken_off(error: ClientError) -> Failure {
    let failure = Failure::from(error);
    Failure { detail: format!("The export broke off: {}", failure.detail), ..failure }
}

/// `rolltop import`
pub async fn import(connection: &Connection, wanted: &Import) -> Result<u8, Failure> {
    if let Some(name) = &wanted.name {
        // Before all of it is sent for nothing.
        DesktopName::chosen(name)
            .map_err(|error| Failure::new(Exit::Failed, "invalid_name", error.to_string()))?;
    }
    let failed = |error: io::Error| Failure::io(&wanted.file, &error);
    let (from, name, length): (Box<dyn AsyncRead + Send + Unpin>, _, _) = match wanted.file.as_str() {
        "-" => (Box::new(tokio::io::stdin()), "standard input".to_owned(), None),
        path => {
            let file = tokio::fs::File::open(path).await.map_err(failed)?;
            let length = file.metadata().await.map_err(failed)?.len();
            (Box::new(file), path.to_owned(), Some(length))
        }
    };
    let of = length.map(|length| format!(" of {}", size(length))).unwrap_or_default();
    let mut progress = Progress::new();
    let mut sent = 0u64;
    let bytes = tokio_util::io::ReaderStream::with_capacity(from, CHUNK).inspect(move |chunk| {
        sent += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        progress.say(|elapsed| format!("{name}: {}{of}, {} s", size(sent), elapsed.as_secs()));
    });
    let snapshot = connection.client.import_snapshot(bytes).await?;
    let fork = ForkDesktop { name: wanted.name.clone(), count: None };
    let made = connection.client.fork_snapshot(snapshot.id, &fork).await?;
    tell_made(connection, made, &wanted.wait).await
}
