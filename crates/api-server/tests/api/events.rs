//! The stream of events: in order, nothing missed.

use futures::StreamExt;
use rolltop_api_types::{Code, Event, EventKind, EventStream};
use rolltop_model::DesktopId;
use rolltop_testing::{PATIENCE, Platform, comes_true};
use tokio::time::timeout;

async fn next(stream: &mut EventStream) -> Option<Event> {
    timeout(PATIENCE, stream.next()).await.expect("an event in time").map(Result::unwrap)
}

/// Events up to the one that says that the desktop runs.
async fn until_running(stream: &mut EventStream) -> Vec<Event> {
    let mut seen = Vec::new();
    loop {
        let event = next(stream).await.expect("the stream goes on");
        let runs = event.kind == EventKind::DesktopChanged && event.data["state"] == "running";
        seen.push(event);
        if runs {
            return seen;
        }
    }
}

#[tokio::test]
async fn what_happens_is_told_in_order() {
    let platform = Platform::start().await;
    let mut stream = platform.client.events(None, None).await.unwrap();
    let made = platform.create("research").await;
    let seen = until_running(&mut stream).await;
    assert!(seen.iter().all(|event| event.desktop == Some(made.id)));
    assert!(seen.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    assert_eq!((seen[0].kind, seen[0].data["name"].as_str()), (EventKind::DesktopChanged, Some("research")));
    assert!(seen.iter().any(|event| event.kind == EventKind::Step && event.data["name"] == "door"));

    platform.client.destroy_desktop(made.id).await.unwrap();
    loop {
        if next(&mut stream).await.unwrap().kind == EventKind::DesktopDestroyed {
            break;
        }
    }
}

#[tokio::test]
async fn who_comes_back_has_missed_nothing() {
    let platform = Platform::start().await;
    platform.running("research").await;
    let mut stream = platform.client.events(Some(0), None).await.unwrap();
    let all = until_running(&mut stream).await;
    let middle = all.len() / 2;
    let mut later = platform.client.events(Some(all[middle].seq), None).await.unwrap();
    assert_eq!(until_running(&mut later).await, all[middle + 1..]);
    let mut past = platform.client.past_events(all[middle].seq, None).await.unwrap();
    assert_eq!(until_running(&mut past).await, all[middle + 1..]);
    while let Some(event) = next(&mut past).await {
        assert!(event.seq > all[middle].seq);
    }

    let header = platform.raw(reqwest::Method::GET, "/v1/events").header("last-event-id", all[0].seq);
    let mut response = header.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["x-accel-buffering"], "no", "proxies hand it on as it comes");
    let mut text = String::new();
    while !text.contains("data:") {
        text.push_str(std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap());
    }
    assert!(text.contains(&format!("id: {}\nevent: ", all[1].seq)), "{text}");
}

#[tokio::test]
async fn one_desktops_events_can_be_followed_alone() {
    let platform = Platform::start().await;
    let first = platform.running("first").await;
    let second = platform.running("second").await;
    let mut stream = platform.client.events(Some(0), Some(second.id)).await.unwrap();
    let seen = until_running(&mut stream).await;
    assert!(seen.iter().all(|event| event.desktop == Some(second.id)));
    let nobodys = platform.client.events(None, Some(DesktopId::from_u128(7))).await.err().unwrap();
    assert_eq!(nobodys.code(), Some(Code::NotFound));
    drop(first);
}

#[tokio::test]
async fn the_stream_ends_when_the_process_is_to_stop() {
    let mut platform = Platform::start().await;
    let mut stream = platform.client.events(None, None).await.unwrap();
    platform.shutdown.cancel();
    assert_eq!(next(&mut stream).await, None);
    timeout(PATIENCE, &mut platform.server).await.expect("the server ends soon").unwrap().unwrap();
}

#[tokio::test]
async fn a_credential_has_so_many_streams_and_what_ends_makes_room() {
    let platform = Platform::start().await;
    let mut open = Vec::new();
    for _ in 0..64 {
        open.push(platform.client.events(None, None).await.unwrap());
    }
    let refused = platform.client.events(None, None).await.err().unwrap();
    assert_eq!(refused.problem().map(|problem| problem.code), Some(Code::TooManyAtOnce), "{refused}");
    open.pop();
    assert!(comes_true(async || platform.client.events(None, None).await.is_ok()).await);
}
