//! Snapshots, and desktops made from them.

use rolltop_api_types::{Desktop, DesktopState, ForkDesktop};
use rolltop_control::{ControlConfig, SnapshotError};
use rolltop_engine::{EngineError, Layers};
use rolltop_model::{FailReason, SnapshotId, SnapshotState};
use rolltop_sim::{Moment, Operation};

use crate::fixture::{PATIENCE, Platform, Said, has_failed, has_screen, is, platform, platform_with, quick};

async fn settled(platform: &Platform, id: SnapshotId, state: SnapshotState) {
    let waiting = async {
        loop {
            let view = platform.control.snapshot(&platform.owner, id).await;
            if view.is_ok_and(|view| view.state == state) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "{id} is not {state}");
}

/// Waits until the engine holds as many snapshots.
async fn held(platform: &Platform, count: usize) {
    // Those that are for an undo are not what these tests are about.
    for snapshot in platform.control.snapshots(&platform.owner, None).await.unwrap() {
        if snapshot.kept_until.is_some() && snapshot.state != SnapshotState::Taking {
            platform.control.delete_snapshot(&platform.owner, snapshot.id).await.unwrap();
        }
    }
    let waiting = async {
        while platform.engine.snapshots().await.unwrap().len() != count {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "not {count} snapshots");
}

#[tokio::test]
async fn a_running_desktop_is_kept_and_others_are_made_from_it() {
    let platform = platform().await;
    let id = platform.running("one").await;
    let write = platform.access(id).await;
    let asked = platform.control.take_snapshot(&write, Some(" as it was "), None).await.unwrap();
    assert_eq!((asked.state, asked.name.as_str()), (SnapshotState::Taking, "as it was"));
    settled(&platform, asked.id, SnapshotState::Ready).await;
    let shown = platform.control.snapshot(&platform.owner, asked.id).await.unwrap();
    assert!(shown.has_memory && shown.taken_at.is_some() && shown.memory_bytes > 0, "{shown:?}");
    assert_eq!((shown.made_by.as_str(), shown.desktop_name.as_str()), ("tests", "one"));
    let picture = platform.control.snapshot_picture(&platform.owner, asked.id).await.unwrap();
    assert!(shown.has_picture && picture.starts_with(&[0xff, 0xd8]), "what was on its screen");
    let log = platform.control.access_log(&platform.access(id).await).await.unwrap();
    assert!(log.iter().any(|entry| entry.purpose == "screenshot" && entry.actor == "tests"), "{log:?}");
    let parent = platform.get(id).await.unwrap();
    assert!(parent.steps().iter().all(|step| step.boot == 1), "it went on");
    assert!(platform.control.screenshot(&platform.access(id).await, 480).await.is_ok());

    let two = ForkDesktop { count: Some(2), ..ForkDesktop::default() };
    let forks = platform.control.fork_snapshot(&platform.owner, asked.id, &two, None).await.unwrap();
    let names: Vec<&str> = forks.iter().map(|fork| fork.name.as_str()).collect();
    assert_eq!(names, ["one-1", "one-2"]);
    for fork in &forks {
        platform.wait(fork.id, "running", has_screen).await;
        assert!(platform.control.screenshot(&platform.access(fork.id).await, 480).await.is_ok());
    }
    // Each has an identity of its own.
    let store = second_look(&platform).await;
    let mut host_keys = Vec::new();
    for desktop in [id, forks[0].id, forks[1].id] {
        host_keys.push(store.desktop(desktop).await.unwrap().unwrap().host_key.unwrap());
    }
    host_keys.sort();
    host_keys.dedup();
    assert_eq!(host_keys.len(), 3);

    // What they were made from may go, and each of them stops and starts all the same.
    platform.control.destroy(&platform.access(id).await).await.unwrap();
    platform.wait_gone(id).await;
    let listed = platform.control.snapshots(&platform.owner, Some(id)).await.unwrap();
    assert_eq!(listed.len(), 1, "a snapshot outlives its desktop");
    platform.control.delete_snapshot(&platform.owner, asked.id).await.unwrap();
    held(&platform, 0).await;
    for fork in &forks {
        let control = platform.access(fork.id).await;
        platform.control.stop(&control).await.unwrap();
        platform.wait(fork.id, "stopped", |view| view.state == DesktopState::Stopped).await;
        platform.control.start(&control).await.unwrap();
        platform.wait(fork.id, "running again", has_screen).await;
        platform.control.destroy(&platform.access(fork.id).await).await.unwrap();
        platform.wait_gone(fork.id).await;
    }
    held(&platform, 0).await;
    assert_eq!(platform.control.leftovers().await.unwrap(), []);
    assert_eq!(store.layer_ids().await.unwrap(), [], "no key is kept that nothing needs");
}

pub async fn second_look(platform: &Platform) -> rolltop_store::Store {
    let vault = rolltop_vault::Vault::open_or_create(&platform.directory.path().join("vault.key")).unwrap();
    rolltop_store::Store::open(&rolltop_store::testing::location(platform.directory.path()).await, vault)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_fork_takes_a_snapshot_that_goes_when_the_forks_are_there() {
    let platform = platform().await;
    let id = platform.running("one").await;
    for state in ["running", "suspended", "stopped"] {
        let write = platform.access(id).await;
        match state {
            "suspended" => {
                platform.control.suspend(&platform.access(id).await).await.unwrap();
                platform.wait(id, state, is(DesktopState::Suspended)).await;
            }
            "stopped" => {
                platform.control.stop(&platform.access(id).await).await.unwrap();
                platform.wait(id, state, |view| view.state == DesktopState::Stopped).await;
            }
            _ => {}
        }
        let named = ForkDesktop { name: Some(format!("from-{state}")), count: None };
        let forks = platform.control.fork(&write, &named, None).await.unwrap();
        assert_eq!(forks[0].name.as_str(), format!("from-{state}"));
        platform.wait(forks[0].id, "running", has_screen).await;
        held(&platform, 0).await;
    }
    assert!(platform.control.snapshots(&platform.owner, None).await.unwrap().is_empty());
    assert_eq!(platform.control.leftovers().await.unwrap(), []);
}

#[tokio::test]
async fn a_snapshot_that_is_not_possible_says_why_and_its_forks_do_too() {
    let platform = platform().await;
    let id = platform.running("one").await;
    let write = platform.access(id).await;
    platform.engine.faults().disk_full(true);
    let asked = platform.control.take_snapshot(&write, None, None).await.unwrap();
    settled(&platform, asked.id, SnapshotState::Failed).await;
    let shown = platform.control.snapshot(&platform.owner, asked.id).await.unwrap();
    assert_eq!(shown.detail.as_deref(), Some(FailReason::DiskFull.sentence()));
    let fork = platform.control.fork(&write, &ForkDesktop::default(), None).await.unwrap().remove(0);
    let failed = platform.wait(fork.id, "failed", has_failed).await;
    assert_eq!((failed.state, failed.why()), (DesktopState::Failed, Some("origin_gone")));
    platform.engine.faults().disk_full(false);
    let asked = platform.control.take_snapshot(&write, None, None).await.unwrap();
    settled(&platform, asked.id, SnapshotState::Ready).await;
    assert_eq!(platform.get(id).await.unwrap().state, DesktopState::Running);
    let fork = platform.control.fork(&write, &ForkDesktop::default(), None).await.unwrap().remove(0);
    platform.wait(fork.id, "running", has_screen).await;
}

#[tokio::test]
async fn one_that_was_cut_short_or_unheard_is_finished_under_the_same_name() {
    let mut platform = platform().await;
    let id = platform.running("one").await;
    let write = platform.access(id).await;
    let silent = EngineError::Unreachable("no socket".into());
    platform.engine.faults().fail(Operation::Snapshot, silent, 3);
    let asked = platform.control.take_snapshot(&write, None, None).await.unwrap();
    platform.kill_and_reopen(quick()).await;
    settled(&platform, asked.id, SnapshotState::Ready).await;
    held(&platform, 1).await;
    platform.wait(id, "running", is(DesktopState::Running)).await;
    platform.control.destroy(&platform.access(id).await).await.unwrap();
    platform.wait_gone(id).await;
    platform.control.delete_snapshot(&platform.owner, asked.id).await.unwrap();
    held(&platform, 0).await;
    assert_eq!(platform.control.leftovers().await.unwrap(), []);
}

/// The first try leaves a desktop that writes to the new layer, which the engine takes no second time.
#[tokio::test]
async fn one_that_was_cut_short_half_way_begins_anew() {
    let mut platform = platform().await;
    let id = platform.running("one").await;
    platform.engine.faults().never_answer(Operation::Snapshot, Moment::Within);
    let write = platform.access(id).await;
    let asked = platform.control.take_snapshot(&write, None, None).await.unwrap();
    platform.kill_there_and_reopen(quick()).await;
    settled(&platform, asked.id, SnapshotState::Ready).await;
    assert!(platform.control.snapshot(&platform.owner, asked.id).await.unwrap().has_memory);
    let fork = platform.control.fork_snapshot(&platform.owner, asked.id, &ForkDesktop::default(), None).await;
    platform.wait(fork.unwrap()[0].id, "running", has_screen).await;
    held(&platform, 1).await;
    assert_eq!(platform.control.leftovers().await.unwrap(), []);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_a_sentence() {
    let platform = platform_with(ControlConfig { desktop_limit: 20, ..quick() }).await;
    let id = platform.running("one").await;
    let write = platform.access(id).await;
    for name in ["", "   ", "two\nlines", &"x".repeat(101)] {
        let refused = platform.control.take_snapshot(&write, Some(name), None).await;
        assert!(matches!(refused, Err(SnapshotError::BadName)), "{name:?}");
    }
    for count in [0, 51, u32::MAX] {
        let refused =
            platform.control.fork(&write, &ForkDesktop { count: Some(count), name: None }, None).await;
        assert!(matches!(refused, Err(SnapshotError::BadCount)), "{count}");
    }
    let taken = ForkDesktop { name: Some("one".into()), count: None };
    let refused = platform.control.fork(&write, &taken, None).await;
    assert!(matches!(refused, Err(SnapshotError::NameTaken(name)) if name == "one"));
    let many = ForkDesktop { name: None, count: Some(50) };
    let refused = platform.control.fork(&write, &many, None).await;
    assert!(matches!(refused, Err(SnapshotError::QuotaReached(_))));
    let (unknown, one) = (SnapshotId::generate(), ForkDesktop::default());
    let unknown = platform.control.fork_snapshot(&platform.owner, unknown, &one, None);
    assert!(matches!(unknown.await, Err(SnapshotError::NotFound)));
    assert!(platform.control.snapshots(&platform.owner, None).await.unwrap().is_empty(), "nothing was begun");
}

#[tokio::test]
async fn a_desktop_goes_back_to_a_snapshot_and_from_there_to_what_it_was() {
    let platform = platform().await;
    let id = platform.running("one").await;
    let write = platform.access(id).await;
    let asked = platform.control.take_snapshot(&write, Some("early"), None).await.unwrap();
    settled(&platform, asked.id, SnapshotState::Ready).await;
    for state in ["running", "suspended", "stopped"] {
        match state {
            "suspended" => {
                platform.control.suspend(&platform.access(id).await).await.unwrap();
                platform.wait(id, state, is(DesktopState::Suspended)).await;
            }
            "stopped" => {
                platform.control.stop(&platform.access(id).await).await.unwrap();
                platform.wait(id, state, |view| view.state == DesktopState::Stopped).await;
            }
            _ => {}
        }
        let boot = platform.get(id).await.unwrap().steps().first().map_or(0, |step| step.boot);
        platform.control.restore(&platform.owner, asked.id).await.unwrap();
        let back = |view: &Desktop| has_screen(view) && view.steps().iter().all(|step| step.boot > boot);
        let view = platform.wait(id, "back", back).await;
        assert_eq!(view.steps().first().map(|step| step.name.as_str()), Some("resume"), "from {state}");
    }
    let listed = platform.control.snapshots(&platform.owner, Some(id)).await.unwrap();
    let names = listed.iter().map(|snapshot| snapshot.name.as_str());
    let names: Vec<&str> = names.filter(|name| *name != "Before stopping").collect();
    let undo = "Before going back to early";
    assert_eq!(names, [undo, undo, undo, "early"], "what it was is kept each time");
    let again = platform.control.restore(&platform.owner, listed[3].id).await.unwrap();
    assert_eq!(again.id, id, "and can be gone back to");
    platform
        .wait(id, "back once more", |view| view.steps().iter().all(|step| step.boot > 4) && has_screen(view))
        .await;

    // Where what it is can't be kept first, it is left alone and says so.
    platform.engine.faults().disk_full(true);
    platform.control.restore(&platform.owner, asked.id).await.unwrap();
    let view = platform.wait(id, "told why not", |view| view.reason.is_some()).await;
    assert_eq!((view.why(), view.state), (Some("restore_failed"), DesktopState::Running));
    platform.engine.faults().disk_full(false);

    for snapshot in platform.control.snapshots(&platform.owner, None).await.unwrap() {
        platform.control.delete_snapshot(&platform.owner, snapshot.id).await.unwrap();
    }
    platform.control.destroy(&platform.access(id).await).await.unwrap();
    platform.wait_gone(id).await;
    held(&platform, 0).await;
    assert_eq!(platform.control.leftovers().await.unwrap(), []);
    let store = second_look(&platform).await;
    assert_eq!(store.layer_ids().await.unwrap(), []);
}

#[tokio::test]
async fn a_disk_of_many_layers_becomes_one_of_one() {
    let platform = platform_with(ControlConfig { flatten_at: 4, ..quick() }).await;
    let id = platform.running("one").await;
    let store = second_look(&platform).await;
    let depth = async || store.disk_of(id).await.unwrap().len();
    let mut taken = Vec::new();
    for number in 1..=3 {
        assert_eq!(depth().await, number);
        let access = platform.access(id).await;
        let asked = platform.control.take_snapshot(&access, None, None).await.unwrap();
        settled(&platform, asked.id, SnapshotState::Ready).await;
        taken.push(asked.id);
    }
    let deadline = tokio::time::Instant::now() + crate::fixture::PATIENCE;
    while depth().await != 1 {
        assert!(tokio::time::Instant::now() < deadline, "it stays deep");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // The snapshots have the other layers still, and what is made from them.
    assert_eq!(store.layer_ids().await.unwrap().len(), 4);
    let one = platform
        .control
        .fork_snapshot(&platform.owner, taken[1], &ForkDesktop::default(), None)
        .await
        .unwrap();
    platform.wait(one[0].id, "running", has_screen).await;
    platform.control.restore(&platform.owner, taken[0]).await.unwrap();
    platform
        .wait(id, "put back", |view| has_screen(view) && view.steps().iter().all(|step| step.boot == 2))
        .await;

    for id in [id, one[0].id] {
        platform.control.destroy(&platform.access(id).await).await.unwrap();
        platform.wait_gone(id).await;
    }
    for snapshot in platform.control.snapshots(&platform.owner, None).await.unwrap() {
        platform.control.delete_snapshot(&platform.owner, snapshot.id).await.unwrap();
    }
    held(&platform, 0).await;
    assert_eq!(platform.control.leftovers().await.unwrap(), []);
    assert_eq!(store.layer_ids().await.unwrap(), []);
}
