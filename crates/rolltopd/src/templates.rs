//! Building and baking templates, with progress a person can read.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rolltop_engine::Engine as _;
use rolltop_engine_qemu::QemuEngine;
use rolltop_engine_qemu::remote::HostClient;
use rolltop_model::{Size, TemplateVersion};
use rolltop_template::{Builder, Recipe};

use crate::arguments::{Template, Up};
use crate::config::Config;
use crate::layout;
use crate::output::print;
use crate::privileges;

/// The recipe that `up` needs.
const DEFAULT_RECIPE: &str = "desk";

pub fn run(data: &Path, config: &Config, command: &Template) -> anyhow::Result<()> {
    match command {
        Template::Build { recipe, guest, sizes } => {
            if !privileges::is_root() {
                bail!("building a template takes root: use sudo");
            }
            layout::prepare_host(data)?;
            let version = build(data, recipe, guest)?;
            if !bakes_by_itself(data, config, &version, sizes)? {
                bake(data, config, &version, sizes)?;
            }
            Ok(())
        }
        Template::List => list(data),
    }
}

/// The default template, built if it isn't there yet. The host bakes it, as it does all others: until then its desktops boot
/// from cold, and nobody waits for a bake before they can sign in.
pub fn ensure_default(data: &Path, up: &Up) -> anyhow::Result<()> {
    let recipe = up.recipes.join(DEFAULT_RECIPE);
    let any = rolltop_template::installed(&data.join(layout::TEMPLATES))
        .into_iter()
        .any(|(_, manifest)| manifest.version.name() == DEFAULT_RECIPE);
    if recipe.exists() || !any {
        build(data, &recipe, &up.guest)?; // else it was brought along
    }
    Ok(())
}

/// Says, where it is so, that desktops of the default template boot from cold for now, and when that is over.
pub fn tell_of_bake(data: &Path, size: Size) -> anyhow::Result<()> {
    let host = HostClient::new(data.join(layout::HOST_SOCKET));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let newest =
            host.templates().await?.into_iter().find(|template| template.version.name() == DEFAULT_RECIPE);
        let Some(newest) = newest.filter(|template| !template.baked.contains(&size)) else { return Ok(()) };
        eprintln!(
            "{} is baked in the background, a few minutes: until then new desktops boot from cold.",
            newest.version
        );
        while !baked(&host, &newest.version).await?.contains(&size) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        eprintln!("Size {size} is baked: such desktops need not boot any more.");
        Ok(())
    })
}

/// The sizes whose memory is kept.
async fn baked(host: &HostClient, version: &TemplateVersion) -> anyhow::Result<Vec<Size>> {
    let templates = host.templates().await.context("the host that was baking has ended")?;
    Ok(templates
        .into_iter()
        .find(|template| template.version == *version)
        .map(|found| found.baked)
        .unwrap_or_default())
}

fn build(data: &Path, recipe: &Path, guest: &Path) -> anyhow::Result<TemplateVersion> {
    let cache = std::env::var_os("ROLLTOP_CACHE").unwrap_or_else(|| "/var/cache/rolltop".into());
    let builder = Builder {
        recipe: Recipe::load(recipe)
            .with_context(|| format!("the recipe {} can't be used", recipe.display()))?,
        guest_binary: guest.to_owned(),
        templates_dir: data.join(layout::TEMPLATES),
        cache_dir: cache.into(),
    };
    let mut teller = Teller::new();
    let manifest = builder.build(&mut |progress| teller.tell(&progress.to_string()));
    teller.end();
    Ok(manifest.context("the template can't be built")?.version)
}

/// Where Rolltop runs, its host alone works on the directory and bakes new versions in the
/// background: waits for that. `false` where it does not run.
fn bakes_by_itself(
    data: &Path,
    config: &Config,
    version: &TemplateVersion,
    sizes: &[Size],
) -> anyhow::Result<bool> {
    let host = HostClient::new(data.join(layout::HOST_SOCKET));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        if host.templates().await.is_err() {
            return Ok(false);
        }
        if let Some(size) = sizes.iter().find(|size| !config.host.bake.contains(size)) {
            bail!("Rolltop runs and bakes no size {size}: add it to `bake` under [host] in rolltop.toml");
        }
        let mut teller = Teller::new();
        let started = Instant::now();
        loop {
            let baked = baked(&host, version).await?;
            let Some(next) = sizes.iter().find(|size| !baked.contains(size)) else { break };
            let seconds = started.elapsed().as_secs();
            teller.tell(&format!(
                "Baking size {next}, {seconds} s: in the background, by the Rolltop that runs."
            ));
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        teller.end();
        Ok(true)
    })
}

fn bake(data: &Path, config: &Config, version: &TemplateVersion, sizes: &[Size]) -> anyhow::Result<()> {
    let data = data.canonicalize()?;
    layout::enter(&data)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let engine = QemuEngine::open(config.host.clone()).await.context("the QEMU engine can't start")?;
        for size in sizes {
            let teller = Arc::new(Mutex::new(Teller::new()));
            let told = Arc::clone(&teller);
            let (label, started) = (format!("Baking size {size}"), Instant::now());
            let tell = move |progress: &str| {
                let mut teller = told.lock().unwrap_or_else(PoisonError::into_inner);
                teller.tell(&format!("{label}, {} s: {progress}", started.elapsed().as_secs()));
            };
            let baked = engine.bake(version, *size, tell).await;
            teller.lock().unwrap_or_else(PoisonError::into_inner).end();
            baked.with_context(|| format!("{version} can't be baked for size {size}"))?;
        }
        Ok(())
    })
}

fn list(data: &Path) -> anyhow::Result<()> {
    for (directory, manifest) in rolltop_template::installed(&data.join(layout::TEMPLATES)) {
        let baked: Vec<&str> = Size::ALL
            .iter()
            .filter(|size| !rolltop_engine_qemu::bakes(&directory, **size).is_empty())
            .map(|size| size.as_str())
            .collect();
        print(format_args!("{}  {}  baked: {}", manifest.version, manifest.title, baked.join(" ")))?;
    }
    Ok(())
}

/// Off a terminal, how often a step that goes on is told of.
const TOLD_EVERY: Duration = Duration::from_secs(15);

/// On a terminal one line that changes; elsewhere a line for each new step, and one now and then
/// while it goes on.
struct Teller {
    terminal: bool,
    /// What was written last, and when.
    last: Option<(String, Instant)>,
}

impl Teller {
    fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), last: None }
    }

    fn tell(&mut self, line: &str) {
        let mut out = std::io::stderr();
        // Not being able to tell is no reason not to build.
        let _ = if self.terminal {
            write!(out, "\r\x1b[K{line}")
        } else if self.is_due(line) {
            writeln!(out, "{line}")
        } else {
            return;
        };
        let _ = out.flush();
        self.last = Some((line.to_owned(), Instant::now()));
    }

    /// Whether this is another step than the last line's, or that line is old.
    fn is_due(&self, line: &str) -> bool {
        let step = |line: &str| line.split_once(':').map(|(step, _)| step.to_owned());
        match &self.last {
            Some((last, at)) => step(line) != step(last) || at.elapsed() >= TOLD_EVERY,
            None => true,
        }
    }

    fn end(&mut self) {
        if self.terminal && self.last.is_some() {
            eprintln!();
        }
    }
}
