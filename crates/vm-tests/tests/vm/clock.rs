//! Time in a guest that was suspended.

use rolltop_engine::{Memory, StartRequest, SuspendRequest};

use crate::host::{Host, in_guest};

/// Seconds that the guest has been up, and its wall clock, before and after it sleeps for a second.
const LOOK: &str =
    "cut -d ' ' -f 1 /proc/uptime; date +%s.%N; sleep 1; cut -d ' ' -f 1 /proc/uptime; date +%s.%N";
/// What its kernel says of a processor for which time did not go on. That it gives up the TSC is no complaint: no machine
/// here has one that it could rely on, and a watchdog of a guest that stood still may say so.
const COMPLAINTS: &str = "sudo -n dmesg | grep -E 'soft lockup|self-detected stall|rcu.*stalls' || true";
const SOURCE: &str = "cat /sys/devices/system/clocksource/clocksource0/current_clocksource";

#[tokio::test]
async fn a_resumed_guests_clocks_go_on() {
    let host = Host::open().await;
    let request = host.fork().await;
    let desktop = request.desktop;
    let clocks = async || -> Vec<f64> {
        let said = in_guest(&host.template, desktop, LOOK).await.unwrap();
        said.lines().map(|line| line.parse().unwrap()).collect()
    };
    let source = in_guest(&host.template, desktop, SOURCE).await.unwrap();
    let mut last = clocks().await;
    for boot in 2..4 {
        let key = request.disk.key.clone();
        host.engine().suspend(&SuspendRequest { desktop, fence: 1, key }).await.unwrap();
        let resume = StartRequest { desktop, fence: 1, boot, disk: vec![request.disk.clone()] };
        host.engine().resume(&resume).await.unwrap();
        let now = clocks().await;
        println!("{}: {last:?}, then {now:?}", source.trim());
        // No clock goes back, none jumps as that of a host that was started anew would, and a second is one.
        assert!(now[0] >= last[2] && now[0] < last[2] + 300.0, "up: {last:?}, then {now:?}");
        assert!(now[1] >= last[3] && now[1] < last[3] + 300.0, "wall clock: {last:?}, then {now:?}");
        assert!(now[2] - now[0] >= 0.9 && now[3] - now[1] >= 0.9, "a second: {now:?}");
        last = now;
    }
    let now = in_guest(&host.template, desktop, SOURCE).await.unwrap();
    assert!(source.trim() != "kvm-clock" || now == source, "the host's clock is given up for {now}");
    assert_eq!(in_guest(&host.template, desktop, COMPLAINTS).await.unwrap(), "");
    host.finish().await;
}
