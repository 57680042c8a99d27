//! Completions for shells and pages of the manual, made from the arguments themselves.

use std::fs;
use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::commands::Arguments;
use crate::failure::Failure;
use crate::output::print;

/// `rolltop completions`
pub fn completions(shell: Shell) -> Result<u8, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "rolltop", &mut text);
    print(&String::from_utf8_lossy(&text))
}

/// `rolltop man`
pub fn man(directory: Option<&Path>) -> Result<u8, Failure> {
    let Some(directory) = directory else {
        return print(&page(Arguments::command())?);
    };
    let told = |error: std::io::Error| Failure::io(directory.display(), &error);
    fs::create_dir_all(directory).map_err(told)?;
    let command = Arguments::command();
    fs::write(directory.join("rolltop.1"), page(command.clone())?).map_err(told)?;
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let name = format!("rolltop-{}", sub.get_name());
        let sub = sub.clone().name(name.clone()).bin_name(name.replacen('-', " ", 1));
        fs::write(directory.join(format!("{name}.1")), page(sub)?).map_err(told)?;
    }
    Ok(0)
}

fn page(command: clap::Command) -> Result<String, Failure> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render(&mut text).map_err(|error| Failure::io("the page", &error))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_sound() {
        Arguments::command().debug_assert();
    }
}
