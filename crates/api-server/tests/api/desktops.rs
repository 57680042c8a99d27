//! The life of a desktop as a program sees it.

use std::collections::BTreeMap;

use rolltop_api_types::{
    Code, CreateDesktop, Desired, DesktopState, ForkDesktop, HostWarningKind, ListDesktops, StepStatus,
    UpdateDesktop,
};
use rolltop_engine::{HostWarning, OffReason};
use rolltop_model::{Choices, DesktopId, Size};
use rolltop_testing::{Platform, comes_true};

#[tokio::test]
async fn a_desktop_is_made_used_and_destroyed() {
    let platform = Platform::start().await;
    let client = &platform.client;
    let made = platform.create("research").await;
    assert_eq!((made.name.as_str(), made.size, made.desired), ("research", Size::S, Desired::Running));
    assert_eq!((made.vcpus, made.memory_mib, made.disk_gib), (2, 2048, 20));

    let running = platform.until(made.id, DesktopState::Running).await;
    assert!(running.started_at.is_some());
    let done: Vec<_> =
        running.steps.unwrap().into_iter().filter(|step| step.status == StepStatus::Done).collect();
    let names: Vec<_> = done.iter().map(|step| step.name.as_str()).collect();
    assert!(names.starts_with(&["fork", "door", "personalise"]), "{names:?}");

    let renamed = client.update_desktop(made.id, &UpdateDesktop::rename("library")).await.unwrap();
    assert_eq!(renamed.name, "library");

    client.stop_desktop(made.id).await.unwrap();
    let stopped = platform.until(made.id, DesktopState::Stopped).await;
    assert_eq!((stopped.reason, stopped.desired), (None, Desired::Stopped));
    client.start_desktop(made.id).await.unwrap();
    platform.until(made.id, DesktopState::Running).await;
    let steps = client.steps(made.id).await.unwrap();
    assert!(steps.iter().any(|step| step.boot == 1 && step.name == "fork"), "{steps:?}");
    assert!(steps.iter().any(|step| step.boot == 2 && step.name == "start"), "{steps:?}");

    let log = client.access_log(made.id).await.unwrap();
    assert!(log.iter().any(|entry| entry.purpose == "personalise" && entry.actor == "platform"), "{log:?}");

    let destroying = client.destroy_desktop(made.id).await.unwrap();
    assert_eq!(destroying.desired, Desired::Destroyed);
    let gone = comes_true(async || {
        client.desktop(made.id).await.is_err_and(|error| error.code() == Some(Code::NotFound))
    });
    assert!(gone.await, "it is a 404 in the end");
    assert!(client.all_desktops().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_machine_that_is_shut_down_from_inside_is_stopped() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    platform.engine.power_off(desktop.id, OffReason::Guest);
    let stopped = platform.until(desktop.id, DesktopState::Stopped).await;
    assert_eq!(stopped.reason.as_deref(), Some("shut_down_from_inside"));
    assert_eq!(stopped.detail.as_deref(), Some("It was shut down from inside."));
    let error = platform.client.retry_desktop(desktop.id).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::WrongState));
}

#[tokio::test]
async fn a_failure_has_a_reason_and_can_be_tried_again() {
    let platform = Platform::start().await;
    platform.engine.faults().disk_full(true);
    let made = platform.create("research").await;
    let failed = platform.until(made.id, DesktopState::Failed).await;
    assert_eq!(failed.reason.as_deref(), Some("disk_full"));
    assert_eq!(failed.detail.as_deref(), Some("The host's disk is full; free some space, then try again."));
    platform.engine.faults().disk_full(false);
    platform.client.retry_desktop(made.id).await.unwrap();
    platform.until(made.id, DesktopState::Running).await;
}

#[tokio::test]
async fn the_same_request_with_the_same_key_makes_one_desktop() {
    let platform = Platform::start().await;
    let wanted = CreateDesktop { name: Some("research".into()), ..CreateDesktop::default() };
    let first = platform.client.create_desktop(&wanted, Some("k1")).await.unwrap();
    let again = platform.client.create_desktop(&wanted, Some("k1")).await.unwrap();
    assert_eq!(first.id, again.id);
    let other = CreateDesktop { name: Some("other".into()), ..CreateDesktop::default() };
    let error = platform.client.create_desktop(&other, Some("k1")).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::IdempotencyKeyReused));
    assert_eq!(platform.client.all_desktops().await.unwrap().len(), 1);
}

#[tokio::test]
async fn forks_and_snapshots_are_made_once_per_key_too() {
    let platform = Platform::start().await;
    let id = platform.create("research").await.id;
    platform.until(id, DesktopState::Running).await;
    let ask = async |path: &str, key: &str, body: serde_json::Value| {
        let request = platform.raw(reqwest::Method::POST, &format!("/v1/{path}"));
        let answer = request.header("idempotency-key", key).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<serde_json::Value>().await.unwrap())
    };
    let ids = |made: &serde_json::Value| -> Vec<String> {
        let items = made["items"].as_array().unwrap();
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    let fork = format!("desktops/{id}/fork");
    let two = serde_json::json!({"count": 2});
    let (status, first) = ask(&fork, "f", two.clone()).await;
    assert_eq!((status, ids(&first).len()), (202, 2));
    let (status, again) = ask(&fork, "f", two.clone()).await;
    assert_eq!((status, ids(&again)), (202, ids(&first)));
    let (status, other) = ask(&fork, "f", serde_json::json!({"count": 1})).await;
    assert_eq!((status, &other["code"]), (422, &"idempotency_key_reused".into()));
    assert_eq!(platform.client.all_desktops().await.unwrap().len(), 3);
    assert_eq!(ask(&fork, "two words", two.clone()).await.0, 400);

    let take = format!("desktops/{id}/snapshots");
    let named = serde_json::json!({"name": "early"});
    let (_, first) = ask(&take, "s", named.clone()).await;
    let snapshot: rolltop_model::SnapshotId = first["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(ask(&take, "s", named.clone()).await.1["id"], first["id"]);
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    while platform.client.snapshot(snapshot).await.unwrap().state != rolltop_api_types::SnapshotState::Ready {
        assert!(tokio::time::Instant::now() < deadline, "it is not taken");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let fork = format!("snapshots/{snapshot}/fork");
    let (_, first) = ask(&fork, "g", two.clone()).await;
    assert_eq!(ids(&ask(&fork, "g", two).await.1), ids(&first));
    // What was made is gone: the key makes it anew.
    for made in platform.client.all_desktops().await.unwrap() {
        if ids(&first).contains(&made.id.to_string()) {
            platform.client.destroy_desktop(made.id).await.unwrap();
            let gone = async || platform.client.desktop(made.id).await.is_err();
            assert!(comes_true(gone).await, "{made:?}");
        }
    }
    let (status, anew) = ask(&fork, "g", serde_json::json!({"count": 2})).await;
    assert!(status == 202 && ids(&anew).len() == 2 && ids(&anew) != ids(&first), "{anew}");
}

#[tokio::test]
async fn a_desktop_needs_not_even_a_name() {
    let platform = Platform::start().await;
    let response = platform
        .raw(reqwest::Method::POST, "/v1/desktops")
        .json(&serde_json::json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 202);
    let made: rolltop_api_types::Desktop = response.json().await.unwrap();
    assert!(!made.name.is_empty());
}

#[tokio::test]
async fn a_list_comes_in_pages_newest_first() {
    let platform = Platform::start().await;
    let mut made = Vec::new();
    for name in ["a", "b", "c", "d", "lamp"] {
        made.push(platform.create(name).await.id);
    }
    made.reverse();
    let mut seen = Vec::new();
    let mut which = ListDesktops { limit: Some(2), ..ListDesktops::default() };
    let mut pages = 0;
    loop {
        let page = platform.client.desktops(&which).await.unwrap();
        pages += 1;
        seen.extend(page.items.into_iter().map(|desktop| desktop.id));
        which.cursor = page.next_cursor;
        if which.cursor.is_none() {
            break;
        }
    }
    assert_eq!((seen, pages), (made, 3));
    let named = ListDesktops { q: Some("am".into()), ..ListDesktops::default() };
    let found = platform.client.desktops(&named).await.unwrap();
    assert_eq!(found.items.iter().map(|desktop| desktop.name.as_str()).collect::<Vec<_>>(), ["lamp"]);
    let suspended = ListDesktops { state: Some(DesktopState::Suspended), ..ListDesktops::default() };
    assert!(platform.client.desktops(&suspended).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn desktops_are_found_by_their_labels_which_their_forks_have_too() {
    let platform = Platform::start().await;
    let client = &platform.client;
    let labels = |all: &[(&str, &str)]| -> BTreeMap<String, String> {
        all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let wanted = CreateDesktop {
        name: Some("one".into()),
        labels: Some(labels(&[("team", "research"), ("example.org/gpu", "")])),
        note: Some("Ask Ann\nfirst.".into()),
        ..CreateDesktop::default()
    };
    let one = client.create_desktop(&wanted, Some("key")).await.unwrap();
    assert_eq!(one.choices.note.as_str(), "Ask Ann\nfirst.");
    let again = client.create_desktop(&wanted, Some("key")).await.unwrap();
    assert_eq!(again.id, one.id);
    let other = CreateDesktop { note: None, ..wanted.clone() };
    let refused = client.create_desktop(&other, Some("key")).await.unwrap_err();
    assert_eq!(refused.code(), Some(Code::IdempotencyKeyReused), "a note is a part of what is asked for");
    let wanted =
        CreateDesktop { labels: Some(labels(&[("team", "Bücher & \"1\"")])), ..CreateDesktop::default() };
    let two = client.create_desktop(&wanted, None).await.unwrap().id;
    let three = platform.create("three").await.id;
    let found = async |label: &str| {
        let which = ListDesktops { label: Some(label.to_owned()), ..ListDesktops::default() };
        let items = client.desktops(&which).await.unwrap().items;
        items.into_iter().map(|desktop| desktop.id).collect::<Vec<_>>()
    };
    assert_eq!(found("team").await, [two, one.id]);
    assert_eq!(found("team=research").await, [one.id]);
    assert_eq!(found("team=research, example.org/gpu=").await, [one.id]);
    assert_eq!(found("team=Bücher & \"1\"").await, [two]);
    assert_eq!((found("team=research,env").await, found("research").await), (vec![], vec![]));

    // What is not named stays; null removes.
    let change = |labels: &[(&str, Option<&str>)], note: Option<&str>| UpdateDesktop {
        labels: Some(
            labels.iter().map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned))).collect(),
        ),
        note: note.map(str::to_owned),
        ..UpdateDesktop::default()
    };
    let set = change(&[("env", Some("live")), ("team", None), ("never-there", None)], Some(""));
    let changed = client.update_desktop(one.id, &set).await.unwrap().choices;
    assert_eq!(changed.labels.to_string(), "env=live, example.org/gpu");
    assert!(changed.note.is_empty());
    assert_eq!((found("team").await, found("env").await), (vec![two], vec![one.id]));

    platform.until(one.id, DesktopState::Running).await;
    let fork = client.fork_desktop(one.id, &ForkDesktop::default()).await.unwrap().remove(0);
    assert_eq!(fork.choices, changed);

    // One clear sentence, and nothing is changed.
    let wrong = |text: &str, note: Option<&str>| change(&[("good", Some("1")), (text, Some("1"))], note);
    let long = "x".repeat(2001);
    for (change, field, said) in [
        (wrong("Team", None), "labels", "A label's key has 1 to 63"),
        (change(&[("a", Some("x,y"))], None), "labels", "A label's value is at most 63"),
        (wrong("b", Some(&long)), "note", "A note has at most 2000 letters"),
    ] {
        let refused = client.update_desktop(three, &change).await.unwrap_err();
        let problem = refused.problem().unwrap();
        assert_eq!((problem.code, problem.errors[0].field.as_str()), (Code::InvalidBody, field));
        assert!(problem.detail.starts_with(said), "{}", problem.detail);
    }
    assert_eq!(client.desktop(three).await.unwrap().choices, Choices::default());
    for wrong in ["", "a,,b", "A=1", "a=\u{202e}"] {
        let which = ListDesktops { label: Some(wrong.to_owned()), ..ListDesktops::default() };
        let refused = client.desktops(&which).await.unwrap_err();
        let problem = refused.problem().unwrap();
        assert_eq!(
            (problem.code, problem.errors[0].field.as_str()),
            (Code::InvalidQuery, "label"),
            "{wrong:?}"
        );
    }
}

#[tokio::test]
async fn templates_and_host_are_shown() {
    let platform = Platform::start().await;
    let templates = platform.client.templates().await.unwrap();
    assert_eq!(templates.len(), 1);
    assert!(templates[0].default && templates[0].version.starts_with("desk@"));
    assert_eq!(templates[0].sizes.len(), 3);
    let host = platform.client.host().await.unwrap();
    assert_eq!(host.accelerator.kind, rolltop_api_types::AcceleratorKind::Simulated);
    assert!(host.cpus > 0 && host.warnings.is_empty());
}

#[tokio::test]
async fn what_is_wrong_with_the_host_is_told_with_the_names_of_ones_own_desktops() {
    let platform = Platform::start().await;
    let desktop = platform.running("lamp").await.id;
    let unusable = |desktop| HostWarning::MemoryUnusable {
        desktop: Some(desktop),
        snapshot: None,
        why: "it is of QEMU 11.1.3, and this host has the older 10.0.2".into(),
    };
    platform.engine.faults().warn_of(vec![
        unusable(desktop),
        unusable(DesktopId::from_u128(7)),
        HostWarning::ForwardingDropped { table: "ip filter".into() },
    ]);
    let warnings = platform.client.host().await.unwrap().warnings;
    assert_eq!(
        warnings[0].message,
        "The memory of lamp can't be brought back: it is of QEMU 11.1.3, and this host has the older 10.0.2."
    );
    assert_eq!((warnings[0].desktop, warnings[1].desktop), (Some(desktop), None));
    assert!(warnings[1].message.contains("something of another workspace"), "{}", warnings[1].message);
    assert_eq!(warnings[2].kind, HostWarningKind::ForwardingDropped);
    assert!(warnings[2].message.contains("ip filter"));
}

#[tokio::test]
async fn when_it_was_last_used_is_told_and_outlives_the_process() {
    let platform = Platform::start().await;
    let id = platform.running("lamp").await.id;
    let used = async || platform.client.desktop(id).await.unwrap().last_used_at;
    assert_eq!(used().await, None);
    platform.client.screenshot(id, 200).await.unwrap();
    assert_eq!(used().await, None, "a picture in a list is no use");
    platform.client.file(id, "/home/desk/notes/today.md", None).await.unwrap().into_bytes().await.unwrap();
    let then = used().await.expect("a file was read");
    let kept = platform.store().await.desktop(id).await.unwrap().unwrap().last_used_at;
    assert!(kept.is_some_and(|kept| kept <= then), "{kept:?} and {then}");
}
