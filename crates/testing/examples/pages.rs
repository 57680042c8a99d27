//! A whole platform over simulated machines, for tests that look at its pages with a browser:
//! `cargo run -p rolltop-testing --example pages -- 127.0.0.1:8444 [copies]`.
//!
//! Prints its address and, on the next line, the token of a session. Who wants to sign in is `sam` with the password
//! `a walnut desk`. With `copies` there is a place for copies of snapshots. What else is to be there or to happen is said on standard input, one [`Wish`] in JSON on a line, and each is
//! answered with a line of JSON when it is done: `{"do":"run","names":["research"]}`. Ends with Ctrl+C or with its input.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "what fails here fails a test")]

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use rolltop_api_types::{Client, DesktopState, ExecRequest};
use rolltop_control::{ControlConfig, CopiesConfig};
use rolltop_engine::OffReason;
use rolltop_model::Limits;
use rolltop_sim::{DoorFault, Operation};
use rolltop_testing::{Platform, Web};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use url::Url;

/// What tests can't do by clicking. Desktops go by their names.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
enum Wish {
    /// Desktops that run.
    Run { names: Vec<String> },
    /// One in every state: [`Platform::furnish`].
    Furnish,
    /// A few files in one: [`Platform::put_files`].
    PutFiles { desktop: String },
    /// Two SSH keys.
    AddSshKeys,
    /// A snapshot of one, which is there when this returns.
    Snapshot { desktop: String, name: String },
    /// One is off as after a restart of the host.
    TurnOff { desktop: String },
    /// One sleeps after half an hour without use, but for times at which it is to be awake.
    Sleep { desktop: String },
    /// Every machine takes so much of one processor from now on.
    Work { percent: u32 },
    /// One has worked for a month, and had much to send.
    WorkForAMonth { desktop: String },
    /// Files that tools keep log-ins in.
    LogIn { desktop: String },
    /// Which of these stay in the newest template with this name.
    KeptLogins { template: String },
    /// One more template, which is not baked for any size.
    AddTemplate { name: String, title: String },
    /// The web tier is there, or it is not; it is at the same address each time.
    Web { there: bool },
    /// From now on machines take so long to be made, to start, to be copied and to be fetched.
    Dawdle { milliseconds: u64 },
    /// It has as many processes as it can.
    Fill { desktop: String },
    /// A program in it puts a text on the clipboard of its screen.
    Copy { desktop: String, text: String },
    /// How long the text is that a viewer put there.
    ClipboardLength { desktop: String },
}

struct Pages {
    platform: Platform,
    person: Client,
    address: SocketAddr,
    web: Option<Web>,
}

#[tokio::main]
async fn main() {
    let listen: SocketAddr =
        std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8444".to_owned()).parse().unwrap();
    let place = tempfile::tempdir().unwrap();
    let copies = std::env::args().any(|word| word == "copies").then(|| copies_in(place.path()));
    let config = ControlConfig { copies, ..quick() };
    let platform = Platform::with(rolltop_api_server::ApiConfig::default(), config).await;
    let (person, token) = platform.person().await;
    platform.jump_host(rolltop_ssh_gateway::Limits::default()).await;
    let web = platform.web_at(listen, rolltop_web_server::Limits::default()).await;
    println!("{}\n{}", web.url, token.expose_secret());
    let mut pages = Pages { platform, person, address: web.address, web: Some(web) };
    let mut lines = lines_of_input();
    let wishes = async {
        while let Some(line) = lines.recv().await {
            println!("{}", pages.fulfil(serde_json::from_str(&line).unwrap()).await);
        }
    };
    tokio::select! {
        () = wishes => {}
        ended = tokio::signal::ctrl_c() => ended.unwrap(),
    }
}

/// Read by a thread of its own, for which the end does not wait.
fn lines_of_input() -> mpsc::UnboundedReceiver<String> {
    let (sender, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines() {
            if sender.send(line.unwrap()).is_err() {
                return;
            }
        }
    });
    lines
}

/// Nobody waits for what a test can wait for.
fn quick() -> ControlConfig {
    ControlConfig {
        limits: Limits {
            backoff: Duration::from_millis(10),
            longest_backoff: Duration::from_millis(50),
            // What is held up on purpose stays so.
            first_boot: Duration::from_secs(3600),
            ..Limits::default()
        },
        interval: Duration::from_millis(500),
        still: Duration::from_secs(1),
        measuring: Duration::from_secs(2),
        usage_every: Duration::from_millis(200),
        usage_kept_every: Duration::from_secs(1),
        screenshot_age: Duration::from_millis(500),
        ..ControlConfig::default()
    }
}

fn copies_in(place: &Path) -> CopiesConfig {
    CopiesConfig {
        url: Url::from_directory_path(place).unwrap(),
        endpoint: None,
        region: None,
        access_key_id: None,
        secret_access_key: None,
        allow_http: false,
    }
}

impl Pages {
    async fn web(&mut self, there: bool) {
        if let Some(web) = self.web.take() {
            web.stop().await;
        }
        if there {
            let limits = rolltop_web_server::Limits::default();
            self.web = Some(self.platform.web_at(self.address, limits).await);
        }
    }

    async fn fulfil(&mut self, wish: Wish) -> Value {
        let platform = &self.platform;
        match wish {
            Wish::Run { names } => {
                let names: Vec<_> = names.iter().map(String::as_str).collect();
                platform.run(&names).await;
            }
            Wish::Furnish => platform.furnish(&self.person).await,
            Wish::PutFiles { desktop } => platform.put_files(platform.named(&desktop).await.id).await,
            Wish::AddSshKeys => platform.add_ssh_keys(&self.person).await,
            Wish::Snapshot { desktop, name } => {
                platform.snapshot(&self.person, platform.named(&desktop).await.id, &name).await;
            }
            Wish::TurnOff { desktop } => {
                let id = platform.named(&desktop).await.id;
                platform.engine.power_off(id, OffReason::HostRestarted);
                platform.until(id, DesktopState::Stopped).await;
            }
            Wish::Sleep { desktop } => {
                platform.furnish_sleep(&self.person, platform.named(&desktop).await.id).await;
            }
            Wish::Work { percent } => platform.engine.faults().busy(percent),
            Wish::WorkForAMonth { desktop } => {
                platform.work_for_a_month(platform.named(&desktop).await.id).await
            }
            Wish::LogIn { desktop } => platform.log_in(platform.named(&desktop).await.id).await,
            Wish::KeptLogins { template } => {
                let all = self.person.saved_templates().await.unwrap();
                let newest = all.into_iter().find(|saved| saved.name == template).unwrap();
                return json!(platform.kept_logins(&newest.version).await);
            }
            Wish::AddTemplate { name, title } => platform.engine.add_template(&name, &title).unwrap(),
            Wish::Web { there } => self.web(there).await,
            Wish::Dawdle { milliseconds } => {
                for operation in [
                    Operation::Fork,
                    Operation::Start,
                    Operation::Resume,
                    Operation::Export,
                    Operation::Import,
                ] {
                    platform.engine.faults().delay(operation, Duration::from_millis(milliseconds));
                }
            }
            Wish::Fill { desktop } => {
                let id = platform.named(&desktop).await.id;
                platform.engine.faults().door_of(id, DoorFault::Full);
                // It is looked whether it answers once somebody was kept out.
                let command = ExecRequest::of_words(vec!["true".into()]);
                assert!(self.person.exec(id, &command).await.is_err(), "there is no room for it");
            }
            Wish::Copy { desktop, text } => {
                platform.engine.copy_text(platform.named(&desktop).await.id, &text);
            }
            Wish::ClipboardLength { desktop } => {
                let text = platform.engine.clipboard(platform.named(&desktop).await.id);
                return json!(text.map(|text| text.chars().count()));
            }
        }
        Value::Null
    }
}
