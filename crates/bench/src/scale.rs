//! `scale`: how the platform does with many desktops, over simulated machines, through its HTTPS port. One grows from a hundred
//! desktops to ten thousand, of which a fifth run, in two hundred workspaces, and is measured on the way.
//!
//! With `ROLLTOP_TEST_POSTGRES`, as `scripts/with-postgres` gives it, its rows are there.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use rolltop_api_types::{
    Client, ClientError, CreateDesktop, DesktopState, ListDesktops, ListSnapshots, Scope,
};
use rolltop_model::{DesktopId, WorkspaceId};
use rolltop_store::{Location, NewApiKey, Postgres, Store};
use rolltop_vault::{TokenKind, Vault, hash_token, new_token};
use rolltop_vm_tests::{Options, Platform, eventually};
use secrecy::SecretString;

use crate::cpu;
use crate::density::kib;
use crate::report::{median, percentile, value};

/// Machines that are there at once, so that none is waited for.
const ENGINE: &str = "sim-instant";
/// Desktops at which is measured.
const SIZES: [usize; 3] = [100, 1_000, 10_000];
const WORKSPACES: usize = 200;
/// One of so many runs.
const RUNNING: usize = 5;
/// Made before the next are, so that what does not stay on never is on all at once.
const BATCH: usize = 500;
/// Asked at the same time, by who has two processors with all that answers.
const ASKERS: usize = 2;
/// Of each kind.
const REQUESTS: usize = 2_000;
/// Commands whose lag is measured.
const COMMANDS: usize = 100;
/// For what was asked for to come to an end.
const SETTLE: Duration = Duration::from_secs(10);
/// How long the processor time of one at rest is counted.
const AT_REST: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(900);

/// A desktop, and who has it.
type Owned = (Client, DesktopId);

pub async fn all() -> anyhow::Result<()> {
    let postgres = std::env::var("ROLLTOP_TEST_POSTGRES").ok();
    let database =
        postgres.as_deref().map_or_else(String::new, |url| format!("[database]\nurl = \"{url}\"\n"));
    let configuration = format!("[api]\nmax_desktops = 100000\n{database}");
    let options = Options { configuration, engine: ENGINE, ..Options::simulated_of("release")? };
    let platform = Platform::start(options).await?;
    let location = match &postgres {
        Some(url) => Location::Postgres(Postgres { url: url.clone(), password: None }),
        None => Location::Sqlite(platform.data().join("api/rolltop.db")),
    };
    let vault = Vault::open_or_create(&platform.data().join("api/vault.key"))?;
    let store = Store::open(&location, vault).await?;
    let mut owners = Vec::new();
    for number in 0..WORKSPACES {
        let workspace = store.insert_workspace(&format!("Workspace {number}"), Timestamp::now()).await?.id;
        owners.push(platform.client.with_token(&key_of(&store, workspace).await?)?);
    }
    let suffix = if postgres.is_some() { "_postgres" } else { "" };
    let (mut running, mut resting) = (Vec::new(), Vec::new());
    for size in SIZES {
        grow(&store, &owners, size, &mut running, &mut resting).await?;
        let name = |what: &str| format!("scale_{size}_{what}{suffix}");
        answers(&name, &running, &resting).await?;
        lag(&name, &resting).await?;
        at_rest(&name, &platform).await?;
    }
    burst(&format!("scale_creates{suffix}"), &owners).await
}

/// A key with all scopes.
async fn key_of(store: &Store, workspace: WorkspaceId) -> anyhow::Result<SecretString> {
    let token = new_token(TokenKind::ApiKey);
    let new = NewApiKey {
        workspace,
        name: "bench".to_owned(),
        token: hash_token(&token),
        scopes: Scope::ALL.iter().map(|scope| scope.as_str().to_owned()).collect(),
        desktop: None,
        expires_at: None,
        maker: None,
        limit: 1,
    };
    store.insert_api_key(new, Timestamp::now()).await?;
    Ok(token)
}

/// Makes as many as are missing, and stops those that are not to run.
async fn grow(
    store: &Store,
    owners: &[Client],
    size: usize,
    running: &mut Vec<Owned>,
    resting: &mut Vec<Owned>,
) -> anyhow::Result<()> {
    while running.len() + resting.len() < size {
        let first = running.len() + resting.len();
        let more = BATCH.min(size - first);
        let made = make(owners, first, more).await?;
        settled(store).await?;
        let (on, off): (Vec<_>, Vec<_>) =
            made.into_iter().enumerate().partition(|(number, _)| (first + number).is_multiple_of(RUNNING));
        let off: Vec<Owned> = off.into_iter().map(|(_, owned)| owned).collect();
        stream::iter(&off)
            .map(async |(client, id)| client.stop_desktop(*id).await)
            .buffer_unordered(ASKERS)
            .try_for_each(async |_| Ok(()))
            .await?;
        settled(store).await?;
        running.extend(on.into_iter().map(|(_, owned)| owned));
        resting.extend(off);
        eprintln!("{} desktops", running.len() + resting.len());
    }
    Ok(())
}

/// Asks for desktops, of each owner in turn.
async fn make(owners: &[Client], first: usize, count: usize) -> Result<Vec<Owned>, ClientError> {
    stream::iter((first..first + count).zip(owners.iter().cycle().skip(first % owners.len())))
        .map(async |(number, owner)| {
            let client = owner.clone();
            let wanted = CreateDesktop { name: Some(format!("desk-{number}")), ..CreateDesktop::default() };
            let id = client.create_desktop(&wanted, None).await?.id;
            Ok((client, id))
        })
        .buffered(8 * ASKERS)
        .try_collect()
        .await
}

/// Until every desktop is as is wanted.
async fn settled(store: &Store) -> anyhow::Result<()> {
    eventually("the desktops are as is wanted", PATIENCE, || async {
        let all = store.standings(ENGINE).await?;
        let is_settled = |standing: &rolltop_store::Standing| {
            let (state, desired) = (standing.record.state.name(), standing.record.desired.as_str());
            state == desired
        };
        Ok(all.iter().all(is_settled).then_some(()))
    })
    .await
}

/// How long those who ask at the same time wait for answers.
async fn answers(name: &impl Fn(&str) -> String, running: &[Owned], resting: &[Owned]) -> anyhow::Result<()> {
    let all: Vec<&Owned> = running.iter().chain(resting).collect();
    asked(name, "list", &all, async |(client, _)| {
        client.desktops(&ListDesktops { limit: Some(50), ..ListDesktops::default() }).await.map(drop)
    })
    .await?;
    asked(name, "get", &all, async |(client, id)| client.desktop(*id).await.map(drop)).await?;
    asked(name, "snapshots", &all, async |(client, _)| {
        client.snapshots(&ListSnapshots::default()).await.map(drop)
    })
    .await?;
    asked(name, "history", &all, async |(client, id)| client.history(*id).await.map(drop)).await
}

async fn asked(
    name: &impl Fn(&str) -> String,
    what: &str,
    all: &[&Owned],
    ask: impl AsyncFn(&Owned) -> Result<(), ClientError>,
) -> anyhow::Result<()> {
    // A step that has no divisor with their number, so that who asks changes each time.
    let took: Vec<f64> = stream::iter(all.iter().cycle().step_by(7919).take(REQUESTS))
        .map(async |owned| {
            let began = Instant::now();
            ask(owned).await?;
            Ok::<_, ClientError>(began.elapsed().as_secs_f64() * 1000.0)
        })
        .buffer_unordered(ASKERS)
        .try_collect()
        .await?;
    value(&name(what), "ms", &[median(&took)])?;
    value(&name(&format!("{what}_p99")), "ms", &[percentile(&took, 99)])
}

/// From the answer to a command until something is done for it.
async fn lag(name: &impl Fn(&str) -> String, resting: &[Owned]) -> anyhow::Result<()> {
    let mut took = Vec::new();
    for (client, id) in resting.iter().step_by((resting.len() / COMMANDS).max(1)).take(COMMANDS) {
        client.start_desktop(*id).await?;
        let began = Instant::now();
        loop {
            let desktop = client.desktop(*id).await?;
            if !matches!(desktop.state, DesktopState::Stopped | DesktopState::Pending) {
                break;
            }
        }
        took.push(began.elapsed().as_secs_f64() * 1000.0);
        eventually("it runs", PATIENCE, || async {
            Ok((client.desktop(*id).await?.state == DesktopState::Running).then_some(()))
        })
        .await?;
        client.stop_desktop(*id).await?;
    }
    value(&name("lag"), "ms", &[median(&took)])?;
    value(&name("lag_p99"), "ms", &[percentile(&took, 99)])
}

/// What the api takes while nobody asks anything.
async fn at_rest(name: &impl Fn(&str) -> String, platform: &Platform) -> anyhow::Result<()> {
    tokio::time::sleep(SETTLE).await; // what the commands have left to do
    let api = platform.role("api")?;
    let before = cpu::seconds(&[api])?;
    tokio::time::sleep(AT_REST).await; // the figure is over this time
    let used = (cpu::seconds(&[api])? - before) / AT_REST.as_secs_f64();
    value(&name("api_at_rest"), "% of a processor", &[used * 100.0])?;
    let resident = kib(&format!("/proc/{api}/status"), "VmRSS:")? * 1024.0 / 1e6;
    value(&name("api_memory"), "MB", &[resident])
}

/// How many desktops are accepted a second, of a thousand that are asked for as quickly as they are taken.
async fn burst(name: &str, owners: &[Client]) -> anyhow::Result<()> {
    let count = 1_000;
    let began = Instant::now();
    let made = make(owners, 1_000_000, count).await.context("a create was refused")?;
    #[expect(clippy::cast_precision_loss, reason = "a thousand")]
    value(name, "desktops/s", &[made.len() as f64 / began.elapsed().as_secs_f64()])
}
