//! `rolltopd up`: the roles as child processes.
//!
//! It makes the state directory right, sees that the default template is there, starts
//! host, api, web and ssh, prints one line once all of them answer, and starts a role again that
//! ends by itself. Baking is the host's. It holds nothing: killing it ends the roles and leaves every desktop running.

use std::fs::File;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rolltop_model::Size;
use rustix::process::{Pid, Signal};

use crate::arguments::{EngineKind, Up};
use crate::config::Config;
use crate::output::print;
use crate::privileges::{API_USER, Identity, SSH_USER, WEB_USER};
use crate::{admin, layout, log_file, privileges, ready, templates};

/// How long a role may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(10);
/// How long what it said last may take to be written.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// A role that ends is started again after this long.
const RESTART_AFTER: Duration = Duration::from_millis(500);

pub fn run(data: &Path, config: &Config, up: &Up) -> anyhow::Result<()> {
    if !privileges::is_root() {
        bail!("Rolltop runs virtual machines and networks, which takes root: run  sudo make up");
    }
    let (api, web) = (Identity::ensure(API_USER)?, Identity::ensure(WEB_USER)?);
    let ssh = Identity::ensure(SSH_USER)?;
    layout::prepare(data, &api, &web, &ssh)?;
    let data = data.canonicalize().context("the state directory can't be found")?;
    let _lock = lock(&data)?;
    let web_arguments = web_arguments(up)?;
    if up.engine == EngineKind::Qemu {
        templates::ensure_default(&data, up)?;
    }
    remove_stale(&data);

    let stop = signals()?;
    let mut roles = vec![
        Role::new("host", &data, host_arguments(up)),
        Role::new("api", &data, api_arguments(up)),
        Role::new("web", &data, web_arguments),
        Role::new("ssh", &data, ssh_arguments(up)),
    ];
    let tell = (up.engine == EngineKind::Qemu).then(|| config.host.bake.first().copied()).flatten();
    let outcome = serve(&data, &mut roles, &stop, up.sign_in_link, tell);
    end(&mut roles);
    outcome.with_context(|| {
        format!("Rolltop didn't start; its logs are in {}", data.join(layout::LOGS).display())
    })?;
    eprintln!("Rolltop has stopped. Desktops go on running; `make up` finds them again.");
    Ok(())
}

/// From the first role's start until asked to stop. However it ends, the caller ends the roles. Of the bake of `first` it is
/// told how that stands.
fn serve(
    data: &Path,
    roles: &mut [Role],
    stop: &UnixStream,
    link: bool,
    first: Option<Size>,
) -> anyhow::Result<()> {
    for role in roles.iter_mut() {
        role.start()?;
    }
    if wait_until_ready(data, roles, stop)? {
        announce(data, link)?;
        if let Some(size) = first {
            let data = data.to_owned();
            // It only tells: whatever keeps it from that keeps nothing else from going on.
            std::thread::spawn(move || templates::tell_of_bake(&data, size));
        }
        watch(roles, stop);
    }
    Ok(())
}

/// Says where it is, with a link that signs the owner in only where it is asked for or nobody could come in without:
/// what is printed ends up in logs.
fn announce(data: &Path, link: bool) -> anyhow::Result<()> {
    if link || !admin::anybody_has_password(data)? {
        return print(format_args!("Rolltop is ready: {}", admin::sign_in_link(data)?));
    }
    print(format_args!("Rolltop is ready: {}", admin::url(data)?))
}

/// Only one `up` per state directory.
fn lock(data: &Path) -> anyhow::Result<File> {
    let file = File::create(data.join("run/up.lock")).context("the state directory can't be locked")?;
    if rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
        bail!("Rolltop is already running in {}", data.display());
    }
    Ok(file)
}

/// Sockets and the addresses of an earlier run, so that "ready" speaks of this one.
fn remove_stale(data: &Path) {
    let sockets = [layout::HOST_SOCKET, layout::API_SOCKET, layout::ADMIN_SOCKET, layout::GATEWAY_SOCKET];
    for path in sockets.into_iter().chain([layout::WEB_URL, layout::SSH_ADDRESS]) {
        // Not being there is what is wanted.
        let _ = std::fs::remove_file(data.join(path));
    }
}

fn host_arguments(up: &Up) -> Vec<String> {
    ["host", "--engine", up.engine.name()].map(str::to_owned).to_vec()
}

fn api_arguments(up: &Up) -> Vec<String> {
    // Its working directory is another. Where the program is missing, the role says so.
    let guest = absolute(&up.guest).unwrap_or_else(|_| up.guest.clone());
    ["api", "--engine", up.engine.name(), "--guest", &guest.display().to_string()].map(str::to_owned).to_vec()
}

fn ssh_arguments(up: &Up) -> Vec<String> {
    let listen = up.ssh.ssh_listen.map(|listen| ["--ssh-listen".to_owned(), listen.to_string()]);
    std::iter::once("ssh".to_owned()).chain(listen.into_iter().flatten()).collect()
}

fn web_arguments(up: &Up) -> anyhow::Result<Vec<String>> {
    let mut arguments = vec!["web".to_owned()];
    if let Some(listen) = up.web.listen {
        arguments.extend(["--listen".to_owned(), listen.to_string()]);
    }
    if let Some(url) = &up.web.public_url {
        arguments.extend(["--public-url".to_owned(), url.clone()]);
    }
    if let (Some(cert), Some(key)) = (&up.web.tls_cert, &up.web.tls_key) {
        for (flag, file) in [("--tls-cert", cert), ("--tls-key", key)] {
            let file = absolute(file)?;
            arguments.extend([flag.to_owned(), file.display().to_string()]);
        }
    }
    Ok(arguments)
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    path.canonicalize().with_context(|| format!("{} can't be found", path.display()))
}

/// Turns SIGINT, SIGTERM and SIGHUP into a readable descriptor, before any child exists.
fn signals() -> anyhow::Result<std::os::unix::net::UnixStream> {
    let (reader, writer) = UnixStream::pair()?;
    reader.set_nonblocking(true)?;
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        signal_hook::low_level::pipe::register(signal, writer.try_clone()?)
            .context("signals can't be watched")?;
    }
    Ok(reader)
}

fn asked_to_stop(stop: &UnixStream) -> bool {
    use std::io::Read as _;
    let mut byte = [0u8; 1];
    matches!((&mut &*stop).read(&mut byte), Ok(1..))
}

/// `Ok(false)`: asked to stop meanwhile.
fn wait_until_ready(data: &Path, roles: &mut [Role], stop: &UnixStream) -> anyhow::Result<bool> {
    let start = Instant::now();
    loop {
        if asked_to_stop(stop) {
            return Ok(false);
        }
        for role in roles.iter_mut() {
            if let Some(status) = role.ended() {
                bail!("the {} role ended with {status}:\n{}", role.name, role.last_words());
            }
        }
        let answers = UnixStream::connect(data.join(layout::HOST_SOCKET)).is_ok()
            && ready::api_listens(data)
            && data.join(layout::WEB_URL).exists()
            && data.join(layout::SSH_ADDRESS).exists();
        if answers {
            return Ok(true);
        }
        if start.elapsed() > Duration::from_secs(120) {
            bail!("after two minutes not every role answers");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Until asked to stop. A role that ends by itself is started again.
fn watch(roles: &mut [Role], stop: &UnixStream) {
    loop {
        if asked_to_stop(stop) {
            return;
        }
        for role in roles.iter_mut() {
            if let Some(status) = role.ended() {
                eprintln!("rolltopd: the {} role ended with {status}; starting it again", role.name);
                std::thread::sleep(RESTART_AFTER);
                if let Err(error) = role.start() {
                    eprintln!("rolltopd: {error:#}");
                }
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Ends the roles, ssh and web first, so that nobody is let in while the rest goes.
fn end(roles: &mut [Role]) {
    for role in roles.iter_mut().rev() {
        role.end();
    }
}

struct Role {
    name: &'static str,
    data: PathBuf,
    arguments: Vec<String>,
    child: Option<Child>,
    /// Writes its log, as long as it says something.
    logging: Option<JoinHandle<()>>,
}

impl Role {
    fn new(name: &'static str, data: &Path, arguments: Vec<String>) -> Self {
        Self { name, data: data.to_owned(), arguments, child: None, logging: None }
    }

    fn log(&self) -> PathBuf {
        self.data.join(layout::LOGS).join(format!("{}.log", self.name))
    }

    fn start(&mut self) -> anyhow::Result<()> {
        // This very binary, also where its path can't be walked by the role's user.
        let mut child = Command::new("/proc/self/exe")
            .arg("--data")
            .arg(&self.data)
            .args(&self.arguments)
            .env("ROLLTOP_SUPERVISED", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("the {} role can't be started", self.name))?;
        if let Some(said) = child.stderr.take() {
            let log = self.log();
            let thread = std::thread::Builder::new().name(format!("{}-log", self.name));
            let keep = move || log_file::keep(said, &log);
            self.logging = Some(thread.spawn(keep).context("its log can't be kept")?);
        }
        // Whole or not at all: somebody may be reading it.
        let path = self.data.join(format!("run/{}.pid", self.name));
        let temporary = path.with_extension("pid.tmp");
        std::fs::write(&temporary, format!("{}\n", child.id()))?;
        std::fs::rename(&temporary, path)?;
        self.child = Some(child);
        Ok(())
    }

    fn ended(&mut self) -> Option<std::process::ExitStatus> {
        let status = self.child.as_mut()?.try_wait().ok()??;
        self.child = None;
        Some(status)
    }

    /// The end of its log, for the person who waits.
    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(8).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    fn end(&mut self) {
        self.end_process();
        // Its last words are written, too; not waited for is whoever else has its standard error.
        let start = Instant::now();
        while self.logging.as_ref().is_some_and(|logging| !logging.is_finished())
            && start.elapsed() < LAST_WORDS
        {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn end_process(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, Signal::TERM);
        }
        let start = Instant::now();
        while start.elapsed() < GRACE {
            if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}
