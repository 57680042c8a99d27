use super::*;

const DESKTOP: DesktopId = DesktopId::from_u128(1);
const LAYER: LayerId = LayerId::from_u128(9);

fn fork(fence: u64, boot: u32) -> ForkRequest {
    ForkRequest {
        desktop: DESKTOP,
        fence,
        boot,
        template: "desk@000000000000".parse().unwrap(),
        size: Size::S,
        disk: layer([1; 32]),
        from: None,
    }
}

fn layer(key: [u8; 32]) -> DiskLayer {
    DiskLayer { layer: LAYER, key: LayerKey::new(key) }
}

fn start(fence: u64, boot: u32) -> StartRequest {
    StartRequest { desktop: DESKTOP, fence, boot, disk: vec![layer([1; 32])] }
}

fn power(world: &World) -> Power {
    world.held(DESKTOP).unwrap().power
}

#[test]
fn a_fork_is_made_once_and_starts_in_quarantine() {
    let mut world = World::default();
    assert_eq!(world.fork(&fork(1, 1), false), Ok(Change::CameUp));
    assert_eq!(power(&world), Power::On { quarantined: true });
    world.release(DESKTOP, 1).unwrap();
    assert_eq!(world.fork(&fork(1, 1), false), Ok(Change::None));
    assert_eq!(power(&world), Power::On { quarantined: false });
}

#[test]
fn repeating_an_old_start_does_not_bring_back_what_has_ended_since() {
    let mut world = World::default();
    world.fork(&fork(1, 1), false).unwrap();
    world.power_off(DESKTOP, OffReason::Died);
    assert_eq!(world.fork(&fork(1, 1), false), Ok(Change::None));
    assert_eq!(world.start(&start(1, 1), false), Ok(Change::None));
    assert_eq!(power(&world), Power::Off { why: OffReason::Died });
    assert_eq!(world.start(&start(1, 2), false), Ok(Change::CameUp));
    assert_eq!(power(&world), Power::On { quarantined: true });
}

#[test]
fn a_fork_cut_short_can_be_repeated() {
    let mut world = World::default();
    assert_eq!(world.fork(&fork(1, 1), true), Ok(Change::None));
    assert_eq!(power(&world), Power::Off { why: OffReason::NeverStarted });
    assert_eq!(world.fork(&fork(1, 1), false), Ok(Change::CameUp));
}

#[test]
fn an_older_fence_is_refused_even_after_the_machine_is_gone() {
    let mut world = World::default();
    world.fork(&fork(5, 1), false).unwrap();
    assert_eq!(world.stop(DESKTOP, 4), Err(EngineError::Fenced));
    assert!(world.destroy(DESKTOP, 6).unwrap().is_some());
    assert_eq!(world.fork(&fork(5, 2), false), Err(EngineError::Fenced));
    assert!(world.destroy(DESKTOP, 6).unwrap().is_none());
    assert!(world.observe().is_empty());
}

#[test]
fn a_layer_belongs_to_one_desktop_and_opens_with_its_key_only() {
    let mut world = World::default();
    world.fork(&fork(1, 1), false).unwrap();
    let other = ForkRequest { desktop: DesktopId::from_u128(2), ..fork(1, 1) };
    assert!(matches!(world.fork(&other, false), Err(EngineError::Host(_))));
    world.stop(DESKTOP, 1).unwrap();
    let wrong = StartRequest { disk: vec![layer([2; 32])], ..start(1, 2) };
    assert!(matches!(world.start(&wrong, false), Err(EngineError::Host(_))));
}

#[test]
fn what_nobody_knows_is_listed_and_swept() {
    let mut world = World::default();
    world.fork(&fork(1, 1), false).unwrap();
    let all = Known { desktops: vec![DESKTOP], snapshots: Vec::new() };
    assert!(world.leftovers(&all).is_empty());
    assert!(world.sweep(&all).is_empty());
    assert_eq!(world.leftovers(&Known::default()).len(), 1);
    assert_eq!(world.sweep(&Known::default()), [DESKTOP]);
    assert!(world.leftovers(&Known::default()).is_empty());
}

#[test]
fn the_plug_pulled_leaves_machines_that_died() {
    let mut world = World::default();
    world.fork(&fork(1, 1), false).unwrap();
    let text = serde_json::to_string(&world).unwrap();
    let mut world: World = serde_json::from_str(&text).unwrap();
    world.all_died();
    assert_eq!(power(&world), Power::Off { why: OffReason::Died });
    assert!(!text.contains(&format!("{:?}", [1u8; 32])), "no key on disk");
}
