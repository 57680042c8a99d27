//! Desktops that are set up with a repository and a script.

use std::time::Duration;

use rolltop_api_types::{AwakeReason, CreateDesktop, SetUp, Setup};
use rolltop_control::{AskSetupError, ControlConfig, CreateError, DesktopAccess, SetUpError, purpose};
use rolltop_model::{DesktopId, SetupState};

use crate::fixture::{PATIENCE, Platform, has_screen, is_stopped, platform, quick};

fn script(text: &str) -> SetUp {
    SetUp { script: Some(text.to_owned()), ..SetUp::default() }
}

async fn inside(platform: &Platform, id: DesktopId) -> DesktopAccess<purpose::Exec> {
    platform.access(id).await
}

async fn wait_for(platform: &Platform, id: DesktopId, wanted: impl Fn(&Setup) -> bool) -> Setup {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let setup = platform.control.setup(&inside(platform, id).await).await.unwrap().setup.unwrap();
        if wanted(&setup) {
            return setup;
        }
        assert!(tokio::time::Instant::now() < deadline, "{setup:?} {}", setup.log);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn over(setup: &Setup) -> bool {
    setup.state.is_over()
}

#[tokio::test]
async fn a_new_desktop_is_set_up_once_and_says_how_that_went() {
    let platform = platform().await;
    let setup = SetUp {
        repository: Some("https://example.org/tools.git".to_owned()),
        branch: Some("main".to_owned()),
        script: Some("echo one\nsleep 0.3\necho two".to_owned()),
    };
    let wanted = CreateDesktop { setup: Some(setup), ..CreateDesktop::default() };
    let id = platform.control.create(&platform.owner, &wanted, None).await.unwrap().id;
    assert_eq!(
        platform.control.setup(&inside(&platform, id).await).await.unwrap().setup.unwrap().state,
        SetupState::Waiting
    );
    wait_for(&platform, id, |setup| setup.state == SetupState::Running).await;
    let sleep = platform.control.sleep(&platform.access(id).await).await.unwrap();
    let is_setup = |reason: &AwakeReason| reason.reason == "setup";
    assert!(sleep.awake_because.iter().any(is_setup), "it does not sleep under it: {sleep:?}");
    let again = platform.control.set_up(&inside(&platform, id).await, &script("true")).await;
    assert!(matches!(again, Err(AskSetupError::Running)), "{again:?}");
    let done = wait_for(&platform, id, over).await;
    assert_eq!((done.state, done.detail.as_deref()), (SetupState::Done, None));
    assert_eq!(done.log, "Cloning into 'tools'...\none\ntwo");
    assert!(done.ended_at > done.started_at);
    let history = platform.control.history(&platform.access(id).await).await.unwrap();
    let told = history.iter().find(|entry| entry.kind == "set_up").unwrap();
    assert_eq!((told.actor.as_str(), told.error.as_deref()), ("tests", None));
    let sleep = platform.control.sleep(&platform.access(id).await).await.unwrap();
    assert!(!sleep.awake_because.iter().any(is_setup), "{sleep:?}");
}

#[tokio::test]
async fn what_goes_wrong_is_said_and_can_be_done_again() {
    let platform = platform().await;
    let id = platform.running("one").await;
    let none = platform.control.setup(&inside(&platform, id).await).await.unwrap();
    assert_eq!(none.setup, None);
    let missing =
        SetUp { repository: Some("https://example.org/missing".to_owned()), ..script("echo never") };
    let cases = [
        (missing, "The repository could not be cloned: git ended with 128; its log says why."),
        (script("echo a\nexit 3\necho never"), "The script ended with 3; its log says why."),
    ];
    for (wanted, why) in cases {
        platform.control.set_up(&inside(&platform, id).await, &wanted).await.unwrap();
        let failed = wait_for(&platform, id, over).await;
        assert_eq!((failed.state, failed.detail.as_deref()), (SetupState::Failed, Some(why)));
        assert!(!failed.log.contains("never"), "{}", failed.log);
    }
    platform.control.set_up(&inside(&platform, id).await, &script("echo good")).await.unwrap();
    let done = wait_for(&platform, id, over).await;
    assert_eq!((done.state, done.log.as_str()), (SetupState::Done, "good"));
    // Nothing of it is taken before it is known to be right.
    let wrong = SetUp { repository: Some("file:///etc".to_owned()), ..SetUp::default() };
    let refused = platform.control.set_up(&inside(&platform, id).await, &wrong).await;
    assert!(matches!(refused, Err(AskSetupError::Wrong(SetUpError::Repository(_)))), "{refused:?}");
    let new = CreateDesktop { setup: Some(SetUp::default()), ..CreateDesktop::default() };
    let refused = platform.control.create(&platform.owner, &new, None).await;
    assert!(matches!(refused, Err(CreateError::Setup(SetUpError::Empty))), "{refused:?}");
}

#[tokio::test]
async fn it_goes_on_over_a_kill_and_ends_with_the_machine() {
    let mut platform = platform().await;
    let id = platform.running("one").await;
    platform
        .control
        .set_up(&inside(&platform, id).await, &script("echo one\nsleep 1\necho two"))
        .await
        .unwrap();
    wait_for(&platform, id, |setup| setup.log == "one").await;
    platform.kill_and_reopen(ControlConfig { ..quick() }).await;
    let done = wait_for(&platform, id, over).await;
    assert_eq!((done.state, done.log.as_str()), (SetupState::Done, "one\ntwo"), "begun once");

    platform.control.set_up(&inside(&platform, id).await, &script("sleep 60")).await.unwrap();
    wait_for(&platform, id, |setup| setup.state == SetupState::Running).await;
    platform.control.stop(&platform.access(id).await).await.unwrap();
    platform.wait(id, "stopped", is_stopped).await;
    platform.control.start(&platform.access(id).await).await.unwrap();
    platform.wait(id, "running", has_screen).await;
    let cut = wait_for(&platform, id, over).await;
    assert!(cut.detail.as_deref().is_some_and(|why| why.starts_with("It was cut short")), "{cut:?}");
}

#[tokio::test]
async fn a_setup_is_stopped_while_it_runs_and_says_so() {
    let platform = platform().await;
    let wanted = CreateDesktop {
        setup: Some(script("echo begun\nsleep 600\necho ended")),
        ..CreateDesktop::default()
    };
    let id = platform.control.create(&platform.owner, &wanted, None).await.unwrap().id;
    wait_for(&platform, id, |setup| setup.log.contains("begun")).await;
    platform.control.stop_setup(&inside(&platform, id).await).await.unwrap();
    let stopped = wait_for(&platform, id, over).await;
    assert_eq!(stopped.state, SetupState::Failed);
    assert!(stopped.detail.as_deref().unwrap().contains("was stopped"), "{stopped:?}");
    assert!(!stopped.log.contains("ended"));
    let again = platform.control.stop_setup(&inside(&platform, id).await).await.unwrap();
    assert_eq!(again.setup.unwrap().detail, stopped.detail, "one that is over stays so");
    platform.control.set_up(&inside(&platform, id).await, &script("true")).await.unwrap();
    wait_for(&platform, id, |setup| setup.state == SetupState::Done).await;
}
