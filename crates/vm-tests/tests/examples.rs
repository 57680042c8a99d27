//! The examples of the user documentation, run as they are written: every block of `docs/*.md`
//! fenced as `sh` is carried out in a shell against a whole Rolltop with the simulated engine, the
//! blocks of a page one after the other in the same shell.
//!
//! `HOST` and the usual ports become this platform's, `NAME` a desktop that runs, `$KEY` is an API
//! key. A block that can't run here says so, and why: `sh not run: …`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use rolltop_api_types::{CreateSshKey, DesktopState};
use rolltop_vm_tests::{Options, Platform};
use tokio::process::Command;

/// For all examples of one page.
const PATIENCE: Duration = Duration::from_secs(120);
/// The desktop that stands for `NAME`.
const NAME: &str = "demo";
/// Pages without an example that runs, and why that is right.
const WITHOUT: &[(&str, &str)] = &[
    ("README", "it is the list of the pages"),
    ("browser", "it is about what a person sees and clicks"),
    ("performance", "measuring takes minutes, and a machine that does nothing else"),
];

/// One fenced block.
struct Block {
    line: usize,
    /// Everything after the fence.
    info: String,
    text: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_the_documentation_runs() -> anyhow::Result<()> {
    let pages = pages()?;
    // Where copies are kept: the api's user writes there.
    let copies = tempfile::tempdir()?;
    std::fs::set_permissions(copies.path(), std::fs::Permissions::from_mode(0o777))?;
    let configuration = format!("[copies]\nurl = \"file://{}\"", copies.path().display());
    let platform = Platform::start(Options { configuration, ..Options::simulated()? }).await?;
    let desktop = platform.create(NAME).await?;
    platform.wait_for(desktop.id, DesktopState::Running).await?;
    let shell = Shell::new(&platform).await?;
    let (mut ran, mut wrong) = (0, Vec::new());
    for (page, blocks) in &pages {
        let examples: Vec<&Block> = blocks.iter().filter(|block| block.is_example()).collect();
        for block in blocks.iter().filter(|block| block.is_shell() && !block.is_example()) {
            println!("docs/{page}.md:{}: {}", block.line, block.info);
        }
        let without = WITHOUT.iter().any(|(name, _)| name == page);
        match (examples.is_empty(), without) {
            (true, false) => wrong.push(format!("docs/{page}.md has no example that runs")),
            (false, true) => wrong.push(format!("docs/{page}.md has examples: take it off the list")),
            (_, _) => {}
        }
        match shell.run(page, &examples).await {
            Ok(()) => println!("docs/{page}.md: {} examples ran", examples.len()),
            Err(error) => wrong.push(format!("{error:#}")),
        }
        ran += examples.len();
    }
    println!("{ran} examples of {} pages ran", pages.len());
    ensure!(wrong.is_empty(), "\n{}", wrong.join("\n\n"));
    ensure!(ran >= 10, "only {ran} examples");
    Ok(())
}

impl Block {
    fn is_shell(&self) -> bool {
        self.info.split_whitespace().next() == Some("sh")
    }

    fn is_example(&self) -> bool {
        self.info == "sh"
    }
}

/// The blocks of every page. A marker without a reason, or anything else after `sh`, is an error.
fn pages() -> anyhow::Result<BTreeMap<String, Vec<Block>>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let mut pages = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let name = path.file_stem().and_then(|name| name.to_str()).context("a page's name")?.to_owned();
            let blocks = blocks(&std::fs::read_to_string(&path)?);
            for block in blocks.iter().filter(|block| block.is_shell() && !block.is_example()) {
                let reason = block.info.strip_prefix("sh not run: ").unwrap_or_default();
                ensure!(reason.len() > 10, "docs/{name}.md:{}: `{}` gives no reason", block.line, block.info);
            }
            pages.insert(name, blocks);
        }
    }
    ensure!(pages.len() >= 8, "there are more pages than {}", pages.len());
    Ok(pages)
}

fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in markdown.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => {
                open = Some(Block { line: index + 1, info: info.trim().to_owned(), text: String::new() });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// Where examples are typed: a home with keys of its own, and what they name.
struct Shell {
    home: tempfile::TempDir,
    /// What is written, and what it is here.
    words: Vec<(String, String)>,
    environment: Vec<(String, String)>,
}

impl Shell {
    async fn new(platform: &Platform) -> anyhow::Result<Self> {
        let home = tempfile::tempdir()?;
        let path = home.path();
        let port = platform.url.rsplit(':').next().unwrap_or_default().to_owned();
        let ssh_port = platform.ssh_port().to_string();
        // One key is the account's already; the other is for the page that adds one.
        make_key(&path.join(".ssh/id_ecdsa"), "ecdsa").await?;
        make_key(&path.join(".ssh/id_ed25519"), "ed25519").await?;
        let public_key = std::fs::read_to_string(path.join(".ssh/id_ecdsa.pub"))?.into();
        platform.client.add_ssh_key(&CreateSshKey { name: Some("here".into()), public_key }).await?;
        let config = format!(
            "IdentityFile {0}/.ssh/id_ecdsa\nIdentitiesOnly yes\nUserKnownHostsFile {0}/.ssh/known_hosts\n\
             StrictHostKeyChecking accept-new\nBatchMode yes\nLogLevel ERROR\n",
            path.display()
        );
        std::fs::write(path.join(".ssh/config"), config)?;
        std::fs::write(path.join("report.pdf"), "%PDF-1.7\n")?;
        // OpenSSH looks for its configuration where the system says that home is.
        let bin = path.join("bin");
        std::fs::create_dir(&bin)?;
        for program in ["ssh", "scp", "sftp"] {
            let text =
                format!("#!/bin/sh\nexec /usr/bin/{program} -F {}/.ssh/config \"$@\"\n", path.display());
            std::fs::write(bin.join(program), text)?;
            std::fs::set_permissions(bin.join(program), std::fs::Permissions::from_mode(0o755))?;
        }
        let key = platform.key().to_owned();
        let built = platform.binary().parent().context("the folder of programs")?.to_owned();
        let search = format!("{}:{}:/usr/sbin:/usr/bin:/sbin:/bin", bin.display(), built.display());
        let environment = [
            ("KEY", key),
            ("HOME", path.display().to_string()),
            ("PATH", search),
            ("CURL_CA_BUNDLE", platform.data().join("web/tls.crt").display().to_string()),
            ("ROLLTOP_DATA", platform.data().display().to_string()),
        ];
        let words = [
            ("HOST:8443", format!("localhost:{port}")),
            ("HOST:2222", format!("localhost:{ssh_port}")),
            ("HOST", "localhost".to_owned()),
            ("NAME", NAME.to_owned()),
        ];
        Ok(Self {
            home,
            words: words.map(|(written, here)| (written.to_owned(), here)).to_vec(),
            environment: environment.map(|(name, value)| (name.to_owned(), value)).to_vec(),
        })
    }

    /// A page's examples, one after the other, until one fails.
    async fn run(&self, page: &str, examples: &[&Block]) -> anyhow::Result<()> {
        if examples.is_empty() {
            return Ok(());
        }
        let mut script = "set -euo pipefail\n".to_owned();
        for block in examples {
            write!(script, "echo {} > at\n{}", block.line, self.here(&block.text))?;
        }
        let folder = self.home.path();
        let script_path: PathBuf = folder.join(format!("{page}.sh"));
        std::fs::write(&script_path, script)?;
        let mut command = Command::new("bash");
        command.arg(&script_path).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        let output = tokio::time::timeout(PATIENCE, command.output()).await;
        let at = std::fs::read_to_string(folder.join("at")).unwrap_or_default();
        let at = at.trim();
        let Ok(output) = output else {
            bail!("docs/{page}.md:{at}: not done within {} s", PATIENCE.as_secs());
        };
        let output = output?;
        ensure!(
            output.status.success(),
            "docs/{page}.md:{at}: {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// A block as a reader types it who is here.
    fn here(&self, text: &str) -> String {
        self.words.iter().fold(text.to_owned(), |text, (written, here)| replaced(&text, written, here))
    }
}

/// Only whole words, so that `NAME` is not found in `USERNAME` or `$NAME_OF`.
fn replaced(text: &str, written: &str, here: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$');
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(written) {
        let (before, after) = rest.split_at(at);
        let after = after.strip_prefix(written).unwrap_or_default();
        let whole = !before.ends_with(is_part) && !after.starts_with(is_part);
        out.push_str(before);
        out.push_str(if whole { here } else { written });
        rest = after;
    }
    out + rest
}

async fn make_key(path: &Path, kind: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    }
    let made = Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", "", "-f"]).arg(path).status();
    ensure!(made.await?.success(), "ssh-keygen");
    Ok(())
}

#[test]
fn what_a_reader_fills_in_is_filled_in_and_nothing_else() {
    let text = replaced("desk@NAME: $NAME USERNAME NAME_X {NAME}", "NAME", "demo");
    assert_eq!(text, "desk@demo: $NAME USERNAME NAME_X {demo}");
}

#[test]
fn blocks_are_found_with_their_lines() {
    let found =
        blocks("a\n```sh\nls\nls -l\n```\n```sh not run: no reason at all\nx\n```\n```json\n{}\n```\n");
    let kinds: Vec<(usize, &str, bool)> =
        found.iter().map(|block| (block.line, block.text.as_str(), block.is_example())).collect();
    assert_eq!(kinds, [(2, "ls\nls -l\n", true), (6, "x\n", false), (9, "{}\n", false)]);
}
