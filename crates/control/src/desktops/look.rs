//! What is known of one desktop from outside.

use std::time::Duration;

use jiff::Timestamp;
use rolltop_api_types::{self as api, Step, StepStatus, Usage, UsageSpan};
use rolltop_boxed::boxed;
use rolltop_engine::{EngineError, Lacks};
use rolltop_model::{ActorId, DesktopState, FailReason, Silence, SilenceCause, WorkspaceId, down_sample};
use rolltop_store::{Desktop, StepRow, StoreError};

use crate::disk::room::trouble_of;
use crate::inside::uses::Uses;
use crate::kernel::caller::{DesktopAccess, purpose};
use crate::kernel::clock;
use crate::kernel::config::ControlConfig;
use crate::kernel::control::Control;
use crate::kernel::error::{AccessError, InternalError, NoSuchDesktop, QueryError};
use crate::reconcile::stillness::Stillness;
use crate::reconcile::vitals::Vitals;
use crate::usage::UsageMeter;

/// Starts whose timelines are shown.
const TIMELINES: u32 = 5;
const ACCESS_LOG_ENTRIES: u64 = 500;
const HISTORY_ENTRIES: u64 = 500;
const CONSOLE_BYTES: usize = 64 * 1024;

#[boxed]
impl Control {
    /// The desktop with the present start's timeline.
    pub async fn get(&self, access: &DesktopAccess<purpose::Read>) -> Result<api::Desktop, AccessError> {
        let row = self.kernel.store.desktop(access.desktop).await?.ok_or(NoSuchDesktop)?;
        Ok(self.with_steps(row).await?)
    }

    /// The timelines of the latest starts, oldest step first.
    pub async fn steps(&self, access: &DesktopAccess<purpose::Read>) -> Result<Vec<Step>, AccessError> {
        let row = self.kernel.store.desktop(access.desktop).await?.ok_or(NoSuchDesktop)?;
        let steps = self.kernel.store.steps(row.id, row.record.boot.saturating_sub(TIMELINES - 1)).await?;
        Ok(steps.into_iter().map(step).collect())
    }

    /// What became of it, newest first, at most 500.
    pub async fn history(
        &self,
        access: &DesktopAccess<purpose::Read>,
    ) -> Result<Vec<api::HistoryEntry>, AccessError> {
        let entries = self.kernel.store.history(access.desktop, HISTORY_ENTRIES).await?;
        let shown = entries.into_iter().map(|entry| api::HistoryEntry {
            kind: entry.kind,
            actor: entry.actor.name.into_owned(),
            detail: entry.detail,
            began_at: *entry.began_at,
            ended_at: entry.ended_at.map(Timestamp::from),
            error: entry.error,
        });
        Ok(shown.collect())
    }

    /// What it used: the oldest first, and what it uses now last.
    pub async fn usage(
        &self,
        access: &DesktopAccess<purpose::Read>,
        over: UsageSpan,
    ) -> Result<Usage, AccessError> {
        let now = clock::now();
        let live = self.kernel.state::<UsageMeter>().of(access.desktop);
        let since = clock::earlier(now, length(over));
        // What is not kept yet, or not any more so closely, is known from the latest hour.
        let kept = self.kernel.store.usage(access.desktop, since).await?;
        let live_since = live.first().map_or(now, |point| point.at);
        let every = every(over, &self.kernel.config);
        let seconds = i64::try_from(every.as_secs()).unwrap_or(i64::MAX);
        let points: Vec<_> = match over {
            UsageSpan::Hour => kept.into_iter().filter(|point| point.at < live_since).chain(live).collect(),
            UsageSpan::Day | UsageSpan::Month => {
                let kept_until = kept
                    .last()
                    .map_or(since, |point| clock::later(point.at, self.kernel.config.usage_kept_every));
                let live = live.into_iter().filter(|point| point.at >= kept_until);
                down_sample(&kept.into_iter().chain(live).collect::<Vec<_>>(), seconds)
            }
        };
        let points = points.into_iter().map(|point| api::UsagePoint {
            at: point.at,
            processor_percent: point.usage.processor_percent,
            memory_bytes: point.usage.memory_bytes,
            disk_bytes: point.usage.disk_bytes,
            received_bytes_per_second: point.usage.received_bytes_per_second,
            sent_bytes_per_second: point.usage.sent_bytes_per_second,
        });
        Ok(Usage { since, until: now, every_seconds: every.as_secs(), points: points.collect() })
    }

    /// Every time the platform went in, newest first, at most 500.
    pub async fn access_log(
        &self,
        access: &DesktopAccess<purpose::Read>,
    ) -> Result<Vec<api::AccessEntry>, AccessError> {
        let entries = self.kernel.store.access_log(access.desktop, ACCESS_LOG_ENTRIES).await?;
        let shown = entries.into_iter().map(|entry| api::AccessEntry {
            at: entry.at,
            purpose: entry.why,
            actor: match entry.who.id {
                ActorId::Platform => "platform".to_owned(),
                _ => entry.who.name.into_owned(),
            },
        });
        Ok(shown.collect())
    }

    /// The end of what the guest wrote on its serial console, at most 64 KiB of plain text; empty
    /// when there is no machine.
    pub async fn console(&self, access: &DesktopAccess<purpose::Control>) -> Result<String, QueryError> {
        match self.kernel.engine.console_tail(access.desktop, CONSOLE_BYTES).await {
            Ok(text) => Ok(text),
            Err(EngineError::UnknownDesktop | EngineError::NotRunning) => Ok(String::new()),
            Err(EngineError::Unreachable(_) | EngineError::Timeout(_)) => Err(QueryError::HostUnreachable),
            Err(error) => Err(InternalError::from(error).into()),
        }
    }

    /// Most desktops a workspace may have.
    pub(crate) async fn desktop_limit(&self, workspace: WorkspaceId) -> Result<u32, StoreError> {
        let own = self.kernel.store.workspace(workspace).await?.and_then(|workspace| workspace.desktop_limit);
        Ok(own.map_or(self.kernel.config.desktop_limit, |own| *own))
    }

    /// What the engine can't do.
    pub(crate) fn not_supported(&self) -> Vec<api::NotSupported> {
        let lacking = self.kernel.engine.lacking().into_iter();
        let shown = |lacks: Lacks| api::NotSupported {
            what: lacks.0.as_str().to_owned(),
            why: lacks.sentence().to_owned(),
        };
        lacking.map(shown).collect()
    }

    /// With what its present start has taken.
    pub(crate) async fn with_steps(&self, row: Desktop) -> Result<api::Desktop, StoreError> {
        let steps = self.kernel.store.steps(row.id, row.record.boot).await?;
        Ok(self.view(row, Some(steps.into_iter().map(step).collect())))
    }

    pub(crate) fn view(&self, row: Desktop, steps: Option<Vec<Step>>) -> api::Desktop {
        let vitals = self.kernel.state::<Vitals>().of(row.id);
        let state = row.record.state;
        let is_on = state == DesktopState::Running;
        let (open, last_change) = self.kernel.state::<Uses>().of(row.id);
        let now = (!open.is_empty()).then(clock::now);
        let held = vitals.and_then(|vital| trouble_of(vital.writing));
        let stands_still = vitals.is_some_and(|vital| vital.writing.is_stopped());
        let unentered = row
            .record
            .is_unentered()
            .then_some(Silence { since: row.record.planned_at, cause: SilenceCause::Unknown });
        // What the engine has stand still can't answer, and why is known.
        let silence =
            self.kernel.state::<Stillness>().of(row.id).or(unentered).filter(|_| is_on && !stands_still);
        let trouble = silence.map(|_| FailReason::NotAnswering).or(held).or(row.record.last_failure);
        let trouble = trouble.filter(|_| is_on);
        api::Desktop {
            id: row.id,
            name: row.name.to_string(),
            template: row.template.to_string(),
            size: row.size,
            state: shown(state),
            reason: state.reason_code().or(trouble.map(FailReason::as_str)).map(str::to_owned),
            detail: silence
                .map(unanswered)
                .or_else(|| state.reason_sentence().or(trouble.map(FailReason::sentence)).map(str::to_owned)),
            evidence: row.detail.filter(|_| matches!(state, DesktopState::Failed(_))),
            not_answering: silence.map(|silence| api::NotAnswering {
                since: silence.since,
                cause: silence.cause.as_str().to_owned(),
            }),
            desired: row.record.desired,
            autostart: row.record.autostart,
            choices: row.choices,
            last_used_at: now.or(row.last_used_at.max(last_change)),
            created_at: row.created_at,
            updated_at: row.updated_at,
            started_at: row.record.ready_at.filter(|_| is_on),
            vcpus: row.size.vcpus(),
            memory_mib: row.size.memory_mib(),
            disk_gib: row.disk_gib,
            restart_needed: vitals.is_some_and(|vitals| vitals.size != row.size)
                && matches!(state, DesktopState::Running | DesktopState::Suspended),
            memory_bytes: vitals.map(|vitals| vitals.memory_bytes).filter(|_| is_on),
            disk_bytes: vitals.map(|vitals| vitals.disk_bytes),
            not_supported: self.not_supported(),
            steps,
        }
    }
}

fn shown(state: DesktopState) -> api::DesktopState {
    match state {
        DesktopState::Pending => api::DesktopState::Pending,
        DesktopState::Booting => api::DesktopState::Booting,
        DesktopState::Running => api::DesktopState::Running,
        DesktopState::Suspended => api::DesktopState::Suspended,
        DesktopState::Stopped(_) => api::DesktopState::Stopped,
        DesktopState::Failed(_) => api::DesktopState::Failed,
        DesktopState::Destroying => api::DesktopState::Destroying,
        DesktopState::Destroyed => api::DesktopState::Destroyed,
    }
}

fn unanswered(silence: Silence) -> String {
    let since = silence.since.strftime("%Y-%m-%d %H:%M UTC");
    format!("{} It has not answered since {since}.", silence.cause.sentence())
}

pub(crate) fn step(row: StepRow) -> Step {
    Step {
        boot: *row.boot,
        name: row.name,
        status: match (&row.error, row.ended_at) {
            (Some(_), _) => StepStatus::Failed,
            (None, Some(_)) => StepStatus::Done,
            (None, None) => StepStatus::Running,
        },
        started_at: *row.started_at,
        ended_at: row.ended_at.map(Timestamp::from),
        detail: row.error,
    }
}

fn length(span: UsageSpan) -> Duration {
    const HOUR: u64 = 3600;
    Duration::from_secs(match span {
        UsageSpan::Hour => HOUR,
        UsageSpan::Day => 24 * HOUR,
        UsageSpan::Month => 30 * 24 * HOUR,
    })
}

/// From one point to the next.
fn every(span: UsageSpan, config: &ControlConfig) -> Duration {
    match span {
        UsageSpan::Hour => config.usage_every,
        UsageSpan::Day => config.usage_kept_every,
        UsageSpan::Month => config.usage_kept_every.saturating_mul(12),
    }
}
