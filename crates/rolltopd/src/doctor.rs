//! `rolltopd doctor`: is this machine fit for Rolltop? One line for each thing, with how to mend it.
//!
//! Exit code 0 when desktops can run here, 1 when something stands in their way. A warning
//! never fails it.

use std::fmt;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::Path;
use std::process::Command;

use anyhow::bail;
use rolltop_api_types::HostWarningKind;
use rolltop_engine::{Accelerator, Engine as _};
use rolltop_engine_qemu::remote::HostClient;
use rolltop_engine_qemu::{QemuConfig, QemuEngine, Used, forwarding_dropped, range_conflict, uids};

use crate::config::Config;
use crate::layout;
use crate::output::print;

/// Oldest QEMU with everything that forking needs (`readonly=on,rom=off` memory files).
const QEMU_NEEDED: (u32, u32) = (9, 0);
const GIB: u64 = 1 << 30;

enum Verdict {
    Good,
    Warn,
    Bad,
}

struct Finding {
    verdict: Verdict,
    what: &'static str,
    sentence: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.verdict {
            Verdict::Good => "ok  ",
            Verdict::Warn => "warn",
            Verdict::Bad => "FAIL",
        };
        write!(f, "{word}  {:<15}{}", self.what, self.sentence)
    }
}

fn good(what: &'static str, sentence: impl Into<String>) -> Finding {
    Finding { verdict: Verdict::Good, what, sentence: sentence.into() }
}

fn warn(what: &'static str, sentence: impl Into<String>) -> Finding {
    Finding { verdict: Verdict::Warn, what, sentence: sentence.into() }
}

fn bad(what: &'static str, sentence: impl Into<String>) -> Finding {
    Finding { verdict: Verdict::Bad, what, sentence: sentence.into() }
}

pub fn run(data: &Path, config: &Config) -> anyhow::Result<()> {
    let findings = [
        root(),
        qemu(),
        accelerator(data, config),
        memories(data),
        kernel(),
        cgroups(),
        firewall(config),
        range(data, config),
        users(data, config),
        programs(),
        memory(),
        disk(data),
        port(data, "port", config.web.listen, "ROLLTOP_LISTEN"),
        port(data, "SSH port", config.ssh.listen, "ROLLTOP_SSH_LISTEN"),
        previews(config, |name| (name, 443).to_socket_addrs().is_ok_and(|mut found| found.next().is_some())),
        templates(data),
    ];
    let mut failed = 0;
    for finding in &findings {
        print(finding)?;
        failed += u32::from(matches!(finding.verdict, Verdict::Bad));
    }
    if failed > 0 {
        bail!("{failed} of {} checks failed; each line above says how to mend it", findings.len());
    }
    Ok(())
}

fn root() -> Finding {
    if crate::privileges::is_root() {
        good("user", "root, which virtual machines and their networks take")
    } else {
        bad("user", "not root: run  sudo rolltopd doctor")
    }
}

/// `QEMU emulator version 10.0.2 (Debian …)` as (10, 0).
fn qemu_version(text: &str) -> Option<(u32, u32)> {
    let rest = text.split("version ").nth(1)?;
    let mut numbers = rest.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn qemu() -> Finding {
    let Ok(output) = Command::new("qemu-system-x86_64").arg("--version").output() else {
        return bad(
            "QEMU",
            "qemu-system-x86_64 isn't installed: make setup  (Debian: apt-get install qemu-system-x86)",
        );
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().next().unwrap_or_default().to_owned();
    match qemu_version(&line) {
        Some(version) if version >= QEMU_NEEDED => good("QEMU", line),
        _ => bad(
            "QEMU",
            format!(
                "{line}: {}.{} or newer is needed (Debian 12: from bookworm-backports)",
                QEMU_NEEDED.0, QEMU_NEEDED.1
            ),
        ),
    }
}

/// What the engine has proven by booting a kernel, because a `/dev/kvm` that opens proves nothing.
fn accelerator(data: &Path, config: &Config) -> Finding {
    match ask_engine(data, config) {
        Ok(Accelerator::Kvm) => good("KVM", "boots a kernel"),
        Ok(Accelerator::Tcg { why }) => {
            let mend =
                "load kvm_intel or kvm_amd, or switch virtualisation on in the firmware or the outer machine";
            warn("KVM", format!("not used, so desktops are emulated, several times slower ({why}): {mend}"))
        }
        Ok(Accelerator::Simulated) => warn("KVM", "not looked at: the engine that runs is the simulated one"),
        Err(error) => warn("KVM", format!("can't be tried: {error:#}")),
    }
}

/// The running host's answer, or that of an engine opened for the question.
fn ask_engine(data: &Path, config: &Config) -> anyhow::Result<Accelerator> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        if let Ok(host) = HostClient::new(data.join(layout::HOST_SOCKET)).host().await {
            return Ok(host.accelerator);
        }
        if !data.join(layout::TEMPLATES).exists() {
            bail!("there is no template yet whose kernel could be booted; `make up` builds one");
        }
        let config = QemuConfig { directory: data.join(layout::HOST_DATA), ..config.host.clone() };
        Ok(QemuEngine::open(config).await?.host().await?.accelerator)
    })
}

/// Which kept memories the running host could not bring back, told before somebody wants them.
fn memories(data: &Path) -> Finding {
    match crate::ready::ask(data, |admin| async move { admin.host_warnings().await }) {
        Err(_) => warn("memories", "not looked at: Rolltop does not run"),
        Ok(warnings) => {
            let unusable: Vec<String> = warnings
                .into_iter()
                .filter(|warning| warning.kind == HostWarningKind::MemoryUnusable)
                .map(|warning| format!("\n                     {}", warning.message))
                .collect();
            if unusable.is_empty() {
                good("memories", "every suspended desktop and snapshot can be brought back here")
            } else {
                warn(
                    "memories",
                    format!(
                        "some can't be brought back by this QEMU on this processor:{}",
                        unusable.concat()
                    ),
                )
            }
        }
    }
}

fn kernel() -> Finding {
    let mut missing = Vec::new();
    for (path, name) in [
        ("/dev/net/tun", "tun"),
        ("/proc/self/ns/net", "network namespaces"),
        ("/proc/self/pagemap", "pagemap"),
        ("/proc/sys/net/ipv4/ip_forward", "IPv4 forwarding"),
    ] {
        if !Path::new(path).exists() {
            missing.push(name);
        }
    }
    if !Command::new("nft").args(["list", "tables"]).output().is_ok_and(|o| o.status.success()) {
        missing.push("nftables");
    }
    if missing.is_empty() {
        good("kernel", "TUN, network namespaces, nftables, pagemap")
    } else {
        bad("kernel", format!("lacks {}: load the module or use a distribution kernel", missing.join(", ")))
    }
}

fn cgroups() -> Finding {
    let v2 = std::fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap_or_default();
    if v2.contains("memory") {
        return good("cgroups", "version 2");
    }
    if Path::new("/sys/fs/cgroup/memory").exists() {
        return good("cgroups", "version 1");
    }
    warn(
        "cgroups",
        "none with a memory controller, so a desktop's limits can't be enforced: mount cgroup2 on /sys/fs/cgroup",
    )
}

/// Whether someone else's rules (Docker's, say) drop what desktops send to the internet. Ours can't
/// outvote them: a packet has to pass every table.
fn firewall(config: &Config) -> Finding {
    let prefix = &config.host.network.prefix;
    match forwarding_dropped(prefix) {
        None => good("firewall", "lets desktops' packets be forwarded"),
        Some(table) => warn(
            "firewall",
            format!(
                "the table `{table}` drops forwarded packets, so desktops may not reach the internet: \
                 iptables -I FORWARD -i {prefix}v+ -j ACCEPT; iptables -I FORWARD -o {prefix}v+ -j ACCEPT"
            ),
        ),
    }
}

/// Whether what lies between the host and its desktops has addresses of its own.
fn range(data: &Path, config: &Config) -> Finding {
    let network = &config.host.network;
    let (range, other) = range_conflict(network.range, &data.join(layout::HOST_DATA), &network.prefix);
    match other {
        None => good("network range", format!("{range}, which nothing else here uses")),
        Some(Used { network, interface }) => warn(
            "network range",
            format!(
                "{range} overlaps {network} of {interface}, so one of them can't be reached: stop all desktops, and set \
                 another as  range = \"…\"  under [host.network] in rolltop.toml"
            ),
        ),
    }
}

/// Whether desktops run as users that nobody else is.
fn users(data: &Path, config: &Config) -> Finding {
    let host = &config.host;
    let (first, last, other) = uids(host, &data.join(layout::HOST_DATA));
    match other {
        None => good("users", format!("desktops run as {first} to {last}, who are nobody else here")),
        Some(line) => bad(
            "users",
            format!(
                "desktops run as {first} to {last}, and {line} gives some of these to somebody: set another \
                 first_uid under [host] in rolltop.toml, or leave it out"
            ),
        ),
    }
}

fn programs() -> Finding {
    let missing: Vec<&str> = ["qemu-img", "mmdebstrap", "mke2fs", "ip", "nft", "ssh", "ssh-keygen"]
        .into_iter()
        .filter(|program| {
            let path = std::env::var_os("PATH").unwrap_or_default();
            !std::env::split_paths(&path)
                .chain(["/usr/sbin".into(), "/sbin".into()])
                .any(|dir| dir.join(program).exists())
        })
        .collect();
    if missing.is_empty() {
        good("programs", "all there")
    } else {
        bad("programs", format!("missing {}: run  make setup", missing.join(", ")))
    }
}

/// A line of `/proc/meminfo`, in bytes.
pub(crate) fn meminfo(key: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() * 1024
}

fn memory() -> Finding {
    let available = meminfo("MemAvailable:");
    let sentence = format!("{:.1} GiB free", gib(available));
    if available >= 4 * GIB {
        good("memory", sentence)
    } else if available >= 2 * GIB {
        warn("memory", format!("{sentence}: enough for a few desktops of size s"))
    } else {
        bad("memory", format!("{sentence}: baking a template takes at least 2 GiB"))
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn gib(bytes: u64) -> f64 {
    bytes as f64 / GIB as f64
}

/// The nearest part of the path that exists, so that it works before the first start.
fn existing(path: &Path) -> &Path {
    path.ancestors().find(|p| p.exists()).unwrap_or(Path::new("/"))
}

fn disk(data: &Path) -> Finding {
    let Ok(stat) = rustix::fs::statvfs(existing(data)) else {
        return bad("disk", format!("{} can't be read", data.display()));
    };
    let free = stat.f_bavail * stat.f_frsize;
    let sentence = format!("{:.1} GiB free for {}", gib(free), data.display());
    if free >= 20 * GIB {
        good("disk", sentence)
    } else if free >= 8 * GIB {
        warn("disk", format!("{sentence}: enough for the template and a few desktops"))
    } else {
        bad(
            "disk",
            format!(
                "{sentence}: the template alone takes 8 GiB while it is built; free some, or set ROLLTOP_DATA"
            ),
        )
    }
}

fn port(data: &Path, what: &'static str, listen: SocketAddr, variable: &str) -> Finding {
    match TcpListener::bind(listen) {
        Ok(_) => good(what, format!("{listen} is free")),
        Err(_) if crate::ready::api_listens(data) => good(what, format!("{listen} is Rolltop's own")),
        Err(error) => bad(what, format!("{listen} can't be used ({error}): choose another with {variable}")),
    }
}

/// Whether previews, which have host names of their own, can be reached under the public address.
fn previews(config: &Config, resolves: impl Fn(&str) -> bool) -> Finding {
    const CERTIFICATE: &str = "a certificate of your own has to name it too";
    let Some(url) = &config.web.public_url else {
        return good(
            "previews",
            format!("need DNS for *.HOST, unless HOST is localhost; {CERTIFICATE}: see docs/previews.md"),
        );
    };
    let authority = url.trim_start_matches("https://").trim_end_matches('/');
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    if host.starts_with('[') || host.parse::<std::net::IpAddr>().is_ok() {
        return warn("previews", format!("public_url is an address, before which no name can stand: {url}"));
    }
    if resolves(&format!("1--doctor.{host}")) {
        good("previews", format!("*.{host} is in DNS; {CERTIFICATE}"))
    } else {
        warn("previews", format!("*.{host} isn't in DNS: add it, with the address of {host}; {CERTIFICATE}"))
    }
}

fn templates(data: &Path) -> Finding {
    let installed = rolltop_template::installed(&data.join(layout::TEMPLATES));
    if installed.is_empty() {
        warn("templates", "none yet; `make up` builds one, which takes a few minutes")
    } else {
        let names: Vec<String> = installed.iter().map(|(_, manifest)| manifest.version.to_string()).collect();
        good("templates", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previews_take_a_wildcard_in_dns() {
        let told = |url: Option<&str>, known: bool| {
            let mut config = Config::default();
            config.web.public_url = url.map(str::to_owned);
            let finding = previews(&config, |name| known && name == "1--doctor.desk.example");
            (matches!(finding.verdict, Verdict::Good), finding.sentence)
        };
        assert!(told(None, false).0);
        assert!(told(Some("https://desk.example:8443/"), true).0);
        let (good, sentence) = told(Some("https://desk.example"), false);
        assert!(!good && sentence.contains("*.desk.example isn't in DNS"), "{sentence}");
        for address in ["https://192.0.2.1:8443", "https://[2001:db8::1]:8443"] {
            assert!(!told(Some(address), true).0, "{address}");
        }
    }

    #[test]
    fn versions_are_read_as_qemu_prints_them() {
        assert_eq!(qemu_version("QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)"), Some((10, 0)));
        assert_eq!(qemu_version("QEMU emulator version 7.2"), Some((7, 2)));
        assert_eq!(qemu_version("something else"), None);
    }
}
