//! What a test can have go wrong.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rolltop_engine::{EngineError, HostWarning, Leftover, Writing};
use rolltop_model::DesktopId;

/// An operation of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    Templates,
    Bootstrap,
    Fork,
    Start,
    Suspend,
    Resume,
    Snapshot,
    Revert,
    RemoveSnapshot,
    Flatten,
    Resize,
    SaveTemplate,
    RemoveTemplate,
    Export,
    Import,
    Release,
    Stop,
    Destroy,
    Observe,
    AllowDisk,
    Connect,
    ConsoleTail,
    Host,
}

/// How the door of every machine behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DoorFault {
    #[default]
    None,
    /// A connection is made, and nobody ever says anything on it.
    NeverOpens,
    /// No connection is made: `EngineError::Timeout` at once.
    Unreachable,
    /// The guest is full: what is connected stays so, and nothing more is let in or started. Ending what runs ends that.
    Full,
}

/// Where in an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Nothing of it is done.
    Before,
    /// Of a snapshot: the machine writes to the new layer, and nothing else is done.
    Within,
    /// All of it is done.
    After,
}

/// Switches that may be thrown at any time from any thread.
#[derive(Default)]
pub struct Faults(Mutex<Switches>);

#[derive(Default)]
struct Switches {
    failing: HashMap<Operation, (EngineError, u32)>,
    cut_short: HashMap<Operation, u32>,
    unanswered: Option<(Operation, Moment)>,
    stuck: HashSet<(Operation, DesktopId)>,
    waits_in_vain: bool,
    delays: HashMap<Operation, Duration>,
    door: DoorFault,
    doors: HashMap<DesktopId, DoorFault>,
    disk_full: bool,
    init: Option<String>,
    init_delay: Duration,
    screen: Option<Vec<u8>>,
    warnings: Vec<HostWarning>,
    leftovers: Vec<Leftover>,
    busy: Busy,
    writing: Option<Writing>,
}

/// How much every machine works.
struct Busy {
    /// Of one processor.
    percent: u32,
    since: Instant,
    /// Processor time before that.
    before: Duration,
}

impl Default for Busy {
    fn default() -> Self {
        // What an idle session takes; and nothing that runs has done nothing.
        Self { percent: 2, since: Instant::now(), before: Duration::from_millis(500) }
    }
}

impl Busy {
    fn total(&self) -> Duration {
        self.before + self.since.elapsed() * self.percent / 100
    }
}

impl Faults {
    /// The next `times` calls fail with `error` and do nothing.
    pub fn fail(&self, operation: Operation, error: EngineError, times: u32) {
        self.switches().failing.insert(operation, (error, times));
    }

    /// Calls are carried out again, whatever was said by [`Faults::fail`].
    pub fn heal(&self, operation: Operation) {
        self.switches().failing.remove(&operation);
    }

    /// The next `times` calls stop half way: a fork or start leaves a machine that never came
    /// up, a destroy one that is off, a snapshot one that writes to the new layer, a suspend or resume everything as it was;
    /// and the caller is told that the host failed.
    pub fn cut_short(&self, operation: Operation, times: u32) {
        self.switches().cut_short.insert(operation, times);
    }

    /// The next call is never answered, whether or not it is carried out: for a caller that is killed there.
    pub fn never_answer(&self, operation: Operation, moment: Moment) {
        let mut switches = self.switches();
        (switches.unanswered, switches.waits_in_vain) = (Some((operation, moment)), false);
    }

    /// Calls are answered again.
    pub fn answer_all(&self) {
        self.switches().unanswered = None;
    }

    /// This is never answered for this machine, however often it is asked: it stays as it is. For forks, starts, stops and
    /// destructions.
    pub fn stick(&self, operation: Operation, desktop: DesktopId) {
        self.switches().stuck.insert((operation, desktop));
    }

    pub(crate) async fn unless_stuck(&self, operation: Operation, desktop: DesktopId) {
        let is_stuck = self.switches().stuck.contains(&(operation, desktop));
        if is_stuck {
            std::future::pending().await
        }
    }

    /// Whether there has been such a call.
    pub fn waits_in_vain(&self) -> bool {
        self.switches().waits_in_vain
    }

    /// Whether a call that comes there now is never answered.
    pub(crate) fn is_met(&self, operation: Operation, moment: Moment) -> bool {
        self.switches().unanswered == Some((operation, moment))
    }

    pub(crate) async fn answer(&self, operation: Operation, moment: Moment) {
        let is_it = {
            let mut switches = self.switches();
            let is_it = switches.unanswered == Some((operation, moment));
            if is_it {
                (switches.unanswered, switches.waits_in_vain) = (None, true);
            }
            is_it
        };
        if is_it {
            std::future::pending().await
        }
    }

    /// Each call takes this long.
    pub fn delay(&self, operation: Operation, delay: Duration) {
        self.switches().delays.insert(operation, delay);
    }

    pub fn door(&self, fault: DoorFault) {
        self.switches().door = fault;
    }

    /// The same for the door of one machine, whatever is said of all.
    pub fn door_of(&self, desktop: DesktopId, fault: DoorFault) {
        self.switches().doors.insert(desktop, fault);
    }

    /// While set, nothing that needs space can be made.
    pub fn disk_full(&self, full: bool) {
        self.switches().disk_full = full;
    }

    /// While set, personalising fails in the guest with this sentence.
    pub fn init_fails(&self, with: Option<&str>) {
        self.switches().init = with.map(str::to_owned);
    }

    /// Personalising takes this long.
    pub fn init_delay(&self, delay: Duration) {
        self.switches().init_delay = delay;
    }

    /// While set, the VNC server answers the first question for a picture with this and is silent then.
    pub fn screen_says(&self, bytes: Option<Vec<u8>>) {
        self.switches().screen = bytes;
    }

    pub(crate) fn screen_fault(&self) -> Option<Vec<u8>> {
        self.switches().screen.clone()
    }

    /// Every machine that runs may write so; `None`: as it is allowed.
    pub fn hold_back(&self, writing: Option<Writing>) {
        self.switches().writing = writing;
    }

    pub(crate) fn writing(&self) -> Option<Writing> {
        self.switches().writing
    }

    /// Every machine takes this much of one processor from now on.
    pub fn busy(&self, percent: u32) {
        let busy = &mut self.switches().busy;
        *busy = Busy { percent, since: Instant::now(), before: busy.total() };
    }

    /// Processor time that each machine has used.
    pub(crate) fn cpu_ms(&self) -> u64 {
        self.switches().busy.total().as_millis().try_into().unwrap_or(u64::MAX)
    }

    /// Something of nobody's appears on the host, until it is swept away.
    pub fn leave_behind(&self, leftover: Leftover) {
        self.switches().leftovers.push(leftover);
    }

    /// What the host warns of from now on.
    pub fn warn_of(&self, warnings: Vec<HostWarning>) {
        self.switches().warnings = warnings;
    }

    pub(crate) fn warnings(&self) -> Vec<HostWarning> {
        self.switches().warnings.clone()
    }

    pub(crate) fn delay_of(&self, operation: Operation) -> Option<Duration> {
        self.switches().delays.get(&operation).copied()
    }

    pub(crate) fn error_of(&self, operation: Operation) -> Option<EngineError> {
        let mut switches = self.switches();
        let needs_space = matches!(
            operation,
            Operation::Fork
                | Operation::Start
                | Operation::Suspend
                | Operation::Snapshot
                | Operation::Flatten
        );
        if switches.disk_full && needs_space {
            return Some(EngineError::DiskFull);
        }
        let (error, times) = switches.failing.get_mut(&operation)?;
        let error = error.clone();
        *times = times.saturating_sub(1);
        if *times == 0 {
            switches.failing.remove(&operation);
        }
        Some(error)
    }

    pub(crate) fn is_cut_short(&self, operation: Operation) -> bool {
        match self.switches().cut_short.get_mut(&operation) {
            Some(times) if *times > 0 => {
                *times -= 1;
                true
            }
            Some(_) | None => false,
        }
    }

    pub(crate) fn door_fault(&self, desktop: DesktopId) -> DoorFault {
        let switches = self.switches();
        switches.doors.get(&desktop).copied().unwrap_or(switches.door)
    }

    /// What filled a machine was ended.
    pub(crate) fn door_is_free(&self, desktop: DesktopId) {
        let mut switches = self.switches();
        if switches.doors.get(&desktop) == Some(&DoorFault::Full) {
            switches.doors.remove(&desktop);
        }
        if switches.door == DoorFault::Full {
            switches.door = DoorFault::None;
        }
    }

    pub(crate) fn init_fault(&self) -> (Duration, Option<String>) {
        let switches = self.switches();
        (switches.init_delay, switches.init.clone())
    }

    pub(crate) fn left_behind(&self) -> Vec<Leftover> {
        self.switches().leftovers.clone()
    }

    pub(crate) fn sweep_left_behind(&self) -> Vec<Leftover> {
        std::mem::take(&mut self.switches().leftovers)
    }

    fn switches(&self) -> MutexGuard<'_, Switches> {
        // Every change is one assignment, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
