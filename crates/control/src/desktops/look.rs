//! What is known of one desktop from outside.

use jiff::Timestamp;
use rolltop_engine::EngineError;
use rolltop_model::{DesktopState, FailReason, Silence, SilenceCause, WorkspaceId, down_sample};
use rolltop_store::{Desktop, StepRow, StoreError};

use crate::caller::{DesktopAccess, purpose};
use crate::clock;
use crate::control::Control;
use crate::error::{AccessError, InternalError, NoSuchDesktop, QueryError};
use crate::reconcile::trouble_of;
use crate::views::{AccessLogView, DesktopView, HistoryView, StepView, UsageSpan, UsageView};

/// Starts whose timelines are shown.
const TIMELINES: u32 = 5;
const ACCESS_LOG_ENTRIES: u64 = 500;
const HISTORY_ENTRIES: u64 = 500;
const CONSOLE_BYTES: usize = 64 * 1024;

impl Control {
    /// The desktop with the present start's timeline.
    pub async fn get(&self, access: &DesktopAccess<purpose::Read>) -> Result<DesktopView, AccessError> {
        let row = self.inner.store.desktop(access.desktop).await?.ok_or(NoSuchDesktop)?;
        Ok(self.with_steps(row).await?)
    }

    /// The timelines of the latest starts, oldest step first.
    pub async fn steps(&self, access: &DesktopAccess<purpose::Read>) -> Result<Vec<StepView>, AccessError> {
        let row = self.inner.store.desktop(access.desktop).await?.ok_or(NoSuchDesktop)?;
        let steps = self.inner.store.steps(row.id, row.record.boot.saturating_sub(TIMELINES - 1)).await?;
        Ok(steps.into_iter().map(StepView::from).collect())
    }

    /// What became of it, newest first, at most 500.
    pub async fn history(
        &self,
        access: &DesktopAccess<purpose::Read>,
    ) -> Result<Vec<HistoryView>, AccessError> {
        let entries = self.inner.store.history(access.desktop, HISTORY_ENTRIES).await?;
        let shown = entries.into_iter().map(|entry| HistoryView {
            kind: entry.kind,
            who: entry.actor,
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
    ) -> Result<UsageView, AccessError> {
        let now = clock::now();
        let live = self.inner.usage.of(access.desktop);
        let since = clock::earlier(now, over.length());
        // What is not kept yet, or not any more so closely, is known from the latest hour.
        let kept = self.inner.store.usage(access.desktop, since).await?;
        let live_since = live.first().map_or(now, |point| point.at);
        let every = over.every(&self.inner.config);
        let seconds = i64::try_from(every.as_secs()).unwrap_or(i64::MAX);
        let points = match over {
            UsageSpan::Hour => kept.into_iter().filter(|point| point.at < live_since).chain(live).collect(),
            UsageSpan::Day | UsageSpan::Month => {
                let kept_until = kept
                    .last()
                    .map_or(since, |point| clock::later(point.at, self.inner.config.usage_kept_every));
                let live = live.into_iter().filter(|point| point.at >= kept_until);
                down_sample(&kept.into_iter().chain(live).collect::<Vec<_>>(), seconds)
            }
        };
        Ok(UsageView { since, until: now, every, points })
    }

    /// Every time the platform went in, newest first, at most 500.
    pub async fn access_log(
        &self,
        access: &DesktopAccess<purpose::Read>,
    ) -> Result<Vec<AccessLogView>, AccessError> {
        let entries = self.inner.store.access_log(access.desktop, ACCESS_LOG_ENTRIES).await?;
        let shown =
            entries.into_iter().map(|entry| AccessLogView { at: entry.at, why: entry.why, who: entry.who });
        Ok(shown.collect())
    }

    /// The end of what the guest wrote on its serial console, at most 64 KiB of plain text; empty
    /// when there is no machine.
    pub async fn console(&self, access: &DesktopAccess<purpose::Control>) -> Result<String, QueryError> {
        match self.inner.engine.console_tail(access.desktop, CONSOLE_BYTES).await {
            Ok(text) => Ok(text),
            Err(EngineError::UnknownDesktop | EngineError::NotRunning) => Ok(String::new()),
            Err(EngineError::Unreachable(_) | EngineError::Timeout(_)) => Err(QueryError::HostUnreachable),
            Err(error) => Err(InternalError::from(error).into()),
        }
    }

    /// Most desktops a workspace may have.
    pub(crate) async fn desktop_limit(&self, workspace: WorkspaceId) -> Result<u32, StoreError> {
        let own = self.inner.store.workspace(workspace).await?.and_then(|workspace| workspace.desktop_limit);
        Ok(own.map_or(self.inner.config.desktop_limit, |own| *own))
    }

    /// With what its present start has taken.
    pub(crate) async fn with_steps(&self, row: Desktop) -> Result<DesktopView, StoreError> {
        let steps = self.inner.store.steps(row.id, row.record.boot).await?;
        Ok(self.view(row, steps.into_iter().map(StepView::from).collect()))
    }

    pub(crate) fn view(&self, row: Desktop, steps: Vec<StepView>) -> DesktopView {
        let vitals = self.inner.vitals.of(row.id);
        let state = row.record.state;
        let is_on = state == DesktopState::Running;
        let (open, last_change) = self.inner.uses.of(row.id);
        let now = (!open.is_empty()).then(clock::now);
        let held = vitals.and_then(|vital| trouble_of(vital.writing));
        let stands_still = vitals.is_some_and(|vital| vital.writing.is_stopped());
        let unentered = row
            .record
            .is_unentered()
            .then_some(Silence { since: row.record.planned_at, cause: SilenceCause::Unknown });
        // What the engine has stand still can't answer, and why is known.
        let silence = self.inner.stillness.of(row.id).or(unentered).filter(|_| is_on && !stands_still);
        DesktopView {
            id: row.id,
            name: row.name,
            template: row.template,
            size: row.size,
            disk_gib: row.disk_gib,
            restart_needed: vitals.is_some_and(|vitals| vitals.size != row.size)
                && matches!(state, DesktopState::Running | DesktopState::Suspended),
            state,
            desired: row.record.desired,
            autostart: row.record.autostart,
            screen: row.screen,
            last_used_at: now.or(row.last_used_at.max(last_change)),
            trouble: silence
                .map(|_| FailReason::NotAnswering)
                .or(held)
                .or(row.record.last_failure)
                .filter(|_| is_on),
            silence,
            detail: row.detail.filter(|_| matches!(state, DesktopState::Failed(_))),
            created_at: row.created_at,
            updated_at: row.updated_at,
            started_at: row.record.ready_at.filter(|_| is_on),
            memory_bytes: vitals.map(|vitals| vitals.memory_bytes).filter(|_| is_on),
            disk_bytes: vitals.map(|vitals| vitals.disk_bytes),
            not_supported: self.inner.engine.lacking(),
            steps,
        }
    }
}

impl From<StepRow> for StepView {
    fn from(row: StepRow) -> Self {
        Self {
            boot: *row.boot,
            name: row.name,
            started_at: *row.started_at,
            ended_at: row.ended_at.map(Timestamp::from),
            error: row.error,
        }
    }
}
