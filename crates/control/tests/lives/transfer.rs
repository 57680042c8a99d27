//! Desktops as files.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use rolltop_api_types::{ForkDesktop, UpdateDesktop};
use rolltop_control::{ArchiveError, SnapshotError, TransferError};
use rolltop_engine::Layers;
use rolltop_model::{SnapshotId, SnapshotState};
use rolltop_sim::Operation;

use crate::fixture::{PATIENCE, Platform, has_screen, platform};

async fn snapshot(platform: &Platform, desktop: rolltop_model::DesktopId) -> SnapshotId {
    let id = platform.control.take_snapshot(&platform.access(desktop).await, None, None).await.unwrap().id;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while platform.control.snapshot(&platform.owner, id).await.unwrap().state != SnapshotState::Ready {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    id
}

async fn file(platform: &Platform, snapshot: SnapshotId) -> Vec<u8> {
    let export = platform.control.export_snapshot(&platform.owner, snapshot).await.unwrap();
    assert_eq!(export.name, "one");
    export.bytes.map_ok(|bytes| bytes.to_vec()).try_concat().await.unwrap()
}

fn stream(bytes: &[u8]) -> impl futures::Stream<Item = io::Result<Bytes>> + Send + Unpin + use<> {
    let chunks: Vec<_> = bytes.chunks(1000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    futures::stream::iter(chunks)
}

#[tokio::test]
async fn a_desktop_leaves_as_a_file_and_is_made_of_it_elsewhere() {
    let (here, there) = (platform().await, platform().await);
    let id = here.running("one").await;
    let change = UpdateDesktop {
        screen: Some("1024x768".to_owned()),
        labels: Some([("team".to_owned(), Some("research".to_owned()))].into()),
        note: Some("Ask Ann first.".to_owned()),
        ..UpdateDesktop::default()
    };
    let choices = here.control.update(&here.access(id).await, &change).await.unwrap().choices;
    let file = file(&here, snapshot(&here, id).await).await;
    let log = here.control.access_log(&here.access(id).await).await.unwrap();
    assert!(log.iter().any(|entry| entry.purpose == "export"), "its owner sees that");

    let taken = there.control.import_snapshot(&there.owner, stream(&file)).await.unwrap();
    assert_eq!((taken.desktop_name.as_str(), taken.has_memory), ("one", false));
    assert!(taken.state == SnapshotState::Ready && taken.desktop_is_gone);
    let made =
        there.control.fork_snapshot(&there.owner, taken.id, &ForkDesktop::default(), None).await.unwrap();
    let made = there.wait(made[0].id, "running", has_screen).await;
    assert_eq!((made.name.as_str(), &made.choices), ("one-1", &choices));
    assert_eq!(choices.labels.to_string(), "team=research");
    // It has an identity of its own by now, and goes on without what it was made of.
    there.control.delete_snapshot(&there.owner, taken.id).await.unwrap();
    there.control.restart(&there.access(made.id).await).await.unwrap();
    there.wait(made.id, "running again", |view| has_screen(view) && view.started_at != made.started_at).await;
    assert_eq!(there.control.leftovers().await.unwrap(), []);
}

#[tokio::test]
async fn what_is_not_whole_leaves_nothing() {
    let platform = platform().await;
    let id = platform.running("one").await;
    let file = file(&platform, snapshot(&platform, id).await).await;
    let kept = platform.control.snapshots(&platform.owner, None).await.unwrap().len();
    let mut changed = file.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let cases: [&[u8]; 4] = [b"", b"PK\x03\x04", &file[..file.len() * 3 / 4], &changed];
    for (number, bytes) in cases.into_iter().enumerate() {
        let refused = platform.control.import_snapshot(&platform.owner, stream(bytes)).await;
        let is_said =
            matches!(refused, Err(TransferError::Archive(ArchiveError::NotOne | ArchiveError::Damaged)));
        assert!(is_said, "{number}: {refused:?}");
    }
    let broken =
        stream(&file[..file.len() / 2]).chain(futures::stream::iter([Err(io::Error::other("gone"))]));
    assert!(platform.control.import_snapshot(&platform.owner, Box::pin(broken)).await.is_err());
    assert_eq!(platform.control.snapshots(&platform.owner, None).await.unwrap().len(), kept);
    assert_eq!(platform.engine.snapshots().await.unwrap().len(), kept);
    assert_eq!(platform.control.leftovers().await.unwrap(), []);
}

#[tokio::test]
async fn a_snapshot_that_is_deleted_while_it_is_asked_for_is_no_such_snapshot() {
    let platform = platform().await;
    let id = platform.running("one").await;
    let taken = snapshot(&platform, id).await;
    platform.engine.faults().delay(Operation::Export, Duration::from_millis(500));
    let export = platform.control.export_snapshot(&platform.owner, taken);
    let delete = async {
        // By then its row has been read.
        let access = platform.access(id).await;
        while !platform
            .control
            .access_log(&access)
            .await
            .unwrap()
            .iter()
            .any(|entry| entry.purpose == "export")
        {
            tokio::task::yield_now().await;
        }
        platform.control.delete_snapshot(&platform.owner, taken).await.unwrap();
    };
    let (exported, ()) = tokio::join!(export, delete);
    let refused = exported.map(|export| export.name);
    assert!(matches!(refused, Err(TransferError::Snapshot(SnapshotError::NotFound))), "{refused:?}");
}

#[tokio::test]
async fn as_many_go_out_and_come_in_at_the_same_time_as_the_host_bears() {
    let platform = platform().await;
    let id = platform.running("one").await;
    let taken = snapshot(&platform, id).await;
    let file = file(&platform, taken).await;
    let (control, owner) = (&platform.control, &platform.owner);
    let mut under_way = Vec::new();
    for _ in 0..4 {
        let mut export = control.export_snapshot(owner, taken).await.unwrap();
        assert!(export.bytes.next().await.unwrap().is_ok());
        under_way.push(export);
    }
    let more = control.export_snapshot(owner, taken).await.map(|_| ());
    assert!(matches!(more, Err(TransferError::TooMany)), "{more:?}");
    let more = control.import_snapshot(owner, stream(&file)).await;
    assert!(matches!(more, Err(TransferError::TooMany)), "{more:?}");
    // One that is broken off makes room, and one that has ended.
    under_way.pop();
    control.import_snapshot(owner, stream(&file)).await.unwrap();
    control.export_snapshot(owner, taken).await.unwrap();
}
