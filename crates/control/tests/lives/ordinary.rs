//! What happens when nothing goes wrong.

use futures::TryStreamExt as _;
use rolltop_api_types::{CreateDesktop, DesktopState, ForkDesktop, ListDesktops, UpdateDesktop, UsageSpan};
use rolltop_control::{
    AccessError, ControlConfig, CreateError, EnterError, EventFilter, FileError, UpdateError, Waking,
};
use rolltop_engine::{Engine, EngineError, OffReason, Power};
use rolltop_model::{Desired, DesktopId, FailReason, NameError, Size};
use rolltop_sim::Operation;
use tokio::io::AsyncReadExt;

use crate::fixture::{
    Platform, Said, has_failed, has_screen, is, is_stopped, is_stopped_as_asked, platform, platform_with,
    quick,
};

#[tokio::test]
async fn a_desktop_comes_up_step_by_step_and_is_entered() {
    let platform = platform().await;
    let asked = platform.create("first").await;
    assert_eq!(asked.state, DesktopState::Pending);
    let view = platform.wait(asked.id, "running with its screen", has_screen).await;
    let names: Vec<&str> = view.steps().iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["fork", "door", "personalise", "screen"]);
    assert!(
        view.steps().iter().all(|step| step.ended_at.is_some() && step.detail.is_none() && step.boot == 1)
    );
    assert!(view.started_at.is_some() && view.memory_bytes.is_some());
    let machine = platform.engine.observe_one(asked.id).await.unwrap().unwrap();
    assert_eq!(machine.power, Power::On { quarantined: false });

    let enter = platform.access(asked.id).await;
    let picture = platform.control.screenshot(&enter, 480).await.unwrap();
    assert!(picture.starts_with(&[0xff, 0xd8, 0xff]));
    let again = platform.control.screenshot(&enter, 470).await.unwrap();
    assert_eq!(picture, again, "a picture serves for a few seconds");
    let mut banner = [0u8; 12];
    platform
        .control
        .screen(&enter, Waking::Wake)
        .await
        .unwrap()
        .stream
        .read_exact(&mut banner)
        .await
        .unwrap();
    assert!(banner.starts_with(b"RFB "));

    let files = platform.access(asked.id).await;
    let file = platform.control.read_file(&files, "/home/desk/welcome.txt").await.unwrap();
    let size = file.size;
    let pieces: Vec<bytes::Bytes> = file.part(0, size).try_collect().await.unwrap();
    let text = String::from_utf8(pieces.concat()).unwrap();
    assert!(text.contains(&asked.id.to_string()), "{text}");
    assert_eq!(text.len() as u64, size);
    let missing = platform.control.read_file(&files, "/nowhere").await;
    assert!(matches!(missing, Err(FileError::NoSuchFile)));
    let relative = platform.control.read_file(&files, "home/desk/welcome.txt").await;
    assert!(matches!(relative, Err(FileError::BadPath)));

    let read = platform.access(asked.id).await;
    let log = platform.control.access_log(&read).await.unwrap();
    let mut why: Vec<&str> = log.iter().map(|entry| entry.purpose.as_str()).collect();
    why.reverse();
    assert_eq!(why, ["personalise", "screenshot", "screen", "file.read", "file.read"]);
    assert_eq!((log[0].actor.as_str(), log[4].actor.as_str()), ("tests", "platform"));
    platform.control.close().await;
}

#[tokio::test]
async fn suspending_and_resuming() {
    let platform = platform().await;
    let id = platform.running("one").await;
    let write = platform.access(id).await;
    let asked = platform.control.suspend(&write).await.unwrap();
    assert_eq!((asked.state, asked.desired), (DesktopState::Running, Desired::Suspended));
    let view = platform.wait(id, "suspended", is(DesktopState::Suspended)).await;
    assert!(view.started_at.is_none() && view.memory_bytes.is_none(), "it takes no memory");
    let shot = platform.control.screenshot(&platform.access(id).await, 480).await;
    assert!(matches!(shot, Err(EnterError::NotRunning)));
    assert!(platform.control.retry(&write).await.is_err());
    platform.control.suspend(&write).await.unwrap();
    assert_eq!(platform.get(id).await.unwrap().state, DesktopState::Suspended, "asking again is fine");

    platform.control.start(&write).await.unwrap();
    let view = platform.wait(id, "resumed", has_screen).await;
    let names: Vec<(u32, &str)> = view.steps().iter().map(|step| (step.boot, step.name.as_str())).collect();
    assert_eq!(names, [(2, "resume"), (2, "door"), (2, "personalise"), (2, "screen")]);

    // From there it can be stopped, which gives the memory up,
    platform.control.suspend(&write).await.unwrap();
    platform.wait(id, "suspended", is(DesktopState::Suspended)).await;
    platform.control.stop(&write).await.unwrap();
    platform.wait(id, "stopped", is_stopped_as_asked).await;
    let refused = platform.control.suspend(&write).await.map(|_| ());
    assert_eq!(
        refused.unwrap_err().to_string(),
        "This desktop does not run, so there is nothing to suspend."
    );
    platform.control.start(&write).await.unwrap();
    let view = platform.wait(id, "booted", has_screen).await;
    assert_eq!(view.steps().first().map(|step| step.name.as_str()), Some("start"));

    // or destroyed.
    platform.control.suspend(&write).await.unwrap();
    platform.wait(id, "suspended", is(DesktopState::Suspended)).await;
    platform.control.destroy(&platform.access(id).await).await.unwrap();
    platform.wait_gone(id).await;
    assert_eq!(platform.engine.observe().await.unwrap(), []);
}

#[tokio::test]
async fn stopping_starting_and_restarting() {
    let platform = platform().await;
    let id = platform.running("one").await;
    let write = platform.access(id).await;
    let stopping = platform.control.stop(&write).await.unwrap();
    assert_eq!(stopping.desired, rolltop_model::Desired::Stopped);
    platform.wait(id, "stopped", is_stopped_as_asked).await;
    let shot = platform.control.screenshot(&platform.access(id).await, 480).await;
    assert!(matches!(shot, Err(EnterError::NotRunning)));

    platform.control.start(&write).await.unwrap();
    let view = platform.wait(id, "running again", has_screen).await;
    let names: Vec<(u32, &str)> = view.steps().iter().map(|step| (step.boot, step.name.as_str())).collect();
    assert_eq!(names, [(2, "start"), (2, "door"), (2, "personalise"), (2, "screen")]);

    platform.control.restart(&write).await.unwrap();
    platform
        .wait(id, "restarted", |view| has_screen(view) && view.steps().iter().all(|step| step.boot == 3))
        .await;
    let steps = platform.control.steps(&platform.access(id).await).await.unwrap();
    assert_eq!(steps.len(), 12, "three timelines are kept");
    assert!(platform.control.retry(&write).await.is_err(), "there is nothing to try again");
}

#[tokio::test]
async fn a_guest_may_shut_itself_down_and_a_dead_machine_is_started_again() {
    let platform = platform().await;
    let id = platform.running("one").await;
    platform.engine.power_off(id, OffReason::Guest);
    let view = platform.wait(id, "stopped", is_stopped).await;
    assert_eq!(view.why(), Some("shut_down_from_inside"));
    assert_eq!(view.desired, rolltop_model::Desired::Stopped);
    platform.control.start(&platform.access(id).await).await.unwrap();
    platform.wait(id, "running again", has_screen).await;
    platform.engine.power_off(id, OffReason::Died);
    platform
        .wait(id, "started again", |view| has_screen(view) && view.steps().iter().all(|step| step.boot == 3))
        .await;
}

#[tokio::test]
async fn destroying_leaves_nothing_but_events() {
    let platform = platform().await;
    let id = platform.running("one").await;
    let write = platform.access(id).await;
    let ticket = platform.access(id).await;
    assert_eq!(platform.control.destroy(&write).await.unwrap().state, DesktopState::Destroying);
    platform.create("one").await; // the name is free at once
    platform.wait_gone(id).await;
    let gone = platform.control.authorise::<rolltop_control::purpose::Read>(&platform.owner, id).await;
    assert!(matches!(gone, Err(AccessError::NotFound(_))));
    assert!(platform.engine.observe_one(id).await.unwrap().is_none());
    assert_eq!(platform.control.leftovers().await.unwrap(), []);
    let filter = EventFilter { desktop: Some(id) };
    let events = platform.control.events_since(&platform.owner, 0, filter, 1000).await.unwrap();
    assert_eq!(events.last().unwrap().kind.as_str(), "desktop.destroyed");
    let late = platform.control.screenshot(&ticket, 100).await;
    assert!(matches!(late, Err(EnterError::NotFound(_))), "a ticket from before opens nothing");
}

#[tokio::test]
async fn asking_again_with_the_same_key_makes_one_desktop() {
    let platform = platform().await;
    let request = CreateDesktop::default();
    let create = |request, key| platform.control.create(&platform.owner, request, Some(key));
    let first = create(&request, "key-1").await.unwrap();
    let again = create(&request, "key-1").await.unwrap();
    assert_eq!(first.id, again.id);
    assert_ne!(create(&request, "key-2").await.unwrap().id, first.id);
    let other = CreateDesktop { size: Some("m".into()), ..request.clone() };
    assert!(matches!(create(&other, "key-1").await, Err(CreateError::IdempotencyMismatch)));
    assert!(matches!(create(&request, "a b").await, Err(CreateError::BadIdempotencyKey(_))));
}

#[tokio::test]
async fn what_makes_no_desktop_says_why() {
    let platform = platform_with(rolltop_control::ControlConfig { desktop_limit: 1, ..quick() }).await;
    let create = async |name: Option<&str>, template: Option<&str>, size: Option<&str>| {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let request = CreateDesktop {
            name: own(name),
            template: own(template),
            size: own(size),
            ..CreateDesktop::default()
        };
        platform.control.create(&platform.owner, &request, None).await
    };
    assert!(matches!(create(Some("No"), None, None).await, Err(CreateError::Name(_))));
    assert!(matches!(create(Some("123"), None, None).await, Err(CreateError::Name(NameError::Number(_)))));
    assert!(matches!(create(None, Some("attic"), None).await, Err(CreateError::UnknownTemplate(_))));
    assert!(matches!(create(None, None, Some("xl")).await, Err(CreateError::Size(_))));
    let one = create(Some("one"), Some("desk"), Some("s")).await.unwrap();
    assert!(
        matches!(create(Some("one"), None, None).await, Err(CreateError::NameTaken(name)) if name == "one")
    );
    assert!(matches!(create(None, None, None).await, Err(CreateError::QuotaReached(1))));
    let write = platform.access(one.id).await;
    for bad in ["-", "0x7f", "localhost"] {
        let renamed = platform.control.update(&write, &UpdateDesktop::rename(bad)).await;
        assert!(matches!(renamed, Err(UpdateError::Name(_))), "{bad}");
    }
    let renamed = platform.control.update(&write, &UpdateDesktop::rename("two")).await.unwrap();
    assert_eq!(renamed.name.as_str(), "two");
}

#[tokio::test]
async fn a_change_is_carried_out_whole_or_not_at_all() {
    let platform = platform().await;
    let id = platform.running("one").await;
    platform.running("other").await;
    let before = platform.get(id).await.unwrap();
    let update =
        async |change: UpdateDesktop| platform.control.update(&platform.access(id).await, &change).await;
    let all = UpdateDesktop {
        name: Some("two".to_owned()),
        autostart: Some(true),
        labels: Some([("team".to_owned(), Some("research".to_owned()))].into()),
        note: Some("Ask Ann first.".to_owned()),
        disk_gib: Some(50),
        ..UpdateDesktop::default()
    };
    let bad = [
        UpdateDesktop { name: Some("other".to_owned()), ..all.clone() },
        UpdateDesktop { name: Some("-".to_owned()), ..all.clone() },
        UpdateDesktop { labels: Some([("A".to_owned(), Some("x".to_owned()))].into()), ..all.clone() },
        UpdateDesktop { note: Some("\u{1b}".to_owned()), ..all.clone() },
        UpdateDesktop { screen: Some("wide".to_owned()), ..all.clone() },
        UpdateDesktop { size: Some("xl".to_owned()), ..all.clone() },
        UpdateDesktop { disk_gib: Some(5), ..all.clone() },
    ];
    for change in bad {
        update(change.clone()).await.expect_err(&format!("{change:?}"));
        assert_eq!(platform.get(id).await.unwrap(), before, "{change:?}");
    }
    let after = update(all.clone()).await.unwrap();
    assert_eq!((after.name.as_str(), after.autostart, after.disk_gib), ("two", true, 50));
    assert_eq!((after.choices.labels.iter().count(), after.choices.note.as_str()), (1, "Ask Ann first."));
    // What is so already is written down no second time.
    assert_eq!(update(all).await.unwrap().updated_at, after.updated_at);
}

#[tokio::test]
async fn lists_have_pages_and_filters() {
    let platform = platform().await;
    let mut ids: Vec<DesktopId> = Vec::new();
    for name in ["a-one", "a-two", "b-one"] {
        ids.push(platform.create(name).await.id);
    }
    let list = async |text: Option<&str>, cursor: Option<&str>, limit| {
        let (cursor, q) = (cursor.map(str::to_owned), text.map(str::to_owned));
        let which = ListDesktops { cursor, limit: Some(limit), q, ..ListDesktops::default() };
        platform.control.list(&platform.owner, &which).await
    };
    let first = list(None, None, 2).await.unwrap();
    assert_eq!(first.items.iter().map(|view| view.id).collect::<Vec<_>>(), [ids[2], ids[1]]);
    let second = list(None, first.next_cursor.as_deref(), 2).await.unwrap();
    assert_eq!((second.items[0].id, second.next_cursor), (ids[0], None));
    assert_eq!(list(Some("ONE"), None, 50).await.unwrap().items.len(), 2);
    assert!(list(None, Some("nonsense"), 2).await.is_err());
}

#[tokio::test]
async fn what_becomes_of_a_desktop_is_told_with_who_and_how_long() {
    let platform = platform().await;
    let id = platform.running("one").await;
    let write = platform.access(id).await;
    platform.control.update(&write, &UpdateDesktop::rename("two")).await.unwrap();
    let control = platform.access(id).await;
    platform.control.suspend(&control).await.unwrap();
    platform.wait(id, "suspended", is(DesktopState::Suspended)).await;
    platform.control.read_file(&platform.access(id).await, "/home/desk/welcome.txt").await.unwrap();
    platform.wait(id, "running", has_screen).await;
    platform.engine.power_off(id, OffReason::Died);
    platform
        .wait(id, "started again", |view| has_screen(view) && view.steps().iter().all(|step| step.boot == 3))
        .await;
    platform.engine.power_off(id, OffReason::Reset);
    platform
        .wait(id, "restarted", |view| has_screen(view) && view.steps().iter().all(|step| step.boot == 4))
        .await;
    platform.engine.power_off(id, OffReason::Guest);
    platform.wait(id, "stopped", is_stopped).await;
    platform.engine.faults().fail(Operation::Start, EngineError::DiskFull, 9);
    platform.control.start(&control).await.unwrap();
    platform.wait(id, "failed", has_failed).await;

    let mut history = platform.control.history(&platform.access(id).await).await.unwrap();
    history.reverse();
    let told: Vec<_> = history
        .iter()
        .map(|entry| (entry.kind.as_str(), entry.actor.as_str(), entry.detail.as_deref()))
        .collect();
    let expected = [
        ("created", "tests", Some("desk@5100000000ab")),
        ("renamed", "tests", Some("two")),
        ("suspended", "tests", None),
        ("resumed", "tests", Some("file.read")),
        ("died", "rolltop", None),
        ("rebooted", "rolltop", None),
        ("shut_down", "rolltop", None),
        ("started", "tests", None),
    ];
    assert_eq!(told, expected);
    assert!(
        history.iter().all(|entry| entry.ended_at.is_some_and(|end| end >= entry.began_at)),
        "{history:?}"
    );
    let wrong: Vec<_> = history.iter().filter_map(|entry| entry.error.as_deref()).collect();
    assert_eq!(wrong, [FailReason::DiskFull.sentence()]);
}

#[tokio::test]
async fn a_disk_grows_at_once_and_the_rest_at_the_next_boot() {
    let platform = platform().await;
    let id = platform.running("one").await;
    let resize = async |size: Option<&str>, disk_gib| {
        let wanted = UpdateDesktop { size: size.map(str::to_owned), disk_gib, ..UpdateDesktop::default() };
        platform.control.update(&platform.access(id).await, &wanted).await
    };
    let grown_to = async |gib| {
        let deadline = tokio::time::Instant::now() + crate::fixture::PATIENCE;
        while platform.engine.observe_one(id).await.unwrap().unwrap().disk_gib != gib {
            assert!(tokio::time::Instant::now() < deadline, "its disk does not grow to {gib} GiB");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let view = resize(None, Some(50)).await.unwrap();
    assert_eq!((view.disk_gib, view.restart_needed), (50, false));
    grown_to(50).await;
    let smaller = resize(None, Some(49)).await;
    assert!(matches!(smaller, Err(UpdateError::Shrinks(50))), "{smaller:?}");
    assert!(matches!(resize(None, Some(2049)).await, Err(UpdateError::TooLarge)));
    assert!(matches!(resize(Some("xl"), None).await, Err(UpdateError::Size(_))));

    let view = resize(Some("l"), None).await.unwrap();
    assert_eq!((view.size, view.disk_gib), (Size::L, 80), "the disk is what the size has");
    platform.wait(id, "told that it must restart", |view| view.restart_needed).await;
    grown_to(80).await;
    // What is forked from it now is as it is now.
    let fork = platform
        .control
        .fork(&platform.access(id).await, &ForkDesktop::default(), None)
        .await
        .unwrap()
        .remove(0);
    let fork = platform.wait(fork.id, "running", has_screen).await;
    assert_eq!((fork.size, fork.disk_gib, fork.restart_needed), (Size::S, 80, false));

    platform.control.restart(&platform.access(id).await).await.unwrap();
    let view = platform.wait(id, "restarted", |view| has_screen(view) && !view.restart_needed).await;
    assert_eq!((view.size, view.disk_gib), (Size::L, 80));
    let machine = platform.engine.observe_one(id).await.unwrap().unwrap();
    assert_eq!((machine.size, machine.disk_gib), (Size::L, 80));
    // An undo brings the memory back, which is of the former size; the disk stays as large.
    platform.control.undo(&platform.owner, id).await.unwrap();
    let view = platform.wait(id, "as before", |view| has_screen(view) && view.size == Size::S).await;
    assert_eq!((view.disk_gib, view.restart_needed), (80, false));
    let history = platform.control.history(&platform.access(id).await).await.unwrap();
    assert!(
        history.iter().any(|entry| entry.kind == "resized" && entry.detail.as_deref() == Some("l, 80 GiB"))
    );
}

#[tokio::test]
async fn what_a_desktop_uses_is_known_closely_and_kept_over_a_restart() {
    let seconds = std::time::Duration::from_secs;
    let config = || ControlConfig {
        usage_every: std::time::Duration::from_millis(200),
        usage_kept_every: seconds(1),
        ..quick()
    };
    let mut platform = platform_with(config()).await;
    let id = platform.running("one").await;
    platform.engine.faults().busy(60);
    let usage = async |platform: &Platform, span| {
        platform.control.usage(&platform.access(id).await, span).await.unwrap().points
    };
    let deadline = tokio::time::Instant::now() + crate::fixture::PATIENCE;
    let closely = loop {
        let points = usage(&platform, UsageSpan::Hour).await;
        if points.len() >= 12 {
            break points;
        }
        assert!(tokio::time::Instant::now() < deadline, "{points:?}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert!(closely.is_sorted_by_key(|point| point.at));
    assert!(closely.iter().all(|point| point.memory_bytes > 0 && point.disk_bytes > 0), "{closely:?}");
    assert!(closely.iter().any(|point| point.processor_percent > 40), "{closely:?}");
    let day = usage(&platform, UsageSpan::Day).await;
    assert!((2..closely.len()).contains(&day.len()), "an average of each second: {day:?}");

    platform.kill_and_reopen(config()).await;
    let kept = usage(&platform, UsageSpan::Hour).await;
    assert_eq!(kept.first(), day.first(), "what was written down is known again");

    platform.control.suspend(&platform.access(id).await).await.unwrap();
    platform.wait(id, "suspended", is(DesktopState::Suspended)).await;
    let before = usage(&platform, UsageSpan::Hour).await;
    tokio::time::sleep(seconds(1)).await;
    assert_eq!(usage(&platform, UsageSpan::Hour).await.len(), before.len(), "what is off uses nothing");
}
