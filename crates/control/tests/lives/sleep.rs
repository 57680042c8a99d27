//! Desktops that sleep by themselves, and wake for whoever comes.

use std::time::Duration;

use rolltop_api_types::{AwakeReason, Desktop, DesktopState};
use rolltop_control::{ControlConfig, EnterError, HoldError, Waking};
use rolltop_model::{DesktopId, JobKind, Minutes, Schedule, ScheduleParts, SleepPolicy};
use rolltop_sim::Operation;
use tokio::io::AsyncReadExt;
use tokio::time::sleep;

use crate::fixture::{Platform, has_screen, is, platform_with, quick};
use crate::snapshots::second_look;

/// A minute without use is as long as this.
const MINUTE: Duration = Duration::from_millis(200);

fn config() -> ControlConfig {
    ControlConfig { measuring: MINUTE, minute: MINUTE, interval: Duration::from_millis(30), ..quick() }
}

fn after(minutes: u32) -> SleepPolicy {
    SleepPolicy { after: Minutes::new(minutes), schedule: None }
}

async fn sleep_by(platform: &Platform, id: DesktopId, policy: &SleepPolicy) {
    platform.control.set_sleep(&platform.access(id).await, policy).await.unwrap();
}

/// Hours of every day that begin and end so many minutes of the clock from now.
fn hours(from: i64, to: i64) -> Schedule {
    let clock = |minutes: i64| {
        let at = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
        at.strftime("%H:%M").to_string()
    };
    let parts = ScheduleParts {
        days: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(str::to_owned).to_vec(),
        from: clock(from),
        to: clock(to),
        time_zone: "UTC".to_owned(),
    };
    parts.try_into().unwrap()
}

async fn reasons(platform: &Platform, id: DesktopId) -> Vec<AwakeReason> {
    platform.control.sleep(&platform.access(id).await).await.unwrap().awake_because
}

/// It stays awake for much longer than it would if nothing kept it so.
async fn stays_awake(platform: &Platform, id: DesktopId, why: &str) {
    for _ in 0..8 {
        sleep(MINUTE).await;
        let view = platform.get(id).await.unwrap();
        assert!(is(DesktopState::Running)(&view), "{why}: {view:#?}");
    }
}

#[tokio::test]
async fn a_desktop_sleeps_once_nobody_uses_it_and_wakes_for_who_comes() {
    let platform = platform_with(config()).await;
    let id = platform.running("one").await;
    stays_awake(&platform, id, "never by default").await;
    let because = reasons(&platform, id).await;
    assert_eq!(because.iter().map(|reason| reason.reason.as_str()).collect::<Vec<_>>(), ["no_policy"]);

    let mut screen = platform.control.screen(&platform.access(id).await, Waking::Wake).await.unwrap();
    sleep_by(&platform, id, &after(1)).await;
    stays_awake(&platform, id, "its screen is open").await;
    let is_screen = |reason: &AwakeReason| reason.reason == "screen" && reason.amount == Some(1);
    assert!(reasons(&platform, id).await.iter().any(is_screen));
    let mut banner = [0; 12];
    screen.stream.read_exact(&mut banner).await.unwrap();
    drop(screen);
    platform.wait(id, "asleep", is(DesktopState::Suspended)).await;
    assert!(reasons(&platform, id).await.is_empty());

    // A look does not wake it, and neither does a page that only tries to be connected again.
    let look = platform.control.screenshot(&platform.access(id).await, 480).await;
    assert!(matches!(look, Err(EnterError::NotRunning)), "{look:?}");
    let again = platform.control.screen(&platform.access(id).await, Waking::LetSleep).await;
    assert!(matches!(again, Err(EnterError::NotRunning)));
    assert!(is(DesktopState::Suspended)(&platform.get(id).await.unwrap()));

    let file = platform.control.read_file(&platform.access(id).await, "/home/desk/welcome.txt").await;
    assert!(file.is_ok(), "it was woken and waited for");
    assert!(is(DesktopState::Running)(&platform.get(id).await.unwrap()));
    platform.wait(id, "asleep again", is(DesktopState::Suspended)).await;
    let line = platform.control.exec(&platform.access(id).await).await.unwrap();
    stays_awake(&platform, id, "a command runs").await;
    drop(line);
    platform.wait(id, "asleep again", is(DesktopState::Suspended)).await;
}

#[tokio::test]
async fn work_and_holds_keep_it_awake() {
    let platform = platform_with(config()).await;
    let id = platform.running("one").await;
    platform.engine.faults().busy(60);
    sleep(MINUTE * 2).await;
    sleep_by(&platform, id, &after(1)).await;
    stays_awake(&platform, id, "it works").await;
    let busy = |reason: &AwakeReason| reason.reason == "processor" && reason.amount > Some(40);
    let because = reasons(&platform, id).await;
    assert!(because.iter().any(busy), "{because:?}");

    let access = platform.access(id).await;
    let hour = Duration::from_secs(3600);
    let hold = platform.control.hold(&access, hour, Some(" nightly tests ".to_owned())).await.unwrap();
    assert_eq!((hold.reason.as_deref(), hold.made_by.as_str()), (Some("nightly tests"), "tests"));
    platform.engine.faults().busy(1);
    stays_awake(&platform, id, "it is held").await;
    for (lifetime, reason) in
        [(0, None), (8 * 24 * 3600, None), (60, Some("a\nb")), (60, Some(&*"x".repeat(101)))]
    {
        let refused =
            platform.control.hold(&access, Duration::from_secs(lifetime), reason.map(str::to_owned)).await;
        assert!(matches!(refused, Err(HoldError::Lifetime | HoldError::Reason)), "{refused:?}");
    }
    platform.control.release_hold(&access, hold.id).await.unwrap();
    let again = platform.control.release_hold(&access, hold.id).await;
    assert!(matches!(again, Err(HoldError::NotFound)));
    platform.wait(id, "asleep", is(DesktopState::Suspended)).await;
}

#[tokio::test]
async fn a_schedule_starts_it_and_lets_it_sleep() {
    let mut platform = platform_with(config()).await;
    let id = platform.running("one").await;
    let control = platform.access(id).await;
    // Its hours are over.
    sleep_by(&platform, id, &SleepPolicy { after: Minutes::new(1), schedule: Some(hours(-120, -60)) }).await;
    platform.wait(id, "asleep", is(DesktopState::Suspended)).await;
    // They are set anew and have begun before that: who set them decides whether it starts.
    sleep_by(&platform, id, &SleepPolicy { after: Minutes::new(1), schedule: Some(hours(-60, 60)) }).await;
    sleep(MINUTE * 3).await;
    assert!(is(DesktopState::Suspended)(&platform.get(id).await.unwrap()));
    platform.control.start(&control).await.unwrap();
    platform.wait(id, "running", has_screen).await;
    stays_awake(&platform, id, "its schedule says so").await;
    let because = reasons(&platform, id).await;
    assert!(because.iter().any(|reason| reason.reason == "schedule"), "{because:?}");
    // What somebody asks for goes before its schedule.
    platform.control.suspend(&control).await.unwrap();
    platform.wait(id, "suspended", is(DesktopState::Suspended)).await;
    sleep(MINUTE * 3).await;
    assert!(is(DesktopState::Suspended)(&platform.get(id).await.unwrap()));
    // The next beginning goes before that; one that nobody was there for counts when somebody is.
    let yesterday = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24);
    let store = second_look(&platform).await;
    store.note_turn(id, yesterday).await.unwrap();
    store.ask_job(JobKind::Sleep, id, jiff::Timestamp::now()).await.unwrap();
    platform.kill_and_reopen(config()).await;
    platform.wait(id, "started", has_screen).await;
}

#[tokio::test]
async fn whoever_comes_at_the_last_moment_is_let_in() {
    let platform = platform_with(config()).await;
    let id = platform.running("one").await;
    platform.engine.faults().delay(Operation::Suspend, Duration::from_millis(300));
    for round in 0..4u32 {
        platform.control.suspend(&platform.access(id).await).await.unwrap();
        // Before it has begun, in its middle, and when it is over.
        sleep(Duration::from_millis(u64::from(round) * 120)).await;
        let screen = platform.control.screen(&platform.access(id).await, Waking::Wake).await;
        let mut screen = screen.unwrap_or_else(|error| panic!("round {round}: {error:?}"));
        let mut banner = [0; 12];
        screen.stream.read_exact(&mut banner).await.unwrap();
        assert!(is(DesktopState::Running)(&platform.get(id).await.unwrap()));
        platform.wait(id, "running", has_screen).await;
    }
    let history = platform.control.history(&platform.access(id).await).await.unwrap();
    assert!(history.iter().all(|entry| entry.kind != "died" && entry.ended_at.is_some()), "{history:?}");
}

#[tokio::test]
async fn a_desktop_that_cannot_be_suspended_goes_on_and_is_not_tried_on_and_on() {
    let platform = platform_with(config()).await;
    let id = platform.running("one").await;
    platform.engine.faults().disk_full(true);
    sleep_by(&platform, id, &after(3)).await;
    let tried = |view: &Desktop| view.reason.is_some();
    platform.wait(id, "in trouble", tried).await;
    assert!(is(DesktopState::Running)(&platform.get(id).await.unwrap()));
    let because = reasons(&platform, id).await;
    assert!(because.iter().any(|reason| reason.reason == "recent_use"), "{because:?}");
    platform.engine.faults().disk_full(false);
    platform.wait(id, "asleep", is(DesktopState::Suspended)).await;
}
