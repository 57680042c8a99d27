//! What is done later, and again until it is done.

use rolltop_model::JobKind::{self, EmptyLog, Retain, Sleep};
use rolltop_store::{Job, Store};

use crate::fixture::{after, fixture, start};

/// Taken at a second, until half a minute later.
async fn take(store: &Store, second: i64) -> Vec<Job> {
    store.take_jobs(&[], |_| true, after(second), after(second + 30)).await.unwrap()
}

fn named(jobs: &[Job]) -> Vec<(JobKind, &str)> {
    jobs.iter().map(|job| (job.kind, job.subject.as_str())).collect()
}

#[tokio::test]
async fn a_job_is_taken_once_it_is_due_by_one_at_a_time_and_is_gone_when_it_is_over() {
    let fixture = fixture().await;
    let store = &fixture.store;
    store.ask_job(Sleep, "one", after(20)).await.unwrap();
    store.ask_job(Sleep, "two", after(5)).await.unwrap();
    assert_eq!(take(store, 4).await, []);
    assert_eq!(store.next_job(&[], start()).await.unwrap(), Some(after(5)));
    let two = take(store, 5).await;
    assert_eq!(named(&two), [(Sleep, "two")]);
    assert_eq!(take(store, 6).await, [], "somebody has it");
    assert_eq!(store.next_job(&[], after(6)).await.unwrap(), Some(after(20)));
    assert_eq!(store.next_job(&[Sleep], after(6)).await.unwrap(), None, "there is no room for it");
    store.end_job(&two[0], None).await.unwrap();
    assert_eq!(named(&take(store, 40).await), [(Sleep, "one")], "the other is over");
}

#[tokio::test]
async fn what_is_asked_for_while_it_is_done_is_done_again() {
    let fixture = fixture().await;
    let store = &fixture.store;
    store.ask_job(Sleep, "one", start()).await.unwrap();
    let first = take(store, 1).await;
    store.ask_job(Sleep, "one", after(2)).await.unwrap();
    store.end_job(&first[0], None).await.unwrap();
    let again = take(store, 3).await;
    assert_eq!(named(&again), [(Sleep, "one")]);
    store.end_job(&again[0], Some((after(60), 3))).await.unwrap();
    assert_eq!(take(store, 59).await, []);
    assert_eq!(take(store, 60).await[0].attempts, 3);
}

#[tokio::test]
async fn what_is_asked_for_earlier_is_due_earlier_and_begins_to_count_anew() {
    let fixture = fixture().await;
    let store = &fixture.store;
    store.ask_job(Retain, "one", after(50)).await.unwrap();
    store.ask_job(Retain, "one", after(90)).await.unwrap();
    assert_eq!(store.next_job(&[], start()).await.unwrap(), Some(after(50)));
    let taken = take(store, 50).await;
    store.end_job(&taken[0], Some((after(500), 7))).await.unwrap();
    store.ask_job(Retain, "one", after(60)).await.unwrap();
    assert_eq!(take(store, 60).await[0].attempts, 0);
}

#[tokio::test]
async fn who_has_lost_a_job_says_nothing_of_it_any_more() {
    let fixture = fixture().await;
    let store = &fixture.store;
    store.ask_job(EmptyLog, "all", start()).await.unwrap();
    let slow = take(store, 0).await;
    assert_eq!(take(store, 29).await, []);
    store.keep_jobs(&slow, after(50)).await.unwrap();
    assert_eq!(take(store, 49).await, [], "it was kept for longer");
    let other = take(store, 50).await;
    assert_eq!(named(&other), [(EmptyLog, "all")]);
    store.keep_jobs(&slow, after(500)).await.unwrap();
    store.end_job(&slow[0], None).await.unwrap();
    assert_eq!(named(&take(store, 80).await), [(EmptyLog, "all")], "it is not over, and is the other's");

    store.end_all_leases().await.unwrap();
    assert_eq!(named(&take(store, 81).await), [(EmptyLog, "all")], "nobody else is there any more");
}
