//! `rolltop templates`

use clap::{Args, Subcommand};
use rolltop_api_types::{SaveTemplate as Wanted, SavedTemplate, SavedTemplateState, TemplateVersion};
use serde_json::json;

use crate::connect::Connection;
use crate::failure::{Exit, Failure};
use crate::find;
use crate::output::{ago, size};
use crate::wait::{self, Seen, Wait};

#[derive(Subcommand)]
pub enum Templates {
    /// Make a template of a desktop as it is now, cleaned of identities and secrets
    #[command(
        after_help = "Example: rolltop templates save research --as tools --wait, then rolltop new lab --template tools"
    )]
    Save(SaveTemplate),
    /// List the log-ins, keys and passwords that a template of a running desktop will not have
    Logins {
        /// The desktop
        name: String,
    },
    /// List what desktops can be made from
    Ls,
    /// Delete templates of your own; desktops that were made of them stay
    Rm {
        /// Their names, which mean all their versions, or versions
        #[arg(required = true)]
        templates: Vec<String>,
    },
}

#[derive(Args)]
pub struct SaveTemplate {
    /// The desktop
    pub name: String,
    /// What to call the template; saving under it again makes a newer version
    #[arg(long = "as", value_name = "TEMPLATE")]
    pub template: String,
    /// For people, instead of its name
    #[arg(long)]
    pub title: Option<String>,
    /// More about it
    #[arg(long)]
    pub description: Option<String>,
    /// Leave the log-ins of a tool in it, such as github; may be given several times. `rolltop templates logins` lists them
    #[arg(long, value_name = "TOOL")]
    pub keep: Vec<String>,
    #[command(flatten)]
    pub wait: Wait,
}

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
    connection
        .tell(&saved, || format!("{} {} of {}\n", saved.version, saved.state.as_str(), saved.desktop_name))
}

async fn logins(connection: &Connection, name: &str) -> Result<u8, Failure> {
    let desktop = find::desktop(connection, name).await?;
    let found = connection.client.logins(desktop.id).await?;
    let rows = found.iter().flat_map(|tool| {
        tool.paths.iter().enumerate().map(|(number, path)| {
            let first = |text: &str| if number == 0 { text.to_owned() } else { String::new() };
            [first(&tool.id), first(&tool.title), path.clone()]
        })
    });
    let empty = "No log-ins that are known of.";
    connection.list(&json!({ "items": found }), ["TOOL", "TITLE", "WHERE"], rows, empty)
}

async fn ready(connection: &Connection, version: &str, wait: &Wait) -> Result<SavedTemplate, Failure> {
    wait::until(wait, async || {
        let own = connection.client.saved_templates().await?;
        let Some(saved) = own.into_iter().find(|saved| saved.version == version) else {
            return Err(Failure::new(Exit::Failed, "not_found", format!("{version} was deleted meanwhile.")));
        };
        match saved.state {
            SavedTemplateState::Ready => Ok(Seen::Done(saved)),
            SavedTemplateState::Failed => {
                let why = saved.detail.unwrap_or_default();
                Err(Failure::failed(format!("{version} was not made: {why}")))
            }
            SavedTemplateState::Saving => {
                let doing = format!("{version}: being made");
                Ok(Seen::not(wait, doing, &format!("{version} is not made")))
            }
        }
    })
    .await
}

/// All that desktops can be made from, and the workspace's own that are not ready.
async fn list(connection: &Connection) -> Result<u8, Failure> {
    let (all, own) = (connection.client.templates().await?, connection.client.saved_templates().await?);
    let unready = own.iter().filter(|saved| saved.state != SavedTemplateState::Ready).map(|saved| {
        let SavedTemplate { version, title, desktop_name, .. } = saved.clone();
        let why = saved.detail.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        let state = format!("{}{why}", saved.state.as_str());
        [version, title, state, desktop_name, ago(saved.created_at), String::new()]
    });
    let ready = all.iter().map(|template| {
        let of = own.iter().find(|saved| saved.version == template.version);
        let of = of.map(|saved| saved.desktop_name.clone()).unwrap_or_default();
        let (version, title) = (template.version.clone(), template.title.clone());
        [version, title, "ready".to_owned(), of, ago(template.built_at), size(template.disk_bytes)]
    });
    let heads = ["TEMPLATE", "TITLE", "STATE", "OF", "MADE", "DISK"];
    let value = json!({ "items": all, "saved": own });
    connection.list(&value, heads, unready.chain(ready), "There are no templates.")
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
    connection.tell(&json!({ "items": gone }), || {
        gone.iter().map(|version| format!("{version} deleted\n")).collect()
    })
}
