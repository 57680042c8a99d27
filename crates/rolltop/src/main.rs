//! `rolltop`: desktops from the command line of whoever uses them.
//!
//! It knows the API and nothing else: what it does, a program with an API key can do too. Nothing
//! slow is set up before the arguments are read, so that help and completions come at once.

mod api_keys;
mod arguments;
mod config;
mod connect;
mod copies;
mod copy;
mod desktops;
mod events;
mod exec;
mod failure;
mod find;
mod forward;
mod generate;
mod keys;
mod login;
mod output;
mod setup;
mod sleep;
mod snapshots;
mod ssh;
mod templates;
mod transfer;
mod usage;
mod wait;

use clap::Parser as _;

use crate::arguments::{Arguments, Command, Global};
use crate::connect::Connection;
use crate::failure::{Exit, Failure};

fn main() -> ! {
    let arguments = Arguments::parse();
    let result = run(&arguments);
    let code = match result {
        Ok(code) => code,
        Err(failure) => failure.tell(arguments.global.json),
    };
    // Not by returning: a thread may still wait for standard input.
    std::process::exit(code.into());
}

/// The exit code, where everything went well.
fn run(arguments: &Arguments) -> Result<u8, Failure> {
    let global = &arguments.global;
    match &arguments.command {
        Command::Completions { shell } => generate::completions(*shell),
        Command::Man { directory } => generate::man(directory.as_deref()),
        Command::Config { command } => config::run(command.as_ref(), global),
        Command::Logout => login::log_out(global),
        command => runtime()?.block_on(online(command, global)),
    }
}

/// One thread: there is one server to speak to.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::io("nothing could be begun", &error))
}

async fn online(command: &Command, global: &Global) -> Result<u8, Failure> {
    if let Command::Login(login) = command {
        return login::log_in(login, global).await;
    }
    let connection = Connection::open(global)?;
    match with_server(command, &connection).await {
        // Of a server that shows another certificate, whichever request found it out.
        Err(failure) if failure.exit == Exit::Unreachable as u8 => Err(connection.explain(failure).await),
        done => done,
    }
}

async fn with_server(command: &Command, connection: &Connection) -> Result<u8, Failure> {
    match command {
        Command::Status => login::status(connection).await,
        Command::New(new) => desktops::new(connection, new).await,
        Command::Ls(list) => desktops::list(connection, list).await,
        Command::Show { name } => desktops::show(connection, name).await,
        Command::Start(which) => desktops::act(connection, which, desktops::Action::Start).await,
        Command::Stop(which) => desktops::act(connection, which, desktops::Action::Stop).await,
        Command::Fork(fork) => snapshots::fork(connection, fork).await,
        Command::Snapshot(take) => snapshots::take(connection, take).await,
        Command::Restore { snapshot, wait } => snapshots::restore(connection, snapshot, wait).await,
        Command::Snapshots(which) => snapshots::run(connection, which).await,
        Command::Suspend(which) => desktops::act(connection, which, desktops::Action::Suspend).await,
        Command::Resume(which) => desktops::act(connection, which, desktops::Action::Resume).await,
        Command::Sleep(set) => sleep::run(connection, set).await,
        Command::Screen { name, wanted } => desktops::screen(connection, name, wanted.as_deref()).await,
        Command::Autostart { name, wanted } => desktops::autostart(connection, name, *wanted).await,
        Command::Hold(hold) => sleep::hold(connection, hold).await,
        Command::Restart(which) => desktops::act(connection, which, desktops::Action::Restart).await,
        Command::EndProcesses { names } => desktops::end_processes(connection, names).await,
        Command::Export(wanted) => transfer::export(connection, wanted).await,
        Command::Import(wanted) => transfer::import(connection, wanted).await,
        Command::Setup(wanted) => setup::setup(connection, wanted).await,
        Command::Copies(copies) => copies::run(connection, copies).await,
        Command::Templates(templates) => templates::templates(connection, templates).await,
        Command::Resize(resize) => desktops::resize(connection, resize).await,
        Command::Rm(which) => desktops::remove(connection, which).await,
        Command::Undo { name, wait } => snapshots::undo(connection, name, wait).await,
        Command::Open { name, print } => desktops::open(connection, name, *print).await,
        Command::Logs { name } => desktops::logs(connection, name).await,
        Command::Usage { name, span } => usage::usage(connection, name, *span).await,
        Command::History { name } => desktops::history(connection, name).await,
        Command::Exec(command) => exec::run(connection, command).await,
        Command::Cp(copy) => copy::run(connection, copy).await,
        Command::Ssh(command) => ssh::run(connection, command).await,
        Command::SshConfig(command) => ssh::configure(connection, command).await,
        Command::Forward(command) => forward::run(connection, command).await,
        Command::Events(command) => events::run(connection, command).await,
        Command::ApiKeys(command) => api_keys::run(connection, command).await,
        Command::Keys(command) => keys::run(connection, command).await,
        // Done before there was a connection.
        Command::Login(_)
        | Command::Logout
        | Command::Config { .. }
        | Command::Completions { .. }
        | Command::Man { .. } => Ok(0),
    }
}
