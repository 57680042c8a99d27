//! `rolltop`: desktops from the command line of whoever uses them.
//!
//! It knows the API and nothing else: what it does, a program with an API key can do too. Nothing
//! slow is set up before the arguments are read, so that help and completions come at once.

mod api_keys;
mod commands;
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

use crate::commands::Arguments;

fn main() -> ! {
    let arguments = Arguments::parse();
    let result = commands::run(&arguments);
    let code = match result {
        Ok(code) => code,
        Err(failure) => failure.tell(arguments.global.json),
    };
    // Not by returning: a thread may still wait for standard input.
    std::process::exit(code.into());
}
