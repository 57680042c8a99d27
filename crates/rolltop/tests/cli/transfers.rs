//! Desktops as files.

use rolltop_api_types::ListSnapshots;
use rolltop_testing::eventually;
use rustix::process::{Pid, Signal, kill_process};

use crate::platform::{Platform, fed, spawned, stderr};

#[tokio::test(flavor = "multi_thread")]
async fn a_desktop_goes_out_and_comes_in_through_pipes() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    platform.running("research").await;
    let exported = person.run(&["export", "research", "-o", "-"]).await;
    assert!(exported.status.success(), "{}", stderr(&exported));
    let imported = fed(person.rolltop(&["import", "-", "--name", "again"]), &exported.stdout).await;
    assert!(imported.status.success(), "{}", stderr(&imported));
    let names: Vec<_> =
        platform.client.all_desktops().await.unwrap().into_iter().map(|desktop| desktop.name).collect();
    assert!(names.contains(&"again".to_owned()), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_ends_with_its_reader() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    platform.running("research").await;
    let mut export = spawned(person.rolltop(&["export", "research", "-o", "-"]));
    drop(export.stdout.take());
    let ended = export.wait_with_output().await.unwrap();
    assert_eq!((ended.status.code(), stderr(&ended).as_str()), (Some(141), ""));
    let client = &platform.client;
    eventually("the snapshot is gone", async || {
        client.snapshots(&ListSnapshots::default()).await.unwrap().is_empty()
    })
    .await;
}

/// Wherever Ctrl-C comes in, there is the whole file and success, or neither; the snapshot goes in any case.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_is_interrupted_leaves_nothing() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    platform.running("research").await;
    let client = &platform.client;
    let there_are = async || client.snapshots(&ListSnapshots::default()).await.unwrap().len();
    let export = spawned(person.rolltop(&["export", "research", "-o", "out.rolltop"]));
    let pid = Pid::from_raw(export.id().unwrap().try_into().unwrap()).unwrap();
    eventually("it has taken a snapshot", async || there_are().await > 0).await;
    kill_process(pid, Signal::INT).unwrap();
    let output = export.wait_with_output().await.unwrap();
    match output.status.code() {
        Some(130) => assert!(!person.path("out.rolltop").exists(), "{}", stderr(&output)),
        Some(0) => assert!(person.path("out.rolltop").exists(), "it was faster"),
        other => panic!("{other:?}: {}", stderr(&output)),
    }
    assert!(!person.path("out.rolltop.part").exists());
    eventually("the snapshot is gone", async || there_are().await == 0).await;
}
