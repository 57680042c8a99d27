//! The pool against OpenSSH's own sshd.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a fixture is a failed test")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rolltop_door::{DoorPool, DoorSource, Entrance, EntranceError, PoolError};
use rolltop_engine::EngineError;
use rolltop_model::DesktopId;
use support::Guest;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// One guest for every desktop, which can be made unreachable.
struct Source {
    guest: Mutex<Guest>,
    attempts: AtomicUsize,
    failing: AtomicUsize,
}

#[async_trait]
impl DoorSource for Source {
    async fn entrance(&self, _: DesktopId) -> Result<Entrance, EntranceError> {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        let left = self.failing.load(Ordering::SeqCst);
        if left > 0 {
            self.failing.store(left - 1, Ordering::SeqCst);
            return Err(EngineError::NotRunning.into());
        }
        let mut guest = self.guest.lock().await;
        Ok(Entrance { stream: guest.connect(), login: guest.login() })
    }
}

fn pool() -> (Arc<DoorPool>, Arc<Source>) {
    let source = Arc::new(Source {
        guest: Mutex::new(Guest::new()),
        attempts: AtomicUsize::new(0),
        failing: AtomicUsize::new(0),
    });
    (Arc::new(DoorPool::new(source.clone())), source)
}

#[tokio::test]
async fn everyone_who_comes_at_once_gets_the_one_door() {
    let (pool, source) = pool();
    let desktop = DesktopId::generate();
    assert!(pool.open_door(desktop).is_none());
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let pool = pool.clone();
        callers.spawn(async move { pool.door(desktop).await.unwrap() });
    }
    let doors = callers.join_all().await;
    assert!(doors.iter().all(|door| Arc::ptr_eq(door, &doors[0])));
    assert_eq!(source.attempts.load(Ordering::SeqCst), 1);
    assert!(pool.open_door(desktop).is_some());
}

#[tokio::test]
async fn an_attempt_goes_on_when_the_caller_that_began_it_goes_away() {
    let (pool, source) = pool();
    let desktop = DesktopId::generate();
    let held = source.guest.lock().await;
    assert!(timeout(Duration::from_millis(50), pool.door(desktop)).await.is_err());
    drop(held);
    pool.door(desktop).await.unwrap();
    assert_eq!(source.attempts.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_dropped_connection_is_opened_again() {
    let (pool, source) = pool();
    let desktop = DesktopId::generate();
    let first = pool.door(desktop).await.unwrap();
    source.guest.lock().await.kill();
    first.closed().await;
    assert!(pool.open_door(desktop).is_none());
    let second = pool.door(desktop).await.unwrap();
    assert!(!second.is_closed() && !Arc::ptr_eq(&first, &second));
}

#[tokio::test]
async fn a_failure_is_told_to_all_and_not_hammered_at() {
    let (pool, source) = pool();
    let desktop = DesktopId::generate();
    source.failing.store(1, Ordering::SeqCst);
    for _ in 0..50 {
        let error = pool.door(desktop).await.err().unwrap();
        assert!(
            matches!(error, PoolError::Entrance(EntranceError::Engine(EngineError::NotRunning))),
            "{error}"
        );
    }
    assert_eq!(source.attempts.load(Ordering::SeqCst), 1);
    let opened = timeout(Duration::from_secs(30), async {
        while pool.door(desktop).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    opened.await.expect("it is tried again after a pause");
    assert_eq!(source.attempts.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn forgetting_hangs_up_and_stops_an_attempt() {
    let (pool, source) = pool();
    let desktop = DesktopId::generate();
    let door = pool.door(desktop).await.unwrap();
    pool.forget(desktop).await;
    door.closed().await;
    assert!(pool.open_door(desktop).is_none());

    let held = source.guest.lock().await;
    let waiting = tokio::spawn({
        let pool = pool.clone();
        async move { pool.door(desktop).await.map(|_| ()) }
    });
    while source.attempts.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    pool.forget(desktop).await;
    assert!(matches!(waiting.await.unwrap(), Err(PoolError::Forgotten)));
    drop(held);
}

#[tokio::test]
async fn a_door_opened_elsewhere_is_kept() {
    let (pool, source) = pool();
    let desktop = DesktopId::generate();
    let before = pool.door(desktop).await.unwrap();
    let door = source.guest.lock().await.open().await;
    let adopted = pool.adopt(desktop, door).await;
    before.closed().await;
    assert!(Arc::ptr_eq(&adopted, &pool.door(desktop).await.unwrap()));
}

#[tokio::test]
async fn a_door_opened_elsewhere_waits_for_no_attempt() {
    let (pool, source) = pool();
    let desktop = DesktopId::generate();
    let door = source.guest.lock().await.open().await;
    let _unreachable = source.guest.lock().await;
    let waiting = tokio::spawn({
        let pool = pool.clone();
        async move { pool.door(desktop).await.unwrap() }
    });
    while source.attempts.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let adopted = timeout(Duration::from_secs(30), pool.adopt(desktop, door)).await.expect("at once");
    assert!(Arc::ptr_eq(&adopted, &waiting.await.unwrap()));
    assert!(Arc::ptr_eq(&adopted, &pool.door(desktop).await.unwrap()));
}
