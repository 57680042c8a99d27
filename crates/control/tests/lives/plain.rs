//! Desktops on an engine that can only what every engine can: no memories, no layers, no images.

use rolltop_api_types::{Desktop, ForkDesktop, SaveTemplate};
use rolltop_control::{
    Capability, CommandError, Lacks, SavedTemplateError, SettingError, SnapshotError, TransferError,
};
use rolltop_engine::{Engine, Known};
use rolltop_model::{Minutes, SleepPolicy, SnapshotSchedule};
use rolltop_sim::SimConfig;

use crate::fixture::{Platform, Said, has_screen, is_stopped, is_stopped_as_asked, platform_on, quick};

async fn plain() -> Platform {
    platform_on(SimConfig::instant().plain(), quick()).await
}

#[tokio::test]
async fn a_desktop_lives_without_memory_layers_and_images() {
    let platform = plain().await;
    let id = platform.running("one").await;
    let write = platform.access(id).await;
    let control = &platform.control;

    control.stop(&write).await.unwrap();
    platform.wait(id, "stopped", is_stopped_as_asked).await;
    control.start(&write).await.unwrap();
    let view = platform.wait(id, "running again", has_screen).await;
    assert_eq!(view.steps().first().map(|step| (step.boot, step.name.as_str())), Some((2, "start")));
    control.restart(&write).await.unwrap();
    let again = |view: &Desktop| has_screen(view) && view.steps().iter().all(|s| s.boot == 3);
    platform.wait(id, "restarted", again).await;

    // Nothing was kept before these, as nothing can be.
    assert_eq!(control.snapshots(&platform.owner, None).await.unwrap(), []);
    assert!(matches!(control.undo(&platform.owner, id).await, Err(SnapshotError::NothingToUndo)));

    control.delete(&platform.access(id).await).await.unwrap();
    platform.wait_gone(id).await;
    assert_eq!(platform.engine.leftovers(&Known::default()).await.unwrap(), []);
    control.close().await;
}

#[tokio::test]
async fn what_its_engine_can_not_is_refused_with_one_sentence() {
    let platform = plain().await;
    let id = platform.running("one").await;
    let control = &platform.control;

    let suspended = control.suspend(&platform.access(id).await).await;
    let Err(CommandError::Lacks(lacks)) = suspended else { panic!("{suspended:?}") };
    assert_eq!(lacks, Lacks(Capability::Memory));
    assert_eq!(
        lacks.to_string(),
        "This host's engine can't keep a desktop's memory, so desktops can't be suspended; stop it instead."
    );
    let sleep = SleepPolicy { after: Minutes::new(5), schedule: None };
    let sleeps = control.set_sleep(&platform.access(id).await, &sleep).await;
    assert!(matches!(sleeps, Err(SettingError::Lacks(lacks)) if lacks.0 == Capability::Memory));
    control.set_sleep(&platform.access(id).await, &SleepPolicy::default()).await.unwrap();

    let write = platform.access(id).await;
    let taken = control.take_snapshot(&write, None, None).await;
    let Err(SnapshotError::Lacks(lacks)) = taken else { panic!("{taken:?}") };
    assert_eq!(lacks.to_string(), "This host's engine can't take snapshots of desktops or fork them.");
    let forked = control.fork(&write, &ForkDesktop::default(), None).await;
    assert!(matches!(forked, Err(SnapshotError::Lacks(lacks)) if lacks.0 == Capability::Layers));
    let schedule = SnapshotSchedule::new(1, 1, 1).unwrap();
    let scheduled = control.set_snapshot_schedule(&write, Some(schedule)).await;
    assert!(matches!(scheduled, Err(SettingError::Lacks(lacks)) if lacks.0 == Capability::Layers));

    let wanted = SaveTemplate { name: "mine".into(), ..SaveTemplate::default() };
    let saved = control.save_template(&write, &wanted).await;
    let Err(SavedTemplateError::Lacks(lacks)) = saved else { panic!("{saved:?}") };
    assert_eq!(
        lacks.to_string(),
        "This host's engine can't save desktops as templates, and can't export or import them."
    );
    let imported = control.import_snapshot(&platform.owner, futures::stream::empty()).await;
    assert!(matches!(imported, Err(TransferError::Lacks(lacks)) if lacks.0 == Capability::Images));

    // It goes on as if nothing had been asked.
    let view = platform.get(id).await.unwrap();
    assert!(has_screen(&view) && !is_stopped(&view));
    control.close().await;
}
