//! When a desktop sleeps by itself, what keeps it awake, and holding it awake for a while.

use std::time::Duration;

use jiff::Timestamp;
use rolltop_engine::Lacks;
use rolltop_model::{AwakeReason, DesktopId, DesktopState, HoldId, SleepPolicy};
use rolltop_store::Hold;

use crate::caller::{DesktopAccess, purpose};
use crate::clock;
use crate::control::Control;
use crate::error::{AccessError, NoSuchDesktop, explained};

/// Holds of one desktop at the same time.
const MOST_HOLDS: u64 = 20;
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// Characters of a hold's reason.
const LONGEST_REASON: usize = 100;

/// What is so about a desktop's sleep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SleepView {
    pub policy: SleepPolicy,
    /// What keeps it awake; empty where it does not run, or sleeps in a moment.
    pub awake_because: Vec<AwakeReason>,
    /// By when they were made.
    pub holds: Vec<HoldView>,
}

/// Something that holds a desktop awake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldView {
    pub id: HoldId,
    pub reason: Option<String>,
    /// A person's or key's name.
    pub made_by: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

explained! {
    pub enum HoldError or Internal {
        NotFound => NotFound, "There is no such hold.";
        Lifetime => InvalidLifetime in "lasts_seconds", "A hold lasts from a minute to seven days.";
        Reason => InvalidReason in "reason", "A reason has at most {LONGEST_REASON} characters, none of them a control character or invisible.";
        TooMany => QuotaReached, "This desktop is held {MOST_HOLDS} times already; let go of one first.";
    }

    /// Why what happens to a desktop by itself was not changed.
    pub enum SettingError: NotFound(NoSuchDesktop), Lacks(Lacks), Access(AccessError) or Internal {
    }
}

impl From<Hold> for HoldView {
    fn from(hold: Hold) -> Self {
        Self {
            id: hold.id,
            reason: hold.reason,
            made_by: hold.made_by,
            created_at: *hold.created_at,
            expires_at: *hold.expires_at,
        }
    }
}

impl Control {
    pub async fn sleep(&self, access: &DesktopAccess<purpose::Read>) -> Result<SleepView, AccessError> {
        self.sleep_of(access.desktop).await
    }

    async fn sleep_of(&self, desktop: DesktopId) -> Result<SleepView, AccessError> {
        let store = &self.inner.store;
        let now = clock::now();
        let row = store.desktop(desktop).await?.ok_or(NoSuchDesktop)?;
        let policy = store.sleep_policy(row.id).await?;
        let holds = store.holds(row.id, now).await?;
        let awake_because = if row.record.state == DesktopState::Running {
            let signs = self.inner.signs(&row, store.held_until_of(row.id).await?);
            policy.awake_because(&signs, self.inner.config.minute, now)
        } else {
            Vec::new()
        };
        Ok(SleepView { policy, awake_because, holds: holds.into_iter().map(HoldView::from).collect() })
    }

    /// From now on it sleeps by this.
    pub async fn set_sleep(
        &self,
        access: &DesktopAccess<purpose::Write>,
        policy: &SleepPolicy,
    ) -> Result<SleepView, SettingError> {
        if policy.after.is_some() || policy.schedule.is_some() {
            self.inner.engine.memory()?;
        }
        let known = self.inner.store.set_sleep_policy(access.desktop, policy, clock::now()).await?;
        self.inner.look_around.notify_one();
        if !known {
            return Err(NoSuchDesktop.into());
        }
        Ok(self.sleep_of(access.desktop).await?)
    }

    /// Holds it awake for this long, whatever its policy says.
    pub async fn hold(
        &self,
        access: &DesktopAccess<purpose::Control>,
        lifetime: Duration,
        reason: Option<String>,
    ) -> Result<HoldView, HoldError> {
        if !(SHORTEST..=LONGEST).contains(&lifetime) {
            return Err(HoldError::Lifetime);
        }
        let reason = reason.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty());
        let is_bad = |reason: &String| {
            reason.chars().count() > LONGEST_REASON || reason.chars().any(rolltop_model::is_deceptive)
        };
        if reason.as_ref().is_some_and(is_bad) {
            return Err(HoldError::Reason);
        }
        let now = clock::now();
        let hold = Hold {
            id: HoldId::generate(),
            desktop: access.desktop,
            reason,
            made_by: access.caller().label.clone(),
            created_at: now.into(),
            expires_at: clock::later(now, lifetime).into(),
        };
        if !self.inner.store.insert_hold(&hold, MOST_HOLDS).await? {
            return Err(HoldError::TooMany);
        }
        Ok(hold.into())
    }

    /// Lets go of a hold before it ends by itself.
    pub async fn release_hold(
        &self,
        access: &DesktopAccess<purpose::Control>,
        hold: HoldId,
    ) -> Result<(), HoldError> {
        if self.inner.store.delete_hold(access.desktop, hold).await? {
            Ok(())
        } else {
            Err(HoldError::NotFound)
        }
    }
}
