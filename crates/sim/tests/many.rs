//! Many machines in one process, each with the door that a platform keeps open to it.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a fixture is a failed test")]

use rolltop_door::{Door, HostKeyPolicy, Login, generate_key};
use rolltop_engine::{DiskLayer, Engine, ForkRequest, LayerKey};
use rolltop_guest_protocol::InitRequest;
use rolltop_model::{DesktopId, LayerId, Size};
use rolltop_sim::{SimConfig, SimEngine};

const MACHINES: u64 = 100;
/// Ten thousand of them have to fit into 4 GiB, with both ends of their doors. Bytes.
const MOST: u64 = (4 << 30) / 10_000;

#[tokio::test]
async fn ten_thousand_machines_would_fit_into_four_gibibytes() {
    let engine = SimEngine::new(SimConfig::instant()).unwrap();
    let template = engine.templates().await.unwrap().remove(0).version;
    let bootstrap = engine.bootstrap(&template).await.unwrap();
    let login = Login::new(bootstrap.private_key, HostKeyPolicy::Pinned(bootstrap.host_key));
    // What is there once is no machine's.
    let mut doors = vec![personalised(&engine, 1, &login).await];
    doors[0].screenshot(480).await.unwrap();
    let before = resident_memory();
    for number in 0..MACHINES {
        let door = personalised(&engine, u128::from(number) + 2, &login).await;
        door.screenshot(480).await.unwrap();
        doors.push(door);
    }
    let each = resident_memory().saturating_sub(before) / MACHINES;
    assert!(each <= MOST, "{each} bytes each");
}

/// The door of a new machine that was made somebody's, still open.
async fn personalised(engine: &SimEngine, number: u128, bootstrap: &Login) -> Door {
    let desktop = DesktopId::from_u128(number);
    let template = engine.templates().await.unwrap().remove(0).version;
    let disk = DiskLayer { layer: LayerId::from_u128(number), key: LayerKey::new([3; 32]) };
    let request = ForkRequest { desktop, fence: 1, boot: 1, template, size: Size::S, disk, from: None };
    engine.fork(&request).await.unwrap();
    let door = Door::open(engine.connect(desktop).await.unwrap(), bootstrap).await.unwrap();
    let request = InitRequest {
        desktop: desktop.to_string(),
        hostname: format!("desk{number}"),
        unix_time_ns: 1_790_000_000_000_000_000,
        entropy: String::new(),
        door_public_key: generate_key().unwrap().1,
        authorized_keys: Vec::new(),
        timezone: None,
        resumed: false,
        host_key_shown: None,
    };
    door.init(&request).await.unwrap();
    door
}

/// Of this process, bytes.
fn resident_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
