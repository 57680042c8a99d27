//! What would be lost is kept first, and brought back by one word.

use rolltop_api_types::{Desktop, DesktopState};
use rolltop_control::{ControlConfig, SnapshotError};
use rolltop_engine::Layers;
use rolltop_model::{DesktopId, SnapshotState};
use rolltop_sim::{Moment, Operation};

use crate::fixture::{PATIENCE, Platform, Said, has_screen, is, is_stopped, platform, platform_with, quick};

/// The first step of a start tells whether it had a memory.
fn resumed_after(boot: u32) -> impl Fn(&Desktop) -> bool {
    move |view| {
        let begins = view.steps().first().is_some_and(|step| step.name == "resume" && step.boot > boot);
        has_screen(view) && begins
    }
}

fn boot(view: &Desktop) -> u32 {
    view.steps().first().map_or(0, |step| step.boot)
}

/// What is kept for an undo, newest first: name, state and whether it has a memory.
async fn kept(platform: &Platform, id: DesktopId) -> Vec<(String, SnapshotState, bool)> {
    let all = platform.control.snapshots(&platform.owner, Some(id)).await.unwrap();
    let undo = all.into_iter().filter(|snapshot| snapshot.kept_until.is_some());
    undo.map(|snapshot| (snapshot.name, snapshot.state, snapshot.has_memory)).collect()
}

#[tokio::test]
async fn a_stop_and_a_restart_can_be_undone_memory_and_all() {
    let platform = platform().await;
    let id = platform.running("one").await;
    let nothing = platform.control.undo(&platform.owner, id).await;
    assert!(matches!(nothing, Err(SnapshotError::NothingToUndo)), "{nothing:?}");

    platform.control.stop(&platform.access(id).await).await.unwrap();
    let view = platform.wait(id, "stopped", is_stopped).await;
    let ready = |name: &str| (name.to_owned(), SnapshotState::Ready, true);
    assert_eq!(kept(&platform, id).await, [ready("Before stopping")]);
    platform.control.undo(&platform.owner, id).await.unwrap();
    let view = platform.wait(id, "back with its memory", resumed_after(boot(&view))).await;

    platform.control.restart(&platform.access(id).await).await.unwrap();
    let before = boot(&view);
    let view = platform.wait(id, "restarted", |view| has_screen(view) && boot(view) > before).await;
    assert_eq!(view.steps().first().map(|step| step.name.as_str()), Some("start"));
    assert_eq!(kept(&platform, id).await.first(), Some(&ready("Before restarting")));
    platform.control.undo(&platform.owner, id).await.unwrap();
    platform.wait(id, "back with its memory", resumed_after(boot(&view))).await;

    // A memory that is suspended would be lost, too.
    platform.control.suspend(&platform.access(id).await).await.unwrap();
    platform.wait(id, "suspended", is(DesktopState::Suspended)).await;
    platform.control.stop(&platform.access(id).await).await.unwrap();
    let view = platform.wait(id, "stopped", is_stopped).await;
    assert_eq!(kept(&platform, id).await.first(), Some(&ready("Before stopping")));
    platform.control.undo(&platform.owner, id).await.unwrap();
    platform.wait(id, "back with its memory", resumed_after(boot(&view))).await;

    // What is off already loses nothing by being stopped again.
    platform.control.stop(&platform.access(id).await).await.unwrap();
    platform.wait(id, "stopped", is_stopped).await;
    let before = kept(&platform, id).await.len();
    platform.control.stop(&platform.access(id).await).await.unwrap();
    assert_eq!(kept(&platform, id).await.len(), before);
}

#[tokio::test]
async fn what_was_deleted_comes_back_under_its_name() {
    let platform = platform().await;
    let id = platform.running("one").await;
    platform.control.delete(&platform.access(id).await).await.unwrap();
    // At once, before it is gone.
    let back = platform.control.undo(&platform.owner, id).await.unwrap();
    assert_eq!(back.name.as_str(), "one");
    platform.wait_gone(id).await;
    let view = platform.wait(back.id, "there again", has_screen).await;
    assert_eq!(view.steps().first().map(|step| step.name.as_str()), Some("fork"));
    let listed = platform.control.snapshots(&platform.owner, Some(id)).await.unwrap();
    assert!(listed.iter().all(|snapshot| snapshot.desktop_is_gone), "{listed:?}");

    // Or later; its name is somebody else's by then.
    platform.control.delete(&platform.access(back.id).await).await.unwrap();
    platform.wait_gone(back.id).await;
    platform.running("one").await;
    let third = platform.control.undo(&platform.owner, back.id).await.unwrap();
    assert_eq!(third.name.as_str(), "one-1");
    platform.wait(third.id, "there again", has_screen).await;

    // Also what is just coming up, whose door does not open.
    let id = third.id;
    platform.control.suspend(&platform.access(id).await).await.unwrap();
    platform.wait(id, "suspended", is(DesktopState::Suspended)).await;
    platform.engine.faults().door(rolltop_sim::DoorFault::NeverOpens);
    platform.control.start(&platform.access(id).await).await.unwrap();
    let is_knocking =
        |view: &Desktop| view.steps().iter().any(|step| step.name == "door" && step.ended_at.is_none());
    platform.wait(id, "at its door", is_knocking).await;
    platform.control.delete(&platform.access(id).await).await.unwrap();
    platform.wait_gone(id).await;
    platform.engine.faults().door(rolltop_sim::DoorFault::None);
    let again = platform.control.undo(&platform.owner, id).await.unwrap();
    platform.wait(again.id, "there again", has_screen).await;

    // For good is for good.
    let last = platform.running("last").await;
    platform.control.destroy(&platform.access(last).await).await.unwrap();
    platform.wait_gone(last).await;
    let none = platform.control.undo(&platform.owner, last).await;
    assert!(matches!(none, Err(SnapshotError::NoSuchDesktop(_))), "{none:?}");
    assert_eq!(platform.control.leftovers().await.unwrap(), []);
}

#[tokio::test]
async fn a_full_disk_keeps_nobody_from_stopping_and_what_is_kept_makes_room() {
    let platform = platform_with(ControlConfig { undo_free_disk: u64::MAX, ..quick() }).await;
    let id = platform.running("one").await;
    platform.engine.faults().disk_full(true);
    platform.control.stop(&platform.access(id).await).await.unwrap();
    platform.wait(id, "stopped", is_stopped).await;
    let without = platform.control.undo(&platform.owner, id).await;
    assert!(matches!(without, Err(SnapshotError::NothingToUndo)), "{without:?}");
    platform.engine.faults().disk_full(false);

    platform.control.start(&platform.access(id).await).await.unwrap();
    platform.wait(id, "running", has_screen).await;
    platform.control.stop(&platform.access(id).await).await.unwrap();
    platform.wait(id, "stopped", is_stopped).await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !platform.engine.snapshots().await.unwrap().is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "it makes no room");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_stop_that_has_not_begun_is_taken_back() {
    let platform = platform().await;
    let id = platform.running("one").await;
    let slow = std::time::Duration::from_secs(2);
    platform.engine.faults().delay(rolltop_sim::Operation::Snapshot, slow);
    platform.control.stop(&platform.access(id).await).await.unwrap();
    platform.control.undo(&platform.owner, id).await.unwrap();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while kept(&platform, id).await.iter().any(|(_, state, _)| *state == SnapshotState::Taking) {
        assert!(tokio::time::Instant::now() < deadline, "it is not kept");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let view = platform.wait(id, "running", has_screen).await;
    assert_eq!(boot(&view), 1, "it went on");
}

#[tokio::test]
async fn snapshots_are_taken_by_a_schedule_and_as_many_stay_as_it_says() {
    let hour = std::time::Duration::from_millis(150);
    let platform = platform_with(ControlConfig { hour, flatten_at: 4, ..quick() }).await;
    let id = platform.running("one").await;
    let manual =
        platform.control.take_snapshot(&platform.access(id).await, Some("mine"), None).await.unwrap();
    let schedule = |last| rolltop_model::SnapshotSchedule::new(1, last, 1).unwrap();
    let write = platform.access(id).await;
    platform.control.set_snapshot_schedule(&write, Some(schedule(3))).await.unwrap();
    let seen = platform.control.snapshot_schedule(&platform.access(id).await).await.unwrap();
    assert!(
        seen.schedule.is_some_and(|seen| (seen.every_hours, seen.keep_last, seen.keep_days) == (1, 3, 1))
            && seen.next_at.is_some()
    );
    let scheduled = async || {
        let all = platform.control.snapshots(&platform.owner, Some(id)).await.unwrap();
        let ready = all.into_iter().filter(|one| one.is_scheduled && one.state == SnapshotState::Ready);
        ready.map(|snapshot| snapshot.id).collect::<Vec<_>>()
    };
    let mut seen = std::collections::BTreeSet::new();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while seen.len() < 6 {
        seen.extend(scheduled().await);
        assert!(tokio::time::Instant::now() < deadline, "only {seen:?} came");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // What does not run is kept by itself.
    platform.control.suspend(&platform.access(id).await).await.unwrap();
    platform.wait(id, "suspended", is(DesktopState::Suspended)).await;
    // One that was asked for before is still taken.
    let is_taken = async || {
        let all = platform.control.snapshots(&platform.owner, Some(id)).await.unwrap();
        all.iter().all(|one| one.state != SnapshotState::Taking)
    };
    while !is_taken().await || scheduled().await.len() > 3 {
        assert!(tokio::time::Instant::now() < deadline, "more stay than it says");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let left = scheduled().await;
    assert_eq!(left.len(), 3);
    tokio::time::sleep(hour * 3).await; // as long as three of them would take
    assert_eq!(scheduled().await, left);
    let all = platform.control.snapshots(&platform.owner, Some(id)).await.unwrap();
    assert!(all.iter().any(|snapshot| snapshot.id == manual.id), "what somebody asked for stays");

    platform.control.set_snapshot_schedule(&write, None).await.unwrap();
    platform.control.start(&platform.access(id).await).await.unwrap();
    platform.wait(id, "running", has_screen).await;
    tokio::time::sleep(hour * 3).await;
    assert_eq!(scheduled().await, left, "none come any more, and those that were taken stay");
}

#[tokio::test]
async fn what_could_not_be_kept_is_not_undone_by_something_older() {
    let platform = platform().await;
    let id = platform.running("one").await;
    platform.control.stop(&platform.access(id).await).await.unwrap();
    platform.wait(id, "stopped", is_stopped).await;
    platform.control.undo(&platform.owner, id).await.unwrap();
    platform.wait(id, "back", has_screen).await;
    platform.engine.faults().disk_full(true);
    platform.control.stop(&platform.access(id).await).await.unwrap();
    platform.wait(id, "stopped again", is_stopped).await;
    let older = platform.control.undo(&platform.owner, id).await;
    assert!(matches!(older, Err(SnapshotError::NothingToUndo)), "{older:?}");

    // Nor where somebody has deleted it, or the desktop was destroyed for good.
    platform.engine.faults().disk_full(false);
    platform.control.start(&platform.access(id).await).await.unwrap();
    platform.wait(id, "running", has_screen).await;
    platform.control.stop(&platform.access(id).await).await.unwrap();
    platform.wait(id, "stopped", is_stopped).await;
    let all = platform.control.snapshots(&platform.owner, Some(id)).await.unwrap();
    platform.control.delete_snapshot(&platform.owner, all[0].id).await.unwrap();
    let older = platform.control.undo(&platform.owner, id).await;
    assert!(matches!(older, Err(SnapshotError::NothingToUndo)), "{older:?}");
    platform.control.destroy(&platform.access(id).await).await.unwrap();
    platform.wait_gone(id).await;
    assert!(kept(&platform, id).await.iter().any(|(_, state, _)| *state == SnapshotState::Ready));
    let older = platform.control.undo(&platform.owner, id).await;
    assert!(matches!(older, Err(SnapshotError::NothingToUndo)), "{older:?}");
}

#[tokio::test]
async fn a_memory_is_kept_although_control_was_killed_half_way() {
    let mut platform = platform().await;
    let id = platform.running("one").await;
    let before = boot(&platform.get(id).await.unwrap());
    platform.engine.faults().never_answer(Operation::Snapshot, Moment::Within);
    platform.control.stop(&platform.access(id).await).await.unwrap();
    platform.kill_there_and_reopen(quick()).await;
    platform.wait(id, "stopped", is_stopped).await;
    assert_eq!(kept(&platform, id).await, [("Before stopping".to_owned(), SnapshotState::Ready, true)]);
    platform.control.undo(&platform.owner, id).await.unwrap();
    platform.wait(id, "back", resumed_after(before)).await;
}
