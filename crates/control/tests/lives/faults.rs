//! What happens when something goes wrong on the host or in the guest.

use std::sync::Arc;
use std::time::Duration;

use rolltop_api_types::{Desktop, DesktopState, UpdateDesktop};
use rolltop_control::{ControlConfig, EndProcessesError, ExecCommand, SnapshotError, Waking, purpose};
use rolltop_engine::{Engine as _, EngineError, Leftover, OffReason, Power};
use rolltop_model::{Desired, DesktopId, FailReason, Limits, Minutes, SleepPolicy, SnapshotSchedule};
use rolltop_sim::{DoorFault, Operation, SimConfig, SimEngine};

use crate::fixture::{
    PATIENCE, Platform, Said, has_failed, has_screen, is, is_stopped, platform, platform_with, quick,
};

fn with_limits(limits: Limits) -> ControlConfig {
    ControlConfig { limits, ..quick() }
}

#[tokio::test]
async fn a_full_disk_fails_with_its_reason_and_trying_again_helps() {
    let platform = platform().await;
    platform.engine.faults().disk_full(true);
    let id = platform.create("one").await.id;
    let failed = platform.wait(id, "failed", has_failed).await;
    assert_eq!((failed.state, failed.why()), (DesktopState::Failed, Some("disk_full")));
    assert_eq!(failed.steps().last().unwrap().detail.as_deref(), Some(FailReason::DiskFull.sentence()));
    let write = platform.access(id).await;
    assert!(platform.control.start(&write).await.is_err(), "a failed desktop is tried again, not started");
    platform.engine.faults().disk_full(false);
    platform.control.retry(&write).await.unwrap();
    platform.wait(id, "running", has_screen).await;
}

#[tokio::test]
async fn a_machine_that_stands_still_is_noticed_and_told_until_it_answers_again() {
    let often = Duration::from_millis(30);
    let still = Duration::from_millis(300);
    let platform = platform_with(ControlConfig { interval: often, still, ..quick() }).await;
    let id = platform.running("one").await;
    platform.engine.faults().busy(100);
    platform.control.read_file(&platform.access(id).await, "/home/desk/welcome.txt").await.unwrap();
    assert_eq!(platform.get(id).await.unwrap().reason, None, "what works hard answers");
    platform.engine.faults().door(DoorFault::Unreachable);
    platform.engine.cut_connections(id);
    let view = platform.wait(id, "found still", |view| view.reason.is_some()).await;
    assert_eq!((view.state, view.why()), (DesktopState::Running, Some("not_answering")));
    platform.engine.faults().door(DoorFault::None);
    platform.wait(id, "answering again", |view| view.reason.is_none()).await;
}

/// Looks around often, and finds out quickly that nothing answers.
fn watchful(limits: Limits) -> ControlConfig {
    let (interval, still) = (Duration::from_millis(30), Duration::from_millis(300));
    ControlConfig { interval, still, limits, ..quick() }
}

async fn happened(platform: &Platform, id: DesktopId) -> Vec<(String, String, Option<String>, bool)> {
    let history = platform.control.history(&platform.access(id).await).await.unwrap();
    let told = history.into_iter().rev();
    told.map(|entry| (entry.kind, entry.actor, entry.detail, entry.error.is_some())).collect()
}

#[tokio::test]
async fn a_full_desktop_says_so_until_what_runs_in_it_is_ended() {
    let platform = platform_with(watchful(quick().limits)).await;
    let id = platform.running("one").await;
    let exec = async || {
        let line = platform.control.exec(&platform.access(id).await).await.unwrap();
        line.start(ExecCommand::of_words(vec!["sleep".into(), "3600".into()]).unwrap()).await
    };
    let _hog = exec().await.unwrap();
    platform.engine.faults().door(DoorFault::Full);
    assert!(exec().await.is_err(), "there is no room for it");
    let view = platform.wait(id, "known to be silent", |view| view.not_answering.is_some()).await;
    assert_eq!((view.state, view.why()), (DesktopState::Running, Some("not_answering")));
    assert_eq!(view.not_answering.unwrap().cause, "processes");

    let view = platform.control.end_processes(&platform.access(id).await).await.unwrap();
    assert_eq!((view.reason, view.not_answering), (None, None), "the word goes at once");
    assert!(exec().await.is_ok(), "there is room again");
    let told = happened(&platform, id).await;
    let told: Vec<_> =
        told.iter().map(|(kind, who, why, _)| (kind.as_str(), who.as_str(), why.as_deref())).collect();
    assert_eq!(
        told[1..],
        [
            ("not_answering", "rolltop", Some("processes")),
            ("processes_ended", platform.owner.label(), None),
            ("answers_again", "rolltop", None),
        ]
    );
    let log = platform.control.access_log(&platform.access(id).await).await.unwrap();
    assert!(
        log.iter().any(|entry| entry.purpose == "end_processes" && entry.actor == platform.owner.label())
    );
}

#[tokio::test]
async fn whoever_goes_away_before_it_answers_has_it_knocked_at() {
    let platform = platform_with(watchful(quick().limits)).await;
    let id = platform.running("one").await;
    platform.engine.faults().busy(50);
    platform.control.read_file(&platform.access(id).await, "/home/desk/welcome.txt").await.unwrap();
    platform.engine.faults().door(DoorFault::Unreachable);
    platform.engine.cut_connections(id);
    platform.engine.faults().delay(Operation::Connect, Duration::from_secs(60));
    let access = platform.access(id).await;
    let impatient = tokio::time::timeout(Duration::from_secs(1), platform.control.exec(&access)).await;
    assert!(impatient.is_err(), "it hears nothing");
    let view = platform.wait(id, "known to be silent", |view| view.not_answering.is_some()).await;
    assert_eq!(view.why(), Some("not_answering"));
}

#[tokio::test]
async fn what_runs_in_a_desktop_that_lets_nobody_in_is_not_said_to_be_ended() {
    let platform = platform().await;
    let id = platform.running("one").await;
    let access = platform.access(id).await;
    platform.engine.faults().door(DoorFault::Unreachable);
    platform.engine.cut_connections(id);
    // Once at a time: whoever asks again and again has nothing of it.
    platform.engine.faults().delay(Operation::Connect, Duration::from_secs(1));
    let end = || platform.control.end_processes(&access);
    let (one, two) = tokio::join!(end(), end());
    platform.engine.faults().delay(Operation::Connect, Duration::ZERO);
    let (refused, too_late) = (one.unwrap_err(), two.unwrap_err());
    let (refused, too_late) = if matches!(refused, EndProcessesError::UnderWay) {
        (too_late, refused)
    } else {
        (refused, too_late)
    };
    assert!(matches!(too_late, EndProcessesError::UnderWay), "{too_late:?}");
    assert!(matches!(refused, EndProcessesError::NotAnswering) && refused.to_string().contains("restart"));
    let (kind, _, _, failed) = happened(&platform, id).await.pop().unwrap();
    assert_eq!((kind.as_str(), failed), ("processes_ended", true));
    platform.engine.faults().door(DoorFault::None);
    platform.control.suspend(&access).await.unwrap();
    platform.wait(id, "suspended", is(DesktopState::Suspended)).await;
    let refused = platform.control.end_processes(&access).await.unwrap_err();
    assert!(matches!(refused, EndProcessesError::NotRunning), "it is not woken for that: {refused:?}");
}

#[tokio::test]
async fn what_is_brought_back_and_does_not_answer_runs_soon_says_so_and_is_entered_once_it_does() {
    let answer = Duration::from_millis(500);
    let limits = Limits { answer, longest_backoff: Duration::from_millis(200), ..quick().limits };
    let platform = platform_with(watchful(limits)).await;
    let id = platform.running("one").await;
    let access = platform.access(id).await;
    let suspended = async || {
        platform.control.suspend(&access).await.unwrap();
        platform.wait(id, "suspended", is(DesktopState::Suspended)).await;
    };
    suspended().await;
    platform.engine.faults().door(DoorFault::NeverOpens);
    let began = std::time::Instant::now();
    platform.control.start(&access).await.unwrap();
    let view = platform.wait(id, "running", is(DesktopState::Running)).await;
    assert!(began.elapsed() < PATIENCE / 4, "its owner does not wait for it: {:?}", began.elapsed());
    assert_eq!(view.why(), Some("not_answering"));
    let cause = Some("halted");
    platform.engine.faults().busy(0);
    platform.wait(id, "why", |view| view.not_answering.as_ref().map(|it| it.cause.as_str()) == cause).await;
    assert!(happened(&platform, id).await.iter().any(|(kind, ..)| kind == "not_answering"));
    assert!(!has_screen(&platform.get(id).await.unwrap()), "it is not entered");

    // It can be put away again, and has its memory still.
    suspended().await;
    platform.control.start(&access).await.unwrap();
    platform.wait(id, "running", is(DesktopState::Running)).await;
    platform.engine.faults().door(DoorFault::None);
    platform.engine.cut_connections(id);
    let view = platform.wait(id, "entered", has_screen).await;
    assert!(view.steps().iter().any(|step| step.name == "resume"), "{:?}", view.steps);
    platform.wait(id, "answering", |view| view.reason.is_none()).await;
}

#[tokio::test]
async fn a_suspension_that_is_not_possible_says_why_and_the_desktop_goes_on() {
    let platform = platform().await;
    let id = platform.running("one").await;
    let write = platform.access(id).await;
    platform.engine.faults().disk_full(true);
    platform.control.suspend(&write).await.unwrap();
    let view = platform.wait(id, "told why not", |view| view.reason.is_some()).await;
    assert_eq!((view.state, view.desired), (DesktopState::Running, Desired::Running));
    assert_eq!(view.why(), Some("disk_full"));
    assert!(view.steps().iter().all(|step| step.boot == 1), "it was never off");
    platform.engine.faults().disk_full(false);
    platform.engine.faults().fail(Operation::Suspend, EngineError::Host("no".into()), 1);
    platform.control.suspend(&write).await.unwrap();
    platform.wait(id, "told why not", |view| view.why() == Some("suspend_failed")).await;
    platform.control.suspend(&write).await.unwrap();
    let view = platform.wait(id, "suspended", is(DesktopState::Suspended)).await;
    assert_eq!(view.reason, None);
}

#[tokio::test]
async fn a_memory_that_cant_be_brought_back_says_why_and_the_disk_can_be_booted() {
    let platform = platform().await;
    let id = platform.running("one").await;
    let write = platform.access(id).await;
    let damaged = || EngineError::MemoryUnusable("it is damaged".into());
    platform.control.suspend(&write).await.unwrap();
    platform.wait(id, "suspended", is(DesktopState::Suspended)).await;
    platform.engine.faults().fail(Operation::Resume, damaged(), 1);
    platform.control.start(&write).await.unwrap();
    let failed = platform.wait(id, "failed", has_failed).await;
    assert_eq!((failed.state, failed.why()), (DesktopState::Failed, Some("memory_unusable")));
    assert_eq!(failed.evidence.as_deref(), Some("it is damaged"));
    // It was not thrown away for that: trying again works, as long as it is there.
    platform.control.retry(&write).await.unwrap();
    let view = platform.wait(id, "resumed", has_screen).await;
    assert_eq!(view.steps().first().map(|step| step.name.as_str()), Some("resume"));

    platform.control.suspend(&write).await.unwrap();
    platform.wait(id, "suspended", is(DesktopState::Suspended)).await;
    platform.engine.faults().fail(Operation::Resume, damaged(), 1);
    platform.control.start(&write).await.unwrap();
    platform.wait(id, "failed", has_failed).await;
    platform.control.restart(&write).await.unwrap();
    let view = platform.wait(id, "booted from its disk", has_screen).await;
    assert_eq!(view.steps().first().map(|step| step.name.as_str()), Some("start"));
}

/// Restarts what has failed with a memory that is still there, and has that again.
async fn restarts_and_comes_back_by_undo(platform: &Platform, id: DesktopId) {
    platform.control.restart(&platform.access(id).await).await.unwrap();
    let booted = platform.wait(id, "booted from its disk", has_screen).await;
    assert!(booted.steps().iter().any(|step| step.name == "start"), "{:?}", booted.steps);
    platform.control.undo(&platform.owner, id).await.unwrap();
    let boot = |view: &Desktop| view.steps().first().map(|step| step.boot);
    let is_back = |view: &Desktop| has_screen(view) && boot(view) > boot(&booted);
    let back = platform.wait(id, "back with its memory", is_back).await;
    assert!(back.steps().iter().any(|step| step.name == "resume"), "{:?}", back.steps);
}

#[tokio::test]
async fn a_restart_where_there_was_no_room_for_a_memory_can_be_undone() {
    let platform = platform().await;
    let id = platform.running("one").await;
    let write = platform.access(id).await;
    platform.control.suspend(&write).await.unwrap();
    platform.wait(id, "suspended", is(DesktopState::Suspended)).await;
    platform.engine.faults().fail(Operation::Resume, EngineError::NoMemory, 99);
    platform.control.start(&write).await.unwrap();
    platform.wait(id, "failed", has_failed).await;
    platform.engine.faults().fail(Operation::Resume, EngineError::NoMemory, 0);
    restarts_and_comes_back_by_undo(&platform, id).await;
}

#[tokio::test]
async fn a_desktop_that_has_failed_can_be_put_back_to_a_snapshot() {
    let platform = platform().await;
    let id = platform.running("one").await;
    let access = platform.access(id).await;
    let write = platform.access(id).await;
    let taken = platform.control.take_snapshot(&write, Some("early"), None).await.unwrap().id;
    platform.control.suspend(&access).await.unwrap();
    platform.wait(id, "suspended", is(DesktopState::Suspended)).await;
    let damaged = || EngineError::MemoryUnusable("it is damaged".into());
    platform.engine.faults().fail(Operation::Resume, damaged(), 1);
    platform.control.start(&access).await.unwrap();
    platform.wait(id, "failed", has_failed).await;
    let refused = platform.control.take_snapshot(&write, None, None).await;
    assert!(matches!(refused, Err(SnapshotError::Failed)), "{refused:?}");
    platform.control.restore(&platform.owner, taken).await.unwrap();
    let back = platform.wait(id, "back", has_screen).await.steps()[0].boot;
    let listed = platform.control.snapshots(&platform.owner, Some(id)).await.unwrap();
    assert_eq!(listed[0].name, "Before going back to early");
    // And from there to what it was, disk and memory.
    platform.control.restore(&platform.owner, listed[0].id).await.unwrap();
    let is_later = |view: &Desktop| has_screen(view) && view.steps().iter().all(|step| step.boot > back);
    platform.wait(id, "what it was", is_later).await;
}

#[tokio::test]
async fn a_start_cut_short_is_begun_anew_from_nothing() {
    let platform = platform().await;
    platform.engine.faults().cut_short(Operation::Fork, 2);
    let id = platform.create("one").await.id;
    let view = platform.wait(id, "running", has_screen).await;
    assert!(view.steps().iter().all(|step| step.boot == 3), "{:?}", view.steps);
    assert_eq!(platform.control.leftovers().await.unwrap(), []);
}

#[tokio::test]
async fn a_guest_that_cannot_be_personalised_says_why() {
    let limits = Limits { first_boot: Duration::from_secs(2), ..quick().limits };
    let platform = platform_with(with_limits(limits)).await;
    platform.engine.faults().init_fails(Some("there is no room"));
    let id = platform.create("one").await.id;
    let failed = platform.wait(id, "failed", has_failed).await;
    assert_eq!((failed.state, failed.why()), (DesktopState::Failed, Some("personalise_failed")));
    assert_eq!(failed.evidence.as_deref(), Some("there is no room"));
    platform.engine.faults().init_fails(None);
    platform.control.retry(&platform.access(id).await).await.unwrap();
    platform.wait(id, "running", has_screen).await;
}

#[tokio::test]
async fn a_guest_that_was_brought_back_and_cannot_be_personalised_keeps_its_memory() {
    let limits = Limits { later_boot: Duration::from_secs(1), ..quick().limits };
    let platform = platform_with(with_limits(limits)).await;
    let id = platform.running("one").await;
    let access = platform.access(id).await;
    platform.control.suspend(&access).await.unwrap();
    platform.wait(id, "suspended", is(DesktopState::Suspended)).await;
    platform.engine.faults().init_fails(Some("no identity for me"));
    platform.control.start(&access).await.unwrap();
    let failed = platform.wait(id, "failed", has_failed).await;
    assert_eq!((failed.state, failed.why()), (DesktopState::Failed, Some("resume_failed")));
    assert_eq!(failed.evidence.as_deref(), Some("no identity for me"));
    let kept = async {
        let off = Some(Power::Off { why: OffReason::Suspended });
        while platform.engine.observe_one(id).await.unwrap().map(|machine| machine.power) != off {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, kept).await.expect("its memory is kept");
    platform.engine.faults().init_fails(None);
    platform.control.retry(&access).await.unwrap();
    let view = platform.wait(id, "running", has_screen).await;
    let how: Vec<&str> = view.steps().iter().map(|step| step.name.as_str()).collect();
    assert!(how.contains(&"resume") && !how.contains(&"start"), "from its memory: {how:?}");
}

#[tokio::test]
async fn a_restart_of_what_could_not_be_entered_can_be_undone() {
    let limits = Limits { later_boot: Duration::from_secs(1), ..quick().limits };
    let platform = platform_with(with_limits(limits)).await;
    let id = platform.running("one").await;
    let access = platform.access(id).await;
    platform.control.suspend(&access).await.unwrap();
    platform.wait(id, "suspended", is(DesktopState::Suspended)).await;
    platform.engine.faults().init_fails(Some("no identity for me"));
    platform.control.start(&access).await.unwrap();
    platform.wait(id, "failed", has_failed).await;
    platform.engine.faults().init_fails(None);
    restarts_and_comes_back_by_undo(&platform, id).await;
}

#[tokio::test]
async fn a_door_that_is_not_reached_fails_by_its_deadline_with_the_console() {
    let limits = Limits { first_boot: Duration::from_secs(1), ..quick().limits };
    let platform = platform_with(with_limits(limits)).await;
    platform.engine.faults().door(DoorFault::Unreachable);
    let id = platform.create("one").await.id;
    let failed = platform.wait(id, "failed", has_failed).await;
    assert_eq!((failed.state, failed.why()), (DesktopState::Failed, Some("door_timeout")));
    assert!(
        failed.evidence.as_ref().is_some_and(|detail| !detail.is_empty()),
        "the console's end explains it"
    );
    assert!(failed.steps().iter().all(|step| step.ended_at.is_some()));
    platform.engine.faults().door(DoorFault::None);
    platform.control.destroy(&platform.access(id).await).await.unwrap();
    platform.wait_gone(id).await;
}

#[tokio::test]
async fn a_silent_host_changes_nothing_and_work_goes_on_after_it() {
    let platform = platform().await;
    let running = platform.running("one").await;
    let silent = || EngineError::Unreachable("no socket".into());
    platform.engine.faults().fail(Operation::Observe, silent(), 30);
    platform.engine.faults().fail(Operation::Fork, silent(), 2);
    let asked = platform.create("two").await.id;
    platform.wait(asked, "running", has_screen).await;
    let view = platform.wait(running, "running still", is(DesktopState::Running)).await;
    assert!(view.steps().iter().all(|step| step.boot == 1), "it was not touched");
}

#[tokio::test]
async fn destroying_is_repeated_until_it_is_done() {
    let platform = platform().await;
    let id = platform.running("one").await;
    platform.engine.faults().cut_short(Operation::Destroy, 2);
    platform.engine.faults().fail(Operation::Stop, EngineError::Host("no".into()), 5);
    platform.control.destroy(&platform.access(id).await).await.unwrap();
    platform.wait_gone(id).await;
    assert_eq!(platform.control.leftovers().await.unwrap(), []);
}

#[tokio::test]
async fn a_cut_connection_is_opened_again() {
    let platform = platform().await;
    let id = platform.running("one").await;
    platform.engine.cut_connections(id);
    let enter = platform.access(id).await;
    let looking = async {
        loop {
            if let Ok(picture) = platform.control.screenshot(&enter, 200).await {
                return picture;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let picture = tokio::time::timeout(PATIENCE, looking).await.unwrap();
    assert!(!picture.is_empty());
}

#[tokio::test]
async fn leftovers_are_listed_and_swept_and_what_is_known_stays() {
    let platform = platform().await;
    let id = platform.running("one").await;
    let stray = Leftover { kind: "network namespace".into(), name: "rt-7".into(), stays: None };
    platform.engine.faults().leave_behind(stray.clone());
    let shown = rolltop_api_types::Leftover { kind: stray.kind, name: stray.name, stays: None };
    assert_eq!(platform.control.leftovers().await.unwrap(), std::slice::from_ref(&shown));
    assert_eq!(platform.control.sweep().await.unwrap(), [shown]);
    assert_eq!(platform.control.leftovers().await.unwrap(), []);
    platform.wait(id, "running still", is(DesktopState::Running)).await;
}

#[tokio::test]
async fn after_a_restart_of_the_host_a_desktop_is_stopped_or_started_as_it_was_said() {
    let platform = platform().await;
    let (stays, starts) = (platform.running("stays").await, platform.running("starts").await);
    let sleeps = platform.running("sleeps").await;
    platform.control.suspend(&platform.access(sleeps).await).await.unwrap();
    platform.wait(sleeps, "suspended", is(DesktopState::Suspended)).await;
    let change = UpdateDesktop { autostart: Some(true), ..UpdateDesktop::default() };
    platform.control.update(&platform.access(starts).await, &change).await.unwrap();
    for id in [stays, starts] {
        platform.engine.power_off(id, OffReason::HostRestarted);
    }
    let stopped = platform.wait(stays, "stopped", is_stopped).await;
    assert_eq!((stopped.state, stopped.why()), (DesktopState::Stopped, Some("host_restarted")));
    assert_eq!(stopped.desired, Desired::Stopped);
    let again = |view: &Desktop| has_screen(view) && view.steps().iter().all(|step| step.boot == 2);
    platform.wait(starts, "started again", again).await;
    assert!(is(DesktopState::Suspended)(&platform.get(sleeps).await.unwrap()), "and this is as it was");
    platform.control.start(&platform.access(stays).await).await.unwrap();
    platform.wait(stays, "running again", has_screen).await;
}

#[tokio::test]
async fn what_there_is_and_what_went_wrong_is_counted() {
    let platform = platform_with(ControlConfig { leftovers: Duration::from_millis(50), ..quick() }).await;
    platform.engine.faults().fail(Operation::Fork, EngineError::Host("not now".into()), 1);
    let id = platform.running("one").await;
    let screen = platform.control.screen(&platform.access(id).await, Waking::Wake).await.unwrap();
    for line in [
        "rolltop_desktops{state=\"running\"} 1\n",
        "rolltop_desktops{state=\"failed\"} 0\n",
        "rolltop_open_connections{kind=\"screen\"} 1\n",
        "rolltop_step_seconds_count{step=\"fork\"} 1\n",
        "rolltop_step_failures_total{step=\"fork\",reason=\"start_failed\"} 1\n",
        "rolltop_host_up 1\n",
        "rolltop_leftovers 0\n",
        "# EOF\n",
    ] {
        counted(&platform, line).await;
    }
    drop(screen);
    platform.engine.faults().leave_behind(Leftover { kind: "file".into(), name: "x".into(), stays: None });
    platform.engine.faults().fail(Operation::Observe, EngineError::Unreachable("away".into()), u32::MAX);
    for line in
        ["rolltop_open_connections{kind=\"screen\"} 0\n", "rolltop_host_up 0\n", "rolltop_leftovers 1\n"]
    {
        counted(&platform, line).await;
    }
}

/// Waits until a line is among what is told.
async fn counted(platform: &Platform, line: &str) {
    let waiting = async {
        while !platform.control.metrics().contains(line) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let told = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(told.is_ok(), "{line} is not in {}", platform.control.metrics());
}

#[tokio::test]
async fn a_desktop_of_another_engine_is_shown_and_left_alone() {
    let soon = Duration::from_millis(300);
    let hasty = || ControlConfig { minute: soon, hour: soon, measuring: soon, ..quick() };
    let mut platform = platform_with(hasty()).await;
    let id = platform.running("one").await;
    // This engine has no machine of it that would be taken for lost.
    let here =
        std::mem::replace(&mut platform.engine, Arc::new(SimEngine::new(SimConfig::instant()).unwrap()));
    // Soon it would sleep, and a snapshot of it is due.
    let policy = SleepPolicy { after: Minutes::new(1), schedule: None };
    platform.control.set_sleep(&platform.access(id).await, &policy).await.unwrap();
    let schedule = SnapshotSchedule::new(1, 1, 0).unwrap();
    platform.control.set_snapshot_schedule(&platform.access(id).await, Some(schedule)).await.unwrap();
    platform.kill_and_reopen(ControlConfig { engine: "cloud".to_owned(), ..hasty() }).await;
    let before = platform.get(id).await.unwrap();
    tokio::time::sleep(5 * soon).await; // several looks around
    assert!(platform.control.snapshots(&platform.owner, None).await.unwrap().is_empty());
    let view = platform.get(id).await.unwrap();
    assert_eq!((view.state, view.updated_at), (DesktopState::Running, before.updated_at));
    let refused = platform.control.authorise::<purpose::Control>(&platform.owner, id).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "This desktop is on the engine qemu, and Rolltop runs with another one now; start it with that."
    );
    let other = platform.running("two").await;
    platform.engine = here;
    platform.kill_and_reopen(quick()).await;
    let access = platform.access::<purpose::Control>(id).await;
    platform.control.suspend(&access).await.unwrap();
    platform.wait(id, "suspended", is(DesktopState::Suspended)).await;
    assert!(
        platform.get(other).await.is_some_and(|view| view.state == DesktopState::Running),
        "it is left alone"
    );
}
