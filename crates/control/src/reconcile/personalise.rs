//! Entering a machine for the first time in a start, and giving it what is personal.
//!
//! Order matters, because the process may end anywhere:
//!
//! ```text
//!  keep our new door key ─► open door ─► init: the guest takes our key, makes its own host key
//!                                        ─► pin that host key ─► keep this very connection
//! ```
//!
//! Cut short before `init`, the template's bootstrap key still opens; cut short after it, our
//! kept door key does, with a host key nobody has pinned yet. `init` may be repeated.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rolltop_door::{Door, HostKeyPolicy, InitError, Login, OpenError, generate_key};
use rolltop_engine::{Bootstrap, EngineError};
use rolltop_guest_protocol::InitRequest;
use rolltop_model::{Actor, FailReason, JobKind, MachineView, Observation, PowerView, Step, TemplateVersion};
use rolltop_store::{AccessEntry, Desktop, Identity, SshKey};
use rolltop_vault::random_bytes;
use secrecy::SecretString;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use crate::kernel::clock;
use crate::kernel::control::Kernel;
use crate::kernel::engine::ask;
use crate::kernel::fault::{Fault, chain};
use crate::kernel::state::default_state;
use crate::reconcile::steps::{done, end_step, unless_changed};

/// How long one step knocks before others get their turn.
const KNOCKING: Duration = Duration::from_secs(8);
const KNOCK_PAUSE: Duration = Duration::from_millis(200);
const ENGINE_DEADLINE: Duration = Duration::from_secs(30);

/// Each template's way in, asked for once.
#[derive(Default)]
pub(crate) struct Bootstraps(Mutex<HashMap<TemplateVersion, Bootstrap>>);
default_state!(Bootstraps);

impl Bootstraps {
    async fn get(&self, kernel: &Kernel, template: &TemplateVersion) -> Result<Bootstrap, Fault> {
        let mut known = self.0.lock().await;
        if let Some(bootstrap) = known.get(template) {
            return Ok(bootstrap.clone());
        }
        let bootstrap = ask(ENGINE_DEADLINE, kernel.engine.bootstrap(template)).await?;
        known.insert(template.clone(), bootstrap.clone());
        Ok(bootstrap)
    }
}

pub(crate) async fn personalise(
    kernel: &Kernel,
    desktop: &Desktop,
    step: Step,
    boot: u32,
    observed: Observation,
) -> Result<(), Fault> {
    kernel.store.begin_step(desktop.id, desktop.workspace, boot, "door", clock::now()).await?;
    let known = kernel.store.identity(desktop.id).await?;
    let quarantined = matches!(
        observed,
        Observation::Present(MachineView { power: PowerView::On { quarantined: true }, .. })
    );
    let logins = logins(kernel, desktop, known.as_ref(), quarantined).await?;
    let knocking = async {
        if desktop.record.resumed_boot != boot {
            return knock(kernel, desktop, &logins).await;
        }
        // Its owner is told soon that it does not answer, and one that says nothing at all would be listened to for longer.
        match timeout(kernel.config.limits.answer, knock(kernel, desktop, &logins)).await {
            Err(_) | Ok(Err(Fault::NotYet)) => {
                Err(Fault::wrong_because(FailReason::DoorTimeout, "nothing was heard of it"))
            }
            Ok(heard) => heard,
        }
    };
    let door = unless_changed(kernel, desktop, knocking).await??;
    end_step(kernel, desktop, boot, "door", None).await?;

    kernel.store.begin_step(desktop.id, desktop.workspace, boot, "personalise", clock::now()).await?;
    let identity = keep_identity(kernel, desktop, known).await?;
    let entry = AccessEntry { at: clock::now(), why: "personalise".to_owned(), who: Actor::PLATFORM };
    kernel.store.log_access(desktop.id, desktop.workspace, entry).await?;
    let keys = kernel.store.ssh_keys(desktop.workspace).await?;
    let given = crate::ssh::delivery::digest(&keys);
    let is_fork = desktop.origin.is_some() && desktop.record.ready_boot == 0;
    let steps = kernel.store.steps(desktop.id, boot).await?;
    let resumed = is_fork || steps.iter().any(|step| step.name == "resume");
    let wanted = request(desktop, &identity, keys, resumed, quarantined.then(|| door.host_key()));
    let reply = match door.init(&wanted).await {
        // Its program may be gone. Perhaps it was only slow, which is no reason to look.
        Err(InitError::Guest(_) | InitError::Reply(_) | InitError::HostKey)
            if kernel.mended(desktop.id, &door).await =>
        {
            door.init(&wanted).await
        }
        other => other,
    };
    let reply = reply.map_err(refused)?;
    // What sshd serves. Only in quarantine is it told to read another, since that is pinned then.
    let served =
        if reply.renewed || reply.reloaded { reply.host_public_key.as_str() } else { door.host_key() };
    let served = served.to_owned();
    if identity.host_key.as_ref().is_some_and(|pinned| *pinned != served) {
        if !quarantined {
            return Err(Fault::wrong_because(
                FailReason::PersonaliseFailed,
                "the guest has changed its host key",
            ));
        }
        tracing::warn!(desktop = %desktop.id, boot, "the guest has another host key, which is pinned from now on");
    }
    let after = done(desktop, step);
    // Kept first: who comes as soon as it runs is to use this one, and not to be hung up on by it.
    kernel.doors.adopt(desktop.id, door).await;
    let saved = kernel.store.save_personalised(desktop, &after, &served, clock::now()).await;
    if !matches!(saved, Ok(true)) {
        kernel.hang_up(desktop.id).await;
        saved?;
        return Err(Fault::Lost);
    }
    if reply.left_undone.is_empty() {
        kernel.store.set_authorized_digest(desktop.id, &given).await?;
    } else {
        // The keys, which are delivered again until the guest takes them. It runs all the same.
        let undone = reply.left_undone.len();
        tracing::warn!(desktop = %desktop.id, boot, undone, "not everything personal could be put into the guest");
    }
    // They may have changed since, or were not taken.
    if !reply.left_undone.is_empty()
        || crate::ssh::delivery::digest(&kernel.store.ssh_keys(desktop.workspace).await?) != given
    {
        kernel.store.ask_job(JobKind::DeliverKeys, desktop.id, clock::now()).await?;
    }
    end_step(kernel, desktop, boot, "personalise", None).await?;
    tracing::debug!(desktop = %desktop.id, boot, steps = ?reply.steps, "what personalising took in the guest");
    tracing::info!(desktop = %desktop.id, boot, renewed = reply.renewed, "personalised");
    Ok(())
}

/// The keys that may open, likeliest first.
async fn logins(
    kernel: &Kernel,
    desktop: &Desktop,
    known: Option<&Identity>,
    quarantined: bool,
) -> Result<Vec<Login>, Fault> {
    if let Some(Identity { door_key, host_key: Some(pinned), .. }) = known {
        let mut logins = vec![Login::new(door_key.clone(), HostKeyPolicy::Pinned(pinned.clone()))];
        if quarantined {
            // Its owner may have made other host keys, which must not lock them out.
            logins.push(Login::new(door_key.clone(), HostKeyPolicy::AnyInQuarantine));
        }
        return Ok(logins);
    }
    let (key, host_key) = first_key(kernel, desktop).await?;
    let mut logins = vec![Login::new(key.clone(), HostKeyPolicy::Pinned(host_key))];
    if quarantined {
        if desktop.origin.is_some() {
            // The owner of what it was forked from may have made other host keys since they were pinned.
            logins.push(Login::new(key, HostKeyPolicy::AnyInQuarantine));
        }
        if let Some(identity) = known {
            // Cut short earlier: perhaps the guest knows our key already.
            logins.push(Login::new(identity.door_key.clone(), HostKeyPolicy::AnyInQuarantine));
        }
    }
    Ok(logins)
}

/// The way into a machine that nobody has personalised yet, as a private key and the host's public one: the template's, or
/// that of what it was forked from.
async fn first_key(kernel: &Kernel, desktop: &Desktop) -> Result<(SecretString, String), Fault> {
    let Some(origin) = desktop.origin else {
        let bootstrap = kernel.state::<Bootstraps>().get(kernel, &desktop.template).await?;
        return Ok((bootstrap.private_key, bootstrap.host_key));
    };
    let identity = kernel.store.snapshot_identity(origin).await?;
    identity
        .and_then(|identity| Some((identity.door_key, identity.host_key?)))
        .ok_or_else(|| Fault::wrong_because(FailReason::OriginGone, "the way into its snapshot is gone"))
}

/// Tries until a door opens, all keys are refused, or others are to have their turn.
async fn knock(kernel: &Kernel, desktop: &Desktop, logins: &[Login]) -> Result<Door, Fault> {
    let give_up = Instant::now() + KNOCKING;
    loop {
        let mut turned_away = 0;
        let mut latest = Fault::wrong_because(FailReason::DoorTimeout, "there is no key to try");
        for login in logins {
            match open(kernel, desktop, login).await {
                Ok(door) => return Ok(door),
                Err(Knock::Host(error @ EngineError::Unreachable(_))) => return Err(Fault::Silent(error)),
                // The machine has gone: look again.
                Err(Knock::Host(EngineError::NotRunning | EngineError::UnknownDesktop)) => {
                    return Err(Fault::wrong_because(FailReason::DoorTimeout, "the machine is not running"));
                }
                Err(Knock::Host(error)) => latest = Fault::wrong(FailReason::DoorTimeout, &error),
                Err(Knock::Door(error)) => {
                    if matches!(error, OpenError::Refused | OpenError::WrongHostKey { .. }) {
                        turned_away += 1;
                    }
                    tracing::debug!(desktop = %desktop.id, error = chain(&error), "the door did not open");
                    latest = Fault::wrong(FailReason::DoorTimeout, &error);
                }
            }
        }
        if turned_away == logins.len() {
            return Err(latest);
        }
        if Instant::now() >= give_up {
            return Err(Fault::NotYet);
        }
        sleep(KNOCK_PAUSE).await;
    }
}

enum Knock {
    Host(EngineError),
    Door(OpenError),
}

async fn open(kernel: &Kernel, desktop: &Desktop, login: &Login) -> Result<Door, Knock> {
    let stream = kernel.engine.connect(desktop.id).await.map_err(Knock::Host)?;
    Door::open(stream, login).await.map_err(Knock::Door)
}

/// Our key to this desktop: the one kept before, or a new one, kept before the guest learns of it.
async fn keep_identity(
    kernel: &Kernel,
    desktop: &Desktop,
    known: Option<Identity>,
) -> Result<Identity, Fault> {
    if let Some(identity) = known {
        return Ok(identity);
    }
    let (door_key, public) =
        generate_key().map_err(|error| Fault::wrong(FailReason::PersonaliseFailed, &error))?;
    kernel.store.keep_door_key(desktop.id, desktop.fence, &door_key, &public).await?.ok_or(Fault::Lost)
}

fn request(
    desktop: &Desktop,
    identity: &Identity,
    keys: Vec<SshKey>,
    resumed: bool,
    shown: Option<&str>,
) -> InitRequest {
    InitRequest {
        desktop: desktop.id.to_string(),
        hostname: desktop.name.to_string(),
        unix_time_ns: Timestamp::now().as_nanosecond(),
        entropy: STANDARD.encode(random_bytes::<64>()),
        door_public_key: identity.door_public_key.clone(),
        authorized_keys: keys.into_iter().map(|key| key.public_key).collect(),
        timezone: None,
        resumed,
        host_key_shown: shown.map(str::to_owned),
    }
}

fn refused(error: InitError) -> Fault {
    let detail = match &error {
        InitError::Guest(sentence) => Some(sentence.clone()),
        InitError::Exec(_) | InitError::Request(_) | InitError::Reply(_) | InitError::HostKey => None,
    };
    Fault::Wrong { reason: FailReason::PersonaliseFailed, why: chain(&error), detail }
}
