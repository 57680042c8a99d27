//! Desktops for pages to show: some that run, and one in every state that a desktop can be in.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rolltop_api_types::{
    Client, CreateApiKey, CreateDesktop, CreateHold, CreateSnapshot, CreateSshKey, Desktop, DesktopState,
    SaveCondition, SaveTemplate, SavedTemplateState, Schedule, Scope, SetPassword, SleepPolicy,
    SnapshotState,
};
use rolltop_engine::{EngineError, OffReason, Shortage, Writing};
use rolltop_model::{DesktopId, SnapshotSchedule, Usage, UsagePoint};
use rolltop_sim::Operation;
use secrecy::SecretString;

use crate::{Platform, eventually};

/// Who the owner of a furnished platform is, and with which password.
pub const NAME: &str = "sam";
pub const PASSWORD: &str = "a walnut desk";

const LAPTOP: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBMSExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8w sam@laptop";
const WORKSTATION: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl9g old-workstation";
const LONG_NAME: &str = "atlas-of-remote-islands-and-other-places";

impl Platform {
    /// The owner with a name and a password, and a session of theirs.
    pub async fn person(&self) -> (Client, SecretString) {
        let (person, token) = self.session_with_token().await;
        let password = SetPassword { name: NAME.to_owned(), present: None, password: PASSWORD.into() };
        person.set_password(&password).await.unwrap();
        (person, token)
    }

    /// Desktops with these names and the smallest size, which run when this returns.
    pub async fn run(&self, names: &[&str]) {
        let sized: Vec<_> = names.iter().map(|name| (*name, "s")).collect();
        self.run_sized(&sized).await;
    }

    async fn run_sized(&self, wanted: &[(&str, &str)]) -> Vec<DesktopId> {
        let mut made = Vec::new();
        for (name, size) in wanted {
            let wanted = CreateDesktop {
                name: Some((*name).to_owned()),
                size: Some((*size).to_owned()),
                ..CreateDesktop::default()
            };
            made.push(self.client.create_desktop(&wanted, None).await.unwrap().id);
        }
        for id in &made {
            self.until(*id, DesktopState::Running).await;
        }
        made
    }

    /// The desktop with this name.
    pub async fn named(&self, name: &str) -> Desktop {
        let all = self.client.all_desktops().await.unwrap();
        let found = all.into_iter().find(|desktop| desktop.name == name);
        self.client.desktop(found.unwrap().id).await.unwrap()
    }

    /// A few files in its home folder: two texts, a folder with one, and a folder `many` of which one can't be deleted.
    pub async fn put_files(&self, desktop: DesktopId) {
        let save = async |path: &str, text: &'static [u8]| {
            let path = format!("/home/desk/{path}");
            self.client.save_file(desktop, &path, &SaveCondition::Any, text).await.unwrap();
        };
        let folder = async |path: &str| {
            self.client.create_folder(desktop, &format!("/home/desk/{path}")).await.unwrap();
        };
        save("notes.txt", b"as it was\n").await;
        save("plan.txt", b"as it was\n").await;
        folder("work").await;
        save("work/todo.txt", b"as it was\n").await;
        folder("many").await;
        for number in 1..=12 {
            save(&format!("many/{number:02}.txt"), b"").await;
        }
        folder("many/locked").await;
        save("many/locked/inside.txt", b"").await;
        self.engine.lock_folder(desktop, "/home/desk/many/locked").unwrap();
    }

    /// Two SSH keys.
    pub async fn add_ssh_keys(&self, person: &Client) {
        for line in [LAPTOP, WORKSTATION] {
            let key = CreateSshKey { name: None, public_key: line.into() };
            person.add_ssh_key(&key).await.unwrap();
        }
    }

    /// Takes a snapshot and waits for what becomes of it.
    pub async fn snapshot(&self, person: &Client, desktop: DesktopId, name: &str) {
        let wanted = CreateSnapshot { name: Some(name.to_owned()) };
        let taken = person.take_snapshot(desktop, &wanted).await.unwrap().id;
        eventually("taken or failed", async || {
            person.snapshot(taken).await.unwrap().state != SnapshotState::Taking
        })
        .await;
    }

    /// One desktop in every state, and what else pages show:
    ///
    /// | name | how it is |
    /// |---|---|
    /// | research | runs, with files, snapshots, times at which it is awake, and a hold |
    /// | invoices-2026 | runs, and stands still as its workspace has all of the disk that it may have |
    /// | folio | is being made, for ever |
    /// | almanac | is off, as the host was restarted |
    /// | sextant | failed after a restart, which can be undone |
    /// | lamp | is being stopped, for ever; has a schedule of snapshots with copies |
    /// | atlas-of-remote-islands-and-other-places | is suspended |
    /// | postcard | is being deleted, for ever |
    ///
    /// Two SSH keys, three API keys, a template that could not be saved, and a snapshot that is kept of a deleted desktop.
    pub async fn furnish(&self, person: &Client) {
        let made = self
            .run_sized(&[
                ("research", "m"),
                ("invoices-2026", "s"),
                ("almanac", "s"),
                ("sextant", "l"),
                ("lamp", "s"),
                (LONG_NAME, "l"),
                ("postcard", "s"),
                ("spreadsheet", "s"),
            ])
            .await;
        let [research, invoices, almanac, sextant, lamp, atlas, postcard, spreadsheet] = *made.as_slice()
        else {
            panic!("eight were made")
        };
        self.put_files(research).await;
        self.furnish_snapshots(person, research, almanac).await;
        self.furnish_sleep(person, research).await;
        self.add_ssh_keys(person).await;
        furnish_api_keys(person, research).await;
        self.fail_a_template(person, research).await;

        person.delete_desktop(spreadsheet).await.unwrap();
        eventually("deleted", async || person.desktop(spreadsheet).await.is_err()).await;
        person.suspend_desktop(atlas).await.unwrap();
        self.engine.power_off(almanac, OffReason::HostRestarted);
        self.fail_a_restart(sextant).await;
        self.engine.hold_back(invoices, Writing::Stopped(Shortage::Allowance));
        let schedule = SnapshotSchedule::new(24, 2, 0).unwrap().with_copies(true);
        self.store().await.set_snapshot_schedule(lamp, Some(schedule), Timestamp::now()).await.unwrap();
        self.engine.faults().stick(Operation::Stop, lamp);
        person.stop_desktop(lamp).await.unwrap();
        self.engine.faults().stick(Operation::Destroy, postcard);
        person.destroy_desktop(postcard).await.unwrap();
        self.begin_for_ever("folio").await;

        self.until(atlas, DesktopState::Suspended).await;
        self.until(almanac, DesktopState::Stopped).await;
        self.until(postcard, DesktopState::Destroying).await;
        eventually("paused", async || {
            let reason = person.desktop(invoices).await.unwrap().reason;
            reason.as_deref() == Some("paused_quota")
        })
        .await;
    }

    async fn furnish_snapshots(&self, person: &Client, research: DesktopId, almanac: DesktopId) {
        self.snapshot(person, research, "before the upgrade").await;
        self.engine.faults().fail(Operation::Snapshot, EngineError::DiskFull, u32::MAX);
        self.snapshot(person, research, "in the night").await;
        self.engine.faults().heal(Operation::Snapshot);
        // Of one that is off: its disk alone.
        person.stop_desktop(almanac).await.unwrap();
        self.until(almanac, DesktopState::Stopped).await;
        self.snapshot(person, almanac, "as delivered").await;
        person.start_desktop(almanac).await.unwrap();
        self.until(almanac, DesktopState::Running).await;
    }

    /// It sleeps after half an hour without use, is to be awake by day, and is held awake for two hours.
    pub async fn furnish_sleep(&self, person: &Client, research: DesktopId) {
        let policy = SleepPolicy {
            after_minutes: Some(30),
            schedule: Some(Schedule {
                days: ["mon", "tue", "wed", "thu", "fri"].map(str::to_owned).to_vec(),
                from: "08:00".to_owned(),
                to: "19:00".to_owned(),
                time_zone: "Europe/Berlin".to_owned(),
            }),
        };
        person.set_sleep(research, &policy).await.unwrap();
        let hold = CreateHold { reason: Some("nightly tests".to_owned()), lasts_seconds: 2 * 3600 };
        person.hold(research, &hold).await.unwrap();
    }

    /// Files in its home folder that tools keep log-ins in.
    pub async fn log_in(&self, desktop: DesktopId) {
        for path in [".ssh", ".config", ".config/gh"] {
            self.client.create_folder(desktop, &format!("/home/desk/{path}")).await.unwrap();
        }
        let path = "/home/desk/.claude.json";
        self.client.save_file(desktop, path, &SaveCondition::Any, "{}").await.unwrap();
    }

    /// The tools whose log-ins stay in a saved template.
    pub async fn kept_logins(&self, version: &str) -> Vec<String> {
        let all = self.store().await.saved_templates().await.unwrap();
        all.into_iter().find(|saved| saved.version.to_string() == version).unwrap().keep.0
    }

    /// What it used in the last thirty days: more by day than by night.
    pub async fn work_for_a_month(&self, desktop: DesktopId) {
        let points = (1..=30 * 24).map(|hours: i64| {
            let busy = if hours % 24 < 12 { 1 } else { 10 };
            let usage = Usage {
                processor_percent: 4 * busy,
                memory_bytes: (120 << 20) + (busy << 20),
                disk_bytes: 40 << 20,
                received_bytes_per_second: 6_000 * busy,
                sent_bytes_per_second: 2_000 * busy,
            };
            (desktop, UsagePoint { at: later(-hours), usage })
        });
        self.store().await.keep_usage(&points.collect::<Vec<_>>()).await.unwrap();
    }

    async fn fail_a_template(&self, person: &Client, of: DesktopId) {
        self.engine.faults().fail(Operation::SaveTemplate, EngineError::DiskFull, u32::MAX);
        let wanted = SaveTemplate {
            name: "data".to_owned(),
            title: Some("Data science".to_owned()),
            description: Some("With the compiler and the test data.".to_owned()),
            keep: Vec::new(),
        };
        person.save_template(of, &wanted).await.unwrap();
        eventually("could not be saved", async || {
            let all = person.saved_templates().await.unwrap();
            all.iter().any(|saved| saved.state == SavedTemplateState::Failed)
        })
        .await;
        self.engine.faults().heal(Operation::SaveTemplate);
    }

    /// Restarts it, and what is kept of the time before stays.
    async fn fail_a_restart(&self, desktop: DesktopId) {
        let why = EngineError::Host("no answer within 90 seconds".to_owned());
        self.engine.faults().fail(Operation::Start, why, u32::MAX);
        self.client.restart_desktop(desktop).await.unwrap();
        self.until(desktop, DesktopState::Failed).await;
        self.engine.faults().heal(Operation::Start);
    }

    /// Makes a desktop that is never there.
    async fn begin_for_ever(&self, name: &str) {
        const LONG: Duration = Duration::from_secs(24 * 3600);
        let faults = self.engine.faults();
        faults.delay(Operation::Fork, LONG);
        let desktop = self.create(name).await.id;
        // Asked again after a while, it is not answered either.
        faults.stick(Operation::Fork, desktop);
        let begun = async || {
            let steps = self.client.desktop(desktop).await.unwrap().steps.unwrap_or_default();
            steps.iter().any(|step| step.name == "fork")
        };
        eventually("begun", begun).await;
        faults.delay(Operation::Fork, Duration::ZERO);
    }
}

async fn furnish_api_keys(person: &Client, research: DesktopId) {
    let of_one = &[Scope::DesktopsRead, Scope::FilesRead, Scope::FilesWrite, Scope::Exec];
    for (name, scopes, desktop, expires_at) in [
        ("rolltop on laptop", Scope::ALL, None, None),
        ("nightly build", of_one, Some(research), Some(later(24 * 80))),
        ("workshop", &[Scope::DesktopsRead], None, Some(later(1))),
    ] {
        let key = CreateApiKey { name: name.to_owned(), scopes: scopes.to_vec(), desktop, expires_at };
        person.create_api_key(&key).await.unwrap();
    }
}

fn later(hours: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(hours)
}
