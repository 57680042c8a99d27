//! `rolltopd`: Rolltop's daemon. One binary, several roles, each its own process.
//!
//! `up` runs them all as children; `host`, `api`, `web` and `ssh` are one role each, for systemd.
//! `template`, `doctor` and `admin` are what an operator types. Only this crate chooses
//! which engine, which store and which addresses are used; it holds no logic of its own.

mod admin;
mod arguments;
mod config;
mod doctor;
mod layout;
mod logging;
mod output;
mod privileges;
mod ready;
mod roles;
mod supervisor;
mod templates;

use clap::Parser;

use crate::arguments::{Arguments, Command};

fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            // One sentence per cause, outermost first: what happened, then why.
            eprintln!("rolltopd: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let config = config::Config::load(&arguments.data)?;
    match &arguments.command {
        Command::Up(up) => supervisor::run(&arguments.data, &config, up),
        Command::Host(host) => roles::host::run(&arguments.data, &config, host),
        Command::Api(api) => roles::api::run(&arguments.data, &config, api),
        Command::Web(web) => roles::web::run(&arguments.data, &config, web),
        Command::Ssh(ssh) => roles::ssh::run(&arguments.data, &config, ssh),
        Command::Template(template) => templates::run(&arguments.data, &config, template),
        Command::Doctor => doctor::run(&arguments.data, &config),
        Command::Admin(admin) => admin::run(&arguments.data, admin),
    }
}
