//! Rolltop's processes are killed at random moments while real desktops are suspended, resumed, kept, forked, stopped,
//! restarted and deleted: `make test-chaos`. What was in a desktop's memory and on its disk is there afterwards,
//! unless its owner had asked for a stop; and where that is undone, or a deletion, it is there all the same.
//!
//! `ROLLTOP_CHAOS_ROUNDS` says how often (100), `ROLLTOP_CHAOS_SEED` repeats a run. Prints one line of JSON.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rolltop_api_types::{
    Code, CreateSnapshot, Desired, Desktop, DesktopState, ForkDesktop, ListSnapshots, SnapshotState,
};
use rolltop_model::DesktopId;
use rolltop_vm_tests::{Options, Platform, eventually};

const DESKTOPS: usize = 3;
/// Within this a kill comes after what was asked for.
const MOMENT_MS: u64 = 3000;
/// For a desktop to come to rest, whatever has happened.
const PATIENCE: Duration = Duration::from_secs(300);
/// Everything at once, rather than one process, is killed every so many rounds.
const EVERYTHING: u64 = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Suspend,
    Resume,
    Stop,
    /// And undone, where it was heard.
    StopToUndo,
    Restart,
    /// And undone, where it was heard.
    Delete,
    Snapshot,
    Fork,
}

const ALL: [Asked; 8] = [
    Asked::Suspend,
    Asked::Resume,
    Asked::Snapshot,
    Asked::Fork,
    Asked::Stop,
    Asked::StopToUndo,
    Asked::Restart,
    Asked::Delete,
];

/// A desktop and what has to be in it.
struct Known {
    id: DesktopId,
    /// What it was before it was deleted and brought back.
    was: Vec<DesktopId>,
    /// Written to its disk once.
    on_disk: String,
    /// Written to its memory since it was last booted.
    in_memory: String,
}

/// Numbers that a seed repeats (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> anyhow::Result<T> {
        let place = usize::try_from(self.below(all.len().try_into()?))?;
        all.get(place).copied().context("a choice")
    }
}

fn number(name: &str, otherwise: u64) -> anyhow::Result<u64> {
    std::env::var(name).map_or(Ok(otherwise), |text| text.parse().with_context(|| name.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the result")]
async fn nothing_is_lost_to_kills_at_random_moments() -> anyhow::Result<()> {
    let rounds = number("ROLLTOP_CHAOS_ROUNDS", 100)?;
    let seed = number("ROLLTOP_CHAOS_SEED", u64::from(std::process::id()))?;
    eprintln!("seed {seed}");
    let mut dice = Dice(seed);
    let mut platform = Platform::start(Options::real()?).await?;
    let mut desktops = Vec::new();
    for name in 0..DESKTOPS {
        let id = platform.create(&format!("desk-{name}")).await?.id;
        platform.wait_for(id, DesktopState::Running).await?;
        let on_disk = format!("disk-{}", dice.below(u64::MAX));
        platform.shell(id, &format!("echo {on_disk} > token; sync")).await?;
        let mut known = Known { id, was: Vec::new(), on_disk, in_memory: String::new() };
        remember(&platform, &mut known, &mut dice).await?;
        desktops.push(known);
    }
    let (mut kills, mut worst) = (0u64, Duration::ZERO);
    for round in 1..=rounds {
        let known = usize::try_from(dice.below(DESKTOPS.try_into()?))?;
        let known = desktops.get_mut(known).context("a desktop")?;
        let (asked, role) = (dice.of(&ALL)?, dice.of(&["host", "api", "web"])?);
        let moment = Duration::from_millis(dice.below(MOMENT_MS));
        eprintln!("{round}/{rounds}: {asked:?} of {}, {role} is killed after {moment:?}", known.id);
        // Refused where it makes no sense in the desktop's state, which is as good a beginning.
        let fork = ask(&platform, known.id, asked).await;
        tokio::time::sleep(moment).await; // the moment, not a wait
        let killed = Instant::now();
        if round % EVERYTHING == 0 {
            platform.kill_everything().await?;
            platform.start_again().await?;
            kills += 4;
        } else {
            platform.kill_role(role).await?;
            kills += 1;
        }
        let left = if asked == Asked::Delete { is_left(&platform, known.id).await? } else { true };
        let state = if left { Some(at_rest(&platform, known.id).await?.state) } else { None };
        worst = worst.max(killed.elapsed());
        match state {
            Some(DesktopState::Running) => {}
            Some(DesktopState::Stopped) if asked == Asked::StopToUndo => {
                platform.client.undo_desktop(known.id).await?;
            }
            Some(_) => drop(platform.client.start_desktop(known.id).await?),
            None => {
                let back = platform.client.undo_desktop(known.id).await?.id;
                known.was.push(std::mem::replace(&mut known.id, back));
            }
        }
        platform.wait_for(known.id, DesktopState::Running).await?;
        let on_disk = platform.shell(known.id, "cat token").await?;
        ensure!(on_disk.trim() == known.on_disk, "round {round}, seed {seed}: the disk says {on_disk}");
        let in_memory = platform.shell(known.id, "cat /dev/shm/token 2>/dev/null || true").await?;
        let may_forget = matches!(asked, Asked::Stop | Asked::Restart);
        if in_memory.trim() != known.in_memory {
            if !may_forget {
                let history = platform.client.history(known.id).await?;
                let kept = platform.client.snapshots(&ListSnapshots { desktop: Some(known.id) }).await?;
                bail!(
                    "round {round}, seed {seed}: {asked:?} has lost the memory: {in_memory}{kept:#?}{history:#?}"
                );
            }
            remember(&platform, known, &mut dice).await?;
        }
        if let Some(fork) = fork {
            settle_fork(&platform, fork, known).await?;
        }
    }
    let kept = check_snapshots(&platform, &desktops).await?;
    for known in &desktops {
        platform.client.destroy_desktop(known.id).await?;
        platform.wait_gone(known.id).await?;
    }
    eventually("nothing is left over", PATIENCE, || async {
        Ok(platform.leftovers()?.is_empty().then_some(()))
    })
    .await?;
    println!(
        "{}",
        serde_json::json!({
            "name": "kills_survived", "rounds": rounds, "kills": kills, "desktops_lost": 0, "memories_lost": 0,
            "snapshots_opened": kept, "slowest_recovery_seconds": worst.as_secs(), "seed": seed,
        })
    );
    Ok(())
}

/// A new text in its memory.
async fn remember(platform: &Platform, known: &mut Known, dice: &mut Dice) -> anyhow::Result<()> {
    known.in_memory = format!("memory-{}", dice.below(u64::MAX));
    platform.shell(known.id, &format!("echo {} > /dev/shm/token", known.in_memory)).await?;
    Ok(())
}

/// The fork, if one was asked for and that was heard.
async fn ask(platform: &Platform, id: DesktopId, asked: Asked) -> Option<DesktopId> {
    let client = &platform.client;
    match asked {
        Asked::Suspend => drop(client.suspend_desktop(id).await),
        Asked::Resume => drop(client.resume_desktop(id).await),
        Asked::Stop | Asked::StopToUndo => drop(client.stop_desktop(id).await),
        Asked::Delete => drop(client.delete_desktop(id).await),
        Asked::Restart => drop(client.restart_desktop(id).await),
        Asked::Snapshot => drop(client.take_snapshot(id, &CreateSnapshot::default()).await),
        Asked::Fork => {
            return Some(client.fork_desktop(id, &ForkDesktop::default()).await.ok()?.first()?.id);
        }
    }
    None
}

/// Whether it is there, once that is certain.
async fn is_left(platform: &Platform, id: DesktopId) -> anyhow::Result<bool> {
    eventually("it is gone, or left alone", PATIENCE, || async {
        Ok(match platform.client.desktop(id).await {
            Ok(desktop) => (desktop.desired != Desired::Destroyed).then_some(true),
            Err(error) => (error.code() == Some(Code::NotFound)).then_some(false),
        })
    })
    .await
}

/// The desktop once it is where it is wanted.
async fn at_rest(platform: &Platform, id: DesktopId) -> anyhow::Result<Desktop> {
    eventually("it comes to rest", PATIENCE, || async {
        let Ok(desktop) = platform.client.desktop(id).await else { return Ok(None) };
        let rests = match desktop.state {
            DesktopState::Running => desktop.desired == Desired::Running,
            DesktopState::Suspended => desktop.desired == Desired::Suspended,
            DesktopState::Stopped => desktop.desired == Desired::Stopped,
            DesktopState::Failed => bail!("it has failed: {desktop:?}"),
            DesktopState::Pending
            | DesktopState::Booting
            | DesktopState::Destroying
            | DesktopState::Destroyed => false,
        };
        // One that is to be restarted is running, too.
        let Ok(history) = platform.client.history(id).await else { return Ok(None) };
        let rests = rests && history.iter().all(|entry| entry.ended_at.is_some());
        let taking = platform.client.snapshots(&ListSnapshots { desktop: Some(id) }).await;
        let Ok(taking) = taking else { return Ok(None) };
        let taken = taking.iter().all(|snapshot| snapshot.state != SnapshotState::Taking);
        Ok((rests && taken).then_some(desktop))
    })
    .await
}

/// A fork has what its origin has, or says why it could not be made.
async fn settle_fork(platform: &Platform, fork: DesktopId, of: &Known) -> anyhow::Result<()> {
    let desktop = eventually("the fork is made or has failed", PATIENCE, || async {
        let Ok(desktop) = platform.client.desktop(fork).await else { return Ok(None) };
        Ok(matches!(desktop.state, DesktopState::Running | DesktopState::Failed).then_some(desktop))
    })
    .await?;
    if desktop.state == DesktopState::Running {
        let on_disk = platform.shell(fork, "cat token").await?;
        ensure!(on_disk.trim() == of.on_disk, "a fork's disk says {on_disk}");
    } else {
        ensure!(desktop.reason.as_deref() == Some("origin_gone"), "{desktop:?}");
    }
    platform.client.destroy_desktop(fork).await?;
    platform.wait_gone(fork).await
}

/// What lists can be made into a desktop: how many.
async fn check_snapshots(platform: &Platform, desktops: &[Known]) -> anyhow::Result<usize> {
    let all = platform.client.snapshots(&ListSnapshots::default()).await?;
    let ready: Vec<_> = all.iter().filter(|snapshot| snapshot.state == SnapshotState::Ready).collect();
    for snapshot in &ready {
        let of = desktops
            .iter()
            .find(|known| known.id == snapshot.desktop || known.was.contains(&snapshot.desktop));
        let of = of.context("of a desktop of ours")?;
        let made = platform.client.fork_snapshot(snapshot.id, &ForkDesktop::default()).await?;
        let fork = made.first().context("a fork")?.id;
        platform.wait_for(fork, DesktopState::Running).await?;
        let on_disk = platform.shell(fork, "cat token").await?;
        ensure!(on_disk.trim() == of.on_disk, "{snapshot:?} says {on_disk}");
        platform.client.destroy_desktop(fork).await?;
        platform.wait_gone(fork).await?;
    }
    for snapshot in &all {
        platform.client.delete_snapshot(snapshot.id).await?;
    }
    Ok(ready.len())
}
