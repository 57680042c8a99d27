//! Memory to the disk and back, and what becomes of it when something is in the way.

use std::fs;

use rolltop_engine::{
    Engine, EngineError, ForkRequest, HostWarning, Memory, OffReason, Power, StartRequest, SuspendRequest,
};
use rolltop_model::DesktopId;
use tokio::time::Instant;

use crate::host::{Host, PATIENCE, in_guest, patiently, pid};

pub const SUSPENDED: Power = Power::Off { why: OffReason::Suspended };
/// Something that is in memory only, and a program that goes on counting. The number is moved into
/// place: a file that is written anew is empty for a moment, and a reader may come just then.
pub const BEGIN: &str = "head -c 20000000 /dev/urandom > /dev/shm/blob; echo a-sentence-in-memory-only > /dev/shm/text; \
    setsid bash -c 'while :; do echo $((++i)) > /dev/shm/next; mv /dev/shm/next /dev/shm/count; sleep .1; done' >/dev/null 2>&1 & \
    sleep 1; md5sum < /dev/shm/blob; pgrep -f '[+][+]i'";
pub const LOOK: &str = "md5sum < /dev/shm/blob; pgrep -f '[+][+]i'";

fn suspend(request: &ForkRequest) -> SuspendRequest {
    SuspendRequest { desktop: request.desktop, fence: 1, key: request.disk.key.clone() }
}

fn start(request: &ForkRequest, boot: u32) -> StartRequest {
    StartRequest { desktop: request.desktop, fence: 1, boot, disk: vec![request.disk.clone()] }
}

pub fn path(desktop: DesktopId, name: &str) -> String {
    format!("host/desktops/{desktop}/{name}")
}

async fn count(host: &Host, desktop: DesktopId) -> u64 {
    in_guest(&host.template, desktop, "cat /dev/shm/count").await.unwrap().trim().parse().unwrap()
}

/// Waits until the program of [`BEGIN`] has gone on counting.
pub async fn counts_on(host: &Host, desktop: DesktopId) {
    let (earlier, deadline) = (count(host, desktop).await, Instant::now() + PATIENCE);
    while count(host, desktop).await <= earlier {
        assert!(Instant::now() < deadline, "the program stays at {earlier}");
    }
}

#[tokio::test]
async fn memory_and_programs_come_back_and_nothing_of_them_was_readable_meanwhile() {
    let mut host = Host::open().await;
    let request = host.fork().await;
    let desktop = request.desktop;
    let before = in_guest(&host.template, desktop, BEGIN).await.unwrap();
    let process = pid(desktop);
    host.engine().suspend(&suspend(&request)).await.unwrap();
    assert!(!fs::exists(format!("/proc/{process}")).unwrap(), "its process is gone");
    let sealed = fs::read(path(desktop, "memory.sealed")).unwrap();
    assert!(sealed.len() > 20_000_000, "its memory is kept: {} bytes", sealed.len());
    let sentence = b"a-sentence-in-memory-only";
    assert!(!sealed.windows(sentence.len()).any(|window| window == sentence), "and not readable");

    // Another process of the host is as good as the one that suspended it.
    host.die();
    host.open_again().await;
    assert_eq!(host.power(desktop).await, SUSPENDED);
    host.engine().resume(&start(&request, 2)).await.unwrap();
    assert_eq!(in_guest(&host.template, desktop, LOOK).await.unwrap(), before);
    counts_on(&host, desktop).await;
    let rest: Vec<_> = ["memory.sealed", "memory.json"]
        .iter()
        .filter(|name| fs::exists(path(desktop, name)).unwrap())
        .collect();
    assert!(rest.is_empty(), "what was kept is used up: {rest:?}");

    // And once more, from the memory that was brought back.
    host.engine().suspend(&suspend(&request)).await.unwrap();
    host.engine().resume(&start(&request, 3)).await.unwrap();
    assert_eq!(in_guest(&host.template, desktop, LOOK).await.unwrap(), before);
    host.finish().await;
}

#[tokio::test]
async fn a_damaged_memory_is_refused_and_the_disk_still_boots() {
    let host = Host::open().await;
    let request = host.fork().await;
    let desktop = request.desktop;
    in_guest(&host.template, desktop, "echo on-disk > kept && sync").await.unwrap();
    host.engine().suspend(&suspend(&request)).await.unwrap();
    let (sealed, manifest) = (path(desktop, "memory.sealed"), path(desktop, "memory.json"));
    let whole = fs::read(&sealed).unwrap();
    for place in [0, 20, whole.len() / 2, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[place] ^= 4;
        fs::write(&sealed, damaged).unwrap();
        let refused = host.engine().resume(&start(&request, 2)).await;
        assert!(
            matches!(&refused, Err(EngineError::MemoryUnusable(why)) if why.contains("damaged")),
            "byte {place}: {refused:?}"
        );
        assert_eq!(host.power(desktop).await, SUSPENDED);
    }
    fs::write(&sealed, &whole[..whole.len() - 5000]).unwrap();
    assert!(matches!(host.engine().resume(&start(&request, 2)).await, Err(EngineError::MemoryUnusable(_))));
    fs::write(&sealed, &whole).unwrap();
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replacen("chunks\": ", "chunks\": 1", 1)).unwrap();
    let refused = host.engine().resume(&start(&request, 2)).await;
    assert_eq!(refused, Err(EngineError::MemoryUnusable("its manifest is damaged".into())));
    assert_eq!(host.power(desktop).await, SUSPENDED);

    host.engine().start(&start(&request, 2)).await.unwrap();
    assert_eq!(patiently(&host, desktop, "cat kept").await, "on-disk\n");
    assert!(!fs::exists(manifest).unwrap() && !fs::exists(sealed).unwrap(), "the memory is given up");
    host.finish().await;
}

#[tokio::test]
async fn a_memory_of_a_newer_qemu_is_refused_with_the_reason() {
    let mut host = Host::open().await;
    let request = host.fork().await;
    let desktop = request.desktop;
    host.die();
    // As if the machine had been started before an older QEMU was installed.
    let record = path(desktop, "desktop.json");
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, text.replacen("\"qemu_version\": \"", "\"qemu_version\": \"99.", 1)).unwrap();
    host.open_again().await;
    host.engine().suspend(&suspend(&request)).await.unwrap();
    // Said before anybody wants it back.
    let warnings = host.engine().host().await.unwrap().warnings;
    assert!(
        warnings
            .iter()
            .any(|warning| matches!(warning, HostWarning::MemoryUnusable { desktop: Some(of), why, .. }
            if *of == desktop && why.contains("it is of QEMU 99."))),
        "{warnings:?}"
    );
    let refused = host.engine().resume(&start(&request, 2)).await;
    assert!(
        matches!(&refused, Err(EngineError::MemoryUnusable(why)) if why.contains("it is of QEMU 99.") && why.contains("the older 1")),
        "{refused:?}"
    );
    assert_eq!(host.power(desktop).await, SUSPENDED, "it waits for that QEMU, or for a start from its disk");
    host.finish().await;
}

/// Another build of QEMU, with its own libraries and firmware.
fn other_qemu(suite: &str) -> std::path::PathBuf {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/other-qemu");
    let output = std::process::Command::new(script).arg(suite).output().unwrap();
    assert!(output.status.success(), "{suite}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().into()
}

#[tokio::test]
async fn an_upgrade_of_qemu_costs_no_memory() {
    let mut host = Host::open().await;
    let installed = host.config.qemu.clone();
    let (request, never) = (host.fork().await, host.fork().await);
    let desktop = request.desktop;
    let before = in_guest(&host.template, desktop, BEGIN).await.unwrap();
    let mut boot = 1;
    // Another build of the same version, that build's successor of another version, and so on from what it kept.
    for qemu in [other_qemu("trixie"), installed.clone(), other_qemu("trixie-backports")] {
        host.engine().suspend(&suspend(&request)).await.unwrap();
        // Changed under an engine that goes on, as a package's upgrade does it, and for the next one.
        host.die();
        host.config.qemu = qemu;
        host.open_again().await;
        boot += 1;
        host.engine().resume(&start(&request, boot)).await.unwrap();
        assert_eq!(in_guest(&host.template, desktop, LOOK).await.unwrap(), before, "{:?}", host.config.qemu);
    }
    // What the older one baked is forked by the newer one; the older one does not take back what the newer one kept.
    let fork = host.fork().await;
    assert_eq!(in_guest(&host.template, fork.desktop, "echo here").await.unwrap(), "here\n");
    host.engine().suspend(&suspend(&request)).await.unwrap();
    host.die();
    host.config.qemu = installed;
    host.open_again().await;
    let refused = host.engine().resume(&start(&request, boot + 1)).await;
    assert!(
        matches!(&refused, Err(EngineError::MemoryUnusable(why)) if why.contains("this host has the older")),
        "{refused:?}"
    );
    assert_eq!(host.power(desktop).await, SUSPENDED);
    assert_eq!(
        in_guest(&host.template, never.desktop, "echo here").await.unwrap(),
        "here\n",
        "what ran runs on"
    );
    host.finish().await;
}

/// What a process of ours may leave behind that was killed in the middle, made by hand.
#[tokio::test]
async fn cut_short_anywhere_it_runs_or_is_suspended_and_never_both() {
    let mut host = Host::open().await;
    let request = host.fork().await;
    let desktop = request.desktop;
    let before = in_guest(&host.template, desktop, BEGIN).await.unwrap();
    let cut_short = |phase: serde_json::Value| {
        let file = path(desktop, "desktop.json");
        let mut record: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        record["phase"] = phase;
        fs::write(file, serde_json::to_vec(&record).unwrap()).unwrap();
    };

    // While it stood still to be written: it goes on, and half of a memory goes.
    host.die();
    qmp(desktop, "stop").await;
    cut_short("suspending".into());
    fs::write(path(desktop, "memory.sealed"), "half").unwrap();
    host.open_again().await;
    assert_eq!(host.power(desktop).await, Power::On { quarantined: true });
    assert_eq!(in_guest(&host.template, desktop, LOOK).await.unwrap(), before);
    assert!(!fs::exists(path(desktop, "memory.sealed")).unwrap());

    // When all was written and it had ended, but that was not written down yet.
    host.engine().suspend(&suspend(&request)).await.unwrap();
    host.die();
    cut_short("suspending".into());
    host.open_again().await;
    assert_eq!(host.power(desktop).await, SUSPENDED);

    // While it was being brought back, before any of it ran.
    host.die();
    cut_short(serde_json::json!({ "resuming": { "boot": 2 } }));
    host.open_again().await;
    assert_eq!(host.power(desktop).await, SUSPENDED);
    let machine = host.engine().observe_one(desktop).await.unwrap().unwrap();
    assert_eq!(machine.boot, 1, "so that the same start can be asked for again");
    host.engine().resume(&start(&request, 2)).await.unwrap();
    assert_eq!(in_guest(&host.template, desktop, LOOK).await.unwrap(), before);

    // When it was loaded and its memory used up, but it did not run yet.
    host.die();
    qmp(desktop, "stop").await;
    cut_short(serde_json::json!({ "resuming": { "boot": 3 } }));
    host.open_again().await;
    let machine = host.engine().observe_one(desktop).await.unwrap().unwrap();
    assert_eq!((machine.power, machine.boot), (Power::On { quarantined: true }, 3));
    assert_eq!(in_guest(&host.template, desktop, LOOK).await.unwrap(), before);
    host.finish().await;
}

/// One command to a machine's monitor, by hand.
async fn qmp(desktop: DesktopId, command: &str) {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    let deadline = Instant::now() + PATIENCE;
    let socket = fs::canonicalize(path(desktop, "monitor")).unwrap();
    let stream = loop {
        // The engine's connection ends a moment after the engine.
        if let Ok(stream) = tokio::net::UnixStream::connect(&socket).await {
            break stream;
        }
        assert!(Instant::now() < deadline, "no monitor");
    };
    let mut stream = BufReader::new(stream);
    let text = format!("{{\"execute\":\"qmp_capabilities\"}}{{\"execute\":\"{command}\",\"id\":7}}");
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut line = String::new();
    while !line.contains("\"id\": 7") {
        line.clear();
        assert!(stream.read_line(&mut line).await.unwrap() > 0, "QEMU is gone");
        assert!(!line.contains("\"error\""), "{line}");
    }
}
