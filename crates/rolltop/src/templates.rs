//! `rolltop templates`

use std::time::{Duration, Instant};

use rolltop_api_types::{SaveTemplate as Wanted, SavedTemplate, SavedTemplateState, TemplateVersion};

use crate::arguments::{SaveTemplate, Templates, Wait};
use crate::connect::Connection;
use crate::failure::{Exit, Failure};
use crate::find;
use crate::output::{Progress, Table, ago, print, print_json, size};

/// How often it is looked whether a template is ready.
const LOOK: Duration = Duration::from_millis(500);

pub async fn templates(connection: &Connection, command: &Templates) -> Result<u8, Failure> {
    match command {
        Templates::Save(wanted) => save(connection, wanted).await,
        Templates::Logins { name } => logins(connection, name).await,
        Templates::Ls => list(connection).await,
        Templates::Rm { templates } => remove(connection, templates).await,
    }
}

async fn save(connection: &Connection, wanted: &SaveTemplate) -> Result<u8, Failure> {
    let desktop = find::desktop(connection, &wanted.name).await?;
    let new = Wanted {
        name: wanted.template.clone(),
        title: wanted.title.clone(),
        description: wanted.description.clone(),
        keep: wanted.keep.clone(),
    };
    let mut saved = connection.client.save_template(desktop.id, &new).await?;
    if wanted.wait.wait {
        saved = ready(connection, &saved.version, &wanted.wait).await?;
    }
    if connection.json {
        return print_json(&saved);
    }
    print(&format!("{} {} of {}\n", saved.version, state(saved.state), saved.desktop_name))
}

async fn logins(connection: &Connection, name: &str) -> Result<u8, Failure> {
    let desktop = find::desktop(connection, name).await?;
    let found = connection.client.logins(desktop.id).await?;
    if connection.json {
        return print_json(&serde_json::json!({ "items": found }));
    }
    let mut table = Table::new(&["TOOL", "TITLE", "WHERE"]);
    for tool in found {
        for (number, path) in tool.paths.into_iter().enumerate() {
            let first = |text: &str| if number == 0 { text.to_owned() } else { String::new() };
            table.row([first(&tool.id), first(&tool.title), path]);
        }
    }
    table.print("No log-ins that are known of.")
}

async fn ready(connection: &Connection, version: &str, wait: &Wait) -> Result<SavedTemplate, Failure> {
    let begun = Instant::now();
    let mut progress = Progress::new();
    loop {
        let own = connection.client.saved_templates().await?;
        let Some(saved) = own.into_iter().find(|saved| saved.version == version) else {
            return Err(Failure::new(Exit::Failed, "not_found", format!("{version} was deleted meanwhile.")));
        };
        match saved.state {
            SavedTemplateState::Ready => return Ok(saved),
            SavedTemplateState::Failed => {
                let why = saved.detail.unwrap_or_default();
                return Err(Failure::new(Exit::Failed, "failed", format!("{version} was not made: {why}")));
            }
            SavedTemplateState::Saving => {}
        }
        if begun.elapsed() > Duration::from_secs(wait.timeout) {
            let detail = format!("{version} is not made after {} s; it goes on.", wait.timeout);
            return Err(Failure::new(Exit::TimedOut, "timed_out", detail));
        }
        progress.say(|elapsed| format!("{version}: being made, {} s", elapsed.as_secs()));
        tokio::time::sleep(LOOK).await;
    }
}

/// All that desktops can be made from, and the workspace's own that are not ready.
async fn list(connection: &Connection) -> Result<u8, Failure> {
    let (all, own) = (connection.client.templates().await?, connection.client.saved_templates().await?);
    if connection.json {
        return print_json(&serde_json::json!({ "items": all, "saved": own }));
    }
    let mut table = Table::new(&["TEMPLATE", "TITLE", "STATE", "OF", "MADE", "DISK"]);
    for saved in own.iter().filter(|saved| saved.state != SavedTemplateState::Ready) {
        let why = saved.detail.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        let state = format!("{}{why}", state(saved.state));
        let (of, made) = (saved.desktop_name.clone(), ago(saved.created_at));
        table.row([saved.version.clone(), saved.title.clone(), state, of, made, String::new()]);
    }
    for template in all {
        let of = own.iter().find(|saved| saved.version == template.version);
        let of = of.map(|saved| saved.desktop_name.clone()).unwrap_or_default();
        let made = ago(template.built_at);
        let (version, title) = (template.version, template.title);
        table.row([version, title, "ready".to_owned(), of, made, size(template.disk_bytes)]);
    }
    table.print("There are no templates.")
}

async fn remove(connection: &Connection, templates: &[String]) -> Result<u8, Failure> {
    let own = connection.client.saved_templates().await?;
    let mut gone = Vec::new();
    for wanted in templates {
        let meant = own.iter().filter(|saved| saved.version == *wanted || saved.name == *wanted);
        let meant: Vec<_> = meant.map(|saved| saved.version.clone()).collect();
        if meant.is_empty() {
            let text = format!("There is no template {wanted} of your own.");
            return Err(Failure::new(Exit::Failed, "not_found", text));
        }
        gone.extend(meant);
    }
    gone.dedup();
    for version in &gone {
        connection.client.delete_template(TemplateVersion(version.clone())).await?;
    }
    if connection.json {
        return print_json(&serde_json::json!({ "items": gone }));
    }
    print(&gone.iter().map(|version| format!("{version} deleted\n")).collect::<String>())
}

fn state(state: SavedTemplateState) -> &'static str {
    match state {
        SavedTemplateState::Saving => "saving",
        SavedTemplateState::Ready => "ready",
        SavedTemplateState::Failed => "failed",
    }
}
