//! When a desktop sleeps by itself, what keeps it awake, and holding it awake for a while.

use std::time::Duration;

use rolltop_api_types as api;
use rolltop_boxed::boxed;
use rolltop_engine::Lacks;
use rolltop_model::{AwakeReason, DesktopId, DesktopState, HoldId, Minutes, ScheduleParts, SleepPolicy};
use rolltop_store::Hold;

use crate::kernel::caller::{DesktopAccess, purpose};
use crate::kernel::clock;
use crate::kernel::control::Control;
use crate::kernel::error::{AccessError, NoSuchDesktop, explained};

/// Holds of one desktop at the same time.
const MOST_HOLDS: u64 = 20;
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// Characters of a hold's reason.
const LONGEST_REASON: usize = 100;

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

#[boxed]
impl Control {
    pub async fn sleep(&self, access: &DesktopAccess<purpose::Read>) -> Result<api::Sleep, AccessError> {
        self.sleep_of(access.desktop).await
    }

    async fn sleep_of(&self, desktop: DesktopId) -> Result<api::Sleep, AccessError> {
        let store = &self.kernel.store;
        let now = clock::now();
        let row = store.desktop(desktop).await?.ok_or(NoSuchDesktop)?;
        let policy = store.sleep_policy(row.id).await?;
        let holds = store.holds(row.id, now).await?;
        let awake_because = if row.record.state == DesktopState::Running {
            let signs = self.kernel.signs(&row, store.held_until_of(row.id).await?);
            policy.awake_because(&signs, self.kernel.config.minute, now)
        } else {
            Vec::new()
        };
        let schedule = policy.schedule.map(ScheduleParts::from);
        Ok(api::Sleep {
            policy: api::SleepPolicy {
                after_minutes: policy.after.map(Minutes::get),
                schedule: schedule.map(|ScheduleParts { days, from, to, time_zone }| api::Schedule {
                    days,
                    from,
                    to,
                    time_zone,
                }),
            },
            awake_because: awake_because.into_iter().map(awake_reason).collect(),
            holds: holds.into_iter().map(hold).collect(),
        })
    }

    /// From now on it sleeps by this.
    pub async fn set_sleep(
        &self,
        access: &DesktopAccess<purpose::Write>,
        policy: &SleepPolicy,
    ) -> Result<api::Sleep, SettingError> {
        if policy.after.is_some() || policy.schedule.is_some() {
            self.kernel.engine.memory()?;
        }
        let known = self.kernel.store.set_sleep_policy(access.desktop, policy, clock::now()).await?;
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
    ) -> Result<api::Hold, HoldError> {
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
            made_by: access.caller().actor(),
            created_at: now.into(),
            expires_at: clock::later(now, lifetime).into(),
        };
        if !self.kernel.store.insert_hold(&hold, MOST_HOLDS).await? {
            return Err(HoldError::TooMany);
        }
        Ok(self::hold(hold))
    }

    /// Lets go of a hold before it ends by itself.
    pub async fn release_hold(
        &self,
        access: &DesktopAccess<purpose::Control>,
        hold: HoldId,
    ) -> Result<(), HoldError> {
        if self.kernel.store.delete_hold(access.desktop, hold, clock::now()).await? {
            Ok(())
        } else {
            Err(HoldError::NotFound)
        }
    }
}

fn hold(row: Hold) -> api::Hold {
    api::Hold {
        id: row.id,
        reason: row.reason,
        made_by: row.made_by.name.into_owned(),
        created_at: *row.created_at,
        expires_at: *row.expires_at,
    }
}

fn awake_reason(reason: AwakeReason) -> api::AwakeReason {
    api::AwakeReason {
        reason: reason.as_str().to_owned(),
        detail: reason.to_string(),
        amount: reason.amount(),
        until: reason.until(),
    }
}
