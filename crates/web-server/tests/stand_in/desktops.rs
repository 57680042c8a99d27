//! Canned desktops, and how they go from state to state.

use std::sync::Arc;

use jiff::{Timestamp, ToSpan};
use rolltop_api_types::{
    Desired, Desktop, DesktopState, EventKind, NotAnswering, Step, StepStatus, Template, TemplateSize,
};
use rolltop_model::{DesktopId, Size};

use super::State;

pub const TEMPLATE: &str = "desk@3f2a91c0d4e5";
pub const CONSOLE: &str = "[    0.000000] Linux version 6.12.48+deb13-amd64\n[    0.412731] Run /init as init process\n[    1.902114] EXT4-fs (vda): mounted filesystem\n[   12.044518] systemd[1]: Reached target multi-user.target\n[   14.281190] rolltop-guest[612]: sshd did not start: no space left on device <b>&amp;\n[   74.310442] systemd[1]: ssh.service: Failed with result 'exit-code'.\n";

pub fn fresh(name: &str, size: Size, number: u128) -> Desktop {
    let now = Timestamp::now();
    Desktop {
        id: DesktopId::from_u128((0x0199_u128 << 112) + number),
        name: name.to_owned(),
        template: TEMPLATE.to_owned(),
        size,
        state: DesktopState::Pending,
        reason: None,
        detail: None,
        evidence: None,
        not_answering: None,
        desired: Desired::Running,
        autostart: false,
        screen: None,
        last_used_at: None,
        created_at: now,
        updated_at: now,
        started_at: None,
        vcpus: size.vcpus(),
        memory_mib: size.memory_mib(),
        disk_gib: size.disk_gib(),
        restart_needed: false,
        memory_bytes: None,
        disk_bytes: None,
        not_supported: Vec::new(),
        steps: Some(Vec::new()),
    }
}

/// One in each state.
pub fn canned() -> Vec<Desktop> {
    let ago = |span: jiff::Span| Timestamp::now().checked_sub(span).expect("a time in the past");
    let make = |name: &str, size, number, state, desired, span: jiff::Span| Desktop {
        state,
        desired,
        created_at: ago(span),
        started_at: Some(ago(span)),
        last_used_at: Some(ago(4.minutes())),
        memory_bytes: Some(143 << 20),
        disk_bytes: Some(412 << 20),
        steps: Some(steps(ago(span), 4)),
        ..fresh(name, size, number)
    };
    let running =
        |name, size, number, span| make(name, size, number, DesktopState::Running, Desired::Running, span);
    let mut booting = make("folio", Size::S, 5, DesktopState::Booting, Desired::Running, 1.seconds());
    booting.steps = Some(steps(ago(1.seconds()), 2));
    (booting.memory_bytes, booting.disk_bytes) = (None, None);
    let mut failed = make("sextant", Size::L, 6, DesktopState::Failed, Desired::Running, 3.hours());
    failed.reason = Some("door_timeout".to_owned());
    failed.detail = Some("Its sshd did not answer within 90 seconds. The console shows why; if its disk is full, delete it and make a larger one.".to_owned());
    failed.steps = Some(failed_steps(failed.created_at));
    let mut restarted = make("almanac", Size::S, 3, DesktopState::Stopped, Desired::Stopped, 50.hours());
    restarted.reason = Some("host_restarted".to_owned());
    restarted.detail =
        Some("The host was restarted, and what was only in its memory is gone; start it again.".to_owned());
    let mut paused = running("invoices-2026", Size::S, 2, 5.hours());
    paused.reason = Some("paused_disk_quota".to_owned());
    paused.detail =
        Some("Its workspace has all it may have of the host's disk, so it stands still.".to_owned());
    vec![
        running("research", Size::M, 1, 20.minutes()),
        paused,
        booting,
        restarted,
        failed,
        make("lamp", Size::S, 7, DesktopState::Running, Desired::Stopped, 8.hours()),
        make(
            "atlas-of-remote-islands-and-other-places",
            Size::L,
            4,
            DesktopState::Suspended,
            Desired::Suspended,
            300.hours(),
        ),
        make("postcard", Size::S, 8, DesktopState::Destroying, Desired::Destroyed, 30.hours()),
    ]
}

const STEPS: [(&str, i64); 4] = [("fork", 190), ("door", 420), ("personalise", 760), ("screen", 340)];

/// The first so many steps of a start, the last of them under way unless it is the end.
fn steps(begin: Timestamp, count: usize) -> Vec<Step> {
    let mut at = begin;
    STEPS
        .iter()
        .take(count)
        .enumerate()
        .map(|(place, (name, took))| {
            let started_at = at;
            at = at.checked_add(took.milliseconds()).expect("a time soon");
            let done = count == STEPS.len() || place + 1 < count;
            let status = if done { StepStatus::Done } else { StepStatus::Running };
            Step {
                boot: 1,
                name: (*name).to_owned(),
                status,
                started_at,
                ended_at: done.then_some(at),
                detail: None,
            }
        })
        .collect()
}

fn failed_steps(begin: Timestamp) -> Vec<Step> {
    let mut steps = steps(begin, 2);
    if let Some(last) = steps.last_mut() {
        last.status = StepStatus::Failed;
        last.ended_at = last.started_at.checked_add(90.seconds()).ok();
        last.detail = Some("No answer within 90 seconds.".to_owned());
    }
    steps
}

/// Starts it step by step.
pub async fn boot(state: Arc<State>, id: DesktopId, first: &'static str) {
    let boot = change(&state, id, EventKind::DesktopChanged, |desktop| {
        let known = desktop.steps.get_or_insert_default();
        let boot = known.iter().map(|step| step.boot).max().unwrap_or(0) + 1;
        known.clear();
        desktop.state = DesktopState::Booting;
        desktop.desired = Desired::Running;
        (desktop.reason, desktop.detail) = (None, None);
        boot
    });
    let Some(boot) = boot else { return };
    for name in [first, "door", "personalise", "screen"] {
        let step = Step {
            boot,
            name: name.to_owned(),
            status: StepStatus::Running,
            started_at: Timestamp::now(),
            ended_at: None,
            detail: None,
        };
        change(&state, id, EventKind::Step, |desktop| desktop.steps.get_or_insert_default().push(step));
        tokio::time::sleep(state.behaviour.step).await;
        change(&state, id, EventKind::Step, |desktop| {
            if let Some(step) = desktop.steps.get_or_insert_default().last_mut() {
                step.status = StepStatus::Done;
                step.ended_at = Some(Timestamp::now());
            }
        });
    }
    change(&state, id, EventKind::DesktopChanged, |desktop| {
        desktop.restart_needed = false;
        desktop.state = DesktopState::Running;
        if desktop.name.starts_with("full") {
            fill(desktop);
        }
        desktop.started_at = Some(Timestamp::now());
        desktop.memory_bytes = Some(61 << 20);
        desktop.disk_bytes = Some(9 << 20);
    });
}

/// Nothing in it answers any more: those that are called full are so from their first start on.
fn fill(desktop: &mut Desktop) {
    desktop.reason = Some("not_answering".to_owned());
    desktop.detail = Some("It does not answer, because it has as many processes as it can.".to_owned());
    let since = Timestamp::now().checked_sub(3.minutes()).expect("a time in the past");
    desktop.not_answering = Some(NotAnswering { since, cause: "processes".to_owned() });
}

pub fn end_processes(state: &Arc<State>, id: DesktopId) {
    change(state, id, EventKind::DesktopChanged, |desktop| {
        (desktop.reason, desktop.detail, desktop.not_answering) = (None, None, None);
    });
}

pub async fn stop(state: Arc<State>, id: DesktopId) {
    change(&state, id, EventKind::DesktopChanged, |desktop| desktop.desired = Desired::Stopped);
    tokio::time::sleep(state.behaviour.step).await;
    change(&state, id, EventKind::DesktopChanged, |desktop| desktop.state = DesktopState::Stopped);
}

pub async fn suspend(state: Arc<State>, id: DesktopId) {
    change(&state, id, EventKind::DesktopChanged, |desktop| desktop.desired = Desired::Suspended);
    tokio::time::sleep(state.behaviour.step).await;
    change(&state, id, EventKind::DesktopChanged, |desktop| desktop.state = DesktopState::Suspended);
}

pub async fn destroy(state: Arc<State>, id: DesktopId) {
    change(&state, id, EventKind::DesktopChanged, |desktop| {
        desktop.desired = Desired::Destroyed;
        desktop.state = DesktopState::Destroying;
    });
    tokio::time::sleep(state.behaviour.step).await;
    let gone = {
        let mut desktops = state.desktops.lock().expect("no test panicked");
        let place = desktops.iter().position(|desktop| desktop.id == id);
        place.map(|place| desktops.remove(place))
    };
    if let Some(gone) = gone {
        state.tell(EventKind::DesktopDestroyed, &gone);
    }
}

/// Changes one and tells everybody.
pub fn change<T>(
    state: &State,
    id: DesktopId,
    kind: EventKind,
    with: impl FnOnce(&mut Desktop) -> T,
) -> Option<T> {
    let mut desktops = state.desktops.lock().expect("no test panicked");
    let desktop = desktops.iter_mut().find(|desktop| desktop.id == id)?;
    let result = with(desktop);
    desktop.updated_at = Timestamp::now();
    state.tell(kind, desktop);
    Some(result)
}

pub fn templates() -> Vec<Template> {
    let sizes = |baked: &[Size]| {
        Size::ALL
            .map(|size| TemplateSize {
                size,
                vcpus: size.vcpus(),
                memory_mib: size.memory_mib(),
                disk_gib: size.disk_gib(),
                baked: baked.contains(&size),
            })
            .to_vec()
    };
    let built = |span: jiff::Span| Timestamp::now().checked_sub(span).expect("a time in the past");
    vec![
        Template {
            version: TEMPLATE.to_owned(),
            name: "desk".to_owned(),
            title: "Debian 13 with XFCE".to_owned(),
            description: "A light desktop with Chromium, a terminal, Python and Node.".to_owned(),
            default: true,
            built_at: built(26.hours()),
            disk_bytes: 7_400_000_000,
            sizes: sizes(&[Size::S, Size::M]),
        },
        Template {
            version: "ubuntu-22.04@90ab12cd34ef".to_owned(),
            name: "ubuntu-22.04".to_owned(),
            title: "Ubuntu 22.04 with XFCE".to_owned(),
            description: "The same desktop on Ubuntu’s long-term release.".to_owned(),
            default: false,
            built_at: built(400.hours()),
            disk_bytes: 3_100_000_000,
            sizes: sizes(&[]),
        },
    ]
}
