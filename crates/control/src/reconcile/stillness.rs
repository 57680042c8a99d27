//! Which desktops do not answer: their machines run, and nobody is let in.
//!
//! ```text
//!  works all or nothing ──┐                    ┌─ no sign of life ───────────────────────► twice in a row: it does not
//!  somebody was kept out ─┼─► its door is ─────┤                                           answer, because …
//!  did not answer before ─┘   knocked at       └─ sshd answers ─► can it start anything? ─► no
//!  brought back, and could not be entered yet ────────────────────────────────────────────► it does not answer, because …
//! ```
//!
//! A kernel that hangs takes all of a processor, and one that was halted next to nothing of any (its QEMU some ms). A guest that
//! works hard or idles answers. Why it does not is what the host sees, before what the guest says. In memory only: after a
//! restart of ours it is found out again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rolltop_door::Load;
use rolltop_engine::{Machine, Power};
use rolltop_model::{DesktopId, Silence, SilenceCause};
use rolltop_store::{By, Standing, happening};
use tokio::time::timeout;

use crate::desktops::up::is_up;
use crate::kernel::clock;
use crate::kernel::control::Kernel;
use crate::kernel::fault::chain;
use crate::kernel::state::default_state;

/// Of one processor, percent.
const ALL: u64 = 90;
/// Answers that have to be missing in a row.
const KNOCKS: u32 = 2;
/// Processes that a guest is to have room for, or it has none.
const FEW_PROCESSES: u64 = 64;
/// Of its memory, what is next to nothing, as a divisor.
const LITTLE_MEMORY: u64 = 50;

/// A desktop that comes and goes is told of no more often than this.
const TOLD_APART: Duration = Duration::from_secs(600);
/// For so long it is kept in mind that somebody was not let in, besides the time between two looks.
const LATELY: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(crate) struct Stillness(Mutex<Watches>);
default_state!(Stillness);

#[derive(Default)]
struct Watches {
    watches: HashMap<DesktopId, Watch>,
    /// Where somebody was not let in, and when; also of those that are not watched yet.
    suspects: HashMap<DesktopId, Instant>,
}

struct Watch {
    boot: u32,
    since: Instant,
    cpu_ms: u64,
    knocking: bool,
    unanswered: u32,
    /// What the host saw when it was last knocked at.
    seen: SilenceCause,
    /// From the first answer that is missing on.
    silence: Option<Silence>,
    /// When its history was last told that it does not answer.
    told: Option<Instant>,
    /// Whether it was of this silence.
    is_told: bool,
}

/// A machine that is watched.
struct Watched<'a> {
    machine: &'a Machine,
    /// When it was to be brought back, where nobody could enter it since.
    unentered: Option<Timestamp>,
    /// It is to stop or to restart, or is not up yet: nobody knocks, and what is known of it holds until it has gone.
    leaving: bool,
}

/// What came of a look at all of them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Due {
    /// Whose doors are to be knocked at, and whether something is to be started there.
    knocks: Vec<(DesktopId, bool)>,
    /// Who does not answer from now on.
    silent: Vec<(DesktopId, Silence)>,
}

/// What is heard at a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Answer,
    Nothing,
    /// Its sshd answers, and can start nothing.
    NoRoom(SilenceCause),
}

/// What there is to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    None,
    /// For its history, too.
    Silent(Silence),
    /// Another cause, or what its history need not have again.
    Changed,
    /// It had not answered since then.
    AnswersAgain(Timestamp),
}

impl Stillness {
    /// Since when it does not answer, and why.
    pub(crate) fn of(&self, desktop: DesktopId) -> Option<Silence> {
        let known = self.known();
        known.watches.get(&desktop).filter(|watch| watch.unanswered >= KNOCKS)?.silence
    }

    /// Somebody is on the way in. If they are not let in, it is knocked at next.
    pub(crate) fn coming(self: Arc<Self>, desktop: DesktopId) -> Coming {
        Coming { stillness: self, desktop, is_in: false }
    }

    /// Takes note of what the machines do.
    fn note(&self, machines: &HashMap<DesktopId, Watched<'_>>, window: Duration) -> Due {
        let mut known = self.known();
        let Watches { watches: all, suspects } = &mut *known;
        let now = Instant::now();
        suspects.retain(|_, at| now.saturating_duration_since(*at) < LATELY.saturating_add(window));
        all.retain(|id, watch| machines.get(id).is_some_and(|seen| seen.machine.boot == watch.boot));
        let mut due = Due::default();
        for (id, Watched { machine, unentered, .. }) in machines.iter().filter(|(_, seen)| !seen.leaving) {
            let cpu_ms = machine.work.cpu_ms;
            let watch = all.entry(*id).or_insert_with(|| Watch::new(machine.boot, now, cpu_ms));
            let span = now.saturating_duration_since(watch.since);
            // A look that comes a moment early counts: the next one may be as far away as half a window.
            if watch.knocking || span.saturating_add(window / 20) < window {
                continue;
            }
            let worked = cpu_ms.saturating_sub(watch.cpu_ms);
            let percent =
                worked.saturating_mul(100) / u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1);
            (watch.since, watch.cpu_ms) = (now, cpu_ms);
            watch.seen = seen_by_host(percent, machine.size.vcpus());
            if let Some(since) = unentered {
                let silence = Silence { since: *since, cause: watch.seen };
                if watch.unanswered < KNOCKS {
                    due.silent.push((*id, silence));
                    (watch.told, watch.is_told) = (Some(now), true);
                }
                (watch.unanswered, watch.silence) = (KNOCKS, Some(silence));
                continue;
            }
            let is_suspect = suspects.remove(id).is_some();
            if percent == 0 || percent >= ALL || watch.unanswered > 0 || is_suspect {
                watch.knocking = true;
                due.knocks.push((*id, is_suspect));
            }
        }
        due
    }

    /// Takes note of what was heard.
    fn heard(&self, desktop: DesktopId, heard: Heard, now: Timestamp) -> News {
        let mut known = self.known();
        let Watches { watches, suspects } = &mut *known;
        let Some(watch) = watches.get_mut(&desktop) else { return News::None };
        let before = watch.silence.filter(|_| watch.unanswered >= KNOCKS);
        watch.knocking = false;
        watch.since = Instant::now();
        let cause = match heard {
            Heard::Answer => {
                (watch.unanswered, watch.silence) = (0, None);
                return match before {
                    None => News::None,
                    Some(silence) if watch.is_told => News::AnswersAgain(silence.since),
                    Some(_) => News::Changed,
                };
            }
            Heard::Nothing => watch.seen,
            Heard::NoRoom(cause) => {
                // It is to be asked the same next time.
                suspects.insert(desktop, Instant::now());
                cause
            }
        };
        watch.unanswered = watch.unanswered.saturating_add(1);
        let since = watch.silence.map_or(now, |silence| silence.since);
        let silence = Silence { since, cause };
        watch.silence = Some(silence);
        if watch.unanswered < KNOCKS || before == Some(silence) {
            return News::None;
        }
        if before.is_some() {
            return News::Changed;
        }
        watch.is_told = watch.told.is_none_or(|at| at.elapsed() >= TOLD_APART);
        if !watch.is_told {
            return News::Changed;
        }
        watch.told = Some(Instant::now());
        News::Silent(silence)
    }

    fn known(&self) -> MutexGuard<'_, Watches> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who is on the way in. Whatever ends that counts, but for being let in: who is impatient goes away before a refusal comes.
#[must_use = "who is not said to be in was kept out"]
pub(crate) struct Coming {
    stillness: Arc<Stillness>,
    desktop: DesktopId,
    is_in: bool,
}

impl Coming {
    pub(crate) fn let_in(mut self) {
        self.is_in = true;
    }

    /// Says so where something came of it.
    pub(crate) fn with<T, E>(self, result: Result<T, E>) -> Result<T, E> {
        if result.is_ok() {
            self.let_in();
        }
        result
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        if !self.is_in {
            self.stillness.known().suspects.insert(self.desktop, Instant::now());
        }
    }
}

impl Watch {
    fn new(boot: u32, since: Instant, cpu_ms: u64) -> Self {
        Self {
            boot,
            since,
            cpu_ms,
            knocking: false,
            unanswered: 0,
            seen: SilenceCause::Unknown,
            silence: None,
            told: None,
            is_told: false,
        }
    }
}

/// `percent` of one processor.
fn seen_by_host(percent: u64, processors: u32) -> SilenceCause {
    match percent {
        0 => SilenceCause::Halted,
        all if all >= ALL.saturating_mul(processors.into()) => SilenceCause::Processors,
        _ => SilenceCause::Unknown,
    }
}

/// What a guest has none left of, by its own account.
fn lacks(load: &Load) -> Option<SilenceCause> {
    if load.processes.saturating_add(FEW_PROCESSES) >= load.most_processes {
        Some(SilenceCause::Processes)
    } else if load.free_memory < load.memory / LITTLE_MEMORY {
        Some(SilenceCause::Memory)
    } else {
        None
    }
}

/// Looks after all machines that are up and meant to be.
pub(crate) fn pass(kernel: &Arc<Kernel>, standings: &[Arc<Standing>], machines: &[Machine]) {
    let standings: HashMap<DesktopId, &Arc<Standing>> = standings.iter().map(|at| (at.id, at)).collect();
    let watched = machines
        .iter()
        // The engine has it stand still.
        .filter(|machine| !machine.writing.is_stopped())
        .filter_map(|machine| {
            let record = &standings.get(&machine.desktop)?.record;
            let unentered = record.is_unentered().then_some(record.planned_at);
            let leaving = !is_up(record) && unentered.is_none();
            let is_on = match machine.power {
                Power::On { quarantined } => !quarantined || unentered.is_some(),
                Power::Off { .. } => false,
            };
            (is_on && record.boot == machine.boot)
                .then_some((machine.desktop, Watched { machine, unentered, leaving }))
        })
        .collect();
    let Due { knocks, silent } = kernel.state::<Stillness>().note(&watched, kernel.config.still);
    for (id, start) in knocks {
        let kernel = Arc::clone(kernel);
        tokio::spawn(async move {
            let heard = knock(&kernel, id, start).await;
            let news = kernel.state::<Stillness>().heard(id, heard, clock::now());
            tell(&kernel, id, news).await;
        });
    }
    for (id, silence) in silent {
        let kernel = Arc::clone(kernel);
        tokio::spawn(async move { tell(&kernel, id, News::Silent(silence)).await });
    }
}

/// `start`: something is to be started in it, whatever it says of itself.
async fn knock(kernel: &Kernel, id: DesktopId, start: bool) -> Heard {
    let still = kernel.config.still;
    let answer = async {
        let door = kernel.doors.door(id).await.ok()?;
        door.answers().await.then_some(door)
    };
    let Ok(Some(door)) = timeout(still, answer).await else { return Heard::Nothing };
    // One whose template has nobody to say so is asked only where somebody was kept out.
    let lacking = timeout(still, door.load()).await.ok().and_then(Result::ok).and_then(|load| lacks(&load));
    if !start && lacking.is_none() {
        return Heard::Answer;
    }
    match timeout(still, door.starts_something()).await {
        Ok(true) => Heard::Answer,
        Ok(false) | Err(_) => Heard::NoRoom(lacking.unwrap_or(SilenceCause::Unknown)),
    }
}

/// It has just answered, as whoever was let in knows.
pub(crate) async fn answered(kernel: &Kernel, id: DesktopId) {
    let news = kernel.state::<Stillness>().heard(id, Heard::Answer, clock::now());
    tell(kernel, id, news).await;
}

async fn tell(kernel: &Kernel, id: DesktopId, news: News) {
    let now = clock::now();
    let (what, by, time) = match news {
        News::None => return,
        News::Changed => {
            if let Err(error) = kernel.store.tell(id, now).await {
                tracing::warn!(desktop = %id, error = chain(&error), "whether it answers could not be told");
            }
            return;
        }
        News::Silent(Silence { since, cause }) => {
            tracing::warn!(desktop = %id, cause = cause.as_str(), "its machine runs, and nothing in it answers");
            // It is not over: when it is, that has its whole time.
            (happening::NOT_ANSWERING, By::ROLLTOP.because(cause.as_str()), (since, since))
        }
        News::AnswersAgain(since) => {
            tracing::info!(desktop = %id, "answers again");
            (happening::ANSWERS_AGAIN, By::ROLLTOP, (since, now))
        }
    };
    if let Err(error) = kernel.store.tell_happening(id, (what, by), time, None).await {
        tracing::warn!(desktop = %id, error = chain(&error), "that it stands still could not be told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rolltop_engine::Work;
    use rolltop_model::{LayerId, Size};

    const ID: DesktopId = DesktopId::from_u128(1);

    fn machine(boot: u32, cpu_ms: u64) -> Machine {
        Machine {
            desktop: ID,
            power: Power::On { quarantined: false },
            boot,
            layer: LayerId::from_u128(2),
            size: Size::S,
            disk_gib: 20,
            memory_bytes: 1,
            disk_bytes: 1,
            writing: rolltop_engine::Writing::Freely,
            work: Work { cpu_ms, received_bytes: 0, sent_bytes: 0 },
        }
    }

    fn watch(
        stillness: &Stillness,
        machine: &Machine,
        unentered: Option<Timestamp>,
        window: Duration,
    ) -> Due {
        stillness.note(&HashMap::from([(ID, Watched { machine, unentered, leaving: false })]), window)
    }

    fn note(stillness: &Stillness, machine: &Machine, window: Duration) -> bool {
        !watch(stillness, machine, None, window).knocks.is_empty()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn it_is_knocked_at_what_works_fully_or_not_at_all_and_two_silences_count() {
        let stillness = Stillness::default();
        let window = Duration::ZERO;
        assert!(note(&stillness, &machine(1, 5), window), "a halted machine does nothing");
        assert!(!note(&stillness, &machine(1, 5), window), "while it is knocked at nobody else knocks");
        assert_eq!(stillness.heard(ID, Heard::Nothing, at(1)), News::None);
        assert_eq!(stillness.of(ID), None);
        assert!(note(&stillness, &machine(1, 1_000_000), window), "one that hangs does all it can");
        let silence = Silence { since: at(1), cause: SilenceCause::Processors };
        assert_eq!(stillness.heard(ID, Heard::Nothing, at(2)), News::Silent(silence));
        assert_eq!(stillness.of(ID), Some(silence));
        assert!(note(&stillness, &machine(1, 1_000_000), window));
        assert_eq!(stillness.heard(ID, Heard::Answer, at(3)), News::AnswersAgain(at(1)));
        assert_eq!(stillness.of(ID), None);
        // It comes and goes: that is shown, and not written down each time.
        for second in [4, 5] {
            assert!(note(&stillness, &machine(1, 1_000_000), window));
            let news = stillness.heard(ID, Heard::Nothing, at(second));
            assert_eq!(news, if second == 5 { News::Changed } else { News::None });
        }
        let halted = Silence { since: at(4), cause: SilenceCause::Halted };
        assert_eq!(stillness.of(ID), Some(halted));
        assert_eq!(stillness.heard(ID, Heard::NoRoom(SilenceCause::Memory), at(6)), News::Changed);
        assert_eq!(stillness.heard(ID, Heard::Answer, at(7)), News::Changed);
        assert!(!note(&stillness, &machine(2, 5), Duration::from_secs(9)), "another start is watched afresh");
    }

    #[test]
    fn one_that_is_silent_stays_so_until_it_has_gone() {
        let (stillness, window) = (Stillness::default(), Duration::ZERO);
        let silent = machine(1, 5);
        for second in [1, 2] {
            note(&stillness, &silent, window);
            stillness.heard(ID, Heard::Nothing, at(second));
        }
        let silence = Some(Silence { since: at(1), cause: SilenceCause::Halted });
        let leaving = Watched { machine: &silent, unentered: None, leaving: true };
        let due = stillness.note(&HashMap::from([(ID, leaving)]), window);
        assert_eq!((due, stillness.of(ID)), (Due::default(), silence), "nobody knocks any more");
        stillness.note(&HashMap::new(), window);
        assert_eq!(stillness.of(ID), None);
    }

    #[test]
    fn one_that_half_works_is_knocked_at_where_somebody_was_kept_out_and_asked_to_start_something() {
        let (stillness, window) = (Arc::new(Stillness::default()), Duration::from_millis(20));
        // Before anything was seen of it.
        drop(stillness.clone().coming(ID));
        assert_eq!(watch(&stillness, &machine(1, 0), None, window), Due::default());
        std::thread::sleep(window);
        // Half of a processor.
        assert_eq!(watch(&stillness, &machine(1, 12), None, window).knocks, [(ID, true)]);
        let full = Heard::NoRoom(SilenceCause::Processes);
        assert_eq!(stillness.heard(ID, full, at(1)), News::None);
        std::thread::sleep(window);
        assert_eq!(
            watch(&stillness, &machine(1, 24), None, window).knocks,
            [(ID, true)],
            "it is asked the same"
        );
        let silence = Silence { since: at(1), cause: SilenceCause::Processes };
        assert_eq!(stillness.heard(ID, full, at(2)), News::Silent(silence));
        assert_eq!(stillness.heard(ID, full, at(3)), News::None, "that is known");
    }

    #[test]
    fn one_that_was_brought_back_and_not_entered_is_silent_until_it_answers() {
        let (stillness, window) = (Stillness::default(), Duration::ZERO);
        let silence = Silence { since: at(7), cause: SilenceCause::Halted };
        let due = watch(&stillness, &machine(1, 5), Some(at(7)), window);
        assert_eq!(due, Due { knocks: vec![], silent: vec![(ID, silence)] });
        assert_eq!(watch(&stillness, &machine(1, 5), Some(at(7)), window), Due::default(), "told once");
        assert_eq!(stillness.of(ID), Some(silence));
        assert!(note(&stillness, &machine(1, 6), window), "once it was entered it is knocked at");
        assert_eq!(stillness.heard(ID, Heard::Answer, at(9)), News::AnswersAgain(at(7)));
    }

    #[test]
    fn what_a_guest_says_of_itself_is_a_number_or_nothing() {
        let load =
            Load { processes: 100, most_processes: 15_000, free_memory: 1 << 30, memory: 2 << 30, before: 0 };
        assert_eq!(lacks(&load), None);
        assert_eq!(lacks(&Load { processes: 14_990, ..load }), Some(SilenceCause::Processes));
        assert_eq!(lacks(&Load { processes: u64::MAX, ..load }), Some(SilenceCause::Processes));
        assert_eq!(lacks(&Load { free_memory: 8 << 20, ..load }), Some(SilenceCause::Memory));
    }

    #[test]
    fn the_host_sees_what_does_nothing_and_what_does_all_it_can() {
        assert_eq!(seen_by_host(0, 2), SilenceCause::Halted);
        assert_eq!(seen_by_host(100, 2), SilenceCause::Unknown);
        assert_eq!(seen_by_host(185, 2), SilenceCause::Processors);
    }
}
