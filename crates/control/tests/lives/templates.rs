//! Templates that are made of desktops.

use rolltop_api_types::{
    CreateDesktop, DesktopState, ListDesktops, SaveTemplate, SavedTemplate, SavedTemplateState,
};
use rolltop_control::{CreateError, SavedTemplateError};
use rolltop_engine::{Engine, EngineError, Known};

use rolltop_sim::{Moment, Operation};

use crate::fixture::{PATIENCE, Platform, has_screen, is, platform, quick};

async fn settled(platform: &Platform, version: &str) -> SavedTemplate {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let own = platform.control.saved_templates(&platform.owner).await.unwrap();
        let saved = own.into_iter().find(|saved| saved.version == version).unwrap();
        if saved.state != SavedTemplateState::Saving {
            return saved;
        }
        assert!(tokio::time::Instant::now() < deadline, "{saved:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn wait_for_machines(platform: &Platform, count: usize) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while platform.engine.observe().await.unwrap().len() != count {
        assert!(tokio::time::Instant::now() < deadline, "not {count} machines");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn tools() -> SaveTemplate {
    SaveTemplate { name: "tools".to_owned(), title: Some(" Ours ".to_owned()), ..SaveTemplate::default() }
}

#[tokio::test]
async fn a_desktop_becomes_a_template_that_desktops_are_made_of() {
    let platform = platform().await;
    let id = platform.running("one").await;
    let saved = platform.control.save_template(&platform.access(id).await, &tools()).await.unwrap();
    assert_eq!((saved.state, saved.title.as_str()), (SavedTemplateState::Saving, "Ours"));
    let version = saved.version.to_string();
    let wanted = CreateDesktop { template: Some(version.clone()), ..CreateDesktop::default() };
    let too_early = platform.control.create(&platform.owner, &wanted, None).await;
    assert!(matches!(too_early, Err(CreateError::UnknownTemplate(_))), "{too_early:?}");
    assert_eq!(settled(&platform, &version).await.state, SavedTemplateState::Ready);
    // Its builder is in no list, and goes.
    let list = platform.control.list(&platform.owner, &ListDesktops::default()).await.unwrap();
    assert_eq!(list.items.iter().map(|view| view.id).collect::<Vec<_>>(), [id]);
    wait_for_machines(&platform, 1).await;

    let by_name = CreateDesktop { template: Some("tools".to_owned()), ..CreateDesktop::default() };
    let made = platform.control.create(&platform.owner, &by_name, None).await.unwrap();
    let made = platform.wait(made.id, "running", has_screen).await;
    assert_eq!(made.template.to_string(), version);

    // A newer version takes its place, and the earlier one goes once nothing is made of it.
    let newer = platform.control.save_template(&platform.access(made.id).await, &tools()).await.unwrap();
    let newer = newer.version;
    assert_eq!(settled(&platform, &newer.to_string()).await.state, SavedTemplateState::Ready);
    let listed = async || -> Vec<String> {
        let all = platform.engine.templates().await.unwrap();
        all.into_iter().map(|info| info.version.to_string()).filter(|v| v.starts_with("tools@")).collect()
    };
    assert!(listed().await.contains(&version), "a desktop lies over it");
    platform.control.destroy(&platform.access(made.id).await).await.unwrap();
    platform.wait_gone(made.id).await;
    platform.control.delete_template(&platform.owner, &newer.to_string()).await.unwrap();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !listed().await.is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", listed().await);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let gone = platform.control.delete_template(&platform.owner, &newer.to_string()).await;
    assert!(matches!(gone, Err(SavedTemplateError::NotFound)));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_in_one_sentence() {
    let platform = platform().await;
    let id = platform.running("one").await;
    let save = async |name: &str, title: Option<&str>| {
        let wanted = SaveTemplate {
            name: name.to_owned(),
            title: title.map(str::to_owned),
            ..SaveTemplate::default()
        };
        platform.control.save_template(&platform.access(id).await, &wanted).await
    };
    let keep = SaveTemplate { keep: vec!["github".to_owned(), "teapot".to_owned()], ..tools() };
    let kept = platform.control.save_template(&platform.access(id).await, &keep).await;
    assert!(matches!(&kept, Err(SavedTemplateError::UnknownTool(tool)) if tool == "teapot"), "{kept:?}");
    assert!(matches!(save("No Name", None).await, Err(SavedTemplateError::BadName)));
    assert!(matches!(save("../x", None).await, Err(SavedTemplateError::BadName)));
    assert!(matches!(save("desk", None).await, Err(SavedTemplateError::NameTaken(_))));
    assert!(matches!(save("tools", Some("two\nlines")).await, Err(SavedTemplateError::BadTitle)));
    platform.engine.faults().fail(Operation::SaveTemplate, EngineError::DiskFull, 1);
    let failed = save("tools", None).await.unwrap().version.to_string();
    let failed = settled(&platform, &failed).await;
    assert_eq!(failed.state, SavedTemplateState::Failed);
    assert!(failed.detail.unwrap().contains("disk is full"));
    wait_for_machines(&platform, 1).await;
    platform.wait(id, "running", is(DesktopState::Running)).await;
}

#[tokio::test]
async fn a_template_is_made_though_all_is_killed_before_and_after_its_making() {
    for moment in [Moment::Before, Moment::After] {
        let mut platform = platform().await;
        let id = platform.running("one").await;
        platform.engine.faults().never_answer(Operation::SaveTemplate, moment);
        let saved = platform.control.save_template(&platform.access(id).await, &tools()).await.unwrap();
        platform.kill_there_and_reopen(quick()).await;
        let settled = settled(&platform, &saved.version.to_string()).await;
        assert_eq!(settled.state, SavedTemplateState::Ready);
        wait_for_machines(&platform, 1).await;
        let known = Known { desktops: [id].into(), ..Known::default() };
        assert_eq!(platform.engine.leftovers(&known).await.unwrap(), []);
    }
}
