//! What is done later, and again until it is done. A job is asked for in the transaction that makes it necessary
//! (`rolltop_store`'s jobs); here is who does it.
//!
//! ```text
//!  a change ─► row in jobs ─► due? ─► taken, with a lease ─► over: the row goes
//!                   ▲                          ├──────────► later: due then
//!                   └──────────────────────────┴─ failed ─► due after a pause, longer each time
//! ```
//!
//! Who is killed with a job in hand has done it in part: whatever is done for one can be done again.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use rolltop_model::{DesktopId, JobKind, SnapshotId, TemplateVersion};
use rolltop_store::{Job, StoreError};
use tokio::task::{Id, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::kernel::clock;
use crate::kernel::control::Kernel;
use crate::kernel::fault::chain;

const LEASE: Duration = Duration::from_secs(60);
const LEASE_RENEWAL: Duration = Duration::from_secs(15);
/// Done at the same time, of all kinds.
const AT_ONCE: usize = 32;
/// Where nothing is due.
const LONG: Duration = Duration::from_secs(3600);
/// Until it is looked again whether a desktop's engine is there.
pub(crate) const ELSEWHERE: Duration = Duration::from_secs(600);
/// After the database did not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// What comes after a try that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Over,
    /// Again at a time, unless it is asked for before.
    At(Timestamp),
    /// It is not possible yet: again after a pause, longer each time.
    NotYet,
}

impl Then {
    pub(crate) fn after(pause: Duration) -> Self {
        Self::At(clock::later(clock::now(), pause))
    }
}

pub(crate) type Tried = Result<Then, Box<dyn Error + Send + Sync>>;

/// How jobs of a kind are done.
#[derive(Clone, Copy)]
pub(crate) struct Work {
    /// At the same time, of this kind.
    pub at_once: usize,
    /// After the first failure, twice as long after each more, and the longest.
    pub pauses: (Duration, Duration),
    pub run: for<'a> fn(&'a Kernel, &'a Job) -> BoxFuture<'a, Tried>,
}

/// Who does what.
pub(crate) type Works = HashMap<JobKind, Work>;

/// What a job is about.
pub(crate) trait Subject {
    /// The desktop whose machine it is about, if it is about one.
    async fn desktop(&self, kernel: &Kernel) -> Result<Option<DesktopId>, StoreError>;
}

impl Subject for DesktopId {
    async fn desktop(&self, _: &Kernel) -> Result<Option<DesktopId>, StoreError> {
        Ok(Some(*self))
    }
}

impl Subject for SnapshotId {
    async fn desktop(&self, kernel: &Kernel) -> Result<Option<DesktopId>, StoreError> {
        Ok(kernel.store.snapshot(*self).await?.map(|snapshot| snapshot.desktop))
    }
}

impl Subject for TemplateVersion {
    async fn desktop(&self, _: &Kernel) -> Result<Option<DesktopId>, StoreError> {
        Ok(None)
    }
}

/// The installation.
impl Subject for String {
    async fn desktop(&self, _: &Kernel) -> Result<Option<DesktopId>, StoreError> {
        Ok(None)
    }
}

/// Whether the machine that it is about is on another engine than the one that runs now: then it waits for that.
pub(crate) async fn is_elsewhere(kernel: &Kernel, subject: &impl Subject) -> Result<bool, StoreError> {
    let Some(desktop) = subject.desktop(kernel).await? else { return Ok(false) };
    Ok(kernel.store.desktop(desktop).await?.is_some_and(|desktop| !kernel.has_engine_of(&desktop)))
}

/// The jobs of a capability: how many at once, the first and the longest pause in seconds, and what does one, given the
/// kernel and the job's subject, and where it says so how often it was tried before.
macro_rules! jobs {
    ($($kind:ident: $at_once:literal at once, $first:literal to $longest:literal s => $run:path $({ $tried:ident })?;)+) => {
        pub(crate) const JOBS: &[(rolltop_model::JobKind, $crate::kernel::jobs::Work)] = &[$((
            rolltop_model::JobKind::$kind,
            $crate::kernel::jobs::Work {
                at_once: $at_once,
                pauses: (std::time::Duration::from_secs($first), std::time::Duration::from_secs($longest)),
                run: |kernel, job| Box::pin(async move {
                    match job.subject.parse() {
                        Ok(subject) if $crate::kernel::jobs::is_elsewhere(kernel, &subject).await? => {
                            Ok($crate::kernel::jobs::Then::after($crate::kernel::jobs::ELSEWHERE))
                        }
                        Ok(subject) => $run(kernel, subject $(, job.$tried)?).await,
                        // Written by a version that had other subjects.
                        Err(_) => Ok($crate::kernel::jobs::Then::Over),
                    }
                }),
            },
        ),)+];
    };
}
pub(crate) use jobs;

/// Works until told to stop. Dropping the future ends everything at once, like a kill.
pub(crate) async fn run(kernel: Arc<Kernel>, works: Works) {
    let mut hands = Hands { works, tasks: JoinSet::new(), jobs: HashMap::new() };
    let mut renewal = interval(LEASE_RENEWAL);
    renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let wait = hands.take_up(&kernel).await;
        tokio::select! {
            () = kernel.stopping.cancelled() => return,
            Some(ended) = hands.tasks.join_next_with_id() => {
                hands.jobs.remove(&ended.map_or_else(|error| error.id(), |(id, ())| id));
            }
            () = kernel.store.jobs_asked().notified() => {}
            () = sleep(wait) => {}
            _ = renewal.tick() => hands.renew(&kernel).await,
        }
    }
}

struct Hands {
    works: Works,
    tasks: JoinSet<()>,
    jobs: HashMap<Id, Job>,
}

impl Hands {
    fn has_room(&self, kind: JobKind, more: usize) -> bool {
        let at_once = self.works.get(&kind).map_or(0, |work| work.at_once);
        self.jobs.values().filter(|job| job.kind == kind).count() + more < at_once
    }

    fn full(&self) -> Vec<JobKind> {
        self.jobs.values().map(|job| job.kind).filter(|kind| !self.has_room(*kind, 0)).collect()
    }

    /// Takes up what is due. How long to wait for the next.
    async fn take_up(&mut self, kernel: &Arc<Kernel>) -> Duration {
        if self.jobs.len() >= AT_ONCE {
            return LONG;
        }
        let now = clock::now();
        let full = self.full();
        let mut more: HashMap<JobKind, usize> = HashMap::new();
        let mut all = self.jobs.len();
        let has_room = |kind| {
            let of_kind = more.entry(kind).or_default();
            let has_room = all < AT_ONCE && self.has_room(kind, *of_kind);
            if has_room {
                *of_kind += 1;
                all += 1;
            }
            has_room
        };
        let taken = match kernel.store.take_jobs(&full, has_room, now, clock::later(now, LEASE)).await {
            Ok(taken) => taken,
            Err(error) => {
                tracing::error!(error = chain(&error), "what is to be done can't be read");
                return PAUSE;
            }
        };
        for job in taken {
            let Some(work) = self.works.get(&job.kind).copied() else { continue };
            let (kernel, this) = (kernel.clone(), job.clone());
            let task = self.tasks.spawn(async move { carry_out(&kernel, work, &this).await });
            self.jobs.insert(task.id(), job);
        }
        if self.jobs.len() >= AT_ONCE {
            return LONG;
        }
        match kernel.store.next_job(&self.full(), now).await {
            Ok(None) => LONG,
            Ok(Some(at)) => Duration::try_from(at.duration_since(clock::now())).unwrap_or_default().min(LONG),
            Err(error) => {
                tracing::error!(error = chain(&error), "what is to be done can't be read");
                PAUSE
            }
        }
    }

    async fn renew(&self, kernel: &Kernel) {
        if self.jobs.is_empty() {
            return;
        }
        if let Err(error) =
            kernel.store.keep_jobs(self.jobs.values(), clock::later(clock::now(), LEASE)).await
        {
            tracing::warn!(error = chain(&error), "what is in hand can't be kept");
        }
    }
}

async fn carry_out(kernel: &Kernel, work: Work, job: &Job) {
    let (first, longest) = work.pauses;
    let pause = first.saturating_mul(1 << job.attempts.min(20)).min(longest);
    let again = match (work.run)(kernel, job).await {
        Ok(Then::Over) => None,
        Ok(Then::At(at)) => Some((at, 0)),
        Ok(Then::NotYet) => Some((clock::later(clock::now(), pause), job.attempts.saturating_add(1))),
        Err(error) => {
            tracing::warn!(kind = %job.kind, subject = job.subject, error = chain(error.as_ref()), "to be tried again");
            Some((clock::later(clock::now(), pause), job.attempts.saturating_add(1)))
        }
    };
    if let Err(error) = kernel.store.end_job(job, again).await {
        tracing::error!(kind = %job.kind, subject = job.subject, error = chain(&error), "what was done can't be noted");
    }
    kernel.job_ended.notify_waiters();
}
