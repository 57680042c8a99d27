//! `rolltopd`: Rolltop's daemon. One binary, several roles, each its own process.
//!
//! `up` runs them all as children; `host`, `api`, `web` and `ssh` are one role each, for systemd.
//! `template`, `doctor` and `admin` are what an operator types. Only this crate chooses
//! which engine, which store and which addresses are used; it holds no logic of its own.

mod admin;
mod arguments;
mod config;
mod doctor;
mod heap;
mod layout;
mod log_file;
mod logging;
mod output;
mod privileges;
mod ready;
mod roles;
mod supervisor;
mod templates;

use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::arguments::{Arguments, Command};

/// A connection takes a file or two, and the usual 1024 are soon used up. What is allowed is 1024 only for programs that
/// can't bear more (`select`), which ours can; machines get a limit of their own.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    // Where that is refused it stays as it was.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

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
    use Command::{Api, Host, Ssh, Up, Web};
    if matches!(arguments.command, Up(_) | Host(_) | Api(_) | Web(_) | Ssh(_)) {
        raise_file_limit();
    }
    let config = config::Config::load(&arguments.data)?;
    match &arguments.command {
        Command::Up(up) => supervisor::run(&arguments.data, &config, up),
        Command::Host(host) => roles::host::run(&arguments.data, &config, host),
        Command::Api(api) => roles::api::run(&arguments.data, &config, api),
        Command::Web(web) => roles::web::run(&arguments.data, &config, web),
        Command::Ssh(ssh) => roles::ssh::run(&arguments.data, &config, ssh),
        Command::Template(template) => templates::run(&arguments.data, &config, template),
        Command::Doctor => doctor::run(&arguments.data, &config),
        Command::Admin(admin) => admin::run(&arguments.data, &config, admin),
    }
}
