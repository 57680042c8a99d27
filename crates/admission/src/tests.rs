use super::*;

const LIMITS: Limits = Limits {
    connections: 8,
    per_network: 6,
    strangers: 4,
    grace: Duration::from_secs(5),
    wait: Duration::from_secs(20),
};

fn ip(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

/// One that is there at once.
async fn place(admission: &Arc<Admission>, last: u8) -> Permit {
    let admitted = tokio::time::timeout(Duration::from_millis(1), admission.admit(ip(last))).await;
    admitted.expect("no waiting").expect("a place")
}

/// One that waits.
async fn waiting(admission: &Arc<Admission>, last: u8) -> tokio::task::JoinHandle<Result<Permit, Refused>> {
    let admission = admission.clone();
    let waits = tokio::spawn(async move { admission.admit(ip(last)).await });
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(!waits.is_finished());
    waits
}

#[tokio::test(start_paused = true)]
async fn silent_connections_of_two_networks_don_t_keep_a_third_out() {
    let admission = Admission::new(LIMITS);
    let mut held = Vec::new();
    for number in 0..4 {
        held.push(place(&admission, number % 2).await);
    }
    let _two_more = (waiting(&admission, 0).await, waiting(&admission, 1).await);
    let before = Instant::now();
    drop(admission.admit(ip(9)).await.expect("a place"));
    assert!(before.elapsed() <= LIMITS.grace);
    assert_eq!(held.iter().filter(|place| place.given_up.is_cancelled()).count(), 1);
    // And as often as it comes.
    for _ in 0..3 {
        let before = Instant::now();
        assert!(admission.admit(ip(9)).await.is_ok());
        assert!(before.elapsed() <= LIMITS.grace);
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_when_all_places_are_taken_has_the_next_that_is_free() {
    let admission = Admission::new(LIMITS);
    let mut held = Vec::new();
    for number in 0..4 {
        held.push(place(&admission, number).await);
    }
    let (second, other) = (waiting(&admission, 0).await, waiting(&admission, 7).await);
    held[3].known();
    // The one whose network has no place comes first, though it came last.
    assert!(other.await.unwrap().is_ok());
    assert!(!second.is_finished());
    drop(held);
    assert!(second.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_place_is_taken_only_from_who_has_more_and_had_time() {
    let admission = Admission::new(LIMITS);
    let mut held = Vec::new();
    for number in 0..4 {
        held.push(place(&admission, number).await);
    }
    held[0].known();
    held.push(place(&admission, 4).await);
    // Its network has as many places as any other.
    let same = waiting(&admission, 4).await;
    tokio::time::sleep(LIMITS.grace).await;
    assert!(!same.is_finished());
    // Nobody is taken whom we know, and nobody waits for ever.
    assert_eq!(same.await.unwrap().err(), Some(Refused::Full));
    assert!(!held.iter().any(|place| place.given_up.is_cancelled()));
}

#[tokio::test(start_paused = true)]
async fn one_from_each_of_many_networks_loses_at_random() {
    let admission = Admission::new(LIMITS);
    let mut held = Vec::new();
    for number in 0..4 {
        held.push(place(&admission, number).await);
    }
    assert!(admission.admit(ip(9)).await.is_ok());
    assert_eq!(held.iter().filter(|place| place.given_up.is_cancelled()).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_network_has_only_so_many_and_room_is_made_for_others() {
    let admission = Admission::new(LIMITS);
    let mut tasks = Vec::new();
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(place(&admission, 1).await);
    }
    for _ in 0..2 {
        tasks.push(waiting(&admission, 1).await);
    }
    assert_eq!(admission.admit(ip(1)).await.err(), Some(Refused::Network));
    tasks.push(waiting(&admission, 2).await);
    tasks.push(waiting(&admission, 2).await);
    // All eight are taken: the network with the most loses the one that came last.
    let newcomer = waiting(&admission, 3).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(tasks.remove(1).await.unwrap().err(), Some(Refused::Full));
    drop(held);
    assert!(newcomer.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn those_that_are_known_are_never_taken_and_may_be_all_there_are() {
    let admission = Admission::new(LIMITS);
    let mut held = Vec::new();
    for number in 0..8 {
        let place = place(&admission, number).await;
        place.known();
        place.known();
        held.push(place);
    }
    assert_eq!(admission.admit(ip(9)).await.err(), Some(Refused::Full));
    drop(held);
    let state = admission.state();
    assert!(state.connections.is_empty() && state.networks.is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_does_not_wait_any_more_leaves_nothing_behind() {
    let admission = Admission::new(LIMITS);
    let mut held = Vec::new();
    for number in 0..4 {
        held.push(place(&admission, number).await);
    }
    let gone = waiting(&admission, 5).await;
    gone.abort();
    assert!(gone.await.is_err());
    drop(held);
    assert!(admission.state().connections.is_empty());
    let _next = place(&admission, 6).await;
}
