//! One worker: holds a desktop's lease, and observes, decides and performs until there is
//! nothing more to do now.

use std::time::Duration;

use rolltop_engine::{Machine, OffReason, Power};
use rolltop_model::{
    DesktopId, FailReason, MachineView, Observation, OffWhy, PowerView, SnapshotState, Step, next_step,
};
use rolltop_store::{Desktop, StoreError};
use tokio::time::{Instant, sleep};

use crate::kernel::clock;
use crate::kernel::control::Kernel;
use crate::kernel::fault::Fault;
use crate::reconcile::metrics::StepMetrics;
use crate::reconcile::rest::{Next, PAUSE};
use crate::reconcile::standings::Standings;
use crate::reconcile::vitals::Vitals;
use crate::reconcile::{perform, rest};
use crate::sleep::wake::Suspending;
use crate::snapshots::taking;

const LEASE: Duration = Duration::from_secs(60);
const LEASE_RENEWAL: Duration = Duration::from_secs(15);
/// Steps in a row after which others get their turn; a whole life takes about ten.
const MOST_STEPS: usize = 40;

pub(crate) async fn work(kernel: &Kernel, id: DesktopId) -> Next {
    let now = clock::now();
    let soon = Next::At(clock::later(now, PAUSE));
    let desktop = match kernel.store.take_lease(id, &kernel.holder, now, clock::later(now, LEASE)).await {
        Ok(Some(desktop)) => desktop,
        Ok(None) => return unleased(kernel, id).await,
        Err(error) => {
            tracing::error!(desktop = %id, %error, "the lease can't be taken");
            return soon;
        }
    };
    let fence = desktop.fence;
    if !kernel.has_engine_of(&desktop) {
        return give_up(kernel, id, fence, Next::Rest).await;
    }
    kernel.state::<Standings>().note(&desktop);
    let next = tokio::select! {
        next = carry_on(kernel, id, fence) => next,
        () = keep_lease(kernel, id, fence) => {
            tracing::warn!(desktop = %id, "the lease was lost");
            return soon;
        }
    };
    give_up(kernel, id, fence, next).await
}

async fn give_up(kernel: &Kernel, id: DesktopId, fence: u64, next: Next) -> Next {
    if let Err(error) = kernel.store.give_up_lease(id, fence).await {
        tracing::warn!(desktop = %id, %error, "the lease can't be given up");
    }
    next
}

/// Somebody else has the lease, or there is no such desktop any more.
async fn unleased(kernel: &Kernel, id: DesktopId) -> Next {
    match kernel.store.desktop(id).await {
        Ok(None) => {
            kernel.state::<Standings>().is_gone(id);
            Next::Rest
        }
        Ok(Some(_)) | Err(_) => Next::At(clock::later(clock::now(), LEASE_RENEWAL)),
    }
}

/// Ends when the lease is lost.
async fn keep_lease(kernel: &Kernel, id: DesktopId, fence: u64) {
    loop {
        sleep(LEASE_RENEWAL).await;
        let until = clock::later(clock::now(), LEASE);
        match kernel.store.renew_lease(id, fence, until).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(desktop = %id, %error, "the lease can't be renewed"),
        }
    }
}

async fn carry_on(kernel: &Kernel, id: DesktopId, fence: u64) -> Next {
    // Who comes while it is suspended waits until it is written down what has become of that.
    let mut suspending = None;
    for _ in 0..MOST_STEPS {
        if kernel.stopping.is_cancelled() {
            return Next::Rest;
        }
        let observed = observe(kernel, id).await;
        let desktop = match kernel.store.desktop(id).await {
            Ok(Some(desktop)) if desktop.fence == fence => desktop,
            Ok(Some(_)) => return Next::Rest,
            Ok(None) => {
                kernel.state::<Standings>().is_gone(id);
                return Next::Rest;
            }
            Err(error) => {
                tracing::error!(desktop = %id, %error, "the desktop can't be read");
                break;
            }
        };
        kernel.state::<Standings>().note(&desktop);
        let step = match next_step(&desktop.record, observed, &kernel.config.limits, clock::now()) {
            Step::Rest => {
                drop(suspending.take());
                match rest::at_rest(kernel, &desktop, observed).await {
                    Some(next) => return next,
                    None => continue,
                }
            }
            Step::Wait { until } => return Next::At(until),
            step => step,
        };
        let step = match origin(kernel, &desktop, step).await {
            Ok(Some(step)) => step,
            Ok(None) => return Next::At(clock::later(clock::now(), PAUSE)),
            Err(error) => {
                tracing::error!(desktop = %id, %error, "what it is forked from can't be read");
                break;
            }
        };
        match taking::before(kernel, &desktop, observed, step).await {
            Ok(true) | Err(Fault::Changed) => continue,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(desktop = %id, error = crate::kernel::fault::chain(&error), "a snapshot waits");
                break;
            }
        }
        tracing::debug!(desktop = %id, ?step, "next step");
        if step == Step::Suspend {
            suspending.get_or_insert_with(|| kernel.state::<Suspending>().begin(id));
        }
        let began = Instant::now();
        let performed = perform::perform(kernel, &desktop, step, observed).await;
        if step != Step::Suspend {
            drop(suspending.take());
        }
        match &performed {
            Ok(()) => kernel.state::<StepMetrics>().ended(step, began.elapsed(), None),
            Err(Fault::Wrong { reason, .. }) => {
                kernel.state::<StepMetrics>().ended(step, began.elapsed(), Some(*reason));
            }
            // The world changed, or the host or the database is away: no word about the step.
            Err(Fault::Changed | Fault::NotYet | Fault::Lost | Fault::Silent(_) | Fault::Store(_)) => {}
        }
        match performed {
            Ok(()) | Err(Fault::Changed) => {}
            Err(Fault::NotYet) => return Next::At(clock::now()),
            Err(Fault::Lost) => return Next::At(clock::later(clock::now(), PAUSE)),
            Err(Fault::Silent(error)) => {
                tracing::warn!(desktop = %id, ?step, %error, "the host did not answer");
                break;
            }
            Err(Fault::Store(error)) => {
                tracing::error!(desktop = %id, ?step, error = crate::kernel::fault::chain(&error), "the database failed");
                break;
            }
            Err(Fault::Wrong { reason, why, detail }) => {
                tracing::warn!(desktop = %id, ?step, reason = reason.as_str(), why, "a step went wrong");
                if let Err(error) = note_failure(kernel, &desktop, step, reason, detail).await {
                    tracing::error!(desktop = %id, %error, "a failure can't be noted");
                    break;
                }
            }
        }
    }
    Next::At(clock::later(clock::now(), PAUSE))
}

/// The step, unless it is a fork of a snapshot that is not ready: then there is none yet, or it fails.
async fn origin(kernel: &Kernel, desktop: &Desktop, step: Step) -> Result<Option<Step>, StoreError> {
    let (Step::Fork { .. }, Some(origin)) = (step, desktop.origin) else { return Ok(Some(step)) };
    Ok(match kernel.store.snapshot(origin).await?.map(|snapshot| snapshot.state) {
        Some(SnapshotState::Ready) => Some(step),
        Some(SnapshotState::Taking) => None,
        Some(SnapshotState::Failed | SnapshotState::Deleting) | None => {
            Some(Step::Fail(FailReason::OriginGone))
        }
    })
}

async fn note_failure(
    kernel: &Kernel,
    desktop: &Desktop,
    step: Step,
    reason: rolltop_model::FailReason,
    detail: Option<String>,
) -> Result<(), StoreError> {
    let now = clock::now();
    // As it is by now: the step may have written its beginning.
    let Some(mut present) = kernel.store.desktop(desktop.id).await? else { return Ok(()) };
    if present.fence != desktop.fence || present.revision != desktop.revision {
        return Ok(());
    }
    let after = present.record.went_wrong(step, reason, &kernel.config.limits, now);
    present.detail = None;
    kernel.store.save_record(&present, &after, detail.as_deref(), now).await.map(|_| ())
}

async fn observe(kernel: &Kernel, id: DesktopId) -> Observation {
    match kernel.engine.observe_one(id).await {
        Ok(Some(machine)) => {
            kernel.state::<Vitals>().note(&machine);
            view(&machine)
        }
        Ok(None) => Observation::Absent,
        Err(error) => {
            tracing::warn!(desktop = %id, %error, "the host does not say how the machine is");
            Observation::Unknown
        }
    }
}

/// The engine's report as decisions see it.
pub(crate) fn view(machine: &Machine) -> Observation {
    let power = match machine.power {
        Power::On { quarantined } => PowerView::On { quarantined },
        Power::Off { why: OffReason::Asked } => PowerView::Off(OffWhy::Asked),
        Power::Off { why: OffReason::Guest } => PowerView::Off(OffWhy::Guest),
        Power::Off { why: OffReason::Reset } => PowerView::Off(OffWhy::Reset),
        Power::Off { why: OffReason::Died } => PowerView::Off(OffWhy::Died),
        Power::Off { why: OffReason::NeverStarted } => PowerView::Off(OffWhy::NeverStarted),
        Power::Off { why: OffReason::Suspended } => PowerView::Off(OffWhy::Suspended),
        Power::Off { why: OffReason::HostRestarted } => PowerView::Off(OffWhy::HostRestarted),
    };
    Observation::Present(MachineView { power, boot: machine.boot })
}
