//! What control shows, as the wire says it. Field by field, so that nothing slips out.

use rolltop_api_types as wire;
use rolltop_control as control;
use rolltop_model as model;
use rolltop_model::{FailReason, SavedTemplateState};

use crate::problems::ApiError;

pub(crate) fn desktop(view: control::DesktopView, with_steps: bool) -> wire::Desktop {
    let steps = with_steps || !view.steps.is_empty();
    wire::Desktop {
        id: view.id,
        name: view.name.to_string(),
        template: view.template.to_string(),
        size: view.size,
        reason: view.state.reason_code().or(view.trouble.map(FailReason::as_str)).map(str::to_owned),
        detail: view.silence.map(silent).or_else(|| {
            view.state.reason_sentence().or(view.trouble.map(FailReason::sentence)).map(str::to_owned)
        }),
        not_answering: view.silence.map(|silence| wire::NotAnswering {
            since: silence.since,
            cause: silence.cause.as_str().to_owned(),
        }),
        state: state(view.state),
        evidence: view.detail,
        desired: desired(view.desired),
        autostart: view.autostart,
        screen: view.screen.map(|screen| screen.to_string()),
        last_used_at: view.last_used_at,
        created_at: view.created_at,
        updated_at: view.updated_at,
        started_at: view.started_at,
        vcpus: view.size.vcpus(),
        memory_mib: view.size.memory_mib(),
        disk_gib: view.disk_gib,
        restart_needed: view.restart_needed,
        memory_bytes: view.memory_bytes,
        disk_bytes: view.disk_bytes,
        not_supported: view.not_supported.into_iter().map(not_supported).collect(),
        steps: steps.then(|| view.steps.into_iter().map(step).collect()),
    }
}

fn not_supported(lacks: control::Lacks) -> wire::NotSupported {
    wire::NotSupported { what: lacks.0.as_str().to_owned(), why: lacks.sentence().to_owned() }
}

pub(crate) fn snapshot(view: control::SnapshotView) -> wire::Snapshot {
    wire::Snapshot {
        id: view.id,
        desktop: view.desktop,
        desktop_is_gone: !view.desktop_is_there,
        is_scheduled: view.is_scheduled,
        kept_until: view.kept_until,
        desktop_name: view.desktop_name,
        name: view.name,
        state: match view.state {
            model::SnapshotState::Taking => wire::SnapshotState::Taking,
            model::SnapshotState::Ready => wire::SnapshotState::Ready,
            model::SnapshotState::Failed => wire::SnapshotState::Failed,
            model::SnapshotState::Deleting => wire::SnapshotState::Deleting,
        },
        detail: view.reason,
        template: view.template.to_string(),
        size: view.size,
        has_memory: view.has_memory,
        memory_bytes: view.memory_bytes,
        disk_bytes: view.disk_bytes,
        pause_ms: view.pause_ms,
        made_by: view.made_by,
        created_at: view.created_at,
        taken_at: view.taken_at,
        has_picture: view.has_picture,
    }
}

pub(crate) fn snapshot_schedule(view: control::SnapshotScheduleView) -> wire::DesktopSnapshotSchedule {
    let schedule = view.schedule.map(|schedule| wire::SnapshotSchedule {
        every_hours: schedule.every_hours(),
        keep_last: schedule.keep_last(),
        keep_days: schedule.keep_days(),
        copies: schedule.copies(),
    });
    wire::DesktopSnapshotSchedule { schedule, next_at: view.next_at }
}

pub(crate) fn waking(wake: bool) -> control::Waking {
    if wake { control::Waking::Wake } else { control::Waking::LetSleep }
}

pub(crate) fn sleep(view: control::SleepView) -> wire::Sleep {
    let schedule = view.policy.schedule.map(model::ScheduleParts::from);
    wire::Sleep {
        policy: wire::SleepPolicy {
            after_minutes: view.policy.after.map(model::Minutes::get),
            schedule: schedule.map(|parts| wire::Schedule {
                days: parts.days,
                from: parts.from,
                to: parts.to,
                time_zone: parts.time_zone,
            }),
        },
        awake_because: view.awake_because.into_iter().map(awake_reason).collect(),
        holds: view.holds.into_iter().map(hold).collect(),
    }
}

fn silent(silence: model::Silence) -> String {
    let since = silence.since.strftime("%Y-%m-%d %H:%M UTC");
    format!("{} It has not answered since {since}.", silence.cause.sentence())
}

fn awake_reason(reason: model::AwakeReason) -> wire::AwakeReason {
    wire::AwakeReason {
        reason: reason.as_str().to_owned(),
        detail: reason.to_string(),
        amount: reason.amount(),
        until: reason.until(),
    }
}

pub(crate) fn hold(view: control::HoldView) -> wire::Hold {
    wire::Hold {
        id: view.id,
        reason: view.reason,
        made_by: view.made_by,
        created_at: view.created_at,
        expires_at: view.expires_at,
    }
}

fn state(state: model::DesktopState) -> wire::DesktopState {
    match state {
        model::DesktopState::Pending => wire::DesktopState::Pending,
        model::DesktopState::Booting => wire::DesktopState::Booting,
        model::DesktopState::Running => wire::DesktopState::Running,
        model::DesktopState::Suspended => wire::DesktopState::Suspended,
        model::DesktopState::Stopped(_) => wire::DesktopState::Stopped,
        model::DesktopState::Failed(_) => wire::DesktopState::Failed,
        model::DesktopState::Destroying => wire::DesktopState::Destroying,
        model::DesktopState::Destroyed => wire::DesktopState::Destroyed,
    }
}

fn desired(desired: model::Desired) -> wire::Desired {
    match desired {
        model::Desired::Running => wire::Desired::Running,
        model::Desired::Suspended => wire::Desired::Suspended,
        model::Desired::Stopped => wire::Desired::Stopped,
        model::Desired::Destroyed => wire::Desired::Destroyed,
    }
}

pub(crate) fn step(view: control::StepView) -> wire::Step {
    wire::Step {
        boot: view.boot,
        name: view.name,
        status: match (&view.error, view.ended_at) {
            (Some(_), _) => wire::StepStatus::Failed,
            (None, Some(_)) => wire::StepStatus::Done,
            (None, None) => wire::StepStatus::Running,
        },
        started_at: view.started_at,
        ended_at: view.ended_at,
        detail: view.error,
    }
}

pub(crate) fn access_entry(view: control::AccessLogView) -> wire::AccessEntry {
    wire::AccessEntry { at: view.at, purpose: view.why, actor: view.who }
}

pub(crate) fn history_entry(view: control::HistoryView) -> wire::HistoryEntry {
    wire::HistoryEntry {
        kind: view.kind,
        actor: view.who,
        detail: view.detail,
        began_at: view.began_at,
        ended_at: view.ended_at,
        error: view.error,
    }
}

pub(crate) fn snapshot_copy(copy: control::SnapshotCopy) -> wire::SnapshotCopy {
    let new = copy.new;
    wire::SnapshotCopy {
        id: new.id,
        desktop_name: new.desktop_name,
        name: new.name,
        size: new.size,
        disk_gib: new.disk_gib,
        taken_at: new.taken_at,
        state: match copy.state {
            model::CopyState::Waiting => wire::CopyState::Waiting,
            model::CopyState::Copying => wire::CopyState::Copying,
            model::CopyState::Done => wire::CopyState::Done,
            model::CopyState::Fetching => wire::CopyState::Fetching,
            model::CopyState::Failed | model::CopyState::Deleting => wire::CopyState::Failed,
        },
        detail: copy.reason,
        bytes: matches!(copy.state, model::CopyState::Done | model::CopyState::Fetching)
            .then_some(copy.bytes),
        made_by: new.made_by,
        fetched_as: copy.fetched_as,
        created_at: copy.created_at,
        ended_at: copy.ended_at,
    }
}

pub(crate) fn set_up(wanted: wire::SetUp) -> control::SetUp {
    let wire::SetUp { repository, branch, script } = wanted;
    control::SetUp { repository, branch, script }
}

pub(crate) fn setup(view: control::DesktopSetup) -> wire::Setup {
    wire::Setup {
        repository: view.setup.repository.map(|repository| repository.to_string()),
        branch: view.setup.branch.map(|branch| branch.as_str().to_owned()),
        script: view.setup.script,
        state: match view.state {
            model::SetupState::Waiting => wire::SetupState::Waiting,
            model::SetupState::Running => wire::SetupState::Running,
            model::SetupState::Done => wire::SetupState::Done,
            model::SetupState::Failed => wire::SetupState::Failed,
        },
        detail: view.reason,
        log: view.log,
        asked_by: view.asked_by,
        started_at: view.began_at,
        ended_at: view.ended_at,
    }
}

pub(crate) fn saved_template(saved: control::SavedTemplate) -> wire::SavedTemplate {
    let new = saved.new;
    wire::SavedTemplate {
        name: new.version.name().to_owned(),
        version: new.version.to_string(),
        title: new.title,
        description: new.description,
        desktop_name: new.desktop_name,
        state: match saved.state {
            SavedTemplateState::Saving => wire::SavedTemplateState::Saving,
            SavedTemplateState::Ready => wire::SavedTemplateState::Ready,
            // What is being deleted is in no list.
            SavedTemplateState::Failed | SavedTemplateState::Deleting => wire::SavedTemplateState::Failed,
        },
        detail: saved.reason,
        made_by: new.made_by,
        created_at: saved.created_at,
    }
}

pub(crate) fn logins(found: control::FoundLogins) -> wire::Logins {
    let control::FoundLogins { tool, paths } = found;
    wire::Logins { id: tool.id.to_owned(), title: tool.title.to_owned(), paths }
}

pub(crate) fn usage_span(span: wire::UsageSpan) -> control::UsageSpan {
    match span {
        wire::UsageSpan::Hour => control::UsageSpan::Hour,
        wire::UsageSpan::Day => control::UsageSpan::Day,
        wire::UsageSpan::Month => control::UsageSpan::Month,
    }
}

pub(crate) fn usage(view: control::UsageView) -> wire::Usage {
    let points = view.points.into_iter().map(|point| wire::UsagePoint {
        at: point.at,
        processor_percent: point.usage.processor_percent,
        memory_bytes: point.usage.memory_bytes,
        disk_bytes: point.usage.disk_bytes,
        received_bytes_per_second: point.usage.received_bytes_per_second,
        sent_bytes_per_second: point.usage.sent_bytes_per_second,
    });
    let (since, until, every_seconds) = (view.since, view.until, view.every.as_secs());
    wire::Usage { since, until, every_seconds, points: points.collect() }
}

pub(crate) fn terminal(info: control::TerminalInfo) -> wire::TerminalEntry {
    wire::TerminalEntry { number: info.number.get().into(), viewers: info.viewers, program: info.program }
}

pub(crate) fn share(view: control::ShareView) -> wire::Share {
    wire::Share {
        id: view.id,
        port: view.port,
        made_by: view.made_by,
        created_at: view.created_at,
        expires_at: view.expires_at,
        used_at: view.used_at,
    }
}

pub(crate) fn port(found: control::ListeningPort) -> wire::PortEntry {
    wire::PortEntry { port: found.port, program: found.program }
}

pub(crate) fn file_entry(entry: control::FileEntry) -> wire::FileEntry {
    wire::FileEntry {
        name: entry.name,
        kind: file_kind(entry.info.kind),
        target_kind: entry.target.map(file_kind),
        size: entry.info.size,
        mode: format!("{:04o}", entry.info.mode),
        modified_at: jiff::Timestamp::from_second(entry.info.modified.into()).unwrap_or_default(),
    }
}

fn file_kind(kind: control::FileKind) -> wire::FileKind {
    match kind {
        control::FileKind::File => wire::FileKind::File,
        control::FileKind::Folder => wire::FileKind::Folder,
        control::FileKind::Link => wire::FileKind::Link,
        control::FileKind::Other => wire::FileKind::Other,
    }
}

pub(crate) fn event(view: control::EventView) -> wire::Event {
    wire::Event {
        seq: view.seq.max(0).unsigned_abs(),
        kind: event_kind(&view.kind),
        desktop: view.desktop,
        at: view.at,
        data: view.data,
    }
}

fn event_kind(name: &str) -> wire::EventKind {
    let mut kinds = wire::EventKind::ALL.iter();
    kinds.find(|kind| kind.as_str() == name).copied().unwrap_or(wire::EventKind::Unknown)
}

pub(crate) fn template(view: control::TemplateView) -> wire::Template {
    wire::Template {
        name: view.version.name().to_owned(),
        version: view.version.to_string(),
        title: view.title,
        description: view.description,
        default: view.default,
        built_at: view.built_at,
        disk_bytes: view.disk_bytes,
        sizes: view.sizes.into_iter().map(template_size).collect(),
    }
}

fn template_size(view: control::TemplateSizeView) -> wire::TemplateSize {
    wire::TemplateSize {
        size: view.size,
        vcpus: view.size.vcpus(),
        memory_mib: view.size.memory_mib(),
        disk_gib: view.size.disk_gib(),
        baked: view.baked,
    }
}

pub(crate) fn host(view: control::HostView) -> wire::Host {
    let control::HostView { status, warnings } = view;
    wire::Host {
        engine: status.engine,
        accelerator: accelerator(status.accelerator),
        qemu_version: status.qemu_version,
        cpus: status.cpus,
        cpu_busy: status.cpu_busy,
        memory_total_bytes: status.memory_total_bytes,
        memory_available_bytes: status.memory_available_bytes,
        disk_total_bytes: status.disk_total_bytes,
        disk_available_bytes: status.disk_available_bytes,
        machines_running: status.machines_running,
        uptime_seconds: status.uptime_seconds,
        warnings: warnings.into_iter().map(host_warning).collect(),
    }
}

pub(crate) fn host_warning(view: control::HostWarningView) -> wire::HostWarning {
    let kind = match view.kind {
        control::HostWarningKind::MemoryUnusable => wire::HostWarningKind::MemoryUnusable,
        control::HostWarningKind::ForwardingDropped => wire::HostWarningKind::ForwardingDropped,
    };
    wire::HostWarning { kind, message: view.message, desktop: view.desktop, snapshot: view.snapshot }
}

fn accelerator(accelerator: control::Accelerator) -> wire::Accelerator {
    match accelerator {
        control::Accelerator::Kvm => wire::Accelerator { kind: wire::AcceleratorKind::Kvm, why: None },
        control::Accelerator::Tcg { why } => {
            wire::Accelerator { kind: wire::AcceleratorKind::Tcg, why: Some(why) }
        }
        control::Accelerator::Simulated => {
            wire::Accelerator { kind: wire::AcceleratorKind::Simulated, why: None }
        }
    }
}

/// Asked for by name; what this version does not know is refused.
fn wanted_scope(scope: wire::Scope) -> Result<wire::Scope, ApiError> {
    if scope != wire::Scope::Unknown {
        return Ok(scope);
    }
    let known: Vec<_> = wire::Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    let detail = format!("One of the scopes is not known; known: {}.", known.join(", "));
    Err(ApiError::new(wire::Code::InvalidScopes, detail).in_field("scopes"))
}

pub(crate) fn wanted_api_key(wanted: wire::CreateApiKey) -> Result<control::CreateApiKey, ApiError> {
    Ok(control::CreateApiKey {
        name: wanted.name,
        scopes: wanted.scopes.into_iter().map(wanted_scope).collect::<Result<_, _>>()?,
        desktop: wanted.desktop,
        expires_at: wanted.expires_at,
    })
}

pub(crate) fn api_key(view: control::ApiKeyView) -> wire::ApiKey {
    wire::ApiKey {
        id: view.id,
        name: view.name,
        scopes: view.scopes,
        desktop: view.desktop,
        created_at: view.created_at,
        expires_at: view.expires_at,
        used_at: view.used_at,
        used_from: view.used_from,
    }
}

pub(crate) fn device_request(view: control::DeviceRequest) -> wire::DeviceRequest {
    wire::DeviceRequest {
        client_name: view.client_name,
        asked_from: view.asked_from,
        asked_at: view.asked_at,
        expires_at: view.expires_at,
        scopes: view.scopes,
        key_expires_at: view.key_expires_at,
    }
}

pub(crate) fn me(view: control::MeView, who: control::Who) -> wire::Me {
    let (kind, id) = match who {
        control::Who::Session { session, .. } => (wire::CredentialKind::Session, session.to_string()),
        control::Who::ApiKey(key) => (wire::CredentialKind::ApiKey, key.to_string()),
        control::Who::SshKey(key) => (wire::CredentialKind::SshKey, key.to_string()),
        control::Who::Share(share) => (wire::CredentialKind::Share, share.to_string()),
    };
    wire::Me {
        user: view.user,
        name: view.name,
        workspace: view.workspace,
        admin: view.scopes.contains(&wire::Scope::Admin),
        needs_password: view.user.is_some() && !view.has_password,
        asks_present_password: view.asks_present,
        credential: wire::Credential {
            kind,
            id,
            scopes: view.scopes,
            desktop: view.desktop,
            expires_at: view.expires_at,
        },
        limits: wire::Limits {
            desktops: view.desktop_limit.into(),
            desktops_used: view.desktop_count.into(),
            disk_bytes: view.disk_limit,
            disk_bytes_used: view.disk_used,
        },
    }
}

pub(crate) fn leftovers(found: Vec<control::Leftover>) -> wire::LeftoverList {
    wire::LeftoverList {
        items: found
            .into_iter()
            .map(|left| wire::Leftover { kind: left.kind, name: left.name, stays: left.stays })
            .collect(),
    }
}

pub(crate) fn ssh_key(view: control::SshKeyView) -> wire::SshKey {
    wire::SshKey {
        id: view.id,
        name: view.name,
        kind: view.kind,
        public_key: view.public_key,
        fingerprint: view.fingerprint,
        created_at: view.created_at,
        expires_at: view.expires_at,
        used_at: view.used_at,
    }
}

pub(crate) fn key_delivery(view: control::KeyDelivery) -> wire::KeyDelivery {
    wire::KeyDelivery { done: view.done, pending: view.pending, at_next_start: view.at_next_start }
}

pub(crate) fn desktop_ssh(view: control::DesktopSsh) -> wire::DesktopSsh {
    wire::DesktopSsh {
        id: view.id,
        name: view.name,
        user: control::SESSION_USER.to_owned(),
        fingerprint: view.host_key.as_deref().and_then(control::fingerprint),
        host_key: view.host_key,
        jump: view.gateway.map(|gateway| wire::JumpHost {
            user: wire::JUMP_USER.to_owned(),
            port: gateway.port,
            fingerprint: control::fingerprint(&gateway.host_key).unwrap_or_default(),
            host_key: gateway.host_key,
        }),
    }
}
