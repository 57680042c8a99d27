//! How long a program has had to do something, where what it waited for a processor does not count.
//!
//! On a busy host the clock says little of what a program could have done. So time in which it would have worked and got
//! no processor is left out: whoever waits for it gives up because of the program, and not because of its neighbours.

use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;

use super::Process;

/// How often to look: what a program wants is known for the moment of a look only.
pub(crate) const LOOK: Duration = Duration::from_millis(250);

/// By the clock, a wait is this many times longer at most: one that gets less of the time is not waited for.
const LONGEST: u32 = 10;

/// Waits for what programs do; `None` once they have had `limit` for it.
pub(crate) async fn within<T>(
    limit: Duration,
    programs: impl IntoIterator<Item = Process>,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut work = pin!(work);
    // Most is done at once, and then nobody needs to look at them.
    if let Ok(done) = tokio::time::timeout(LOOK, &mut work).await {
        return Some(done);
    }
    let began = Instant::now();
    let mut given = Given::to(programs);
    loop {
        if let Ok(done) = tokio::time::timeout(LOOK, &mut work).await {
            return Some(done);
        }
        if given.look() >= limit || began.elapsed() >= limit * LONGEST {
            return None;
        }
    }
}

/// The time that programs working together have had, and what they made of it.
#[derive(Debug)]
pub(crate) struct Given {
    programs: Vec<(Process, Duration)>,
    looked: Instant,
    counted: Duration,
}

impl Given {
    /// Begins to count.
    pub(crate) fn to(programs: impl IntoIterator<Item = Process>) -> Self {
        let programs = programs.into_iter().map(|program| (program, worked(program))).collect();
        Self { programs, looked: Instant::now(), counted: Duration::ZERO }
    }

    /// Looks at them; to be done every [`LOOK`]. Returns all that counts until now: what any of them did not get, none had.
    pub(crate) fn look(&mut self) -> Duration {
        let now = Instant::now();
        let passed = now - self.looked;
        self.looked = now;
        let mut counts = passed;
        for (program, before) in &mut self.programs {
            let worked = worked(*program);
            let step =
                Step { passed, worked: worked.saturating_sub(*before), wants_to: program.wants_to_work() };
            counts = counts.min(step.counts());
            *before = worked;
        }
        self.counted += counts;
        self.counted
    }

    /// Processor time that they have used, all of it.
    pub(crate) fn worked(&self) -> Duration {
        self.programs.iter().map(|(_, worked)| *worked).sum()
    }
}

fn worked(program: Process) -> Duration {
    Duration::from_millis(program.cpu_ms())
}

/// What a program did between two looks.
#[derive(Debug, Clone, Copy)]
struct Step {
    passed: Duration,
    /// Processor time that it used, of all its threads.
    worked: Duration,
    /// Whether a thread of it works, or would if it were given a processor or what it reads.
    wants_to: bool,
}

impl Step {
    /// The part of it that counts.
    fn counts(self) -> Duration {
        if self.wants_to { self.passed.min(self.worked) } else { self.passed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Command};

    #[test]
    fn what_waits_for_a_processor_is_given_nothing() {
        let ms = Duration::from_millis;
        let counts = |worked, wants_to| Step { passed: ms(250), worked: ms(worked), wants_to }.counts();
        assert_eq!(counts(250, true), ms(250), "at work all the time");
        assert_eq!(counts(500, true), ms(250), "with two threads");
        assert_eq!(counts(12, true), ms(12), "on a busy host");
        assert_eq!(counts(0, true), ms(0), "not once its turn");
        assert_eq!(counts(3, false), ms(250), "it waits for something else than a processor");
    }

    fn started(children: &mut Vec<Child>, command: &[&str]) -> Process {
        let child = Command::new("taskset").args(["-c", "0"]).args(command).spawn().unwrap();
        let process = Process::of(i32::try_from(child.id()).unwrap()).unwrap();
        children.push(child);
        process
    }

    #[tokio::test]
    async fn beside_neighbours_at_work_a_program_has_less_time_than_the_clock_says() {
        const SPIN: &[&str] = &["sh", "-c", "while :; do :; done"];
        let mut children = Vec::new();
        let starved = started(&mut children, &[&["nice", "-n", "19"], SPIN].concat());
        let idle = started(&mut children, &["sleep", "600"]);
        for _ in 0..3 {
            started(&mut children, SPIN);
        }
        // Until each is what it is to be.
        tokio::time::sleep(LOOK).await;
        let began = Instant::now();
        let mut given = [vec![starved], vec![idle], vec![starved, idle]].map(Given::to);
        let mut counted = [Duration::ZERO; 3];
        while began.elapsed() < Duration::from_secs(3) {
            tokio::time::sleep(LOOK).await;
            counted = given.each_mut().map(Given::look);
        }
        for child in &mut children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let [starved, idle, both] = counted;
        assert!(starved < Duration::from_secs(1), "{starved:?} for what was starved");
        assert!(idle > Duration::from_secs(2), "{idle:?} for what waits for nothing of ours");
        assert!(both < Duration::from_secs(1), "{both:?} for who waits for the starved one");
    }
}
