//! Builds a template by hand: `build RECIPE GUEST_BINARY TEMPLATES_DIR [CACHE_DIR]`.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use rolltop_template::{Builder, Recipe};

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut cause: Option<&dyn Error> = Some(error.as_ref());
            while let Some(error) = cause {
                eprintln!("{error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [recipe, guest_binary, templates_dir, rest @ ..] = arguments.as_slice() else {
        return Err("usage: build RECIPE GUEST_BINARY TEMPLATES_DIR [CACHE_DIR]".into());
    };
    let cache_dir = rest.first().cloned().unwrap_or_else(|| PathBuf::from("/var/cache/rolltop"));
    let builder = Builder {
        recipe: Recipe::load(recipe)?,
        guest_binary: guest_binary.clone(),
        templates_dir: templates_dir.clone(),
        cache_dir,
    };
    let manifest = builder.build(&mut |progress| eprintln!("{progress}"))?;
    eprintln!("{}", builder.templates_dir.join(manifest.version.to_string()).display());
    Ok(())
}
