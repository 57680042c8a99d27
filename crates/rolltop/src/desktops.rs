//! Desktops: making, listing, showing, starting, stopping, suspending and destroying them.

use std::convert::Infallible;
use std::io::{self, IsTerminal as _};
use std::process::{Command, Stdio};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use rolltop_api_types::{
    ClientError, Code, CreateDesktop, Desired, Desktop, DesktopState, ListDesktops, Step, StepStatus,
    UpdateDesktop,
};
use rolltop_model::DesktopId;
use serde_json::json;

use crate::connect::Connection;
use crate::failure::{Exit, Failure};
use crate::find;
use crate::output::{Colour, ago, confirmed, plain, print, print_json, print_table, size};
use crate::setup::{self, Prepare};
use crate::wait::{self, Seen, Wait};

/// Of the labels in a list, characters.
const LABELS_SHOWN: usize = 40;

#[derive(Args)]
pub struct New {
    /// Its name, also its host name; chosen for you where it is absent
    pub name: Option<String>,
    /// s (2 vCPU, 2 GiB, 20 GiB disk), m (2, 4, 40) or l (4, 8, 80)
    #[arg(long, short)]
    pub size: Option<String>,
    /// The template to make it from
    #[arg(long, short)]
    pub template: Option<String>,
    /// The size that its screen keeps, such as 1280x800; by default it follows the window of whoever uses it
    #[arg(long, value_name = "WIDTHxHEIGHT")]
    pub screen: Option<String>,
    /// What it is to be found by; can be given several times
    #[arg(long = "label", short = 'l', value_name = "KEY[=VALUE]", value_parser = label_of)]
    pub labels: Vec<(String, Option<String>)>,
    /// Free text about it
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    #[command(flatten)]
    pub prepare: Prepare,
    #[command(flatten)]
    pub wait: Wait,
}

#[derive(Args)]
pub struct List {
    /// Only those whose name contains this, or with the label KEY=VALUE
    pub text: Option<String>,
    /// Only those in this state: running, suspended, stopped, failed …
    #[arg(long)]
    pub state: Option<String>,
    /// Only those with this label, or with any value of this key; several with commas: with all of them
    #[arg(long, short, value_name = "KEY[=VALUE]")]
    pub label: Option<String>,
    /// Only ids
    #[arg(long, short)]
    pub quiet: bool,
}

#[derive(Args)]
pub struct Label {
    /// The desktop
    pub name: String,
    /// Labels to set, and with a - after the key those to remove
    #[arg(value_name = "KEY[=VALUE]|KEY-", value_parser = label_change)]
    pub labels: Vec<(String, Option<String>)>,
    /// Free text about it; an empty one removes it
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
}

fn label_of(text: &str) -> Result<(String, Option<String>), Infallible> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    Ok((key.to_owned(), Some(value.to_owned())))
}

fn label_change(text: &str) -> Result<(String, Option<String>), Infallible> {
    match text.strip_suffix('-').filter(|key| !key.contains('=')) {
        Some(key) => Ok((key.to_owned(), None)),
        None => label_of(text),
    }
}

#[derive(Args)]
pub struct Which {
    /// The desktops
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    #[command(flatten)]
    pub wait: Wait,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    On,
    Off,
}

#[derive(Args)]
pub struct ResizeDesktop {
    /// The desktop
    pub name: String,
    /// s, m or l
    #[arg(long, required_unless_present = "disk")]
    pub size: Option<String>,
    /// GiB, which can only be more than before
    #[arg(long, value_name = "GIB")]
    pub disk: Option<u64>,
    /// Restart it, if that is needed for the new size; programs in it end
    #[arg(long)]
    pub restart: bool,
    #[command(flatten)]
    pub wait: Wait,
}

#[derive(Args)]
pub struct Remove {
    /// The desktops
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Keep nothing, not even for a day
    #[arg(long)]
    pub for_good: bool,
    #[command(flatten)]
    pub wait: Wait,
}

/// `rolltop new`
pub async fn new(connection: &Connection, new: &New) -> Result<u8, Failure> {
    let setup = setup::wanted(&new.prepare)?;
    let is_set_up = setup.is_some();
    let (name, template, size) = (new.name.clone(), new.template.clone(), new.size.clone());
    let (screen, note) = (new.screen.clone(), new.note.clone());
    let labels = new.labels.iter().map(|(key, value)| (key.clone(), value.clone().unwrap_or_default()));
    let labels = Some(labels.collect()).filter(|_| !new.labels.is_empty());
    let wanted = CreateDesktop { name, template, size, screen, labels, note, setup };
    let mut desktop = connection.client.create_desktop(&wanted, None).await?;
    if new.wait.wait {
        desktop = reached(connection, &desktop, &new.wait, DesktopState::Running, None).await?;
        if is_set_up {
            setup::over(connection, &desktop, &new.wait).await?;
        }
    }
    connection.tell(&desktop, || format!("{} {} ({})\n", desktop.name, state_of(&desktop), desktop.id))
}

/// `rolltop ls`
pub async fn list(connection: &Connection, list: &List) -> Result<u8, Failure> {
    let state = list.state.as_deref().map(known_state).transpose()?;
    let (q, label) = (list.text.clone(), list.label.clone());
    let is_narrowed = state.is_some() || q.is_some() || label.is_some();
    let which = ListDesktops { state, q, label, ..ListDesktops::default() };
    let all = connection.client.all_desktops_of(which).await?;
    if connection.json {
        return print_json(&json!({"items": all}));
    }
    if list.quiet {
        return print(&all.iter().map(|desktop| format!("{}\n", desktop.id)).collect::<String>());
    }
    let is_labelled = all.iter().any(|desktop| !desktop.choices.labels.is_empty());
    let none =
        if is_narrowed { "No desktop has all that." } else { "No desktops; rolltop new NAME makes one." };
    let rows = all.into_iter().map(|desktop| {
        let labels = shortened(&desktop.choices.labels.to_string());
        let (state, colour) = (state_of(&desktop).to_owned(), colour(&desktop));
        let cell = |text| (text, Colour::Plain);
        [
            cell(desktop.name),
            (state, colour),
            cell(desktop.size.as_str().to_owned()),
            cell(desktop.memory_bytes.map(size).unwrap_or_default()),
            cell(desktop.template),
            cell(desktop.last_used_at.map(ago).unwrap_or_default()),
            cell(ago(desktop.created_at)),
            cell(labels),
            cell(desktop.id.to_string()),
        ]
    });
    let heads = ["NAME", "STATE", "SIZE", "MEMORY", "TEMPLATE", "USED", "AGE", "LABELS", "ID"];
    if is_labelled {
        return print_table(heads, rows, "");
    }
    print_table(unlabelled(heads), rows.map(unlabelled), none)
}

/// As much of the labels as leaves room for the rest.
fn shortened(labels: &str) -> String {
    match labels.char_indices().nth(LABELS_SHOWN) {
        Some((end, _)) => format!("{}…", labels.get(..end).unwrap_or_default()),
        None => labels.to_owned(),
    }
}

/// Where no desktop has any, there is no column for them.
fn unlabelled<T>([name, state, size, memory, template, used, age, _, id]: [T; 9]) -> [T; 8] {
    [name, state, size, memory, template, used, age, id]
}

fn known_state(text: &str) -> Result<DesktopState, Failure> {
    DesktopState::ALL.iter().copied().find(|state| state.as_str() == text).ok_or_else(|| {
        let all: Vec<&str> = DesktopState::ALL.iter().map(|state| state.as_str()).collect();
        Failure::usage(format!("There is no state {text}; there are {}.", all.join(", ")))
    })
}

/// `rolltop show`
pub async fn show(connection: &Connection, name: &str) -> Result<u8, Failure> {
    let id = find::to_look_at(connection, name).await?.id;
    let desktop = connection.client.desktop(id).await?;
    if connection.json {
        return print_json(&desktop);
    }
    let Desktop { size: kind, vcpus, memory_mib, disk_gib, created_at, .. } = desktop;
    let gib = memory_mib / 1024;
    let of_the_host = |bytes| format!("{} of the host's", size(bytes));
    let facts = [
        ("id", Some(desktop.id.to_string())),
        ("state", Some(state_of(&desktop).to_owned())),
        ("because", desktop.detail.clone()),
        ("size", Some(format!("{kind}: {vcpus} vCPU, {gib} GiB, {disk_gib} GiB disk"))),
        ("labels", Some(desktop.choices.labels.to_string()).filter(|labels| !labels.is_empty())),
        ("note", Some(desktop.choices.note.as_str().replace('\n', " ")).filter(|note| !note.is_empty())),
        ("screen", desktop.choices.screen.map(|screen| screen.to_string())),
        ("template", Some(desktop.template.clone())),
        ("created", Some(format!("{created_at} ({} ago)", ago(created_at)))),
        ("running", desktop.started_at.map(|started| format!("for {}", ago(started)))),
        ("memory", desktop.memory_bytes.map(of_the_host)),
        ("disk", desktop.disk_bytes.map(of_the_host)),
        ("browser", Some(page(connection, desktop.id))),
    ];
    let steps = desktop.steps.iter().flatten().map(|step| ("step", Some(step_line(step))));
    let lines = facts.into_iter().chain(steps).filter_map(|(head, value)| Some((head, value?)));
    let lines = lines.map(|(head, value)| format!("  {head:<10} {}\n", plain(&value)));
    print(&format!("{}\n{}", desktop.name, lines.collect::<String>()))
}

fn step_line(step: &Step) -> String {
    let took =
        step.ended_at.map(|ended| format!("{:.2} s", ended.duration_since(step.started_at).as_secs_f64()));
    let status = match step.status {
        StepStatus::Running => "running".to_owned(),
        StepStatus::Done => took.unwrap_or_default(),
        StepStatus::Failed => format!("failed: {}", step.detail.as_deref().unwrap_or("no reason is known")),
    };
    format!("{:<12} {status}", step.name)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Start,
    Stop,
    Suspend,
    Resume,
    Restart,
}

/// `rolltop start`, `stop`, `suspend`, `resume`, `restart`
pub async fn act(connection: &Connection, which: &Which, action: Action) -> Result<u8, Failure> {
    let desktops = all_of(connection, &which.names).await?;
    // A restart is over once it runs since another time.
    let before: Vec<_> =
        desktops.iter().map(|desktop| desktop.started_at.filter(|_| action == Action::Restart)).collect();
    let mut changed = Vec::new();
    for desktop in desktops {
        let result = match action {
            // The only way on with what was to start, and it has no command of its own.
            Action::Start | Action::Resume if desktop.state == DesktopState::Failed => {
                connection.client.retry_desktop(desktop.id).await
            }
            Action::Start => connection.client.start_desktop(desktop.id).await,
            Action::Stop => connection.client.stop_desktop(desktop.id).await,
            Action::Suspend => connection.client.suspend_desktop(desktop.id).await,
            Action::Resume => connection.client.resume_desktop(desktop.id).await,
            Action::Restart => connection.client.restart_desktop(desktop.id).await,
        };
        changed.push(result.map_err(|error| about(&desktop.name, error))?);
    }
    if which.wait.wait {
        let wanted = match action {
            Action::Start | Action::Resume | Action::Restart => DesktopState::Running,
            Action::Stop => DesktopState::Stopped,
            Action::Suspend => DesktopState::Suspended,
        };
        for (desktop, before) in changed.iter_mut().zip(before) {
            *desktop = reached(connection, desktop, &which.wait, wanted, before).await?;
        }
    }
    tell(connection, &changed)
}

/// `rolltop end-processes`
pub async fn end_processes(connection: &Connection, names: &[String]) -> Result<u8, Failure> {
    let mut ended = Vec::new();
    for desktop in all_of(connection, names).await? {
        let result = connection.client.end_processes(desktop.id).await;
        ended.push(result.map_err(|error| about(&desktop.name, error))?);
    }
    tell(connection, &ended)
}

/// `rolltop resize`
pub async fn resize(connection: &Connection, wanted: &ResizeDesktop) -> Result<u8, Failure> {
    let before = find::desktop(connection, &wanted.name).await?;
    let change =
        UpdateDesktop { size: wanted.size.clone(), disk_gib: wanted.disk, ..UpdateDesktop::default() };
    let mut desktop = connection.client.update_desktop(before.id, &change).await?;
    if desktop.restart_needed && wanted.restart {
        desktop = connection.client.restart_desktop(before.id).await?;
        if wanted.wait.wait {
            let since = before.started_at;
            desktop = reached(connection, &desktop, &wanted.wait, DesktopState::Running, since).await?;
        }
    }
    connection.tell(&desktop, || {
        let later = if desktop.restart_needed { "; processors and memory once it is restarted" } else { "" };
        format!("{}: size {}, {} GiB{later}\n", desktop.name, desktop.size, desktop.disk_gib)
    })
}

/// `rolltop rm`
pub async fn remove(connection: &Connection, which: &Remove) -> Result<u8, Failure> {
    let desktops = all_of(connection, &which.names).await?;
    if !which.yes {
        confirm(&desktops, which.for_good)?;
    }
    let mut changed = Vec::new();
    for desktop in desktops {
        let result = match which.for_good {
            true => connection.client.destroy_desktop(desktop.id).await,
            false => connection.client.delete_desktop(desktop.id).await,
        };
        changed.push(result.map_err(|error| about(&desktop.name, error))?);
    }
    if which.wait.wait {
        for desktop in &mut changed {
            gone(connection, desktop, &which.wait).await?;
        }
    }
    tell(connection, &changed)
}

fn confirm(desktops: &[Desktop], for_good: bool) -> Result<(), Failure> {
    let names: Vec<&str> = desktops.iter().map(|desktop| desktop.name.as_str()).collect();
    let names = names.join(", ");
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(format!("Give --yes to destroy {names}; nobody can be asked here.")));
    }
    let how = if for_good { "for good" } else { "and keep what is on it for a day" };
    if confirmed(&format!("Destroy {names}, {how}? Type yes: "))? {
        return Ok(());
    }
    Err(Failure::new(Exit::Failed, "not_confirmed", "Nothing was destroyed."))
}

async fn all_of(connection: &Connection, names: &[String]) -> Result<Vec<Desktop>, Failure> {
    let mut desktops: Vec<Desktop> = Vec::new();
    for name in names {
        let desktop = find::desktop(connection, name).await?;
        if desktops.iter().all(|known| known.id != desktop.id) {
            desktops.push(desktop);
        }
    }
    Ok(desktops)
}

fn about(name: &str, error: ClientError) -> Failure {
    let failure = Failure::from(error);
    Failure { detail: format!("{name}: {}", failure.detail), ..failure }
}

pub(crate) fn tell(connection: &Connection, desktops: &[Desktop]) -> Result<u8, Failure> {
    connection.tell(&json!({"items": desktops}), || {
        let lines = desktops.iter().map(|desktop| format!("{} {}\n", desktop.name, state_of(desktop)));
        lines.collect()
    })
}

/// The same of desktops that are being made, once they run if that is to be waited for.
pub(crate) async fn tell_made(
    connection: &Connection,
    mut made: Vec<Desktop>,
    wait: &Wait,
) -> Result<u8, Failure> {
    if wait.wait {
        for desktop in &mut made {
            *desktop = reached(connection, desktop, wait, DesktopState::Running, None).await?;
        }
    }
    tell(connection, &made)
}

/// Waits for a state, in which it was not since `before`. One that has failed says why.
pub(crate) async fn reached(
    connection: &Connection,
    desktop: &Desktop,
    wait: &Wait,
    wanted: DesktopState,
    before: Option<Timestamp>,
) -> Result<Desktop, Failure> {
    wait::until(wait, async || {
        let desktop = connection.client.desktop(desktop.id).await?;
        let is_settled = is_wanted(desktop.desired, wanted);
        let is_again = before.is_none() || desktop.started_at != before;
        if desktop.state == wanted && is_settled && is_again {
            return Ok(Seen::Done(desktop));
        }
        if desktop.state == DesktopState::Failed {
            let detail = desktop.detail.unwrap_or_else(|| "no reason is known".to_owned());
            return Err(Failure::failed(format!("{} has failed: {detail}", desktop.name)));
        }
        if wanted == DesktopState::Suspended && desktop.state == DesktopState::Running && !is_settled {
            let detail = desktop.detail.unwrap_or_else(|| "somebody wants it to run".to_owned());
            let detail = format!("{} was not suspended and goes on running: {detail}", desktop.name);
            return Err(Failure::new(Exit::Failed, "not_suspended", detail));
        }
        let step = desktop.steps.iter().flatten().rev().find(|step| step.status == StepStatus::Running);
        let doing = step.map_or_else(|| state_of(&desktop), |step| &step.name);
        let late = format!("{} is {}", desktop.name, state_of(&desktop));
        Ok(Seen::not(wait, format!("{}: {doing}", desktop.name), &late))
    })
    .await
}

/// Whether what the owner wants by now leads to that state.
fn is_wanted(desired: Desired, state: DesktopState) -> bool {
    match desired {
        Desired::Running => state == DesktopState::Running,
        Desired::Suspended => state == DesktopState::Suspended,
        Desired::Stopped => state == DesktopState::Stopped,
        Desired::Destroyed => false,
    }
}

async fn gone(connection: &Connection, desktop: &mut Desktop, wait: &Wait) -> Result<(), Failure> {
    wait::until(wait, async || {
        match connection.client.desktop(desktop.id).await {
            Ok(now) => *desktop = now,
            Err(error) if error.code() == Some(Code::NotFound) => {
                desktop.state = DesktopState::Destroyed;
                return Ok(Seen::Done(()));
            }
            Err(error) => return Err(error.into()),
        }
        let late = format!("{} is still being destroyed after {} s.", desktop.name, wait.timeout);
        Ok(Seen::Not { doing: format!("{}: destroying", desktop.name), more: String::new(), late })
    })
    .await
}

fn state_of(desktop: &Desktop) -> &'static str {
    match (desktop.state, desktop.desired) {
        (DesktopState::Running, Desired::Stopped) => "stopping",
        (DesktopState::Running, Desired::Suspended) => "suspending",
        (DesktopState::Running, Desired::Running) if desktop.not_answering.is_some() => "not answering",
        (state, _) => state.as_str(),
    }
}

fn colour(desktop: &Desktop) -> Colour {
    match desktop.state {
        DesktopState::Running if desktop.not_answering.is_some() => Colour::Red,
        DesktopState::Running => Colour::Green,
        DesktopState::Failed => Colour::Red,
        DesktopState::Pending | DesktopState::Booting | DesktopState::Destroying => Colour::Yellow,
        DesktopState::Suspended | DesktopState::Stopped | DesktopState::Destroyed => Colour::Grey,
    }
}

fn page(connection: &Connection, id: DesktopId) -> String {
    format!("{}/desktops/{id}", connection.address)
}

/// `rolltop open`
pub async fn open(connection: &Connection, name: &str, only_print: bool) -> Result<u8, Failure> {
    let address = page(connection, find::to_look_at(connection, name).await?.id);
    if connection.json {
        return print_json(&json!({"url": address}));
    }
    if only_print {
        return print(&format!("{address}\n"));
    }
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let quiet = || Stdio::null();
    let opened = Command::new(opener).arg(&address).stdin(quiet()).stdout(quiet()).stderr(quiet()).status();
    match opened {
        Ok(status) if status.success() => Ok(0),
        Ok(_) | Err(_) => {
            let detail = format!("No browser could be opened here; the address is {address}");
            Err(Failure::new(Exit::Failed, "no_browser", detail))
        }
    }
}

/// `rolltop autostart`
pub async fn autostart(connection: &Connection, name: &str, wanted: Switch) -> Result<u8, Failure> {
    let desktop = find::desktop(connection, name).await?;
    let change = UpdateDesktop { autostart: Some(wanted == Switch::On), ..UpdateDesktop::default() };
    tell(connection, &[connection.client.update_desktop(desktop.id, &change).await?])
}

/// `rolltop screen`
pub async fn screen(connection: &Connection, name: &str, wanted: Option<&str>) -> Result<u8, Failure> {
    let mut desktop = find::desktop(connection, name).await?;
    if let Some(wanted) = wanted {
        let change = UpdateDesktop { screen: Some(wanted.to_owned()), ..UpdateDesktop::default() };
        desktop = connection.client.update_desktop(desktop.id, &change).await?;
    }
    connection.tell(&desktop, || match &desktop.choices.screen {
        Some(size) => format!("{}: {size}, whoever looks at it\n", desktop.name),
        None => format!("{}: follows the window of whoever uses it\n", desktop.name),
    })
}

/// `rolltop label`
pub async fn label(connection: &Connection, wanted: &Label) -> Result<u8, Failure> {
    let mut desktop = find::desktop(connection, &wanted.name).await?;
    let labels = Some(wanted.labels.iter().cloned().collect()).filter(|_| !wanted.labels.is_empty());
    let change = UpdateDesktop { labels, note: wanted.note.clone(), ..UpdateDesktop::default() };
    if change.chooses() {
        desktop = connection.client.update_desktop(desktop.id, &change).await?;
    }
    connection.tell(&desktop, || {
        let choices = &desktop.choices;
        let labels =
            if choices.labels.is_empty() { "no labels".to_owned() } else { choices.labels.to_string() };
        let note = choices.note.as_str().lines().map(|line| format!("  {line}\n"));
        format!("{}: {labels}\n{}", desktop.name, note.collect::<String>())
    })
}

/// `rolltop history`
pub async fn history(connection: &Connection, name: &str) -> Result<u8, Failure> {
    let desktop = find::to_look_at(connection, name).await?;
    let found = connection.client.history(desktop.id).await?;
    let rows = found.iter().map(|entry| {
        let took = entry.ended_at.map(|end| end.duration_since(entry.began_at).as_secs_f64());
        let took = took.map_or_else(|| "…".to_owned(), |seconds| format!("{seconds:.1} s"));
        let about = entry.error.clone().or(entry.detail.clone()).unwrap_or_default();
        [ago(entry.began_at), entry.kind.replace('_', " "), entry.actor.clone(), took, about]
    });
    let heads = ["AGE", "WHAT", "BY", "TOOK", "ABOUT"];
    connection.list(&json!({ "items": found }), heads, rows, "Nothing in the last 30 days.")
}

/// `rolltop logs`
pub async fn logs(connection: &Connection, name: &str) -> Result<u8, Failure> {
    let id = find::to_look_at(connection, name).await?.id;
    let text = connection.client.console(id).await?;
    connection.tell(&json!({"id": id, "console": text}), || plain(&text))
}
