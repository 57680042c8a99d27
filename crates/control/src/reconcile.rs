//! Bringing every desktop to what its owner wants.
//!
//! ```text
//!  nudge(id) ──┐
//!  timer ──────┼─► dispatch(id) ─► one worker per desktop, a few at a time
//!  wake-up ────┘                    take lease ─► observe, decide, perform ─► … ─► rest or wait
//! ```
//!
//! It takes no input but rows and what the engine says, so it may be killed anywhere and begun
//! again: every step can be repeated, and what must not be forgotten is written before it is done.
//! The lease keeps others away; its fence, which goes with every engine call and every write,
//! makes one who lost it harmless.

pub(crate) mod clocks;
mod lighten;
pub(crate) mod metrics;
mod perform;
pub(crate) mod personalise;
mod rest;
pub(crate) mod standings;
mod steps;
pub(crate) mod stillness;
pub(crate) mod vitals;
mod worker;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rolltop_model::{DesktopId, Observation, Step, next_step};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::desktops::growing;
use crate::desktops::metrics::DesktopMetrics;
use crate::disk::room;
use crate::host::metrics::HostMetrics;
use crate::kernel::clock;
use crate::kernel::control::Kernel;
use crate::reconcile::rest::Next;
use crate::reconcile::standings::Standings;
use crate::reconcile::vitals::Vitals;
use crate::snapshots::taking;
use crate::usage;
use crate::usage::UsageMeter;

/// How often all rows are read, should one have changed without anybody looking at it.
const READ_ALL: Duration = Duration::from_secs(600);
/// Where there is nothing to wake up for.
const LONG: Duration = Duration::from_secs(3600);

/// Works until told to stop. Dropping the future ends everything at once, like a kill.
pub(crate) async fn run(kernel: Arc<Kernel>, mut nudged: mpsc::UnboundedReceiver<DesktopId>) {
    let mut crew = Crew::new(kernel.clone());
    let mut timer = interval(kernel.config.interval);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let wake = crew.next_wake();
        tokio::select! {
            () = kernel.stopping.cancelled() => break,
            Some(id) = nudged.recv() => crew.dispatch(id),
            Some(ended) = crew.workers.join_next_with_id() => crew.ended(ended),
            Some(found) = crew.background.join_next() => {
                for id in found.unwrap_or_default() {
                    crew.dispatch(id);
                }
            }
            () = sleep_until(wake) => crew.wake(),
            _ = timer.tick() => crew.look_around(),
        }
    }
    crew.background.abort_all();
    while crew.workers.join_next().await.is_some() {}
}

struct Crew {
    kernel: Arc<Kernel>,
    workers: JoinSet<Next>,
    /// Passes over everything, and upkeep; each gives the desktops that need work.
    background: JoinSet<Vec<DesktopId>>,
    working: HashMap<DesktopId, Work>,
    by_task: HashMap<Id, DesktopId>,
    wakes: BTreeSet<(Instant, DesktopId)>,
    room: Arc<Semaphore>,
    read_all_due: Instant,
    leftovers_due: Instant,
}

/// A desktop that is being worked on.
struct Work {
    /// Something changed meanwhile: look again afterwards.
    again: bool,
}

impl Crew {
    fn new(kernel: Arc<Kernel>) -> Self {
        let room = Arc::new(Semaphore::new(kernel.config.parallel.max(1)));
        Self {
            kernel,
            workers: JoinSet::new(),
            background: JoinSet::new(),
            working: HashMap::new(),
            by_task: HashMap::new(),
            wakes: BTreeSet::new(),
            room,
            read_all_due: Instant::now(),
            leftovers_due: Instant::now(),
        }
    }

    fn dispatch(&mut self, id: DesktopId) {
        if let Some(work) = self.working.get_mut(&id) {
            work.again = true;
            return;
        }
        let (kernel, room) = (self.kernel.clone(), self.room.clone());
        let task = self.workers.spawn(async move {
            let Ok(_place) = room.acquire().await else { return Next::Rest };
            worker::work(&kernel, id).await
        });
        self.working.insert(id, Work { again: false });
        self.by_task.insert(task.id(), id);
    }

    fn ended(&mut self, ended: Result<(Id, Next), JoinError>) {
        let (task, next) = match ended {
            Ok((task, next)) => (task, next),
            Err(error) => {
                tracing::error!(%error, "a worker ended badly");
                (error.id(), Next::At(clock::later(clock::now(), self.kernel.config.interval)))
            }
        };
        let Some(id) = self.by_task.remove(&task) else { return };
        let again = self.working.remove(&id).is_some_and(|work| work.again);
        match next {
            _ if again => self.dispatch(id),
            Next::Rest => {}
            Next::At(until) => {
                self.wakes.insert((Instant::now() + span(clock::now(), until), id));
            }
        }
    }

    fn next_wake(&self) -> Instant {
        self.wakes.first().map_or_else(|| Instant::now() + LONG, |(at, _)| *at)
    }

    fn wake(&mut self) {
        let now = Instant::now();
        while let Some((at, id)) = self.wakes.first().copied().filter(|(at, _)| *at <= now) {
            self.wakes.remove(&(at, id));
            self.dispatch(id);
        }
    }

    /// Compares what is known of all desktops with all machines, unless that is being done.
    fn look_around(&mut self) {
        if !self.background.is_empty() {
            return;
        }
        let kernel = self.kernel.clone();
        let read_all = self.read_all_due <= Instant::now();
        if read_all {
            self.read_all_due = Instant::now() + READ_ALL;
        }
        let leftovers = self.leftovers_due <= Instant::now();
        if leftovers {
            self.leftovers_due = Instant::now() + self.kernel.config.leftovers;
        }
        self.background.spawn(async move {
            let found = compare(&kernel, read_all).await;
            usage::keep(&kernel).await;
            taking::make_room(&kernel).await;
            if leftovers {
                kernel.state::<HostMetrics>().look(&kernel).await;
            }
            found
        });
    }
}

/// The desktops that have something to be done now.
async fn compare(kernel: &Arc<Kernel>, read_all: bool) -> Vec<DesktopId> {
    let mut due = Vec::new();
    if read_all {
        let began = Instant::now();
        match kernel.store.standings(&kernel.config.engine).await {
            Ok(all) => kernel.state::<Standings>().replace(all, began),
            Err(error) => tracing::error!(%error, "the desktops can't be read"),
        }
        match taking::wanted(kernel).await {
            Ok(wanted) => due.extend(wanted),
            Err(error) => tracing::error!(%error, "the snapshots can't be read"),
        }
    }
    let standings = kernel.state::<Standings>().all();
    let machines = match kernel.engine.observe().await {
        Ok(machines) => Some(machines),
        Err(error) => {
            tracing::warn!(%error, "the host does not say which machines it has");
            None
        }
    };
    kernel.state::<HostMetrics>().answers(machines.is_some());
    kernel.state::<DesktopMetrics>().show(&standings, machines.as_deref());
    let mut observed: HashMap<DesktopId, Observation> = HashMap::new();
    if let Some(machines) = &machines {
        kernel.state::<Vitals>().replace(machines);
        kernel.state::<UsageMeter>().note(machines, clock::now());
        stillness::pass(kernel, &standings, machines);
        room::pass(kernel, &standings, machines).await;
        clocks::pass(kernel, &standings);
        observed.extend(machines.iter().map(|machine| (machine.desktop, worker::view(machine))));
    }
    let unseen = if machines.is_some() { Observation::Absent } else { Observation::Unknown };
    let now = clock::now();
    for standing in &standings {
        let seen = observed.remove(&standing.id).unwrap_or(unseen);
        match next_step(&standing.record, seen, &kernel.config.limits, now) {
            Step::Rest | Step::Wait { .. } if !growing::is_wanted(kernel, standing.id, standing.disk_gib) => {
            }
            _ => due.push(standing.id),
        }
    }
    // What stands is looked at before machines are asked for, so a new desktop may look unknown once.
    for id in observed.keys() {
        tracing::debug!(desktop = %id, "the host has a machine that no row knows");
    }
    due
}

fn span(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
